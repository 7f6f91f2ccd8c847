//! The secrets of an XTSystems source by their places, and the rules made of them. Pure.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::verify::Rules;
use crate::source::trust::{self, Believes};

pub use crate::source::trust::Known;

/// Where the secret that was generated first is kept; later ones stand beside it.
pub const FIRST_SLOT: &str = "xtsystems.secret";
/// `WEBHOOK_SECRET` and `WEBHOOK_SECRET_PREVIOUS`.
pub const ENV_SLOTS: [&str; 2] = ["env:current", "env:previous"];

pub type Trust = trust::Trust<Rules>;

impl Trust {
    pub fn new(separator: &str, known: Vec<Known>, now: DateTime<Utc>) -> Self {
        Self::of(&Rules::new(&[], separator), known, now)
    }
}

impl Believes for Rules {
    fn with_secrets(&self, live: &[SecretString], ended: &[SecretString]) -> Self {
        Rules::new(live, self.separator()).with_retired(ended)
    }
}
