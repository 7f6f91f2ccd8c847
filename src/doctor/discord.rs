//! Discord: the token, the application's settings, our clock against its, our commands, what we may do in
//! each routed channel, and whether every button that people still have is handled.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, StreamExt as _};

use super::report::Finding;
use super::text::discord as text;
use super::{Blind, Doctor, Found};
use crate::config::Config;
use crate::id::{ChannelId, GuildId, UserId};
use crate::store::destination::{Destination, Target};
use crate::upstream::discord::{Application, CONTENT_INTENT, LookupError};
use crate::upstream::permission::{Channel, Member, Role, compute, in_thread, missing};

/// Discord gives whole seconds.
const STEP: TimeDelta = TimeDelta::milliseconds(500);
const SOME_SKEW: TimeDelta = TimeDelta::seconds(3);
/// A webhook's timestamp may be a minute ahead, and a nonce is remembered for as long.
const MUCH_SKEW: TimeDelta = TimeDelta::seconds(30);
/// Channels asked about at the same time.
const AT_ONCE: usize = 8;
/// Cards whose buttons are looked at.
const CARDS: i64 = 1000;

impl Doctor<'_> {
    async fn the_application(&self) -> Result<&Application, LookupError> {
        self.application.get_or_try_init(async || self.ports.discord.get_application().await.found).await
    }

    async fn own_id(&self) -> Result<UserId, LookupError> {
        self.own_id.get_or_try_init(async || self.ports.discord.get_own_id().await.found).await.copied()
    }
}

pub(super) async fn application(doctor: &Doctor<'_>) -> Found {
    Ok(match doctor.the_application().await {
        Ok(application) => {
            let mut found = vec![text::token(&application.name)];
            found.extend(judge_application(application, &doctor.ports.config));
            found.extend(judge_endpoint(application, &Endpoint::of(&doctor.ports.config)));
            found
        }
        Err(LookupError::Unauthorized) => vec![text::token_refused()],
        Err(error @ LookupError::RateLimited(_)) => vec![text::token_not_looked_at(error)],
        Err(error) => vec![text::no_way_to_discord(error.to_string())],
    })
}

/// <https://discord.com/developers/docs/resources/application#application-object>
fn judge_application(application: &Application, config: &Config) -> Vec<Finding> {
    let on = application.privileged_intents();
    let needed = config.etlegacy.trigger.as_ref().map(|_| CONTENT_INTENT);
    let needless: Vec<&str> = on.iter().copied().filter(|name| Some(*name) != needed).collect();
    let intents = match needed {
        Some(needed) if !on.contains(&needed) => text::missing_intent(needed),
        _ if !needless.is_empty() => text::needless_intents(&needless),
        Some(needed) => text::needed_intent(needed),
        None => text::no_intents(),
    };
    let invite = application.bot_require_code_grant.then(text::code_grant);
    [Some(intents), invite].into_iter().flatten().collect()
}

/// How this server takes interactions.
struct Endpoint {
    /// The address of its HTTP endpoint, where that is switched on and the address is known.
    ours: Option<String>,
    public_key: Option<[u8; 32]>,
    has_gateway: bool,
}

impl Endpoint {
    fn of(config: &Config) -> Self {
        let discord = &config.discord;
        let public = config.web.public_url.as_ref().filter(|_| discord.public_key.is_some());
        let ours = public.map(|url| format!("{}{}", url.as_str().trim_end_matches('/'), discord.interactions_path));
        Self { ours, public_key: discord.public_key, has_gateway: discord.gateway }
    }
}

fn judge_endpoint(application: &Application, endpoint: &Endpoint) -> Vec<Finding> {
    let mut found = Vec::new();
    let theirs = application.verify_key.as_deref();
    if let Some(key) = endpoint.public_key
        && theirs.is_some_and(|theirs| theirs != hex::encode(key))
    {
        found.push(text::wrong_public_key());
    }
    let set = application.interactions_endpoint_url.as_deref().filter(|url| !url.is_empty());
    found.push(match (set, &endpoint.ours) {
        (Some(set), Some(ours)) if set.trim_end_matches('/') == ours.trim_end_matches('/') => text::by_http(ours),
        (Some(set), Some(ours)) => text::endpoint_elsewhere(set, ours),
        (Some(set), None) => text::endpoint_not_ours(set),
        (None, _) if endpoint.has_gateway => text::by_gateway(),
        (None, ours) => text::no_way_in(ours.as_deref()),
    });
    found
}

