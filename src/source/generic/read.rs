//! From a verified document to events. Pure. What the mapping cannot read becomes a plain notice of what is in it:
//! nothing is lost.

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::action::Action;
use super::config::Mapping;
use super::mapping::{self, Mapped, MappingError};
use super::verify::Verified;
use crate::event::{Event, NewEvent, SIGNAL_SUBJECT, Severity, Via, clean, kind};
use crate::id::{GuildId, sha256_hex};
use crate::routing::offer::{OFFERS, Offer};
use crate::routing::subject::plain;
use crate::source::xtsystems::parse::occurred_at;

/// A kind longer than this is cut.
const LONGEST_KIND: usize = 80;
/// A subject's key or a dedup key longer than this is replaced by its hash.
const LONGEST_KEY: usize = 200;
/// Requests that are not signed and name no delivery: the same body within this many seconds is the same event.
const REPEAT_WITHIN: i64 = 300;
/// Fields of a notice that nobody mapped.
const PLAIN_FIELDS: usize = 12;
/// The kind of such a notice.
pub const UNMAPPED: &str = "generic.unmapped";

/// The source as its events name it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: &'a str,
}

/// A verified request.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Lower-case names; see [`visible`].
    pub headers: &'a [(String, String)],
    pub raw: &'a [u8],
    pub verified: &'a Verified,
    pub received_at: DateTime<Utc>,
}

/// The headers that a mapping may see: none that holds a secret.
pub fn visible(headers: &[(&str, &[u8])]) -> Vec<(String, String)> {
    let secret = ["authorization", "signature", "secret", "token", "cookie", "password", "key"];
    let shown = headers.iter().filter(|(name, _)| !secret.iter().any(|word| name.contains(word)));
    let text = |(name, value): &(&str, &[u8])| Some(((*name).to_owned(), std::str::from_utf8(value).ok()?.to_owned()));
    shown.filter_map(text).collect()
}

/// The events of a request, and what was wrong with the mapping if they are not made by it.
pub fn read(
    origin: Origin<'_>,
    mapping: &Mapping,
    actions: &[Action],
    payload: &Value,
    delivery: &Delivery<'_>,
    mut new_id: impl FnMut() -> Uuid,
) -> (Vec<NewEvent>, Option<MappingError>) {
    let (mapped, error) = match mapping::map(mapping, payload, delivery.headers, origin.name) {
        Ok(mapped) => (mapped, None),
        Err(error) => (vec![unmapped(origin, payload)], Some(error)),
    };
    let key = delivery_key(delivery);
    let is_alone = mapped.len() == 1;
    let events = mapped.into_iter().enumerate().map(|(index, mapped)| {
        let dedup_key = match &mapped.dedup {
            Some(own) => format!("own:{}", short(own)),
            None if is_alone => key.clone(),
            None => format!("{key}#{index}"),
        };
        let item = mapped.item.clone().map(clean);
        let raw = match &item {
            Some(item) if !is_alone => item.to_string().into_bytes(),
            _ => delivery.raw.to_vec(),
        };
        let payload = item.unwrap_or_else(|| payload.clone());
        let event = event(origin, mapped, actions, payload, dedup_key, delivery, new_id());
        NewEvent { event, raw, data_in_raw: false, via: Via::Http }
    });
    (events.collect(), error)
}

fn event(
    origin: Origin<'_>,
    mapped: Mapped,
    actions: &[Action],
    payload: Value,
    dedup_key: String,
    delivery: &Delivery<'_>,
    id: Uuid,
) -> Event {
    let received_at = delivery.received_at;
    let said = mapped.time.map(Value::String).and_then(|text| occurred_at(&text, received_at));
    let severity = mapped.severity.as_deref().and_then(Severity::parse).unwrap_or(Severity::Info);
    let text = |text: Option<String>| text.unwrap_or_default();
    let fields: Vec<Value> =
        mapped.fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    // Each is set, if only to nothing: a newer event about the same thing replaces all that is shown.
    let mut data = json!({
        "signal_source": origin.name,
        "title": text(mapped.title),
        "text": text(mapped.text),
        "url": text(mapped.url),
        "state": text(mapped.state),
        "resolved": mapped.resolved,
        "severity": severity.as_str(),
        "fields": fields,
        "payload": payload,
    });
    let offers = if mapped.resolved { Vec::new() } else { offers(&mapped.offers, actions) };
    // What can be done needs a card; what is about nothing that lasts has one of its own.
    let own = (!offers.is_empty()).then(|| format!("event/{dedup_key}"));
    if !offers.is_empty() {
        data[OFFERS] = json!(offers);
    }
    Event {
        id,
        source_id: origin.id,
        guild_id: origin.guild_id,
        kind: kind_of(&mapped.kind),
        subject: mapped.subject.or(own).map(|key| format!("{SIGNAL_SUBJECT}{}", short(&key))),
        occurred_at: said.or(delivery.verified.sent_at).unwrap_or(received_at),
        received_at,
        severity,
        dedup_key,
        data: clean(data),
    }
}

/// Those of the source's actions that the mapping chose, in the words of the configuration.
fn offers(chosen: &[(String, Vec<(String, String)>)], actions: &[Action]) -> Vec<Offer> {
    let offer = |(id, fields): &(String, Vec<(String, String)>)| {
        let action = actions.iter().find(|action| action.id == *id)?;
        Some(Offer {
            id: id.clone(),
            label: action.label.trim().to_owned(),
            style: action.style,
            roles: action.roles(),
            confirm: action.confirm,
            reason: action.reason,
            fields: fields.iter().cloned().collect(),
        })
    };
    chosen.iter().filter_map(offer).collect()
}

