//! The one thing every source hands in: an `Event`. Pure data; no storage, no Discord.

pub mod activity;
pub mod kind;
pub mod lenient;

use aws_lc_rs::digest;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::id::GuildId;

pub use kind::{Severity, SubjectKind};

/// What the subject of an event of a described source begins with.
pub const SIGNAL_SUBJECT: &str = "signal:";

/// An event may claim to come from the future by no more than this (see [`OrderKey`]).
const MAX_AHEAD: TimeDelta = TimeDelta::seconds(60);

/// A signal, in the words of CloudEvents.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Uuid,
    /// The configured source it came from; a source belongs to exactly one guild.
    pub source_id: Uuid,
    pub guild_id: GuildId,
    /// `ticket.created`
    pub kind: String,
    /// The thing it is about, `ticket:0b9e…`; `None` for events without a lasting thing.
    pub subject: Option<String>,
    /// When it happened, from the sender.
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub severity: Severity,
    /// Unique per source. Stored is its hash alone (see [`dedup_hash`]).
    pub dedup_key: String,
    /// The sender's `data`, cleaned for `jsonb` (see [`clean`]).
    pub data: Value,
}

/// A verified, parsed event that is not stored yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub event: Event,
    /// The bytes as they arrived, kept for a configurable time.
    pub raw: Vec<u8>,
    /// `raw` is a body that [`crate::source::xtsystems::parse`] reads: `data` follows from it, and is not
    /// stored a second time before the event is planned.
    pub data_in_raw: bool,
    pub via: Via,
}

/// What stands for a source's dedup key in the store: SHA-256 of both, behind the sender's time where the
/// key holds one (`…:<unix time>:…` as its last field but one), so that keys of one time lie together.
pub fn dedup_hash(source_id: Uuid, key: &str) -> Uuid {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(source_id.as_bytes());
    context.update(key.as_bytes());
    let mut hash = [0; 16];
    hash.copy_from_slice(&context.finish().as_ref()[..16]);
    hash[..4].copy_from_slice(&time_in(key).to_be_bytes());
    Uuid::from_bytes(hash)
}

/// Unix seconds, from seconds or anything finer; 0 where there is no time.
fn time_in(key: &str) -> u32 {
    let mut fields = key.rsplitn(3, ':');
    let (Some(_), Some(stamp), Some(_)) = (fields.next(), fields.next(), fields.next()) else { return 0 };
    if stamp.len() < 10 || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    stamp[..10].parse::<u64>().map_or(0, |seconds| seconds as u32)
}

/// The door through which an event came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    Http,
    Bus,
    CatchUp,
    Internal,
}

impl Via {
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Http => "http",
            Via::Bus => "bus",
            Via::CatchUp => "catch_up",
            Via::Internal => "internal",
        }
    }
}

/// What orders two events about one subject: the sender's time (clamped to 60 s ahead of receipt),
/// then the rank of the kind, then receipt. Times inside `data` are for display only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    pub time: DateTime<Utc>,
    pub rank: u8,
    pub received_at: DateTime<Utc>,
}

impl Event {
    /// What kind of lasting thing it is about. Of programmed sources the kind says it; those that are described say
    /// it in the subject.
    pub fn subject_kind(&self) -> Option<SubjectKind> {
        let subject = self.subject.as_deref()?;
        match kind::find(&self.kind) {
            Some(spec) => spec.subject,
            None => subject.starts_with(SIGNAL_SUBJECT).then_some(SubjectKind::Signal),
        }
    }

    pub fn order_key(&self) -> OrderKey {
        OrderKey {
            time: self.occurred_at.min(self.received_at + MAX_AHEAD),
            rank: kind::rank(&self.kind),
            received_at: self.received_at,
        }
    }
}

/// Makes a JSON value acceptable to `jsonb`: U+0000 becomes U+FFFD, and a number outside what
/// PostgreSQL's `numeric` takes becomes text. Nothing else changes.
pub fn clean(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean_text(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(clean).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (clean_text(k), clean(v))).collect()),
        Value::Number(number) => {
            // jsonb numbers are `numeric`: 131072 digits before the point. f64 always fits, but a
            // non-finite one (never produced by the parser) would not.
            if number.as_f64().is_some_and(f64::is_finite) {
                Value::Number(number)
            } else {
                Value::String(number.to_string())
            }
        }
        other => other,
    }
}

fn clean_text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

/// Compact JSON with keys in code-point order: equal for equal documents whatever their spelling.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(&map[key.as_str()], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cleaning_keeps_everything_jsonb_takes() {
        let dirty = json!({"a\u{0}": ["x\u{0}y", 1, 1.5e300, null, true]});
        assert_eq!(clean(dirty), json!({"a\u{FFFD}": ["x\u{FFFD}y", 1, 1.5e300, null, true]}));
    }

    #[test]
    fn canonical_json_ignores_key_order_and_spacing() {
        let a: Value = serde_json::from_str(r#"{"b": 1, "a": {"d":[1, 2], "c": "é"}}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a":{"c":"\u00e9","d":[1,2]},"b":1}"#).unwrap();
        assert_eq!(canonical_json(&a), canonical_json(&b));
        assert_eq!(canonical_json(&a), r#"{"a":{"c":"é","d":[1,2]},"b":1}"#);
    }

    #[test]
    fn keys_of_one_time_lie_together() {
        let start = |key: &str| dedup_hash(Uuid::nil(), key).to_string()[..8].to_owned();
        let hex = format!("{:08x}", 1_755_256_800);
        for key in ["ticket.created:1:1755256800:ab", "ticket.created:1:2:1755256800123:cd"] {
            assert_eq!(start(key), hex, "{key}");
        }
        for key in ["1755256800:ab", "a:b:175525680:c", "a:b:17552568001x:c", "a:b:-:c", "", "gap"] {
            assert_eq!(start(key), "00000000", "{key}");
        }
        assert_ne!(dedup_hash(Uuid::nil(), "a"), dedup_hash(Uuid::nil(), "b"));
        assert_ne!(dedup_hash(Uuid::nil(), "a"), dedup_hash(Uuid::max(), "a"));
    }

    #[test]
    fn a_sender_from_the_future_does_not_win_for_ever() {
        let received_at = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
        let event = Event {
            id: Uuid::nil(),
            source_id: Uuid::nil(),
            guild_id: GuildId(1),
            kind: "ticket.updated".into(),
            subject: None,
            occurred_at: received_at + TimeDelta::days(400),
            received_at,
            severity: Severity::Info,
            dedup_key: String::new(),
            data: Value::Null,
        };
        assert_eq!(event.order_key().time, received_at + MAX_AHEAD);
    }
}
