//! Bodies as other systems post them, and the ids of Discord's components.

use chrono::DateTime;
use serde_json::Value;
use signalbox::event::lenient::parse_json;
use signalbox::id::GuildId;
use signalbox::routing::embed::TOTAL;
use signalbox::routing::notice;
use signalbox::routing::subject::SubjectState;
use signalbox::source::{panel, party, xtsystems};
use uuid::Uuid;

use crate::harness::{fuzz, holds_nul, split, text};

#[test]
fn xtsystems_parse() {
    let words = [
        "\"event_type\":",
        "\"ticket.created\"",
        "\"machine.registered\"",
        "\"alert.triggered\"",
        "\"data\":{",
        "\"id\":",
        "\"timestamp\":",
        "\"2026-01-02T10:00:00Z\"",
        "\"asset_id\":",
        "\"hostname\":",
        "\"status\":",
        "\\u0000",
        "\\ud800",
        "[[[[[[[[",
    ];
    fuzz("xtsystems_parse", &words, |bytes| {
        let at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let parse = |bytes: &[u8]| xtsystems::parse::parse(bytes, Uuid::nil(), GuildId(1), Uuid::nil(), at);
        let (Ok(event), Ok(again)) = (parse(bytes), parse(bytes)) else { return };
        assert_eq!(event, again, "the same bytes are the same event");
        assert_eq!(xtsystems::parse::data_of(bytes).as_ref(), Ok(&event.data));
        assert!(!holds_nul(&event.data) && !event.kind.contains('\0'), "PostgreSQL stores no NUL");
        assert!(notice::render(&event).len() <= TOTAL);
        if let Some(kind) = event.subject_kind() {
            let mut state = SubjectState::default();
            state.apply(&event);
            let card = signalbox::routing::card::render(kind, &state, None);
            assert!(card.embeds.iter().map(|embed| embed.len() + 20).sum::<usize>() <= TOTAL);
        }
    });
}

#[test]
fn panel_body() {
    let words = [
        "\"event\":",
        "\"settings.updated\"",
        "\"server.state\"",
        "\"sync.failed\"",
        "\"system.alert\"",
        "\"custom\"",
        "\"types\":",
        "\"scopes\":[",
        "\"ADMIN\"",
        "\"data\":{",
        "\"embed\":{",
        "\"fields\":[",
        "\"changes\":",
        "\"password\":",
        "\"specversion\":\"1.0\",",
    ];
    fuzz("panel_body", &words, |bytes| {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
        if let Ok(dispatch) = panel::parse(body) {
            assert!(dispatch.kind.starts_with("panel.") && !dispatch.types.is_empty() && !dispatch.scopes.is_empty());
            assert!(signalbox::event::kind::find(&dispatch.kind).is_some(), "{}", dispatch.kind);
        }
    });
}

#[test]
fn party_body() {
    let words = [
        "party_created",
        "peer-joined",
        "game_started",
        "message",
        "\n\n",
        "\"host\":",
        "\"party_id\":",
        "\"party_name\":",
        "\"duration\":",
        "\"players\":[",
        "\"username\":",
        "12h",
        "-1",
    ];
    fuzz("party_body", &words, |bytes| {
        let (lines, body) = split(bytes);
        let name = lines.first().map(|line| text(line)).unwrap_or_default();
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
        if let Ok(notification) = party::parse(&name, body, None) {
            assert!(format!("{notification:?}").len() < 100_000);
        }
    });
}

/// What serde takes for JSON is read as that; more is read, and none of it holds what cannot be stored.
#[test]
fn lenient_json() {
    fuzz(
        "lenient_json",
        &["NaN", "Infinity", "-Infinity", "\\ud83d\\ude00", "\\ud83d", "1e400", "0x", "//", "\u{feff}"],
        |bytes| {
            let read = parse_json(bytes);
            if let Ok(strict) = serde_json::from_slice::<Value>(bytes)
                && !bytes.windows(6).any(|six| six == b"\\u0000")
                && !bytes.contains(&0)
            {
                assert_eq!(read.as_ref().ok(), Some(&strict), "{}", text(bytes));
            }
            if let Ok(value) = read {
                assert!(!holds_nul(&value));
            }
        },
    );
}

#[test]
fn custom_id() {
    let id = Uuid::from_u128(7).to_string();
    let words = [
        "v1",
        ":",
        "approval",
        "do",
        "approve",
        "ticket",
        "route",
        "source",
        "edit",
        "link",
        "audit",
        "deliveries",
        "privacy",
        &id,
        "zz",
        "-1",
    ];
    fuzz("custom_id", &words, |bytes| {
        let id = text(bytes);
        let is_ours = id.starts_with("v1:");
        assert!(!signalbox::discord::component::handles(&id) || is_ours, "{id}");
    });
}
