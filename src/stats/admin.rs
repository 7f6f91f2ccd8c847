//! What those who manage a server do about the import, with a line in the audit log.

use anyhow::Result;
use serde_json::{Value, json};
use uuid::Uuid;

use super::reparse;
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::Store;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::source::ensure_person;

/// Everything anew from the stored files. The line is there before it begins: what was begun may be ended on its way.
pub async fn reparse(ports: &Ports, guild_id: GuildId, by: UserId) -> Result<usize> {
    line(ports, guild_id, by, "stats_reparsed", json!({})).await?;
    reparse::apply(ports, guild_id).await
}

/// A file that could not be read is read again; the error says why it still cannot.
pub async fn retry(ports: &Ports, guild_id: GuildId, id: Uuid, by: UserId) -> Result<Result<(), String>> {
    let outcome = reparse::retry(ports, guild_id, id).await?;
    let outcome = outcome.ok_or_else(|| UserError::new("That file is in quarantine no more."))?;
    line(ports, guild_id, by, "stats_retried", json!({ "file": id, "read": outcome.is_ok() })).await?;
    Ok(outcome)
}

async fn line(ports: &Ports, guild_id: GuildId, by: UserId, action: &'static str, detail: Value) -> Result<()> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let by = ensure_person(&mut tx, by.0, ports.clock.uuid(), now).await?;
    let line = NewAudit { guild_id, approval_id: None, person_id: Some(by), action, detail };
    insert_audit(&mut tx, &line, now).await?;
    Store::commit(tx).await?;
    Ok(())
}
