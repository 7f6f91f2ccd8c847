//! What the panel sends goes to every destination of its types and scopes, whatever the routes say; a destination that
//! a route serves already gets it once.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::plan::hold::{Holds, Way};
use crate::event::Event;
use crate::ports::Ports;
use crate::routing::{Decision, notice};
use crate::source::panel::DISPATCH;
use crate::store::Tx;
use crate::store::destination::list_typed;
use crate::store::message::{NewMessage, insert_messages};

#[derive(Deserialize)]
struct Wanted {
    types: Vec<String>,
    scopes: Vec<String>,
}

/// The destinations by type and scope of each event, in the order of the batch. What one of them takes, `default` does
/// not: that route is for what nothing else takes, and people would see it twice. A route that names the panel's
/// events is somebody's wish, and is followed as well.
pub(super) async fn find(tx: &mut Tx, batch: &[Event], decisions: &mut [Decision]) -> Result<Vec<Vec<Uuid>>> {
    let mut all = Vec::with_capacity(batch.len());
    for (event, decision) in batch.iter().zip(decisions) {
        let Some(wanted) = wanted(event) else {
            all.push(Vec::new());
            continue;
        };
        let found = list_typed(tx, event.guild_id, &wanted.types, &wanted.scopes).await?;
        if !found.is_empty() {
            let to = format!("{} {}", wanted.types.join(", "), wanted.scopes.join(", "));
            decision.leave_default(&format!("it went to the webhooks of {to}"));
        }
        all.push(found);
    }
    Ok(all)
}

/// Queues the batch's events for destinations by type and scope. Returns how many messages that makes.
pub(super) async fn queue(
    ports: &Ports,
    tx: &mut Tx,
    batch: &[Event],
    found: Vec<Vec<Uuid>>,
    decisions: &mut [Decision],
    holds: &mut Holds,
) -> Result<usize> {
    let mut messages = Vec::new();
    for (n, ((event, decision), found)) in batch.iter().zip(decisions).zip(found).enumerate() {
        let served: HashSet<Uuid> = decision.hits.iter().flat_map(|hit| hit.destination_ids.iter().copied()).collect();
        let found: Vec<Uuid> = found.into_iter().filter(|id| !served.contains(id)).collect();
        let way = Way { n, event, hit: None, destination_ids: &found, subject_id: None };
        let found = holds.sift(&way, &mut decision.plan);
        messages.extend(found.into_iter().map(|destination_id| NewMessage {
            guild_id: event.guild_id,
            destination_id,
            event_id: event.id,
            route_id: None,
            card_id: None,
            embed: Some(json!(notice::render(event))),
            content: None,
            mentions: Vec::new(),
            change_id: None,
            receipt: None,
        }));
    }
    if !messages.is_empty() {
        insert_messages(tx, &messages, ports.clock.now()).await.context("queueing for destinations by type")?;
    }
    Ok(messages.len())
}

/// None chosen would stand for all.
fn wanted(event: &Event) -> Option<Wanted> {
    if !event.kind.starts_with("panel.") {
        return None;
    }
    let wanted: Wanted = serde_json::from_value(event.data.get(DISPATCH)?.clone()).ok()?;
    (!wanted.types.is_empty() && !wanted.scopes.is_empty()).then_some(wanted)
}
