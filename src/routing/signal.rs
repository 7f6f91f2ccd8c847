//! How the events of described sources look: title, text, link and fields as their mapping says, on a card where they
//! are about a lasting thing, else each for itself.

use serde_json::Value;

use super::card::with_approval;
use super::card::{ApprovalView, timeline};
use super::embed::{Embed, Footer, MessageBody, TITLE, TOTAL, escape, fit, web_address};
use super::subject::{SubjectState, plain};
use crate::event::{Event, Severity};

const TEXT: usize = 1500;
const FIELDS: usize = 12;
const FIELD_NAME: usize = 60;
const FIELD: usize = 250;
/// With room for the mark.
const ROOM: usize = TOTAL - 100;
const SHORTEST_TEXT: usize = 200;
const GREEN: u32 = 0x2ECC71;

/// True for an event of a described source.
pub fn is_one(event: &Event) -> bool {
    event.data.get("signal_source").is_some()
}

/// The embed of an event shown on its own.
pub fn notice(event: &Event) -> Embed {
    let mut embed = frame(&|name| event.data.get(name).cloned(), &event.kind);
    embed.timestamp = Some(event.occurred_at);
    embed
}

/// The card of a lasting thing, as the newest event about it says. What is over has no buttons.
pub fn card(state: &SubjectState, approval: Option<&ApprovalView>) -> MessageBody {
    let value = |name: &str| state.fields.get(name).map(|field| field.value.clone());
    let latest = state.latest();
    let kind = latest.map_or("", |entry| entry.kind.as_str());
    let mut embed = frame(&value, kind);
    let own = embed.fields.len();
    embed.timestamp = latest.map(|entry| entry.key.time);
    if let Some(state) = value("state").as_ref().and_then(plain) {
        embed = embed.field("State", fit(&escape(&super::notice::capitalised(&state)), FIELD), true);
    }
    let embed = embed.field("Timeline", timeline(state), false);
    let mut body = with_approval(MessageBody { embeds: vec![embed], ..MessageBody::default() }, approval);
    if is_over(&value) {
        body.buttons.clear();
    }
    if let Some(embed) = body.embeds.first_mut() {
        shorten(embed, own);
    }
    body
}

/// What the sender says gives way to what people did: its text first, then its fields, `own` in number, from the last.
fn shorten(embed: &mut Embed, own: usize) {
    let length = embed.description.chars().count();
    let over = embed.len().saturating_sub(ROOM);
    if over > 0 && length > SHORTEST_TEXT {
        embed.description = fit(&embed.description, length.saturating_sub(over).max(SHORTEST_TEXT));
    }
    for at in (0..own).rev() {
        if embed.len() <= ROOM {
            return;
        }
        embed.fields.remove(at);
    }
}

type Part<'a> = &'a dyn Fn(&str) -> Option<Value>;

fn is_over(part: Part<'_>) -> bool {
    part("resolved") == Some(Value::Bool(true))
}

fn frame(part: Part<'_>, kind: &str) -> Embed {
    let text = |name: &str| part(name).as_ref().and_then(plain).unwrap_or_default();
    let severity = Severity::parse(&text("severity")).unwrap_or(Severity::Info);
    let (symbol, color) = if is_over(part) { ("✅", GREEN) } else { look(severity) };
    let title = Some(text("title")).filter(|title| !title.is_empty()).unwrap_or_else(|| kind.to_owned());
    let embed = Embed {
        title: fit(&format!("{symbol} {}", escape(&title)), TITLE),
        description: fit(&escape(&text("text")), TEXT),
        url: web_address(&text("url")).unwrap_or_default(),
        color,
        footer: Footer { text: format!("{} · {kind}", fit(&text("signal_source"), 80)), ..Footer::default() },
        ..Embed::default()
    };
    let fields = part("fields");
    let fields = fields.as_ref().and_then(Value::as_array).into_iter().flatten().take(FIELDS);
    fields.fold(embed, |embed, field| {
        let part = |name: &str| field.get(name).and_then(plain).unwrap_or_default();
        let value = part("value");
        let inline = value.len() < 40 && !value.contains('\n');
        let name = Some(part("name")).filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "Value".to_owned());
        embed.field(&fit(&escape(&name), FIELD_NAME), fit(&escape(&value), FIELD), inline)
    })
}

/// Symbol and colour, so that colour is never the only sign.
fn look(severity: Severity) -> (&'static str, u32) {
    match severity {
        Severity::Critical => ("🔴", 0xC0392B),
        Severity::Error => ("🟠", 0xE67E22),
        Severity::Warning => ("🟡", 0xF1C40F),
        Severity::Info => ("🔵", 0x3498DB),
        Severity::Debug => ("⚪", 0x95A5A6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_card_fits() {
        let field = serde_json::json!({ "name": "n".repeat(300), "value": "v".repeat(3000) });
        let mut state = SubjectState::default();
        for n in 0..20u128 {
            let at = chrono::DateTime::from_timestamp(1_767_348_000, 0).unwrap();
            state.apply(&Event {
                id: uuid::Uuid::from_u128(n),
                source_id: uuid::Uuid::nil(),
                guild_id: crate::id::GuildId(1),
                kind: format!("a.{}", "k".repeat(80)),
                subject: Some("signal:1".into()),
                occurred_at: at,
                received_at: at,
                severity: Severity::Info,
                dedup_key: n.to_string(),
                data: serde_json::json!({
                    "signal_source": "s".repeat(200), "title": "t".repeat(500), "text": "x".repeat(5000), "state": "s".repeat(500),
                    "fields": vec![field.clone(); 20]
                }),
            });
        }
        let embed = card(&state, None).embeds.remove(0);
        assert!((ROOM - 400..=ROOM).contains(&embed.len()), "{}", embed.len());
        assert!(embed.fields.iter().any(|field| field.name == "Timeline"));
    }
}
