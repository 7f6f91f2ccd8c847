//! Which secrets a source believes at a moment, and what each of them is called. Pure: what is stored where
//! and who may change it is the business of each source.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

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

/// Rules of verification that can be made anew of other secrets.
pub trait Believes {
    /// The same rules; `ended` are no longer accepted, and recognised for the explanation. Empty ones don't count.
    fn with_secrets(&self, live: &[SecretString], ended: &[SecretString]) -> Self;
}

/// The rules of verification made of what is known.
pub struct Trust<R> {
    known: Vec<Known>,
    /// The slots of the live ones, in the order of the rules.
    live: Vec<String>,
    /// When the next one ends.
    next_end: Option<DateTime<Utc>>,
    pub rules: R,
}

impl<R: Believes> Trust<R> {
    pub fn of(rules: &R, known: Vec<Known>, now: DateTime<Utc>) -> Self {
        let texts = |live: bool| -> Vec<SecretString> {
            known.iter().filter(|k| k.is_live(now) == live).map(|k| k.secret.clone()).collect()
        };
        let rules = rules.with_secrets(&texts(true), &texts(false));
        // The rules count no empty secret.
        let counted = known.iter().filter(|k| k.is_live(now) && !k.secret.expose_secret().is_empty());
        let live = counted.map(|k| k.slot.clone()).collect();
        let next_end = known.iter().filter(|k| k.is_live(now)).filter_map(|k| k.ends_at).min();
        Self { known, live, next_end, rules }
    }

    /// The same once a secret has ended.
    pub fn renewed(&self, now: DateTime<Utc>) -> Option<Self> {
        self.next_end.filter(|end| *end <= now).map(|_| Self::of(&self.rules, self.known.clone(), now))
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
