//! The steps that connect Discord: the token, the application, the server, each routed channel.

use std::collections::BTreeMap;

use super::{StepResult, Told, text};
use crate::config::Config;
use crate::id::{ChannelId, GuildId, UserId};
use crate::upstream::discord::{DiscordClient, LookupError};
use crate::upstream::permission::{Member, Role, compute, invite, missing};

pub const TOKEN: &str = "Token";
pub const INTENTS: &str = "Intents";
pub const INVITE: &str = "Invite link";
pub const SERVER: &str = "Server";
pub const CHANNEL: &str = "Channel";

/// The bot in its server.
struct Place {
    guild: GuildId,
    own: UserId,
    member: Member,
    roles: Vec<Role>,
}

/// Takes every step that the steps before it allow. False when one failed.
pub async fn check(client: &DiscordClient, config: &Config, told: Told<'_>) -> bool {
    let (own, name) = match client.get_own_user().await.found {
        Ok(found) => found,
        Err(error) => {
            told(failed(TOKEN, &error));
            return false;
        }
    };
    told(StepResult::fine(TOKEN, format!("{name} (id {own})")));
    let application = match client.get_application().await.found {
        Ok(application) => application,
        Err(error) => {
            told(failed(INTENTS, &error));
            return false;
        }
    };
    let spare = !application.privileged_intents().is_empty();
    told(StepResult::fine(INTENTS, if spare { text::INTENTS_SPARE } else { text::INTENTS_NONE }));
    told(StepResult::fine(INVITE, invite_link(&application.id)));
    let Some(guild) = config.discord.guild_id else {
        told(StepResult::failed(SERVER, text::NO_GUILD, text::SET_GUILD));
        return false;
    };
    let place = match place(client, guild, own).await {
        Ok((name, place)) => {
            told(StepResult::fine(SERVER, format!("{name} (id {guild})")));
            place
        }
        Err(error) => {
            told(server_failed(guild, &error));
            return false;
        }
    };
    channels(client, config, &place, told).await
}

/// Where a person adds the bot to a server, with the permissions it needs.
pub fn invite_link(application_id: &str) -> String {
    format!(
        "https://discord.com/oauth2/authorize?client_id={application_id}&scope=bot+applications.commands&permissions={}",
        invite()
    )
}

async fn place(client: &DiscordClient, guild: GuildId, own: UserId) -> Result<(String, Place), LookupError> {
    let name = client.get_guild(guild).await.found?.name;
    let roles = client.list_roles(guild).await.found?;
    let member = client.get_member(guild, own).await.found?;
    Ok((name, Place { guild, own, member, roles }))
}

/// Each channel once, with the events that go there.
async fn channels(client: &DiscordClient, config: &Config, place: &Place, told: Told<'_>) -> bool {
    let mut routed: BTreeMap<u64, (ChannelId, Vec<&str>)> = BTreeMap::new();
    for seed in &config.routing.seeds {
        for channel in &seed.channels {
            let number = channel.0.unsigned_abs();
            routed.entry(number).or_insert_with(|| (*channel, Vec::new())).1.push(&seed.pattern);
        }
    }
    if routed.is_empty() {
        told(StepResult::warning(CHANNEL, text::NO_ROUTE, text::SET_ROUTE));
        return true;
    }
    let mut all_usable = true;
    for (channel, patterns) in routed.into_values() {
        let step = usable(client, place, channel, &patterns.join(", ")).await;
        all_usable &= !step.is_failure();
        told(step);
    }
    all_usable
}

async fn usable(client: &DiscordClient, place: &Place, channel: ChannelId, patterns: &str) -> StepResult {
    let found = match client.get_channel(channel).await.found {
        Ok(found) => found,
        Err(LookupError::Refused { code: 10003, .. }) => {
            return StepResult::failed(CHANNEL, text::no_channel(channel), text::SET_ROUTE);
        }
        Err(LookupError::Refused { code: 50001, .. }) => {
            return StepResult::failed(CHANNEL, text::hidden_channel(channel), text::allow("View Channel"));
        }
        Err(error) => return failed(CHANNEL, &error),
    };
    let name = found.name.clone().unwrap_or_else(|| channel.to_string());
    let guild = place.guild.to_string();
    if found.guild_id.as_deref() != Some(guild.as_str()) {
        return StepResult::failed(CHANNEL, text::foreign_channel(&name), text::SET_ROUTE);
    }
    let lacking = missing(compute(&guild, &place.own.to_string(), &place.member, &place.roles, &found));
    if lacking.is_empty() {
        return StepResult::fine(CHANNEL, format!("#{name} gets {patterns}"));
    }
    let lacking = lacking.join(", ");
    StepResult::failed(CHANNEL, format!("in #{name} the bot lacks {lacking}"), text::allow(&lacking))
}

fn server_failed(guild: GuildId, error: &LookupError) -> StepResult {
    match error {
        LookupError::Refused { code: 10004 | 50001, .. } => {
            StepResult::failed(SERVER, format!("the bot is not in server {guild}"), text::INVITE_IT)
        }
        other => failed(SERVER, other),
    }
}

fn failed(name: &str, error: &LookupError) -> StepResult {
    let fix = match error {
        LookupError::Unauthorized => text::SET_TOKEN,
        LookupError::Unreachable(_) => text::REACH_DISCORD,
        LookupError::NotDiscord(_) => text::NOT_DISCORD,
        LookupError::RateLimited(_) | LookupError::Unreadable(_) => text::LATER,
        LookupError::Refused { .. } => text::AGAIN,
    };
    let said = match error {
        LookupError::Unauthorized => "Discord does not accept the token".to_owned(),
        other => text::capital(&other.to_string()),
    };
    StepResult::failed(name, said, fix)
}
