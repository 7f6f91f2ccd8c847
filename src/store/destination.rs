//! Destinations: channels, threads, forums and Discord webhooks, each with a lane, and whether Discord lets us
//! use them. What people set about them is in `manage`.

pub mod edit;
pub mod manage;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

use super::secret::webhook_place;
use super::{Result, Store, Tx, outbound};
use crate::crypto::Keyring;
use crate::id::{ChannelId, GuildId};

/// A channel as Discord describes it.
pub struct Place<'a> {
    /// `channel`, `thread` or `forum`.
    pub kind: &'a str,
    pub name: Option<&'a str>,
    /// Of a forum.
    pub tags: Option<&'a [ForumTag]>,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub target: Target,
    pub disabled_because: Option<String>,
    /// Of a forum: posts are archived when their card is resolved.
    pub archives_resolved: bool,
    /// Of a forum: the tags that posts may be given.
    pub forum_tags: Vec<ForumTag>,
}

/// A tag of a forum, as the last check found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForumTag {
    pub id: String,
    pub name: String,
    /// The forum insists on a tag; this one is taken when no other fits.
    #[serde(default)]
    pub fallback: bool,
}

#[derive(Clone, PartialEq)]
pub enum Target {
    Channel(ChannelId),
    /// Messages are sent to its id as to a channel's.
    Thread(ChannelId),
    /// Each card is a post of its own; a post is a thread.
    Forum(ChannelId),
    /// The channel is known once the webhook was looked up.
    Webhook {
        id: i64,
        token: String,
        channel: Option<ChannelId>,
    },
}

/// Without the token: whoever has it can post.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Channel(channel) => f.debug_tuple("Channel").field(channel).finish(),
            Target::Thread(channel) => f.debug_tuple("Thread").field(channel).finish(),
            Target::Forum(channel) => f.debug_tuple("Forum").field(channel).finish(),
            Target::Webhook { id, channel, .. } => {
                f.debug_struct("Webhook").field("id", id).field("channel", channel).finish_non_exhaustive()
            }
        }
    }
}

/// The columns of a destination as they are stored.
pub(super) struct Row {
    pub id: Uuid,
    pub guild_id: i64,
    pub channel_id: Option<i64>,
    pub webhook_id: Option<i64>,
    pub webhook_token: Option<String>,
    pub webhook_channel_id: Option<i64>,
    pub disabled_because: Option<String>,
    pub kind: String,
    pub archives_resolved: bool,
    pub forum_tags: Option<Value>,
}

impl Row {
    /// The destination with its token in the clear.
    pub(super) fn open(self, keys: &Keyring) -> Result<Destination> {
        let target = match (self.webhook_id, self.webhook_token) {
            (Some(id), Some(sealed)) => Target::Webhook {
                id,
                token: keys.open(&webhook_place(self.guild_id, id), &sealed)?,
                channel: self.webhook_channel_id.map(ChannelId),
            },
            _ => {
                // The table's check makes sure that what is not a webhook has a channel.
                let channel = ChannelId(self.channel_id.unwrap_or_default());
                match self.kind.as_str() {
                    "thread" => Target::Thread(channel),
                    "forum" => Target::Forum(channel),
                    _ => Target::Channel(channel),
                }
            }
        };
        Ok(Destination {
            id: self.id,
            guild_id: GuildId(self.guild_id),
            target,
            disabled_because: self.disabled_because,
            archives_resolved: self.archives_resolved,
            forum_tags: self.forum_tags.and_then(|tags| serde_json::from_value(tags).ok()).unwrap_or_default(),
        })
    }

    /// `None` for one whose token does not open, which the log names: the others go on.
    pub(super) fn open_or_report(self, keys: &Keyring) -> Option<Destination> {
        let opened = self.open(keys);
        opened.inspect_err(|error| tracing::error!(%error, "a destination cannot be used")).ok()
    }
}

impl Store {
    /// Claims destinations in use that were not checked since `before`, disabled ones not since
    /// `disabled_before`. Nobody else gets them until `until`, or until their check is recorded or put off.
    pub async fn claim_destination_checks(
        &self,
        owner: i64,
        before: DateTime<Utc>,
        disabled_before: DateTime<Utc>,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Destination>> {
        let mut tx = self.begin_preparing().await?;
        let rows = sqlx::query_as!(
            Row,
            "WITH due AS (
                SELECT id FROM destination d
                WHERE (checked_at IS NULL OR checked_at < $1 OR (disabled_at IS NOT NULL AND checked_at < $2))
                  AND (check_not_before IS NULL OR check_not_before <= $3)
                  AND removed_at IS NULL
                  AND (EXISTS (SELECT 1 FROM route r WHERE r.enabled AND d.id = ANY (r.destination_ids))
                       OR EXISTS (SELECT 1 FROM message m WHERE m.destination_id = d.id AND m.state = 'queued')
                       OR EXISTS (SELECT 1 FROM send s WHERE s.destination_id = d.id
                                  AND s.state IN ('open', 'in_doubt', 'unresolved')))
                ORDER BY checked_at NULLS FIRST, id LIMIT $5
                FOR UPDATE SKIP LOCKED
             )
             UPDATE destination d SET check_not_before = $4, check_owner = $6 FROM due WHERE d.id = due.id
             RETURNING d.id, d.guild_id, d.channel_id, d.webhook_id, d.webhook_token, d.webhook_channel_id,
                 d.disabled_because, d.kind, d.archives_resolved, d.forum_tags",
            before,
            disabled_before,
            now,
            until,
            limit,
            owner
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.into_iter().filter_map(|row| row.open_or_report(&self.keys)).collect())
    }

