//! An event as filters and templates see it: its words, and `data` as the sender gave it.

use std::cell::OnceCell;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use minijinja::value::{Enumerator, Object, Serde, Value};

use super::language::filters::text_of;
use crate::event::Event;

/// What an expression may name besides `data`.
pub const WORDS: &[&str] = &["id", "source", "type", "subject", "severity", "time", "received_at", "data"];

/// An event with the name of its source. What expressions need is made at the first use.
pub struct EventView<'a> {
    pub event: &'a Event,
    /// The name of its source.
    pub source: &'a str,
    value: OnceCell<Value>,
}

impl<'a> EventView<'a> {
    pub fn new(event: &'a Event, source: &'a str) -> Self {
        Self { event, source, value: OnceCell::new() }
    }

    /// What stands at a dotted path such as `data.source`; empty where nothing does.
    pub fn text(&self, path: &str) -> String {
        let found = path.split('.').try_fold(self.value(), |value, name| value.get_attr(name).ok());
        found.filter(|value| !value.is_undefined()).map(|value| text_of(&value)).unwrap_or_default()
    }

    /// The words of [`WORDS`] with their values.
    pub(super) fn value(&self) -> Value {
        self.value.get_or_init(|| self.words()).clone()
    }

    fn words(&self) -> Value {
        let event = self.event;
        let time = |at: DateTime<Utc>| Value::from(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        Value::from_object(Words([
            Value::from(event.id.to_string()),
            Value::from(self.source),
            Value::from(event.kind.as_str()),
            event.subject.as_deref().map_or(Value::UNDEFINED, Value::from),
            Value::from(event.severity.as_str()),
            time(event.occurred_at),
            time(event.received_at),
            Value::from(Serde(&event.data)),
        ]))
    }
}

/// An event that says nothing, for a first try of what somebody wrote.
pub(super) fn nothing() -> Value {
    let mut words: [Value; WORDS.len()] = Default::default();
    words[WORDS.len() - 1] = Value::from(Serde(&serde_json::Map::new()));
    Value::from_object(Words(words))
}

/// In the order of [`WORDS`].
#[derive(Debug)]
struct Words([Value; WORDS.len()]);

impl Object for Words {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = WORDS.iter().position(|word| key.as_str() == Some(word))?;
        Some(self.0[at].clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(WORDS)
    }
}

/// The dotted paths to everything in an event's data, such as `data.user.name`; a list ends a path.
pub fn paths(event: &Event, into: &mut std::collections::BTreeSet<String>) {
    /// Data nests and spreads as its sender likes.
    const MOST: usize = 500;
    let mut open = vec![("data".to_owned(), &event.data)];
    while let Some((path, value)) = open.pop() {
        if into.len() >= MOST {
            return;
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            open.push((format!("{path}.{key}"), inner));
        }
        into.insert(path);
    }
}
