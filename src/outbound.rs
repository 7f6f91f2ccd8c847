//! Telling other systems what happens here: each message is written with what it tells of, sent after that commit under
//! a lease, and repeated by the schedule of deliveries until the other system has said that it has it.

pub mod manage;

use anyhow::{Context as _, Result};
use chrono::TimeDelta;
use futures_util::future::join_all;
use url::Url;

use crate::clock::{Stopwatch, jitter};
use crate::delivery::retry::Schedule;
use crate::ports::Ports;
use crate::source::notice::tell_admins;
use crate::store::Store;
use crate::store::outbound::{ClaimedDelivery, DeliveryAttempt, Next, disable_outbound, finish_outbound};
use crate::upstream::outbound::{Answer, Message};

/// What happens here and can be told.
pub const EVENTS: [&str; 9] = [
    "approval.opened",
    "approval.decided",
    "approval.confirmed",
    "approval.refused",
    "approval.expired",
    "delivery.dead",
    "delivery.in_doubt",
    "destination.disabled",
    "webhook.test",
];
/// The loop that sends, as the watchdog knows it.
pub const PULSE: &str = "outbound";
/// Longer than the client's deadline.
const LEASE: TimeDelta = TimeDelta::seconds(25);
/// A system to which so many deliveries in a row were given up is switched off.
const MOST_FAILURES: i32 = 5;

/// Sends what is due, to several systems at once. Returns how many attempts that was.
pub async fn deliver_due(ports: &Ports, limit: i64) -> Result<usize> {
    if ports.lifecycle.is_stopping() {
        return Ok(0);
    }
    let now = ports.clock.now();
    let claimed = ports.store.claim_outbound(ports.clock.uuid(), now, now + LEASE, limit).await;
    let claimed = claimed.context("claiming messages to other systems")?;
    if !claimed.is_empty() {
        crate::crash::point("outbound.claimed");
    }
    let done = join_all(claimed.iter().map(|delivery| deliver(ports, delivery))).await;
    done.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(claimed.len())
}

async fn deliver(ports: &Ports, delivery: &ClaimedDelivery) -> Result<()> {
    let started_at = ports.clock.now();
    let watch = Stopwatch::start();
    let answer = attempt(ports, delivery).await?;
    let gone = answer.status == Some(410);
    let outcome = DeliveryAttempt {
        started_at,
        duration_ms: i32::try_from(watch.elapsed().as_millis()).unwrap_or(i32::MAX),
        status: answer.status.map(i32::from),
        next: next(ports, delivery, &answer),
        note: answer.text,
    };
    crate::crash::point("outbound.answered");
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let failures = finish_outbound(&mut tx, delivery, &outcome, now).await?;
    let because = match failures {
        Some(_) if gone => Some("the other system says that nobody listens there any more (410)".to_owned()),
        Some(failures) if failures >= MOST_FAILURES => {
            Some(format!("{failures} messages in a row could not be delivered; the last answer: {}", told(&outcome)))
        }
        _ => None,
    };
    let disabled = match &because {
        Some(because) => disable_outbound(&mut tx, delivery.webhook_id, because, now).await?,
        None => false,
    };
    Store::commit(tx).await?;
    if let (true, Some(because)) = (disabled, because) {
        tracing::warn!(webhook = %delivery.webhook_id, because, "an outbound webhook is switched off");
        let text = format!("The outbound webhook {} is switched off: {because}.", delivery.name);
        let key = format!("outbound:{}:{}", delivery.webhook_id, now.timestamp());
        tell_admins(ports, delivery.guild_id, &key, &text).await?;
    }
    Ok(())
}

async fn attempt(ports: &Ports, delivery: &ClaimedDelivery) -> Result<Answer> {
    let not_sent = |text: &str| Ok(Answer::not_sent(text));
    let now = ports.clock.now();
    let ends = delivery.previous_secret_ends_at;
    let secrets = ports.store.outbound_secrets(delivery.guild_id, delivery.webhook_id, ends, now).await?;
    let Ok(url) = Url::parse(&delivery.url) else { return not_sent("the address cannot be read") };
    if secrets.is_empty() {
        return not_sent("there is no secret to sign with");
    }
    let body = delivery.payload.to_string();
    let headers = ports.store.outbound_headers(delivery.guild_id, delivery.webhook_id).await?;
    let message = Message { method: "POST", id: &delivery.id.to_string(), body: &body, headers: &headers };
    Ok(ports.outbound.send(&url, &message, &secrets, now).await)
}

/// Whoever answers 410 is asked no more; everything else is tried again until the schedule is over.
fn next(ports: &Ports, delivery: &ClaimedDelivery, answer: &Answer) -> Next {
    if answer.is_success() {
        return Next::Delivered;
    }
    let config = &ports.config.delivery;
    let failures = u32::try_from(delivery.attempts).unwrap_or(u32::MAX);
    let wait = Schedule::new(config.retry_schedule.clone()).next(failures, jitter(config.jitter));
    match wait.filter(|_| answer.status != Some(410)) {
        Some(wait) => Next::Again(ports.clock.now() + wait),
        None => Next::Failed,
    }
}

fn told(attempt: &DeliveryAttempt) -> String {
    attempt.status.map_or_else(|| attempt.note.clone(), |status| status.to_string())
}
