//! What a person does: runs a command, presses, chooses, fills a form, writes. Input from the control face.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::{
    AUTOCOMPLETE, COMMAND, COMPONENT, DEADLINE, MODAL_SUBMIT,
    build::{self, Deed, resolve_channel, resolve_role, resolve_user},
    form,
    options::{self, Person},
};
use crate::discord::{
    core::Core,
    permission::{self as may, base, in_channel},
    rest::{Draft, compose, publish},
    world::{Channel, Modal, World},
};

/// How long `act` waits at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// The handler is done when it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(50);
/// A bare acknowledgement (type 6) need not be followed by anything.
const AFTERTHOUGHT: Duration = Duration::from_secs(1);

/// Does it and waits for the outcome. The error says what is wrong with the input, as the person's client would.
pub async fn act(core: &Arc<Core>, what: Value) -> Result<Value, String> {
    let name = what["as"]
        .as_str()
        .ok_or("`as` is missing: the name or id of a user")?;
    let user = core.read(|world| world.user_named(name).map(|u| u.id));
    let user = user.ok_or_else(|| format!("there is no user {name:?}"))?;
    let now = core.now();
    let deed = match what["do"].as_str() {
        Some("say") => return core.change(|world| say(world, now, user, &what)),
        Some("delete") => return core.change(|world| delete(world, user, &what)),
        Some("dismiss") => {
            core.change(|world| world.modals.retain(|m| m.user_id != user));
            return Ok(json!({}));
        }
        Some("command" | "context") => core.read(|world| command(world, user, &what, None)),
        Some("autocomplete") => core.read(|world| autocomplete(world, user, &what)),
        Some("press") => core.read(|world| press(world, user, &what)),
        Some("select") => core.read(|world| select(world, user, &what)),
        Some("submit") => core.change(|world| submit(world, user, &what)),
        other => {
            return Err(format!(
                "unknown `do` {other:?}: one of command, press, select, submit, say, autocomplete, delete, dismiss"
            ));
        }
    }?;
    let reachable = core.sessions().alive() > 0;
    let token = core
        .change(|world| build::start(world, now, deed))
        .ok_or("the channel is gone")?;
    if !reachable {
        core.change(|world| fail(world, &token));
        return Ok(core.read(|world| outcome(world, &token)));
    }
    wait(core, &token).await;
    Ok(core.read(|world| outcome(world, &token)))
}

async fn wait(core: &Core, token: &str) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let Some(it) = core.read(|world| world.interactions.get(token).cloned()) else {
            return;
        };
        let waited = began.elapsed();
        if it.answered.is_none() {
            // A little grace: a callback that came in time may still be at work.
            if waited > DEADLINE + QUIET {
                core.change(|world| fail(world, token));
                return;
            }
            continue;
        }
        let acknowledged = Duration::from_millis(it.acknowledged_ms.unwrap_or(0));
        let settled = match it.answered {
            Some(5) => !it.thinking,
            Some(6) => {
                it.updated || !it.followups.is_empty() || waited > acknowledged + AFTERTHOUGHT
            }
            _ => true,
        };
        let quiet = core.quiet_for().is_some_and(|quiet| quiet >= QUIET);
        if settled && quiet || waited > PATIENCE {
            return;
        }
    }
}

/// "The application did not respond": the token is dead from now on.
fn fail(world: &mut World, token: &str) {
    if let Some(it) = world.interactions.get_mut(token)
        && it.answered.is_none()
    {
        it.expired = true;
    }
}

