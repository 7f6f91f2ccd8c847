//! From a verified body to an [`Event`]. Pure; it trusts nothing but the signature, so every field may be
//! absent or of another type. What can't be read is left out, never refused, except for the kind.

use aws_lc_rs::digest;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::event::kind::{self, SubjectKind};
use crate::event::lenient::{self, LenientError};
use crate::event::{Event, Severity, canonical_json, clean};
use crate::id::GuildId;

use super::verify::instant;

/// A kind longer than this is cut, an id longer than this is replaced by its hash: both are in indexes.
const MAX_NAME: usize = 200;

/// 2000-01-01: an event that claims to be older carries no time but a default.
const EARLIEST: i64 = 946_684_800;

/// Why a body is no event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error("the body is {0}")]
    NotJson(#[from] LenientError),
    #[error("the body is {0}, not an object with event_type, data, company_id and timestamp")]
    NotAnObject(&'static str),
    #[error("event_type is missing")]
    MissingEventType,
    #[error("event_type is {0}, not a text")]
    EventTypeNotText(&'static str),
    #[error("event_type is empty")]
    EmptyEventType,
}

/// Reads the body of `POST /webhooks/xtsystems`: `{event_type, data, company_id, timestamp}`
/// (specification of XTSystems, Facts 1). `id` becomes the event's.
pub fn parse(
    body: &[u8],
    source_id: Uuid,
    guild_id: GuildId,
    id: Uuid,
    received_at: DateTime<Utc>,
) -> Result<Event, ParseError> {
    from_document(lenient::parse_json(body)?, source_id, guild_id, id, received_at)
}

/// The `data` of the event that [`parse`] makes of this body.
pub fn data_of(body: &[u8]) -> Result<Value, ParseError> {
    match lenient::parse_json(body)? {
        Value::Object(mut body) => Ok(Value::Object(data(body.remove("data"), body.remove("company_id")))),
        other => Err(ParseError::NotAnObject(type_name(&other))),
    }
}

/// Reads the `payload` of a delivery as XTSystems lists it: the same body, as JSON or as a text that
/// holds it. The dedup key is the one that the delivery itself would have had.
pub fn from_delivery(
    payload: &Value,
    source_id: Uuid,
    guild_id: GuildId,
    id: Uuid,
    received_at: DateTime<Utc>,
) -> Result<Event, ParseError> {
    match payload {
        Value::String(text) => parse(text.as_bytes(), source_id, guild_id, id, received_at),
        document => from_document(clean(document.clone()), source_id, guild_id, id, received_at),
    }
}

/// `document` is cleaned already.
fn from_document(
    document: Value,
    source_id: Uuid,
    guild_id: GuildId,
    id: Uuid,
    received_at: DateTime<Utc>,
) -> Result<Event, ParseError> {
    let hash = digest::digest(&digest::SHA256, canonical_json(&document).as_bytes());
    let mut body = match document {
        Value::Object(body) => body,
        other => return Err(ParseError::NotAnObject(type_name(&other))),
    };
    let kind = match body.get("event_type") {
        None | Some(Value::Null) => return Err(ParseError::MissingEventType),
        Some(Value::String(kind)) if kind.trim().is_empty() => return Err(ParseError::EmptyEventType),
        Some(Value::String(kind)) => kind.trim().chars().take(MAX_NAME).collect::<String>(),
        Some(other) => return Err(ParseError::EventTypeNotText(type_name(other))),
    };
    let stamp = body.remove("timestamp").unwrap_or(Value::Null);
    let data = data(body.remove("data"), body.remove("company_id"));
    let thing = id_text(&data, "id").or_else(|| id_text(&data, "asset_id")).unwrap_or_else(|| "-".into());
    let dedup_key = format!("{kind}:{thing}:{}:{}", stamp_text(&stamp), hex::encode(hash));
    let spec = kind::find(&kind);
    let said = id_text(&data, "severity").filter(|_| kind.starts_with("alert."));
    Ok(Event {
        id,
        source_id,
        guild_id,
        subject: spec.and_then(|spec| spec.subject).and_then(|what| subject(what, &data)),
        occurred_at: occurred_at(&stamp, received_at).unwrap_or(received_at),
        received_at,
        severity: said
            .and_then(|word| Severity::parse(&word))
            .unwrap_or_else(|| spec.map_or(Severity::Info, |spec| spec.severity)),
        dedup_key,
        data: Value::Object(data),
        kind,
    })
}

/// The sender's `data` as an object, with the company it belongs to.
fn data(data: Option<Value>, company_id: Option<Value>) -> Map<String, Value> {
    let mut data = match data {
        Some(Value::Object(map)) => map,
        None | Some(Value::Null) => Map::new(),
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
    };
    let lacks = data.get("company_id").is_none_or(Value::is_null);
    if let Some(company_id) = company_id.filter(|id| lacks && !id.is_null()) {
        data.insert("company_id".to_owned(), company_id);
    }
    data
}

/// The subject of an event of this kind, where the kind has one.
pub fn subject_of(kind: &str, data: &Value) -> Option<String> {
    subject(crate::event::kind::find(kind)?.subject?, data.as_object()?)
}

/// `ticket:0b9e…`. Machines are assets: their events name them `asset_id`.
fn subject(what: SubjectKind, data: &Map<String, Value>) -> Option<String> {
    let names: &[&str] = match what {
        SubjectKind::Ticket => &["id"],
        SubjectKind::Machine => &["asset_id", "id"],
        SubjectKind::Asset => &["id", "asset_id"],
        // Not of XTSystems.
        SubjectKind::Party | SubjectKind::Stream | SubjectKind::Signal | SubjectKind::Board | SubjectKind::Match => &[],
    };
    let id = names.iter().find_map(|name| id_text(data, name))?;
    Some(format!("{}:{id}", what.as_str()))
}

/// An id as text, whether it came as text or as a number.
fn id_text(data: &Map<String, Value>, name: &str) -> Option<String> {
    let text = match data.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    if text.len() > MAX_NAME {
        return Some(hex::encode(digest::digest(&digest::SHA256, text.as_bytes())));
    }
    (!text.is_empty()).then_some(text)
}

/// The body's timestamp as it stands in the dedup key.
fn stamp_text(stamp: &Value) -> String {
    match stamp {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.chars().take(40).collect(),
        _ => "-".into(),
    }
}

/// Unix seconds or milliseconds, as a number or as text, or an ISO date (UTC unless it says otherwise).
/// `None` when there is none that can be meant: before 2000, or more than a day after receipt.
pub(in crate::source) fn occurred_at(stamp: &Value, received_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = match stamp {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => instant(whole),
            None => fractional(number.as_f64()?),
        },
        Value::String(text) => {
            let text = text.trim();
            match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(whole), _) => instant(whole),
                (_, Ok(fraction)) => fractional(fraction),
                _ => iso(text),
            }
        }
        _ => None,
    }?;
    (at.timestamp() >= EARLIEST && at <= received_at + TimeDelta::days(1)).then_some(at)
}

/// Python's `time.time()`, to the millisecond.
fn fractional(number: f64) -> Option<DateTime<Utc>> {
    if number.is_finite() && number.abs() < 1e11 {
        DateTime::from_timestamp_millis((number * 1000.0).round() as i64)
    } else if number.abs() < 1e15 {
        DateTime::from_timestamp_millis(number as i64)
    } else {
        None
    }
}

fn iso(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    zoned.or_else(|| text.parse::<NaiveDateTime>().ok().map(|at| at.and_utc()))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