/// A word of lower-case letters, digits, dots and underscores. The families of programmed sources are theirs alone:
/// what this program decides by the kind, nobody else gets to say.
fn kind_of(text: &str) -> String {
    let letter =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c.to_ascii_lowercase() } else { '_' };
    let word: String = text.trim().chars().take(LONGEST_KIND).map(letter).collect();
    let family = |kind: &str| kind.split('.').next().unwrap_or_default().to_owned();
    let is_taken = kind::names().any(|name| family(name) == family(&word));
    if is_taken || !word.contains('.') { format!("generic.{word}") } else { word }
}

/// What is the same when a request is sent again.
fn delivery_key(delivery: &Delivery<'_>) -> String {
    let verified = delivery.verified;
    if let Some(id) = &verified.id {
        return format!("id:{}", short(id));
    }
    let hash = sha256_hex(delivery.raw);
    match verified.sent_at {
        Some(at) => format!("signed:{}:{hash}", at.timestamp_millis()),
        // A signature that says no time is as good a year later, and names beside it can be made up by whoever has seen
        // the request: the same body is never another event. Such senders (GitHub, Sentry) put a time or an id into what
        // they sign; a repeat that they mean, such as Redeliver, is a repeat here as well.
        None if verified.signed => format!("signed:-:{hash}"),
        None => {
            let span = delivery.received_at.timestamp().div_euclid(REPEAT_WITHIN) * REPEAT_WITHIN;
            format!("plain:{span}:{hash}")
        }
    }
}

fn short(text: &str) -> String {
    if text.len() <= LONGEST_KEY {
        return text.to_owned();
    }
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// The scalar values of a document, by their paths.
fn unmapped(origin: Origin<'_>, payload: &Value) -> Mapped {
    let mut fields = Vec::new();
    gather("", payload, &mut fields);
    Mapped { kind: UNMAPPED.into(), title: Some(format!("Message of {}", origin.name)), fields, ..Mapped::default() }
}

fn gather(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    if found.len() >= PLAIN_FIELDS {
        return;
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| gather(&below(name), value, found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| gather(&below(&n.to_string()), value, found))
        }
        scalar => {
            if let Some(text) = plain(scalar) {
                let name = if path.is_empty() { "value" } else { path };
                found.push((name.chars().take(100).collect(), text.chars().take(500).collect()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified() -> Verified {
        Verified { secret_index: 0, sent_at: None, id: None, signed: true }
    }

    fn events(mapping: &Mapping, payload: &Value, verified: &Verified, at: i64) -> Vec<Event> {
        let raw = payload.to_string().into_bytes();
        let received_at = DateTime::from_timestamp(at, 0).unwrap();
        let delivery = Delivery { headers: &[], raw: &raw, verified, received_at };
        let origin = Origin { id: Uuid::nil(), guild_id: GuildId(1), name: "ci" };
        let (events, _) = read(origin, mapping, &[], payload, &delivery, Uuid::nil);
        events.into_iter().map(|new| new.event).collect()
    }

    #[test]
    fn nobody_speaks_for_another_source() {
        for (said, kind) in [
            ("machine.registered", "generic.machine.registered"),
            ("ticket.deleted", "generic.ticket.deleted"),
            ("signalbox.notice", "generic.signalbox.notice"),
            ("Deploy", "generic.deploy"),
            ("deploy.done", "deploy.done"),
            ("GitHub.Pull Request", "github.pull_request"),
        ] {
            assert_eq!(kind_of(said), kind);
        }
    }

    #[test]
    fn what_is_the_same_delivery() {
        let mapping = Mapping { kind: "'a.b'".into(), ..Mapping::default() };
        let key = |verified: &Verified, at| events(&mapping, &json!({"n": 1}), verified, at)[0].dedup_key.clone();
        let signed = verified();
        assert_eq!(key(&signed, 1000), key(&signed, 9_000_000), "signed without a time: for good");
        let token = Verified { signed: false, ..verified() };
        assert_eq!(key(&token, 1200), key(&token, 1499));
        assert_ne!(key(&token, 1200), key(&token, 1500), "known by a token: said again");
        let named = Verified { id: Some("d-1".into()), ..verified() };
        assert_eq!(key(&named, 1), "id:d-1");
    }

    #[test]
    fn what_cannot_be_mapped_is_shown_as_it_is() {
        let mapping = Mapping { kind: "body.nothing".into(), ..Mapping::default() };
        let event = events(&mapping, &json!({"a": {"b": [1, true]}, "c": null, "d": "x"}), &verified(), 1).remove(0);
        assert_eq!(event.kind, UNMAPPED);
        let expected =
            json!([{"name": "a.b.0", "value": "1"}, {"name": "a.b.1", "value": "true"}, {"name": "d", "value": "x"}]);
        assert_eq!(event.data["fields"], expected);
    }

    #[test]
    fn headers_with_secrets_are_not_visible() {
        let headers: [(&str, &[u8]); 3] =
            [("authorization", b"Bearer x"), ("x-hub-signature-256", b"x"), ("x-github-event", b"push")];
        assert_eq!(visible(&headers), [("x-github-event".to_owned(), "push".to_owned())]);
    }
}
