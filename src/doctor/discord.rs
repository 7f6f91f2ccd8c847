//! Discord: the token, the application's settings, our clock against its, our commands, what we may do in
//! each routed channel, and whether every button that people still have is handled.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, StreamExt as _};

use super::report::Finding;
use super::{Blind, Doctor, Found};
use crate::config::Config;
use crate::id::{ChannelId, GuildId, UserId};
use crate::store::destination::{Destination, Target};
use crate::upstream::discord::{Application, LookupError};
use crate::upstream::permission::{Member, Role, compute, missing};

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
    const CHECK: &str = "Token";
    Ok(match doctor.the_application().await {
        Ok(application) => {
            let mut found = vec![Finding::good(CHECK, format!("accepted, the bot is {}", application.name))];
            found.extend(judge_application(application));
            found.extend(judge_endpoint(application, &Endpoint::of(&doctor.ports.config)));
            found
        }
        Err(LookupError::Unauthorized) => vec![Finding::problem(
            CHECK,
            "Discord refuses it",
            "copy it anew from the Bot page of your application into DISCORD_TOKEN",
        )],
        Err(error @ LookupError::RateLimited(_)) => {
            vec![Finding::warning(CHECK, format!("not looked at: {error}"), "look again in a minute")]
        }
        Err(error) => vec![Finding::problem(CHECK, error.to_string(), "check the way to Discord: network, proxy, DNS")],
    })
}

/// <https://discord.com/developers/docs/resources/application#application-object>
fn judge_application(application: &Application) -> Vec<Finding> {
    let mut found = Vec::new();
    let on = application.privileged_intents();
    found.push(if on.is_empty() {
        Finding::good("Intents", "no privileged ones needed, none switched on")
    } else {
        Finding::warning(
            "Intents",
            format!("{} switched on and not needed", on.join(", ")),
            "switch it off on the Bot page of your application",
        )
    });
    if application.bot_require_code_grant {
        found.push(Finding::warning(
            "Invite",
            "Requires OAuth2 Code Grant is switched on: the invite link does not work",
            "switch it off on the Bot page of your application",
        ));
    }
    found
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
    const CHECK: &str = "Interactions endpoint";
    const FIELD: &str = "Interactions Endpoint URL under General Information of your application";
    let mut found = Vec::new();
    let theirs = application.verify_key.as_deref();
    if let Some(key) = endpoint.public_key
        && theirs.is_some_and(|theirs| theirs != hex::encode(key))
    {
        let text = "DISCORD_PUBLIC_KEY is not the key of this application: everything that comes by HTTP is refused";
        found.push(Finding::problem(CHECK, text, "copy Public Key under General Information of your application"));
    }
    let set = application.interactions_endpoint_url.as_deref().filter(|url| !url.is_empty());
    found.push(match (set, &endpoint.ours) {
        (Some(set), Some(ours)) if set.trim_end_matches('/') == ours.trim_end_matches('/') => {
            Finding::good(CHECK, format!("{ours}: presses and commands come by HTTP"))
        }
        (Some(set), Some(ours)) => Finding::problem(
            CHECK,
            format!("Discord sends presses and commands to {set}, which is not this server: they never arrive here"),
            format!("enter {ours} as {FIELD}, or clear it"),
        ),
        (Some(set), None) => Finding::problem(
            CHECK,
            format!("Discord sends presses and commands to {set}, and this server takes them from the gateway alone"),
            format!("clear {FIELD}"),
        ),
        (None, _) if endpoint.has_gateway => Finding::good(CHECK, "not set: presses and commands come by the gateway"),
        (None, Some(ours)) => Finding::problem(
            CHECK,
            "not set, and DISCORD_GATEWAY is off: no press and no command arrives",
            format!("enter {ours} as {FIELD}"),
        ),
        (None, None) => Finding::problem(
            CHECK,
            "not set, and DISCORD_GATEWAY is off: no press and no command arrives",
            format!("set PUBLIC_URL, and enter it with DISCORD_INTERACTIONS_PATH as {FIELD}"),
        ),
    });
    found
}

pub(super) async fn clock(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Clock";
    let clock = &doctor.ports.clock;
    let before = clock.now();
    let theirs = match doctor.ports.discord.read_clock().await {
        Ok(theirs) => theirs,
        Err(error) => return Ok(vec![Finding::warning(CHECK, error.to_string(), "see the line about the token")]),
    };
    let after = clock.now();
    Ok(vec![judge_skew(before + (after - before) / 2 - (theirs + STEP))])
}

/// `skew`: how far we are ahead of Discord.
fn judge_skew(skew: TimeDelta) -> Finding {
    let seconds = skew.num_milliseconds().unsigned_abs() / 1000;
    let way = if skew < TimeDelta::zero() { "behind" } else { "ahead of" };
    let text = format!("{seconds} s {way} Discord's");
    let fix = "set the clock of this machine (and of PostgreSQL's) by NTP";
    match skew.abs() {
        skew if skew >= MUCH_SKEW => Finding::problem("Clock", text, fix),
        skew if skew >= SOME_SKEW => Finding::warning("Clock", text, fix),
        _ => Finding::good("Clock", "agrees with Discord's"),
    }
}

