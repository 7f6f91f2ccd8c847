//! Counts hours that are due: once a minute while something is written, once more when they are over, and whenever
//! something about them is heard of later.

use anyhow::{Context, Result};
use chrono::{TimeDelta, Timelike as _};
use uuid::Uuid;

use super::Known;
use super::bits::{self, WHOLE, start_of, touched};
use super::multiplier::Asking;
use super::rules::{Rules, WINDOW};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::watch::count::{DueHour, HourRules, pay_watching};
use crate::store::watch::read::WatchedHour;

/// Viewers of one transaction.
const STEP: i64 = 5_000;
/// What was earned is put into the ledger this often while a stream runs, and when its hour is over.
const PAY_EVERY: u32 = 10;
/// An hour is looked at once more when it is over, so that all of it is paid.
const CLOSED_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Counts up to `limit` hours. Returns how many.
pub async fn count_due(ports: &Ports, known: &mut Known, limit: usize) -> Result<usize> {
    for done in 0..limit {
        let Some(hour) = ports.store.claim_due_hour(ports.clock.now()).await? else { return Ok(done) };
        known.refresh(ports).await?;
        let rules = known.rules.at(hour.guild_id, hour.hour);
        count_hour(ports, &hour, &rules).await.context("counting an hour of watch time")?;
    }
    Ok(limit)
}

async fn count_hour(ports: &Ports, hour: &DueHour, rules: &Rules) -> Result<()> {
    let now = ports.clock.now();
    let end = start_of(hour.hour + 1);
    let counted = look(ports, hour, rules).await?;
    ports.store.save_hour_rules(hour, &counted).await?;
    let pays = now >= end || now.minute().is_multiple_of(PAY_EVERY);
    let mut asking = Asking::of(ports, hour, rules);
    let mut after = Uuid::nil();
    loop {
        let range = ports.store.next_range(hour, after, STEP).await?;
        ports.store.count_range(hour, range, counted.open()).await?;
        crate::crash::point("watch.counted");
        asking.ask(range).await?;
        if pays {
            pay(ports, hour, &ports.store.list_unpaid(hour, range).await?).await?;
        }
        match range.until {
            Some(until) => after = until,
            None => break,
        }
    }
    let closing = (now < end + CLOSED_AFTER).then_some(end + CLOSED_AFTER);
    let next = asking.again_at(now).into_iter().chain(closing).min();
    Ok(ports.store.finish_hour(hour, next, now).await?)
}

async fn pay(ports: &Ports, hour: &DueHour, viewers: &[Uuid]) -> Result<()> {
    if viewers.is_empty() {
        return Ok(());
    }
    let mut tx = ports.store.begin().await?;
    pay_watching(&mut tx, hour.guild_id, viewers, ports.clock.now()).await?;
    crate::crash::point("watch.paid");
    Ok(Store::commit(tx).await?)
}

/// Which minutes of the hour count.
async fn look(ports: &Ports, hour: &DueHour, rules: &Rules) -> Result<HourRules> {
    let (from, until) = (start_of(hour.hour), start_of(hour.hour + 1));
    let live = ports.store.find_live_times(hour.kick_channel_id, from, until).await?;
    let live_bits = live.streams.iter().fold(0, |bits, (from, until)| bits | touched(hour.hour, *from, *until));
    let periods = ports.store.list_periods(hour.guild_id, from, until).await?;
    let of = |kind: &str| {
        let fitting = periods.iter().filter(|period| period.kind == kind);
        fitting.fold(0, |bits, period| bits | touched(hour.hour, period.started_at, period.ended_at))
    };
    Ok(HourRules {
        live: live.known.then_some(live_bits),
        crowd: crowd(ports, hour, rules).await?,
        forced: of("force"),
        paused: of("pause"),
        rate: i32::try_from(rules.rate)?,
        sub_rate: i32::try_from(rules.sub_rate)?,
        day_cap: i32::try_from(rules.day_cap)?,
    })
}

/// Of the minutes in which somebody was present those that do not count, by the reason.
pub fn why_not(hour: &WatchedHour) -> Vec<(&'static str, i64)> {
    let rules = &hour.rules;
    let paused = hour.present & rules.paused;
    let rest = hour.present & !rules.paused & !rules.forced;
    let offline = rest & !rules.live.unwrap_or(i64::MAX);
    let alone = rest & !offline & !rules.crowd;
    let reasons = [("counting was paused", paused), ("not live", offline), ("too few people in the chat", alone)];
    reasons.into_iter().filter(|(_, bits)| *bits != 0).collect()
}

/// The minutes with enough people. Those that had enough before have enough now.
async fn crowd(ports: &Ports, hour: &DueHour, rules: &Rules) -> Result<i64> {
    let known = ports.store.find_crowd(hour).await?;
    let open = minutes_until_now(ports, hour).filter(|minute| known >> minute & 1 == 0);
    let windows: Vec<(i32, i64, i64)> = open
        .map(|minute| {
            let (here, before) = bits::window(minute, WINDOW);
            (minute as i32, here, before)
        })
        .collect();
    let found = ports.store.find_crowded(hour, i32::try_from(rules.min_chatters)?, &windows).await?;
    Ok(found.into_iter().fold(known, |bits, minute| bits | 1 << minute) & WHOLE)
}

/// Nobody has written in the minutes after this one, which a message may count for all the same.
fn minutes_until_now(ports: &Ports, hour: &DueHour) -> impl Iterator<Item = u32> {
    let passed = (ports.clock.now() - start_of(hour.hour)).num_minutes();
    0..u32::try_from((passed + 2).clamp(0, 60)).unwrap_or(60)
}
