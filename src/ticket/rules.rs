//! Table 3 of `ARCHITECTURE.md` as functions: what an answer and an event make of something asked for. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::event::{Event, Severity, canonical_json};
use crate::id::mark;
use crate::routing::subject::{SubjectState, plain};
use crate::routing::ticket::{ActionState, TicketVerb, as_word, same_word};
use crate::store::ticket::TicketAction;
use crate::upstream::schedule::again_after;
use crate::upstream::xtsystems::TicketInfo;

/// An event this long after our own confirmed change may be its echo.
pub const ECHO: TimeDelta = TimeDelta::minutes(10);
/// The sender's times are whole seconds of another clock.
pub const SKEW: TimeDelta = TimeDelta::minutes(2);
/// What was posted with an unknown outcome is looked for this long before it is posted again: a request that
/// timed out here may still be at work there.
pub const SETTLING: TimeDelta = TimeDelta::seconds(30);

/// The wait until what cannot be found out is looked for again.
const LOST: TimeDelta = TimeDelta::minutes(30);

/// What came of a call. Texts are clean.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// With the ticket as it is now, where the answer shows it.
    Done(Option<Box<TicketInfo>>),
    Refused {
        status: Option<u16>,
        text: String,
    },
    Unknown {
        text: String,
    },
    /// It cannot be found out, now or soon.
    Lost {
        text: String,
    },
    /// Certainly not done.
    NotSent {
        text: String,
    },
}

/// What the answer does. `a` was claimed: its state is `sent`, or `unknown` when an earlier call may have
/// arrived. Returns the audit action.
pub fn on_answer(a: &mut TicketAction, answer: &Answer, now: DateTime<Utc>) -> &'static str {
    let earlier_unknown = a.state == ActionState::Unknown;
    a.lease_token = None;
    a.leased_until = None;
    match answer {
        Answer::Done(ticket) => {
            if let Some(ticket) = ticket {
                a.ticket_id = Some(ticket.id.clone());
                a.ticket_number = ticket.number.clone().or(a.ticket_number.take());
            }
            confirm(a, now);
            "ticket_confirmed"
        }
        Answer::Refused { status, text } => {
            a.upstream_status = status.map(i32::from);
            a.upstream_text = Some(text.clone());
            a.state = ActionState::Refused;
            a.call_due_at = None;
            a.settled_at = Some(now);
            "ticket_refused"
        }
        Answer::Unknown { text } => {
            a.upstream_text = Some(text.clone());
            a.state = ActionState::Unknown;
            a.call_due_at = Some(now + again_after(a.call_attempts));
            "ticket_unknown"
        }
        Answer::Lost { text } => {
            a.upstream_text = Some(text.clone());
            a.state = ActionState::Unknown;
            a.call_due_at = Some(now + LOST);
            "ticket_not_known"
        }
        Answer::NotSent { text } => {
            a.upstream_text = Some(text.clone());
            a.state = if earlier_unknown { ActionState::Unknown } else { ActionState::Requested };
            a.call_due_at = Some(now + again_after(a.call_attempts));
            "ticket_not_sent"
        }
    }
}

pub fn confirm(a: &mut TicketAction, now: DateTime<Utc>) {
    a.state = ActionState::Confirmed;
    // What went wrong before is in the audit log.
    a.upstream_text = None;
    a.settled_at = Some(now);
    a.call_due_at = None;
    a.lease_token = None;
    a.leased_until = None;
}

/// Whether a ticket is as it was asked to be.
pub fn is_as_wanted(a: &TicketAction, ticket: &TicketInfo) -> Option<bool> {
    let (id, name) = match a.verb {
        TicketVerb::Status | TicketVerb::Close | TicketVerb::Reopen => (&ticket.status_id, ticket.status.as_deref()),
        TicketVerb::Priority => (&ticket.priority_id, ticket.priority.as_deref()),
        TicketVerb::Assign => (&ticket.assigned_to, None),
        TicketVerb::Note | TicketVerb::Create => return None,
    };
    if let (Some(id), Some(wanted)) = (id, &a.value_id) {
        return Some(id == wanted);
    }
    Some(same_word(name?, a.value_name.as_deref()?))
}

/// The text that goes upstream, signed with who wrote it and a mark by which it is found again.
pub fn signed_content(a: &TicketAction) -> String {
    let content = a.content.as_deref().unwrap_or_default();
    let gap = if content.is_empty() { "" } else { "\n\n" };
    format!("{content}{gap}— {} via Discord [{}]", a.author, mark(a.id))
}

/// Whether a text found upstream is the one that this action posted.
pub fn is_ours(a: &TicketAction, text: &str) -> bool {
    text.contains(&format!("[{}]", mark(a.id)))
}

