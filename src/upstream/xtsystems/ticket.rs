//! Tickets, their notes, and the lists they choose from (specification of XTSystems, Facts 2). What a failed
//! call may have done is said by [`UpstreamError::fate`].

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::webhook::{scalar, time};
use super::{UpstreamError, XtSystemsClient};
use crate::routing::ticket::ListItem;

/// Tickets asked for in one page, and pages asked for.
const PAGE: usize = 100;
const PAGES: usize = 50;

/// What XTSystems lists of its tickets.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketList {
    /// As XTSystems orders them, each once.
    pub tickets: Vec<TicketInfo>,
    /// False: there are more, and they cannot be had.
    pub is_complete: bool,
}

/// A ticket as XTSystems has it now.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketInfo {
    pub id: String,
    /// `seq_id`, by which people name it.
    pub number: Option<String>,
    pub title: String,
    pub description: Option<String>,
    /// The name, whether XTSystems gives a name or an object that has one.
    pub status: Option<String>,
    pub status_id: Option<String>,
    pub priority: Option<String>,
    pub priority_id: Option<String>,
    pub assigned_to: Option<String>,
    pub resolution: Option<String>,
    pub created_by: Option<String>,
    pub updated_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
}

/// A note as XTSystems has it.
#[derive(Clone, Debug, PartialEq)]
pub struct NoteInfo {
    pub content: String,
    pub created_by: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
}

/// What is to be different about a ticket.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TicketUpdate {
    pub status_id: Option<String>,
    pub priority_id: Option<String>,
    pub assigned_to: Option<String>,
    pub resolution: Option<String>,
}

pub struct NewTicket<'a> {
    pub title: &'a str,
    pub description: &'a str,
    pub priority_id: Option<&'a str>,
    pub company_id: Option<&'a str>,
}

impl XtSystemsClient {
    /// `GET /v1/tickets/{id}`, by id or number.
    pub async fn get_ticket(&self, id: &str) -> Result<TicketInfo, UpstreamError> {
        let value = self.call(Method::GET, &["v1", "tickets", self.id(id)?], &[], None).await?;
        self.one("the ticket", &value, "ticket", TicketInfo::read)
    }

    /// `GET /v1/tickets`, page after page. What is created meanwhile moves the others on, so some may be seen twice.
    pub async fn list_tickets(&self, company_id: Option<&str>) -> Result<TicketList, UpstreamError> {
        let (mut tickets, mut seen, mut read) = (Vec::new(), HashSet::new(), 0);
        for _ in 0..PAGES {
            let page = self.list_ticket_page(company_id, read).await?;
            let (length, before) = (page.len(), tickets.len());
            read += length;
            tickets.extend(page.into_iter().filter(|ticket: &TicketInfo| seen.insert(ticket.id.clone())));
            if is_last(length) {
                return Ok(TicketList { tickets, is_complete: true });
            }
            // It gives the same page again, whatever is asked for.
            if tickets.len() == before {
                break;
            }
        }
        Ok(TicketList { tickets, is_complete: false })
    }

    async fn list_ticket_page(
        &self,
        company_id: Option<&str>,
        offset: usize,
    ) -> Result<Vec<TicketInfo>, UpstreamError> {
        let (limit, offset) = (PAGE.to_string(), offset.to_string());
        let mut query = vec![("limit", limit.as_str())];
        query.extend((offset != "0").then_some(("offset", offset.as_str())));
        query.extend(company_id.map(|id| ("company_id", id)));
        let value = self.call(Method::GET, &["v1", "tickets"], &query, None).await?;
        self.list("the list of tickets", &value, "tickets", TicketInfo::read)
    }

    /// `POST /v1/tickets`
    pub async fn create_ticket(&self, new: &NewTicket<'_>) -> Result<TicketInfo, UpstreamError> {
        let mut body = json!({ "title": new.title, "description": new.description });
        if let Some(priority_id) = new.priority_id {
            body["priority_id"] = json!(priority_id);
        }
        if let Some(company_id) = new.company_id {
            body["company_id"] = json!(company_id);
        }
        let value = self.call(Method::POST, &["v1", "tickets"], &[], Some(&body)).await?;
        insist(&value)?;
        self.one("the new ticket", &value, "ticket", TicketInfo::read)
    }

    /// `PUT /v1/tickets/{id}` with the fields that change. `None`: it was done, and the answer does not
    /// show the ticket.
    pub async fn update_ticket(&self, id: &str, update: &TicketUpdate) -> Result<Option<TicketInfo>, UpstreamError> {
        let mut body = json!({});
        for (name, value) in [
            ("status_id", &update.status_id),
            ("priority_id", &update.priority_id),
            ("assigned_to", &update.assigned_to),
            ("resolution", &update.resolution),
        ] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let value = self.call(Method::PUT, &["v1", "tickets", self.id(id)?], &[], Some(&body)).await?;
        insist(&value)?;
        Ok(self.one("the ticket", &value, "ticket", TicketInfo::read).ok())
    }

