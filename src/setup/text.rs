//! The words of the steps. They name settings as `.env` does, and are read on the command line and in Discord.

use std::time::Duration;

use crate::id::ChannelId;
use crate::source::xtsystems::live::NotArrived;
use crate::upstream::xtsystems::Webhook;

pub const NO_UPSTREAM: &str = "Signalbox does not know where XTSystems is";
pub const SET_UPSTREAM: &str = "Set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY";
pub const CHECK_API_URL: &str = "If the next step fails too, check XTSYSTEMS_API_URL";
pub const AGAIN: &str = "Mend it, then do this again: what is done already stays";
pub const NO_PUBLIC_URL: &str = "Signalbox does not know its own address";
pub const SET_PUBLIC_URL: &str =
    "Set PUBLIC_URL to the address under which XTSystems reaches this server, such as https://bot.example.org";
pub const USE_HTTPS: &str =
    "Put a proxy with a certificate in front (Caddy, nginx) and set PUBLIC_URL to its https address";
pub const SECRET_MADE: &str = "generated, and kept in the database";
pub const SECRET_KEPT: &str = "the one generated earlier, kept in the database";
pub const SECRET_CONFIGURED: &str = "set as WEBHOOK_SECRET";
pub const SECRET_SENT: &str = "XTSystems had another secret, or none: it was given ours";
const SAME_SETTINGS: &str =
    "Does the running Signalbox have the same settings as this set-up? Restart it, then do this again";
const GIVE_SECRET: &str = "Give XTSystems our secret: signalbox setup xtsystems, or /register-webhook in Discord";
pub const NOT_REGISTERED: &str = "our webhook is not registered at XTSystems";
pub const REGISTER: &str = "Register it: signalbox setup xtsystems, or /register-webhook in Discord";

pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub fn no_health(origin: &str, status: u16) -> String {
    format!("{origin} answers, but has no /health ({status})")
}

pub fn webhooks(count: usize) -> String {
    match count {
        0 => "no webhook is registered there yet".into(),
        1 => "1 webhook is registered there".into(),
        n => format!("{n} webhooks are registered there"),
    }
}

pub fn only_here(url: &str) -> String {
    format!("{url} leads to this machine only, and XTSystems is on another one")
}

pub fn other_port(url: &str, named: u16, port: u16) -> String {
    format!("{url} names port {named}, and Signalbox listens on {port}")
}

pub fn other_port_fix(named: u16) -> String {
    format!("That is right behind a proxy. Without one, set WEBHOOK_PORT={named} or correct PUBLIC_URL")
}

pub fn in_the_clear(url: &str) -> String {
    format!("{url} is not https: what XTSystems sends is signed, but can be read on its way")
}

pub fn another_webhook(other: &Webhook) -> String {
    format!("\"{}\" leads to the same address, so everything comes twice (and is shown once)", other.name)
}

pub fn delete_webhook(id: &str) -> String {
    format!("Delete it: signalbox xtsystems webhooks delete {id}")
}

/// `all 10 kinds of events`, or the kinds by name.
pub fn kinds(events: &[String], left_out: &[String]) -> String {
    match (events.len(), left_out.len()) {
        (n, 0) => format!("all {n} kinds of events"),
        (n, _) if n > 5 => format!("{n} kinds of events, without {}", left_out.join(", ")),
        _ => events.join(", "),
    }
}

pub fn arrived(after: Duration) -> String {
    format!("the test delivery arrived after {} ms, and its signature is valid", after.as_millis())
}

/// What became of a test, and what to look at.
pub fn not_arrived(why: &NotArrived, url: &str, mended: bool) -> (String, String) {
    if let Some(rule) = &why.refused {
        let fix = if mended { SAME_SETTINGS } else { GIVE_SECRET };
        return (format!("the test delivery was refused. {rule}"), fix.into());
    }
    let upstream = why.upstream.as_deref().map(|words| format!(". XTSystems says: {words}")).unwrap_or_default();
    if why.delivered == Some(true) {
        return (
            format!("XTSystems delivered it to {url}, but not to this Signalbox{upstream}"),
            "Another server answers at PUBLIC_URL, or another Signalbox with a database of its own: correct PUBLIC_URL"
                .into(),
        );
    }
    (
        format!("nothing arrived at {url}{upstream}"),
        "Can XTSystems reach this address? Look at PUBLIC_URL, DNS, the firewall, and the proxy in front".into(),
    )
}

