//! A destination under the lock under which it is changed.

use serde::Serialize;
use uuid::Uuid;

use super::super::{Result, Tx};
use crate::id::GuildId;

/// What people change of a destination; written out, it tells one version from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    #[serde(skip)]
    pub kind: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    pub enabled: bool,
    pub archives_resolved: bool,
    pub batch_window_ms: Option<i32>,
    pub sender_name: Option<String>,
    pub sender_avatar_url: Option<String>,
}

/// What is set now; nobody else changes it until the transaction ends.
pub async fn lock_settings(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<Settings>> {
    Ok(sqlx::query_as!(
        Settings,
        "SELECT kind, name, description, webhook_type, webhook_scope, enabled, archives_resolved, batch_window_ms,
             sender_name, sender_avatar_url
         FROM destination WHERE guild_id = $1 AND id = $2 AND removed_at IS NULL FOR UPDATE",
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// The live destination of this channel or webhook, and its name; one that a route made has none. Until the
/// transaction ends nobody else makes one here.
pub async fn find_place(
    tx: &mut Tx,
    guild_id: GuildId,
    channel_id: Option<i64>,
    webhook_id: Option<i64>,
) -> Result<Option<(Uuid, Option<String>)>> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('destinations', $1))", guild_id.0)
        .execute(&mut **tx)
        .await?;
    let row = sqlx::query!(
        "SELECT id, name FROM destination
         WHERE guild_id = $1 AND removed_at IS NULL AND (channel_id = $2 OR webhook_id = $3)",
        guild_id.0,
        channel_id,
        webhook_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.id, row.name)))
}
