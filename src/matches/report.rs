//! What is told about a round, a map, a session and its awards: made purely from the record, stored in events, shown by
//! cards and commands. Everything a reader needs to judge a number is in it: how sure the result is, what was capped.

mod awards;
mod called;
pub mod correction;
pub mod honour;
mod map;
mod round;
mod session;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use awards::{AwardsReport, Duel, Given, Group, OwnersUnknown, awards, owners_of};
pub use called::TeamNames;
pub use honour::{Context, History, Honour, What};
pub use map::{MapReport, map};
pub use round::{PlayerLine, Remark, RoundReport, round};
pub use session::{Feat, Maker, MapLine, RoundLine, SessionReport, TeamLine, WeaponLine, session};

pub const ROUND: &str = "etlegacy.round";
pub const MAP: &str = "etlegacy.map";
pub const AWARDS: &str = "etlegacy.awards";
pub const SESSION: &str = "etlegacy.session";

/// A report that an event carries.
pub trait Told: Serialize {
    const KIND: &str;

    /// What tells the thing from its like: of a round and of awards the name of the round's file, of a map that of its first
    /// round, of a session the stem of its first round.
    fn key(&self) -> String;

    /// What people call it.
    fn name(&self) -> String;
}

/// The data of an event, as it is read again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Payload<T> {
    /// As a whole: a later event replaces all of it.
    pub report: T,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// What was told before and was not so, in words; see [`correction`].
    #[serde(default)]
    pub corrected: Vec<String>,
    /// Whether it is nothing any more, for the reason that `corrected` gives: `report` is what was told of it last.
    #[serde(default)]
    pub withdrawn: bool,
}

/// The data of an event about a report.
pub fn data<T: Told>(report: &T, corrected: Vec<String>) -> serde_json::Result<Value> {
    serde_json::to_value(Payload { name: report.name(), report, corrected, withdrawn: false })
}

/// The data of an event that takes back what was told.
pub fn withdrawal<T: Told>(report: &T, why: String) -> serde_json::Result<Value> {
    serde_json::to_value(Payload { name: report.name(), report, corrected: vec![why], withdrawn: true })
}

/// What the events about one thing share. A session that an earlier round joins later keeps the key it was first told under.
pub fn subject<T: Told>(key: &str) -> String {
    let what = T::KIND.rsplit_once('.').map_or(T::KIND, |(_, what)| what);
    format!("etlegacy:{what}:{key}")
}

impl Told for RoundReport {
    const KIND: &str = ROUND;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn name(&self) -> String {
        format!("{} round {}", self.map, self.round)
    }
}

impl Told for MapReport {
    const KIND: &str = MAP;

    fn key(&self) -> String {
        format!("{}-{}", self.match_id, self.line.map)
    }

    fn name(&self) -> String {
        self.line.map.clone()
    }
}

impl Told for AwardsReport {
    const KIND: &str = AWARDS;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn name(&self) -> String {
        format!("{} awards", self.map)
    }
}

impl Told for SessionReport {
    const KIND: &str = SESSION;

    fn key(&self) -> String {
        self.stem.clone()
    }

    fn name(&self) -> String {
        format!("Session of {}", self.day())
    }
}
