//! What was held back is told in one message: the receipt of a silence that is over, the digest of a route. It goes through the outbox, in
//! the transaction that marks what it tells of, so it is there once whatever dies in between.

use anyhow::{Context, Result};
use serde_json::json;
use uuid::Uuid;

use super::silence::Asker;
use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::routing::embed::Embed;
use crate::routing::noise::judge::LATE_PATIENCE;
use crate::routing::silence::receipt::{LISTED, NAMED, Over, Receipt, digest, of_silence};
use crate::routing::trace::Plan;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::card::{WantedCard, want_cards};
use crate::store::destination::ensure_channel;
use crate::store::event::{PlanNote, insert_own_event, mark_planned};
use crate::store::held::{Due, find_main_place, list_open, summarise, tell_of_due, tell_of_silence};
use crate::store::message::{NewMessage, insert_messages};
use crate::store::silence::{StoredSilence, claim_ended, mark_receipt};
use crate::store::source::{SourceKind, ensure_person};
use crate::store::subject::lock_subject;
use crate::store::{Store, Tx};

/// The kind under which receipts and digests stand. They are not routed.
pub const KIND: &str = "signalbox.receipt";

/// Tells what is due. Returns how much there was.
pub async fn tell_due(ports: &Ports, limit: usize) -> Result<usize> {
    let mut done = 0;
    while done < limit && give_receipt(ports).await? {
        done += 1;
    }
    let due = ports.store.list_due_held(ports.clock.now(), LATE_PATIENCE, limit as i64).await?;
    for due in due {
        done += usize::from(give_digest(ports, &due).await?);
    }
    if done > 0 {
        ports.wake.wake(Topic::Deliverer);
    }
    Ok(done)
}

/// The receipt of one silence that is over. False when none is due.
async fn give_receipt(ports: &Ports) -> Result<bool> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(silence) = claim_ended(&mut tx, now).await? else { return Ok(false) };
    let told_in = ports.clock.uuid();
    tell_of_silence(&mut tx, silence.id, told_in).await?;
    if let Some(place) = place(ports, &mut tx, &silence, told_in).await? {
        let summary = summarise(&mut tx, told_in, place, NAMED).await?;
        let over = Over {
            pattern: &silence.pattern,
            reason: &silence.reason,
            started_at: silence.started_at.unwrap_or(now),
            ended_at: silence.ends_at.unwrap_or(now),
        };
        let receipt =
            Receipt { told_in, silence_id: Some(silence.id), count: summary.count, has_open: !summary.open.is_empty() };
        let note = format!("the receipt of the silence of {}", silence.pattern);
        let telling = Telling { guild_id: silence.guild_id, place, embed: of_silence(&over, &summary), receipt, note };
        tell(ports, &mut tx, telling).await.context("telling what a silence withheld")?;
    }
    mark_receipt(&mut tx, silence.id, now).await?;
    crate::crash::point("receipt.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("receipt.after_commit");
    tracing::info!(silence = %silence.id, pattern = silence.pattern, "a silence is over");
    Ok(true)
}

