//! Options of a command as a person gives them, checked against the registered definition as the client checks them.

use serde_json::{Map, Value, json};

use super::build::{resolve_channel, resolve_role, resolve_user};
use crate::discord::world::World;

/// Who runs a command, and where.
pub struct Person<'w> {
    pub world: &'w World,
    pub user: u64,
    pub guild: Option<u64>,
}

/// Type and name of each subcommand (group) passed on the way.
pub type Chain = Vec<(u64, String)>;

/// Walks down the words of `/group sub` to the definition that takes options.
/// Answers the chain of (type, name) passed on the way and the last definition.
pub fn descend<'d>(command: &'d Value, words: &[&str]) -> Result<(Chain, &'d Value), String> {
    let mut at = command;
    let mut chain = Vec::new();
    for word in words {
        let next = all(at).find(|o| o["name"] == *word && is_sub(o));
        let names: Vec<&str> = all(at).filter(|o| is_sub(o)).filter_map(|o| o["name"].as_str()).collect();
        at = next.ok_or_else(|| format!("/{} has no subcommand {word:?}; it has {names:?}", name(command)))?;
        chain.push((at["type"].as_u64().unwrap_or(1), (*word).to_owned()));
    }
    if let Some(sub) = all(at).find(|o| is_sub(o)) {
        return Err(format!("/{} needs a subcommand, such as {:?}", name(command), name(sub)));
    }
    Ok((chain, at))
}

/// The options of `definition` filled with `given`. `focused`: an autocomplete is asked for this option, so nothing is required.
pub fn fill(
    person: &Person<'_>,
    definition: &Value,
    given: &Map<String, Value>,
    focused: Option<&str>,
    resolved: &mut Value,
) -> Result<Vec<Value>, String> {
    for key in given.keys() {
        if !all(definition).any(|o| o["name"] == key.as_str()) {
            let names: Vec<&str> = all(definition).map(name).collect();
            return Err(format!("{:?} has no option {key:?}; it has {names:?}", name(definition)));
        }
    }
    let mut filled = Vec::new();
    for option in all(definition) {
        let focus = focused == Some(name(option));
        match given.get(name(option)).filter(|v| !v.is_null()) {
            None if focus => filled.push(made(option, json!(""), true)),
            None if option["required"] == true && focused.is_none() => {
                return Err(format!("option {:?} is required", name(option)));
            }
            None => {}
            Some(value) if focus => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                filled.push(made(option, json!(text), true));
            }
            Some(value) => {
                let value = convert(person, option, value, resolved)?;
                filled.push(made(option, value, false));
            }
        }
    }
    Ok(filled)
}

fn made(option: &Value, value: Value, focused: bool) -> Value {
    let mut made = json!({"name": option["name"], "type": option["type"], "value": value});
    if focused {
        made["focused"] = json!(true);
    }
    made
}