fn outcome(world: &World, token: &str) -> Value {
    let Some(it) = world.interactions.get(token) else {
        return json!({"failed": "The interaction is gone"});
    };
    let message = |id: u64| world.message(it.channel_id, id).map(|m| m.json.clone());
    let followups: Vec<Value> = it.followups.iter().filter_map(|id| message(*id)).collect();
    let modal = (it.answered == Some(9)).then(|| it.response["data"].clone());
    let mut outcome = json!({
        "interaction_id": it.id.to_string(),
        "acknowledged_ms": it.acknowledged_ms,
        "response": it.answered.map(|_| json!({"type": it.response["type"], "data": it.response["data"]})),
        "message": it.original.and_then(message),
        "ephemeral": it.ephemeral,
        "followups": followups,
        "modal": modal,
    });
    if it.answered.is_none() {
        outcome["failed"] = json!("The application did not respond");
    } else if it.thinking {
        outcome["failed"] = json!("The application is still thinking");
    }
    if it.answered == Some(8) {
        outcome["choices"] = it.response["data"]["choices"].clone();
    }
    outcome
}

fn place<'w>(world: &'w World, user: u64, what: &Value) -> Result<&'w Channel, String> {
    let name = what["channel"]
        .as_str()
        .ok_or("`channel` is missing: a name or an id")?;
    let channel = world
        .channel_named(name)
        .ok_or_else(|| format!("there is no channel {name:?}"))?;
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
    let user = world
        .user_named(user)
        .ok_or_else(|| format!("there is no user {user:?}"))?
        .id;
    let channel = world
        .channel_named(channel)
        .ok_or_else(|| format!("there is no channel {channel:?}"))?;
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
        return direct
            .then_some(())
            .ok_or_else(|| "this command is for servers only".into());
    };
    let needed = command["default_member_permissions"]
        .as_str()
        .and_then(|bits| bits.parse::<u64>().ok());
    let everything = base(world, guild, user) & may::ADMINISTRATOR != 0;
    match needed {
        Some(0) if !everything => {
            Err("this user does not see that command: it is for administrators".into())
        }
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

fn command(world: &World, user: u64, what: &Value, focused: Option<&str>) -> Result<Deed, String> {
    let channel = place(world, user, what)?;
    let full = what["name"]
        .as_str()
        .ok_or("`name` is missing: the command")?;
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
    let person = Person {
        world,
        user,
        guild: channel.guild_id,
    };
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
        kind: if focused.is_some() {
            AUTOCOMPLETE
        } else {
            COMMAND
        },
        name: full.to_owned(),
        command_type: 1,
        source: None,
        data,
    })
}

fn autocomplete(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let given = what["options"].as_object();
    let focused = what["focused"].as_str();
    let focused = focused.or_else(|| given.and_then(|g| g.keys().next_back()).map(String::as_str));
    let focused = focused.ok_or("`focused` is missing: the option being typed")?;
    let deed = command(world, user, what, Some(focused))?;
    let channel = place(world, user, what)?;
    let mut words = what["name"]
        .as_str()
        .unwrap_or_default()
        .trim_start_matches('/')
        .split(' ');
    let definition = registered(world, channel, words.next().unwrap_or_default(), 1);
    let words: Vec<&str> = words.collect();
    let definition = definition.and_then(|c| options::descend(c, &words).ok());
    let all = definition
        .and_then(|(_, d)| d["options"].as_array())
        .into_iter()
        .flatten();
    match all.into_iter().find(|o| o["name"] == focused) {
        Some(option) if option["autocomplete"] == true => Ok(deed),
        Some(_) => Err(format!("option {focused:?} has no autocomplete")),
        None => Err(format!("there is no option {focused:?}")),
    }
}

/// Context menus: `message` or `user` is the target.
fn menu(
    world: &World,
    user: u64,
    channel: &Channel,
    name: &str,
    what: &Value,
) -> Result<Deed, String> {
    let on_message = what["message"].is_string();
    let kind = if on_message { 3 } else { 2 };
    let command = registered(world, channel, name, kind)
        .ok_or_else(|| format!("there is no menu entry {name:?}"))?;
    may_use(world, channel, user, command)?;
    let mut resolved = json!({});
    let target = if on_message {
        let (_, id) = message_of(world, user, what)?;
        let message = world
            .message(channel.id, id)
            .ok_or("the message is in another channel")?;
        resolved["messages"][&id.to_string()] = message.json.clone();
        id
    } else {
        let target = what["user"].as_str().unwrap_or_default();
        let target = world
            .user_named(target)
            .ok_or_else(|| format!("there is no user {target:?}"))?
            .id;
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
        data,
    })
}

