//! The living card of a ticket: its state, what people have asked XTSystems to do with it, and the
//! controls for asking. Pure: the lists to choose from come with the view, or are asked for by a button.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::card::{LONG, SHORT, frame, latest_kind, long_text, or, text, word};
use super::embed::{Button, ButtonStyle, Choice, MessageBody, OPTIONS, Select, escape, fit, relative};
use super::notice::{capitalised, look};
use super::subject::SubjectState;

/// Timeline lines shown on a card.
const TIMELINE_SHOWN: usize = 6;
/// Characters of the timeline and of what is asked for, so that a whole card stays below Discord's 6,000.
const TIMELINE_CHARS: usize = 800;
const ASKED_FOR_CHARS: usize = 500;

/// Names of statuses that end a ticket, where the list does not have them.
const CLOSED: [&str; 3] = ["closed", "resolved", "cancelled"];

/// What can be asked. Written into the database and into custom ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketVerb {
    Create,
    Status,
    Priority,
    Assign,
    Note,
    Close,
    Reopen,
}

impl TicketVerb {
    const NAMES: [(&'static str, TicketVerb); 7] = [
        ("create", TicketVerb::Create),
        ("status", TicketVerb::Status),
        ("priority", TicketVerb::Priority),
        ("assign", TicketVerb::Assign),
        ("note", TicketVerb::Note),
        ("close", TicketVerb::Close),
        ("reopen", TicketVerb::Reopen),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, verb)| *verb == self).map_or("", |(name, _)| name)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, verb)| *verb)
    }

    /// Whether both change the same thing, so that the second waits for the fate of the first.
    pub fn excludes(self, other: Self) -> bool {
        let changes_status = |verb| matches!(verb, TicketVerb::Status | TicketVerb::Close | TicketVerb::Reopen);
        match self {
            TicketVerb::Note | TicketVerb::Create => false,
            _ => self == other || changes_status(self) && changes_status(other),
        }
    }
}

/// How far XTSystems is with it. Table 3 of `ARCHITECTURE.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionState {
    Requested,
    Sent,
    Unknown,
    Confirmed,
    Refused,
}

impl ActionState {
    const NAMES: [(&'static str, ActionState); 5] = [
        ("requested", ActionState::Requested),
        ("sent", ActionState::Sent),
        ("unknown", ActionState::Unknown),
        ("confirmed", ActionState::Confirmed),
        ("refused", ActionState::Refused),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state)
    }

    pub fn is_open(self) -> bool {
        matches!(self, ActionState::Requested | ActionState::Sent | ActionState::Unknown)
    }
}

/// What a card shows of something asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionView {
    pub id: Uuid,
    pub verb: TicketVerb,
    pub value_name: Option<String>,
    pub state: ActionState,
    /// Who asked, as a mention.
    pub by: Option<String>,
    pub asked_at: DateTime<Utc>,
    pub attempts: i32,
    pub upstream_text: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
}

/// An entry of one of XTSystems' lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListItem {
    pub id: String,
    pub name: String,
    /// `#3498db`
    #[serde(default)]
    pub color: Option<String>,
    #[serde(default)]
    pub is_closed: bool,
    /// A user's address, by which people know them.
    #[serde(default)]
    pub email: Option<String>,
}

/// What a ticket's card needs beside its state. `None` for the whole: nothing can be sent back.
#[derive(Clone, Debug, PartialEq)]
pub struct Controls {
    pub subject_id: Uuid,
    /// Empty while XTSystems has not told them yet.
    pub statuses: Vec<ListItem>,
    pub priorities: Vec<ListItem>,
}

/// Renders a ticket. `actions`: the newest ones, oldest first.
pub fn render(state: &SubjectState, actions: &[ActionView], controls: Option<&Controls>) -> MessageBody {
    let statuses = controls.map(|c| c.statuses.as_slice()).unwrap_or_default();
    let kind = latest_kind(state, "ticket.updated");
    let closed = is_closed(state, statuses);
    let look = if closed { look("ticket.closed") } else { look(kind) };
    let id = state.text("seq_id").or_else(|| state.text("id")).unwrap_or_default();
    let status = or(word(state, "status"), "Open");
    let mut embed = frame(state, kind);
    (embed.title, embed.color) = (look.0.to_owned(), look.1);
    embed.description = long_text(state, "description");
    let embed = embed
        .field("Ticket ID", format!("#{}", fit(&escape(&id), SHORT)), true)
        .field("Title", text(state, "title"), true)
        .field("Priority", or(word(state, "priority"), "Medium"), true)
        .field(if closed { "Final Status" } else { "Status" }, status, true)
        .field("Assigned To", text(state, "assigned_name"), true)
        .field("Created By", text(state, "created_by"), true)
        .field("Company", text(state, "company_name"), true)
        .field("Latest Note", latest_note(state), false)
        // Of a ticket that was reopened it is past.
        .field("Resolution", if closed { long_text(state, "resolution") } else { String::new() }, false)
        .field("Asked For", asked_for(actions), false)
        .field("Timeline", timeline(state, actions), false);
    let mut body = MessageBody { embeds: vec![embed], ..MessageBody::default() };
    if let Some(controls) = controls {
        (body.selects, body.buttons) = offered(state, controls, closed);
    }
    body
}

