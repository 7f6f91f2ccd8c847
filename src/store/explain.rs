//! What became of events and messages, as the rows tell it. Every statement takes the guild.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Result, Store};
use crate::id::{ChannelId, GuildId, MessageId, first_id_at};

/// An event, without what it is about.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    pub id: Uuid,
    pub kind: String,
    pub subject: Option<String>,
    pub source_kind: String,
    /// What people call the source, and by which scheme its requests are believed, where it is described.
    pub source_name: String,
    pub scheme: Option<String>,
    pub via: String,
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub planned_at: Option<DateTime<Utc>>,
    pub plan_note: Option<String>,
    /// As the planner left it; absent for events of before.
    pub plan: Option<Value>,
}

/// A create.
#[derive(Clone, Debug)]
pub struct ToldSend {
    pub id: Uuid,
    pub destination_id: Uuid,
    pub state: String,
    pub note: Option<String>,
    pub set_aside: bool,
    pub card_id: Option<Uuid>,
    pub message_ids: Vec<i64>,
    pub message_id: Option<MessageId>,
    /// Where that message is, as far as it is known.
    pub channel: Option<ChannelId>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// One line of the attempt log.
#[derive(Clone, Debug)]
pub struct ToldAttempt {
    pub started_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub action: String,
    pub status: Option<i32>,
    pub code: Option<i64>,
    pub outcome: String,
    pub note: Option<String>,
}

/// One message of the outbox.
#[derive(Clone, Debug)]
pub struct ToldMessage {
    pub id: i64,
    pub event_id: Uuid,
    pub kind: String,
    pub destination_id: Uuid,
    /// `queued`, `sending`, `delivered` or `dead`.
    pub state: String,
    pub send_id: Option<Uuid>,
    pub send_state: Option<String>,
    pub set_aside: bool,
    pub note: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub channel: Option<ChannelId>,
    pub message_id: Option<MessageId>,
}

/// How an event fared that was to be shown.
#[derive(Clone, Debug)]
pub struct Fate {
    pub event: ToldEvent,
    pub messages: i64,
    pub delivered: i64,
    /// Of the first message that is not there: its number, its state, what was said last.
    pub message_id: Option<i64>,
    pub state: Option<String>,
    pub send_state: Option<String>,
    pub note: Option<String>,
    pub disabled_because: Option<String>,
    pub paused: bool,
    /// Of the cards of what it is about.
    pub cards: i64,
    pub cards_behind: bool,
    pub cards_gone: bool,
    pub edit_error: Option<String>,
}

/// Which messages are listed; all of them by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub destination_id: Option<Uuid>,
    pub kind: Option<String>,
    pub since: Option<DateTime<Utc>>,
}

/// As people ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    InDoubt,
    Delivered,
    NotDelivered,
}

impl DeliveryState {
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::InDoubt => "in_doubt",
            DeliveryState::Delivered => "delivered",
            DeliveryState::NotDelivered => "not_delivered",
        }
    }
}

/// Where a page of messages begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryPage {
    Newest,
    OlderThan(i64),
    NewerThan(i64),
}

struct EventRow {
    id: Uuid,
    kind: String,
    subject: Option<String>,
    source_kind: Option<String>,
    source_name: Option<String>,
    scheme: Option<String>,
    via: String,
    occurred_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    planned_at: Option<DateTime<Utc>>,
    plan_note: Option<String>,
    plan: Option<Value>,
}

impl From<EventRow> for ToldEvent {
    fn from(r: EventRow) -> Self {
        ToldEvent {
            id: r.id,
            kind: r.kind,
            subject: r.subject,
            source_kind: r.source_kind.unwrap_or_default(),
            source_name: r.source_name.unwrap_or_default(),
            scheme: r.scheme,
            via: r.via,
            occurred_at: r.occurred_at,
            received_at: r.received_at,
            planned_at: r.planned_at,
            plan_note: r.plan_note,
            plan: r.plan,
        }
    }
}

