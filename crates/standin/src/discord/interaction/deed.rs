//! The deeds of a person: runs a command, presses, chooses, fills a form, writes. Checked as the client would check them.

use serde_json::{Map, Value, json};

use super::{
    AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT,
    build::{Deed, resolve_channel, resolve_role, resolve_user},
    form,
    options::{self, Person},
};
use crate::discord::{
    permission::{self as may, base, in_channel},
    rest::{Draft, compose, publish},
    world::{Channel, Modal, World, is_id},
};

fn place<'w>(world: &'w World, user: u64, what: &Value) -> Result<&'w Channel, String> {
    let name = what["channel"].as_str().ok_or("`channel` is missing: a name or an id")?;
    let channel = world.channel_named(name).ok_or_else(|| format!("there is no channel {name:?}"))?;
    sees(world, channel, user)?;
    Ok(channel)
}

fn sees(world: &World, channel: &Channel, user: u64) -> Result<(), String> {
    if in_channel(world, channel, user) & may::VIEW_CHANNEL == 0 {
        return Err(format!("this user cannot see #{}", channel.name));
    }
    Ok(())
}

/// Which commands the user sees there.
pub fn commands_for(world: &World, user: &str, channel: &str) -> Result<Value, String> {
    let user = world.user_named(user).ok_or_else(|| format!("there is no user {user:?}"))?.id;
    let channel = world.channel_named(channel).ok_or_else(|| format!("there is no channel {channel:?}"))?;
    let all = world.commands.iter();
    let usable = all.filter(|c| of_guild(c, channel) && may_use(world, channel, user, c).is_ok());
    Ok(usable.cloned().collect())
}

fn of_guild(command: &Value, channel: &Channel) -> bool {
    match command["guild_id"].as_str() {
        None => true,
        Some(guild) => channel.guild_id.is_some_and(|id| id.to_string() == guild),
    }
}

/// <https://discord.com/developers/docs/interactions/application-commands#permissions>: the member needs all of
/// `default_member_permissions`; "0" leaves the command to administrators.
fn may_use(world: &World, channel: &Channel, user: u64, command: &Value) -> Result<(), String> {
    let held = in_channel(world, channel, user);
    if held & may::USE_APPLICATION_COMMANDS == 0 {
        return Err("this user may not use application commands here".into());
    }
    let Some(guild) = channel.guild_id else {
        let direct = command["dm_permission"] != false;
        return direct.then_some(()).ok_or_else(|| "this command is for servers only".into());
    };
    let needed = command["default_member_permissions"].as_str().and_then(|bits| bits.parse::<u64>().ok());
    let everything = base(world, guild, user) & may::ADMINISTRATOR != 0;
    match needed {
        Some(0) if !everything => Err("this user does not see that command: it is for administrators".into()),
        Some(needed) if !everything && held & needed != needed => {
            Err("this user does not see that command: permissions are missing".into())
        }
        _ => Ok(()),
    }
}

/// The registered command: one of the guild hides a global one of the same name.
fn registered<'w>(world: &'w World, channel: &Channel, name: &str, kind: u64) -> Option<&'w Value> {
    let all = world.commands.iter();
    let fits = all.filter(|c| c["name"] == name && c["type"] == kind && of_guild(c, channel));
    fits.max_by_key(|c| c["guild_id"].is_string())
}

pub fn command(world: &World, user: u64, what: &Value, focused: Option<&str>) -> Result<Deed, String> {
    let channel = place(world, user, what)?;
    let full = what["name"].as_str().ok_or("`name` is missing: the command")?;
    let full = full.trim_start_matches('/');
    if what["message"].is_string() || what["user"].is_string() {
        return menu(world, user, channel, full, what);
    }
    let mut words = full.split(' ');
    let name = words.next().unwrap_or_default();
    let command = registered(world, channel, name, 1).ok_or_else(|| {
        let known = world.commands.iter().filter(|c| of_guild(c, channel));
        let known: Vec<&str> = known.filter_map(|c| c["name"].as_str()).collect();
        format!("there is no command {name:?}; registered are {known:?}")
    })?;
    may_use(world, channel, user, command)?;
    let words: Vec<&str> = words.filter(|w| !w.is_empty()).collect();
    let (chain, definition) = options::descend(command, &words)?;
    let empty = Map::new();
    let given = match &what["options"] {
        Value::Null => &empty,
        Value::Object(given) => given,
        _ => return Err("`options` must be an object of name and value".into()),
    };
    let person = Person { world, user, guild: channel.guild_id };
    let mut resolved = json!({});
    let mut filled = options::fill(&person, definition, given, focused, &mut resolved)?;
    for (kind, name) in chain.iter().rev() {
        filled = vec![json!({"type": kind, "name": name, "options": filled})];
    }
    let mut data = json!({"id": command["id"], "name": name, "type": 1, "options": filled, "resolved": resolved});
    if command["guild_id"].is_string() {
        data["guild_id"] = command["guild_id"].clone();
    }
    Ok(Deed {
        user_id: user,
        channel_id: channel.id,
        kind: if focused.is_some() { AUTOCOMPLETE } else { COMMAND },
        name: full.to_owned(),
        command_type: 1,
        source: None,
        opened_by: Value::Null,
        data,
    })
}

