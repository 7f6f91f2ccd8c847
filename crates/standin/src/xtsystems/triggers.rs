//! What people and machines do at the platform: each changes the world and returns what has to be sent about it.
//!
//! The REST routes and the control face both stand on these, so an event is the same whoever caused it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    XtSystems,
    catalogue::{PRIORITIES, Priority, STATUSES, Status, USERS},
    world::{COMPANY_ID, COMPANY_NAME, Decided, KEY_OWNER, Machine, Note, Ticket, World, new_id},
};

/// An event that a change brought about.
pub(super) type Event = (&'static str, Value);

/// The body of `POST` and `PUT /v1/tickets`; names instead of ids are the older clients' way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TicketChange {
    pub title: Option<String>,
    pub description: Option<String>,
    pub status_id: Option<String>,
    pub status: Option<String>,
    pub priority_id: Option<String>,
    pub priority: Option<String>,
    pub ticket_type_id: Option<String>,
    pub assigned_to: Option<String>,
    pub due_date: Option<String>,
    pub resolution: Option<String>,
    pub asset_ids: Option<Vec<String>>,
    pub created_by: Option<String>,
    pub updated_by: Option<String>,
    /// A note that comes with the change (the control face only).
    pub note: Option<String>,
}

/// Why a change was not made; the text goes into `{"detail": …}`.
#[derive(Debug)]
pub(super) enum Refused {
    NotFound(&'static str),
    Conflict(String),
    Invalid(String),
}

impl XtSystems {
    /// A machine asks to be let in: creates its asset (or registers a known hostname again) and sends `machine.registered`.
    pub async fn register_machine(&self, hostname: &str, ip: &str, os: &str) -> Machine {
        let (machine, event) = self.registered(hostname, ip, os);
        self.send(event.0, event.1).await;
        machine
    }

    /// Somebody opens a ticket; sends `ticket.created`.
    pub async fn open_ticket(&self, title: &str, description: &str, priority: &str) -> Option<Ticket> {
        let change = TicketChange {
            title: Some(title.to_owned()),
            description: Some(description.to_owned()),
            priority: Some(priority.to_owned()),
            created_by: Some("ada@signal-town.example".to_owned()),
            ..TicketChange::default()
        };
        let (ticket, event) = self.ticket_opened(change).ok()?;
        self.send(event.0, event.1).await;
        Some(ticket)
    }

    /// Changes a ticket (by UUID or number); sends `ticket.updated`, or `ticket.closed` when it closes.
    pub async fn update_ticket(&self, id: &str, change: TicketChange) -> Option<Ticket> {
        let (ticket, event) = self.ticket_changed(id, change).ok()?;
        self.send(event.0, event.1).await;
        Some(ticket)
    }

    /// Closes a ticket; sends `ticket.closed`.
    pub async fn close_ticket(&self, id: &str, resolution: &str) -> Option<Ticket> {
        let change = TicketChange {
            status: Some("Closed".to_owned()),
            resolution: Some(resolution.to_owned()),
            ..TicketChange::default()
        };
        self.update_ticket(id, change).await
    }

    /// A decision in the platform's own web pages. An approval sends `machine.approved`; the platform has no event for a denial.
    /// `None` when the machine is unknown or decided.
    pub async fn decide_in_web_ui(&self, asset_id: &str, approve: bool, who: &str) -> Option<Machine> {
        let (machine, event) = self.decided(asset_id, approve, who).ok()?;
        if let Some(event) = event {
            self.send(event.0, event.1).await;
        }
        Some(machine)
    }

