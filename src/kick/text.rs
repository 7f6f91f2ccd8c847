//! What people are told about Kick by notices, and by errors of these flows.

use std::fmt::Write as _;

use crate::routing::embed::{escape, fit};
use crate::store::kick_account::{KickAccount, Purpose};

pub const NOT_CONFIGURED: &str = "Kick is not set up: the operator has to set KICK_CLIENT_ID and KICK_CLIENT_SECRET, from \
     https://kick.com/settings/developer.";
pub const NO_ADDRESS: &str =
    "Kick has to send you back to an address of Signalbox: the operator has to set PUBLIC_URL.";
pub const UNKNOWN_CHANNEL: &str =
    "This Kick channel is not connected with this server. /kick status lists those that are.";

pub fn name(text: &str) -> String {
    escape(&fit(text, 60))
}

pub fn account_lost(account: &KickAccount) -> String {
    let mut words = format!(
        "Kick no longer lets Signalbox act for the account **{}**: the authorisation has run out or was taken back.",
        name(&account.name)
    );
    match account.purpose {
        Purpose::Streamer => words.push_str(
            " Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with \
             `/kick connect`. Events still arrive.",
        ),
        Purpose::Bot => words.push_str(" Connect it again with `/kick connect account:bot`."),
    }
    if let Some(user) = account.by {
        let _ = write!(words, " It was connected by <@{user}>.");
    }
    words
}

pub fn missing(channel: &str, kinds: &[(&String, &String)]) -> String {
    let lines: Vec<String> = kinds.iter().map(|(kind, why)| format!("`{kind}`: {}", escape(&fit(why, 200)))).collect();
    format!(
        "Kick does not send all events of **{}**, although it was asked to:\n{}\nSignalbox keeps asking; `/kick doctor` \
         shows how it stands.",
        name(channel),
        lines.join("\n")
    )
}

pub fn silent(channel: &str) -> String {
    format!(
        "**{}** is live at Kick, and not one chat message has come for 10 minutes. Either nobody writes, or Kick does not \
         deliver: `/kick doctor` looks at the subscriptions.",
        name(channel)
    )
}

/// Why Kick does not send a kind of event.
pub const NOT_LISTED: &str = "Kick gave a subscription and does not list it";
pub const NO_ANSWER: &str = "Kick did not say what came of it";