pub fn autocomplete(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let given = what["options"].as_object();
    let focused = what["focused"].as_str();
    let focused = focused.or_else(|| given.and_then(|g| g.keys().next_back()).map(String::as_str));
    let focused = focused.ok_or("`focused` is missing: the option being typed")?;
    let deed = command(world, user, what, Some(focused))?;
    let channel = place(world, user, what)?;
    let mut words = what["name"].as_str().unwrap_or_default().trim_start_matches('/').split(' ');
    let definition = registered(world, channel, words.next().unwrap_or_default(), 1);
    let words: Vec<&str> = words.collect();
    let definition = definition.and_then(|c| options::descend(c, &words).ok());
    let all = definition.and_then(|(_, d)| d["options"].as_array()).into_iter().flatten();
    match all.into_iter().find(|o| o["name"] == focused) {
        Some(option) if option["autocomplete"] == true => Ok(deed),
        Some(_) => Err(format!("option {focused:?} has no autocomplete")),
        None => Err(format!("there is no option {focused:?}")),
    }
}

/// Context menus: `message` or `user` is the target.
fn menu(world: &World, user: u64, channel: &Channel, name: &str, what: &Value) -> Result<Deed, String> {
    let on_message = what["message"].is_string();
    let kind = if on_message { 3 } else { 2 };
    let command = registered(world, channel, name, kind).ok_or_else(|| format!("there is no menu entry {name:?}"))?;
    may_use(world, channel, user, command)?;
    let mut resolved = json!({});
    let target = if on_message {
        let (_, id) = message_of(world, user, what)?;
        let message = world.message(channel.id, id).ok_or("the message is in another channel")?;
        resolved["messages"][&id.to_string()] = message.json.clone();
        id
    } else {
        let target = what["user"].as_str().unwrap_or_default();
        let target = world.user_named(target).ok_or_else(|| format!("there is no user {target:?}"))?.id;
        resolve_user(world, channel.guild_id, target, &mut resolved);
        target
    };
    let mut data = json!({
        "id": command["id"], "name": name, "type": kind, "target_id": target.to_string(), "resolved": resolved,
    });
    if command["guild_id"].is_string() {
        data["guild_id"] = command["guild_id"].clone();
    }
    Ok(Deed {
        user_id: user,
        channel_id: channel.id,
        kind: COMMAND,
        name: name.to_owned(),
        command_type: if on_message { 3 } else { 2 },
        source: None,
        opened_by: Value::Null,
        data,
    })
}

/// The message that `message` names, if the user sees it: (channel, id).
fn message_of(world: &World, user: u64, what: &Value) -> Result<(u64, u64), String> {
    let id = what["message"].as_str().ok_or("`message` is missing: an id")?;
    let id: u64 = id.parse().map_err(|_| format!("{id:?} is not a message's id"))?;
    let (channel, message) = world.find_message(id).ok_or_else(|| format!("there is no message {id}"))?;
    if message.only_for.is_some_and(|only| only != user) {
        return Err(format!("this user does not see the message {id}"));
    }
    let found = world.channels.get(&channel).ok_or("the channel is gone")?;
    sees(world, found, user)?;
    Ok((channel, id))
}

fn component<'w>(world: &'w World, user: u64, what: &Value) -> Result<(u64, u64, &'w Value), String> {
    let (channel, id) = message_of(world, user, what)?;
    let wanted = what["custom_id"].as_str().ok_or("`custom_id` is missing")?;
    let message = world.message(channel, id).ok_or("the message is gone")?;
    let found = form::find(&message.json["components"], wanted).ok_or_else(|| {
        let known = form::custom_ids(&message.json["components"]);
        format!("the message has no component {wanted:?}; it has {known:?}")
    })?;
    if found["disabled"] == true {
        return Err(format!("the component {wanted:?} is disabled"));
    }
    Ok((channel, id, found))
}

pub fn press(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let (channel, id, found) = component(world, user, what)?;
    if found["type"] != 2 {
        return Err("that is not a button: use `select`".into());
    }
    let data = json!({"custom_id": found["custom_id"], "component_type": 2, "id": found["id"]});
    Ok(of_component(user, channel, id, data))
}

