//! Which settings were changed: names alone, or with the old and the new value. Values of secret settings are
//! masked while they are read.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// What stands for a secret, as the panel's own pages show it.
const MASK: &str = "••••";
/// Characters of a value that are kept.
const VALUE: usize = 50;
/// Words in a setting's name that make it a secret.
const SECRET: [&str; 11] =
    ["key", "token", "secret", "pass", "pwd", "credential", "dsn", "webhook", "auth", "cookie", "private"];

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
    let show = |value: &Value| Some(if is_secret { masked(value) } else { text(covered(value.clone())) });
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

/// A value without what is secret inside of it: fields by their names, and who signs in by an address.
fn covered(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let cover = |(name, value): (String, Value)| {
                let value = if is_secret(&name) { Value::String(masked(&value)) } else { covered(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(cover).collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(covered).collect()),
        Value::String(text) => Value::String(without_sign_in(&text)),
        other => other,
    }
}

/// `postgres://ada:secret@db/panel` → `postgres://••••@db/panel`, wherever it stands in a text.
fn without_sign_in(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        rest = match sign_in(after) {
            Some(end) => {
                out.push_str(MASK);
                &after[end..]
            }
            None => after,
        };
    }
    out + rest
}

/// Where what stands before the `@` of an address ends. A password may hold what an address may not.
fn sign_in(address: &str) -> Option<usize> {
    let word = &address[..address.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(address.len())];
    let host = &word[..word.find(['/', '?', '#']).unwrap_or(word.len())];
    let has_password = host.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit()));
    host.rfind('@').or_else(|| word.rfind('@').filter(|_| has_password))
}

fn text(value: Value) -> String {
    let whole = match value {
        Value::Null => String::new(),
        Value::String(text) => text,
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

    #[test]
    fn secrets_inside_of_a_value_are_covered() {
        let mail = |pass: &str| json!({ "host": "mx", "smtp_pass": pass, "more": [{ "apiKey": pass }] });
        let given = json!({ "mail": { "old": mail("hunter2"), "new": mail("hunter3") },
            "database_url": { "old": "postgres://ada:hunter2@db/panel?x=a@b", "new": "https://hunter3@sentry.example/1 and http://x" } });
        let read: Vec<String> = read(given).into_iter().flat_map(|(_, old, new)| [old, new]).flatten().collect();
        assert!(!read.concat().contains("hunter"), "{read:#?}");
        assert_eq!(read[..2], ["postgres://••••@db/panel?x=a@b", "https://••••@sentry.example/1 and http://x"]);
        assert!(read[2].contains(r#""host":"mx""#), "{read:#?}");
        assert_eq!(without_sign_in("redis://:p/w?@cache:6379/0"), "redis://••••@cache:6379/0");
        assert_eq!(without_sign_in("http://panel:8080/@ada"), "http://panel:8080/@ada");
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
