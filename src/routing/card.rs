//! Living cards: the current state of a ticket, machine or asset, its timeline, and its buttons.

mod approval;

pub use approval::{ApprovalState, ApprovalView, Verb, Voter};

use crate::event::kind::SubjectKind;
use crate::routing::embed::{Embed, FIELD_VALUE, MessageBody, escape, fit, relative};
use crate::routing::notice::{capitalised, footer, look};
use crate::routing::subject::SubjectState;

/// Timeline lines shown on a card.
const TIMELINE_SHOWN: usize = 6;

/// Renders the card of a subject as it stands.
pub fn render(kind: SubjectKind, state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    let body = match kind {
        SubjectKind::Machine => return machine(state, approval),
        SubjectKind::Ticket => ticket(state),
        SubjectKind::Asset => asset(state),
    };
    match approval {
        Some(approval) => with_approval(body, approval),
        None => body,
    }
}

/// What is to be decided about a thing whose card is about more than that.
fn with_approval(mut body: MessageBody, view: &ApprovalView) -> MessageBody {
    let shown = approval::show(view);
    if let Some(embed) = body.embeds.pop() {
        let about = format!("{}\n{}", fit(&escape(&view.title), SHORT), shown.status);
        body.embeds.push(embed.field("Approval", about, false).field("Reason", approval::reason(view), false));
    }
    body.buttons.extend(shown.buttons);
    body
}

fn frame(state: &SubjectState, kind: &str) -> Embed {
    let (title, color) = look(kind);
    Embed {
        title: title.to_owned(),
        color,
        footer: footer(kind),
        timestamp: state.latest().map(|entry| entry.key.time),
        ..Embed::default()
    }
}

/// Short values are cut so that a whole card stays below Discord's 6,000 characters.
const SHORT: usize = 200;
const LONG: usize = 1000;

fn text(state: &SubjectState, name: &str) -> String {
    fit(&long_text(state, name), SHORT)
}

fn long_text(state: &SubjectState, name: &str) -> String {
    state.text(name).map(|t| fit(&escape(&t), LONG)).unwrap_or_default()
}

/// A word of the sender's list, such as `in_progress`, as people write it.
fn word(state: &SubjectState, name: &str) -> String {
    state.text(name).map(|t| fit(&escape(&capitalised(&t)), SHORT)).unwrap_or_default()
}

fn or(value: String, fallback: &str) -> String {
    if value.is_empty() { fallback.to_owned() } else { value }
}

fn latest_kind<'a>(state: &'a SubjectState, fallback: &'a str) -> &'a str {
    state.latest().map_or(fallback, |entry| entry.kind.as_str())
}

fn ticket(state: &SubjectState) -> MessageBody {
    let kind = latest_kind(state, "ticket.updated");
    let closed = kind == "ticket.closed";
    let id = state.text("seq_id").or_else(|| state.text("id")).unwrap_or_default();
    let status = or(word(state, "status"), "Open");
    let embed = Embed { description: long_text(state, "description"), ..frame(state, kind) }
        .field("Ticket ID", format!("#{}", fit(&escape(&id), SHORT)), true)
        .field("Title", text(state, "title"), true)
        .field("Priority", or(word(state, "priority"), "Medium"), true)
        .field(if closed { "Final Status" } else { "Status" }, status, true)
        .field("Created By", text(state, "created_by"), true)
        .field("Company", text(state, "company_name"), true)
        .field("Latest Note", latest_note(state), false)
        .field("Resolution", long_text(state, "resolution"), false)
        .field("Timeline", timeline(state), false);
    MessageBody { embeds: vec![embed], ..MessageBody::default() }
}

/// The sender gives the last three notes, the newest at the end.
fn latest_note(state: &SubjectState) -> String {
    let Some(notes) = state.fields.get("notes") else { return String::new() };
    let newest = notes.value.as_array().and_then(|notes| notes.last());
    let content = newest.and_then(|note| note.get("content").and_then(|c| c.as_str()).or_else(|| note.as_str()));
    content.map(|c| fit(&escape(c), 1000)).unwrap_or_default()
}

fn asset(state: &SubjectState) -> MessageBody {
    let kind = latest_kind(state, "asset.updated");
    let id = state.text("id").or_else(|| state.text("asset_id")).unwrap_or_default();
    let embed = frame(state, kind)
        .field("Asset ID", fit(&escape(&id), SHORT), true)
        .field("Name", text(state, "name"), true)
        .field("Type", text(state, "asset_type"), true)
        .field("Description", long_text(state, "description"), false)
        .field("Timeline", timeline(state), false);
    MessageBody { embeds: vec![embed], ..MessageBody::default() }
}

fn machine(state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    let shown = approval.map(approval::show);
    let settled = match &shown {
        Some(shown) => shown.settled,
        None => state.has("machine.approved").then_some(Verb::Approve),
    };
    let (title, color) = match settled {
        None => (look("machine.registered").0, 0xFF9900),
        Some(Verb::Approve) => ("🖥️ Machine Approved", 0x2ECC71),
        Some(Verb::Deny) => ("🖥️ Machine Denied", 0xE74C3C),
    };
    let status = match (&shown, settled) {
        (Some(shown), _) => shown.status.clone(),
        (None, Some(_)) => format!("✅ Approved in XTSystems by {}", or(text(state, "approved_by"), "someone")),
        (None, None) => or(word(state, "status"), "Pending Approval"),
    };
    let latest = latest_kind(state, "machine.registered");
    let embed = Embed { title: title.to_owned(), color, ..frame(state, latest) }
        .field("Hostname", text(state, "hostname"), true)
        .field("IP Address", text(state, "ip_address"), true)
        .field("OS", text(state, "operating_system"), true)
        .field("Status", status, false)
        .field("Reason", approval.map(approval::reason).unwrap_or_default(), false)
        .field("Timeline", timeline(state), false);
    let buttons = shown.map(|shown| shown.buttons).unwrap_or_default();
    MessageBody { embeds: vec![embed], buttons, ..MessageBody::default() }
}

/// The newest entries, oldest first, each with the sender's time as the reader's clock shows it.
fn timeline(state: &SubjectState) -> String {
    let skipped = state.timeline.len().saturating_sub(TIMELINE_SHOWN);
    let lines: Vec<String> = state.timeline[skipped..]
        .iter()
        .map(|entry| {
            let what = entry.kind.rsplit_once('.').map_or(entry.kind.as_str(), |(_, what)| what);
            let by = entry.by.as_deref().map(|who| format!(" by {}", escape(&fit(who, 80)))).unwrap_or_default();
            format!("{} {}{by}", relative(entry.key.time), capitalised(what).to_lowercase())
        })
        .collect();
    let head = if skipped > 0 { format!("… {skipped} earlier\n") } else { String::new() };
    fit(&format!("{head}{}", lines.join("\n")), FIELD_VALUE)
}

#[cfg(test)]
mod tests;
