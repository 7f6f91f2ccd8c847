//! How far a place where files appear was read.

use chrono::{DateTime, Utc};

use crate::id::GuildId;
use crate::store::{Result, Store};

/// How far, in the words of the place, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub place: String,
    pub position: String,
    pub looked_at: DateTime<Utc>,
    pub fault: Option<String>,
}

impl Store {
    /// The cursor, for whoever is first of those that ask when nobody looked after `before`.
    pub async fn claim_stats_cursor(
        &self,
        guild_id: GuildId,
        place: &str,
        now: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Result<Option<Cursor>> {
        Ok(sqlx::query_as!(
            Cursor,
            "INSERT INTO stats_cursor (guild_id, place, position, looked_at) VALUES ($1, $2, '{}', $3) \
             ON CONFLICT (guild_id, place) DO UPDATE SET looked_at = $3 WHERE stats_cursor.looked_at <= $4 \
             RETURNING place, position, looked_at, fault",
            guild_id.0,
            place,
            now,
            before
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    pub async fn find_stats_cursor(&self, guild_id: GuildId, place: &str) -> Result<Option<Cursor>> {
        Ok(sqlx::query_as!(
            Cursor,
            "SELECT place, position, looked_at, fault FROM stats_cursor WHERE guild_id = $1 AND place = $2",
            guild_id.0,
            place
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// All places of a server, by name.
    pub async fn list_stats_cursors(&self, guild_id: GuildId) -> Result<Vec<Cursor>> {
        Ok(sqlx::query_as!(
            Cursor,
            "SELECT place, position, looked_at, fault FROM stats_cursor WHERE guild_id = $1 ORDER BY place",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn save_stats_cursor(&self, guild_id: GuildId, cursor: &Cursor) -> Result<()> {
        sqlx::query!(
            "INSERT INTO stats_cursor (guild_id, place, position, looked_at, fault) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (guild_id, place) DO UPDATE SET position = $3, looked_at = $4, fault = $5",
            guild_id.0,
            cursor.place,
            cursor.position,
            cursor.looked_at,
            cursor.fault
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
