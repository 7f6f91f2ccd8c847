//! The panel's requests on their way into the intake, and what became of them.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Dispatch;
use crate::event::{Event, NewEvent, Via};
use crate::id::{GuildId, derived};
use crate::ports::Ports;
use crate::source::ingest::{Ingest, IngestError};
use crate::store::destination::list_typed;
use crate::store::event::Inserted;
use crate::store::party::Told;
use crate::store::source::SourceKind;

/// How often the results are looked at while somebody waits for them.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Of a destination that nobody has named.
const NAMELESS: &str = "unnamed";
const NOTHING_CONFIGURED: &str = "No webhooks configured for this event type";

/// What became of an event, in the panel's words.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Results {
    /// At least one destination has it.
    pub success: bool,
    pub sent: usize,
    pub failed: usize,
    /// Still on their way.
    pub pending: usize,
    /// Not sent now: a silence is on, or the route holds them back.
    pub held: usize,
    pub errors: Vec<DeliveryError>,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct DeliveryError {
    pub webhook: String,
    pub error: String,
}

/// Takes a request in under the given id; the same id of the sender is the same event.
pub async fn submit(
    ports: &Ports,
    ingest: &Ingest,
    guild_id: GuildId,
    dispatch: Dispatch,
    id: Uuid,
) -> Result<Result<Inserted, IngestError>> {
    let now = ports.clock.now();
    let name = SourceKind::Panel.as_str();
    let new_source = derived(&[name, &guild_id.0.to_string()]);
    let source_id = ports.store.ensure_source(guild_id, SourceKind::Panel, name, new_source, now).await?;
    // Secrets are masked in it; what was sent is not kept.
    let raw = dispatch.data.to_string().into_bytes();
    let event = Event {
        id,
        source_id,
        guild_id,
        kind: dispatch.kind,
        subject: None,
        occurred_at: dispatch.occurred_at.unwrap_or(now),
        received_at: now,
        severity: dispatch.severity,
        dedup_key: dispatch.id.map_or_else(|| id.to_string(), |id| format!("panel:{id}")),
        data: dispatch.data,
    };
    Ok(ingest.submit(NewEvent { event, raw, data_in_raw: false, via: Via::Http }).await)
}

/// How many destinations have this type and scope now.
pub async fn count_typed(ports: &Ports, guild_id: GuildId, dispatch: &Dispatch) -> Result<usize> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut tx = ports.store.begin().await?;
    Ok(list_typed(&mut tx, guild_id, &owned(&dispatch.types), &owned(&dispatch.scopes)).await?.len())
}

/// What became of an event of this guild so far. `None` when there is no such event.
pub async fn results(ports: &Ports, guild_id: GuildId, event_id: Uuid) -> Result<Option<Results>> {
    let Some(planned) = ports.store.is_planned(guild_id, event_id).await? else { return Ok(None) };
    if !planned {
        return Ok(Some(Results { pending: 1, ..Results::default() }));
    }
    let told = ports.store.find_told(guild_id, event_id).await?;
    let held = ports.store.list_told_held(guild_id, event_id).await?;
    Ok(Some(summary(&told, held.len())))
}

/// The same, once nothing is on its way any more, or when the time is over.
pub async fn wait(ports: &Ports, guild_id: GuildId, event_id: Uuid, at_most: Duration) -> Result<Results> {
    let settled = async {
        loop {
            match results(ports, guild_id, event_id).await? {
                Some(results) if results.pending > 0 => tokio::time::sleep(LOOK_EVERY).await,
                found => return Ok::<_, anyhow::Error>(found.unwrap_or_default()),
            }
        }
    };
    match tokio::time::timeout(at_most, settled).await {
        Ok(found) => found,
        Err(_) => Ok(results(ports, guild_id, event_id).await?.unwrap_or_default()),
    }
}

fn summary(told: &[Told], held: usize) -> Results {
    let mut results = Results { held, ..Results::default() };
    let name = |one: &Told| if one.name.is_empty() { NAMELESS.to_owned() } else { one.name.clone() };
    for one in told {
        let error = match one.state.as_str() {
            "delivered" => {
                results.sent += 1;
                continue;
            }
            "dead" => one.note.clone().unwrap_or_else(|| "not delivered".to_owned()),
            _ => match &one.disabled_because {
                // It waits for somebody to mend the destination.
                Some(why) => why.clone(),
                None => {
                    results.pending += 1;
                    if matches!(one.send_state.as_deref(), Some("in_doubt" | "unresolved")) {
                        let why = one.note.as_deref().unwrap_or("nobody can tell whether it arrived");
                        results.errors.push(DeliveryError { webhook: name(one), error: format!("in doubt: {why}") });
                    }
                    continue;
                }
            },
        };
        results.failed += 1;
        results.errors.push(DeliveryError { webhook: name(one), error });
    }
    if told.is_empty() && held == 0 {
        results.errors.push(DeliveryError { webhook: "system".to_owned(), error: NOTHING_CONFIGURED.to_owned() });
    }
    results.success = results.sent > 0;
    results
}
