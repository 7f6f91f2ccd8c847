//! Plain notices: one embed for an event that has no living card, and the look of every kind.

use crate::event::{Event, Severity};
use crate::routing::embed::{DESCRIPTION, Embed, FIELD_VALUE, Footer, TITLE, escape, fit};
use crate::routing::subject::plain;

/// Characters of a long text that are shown; the rest is in the source system.
const LONG_TEXT: usize = 1000;

const CHANGED: u32 = 0x34_98_DB;

/// Title and colour of a kind, as the original systems have them.
pub fn look(kind: &str) -> (&'static str, u32) {
    match kind {
        "ticket.created" => ("🎫 New Ticket Created", 0x00FF00),
        "ticket.updated" => ("📝 Ticket Updated", 0xFFAA00),
        "ticket.closed" => ("🔒 Ticket Closed", 0x999999),
        "asset.created" => ("💻 New Asset Created", 0x0099FF),
        "asset.updated" => ("💻 Asset Updated", 0x0099FF),
        "machine.registered" => ("🖥️ New Machine Registered", 0xFF9900),
        "machine.approved" => ("🖥️ Machine Approved", 0x2ECC71),
        "alert.triggered" => ("🚨 Alert Triggered", 0xFF0000),
        "user.created" => ("👤 New User Created", 0x5865F2),
        "company.created" => ("🏢 New Company Created", 0x5865F2),
        "signalbox.notice" => ("⚠️ Signalbox", 0xF1C40F),
        _ => ("📨 Signal", 0x95A5A6),
    }
}

/// The name of a source's system as people know it.
pub fn system_name(kind: &str) -> &'static str {
    match kind.split('.').next() {
        Some("signalbox") => "Signalbox",
        Some("panel") => "NodeByte",
        Some("party") => "LANrage",
        Some("kick") => "Kick",
        Some("etlegacy") => "ET:Legacy",
        _ => "XTSystems",
    }
}

/// Footer without its mark, which is added when the message is frozen.
pub fn footer(kind: &str) -> Footer {
    Footer { text: format!("{} · {kind}", system_name(kind)), ..Footer::default() }
}

/// The embed of an event shown on its own.
pub fn render(event: &Event) -> Embed {
    if event.kind.starts_with("kick.") {
        return super::kick::render(event);
    }
    if event.kind.starts_with("etlegacy.") {
        return super::etlegacy::render(event);
    }
    if super::signal::is_one(event) {
        return super::signal::notice(event);
    }
    if event.kind.starts_with("panel.") {
        return super::panel::render(event);
    }
    if event.kind.starts_with("party.") {
        return super::party::render(event);
    }
    let text = |name: &str| event.data.get(name).and_then(plain).map(|t| escape(&t)).unwrap_or_default();
    let long = |name: &str| fit(&text(name), LONG_TEXT);
    let (title, color) = look(&event.kind);
    let embed = Embed {
        title: title.to_owned(),
        color,
        footer: footer(&event.kind),
        timestamp: Some(event.occurred_at),
        ..Embed::default()
    };
    match event.kind.as_str() {
        "alert.triggered" => Embed { description: fit(&text("message"), DESCRIPTION), ..embed }
            .field("Alert Type", text("alert_type"), true)
            .field("Severity", severity_label(event.severity, &text("severity")), true)
            .field("Source", text("source"), true)
            .field("Details", details(event), false),
        "user.created" => embed.field("Username", text("username"), true).field("Email", text("email"), true),
        "company.created" => embed.field("Name", text("name"), true),
        "signalbox.notice" => {
            // One that is no warning says itself what it is.
            let own = event.data.get("title").and_then(plain).map(|title| fit(&escape(&title), TITLE));
            let embed = Embed { description: fit(&with_marks(&text("text")), DESCRIPTION), ..embed };
            own.map_or(embed.clone(), |title| Embed { title, color: CHANGED, ..embed })
        }
        _ if crate::event::kind::find(&event.kind).is_some() => {
            let named = ["title", "name", "hostname", "status", "priority", "resolution"];
            named.iter().fold(embed, |embed, name| embed.field(&capitalised(name), long(name), true))
        }
        _ => generic(event, embed),
    }
}

/// Escaped text in which mentions of channels and times are what they were.
fn with_marks(escaped: &str) -> String {
    let mut parts = escaped.split("\\>").peekable();
    let mut out = String::with_capacity(escaped.len());
    while let Some(part) = parts.next() {
        out.push_str(part);
        if parts.peek().is_none() {
            break;
        }
        let inside = part.rsplit_once('<').map_or("", |(_, inside)| inside);
        out.push_str(if is_channel(inside) || is_time(inside) { ">" } else { "\\>" });
    }
    out
}

/// `#1180000000000000104`
fn is_channel(mark: &str) -> bool {
    mark.strip_prefix('#').is_some_and(is_number)
}

/// `t:1767348000:R`
fn is_time(mark: &str) -> bool {
    let parts = mark.strip_prefix("t:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(seconds, style)| is_number(seconds) && matches!(style, "t" | "T" | "d" | "D" | "f" | "F" | "R"))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// An event of a kind nobody described: its scalar fields, as they came.
fn generic(event: &Event, embed: Embed) -> Embed {
    let embed = Embed { title: fit(&format!("{} · {}", embed.title, escape(&event.kind)), TITLE), ..embed };
    let Some(map) = event.data.as_object() else { return embed };
    map.iter()
        .filter_map(|(name, value)| Some((name, plain(value)?)))
        .take(12)
        .fold(embed, |embed, (name, value)| embed.field(&escape(name), fit(&escape(&value), 200), true))
}

/// `details` may be text or an object; an object is shown as JSON in a code block.
fn details(event: &Event) -> String {
    match event.data.get("details") {
        Some(value @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => {
            let json = value.to_string().replace('`', "'");
            format!("```json\n{}\n```", fit(&json, LONG_TEXT)).chars().take(FIELD_VALUE).collect()
        }
        Some(value) => fit(&escape(&plain(value).unwrap_or_default()), LONG_TEXT),
        None => String::new(),
    }
}

/// The sender's word with a symbol, so that colour is never the only sign.
fn severity_label(severity: Severity, word: &str) -> String {
    let symbol = match severity {
        Severity::Critical => "🔴",
        Severity::Error => "🟠",
        Severity::Warning => "🟡",
        Severity::Info => "🔵",
        Severity::Debug => "⚪",
    };
    if word.is_empty() { format!("{symbol} {}", severity.as_str()) } else { format!("{symbol} {word}") }
}

/// `in_progress` → `In Progress`.
pub fn capitalised(word: &str) -> String {
    word.split(['_', ' '])
        .filter(|part| !part.is_empty())
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
        })
        .collect::<Vec<String>>()
        .join(" ")
}
