//! What is said about Kick in Discord.

use std::fmt::Write as _;

use crate::kick::check::WANTED;
use crate::kick::status::{ChannelStatus, Status};
use crate::routing::embed::{escape, fit, relative};
use crate::store::kick_account::KickAccount;
use crate::store::kick_oauth::Wish;
use crate::upstream::kick::Scope;

pub const NO_CHANNELS: &str =
    "No Kick channel is connected with this server. `/kick connect` makes a link for the streamer.";
pub const OPEN: &str = "Open the page";
pub const NOT_YOURS: &str = "Only members with Manage Server can unlink others.";
pub const NOT_LINKED: &str = "You are not linked with a Kick account in this server. `/link` does that.";
pub const UNKNOWN_CHANNEL: &str =
    "This Kick channel is not connected with this server. `/kick status` lists those that are.";

pub fn name(text: &str) -> String {
    escape(&fit(text, 60))
}

pub fn begun(wish: Wish, expires: &str) -> String {
    let (what, whom) = match wish {
        Wish::Streamer => (
            "It connects a Kick channel with this server.",
            "Open it as the streamer, or send it to them: the page says who asks for what before anything happens.",
        ),
        Wish::Bot => (
            "It lets a Kick account speak in the chats of this server's channels, where the application's own bot may not.",
            "Open it in a browser that is logged in with that account.",
        ),
        Wish::Link => (
            "It links your Kick account with your Discord account in this server.",
            "It is for you alone: whoever opens it links their Kick account with you.",
        ),
    };
    format!("{what} {whom} It works once, and runs out {expires}.")
}

pub fn disconnected(channel: &str) -> String {
    format!(
        "✅ **{}** is not connected with this server any more. Signalbox takes its subscriptions back and can no longer act \
         for the account.",
        name(channel)
    )
}

pub fn unlinked(viewer: &str, whose: Option<&str>) -> String {
    let who = whose.map_or("You are".to_owned(), |user| format!("{user} is"));
    format!(
        "✅ {who} not linked with **{}** on Kick any more. What that viewer has earned stays with the viewer.",
        name(viewer)
    )
}

pub fn not_linked(whose: &str) -> String {
    format!("{whose} is not linked with a Kick account in this server.")
}

/// A field for each channel, and what concerns all of them.
pub fn status(status: &Status) -> (String, Vec<(String, String)>) {
    let mut about = String::new();
    if status.channels.is_empty() {
        about.push_str(NO_CHANNELS);
        if let Some(uri) = &status.redirect_uri {
            let _ = write!(about, "\nThe app at Kick has to have this redirect URL: `{uri}`");
        }
    }
    if !status.receives {
        about.push_str("\n⚠️ Nothing is received from Kick: the operator has set USE_KICK_WEBHOOKS to false.");
    }
    if let Some(speaker) = &status.speaker {
        let _ = write!(about, "\n🗣️ **{}** speaks where the application's bot may not.", name(&speaker.name));
        if !speaker.is_active {
            about.push_str(" ❌ It has to be connected again: `/kick connect account:bot`.");
        }
    }
    let fields = status.channels.iter().map(|c| (format!("📺 {}", name(&c.channel.name)), channel(c, status.receives)));
    (about.trim().to_owned(), fields.collect())
}

fn channel(c: &ChannelStatus, receives: bool) -> String {
    let mut lines = vec![format!("<https://kick.com/{}>", c.channel.slug), live(c), account(c.account.as_ref())];
    if receives {
        lines.extend(events(c));
    }
    if let Some(why) = c.unsaid.first() {
        let why = escape(&fit(why, 150));
        lines.push(format!("⚠️ Not everything was said in chat in the last day; the last time: {why}"));
    }
    lines.join("\n")
}

fn live(c: &ChannelStatus) -> String {
    let Some(stream) = &c.stream else { return "⚫ not live".into() };
    let mut words = format!("🔴 live since {}", relative(stream.started_at));
    if let Some(peak) = stream.peak_viewers {
        let _ = write!(words, ", at most {peak} viewers");
    }
    words
}

fn account(account: Option<&KickAccount>) -> String {
    let Some(account) = account else {
        return "❌ No account: nothing can be said in chat. `/kick connect` connects it again.".into();
    };
    let by = account.by.map_or("somebody who is no longer known".to_owned(), |user| format!("<@{user}>"));
    if !account.is_active {
        return format!(
            "❌ Kick no longer lets Signalbox act for it (connected by {by}): `/kick connect` connects it again."
        );
    }
    let able = [(Scope::ChatWrite, "chat"), (Scope::RewardsWrite, "redemptions")];
    let (can, cannot): (Vec<_>, Vec<_>) = able.into_iter().partition(|(scope, _)| scope.is_in(&account.scope));
    let words =
        |list: Vec<(Scope, &'static str)>| list.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(", ");
    let mut line = format!("✅ connected by {by} {}; allows {}", relative(account.connected_at), words(can));
    if !cannot.is_empty() {
        let _ = write!(line, "; not {}: `/kick connect` asks for it", words(cannot));
    }
    if account.failures > 0 {
        let _ =
            write!(line, ". ⚠️ Its tokens could not be exchanged {} times in a row; trying again", account.failures);
    }
    line
}

fn events(c: &ChannelStatus) -> Vec<String> {
    let Some(check) = &c.check else { return vec!["⏳ Its subscriptions were not looked at yet.".into()] };
    let delivered = c.delivered();
    let mark = if delivered == WANTED.len() { "✅" } else { "❌" };
    let mut lines = vec![match check.checked_at {
        Some(at) => format!("{mark} {delivered} of {} kinds of events, looked at {}", WANTED.len(), relative(at)),
        None => "⏳ Its subscriptions were not looked at yet.".into(),
    }];
    if check.created + check.removed > 0 {
        lines.push(format!("🔧 the last look created {} and removed {} subscriptions", check.created, check.removed));
    }
    lines.extend(check.missing.iter().take(5).map(|(kind, why)| format!("❌ `{kind}`: {}", escape(&fit(why, 100)))));
    if let Some(error) = &check.error {
        lines.push(format!("⚠️ The last look failed: {}", escape(&fit(error, 150))));
    }
    if let (Some(at), true) = (check.chat_at, c.stream.is_some()) {
        lines.push(format!("💬 last chat {}", relative(at)));
    }
    lines
}
