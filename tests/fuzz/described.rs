//! What described sources send, through every preset, to the message that Discord is given.

use chrono::DateTime;
use serde_json::{Value, json};
use signalbox::id::GuildId;
use signalbox::routing::embed::{DESCRIPTION, FIELD_NAME, FIELD_VALUE, TITLE, TOTAL};
use signalbox::routing::signal;
use signalbox::routing::subject::SubjectState;
use signalbox::source::generic::body;
use signalbox::source::generic::config::{Mapping, SourceConfig};
use signalbox::source::generic::mapping;
use signalbox::source::generic::preset::PRESETS;
use signalbox::source::generic::read::{Delivery, Origin, read};
use signalbox::source::generic::verify::Verified;
use uuid::Uuid;

use crate::harness::{fuzz, holds_nul, split, text};

const WORDS: &[&str] = &[
    "\"action\":",
    "\"state\":",
    "\"alerts\":[",
    "\"labels\":{",
    "\"commits\":[",
    "\"pull_request\":{",
    "\"data\":{",
    "\"resolved\"",
    "\"firing\"",
    "true",
    "[[[[[[[[",
    "{\"a\":",
    "payload=",
    "&a=",
    "%7B",
];

fn origin() -> Origin<'static> {
    Origin { id: Uuid::nil(), guild_id: GuildId(1), name: "ci" }
}

/// Everything that follows from a believed body.
fn through(config: &SourceConfig, headers: &[(String, String)], content_type: Option<&[u8]>, raw: &[u8]) {
    let Ok(payload) = body::read(content_type, raw) else { return };
    let received_at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
    for verified in [
        Verified { secret_index: 0, sent_at: Some(received_at), id: Some("d-1".into()), signed: true },
        Verified { secret_index: 0, sent_at: None, id: None, signed: false },
    ] {
        let delivery = Delivery { headers, raw, verified: &verified, received_at };
        let (events, _) = read(origin(), &config.mapping, &config.actions, &payload, &delivery, Uuid::nil);
        assert!(events.len() <= 500);
        for new in &events {
            let event = &new.event;
            assert!(event.kind.len() <= 100 && event.dedup_key.len() <= 300, "{} {}", event.kind, event.dedup_key);
            assert!(
                event.subject.as_ref().is_none_or(|subject| subject.starts_with("signal:") && subject.len() <= 300)
            );
            assert!(event.kind.contains('.') && signalbox::event::kind::find(&event.kind).is_none(), "{}", event.kind);
            fits(&signal::notice(event));
            let mut state = SubjectState::default();
            state.apply(event);
            signal::card(&state, None).embeds.iter().for_each(fits);
            assert!(!holds_nul(&event.data), "PostgreSQL stores no NUL");
        }
    }
}

/// Discord's limits of an embed.
fn fits(embed: &signalbox::routing::embed::Embed) {
    let chars = |text: &str| text.chars().count();
    assert!(embed.len() + 20 <= TOTAL, "{} characters", embed.len());
    assert!(chars(&embed.title) <= TITLE && chars(&embed.description) <= DESCRIPTION && embed.fields.len() <= 25);
    for field in &embed.fields {
        assert!(
            (1..=FIELD_NAME).contains(&chars(&field.name)) && (1..=FIELD_VALUE).contains(&chars(&field.value)),
            "{field:?}"
        );
    }
}

#[test]
fn presets() {
    let configs: Vec<SourceConfig> = PRESETS.iter().map(|preset| preset.config()).collect();
    fuzz("presets", WORDS, |bytes| {
        let (lines, raw) = split(bytes);
        let headers: Vec<(String, String)> = lines
            .iter()
            .filter_map(|line| {
                let line = text(line);
                line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            })
            .collect();
        let form = headers.iter().any(|(name, value)| name == "content-type" && value.contains("form"));
        let content_type = form.then_some(b"application/x-www-form-urlencoded".as_slice());
        for config in &configs {
            through(config, &headers, content_type, raw);
        }
    });
}

