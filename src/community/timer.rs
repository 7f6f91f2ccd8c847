//! Timed messages: said in chat and Discord when their time has come and somebody is there to read them.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;

use super::board::Voice;
use super::draw::Host;
use super::schedule::Rhythm;
use super::words;
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::ChannelId;
use crate::ports::Ports;
use crate::routing::board::{BoardKey, frame};
use crate::store::board::take_turn;
use crate::store::timer::{
    Timer, claim_timer, count_chatters, count_lines, delete_timer, insert_timer, is_live, lock_timer, note_timer,
    save_timer,
};
use crate::store::{Store, Tx};

/// Characters of one text.
pub const TEXT: usize = 500;
/// Who chatted in this time counts as there.
const CHATTERS_OF: TimeDelta = TimeDelta::minutes(5);
/// When nobody is there to read it, it is looked at again.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(1);
const BLUE: u32 = 0x34_98DB;
const GONE: &str = "There is no timed message of this number; /timer list shows them.";

/// A timed message that somebody wants.
#[derive(Clone, Debug)]
pub struct Wish {
    pub texts: Vec<String>,
    pub shuffles: bool,
    pub every: Option<TimeDelta>,
    pub cron: Option<String>,
    pub time_zone: Option<String>,
    pub min_lines: i64,
    pub min_chatters: i64,
    pub only_while: &'static str,
    pub to_kick: bool,
    pub channel: Option<ChannelId>,
    /// As the dashboard numbers it.
    pub number: Option<i64>,
}

fn refuse<T>(words: &str) -> Result<T> {
    Err(UserError::new(words).into())
}

fn read(ports: &Ports, host: Host, wish: &Wish) -> Result<Timer> {
    let texts: Vec<String> = wish.texts.iter().map(|text| words::cut(text, TEXT)).filter(|t| !t.is_empty()).collect();
    if texts.is_empty() || texts.len() > 25 {
        return refuse("A timed message has from 1 to 25 texts of at most 500 characters.");
    }
    let every_seconds = match (wish.every, &wish.cron) {
        (Some(every), None) if every >= TimeDelta::minutes(1) => Some(every.num_seconds()),
        (Some(_), None) => return refuse("The shortest time between two is a minute."),
        (None, Some(_)) => None,
        _ => return refuse("Give either how often, such as 30m, or a cron expression, such as 0 20 * * *."),
    };
    let time_zone = wish.time_zone.clone().unwrap_or_else(|| "UTC".to_owned());
    let rhythm = Rhythm::of(every_seconds, wish.cron.as_deref(), &time_zone);
    let Some(rhythm) = rhythm else {
        return refuse("A cron expression has five fields, such as 0 20 * * *, and a time zone such as Europe/Berlin.");
    };
    let now = ports.clock.now();
    // One with an interval is said at once, a clock's time is waited for.
    let next_at = if every_seconds.is_some() { Some(now) } else { rhythm.next(now) };
    if next_at.is_none() {
        return refuse("There is no such day: this would never be said.");
    }
    Ok(Timer {
        id: ports.clock.uuid(),
        guild_id: host.guild_id,
        number: 0,
        texts,
        shuffles: wish.shuffles,
        next_text: 0,
        every_seconds,
        cron: wish.cron.clone(),
        time_zone,
        min_lines: wish.min_lines.max(0),
        min_chatters: wish.min_chatters.max(0),
        only_while: wish.only_while.to_owned(),
        to_kick: wish.to_kick,
        channel_id: wish.channel,
        enabled: true,
        lines_since: now,
        next_at,
        runs: 0,
    })
}

/// Stores one. Returns its number.
pub async fn add(ports: &Ports, host: Host, wish: &Wish) -> Result<i64> {
    let timer = read(ports, host, wish)?;
    if !timer.to_kick && timer.channel_id.is_none() {
        return refuse("Say where: in chat, in a channel, or both.");
    }
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    take_turn(&mut tx, host.guild_id).await?;
    let Some(number) = insert_timer(&mut tx, &timer, wish.number, ports.clock.now()).await? else {
        return refuse("A timed message has this number already.");
    };
    finish(ports, host, &voice, tx, "timer_added", number).await?;
    Ok(number)
}

async fn finish(ports: &Ports, host: Host, voice: &Voice, mut tx: Tx, action: &'static str, number: i64) -> Result<()> {
    voice.touch(&mut tx, BoardKey::Timers).await?;
    host.note(ports, &mut tx, action, json!({ "timer": number })).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(())
}

pub async fn remove(ports: &Ports, host: Host, number: i64) -> Result<()> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    if !delete_timer(&mut tx, host.guild_id, number).await? {
        return refuse(GONE);
    }
    finish(ports, host, &voice, tx, "timer_removed", number).await
}

