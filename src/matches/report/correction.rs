//! What was told of something before, and is not so any more: the words behind "corrected". Only results count: who won, the
//! times, the score, somebody's numbers. A later name, or a record that fell meanwhile, is no correction.

use super::{AwardsReport, MapReport, PlayerLine, RoundReport, SessionReport};
use crate::matches::outcome::StopwatchState;
use crate::matches::record::Status;

/// Players that are named.
const NAMED: usize = 3;

pub fn round(before: &RoundReport, after: &RoundReport) -> Vec<String> {
    let mut words = Vec::new();
    if before.status != after.status {
        words.push(match (before.status, after.status) {
            (Status::OrphanSecond, Status::Completed | Status::OtherTimeToBeat) => {
                "the first round arrived: the numbers are those of this round alone now, and it counts".to_owned()
            }
            (_, Status::Replaced) => "the round was played again and no longer counts".to_owned(),
            (_, Status::OrphanSecond) => "its first round turned out to be another one's: it does not count".to_owned(),
            _ => "it is paired with another round now".to_owned(),
        });
    } else if before.counts() != after.counts() {
        words.push(if after.counts() { "it counts now" } else { "it no longer counts" }.to_owned());
    }
    if before.winner != after.winner {
        words.push("the winner".to_owned());
    }
    if before.elapsed != after.elapsed {
        words.push(format!("the time was {}", time(before.elapsed)));
    }
    if before.state != after.state {
        words.push(format!("it was {}", state(before.state)));
    }
    if before.status == after.status {
        words.extend(players(&before.players, &after.players));
    }
    words
}

pub fn map(before: &MapReport, after: &MapReport) -> Vec<String> {
    let mut words = Vec::new();
    if before.line.points != after.line.points {
        words.push(format!("the map's score was {}", points(before.line.points)));
    }
    let times =
        |of: &MapReport| of.line.rounds.iter().map(|one| (one.limit, one.elapsed, one.state)).collect::<Vec<_>>();
    if times(before) != times(after) {
        words.push("the times of the rounds".to_owned());
    } else if before.line.rounds != after.line.rounds {
        words.push("whether its rounds count".to_owned());
    }
    words.extend(players(&before.players, &after.players));
    words
}

/// A session grows while it is played; that is no correction. A map that was told before and is told otherwise is one.
pub fn session(before: &SessionReport, after: &SessionReport) -> Vec<String> {
    let mut words = Vec::new();
    let grew = after.maps.len() >= before.maps.len() && {
        let same = |(one, other): (&super::MapLine, &super::MapLine)| {
            one.map == other.map && (one.points == other.points || one.rounds.len() < other.rounds.len())
        };
        before.maps.iter().zip(&after.maps).all(same)
    };
    if !grew {
        words.push(format!("the score was {}", points(Some(before.score))));
    }
    if before.is_over && (before.rounds, before.left_out) != (after.rounds, after.left_out) {
        words.push(format!("{} rounds counted before", before.rounds));
    }
    words
}

pub fn awards(before: &AwardsReport, after: &AwardsReport) -> Vec<String> {
    let words = (before.groups != after.groups).then(|| "the awards".to_owned());
    let duels = (before.duels != after.duels && !before.duels.is_empty()).then(|| "who killed whom".to_owned());
    words.into_iter().chain(duels).collect()
}

fn players(before: &[PlayerLine], after: &[PlayerLine]) -> Option<String> {
    let differs = |line: &&PlayerLine| {
        before.iter().find(|other| (&other.guid, other.is_bot) == (&line.guid, line.is_bot)).is_none_or(|other| {
            // Bots share a GUID.
            !line.is_bot && (other.sum != line.sum || other.side != line.side)
        })
    };
    let changed: Vec<&str> = after.iter().filter(differs).map(|line| line.name.as_str()).collect();
    let gone = before.iter().any(|line| after.iter().all(|other| other.guid != line.guid));
    match (changed.as_slice(), gone) {
        ([], false) => None,
        ([], true) => Some("who played".to_owned()),
        (names, _) if names.len() > NAMED => Some(format!("the numbers of {} players", names.len())),
        (names, _) => Some(format!("the numbers of {}", names.join(", "))),
    }
}

fn time(seconds: Option<u32>) -> String {
    seconds.map_or_else(|| "unknown".to_owned(), |seconds| format!("{}:{:02}", seconds / 60, seconds % 60))
}

fn state(state: Option<StopwatchState>) -> &'static str {
    match state {
        Some(StopwatchState::FullHold) => "a full hold",
        Some(StopwatchState::TimeSet) => "a time set",
        None => "undecided",
    }
}

fn points(points: Option<(u32, u32)>) -> String {
    points.map_or_else(|| "undecided".to_owned(), |(one, two)| format!("{one}–{two}"))
}
