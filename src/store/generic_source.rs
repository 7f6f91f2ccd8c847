//! Described sources: their configuration, and their secrets, of which at most two are live. Values are settings.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde_json::Value;
use uuid::Uuid;

use super::secret::setting_place;
use super::source::SourceKind;
use super::{Result, Store, Tx};
use crate::id::GuildId;

/// A described source that was not removed.
#[derive(Clone, Debug)]
pub struct StoredSource {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub config: Value,
    pub config_version: i32,
    pub created_at: DateTime<Utc>,
    /// The newest first; those that ended lately, too.
    pub secrets: Vec<StoredSecret>,
}

#[derive(Clone, Debug)]
pub struct StoredSecret {
    pub slot: String,
    /// `None`: it does not open with the keys of this process.
    pub value: Option<SecretString>,
    pub created_at: DateTime<Utc>,
    pub ends_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    name: String,
    config: Option<Value>,
    config_version: i32,
    created_at: DateTime<Utc>,
    slot: Option<String>,
    stored: Option<String>,
    secret_created_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Of one server, or of all.
    pub async fn list_generic_sources(&self, guild_id: Option<GuildId>) -> Result<Vec<StoredSource>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT s.id, s.guild_id, s.name, s.config, s.config_version, s.created_at, w.slot AS "slot?", v.value AS "stored?",
                   w.created_at AS "secret_created_at?", w.ends_at AS "ends_at?", w.last_used_at AS "last_used_at?"
               FROM source s LEFT JOIN webhook_secret w ON w.source_id = s.id
               LEFT JOIN setting v ON v.guild_id = s.guild_id AND v.key = w.slot
               WHERE s.kind = 'generic' AND s.removed_at IS NULL AND s.config IS NOT NULL
                 AND ($1::bigint IS NULL OR s.guild_id = $1)
               ORDER BY s.name, s.id, w.created_at DESC, w.slot DESC"#,
            guild_id.map(|id| id.0)
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found: Vec<StoredSource> = Vec::new();
        for row in rows {
            let secret = self.secret_of(&row);
            if found.last().is_none_or(|last| last.id != row.id) {
                found.push(StoredSource {
                    id: row.id,
                    guild_id: GuildId(row.guild_id),
                    name: row.name,
                    config: row.config.unwrap_or_default(),
                    config_version: row.config_version,
                    created_at: row.created_at,
                    secrets: Vec::new(),
                });
            }
            if let Some(last) = found.last_mut() {
                last.secrets.extend(secret);
            }
        }
        Ok(found)
    }

    fn secret_of(&self, row: &Row) -> Option<StoredSecret> {
        let slot = row.slot.clone()?;
        let place = setting_place(row.guild_id, &slot);
        let value = row.stored.as_deref().and_then(|stored| match self.keys.open(&place, stored) {
            Ok(value) => Some(value.into()),
            Err(error) => {
                tracing::warn!(%error, source = row.name, "a secret of a source is left out");
                None
            }
        });
        Some(StoredSecret {
            slot,
            value,
            created_at: row.secret_created_at?,
            ends_at: row.ends_at,
            last_used_at: row.last_used_at,
        })
    }

    /// One of a server.
    pub async fn find_generic_source(&self, guild_id: GuildId, id: Uuid) -> Result<Option<StoredSource>> {
        let found = self.list_generic_sources(Some(guild_id)).await?;
        Ok(found.into_iter().find(|source| source.id == id))
    }

    /// What the source's actions are signed with: the current secret, and the one before it for a day.
    pub async fn list_action_secrets(
        &self,
        guild_id: GuildId,
        source_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Vec<SecretString>> {
        let rows = sqlx::query!(
            "SELECT key, value FROM setting WHERE guild_id = $1
             AND (key = $2 OR key = $3 AND EXISTS (SELECT 1 FROM setting n WHERE n.guild_id = $1 AND n.key = $2
                 AND n.updated_at > $4))
             ORDER BY key",
            guild_id.0,
            action_slot(source_id),
            older_action_slot(source_id),
            now - TimeDelta::days(1)
        )
        .fetch_all(&self.pool)
        .await?;
        let mut secrets = Vec::new();
        for row in rows {
            match self.keys.open(&setting_place(guild_id.0, &row.key), &row.value) {
                Ok(value) => secrets.push(value.into()),
                Err(error) => tracing::warn!(%error, %source_id, "a secret of a source's actions is left out"),
            }
        }
        Ok(secrets)
    }

    /// How many described sources a server has.
    pub async fn count_generic_sources(&self, guild_id: GuildId) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM source WHERE guild_id = $1 AND kind = 'generic' AND removed_at IS NULL"#,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// False when the server has a source of this name.
pub async fn insert_generic_source(
    tx: &mut Tx,
    id: Uuid,
    guild_id: GuildId,
    name: &str,
    config: &Value,
    now: DateTime<Utc>,
) -> Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO source (id, guild_id, kind, name, created_at, config) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT ON CONSTRAINT source_unique DO NOTHING",
        id,
        guild_id.0,
        SourceKind::Generic.as_str(),
        name,
        now,
        config
    )
    .execute(&mut **tx)
    .await?;
    Ok(made.rows_affected() > 0)
}