/// By the status where the list says what it means, else by what happened last.
pub fn is_closed(state: &SubjectState, statuses: &[ListItem]) -> bool {
    means_closed(None, state.text("status").as_deref(), statuses)
        .unwrap_or_else(|| latest_kind(state, "") == "ticket.closed")
}

/// Whether a status, by its id or else by its name, ends a ticket. `None`: it is not in the list, and its name
/// does not tell. The purge of old tickets asks the same in SQL.
pub fn means_closed(id: Option<&str>, name: Option<&str>, statuses: &[ListItem]) -> Option<bool> {
    let by_id = statuses.iter().find(|s| Some(s.id.as_str()) == id);
    let listed = by_id.or_else(|| statuses.iter().find(|s| name.is_some_and(|name| same_word(&s.name, name))));
    let is_told = || name.is_some_and(|name| CLOSED.iter().any(|word| same_word(word, name)));
    listed.map(|status| status.is_closed).or_else(|| is_told().then_some(true))
}

/// `In Progress` is `in_progress` in events.
pub fn same_word(one: &str, other: &str) -> bool {
    as_word(one) == as_word(other)
}

/// A name of a list as events write it.
pub fn as_word(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

fn offered(state: &SubjectState, controls: &Controls, closed: bool) -> (Vec<Select>, Vec<Button>) {
    let button = |verb: TicketVerb, label: &str, emoji, style| Button {
        custom_id: format!("v1:ticket:{}:{}", verb.as_str(), controls.subject_id),
        label: label.to_owned(),
        emoji: Some(emoji),
        style,
    };
    if closed {
        return (vec![], vec![button(TicketVerb::Reopen, "Reopen", "↩️", ButtonStyle::Secondary)]);
    }
    let (mut selects, mut buttons) = (Vec::new(), Vec::new());
    for (verb, list, field, label, emoji) in [
        (TicketVerb::Status, &controls.statuses, "status", "Status", "🚦"),
        (TicketVerb::Priority, &controls.priorities, "priority", "Priority", "🔥"),
    ] {
        if list.is_empty() {
            // Asked for when it is pressed; the choice then comes privately.
            buttons.push(button(verb, label, emoji, ButtonStyle::Secondary));
        } else {
            selects.push(select(verb, controls.subject_id, list, state.text(field).as_deref()));
        }
    }
    buttons.push(button(TicketVerb::Assign, "Assign to me", "🙋", ButtonStyle::Secondary));
    buttons.push(button(TicketVerb::Note, "Note", "📝", ButtonStyle::Secondary));
    buttons.push(button(TicketVerb::Close, "Close", "🔒", ButtonStyle::Danger));
    (selects, buttons)
}

/// The select for a status or a priority, with what stands now as the choice made. Of more than 25 the
/// first are offered, and what stands now.
pub fn select(verb: TicketVerb, subject_id: Uuid, list: &[ListItem], now: Option<&str>) -> Select {
    let is_now = |item: &ListItem| now.is_some_and(|now| same_word(&item.name, now));
    let mut shown: Vec<&ListItem> = list.iter().take(OPTIONS).collect();
    if let Some(standing) = list.iter().skip(OPTIONS).find(|item| is_now(item)) {
        shown.pop();
        shown.push(standing);
    }
    let options = shown.into_iter().map(|item| Choice {
        value: item.id.clone(),
        label: item.name.clone(),
        emoji: Some(circle(item.color.as_deref())),
        is_default: is_now(item),
    });
    Select {
        custom_id: format!("v1:ticket:{}:{subject_id}", verb.as_str()),
        placeholder: if verb == TicketVerb::Priority { "Set the priority" } else { "Set the status" }.into(),
        options: options.collect(),
    }
}

/// The circle nearest to a colour such as `#3498db`; the name beside it says the same in words.
fn circle(color: Option<&str>) -> &'static str {
    const CIRCLES: [(&str, [i32; 3]); 8] = [
        ("🔴", [221, 46, 68]),
        ("🟠", [244, 144, 12]),
        ("🟡", [253, 203, 88]),
        ("🟢", [120, 177, 89]),
        ("🔵", [85, 172, 238]),
        ("🟣", [170, 142, 214]),
        ("🟤", [193, 105, 79]),
        ("⚪", [200, 205, 210]),
    ];
    let hex = color.and_then(|c| i32::from_str_radix(c.trim_start_matches('#'), 16).ok()).unwrap_or(0xC8_CD_D2);
    let rgb = [hex >> 16 & 0xFF, hex >> 8 & 0xFF, hex & 0xFF];
    let distance = |to: &[i32; 3]| -> i32 { rgb.iter().zip(to).map(|(a, b)| (a - b).pow(2)).sum() };
    CIRCLES.iter().min_by_key(|(_, at)| distance(at)).map_or("⚪", |(name, _)| name)
}

