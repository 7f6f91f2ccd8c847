//! What the card of a described source lets people do, as its event says: the words and rules of each action, and what
//! was read for it. Where an action is carried is not here: no message decides that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::RoleId;

/// The part of an event's data that holds its offers.
pub const OFFERS: &str = "actions";

/// One action on a card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub id: String,
    pub label: String,
    #[serde(default)]
    pub style: Style,
    /// Who may press it; the approver roles when there are none.
    #[serde(default)]
    pub roles: Vec<RoleId>,
    /// The label has to be typed.
    #[serde(default)]
    pub confirm: bool,
    #[serde(default)]
    pub reason: bool,
    /// What is posted with it, as the mapping read it.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// A button's look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    #[default]
    Secondary,
    Success,
    Danger,
}

/// The offers of one card, and whose they are: what an approval keeps of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    /// The source's name.
    pub source: String,
    /// The thing that it is about, in the source's words.
    pub subject: String,
    /// The kind of the event that offered them.
    pub kind: String,
    pub offers: Vec<Offer>,
}

impl Offers {
    pub fn find(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }
}
