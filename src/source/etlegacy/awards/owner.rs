//! Whose rows they are, in files that do not say it. Everybody lists their opponents, and what A's row says of B, B's row
//! says of A the other way round: an assignment of owners in which all of it fits is reported when it is the only one.
//!
//! Rows of one owner stand together, an owner has one such block, and no name occurs twice in it. Where blocks end is not
//! written; rows of 0 to 0 may be missing. So ends and owners are searched for together: a block can only be A's when its
//! kills and deaths are, as a whole, those that the others' rows of A have the other way round.

use std::collections::HashMap;

use thiserror::Error;

use super::Row;
use crate::source::etlegacy::player::Player;
use crate::source::etlegacy::{Side, colour};

/// Blocks that are tried; genuine files take a few dozen.
const MOST_TRIES: usize = 200_000;
/// People whose rows are looked at.
const MOST_PEOPLE: usize = 64;

/// Somebody of the round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Without colour codes.
    pub name: String,
    pub side: Option<Side>,
    /// The same name as a script writes it that takes fewer codes for codes.
    pub other_name: String,
}

impl Person {
    pub fn new(player: &Player<'_>) -> Person {
        Person {
            name: player.name(),
            side: player.team.side(),
            other_name: colour::clean_of_letters_and_digits(&player.raw_name),
        }
    }

    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.other_name == name
    }
}

/// Why the owners are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unknown {
    #[error("line {line}: nobody of the round has this name")]
    Stranger { line: u32 },
    #[error("line {line}: several of the round have this name")]
    Namesakes { line: u32 },
    #[error("no assignment of owners fits")]
    None,
    #[error("more than one assignment of owners fits")]
    Several,
    #[error("too many assignments to try")]
    TooMany,
}

/// For each row the index of the person whose it is; `None` for one of 0 to 0, which says nothing.
pub fn recover(rows: &[Row<'_>], people: &[Person]) -> Result<Vec<Option<usize>>, Unknown> {
    if people.len() > MOST_PEOPLE {
        return Err(Unknown::TooMany);
    }
    let rows: Vec<Duel> = rows.iter().map(|row| duel(row, people)).collect::<Result<_, _>>()?;
    let expected = (0..people.len()).map(|person| expected_of(person, &rows)).collect();
    let sides = people.iter().map(|person| person.side).collect();
    let mut search =
        Search { rows: &rows, sides, expected, owners: Vec::new(), used: 0, found: None, several: false, tries: 0 };
    search.from(0);
    match search {
        Search { tries, several: false, .. } if tries >= MOST_TRIES => Err(Unknown::TooMany),
        Search { several: true, .. } => Err(Unknown::Several),
        Search { found: Some(owners), .. } => Ok(owners),
        _ => Err(Unknown::None),
    }
}

/// A row with its opponent as an index.
#[derive(Clone, Copy)]
struct Duel {
    opponent: usize,
    kills: u32,
    deaths: u32,
}

impl Duel {
    /// 0 to 0 may be missing on the other side.
    fn counts(&self) -> bool {
        self.kills > 0 || self.deaths > 0
    }
}

fn duel(row: &Row<'_>, people: &[Person]) -> Result<Duel, Unknown> {
    let mut called = (0..people.len()).filter(|person| people[*person].is_called(&row.opponent));
    let opponent = called.next().ok_or(Unknown::Stranger { line: row.line })?;
    if called.next().is_some() {
        return Err(Unknown::Namesakes { line: row.line });
    }
    Ok(Duel { opponent, kills: row.kills, deaths: row.deaths })
}

/// The kills and deaths that a block of this person must have, sorted: those of the rows about them, the other way round.
fn expected_of(person: usize, rows: &[Duel]) -> Vec<(u32, u32)> {
    let about = rows.iter().filter(|row| row.opponent == person && row.counts());
    let mut expected: Vec<_> = about.map(|row| (row.deaths, row.kills)).collect();
    expected.sort_unstable();
    expected
}

struct Search<'a> {
    rows: &'a [Duel],
    sides: Vec<Option<Side>>,
    expected: Vec<Vec<(u32, u32)>>,
    /// Of the rows so far.
    owners: Vec<usize>,
    /// A bit for each person who has a block.
    used: u64,
    found: Option<Vec<Option<usize>>>,
    several: bool,
    tries: usize,
}

impl Search<'_> {
    fn from(&mut self, begin: usize) {
        if begin == self.rows.len() {
            self.judge();
            return;
        }
        let mut block: Vec<(u32, u32)> = Vec::new();
        for end in begin + 1..=self.rows.len() {
            let last = self.rows[end - 1];
            let opponents = &self.rows[begin..end - 1];
            let side = self.sides[last.opponent];
            if opponents.iter().any(|row| row.opponent == last.opponent || self.sides[row.opponent] != side) {
                return;
            }
            if last.counts() {
                block.push((last.kills, last.deaths));
                block.sort_unstable();
            }
            for person in 0..self.sides.len() {
                if self.several || self.tries >= MOST_TRIES {
                    return;
                }
                if self.can_own(person, begin..end, &block) {
                    self.take(person, begin, end);
                }
            }
        }
    }

    fn can_own(&mut self, person: usize, rows: std::ops::Range<usize>, block: &[(u32, u32)]) -> bool {
        self.tries += 1;
        self.used >> person & 1 == 0
            && self.expected[person] == block
            && self.rows[rows].iter().all(|row| {
                let (own, other) = (self.sides[person], self.sides[row.opponent]);
                row.opponent != person && (own.is_none() || other.is_none() || own != other)
            })
    }

    fn take(&mut self, person: usize, begin: usize, end: usize) {
        self.used |= 1 << person;
        self.owners.resize(end, person);
        self.from(end);
        self.owners.truncate(begin);
        self.used &= !(1 << person);
    }

    /// Whether each row has its mirror image; a second assignment that says something else ends the search.
    fn judge(&mut self) {
        self.tries += self.rows.len();
        let owned = || self.rows.iter().zip(&self.owners).filter(|(row, _)| row.counts());
        let said: HashMap<(usize, usize), (u32, u32)> =
            owned().map(|(row, owner)| ((*owner, row.opponent), (row.kills, row.deaths))).collect();
        let is_mirrored =
            |(row, owner): (&Duel, &usize)| said.get(&(row.opponent, *owner)) == Some(&(row.deaths, row.kills));
        if said.is_empty() || !owned().all(is_mirrored) {
            return;
        }
        let owners = self.rows.iter().zip(&self.owners).map(|(row, owner)| row.counts().then_some(*owner)).collect();
        match &self.found {
            Some(found) => self.several = *found != owners,
            None => self.found = Some(owners),
        }
    }
}