/// Replaces the configuration, unless somebody else has changed it since that version.
pub async fn update_generic_config(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    config: &Value,
    version: i32,
) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE source SET config = $2, config_version = config_version + 1
         WHERE id = $1 AND guild_id = $4 AND kind = 'generic' AND removed_at IS NULL AND config_version = $3",
        id,
        config,
        version,
        guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() > 0)
}

/// Makes this secret the current one: the one before it ends then, those before that one at once.
pub async fn add_source_secret(
    tx: &mut Tx,
    guild_id: GuildId,
    source_id: Uuid,
    slot: &str,
    value: &str,
    others_end_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    // One rotation after the other.
    sqlx::query!("SELECT id FROM source WHERE id = $1 AND guild_id = $2 FOR UPDATE", source_id, guild_id.0)
        .fetch_optional(&mut **tx)
        .await?;
    let sealed = tx.keys.seal(&setting_place(guild_id.0, slot), value)?;
    sqlx::query!(
        "UPDATE webhook_secret w SET ends_at = LEAST(COALESCE(w.ends_at, $2), CASE WHEN w.slot = (
                 SELECT n.slot FROM webhook_secret n WHERE n.source_id = $1 ORDER BY n.created_at DESC, n.slot DESC LIMIT 1)
             THEN $2 ELSE $3 END)
         WHERE w.source_id = $1",
        source_id,
        others_end_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4)",
        guild_id.0,
        slot,
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO webhook_secret (source_id, slot, created_at, confirmed_at) VALUES ($1, $2, $3, $3)",
        source_id,
        slot,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn action_slot(source_id: Uuid) -> String {
    format!("source.{source_id}.action_secret")
}

fn older_action_slot(source_id: Uuid) -> String {
    format!("source.{source_id}.action_secret.old")
}

/// Makes this secret the one that actions are signed with; the one before it is used for a day as well. `replace`
/// false: only when there is none. Whether it was taken.
pub async fn set_action_secret(
    tx: &mut Tx,
    guild_id: GuildId,
    source_id: Uuid,
    value: &str,
    replace: bool,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (slot, older) = (action_slot(source_id), older_action_slot(source_id));
    // One after the other.
    sqlx::query!("SELECT id FROM source WHERE id = $1 AND guild_id = $2 FOR UPDATE", source_id, guild_id.0)
        .fetch_optional(&mut **tx)
        .await?;
    let current = sqlx::query_scalar!("SELECT value FROM setting WHERE guild_id = $1 AND key = $2", guild_id.0, slot)
        .fetch_optional(&mut **tx)
        .await?;
    if current.is_some() && !replace {
        return Ok(false);
    }
    let mut values = vec![(slot.clone(), value.to_owned())];
    if let Some(before) = current.and_then(|stored| tx.keys.open(&setting_place(guild_id.0, &slot), &stored).ok()) {
        values.push((older, before));
    }
    for (key, value) in values {
        let sealed = tx.keys.seal(&setting_place(guild_id.0, &key), &value)?;
        sqlx::query!(
            "INSERT INTO setting (guild_id, key, value, updated_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (guild_id, key) DO UPDATE SET value = $3, updated_at = $4",
            guild_id.0,
            key,
            sealed,
            now
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(true)
}

/// Its address is nobody's from now on, its name free; its events stay known. Its secrets are gone.
pub async fn remove_generic_source(tx: &mut Tx, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let removed = sqlx::query!(
        "UPDATE source SET removed_at = $3, config = NULL, name = name || ' (' || id::text || ')'
         WHERE id = $1 AND guild_id = $2 AND kind = 'generic' AND removed_at IS NULL",
        id,
        guild_id.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    if removed.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "DELETE FROM setting WHERE guild_id = $1
             AND (key = ANY ($3) OR key IN (SELECT slot FROM webhook_secret WHERE source_id = $2))",
        guild_id.0,
        id,
        &[action_slot(id), older_action_slot(id)]
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM webhook_secret WHERE source_id = $1", id).execute(&mut **tx).await?;
    Ok(true)
}
