//! Rounds of any number of evenings, put together: pairs, the numbers of each round alone, validity, sessions, teams and
//! scores. The same rounds give the same record in whatever order they are given.

use std::ops::Range;

use chrono::{DateTime, Utc};
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::differential::{self, Numbers, Origin};
use super::elapsed::{Elapsed, elapsed};
use super::identity::{PlayerKey, keys};
use super::outcome::{Outcome, outcome};
use super::pair::{Candidate, Link, has_time_to_beat, pair, seconds};
use super::score::{Attack, MapScore, map_score};
use super::session::sessions;
use super::team::{Lineup, Team, Teams, teams};
use crate::source::etlegacy::player::Player;
use crate::source::etlegacy::stats_file::StatsFile;
use crate::source::etlegacy::{RoundNumber, Side};

/// What was over so soon was no round.
const SHORTEST: u32 = 30;
/// Unless a server says otherwise.
const FILLER_MAPS: [&str; 1] = ["mp_sillyctf"];

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Of the file; no two rounds have the same.
    pub name: String,
    /// `YYYY-MM-DD-HHMMSS`
    pub stem: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Who gave up, where a message told it.
    pub surrendered: Option<Side>,
    pub file: StatsFile<'static>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// In the order of time; of the same instant by name.
    pub rounds: Vec<RoundRecord>,
    pub sessions: Vec<Session>,
    /// Names of what was too short for a round.
    pub ghosts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RoundRecord {
    pub name: String,
    pub stem: String,
    pub at: DateTime<Utc>,
    /// The stem of the first round; of an orphan its own.
    pub match_id: String,
    pub map: String,
    pub round: RoundNumber,
    pub status: Status,
    pub defender: Option<Side>,
    pub winner: Option<Side>,
    /// Seconds: of a second round the time to beat.
    pub limit: u32,
    pub elapsed: Elapsed,
    pub outcome: Outcome,
    /// Why it does not count; empty for a round that does.
    pub invalid: Vec<Invalid>,
    /// In the order of their keys.
    pub players: Vec<PlayerRecord>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Completed,
    /// It has its first round, and another time to beat than that one set.
    OtherTimeToBeat,
    /// A second round that was played again.
    Replaced,
    OrphanSecond,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Invalid {
    FillerMap,
    Bots,
    Orphan,
    Replaced,
}

/// One player in one round.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayerRecord {
    pub key: PlayerKey,
    pub raw_name: String,
    pub is_bot: bool,
    /// Of a spectator that of the other round, changed.
    pub side: Option<Side>,
    pub numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Indexes of `Record::rounds`.
    pub rounds: Range<usize>,
    pub maps: Vec<MapResult>,
    pub teams: Teams,
    /// Points over the maps that have a score, of the first and the second team.
    pub score: (u32, u32),
}

/// A map that was played, with indexes of `Record::rounds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapResult {
    pub first: usize,
    pub second: Option<usize>,
    /// Who attacked in the first round.
    pub attacked_first: Option<Team>,
    /// `None` also where a round of it does not count.
    pub score: Option<MapScore>,
}

/// What a server's own settings say of rounds.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Played while waiting for others.
    pub filler_maps: Vec<String>,
    /// Names, without colour codes, of bots whose GUID does not say it.
    pub bot_names: Option<Regex>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { filler_maps: FILLER_MAPS.map(str::to_owned).into(), bot_names: None }
    }
}

impl Rules {
    pub fn is_bot(&self, player: &Player<'_>) -> bool {
        player.is_bot() || self.bot_names.as_ref().is_some_and(|names| names.is_match(&player.name()))
    }
}

/// As [`record_with`], by the rules that most servers have.
pub fn record(rounds: Vec<Round>) -> Record {
    record_with(rounds, &Rules::default())
}