struct MessageRow {
    id: i64,
    event_id: Uuid,
    kind: Option<String>,
    destination_id: Uuid,
    state: String,
    send_id: Option<Uuid>,
    send_state: Option<String>,
    set_aside: Option<bool>,
    note: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    channel_id: Option<i64>,
    discord_message_id: Option<i64>,
}

impl From<MessageRow> for ToldMessage {
    fn from(r: MessageRow) -> Self {
        ToldMessage {
            id: r.id,
            event_id: r.event_id,
            kind: r.kind.unwrap_or_default(),
            destination_id: r.destination_id,
            state: r.state,
            send_id: r.send_id,
            send_state: r.send_state,
            set_aside: r.set_aside.unwrap_or(false),
            note: r.note,
            created_at: r.created_at,
            finished_at: r.finished_at,
            channel: r.channel_id.map(ChannelId),
            message_id: r.discord_message_id.map(MessageId),
        }
    }
}

/// The messages that [`Store::list_deliveries`] asks for, in this order: written out, so that an index gives it.
macro_rules! deliveries {
    ($order:literal, $guild_id:expr, $below:expr, $above:expr, $filter:expr, $limit:expr) => {
        sqlx::query_as!(
            MessageRow,
            r#"SELECT m.id, m.event_id, e.kind AS "kind?", m.destination_id, m.state, m.send_id, s.state AS "send_state?",
                   s.set_aside AS "set_aside?", s.note, m.created_at, m.finished_at,
                   CASE d.kind WHEN 'forum' THEN COALESCE(s.thread_id, s.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS channel_id, s.discord_message_id
               FROM message m JOIN destination d ON d.id = m.destination_id
               LEFT JOIN send s ON s.id = m.send_id LEFT JOIN event e ON e.id = m.event_id
               WHERE m.guild_id = $1 AND m.id < $2 AND m.id > $3
                 AND ($4::text IS NULL
                     OR ($4 = 'waiting' AND m.state IN ('queued', 'sending')
                         AND COALESCE(s.state NOT IN ('in_doubt', 'unresolved'), true))
                     OR ($4 = 'in_doubt' AND m.state = 'sending' AND s.state IN ('in_doubt', 'unresolved'))
                     OR ($4 = 'delivered' AND m.state = 'delivered')
                     OR ($4 = 'not_delivered' AND m.state = 'dead'))
                 AND ($5::uuid IS NULL OR m.destination_id = $5)
                 AND ($6::text IS NULL OR e.kind = $6)
                 AND ($7::timestamptz IS NULL OR m.created_at >= $7) "#
                + $order,
            $guild_id.0,
            $below,
            $above,
            $filter.state.map(DeliveryState::as_str),
            $filter.destination_id,
            $filter.kind,
            $filter.since,
            $limit
        )
    };
}

impl Store {
    /// The create behind a Discord message, or one of ours by its own id.
    pub async fn find_told_send(
        &self,
        guild_id: GuildId,
        message: Option<MessageId>,
        send_id: Option<Uuid>,
    ) -> Result<Option<ToldSend>> {
        let row = sqlx::query!(
            r#"SELECT s.id, s.destination_id, s.state, s.note, s.set_aside, s.card_id, s.message_ids, s.discord_message_id,
                   CASE d.kind WHEN 'forum' THEN COALESCE(s.thread_id, s.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS channel_id,
                   s.created_at, s.finished_at
               FROM send s JOIN destination d ON d.id = s.destination_id
               WHERE d.guild_id = $1 AND (s.discord_message_id = $2 OR s.id = $3)
               ORDER BY s.created_at DESC LIMIT 1"#,
            guild_id.0,
            message.map(|id| id.0),
            send_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| ToldSend {
            id: r.id,
            destination_id: r.destination_id,
            state: r.state,
            note: r.note,
            set_aside: r.set_aside,
            card_id: r.card_id,
            message_ids: r.message_ids,
            message_id: r.discord_message_id.map(MessageId),
            channel: r.channel_id.map(ChannelId),
            created_at: r.created_at,
            finished_at: r.finished_at,
        }))
    }

    /// Events by their ids, and those behind messages of the outbox; oldest first.
    pub async fn list_told_events(
        &self,
        guild_id: GuildId,
        ids: &[Uuid],
        message_ids: &[i64],
    ) -> Result<Vec<ToldEvent>> {
        let rows = sqlx::query_as!(
            EventRow,
            r#"SELECT e.id, e.kind, e.subject, s.kind AS "source_kind?", s.name AS "source_name?",
                   s.config #>> '{verification,scheme}' AS scheme, e.via, e.occurred_at, e.received_at, e.planned_at,
                   e.plan_note, to_jsonb(e) -> 'plan' AS plan
               FROM event e LEFT JOIN source s ON s.id = e.source_id
               WHERE e.guild_id = $1
                 AND e.id IN (SELECT unnest($2::uuid[]) UNION SELECT m.event_id FROM message m WHERE m.id = ANY ($3))
               ORDER BY e.occurred_at, e.id"#,
            guild_id.0,
            ids,
            message_ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(ToldEvent::from).collect())
    }

    /// What was tried for a create, and for the edits of its card, oldest first.
    pub async fn list_told_attempts(&self, send_id: Uuid, card_id: Option<Uuid>) -> Result<Vec<ToldAttempt>> {
        Ok(sqlx::query_as!(
            ToldAttempt,
            r#"SELECT started_at AS "started_at!", duration_ms AS "duration_ms!", action AS "action!", status, code,
                   outcome AS "outcome!", note
               FROM (SELECT * FROM attempt WHERE send_id = $1
                   UNION ALL SELECT * FROM attempt WHERE card_id = $2 AND send_id IS NULL) a
               ORDER BY id"#,
            send_id,
            card_id
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The messages that events led to, or one by its number; oldest first.
    pub async fn list_told_messages(
        &self,
        guild_id: GuildId,
        event_ids: &[Uuid],
        number: Option<i64>,
    ) -> Result<Vec<ToldMessage>> {
        let rows = sqlx::query_as!(
            MessageRow,
            r#"SELECT m.id, m.event_id, e.kind AS "kind?", m.destination_id, m.state, m.send_id, s.state AS "send_state?",
                   s.set_aside AS "set_aside?", s.note, m.created_at, m.finished_at,
                   CASE d.kind WHEN 'forum' THEN COALESCE(s.thread_id, s.discord_message_id)
                       ELSE COALESCE(d.channel_id, d.webhook_channel_id) END AS channel_id, s.discord_message_id
               FROM message m JOIN destination d ON d.id = m.destination_id
               LEFT JOIN send s ON s.id = m.send_id LEFT JOIN event e ON e.id = m.event_id
               WHERE m.guild_id = $1 AND (m.event_id = ANY ($2) OR m.id = $3) ORDER BY m.id"#,
            guild_id.0,
            event_ids,
            number
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(ToldMessage::from).collect())
    }

    /// A page of a guild's messages, newest first.
    pub async fn list_deliveries(
        &self,
        guild_id: GuildId,
        filter: &DeliveryFilter,
        page: DeliveryPage,
        limit: i64,
    ) -> Result<Vec<ToldMessage>> {
        let (below, above) = match page {
            DeliveryPage::Newest => (i64::MAX, i64::MIN),
            DeliveryPage::OlderThan(id) => (id, i64::MIN),
            DeliveryPage::NewerThan(id) => (i64::MAX, id),
        };
        let upwards = matches!(page, DeliveryPage::NewerThan(_));
        let rows = if upwards {
            deliveries!("ORDER BY m.id LIMIT $8", guild_id, below, above, filter, limit).fetch_all(&self.pool).await?
        } else {
            deliveries!("ORDER BY m.id DESC LIMIT $8", guild_id, below, above, filter, limit)
                .fetch_all(&self.pool)
                .await?
        };
        let mut messages: Vec<ToldMessage> = rows.into_iter().map(ToldMessage::from).collect();
        if upwards {
            messages.reverse();
        }
        Ok(messages)
    }

    /// The newest events of a kind since then, with what became of each.
    pub async fn list_fates(
        &self,
        guild_id: GuildId,
        kind: &str,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Fate>> {
        let rows = sqlx::query!(
            r#"SELECT e.id, e.kind, e.subject, o.kind AS "source_kind?", e.via, e.occurred_at, e.received_at, e.planned_at,
                   e.plan_note, to_jsonb(e) -> 'plan' AS plan,
                   m.messages AS "messages!", m.delivered AS "delivered!",
                   f.id AS "message_id?", f.state AS "state?", f.send_state AS "send_state?", f.note AS "note?",
                   f.disabled_because AS "disabled_because?", f.paused AS "paused?",
                   c.cards AS "cards!", c.behind AS "behind?", c.gone AS "gone?", c.edit_error AS "edit_error?"
               FROM (SELECT * FROM event WHERE id >= $4 AND guild_id = $1 AND kind = $2 AND received_at >= $3
                     ORDER BY id DESC LIMIT $5) e
               LEFT JOIN source o ON o.id = e.source_id
               CROSS JOIN LATERAL (SELECT count(*) AS messages, count(*) FILTER (WHERE state = 'delivered') AS delivered
                   FROM message WHERE event_id = e.id) m
               LEFT JOIN LATERAL (SELECT x.id, x.state, s.state AS send_state, s.note, d.disabled_because,
                       NOT d.enabled AS paused
                   FROM message x JOIN destination d ON d.id = x.destination_id LEFT JOIN send s ON s.id = x.send_id
                   WHERE x.event_id = e.id AND x.state <> 'delivered' ORDER BY x.id LIMIT 1) f ON true
               CROSS JOIN LATERAL (SELECT count(*) AS cards,
                       bool_or(k.version > k.shown_version AND k.gone_at IS NULL) AS behind,
                       bool_and(k.gone_at IS NOT NULL) AS gone, max(k.edit_error) AS edit_error
                   FROM subject t JOIN card k ON k.subject_id = t.id
                       JOIN destination l ON l.id = k.destination_id AND l.removed_at IS NULL
                   WHERE t.source_id = e.source_id AND t.key = e.subject) c
               ORDER BY e.id DESC"#,
            guild_id.0,
            kind,
            since,
            // Ids are made at about the time of receipt, and found by it.
            first_id_at(since - TimeDelta::minutes(1)),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let fates = rows.into_iter().map(|r| Fate {
            event: ToldEvent {
                id: r.id,
                kind: r.kind,
                subject: r.subject,
                source_kind: r.source_kind.unwrap_or_default(),
                source_name: String::new(),
                scheme: None,
                via: r.via,
                occurred_at: r.occurred_at,
                received_at: r.received_at,
                planned_at: r.planned_at,
                plan_note: r.plan_note,
                plan: r.plan,
            },
            messages: r.messages,
            delivered: r.delivered,
            message_id: r.message_id,
            state: r.state,
            send_state: r.send_state,
            note: r.note,
            disabled_because: r.disabled_because,
            paused: r.paused.unwrap_or(false),
            cards: r.cards,
            cards_behind: r.behind.unwrap_or(false),
            cards_gone: r.gone.unwrap_or(false),
            edit_error: r.edit_error,
        });
        Ok(fates.collect())
    }

    /// The sources of a guild that are other systems.
    pub async fn list_foreign_sources(&self, guild_id: GuildId) -> Result<Vec<(Uuid, String)>> {
        let rows = sqlx::query!(
            "SELECT id, kind FROM source WHERE guild_id = $1 AND kind <> 'signalbox' ORDER BY created_at, id",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.id, r.kind)).collect())
    }

    /// Kinds of events that ever came, with the time of the last, the latest first.
    pub async fn list_heard_kinds(&self, guild_id: GuildId) -> Result<Vec<(String, DateTime<Utc>)>> {
        let rows = sqlx::query!(
            r#"SELECT kind, max(last_at) AS "last_at!" FROM pulse WHERE guild_id = $1 AND kind <> ''
               GROUP BY kind ORDER BY 2 DESC, 1"#,
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.kind, r.last_at)).collect())
    }
}
