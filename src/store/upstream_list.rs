//! The lists that XTSystems chooses from, as it last gave them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::routing::ticket::ListItem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    Status,
    Priority,
    User,
}

impl ListKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ListKind::Status => "status",
            ListKind::Priority => "priority",
            ListKind::User => "user",
        }
    }
}

/// A list and its age.
#[derive(Clone, Debug)]
pub struct KnownList {
    pub items: Vec<ListItem>,
    /// `None`: XTSystems never gave it.
    pub fetched_at: Option<DateTime<Utc>>,
    pub tried_at: DateTime<Utc>,
}

impl Store {
    pub async fn find_list(&self, source_id: Uuid, kind: ListKind) -> Result<Option<KnownList>> {
        let row = sqlx::query!(
            "SELECT items, fetched_at, tried_at FROM upstream_list WHERE source_id = $1 AND kind = $2",
            source_id,
            kind.as_str()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| KnownList {
            // What another version wrote and this one cannot read is fetched anew.
            items: serde_json::from_value(r.items).unwrap_or_default(),
            fetched_at: r.fetched_at,
            tried_at: r.tried_at,
        }))
    }

    /// Keeps a list. True when it differs from the one before.
    pub async fn save_list(
        &self,
        source_id: Uuid,
        kind: ListKind,
        items: &[ListItem],
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let before = self.find_list(source_id, kind).await?;
        sqlx::query!(
            "INSERT INTO upstream_list (source_id, kind, items, fetched_at, tried_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (source_id, kind) DO UPDATE SET items = $3, fetched_at = $4, tried_at = $4",
            source_id,
            kind.as_str(),
            serde_json::json!(items),
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(before.is_none_or(|b| b.items != items))
    }

    /// Notes that XTSystems did not give it.
    pub async fn note_list_tried(&self, source_id: Uuid, kind: ListKind, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "INSERT INTO upstream_list (source_id, kind, tried_at) VALUES ($1, $2, $3)
             ON CONFLICT (source_id, kind) DO UPDATE SET tried_at = $3",
            source_id,
            kind.as_str(),
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Whether a ticket of this source changed since, or ever when there is no time.
    pub async fn has_ticket_since(&self, source_id: Uuid, since: Option<DateTime<Utc>>) -> Result<bool> {
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM subject WHERE source_id = $1 AND kind = 'ticket'
                   AND ($2::timestamptz IS NULL OR updated_at > $2)) AS "is!""#,
            source_id,
            since
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The cards of the tickets that changed last are brought up to date: what they offer did change.
    pub async fn touch_latest_tickets(&self, source_id: Uuid, limit: i64) -> Result<()> {
        sqlx::query!(
            "UPDATE card SET version = version + 1 WHERE subject_id IN
                (SELECT id FROM subject WHERE source_id = $1 AND kind = 'ticket' ORDER BY updated_at DESC LIMIT $2)",
            source_id,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
