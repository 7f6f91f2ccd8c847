//! Living cards: the current state of a ticket, machine or asset, its timeline, and its buttons.

mod approval;

pub use approval::{ApprovalState, ApprovalView, Verb, Voter};

use uuid::Uuid;

use crate::event::kind::SubjectKind;
use crate::routing::embed::{Button, ButtonStyle, Embed, FIELD_VALUE, MessageBody, escape, fit, relative};
use crate::routing::notice::{capitalised, footer, look};
use crate::routing::post::About;
use crate::routing::subject::SubjectState;

/// Timeline lines shown on a card.
const TIMELINE_SHOWN: usize = 6;

/// Renders the card of a subject as it stands. A ticket has more to it: see [`super::ticket`].
pub fn render(kind: SubjectKind, state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    match kind {
        SubjectKind::Ticket => with_approval(super::ticket::render(state, &[], None), approval),
        SubjectKind::Machine => machine(state, approval),
        SubjectKind::Asset => with_approval(asset(state), approval),
        SubjectKind::Party => super::party::card(state),
        SubjectKind::Stream => super::kick::stream_card(state),
        SubjectKind::Signal if super::kick::is_redemption(state) => super::kick::redemption_card(state, approval),
        SubjectKind::Signal => super::signal::card(state, approval),
        // What it shows is not in its state.
        SubjectKind::Board => super::board::render(&super::board::Board::Gone, None),
        SubjectKind::Match => super::etlegacy::card(state),
    }
}

/// What is to be decided about a thing whose card is about more than that.
pub fn with_approval(mut body: MessageBody, approval: Option<&ApprovalView>) -> MessageBody {
    let Some(view) = approval else { return body };
    let shown = approval::show(view);
    if let Some(embed) = body.embeds.pop() {
        let embed = match &view.offers {
            // The card itself says what it is about.
            Some(_) => embed.field("Action", shown.status, false),
            None => {
                let about = format!("{}\n{}", fit(&escape(&view.title), SHORT), shown.status);
                embed.field("Approval", about, false)
            }
        };
        body.embeds.push(embed.field("Reason", approval::reason(view), false));
    }
    body.buttons.splice(..0, shown.buttons);
    body
}

/// The last of a card's buttons: silences what it is about. Where the row is full it begins another, so that what people
/// came to press stays together, and the button is on every card that has buttons at all. A machine has none: who asks
/// to be let in is shown whatever is silenced (see [`super::silence::must_be_named`]). Nor has a board: no events come of it;
/// nor a match: it is over.
pub fn silence_button(about: &About<'_>, subject_id: Uuid) -> Option<Button> {
    let is_over = about.is_resolved() || about.state.fields.get("resolved").is_some_and(|field| field.value == true);
    (!matches!(about.kind, SubjectKind::Machine | SubjectKind::Board | SubjectKind::Match) && !is_over).then(|| {
        Button {
            custom_id: format!("v1:silence:ask:{subject_id}"),
            label: "Silence".to_owned(),
            emoji: Some("🔕"),
            style: ButtonStyle::Secondary,
        }
    })
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
pub(super) fn timeline(state: &SubjectState) -> String {
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
