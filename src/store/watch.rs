//! Watch time: who was present in which minutes, written by OR alone, so that order and repetition change nothing. What
//! of it counts is worked out in `watch/count.rs`, from what is stored, as often as one likes.

pub mod count;
pub mod multiplier;
pub mod read;
pub mod rule;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::GuildId;

/// Minutes of an hour in which somebody was present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    pub guild_id: GuildId,
    pub kick_channel_id: Uuid,
    /// Hours since 1970, UTC.
    pub hour: i32,
    pub viewer_id: Uuid,
    /// Bit m: wrote something in minute m.
    pub said: i64,
    /// Bit m: present in minute m.
    pub present: i64,
    pub subscriber: bool,
}

/// Rows of one statement: more of them make it no faster and hold locks for longer.
pub const FLUSH: usize = 10_000;

impl Store {
    /// Adds presences, at most [`FLUSH`] and each row of the table once, in the order of its key; and notes that their
    /// hours are to be counted: those that are over at once, others at `due_at`.
    pub async fn flush_presences(
        &self,
        presences: &[Presence],
        now: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Result<()> {
        let channels: Vec<Uuid> = presences.iter().map(|p| p.kick_channel_id).collect();
        let hours: Vec<i32> = presences.iter().map(|p| p.hour).collect();
        let viewers: Vec<Uuid> = presences.iter().map(|p| p.viewer_id).collect();
        let guilds: Vec<i64> = presences.iter().map(|p| p.guild_id.0).collect();
        let said: Vec<i64> = presences.iter().map(|p| p.said).collect();
        let present: Vec<i64> = presences.iter().map(|p| p.present).collect();
        let subscribers: Vec<bool> = presences.iter().map(|p| p.subscriber).collect();
        let mut tx = self.begin().await?;
        sqlx::query!(
            "INSERT INTO watch_hour AS h (kick_channel_id, hour, viewer_id, guild_id, said, present, subscriber)
             SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::uuid[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[])
             ON CONFLICT (kick_channel_id, hour, viewer_id) DO UPDATE SET said = h.said | EXCLUDED.said,
                 present = h.present | EXCLUDED.present, subscriber = h.subscriber OR EXCLUDED.subscriber
             WHERE h.present | EXCLUDED.present <> h.present OR h.said | EXCLUDED.said <> h.said
                 OR EXCLUDED.subscriber > h.subscriber",
            &channels,
            &hours,
            &viewers,
            &guilds,
            &said,
            &present,
            &subscribers
        )
        .execute(&mut *tx)
        .await?;
        // What is written in the last minutes of an hour makes the first ones of the next crowded.
        // In the same commit: what is written is counted, whoever dies. Last, so that its lock is short.
        sqlx::query!(
            "INSERT INTO watch_channel AS c (kick_channel_id, hour, guild_id, due_at, version)
             SELECT DISTINCT u.channel, n.hour, u.guild,
                 CASE WHEN n.hour < floor(extract(epoch FROM $6::timestamptz) / 3600) THEN $6 ELSE $4::timestamptz END, 1
             FROM UNNEST($1::uuid[], $2::integer[], $3::bigint[], $5::bigint[]) AS u (channel, hour, guild, said),
                 LATERAL (VALUES (u.hour, true), (u.hour + 1, u.said >> 55 <> 0)) AS n (hour, matters)
             WHERE n.matters ORDER BY 1, 2
             ON CONFLICT (kick_channel_id, hour) DO UPDATE SET version = c.version + 1,
                 due_at = LEAST(c.due_at, EXCLUDED.due_at)",
            &channels,
            &hours,
            &guilds,
            due_at,
            &said,
            now
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}

impl Store {
    /// Hours that are older than what is counted any more, and purchases that were never confirmed.
    pub(super) async fn purge_community(&self, hours: DateTime<Utc>, drafts: DateTime<Utc>, limit: i64) -> Result<u64> {
        let hour = i32::try_from(hours.timestamp().div_euclid(3600)).unwrap_or(0);
        let presences = sqlx::query!(
            "DELETE FROM watch_hour WHERE ctid IN (SELECT ctid FROM watch_hour WHERE hour < $1 LIMIT $2)",
            hour,
            limit
        )
        .execute(&self.pool)
        .await?;
        let channels = sqlx::query!(
            "DELETE FROM watch_channel WHERE ctid IN (SELECT ctid FROM watch_channel c WHERE hour < $1 AND due_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM watch_hour h WHERE h.kick_channel_id = c.kick_channel_id AND h.hour = c.hour)
                 LIMIT $2)",
            hour,
            limit
        )
        .execute(&self.pool)
        .await?;
        let drafts = sqlx::query!("DELETE FROM shop_draft WHERE created_at < $1", drafts).execute(&self.pool).await?;
        Ok(presences.rows_affected() + channels.rows_affected() + drafts.rows_affected())
    }
}
