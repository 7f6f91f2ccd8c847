//! Moments of streams that viewers marked, and the clips that a service makes of them.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;
use crate::routing::board::clip::{ClipState, ClipView};

/// Who asks for a clip and dies is followed after this long.
const LEASE: TimeDelta = TimeDelta::minutes(1);

/// A moment of a stream that somebody marked.
#[derive(Clone, Debug)]
pub struct NewClipMarker {
    pub id: Uuid,
    pub kick_channel_id: Uuid,
    pub person_id: Uuid,
    pub name: String,
    pub title: String,
    pub made_at: DateTime<Utc>,
    /// When a clip is asked for; `None`: there is no service.
    pub clip_due_at: Option<DateTime<Utc>>,
}

/// A marker of which a clip is to be asked for.
#[derive(Clone, Debug)]
pub struct Clip {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub kick_channel_id: Option<Uuid>,
    /// The channel's name in addresses of Kick.
    pub channel: Option<String>,
    pub name: String,
    pub title: String,
    pub stream_seconds: Option<i64>,
    pub made_at: DateTime<Utc>,
    /// Seconds that it should be long.
    pub duration: i32,
    /// How often it was asked for, this time included.
    pub calls: i32,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With its address, where the service says it.
    Made(Option<String>),
    Later {
        at: DateTime<Utc>,
        why: String,
    },
    /// It is not asked again.
    Failed(String),
}

/// Keeps a marker. Returns how far into the running stream it is, in seconds, if one is known.
pub async fn insert_clip_marker(tx: &mut Tx, guild_id: GuildId, new: &NewClipMarker) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO clip_marker (id, guild_id, kick_channel_id, person_id, name, title, stream_seconds, made_at, clip_due_at)
         SELECT $1, $2, $3, $4, $5, $6, (SELECT extract(epoch FROM $7 - s.started_at)::bigint FROM kick_stream s
             WHERE s.kick_channel_id = $3 AND s.guild_id = $2 AND s.ended_at IS NULL AND s.started_at <= $7
             ORDER BY s.started_at DESC LIMIT 1), $7, $8
         RETURNING stream_seconds",
        new.id,
        guild_id.0,
        new.kick_channel_id,
        new.person_id,
        new.name,
        new.title,
        new.made_at,
        new.clip_due_at
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// What came of asking for a clip. False, and nothing changed: the marker is gone, or somebody else has asked since.
pub async fn save_clip(tx: &mut Tx, clip: &Clip, outcome: &Outcome) -> Result<bool> {
    let (due_at, url, fault) = match outcome {
        Outcome::Made(url) => (None, url.as_deref(), None),
        Outcome::Later { at, why } => (Some(*at), None, Some(why.as_str())),
        Outcome::Failed(why) => (None, None, Some(why.as_str())),
    };
    let done = sqlx::query!(
        "UPDATE clip_marker SET clip_due_at = $4, clip_url = $5, clip_fault = $6
         WHERE id = $1 AND guild_id = $2 AND clip_calls = $3",
        clip.id,
        clip.guild_id.0,
        clip.calls,
        due_at,
        url,
        fault
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl Store {
    /// A marker of which a clip is due, under a lease.
    pub async fn claim_clip(&self, now: DateTime<Utc>) -> Result<Option<Clip>> {
        let row = sqlx::query!(
            r#"UPDATE clip_marker m SET clip_due_at = $2, clip_calls = m.clip_calls + 1
               WHERE m.id = (SELECT id FROM clip_marker WHERE clip_due_at <= $1
                   ORDER BY clip_due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
               RETURNING m.id, m.guild_id, m.kick_channel_id, m.name, m.title, m.stream_seconds, m.made_at, m.clip_calls,
                   (SELECT slug FROM kick_channel c WHERE c.id = m.kick_channel_id) AS channel,
                   COALESCE((SELECT clip_seconds FROM slot_setting s WHERE s.guild_id = m.guild_id), 30) AS "duration!""#,
            now,
            now + LEASE
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| Clip {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            kick_channel_id: r.kick_channel_id,
            channel: r.channel,
            name: r.name,
            title: r.title,
            stream_seconds: r.stream_seconds,
            made_at: r.made_at,
            duration: r.duration,
            calls: r.clip_calls,
        }))
    }

    /// When the next clip is to be asked for.
    pub async fn next_clip_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!("SELECT min(clip_due_at) FROM clip_marker WHERE clip_due_at IS NOT NULL")
            .fetch_one(&self.pool)
            .await?)
    }

    /// What the card of a marker shows.
    pub(super) async fn find_clip(&self, guild_id: GuildId, id: Uuid) -> Result<Option<ClipView>> {
        let row = sqlx::query!(
            "SELECT name, title, stream_seconds, made_at, clip_due_at, clip_calls, clip_url, clip_fault
             FROM clip_marker WHERE guild_id = $1 AND id = $2",
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| ClipView {
            title: r.title,
            name: r.name,
            stream_seconds: r.stream_seconds,
            made_at: r.made_at,
            state: match (r.clip_due_at, r.clip_fault) {
                (Some(_), _) => ClipState::Asked,
                (None, Some(why)) => ClipState::Failed(why),
                (None, None) if r.clip_calls > 0 => ClipState::Made(r.clip_url),
                (None, None) => ClipState::Marked,
            },
        }))
    }
}
