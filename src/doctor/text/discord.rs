//! About Discord.

use crate::doctor::report::Finding;
use crate::id::GuildId;

const TOKEN: &str = "Token";
const INTENTS: &str = "Intents";
const ENDPOINT: &str = "Interactions endpoint";
const CLOCK: &str = "Clock";
const COMMANDS: &str = "Commands";
const ROUTES: &str = "Routes";
const BUTTONS: &str = "Buttons";
const BOT_PAGE: &str = "switch it off on the Bot page of your application";
const FIELD: &str = "Interactions Endpoint URL under General Information of your application";
const NTP: &str = "set the clock of this machine (and of PostgreSQL's) by NTP";
const START: &str = "start this version of the bot: it registers its commands at the start";
const NO_WAY_IN: &str = "not set, and DISCORD_GATEWAY is off: no press and no command arrives";
const LATER: &str = "look again in a minute";
const ALLOW: &str = "allow it for the bot in the channel's permissions";
pub const NO_APPLICATION: &str = "not looked at: Discord does not say which application this is";

pub fn not_looked_at(why: impl std::fmt::Display) -> String {
    format!("not looked at: {why}")
}

pub fn token(name: &str) -> Finding {
    Finding::good(TOKEN, format!("accepted, the bot is {name}"))
}

pub fn token_refused() -> Finding {
    let fix = "copy it anew from the Bot page of your application into DISCORD_TOKEN";
    Finding::problem(TOKEN, "Discord refuses it", fix)
}

pub fn token_not_looked_at(why: impl std::fmt::Display) -> Finding {
    Finding::warning(TOKEN, not_looked_at(why), LATER)
}

pub fn no_way_to_discord(why: String) -> Finding {
    Finding::problem(TOKEN, why, "check the way to Discord: network, proxy, DNS")
}

pub fn no_intents() -> Finding {
    Finding::good(INTENTS, "no privileged ones needed, none switched on")
}

pub fn needed_intent(name: &str) -> Finding {
    Finding::good(INTENTS, format!("{name} switched on: what the game server says in its channel is read"))
}

pub fn missing_intent(name: &str) -> Finding {
    let text =
        format!("{name} is not switched on: Discord lets the bot not in, because of ETLEGACY_TRIGGER_CHANNEL_ID");
    let fix = "switch it on on the Bot page of your application, or unset that variable and let signalbox notify-stats send \
               the files itself";
    Finding::problem(INTENTS, text, fix)
}

pub fn needless_intents(on: &[&str]) -> Finding {
    Finding::warning(INTENTS, format!("{} switched on and not needed", on.join(", ")), BOT_PAGE)
}

pub fn code_grant() -> Finding {
    let text = "Requires OAuth2 Code Grant is switched on: the invite link does not work";
    Finding::warning("Invite", text, BOT_PAGE)
}

pub fn wrong_public_key() -> Finding {
    let text = "DISCORD_PUBLIC_KEY is not the key of this application: everything that comes by HTTP is refused";
    Finding::problem(ENDPOINT, text, "copy Public Key under General Information of your application")
}

pub fn by_http(ours: &str) -> Finding {
    Finding::good(ENDPOINT, format!("{ours}: presses and commands come by HTTP"))
}

pub fn endpoint_elsewhere(theirs: &str, ours: &str) -> Finding {
    let text =
        format!("Discord sends presses and commands to {theirs}, which is not this server: they never arrive here");
    Finding::problem(ENDPOINT, text, format!("enter {ours} as {FIELD}, or clear it"))
}

pub fn endpoint_not_ours(theirs: &str) -> Finding {
    let text =
        format!("Discord sends presses and commands to {theirs}, and this server takes them from the gateway alone");
    Finding::problem(ENDPOINT, text, format!("clear {FIELD}"))
}

pub fn by_gateway() -> Finding {
    Finding::good(ENDPOINT, "not set: presses and commands come by the gateway")
}

pub fn no_way_in(ours: Option<&str>) -> Finding {
    let fix = match ours {
        Some(ours) => format!("enter {ours} as {FIELD}"),
        None => format!("set PUBLIC_URL, and enter it with DISCORD_INTERACTIONS_PATH as {FIELD}"),
    };
    Finding::problem(ENDPOINT, NO_WAY_IN, fix)
}

pub fn no_clock(why: String) -> Finding {
    Finding::warning(CLOCK, why, "see the line about the token")
}

pub fn clock() -> Finding {
    Finding::good(CLOCK, "agrees with Discord's")
}

fn skew(seconds: u64, is_behind: bool) -> String {
    let way = if is_behind { "behind" } else { "ahead of" };
    format!("{seconds} s {way} Discord's")
}