/// What is to be different about one.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub every: Option<TimeDelta>,
    pub texts: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

pub async fn change(ports: &Ports, host: Host, number: i64, change: Change) -> Result<()> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(mut timer) = lock_timer(&mut tx, host.guild_id, number).await? else { return refuse(GONE) };
    if let Some(every) = change.every {
        if every < TimeDelta::minutes(1) {
            return refuse("The shortest time between two is a minute.");
        }
        (timer.every_seconds, timer.cron, timer.next_at) = (Some(every.num_seconds()), None, Some(now + every));
    }
    if let Some(texts) = change.texts {
        timer.texts = texts.iter().map(|text| words::cut(text, TEXT)).filter(|text| !text.is_empty()).collect();
        if timer.texts.is_empty() || timer.texts.len() > 25 {
            return refuse("A timed message has from 1 to 25 texts of at most 500 characters.");
        }
    }
    if let Some(enabled) = change.enabled {
        if enabled && !timer.enabled {
            let rhythm = Rhythm::of(timer.every_seconds, timer.cron.as_deref(), &timer.time_zone);
            timer.next_at = rhythm.and_then(|rhythm| rhythm.next(now));
        }
        timer.enabled = enabled;
    }
    save_timer(&mut tx, &timer).await?;
    finish(ports, host, &voice, tx, "timer_changed", number).await
}

/// Says what is due. Returns how many were looked at.
pub async fn timers_due(ports: &Ports, limit: usize) -> Result<usize> {
    let mut done = 0;
    while done < limit && step(ports).await? {
        done += 1;
    }
    Ok(done)
}

async fn step(ports: &Ports) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(timer) = claim_timer(&mut tx, now).await? else { return Ok(false) };
    // Its source may have to be stored; that is another connection, and this transaction holds one row alone.
    let voice = Voice::of(ports, timer.guild_id).await?;
    let rhythm = Rhythm::of(timer.every_seconds, timer.cron.as_deref(), &timer.time_zone);
    let next = rhythm.as_ref().and_then(|rhythm| rhythm.next(now));
    if may_be_said(ports, &mut tx, &timer).await? {
        let at = which(&timer);
        say(&mut tx, &voice, &timer, &timer.texts[at]).await?;
        let following = i32::try_from((at + 1) % timer.texts.len()).unwrap_or(0);
        note_timer(&mut tx, &timer, next, Some(following), now).await?;
        voice.touch(&mut tx, BoardKey::Timers).await?;
    } else {
        // An interval waits until somebody is there; a clock's time has passed.
        let again = if timer.cron.is_some() { next } else { Some(now + LOOK_AGAIN) };
        note_timer(&mut tx, &timer, again, None, now).await?;
    }
    crate::crash::point("timer.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("timer.after_commit");
    voice.hurry();
    Ok(true)
}

/// Which of its texts: the next one, or any other than the last one.
fn which(timer: &Timer) -> usize {
    let texts = timer.texts.len();
    let next = usize::try_from(timer.next_text).unwrap_or(0) % texts;
    if !timer.shuffles || texts < 3 {
        return next;
    }
    // The last one stands before the next; it does not come twice in a row.
    let skip = usize::from(random_bytes::<1>()[0]) % (texts - 1);
    (next + skip) % texts
}

async fn may_be_said(ports: &Ports, tx: &mut Tx, timer: &Timer) -> Result<bool> {
    let live = is_live(tx, timer.guild_id).await?;
    let in_time = match timer.only_while.as_str() {
        "online" => live,
        "offline" => !live,
        _ => true,
    };
    if !in_time || timer.min_lines > 0 && count_lines(tx, timer).await? < timer.min_lines {
        return Ok(false);
    }
    let since = ports.clock.now() - CHATTERS_OF;
    Ok(timer.min_chatters == 0 || count_chatters(tx, timer.guild_id, since).await? >= timer.min_chatters)
}

async fn say(tx: &mut Tx, voice: &Voice, timer: &Timer, text: &str) -> Result<()> {
    if timer.to_kick {
        voice.say_in_chat(tx, &format!("timer:{}:{}", timer.id, timer.runs + 1), text).await?;
    }
    if let Some(channel) = timer.channel_id {
        voice.say(tx, channel, &frame("", BLUE, None).text(text)).await?;
    }
    Ok(())
}

/// Switches all of a server on or off.
pub async fn toggle_all(ports: &Ports, host: Host, enabled: bool) -> Result<()> {
    let timers = ports.store.get_timers(host.guild_id).await?.timers;
    for timer in timers.into_iter().filter(|timer| timer.enabled != enabled) {
        change(ports, host, timer.number, Change { enabled: Some(enabled), ..Change::default() }).await?;
    }
    Ok(())
}
