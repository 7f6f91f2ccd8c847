//! Living cards: the current state of a ticket, machine or asset, its timeline, and its buttons.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::kind::SubjectKind;
use crate::routing::embed::{Button, ButtonStyle, Embed, FIELD_VALUE, MessageBody, escape, fit, relative};
use crate::routing::notice::{capitalised, footer, look};
use crate::routing::subject::SubjectState;

/// Timeline lines shown on a card.
const TIMELINE_SHOWN: usize = 6;

/// What a card shows of an approval. States as in `ARCHITECTURE.md`, table 2.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalView {
    pub id: Uuid,
    pub state: ApprovalState,
    pub verb: Option<Verb>,
    /// Who pressed, as a mention.
    pub by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    /// What XTSystems answered, in its words.
    pub upstream_text: Option<String>,
    pub attempts: i32,
    /// The decision as XTSystems has it, and who took it there.
    pub outcome: Option<Verb>,
    pub outcome_by: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    Requested,
    Deciding,
    Sent,
    Unknown,
    Confirmed,
    Refused,
    Elsewhere,
    Superseded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Approve,
    Deny,
}

impl ApprovalState {
    const NAMES: [(&'static str, ApprovalState); 8] = [
        ("requested", ApprovalState::Requested),
        ("deciding", ApprovalState::Deciding),
        ("sent", ApprovalState::Sent),
        ("unknown", ApprovalState::Unknown),
        ("confirmed", ApprovalState::Confirmed),
        ("refused", ApprovalState::Refused),
        ("elsewhere", ApprovalState::Elsewhere),
        ("superseded", ApprovalState::Superseded),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == word).map(|(_, state)| *state)
    }
}

impl Verb {
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Approve => "approve",
            Verb::Deny => "deny",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "approve" => Some(Verb::Approve),
            "deny" => Some(Verb::Deny),
            _ => None,
        }
    }

    pub fn opposite(self) -> Self {
        match self {
            Verb::Approve => Verb::Deny,
            Verb::Deny => Verb::Approve,
        }
    }

    /// "Approved", "Denied".
    pub fn done(self) -> &'static str {
        match self {
            Verb::Approve => "Approved",
            Verb::Deny => "Denied",
        }
    }

    fn button(self, approval: Uuid, label: &str) -> Button {
        let (emoji, style) = match self {
            Verb::Approve => ("✅", ButtonStyle::Success),
            Verb::Deny => ("⛔", ButtonStyle::Danger),
        };
        Button {
            custom_id: format!("v1:approval:{}:{approval}", self.as_str()),
            label: label.to_owned(),
            emoji: Some(emoji),
            style,
        }
    }

    /// "Approve", "Deny".
    pub fn label(self) -> &'static str {
        match self {
            Verb::Approve => "Approve",
            Verb::Deny => "Deny",
        }
    }
}

/// Renders the card of a subject as it stands. A ticket has more to it: see [`super::ticket`].
pub fn render(kind: SubjectKind, state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    match kind {
        SubjectKind::Ticket => super::ticket::render(state, &[], None),
        SubjectKind::Machine => machine(state, approval),
        SubjectKind::Asset => asset(state),
    }
}

