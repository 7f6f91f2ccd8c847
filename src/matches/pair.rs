//! Which second round belongs to which first (Facts 4): the latest first round of the same map that is strictly earlier, by
//! at most 45 minutes.

use chrono::{DateTime, TimeDelta, Utc};

use crate::source::etlegacy::RoundNumber;

const WITHIN: TimeDelta = TimeDelta::minutes(45);

/// What pairing looks at.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// When the round ended.
    pub at: DateTime<Utc>,
    pub map: &'a str,
    pub round: RoundNumber,
    /// Seconds: of the second round the time to beat.
    pub limit: u32,
    /// Seconds: of the first round what it took, which is the time to beat of the second.
    pub elapsed: Option<u32>,
}

/// What became of a round. Numbers are indexes of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    First,
    SecondOf(usize),
    /// A second round that was played again: the later one counts.
    Replaced(usize),
    /// A second round whose first is not there.
    Orphan,
}

/// The rounds are in the order of time.
pub fn pair(rounds: &[Candidate<'_>]) -> Vec<Link> {
    let mut links: Vec<Link> = (0..rounds.len()).map(|at| link(rounds, at)).collect();
    for first in 0..rounds.len() {
        settle(rounds, first, &mut links);
    }
    links
}

/// For each round the second one that counts, where it is a first one that has one.
pub fn seconds(links: &[Link]) -> Vec<Option<usize>> {
    let mut seconds = vec![None; links.len()];
    for (at, link) in links.iter().enumerate() {
        if let Link::SecondOf(first) = link {
            seconds[*first] = Some(at);
        }
    }
    seconds
}

/// Whether the second round says the time that the first one set.
pub fn has_time_to_beat(first: &Candidate<'_>, second: &Candidate<'_>) -> bool {
    first.elapsed.is_some_and(|elapsed| elapsed == second.limit)
}

fn link(rounds: &[Candidate<'_>], at: usize) -> Link {
    let second = &rounds[at];
    if second.round == RoundNumber::First {
        return Link::First;
    }
    let near = |first: &Candidate<'_>| second.at - first.at <= WITHIN;
    let fits =
        |first: &Candidate<'_>| first.round == RoundNumber::First && first.map == second.map && first.at < second.at;
    let mut before = (0..at).rev().take_while(|first| near(&rounds[*first]));
    before.find(|first| fits(&rounds[*first])).map_or(Link::Orphan, Link::SecondOf)
}

/// Of several second rounds of one first those count that say its time, and of these the last. The others belong to a first
/// round that is not there.
fn settle(rounds: &[Candidate<'_>], first: usize, links: &mut [Link]) {
    let near = (first + 1..links.len()).take_while(|at| rounds[*at].at - rounds[first].at <= WITHIN);
    let seconds: Vec<usize> = near.filter(|at| links[*at] == Link::SecondOf(first)).collect();
    if seconds.len() < 2 {
        return;
    }
    let says_time = |at: &usize| has_time_to_beat(&rounds[first], &rounds[*at]);
    let counts = seconds.iter().rev().copied().find(says_time).unwrap_or(seconds[0]);
    for at in seconds.into_iter().filter(|at| *at != counts) {
        links[at] = if says_time(&at) { Link::Replaced(first) } else { Link::Orphan };
    }
}
