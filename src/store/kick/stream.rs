//! When a channel was live: by the events, in whichever order they come, and by what the API says.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::{Result, Store, Tx};
use crate::id::GuildId;

/// One stream of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct KickStream {
    pub id: Uuid,
    pub kick_channel_id: Uuid,
    pub guild_id: GuildId,
    pub started_at: DateTime<Utc>,
    /// `None`: live.
    pub ended_at: Option<DateTime<Utc>>,
    pub title: Option<String>,
    pub category: Option<String>,
    /// When the API last said that it is live.
    pub confirmed_at: Option<DateTime<Utc>>,
    pub peak_viewers: Option<i32>,
    pub peak_at: Option<DateTime<Utc>>,
}

/// What is known of a stream from one event.
pub struct NewKickStream<'a> {
    pub id: Uuid,
    pub kick_channel_id: Uuid,
    pub guild_id: GuildId,
    /// In whole seconds.
    pub started_at: DateTime<Utc>,
    /// From the event that says so; otherwise `None`.
    pub ended_at: Option<DateTime<Utc>>,
    pub title: Option<&'a str>,
    pub category: Option<&'a str>,
}

struct Row {
    id: Uuid,
    kick_channel_id: Uuid,
    guild_id: i64,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    title: Option<String>,
    category: Option<String>,
    confirmed_at: Option<DateTime<Utc>>,
    peak_viewers: Option<i32>,
    peak_at: Option<DateTime<Utc>>,
}

impl From<Row> for KickStream {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            kick_channel_id: row.kick_channel_id,
            guild_id: GuildId(row.guild_id),
            started_at: row.started_at,
            ended_at: row.ended_at,
            title: row.title,
            category: row.category,
            confirmed_at: row.confirmed_at,
            peak_viewers: row.peak_viewers,
            peak_at: row.peak_at,
        }
    }
}

/// Notes a stream. The same whatever order start and end come in, and however often: an end that an event tells
/// stands against every other. Streams of a channel do not overlap: one whose end never came ends where the next begins.
pub async fn insert_kick_stream(tx: &mut Tx, new: &NewKickStream<'_>) -> Result<()> {
    // Streams of one channel take turns.
    sqlx::query!(
        "SELECT 1 AS one FROM kick_channel WHERE id = $1 AND guild_id = $2 FOR UPDATE",
        new.kick_channel_id,
        new.guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO kick_stream (id, kick_channel_id, guild_id, started_at, ended_at, ended_by, title, category)
         VALUES ($1, $2, $3, $4, $5::timestamptz, CASE WHEN $5::timestamptz IS NULL THEN NULL ELSE 'event' END, $6, $7)
         ON CONFLICT ON CONSTRAINT kick_stream_started DO UPDATE SET
             ended_at = COALESCE(EXCLUDED.ended_at, kick_stream.ended_at),
             ended_by = COALESCE(EXCLUDED.ended_by, kick_stream.ended_by),
             title = COALESCE(kick_stream.title, EXCLUDED.title),
             category = COALESCE(kick_stream.category, EXCLUDED.category)",
        new.id,
        new.kick_channel_id,
        new.guild_id.0,
        new.started_at,
        new.ended_at.map(|at| at.max(new.started_at)),
        new.title,
        new.category
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE kick_stream s SET ended_at = n.started_at, ended_by = 'next'
         FROM (SELECT id, lead(started_at) OVER (ORDER BY started_at) AS started_at
               FROM kick_stream WHERE kick_channel_id = $1 AND guild_id = $2) n
         WHERE n.id = s.id AND s.guild_id = $2 AND s.ended_at IS NULL AND n.started_at IS NOT NULL",
        new.kick_channel_id,
        new.guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// The stream that goes on in a channel.
    pub async fn find_live_kick_stream(&self, guild_id: GuildId, kick_channel_id: Uuid) -> Result<Option<KickStream>> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, kick_channel_id, guild_id, started_at, ended_at, title, category, confirmed_at, peak_viewers, peak_at
             FROM kick_stream WHERE guild_id = $1 AND kick_channel_id = $2 AND ended_at IS NULL
             ORDER BY started_at DESC LIMIT 1",
            guild_id.0,
            kick_channel_id
        );
        Ok(row.fetch_optional(&self.pool).await?.map(KickStream::from))
    }

    /// Streams of a server's channel that were live at some time from `from` on and before `until`, oldest first.
    pub async fn list_kick_streams(
        &self,
        guild_id: GuildId,
        kick_channel_id: Uuid,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<KickStream>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, kick_channel_id, guild_id, started_at, ended_at, title, category, confirmed_at, peak_viewers, peak_at
             FROM kick_stream WHERE guild_id = $1 AND kick_channel_id = $2 AND started_at < $4
               AND (ended_at IS NULL OR ended_at > $3)
             ORDER BY started_at",
            guild_id.0,
            kick_channel_id,
            from,
            until
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(KickStream::from).collect())
    }

    /// The API says that this stream is live, with so many viewers.
    pub async fn mark_kick_stream_confirmed(
        &self,
        guild_id: GuildId,
        id: Uuid,
        viewers: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "UPDATE kick_stream SET confirmed_at = $4,
                 peak_at = CASE WHEN $3::integer > COALESCE(peak_viewers, -1) THEN $4 ELSE peak_at END,
                 peak_viewers = GREATEST(peak_viewers, $3)
             WHERE guild_id = $1 AND id = $2 AND ended_at IS NULL",
            guild_id.0,
            id,
            viewers,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
