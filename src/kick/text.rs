//! What people are told about Kick by notices, and by errors of these flows.

use super::owner::Told;
use crate::routing::embed::{escape, fit};
use crate::store::kick_account::{KickAccount, Purpose};

pub const NOT_CONFIGURED: &str = "Kick is not set up: the operator has to set KICK_CLIENT_ID and KICK_CLIENT_SECRET, from \
     https://kick.com/settings/developer.";
pub const NO_ADDRESS: &str =
    "Kick has to send you back to an address of Signalbox: the operator has to set PUBLIC_URL.";
pub const UNKNOWN_CHANNEL: &str =
    "This Kick channel is not connected with this server. /kick status lists those that are.";

// Notices are plain: what would be markup in them is escaped where they are shown.

fn name(text: &str) -> String {
    fit(text, 60)
}

/// To whose account it is, in a direct message.
pub fn direct_account_lost(account: &KickAccount) -> String {
    let what = match account.purpose {
        Purpose::Streamer => {
            "Nothing can be said in its chat, and no redemptions decided, until you connect it again with `/kick connect`"
        }
        Purpose::Bot => "Connect it again with `/kick connect account:bot`",
    };
    format!(
        "⚠️ Kick no longer lets Signalbox act for your account {}: the authorisation has run out or was taken back. {what} in \
         https://discord.com/channels/{}.",
        escape(&name(&account.name)),
        account.guild_id
    )
}

pub fn account_lost(account: &KickAccount, told: &Told) -> String {
    let what = match account.purpose {
        Purpose::Streamer => {
            "Nothing can be said in that channel's chat, and no redemptions decided, until it is connected again with \
             /kick connect. Events still arrive."
        }
        Purpose::Bot => "Connect it again with /kick connect account:bot.",
    };
    let told = match told {
        Told::Yes => "Its owner was told by a direct message.".to_owned(),
        Told::Nobody => "Nobody is known here whose account it is: tell its owner.".to_owned(),
        Told::No(why) => format!("A direct message did not reach its owner (Discord: {}): tell them.", fit(why, 200)),
        Told::Perhaps => "Whether a direct message reached its owner is not known.".to_owned(),
    };
    format!(
        "Kick no longer lets Signalbox act for the account {}: the authorisation has run out or was taken back. {what} {told}",
        name(&account.name)
    )
}

pub fn missing(channel: &str, kinds: &[(&String, &String)]) -> String {
    let lines: Vec<String> = kinds.iter().map(|(kind, why)| format!("{kind}: {}", fit(why, 200))).collect();
    format!(
        "Kick does not send all events of {}, although it was asked to:\n{}\nSignalbox keeps asking; /kick doctor \
         shows how it stands.",
        name(channel),
        lines.join("\n")
    )
}

pub fn silent(channel: &str) -> String {
    format!(
        "{} is live at Kick, and not one chat message has come for 10 minutes. Either nobody writes, or Kick does not \
         deliver: /kick doctor looks at the subscriptions.",
        name(channel)
    )
}

/// Why Kick does not send a kind of event.
pub const NOT_LISTED: &str = "Kick gave a subscription and does not list it";
pub const NO_ANSWER: &str = "Kick did not say what came of it";
