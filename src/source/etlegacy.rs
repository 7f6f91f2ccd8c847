//! Match statistics of ET:Legacy: what a game server's scripts write, read purely. Files of rounds (`stats_file`), files of
//! awards (`awards`), the message about a finished round (`ready`) and the names of the files (`file_name`).
//!
//! What cannot be understood is an error that says where; what is understood although it is unusual is read and noted
//! (`note`). What the numbers mean across the two rounds of a map is in `crate::matches`.

pub mod awards;
pub mod colour;
pub mod file_name;
pub mod header;
pub mod note;
pub mod place;
pub mod player;
pub mod ready;
pub mod stats_file;
pub mod tally;
pub mod weapon;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Of how files are read. What an older one made of a file is made anew by a reparse.
pub const PARSER_VERSION: i32 = 1;

/// Which of the two times that a map is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoundNumber {
    First,
    Second,
}

impl RoundNumber {
    pub fn new(number: i64) -> Option<RoundNumber> {
        match number {
            1 => Some(RoundNumber::First),
            2 => Some(RoundNumber::Second),
            _ => None,
        }
    }

    pub fn get(self) -> u8 {
        match self {
            RoundNumber::First => 1,
            RoundNumber::Second => 2,
        }
    }
}

impl fmt::Display for RoundNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// A side of the map. People change it after the first round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Axis,
    Allies,
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Axis => Side::Allies,
            Side::Allies => Side::Axis,
        }
    }

    /// As the game numbers them: 1 and 2. What is neither is no side.
    pub fn new(number: i64) -> Option<Side> {
        match number {
            1 => Some(Side::Axis),
            2 => Some(Side::Allies),
            _ => None,
        }
    }

    pub fn get(self) -> u8 {
        match self {
            Side::Axis => 1,
            Side::Allies => 2,
        }
    }
}
