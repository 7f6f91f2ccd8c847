//! What the platform knows: machines, tickets, webhooks and the log of deliveries, kept in one file when it is to survive.
//!
//! No HTTP and no events here: callers change the world and decide what they send about it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::catalogue::EVENTS;

/// The one company of this world.
pub const COMPANY_ID: &str = "c0ffee00-5160-4a1b-8b0c-000000000001";
pub const COMPANY_NAME: &str = "Signal Town IT";
/// The account behind the API key.
pub const KEY_OWNER: &str = "integration@signal-town.example";

/// The log keeps this many deliveries, oldest dropped first.
const KEPT_DELIVERIES: usize = 1_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub asset_id: String,
    pub company_id: String,
    pub hostname: String,
    pub ip_address: String,
    pub operating_system: String,
    /// `pending`, `approved` or `denied`.
    pub status: String,
    pub registered_at: DateTime<Utc>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    pub id: String,
    pub seq_id: u64,
    pub company_id: String,
    pub company_name: String,
    pub title: String,
    pub description: String,
    /// The status's name as people read it (`In Progress`); events carry `in_progress`.
    pub status: String,
    pub status_id: String,
    pub priority: String,
    pub priority_id: String,
    pub ticket_type_id: Option<String>,
    pub assigned_to: Option<String>,
    pub due_date: Option<String>,
    pub resolution: Option<String>,
    pub asset_ids: Vec<String>,
    pub created_by: String,
    pub updated_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub notes: Vec<Note>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    pub id: String,
    pub content: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Webhook {
    pub id: String,
    pub company_id: String,
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub active: bool,
    /// Never part of an answer.
    pub secret: Option<String>,
    pub headers: Map<String, Value>,
    /// How often one event is tried in all.
    pub retry_count: u32,
    pub timeout_seconds: u64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One row of the platform's log: what became of one event for one webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    pub webhook_id: String,
    pub event_type: String,
    /// The whole body: `{event_type, data, company_id, timestamp}`.
    pub payload: Value,
    /// The receiver's status when it took the event, 0 when it was given up.
    pub response_status: u16,
    pub response_body: String,
    pub attempts: u32,
    pub delivered_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Delivery {
    pub fn delivered(&self) -> bool {
        self.delivered_at.is_some()
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct World {
    pub machines: Vec<Machine>,
    pub tickets: Vec<Ticket>,
    pub webhooks: Vec<Webhook>,
    pub deliveries: Vec<Delivery>,
    pub last_seq_id: u64,
}

/// A decision that came too late names the one that was made.
pub(super) enum Decided {
    Now(Machine),
    Before(Machine),
    Unknown,
}

impl World {
    /// A hostname that is known registers its asset again: pending, with the new address.
    pub fn register_machine(
        &mut self,
        hostname: &str,
        ip_address: &str,
        operating_system: &str,
        now: DateTime<Utc>,
    ) -> Machine {
        let known = self.machines.iter().position(|m| m.hostname == hostname);
        let machine = Machine {
            asset_id: known.map_or_else(new_id, |i| self.machines[i].asset_id.clone()),
            company_id: COMPANY_ID.to_owned(),
            hostname: hostname.to_owned(),
            ip_address: ip_address.to_owned(),
            operating_system: operating_system.to_owned(),
            status: "pending".to_owned(),
            registered_at: now,
            decided_by: None,
            decided_at: None,
        };
        match known {
            Some(i) => self.machines[i] = machine.clone(),
            None => self.machines.push(machine.clone()),
        }
        machine
    }

    /// A machine that others announced: pending, and known by nothing but its ids.
    pub fn adopt(&mut self, asset_id: &str, company_id: &str, now: DateTime<Utc>) {
        if self.machines.iter().any(|m| m.asset_id == asset_id) {
            return;
        }
        self.machines.push(Machine {
            asset_id: asset_id.to_owned(),
            company_id: company_id.to_owned(),
            hostname: String::new(),
            ip_address: String::new(),
            operating_system: String::new(),
            status: "pending".to_owned(),
            registered_at: now,
            decided_by: None,
            decided_at: None,
        });
    }

    pub fn decide(&mut self, asset_id: &str, verdict: &str, who: &str, now: DateTime<Utc>) -> Decided {
        let Some(machine) = self.machines.iter_mut().find(|m| m.asset_id == asset_id) else {
            return Decided::Unknown;
        };
        if machine.status != "pending" {
            return Decided::Before(machine.clone());
        }
        machine.status = verdict.to_owned();
        machine.decided_by = Some(who.to_owned());
        machine.decided_at = Some(now);
        Decided::Now(machine.clone())
    }

    /// By UUID or by number.
    pub fn ticket_mut(&mut self, id: &str) -> Option<&mut Ticket> {
        let number = id.trim_start_matches('#').parse::<u64>().ok();
        self.tickets.iter_mut().find(|t| t.id == id || Some(t.seq_id) == number)
    }

    /// Nobody can subscribe to a type that the platform does not have; such an event goes to everybody, to see how it is taken.
    pub fn subscribed(&self, event_type: &str) -> Vec<Webhook> {
        let unknown = !EVENTS.contains(&event_type);
        self.webhooks
            .iter()
            .filter(|w| w.active && (unknown || w.events.iter().any(|e| e == event_type)))
            .cloned()
            .collect()
    }

    pub fn log(&mut self, delivery: Delivery) {
        self.deliveries.push(delivery);
        let surplus = self.deliveries.len().saturating_sub(KEPT_DELIVERIES);
        self.deliveries.drain(..surplus);
    }
}

impl Ticket {
    /// `In Progress` is `in_progress` in events.
    pub(super) fn word(name: &str) -> String {
        name.to_lowercase().replace(' ', "_")
    }

    /// The fields that every event about this ticket carries.
    pub(super) fn event_data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("id".into(), json!(self.id));
        data.insert("seq_id".into(), json!(self.seq_id));
        data.insert("title".into(), json!(self.title));
        data.insert("status".into(), json!(Self::word(&self.status)));
        data
    }
}

impl Webhook {
    /// As the platform shows it to callers: everything but the secret.
    pub(super) fn view(&self) -> Value {
        json!({
            "id": self.id, "company_id": self.company_id, "name": self.name, "url": self.url, "events": self.events,
            "active": self.active, "headers": self.headers, "retry_count": self.retry_count,
            "timeout_seconds": self.timeout_seconds, "created_at": self.created_at, "updated_at": self.updated_at,
        })
    }
}

pub(super) fn new_id() -> String {
    Uuid::new_v4().to_string()
}
