//! Says what is to be said in the chats of channels: in order, one message a second after a burst of five.
//!
//! A message is marked as under way before it is sent, and what nobody can say whether Kick has it is not said again:
//! in a chat a gap is better than an echo. It is said by the application's bot, with the streamer's token; where Kick does
//! not let that one speak, by the account that the server has connected for it, else by the streamer's own.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::account::{access_token, access_token_anew};
use super::client;
use super::split::split;
use crate::clock::jitter;
use crate::ports::Ports;
use crate::store::kick_account::{KickAccount, Purpose};
use crate::store::kick_chat::{ClaimedLane, KickChat, Pace, Saying};
use crate::upstream::kick::{As, ChatPost, KickError, Scope};

/// Chats in which something is said in one step.
pub const LANES: i64 = 16;
/// Longer than the client's deadline for three requests.
const LEASE: TimeDelta = TimeDelta::seconds(60);
const EACH: TimeDelta = TimeDelta::seconds(1);
const BURST: TimeDelta = TimeDelta::seconds(5);
/// How long the bot of the application is not tried after Kick did not let it speak.
const NO_BOT: TimeDelta = TimeDelta::minutes(10);
/// Attempts at one message where Kick itself fails.
const ATTEMPTS: i32 = 4;

/// Says what is due. Returns how many messages were tried.
pub async fn say_due(ports: &Ports, lanes: i64) -> Result<usize> {
    if ports.lifecycle.is_stopping() || ports.kick.is_none() {
        return Ok(0);
    }
    let now = ports.clock.now();
    let claimed = ports.store.claim_kick_lanes(ports.clock.uuid(), now, now + LEASE, lanes).await?;
    let said = claimed.iter().map(|lane| carry_out(ports, lane));
    let mut tried = 0;
    for one in futures_util::future::join_all(said).await {
        tried += one?;
    }
    Ok(tried)
}

/// Chats that are due; each is for [`carry_out`], at once.
pub async fn claim_due(ports: &Ports, limit: i64) -> Result<Vec<ClaimedLane>> {
    if ports.lifecycle.is_stopping() || ports.kick.is_none() {
        return Ok(Vec::new());
    }
    let now = ports.clock.now();
    Ok(ports.store.claim_kick_lanes(ports.clock.uuid(), now, now + LEASE, limit).await?)
}

/// Says the next message of a chat and gives the lane back. Returns how many messages were tried.
pub async fn carry_out(ports: &Ports, lane: &ClaimedLane) -> Result<usize> {
    let _work = ports.lifecycle.pulse().begin("chat at Kick");
    let next = ports.store.start_kick_chat(lane, ports.clock.now()).await?;
    let Some(message) = next else {
        ports.store.release_kick_lane(lane).await?;
        return Ok(0);
    };
    crate::crash::point("kick.chat.started");
    let (came, mut pace) = say(ports, lane, &message).await?;
    crate::crash::point("kick.chat.said");
    let now = ports.clock.now();
    if matches!(came, Saying::Said { .. }) {
        pace.full_at = pace.full_at.max(now) + EACH;
        pace.not_before = pace.not_before.max(pace.full_at + EACH - BURST);
    }
    ports.store.finish_kick_chat(lane, &message, &came, &pace, now).await?;
    ports.store.release_kick_lane(lane).await?;
    Ok(1)
}

/// Who may speak, and how.
struct Voice {
    account: KickAccount,
    by: As,
}

async fn say(ports: &Ports, lane: &ClaimedLane, message: &KickChat) -> Result<(Saying, Pace)> {
    let parts = split(&message.text);
    let said = usize::try_from(message.said).unwrap_or_default();
    let Some(part) = parts.get(said) else {
        return Ok((Saying::Said { message_id: None, all: true }, lane.pace));
    };
    let channel = ports.store.find_kick_channel(message.guild_id, message.kick_channel_id).await?;
    if channel.is_none_or(|channel| channel.disconnected_at.is_some()) {
        return Ok((failed("the channel is not connected any more"), lane.pace));
    }
    let now = ports.clock.now();
    let accounts = ports.store.list_kick_accounts(message.guild_id).await?;
    let bot_is_out = lane.pace.no_bot_until.is_some_and(|until| until > now);
    let mut pace = lane.pace;
    let mut last = None;
    for voice in voices(accounts, lane.broadcaster_user_id, bot_is_out) {
        let is_bot = voice.by == As::Bot;
        // Only the first of several messages answers another one.
        let reply_to = message.reply_to.as_deref().filter(|_| said == 0);
        let post = ChatPost { by: voice.by, content: part, reply_to };
        match speak(ports, &voice, &post).await? {
            None => last = last.or(Some(Saying::Again("the account's token is being exchanged".into()))),
            Some(Ok(message_id)) => {
                pace.failures = 0;
                pace.not_before = now;
                return Ok((Saying::Said { message_id, all: said + 1 == parts.len() }, pace));
            }
            // Without a bot Kick answers 400 or 500 (KickDevDocs #123, #343), and says nothing.
            Some(Err(error)) if is_bot && may_not_speak(&error) => {
                tracing::info!(%error, broadcaster = lane.broadcaster_user_id, "the bot may not speak in this chat; an account does");
                pace.no_bot_until = Some(now + NO_BOT);
                last = Some(failed(&error.words()));
            }
            Some(Err(error)) => return Ok(judged(&error, message, pace, now)),
        }
    }
    match last {
        Some(Saying::Again(why)) => {
            pace.not_before = now + TimeDelta::seconds(5);
            Ok((Saying::Again(why), pace))
        }
        Some(came) => Ok((came, pace)),
        None => Ok((failed("no account is connected that may speak there"), pace)),
    }
}

