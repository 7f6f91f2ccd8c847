//! The time zone of a server: by its clocks go quiet hours that name no place of their own.

use anyhow::Result;
use chrono_tz::Tz;
use serde_json::json;

use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{Author, insert_audit};
use crate::store::event::insert_own_event;
use crate::store::guild_setting::{find_time_zone, set_time_zone};
use crate::store::route::list_routes;
use crate::store::source::SourceKind;

/// The time zone, and the routes that go by it.
pub struct Clocks {
    /// `None`: nobody has said; UTC.
    pub zone: Option<Tz>,
    pub routes: Vec<String>,
}

pub async fn read(ports: &Ports, guild_id: GuildId) -> Result<Clocks> {
    let mut tx = ports.store.begin().await?;
    let routes = list_routes(&mut tx, guild_id).await?;
    let named = routes.into_iter().filter(|route| route.noise.needs_place()).map(|route| route.name);
    Ok(Clocks { zone: find_time_zone(&mut tx, guild_id).await?, routes: named.collect() })
}

/// Changes it, with a line of the audit log and a notice for the admins. It counts from the next event on: what is held
/// back already is told when that was promised. The same again changes nothing.
pub async fn set(ports: &Ports, guild_id: GuildId, by: &Author, zone: Option<Tz>) -> Result<()> {
    let now = ports.clock.now();
    let source_id =
        ports.store.ensure_source(guild_id, SourceKind::Signalbox, "signalbox", ports.clock.uuid(), now).await?;
    let mut tx = ports.store.begin().await?;
    let before = set_time_zone(&mut tx, guild_id, zone, now).await?;
    if before == zone {
        return Ok(());
    }
    let person = by.person(&mut tx, ports.clock.uuid(), now).await?;
    let detail = json!({ "before": before.map(|zone| zone.name()), "after": zone.map(|zone| zone.name()) });
    insert_audit(&mut tx, &by.line(guild_id, person, "time_zone_changed", detail), now).await?;
    let (before, after) = (before.unwrap_or_default().name(), zone.unwrap_or_default().name());
    let text = format!("{before} → {after}: quiet hours that name no place go by it.");
    let id = ports.clock.uuid();
    let event = Event {
        id,
        source_id,
        guild_id,
        kind: "signalbox.notice".into(),
        subject: None,
        occurred_at: now,
        received_at: now,
        severity: Severity::Info,
        dedup_key: format!("time-zone:{id}"),
        data: json!({ "title": "⚙️ The server's time zone was changed", "text": text }),
    };
    let notice = NewEvent { event, raw: text.into_bytes(), data_in_raw: false, via: Via::Internal };
    insert_own_event(&mut tx, &notice).await?;
    Store::commit(tx).await?;
    ports.wake.wake(Topic::Planner);
    Ok(())
}
