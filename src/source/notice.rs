//! Signalbox as a source of its own: notices to the admins take the same way as every other event.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::source::SourceKind;

pub const KIND: &str = "signalbox.notice";

/// Tells a guild's admins something once per `key`: routed like any event of kind `signalbox.notice`.
pub async fn tell_admins(ports: &Ports, guild_id: GuildId, key: &str, text: &str) -> Result<()> {
    let source_id = own_source(ports, guild_id).await?;
    ports.store.insert_events(&[&notice(ports, guild_id, source_id, key, text)]).await?;
    ports.wake.wake(Topic::Planner);
    Ok(())
}

/// Where a guild's notices come from.
pub async fn own_source(ports: &Ports, guild_id: GuildId) -> Result<Uuid> {
    let (id, now) = (ports.clock.uuid(), ports.clock.now());
    Ok(ports.store.ensure_source(guild_id, SourceKind::Signalbox, "signalbox", id, now).await?)
}

/// A notice from [`own_source`], for who stores it together with what it tells of, and wakes the planner.
pub fn notice(ports: &Ports, guild_id: GuildId, source_id: Uuid, key: &str, text: &str) -> NewEvent {
    let now = ports.clock.now();
    let event = Event {
        id: ports.clock.uuid(),
        source_id,
        guild_id,
        kind: KIND.into(),
        subject: None,
        occurred_at: now,
        received_at: now,
        severity: Severity::Warning,
        dedup_key: key.to_owned(),
        data: json!({ "text": text }),
    };
    NewEvent { event, raw: text.as_bytes().to_vec(), data_in_raw: false, via: Via::Internal }
}