pub(super) fn frame(state: &SubjectState, kind: &str) -> Embed {
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
pub(super) const SHORT: usize = 200;
pub(super) const LONG: usize = 1000;

pub(super) fn text(state: &SubjectState, name: &str) -> String {
    fit(&long_text(state, name), SHORT)
}

pub(super) fn long_text(state: &SubjectState, name: &str) -> String {
    state.text(name).map(|t| fit(&escape(&t), LONG)).unwrap_or_default()
}

/// A word of the sender's list, such as `in_progress`, as people write it.
pub(super) fn word(state: &SubjectState, name: &str) -> String {
    state.text(name).map(|t| fit(&escape(&capitalised(&t)), SHORT)).unwrap_or_default()
}

pub(super) fn or(value: String, fallback: &str) -> String {
    if value.is_empty() { fallback.to_owned() } else { value }
}

pub(super) fn latest_kind<'a>(state: &'a SubjectState, fallback: &'a str) -> &'a str {
    state.latest().map_or(fallback, |entry| entry.kind.as_str())
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
    let shown = MachineStatus::of(state, approval);
    let embed = Embed {
        title: shown.title.to_owned(),
        color: shown.color,
        ..frame(state, latest_kind(state, "machine.registered"))
    }
    .field("Hostname", text(state, "hostname"), true)
    .field("IP Address", text(state, "ip_address"), true)
    .field("OS", text(state, "operating_system"), true)
    .field("Status", shown.status, false)
    .field(
        "Reason",
        // The reason of a denial that was overtaken by an approval is no reason for it.
        approval
            .filter(|a| a.outcome != Some(Verb::Approve))
            .and_then(|a| a.reason.as_deref())
            .map(|r| fit(&escape(r), LONG))
            .unwrap_or_default(),
        false,
    )
    .field("Timeline", timeline(state), false);
    MessageBody { embeds: vec![embed], buttons: shown.buttons, ..MessageBody::default() }
}

struct MachineStatus {
    title: &'static str,
    color: u32,
    status: String,
    buttons: Vec<Button>,
}

impl MachineStatus {
    /// The card never says approved or denied before XTSystems said so.
    fn of(state: &SubjectState, approval: Option<&ApprovalView>) -> Self {
        let waiting =
            |status: String, buttons| Self { title: look("machine.registered").0, color: 0xFF9900, status, buttons };
        let Some(a) = approval else {
            return if state.has("machine.approved") {
                let by = or(text(state, "approved_by"), "someone");
                Self::settled(Verb::Approve, format!("✅ Approved in XTSystems by {by}"))
            } else {
                waiting(or(word(state, "status"), "Pending Approval"), Vec::new())
            };
        };
        let by = a.by.clone().unwrap_or_else(|| "someone".into());
        let when = a.decided_at.map(relative).unwrap_or_default();
        let verb = a.verb.unwrap_or(Verb::Approve);
        let said = a.upstream_text.as_deref().map(|t| format!("\n> {}", fit(&escape(t), 300))).unwrap_or_default();
        match a.state {
            ApprovalState::Requested => waiting(
                "🟠 Pending Approval".into(),
                vec![Verb::Approve.button(a.id, "Approve"), Verb::Deny.button(a.id, "Deny")],
            ),
            ApprovalState::Deciding | ApprovalState::Sent => waiting(
                format!("⏳ {} asked for by {by} {when}, waiting for XTSystems to confirm", verb.label()),
                Vec::new(),
            ),
            ApprovalState::Unknown => waiting(
                format!(
                    "❔ {} asked for by {by} {when}. XTSystems has not said whether it was done; asking again ({} so far)",
                    verb.label(),
                    a.attempts
                ),
                Vec::new(),
            ),
            ApprovalState::Refused => waiting(
                format!("⚠️ XTSystems refused to {} (asked for by {by} {when}){said}", verb.as_str()),
                vec![
                    verb.button(a.id, &format!("Retry {}", verb.label())),
                    verb.opposite().button(a.id, verb.opposite().label()),
                ],
            ),
            ApprovalState::Confirmed => {
                let settled = a.settled_at.map(relative).unwrap_or_default();
                let done = a.outcome.unwrap_or(verb);
                Self::settled(
                    done,
                    format!("{} {} by {by} {when}, confirmed by XTSystems {settled}", done.symbol(), done.done()),
                )
            }
            ApprovalState::Elsewhere => {
                let done = a.outcome.unwrap_or(Verb::Approve);
                let who = a.outcome_by.as_deref().map(|w| format!(" by {}", escape(&fit(w, 80)))).unwrap_or_default();
                let settled = a.settled_at.map(relative).unwrap_or_default();
                Self::settled(done, format!("{} {} in XTSystems{who} {settled}", done.symbol(), done.done()))
            }
            ApprovalState::Superseded => waiting("Superseded by a newer registration".into(), Vec::new()),
        }
    }

    fn settled(verb: Verb, status: String) -> Self {
        let (title, color) = match verb {
            Verb::Approve => ("🖥️ Machine Approved", 0x2ECC71),
            Verb::Deny => ("🖥️ Machine Denied", 0xE74C3C),
        };
        Self { title, color, status, buttons: Vec::new() }
    }
}

impl Verb {
    fn symbol(self) -> &'static str {
        match self {
            Verb::Approve => "✅",
            Verb::Deny => "⛔",
        }
    }
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
