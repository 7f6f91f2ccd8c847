//! The hosting panel: what it asks to be told, by type and scope, as one typed request per kind. Pure.
//!
//! A request is CloudEvents JSON (`type`, `data`, and the extensions `webhooktypes` and `webhookscopes`) or the flat
//! `{"event", "data", "types"?, "scopes"?}`. Names are the panel's own: `server.state`, or `panel.server.state`.
//! Values of secret settings are masked before anything else sees them.

pub mod live;
mod masked;

pub use masked::{Change, Changes};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::event::{Severity, clean, kind};

/// The types that a webhook destination may have.
pub const TYPES: [&str; 7] = ["GAME_SERVER", "VPS", "SYSTEM", "BILLING", "SECURITY", "SUPPORT", "CUSTOM"];
/// Who looks at a webhook's channel.
pub const SCOPES: [&str; 3] = ["ADMIN", "USER", "PUBLIC"];
/// Where the planner finds them in an event's data.
pub const DISPATCH: &str = "dispatch";

/// Why a request is not one; the text says what to change.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{0}")]
pub struct BadRequest(String);

/// What to tell, to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    /// `panel.server.state`
    pub kind: String,
    pub severity: Severity,
    pub types: Vec<&'static str>,
    pub scopes: Vec<&'static str>,
    /// The typed request, and `dispatch` with types and scopes.
    pub data: Value,
    /// When it happened, where the sender says so.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The sender's id of the event, if it has one: the same id is the same event.
    pub id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsUpdate {
    pub changes: Changes,
    #[serde(default)]
    pub updated_by: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerStatus {
    Online,
    Offline,
    Crashed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerState {
    #[serde(alias = "name")]
    pub server: String,
    #[serde(alias = "status")]
    pub state: ServerStatus,
    #[serde(default)]
    pub node: String,
}

/// A step of a synchronisation; which words there are depends on who sends it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    #[serde(default, rename = "type")]
    pub what: String,
    #[serde(default)]
    pub summary: String,
    #[serde(default)]
    pub duration: String,
    #[serde(default)]
    pub error: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertLevel {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemAlert {
    pub title: String,
    #[serde(alias = "text")]
    pub message: String,
    pub severity: AlertLevel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupportTicket {
    #[serde(default, alias = "ticket_id")]
    pub id: String,
    pub subject: String,
    #[serde(default)]
    pub details: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub priority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    Cpu,
    Memory,
    Disk,
    Network,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeAlert {
    pub node: String,
    #[serde(alias = "kind")]
    pub resource: Resource,
    /// Per cent.
    pub usage: f64,
    pub threshold: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Billing {
    #[serde(alias = "text")]
    pub description: String,
    #[serde(default)]
    pub amount: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecurityEvent {
    pub title: String,
    #[serde(default, alias = "text")]
    pub description: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub ip: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserRegistered {
    pub email: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerCreated {
    pub name: String,
    #[serde(default)]
    pub owner: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerSuspended {
    pub name: String,
    #[serde(default)]
    pub reason: String,
}

/// An embed of the panel's own making; its markup is the panel's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomEmbed {
    pub title: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub color: Option<u32>,
    #[serde(default)]
    pub fields: Vec<CustomField>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomField {
    pub name: String,
    pub value: String,
    #[serde(default)]
    pub inline: bool,
}

/// Anything else: its name is what there is to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub event: String,
}

/// The outer shape of both forms of a request.
#[derive(Deserialize)]
struct Outer {
    event: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    specversion: Option<String>,
    id: Option<String>,
    source: Option<String>,
    time: Option<DateTime<Utc>>,
    #[serde(default)]
    data: Value,
    types: Option<Words>,
    #[serde(alias = "webhook_types")]
    webhooktypes: Option<Words>,
    scopes: Option<Words>,
    #[serde(alias = "webhook_scopes")]
    webhookscopes: Option<Words>,
}

/// A list, or one text with commas: extensions of CloudEvents are no lists.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    One(String),
}

/// Reads a request.
pub fn parse(body: Value) -> Result<Dispatch, BadRequest> {
    let outer: Outer = serde_json::from_value(clean(body)).map_err(|e| BadRequest(e.to_string()))?;
    let is_cloud_event = outer.specversion.is_some();
    let name = if is_cloud_event { outer.kind } else { outer.event };
    let name =
        name.as_deref().map(str::trim).filter(|name| !name.is_empty()).ok_or_else(|| {
            BadRequest(if is_cloud_event { "type is required" } else { "event is required" }.to_owned())
        })?;
    let name = name.strip_prefix("panel.").unwrap_or(name);
    let (kind, severity, default_type, mut data) = typed(name, outer.data)?;
    let types = chosen(outer.types.or(outer.webhooktypes), &TYPES, default_type, "type")?;
    let scopes = chosen(outer.scopes.or(outer.webhookscopes), &SCOPES, "ADMIN", "scope")?;
    data.insert(DISPATCH.to_owned(), json!({ "types": types, "scopes": scopes }));
    let id = match (outer.source, outer.id) {
        (Some(source), Some(id)) if is_cloud_event => Some(format!("{source} {id}")),
        _ => None,
    };
    Ok(Dispatch {
        kind: format!("panel.{kind}"),
        severity,
        types,
        scopes,
        data: Value::Object(data),
        occurred_at: outer.time,
        id,
    })
}

/// The kind behind a name, how much it matters, the type of webhook it goes to, and its data as it is kept.
type Typed = (&'static str, Severity, &'static str, Map<String, Value>);

fn typed(name: &str, data: Value) -> Result<Typed, BadRequest> {
    let data = if data.is_null() { json!({}) } else { data };
    let known = |kind: &'static str| kind::find(&format!("panel.{kind}")).map_or(Severity::Info, |spec| spec.severity);
    let plain = |kind: &'static str, to: &'static str, data: Map<String, Value>| Ok((kind, known(kind), to, data));
    match name {
        "settings.updated" => plain("settings.updated", "SYSTEM", read::<SettingsUpdate>(name, data)?.1),
        "server.state" => {
            let (state, data) = read::<ServerState>(name, data)?;
            let severity = match state.state {
                ServerStatus::Online => Severity::Info,
                ServerStatus::Offline => Severity::Warning,
                ServerStatus::Crashed => Severity::Error,
            };
            Ok(("server.state", severity, "GAME_SERVER", data))
        }
        "sync.started" => plain("sync.started", "SYSTEM", read::<Sync>(name, data)?.1),
        "sync.completed" => plain("sync.completed", "SYSTEM", read::<Sync>(name, data)?.1),
        "sync.failed" => plain("sync.failed", "SYSTEM", read::<Sync>(name, data)?.1),
        "sync.cancelled" => plain("sync.cancelled", "SYSTEM", read::<Sync>(name, data)?.1),
        "system.alert" => {
            let (alert, data) = read::<SystemAlert>(name, data)?;
            let severity = match alert.severity {
                AlertLevel::Info => Severity::Info,
                AlertLevel::Warning => Severity::Warning,
                AlertLevel::Error => Severity::Error,
            };
            Ok(("system.alert", severity, "SYSTEM", data))
        }
        "ticket.created" | "support.ticket_created" => {
            plain("ticket.created", "SUPPORT", read::<SupportTicket>(name, data)?.1)
        }
        "ticket.updated" | "support.ticket_updated" => {
            plain("ticket.updated", "SUPPORT", read::<SupportTicket>(name, data)?.1)
        }
        "ticket.resolved" | "support.ticket_resolved" => {
            plain("ticket.resolved", "SUPPORT", read::<SupportTicket>(name, data)?.1)
        }
        "node.alert" => plain("node.alert", "VPS", read::<NodeAlert>(name, data)?.1),
        "billing.invoice" => plain("billing.invoice", "BILLING", read::<Billing>(name, data)?.1),
        "billing.payment" => plain("billing.payment", "BILLING", read::<Billing>(name, data)?.1),
        "billing.subscription" => plain("billing.subscription", "BILLING", read::<Billing>(name, data)?.1),
        "security.event" => plain("security.event", "SECURITY", read::<SecurityEvent>(name, data)?.1),
        "user.registered" => plain("user.registered", "SYSTEM", read::<UserRegistered>(name, data)?.1),
        "server.created" => plain("server.created", "GAME_SERVER", read::<ServerCreated>(name, data)?.1),
        "server.suspended" => plain("server.suspended", "GAME_SERVER", read::<ServerSuspended>(name, data)?.1),
        "custom" => plain("custom", "CUSTOM", read::<CustomEmbed>(name, data)?.1),
        other => {
            let named = json!({ "event": other });
            plain("notification", "CUSTOM", read::<Notification>(name, named)?.1)
        }
    }
}

/// The request, and its data with nothing in it that the request does not have.
fn read<T: DeserializeOwned + Serialize>(name: &str, data: Value) -> Result<(T, Map<String, Value>), BadRequest> {
    let bad = |error: serde_json::Error| BadRequest(format!("data of {name}: {error}"));
    let request: T = serde_json::from_value(data).map_err(bad)?;
    let Value::Object(mut kept) = serde_json::to_value(&request).map_err(bad)? else {
        return Err(BadRequest(format!("data of {name} should be an object")));
    };
    kept.retain(|_, value| !matches!(value, Value::Null) && *value != json!(""));
    Ok((request, kept))
}

fn chosen(
    given: Option<Words>,
    known: &'static [&'static str],
    default: &'static str,
    what: &str,
) -> Result<Vec<&'static str>, BadRequest> {
    let words: Vec<String> = match given {
        None => return Ok(vec![default]),
        Some(Words::List(words)) => words,
        Some(Words::One(words)) => words.split(',').map(str::to_owned).collect(),
    };
    let mut found = Vec::new();
    for word in words.iter().map(|word| word.trim().to_uppercase()).filter(|word| !word.is_empty()) {
        let is_known = known.iter().find(|one| **one == word);
        let one = is_known
            .ok_or_else(|| BadRequest(format!("there is no {what} {word:.40}; there are {}", known.join(", "))))?;
        if !found.contains(one) {
            found.push(*one);
        }
    }
    if found.is_empty() { Ok(vec![default]) } else { Ok(found) }
}
