//! `/v1/tickets…` and the lists a ticket chooses from.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{super::triggers::Refused, parse};
use crate::xtsystems::{
    KEY_OWNER, Note, Ticket, TicketChange, XtSystems,
    catalogue::{PRIORITIES, STATUSES, TYPES, USERS},
    triggers::updated,
    world::new_id,
};

pub(super) fn routes() -> Router<XtSystems> {
    Router::new()
        .route("/v1/tickets", get(list).post(create))
        .route("/v1/tickets/{id}", get(show).put(change).delete(remove))
        .route("/v1/tickets/{id}/notes", post(add_note).get(notes))
        .route("/v1/tickets/{id}/notes/{note}", put(change_note).delete(remove_note))
        .route("/v1/ticket-statuses", get(async || Json(STATUSES)))
        .route("/v1/ticket-priorities", get(async || Json(PRIORITIES)))
        .route("/v1/users", get(async || Json(USERS)))
        .route("/v1/ticket-types", get(async || Json(TYPES)))
}

const NO_TICKET: Refused = Refused::NotFound("Ticket not found");

#[derive(Deserialize)]
struct Filter {
    status: Option<String>,
    status_id: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Deserialize)]
struct NoteText {
    content: String,
}

/// Newest first.
async fn list(State(xt): State<XtSystems>, Query(filter): Query<Filter>) -> Json<Vec<Ticket>> {
    let fits = |t: &Ticket| {
        let name = filter.status.as_ref();
        name.is_none_or(|name| Ticket::word(name) == Ticket::word(&t.status))
            && filter.status_id.as_ref().is_none_or(|id| *id == t.status_id)
    };
    let tickets = xt.tickets().into_iter().rev().filter(fits);
    let offset = if xt.gives_one_page() { 0 } else { filter.offset.unwrap_or(0) };
    let page = tickets.skip(offset).take(filter.limit.unwrap_or(100));
    Json(page.collect())
}

async fn create(State(xt): State<XtSystems>, body: Bytes) -> Result<(StatusCode, Json<Ticket>), Refused> {
    let (ticket, event) = xt.ticket_opened(parse(&body)?)?;
    xt.send_soon(event.0, event.1);
    Ok((StatusCode::CREATED, Json(ticket)))
}

async fn show(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Ticket>, Refused> {
    xt.world().ticket_mut(&id).cloned().map(Json).ok_or(NO_TICKET)
}

async fn change(State(xt): State<XtSystems>, Path(id): Path<String>, body: Bytes) -> Result<Json<Ticket>, Refused> {
    let wanted: TicketChange = parse(&body)?;
    let (ticket, event) = xt.ticket_changed(&id, wanted)?;
    xt.send_soon(event.0, event.1);
    Ok(Json(ticket))
}

/// The platform has no event for a removal.
async fn remove(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    xt.change(|world| {
        let id = world.ticket_mut(&id).ok_or(NO_TICKET)?.id.clone();
        world.tickets.retain(|t| t.id != id);
        Ok(Json(json!({"success": true})))
    })
}

async fn notes(State(xt): State<XtSystems>, Path(id): Path<String>) -> Result<Json<Vec<Note>>, Refused> {
    let mut world = xt.world();
    world.ticket_mut(&id).map(|t| Json(t.notes.clone())).ok_or(NO_TICKET)
}

async fn add_note(
    State(xt): State<XtSystems>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Note>), Refused> {
    let NoteText { content } = parse(&body)?;
    let note = Note { id: new_id(), content, created_by: KEY_OWNER.to_owned(), created_at: xt.clock().now() };
    let _done = notes_changed(&xt, &id, |notes| {
        notes.push(note.clone());
        Ok(())
    })?;
    Ok((StatusCode::CREATED, Json(note)))
}

async fn change_note(
    State(xt): State<XtSystems>,
    Path((id, note)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Refused> {
    let NoteText { content } = parse(&body)?;
    notes_changed(&xt, &id, |notes| {
        let found = notes.iter_mut().find(|n| n.id == note);
        found.ok_or(Refused::NotFound("Note not found"))?.content = content;
        Ok(())
    })
}

async fn remove_note(
    State(xt): State<XtSystems>,
    Path((id, note)): Path<(String, String)>,
) -> Result<Json<Value>, Refused> {
    notes_changed(&xt, &id, |notes| {
        let found = notes.iter().position(|n| n.id == note);
        notes.remove(found.ok_or(Refused::NotFound("Note not found"))?);
        Ok(())
    })
}

/// A changed note is an update of its ticket.
fn notes_changed(
    xt: &XtSystems,
    id: &str,
    change: impl FnOnce(&mut Vec<Note>) -> Result<(), Refused>,
) -> Result<Json<Value>, Refused> {
    let now = xt.clock().now();
    let event = xt.change(|world| {
        let ticket = world.ticket_mut(id).ok_or(NO_TICKET)?;
        change(&mut ticket.notes)?;
        (ticket.updated_by, ticket.updated_at) = (Some(KEY_OWNER.to_owned()), now);
        Ok(updated(ticket))
    })?;
    xt.send_soon(event.0, event.1);
    Ok(Json(json!({"success": true})))
}