    /// `POST /v1/tickets/{id}/notes`
    pub async fn add_note(&self, id: &str, content: &str) -> Result<(), UpstreamError> {
        let path = ["v1", "tickets", self.id(id)?, "notes"];
        let value = self.call(Method::POST, &path, &[], Some(&json!({ "content": content }))).await?;
        insist(&value)
    }

    /// `GET /v1/tickets/{id}/notes`
    pub async fn list_notes(&self, id: &str) -> Result<Vec<NoteInfo>, UpstreamError> {
        let path = ["v1", "tickets", self.id(id)?, "notes"];
        let value = self.call(Method::GET, &path, &[], None).await?;
        self.list("the list of notes", &value, "notes", NoteInfo::read)
    }

    /// `GET /v1/ticket-statuses?company_id=`, in their order.
    pub async fn list_statuses(&self, company_id: Option<&str>) -> Result<Vec<ListItem>, UpstreamError> {
        self.items("the list of statuses", &["v1", "ticket-statuses"], company_id, "statuses").await
    }

    /// `GET /v1/ticket-priorities?company_id=`, in their order.
    pub async fn list_priorities(&self, company_id: Option<&str>) -> Result<Vec<ListItem>, UpstreamError> {
        self.items("the list of priorities", &["v1", "ticket-priorities"], company_id, "priorities").await
    }

    /// `GET /v1/users?company_id=`, shaped as `user.created` names a user: id, username, email.
    pub async fn list_users(&self, company_id: Option<&str>) -> Result<Vec<ListItem>, UpstreamError> {
        self.items("the list of users", &["v1", "users"], company_id, "users").await
    }

    async fn items(
        &self,
        what: &str,
        path: &[&str],
        company_id: Option<&str>,
        name: &str,
    ) -> Result<Vec<ListItem>, UpstreamError> {
        let query = company_id.map(|id| ("company_id", id));
        let value = self.call(Method::GET, path, query.as_slice(), None).await?;
        let mut items = self.list(what, &value, name, |item| Some((order(item), read_item(item)?)))?;
        items.sort_by_key(|(order, _)| *order);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }
}

/// Whether nothing follows a page of this length. A server may give less than it was asked for: a round number is
/// taken for its own limit.
fn is_last(length: usize) -> bool {
    length < PAGE && (length < 20 || !length.is_multiple_of(10))
}

/// A 2xx that says `success: false` did nothing.
fn insist(value: &Value) -> Result<(), UpstreamError> {
    if value.get("success") == Some(&Value::Bool(false)) {
        let said = ["detail", "message", "error"].iter().find_map(|name| scalar(value, name)).unwrap_or_default();
        return Err(UpstreamError::Refused { status: 200, text: said });
    }
    Ok(())
}

fn order(item: &Value) -> i64 {
    item.get("order").and_then(Value::as_i64).unwrap_or(i64::MAX)
}

fn read_item(item: &Value) -> Option<ListItem> {
    let email = scalar(item, "email");
    let name = ["name", "username", "full_name"].iter().find_map(|name| scalar(item, name));
    Some(ListItem {
        id: scalar(item, "id")?,
        name: name.or_else(|| email.clone())?,
        color: scalar(item, "color"),
        is_closed: item.get("is_closed").and_then(Value::as_bool).unwrap_or(false),
        email,
    })
}

impl TicketInfo {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            id: scalar(value, "id")?,
            number: scalar(value, "seq_id"),
            title: scalar(value, "title").unwrap_or_default(),
            description: scalar(value, "description"),
            status: name_of(value, "status"),
            status_id: scalar(value, "status_id").or_else(|| scalar(value.get("status")?, "id")),
            priority: name_of(value, "priority"),
            priority_id: scalar(value, "priority_id").or_else(|| scalar(value.get("priority")?, "id")),
            assigned_to: scalar(value, "assigned_to").or_else(|| scalar(value.get("assigned_to")?, "id")),
            resolution: scalar(value, "resolution"),
            created_by: name_of(value, "created_by"),
            updated_at: time(value, "updated_at"),
            created_at: time(value, "created_at"),
        })
    }
}

impl NoteInfo {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            content: scalar(value, "content").unwrap_or_default(),
            created_by: name_of(value, "created_by"),
            created_at: time(value, "created_at"),
        })
    }
}

/// A text, or the name inside an object.
fn name_of(value: &Value, field: &str) -> Option<String> {
    scalar(value, field).or_else(|| {
        let object = value.get(field)?;
        ["name", "username", "email"].iter().find_map(|name| scalar(object, name))
    })
}
