//! What templates make of events, and what they cannot do.

use super::*;
use crate::event::Event;
use crate::routing::rule::tests::event;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn compiled(parts: Parts) -> Result<Template, TemplateError> {
    Template::compile(Uuid::nil(), "t", 1, parts)
}

fn description(text: &str) -> Parts {
    Parts { description: text.into(), ..Parts::default() }
}

fn with(data: Json) -> Event {
    Event { data, ..event("alert.triggered") }
}

fn rendered(text: &str, data: Json) -> String {
    let template = compiled(description(text)).unwrap_or_else(|error| panic!("{error}"));
    template
        .render(&EventView::new(&with(data), "xtsystems"))
        .unwrap_or_else(|error| panic!("{error}"))
        .embed
        .description
}

#[test]
fn foreign_text_is_escaped_where_it_stands() {
    let data = json!({ "x": "*a* `b` <@7> -c", "n": -3 });
    assert_eq!(rendered("**{{ data.x }}** {{ data.n }}", data.clone()), r"**\*a\* \`b\` <@7\> -c** -3");
    assert_eq!(rendered("`{{ data.x }}`", data.clone()), "`*a* 'b' <@7> -c`");
    assert_eq!(rendered("```\n{{ data.x }}\n``` {{ data.n }}", data.clone()), "```\n*a* 'b' <@7> -c\n``` -3");
    assert_eq!(rendered("` {{ data.x }}", data.clone()), r"` \*a\* \`b\` <@7\> -c", "code that does not end is none");
    assert_eq!(rendered("{{ data.x|raw }}", data), "*a* `b` <@\u{200B}7> -c");
}

#[test]
fn the_language() {
    let data = json!({ "tags": ["a", "b"], "owner": { "name": "Eve" }, "at": "2026-11-22T10:00:00Z", "share": 0.5 });
    assert_eq!(
        rendered("{% for tag in data.tags %}{{ loop.index }}{{ tag|upper }} {% endfor %}", data.clone()),
        "1A 2B"
    );
    assert_eq!(rendered("{% if data.owner %}{{ data.owner.name }}{% else %}nobody{% endif %}", data.clone()), "Eve");
    assert_eq!(
        rendered("{{ data.tags|join(', ') }} {{ data.at|relative }} {{ data.share|times(100) }} %", data.clone()),
        "a, b <t:1795341600:R> 50 %"
    );
    assert_eq!(
        rendered("{{ data.gone.deep|default('–') }} {{ type }} {{ data.tags|map('x')|length }}", data),
        "– alert.triggered 2"
    );
}

#[test]
fn every_part() {
    let parts = Parts {
        content: "{{ data.m }}".into(),
        title: "T {{ severity }}".into(),
        fields: vec![
            FieldParts { name: "Gone".into(), value: "{{ data.gone }}".into(), inline: true },
            FieldParts { name: String::new(), value: "{{ data.m }}".into(), inline: false },
        ],
        color: "{% if severity == 'info' %}green{% else %}#ff0000{% endif %}".into(),
        url: "https://status.example/{{ data.m }}".into(),
        ..Parts::default()
    };
    let out = compiled(parts).unwrap().render(&EventView::new(&with(json!({ "m": "a b" })), "x")).unwrap();
    assert_eq!((out.content.as_str(), out.embed.title.as_str(), out.embed.color), ("a b", "T info", 0x2E_CC_71));
    assert_eq!(out.embed.url, "https://status.example/a%20b");
    assert_eq!(out.embed.fields.len(), 1, "a field without a value is left out");
    let script = Parts { title: "x".into(), url: "{{ data.m }}".into(), ..Parts::default() };
    let out =
        compiled(script).unwrap().render(&EventView::new(&with(json!({ "m": "javascript:alert(1)" })), "x")).unwrap();
    assert_eq!(out.embed.url, "");
}