/// Everything anew from all rounds.
pub fn record_with(mut rounds: Vec<Round>, rules: &Rules) -> Record {
    rounds.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    rounds.dedup_by(|a, b| a.name == b.name);
    let (ghosts, rounds): (Vec<_>, Vec<_>) = rounds.into_iter().partition(is_ghost);
    let candidates: Vec<Candidate<'_>> = rounds.iter().map(candidate).collect();
    let links = pair(&candidates);
    let linked = Linked { seconds: seconds(&links), rounds: &rounds, candidates, links, rules };
    let records: Vec<RoundRecord> = (0..rounds.len()).map(|at| linked.round_record(at)).collect();
    let times: Vec<DateTime<Utc>> = records.iter().map(|round| round.at).collect();
    let sessions = sessions(&times).into_iter().map(|range| linked.session(&records, range)).collect();
    Record { rounds: records, sessions, ghosts: ghosts.into_iter().map(|round| round.name).collect() }
}

fn is_ghost(round: &Round) -> bool {
    elapsed(&round.file.header).seconds.is_some_and(|seconds| seconds < SHORTEST)
}

fn candidate(round: &Round) -> Candidate<'_> {
    let header = &round.file.header;
    let elapsed = elapsed(header).seconds;
    Candidate { at: round.at, map: &header.map, round: header.round, limit: header.limit, elapsed }
}

/// The rounds and how they belong together; all of one length.
struct Linked<'a> {
    rounds: &'a [Round],
    candidates: Vec<Candidate<'a>>,
    links: Vec<Link>,
    seconds: Vec<Option<usize>>,
    rules: &'a Rules,
}

impl Linked<'_> {
    fn round_record(&self, at: usize) -> RoundRecord {
        let (round, header) = (&self.rounds[at], &self.rounds[at].file.header);
        let first = match self.links[at] {
            Link::SecondOf(first) | Link::Replaced(first) => Some(first),
            Link::First | Link::Orphan => None,
        };
        let (status, elapsed) = (self.status(at), elapsed(header));
        RoundRecord {
            name: round.name.clone(),
            stem: round.stem.clone(),
            at: round.at,
            match_id: self.rounds[first.unwrap_or(at)].stem.clone(),
            map: header.map.to_string(),
            round: header.round,
            status,
            defender: header.defender,
            winner: header.winner,
            limit: header.limit,
            elapsed,
            outcome: outcome(header, elapsed, round.surrendered),
            invalid: self.invalid(round, status),
            players: match first {
                Some(first) => self.second_players(&self.rounds[first], round),
                None => self.first_players(round, self.seconds[at].map(|second| &self.rounds[second])),
            },
        }
    }

    fn status(&self, at: usize) -> Status {
        match self.links[at] {
            Link::Orphan => Status::OrphanSecond,
            Link::Replaced(_) => Status::Replaced,
            Link::SecondOf(first) if !has_time_to_beat(&self.candidates[first], &self.candidates[at]) => {
                Status::OtherTimeToBeat
            }
            Link::First | Link::SecondOf(_) => Status::Completed,
        }
    }

    fn session(&self, records: &[RoundRecord], range: Range<usize>) -> Session {
        let lineups: Vec<Lineup> = range.clone().map(|at| lineup(&records[at], self.links[at], at)).collect();
        let teams = teams(&lineups);
        let firsts = range.clone().filter(|at| self.links[*at] == Link::First);
        let map = |first: usize| {
            let second: Option<usize> = self.seconds[first];
            let axis = teams.axis[first - range.start];
            let attacker = self.rounds[first].file.header.defender.map(Side::other);
            let attacked_first = attacker.map(|side| if side == Side::Axis { axis } else { axis.other() });
            let counts = |at: usize| records[at].invalid.is_empty();
            let score = second
                .filter(|second| counts(first) && counts(*second))
                .and_then(|second| map_score(attack(&records[first]), attack(&records[second])));
            MapResult { first, second, attacked_first, score }
        };
        let maps: Vec<MapResult> = firsts.map(map).collect();
        let score = total(&maps);
        Session { rounds: range, maps, teams, score }
    }
}

