//! An event that cannot be planned holds up no other: the batch is made smaller until it stands alone, then
//! it is set aside under a reference, and the admins are told once.

use anyhow::{Context, Result};

use super::{Failed, plan_batch};
use crate::clock::random_bytes;
use crate::event::Event;
use crate::id::reference;
use crate::ports::Ports;
use crate::routing::trace::Plan;
use crate::source::notice::{self, tell_admins};
use crate::store::event::{self as events, PlanNote};
use crate::store::{Store, StoreError};

/// Plans up to `limit` events. Returns how many, those set aside included; 0 means that all are planned.
pub async fn plan_due(ports: &Ports, limit: i64) -> Result<usize> {
    let mut limit = limit;
    loop {
        let Failed { batch, error } = match plan_batch(ports, limit).await {
            Ok(planned) => return Ok(planned),
            Err(failed) => failed,
        };
        // What is wrong with the database or with us would be wrong with every event.
        let Some(fault) = fault_of_data(&error) else { return Err(error) };
        match batch.as_slice() {
            [] => return Err(error),
            [event] => {
                set_aside(ports, event, &fault, &error).await?;
                return Ok(1);
            }
            several => limit = several.len() as i64 / 2,
        }
    }
}

fn fault_of_data(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| cause.downcast_ref::<StoreError>()?.fault_of_data())
}

/// The event stays as it came, without its data where that is still in the body: it may be what is refused.
async fn set_aside(ports: &Ports, event: &Event, fault: &str, error: &anyhow::Error) -> Result<()> {
    let now = ports.clock.now();
    let reference = reference(random_bytes::<5>());
    let error = crate::error::chain(error);
    tracing::error!(reference, event = %event.id, kind = event.kind, error, "an event could not be planned and is set aside");
    // A notice about a notice could be the next that cannot be planned.
    if event.kind != notice::KIND {
        let (kind, source) = (&event.kind, event.source_id);
        let text = format!(
            "An event {kind} could not be planned and was set aside; nobody sees it: {fault}. The others go on. \
             Ref {reference}: the log has more, and what else fails today for the same reason."
        );
        let key = format!("unplannable:{source}:{kind}:{fault}:{}", now.date_naive());
        tell_admins(ports, event.guild_id, &key, &text).await?;
    }
    let note = format!("set aside: {fault} (Ref {reference})");
    let mut tx = ports.store.begin_preparing().await?;
    let plan = Plan { note, ..Plan::default() };
    let note = PlanNote { event_id: event.id, plan: &plan, data: None };
    events::mark_planned(&mut tx, &[note], now).await.context("setting an event aside")?;
    Store::commit(tx).await?;
    Ok(())
}
