//! What people set about destinations: names, types, pauses. Every statement takes the guild.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::{Result, Store, StoreError, Tx};
use super::edit::Settings;
use super::{Destination, Row, Target};
use crate::id::GuildId;

/// What a panel sorts its webhooks by.
pub const TYPES: [&str; 7] = ["GAME_SERVER", "VPS", "SYSTEM", "BILLING", "SECURITY", "SUPPORT", "CUSTOM"];
pub const SCOPES: [&str; 3] = ["ADMIN", "USER", "PUBLIC"];

/// A destination with everything that people set and ask about it.
#[derive(Clone, Debug)]
pub struct DestinationView {
    pub destination: Destination,
    pub name: Option<String>,
    pub description: Option<String>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    pub enabled: bool,
    /// How long its notices are gathered; `None`: as configured.
    pub batch_window_ms: Option<i32>,
    /// As whom a webhook posts; `None`: as Discord has it.
    pub sender_name: Option<String>,
    pub sender_avatar_url: Option<String>,
    /// As the last check found it.
    pub discord_name: Option<String>,
    pub checked_at: Option<DateTime<Utc>>,
    pub tested_at: Option<DateTime<Utc>>,
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// Failures in a row. A message that was set aside for them no longer counts.
    pub failures: i32,
    /// Messages that are not delivered yet.
    pub waiting: i64,
    /// Patterns of the routes that name it.
    pub routes: Vec<String>,
}

/// What is to be changed; `None` leaves it, an empty text clears it.
#[derive(Clone, Debug, Default)]
pub struct DestinationChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub webhook_type: Option<String>,
    pub webhook_scope: Option<String>,
    pub archives_resolved: Option<bool>,
    pub enabled: Option<bool>,
    /// `Some(None)`: as configured.
    pub batch_window_ms: Option<Option<i32>>,
    pub sender_name: Option<String>,
    pub sender_avatar_url: Option<String>,
}

