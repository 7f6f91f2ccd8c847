//! Webhooks as XTSystems keeps them, and the log of what it sent to them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

/// A webhook that exists in XTSystems. Its secret is never given out.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub id: String,
    pub company_id: Option<String>,
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub active: bool,
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

/// A webhook to be created.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Unique per company.
    pub name: String,
    /// Where the signed requests go.
    pub url: String,
    pub events: Vec<String>,
    pub secret: SecretString,
    pub active: bool,
    pub headers: BTreeMap<String, String>,
    pub retry_count: u32,
    pub timeout_seconds: u32,
    /// `None`: the company of the key.
    pub company_id: Option<String>,
}

/// The fields to change; `None` leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct WebhookUpdate {
    pub name: Option<String>,
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    pub secret: Option<SecretString>,
    pub active: Option<bool>,
}

/// One delivery: all its attempts together.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub id: String,
    pub webhook_id: Option<String>,
    pub event_type: Option<String>,
    /// The body that was sent, as JSON or as a text holding it.
    pub payload: Value,
    /// 0 when nobody answered.
    pub response_status: Option<i64>,
    pub response_body: Option<String>,
    pub attempts: Option<i64>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
}

impl Webhook {
    /// `None` without an id.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let events = value.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            id: scalar(value, "id")?,
            company_id: scalar(value, "company_id"),
            name: scalar(value, "name").unwrap_or_default(),
            url: scalar(value, "url").unwrap_or_default(),
            events: events.iter().filter_map(|event| event.as_str().map(str::to_owned)).collect(),
            active: value.get("active").and_then(Value::as_bool).unwrap_or(true),
            created_at: time(value, "created_at"),
            updated_at: time(value, "updated_at"),
        })
    }
}

impl NewWebhook {
    /// With the sender's own defaults: 3 retries, 30 s.
    pub fn new(name: &str, url: &str, events: Vec<String>, secret: SecretString) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            events,
            secret,
            active: true,
            headers: BTreeMap::new(),
            retry_count: 3,
            timeout_seconds: 30,
            company_id: None,
        }
    }

    pub(super) fn body(&self) -> Value {
        let mut body = json!({
            "name": self.name,
            "url": self.url,
            "events": self.events,
            "secret": self.secret.expose_secret(),
            "active": self.active,
            "headers": self.headers,
            "retry_count": self.retry_count,
            "timeout_seconds": self.timeout_seconds,
        });
        if let Some(company_id) = &self.company_id {
            body["company_id"] = json!(company_id);
        }
        body
    }
}

impl WebhookUpdate {
    pub(super) fn body(&self) -> Value {
        let fields = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("url", self.url.as_ref().map(|url| json!(url))),
            ("events", self.events.as_ref().map(|events| json!(events))),
            ("secret", self.secret.as_ref().map(|secret| json!(secret.expose_secret()))),
            ("active", self.active.map(|active| json!(active))),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(given.collect::<Map<_, _>>())
    }
}

impl Delivery {
    /// `None` without an id.
    pub(super) fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: scalar(value, "id")?,
            webhook_id: scalar(value, "webhook_id"),
            event_type: scalar(value, "event_type"),
            payload: value.get("payload").cloned().unwrap_or_default(),
            response_status: value.get("response_status").and_then(Value::as_i64),
            response_body: scalar(value, "response_body"),
            attempts: value.get("attempts").and_then(Value::as_i64),
            delivered_at: time(value, "delivered_at"),
            created_at: time(value, "created_at"),
        })
    }

    /// By the sender's rule: any answer below 400.
    pub fn was_accepted(&self) -> bool {
        self.response_status.is_some_and(|status| (100..400).contains(&status))
    }
}

/// A text, or a number as text.
pub(super) fn scalar(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// ISO 8601; Python leaves the zone out and means UTC.
pub(super) fn time(value: &Value, name: &str) -> Option<DateTime<Utc>> {
    let text = value.get(name)?.as_str()?.trim();
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    zoned.or_else(|| text.replace(' ', "T").parse::<NaiveDateTime>().ok().map(|at| at.and_utc()))
}
