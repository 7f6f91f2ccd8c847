//! The language of filters and templates: refused in words, or run within bounds.

use chrono::DateTime;
use serde_json::json;
use signalbox::event::{Event, Severity};
use signalbox::id::GuildId;
use signalbox::routing::embed::{CONTENT, DESCRIPTION, FIELD_VALUE, TITLE};
use signalbox::routing::filter::{Filter, Outcome};
use signalbox::routing::template::{FieldParts, Parts, Template};
use signalbox::routing::view::EventView;
use uuid::Uuid;

use crate::harness::{fuzz, text};

const WORDS: &[&str] = &[
    "data",
    "data.s",
    "data.l",
    "data.m.a",
    "type",
    "severity",
    "subject",
    "time",
    "|upper",
    "|length",
    "|join(', ')",
    "|default('x')",
    "|raw",
    "|truncate(9)",
    "|replace('a', 'b')",
    "|lower",
    "|first",
    "|last",
    " == ",
    " in ",
    " and ",
    " not ",
    " or ",
    " > ",
    "(",
    ")",
    "'a'",
    "1",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    " for x in data.l ",
    " endfor ",
    " if ",
    " endif ",
    " else ",
    " set a = ",
    "*",
    "**",
    "~",
    "loop",
    "[0]",
    "[:9]",
    "`",
    "@everyone",
    "<@1>",
    "\\",
];

fn event() -> Event {
    let at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
    Event {
        id: Uuid::nil(),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: "ticket.created".into(),
        subject: Some("ticket:1".into()),
        occurred_at: at,
        received_at: at,
        severity: Severity::Warning,
        dedup_key: "1".into(),
        data: json!({
            "s": "@everyone `x` *y*".repeat(200), "l": (0..400).collect::<Vec<_>>(),
            "m": { "a": [1, { "b": "c" }] }, "n": 5, "priority": "high", "title": "Printer", "null": null
        }),
    }
}

#[test]
fn filter() {
    let event = event();
    fuzz("filter", WORDS, |bytes| {
        let Ok(filter) = Filter::compile(&text(bytes)) else { return };
        let view = EventView::new(&event, "xtsystems");
        let outcome = filter.judge(&view);
        assert_eq!(outcome, filter.judge(&view), "the same event is judged the same");
        match outcome {
            Outcome::True => {}
            Outcome::False(why) | Outcome::Failed(why) => assert!(why.len() < 10_000, "{} bytes", why.len()),
        }
    });
}

#[test]
fn template() {
    let event = event();
    fuzz("template", WORDS, |bytes| {
        let text = text(bytes);
        let parts = Parts {
            content: text.clone(),
            title: text.clone(),
            description: text.clone(),
            fields: vec![FieldParts { name: "f".into(), value: text.clone(), inline: false }],
            color: String::new(),
            url: String::new(),
        };
        let Ok(template) = Template::compile(Uuid::nil(), "t", 1, parts) else { return };
        let Ok(rendered) = template.render(&EventView::new(&event, "xtsystems")) else { return };
        let chars = |text: &str| text.chars().count();
        assert!(chars(&rendered.content) <= CONTENT);
        assert!(chars(&rendered.embed.title) <= TITLE && chars(&rendered.embed.description) <= DESCRIPTION);
        assert!(rendered.embed.fields.iter().all(|field| chars(&field.value) <= FIELD_VALUE));
    });
}
