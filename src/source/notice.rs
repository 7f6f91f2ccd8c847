//! Signalbox as a source of its own: notices to the admins take the same way as every other event.

use anyhow::Result;
use serde_json::json;

use crate::bus::Topic;
use crate::event::{Event, NewEvent, Severity, Via};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::source::SourceKind;

pub const KIND: &str = "signalbox.notice";

/// Tells a guild's admins something once per `key`: routed like any event of kind `signalbox.notice`.
pub async fn tell_admins(ports: &Ports, guild_id: GuildId, key: &str, text: &str) -> Result<()> {
    let now = ports.clock.now();
    let source_id =
        ports.store.ensure_source(guild_id, SourceKind::Signalbox, "signalbox", ports.clock.uuid(), now).await?;
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
    let raw = text.as_bytes().to_vec();
    ports.store.insert_events(&[&NewEvent { event, raw, data_in_raw: false, via: Via::Internal }]).await?;
    ports.wake.wake(Topic::Planner);
    Ok(())
}
