//! The application, the bot's user, guilds with their channels, roles and members.
//!
//! <https://discord.com/developers/docs/resources/guild>

use serde_json::{Value, json};

use super::{Answer, Call, messages::require, no_content, ok};
use crate::discord::{
    endpoint,
    gateway::intent,
    permission as may,
    refusal::{self, Problems, Refusal},
    world::{Channel, Guild, World},
};

/// <https://discord.com/developers/docs/resources/application#application-object>
/// An endpoint for interactions was checked before.
pub fn application(world: &mut World, call: &Call) -> Answer {
    if call.method == "PATCH"
        && let Some(url) = call.body.get("interactions_endpoint_url")
    {
        world.interactions_endpoint_url = url.as_str().map(str::to_owned);
    }
    let flags = application_flags(call.members_intent, call.message_content);
    let owner = world.guilds.values().next().map(|g| g.owner_id);
    let mut application = json!({
        "id": world.application.to_string(),
        "name": "Signalbox",
        "icon": null,
        "description": "",
        "summary": "",
        "type": null,
        "bot_public": false,
        "bot_require_code_grant": false,
        "owner": owner.map(|id| world.user_json(id)),
        "verify_key": endpoint::public_key(world),
        "team": null,
        "flags": flags,
        "bot": world.user_json(world.bot),
        "interactions_endpoint_url": world.interactions_endpoint_url,
        "redirect_uris": [],
        "role_connections_verification_url": null,
        "approximate_guild_count": world.guilds.len(),
        "integration_types_config": {"0": {}},
    });
    for (name, value) in &world.portal {
        application[name] = value.clone();
    }
    ok(application)
}

/// The "limited" flags of a bot in fewer than 100 guilds whose privileged intents are switched on.
pub fn application_flags(members: bool, content: bool) -> u64 {
    u64::from(members) << 15 | u64::from(content) << 19
}

/// The bot as `GET /users/@me` shows it.
pub fn me(world: &World) -> Value {
    let mut me = world.user_json(world.bot);
    me["verified"] = json!(true);
    me["mfa_enabled"] = json!(true);
    me["locale"] = json!("en-US");
    me["email"] = json!(null);
    me["flags"] = json!(0);
    me
}

pub fn mine(world: &World) -> Answer {
    let all = world.guilds.values().map(|guild| {
        json!({
            "id": guild.id.to_string(), "name": guild.name, "icon": null, "banner": null, "features": [],
            "owner": guild.owner_id == world.bot,
            "permissions": may::base(world, guild.id, world.bot).to_string(),
        })
    });
    ok(all.collect())
}

/// The guild, if the bot is in it: otherwise Discord says Missing Access for one that exists, Unknown Guild for one that doesn't.
fn of_bot(world: &World, id: u64) -> Result<&Guild, Refusal> {
    let guild = world.guilds.get(&id).ok_or(refusal::UNKNOWN_GUILD)?;
    if guild.members.contains_key(&world.bot) { Ok(guild) } else { Err(refusal::MISSING_ACCESS.into()) }
}

pub fn get(world: &World, id: u64) -> Answer {
    let guild = of_bot(world, id)?;
    ok(world.guild_json(guild))
}

pub fn channels(world: &mut World, call: &Call, id: u64) -> Answer {
    of_bot(world, id)?;
    if call.method == "POST" {
        return create_channel(world, call, id);
    }
    let all = world.channels.values();
    let all = all.filter(|c| c.guild_id == Some(id) && !c.is_thread());
    ok(all.map(|c| world.channel_json(c)).collect())
}

fn create_channel(world: &mut World, call: &Call, guild: u64) -> Answer {
    require(may::base(world, guild, world.bot), may::MANAGE_CHANNELS)?;
    let mut problems = Problems::new();
    problems.required_text(&call.body, "name", 100);
    problems.into_result()?;
    let id = world.snowflake(call.now);
    let position = u16::try_from(world.channels.len()).unwrap_or(u16::MAX);
    let name = call.body["name"].as_str().unwrap_or_default();
    let mut channel = Channel::text(id, guild, name, position, call.now);
    let kind = call.body["type"].as_u64().unwrap_or(0);
    channel.kind = u8::try_from(kind).unwrap_or(0);
    channel.parent_id = call.body["parent_id"].as_str().and_then(|id| id.parse().ok());
    let json = world.channel_json(&channel);
    world.channels.insert(id, channel);
    world.emit("CHANNEL_CREATE", json.clone(), Some(guild), intent::GUILDS);
    Ok(super::Reply { status: 201, body: Some(json) })
}

pub fn threads(world: &World, id: u64) -> Answer {
    of_bot(world, id)?;
    let all = world.channels.values();
    let open = all.filter(|c| c.guild_id == Some(id) && c.thread.as_ref().is_some_and(|t| !t.archived));
    let open: Vec<Value> = open.map(|c| world.channel_json(c)).collect();
    ok(json!({"threads": open, "members": []}))
}

pub fn roles(world: &World, id: u64) -> Answer {
    let guild = of_bot(world, id)?;
    ok(guild.roles.iter().map(|r| world.role_json(r)).collect())
}

pub fn member(world: &World, id: u64, user: u64) -> Answer {
    let guild = of_bot(world, id)?;
    match guild.members.get(&user) {
        Some(member) => ok(world.member_json(user, member)),
        None if world.users.contains_key(&user) => Err(refusal::UNKNOWN_MEMBER.into()),
        None => Err(refusal::UNKNOWN_USER.into()),
    }
}

/// "This endpoint is restricted according to whether the GUILD_MEMBERS Privileged Intent is enabled for your application."
pub fn members(world: &World, call: &Call, id: u64) -> Answer {
    let guild = of_bot(world, id)?;
    if !call.members_intent {
        return Err(refusal::MISSING_ACCESS.into());
    }
    let limit = call.query.get("limit").and_then(|n| n.parse().ok()).unwrap_or(1usize);
    let after = call.query.get("after").and_then(|n| n.parse().ok()).unwrap_or(0u64);
    let some = guild.members.iter().filter(|(user, _)| **user > after);
    ok(some.take(limit.min(1000)).map(|(user, m)| world.member_json(*user, m)).collect())
}

/// Needs MANAGE_ROLES and a role below the bot's highest: <https://discord.com/developers/docs/resources/guild#add-guild-member-role>
pub fn member_role(world: &mut World, call: &Call, id: u64, user: u64, role: u64) -> Answer {
    let bot = world.bot;
    let guild = of_bot(world, id)?;
    require(may::base(world, id, bot), may::MANAGE_ROLES)?;
    let wanted = guild.roles.iter().find(|r| r.id == role).ok_or(refusal::UNKNOWN_ROLE)?;
    let own = guild.members.get(&bot).map(|m| m.roles.clone()).unwrap_or_default();
    let highest = guild.roles.iter().filter(|r| own.contains(&r.id)).map(|r| r.position).max();
    if wanted.managed || Some(wanted.position) >= highest {
        return Err(refusal::MISSING_PERMISSIONS.into());
    }
    let guild = world.guilds.get_mut(&id).ok_or(refusal::UNKNOWN_GUILD)?;
    let member = guild.members.get_mut(&user).ok_or(refusal::UNKNOWN_MEMBER)?;
    member.roles.retain(|r| *r != role);
    if call.method == "PUT" {
        member.roles.push(role);
    }
    let member = member.clone();
    let mut data = world.member_json(user, &member);
    data["guild_id"] = json!(id.to_string());
    world.emit("GUILD_MEMBER_UPDATE", data, Some(id), intent::GUILD_MEMBERS);
    no_content()
}
