//! The rules that a guild's admins have set by command.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Tx};

/// Names and values, as they were given.
pub async fn list_rules(tx: &mut Tx, guild_id: GuildId) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!("SELECT name, value FROM approval_rule WHERE guild_id = $1 ORDER BY name", guild_id.0)
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.value)).collect())
}

pub async fn set_rule(
    tx: &mut Tx,
    guild_id: GuildId,
    name: &str,
    value: &str,
    set_by: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO approval_rule (guild_id, name, value, set_by, set_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (guild_id, name) DO UPDATE SET value = $3, set_by = $4, set_at = $5",
        guild_id.0,
        name,
        value,
        set_by,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Back to the default.
pub async fn delete_rule(tx: &mut Tx, guild_id: GuildId, name: &str) -> Result<()> {
    sqlx::query!("DELETE FROM approval_rule WHERE guild_id = $1 AND name = $2", guild_id.0, name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
