//! What the pages of connecting with Kick say.

use super::page::{Page, bold};
use crate::kick::connect::Outcome;
use crate::store::kick_oauth::{KickOauth, Wish};

fn page(title: &str, paragraphs: Vec<String>) -> Page {
    Page { title: title.to_owned(), paragraphs, list: vec![], button: None, note: None }
}

pub fn question(oauth: &KickOauth) -> Page {
    let (who, server) = (bold(&oauth.discord_name), bold(&oauth.guild_name));
    let (title, wants, list): (&str, String, &[&str]) = match oauth.wish {
        Wish::Streamer => (
            "Connect your Kick channel",
            format!("The Discord member {who} asks to connect your Kick channel with the Discord server {server}."),
            &[
                "receive what happens in your channel: chat, follows, subscriptions, gifts, streams",
                "say things in your chat, as the bot of this application; where Kick does not let that one speak, in your name",
                "accept and reject redemptions of your rewards, when somebody in the server decides so",
            ],
        ),
        Wish::Bot => (
            "Let a Kick account speak",
            format!("The Discord member {who} asks to let your Kick account speak for the Discord server {server}."),
            &[
                "say things in the chats of the channels that this server is connected with, in the name of your account",
            ],
        ),
        Wish::Link => (
            "Link your Kick account",
            format!(
                "Your Kick account is about to be linked with the Discord account {who} in the Discord server {server}."
            ),
            &["see who you are on Kick: your name and your number, nothing else, and only this once"],
        ),
    };
    let mut page = page(title, vec![wants, "Signalbox will be able to:".into()]);
    page.list = list.iter().map(|item| (*item).to_owned()).collect();
    page.button = Some("Continue to Kick".into());
    page.note = Some(match oauth.wish {
        Wish::Link => format!(
            "If {who} is not you, close this page: whoever sent you here would get what you earn by watching. Others in \
             the server can see that the two accounts belong together."
        ),
        _ => format!("If you do not know {who}, close this page. /kick disconnect ends it at any time."),
    });
    page
}

pub fn outcome(outcome: &Outcome) -> Page {
    let close = "You can close this page.".to_owned();
    match outcome {
        Outcome::Connected { channel, guild } => page(
            "Connected",
            vec![
                format!("The Kick channel {} is connected with the Discord server {}.", bold(channel), bold(guild)),
                "Signalbox is asking Kick for its events now; /kick status in Discord shows how that goes.".into(),
                close,
            ],
        ),
        Outcome::Speaks { account, guild } => page(
            "Connected",
            vec![
                format!(
                    "The Kick account {} speaks for the Discord server {} where the application's own bot may not.",
                    bold(account),
                    bold(guild)
                ),
                close,
            ],
        ),
        Outcome::Linked { viewer, guild, moved } => {
            let mut all = vec![format!("You are {} on Kick, for the Discord server {}.", bold(viewer), bold(guild))];
            if *moved > 0 {
                all.push(format!("Your {moved} points came along."));
            }
            all.push(close);
            page("Linked", all)
        }
        Outcome::MemberHas { viewer, guild } => page(
            "Already linked",
            vec![format!(
                "Your Discord account is linked with {} on Kick in the server {} already. To change that, use /unlink \
                 there first.",
                bold(viewer),
                bold(guild)
            )],
        ),
        Outcome::ViewerTaken { viewer, guild } => page(
            "Already linked",
            vec![format!(
                "{} on Kick is linked with another member of the Discord server {}. That member can use /unlink there, or \
                 somebody who manages the server can do it for them.",
                bold(viewer),
                bold(guild)
            )],
        ),
        Outcome::NotAllowed(words) => page(
            "Not connected",
            vec![
                format!("Kick did not allow it: {}.", plain(words)),
                "Nothing was changed. If you did not mean to say no, go back and try again while the link works."
                    .into(),
            ],
        ),
        Outcome::NoChannel { account } => page(
            "Not connected",
            vec![format!("The Kick account {} has no channel. Nothing was changed.", bold(account))],
        ),
        Outcome::Failed(error) => page(
            "Not connected",
            vec![
                format!("It did not work: {}.", plain(&error.to_string())),
                "Nothing was changed. Ask for a new link in Discord and try again in a few minutes.".into(),
            ],
        ),
        Outcome::Void => void(),
    }
}

pub fn void() -> Page {
    page(
        "This link does not work",
        vec![
            "It was used already, is older than ten minutes, was replaced by a newer one, or was opened in another \
             browser than the one that came back."
                .into(),
            "Ask for a new one in Discord, with the same command as before.".into(),
        ],
    )
}

pub fn too_many() -> Page {
    page("Too many attempts", vec!["Wait a quarter of an hour and try again.".into()])
}

pub fn trouble() -> Page {
    page("Not now", vec!["Signalbox cannot do that at the moment; nothing was changed. Try again in a minute.".into()])
}

/// A text of Kick, short and in one line.
fn plain(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    line.trim_end_matches('.').to_owned()
}