impl DestinationView {
    /// What people set of it.
    pub fn settings(&self) -> Settings {
        let kind = match self.destination.target {
            Target::Webhook { .. } => "webhook",
            _ => "channel",
        };
        Settings {
            kind: kind.to_owned(),
            name: self.name.clone(),
            description: self.description.clone(),
            webhook_type: self.webhook_type.clone(),
            webhook_scope: self.webhook_scope.clone(),
            enabled: self.enabled,
            archives_resolved: self.destination.archives_resolved,
            batch_window_ms: self.batch_window_ms,
            sender_name: self.sender_name.clone(),
            sender_avatar_url: self.sender_avatar_url.clone(),
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    Done,
    /// Another one has this name.
    NameTaken,
    /// There is no such destination in this server.
    Unknown,
}

struct ViewRow {
    id: Uuid,
    guild_id: i64,
    channel_id: Option<i64>,
    webhook_id: Option<i64>,
    webhook_token: Option<String>,
    webhook_channel_id: Option<i64>,
    disabled_because: Option<String>,
    kind: String,
    archives_resolved: bool,
    forum_tags: Option<serde_json::Value>,
    name: Option<String>,
    description: Option<String>,
    webhook_type: Option<String>,
    webhook_scope: Option<String>,
    enabled: bool,
    batch_window_ms: Option<i32>,
    sender_name: Option<String>,
    sender_avatar_url: Option<String>,
    discord_name: Option<String>,
    checked_at: Option<DateTime<Utc>>,
    tested_at: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    failures: i32,
    waiting: i64,
    routes: Vec<String>,
}

impl Store {
    /// All destinations of a guild, or one of them, oldest first.
    pub async fn list_destination_views(&self, guild_id: GuildId, only: Option<Uuid>) -> Result<Vec<DestinationView>> {
        let rows = sqlx::query_as!(
            ViewRow,
            r#"SELECT d.id, d.guild_id, d.channel_id, d.webhook_id, d.webhook_token, d.webhook_channel_id,
                   d.disabled_because, d.kind, d.archives_resolved, d.forum_tags, d.name, d.description, d.webhook_type,
                   d.webhook_scope, d.enabled, d.batch_window_ms, d.sender_name, d.sender_avatar_url, d.discord_name,
                   d.checked_at, d.tested_at, d.last_delivery_at,
                   COALESCE((SELECT l.failures FROM lane l WHERE l.destination_id = d.id), 0) AS "failures!",
                   (SELECT count(*) FROM message m WHERE m.destination_id = d.id AND m.state = 'queued')
                       + (SELECT COALESCE(sum(cardinality(s.message_ids)), 0)::bigint FROM send s
                          WHERE s.destination_id = d.id AND s.state IN ('open', 'in_doubt', 'unresolved')) AS "waiting!",
                   COALESCE((SELECT array_agg(DISTINCT r.pattern) FROM route r
                       WHERE r.guild_id = d.guild_id AND r.enabled AND d.id = ANY (r.destination_ids)), '{}') AS "routes!"
               FROM destination d
               WHERE d.guild_id = $1 AND d.removed_at IS NULL AND (d.id = $2 OR $2 IS NULL)
               ORDER BY d.created_at, d.id"#,
            guild_id.0,
            only
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|row| self.view(row)).collect())
    }

    pub async fn find_destination_view(&self, guild_id: GuildId, id: Uuid) -> Result<Option<DestinationView>> {
        Ok(self.list_destination_views(guild_id, Some(id)).await?.pop())
    }

    fn view(&self, r: ViewRow) -> Option<DestinationView> {
        let row = Row {
            id: r.id,
            guild_id: r.guild_id,
            channel_id: r.channel_id,
            webhook_id: r.webhook_id,
            webhook_token: r.webhook_token,
            webhook_channel_id: r.webhook_channel_id,
            disabled_because: r.disabled_because,
            kind: r.kind,
            archives_resolved: r.archives_resolved,
            forum_tags: r.forum_tags,
        };
        Some(DestinationView {
            destination: row.open_or_report(&self.keys)?,
            name: r.name,
            description: r.description,
            webhook_type: r.webhook_type,
            webhook_scope: r.webhook_scope,
            enabled: r.enabled,
            batch_window_ms: r.batch_window_ms,
            sender_name: r.sender_name,
            sender_avatar_url: r.sender_avatar_url,
            discord_name: r.discord_name,
            checked_at: r.checked_at,
            tested_at: r.tested_at,
            last_delivery_at: r.last_delivery_at,
            failures: r.failures,
            waiting: r.waiting,
            routes: r.routes,
        })
    }

    /// A test message arrived: it can be used, whatever was known before.
    pub async fn record_destination_test(&self, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE destination SET tested_at = $2, checked_at = $2, disabled_at = NULL, disabled_because = NULL
             WHERE id = $1 AND guild_id = $3",
            id,
            now,
            guild_id.0
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Changes a destination of the guild.
pub async fn change_destination(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
    change: &DestinationChange,
) -> Result<Changed> {
    let done = sqlx::query!(
        "UPDATE destination SET
             name = CASE WHEN $3::text IS NULL THEN name ELSE NULLIF($3, '') END,
             description = CASE WHEN $4::text IS NULL THEN description ELSE NULLIF($4, '') END,
             webhook_type = CASE WHEN $5::text IS NULL THEN webhook_type ELSE NULLIF($5, '') END,
             webhook_scope = CASE WHEN $6::text IS NULL THEN webhook_scope ELSE NULLIF($6, '') END,
             archives_resolved = COALESCE($7, archives_resolved),
             enabled = COALESCE($8, enabled),
             batch_window_ms = CASE WHEN $9 THEN $10 ELSE batch_window_ms END,
             sender_name = CASE WHEN $11::text IS NULL THEN sender_name ELSE NULLIF($11, '') END,
             sender_avatar_url = CASE WHEN $12::text IS NULL THEN sender_avatar_url ELSE NULLIF($12, '') END
         WHERE guild_id = $1 AND id = $2 AND removed_at IS NULL",
        guild_id.0,
        id,
        change.name,
        change.description,
        change.webhook_type,
        change.webhook_scope,
        change.archives_resolved,
        change.enabled,
        change.batch_window_ms.is_some(),
        change.batch_window_ms.flatten(),
        change.sender_name,
        change.sender_avatar_url
    )
    .execute(&mut **tx)
    .await;
    match done {
        Ok(done) if done.rows_affected() == 1 => Ok(Changed::Done),
        Ok(_) => Ok(Changed::Unknown),
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("destination_name_unique") => {
            Ok(Changed::NameTaken)
        }
        Err(error) => Err(StoreError::from(error)),
    }
}

/// Nothing goes there any more. What waits for it is given up, and stands among what was not delivered; its
/// cards are left as they are. The token of a webhook is forgotten. Returns how many messages waited, `None`
/// when there is no such destination.
pub async fn remove_destination(tx: &mut Tx, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<Option<u64>> {
    let webhook = sqlx::query_scalar!(
        "UPDATE destination SET removed_at = $3, name = NULL, webhook_type = NULL, webhook_scope = NULL
         WHERE guild_id = $1 AND id = $2 AND removed_at IS NULL RETURNING webhook_id",
        guild_id.0,
        id,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(webhook) = webhook else { return Ok(None) };
    if let Some(webhook) = webhook {
        let nothing = tx.keys.seal(&super::webhook_place(guild_id.0, webhook), "")?;
        sqlx::query!(
            "UPDATE destination SET webhook_token = $2 WHERE id = $1 AND guild_id = $3",
            id,
            nothing,
            guild_id.0
        )
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query!(
        "UPDATE send SET state = 'dead', finished_at = $2, note = 'the destination was removed'
         WHERE destination_id = $1 AND state IN ('open', 'in_doubt', 'unresolved')",
        id,
        now
    )
    .execute(&mut **tx)
    .await?;
    let given_up = sqlx::query!(
        "UPDATE message SET state = 'dead', finished_at = $2
         WHERE destination_id = $1 AND state IN ('queued', 'sending')",
        id,
        now
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(Some(given_up))
}