pub fn select(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let (channel_id, id, found) = component(world, user, what)?;
    let values = what["values"].as_array().ok_or("`values` is missing: a list")?;
    let channel = world.channels.get(&channel_id).ok_or("the channel is gone")?;
    let mut resolved = json!({});
    let mut chosen = Vec::new();
    for value in values {
        let text = value.as_str().ok_or("`values` must be strings")?;
        let no_such = || format!("{text:?} cannot be chosen here");
        let guild = channel.guild_id;
        let value = match found["type"].as_u64() {
            Some(3) => form::option(found, text)?,
            Some(6) => {
                let role = options::role_named(world, guild, text).ok_or_else(no_such)?;
                resolve_role(world, guild, role, &mut resolved);
                role.to_string()
            }
            Some(8) => {
                let target = world.channel_named(text).ok_or_else(no_such)?;
                resolve_channel(world, user, target, &mut resolved);
                target.id.to_string()
            }
            Some(5 | 7) => match (world.user_named(text), options::role_named(world, guild, text)) {
                (Some(target), _) => {
                    resolve_user(world, guild, target.id, &mut resolved);
                    target.id.to_string()
                }
                (None, Some(role)) if found["type"] == 7 => {
                    resolve_role(world, guild, role, &mut resolved);
                    role.to_string()
                }
                _ => return Err(no_such()),
            },
            _ => return Err("that is not a select: use `press`".into()),
        };
        chosen.push(value);
    }
    let least = found["min_values"].as_u64().unwrap_or(1);
    let most = found["max_values"].as_u64().unwrap_or(1);
    let count = u64::try_from(chosen.len()).unwrap_or(u64::MAX);
    if !(least..=most).contains(&count) {
        return Err(format!("between {least} and {most} values must be chosen, not {count}"));
    }
    let data = json!({
        "custom_id": found["custom_id"], "component_type": found["type"], "id": found["id"], "values": chosen, "resolved": resolved,
    });
    Ok(of_component(user, channel_id, id, data))
}

fn of_component(user: u64, channel: u64, message: u64, data: Value) -> Deed {
    Deed {
        user_id: user,
        channel_id: channel,
        kind: COMPONENT,
        name: String::new(),
        command_type: 0,
        source: Some(message),
        opened_by: Value::Null,
        data,
    }
}

pub fn submit(world: &mut World, user: u64, what: &Value) -> Result<Deed, String> {
    let wanted = what["modal"].as_str().ok_or("`modal` is missing: its custom_id")?;
    let at = world.modals.iter().position(|m| m.user_id == user && m.data["custom_id"] == wanted);
    let at = at.ok_or_else(|| format!("this user has no open modal {wanted:?}"))?;
    let empty = Map::new();
    let values = what["values"].as_object().unwrap_or(&empty);
    let components = form::filled(&world.modals[at].data, values)?;
    let Modal { channel_id, source, opened_by, data, .. } = world.modals.remove(at);
    Ok(Deed {
        user_id: user,
        channel_id,
        kind: MODAL_SUBMIT,
        name: String::new(),
        command_type: 0,
        source,
        opened_by,
        data: json!({"custom_id": data["custom_id"], "components": components, "resolved": {}}),
    })
}

/// A person writes in a channel.
pub fn say(world: &mut World, now: chrono::DateTime<chrono::Utc>, user: u64, what: &Value) -> Result<Value, String> {
    let channel = place(world, user, what)?;
    let held = in_channel(world, channel, user);
    if held & may::SEND_MESSAGES == 0 || !channel.takes_messages() {
        return Err(format!("this user cannot write in #{}", channel.name));
    }
    let content = what["content"].as_str().unwrap_or_default();
    let len = content.trim().chars().count();
    if !(1..=2000).contains(&len) {
        return Err("`content` must have 1 to 2000 characters".into());
    }
    let channel_id = channel.id;
    let body = json!({"content": content});
    let draft = Draft {
        author: world.user_json(user),
        may_mention_everyone: held & may::MENTION_EVERYONE != 0,
        ..Draft::new(channel_id, &body, &[])
    };
    let (id, message) = compose(world, now, draft);
    publish(world, channel_id, id, message.clone(), None, None);
    Ok(json!({"message": message}))
}

/// A person deletes a message: their own, or any with MANAGE_MESSAGES.
pub fn delete(world: &mut World, user: u64, what: &Value) -> Result<Value, String> {
    let (channel_id, id) = message_of(world, user, what)?;
    let channel = world.channels.get(&channel_id).ok_or("the channel is gone")?;
    let held = in_channel(world, channel, user);
    let message = world.message(channel_id, id).ok_or("the message is gone")?;
    let own = is_id(&message.json["author"]["id"], user);
    if !own && message.only_for.is_none() && held & may::MANAGE_MESSAGES == 0 {
        return Err("this user may not delete that message".into());
    }
    world.delete_message(channel_id, id);
    Ok(json!({"deleted": id.to_string()}))
}
