//! The report of a map: both its rounds together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::TeamNames;
use super::honour::{Context, Honour};
use super::round::{PlayerLine, Remark, by_value, team_of};
use super::session::{MapLine, map_line};
use crate::matches::identity::PlayerKey;
use crate::matches::record::{Record, RoundRecord};
use crate::matches::sum::Sum;
use crate::source::etlegacy::Side;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapReport {
    pub match_id: String,
    pub at: DateTime<Utc>,
    pub line: MapLine,
    /// Over both rounds; the most valuable first.
    pub players: Vec<PlayerLine>,
    /// Points of the session's maps up to this one, and with it.
    pub score: (u32, u32),
    #[serde(default)]
    pub called: TeamNames,
    pub honours: Vec<Honour>,
}

/// Numbers are indexes of the record's sessions and of that session's maps. `None` while the second round is missing.
pub fn map(record: &Record, session: usize, map: usize, context: &Context) -> Option<MapReport> {
    let played = &record.sessions[session];
    let result = &played.maps[map];
    let second = result.second?;
    let lines: Vec<MapLine> = played.maps[..=map].iter().map(|one| map_line(record, played, one)).collect();
    let points = |of: fn((u32, u32)) -> u32| lines.iter().filter_map(|line| line.points).map(of).sum();
    let score = (points(|points| points.0), points(|points| points.1));
    let mut players = in_order(summed(record, &[result.first, second], context));
    // Who came in the second round has the side that their team had in the first.
    let late = players.iter_mut().filter(|line| line.remarks.contains(&Remark::CameLate));
    late.for_each(|line| line.side = line.side.map(Side::other));
    let called = context.teams(&record.rounds[played.rounds.start].stem);
    let honours = [result.first, second]
        .into_iter()
        .filter(|at| record.rounds[*at].invalid.is_empty())
        .flat_map(|at| super::round(record, at, context).honours)
        .filter(Honour::is_of_map)
        .collect();
    let line = lines.into_iter().next_back()?;
    let (match_id, at) = (record.rounds[second].match_id.clone(), record.rounds[second].at);
    Some(MapReport { match_id, at, line, players, score, called, honours })
}

/// Everybody of these rounds, summed.
pub(super) fn summed(record: &Record, rounds: &[usize], context: &Context) -> Vec<(PlayerKey, PlayerLine)> {
    let mut lines: BTreeMap<&PlayerKey, PlayerLine> = BTreeMap::new();
    for at in rounds {
        let round: &RoundRecord = &record.rounds[*at];
        for player in &round.players {
            let team = team_of(record, *at, player);
            let line = PlayerLine { team, ..PlayerLine::of(player, round, context) };
            match lines.get_mut(&player.key) {
                Some(known) => join(known, line),
                None => {
                    lines.insert(&player.key, line);
                }
            }
        }
    }
    lines.into_iter().map(|(key, line)| (key.clone(), line)).collect()
}

/// The most valuable first.
pub(super) fn in_order(lines: Vec<(PlayerKey, PlayerLine)>) -> Vec<PlayerLine> {
    let mut lines: Vec<PlayerLine> = lines.into_iter().map(|(_, line)| line).collect();
    by_value(&mut lines);
    lines
}

fn join(known: &mut PlayerLine, line: PlayerLine) {
    known.sum.add(&line.sum);
    known.side = known.side.or(line.side);
    if known.team.zip(line.team).is_some_and(|(before, now)| before != now) {
        known.remarks.push(Remark::Changed);
    }
    known.team = known.team.or(line.team);
    // The newest name.
    known.name = line.name;
    known.remarks.extend(line.remarks);
    known.remarks.sort_unstable();
    known.remarks.dedup();
}

impl MapReport {
    pub fn total(&self) -> Sum {
        Sum::total(self.players.iter().map(|player| &player.sum))
    }
}