pub const INTENTS_NONE: &str = "no privileged intent is needed, and none is switched on";
pub const INTENTS_SPARE: &str = "no privileged intent is needed; those that are switched on may be switched off";
pub const NO_GUILD: &str = "Signalbox does not know which server is its own";
pub const SET_GUILD: &str = "Set DISCORD_GUILD_ID: right-click the server's name in Discord, \"Copy Server ID\"";
pub const INVITE_IT: &str =
    "Open the invite link above as somebody who may manage the server, or correct DISCORD_GUILD_ID";
pub const SET_TOKEN: &str = "Copy it anew: https://discord.com/developers/applications, your application, Bot, Reset Token; it is DISCORD_TOKEN";
pub const REACH_DISCORD: &str = "Check this server's way to the internet (DNS, proxy, firewall), and DISCORD_API_URL";
pub const NOT_DISCORD: &str =
    "Something between here and Discord answers instead: a proxy, or Discord blocks this address for a while";
pub const LATER: &str = "Try again in a minute";
pub const NO_ROUTE: &str = "no event has a channel yet, so nothing would be shown";
pub const SET_ROUTE: &str = "Set DISCORD_WEBHOOK_CHANNELS, such as {\"default\": [\"CHANNEL ID\"]}: right-click a channel in \
     Discord, \"Copy Channel ID\"";

pub fn no_channel(channel: ChannelId) -> String {
    format!("there is no channel {channel}")
}

pub fn hidden_channel(channel: ChannelId) -> String {
    format!("the bot does not see channel {channel}")
}

pub fn foreign_channel(name: &str) -> String {
    format!("#{name} is in another server")
}

pub fn allow(permissions: &str) -> String {
    format!("Channel settings, Permissions, add the bot's role, and allow {permissions}")
}

pub const RUN: &str = "Start it with signalbox run, then do this again";
pub const PARTY_ELSEWHERE: &str =
    "A program on another machine needs PUBLIC_URL; one on this machine may do without a key: PARTY_LOOPBACK=on";
pub const NO_KEY_NEEDED: &str = "not needed by a program on this machine (PARTY_LOOPBACK=on)";
pub const KEY_MADE: &str = "made, named party; it is shown once, below";
pub const WEBHOOK_KEPT: &str = "set already";
pub const WEBHOOK_SET: &str = "set; notifications go through it from now on";
pub const NO_WEBHOOK: &str = "no Discord webhook is set, so notifications have nowhere to go";
pub const BAD_WEBHOOK: &str = "that is not the address of a Discord webhook";
pub const SET_WEBHOOK: &str = "In Discord: the channel's settings, Integrations, Webhooks, New Webhook, Copy Webhook URL; then \
     signalbox setup party --webhook URL";
pub const NO_ANSWER: &str = "Signalbox does not answer the test";

pub fn not_running(here: &str) -> String {
    format!("no Signalbox answers at {here}")
}

pub fn party_address(base: &str) -> String {
    format!("the party program speaks to {base}/api/discord")
}

pub fn key_known(begins: &str) -> String {
    format!("made earlier, begins {begins}")
}

pub fn key_lacks(begins: &str, missing: &[&str]) -> String {
    format!("the key {begins} lacks {}", missing.join(" and "))
}

pub fn revoke_key(begins: &str) -> String {
    format!("signalbox api-key revoke {begins} and do this again: it is made anew")
}

pub fn party_arrived(after: Duration, link: Option<&str>) -> String {
    let link = link.map(|link| format!(": {link}")).unwrap_or_default();
    format!("Discord has the test notification after {} ms{link}", after.as_millis())
}

pub fn party_refused(status: u16, said: &str) -> String {
    format!("the test notification did not arrive ({status}): {}", said.trim_end_matches('.'))
}

/// What to do about an answer of `/api/discord/test`.
pub fn party_fix(status: u16) -> &'static str {
    match status {
        400 | 502 => SET_WEBHOOK,
        401 | 403 => {
            "Does the running Signalbox have the same DATABASE_URL and settings? Restart it, then do this again"
        }
        404 => "That process has no intake: run one with the role intake at this port, see SIGNALBOX_ROLES",
        _ => "Look at the log of the running Signalbox and at signalbox doctor, then do this again",
    }
}

pub const BAD_INVITE: &str = "that is not a Discord invite";
pub const SET_INVITE: &str =
    "It looks like https://discord.gg/CODE: in Discord, the voice channel, Invite People, Copy";

pub fn invite_set(url: &str) -> String {
    format!("set: \"party created\" shows {url}")
}