/// The sender gives the last three notes, the newest at the end.
fn latest_note(state: &SubjectState) -> String {
    let Some(notes) = state.fields.get("notes") else { return String::new() };
    let newest = notes.value.as_array().and_then(|notes| notes.last());
    let content = newest.and_then(|note| note.get("content").and_then(|c| c.as_str()).or_else(|| note.as_str()));
    content.map(|c| fit(&escape(c), LONG)).unwrap_or_default()
}

/// `status → In Progress`, `a note`.
pub fn what(verb: TicketVerb, value_name: Option<&str>) -> String {
    let value = value_name.map(|name| escape(&fit(name, 80))).unwrap_or_default();
    match verb {
        TicketVerb::Create => "create".into(),
        TicketVerb::Status => format!("status → {value}"),
        TicketVerb::Priority => format!("priority → {value}"),
        TicketVerb::Assign => format!("assign to {value}"),
        TicketVerb::Note => "note".into(),
        TicketVerb::Close => "close".into(),
        TicketVerb::Reopen => "reopen".into(),
    }
}

fn asked_for(actions: &[ActionView]) -> String {
    let lines = actions.iter().filter(|a| a.state.is_open()).map(|a| {
        let what = what(a.verb, a.value_name.as_deref());
        let (by, when) = (a.by.as_deref().unwrap_or("someone"), relative(a.asked_at));
        match a.state {
            ActionState::Unknown => format!(
                "❔ {what} asked for by {by} {when}. XTSystems has not said whether it was done; asking again ({} so far)",
                a.attempts
            ),
            ActionState::Requested if a.attempts > 0 => {
                format!("⏳ {what} asked for by {by} {when}. XTSystems cannot be reached; trying again")
            }
            _ => format!("⏳ {what} asked for by {by} {when}"),
        }
    });
    fit(&lines.collect::<Vec<_>>().join("\n"), ASKED_FOR_CHARS)
}

/// Events, and what was asked for here and came to an end; the newest entries, oldest first.
fn timeline(state: &SubjectState, actions: &[ActionView]) -> String {
    let mut lines: Vec<(DateTime<Utc>, String)> = Vec::new();
    for entry in &state.timeline {
        let at = entry.key.time;
        let line = match actions.iter().find(|a| a.id == entry.event_id) {
            Some(action) => {
                let by = action.by.as_deref().unwrap_or("someone");
                format!("{} {} by {by}", relative(at), what(action.verb, action.value_name.as_deref()))
            }
            None => {
                let what = entry.kind.rsplit_once('.').map_or(entry.kind.as_str(), |(_, what)| what);
                let by = entry.by.as_deref().map(|who| format!(" by {}", escape(&fit(who, 80)))).unwrap_or_default();
                format!("{} {}{by}", relative(at), capitalised(what).to_lowercase())
            }
        };
        lines.push((at, line));
    }
    for action in actions.iter().filter(|a| a.state == ActionState::Refused) {
        let at = action.settled_at.unwrap_or(action.asked_at);
        let (what, by) = (what(action.verb, action.value_name.as_deref()), action.by.as_deref().unwrap_or("someone"));
        let said = action.upstream_text.as_deref().filter(|t| !t.is_empty()).unwrap_or("no reason given");
        let said = fit(&escape(said), 120);
        lines.push((at, format!("{} ⚠️ {what} asked for by {by} was refused: {said}", relative(at))));
    }
    lines.sort_by_key(|(at, _)| *at);
    let (mut shown, mut left) = (Vec::new(), TIMELINE_CHARS);
    for (_, line) in lines.iter().rev().take(TIMELINE_SHOWN) {
        let Some(rest) = left.checked_sub(line.chars().count() + 1) else { break };
        left = rest;
        shown.push(line.as_str());
    }
    let skipped = lines.len() - shown.len();
    shown.reverse();
    let head = if skipped > 0 { format!("… {skipped} earlier\n") } else { String::new() };
    format!("{head}{}", shown.join("\n"))
}

#[cfg(test)]
mod tests;
