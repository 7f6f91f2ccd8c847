//! Which settings were changed: names alone, or with the old and the new value. Values of secret settings are
//! masked while they are read.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What stands for a secret, as the panel's own pages show it.
const MASK: &str = "••••";
/// Characters of a value that are kept.
const VALUE: usize = 50;
/// Words in a setting's name that make it a secret.
const SECRET: [&str; 8] = ["key", "token", "secret", "password", "passwd", "credential", "dsn", "webhook"];

/// The changed settings, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Changes(pub Vec<Change>);

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub key: String,
    pub label: String,
    /// `None` when only the name was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// `["sync_interval"]`, `[{"key", "label"?, "old"?, "new"?}]`, or `{"sync_interval": {"old", "new"}}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    List(Vec<Item>),
    Map(Map<String, Value>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Name(String),
    Change {
        key: String,
        label: Option<String>,
        #[serde(default)]
        old: Value,
        #[serde(default)]
        new: Value,
    },
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let changes = match Given::deserialize(deserializer)? {
            Given::List(items) => items
                .into_iter()
                .filter_map(|item| match item {
                    Item::Name(key) => Some(Change { label: label(&key), key, old: None, new: None }),
                    Item::Change { key, label, old, new } => change(key, label, &old, &new),
                })
                .collect(),
            Given::Map(map) => {
                map.into_iter().filter_map(|(key, both)| change(key, None, &both["old"], &both["new"])).collect()
            }
        };
        Ok(Changes(changes))
    }
}

/// `None` when old and new are the same: that is no change.
fn change(key: String, given: Option<String>, old: &Value, new: &Value) -> Option<Change> {
    let label = given.unwrap_or_else(|| label(&key));
    if old.is_null() && new.is_null() {
        return Some(Change { key, label, old: None, new: None });
    }
    if old == new && *new != MASK {
        return None;
    }
    let is_secret = is_secret(&key) || is_secret(&label);
    let show = |value: &Value| Some(if is_secret { masked(value) } else { text(value) });
    Some(Change { old: show(old), new: show(new), key, label })
}

/// Whether a setting's name says that its value is nobody's business.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET.iter().any(|word| name.contains(word))
}

/// That there is a value, and nothing of it.
fn masked(value: &Value) -> String {
    if matches!(value, Value::Null) || *value == "" { String::new() } else { MASK.to_owned() }
}

fn text(value: &Value) -> String {
    let whole = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if whole.chars().count() <= VALUE {
        return whole;
    }
    whole.chars().take(VALUE - 1).chain(['…']).collect()
}

/// `sync_interval` and `syncInterval` → `Sync Interval`; what is written with spaces stays.
fn label(key: &str) -> String {
    let mut out = String::new();
    let mut begins = true;
    let mut before = ' ';
    for c in key.chars() {
        if matches!(c, '_' | '-' | '.' | ' ') {
            begins = true;
        } else {
            if !out.is_empty() && (begins || (c.is_uppercase() && before.is_lowercase())) {
                out.push(' ');
                begins = true;
            }
            if begins {
                out.extend(c.to_uppercase())
            } else {
                out.push(c)
            }
            begins = false;
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(given: Value) -> Vec<(String, Option<String>, Option<String>)> {
        let changes: Changes = serde_json::from_value(given).unwrap();
        changes.0.into_iter().map(|c| (c.label, c.old, c.new)).collect()
    }

    #[test]
    fn what_did_not_change_is_left_out() {
        let some = |text: &str| Some(text.to_owned());
        let given = json!({ "sync_interval": { "old": 60, "new": 30 }, "siteName": { "old": "A", "new": "A" } });
        assert_eq!(read(given), [("Sync Interval".to_owned(), some("60"), some("30"))]);
        assert_eq!(read(json!(["maintenance_mode"])), [("Maintenance Mode".to_owned(), None, None)]);
        let labelled = json!([{ "key": "x", "label": "Cache Timeout", "old": null, "new": 5 }]);
        assert_eq!(read(labelled), [("Cache Timeout".to_owned(), some(""), some("5"))]);
    }

    proptest! {
        #[test]
        fn a_secret_never_comes_through(old in "[a-z0-9]{8,60}", new in "[a-z0-9]{8,60}", at in 0..SECRET.len()) {
            let key = format!("panel_{}", SECRET[at]);
            let given = json!([{ "key": key, "old": old, "new": new }]);
            let changes: Changes = serde_json::from_value(given).unwrap();
            let kept = serde_json::to_string(&changes).unwrap();
            prop_assert!(!kept.contains(&old) && !kept.contains(&new), "{kept}");
        }

        #[test]
        fn any_key_has_a_label(key in "\\PC{0,40}") {
            let _ = label(&key);
        }
    }
}
