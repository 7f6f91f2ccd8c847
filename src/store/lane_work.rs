//! What a lane has to do next, in one look: a query per piece of work would be most of what a message costs.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::message::Queued;
use super::{Result, Store};

/// What is due in one lane.
#[derive(Debug)]
pub struct LaneWork {
    /// A send is unfinished; it comes before everything else.
    pub has_unfinished: bool,
    /// The first messages that wait, unless something is unfinished.
    pub queued: Vec<Queued>,
    /// A card that shows less than is known.
    pub stale_card: Option<Uuid>,
    /// A message does not say yet that it is late.
    pub has_late: bool,
}

impl Store {
    /// Looks at a lane and at up to `limit` of its messages.
    pub async fn find_lane_work(&self, destination_id: Uuid, now: DateTime<Utc>, limit: i64) -> Result<LaneWork> {
        let rows = sqlx::query!(
            r#"SELECT w.has_unfinished AS "has_unfinished!", w.stale_card, w.has_late AS "has_late!", m.id AS "id?",
                   m.card_id AS "card_id?", m.embed AS "embed?: Value", m.content AS "content?",
                   m.mentions AS "mentions?", m.change_id AS "change_id?", m.receipt AS "receipt?: Value",
                   m.event_id AS "event_id?", m.received_at AS "received_at?", m.batch_window_ms AS "batch_window_ms?",
                   m.sender_name AS "sender_name?", m.sender_avatar_url AS "sender_avatar_url?"
               FROM (SELECT
                   EXISTS (SELECT FROM send s WHERE s.destination_id = $1
                       AND s.state IN ('open', 'in_doubt', 'unresolved') AND s.not_before <= $2) AS has_unfinished,
                   (SELECT c.id FROM card c WHERE c.destination_id = $1 AND c.version > c.shown_version
                       AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                       AND (c.edit_not_before IS NULL OR c.edit_not_before <= $2)
                    ORDER BY c.edit_not_before NULLS FIRST, c.id LIMIT 1) AS stale_card,
                   EXISTS (SELECT FROM send s WHERE s.destination_id = $1 AND s.lateness_due
                       AND s.discord_message_id IS NOT NULL AND s.not_before <= $2) AS has_late
               ) w
               LEFT JOIN LATERAL (
                   SELECT m.*, e.received_at, d.batch_window_ms, d.sender_name, d.sender_avatar_url
                   FROM message m
                   JOIN destination d ON d.id = m.destination_id
                   LEFT JOIN event e ON e.id = m.event_id
                   WHERE m.destination_id = $1 AND m.state = 'queued' AND NOT w.has_unfinished
                   ORDER BY m.id LIMIT $3
               ) m ON true
               ORDER BY m.id"#,
            destination_id,
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let first = rows.first();
        let mut work = LaneWork {
            has_unfinished: first.is_some_and(|r| r.has_unfinished),
            queued: Vec::new(),
            stale_card: first.and_then(|r| r.stale_card),
            has_late: first.is_some_and(|r| r.has_late),
        };
        work.queued = rows
            .into_iter()
            .filter_map(|r| {
                Some(Queued {
                    id: r.id?,
                    card_id: r.card_id,
                    embed: r.embed,
                    content: r.content,
                    mentions: r.mentions.unwrap_or_default(),
                    change_id: r.change_id,
                    receipt: r.receipt,
                    event: r.event_id.zip(r.received_at),
                    batch_window_ms: r.batch_window_ms,
                    sender_name: r.sender_name,
                    sender_avatar_url: r.sender_avatar_url,
                })
            })
            .collect();
        Ok(work)
    }
}