pub fn some_skew(seconds: u64, is_behind: bool) -> Finding {
    Finding::warning(CLOCK, skew(seconds, is_behind), NTP)
}

pub fn much_skew(seconds: u64, is_behind: bool) -> Finding {
    Finding::problem(CLOCK, skew(seconds, is_behind), NTP)
}

pub fn no_commands(why: String) -> Finding {
    Finding::problem(COMMANDS, why, "invite the bot with the scope applications.commands")
}

pub fn commands_twice(global: &[String]) -> Finding {
    let text = format!("also registered for all servers, so people see them twice: {}", slashed(global));
    Finding::warning(COMMANDS, text, "delete the global ones; they are left from a run without DISCORD_GUILD_ID")
}

pub fn commands(count: usize) -> Finding {
    Finding::good(COMMANDS, format!("{count} registered"))
}

pub fn other_commands(lacking: &[String], stale: &[String]) -> Finding {
    let lacking = (!lacking.is_empty()).then(|| format!("not registered: {}", slashed(lacking)));
    let stale = (!stale.is_empty()).then(|| format!("stale, nobody answers them: {}", slashed(stale)));
    let text = [lacking, stale].into_iter().flatten().collect::<Vec<_>>().join("; ");
    Finding::problem(COMMANDS, text, START)
}

fn slashed(names: &[String]) -> String {
    names.iter().map(|name| format!("/{name}")).collect::<Vec<_>>().join(" ")
}

pub fn no_server() -> Finding {
    Finding::warning(ROUTES, "no server is configured, so nothing is routed", "set DISCORD_GUILD_ID")
}

pub fn no_routes() -> Finding {
    let fix = "set DISCORD_WEBHOOK_CHANNELS and start the bot";
    Finding::warning(ROUTES, "none: nothing is shown anywhere", fix)
}

pub fn not_in_server(guild: GuildId) -> Finding {
    let fix = "invite the bot into it, or correct DISCORD_GUILD_ID";
    Finding::problem("Server", format!("the bot is not in server {guild}"), fix)
}

pub fn channel_check(name: &str) -> String {
    format!("#{name}")
}

pub fn unknown_channel_check(id: impl std::fmt::Display) -> String {
    format!("Channel {id}")
}

pub fn webhook_check(id: i64) -> String {
    format!("Webhook {id}")
}

pub fn webhook_elsewhere(check: &str) -> Finding {
    Finding::problem(check, "belongs to another server", "take one of this server")
}

pub fn webhook(check: &str) -> Finding {
    Finding::good(check, "usable")
}

pub fn channel_elsewhere(check: &str, patterns: &[String], guild: GuildId) -> Finding {
    let fix = format!("route {} to a channel of server {guild}", patterns.join(", "));
    Finding::problem(check, "is in another server", fix)
}

pub fn channel(check: &str) -> Finding {
    Finding::good(check, "may write there")
}

pub fn lacks(check: &str, permissions: &[&str], is_thread: bool) -> Finding {
    // The permission to send in a thread is another one.
    let names = permissions.iter().map(|name| match *name {
        "Send Messages" if is_thread => "Send Messages in Threads",
        name => name,
    });
    let names: Vec<&str> = names.collect();
    Finding::problem(check, format!("lacks {}", names.join(", ")), ALLOW)
}

fn routed(patterns: &[String]) -> String {
    if patterns.is_empty() { String::new() } else { format!(" ({} goes there)", patterns.join(", ")) }
}

pub fn does_not_exist(check: &str, patterns: &[String]) -> Finding {
    let fix = "correct the id in DISCORD_WEBHOOK_CHANNELS, or choose another";
    Finding::problem(check, format!("does not exist{}", routed(patterns)), fix)
}

pub fn not_seen(check: &str, patterns: &[String]) -> Finding {
    Finding::problem(check, format!("lacks View Channel{}", routed(patterns)), ALLOW)
}

pub fn invalid_webhook(check: &str) -> Finding {
    Finding::problem(check, "its token is not valid", "make a new webhook in Discord")
}

pub fn destination_not_looked_at(check: &str, why: String) -> Finding {
    Finding::warning(check, why, LATER)
}

pub fn buttons(count: usize, cards: i64) -> Finding {
    let cards = if cards == 1 { "1 card".to_owned() } else { format!("{cards} cards") };
    Finding::good(BUTTONS, format!("{count} on {cards}, all handled"))
}

pub fn dead_buttons(kinds: impl IntoIterator<Item = String>) -> Finding {
    let named: Vec<String> = kinds.into_iter().map(|id| format!("`{id}`")).collect();
    let fix = "run the version that made them, or ignore them: a press is answered politely";
    Finding::warning(BUTTONS, format!("some on old cards are no longer handled: {}", named.join(" ")), fix)
}
