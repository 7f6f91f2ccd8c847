//! Which secrets a source believes at a moment, and what each of them is called. Pure: what is stored where
//! and who may change it is `rotation`'s.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::verify::Rules;

/// Where the secret that was generated first is kept; later ones stand beside it.
pub const FIRST_SLOT: &str = "xtsystems.secret";
/// `WEBHOOK_SECRET` and `WEBHOOK_SECRET_PREVIOUS`.
pub const ENV_SLOTS: [&str; 2] = ["env:current", "env:previous"];

/// One secret with its place.
#[derive(Clone, Debug)]
pub struct Known {
    pub slot: String,
    pub secret: SecretString,
    /// From then on it is refused.
    pub ends_at: Option<DateTime<Utc>>,
}

impl Known {
    fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }
}

/// The rules of verification made of what is known.
pub struct Trust {
    separator: String,
    known: Vec<Known>,
    /// The slots of the live ones, in the order of the rules.
    live: Vec<String>,
    /// When the next one ends.
    next_end: Option<DateTime<Utc>>,
    pub rules: Rules,
}

impl Trust {
    pub fn new(separator: &str, known: Vec<Known>, now: DateTime<Utc>) -> Self {
        let texts = |live: bool| -> Vec<SecretString> {
            known.iter().filter(|k| k.is_live(now) == live).map(|k| k.secret.clone()).collect()
        };
        let rules = Rules::new(&texts(true), separator).with_retired(&texts(false));
        // The rules count no empty secret.
        let counted = known.iter().filter(|k| k.is_live(now) && !k.secret.expose_secret().is_empty());
        let live = counted.map(|k| k.slot.clone()).collect();
        let next_end = known.iter().filter(|k| k.is_live(now)).filter_map(|k| k.ends_at).min();
        Self { separator: separator.to_owned(), known, live, next_end, rules }
    }

    /// The same once a secret has ended.
    pub fn renewed(&self, now: DateTime<Utc>) -> Option<Self> {
        self.next_end.filter(|end| *end <= now).map(|_| Self::new(&self.separator, self.known.clone(), now))
    }

    /// The slot of the secret at this place of the rules.
    pub fn slot(&self, index: usize) -> Option<&str> {
        self.live.get(index).map(String::as_str)
    }

    pub fn is_same(&self, other: &Self) -> bool {
        let outline = |trust: &Self| -> Vec<(String, Option<DateTime<Utc>>)> {
            trust.known.iter().map(|k| (k.slot.clone(), k.ends_at)).collect()
        };
        outline(self) == outline(other) && self.live == other.live
    }
}
