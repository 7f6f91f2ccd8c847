//! How the import stands: what is there, what waits, what cannot be read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportStatus {
    pub files: i64,
    pub bytes: i64,
    /// Stored, and not computed yet.
    pub waiting: i64,
    pub quarantined: i64,
    /// Versions of files that a corrected one took the place of.
    pub replaced: i64,
    pub rounds: i64,
    pub valid_rounds: i64,
    pub orphans: i64,
    pub newest_file: Option<String>,
    pub newest_at: Option<DateTime<Utc>>,
}

/// A file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub id: Uuid,
    pub name: String,
    pub way: String,
    pub received_at: DateTime<Utc>,
    pub size: i32,
    /// With what was expected.
    pub fault: String,
    /// Lines and columns count from 1; `None`: it is not about a place in the file.
    pub line: Option<i32>,
    pub column: Option<i32>,
}

impl Store {
    pub async fn get_stats_status(&self, guild_id: GuildId) -> Result<ImportStatus> {
        Ok(sqlx::query_as!(
            ImportStatus,
            r#"SELECT f.files AS "files!", f.bytes AS "bytes!", f.waiting AS "waiting!", f.quarantined AS "quarantined!",
                   f.replaced AS "replaced!", r.rounds AS "rounds!", r.valid AS "valid_rounds!", r.orphans AS "orphans!",
                   n.name AS "newest_file?", n.received_at AS "newest_at?"
               FROM (SELECT count(*) AS files, COALESCE(sum(octet_length(bytes)), 0)::bigint AS bytes,
                         count(*) FILTER (WHERE state = 'waiting') AS waiting,
                         count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
                         count(*) FILTER (WHERE state = 'replaced') AS replaced FROM stats_file WHERE guild_id = $1) f
               CROSS JOIN (SELECT count(*) AS rounds, count(*) FILTER (WHERE is_valid) AS valid,
                         count(*) FILTER (WHERE status = 'orphan_second') AS orphans FROM stats_round WHERE guild_id = $1) r
               LEFT JOIN LATERAL (SELECT name, received_at FROM stats_file WHERE guild_id = $1
                   ORDER BY received_at DESC, name DESC LIMIT 1) n ON true"#,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The newest first.
    pub async fn list_stats_quarantined(&self, guild_id: GuildId, offset: i64, limit: i64) -> Result<Vec<Quarantined>> {
        Ok(sqlx::query_as!(
            Quarantined,
            r#"SELECT id, name, way, received_at, octet_length(bytes) AS "size!", fault AS "fault!", fault_line AS line,
                   fault_column AS "column"
               FROM stats_file WHERE guild_id = $1 AND state = 'quarantined' ORDER BY received_at DESC, name OFFSET $2 LIMIT $3"#,
            guild_id.0,
            offset,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
