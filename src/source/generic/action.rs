//! Actions of a described source: what may be done about its cards, by whom, and where a press is posted. The address
//! stands in the configuration alone; a message chooses among the actions and fills in their fields, no more.

use serde::{Deserialize, Serialize};
use url::Url;

use super::config::{Field, SourceConfig};
use crate::id::RoleId;
use crate::routing::offer::Style;

/// A row of buttons.
pub const MOST: usize = 5;
const LONGEST_ID: usize = 32;
const LONGEST_LABEL: usize = 40;
const LONGEST_URL: usize = 1000;
const MOST_ROLES: usize = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// In the mapping, and in what is posted.
    pub id: String,
    /// The button's text.
    pub label: String,
    #[serde(default)]
    pub style: Style,
    /// Ids of Discord roles; the approver roles when there are none.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whether the label has to be typed.
    #[serde(default)]
    pub confirm: bool,
    #[serde(default)]
    pub reason: bool,
    #[serde(default)]
    pub method: Method,
    /// Where a press is posted.
    pub url: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

/// When a card carries an action, and what is posted with it. Expressions as in the mapping's other parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferRule {
    pub action: String,
    /// Empty: always.
    #[serde(default)]
    pub when: String,
    #[serde(default)]
    pub body: Vec<Field>,
}

impl Action {
    pub fn url(&self) -> Option<Url> {
        Url::parse(&self.url).ok().filter(|_| self.url.len() <= LONGEST_URL)
    }

    /// Those that are ids.
    pub fn roles(&self) -> Vec<RoleId> {
        self.roles.iter().filter_map(|role| role.parse().ok()).collect()
    }

    fn problems(&self, found: &mut Vec<String>) {
        let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if self.id.is_empty() || self.id.len() > LONGEST_ID || !self.id.bytes().all(is_word) {
            found.push(format!(
                "an action's id is up to {LONGEST_ID} lower-case letters, digits, dashes and underscores"
            ));
            return;
        }
        let mut say = |problem: String| found.push(format!("action {}: {problem}", self.id));
        let length = self.label.chars().count();
        if self.label.trim().is_empty() || length > LONGEST_LABEL || self.label.chars().any(char::is_control) {
            say(format!("the label should have 1 to {LONGEST_LABEL} characters"));
        }
        if self.url().is_none() {
            say("url should be an address such as https://example.org/hook".into());
        }
        if self.roles.len() > MOST_ROLES || self.roles().len() != self.roles.len() {
            say(format!("roles should be up to {MOST_ROLES} ids of roles"));
        }
    }
}

/// What is wrong with the actions, apart from where their addresses lead and the expressions.
pub(super) fn problems(config: &SourceConfig, found: &mut Vec<String>) {
    if config.actions.len() > MOST {
        found.push(format!("actions are more than {MOST}"));
    }
    for (n, action) in config.actions.iter().enumerate() {
        action.problems(found);
        if config.actions[..n].iter().any(|other| other.id == action.id) {
            found.push(format!("there are two actions {}", action.id));
        }
    }
    for (n, rule) in config.mapping.actions.iter().enumerate() {
        if config.actions.iter().all(|action| action.id != rule.action) {
            found.push(format!("the mapping offers an action {} that there is not", rule.action.escape_debug()));
        }
        if config.mapping.actions[..n].iter().any(|other| other.action == rule.action) {
            found.push(format!("the mapping offers the action {} twice", rule.action.escape_debug()));
        }
    }
}
