//! Application commands, global and of one guild.
//!
//! <https://discord.com/developers/docs/interactions/application-commands#endpoints>

use serde_json::{Value, json};

use super::{Answer, Call, Reply, no_content, ok};
use crate::discord::{
    check,
    refusal::{self, Refusal, invalid},
    world::World,
};

pub fn all(world: &mut World, call: &Call, guild: Option<u64>) -> Answer {
    may_register(world, guild)?;
    match call.method.as_str() {
        "GET" => {
            let of_scope = world.commands.iter().filter(|c| in_scope(c, guild));
            ok(of_scope.cloned().collect())
        }
        "PUT" => {
            let Some(sent) = call.body.as_array() else {
                let text = "Only iterables may be used in a ListType";
                return Err(invalid(&[], "LIST_TYPE_CONVERT", text));
            };
            check::check_commands(sent)?;
            count_creates(world, call, guild, sent)?;
            // "This will overwrite all existing commands"; a command keeps its id when name and type are the same.
            let made: Vec<Value> = sent.iter().map(|c| complete(world, call, guild, c)).collect();
            world.commands.retain(|c| !in_scope(c, guild));
            world.commands.extend(made.iter().cloned());
            ok(Value::Array(made))
        }
        _ => {
            check::check_command(&call.body)?;
            count_creates(world, call, guild, std::slice::from_ref(&call.body))?;
            let known = same(world, guild, &call.body).is_some();
            let made = complete(world, call, guild, &call.body);
            world.commands.retain(|c| c["id"] != made["id"]);
            world.commands.push(made.clone());
            let status = if known { 200 } else { 201 };
            let body = Some(made);
            Ok(Reply { status, body })
        }
    }
}

pub fn one(world: &mut World, call: &Call, guild: Option<u64>, id: u64) -> Answer {
    may_register(world, guild)?;
    let wanted = id.to_string();
    let found = world.commands.iter().position(|c| c["id"] == wanted && in_scope(c, guild));
    let at = found.ok_or(refusal::UNKNOWN_COMMAND)?;
    match call.method.as_str() {
        "GET" => ok(world.commands[at].clone()),
        "DELETE" => {
            world.commands.remove(at);
            no_content()
        }
        _ => {
            let mut changed = world.commands[at].clone();
            for (key, value) in call.body.as_object().into_iter().flatten() {
                changed[key] = value.clone();
            }
            check::check_command(&changed)?;
            changed["version"] = json!(world.snowflake(call.now).to_string());
            world.commands[at] = changed.clone();
            ok(changed)
        }
    }
}

fn may_register(world: &World, guild: Option<u64>) -> Result<(), Refusal> {
    match guild {
        None => Ok(()),
        Some(id) if world.guilds.get(&id).is_some_and(|g| g.members.contains_key(&world.bot)) => Ok(()),
        Some(_) => Err(refusal::MISSING_ACCESS.into()),
    }
}

/// "There is a global rate limit of 200 application command creates per day, per guild." What exists already is no create.
fn count_creates(world: &mut World, call: &Call, guild: Option<u64>, sent: &[Value]) -> Result<(), Refusal> {
    let new = sent.iter().filter(|c| same(world, guild, c).is_none()).count();
    let scope = guild.map_or_else(String::new, |id| id.to_string());
    let made = world.created_commands.entry(scope).or_default();
    made.retain(|at| call.now - *at < chrono::Duration::days(1));
    if made.len() + new > 200 {
        return Err(refusal::TOO_MANY_COMMANDS.into());
    }
    made.extend(std::iter::repeat_n(call.now, new));
    Ok(())
}

fn in_scope(command: &Value, guild: Option<u64>) -> bool {
    command["guild_id"].as_str() == guild.map(|id| id.to_string()).as_deref()
}

fn same<'w>(world: &'w World, guild: Option<u64>, sent: &Value) -> Option<&'w Value> {
    let kind = sent["type"].as_u64().unwrap_or(1);
    let of_scope = world.commands.iter().filter(|c| in_scope(c, guild));
    of_scope.into_iter().find(|c| c["name"] == sent["name"] && c["type"] == kind)
}

/// The command object as Discord returns it: <https://discord.com/developers/docs/interactions/application-commands#application-command-object>
fn complete(world: &mut World, call: &Call, guild: Option<u64>, sent: &Value) -> Value {
    let known = same(world, guild, sent).map(|c| c["id"].clone());
    let version = world.snowflake(call.now).to_string();
    let mut made = json!({
        "id": known.unwrap_or_else(|| json!(version)),
        "application_id": world.application.to_string(),
        "version": version,
        "type": sent["type"].as_u64().unwrap_or(1),
        "name": sent["name"],
        "name_localizations": sent["name_localizations"],
        "description": sent["description"].as_str().unwrap_or_default(),
        "description_localizations": sent["description_localizations"],
        "default_member_permissions": sent["default_member_permissions"],
        "dm_permission": sent["dm_permission"].as_bool().unwrap_or(true),
        "contexts": sent["contexts"],
        "integration_types": sent.get("integration_types").cloned().unwrap_or_else(|| json!([0])),
        "nsfw": sent["nsfw"] == true,
    });
    if let Some(options) = sent["options"].as_array() {
        made["options"] = json!(options);
    }
    if let Some(guild) = guild {
        made["guild_id"] = json!(guild.to_string());
    }
    made
}