    /// A check that was claimed and came to nothing is made again from then on.
    pub async fn put_off_destination_check(&self, id: Uuid, until: DateTime<Utc>) -> Result<()> {
        sqlx::query!("UPDATE destination SET check_not_before = $2, check_owner = NULL WHERE id = $1", id, until)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// When the next check that was claimed or put off comes due.
    pub async fn next_destination_check_at(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!("SELECT min(check_not_before) FROM destination WHERE check_not_before > $1", now)
            .fetch_one(&self.pool)
            .await?)
    }

    pub async fn list_destinations(&self, guild_id: GuildId) -> Result<Vec<Destination>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, channel_id, webhook_id, webhook_token, webhook_channel_id, disabled_because, kind,
                 archives_resolved, forum_tags
             FROM destination WHERE guild_id = $1 AND removed_at IS NULL ORDER BY created_at, id",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|row| row.open_or_report(&self.keys)).collect())
    }

    /// Records a check. `problem` disables; `None` enables again. Returns whether that changed anything.
    pub async fn record_destination_check(&self, id: Uuid, problem: Option<&str>, now: DateTime<Utc>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let row = sqlx::query!(
            r#"UPDATE destination d SET checked_at = $3, check_not_before = NULL, check_owner = NULL, disabled_because = $2,
                   disabled_at = CASE WHEN $2::text IS NULL THEN NULL ELSE COALESCE(d.disabled_at, $3) END
               FROM (SELECT id, disabled_at FROM destination WHERE id = $1 FOR UPDATE) old
               WHERE d.id = old.id
               RETURNING d.guild_id, old.disabled_at IS NOT NULL AS "was_disabled!""#,
            id,
            problem,
            now
        )
        .fetch_optional(&mut *tx)
        .await?;
        let was_disabled = row.as_ref().is_some_and(|row| row.was_disabled);
        if let (Some(row), Some(because), false) = (&row, problem, was_disabled) {
            let data = json!({ "destination_id": id, "because": because });
            outbound::tell(&mut tx, GuildId(row.guild_id), "destination.disabled", &data, now).await?;
        }
        tx.commit().await?;
        Ok(was_disabled != problem.is_some())
    }
}

impl Store {
    /// What a check found a channel to be.
    pub async fn save_destination_place(&self, id: Uuid, place: &Place<'_>) -> Result<()> {
        sqlx::query!(
            "UPDATE destination SET kind = $2, discord_name = $3, forum_tags = $4
             WHERE id = $1 AND kind <> 'webhook' AND (kind, discord_name, forum_tags) IS DISTINCT FROM ($2, $3, $4)",
            id,
            place.kind,
            place.name,
            place.tags.map(Json) as Option<Json<&[ForumTag]>>
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Remembers where a webhook posts.
    pub async fn save_webhook_channel(&self, id: Uuid, channel: ChannelId) -> Result<()> {
        sqlx::query!("UPDATE destination SET webhook_channel_id = $2 WHERE id = $1", id, channel.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The destination of a channel, with its lane; made at the first call.
pub async fn ensure_channel(
    tx: &mut Tx,
    guild_id: GuildId,
    channel: ChannelId,
    new_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    // Nothing is locked where it is there, as nearly always: each start asks, while others deliver to it.
    let there = sqlx::query_scalar!(
        "SELECT d.id FROM destination d JOIN lane l ON l.destination_id = d.id
         WHERE d.guild_id = $1 AND d.channel_id = $2 AND d.removed_at IS NULL",
        guild_id.0,
        channel.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(id) = there {
        return Ok(id);
    }
    sqlx::query!(
        "INSERT INTO destination (id, guild_id, kind, channel_id, created_at) VALUES ($1, $2, 'channel', $3, $4)
         ON CONFLICT ON CONSTRAINT destination_channel_unique DO UPDATE SET removed_at = NULL, enabled = true
         WHERE destination.removed_at IS NOT NULL",
        new_id,
        guild_id.0,
        channel.0,
        now
    )
    .execute(&mut **tx)
    .await?;
    let id = sqlx::query_scalar!(
        "SELECT id FROM destination WHERE guild_id = $1 AND channel_id = $2",
        guild_id.0,
        channel.0
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("INSERT INTO lane (destination_id, not_before) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, now)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

/// The destination of a Discord webhook, with its lane; made at the first call.
pub async fn ensure_webhook(
    tx: &mut Tx,
    guild_id: GuildId,
    webhook_id: i64,
    token: &str,
    new_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid> {
    let sealed = tx.keys.seal(&webhook_place(guild_id.0, webhook_id), token)?;
    let id = sqlx::query_scalar!(
        "INSERT INTO destination (id, guild_id, kind, webhook_id, webhook_token, created_at)
         VALUES ($1, $2, 'webhook', $3, $4, $5)
         ON CONFLICT ON CONSTRAINT destination_webhook_unique DO UPDATE
             SET webhook_token = EXCLUDED.webhook_token, removed_at = NULL,
                 enabled = destination.enabled OR destination.removed_at IS NOT NULL
         RETURNING id",
        new_id,
        guild_id.0,
        webhook_id,
        sealed,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!("INSERT INTO lane (destination_id, not_before) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, now)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

/// The destinations of these types and scopes; an empty list stands for all. Those that a person paused are not
/// among them, those that Discord refuses are: their messages wait.
pub async fn list_typed(tx: &mut Tx, guild_id: GuildId, types: &[String], scopes: &[String]) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM destination
         WHERE guild_id = $1 AND enabled AND removed_at IS NULL AND webhook_type IS NOT NULL
           AND (webhook_type = ANY ($2) OR cardinality($2::text[]) = 0)
           AND (webhook_scope = ANY ($3) OR cardinality($3::text[]) = 0)
         ORDER BY created_at, id",
        guild_id.0,
        types,
        scopes
    )
    .fetch_all(&mut **tx)
    .await?)
}