    pub(super) fn registered(&self, hostname: &str, ip: &str, os: &str) -> (Machine, Event) {
        let now = self.clock().now();
        let machine = self.change(|world| world.register_machine(hostname, ip, os, now));
        let data = json!({
            "asset_id": machine.asset_id, "hostname": machine.hostname, "ip_address": machine.ip_address,
            "operating_system": machine.operating_system, "status": machine.status,
            "registered_at": machine.registered_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        (machine, ("machine.registered", data))
    }

    pub(super) fn decided(
        &self,
        asset_id: &str,
        approve: bool,
        who: &str,
    ) -> Result<(Machine, Option<Event>), Refused> {
        let verdict = if approve { "approved" } else { "denied" };
        let now = self.clock().now();
        match self.change(|world| world.decide(asset_id, verdict, who, now)) {
            Decided::Unknown => Err(Refused::NotFound("Machine not found")),
            Decided::Before(machine) => Err(Refused::Conflict(format!("Machine already {}", machine.status))),
            Decided::Now(machine) => {
                let mut data = json!({
                    "asset_id": machine.asset_id, "hostname": machine.hostname, "ip_address": machine.ip_address,
                    "operating_system": machine.operating_system, "status": "approved", "approved_by": who,
                });
                if let Some(fields) = data.as_object_mut() {
                    // Nothing is said of an adopted machine that is not known.
                    fields.retain(|_, value| value != "");
                }
                Ok((machine, approve.then_some(("machine.approved", data))))
            }
        }
    }

    pub(super) fn adopt(&self, asset_id: &str, company_id: &str) {
        let now = self.clock().now();
        self.change(|world| world.adopt(asset_id, company_id, now));
    }

    pub(super) fn ticket_opened(&self, change: TicketChange) -> Result<(Ticket, Event), Refused> {
        let title = change.title.clone().filter(|t| !t.trim().is_empty());
        let title = title.ok_or_else(|| Refused::Invalid("title: Field required".to_owned()))?;
        let status = named_status(&change)?.unwrap_or(&STATUSES[0]);
        let priority = named_priority(&change)?.unwrap_or(&PRIORITIES[1]);
        let now = self.clock().now();
        let ticket = self.change(|world| {
            world.last_seq_id = world.last_seq_id.max(1_000) + 1;
            let ticket = Ticket {
                id: new_id(),
                seq_id: world.last_seq_id,
                company_id: COMPANY_ID.to_owned(),
                company_name: COMPANY_NAME.to_owned(),
                title,
                description: change.description.unwrap_or_default(),
                status: status.name.to_owned(),
                status_id: status.id.to_owned(),
                priority: priority.name.to_owned(),
                priority_id: priority.id.to_owned(),
                ticket_type_id: change.ticket_type_id,
                assigned_to: change.assigned_to,
                due_date: change.due_date,
                resolution: change.resolution,
                asset_ids: change.asset_ids.unwrap_or_default(),
                created_by: change.created_by.unwrap_or_else(|| KEY_OWNER.to_owned()),
                updated_by: None,
                created_at: now,
                updated_at: now,
                notes: Vec::new(),
            };
            world.tickets.push(ticket.clone());
            ticket
        });
        let mut data = ticket.event_data();
        data.insert("description".into(), json!(ticket.description));
        data.insert("priority".into(), json!(Ticket::word(&ticket.priority)));
        data.insert("created_by".into(), json!(ticket.created_by));
        data.insert("company_name".into(), json!(ticket.company_name));
        data.insert("created_at".into(), json!(ticket.created_at.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
        Ok((ticket, ("ticket.created", Value::Object(data))))
    }

    pub(super) fn ticket_changed(&self, id: &str, change: TicketChange) -> Result<(Ticket, Event), Refused> {
        let status = named_status(&change)?;
        let priority = named_priority(&change)?;
        if let Some(nobody) = change.assigned_to.as_ref().filter(|id| !USERS.iter().any(|user| user.id == *id)) {
            return Err(Refused::Invalid(format!("assigned_to: unknown user {nobody}")));
        }
        let now = self.clock().now();
        let by = change.updated_by.unwrap_or_else(|| KEY_OWNER.to_owned());
        let closes = status.is_some_and(|s| s.is_closed);
        let ticket = self.change(|world: &mut World| {
            let ticket = world.ticket_mut(id)?;
            set(&mut ticket.title, change.title);
            set(&mut ticket.description, change.description);
            set(&mut ticket.asset_ids, change.asset_ids);
            set_some(&mut ticket.ticket_type_id, change.ticket_type_id);
            set_some(&mut ticket.assigned_to, change.assigned_to);
            set_some(&mut ticket.due_date, change.due_date);
            set_some(&mut ticket.resolution, change.resolution);
            if let Some(status) = status {
                (ticket.status, ticket.status_id) = (status.name.to_owned(), status.id.to_owned());
            }
            if let Some(priority) = priority {
                (ticket.priority, ticket.priority_id) = (priority.name.to_owned(), priority.id.to_owned());
            }
            if let Some(content) = change.note {
                let (id, created_by, created_at) = (new_id(), by.clone(), now);
                ticket.notes.push(Note { id, content, created_by, created_at });
            }
            ticket.updated_by = Some(by.clone());
            ticket.updated_at = now;
            Some(ticket.clone())
        });
        let ticket = ticket.ok_or(Refused::NotFound("Ticket not found"))?;
        let event = if closes { closed(&ticket) } else { updated(&ticket) };
        Ok((ticket, event))
    }
}

pub(super) fn updated(ticket: &Ticket) -> Event {
    let mut data = ticket.event_data();
    data.insert("priority".into(), json!(Ticket::word(&ticket.priority)));
    data.insert("updated_by".into(), json!(ticket.updated_by));
    data.insert("updated_at".into(), json!(ticket.updated_at.format("%Y-%m-%dT%H:%M:%SZ").to_string()));
    let last_three = ticket.notes.len().saturating_sub(3);
    let notes =
        ticket.notes[last_three..].iter().map(|n| json!({"content": n.content, "created_by": n.created_by})).collect();
    data.insert("notes".into(), Value::Array(notes));
    ("ticket.updated", Value::Object(data))
}

fn closed(ticket: &Ticket) -> Event {
    let mut data: Map<String, Value> = ticket.event_data();
    data.insert("resolution".into(), json!(ticket.resolution));
    ("ticket.closed", Value::Object(data))
}

fn named_status(change: &TicketChange) -> Result<Option<&'static Status>, Refused> {
    let Some(wanted) = change.status_id.as_ref().or(change.status.as_ref()) else {
        return Ok(None);
    };
    let word = Ticket::word(wanted);
    STATUSES
        .iter()
        .find(|s| s.id == wanted || Ticket::word(s.name) == word)
        .map(Some)
        .ok_or_else(|| Refused::Invalid(format!("status_id: unknown status {wanted}")))
}

fn named_priority(change: &TicketChange) -> Result<Option<&'static Priority>, Refused> {
    let Some(wanted) = change.priority_id.as_ref().or(change.priority.as_ref()) else {
        return Ok(None);
    };
    let word = Ticket::word(wanted);
    PRIORITIES
        .iter()
        .find(|p| p.id == wanted || Ticket::word(p.name) == word)
        .map(Some)
        .ok_or_else(|| Refused::Invalid(format!("priority_id: unknown priority {wanted}")))
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn set_some<T>(field: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *field = value;
    }
}
