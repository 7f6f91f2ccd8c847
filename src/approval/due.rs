//! What happens of itself while nobody decides: a reminder, an escalation to a role, the end. Each is
//! marked and planned into the outbox in one transaction, so it happens once.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{audit, rules};
use crate::bus::Topic;
use crate::clock::random_bytes;
use crate::id::{GuildId, reference};
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::routing::reminder::{self, Reminder};
use crate::store::approval::{Approval, Place, find_places, lock_approval, save_approval};
use crate::store::message::{NewMessage, insert_messages};
use crate::store::{Store, StoreError, Tx, card};

/// A reminder waits this long for a card that Discord does not have yet.
const CARD_WAIT: TimeDelta = TimeDelta::minutes(1);

/// What came of a look at what is due: how many approvals it was about, and how many could not be dealt with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticked {
    pub done: usize,
    pub failed: usize,
}

/// Does what has come due.
pub async fn tick_due(ports: &Ports, limit: i64) -> Result<Ticked> {
    let due = ports.store.list_ticking(ports.clock.now(), limit).await.context("looking for what came due")?;
    let mut ticked = Ticked::default();
    for (guild_id, id) in due {
        match tick(ports, guild_id, id).await {
            Ok(did) => ticked.done += usize::from(did),
            Err(error) if is_away(&error) => return Err(error),
            // One that cannot be dealt with must not keep the others waiting.
            Err(error) => {
                ticked.failed += 1;
                let (reference, error) = (reference(random_bytes::<5>()), format!("{error:#}"));
                tracing::error!(reference, approval = %id, error, "what came due about an approval cannot be done");
            }
        }
    }
    Ok(ticked)
}

fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable))
}

/// False when somebody else was faster.
async fn tick(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(mut approval) = lock_approval(&mut tx, guild_id, id).await? else { return Ok(false) };
    if approval.state != ApprovalState::Requested {
        return Ok(false);
    }
    if rules::is_overdue(&approval, now) {
        expire(ports, &mut tx, &mut approval).await?;
    } else {
        let (remind, escalate) =
            [approval.remind_at, approval.escalate_at].map(|at| at.is_some_and(|at| at <= now)).into();
        if !remind && !escalate {
            return Ok(false);
        }
        let places = find_places(&mut tx, approval.subject_id).await?;
        let later = (places.shown.is_empty() && places.is_under_way).then_some(now + CARD_WAIT);
        if remind {
            approval.remind_at = later;
        }
        if escalate {
            approval.escalate_at = later;
        }
        save_approval(&mut tx, &approval).await?;
        if later.is_none() {
            speak(ports, &mut tx, &approval, &places.shown, [remind, escalate]).await?;
        }
    }
    crate::crash::point("tick.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("tick.after_commit");
    ports.wake.wake(Topic::Deliverer);
    Ok(true)
}

/// Ends an approval that nobody decided in time.
pub(super) async fn expire(ports: &Ports, tx: &mut Tx, approval: &mut Approval) -> Result<()> {
    rules::expire(approval, ports.clock.now());
    save_approval(tx, approval).await?;
    card::touch_cards(tx, &[approval.subject_id]).await?;
    audit(tx, ports, approval, None, "expired", json!({})).await
}

/// Queues the messages, one for each channel that shows the card.
async fn speak(
    ports: &Ports,
    tx: &mut Tx,
    approval: &Approval,
    shown: &[Place],
    [remind, escalate]: [bool; 2],
) -> Result<()> {
    let role = approval.terms.escalate_role.map(|role| format!("<@&{role}>"));
    let mut messages = Vec::new();
    for (wanted, action, mention) in [(remind, "reminded", None), (escalate, "escalated", role)] {
        if !wanted {
            continue;
        }
        messages.extend(shown.iter().map(|place| message(ports, approval, place, mention.clone())));
        let detail = json!({ "channels": shown.len(), "role": mention });
        audit(tx, ports, approval, None, action, detail).await?;
    }
    if !messages.is_empty() {
        insert_messages(tx, &messages, ports.clock.now()).await.context("queueing reminders")?;
    }
    Ok(())
}

fn message(ports: &Ports, approval: &Approval, place: &Place, mention: Option<String>) -> NewMessage {
    let link = place
        .channel_id
        .map(|channel| format!("https://discord.com/channels/{}/{channel}/{}", approval.guild_id, place.message_id));
    let reminder = Reminder {
        title: &approval.title,
        since: approval.occurred_at,
        votes: approval.votes,
        needed: approval.needed,
        link,
        is_escalation: mention.is_some(),
    };
    NewMessage {
        guild_id: approval.guild_id,
        destination_id: place.destination_id,
        event_id: approval.event_id,
        route_id: None,
        card_id: None,
        embed: Some(json!(reminder::render(&reminder, ports.clock.now()))),
        content: None,
        mentions: mention.into_iter().collect(),
        change_id: None,
        receipt: None,
    }
}
