//! What an admin asks about: last events, refused requests, what was not delivered.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::GuildId;

/// A refused request as it is kept: no secret, no signature, no body.
#[derive(Clone, Debug)]
pub struct Refused {
    pub received_at: DateTime<Utc>,
    pub rule: String,
    pub variant: Option<String>,
}

/// Counts of a guild's outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    pub queued: i64,
    pub in_doubt: i64,
    pub unresolved: i64,
    pub dead: i64,
    pub set_aside: i64,
}

/// Refusals kept per source.
const REFUSALS_KEPT: i64 = 200;

impl Store {
    /// Keeps a refusal, and the newest 200 of its source.
    #[allow(clippy::too_many_arguments)]
    pub async fn insert_refusal(
        &self,
        source_id: Uuid,
        via: &str,
        rule: &str,
        variant: Option<&str>,
        body_sha256: &str,
        body_bytes: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "WITH kept AS (
                INSERT INTO refusal (source_id, received_at, via, rule, variant, body_sha256, body_bytes)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
             )
             DELETE FROM refusal WHERE source_id = $1 AND id <= (
                SELECT id FROM refusal WHERE source_id = $1 ORDER BY id DESC OFFSET $8 LIMIT 1)",
            source_id,
            now,
            via,
            rule,
            variant,
            body_sha256,
            body_bytes,
            // The deletion does not see the row that comes with it.
            REFUSALS_KEPT - 1
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn list_refusals(&self, source_id: Uuid, limit: i64) -> Result<Vec<Refused>> {
        Ok(sqlx::query_as!(
            Refused,
            "SELECT received_at, rule, variant FROM refusal WHERE source_id = $1 ORDER BY id DESC LIMIT $2",
            source_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn count_refusals(&self, source_id: Uuid, since: DateTime<Utc>) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM refusal WHERE source_id = $1 AND received_at >= $2"#,
            source_id,
            since
        )
        .fetch_one(&self.pool)
        .await?)
    }

    pub async fn count_outbox(&self, guild_id: GuildId) -> Result<OutboxCounts> {
        let messages = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE state IN ('queued', 'sending')) AS "queued!",
                   count(*) FILTER (WHERE state = 'dead') AS "dead!"
               FROM message WHERE guild_id = $1 AND state <> 'delivered'"#,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?;
        let sends = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE s.state = 'in_doubt' AND NOT s.set_aside) AS "in_doubt!",
                   count(*) FILTER (WHERE s.state = 'unresolved') AS "unresolved!",
                   count(*) FILTER (WHERE s.set_aside AND s.state <> 'unresolved') AS "set_aside!"
               FROM send s JOIN destination d ON d.id = s.destination_id
               WHERE d.guild_id = $1 AND s.state IN ('open', 'in_doubt', 'unresolved')"#,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(OutboxCounts {
            queued: messages.queued,
            dead: messages.dead,
            in_doubt: sends.in_doubt,
            unresolved: sends.unresolved,
            set_aside: sends.set_aside,
        })
    }

    /// What Discord refused most recently, in its words.
    pub async fn list_dead_notes(&self, guild_id: GuildId, limit: i64) -> Result<Vec<(DateTime<Utc>, String)>> {
        let rows = sqlx::query!(
            r#"SELECT s.finished_at AS "at!", COALESCE(s.note, '') AS "note!" FROM send s
               JOIN destination d ON d.id = s.destination_id
               WHERE d.guild_id = $1 AND s.state = 'dead' AND s.finished_at IS NOT NULL
               ORDER BY s.finished_at DESC LIMIT $2"#,
            guild_id.0,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.at, r.note)).collect())
    }

    /// Keeps a stream entry that cannot be taken in. A second time does nothing.
    pub async fn insert_quarantine(
        &self,
        stream: &str,
        entry_id: &str,
        body: &[u8],
        reason: &str,
        deliveries: i64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "INSERT INTO quarantine (stream, entry_id, body, reason, deliveries, received_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT ON CONSTRAINT quarantine_entry DO NOTHING",
            stream,
            entry_id,
            body,
            reason,
            deliveries,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn count_quarantine(&self) -> Result<i64> {
        Ok(sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM quarantine"#).fetch_one(&self.pool).await?)
    }
}
