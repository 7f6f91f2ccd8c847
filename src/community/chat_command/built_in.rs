//! The commands that every server's chat has.

use anyhow::Result;
use uuid::Uuid;

use super::super::draw::join::{Joined, Known, Missing, join_from_chat};
use super::super::gtb::{self, NoGuess};
use super::super::money::NoAmount;
use super::super::{clip, slot_call, words};
use super::Chatter;
use crate::event::activity::ChatMessage;
use crate::ports::Ports;
use crate::routing::board::clip::clock;
use crate::routing::board::draw::DrawKind;
use crate::routing::board::gtb::{grouped, money};
use crate::store::Tx;
use crate::store::draw::ticket::{find_holding, find_open_raffle};
use crate::store::ledger::lock_balance;

const WORDS: [&str; 11] =
    ["points", "watchtime", "rank", "call", "sr", "gtb", "raffle", "join", "clip", "fair", "commands"];

pub(super) fn is_one(word: &str) -> bool {
    WORDS.contains(&word)
}

/// What is answered in chat, if anything is.
pub(super) async fn run(
    ports: &Ports,
    tx: &mut Tx,
    chatter: &Chatter<'_>,
    word: &str,
    rest: &str,
) -> Result<Option<String>> {
    let to = chatter.to();
    let guild_id = chatter.voice.guild_id;
    Ok(match word {
        "points" => {
            let points = lock_balance(tx, guild_id, chatter.person).await?;
            Some(format!("{to} You have {} points.", grouped(points)))
        }
        "watchtime" => {
            let (minutes, _) = standing(tx, chatter).await?;
            Some(format!("{to} You have watched {}.", words::minutes(minutes)))
        }
        "rank" => Some(match standing(tx, chatter).await? {
            (0, _) => format!("{to} You are not on the leaderboard yet: watch and chat."),
            (minutes, rank) => format!("{to} You are #{rank} with {}.", words::minutes(minutes)),
        }),
        "call" | "sr" => {
            let who = (chatter.person, chatter.message.username.as_str());
            slot_call::call(ports, tx, chatter.voice, who, rest, chatter.message.at).await?
        }
        "gtb" => guess(tx, chatter, rest).await?,
        "raffle" => raffle(tx, chatter).await?,
        "clip" => clip(ports, tx, chatter, rest).await?,
        "fair" => {
            let base = ports.config.web.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
            let newest = crate::store::draw::find_newest_drawn(tx, guild_id).await?;
            let page = base.zip(newest).map(|(base, id)| format!(" The last one: {base}/draws/{id}"));
            Some(format!("{to} Every draw can be recomputed by anyone.{}", page.unwrap_or_default()))
        }
        "commands" => {
            let own = crate::store::chat_command::list_names(tx, guild_id).await?;
            let own = own.into_iter().map(|name| format!("!{name}"));
            let all: Vec<String> = WORDS.iter().map(|word| format!("!{word}")).chain(own).collect();
            Some(format!("{to} {}", all.join(" ")))
        }
        _ => None,
    })
}

/// Minutes watched, and the place among all who watched.
async fn standing(tx: &mut Tx, chatter: &Chatter<'_>) -> Result<(i64, i64)> {
    Ok(crate::store::chat_command::find_watched(tx, chatter.voice.guild_id, chatter.person).await?)
}

async fn guess(tx: &mut Tx, chatter: &Chatter<'_>, typed: &str) -> Result<Option<String>> {
    let (to, message) = (chatter.to(), chatter.message);
    let guessed = gtb::guess(tx, chatter.voice, chatter.person, &message.username, typed, message.at).await?;
    Ok(Some(match guessed {
        Ok((_, cents)) => format!("{to} Guess recorded: {} Good luck! 🎰", money(cents)),
        Err(NoGuess::Amount(NoAmount::Missing)) => format!("{to} Usage: !gtb <amount>"),
        Err(NoGuess::Amount(NoAmount::Invalid)) => format!("{to} Invalid amount. Use: !gtb <amount>"),
        Err(NoGuess::Amount(NoAmount::TooLarge)) => format!("{to} Amount too large. Use: !gtb <amount>"),
        Err(NoGuess::NotOpen) => format!("{to} No active GTB session. Wait for an admin to start one!"),
    }))
}

async fn raffle(tx: &mut Tx, chatter: &Chatter<'_>) -> Result<Option<String>> {
    let (to, guild_id) = (chatter.to(), chatter.voice.guild_id);
    let Some(id) = find_open_raffle(tx, guild_id).await? else {
        return Ok(Some(format!("{to} No raffle is running at the moment.")));
    };
    let (mine, all) = find_holding(tx, guild_id, id, chatter.person).await?;
    Ok(Some(format!(
        "{to} You have {} of {} raffle tickets: 10 for each hour watched, 15 for each gifted sub. Link your account in our \
         Discord to take part.",
        grouped(mine),
        grouped(all)
    )))
}

/// Marks the moment; it is posted, for whoever cuts clips.
async fn clip(ports: &Ports, tx: &mut Tx, chatter: &Chatter<'_>, rest: &str) -> Result<Option<String>> {
    let (title, into) = clip::mark(ports, tx, chatter.voice, chatter.message, chatter.person, rest).await?;
    let at = into.map(|into| format!(" at {}", clock(into))).unwrap_or_default();
    Ok(Some(format!("{} Marked{at}: {title}", chatter.to())))
}

/// The giveaway that `!join` means.
pub(super) async fn newest_giveaway(ports: &Ports, message: &ChatMessage) -> Result<Option<Uuid>> {
    let open = ports.store.list_draws(message.guild_id, true, 25).await?;
    Ok(open.into_iter().find(|draw| draw.kind == DrawKind::Giveaway).map(|draw| draw.id))
}

/// Joins by keyword. Whoever is in hears nothing: a chat full of answers helps nobody.
pub(super) async fn join(
    ports: &Ports,
    tx: &mut Tx,
    chatter: &Chatter<'_>,
    draw: Uuid,
    known: &Known,
) -> Result<Option<String>> {
    let joined = join_from_chat(ports, chatter.voice, tx, draw, (chatter.message, chatter.person), known).await?;
    let to = chatter.to();
    Ok(match joined {
        Joined::No(Missing::Link) => Some(format!("{to} Link your account in our Discord first: /link")),
        Joined::No(Missing::Role(_)) => Some(format!("{to} You need a role in our Discord for this giveaway.")),
        Joined::No(Missing::Age(_)) => Some(format!("{to} Your Discord account is too new for this giveaway.")),
        Joined::Yes { .. } | Joined::Already | Joined::Over | Joined::Asked(_) => None,
    })
}