pub(super) async fn clock(doctor: &Doctor<'_>) -> Found {
    let clock = &doctor.ports.clock;
    let before = clock.now();
    let theirs = match doctor.ports.discord.read_clock().await {
        Ok(theirs) => theirs,
        Err(error) => return Ok(vec![text::no_clock(error.to_string())]),
    };
    let after = clock.now();
    Ok(vec![judge_skew(before + (after - before) / 2 - (theirs + STEP))])
}

/// `skew`: how far we are ahead of Discord.
fn judge_skew(skew: TimeDelta) -> Finding {
    let seconds = skew.num_milliseconds().unsigned_abs() / 1000;
    let is_behind = skew < TimeDelta::zero();
    match skew.abs() {
        skew if skew >= MUCH_SKEW => text::much_skew(seconds, is_behind),
        skew if skew >= SOME_SKEW => text::some_skew(seconds, is_behind),
        _ => text::clock(),
    }
}

pub(super) async fn commands(doctor: &Doctor<'_>) -> Found {
    let discord = &doctor.ports.discord;
    let Ok(application) = doctor.the_application().await else {
        return Err(Blind::Failed(text::NO_APPLICATION.into()));
    };
    let own_guild = doctor.ports.config.discord.guild_id;
    let registered = match discord.list_command_names(&application.id, own_guild).await.found {
        Ok(names) => names,
        Err(error) => return Ok(vec![text::no_commands(error.to_string())]),
    };
    let mut found = vec![judge_commands(&doctor.edge.commands, &registered)];
    if own_guild.is_some()
        && let Ok(global) = discord.list_command_names(&application.id, None).await.found
        && !global.is_empty()
    {
        found.push(text::commands_twice(&global));
    }
    Ok(found)
}

fn judge_commands(ours: &[String], registered: &[String]) -> Finding {
    let lacking: Vec<String> = ours.iter().filter(|name| !registered.contains(name)).cloned().collect();
    let stale: Vec<String> = registered.iter().filter(|name| !ours.contains(name)).cloned().collect();
    match (lacking.is_empty(), stale.is_empty()) {
        (true, true) => text::commands(ours.len()),
        _ => text::other_commands(&lacking, &stale),
    }
}

/// A routed place, with what is routed there.
struct Place {
    target: Target,
    patterns: Vec<String>,
}

pub(super) async fn channels(doctor: &Doctor<'_>) -> Found {
    let Some(guild) = doctor.guild_id else { return Ok(vec![text::no_server()]) };
    let places = places(doctor, guild).await?;
    if places.is_empty() {
        return Ok(vec![text::no_routes()]);
    }
    let standing = standing(doctor, guild).await;
    let standing = match standing {
        Ok(standing) => standing,
        Err(LookupError::Refused { code: 50001 | 10004, .. }) => return Ok(vec![text::not_in_server(guild)]),
        Err(error) => return Err(Blind::Failed(text::not_looked_at(error))),
    };
    let looks: Vec<BoxFuture<'_, Finding>> =
        places.iter().map(|place| examine(doctor, guild, place, &standing).boxed()).collect();
    Ok(stream::iter(looks).buffered(AT_ONCE).collect().await)
}

/// Where the routes of the database lead; without one, where those of the environment would.
async fn places(doctor: &Doctor<'_>, guild: GuildId) -> Result<Vec<Place>, Blind> {
    let mut patterns: BTreeMap<ChannelId, Vec<String>> = BTreeMap::new();
    let stored = match &doctor.no_database {
        None => Some(doctor.ports.store.list_route_channels(guild).await),
        Some(_) => None,
    };
    let mut webhooks = Vec::new();
    if let Some(Ok(routes)) = stored {
        for (pattern, channels, _) in routes {
            for channel in channels {
                patterns.entry(ChannelId(channel)).or_default().push(pattern.clone());
            }
        }
        let is_webhook = |d: &Destination| matches!(d.target, Target::Webhook { .. });
        let all = doctor.ports.store.list_destinations(guild).await?;
        webhooks = all.into_iter().filter(is_webhook).map(|d| Place { target: d.target, patterns: vec![] }).collect();
    } else {
        for seed in &doctor.ports.config.routing.seeds {
            for channel in &seed.channels {
                patterns.entry(*channel).or_default().push(seed.pattern.clone());
            }
        }
    }
    let channels = patterns.into_iter().map(|(id, patterns)| Place { target: Target::Channel(id), patterns });
    Ok(channels.chain(webhooks).collect())
}

struct Standing {
    own: String,
    member: Member,
    roles: Vec<Role>,
}

