//! Machines as people look them up: what is known here, with the newest approval and its log.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::{GuildId, UserId};
use crate::routing::card::ApprovalState;
use crate::routing::subject::SubjectState;

/// A machine, its newest approval, and where its card is.
#[derive(Clone, Debug)]
pub struct KnownMachine {
    pub subject_id: Uuid,
    pub key: String,
    pub state: SubjectState,
    pub approval: Option<ApprovalState>,
    pub registered_at: Option<DateTime<Utc>>,
    pub company_id: Option<String>,
    pub card: Option<(i64, i64)>,
}

/// A line of the log about one machine.
#[derive(Clone, Debug)]
pub struct MachineLine {
    pub at: DateTime<Utc>,
    pub user: Option<UserId>,
    pub action: String,
    pub detail: serde_json::Value,
}

impl Store {
    /// The machines that registered last, newest first.
    pub async fn list_known_machines(&self, source_id: Uuid, limit: i64) -> Result<Vec<KnownMachine>> {
        let rows = sqlx::query!(
            r#"SELECT s.id, s.key, s.state, a.state AS "approval?", a.occurred_at AS "registered_at?", a.company_id,
                   c.channel_id AS "channel_id?", c.discord_message_id AS "message_id?"
               FROM (SELECT * FROM (SELECT DISTINCT ON (subject_id) * FROM approval WHERE source_id = $1
                         ORDER BY subject_id, occurred_at DESC, received_at DESC, id DESC) newest
                     ORDER BY occurred_at DESC LIMIT $2) a
               JOIN subject s ON s.id = a.subject_id
               LEFT JOIN LATERAL (SELECT CASE d.kind WHEN 'forum' THEN c.discord_message_id ELSE d.channel_id END AS channel_id,
                       c.discord_message_id FROM card c
                   JOIN destination d ON d.id = c.destination_id
                   WHERE c.subject_id = s.id AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                   ORDER BY c.created_at DESC LIMIT 1) c ON true
               ORDER BY a.occurred_at DESC, a.id DESC"#,
            source_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| KnownMachine {
                subject_id: r.id,
                key: r.key,
                state: serde_json::from_value(r.state).unwrap_or_default(),
                approval: r.approval.as_deref().and_then(ApprovalState::parse),
                registered_at: r.registered_at,
                company_id: r.company_id,
                card: r.channel_id.zip(r.message_id),
            })
            .collect())
    }

    /// The newest lines of the log about a machine of this guild, oldest first.
    pub async fn list_machine_audit(
        &self,
        guild_id: GuildId,
        subject_id: Uuid,
        limit: i64,
    ) -> Result<Vec<MachineLine>> {
        let rows = sqlx::query!(
            r#"SELECT l.at, l.action, l.detail, p.discord_user_id AS "user?" FROM audit l
               JOIN approval a ON a.id = l.approval_id LEFT JOIN person p ON p.id = l.person_id
               WHERE l.guild_id = $1 AND a.subject_id = $2 ORDER BY l.id DESC LIMIT $3"#,
            guild_id.0,
            subject_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .rev()
            .map(|r| MachineLine { at: r.at, user: r.user.map(UserId), action: r.action, detail: r.detail })
            .collect())
    }
}
