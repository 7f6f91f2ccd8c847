//! Sources as those who administer them see them: with what came from each.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::GuildId;

/// A source, with the last event of all its kinds.
pub struct SourceView {
    pub id: Uuid,
    pub kind: String,
    pub name: String,
    pub created_at: DateTime<Utc>,
    pub last_event_at: Option<DateTime<Utc>>,
    pub events: i64,
}

/// What came of one kind of event.
pub struct KindCount {
    pub kind: String,
    pub last_at: DateTime<Utc>,
    pub events: i64,
}

impl Store {
    /// A guild's sources, newest first, before the one that `after` names.
    pub async fn list_source_views(
        &self,
        guild_id: GuildId,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<SourceView>> {
        Ok(sqlx::query_as!(
            SourceView,
            r#"SELECT s.id, s.kind, s.name, s.created_at, p.last_at AS "last_event_at?", COALESCE(p.events, 0) AS "events!"
               FROM source s LEFT JOIN pulse p ON p.source_id = s.id AND p.kind = ''
               WHERE s.guild_id = $1 AND ($2::uuid IS NULL OR s.id < $2) ORDER BY s.id DESC LIMIT $3"#,
            guild_id.0,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn find_source_view(&self, guild_id: GuildId, id: Uuid) -> Result<Option<SourceView>> {
        Ok(sqlx::query_as!(
            SourceView,
            r#"SELECT s.id, s.kind, s.name, s.created_at, p.last_at AS "last_event_at?", COALESCE(p.events, 0) AS "events!"
               FROM source s LEFT JOIN pulse p ON p.source_id = s.id AND p.kind = ''
               WHERE s.guild_id = $1 AND s.id = $2"#,
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// What came from a source, by kind.
    pub async fn list_kind_counts(&self, guild_id: GuildId, source_id: Uuid) -> Result<Vec<KindCount>> {
        Ok(sqlx::query_as!(
            KindCount,
            "SELECT kind, last_at, events FROM pulse WHERE guild_id = $1 AND source_id = $2 AND kind <> '' ORDER BY kind",
            guild_id.0,
            source_id
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