#[test]
fn faults_name_the_line_and_the_way_out() {
    let fault = |text: &str| compiled(description(text)).unwrap_err().to_string();
    insta::assert_snapshot!([
        fault("one\n{{ data.x"),
        fault("one\ntwo {{ titel }}"),
        fault("{% if data.x %}x"),
        fault("\n\n{{ data.x|uper }}"),
        fault("{% set a = 1 %}"),
        fault("{{ 'x' * 9 }}"),
        fault("{% include 'x' %}"),
        fault("{% for a in [1, 2] %}{% endfor %}"),
        fault(""),
    ].join("\n"), @"
    description, line 2: {{ does not end with }}
    description, line 2: `titel` is no word of an event (did you mean data.titel?). There are id, source, type, subject, severity, time, received_at, data
    description, line 1: it cannot be read: unexpected end of input, expected end of block
    description, line 3: there is no filter of this name: filter uper is unknown (did you mean upper?). There are lower, upper, title, capitalize, trim, length, count, items, dictsort, reverse, default, d, round, abs, int, float, first, last, min, max, sort, unique, list, string, bool, split, lines, selectattr, rejectattr, join, replace, truncate, times, map, sum, relative, raw
    description, line 1: {% set %} is not part of the language; there are if and for
    description, line 1: * is not part of the language; numbers are multiplied by x|times(3)
    description, line 1: {% include %} is not part of the language; there are if and for
    description, line 1: a loop goes over a field, as in {% for item in data.items %}
    template: it says nothing: give it a title, a description, fields or content
    ");
}

/// What would be large is cut, and what would take long ends.
#[test]
fn bombs_do_not_go_off() {
    let long = json!({ "x": "y".repeat(100_000), "many": (0..2000).collect::<Vec<_>>() });
    let grown = rendered("{{ data.x|replace('y', data.x)|replace('y', data.x) }}", long.clone());
    assert_eq!(grown.chars().count(), DESCRIPTION);
    let looped = "{% for a in data.many %}{% for b in data.many %}{{ data.x }}{% endfor %}{% endfor %}";
    assert_eq!(rendered(looped, long.clone()).chars().count(), DESCRIPTION);
    let idle = "{% for a in data.many %}{% for b in data.many %}{% if b == a %}{% endif %}{% endfor %}{% endfor %}x";
    let error = compiled(description(idle)).unwrap().render(&EventView::new(&with(long), "x")).unwrap_err();
    assert_eq!(error.to_string(), "description, line 1: it takes too many steps; loop over less");
}

#[test]
fn a_message_is_never_too_long() {
    let big = |n: usize| "{{ data.x }}".repeat(n);
    let parts = Parts {
        content: big(9),
        title: big(9),
        description: big(9),
        fields: (0..25).map(|_| FieldParts { name: big(2), value: big(2), inline: true }).collect(),
        ..Parts::default()
    };
    let out = compiled(parts).unwrap().render(&EventView::new(&with(json!({ "x": "é*".repeat(900) })), "x")).unwrap();
    assert!(out.embed.len() + MARK <= TOTAL, "{}", out.embed.len());
    assert!(out.content.chars().count() <= CONTENT);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(|f| json!(f)),
        ".{0,40}".prop_map(Json::from),
        "[`*_<@>#\u{FDD0}\u{FDD1}\\\\ -]{0,30}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::hash_map("[abc]", inner, 0..4).prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    })
}

/// Pieces of the language in any order, so that many of them run.
fn any_template() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{{ data.a }}",
        "{{ data.b|join(', ') }}",
        "{% for x in data.a %}",
        "{{ x }}",
        "{% endfor %}",
        "{% if data.c %}",
        "{% else %}",
        "{% endif %}",
        "`",
        "```",
        "**",
        "\n",
        "{{ data|string|replace('a', data.b) }}",
        "{{ data.a|times(2) }}",
        "{{ data.c|relative }}",
        "{{ data.b|raw }}",
        "{{ data.a[0].b|upper|truncate(3) }}",
        "{{ data.a + data.b }}",
        "{{ data.a ~ data.b }}",
        "{{ data.b|sort|first }}",
        "{{ data.c|sum }}",
        "{# x #}",
        "{{",
        "}}",
        "{%",
        "\u{FDD0}",
        "{% for k, v in data|items %}",
        "{{ k }}",
        "<@7>",
        "@everyone",
        "{{ data.a|split('')|length }}",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..12).prop_map(|p| p.concat()), ".{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_template_of_any_event_is_a_message_or_an_error(text in any_template(), data in any_json()) {
        let parts = Parts { title: text.clone(), color: text.clone(), url: text.clone(), content: text.clone(), ..description(&text) };
        let event = with(data);
        for parts in [parts, description(&text)] {
            let Ok(template) = compiled(parts) else { continue };
            let Ok(out) = template.render(&EventView::new(&event, "x")) else { continue };
            prop_assert!(out.embed.len() + MARK <= TOTAL);
            prop_assert!(out.content.chars().count() <= CONTENT && out.embed.title.chars().count() <= TITLE);
            prop_assert!(!out.embed.description.contains([OPEN, CLOSE]));
        }
    }

    #[test]
    fn any_filter_of_any_event_is_judged(text in any_template(), more in ".{0,60}", data in any_json()) {
        let inner = text.replace("{{", "").replace("}}", "");
        let event = with(data);
        for text in [inner, more] {
            if let Ok(filter) = crate::routing::filter::Filter::compile(&text) {
                filter.judge(&EventView::new(&event, "x"));
            }
        }
    }
}
