//! The plan of one event as it is stored: which routes were tried, which matched, and why the others did not.
//! Plain data; whoever explains an event reads it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Routes that did not match are listed up to this many, the nearest first kept; the rest is counted.
pub const MISSES: usize = 8;

/// What the planner found and did, in the order of the routes (`event.plan`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    pub tried: Vec<Tried>,
    /// Further routes that were tried and did not match, farther away than those that are listed.
    #[serde(skip_serializing_if = "is_none")]
    pub others: usize,
    pub matched: Vec<Uuid>,
    /// Templates that rendered what was posted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<UsedTemplate>,
    /// What was held back of it, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldBack>,
    /// In one sentence.
    pub note: String,
}

/// One route that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tried {
    pub route_id: Uuid,
    pub name: String,
    pub matched: bool,
    /// For one that did not match: the first condition that failed, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
}

/// A template that was used for one of the matched routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsedTemplate {
    pub route_id: Uuid,
    pub template_id: Uuid,
    pub name: String,
    pub version: i64,
    /// Why the built-in look stands in for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Why an event did not go to some of its destinations at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldBack {
    pub reason: String,
    /// `None`: it was sent to webhooks by their type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence_id: Option<Uuid>,
    pub destination_ids: Vec<Uuid>,
    /// As the end of a sentence that begins with "held back by".
    pub words: String,
}

impl Plan {
    /// The route that came nearest to matching, of those that did not.
    pub fn nearest_miss(&self) -> Option<&Tried> {
        self.tried.iter().filter(|tried| !tried.matched).max_by_key(|tried| tried.nearness())
    }
}

impl Tried {
    /// Later conditions failed: nearer.
    fn nearness(&self) -> usize {
        ["type ", "source ", "severity ", "filter ", "it is paused"]
            .iter()
            .position(|begin| self.because.starts_with(begin))
            .unwrap_or(0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}
