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
        let spans = spans(presences);
        let channels: Vec<Uuid> = spans.iter().map(|span| span[0].kick_channel_id).collect();
        let hours: Vec<i32> = spans.iter().map(|span| span[0].hour).collect();
        let guilds: Vec<i64> = spans.iter().map(|span| span[0].guild_id.0).collect();
        // What is written in the last minutes of an hour makes the first ones of the next crowded.
        let reach_on: Vec<bool> = spans.iter().map(|span| span.iter().any(|p| p.said >> 55 != 0)).collect();
        let lengths: Vec<i32> = spans.iter().map(|span| i32::try_from(span.len()).unwrap_or(i32::MAX)).collect();
        let viewers: Vec<Uuid> = presences.iter().map(|p| p.viewer_id).collect();
        let said: Vec<i64> = presences.iter().map(|p| p.said).collect();
        let present: Vec<i64> = presences.iter().map(|p| p.present).collect();
        let subscribers: Vec<bool> = presences.iter().map(|p| p.subscriber).collect();
        // One statement and so one commit: what is written is counted, whoever dies. Its note comes last, so that the lock
        // of the hour is short: what nothing refers to is carried out when the statement itself is.
        sqlx::query!(
            "WITH span AS (
                 SELECT channel, hour, guild, reaches_on, sum(length) OVER (ORDER BY place)::integer AS last, length
                 FROM UNNEST($1::uuid[], $2::integer[], $3::bigint[], $4::boolean[], $5::integer[]) WITH ORDINALITY
                     AS s (channel, hour, guild, reaches_on, length, place)),
             noted AS (
                 INSERT INTO watch_channel AS c (kick_channel_id, hour, guild_id, due_at, version)
                 SELECT DISTINCT s.channel, n.hour, s.guild,
                     CASE WHEN n.hour < floor(extract(epoch FROM $11::timestamptz) / 3600) THEN $11 ELSE $10::timestamptz END,
                     1
                 FROM span s, LATERAL (VALUES (s.hour, true), (s.hour + 1, s.reaches_on)) AS n (hour, matters)
                 WHERE n.matters ORDER BY 1, 2
                 ON CONFLICT (kick_channel_id, hour) DO UPDATE SET version = c.version + 1,
                     due_at = LEAST(c.due_at, EXCLUDED.due_at))
             INSERT INTO watch_hour AS h (kick_channel_id, hour, viewer_id, guild_id, said, present, subscriber)
             SELECT s.channel, s.hour, v.viewer_id, s.guild, v.said, v.present, v.subscriber
             FROM span s, LATERAL UNNEST(
                 ($6::uuid[])[s.last - s.length + 1:s.last], ($7::bigint[])[s.last - s.length + 1:s.last],
                 ($8::bigint[])[s.last - s.length + 1:s.last], ($9::boolean[])[s.last - s.length + 1:s.last])
                 AS v (viewer_id, said, present, subscriber)
             ON CONFLICT (kick_channel_id, hour, viewer_id) DO UPDATE SET said = h.said | EXCLUDED.said,
                 present = h.present | EXCLUDED.present, subscriber = h.subscriber OR EXCLUDED.subscriber
             WHERE h.present | EXCLUDED.present <> h.present OR h.said | EXCLUDED.said <> h.said
                 OR EXCLUDED.subscriber > h.subscriber",
            &channels,
            &hours,
            &guilds,
            &reach_on,
            &lengths,
            &viewers,
            &said,
            &present,
            &subscribers,
            due_at,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Presences of one hour of one channel each, as they stand one after the other.
fn spans(presences: &[Presence]) -> Vec<&[Presence]> {
    let of = |p: &Presence| (p.guild_id, p.kick_channel_id, p.hour);
    presences.chunk_by(|one, next| of(one) == of(next)).collect()
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
        let paid = sqlx::query!(
            "DELETE FROM watch_paid WHERE ctid IN (SELECT ctid FROM watch_paid WHERE hour < $1 LIMIT $2)",
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
        Ok(presences.rows_affected() + paid.rows_affected() + channels.rows_affected() + drafts.rows_affected())
    }
}