/// One message for what is due in one place, for one reason. False when another was faster.
async fn give_digest(ports: &Ports, due: &Due) -> Result<bool> {
    let mut tx = ports.store.begin().await?;
    let told_in = ports.clock.uuid();
    if tell_of_due(&mut tx, due, told_in, ports.clock.now()).await? == 0 {
        return Ok(false);
    }
    // What was meant for a destination that is gone is told nowhere.
    if !due.is_removed {
        let summary = summarise(&mut tx, told_in, due.destination_id, LISTED).await?;
        let receipt = Receipt { told_in, silence_id: None, count: summary.count, has_open: !summary.open.is_empty() };
        let note = format!("the digest of what was held back ({})", due.reason);
        let (guild_id, place, embed) = (due.guild_id, due.destination_id, digest(&due.reason, &summary));
        tell(ports, &mut tx, Telling { guild_id, place, embed, receipt, note }).await.context("telling a digest")?;
    }
    crate::crash::point("digest.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("digest.after_commit");
    Ok(true)
}

/// Where its messages would have gone, else where it was made. `None`: nowhere, and there is nothing to tell.
async fn place(ports: &Ports, tx: &mut Tx, silence: &StoredSilence, told_in: Uuid) -> Result<Option<Uuid>> {
    if let Some(place) = find_main_place(tx, told_in).await? {
        return Ok(Some(place));
    }
    let Some(channel) = silence.channel_id else { return Ok(None) };
    let (id, now) = (ports.clock.uuid(), ports.clock.now());
    Ok(Some(ensure_channel(tx, silence.guild_id, channel, id, now).await?))
}

/// A message that tells of things held back.
struct Telling {
    guild_id: GuildId,
    place: Uuid,
    embed: Embed,
    receipt: Receipt,
    /// What it is, in one sentence.
    note: String,
}

async fn tell(ports: &Ports, tx: &mut Tx, telling: Telling) -> Result<()> {
    let now = ports.clock.now();
    let Telling { guild_id, place, embed, receipt, note } = telling;
    let new_id = ports.clock.uuid();
    let source_id = ports.store.ensure_source(guild_id, SourceKind::Signalbox, "signalbox", new_id, now).await?;
    let event = Event {
        id: receipt.told_in,
        source_id,
        guild_id,
        kind: KIND.into(),
        subject: None,
        occurred_at: now,
        received_at: now,
        severity: Severity::Info,
        dedup_key: format!("held:{}", receipt.told_in),
        data: json!({ "text": note }),
    };
    let raw = note.as_bytes().to_vec();
    insert_own_event(tx, &NewEvent { event, raw, data_in_raw: false, via: Via::Internal }).await?;
    let plan = Plan { note, ..Plan::default() };
    mark_planned(tx, &[PlanNote { event_id: receipt.told_in, plan: &plan, data: None }], now).await?;
    let message = NewMessage {
        guild_id,
        destination_id: place,
        event_id: receipt.told_in,
        route_id: None,
        card_id: None,
        embed: Some(json!(embed)),
        content: None,
        mentions: Vec::new(),
        change_id: None,
        receipt: Some(receipt),
    };
    insert_messages(tx, &[message], now).await?;
    Ok(())
}

/// Posts the cards of what is still open and was told of in this event. A second press finds nothing left. Returns how
/// many.
pub async fn post_open(ports: &Ports, who: Asker, told_in: Uuid) -> Result<usize> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let mut subjects: Vec<Uuid> = list_open(&mut tx, told_in).await?.iter().map(|card| card.subject_id).collect();
    subjects.sort();
    subjects.dedup();
    // Nobody else makes their cards meanwhile. One of another server is not found.
    for id in &subjects {
        lock_subject(&mut tx, who.guild_id, *id).await?;
    }
    let mut open = list_open(&mut tx, told_in).await?;
    open.retain(|card| card.guild_id == who.guild_id);
    let wanted: Vec<WantedCard> = open
        .iter()
        .map(|card| WantedCard {
            id: ports.clock.uuid(),
            guild_id: card.guild_id,
            subject_id: card.subject_id,
            destination_id: card.destination_id,
        })
        .collect();
    let mut messages = Vec::new();
    for (card_id, subject_id, destination_id) in want_cards(&mut tx, &wanted, now).await? {
        let cause = open.iter().find(|card| card.subject_id == subject_id && card.destination_id == destination_id);
        messages.extend(cause.map(|cause| NewMessage {
            guild_id: who.guild_id,
            destination_id,
            event_id: cause.event_id,
            route_id: None,
            card_id: Some(card_id),
            embed: None,
            content: None,
            mentions: Vec::new(),
            change_id: None,
            receipt: None,
        }));
    }
    if messages.is_empty() {
        return Ok(0);
    }
    insert_messages(&mut tx, &messages, now).await?;
    let person_id = Some(ensure_person(&mut tx, who.user_id.0, ports.clock.uuid(), now).await?);
    let detail = json!({ "receipt": told_in, "cards": messages.len() });
    let line = NewAudit { guild_id: who.guild_id, approval_id: None, person_id, action: "held_posted", detail };
    insert_audit(&mut tx, &line, now).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Deliverer);
    Ok(messages.len())
}
