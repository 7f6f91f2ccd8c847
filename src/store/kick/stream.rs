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
    pub ended_at: Option<DateTime<Utc>>,
    /// What says so is not the event but the API.
    pub by_api: bool,
    pub title: Option<&'a str>,
    pub category: Option<&'a str>,
}

/// What a channel last said about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KickMetadata {
    pub title: Option<String>,
    pub category: Option<String>,
    pub language: Option<String>,
    pub mature: Option<bool>,
    /// A picture of the category.
    pub thumbnail: Option<String>,
}

/// A channel, locked: what is said about its streams takes turns.
#[derive(Clone, Debug)]
pub struct LockedKickChannel {
    pub id: Uuid,
    pub source_id: Uuid,
    pub metadata: KickMetadata,
    /// When that was sent; `None`: never.
    pub metadata_at: Option<DateTime<Utc>>,
}

/// What came in while a channel was live.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KickFacts {
    pub followers: i64,
    pub subscriptions: i64,
    pub gifted: i64,
    pub kicks: i64,
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

/// Locks channels of Kick for this transaction, each named with its server, in an order that everybody keeps.
pub async fn lock_kick_channels(tx: &mut Tx, wanted: &[(GuildId, Uuid)]) -> Result<Vec<LockedKickChannel>> {
    let (guilds, ids): (Vec<i64>, Vec<Uuid>) = wanted.iter().map(|(guild, id)| (guild.0, *id)).unzip();
    let rows = sqlx::query!(
        "SELECT c.id, c.source_id, c.title, c.category, c.language, c.mature, c.thumbnail, c.metadata_at
         FROM kick_channel c
         WHERE (c.guild_id, c.id) IN (SELECT * FROM UNNEST($1::bigint[], $2::uuid[])) ORDER BY c.id FOR UPDATE",
        &guilds,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LockedKickChannel {
            id: row.id,
            source_id: row.source_id,
            metadata: KickMetadata {
                title: row.title,
                category: row.category,
                language: row.language,
                mature: row.mature,
                thumbnail: row.thumbnail,
            },
            metadata_at: row.metadata_at,
        })
        .collect())
}

/// What a channel says about itself from now on, and its stream with it.
pub async fn save_kick_metadata(
    tx: &mut Tx,
    guild_id: GuildId,
    kick_channel_id: Uuid,
    metadata: &KickMetadata,
    at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "WITH said AS (
             UPDATE kick_channel SET title = $3, category = $4, language = $5, mature = $6, thumbnail = $7, metadata_at = $8
             WHERE guild_id = $1 AND id = $2
         )
         UPDATE kick_stream SET title = COALESCE($3, title), category = $4
         WHERE guild_id = $1 AND kick_channel_id = $2 AND ended_at IS NULL AND started_at <= $8",
        guild_id.0,
        kick_channel_id,
        metadata.title,
        metadata.category,
        metadata.language,
        metadata.mature,
        metadata.thumbnail,
        at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes a stream of a locked channel. The same whatever order start and end come in, and however often: an end that
/// an event tells stands against every other. Streams of a channel do not overlap: one whose end never came ends where
/// the next begins. Returns the stream as it stands.
pub async fn insert_kick_stream(tx: &mut Tx, new: &NewKickStream<'_>) -> Result<KickStream> {
    sqlx::query!(
        "INSERT INTO kick_stream AS s (id, kick_channel_id, guild_id, started_at, ended_at, ended_by, title, category)
         VALUES ($1, $2, $3, $4, $5::timestamptz,
             CASE WHEN $5::timestamptz IS NULL THEN NULL WHEN $6 THEN 'api' ELSE 'event' END, $7, $8)
         ON CONFLICT ON CONSTRAINT kick_stream_started DO UPDATE SET
             ended_at = CASE WHEN s.ended_by = 'event' AND EXCLUDED.ended_by IS DISTINCT FROM 'event' THEN s.ended_at
                             ELSE COALESCE(EXCLUDED.ended_at, s.ended_at) END,
             ended_by = CASE WHEN s.ended_by = 'event' THEN s.ended_by ELSE COALESCE(EXCLUDED.ended_by, s.ended_by) END,
             title = COALESCE(s.title, EXCLUDED.title),
             category = COALESCE(s.category, EXCLUDED.category)",
        new.id,
        new.kick_channel_id,
        new.guild_id.0,
        new.started_at,
        new.ended_at.map(|at| at.max(new.started_at)),
        new.by_api,
        new.title,
        new.category
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE kick_stream s SET ended_at = n.started_at, ended_by = 'next'
         FROM (SELECT id, lead(started_at) OVER (ORDER BY started_at) AS started_at
               FROM kick_stream WHERE kick_channel_id = $1 AND guild_id = $2) n
         WHERE n.id = s.id AND s.guild_id = $2 AND n.started_at IS NOT NULL
           AND (s.ended_at IS NULL OR s.ended_at > n.started_at)",
        new.kick_channel_id,
        new.guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, kick_channel_id, guild_id, started_at, ended_at, title, category, confirmed_at, peak_viewers, peak_at
         FROM kick_stream WHERE guild_id = $1 AND kick_channel_id = $2 AND started_at = $3",
        new.guild_id.0,
        new.kick_channel_id,
        new.started_at
    );
    Ok(KickStream::from(row.fetch_one(&mut **tx).await?))
}

/// When the stream began that a channel was live with at a time, or the next one after it.
pub async fn find_kick_stream_at(
    tx: &mut Tx,
    guild_id: GuildId,
    kick_channel_id: Uuid,
    at: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!(
        "SELECT started_at FROM kick_stream
         WHERE guild_id = $1 AND kick_channel_id = $2 AND (ended_at IS NULL OR ended_at > $3)
         ORDER BY started_at LIMIT 1",
        guild_id.0,
        kick_channel_id,
        at
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// What came in from a channel between two times, of what is still kept.
pub async fn count_kick_facts(
    tx: &mut Tx,
    guild_id: GuildId,
    source_id: Uuid,
    kick_channel_id: Uuid,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<KickFacts> {
    Ok(sqlx::query_as!(
        KickFacts,
        r#"SELECT count(*) FILTER (WHERE kind = 'kick.channel.followed') AS "followers!",
               count(*) FILTER (WHERE kind IN ('kick.subscription.new', 'kick.subscription.renewal')) AS "subscriptions!",
               COALESCE(sum(jsonb_array_length(data -> 'giftees'))
                   FILTER (WHERE kind = 'kick.subscription.gifts'), 0)::bigint AS "gifted!",
               COALESCE(sum((data #>> '{gift,amount}')::numeric)
                   FILTER (WHERE kind = 'kick.kicks.gifted' AND data #>> '{gift,amount}' ~ '^[0-9]{1,9}$'), 0)::bigint AS "kicks!"
           FROM event
           WHERE source_id = $2 AND guild_id = $1
             AND kind IN ('kick.channel.followed', 'kick.subscription.new', 'kick.subscription.renewal',
                          'kick.subscription.gifts', 'kick.kicks.gifted')
             AND received_at >= $4 AND occurred_at >= $4 AND occurred_at <= $5 AND data ->> 'kick_channel_id' = $3::text"#,
        guild_id.0,
        source_id,
        kick_channel_id.to_string(),
        from,
        until
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Which stream an event turned out to be about.
pub async fn save_event_subject(tx: &mut Tx, guild_id: GuildId, event_id: Uuid, subject: &str) -> Result<()> {
    sqlx::query!("UPDATE event SET subject = $3 WHERE id = $1 AND guild_id = $2", event_id, guild_id.0, subject)
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
