//! Keys of the REST interface: found by their public beginning, compared by hash. The key itself is nowhere.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// `last_used_at` is written no more often than this.
const USE_NOTED_EVERY: TimeDelta = TimeDelta::minutes(5);

/// A key about to be stored.
pub struct NewApiKey {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub prefix: String,
    pub hash: Vec<u8>,
    pub scopes: Vec<String>,
    pub person_id: Option<Uuid>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A stored key. It cannot be used with what is in it.
#[derive(Clone)]
pub struct ApiKey {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub name: String,
    pub prefix: String,
    pub hash: Vec<u8>,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether its use at `now` is to be written down.
    pub fn is_use_news(&self, now: DateTime<Utc>) -> bool {
        self.last_used_at.is_none_or(|at| at + USE_NOTED_EVERY <= now)
    }
}

/// False when a live key of the guild has that name already.
pub async fn insert_api_key(tx: &mut Tx, key: &NewApiKey, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO api_key (id, guild_id, name, prefix, hash, scopes, created_at, person_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (guild_id, name) WHERE revoked_at IS NULL DO NOTHING",
        key.id,
        key.guild_id.0,
        key.name,
        key.prefix,
        key.hash,
        &key.scopes,
        now,
        key.person_id,
        key.expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a live key of a guild. `None` when there is none of that id.
pub async fn revoke_api_key(tx: &mut Tx, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "UPDATE api_key SET revoked_at = $3 WHERE guild_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING name",
        guild_id.0,
        id,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

impl Store {
    /// The key that begins so, whether it may be used or not.
    pub async fn find_api_key(&self, prefix: &str) -> Result<Option<ApiKey>> {
        Ok(sqlx::query_as!(
            ApiKey,
            r#"SELECT id, guild_id AS "guild_id: GuildId", name, prefix, hash, scopes, created_at, expires_at,
                   revoked_at, last_used_at
               FROM api_key WHERE prefix = $1"#,
            prefix
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// A guild's keys in the order in which they were made; those of all guilds without one.
    pub async fn list_api_keys(&self, guild_id: Option<GuildId>) -> Result<Vec<ApiKey>> {
        Ok(sqlx::query_as!(
            ApiKey,
            r#"SELECT id, guild_id AS "guild_id: GuildId", name, prefix, hash, scopes, created_at, expires_at,
                   revoked_at, last_used_at
               FROM api_key WHERE $1::bigint IS NULL OR guild_id = $1 ORDER BY guild_id, created_at, id"#,
            guild_id.map(|guild| guild.0)
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Notes that a key was used, unless another process has just done so.
    pub async fn note_api_key_use(&self, id: Uuid, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE api_key SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
            id,
            now,
            now - USE_NOTED_EVERY
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Deletes keys that have not worked since `before`.
    pub(super) async fn purge_api_keys(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let done = sqlx::query!(
            "DELETE FROM api_key WHERE id IN
                 (SELECT id FROM api_key WHERE LEAST(revoked_at, expires_at) < $1 ORDER BY id LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
