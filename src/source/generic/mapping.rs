//! From a document to the parts of an event, by expressions. Pure, bounded in work and memory.
//!
//! An expression knows `body`, `headers` (lower-case names, none that hold a secret), `source` (its name) and,
//! for each element of `each`, `item`. What is absent is empty, wherever it was looked for.

mod filters;

use std::collections::BTreeMap;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde_json::Value as Json;

use super::config::Mapping;
use crate::routing::language::guard::is_too_deep;

/// Steps of one expression.
const FUEL: u64 = 20_000;
/// An expression is not longer than this.
const LONGEST_EXPRESSION: usize = 1000;
const MOST_FIELDS: usize = 20;
const TOO_DEEP: &str = "has brackets nested too deeply";
/// Bytes of one result that are looked at.
const LONGEST_RESULT: usize = 16 * 1024;
/// Characters of what is posted with an action.
const LONGEST_FIELD: usize = 1000;
/// Events in one body.
const MOST_ITEMS: usize = 500;

/// What the expressions made of one event. Nothing is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapped {
    pub kind: String,
    pub subject: Option<String>,
    pub state: Option<String>,
    pub resolved: bool,
    pub severity: Option<String>,
    pub time: Option<String>,
    pub title: Option<String>,
    pub text: Option<String>,
    pub url: Option<String>,
    pub dedup: Option<String>,
    pub fields: Vec<(String, String)>,
    /// The ids of the actions on offer, with their fields.
    pub offers: Vec<(String, Vec<(String, String)>)>,
    /// The element that it was made of.
    pub item: Option<Json>,
}

/// Why a document could not be mapped, in words for the admins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{part}`: {why}")]
pub struct MappingError {
    pub part: String,
    pub why: String,
}

impl MappingError {
    fn new(part: &str, why: impl ToString) -> Self {
        Self { part: part.to_owned(), why: why.to_string() }
    }