impl Linked<'_> {
    fn invalid(&self, round: &Round, status: Status) -> Vec<Invalid> {
        let filler = self.rules.filler_maps.iter().any(|map| *map == *round.file.header.map);
        let bots = round.file.players.iter().any(|player| self.rules.is_bot(player));
        let lonely = match status {
            Status::OrphanSecond => Some(Invalid::Orphan),
            Status::Replaced => Some(Invalid::Replaced),
            Status::Completed | Status::OtherTimeToBeat => None,
        };
        let found = [filler.then_some(Invalid::FillerMap), bots.then_some(Invalid::Bots), lonely];
        found.into_iter().flatten().collect()
    }

    /// The players of a round with the same ones of the other round of the map.
    fn matched<'a>(
        &self,
        round: &'a Round,
        other: Option<&'a Round>,
    ) -> impl Iterator<Item = (PlayerKey, &'a Player<'static>, Option<&'a Player<'static>>)> + use<'a> {
        let others: &[Player<'_>] = other.map_or(&[], |other| &other.file.players);
        let mut all = keys(&[&round.file.players, others], |player| self.rules.is_bot(player)).into_iter();
        let (own, other_keys) = (all.next().unwrap_or_default(), all.next().unwrap_or_default());
        own.into_iter().zip(&round.file.players).map(move |(key, player)| {
            let same = other_keys.iter().position(|other| *other == key).map(|at| &others[at]);
            (key, player, same)
        })
    }

    fn first_players(&self, round: &Round, second: Option<&Round>) -> Vec<PlayerRecord> {
        let one = |(key, player, later): (_, &Player<'_>, Option<&Player<'_>>)| {
            self.player(key, player, later, differential::as_written(player, Origin::AsWritten))
        };
        in_order(self.matched(round, second).map(one).collect())
    }

    fn second_players(&self, first: &Round, second: &Round) -> Vec<PlayerRecord> {
        let one = |(key, player, earlier): (_, &Player<'_>, Option<&Player<'_>>)| {
            let numbers = match earlier {
                Some(earlier) => differential::second_round(earlier, player),
                None => differential::as_written(player, Origin::OnlyInSecond),
            };
            self.player(key, player, earlier, numbers)
        };
        in_order(self.matched(second, Some(first)).map(one).collect())
    }

    fn player(
        &self,
        key: PlayerKey,
        player: &Player<'_>,
        other: Option<&Player<'_>>,
        numbers: Numbers,
    ) -> PlayerRecord {
        let side = player.team.side().or_else(|| other?.team.side().map(Side::other));
        let (raw_name, is_bot) = (player.raw_name.to_string(), self.rules.is_bot(player));
        PlayerRecord { key, raw_name, is_bot, side, numbers }
    }
}

fn in_order(mut players: Vec<PlayerRecord>) -> Vec<PlayerRecord> {
    players.sort_by(|a, b| a.key.cmp(&b.key));
    players
}

fn lineup(record: &RoundRecord, link: Link, at: usize) -> Lineup {
    let players = record.players.iter().filter_map(|player| Some((player.key.clone(), player.side?))).collect();
    Lineup { players, is_second: at > 0 && link == Link::SecondOf(at - 1) }
}

fn attack(record: &RoundRecord) -> Attack {
    Attack { state: record.outcome.state, elapsed: record.elapsed.seconds }
}

fn total(maps: &[MapResult]) -> (u32, u32) {
    let mut total = (0, 0);
    for (team, score) in maps.iter().filter_map(|map| Some((map.attacked_first?, map.score?))) {
        let (first, second) = (u32::from(score.attacked_first), u32::from(score.attacked_second));
        let (one, two) = if team == Team::One { (first, second) } else { (second, first) };
        total = (total.0 + one, total.1 + two);
    }
    total
}