/// <https://discord.com/developers/docs/interactions/application-commands#application-command-object-application-command-option-type>
fn convert(person: &Person<'_>, option: &Value, given: &Value, resolved: &mut Value) -> Result<Value, String> {
    let Person { world, user, guild } = *person;
    let text = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
    let wrong = |what: &str| format!("option {:?} must be {what}, not {given}", name(option));
    // A person picks a choice by its name; the client sends its value.
    let mut choices = option["choices"].as_array().into_iter().flatten();
    if let Some(chosen) = choices.find(|choice| choice["name"].as_str() == Some(&text)) {
        return Ok(chosen["value"].clone());
    }
    let value = match option["type"].as_u64() {
        Some(3) => {
            let len = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            within(option, "min_length", "max_length", len as f64, &wrong)?;
            if len > 6000 {
                return Err(wrong("at most 6000 characters"));
            }
            json!(text)
        }
        Some(4) => {
            let number: i64 = text.parse().map_err(|_| wrong("a whole number"))?;
            within(option, "min_value", "max_value", number as f64, &wrong)?;
            json!(number)
        }
        Some(5) => json!(text.parse::<bool>().map_err(|_| wrong("true or false"))?),
        Some(6) => {
            let id = world.user_named(&text).ok_or_else(|| wrong("a user"))?.id;
            resolve_user(world, guild, id, resolved);
            json!(id.to_string())
        }
        Some(7) => {
            let channel = world.channel_named(&text).ok_or_else(|| wrong("a channel"))?;
            let kinds = option["channel_types"].as_array();
            if kinds.is_some_and(|k| !k.is_empty() && !k.contains(&json!(channel.kind))) {
                return Err(wrong("a channel of a type the option allows"));
            }
            resolve_channel(world, user, channel, resolved);
            json!(channel.id.to_string())
        }
        Some(8) => {
            let id = role_named(world, guild, &text).ok_or_else(|| wrong("a role"))?;
            resolve_role(world, guild, id, resolved);
            json!(id.to_string())
        }
        Some(9) => {
            if let Some(user) = world.user_named(&text) {
                resolve_user(world, guild, user.id, resolved);
                json!(user.id.to_string())
            } else {
                let id = role_named(world, guild, &text).ok_or_else(|| wrong("a user or a role"))?;
                resolve_role(world, guild, id, resolved);
                json!(id.to_string())
            }
        }
        Some(10) => {
            let number: f64 = text.parse().map_err(|_| wrong("a number"))?;
            within(option, "min_value", "max_value", number, &wrong)?;
            json!(number)
        }
        Some(11) => {
            // A person's file: its name (or `{"filename", "size", "content_type"}`) is enough; with `content` it can be fetched.
            let id = crate::discord::world::snowflake_at(chrono::Utc::now()) | 1;
            let file = given["filename"].as_str().unwrap_or(&text);
            let content = given["content"].as_str();
            let size = given["size"].as_u64().or(content.map(|content| content.len() as u64)).unwrap_or(1);
            let url = format!("https://cdn.discordapp.com/ephemeral-attachments/{id}/{file}");
            resolved["attachments"][&id.to_string()] = json!({
                "id": id.to_string(), "filename": file, "size": size, "content_type": given["content_type"],
                "url": url, "proxy_url": url, "ephemeral": true,
            });
            if let Some(content) = content {
                resolved["attachments"][&id.to_string()]["content"] = json!(content);
            }
            json!(id.to_string())
        }
        other => {
            return Err(format!("option {:?} has the unknown type {other:?}", name(option)));
        }
    };
    let choices = option["choices"].as_array().filter(|c| !c.is_empty());
    if let Some(choices) = choices {
        let chosen = choices.iter().find(|c| c["value"] == value || c["name"].as_str() == Some(&text));
        let values: Vec<&Value> = choices.iter().map(|c| &c["value"]).collect();
        let chosen = chosen.ok_or_else(|| wrong(&format!("one of {}", json!(values))))?;
        return Ok(chosen["value"].clone());
    }
    Ok(value)
}

fn within(option: &Value, min: &str, max: &str, value: f64, wrong: &dyn Fn(&str) -> String) -> Result<(), String> {
    if option[min].as_f64().is_some_and(|min| value < min) {
        return Err(wrong(&format!("at least {}", option[min])));
    }
    if option[max].as_f64().is_some_and(|max| value > max) {
        return Err(wrong(&format!("at most {}", option[max])));
    }
    Ok(())
}

pub fn role_named(world: &World, guild: Option<u64>, name: &str) -> Option<u64> {
    let name = name.trim_start_matches('@');
    let roles = &world.guilds.get(&guild?)?.roles;
    let found = roles.iter().find(|r| r.name == name || r.id.to_string() == name);
    found.map(|r| r.id)
}

fn all(of: &Value) -> impl Iterator<Item = &Value> {
    of["options"].as_array().into_iter().flatten()
}

fn is_sub(option: &Value) -> bool {
    matches!(option["type"].as_u64(), Some(1 | 2))
}

fn name(of: &Value) -> &str {
    of["name"].as_str().unwrap_or_default()
}
