//! Kick: channels and the servers they are connected with. Subscriptions and streams are below.

pub mod stream;
pub mod subscription;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// A channel of Kick, as one server is connected with it.
#[derive(Clone, Debug, PartialEq)]
pub struct KickChannel {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub broadcaster_user_id: i64,
    /// As it stands in `https://kick.com/<slug>`.
    pub slug: String,
    pub name: String,
    pub connected_at: DateTime<Utc>,
    pub disconnected_at: Option<DateTime<Utc>>,
}

/// A channel that a server is to be connected with.
pub struct NewKickChannel<'a> {
    /// Used unless the server was connected with it before.
    pub id: Uuid,
    pub guild_id: GuildId,
    /// Of [`Store::ensure_source`], kind and name `kick`.
    pub source_id: Uuid,
    pub broadcaster_user_id: i64,
    pub slug: &'a str,
    pub name: &'a str,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    source_id: Uuid,
    broadcaster_user_id: i64,
    slug: String,
    name: String,
    connected_at: DateTime<Utc>,
    disconnected_at: Option<DateTime<Utc>>,
}

impl From<Row> for KickChannel {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            source_id: row.source_id,
            broadcaster_user_id: row.broadcaster_user_id,
            slug: row.slug,
            name: row.name,
            connected_at: row.connected_at,
            disconnected_at: row.disconnected_at,
        }
    }
}

/// Connects a server with a channel; again, with the names of now, when it was before. Returns the channel's id.
pub async fn insert_kick_channel(tx: &mut Tx, new: &NewKickChannel<'_>, now: DateTime<Utc>) -> Result<Uuid> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO kick_channel (id, guild_id, source_id, broadcaster_user_id, slug, name, connected_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ON CONSTRAINT kick_channel_broadcaster DO UPDATE SET slug = EXCLUDED.slug, name = EXCLUDED.name,
             connected_at = CASE WHEN kick_channel.disconnected_at IS NULL THEN kick_channel.connected_at
                                 ELSE EXCLUDED.connected_at END,
             disconnected_at = NULL
         RETURNING id",
        new.id,
        new.guild_id.0,
        new.source_id,
        new.broadcaster_user_id,
        new.slug,
        new.name,
        now
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Ends a connection. False when there was none.
pub async fn mark_kick_channel_disconnected(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let ended = sqlx::query!(
        "UPDATE kick_channel SET disconnected_at = $3 WHERE guild_id = $1 AND id = $2 AND disconnected_at IS NULL",
        guild_id.0,
        id,
        now
    );
    Ok(ended.execute(&mut **tx).await?.rows_affected() > 0)
}

impl Store {
    /// A channel of a server, connected or not.
    pub async fn find_kick_channel(&self, guild_id: GuildId, id: Uuid) -> Result<Option<KickChannel>> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, source_id, broadcaster_user_id, slug, name, connected_at, disconnected_at
             FROM kick_channel WHERE guild_id = $1 AND id = $2",
            guild_id.0,
            id
        );
        Ok(row.fetch_optional(&self.pool).await?.map(KickChannel::from))
    }

    /// The connected channels of a server, the first one first.
    pub async fn list_kick_channels(&self, guild_id: GuildId) -> Result<Vec<KickChannel>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, source_id, broadcaster_user_id, slug, name, connected_at, disconnected_at
             FROM kick_channel WHERE guild_id = $1 AND disconnected_at IS NULL ORDER BY connected_at, id",
            guild_id.0
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(KickChannel::from).collect())
    }

    /// The connected channels of all servers.
    pub async fn list_all_kick_channels(&self) -> Result<Vec<KickChannel>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, source_id, broadcaster_user_id, slug, name, connected_at, disconnected_at
             FROM kick_channel WHERE disconnected_at IS NULL ORDER BY broadcaster_user_id, guild_id"
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(KickChannel::from).collect())
    }
}
