//! The report of one round.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::honour::{self, Context, Honour};
use crate::matches::differential::{Clamped, Origin};
use crate::matches::elapsed::Basis;
use crate::matches::outcome::{ScoreConfidence, StopwatchState};
use crate::matches::record::{Invalid, PlayerRecord, Record, RoundRecord, Status};
use crate::matches::sum::Sum;
use crate::matches::team::Team;
use crate::source::etlegacy::{Side, colour};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundReport {
    /// Of the file.
    pub name: String,
    pub match_id: String,
    pub at: DateTime<Utc>,
    pub map: String,
    /// 1 or 2.
    pub round: u8,
    pub status: Status,
    /// Why it does not count; empty for a round that does.
    pub invalid: Vec<Invalid>,
    pub defender: Option<Side>,
    pub winner: Option<Side>,
    /// Seconds: of a second round the time to beat.
    pub limit: u32,
    /// Seconds, never above the limit; `None` where nothing says it.
    pub elapsed: Option<u32>,
    pub basis: Basis,
    pub state: Option<StopwatchState>,
    pub confidence: ScoreConfidence,
    /// The most valuable first.
    pub players: Vec<PlayerLine>,
    pub honours: Vec<Honour>,
}

/// One player in a round, a map or a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayerLine {
    /// What they are known by across matches; bots, and those who share it, have a name as well.
    pub guid: String,
    /// As it is shown: without colour codes.
    pub name: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_bot: bool,
    /// Of a map: in its first round; of who came in the second that which their team had in the first.
    pub side: Option<Side>,
    /// Of the session.
    pub team: Option<Team>,
    pub sum: Sum,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
}

/// What a reader of the numbers should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// Reconnected: what was counted before that is not in it.
    Reconnected,
    /// Was not in the first round.
    CameLate,
    /// Some numbers would have been below zero, or longer than possible.
    Clamped,
    /// Played in both teams.
    Changed,
}

impl PlayerLine {
    pub(super) fn of(player: &PlayerRecord, round: &RoundRecord, context: &Context) -> PlayerLine {
        let numbers = &player.numbers;
        let remarks = [
            (numbers.origin == Origin::Reset).then_some(Remark::Reconnected),
            (numbers.origin == Origin::OnlyInSecond).then_some(Remark::CameLate),
            // A knife that is swung less than before is the script's ordinary miscount (Facts 4).
            numbers.clamped.iter().any(is_worth_saying).then_some(Remark::Clamped),
        ];
        PlayerLine {
            guid: player.key.guid.clone(),
            name: context.name(&player.key.guid, &shown(&player.raw_name)),
            is_bot: player.is_bot,
            side: player.side,
            team: None,
            sum: Sum::of(numbers, round.elapsed),
            remarks: remarks.into_iter().flatten().collect(),
        }
    }
}

fn is_worth_saying(clamped: &Clamped) -> bool {
    !matches!(clamped, Clamped::Weapon(weapon) if weapon.is_knife())
}

/// A name without its colours; one that is nothing else is not left empty.
pub(super) fn shown(raw: &str) -> String {
    let name = colour::clean(raw);
    if name.is_empty() { "(no name)".to_owned() } else { name }
}

/// The most valuable first; of equals by name, so that the order is always the same.
pub(super) fn by_value(players: &mut [PlayerLine]) {
    players.sort_by(|a, b| {
        b.sum.value().total_cmp(&a.sum.value()).then_with(|| (&a.name, &a.guid).cmp(&(&b.name, &b.guid)))
    });
}

/// `at` is an index of the record's rounds.
pub fn round(record: &Record, at: usize, context: &Context) -> RoundReport {
    let round = &record.rounds[at];
    let mut players: Vec<PlayerLine> = round
        .players
        .iter()
        .map(|player| PlayerLine { team: team_of(record, at, player), ..PlayerLine::of(player, round, context) })
        .collect();
    by_value(&mut players);
    RoundReport {
        name: round.name.clone(),
        match_id: round.match_id.clone(),
        at: round.at,
        map: round.map.clone(),
        round: round.round.get(),
        status: round.status,
        invalid: round.invalid.clone(),
        defender: round.defender,
        winner: round.winner,
        limit: round.limit,
        elapsed: round.elapsed.seconds,
        basis: round.elapsed.basis,
        state: round.outcome.state,
        confidence: round.outcome.confidence,
        honours: if round.invalid.is_empty() { honour::of_round(record, at, &players, context) } else { Vec::new() },
        players,
    }
}

/// The team that somebody played in.
pub(super) fn team_of(record: &Record, at: usize, player: &PlayerRecord) -> Option<Team> {
    let session = record.sessions.iter().find(|session| session.rounds.contains(&at))?;
    let axis = *session.teams.axis.get(at - session.rounds.start)?;
    Some(if player.side? == Side::Axis { axis } else { axis.other() })
}

impl RoundReport {
    /// Everybody's numbers together. The rates of it are those of the round as a whole, but DPM, which is each player's.
    pub fn total(&self) -> Sum {
        Sum::total(self.players.iter().map(|player| &player.sum))
    }

    pub fn counts(&self) -> bool {
        self.invalid.is_empty()
    }

    /// The side that attacked.
    pub fn attacker(&self) -> Option<Side> {
        self.defender.map(Side::other)
    }
}
