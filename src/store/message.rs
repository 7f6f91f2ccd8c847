//! Messages: the outbox rows that a plan makes, in the order of each lane.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{ChannelId, GuildId};
use crate::routing::silence::Receipt;

/// A message to be queued: a notice with its embed, or the first showing of a card.
pub struct NewMessage {
    pub guild_id: GuildId,
    pub destination_id: Uuid,
    pub event_id: Uuid,
    pub route_id: Option<Uuid>,
    pub card_id: Option<Uuid>,
    pub embed: Option<Value>,
    /// Text above the embed, from a template.
    pub content: Option<String>,
    pub mentions: Vec<String>,
    /// The change of a route or template that it tells of.
    pub change_id: Option<Uuid>,
    /// It tells of what was held back, and has buttons.
    pub receipt: Option<Receipt>,
}

/// A queued message as the lane sees it.
#[derive(Clone, Debug)]
pub struct Queued {
    pub id: i64,
    pub card_id: Option<Uuid>,
    pub embed: Option<Value>,
    pub content: Option<String>,
    pub mentions: Vec<String>,
    pub change_id: Option<Uuid>,
    /// A [`Receipt`].
    pub receipt: Option<Value>,
    /// What it tells of, and when that arrived.
    pub event: Option<(Uuid, DateTime<Utc>)>,
    /// The window of the destination, where it has one of its own.
    pub batch_window_ms: Option<i32>,
    /// As whom its webhook posts, where that is set.
    pub sender_name: Option<String>,
    pub sender_avatar_url: Option<String>,
}

impl Queued {
    /// It may share a message with its like.
    pub fn is_notice(&self) -> bool {
        self.card_id.is_none() && self.change_id.is_none() && self.receipt.is_none()
    }
}

/// Inserts in the given order, which becomes the order of each lane.
pub async fn insert_messages(tx: &mut Tx, messages: &[NewMessage], now: DateTime<Utc>) -> Result<()> {
    let guilds: Vec<i64> = messages.iter().map(|m| m.guild_id.0).collect();
    let destinations: Vec<Uuid> = messages.iter().map(|m| m.destination_id).collect();
    let events: Vec<Uuid> = messages.iter().map(|m| m.event_id).collect();
    let routes: Vec<Option<Uuid>> = messages.iter().map(|m| m.route_id).collect();
    let cards: Vec<Option<Uuid>> = messages.iter().map(|m| m.card_id).collect();
    let embeds: Vec<Option<Value>> = messages.iter().map(|m| m.embed.clone()).collect();
    let contents: Vec<Option<&str>> = messages.iter().map(|m| m.content.as_deref()).collect();
    let changes: Vec<Option<Uuid>> = messages.iter().map(|m| m.change_id).collect();
    let receipts: Vec<Option<Value>> = messages.iter().map(|m| m.receipt.as_ref().map(|r| json!(r))).collect();
    // An array of arrays must be rectangular in SQL; ids never contain a space.
    let mentions: Vec<String> = messages.iter().map(|m| m.mentions.join(" ")).collect();
    sqlx::query!(
        "INSERT INTO message (guild_id, destination_id, event_id, route_id, card_id, embed, mentions, created_at, content, change_id,
             receipt)
         SELECT t.guild_id, t.destination_id, t.event_id, t.route_id, t.card_id, t.embed,
             array_remove(string_to_array(t.mentions, ' '), ''), $8, t.content, t.change_id, t.receipt
         FROM UNNEST($1::bigint[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::jsonb[], $7::text[], $9::text[],
                 $10::uuid[], $11::jsonb[])
             WITH ORDINALITY AS t (guild_id, destination_id, event_id, route_id, card_id, embed, mentions, content,
                 change_id, receipt, n)
         ORDER BY t.n",
        &guilds,
        &destinations,
        &events,
        &routes as &[Option<Uuid>],
        &cards as &[Option<Uuid>],
        &embeds as &[Option<Value>],
        &mentions,
        now,
        &contents as &[Option<&str>],
        &changes as &[Option<Uuid>],
        &receipts as &[Option<Value>]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Which of these Discord messages are known to be ours in this destination.
    pub async fn list_known_messages(&self, destination_id: Uuid, ids: &[i64]) -> Result<Vec<i64>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT discord_message_id AS "id!" FROM send
               WHERE destination_id = $1 AND discord_message_id = ANY ($2)"#,
            destination_id,
            ids
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

impl Store {
    /// The events behind messages, with their arrival.
    pub async fn list_send_events(&self, message_ids: &[i64]) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
        let rows = sqlx::query!(
            "SELECT DISTINCT e.id, e.received_at FROM message m JOIN event e ON e.id = m.event_id WHERE m.id = ANY ($1)",
            message_ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.received_at)).collect())
    }
}

