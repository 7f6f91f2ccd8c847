//! The report of a session: its maps and score, both teams, who stood out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::TeamNames;
use super::honour::{self, Context, Honour};
use super::map::{in_order, summed};
use super::round::{PlayerLine, Remark, shown};
use crate::matches::identity::PlayerKey;
use crate::matches::outcome::{ScoreConfidence, StopwatchState};
use crate::matches::record::{MapResult, Record, RoundRecord, Session};
use crate::matches::sum::Sum;
use crate::matches::team::Team;
use crate::source::etlegacy::weapon::{Counts, Weapon};

/// Weapons that are told of.
const WEAPONS: usize = 8;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionReport {
    /// The stem of the first round; its first ten characters are the day by the server's clock.
    pub stem: String,
    pub began: DateTime<Utc>,
    /// When the last round ended.
    pub ended: DateTime<Utc>,
    /// Whether no round can follow any more.
    pub is_over: bool,
    /// Rounds that count, and those that do not.
    pub rounds: u32,
    pub left_out: u32,
    pub maps: Vec<MapLine>,
    pub score: (u32, u32),
    #[serde(default)]
    pub called: TeamNames,
    pub teams: Vec<TeamLine>,
    /// Over the rounds that count; the most valuable first.
    pub players: Vec<PlayerLine>,
    /// Most kills first.
    pub weapons: Vec<WeaponLine>,
    pub makers: Vec<Maker>,
    pub honours: Vec<Honour>,
}

/// A map of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapLine {
    pub map: String,
    pub rounds: Vec<RoundLine>,
    /// Who attacked in the first round.
    pub attacked_first: Option<Team>,
    /// Of the first and of the second team; `None` where it is not decided.
    pub points: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundLine {
    pub limit: u32,
    pub elapsed: Option<u32>,
    pub state: Option<StopwatchState>,
    pub confidence: ScoreConfidence,
    pub counts: bool,
}

/// One of the two teams. They are people; sides change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeamLine {
    pub team: Team,
    /// Who played most of their rounds in it; the most valuable first.
    pub players: Vec<String>,
    pub mvp: Option<String>,
    pub sum: Sum,
}

/// A weapon over everybody, and who had most kills with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeaponLine {
    pub weapon: String,
    /// Whether hits per shot say how well somebody aims with it.
    pub is_light: bool,
    pub counts: Counts,
    pub master: String,
    pub master_counts: Counts,
}

/// Somebody who had most of something; several where they had the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Maker {
    pub what: Feat,
    pub players: Vec<String>,
    /// In what the feat is measured in.
    pub value: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feat {
    Kills,
    Dpm,
    Damage,
    Accuracy,
    Headshots,
    Revives,
    Gibs,
    Objectives,
    Assists,
    Denied,
    UsefulKills,
    KillingSpree,
    Multikills,
    Revived,
    SelfKills,
    TeamDamage,
    TimeDead,
}

impl SessionReport {
    /// `2025-10-14`, by the server's clock.
    pub fn day(&self) -> &str {
        self.stem.get(..10).unwrap_or(&self.stem)
    }
}

/// Shots without which an accuracy says nothing.
const SHOTS: u32 = 100;

impl Feat {
    pub const ALL: [Feat; 17] = [
        Feat::Kills,
        Feat::Dpm,
        Feat::Damage,
        Feat::Accuracy,
        Feat::Headshots,
        Feat::Revives,
        Feat::Gibs,
        Feat::Objectives,
        Feat::Assists,
        Feat::Denied,
        Feat::UsefulKills,
        Feat::KillingSpree,
        Feat::Multikills,
        Feat::Revived,
        Feat::SelfKills,
        Feat::TeamDamage,
        Feat::TimeDead,
    ];

    /// What it was worth; `None` where there is nothing to tell.
    pub fn value(self, sum: &Sum) -> Option<f64> {
        let count = match self {
            Feat::Dpm => return sum.dpm().filter(|dpm| *dpm > 0.0),
            Feat::Accuracy => return sum.accuracy().filter(|_| sum.light.shots >= SHOTS),
            Feat::TimeDead => return sum.dead_rate().filter(|rate| *rate > 0.0),
            Feat::Kills => sum.kills(),
            Feat::Damage => sum.damage_given,
            Feat::Headshots => sum.headshots(),
            Feat::Revives => sum.revives_given,
            Feat::Gibs => sum.gibs,
            Feat::Objectives => sum.objectives(),
            Feat::Assists => sum.assists,
            Feat::Denied => sum.denied_seconds,
            Feat::UsefulKills => sum.useful_kills,
            Feat::KillingSpree => sum.killing_spree,
            Feat::Multikills => sum.multikills_in_all(),
            Feat::Revived => sum.times_revived,
            Feat::SelfKills => sum.selfkills,
            Feat::TeamDamage => sum.team_damage_given,
        };
        (count > 0).then(|| f64::from(count))
    }
}