    /// In the engine's words, which hold nothing of what was read.
    fn of(part: &str, error: &minijinja::Error) -> Self {
        Self::new(part, error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
    }
}

/// What is wrong with the expressions before anything is read.
pub fn problems(mapping: &Mapping) -> Vec<MappingError> {
    let env = environment();
    let mut found = Vec::new();
    if mapping.kind.trim().is_empty() {
        found.push(MappingError::new("kind", "has to say which kind of event it is"));
    }
    if mapping.fields.len() > MOST_FIELDS {
        found.push(MappingError::new("fields", format!("are more than {MOST_FIELDS}")));
    }
    if mapping.actions.iter().any(|rule| rule.body.len() > MOST_FIELDS) {
        found.push(MappingError::new("body", format!("has more than {MOST_FIELDS} fields")));
    }
    let of_actions = mapping.actions.iter().flat_map(|rule| &rule.body);
    let fields = mapping.fields.iter().chain(of_actions).map(|field| (field.name.as_str(), &field.value));
    let whens = mapping.actions.iter().map(|rule| ("when", &rule.when));
    for (part, expression) in parts(mapping).into_iter().chain(fields).chain(whens) {
        if expression.len() > LONGEST_EXPRESSION {
            found.push(MappingError::new(part, format!("is longer than {LONGEST_EXPRESSION} characters")));
        } else if is_too_deep(expression) {
            found.push(MappingError::new(part, TOO_DEEP));
        } else if !expression.trim().is_empty()
            && let Err(error) = env.compile_expression(expression)
        {
            found.push(MappingError::of(part, &error));
        }
    }
    found
}

fn parts(m: &Mapping) -> [(&'static str, &String); 11] {
    [
        ("each", &m.each),
        ("kind", &m.kind),
        ("subject", &m.subject),
        ("state", &m.state),
        ("resolved", &m.resolved),
        ("severity", &m.severity),
        ("time", &m.time),
        ("title", &m.title),
        ("text", &m.text),
        ("url", &m.url),
        ("dedup", &m.dedup),
    ]
}

/// Maps a document to its events.
pub fn map(
    mapping: &Mapping,
    body: &Json,
    headers: &[(String, String)],
    source: &str,
) -> Result<Vec<Mapped>, MappingError> {
    let env = environment();
    let headers: BTreeMap<&str, &str> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let headers = Value::from(Serde(&headers));
    let body = Value::from(Serde(body));
    let base = context! { body, headers, source };
    if mapping.each.trim().is_empty() {
        return Ok(vec![one(&env, mapping, &base)?]);
    }
    let list = evaluate(&env, "each", &mapping.each, &base)?;
    let is_list = matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable);
    let items = list.try_iter().ok().filter(|_| is_list).ok_or_else(|| MappingError::new("each", "is not a list"))?;
    let items: Vec<Value> = items.take(MOST_ITEMS + 1).collect();
    if items.len() > MOST_ITEMS {
        return Err(MappingError::new("each", format!("has more than {MOST_ITEMS} elements")));
    }
    let events = items.into_iter().map(|item| {
        let json = serde_json::to_value(&item).ok();
        let mapped = one(&env, mapping, &context! { item, ..base.clone() })?;
        Ok(Mapped { item: json, ..mapped })
    });
    events.collect()
}

fn one(env: &Environment<'_>, mapping: &Mapping, context: &Value) -> Result<Mapped, MappingError> {
    let text = |part: &str, expression: &str| -> Result<Option<String>, MappingError> {
        if expression.trim().is_empty() {
            return Ok(None);
        }
        Ok(as_text(&evaluate(env, part, expression, context)?))
    };
    let mut fields = Vec::new();
    for field in &mapping.fields {
        if let Some(value) = text(&field.name, &field.value)? {
            fields.push((field.name.clone(), value));
        }
    }
    let mut offers = Vec::new();
    for rule in &mapping.actions {
        if !rule.when.trim().is_empty() && !evaluate(env, "when", &rule.when, context)?.is_true() {
            continue;
        }
        let mut body = Vec::new();
        for field in &rule.body {
            let value = text(&field.name, &field.value)?.unwrap_or_default();
            body.push((field.name.clone(), value.chars().take(LONGEST_FIELD).collect()));
        }
        offers.push((rule.action.clone(), body));
    }
    Ok(Mapped {
        kind: text("kind", &mapping.kind)?.ok_or_else(|| MappingError::new("kind", "is empty"))?,
        subject: text("subject", &mapping.subject)?,
        state: text("state", &mapping.state)?,
        resolved: match mapping.resolved.trim() {
            "" => false,
            expression => evaluate(env, "resolved", expression, context)?.is_true(),
        },
        severity: text("severity", &mapping.severity)?,
        time: text("time", &mapping.time)?,
        title: text("title", &mapping.title)?,
        text: text("text", &mapping.text)?,
        url: text("url", &mapping.url)?,
        dedup: text("dedup", &mapping.dedup)?,
        fields,
        offers,
        item: None,
    })
}

fn evaluate(env: &Environment<'_>, part: &str, expression: &str, context: &Value) -> Result<Value, MappingError> {
    // What an earlier release stored was not asked this.
    if is_too_deep(expression) {
        return Err(MappingError::new(part, TOO_DEEP));
    }
    let compiled = env.compile_expression(expression).map_err(|error| MappingError::of(part, &error))?;
    compiled.eval(context).map_err(|error| MappingError::of(part, &error))
}

/// Lists and objects as JSON; nothing for what is empty.
fn as_text(value: &Value) -> Option<String> {
    let text = match value.kind() {
        ValueKind::Undefined | ValueKind::None => return None,
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => serde_json::to_string(value).ok()?,
        _ => value.to_string(),
    };
    let text = text.trim();
    let end = (0..=LONGEST_RESULT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    (!text.is_empty()).then(|| text[..end].to_owned())
}

fn environment() -> Environment<'static> {
    let mut env = Environment::empty();
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_fuel(Some(FUEL));
    filters::add(&mut env);
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::generic::config::Field;
    use serde_json::json;

    fn mapping(kind: &str, title: &str) -> Mapping {
        Mapping { kind: kind.into(), title: title.into(), ..Mapping::default() }
    }

    fn title(expression: &str, body: Json) -> Result<Option<String>, MappingError> {
        let headers = [("x-github-event".to_owned(), "push".to_owned())];
        Ok(map(&mapping("'x.y'", expression), &body, &headers, "ci")?.remove(0).title)
    }

    #[test]
    fn expressions_find_what_is_there_and_are_empty_where_nothing_is() {
        let body =
            json!({"ref": "refs/heads/main", "n": 3, "list": [{"m": "one\ntwo"}, {"m": "three"}], "deep": {"x": null}});
        for (expression, expected) in [
            ("body.ref|strip('refs/heads/')", Some("main")),
            ("body.n ~ ' commits'", Some("3 commits")),
            ("body.nothing.at.all", None),
            ("body.deep.x or 'other'", Some("other")),
            ("headers['x-github-event']|upper", Some("PUSH")),
            ("source", Some("ci")),
            ("body.list|bullets('m')", Some("• one\n• three")),
            ("body.list|length", Some("2")),
            ("body.nothing|length", Some("0")),
            ("body.ref[:4]", Some("refs")),
            ("'yes' if body.n > 2 else 'no'", Some("yes")),
            ("body.deep", Some(r#"{"x":null}"#)),
            ("'  '", None),
        ] {
            assert_eq!(title(expression, body.clone()).unwrap().as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_part() {
        let mut wrong = mapping("'x.y'", "body.(");
        wrong.fields.push(Field { name: "Env".into(), value: "body|nonsense(".into() });
        let parts: Vec<String> = problems(&wrong).into_iter().map(|p| p.part).collect();
        assert_eq!(parts, ["title", "Env"]);
        assert_eq!(problems(&mapping(" ", ""))[0].part, "kind");
        assert_eq!(title("body.n / 'x'", json!({"n": 1})).unwrap_err().part, "title");
        let each = Mapping { each: "body.n".into(), ..mapping("'x.y'", "") };
        assert_eq!(map(&each, &json!({"n": 1}), &[], "ci").unwrap_err().part, "each");
        assert_eq!(map(&mapping("body.no", ""), &json!({}), &[], "ci").unwrap_err().to_string(), "`kind`: is empty");
    }

    #[test]
    fn no_expression_costs_much() {
        let big = json!({"s": "x".repeat(500_000), "l": vec![1; 50_000]});
        for expression in ["body.l|bullets('x')", "body.s ~ body.s ~ body.s", "body.l|join(body.s)", "body.s|upper"] {
            let length = title(expression, big.clone()).map_or(0, |text| text.map_or(0, |text| text.len()));
            assert!(length <= LONGEST_RESULT, "{expression}: {length}");
        }
    }

    #[test]
    fn a_list_becomes_events_of_their_own() {
        let each = Mapping { each: "body.alerts".into(), ..mapping("'a.' ~ item.s", "item.s") };
        let events = map(&each, &json!({"alerts": [{"s": "up"}, {"s": "down"}]}), &[], "ci").unwrap();
        assert_eq!(events.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["a.up", "a.down"]);
        assert_eq!(events[1].item, Some(json!({"s": "down"})));
    }
}