/// What a message for a forum is about.
pub struct Topic {
    /// Of the source and the thing in it; `None` when it is about nothing that lasts.
    pub key: Option<String>,
    /// The post about it, if there is one.
    pub thread: Option<ChannelId>,
    pub kind: String,
    pub severity: String,
}

impl Store {
    pub async fn get_topic(&self, destination_id: Uuid, message_id: i64) -> Result<Topic> {
        let row = sqlx::query!(
            r#"SELECT t.key, t.kind, t.severity,
                   (SELECT s.discord_message_id FROM send s
                    WHERE s.destination_id = $1 AND s.post_key = t.key AND s.thread IS NOT NULL AND s.state = 'delivered'
                    ORDER BY s.created_at DESC LIMIT 1) AS thread
               FROM (SELECT e.source_id || '/' || e.subject AS key, e.kind, e.severity
                     FROM message m JOIN event e ON e.id = m.event_id WHERE m.id = $2) t"#,
            destination_id,
            message_id
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Topic { key: row.key, thread: row.thread.map(ChannelId), kind: row.kind, severity: row.severity })
    }
}

/// A message that was not delivered, with Discord's words.
pub struct DeadMessage {
    pub id: i64,
    pub finished_at: DateTime<Utc>,
    pub event_id: Uuid,
    pub note: String,
    /// Why it cannot be queued again: what it shows is there by now, or its destination is not.
    pub settled: bool,
    /// Of those reasons, the second.
    pub nowhere: bool,
    /// It would wait: its destination is paused, or Discord refuses it.
    pub would_wait: bool,
}

/// Which undelivered messages are meant; all of them by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeadFilter {
    /// `None`: of all servers.
    pub guild_id: Option<GuildId>,
    pub message_id: Option<i64>,
    pub destination_id: Option<Uuid>,
    pub kind: Option<String>,
    pub since: Option<DateTime<Utc>>,
    /// What was given up after this is not meant.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// What was not delivered, oldest first. A card that is shown by now, or about to be, is not shown twice.
    pub async fn list_dead(&self, filter: &DeadFilter, limit: i64) -> Result<Vec<DeadMessage>> {
        let rows = sqlx::query_as!(
            DeadMessage,
            r#"SELECT m.id, m.finished_at AS "finished_at!", m.event_id, COALESCE(s.note, '') AS "note!",
                   (d.removed_at IS NOT NULL OR COALESCE(c.discord_message_id IS NOT NULL OR c.gone_at IS NOT NULL, false)
                       OR (m.card_id IS NOT NULL AND EXISTS (SELECT 1 FROM message o WHERE o.card_id = m.card_id
                           AND o.id <> m.id AND (o.state IN ('queued', 'sending') OR (o.state = 'dead' AND o.id > m.id)))))
                       AS "settled!", d.removed_at IS NOT NULL AS "nowhere!",
                   (NOT d.enabled OR d.disabled_at IS NOT NULL) AS "would_wait!"
               FROM message m JOIN destination d ON d.id = m.destination_id
               LEFT JOIN card c ON c.id = m.card_id LEFT JOIN send s ON s.id = m.send_id
               LEFT JOIN event e ON e.id = m.event_id
               WHERE m.state = 'dead' AND ($1::bigint IS NULL OR m.guild_id = $1) AND ($2::bigint IS NULL OR m.id = $2)
                 AND ($3::uuid IS NULL OR m.destination_id = $3) AND ($4::text IS NULL OR e.kind = $4)
                 AND ($5::timestamptz IS NULL OR m.finished_at >= $5)
                 AND ($6::timestamptz IS NULL OR m.finished_at <= $6)
               ORDER BY m.id LIMIT $7"#,
            filter.guild_id.map(|guild| guild.0),
            filter.message_id,
            filter.destination_id,
            filter.kind,
            filter.since,
            filter.until,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}

/// Queues undelivered messages again, each under a new send. They are certainly not in Discord: a message only
/// dies when it was refused, or was looked for and not found. What died again after `until` stays. Returns how many.
pub async fn requeue_dead(tx: &mut Tx, ids: &[i64], until: Option<DateTime<Utc>>) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE message SET state = 'queued', send_id = NULL, finished_at = NULL
         WHERE id = ANY ($1) AND state = 'dead' AND ($2::timestamptz IS NULL OR finished_at <= $2)",
        ids,
        until
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