/// `at` is an index of the record's sessions.
pub fn session(record: &Record, at: usize, context: &Context, is_over: bool) -> SessionReport {
    let session = &record.sessions[at];
    let all: &[RoundRecord] = &record.rounds[session.rounds.clone()];
    let counting: Vec<usize> = session.rounds.clone().filter(|at| record.rounds[*at].invalid.is_empty()).collect();
    let mut players = summed(record, &counting, context);
    players.iter_mut().for_each(|(key, line)| settle_team(key, line, session));
    let players = in_order(players);
    SessionReport {
        stem: all.first().map(|round| round.stem.clone()).unwrap_or_default(),
        began: all.first().map(began).unwrap_or_default(),
        ended: all.last().map(|round| round.at).unwrap_or_default(),
        is_over,
        rounds: counting.len() as u32,
        left_out: (all.len() - counting.len()) as u32,
        maps: session.maps.iter().map(|one| map_line(record, session, one)).collect(),
        score: session.score,
        called: all.first().map(|round| context.teams(&round.stem)).unwrap_or_default(),
        teams: [Team::One, Team::Two].map(|team| team_line(team, &players)).into(),
        weapons: weapons(record, &counting, context),
        makers: makers(&players),
        honours: honour::of_session(record, &counting, context),
        players,
    }
}

fn began(round: &RoundRecord) -> DateTime<Utc> {
    round.at - chrono::TimeDelta::seconds(round.elapsed.seconds.unwrap_or_default().into())
}

/// Over a session somebody belongs to the team that they played most rounds in.
fn settle_team(key: &PlayerKey, line: &mut PlayerLine, session: &Session) {
    let Some(member) = session.teams.members.get(key) else { return };
    line.team = Some(member.team);
    if member.changed() && !line.remarks.contains(&Remark::Changed) {
        line.remarks.push(Remark::Changed);
    }
}

fn team_line(team: Team, players: &[PlayerLine]) -> TeamLine {
    let members = || players.iter().filter(|line| line.team == Some(team));
    TeamLine {
        team,
        players: members().map(|line| line.name.clone()).collect(),
        mvp: members().find(|line| !line.is_bot).map(|line| line.name.clone()),
        sum: Sum::total(members().map(|line| &line.sum)),
    }
}

pub(super) fn map_line(record: &Record, session: &Session, result: &MapResult) -> MapLine {
    let line = |at: usize| {
        let round = &record.rounds[at];
        RoundLine {
            limit: round.limit,
            elapsed: round.elapsed.seconds,
            state: round.outcome.state,
            confidence: round.outcome.confidence,
            counts: round.invalid.is_empty(),
        }
    };
    let points = result.attacked_first.zip(result.score).map(|(team, score)| {
        let (first, second) = (u32::from(score.attacked_first), u32::from(score.attacked_second));
        if team == Team::One { (first, second) } else { (second, first) }
    });
    debug_assert!(session.rounds.contains(&result.first), "a map belongs to its session");
    MapLine {
        map: record.rounds[result.first].map.clone(),
        rounds: std::iter::once(result.first).chain(result.second).map(line).collect(),
        attacked_first: result.attacked_first,
        points,
    }
}

fn weapons(record: &Record, rounds: &[usize], context: &Context) -> Vec<WeaponLine> {
    let mut by_weapon: BTreeMap<Weapon, BTreeMap<&str, (Counts, String)>> = BTreeMap::new();
    for player in rounds.iter().flat_map(|at| &record.rounds[*at].players) {
        for used in &player.numbers.weapons {
            let of_weapon = by_weapon.entry(used.weapon).or_default();
            let (counts, name) = of_weapon.entry(&player.key.guid).or_default();
            *counts = counts.plus(used.counts);
            *name = context.name(&player.key.guid, &shown(&player.raw_name));
        }
    }
    let line = |(weapon, users): (Weapon, BTreeMap<&str, (Counts, String)>)| {
        let counts = users.values().fold(Counts::default(), |sum, (counts, _)| sum.plus(*counts));
        let (master_counts, master) =
            users.into_values().max_by(|a, b| a.0.kills.cmp(&b.0.kills).then_with(|| b.1.cmp(&a.1)))?;
        let is_light = weapon.is_light();
        let weapon = weapon.name().map_or_else(|| format!("WEAPON {}", weapon.bit()), str::to_owned);
        (counts.kills > 0).then_some(WeaponLine { weapon, is_light, counts, master, master_counts })
    };
    let mut lines: Vec<WeaponLine> = by_weapon.into_iter().filter_map(line).collect();
    lines.sort_by(|a, b| b.counts.kills.cmp(&a.counts.kills).then_with(|| a.weapon.cmp(&b.weapon)));
    lines.truncate(WEAPONS);
    lines
}

fn makers(players: &[PlayerLine]) -> Vec<Maker> {
    let people = || players.iter().filter(|line| !line.is_bot);
    let best = |what: Feat| {
        let value = people().filter_map(|line| what.value(&line.sum)).max_by(f64::total_cmp)?;
        let has_it = |line: &&PlayerLine| what.value(&line.sum).is_some_and(|own| own.total_cmp(&value).is_eq());
        Some(Maker { what, players: people().filter(has_it).map(|line| line.name.clone()).collect(), value })
    };
    Feat::ALL.into_iter().filter_map(best).collect()
}