/// Brings what was confirmed into the ticket's state, as an event of its own whose line in the timeline is the
/// action's. `at`: XTSystems' own time of the change where it is known, in the whole seconds of its events, so
/// that its next event counts as later.
pub fn show(a: &TicketAction, state: &mut SubjectState, at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let at = at.unwrap_or(now);
    let mut data = json!({});
    match a.verb {
        TicketVerb::Status | TicketVerb::Close | TicketVerb::Reopen => {
            data["status"] = json!(as_word(a.value_name.as_deref().unwrap_or_default()));
            if let (TicketVerb::Close, Some(resolution)) = (a.verb, &a.content) {
                data["resolution"] = json!(resolution);
            }
        }
        TicketVerb::Priority => data["priority"] = json!(as_word(a.value_name.as_deref().unwrap_or_default())),
        TicketVerb::Assign => data["assigned_name"] = json!(a.value_name),
        TicketVerb::Note => {
            let mut notes = notes(state.fields.get("notes").map(|field| &field.value));
            if !notes.iter().any(|note| is_ours(a, note["content"].as_str().unwrap_or_default())) {
                notes.push(json!({ "content": signed_content(a) }));
            }
            let skipped = notes.len().saturating_sub(3);
            data["notes"] = json!(notes[skipped..]);
        }
        TicketVerb::Create => return,
    }
    state.apply(&Event {
        id: a.id,
        source_id: a.source_id,
        guild_id: a.guild_id,
        kind: if a.is_closing { "ticket.closed" } else { "ticket.updated" }.into(),
        subject: None,
        occurred_at: DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at),
        received_at: now,
        severity: Severity::Info,
        dedup_key: String::new(),
        data,
    });
}

fn notes(value: Option<&Value>) -> Vec<Value> {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Whether an event shows that this was done, and nothing but it: what was asked for was not so before.
pub fn proves(a: &TicketAction, event: &Event, state: &SubjectState) -> bool {
    let turned = |field: &str| {
        let (Some(now), Some(wanted)) = (event.data.get(field).and_then(plain), a.value_name.as_deref()) else {
            return false;
        };
        same_word(&now, wanted) && !state.text(field).is_some_and(|before| same_word(&before, wanted))
    };
    // What was not sent yet cannot have been done by us.
    matches!(a.state, ActionState::Sent | ActionState::Unknown)
        && match a.verb {
            TicketVerb::Status | TicketVerb::Close | TicketVerb::Reopen => turned("status"),
            TicketVerb::Priority => turned("priority"),
            TicketVerb::Note => has_our_note(a, event),
            TicketVerb::Assign | TicketVerb::Create => false,
        }
}

fn has_our_note(a: &TicketAction, event: &Event) -> bool {
    let notes = notes(event.data.get("notes"));
    notes.iter().any(|note| is_ours(a, note["content"].as_str().or(note.as_str()).unwrap_or_default()))
}

/// Whether an event only tells what this action did. Locked rows alone are asked: sent, unknown, or confirmed
/// not long ago, each without an echo so far.
pub fn is_echo(a: &TicketAction, event: &Event, state: &SubjectState) -> bool {
    let is_about_tickets = matches!(event.kind.as_str(), "ticket.updated" | "ticket.closed");
    let is_late = a.settled_at.is_some_and(|settled| event.occurred_at > settled + ECHO);
    if !is_about_tickets || is_late || a.state == ActionState::Requested || event.occurred_at < a.asked_at - SKEW {
        return false;
    }
    if a.verb == TicketVerb::Note {
        return has_our_note(a, event);
    }
    proves(a, event, state) || brings_nothing_new(event, state)
}

/// Whether the state has all that an event says, but for who and when.
fn brings_nothing_new(event: &Event, state: &SubjectState) -> bool {
    let Value::Object(data) = &event.data else { return false };
    let ours = ["updated_by", "updated_at", "closed_by", "company_id"];
    data.iter().filter(|(name, value)| !ours.contains(&name.as_str()) && !value.is_null()).all(|(name, value)| {
        let is_empty = value.as_array().is_some_and(Vec::is_empty);
        match state.fields.get(name) {
            None => is_empty,
            Some(field) if name == "notes" => contents(&field.value) == contents(value),
            Some(field) => canonical_json(&field.value) == canonical_json(value),
        }
    })
}

fn contents(notes: &Value) -> Vec<&str> {
    let notes = notes.as_array().map(Vec::as_slice).unwrap_or_default();
    notes.iter().filter_map(|note| note["content"].as_str().or(note.as_str())).collect()
}