pub(super) async fn commands(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Commands";
    let discord = &doctor.ports.discord;
    let Ok(application) = doctor.the_application().await else {
        return Err(Blind::Failed("not looked at: Discord does not say which application this is".into()));
    };
    let own_guild = doctor.ports.config.discord.guild_id;
    let registered = match discord.list_command_names(&application.id, own_guild).await.found {
        Ok(names) => names,
        Err(error) => {
            let fix = "invite the bot with the scope applications.commands";
            return Ok(vec![Finding::problem(CHECK, error.to_string(), fix)]);
        }
    };
    let mut found = vec![judge_commands(&doctor.edge.commands, &registered)];
    if own_guild.is_some()
        && let Ok(global) = discord.list_command_names(&application.id, None).await.found
        && !global.is_empty()
    {
        found.push(Finding::warning(
            CHECK,
            format!("also registered for all servers, so people see them twice: {}", slashed(&global)),
            "delete the global ones; they are left from a run without DISCORD_GUILD_ID",
        ));
    }
    Ok(found)
}

fn judge_commands(ours: &[String], registered: &[String]) -> Finding {
    let lacking: Vec<String> = ours.iter().filter(|name| !registered.contains(name)).cloned().collect();
    let stale: Vec<String> = registered.iter().filter(|name| !ours.contains(name)).cloned().collect();
    let fix = "start this version of the bot: it registers its commands at the start";
    match (lacking.is_empty(), stale.is_empty()) {
        (true, true) => Finding::good("Commands", format!("{} registered", ours.len())),
        (false, true) => Finding::problem("Commands", format!("not registered: {}", slashed(&lacking)), fix),
        (true, false) => Finding::problem("Commands", format!("stale, nobody answers them: {}", slashed(&stale)), fix),
        (false, false) => Finding::problem(
            "Commands",
            format!("not registered: {}; stale, nobody answers them: {}", slashed(&lacking), slashed(&stale)),
            fix,
        ),
    }
}

fn slashed(names: &[String]) -> String {
    names.iter().map(|name| format!("/{name}")).collect::<Vec<_>>().join(" ")
}

/// A routed place, with what is routed there.
struct Place {
    target: Target,
    patterns: Vec<String>,
}

pub(super) async fn channels(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Routes";
    let Some(guild) = doctor.guild_id else {
        let fix = "set DISCORD_GUILD_ID";
        return Ok(vec![Finding::warning(CHECK, "no server is configured, so nothing is routed", fix)]);
    };
    let places = places(doctor, guild).await?;
    if places.is_empty() {
        let fix = "set DISCORD_WEBHOOK_CHANNELS and start the bot";
        return Ok(vec![Finding::warning(CHECK, "none: nothing is shown anywhere", fix)]);
    }
    let standing = standing(doctor, guild).await;
    let standing = match standing {
        Ok(standing) => standing,
        Err(LookupError::Refused { code: 50001 | 10004, .. }) => {
            let fix = "invite the bot into it, or correct DISCORD_GUILD_ID";
            return Ok(vec![Finding::problem("Server", format!("the bot is not in server {guild}"), fix)]);
        }
        Err(error) => return Err(Blind::Failed(format!("not looked at: {error}"))),
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
            let check = format!("Webhook {id}");
            return match discord.get_webhook_channel(*id, token).await.found {
                Ok((_, owner)) if owner.is_some_and(|owner| owner != guild) => {
                    Finding::problem(&check, "belongs to another server", "take one of this server")
                }
                Ok(_) => Finding::good(&check, "usable"),
                Err(error) => unusable(&check, &error, &[]),
            };
        }
    };
    match discord.get_channel(channel).await.found {
        Ok(found) => {
            let check = format!("#{}", found.name.clone().unwrap_or_else(|| channel.to_string()));
            if found.guild_id.as_deref() != Some(guild.to_string().as_str()) {
                let fix = format!("route {} to a channel of server {guild}", place.patterns.join(", "));
                return Finding::problem(&check, "is in another server", fix);
            }
            let held = compute(&guild.to_string(), &standing.own, &standing.member, &standing.roles, &found);
            match missing(held).as_slice() {
                [] => Finding::good(&check, "may write there"),
                lacking => Finding::problem(
                    &check,
                    format!("lacks {}", lacking.join(", ")),
                    "allow it for the bot in the channel's permissions",
                ),
            }
        }
        Err(error) => unusable(&format!("Channel {channel}"), &error, &place.patterns),
    }
}

fn unusable(check: &str, error: &LookupError, patterns: &[String]) -> Finding {
    let routed = if patterns.is_empty() { String::new() } else { format!(" ({} goes there)", patterns.join(", ")) };
    match error {
        LookupError::Refused { code: 10003 | 10015, .. } => Finding::problem(
            check,
            format!("does not exist{routed}"),
            "correct the id in DISCORD_WEBHOOK_CHANNELS, or choose another",
        ),
        LookupError::Refused { code: 50001, .. } => Finding::problem(
            check,
            format!("lacks View Channel{routed}"),
            "allow it for the bot in the channel's permissions",
        ),
        LookupError::Unauthorized | LookupError::Refused { code: 50027, .. } => {
            Finding::problem(check, "its token is not valid", "make a new webhook in Discord")
        }
        other => Finding::warning(check, other.to_string(), "look again in a minute"),
    }
}

/// Every button that a card was posted with, and those that the newest messages have now.
pub(super) async fn buttons(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Buttons";
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
        let cards = if cards == 1 { "1 card".to_owned() } else { format!("{cards} cards") };
        return Ok(vec![Finding::good(CHECK, format!("{} on {cards}, all handled", ids.len()))]);
    }
    let named: Vec<String> = dead.into_iter().map(|id| format!("`{id}`")).collect();
    let fix = "run the version that made them, or ignore them: a press is answered politely";
    Ok(vec![Finding::warning(CHECK, format!("some on old cards are no longer handled: {}", named.join(" ")), fix)])
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
