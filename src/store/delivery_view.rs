//! Deliveries as those who ask about them see them: a message planned for one destination, with the send that
//! carries it. Newest first.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::GuildId;

/// Which deliveries are wanted; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub state: Option<&'static str>,
    pub destination_id: Option<Uuid>,
    pub event_id: Option<Uuid>,
    pub kind: Option<String>,
    pub since: Option<DateTime<Utc>>,
}

pub struct DeliveryView {
    pub id: i64,
    pub event_id: Uuid,
    /// `None` when the event is older than what is kept.
    pub kind: Option<String>,
    pub destination_id: Uuid,
    pub destination_name: Option<String>,
    pub route_id: Option<Uuid>,
    /// As the message has it, or, while it is being sent, `in_doubt` and `unresolved` as the send has it.
    pub state: String,
    pub attempts: i32,
    pub note: Option<String>,
    pub send_id: Option<Uuid>,
    pub channel_id: Option<i64>,
    pub message_id: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

pub struct AttemptView {
    pub started_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub action: String,
    pub status: Option<i32>,
    pub code: Option<i64>,
    pub outcome: String,
    pub note: Option<String>,
}

/// Attempts that are told of one delivery.
const ATTEMPTS: i64 = 200;

impl Store {
    /// A guild's deliveries before the one that `after` names; with `only`, that one.
    pub async fn list_delivery_views(
        &self,
        guild_id: GuildId,
        filter: &DeliveryFilter,
        only: Option<i64>,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<DeliveryView>> {
        Ok(sqlx::query_as!(
            DeliveryView,
            r#"SELECT m.id, m.event_id, e.kind AS "kind?", m.destination_id, d.name AS destination_name, m.route_id,
                   CASE WHEN m.state = 'sending' AND s.state IN ('in_doubt', 'unresolved') THEN s.state ELSE m.state END
                       AS "state!",
                   COALESCE(s.attempts, 0) AS "attempts!", s.note, m.send_id,
                   CASE WHEN d.kind = 'forum' THEN COALESCE(s.thread_id, s.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS channel_id,
                   s.discord_message_id AS message_id, m.created_at, m.finished_at
               FROM message m JOIN destination d ON d.id = m.destination_id
               LEFT JOIN send s ON s.id = m.send_id LEFT JOIN event e ON e.id = m.event_id
               WHERE m.guild_id = $1 AND ($2::bigint IS NULL OR m.id = $2) AND ($3::bigint IS NULL OR m.id < $3)
                 AND ($4::text IS NULL
                   OR CASE WHEN m.state = 'sending' AND s.state IN ('in_doubt', 'unresolved') THEN s.state ELSE m.state END = $4)
                 AND ($5::uuid IS NULL OR m.destination_id = $5) AND ($6::uuid IS NULL OR m.event_id = $6)
                 AND ($7::text IS NULL OR e.kind = $7) AND ($8::timestamptz IS NULL OR m.created_at >= $8)
               ORDER BY m.id DESC LIMIT $9"#,
            guild_id.0,
            only,
            after,
            filter.state,
            filter.destination_id,
            filter.event_id,
            filter.kind,
            filter.since,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn find_delivery_view(&self, guild_id: GuildId, id: i64) -> Result<Option<DeliveryView>> {
        Ok(self.list_delivery_views(guild_id, &DeliveryFilter::default(), Some(id), None, 1).await?.pop())
    }

    /// The attempts of the send that carries a delivery, in their order.
    pub async fn list_attempt_views(&self, guild_id: GuildId, id: i64) -> Result<Vec<AttemptView>> {
        Ok(sqlx::query_as!(
            AttemptView,
            "SELECT a.started_at, a.duration_ms, a.action, a.status, a.code, a.outcome, a.note
             FROM message m JOIN attempt a ON a.send_id = m.send_id
             WHERE m.guild_id = $1 AND m.id = $2 ORDER BY a.id LIMIT $3",
            guild_id.0,
            id,
            ATTEMPTS
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