/// The message that `message` names, if the user sees it: (channel, id).
fn message_of(world: &World, user: u64, what: &Value) -> Result<(u64, u64), String> {
    let id = what["message"]
        .as_str()
        .ok_or("`message` is missing: an id")?;
    let id: u64 = id
        .parse()
        .map_err(|_| format!("{id:?} is not a message's id"))?;
    let (channel, message) = world
        .find_message(id)
        .ok_or_else(|| format!("there is no message {id}"))?;
    if message.only_for.is_some_and(|only| only != user) {
        return Err(format!("this user does not see the message {id}"));
    }
    let found = world.channels.get(&channel).ok_or("the channel is gone")?;
    sees(world, found, user)?;
    Ok((channel, id))
}

fn component<'w>(
    world: &'w World,
    user: u64,
    what: &Value,
) -> Result<(u64, u64, &'w Value), String> {
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

fn press(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let (channel, id, found) = component(world, user, what)?;
    if found["type"] != 2 {
        return Err("that is not a button: use `select`".into());
    }
    let data = json!({"custom_id": found["custom_id"], "component_type": 2, "id": found["id"]});
    Ok(of_component(user, channel, id, data))
}

fn select(world: &World, user: u64, what: &Value) -> Result<Deed, String> {
    let (channel_id, id, found) = component(world, user, what)?;
    let values = what["values"]
        .as_array()
        .ok_or("`values` is missing: a list")?;
    let channel = world
        .channels
        .get(&channel_id)
        .ok_or("the channel is gone")?;
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
            Some(5 | 7) => match (
                world.user_named(text),
                options::role_named(world, guild, text),
            ) {
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
        return Err(format!(
            "between {least} and {most} values must be chosen, not {count}"
        ));
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
        data,
    }
}

fn submit(world: &mut World, user: u64, what: &Value) -> Result<Deed, String> {
    let wanted = what["modal"]
        .as_str()
        .ok_or("`modal` is missing: its custom_id")?;
    let at = world
        .modals
        .iter()
        .position(|m| m.user_id == user && m.data["custom_id"] == wanted);
    let at = at.ok_or_else(|| format!("this user has no open modal {wanted:?}"))?;
    let empty = Map::new();
    let values = what["values"].as_object().unwrap_or(&empty);
    let components = form::filled(&world.modals[at].data, values)?;
    let Modal {
        channel_id,
        source,
        data,
        ..
    } = world.modals.remove(at);
    Ok(Deed {
        user_id: user,
        channel_id,
        kind: MODAL_SUBMIT,
        name: String::new(),
        command_type: 0,
        source,
        data: json!({"custom_id": data["custom_id"], "components": components, "resolved": {}}),
    })
}

/// A person writes in a channel.
fn say(
    world: &mut World,
    now: chrono::DateTime<chrono::Utc>,
    user: u64,
    what: &Value,
) -> Result<Value, String> {
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
fn delete(world: &mut World, user: u64, what: &Value) -> Result<Value, String> {
    let (channel_id, id) = message_of(world, user, what)?;
    let channel = world
        .channels
        .get(&channel_id)
        .ok_or("the channel is gone")?;
    let held = in_channel(world, channel, user);
    let message = world.message(channel_id, id).ok_or("the message is gone")?;
    let own = message.json["author"]["id"] == user.to_string();
    if !own && message.only_for.is_none() && held & may::MANAGE_MESSAGES == 0 {
        return Err("this user may not delete that message".into());
    }
    world.delete_message(channel_id, id);
    Ok(json!({"deleted": id.to_string()}))
}