/// Those who may speak in this chat, in the order in which they are asked.
fn voices(accounts: Vec<KickAccount>, broadcaster_user_id: i64, bot_is_out: bool) -> Vec<Voice> {
    let able: Vec<KickAccount> =
        accounts.into_iter().filter(|account| account.is_active && Scope::ChatWrite.is_in(&account.scope)).collect();
    let streamer = able.iter().find(|a| a.purpose == Purpose::Streamer && a.kick_user_id == broadcaster_user_id);
    let speaker = able.iter().find(|a| a.purpose == Purpose::Bot);
    let user = As::User { broadcaster_user_id };
    let bot = streamer.filter(|_| !bot_is_out).map(|account| Voice { account: account.clone(), by: As::Bot });
    let own = speaker.or(streamer).map(|account| Voice { account: account.clone(), by: user });
    bot.into_iter().chain(own).collect()
}

/// `None`: there is no token at this moment.
async fn speak(
    ports: &Ports,
    voice: &Voice,
    post: &ChatPost<'_>,
) -> Result<Option<std::result::Result<Option<String>, KickError>>> {
    let (guild_id, id) = (voice.account.guild_id, voice.account.id);
    let Some(token) = access_token(ports, guild_id, id).await? else { return Ok(None) };
    let answer = say_with(ports, &token, post).await?;
    if !matches!(answer, Err(KickError::Unauthorized(_))) {
        return Ok(Some(answer));
    }
    let Some(token) = access_token_anew(ports, guild_id, id, &token).await? else { return Ok(None) };
    Ok(Some(say_with(ports, &token, post).await?))
}

async fn say_with(
    ports: &Ports,
    token: &SecretString,
    post: &ChatPost<'_>,
) -> Result<std::result::Result<Option<String>, KickError>> {
    Ok(client(ports)?.say(token, post).await)
}

/// Whether it is the bot that Kick does not want to hear.
fn may_not_speak(error: &KickError) -> bool {
    match error {
        KickError::Refused { .. } | KickError::Forbidden(_) | KickError::NotFound(_) => true,
        KickError::Server { status, .. } => *status == 500,
        _ => false,
    }
}

fn judged(error: &KickError, message: &KickChat, mut pace: Pace, now: DateTime<Utc>) -> (Saying, Pace) {
    let words = error.words();
    let wait = match error {
        KickError::Limited { retry_after: Some(wait), .. } => {
            TimeDelta::from_std(*wait).unwrap_or(TimeDelta::minutes(10)).min(TimeDelta::minutes(10))
        }
        _ => back_off(pace.failures),
    };
    let again = |mut pace: Pace| {
        pace.failures = pace.failures.saturating_add(1);
        pace.not_before = now + wait;
        (Saying::Again(words.clone()), pace)
    };
    match error {
        KickError::NotSent(_) | KickError::Limited { .. } | KickError::Blocked(_) => again(pace),
        KickError::Server { .. } if message.attempts < ATTEMPTS => again(pace),
        KickError::TimedOut | KickError::Broken(_) | KickError::Unreadable { .. } => {
            pace.failures = pace.failures.saturating_add(1);
            pace.not_before = now + wait;
            (Saying::Unknown(words), pace)
        }
        _ => (Saying::Failed(words), pace),
    }
}

/// 2 s, 4 s … 5 min: a chat that Kick's guard has closed is not knocked at.
fn back_off(failures: i32) -> TimeDelta {
    let doubled = TimeDelta::seconds(2) * 2_i32.pow(failures.clamp(0, 8).unsigned_abs());
    let wait = doubled.min(TimeDelta::minutes(5));
    TimeDelta::milliseconds((wait.num_milliseconds() as f64 * jitter(0.2)) as i64)
}

fn failed(why: &str) -> Saying {
    Saying::Failed(why.to_owned())
}
