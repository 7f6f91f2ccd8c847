//! The fixed lists of the platform: event types, ticket statuses, priorities and types. Their ids never change.

use serde::Serialize;

/// Every event that the platform sends.
pub const EVENTS: [&str; 11] = [
    "ticket.created",
    "ticket.updated",
    "ticket.closed",
    "asset.created",
    "asset.updated",
    "user.created",
    "company.created",
    "machine.registered",
    "machine.approved",
    "alert.triggered",
    "webhook.test",
];

#[derive(Debug, Serialize)]
pub struct Status {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub color: &'static str,
    pub is_closed: bool,
    pub order: u32,
}

#[derive(Debug, Serialize)]
pub struct Priority {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub color: &'static str,
    pub order: u32,
}

#[derive(Debug, Serialize)]
pub struct TicketType {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
}

/// The first is what a new ticket gets.
pub const STATUSES: [Status; 5] = [
    status("57a70000-0000-4000-8000-000000000001", "Open", "Nobody works on it yet", "#3498db", false, 1),
    status("57a70000-0000-4000-8000-000000000002", "In Progress", "Somebody works on it", "#f1c40f", false, 2),
    status("57a70000-0000-4000-8000-000000000003", "Waiting", "An answer is awaited", "#9b59b6", false, 3),
    status("57a70000-0000-4000-8000-000000000004", "Resolved", "Done, not yet confirmed", "#2ecc71", true, 4),
    status("57a70000-0000-4000-8000-000000000005", "Closed", "Done", "#95a5a6", true, 5),
];

/// The second is what a new ticket gets.
pub const PRIORITIES: [Priority; 4] = [
    priority("9a100000-0000-4000-8000-000000000001", "Low", "Some day", "#95a5a6", 1),
    priority("9a100000-0000-4000-8000-000000000002", "Medium", "This week", "#3498db", 2),
    priority("9a100000-0000-4000-8000-000000000003", "High", "Today", "#e67e22", 3),
    priority("9a100000-0000-4000-8000-000000000004", "Critical", "Now", "#e74c3c", 4),
];

pub const TYPES: [TicketType; 3] = [
    ticket_type("7e570000-0000-4000-8000-000000000001", "Incident", "Something is broken"),
    ticket_type("7e570000-0000-4000-8000-000000000002", "Request", "Somebody needs something"),
    ticket_type("7e570000-0000-4000-8000-000000000003", "Change", "Something is to be changed"),
];

#[derive(Debug, Serialize)]
pub struct User {
    pub id: &'static str,
    pub username: &'static str,
    pub email: &'static str,
}

/// The people of the company. The facts name their fields (`user.created`) but no route; `/v1/users` is this
/// stand-in's assumption, by the pattern of the other lists.
pub const USERS: [User; 3] = [
    User { id: "05e40000-0000-4000-8000-000000000001", username: "ada", email: "ada@signal-town.example" },
    User { id: "05e40000-0000-4000-8000-000000000002", username: "grace", email: "grace@signal-town.example" },
    User { id: "05e40000-0000-4000-8000-000000000003", username: "linus", email: "linus@signal-town.example" },
];

const fn status(
    id: &'static str,
    name: &'static str,
    description: &'static str,
    color: &'static str,
    is_closed: bool,
    order: u32,
) -> Status {
    Status { id, name, description, color, is_closed, order }
}

const fn priority(
    id: &'static str,
    name: &'static str,
    description: &'static str,
    color: &'static str,
    order: u32,
) -> Priority {
    Priority { id, name, description, color, order }
}

const fn ticket_type(id: &'static str, name: &'static str, description: &'static str) -> TicketType {
    TicketType { id, name, description }
}