async fn standing(doctor: &Doctor<'_>, guild: GuildId) -> Result<Standing, LookupError> {
    let discord = &doctor.ports.discord;
    let own = doctor.own_id().await?;
    let (roles, member) = tokio::join!(discord.list_roles(guild), discord.get_member(guild, own));
    Ok(Standing { own: own.to_string(), roles: roles.found?, member: member.found? })
}

async fn examine(doctor: &Doctor<'_>, guild: GuildId, place: &Place, standing: &Standing) -> Finding {
    let discord = &doctor.ports.discord;
    let channel = match &place.target {
        Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => *channel,
        Target::Webhook { id, token, .. } => {
            let check = text::webhook_check(*id);
            return match discord.get_webhook_channel(*id, token).await.found {
                Ok((_, owner)) if owner.is_some_and(|owner| owner != guild) => text::webhook_elsewhere(&check),
                Ok(_) => text::webhook(&check),
                Err(error) => unusable(&check, &error, &[]),
            };
        }
    };
    match discord.get_channel(channel).await.found {
        Ok(found) => {
            let check = text::channel_check(&found.name.clone().unwrap_or_else(|| channel.to_string()));
            if found.guild_id.as_deref() != Some(guild.to_string().as_str()) {
                return text::channel_elsewhere(&check, &place.patterns, guild);
            }
            let held = match held(doctor, guild, standing, &found).await {
                Ok(held) => held,
                Err(error) => return unusable(&check, &error, &place.patterns),
            };
            match missing(held).as_slice() {
                [] => text::channel(&check),
                lacking => text::lacks(&check, lacking, found.is_thread()),
            }
        }
        Err(error) => unusable(&text::unknown_channel_check(channel), &error, &place.patterns),
    }
}

/// A thread has the permissions of the channel that it is in.
async fn held(doctor: &Doctor<'_>, guild: GuildId, standing: &Standing, found: &Channel) -> Result<u64, LookupError> {
    let compute =
        |channel: &Channel| compute(&guild.to_string(), &standing.own, &standing.member, &standing.roles, channel);
    let parent = found.parent_id.as_deref().filter(|_| found.is_thread()).and_then(|id| id.parse().ok());
    let Some(parent) = parent else { return Ok(compute(found)) };
    Ok(in_thread(compute(&doctor.ports.discord.get_channel(ChannelId(parent)).await.found?)))
}

fn unusable(check: &str, error: &LookupError, patterns: &[String]) -> Finding {
    match error {
        LookupError::Refused { code: 10003 | 10015, .. } => text::does_not_exist(check, patterns),
        LookupError::Refused { code: 50001, .. } => text::not_seen(check, patterns),
        LookupError::Unauthorized | LookupError::Refused { code: 50027, .. } => text::invalid_webhook(check),
        other => text::destination_not_looked_at(check, other.to_string()),
    }
}

/// Every button that a card was posted with, and those that the newest messages have now.
pub(super) async fn buttons(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    let Some(guild) = doctor.guild_id else { return Ok(vec![]) };
    let store = &doctor.ports.store;
    let mut ids: BTreeSet<String> = store.list_posted_custom_ids(guild, CARDS).await?.into_iter().collect();
    let cards = store.count_live_cards(guild).await?;
    let routes = store.list_route_channels(guild).await?;
    let channels: BTreeSet<i64> = routes.into_iter().flat_map(|(_, channels, _)| channels).collect();
    if let Ok(own) = doctor.own_id().await {
        for channel in channels {
            if let Ok(seen) = doctor.ports.discord.list_own_custom_ids(ChannelId(channel), own).await.found {
                ids.extend(seen);
            }
        }
    }
    let dead: BTreeSet<String> = ids.iter().filter(|id| !(doctor.edge.handles)(id)).map(|id| kind_of(id)).collect();
    if dead.is_empty() {
        return Ok(vec![text::buttons(ids.len(), cards)]);
    }
    Ok(vec![text::dead_buttons(dead)])
}

/// Without what it is about: `v1:approval:approve`.
fn kind_of(custom_id: &str) -> String {
    let words: Vec<&str> = custom_id.split(':').take(3).collect();
    words.join(":").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_is_said_with_its_direction() {
        let told = |ms| judge_skew(TimeDelta::milliseconds(ms)).text;
        assert_eq!(told(400), "agrees with Discord's");
        assert_eq!(told(-4200), "4 s behind Discord's");
        assert_eq!(told(61_000), "61 s ahead of Discord's");
        assert_eq!(judge_skew(TimeDelta::seconds(-31)).state, super::super::State::Problem);
    }
}