/// A description that somebody writes: it is refused in words, or it reads every document within bounds.
#[test]
fn mapping_language() {
    let document = json!({
        "s": "x".repeat(3000), "l": (0..300).collect::<Vec<_>>(), "m": { "a": { "b": [1, null, "two"] } }, "n": 1.5,
        "o": (0..60).map(|n| (format!("k{n}"), Value::from("v".repeat(200)))).collect::<serde_json::Map<_, _>>()
    });
    let raw = document.to_string();
    fuzz(
        "mapping_language",
        &[
            "body",
            "body.s",
            "body.l",
            "body.m.a.b",
            "headers",
            "item",
            "|upper",
            "|join(",
            "|bullets('m')",
            "|pairs",
            "|default(",
            "|title",
            "|first_line",
            "|strip('x')",
            "|length",
            "|first",
            " ~ ",
            " if ",
            " else ",
            " in ",
            "not ",
            "==",
            "(",
            ")",
            "[",
            "]",
            "'x'",
            "1",
            "**",
            "*",
            "range(999999999)",
            "loop",
            "[0]",
            "[-1:]",
            "[::2]",
            "{'a':",
        ],
        |bytes| {
            let expression = text(bytes);
            let wanted = json!({
                "preset": "own", "verification": { "scheme": "url" },
                "mapping": {
                    "kind": "'x.y'", "title": expression, "subject": expression, "resolved": expression,
                    "fields": [{ "name": "f", "value": expression }], "actions": [{ "action": "go", "when": expression,
                        "body": [{ "name": "b", "value": expression }] }]
                },
                "actions": [{ "id": "go", "label": "Go", "url": "https://example.org/" }]
            });
            let config: SourceConfig = serde_json::from_value(wanted).unwrap();
            // What is refused is never stored, and so never run.
            if !mapping::problems(&config.mapping).is_empty() {
                return;
            }
            let mapped = mapping::map(&config.mapping, &document, &[], "ci");
            for one in mapped.iter().flatten() {
                let texts = [&one.title, &one.subject];
                assert!(texts.iter().all(|text| text.as_ref().is_none_or(|text| text.len() <= 16 * 1024)));
                let posted = one.offers.iter().flat_map(|(_, body)| body).map(|(_, value)| value.chars().count());
                assert!(posted.max().unwrap_or(0) <= 1000);
            }
            through(&config, &[], None, raw.as_bytes());
            let each =
                Mapping { each: expression, kind: "'x.' ~ item".into(), title: "item".into(), ..Mapping::default() };
            assert!(mapping::map(&each, &document, &[], "ci").map_or(0, |events| events.len()) <= 500);
        },
    );
}

/// The description itself, as JSON: from a file, a form or the interface.
#[test]
fn source_config() {
    fuzz(
        "source_config",
        &[
            "\"actions\":",
            "\"url\":",
            "\"roles\":",
            "\"scheme\":",
            "\"hmac\"",
            "\"standard_webhooks\"",
            "\"method\":",
            "\"PUT\"",
            "https://",
            "\"mapping\":",
        ],
        |bytes| {
            let Ok(config) = serde_json::from_slice::<SourceConfig>(bytes) else { return };
            let problems = config.problems();
            let stored = serde_json::to_value(&config).unwrap();
            assert_eq!(serde_json::from_value::<SourceConfig>(stored).unwrap(), config, "it is stored as it is");
            if problems.is_empty() {
                assert!(config.actions.len() <= 5);
                for action in &config.actions {
                    assert!(action.url().is_some() && action.roles().len() == action.roles.len());
                    let id = format!("v1:approval:do:{}:{}", action.id, Uuid::nil());
                    assert!(id.len() <= 100 && signalbox::discord::component::handles(&id), "{id}");
                }
            }
        },
    );
}
