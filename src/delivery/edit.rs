//! Edits of living cards: rendered when sent, sent again until the message shows the current version.

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;

use super::Delivery;
use super::classify::{Action, Verdict, classify};
use super::create::{card_json, consequences};
use super::limit::{Action as RouteAction, Gate, RouteKey};
use super::worker::Next;
use crate::clock::jitter;
use crate::store::card::{CardView, EditOutcome};
use crate::store::destination::Target;
use crate::store::lane::Lane;
use crate::store::send::NewAttempt;

/// An edit that fails is tried again no later than this.
const CAP: TimeDelta = TimeDelta::minutes(10);

pub(super) async fn edit(delivery: &Delivery, lane: &mut Lane, card_id: Uuid) -> Result<Next> {
    let ports = &delivery.ports;
    let view = ports.store.get_card(card_id).await?;
    let Some(message_id) = view.message_id else { return Ok(Next::Go) };
    let route = edit_route(lane);
    if let Gate::WaitUntil(at) = delivery.limiter().check(&route, ports.clock.now()) {
        return Ok(Next::WaitUntil(at));
    }
    let started_at = ports.clock.now();
    if !ports.store.renew_lane(lane, started_at + delivery.lease()).await? {
        return Ok(Next::Leave);
    }
    crate::crash::point("edit.before");
    let body = card_json(delivery, &view);
    let answer = match &lane.destination.target {
        Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => {
            ports.discord.edit_message(*channel, message_id, &body).await
        }
        Target::Webhook { id, token, .. } => ports.discord.edit_webhook_message(*id, token, message_id, &body).await,
    };
    crate::crash::point("edit.answered");
    let verdict = classify(Action::Edit, &answer.reply);
    delivery.watch_answer("edit", &verdict, &answer);
    let mut limits = answer.limits.clone();
    if matches!(verdict, Verdict::EditWait(..)) {
        // It speaks of this message, not of the bucket.
        limits.retry_after = None;
    }
    delivery.limiter().observe(&route, &limits, ports.clock.now());
    let outcome = outcome(delivery, &view, &verdict);
    let attempt = NewAttempt {
        send_id: None,
        card_id: Some(card_id),
        started_at,
        duration_ms: answer.duration_ms,
        action: "edit",
        status: (answer.reply.status > 0).then_some(i32::from(answer.reply.status)),
        code: answer.reply.code,
        outcome: match &outcome {
            EditOutcome::Shown { .. } => "shown",
            EditOutcome::Again { .. } => "again",
            EditOutcome::Refused { .. } => "refused",
            EditOutcome::Gone => "gone",
        },
        note: match &outcome {
            EditOutcome::Again { error, .. } | EditOutcome::Refused { error, .. } => Some(error.clone()),
            _ => None,
        },
    };
    if !ports.store.finish_edit(lane, &view, &outcome, &attempt, ports.clock.now()).await? {
        return Ok(Next::Leave);
    }
    if let Some(next) = consequences(delivery, lane, &verdict).await? {
        return Ok(next);
    }
    Ok(match verdict {
        Verdict::Wait(wait, _) => Next::WaitUntil(ports.clock.now() + wait),
        _ => Next::Go,
    })
}

pub(super) fn edit_route(lane: &Lane) -> RouteKey {
    match &lane.destination.target {
        Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => {
            RouteKey::new(RouteAction::EditMessage, channel.0)
        }
        Target::Webhook { id, channel, .. } => RouteKey::webhook(*id, channel.map(|c| c.0)),
    }
}

/// The wait before an edit that failed this often is sent again.
pub(super) fn edit_again_after(delivery: &Delivery, failures: u32) -> TimeDelta {
    delivery.schedule.capped(failures, jitter(delivery.ports.config.delivery.jitter)).min(CAP)
}

fn outcome(delivery: &Delivery, view: &CardView, verdict: &Verdict) -> EditOutcome {
    let now = delivery.ports.clock.now();
    let again = |wait: TimeDelta, why: &str| EditOutcome::Again { not_before: now + wait, error: why.to_owned() };
    match verdict {
        Verdict::Done(_) => EditOutcome::Shown { version: view.version },
        Verdict::Gone => EditOutcome::Gone,
        Verdict::Rejected(why) => {
            tracing::warn!(card = %view.id, why, "a card's new state was refused");
            EditOutcome::Refused { version: view.version, error: why.clone() }
        }
        Verdict::EditWait(wait, why) | Verdict::Wait(wait, why) | Verdict::WaitAll(wait, why) => again(*wait, why),
        Verdict::NotSent(why) | Verdict::Unknown(why) => {
            again(edit_again_after(delivery, u32::try_from(view.edit_failures).unwrap_or(0) + 1), why)
        }
        Verdict::Stop(why) | Verdict::Unusable(_, why) => again(TimeDelta::zero(), why),
        Verdict::DeliveredAndDeleted => EditOutcome::Gone,
    }
}
