//! Events as those who ask about them see them, newest first.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Result, Store};
use crate::id::{GuildId, first_id_at};

/// Ids are made at about the time of receipt, and found by it.
const ABOUT: TimeDelta = TimeDelta::minutes(1);

/// Which events are wanted; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    pub kind: Option<String>,
    pub source_id: Option<Uuid>,
    pub subject: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

pub struct EventView {
    pub id: Uuid,
    pub source_id: Uuid,
    pub kind: String,
    pub subject: Option<String>,
    pub severity: String,
    pub via: String,
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub planned_at: Option<DateTime<Utc>>,
    pub plan_note: Option<String>,
}

/// A card of the event's subject: later events change it instead of adding a message.
pub struct CardOfEvent {
    pub destination_id: Uuid,
    pub destination_name: Option<String>,
    pub channel_id: Option<i64>,
    pub message_id: Option<i64>,
    pub is_shown: bool,
    pub is_gone: bool,
    pub error: Option<String>,
}

impl Store {
    /// A guild's events before the one that `after` names.
    pub async fn list_event_views(
        &self,
        guild_id: GuildId,
        filter: &EventFilter,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<EventView>> {
        let first = filter.since.and_then(|at| at.checked_sub_signed(ABOUT)).map(first_id_at);
        Ok(sqlx::query_as!(
            EventView,
            "SELECT id, source_id, kind, subject, severity, via, occurred_at, received_at, planned_at, plan_note
             FROM event WHERE guild_id = $1 AND ($2::uuid IS NULL OR id < $2)
               AND ($3::text IS NULL OR kind = $3) AND ($4::uuid IS NULL OR source_id = $4)
               AND ($5::text IS NULL OR subject = $5)
               AND ($6::timestamptz IS NULL OR received_at >= $6) AND ($7::uuid IS NULL OR id >= $7)
               AND ($8::timestamptz IS NULL OR received_at < $8)
             ORDER BY id DESC LIMIT $9",
            guild_id.0,
            after,
            filter.kind,
            filter.source_id,
            filter.subject,
            filter.since,
            first,
            filter.until,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn find_event_view(&self, guild_id: GuildId, id: Uuid) -> Result<Option<EventView>> {
        Ok(sqlx::query_as!(
            EventView,
            "SELECT id, source_id, kind, subject, severity, via, occurred_at, received_at, planned_at, plan_note
             FROM event WHERE guild_id = $1 AND id = $2",
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// What an event is about; `None` when its time is over.
    pub async fn find_event_data(&self, guild_id: GuildId, id: Uuid) -> Result<Option<Value>> {
        let data = sqlx::query_scalar!("SELECT data FROM event WHERE guild_id = $1 AND id = $2", guild_id.0, id)
            .fetch_optional(&self.pool)
            .await?;
        Ok(data.flatten())
    }

    /// The cards of an event's subject.
    pub async fn list_cards_of_event(&self, guild_id: GuildId, id: Uuid) -> Result<Vec<CardOfEvent>> {
        Ok(sqlx::query_as!(
            CardOfEvent,
            r#"SELECT c.destination_id, d.name AS destination_name,
                   CASE WHEN d.kind = 'forum' THEN COALESCE(x.thread_id, c.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS channel_id,
                   c.discord_message_id AS message_id, c.shown_version >= c.version AS "is_shown!",
                   c.gone_at IS NOT NULL AS "is_gone!", c.edit_error AS error
               FROM event e JOIN subject s ON s.source_id = e.source_id AND s.key = e.subject
               JOIN card c ON c.subject_id = s.id JOIN destination d ON d.id = c.destination_id
               LEFT JOIN send x ON x.id = c.send_id
               WHERE e.guild_id = $1 AND e.id = $2 ORDER BY c.created_at, c.id"#,
            guild_id.0,
            id
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
