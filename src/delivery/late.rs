//! A message that others have passed says so: one edit of its text, once it has landed. What was frozen
//! stays as it is.

use anyhow::Result;
use serde_json::json;

use super::Delivery;
use super::classify::{Action, Verdict, classify};
use super::create::consequences;
use super::edit::{edit_again_after, edit_route};
use super::limit::Gate;
use super::worker::Next;
use crate::store::destination::Target;
use crate::store::lane::Lane;
use crate::store::send::{LateSend, NewAttempt};

pub(super) async fn tell(delivery: &Delivery, lane: &mut Lane, late: &LateSend) -> Result<Next> {
    let ports = &delivery.ports;
    let route = edit_route(lane);
    let started_at = ports.clock.now();
    if let Gate::WaitUntil(at) = delivery.limiter().check(&route, started_at) {
        return Ok(Next::WaitUntil(at));
    }
    if !ports.store.renew_lane(lane, started_at + delivery.lease()).await? {
        return Ok(Next::Leave);
    }
    // An edit pings nobody.
    let body = json!({ "content": words(late), "allowed_mentions": { "parse": [] } });
    let answer = match &lane.destination.target {
        Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => {
            ports.discord.edit_message(*channel, late.message_id, &body).await
        }
        Target::Webhook { id, token, .. } => {
            ports.discord.edit_webhook_message(*id, token, late.message_id, &body).await
        }
    };
    delivery.limiter().observe(&route, &answer.limits, ports.clock.now());
    let verdict = classify(Action::Edit, &answer.reply);
    delivery.watch_answer("edit", &verdict, &answer);
    let now = ports.clock.now();
    // A message that is gone, or an edit that Discord will never take: nothing is left to be said.
    let again_at = match &verdict {
        Verdict::Done(_) | Verdict::Gone | Verdict::DeliveredAndDeleted | Verdict::Rejected(_) => None,
        Verdict::Wait(wait, _) | Verdict::WaitAll(wait, _) | Verdict::EditWait(wait, _) => Some(now + *wait),
        Verdict::NotSent(_) | Verdict::Unknown(_) => Some(now + edit_again_after(delivery, 1)),
        Verdict::Stop(_) | Verdict::Unusable(..) => Some(now),
    };
    let attempt = NewAttempt {
        send_id: Some(late.id),
        card_id: late.card_id,
        started_at,
        duration_ms: answer.duration_ms,
        action: "edit",
        status: (answer.reply.status > 0).then_some(i32::from(answer.reply.status)),
        code: answer.reply.code,
        outcome: if again_at.is_none() { "late_said" } else { "again" },
        note: Some("says that it is late".into()),
    };
    if !ports.store.finish_lateness(lane, late.id, again_at, &attempt).await? {
        return Ok(Next::Leave);
    }
    Ok(consequences(delivery, lane, &verdict).await?.unwrap_or(Next::Go))
}

/// The frozen text, then when the message should have been there.
fn words(late: &LateSend) -> String {
    let due = late.created_at.timestamp();
    let said = format!("⏰ Late: due <t:{due}:R>, but Discord failed in between; newer messages may stand above.");
    if late.content.is_empty() { said } else { format!("{}\n{said}", late.content) }
}
