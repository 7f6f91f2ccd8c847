//! What comes due while nobody decides, where an approval is shown, and the open ones of a guild.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{ChannelId, GuildId, MessageId};
use crate::routing::card::ApprovalState;
use crate::store::{Result, Store, Tx};

/// A message in a channel that shows the card of an approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub destination_id: Uuid,
    /// `None` while nobody has looked up where a webhook posts.
    pub channel_id: Option<ChannelId>,
    pub message_id: MessageId,
}

/// Where an approval's card is, and whether some of its messages are still on their way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Places {
    pub shown: Vec<Place>,
    pub is_under_way: bool,
}

/// An approval that is not settled.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApproval {
    pub title: String,
    pub state: ApprovalState,
    pub occurred_at: DateTime<Utc>,
    pub needed: i32,
    pub votes: i32,
    pub channel_id: Option<ChannelId>,
    pub message_id: Option<MessageId>,
}

/// Where the card of a subject is shown.
pub async fn find_places(tx: &mut Tx, subject_id: Uuid) -> Result<Places> {
    let rows = sqlx::query!(
        r#"SELECT c.destination_id, c.discord_message_id, COALESCE(d.channel_id, d.webhook_channel_id) AS channel_id
           FROM card c JOIN destination d ON d.id = c.destination_id
           WHERE c.subject_id = $1 AND c.gone_at IS NULL ORDER BY c.created_at, c.id"#,
        subject_id
    )
    .fetch_all(&mut **tx)
    .await?;
    let is_under_way = rows.iter().any(|row| row.discord_message_id.is_none());
    let shown = rows.into_iter().filter_map(|row| {
        Some(Place {
            destination_id: row.destination_id,
            channel_id: row.channel_id.map(ChannelId),
            message_id: MessageId(row.discord_message_id?),
        })
    });
    Ok(Places { shown: shown.collect(), is_under_way })
}

impl Store {
    /// Undecided approvals for which something has come due. Not locked: whoever takes one up looks again.
    pub async fn list_ticking(&self, now: DateTime<Utc>, limit: i64) -> Result<Vec<(GuildId, Uuid)>> {
        let rows = sqlx::query!(
            "SELECT guild_id, id FROM approval
             WHERE state = 'requested' AND LEAST(expires_at, remind_at, escalate_at) <= $1
             ORDER BY LEAST(expires_at, remind_at, escalate_at) LIMIT $2",
            now,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (GuildId(row.guild_id), row.id)).collect())
    }

    /// When something next comes due about an undecided approval.
    pub async fn next_tick_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(LEAST(expires_at, remind_at, escalate_at)) FROM approval WHERE state = 'requested'"
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// A guild's approvals that are not settled, the longest waiting first.
    pub async fn list_open_approvals(&self, guild_id: GuildId, limit: i64) -> Result<Vec<OpenApproval>> {
        let rows = sqlx::query!(
            r#"SELECT COALESCE(NULLIF(a.title, ''), a.hostname) AS "title!", a.state, a.occurred_at, a.needed, a.votes,
                   c.channel_id AS "channel_id?", c.message_id AS "message_id?"
               FROM approval a
               LEFT JOIN LATERAL (SELECT COALESCE(d.channel_id, d.webhook_channel_id) AS channel_id,
                       c.discord_message_id AS message_id
                   FROM card c JOIN destination d ON d.id = c.destination_id
                   WHERE c.subject_id = a.subject_id AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                   ORDER BY c.created_at LIMIT 1) c ON true
               WHERE a.guild_id = $1 AND a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused')
               ORDER BY a.occurred_at, a.id LIMIT $2"#,
            guild_id.0,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let open = rows.into_iter().map(|row| OpenApproval {
            title: row.title,
            state: ApprovalState::parse(&row.state).unwrap_or(ApprovalState::Requested),
            occurred_at: row.occurred_at,
            needed: row.needed,
            votes: row.votes,
            channel_id: row.channel_id.map(ChannelId),
            message_id: row.message_id.map(MessageId),
        });
        Ok(open.collect())
    }
}
