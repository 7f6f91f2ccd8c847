//! What the doctor asks PostgreSQL about itself, and about what lies in it.

use chrono::{DateTime, Utc};

use super::{Result, Store};
use crate::id::GuildId;

/// The server as it describes itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerFacts {
    /// `17.6 (Debian …)`
    pub version: String,
    /// 170006
    pub version_number: i32,
    pub max_connections: i32,
    pub reserved: i32,
    /// Connections of everybody at this moment.
    pub connections: i64,
    /// True on a replica, which takes no writes.
    pub read_only: bool,
}

/// One server that follows this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Replica {
    pub name: String,
    pub state: String,
    pub bytes_behind: Option<i64>,
    pub seconds_behind: Option<f64>,
    /// Since it was last heard of.
    pub seconds_silent: Option<f64>,
}

impl Store {
    pub async fn get_server_facts(&self) -> Result<ServerFacts> {
        Ok(sqlx::query_as!(
            ServerFacts,
            r#"SELECT current_setting('server_version') AS "version!",
                   current_setting('server_version_num')::int AS "version_number!",
                   current_setting('max_connections')::int AS "max_connections!",
                   current_setting('superuser_reserved_connections')::int AS "reserved!",
                   (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS "connections!",
                   pg_is_in_recovery() AS "read_only!""#
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Empty as well when the role may not see them. Who only takes a backup is none.
    pub async fn list_replicas(&self, now: DateTime<Utc>) -> Result<Vec<Replica>> {
        Ok(sqlx::query_as!(
            Replica,
            r#"SELECT COALESCE(NULLIF(application_name, ''), 'replica') AS "name!", COALESCE(state, '') AS "state!",
                   (sent_lsn - replay_lsn)::bigint AS bytes_behind,
                   extract(epoch FROM replay_lag)::float8 AS seconds_behind,
                   extract(epoch FROM $1 - reply_time)::float8 AS seconds_silent
               FROM pg_stat_replication WHERE NOT pg_is_in_recovery() AND state <> 'backup' ORDER BY 1"#,
            now
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The ids of buttons and selects that the newest cards were posted with, each once per feature and verb.
    pub async fn list_posted_custom_ids(&self, guild_id: GuildId, cards: i64) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT DISTINCT x.id #>> '{}' AS "id!" FROM (
                   SELECT s.body FROM card c JOIN send s ON s.id = c.send_id
                   WHERE c.guild_id = $1 AND c.gone_at IS NULL AND c.discord_message_id IS NOT NULL
                   ORDER BY c.created_at DESC LIMIT $2) recent,
                   jsonb_path_query(recent.body, '$.components[*].components[*].custom_id') AS x (id)
               ORDER BY 1"#,
            guild_id.0,
            cards
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// How many cards have a message in Discord.
    pub async fn count_live_cards(&self, guild_id: GuildId) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM card
               WHERE guild_id = $1 AND gone_at IS NULL AND discord_message_id IS NOT NULL"#,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// Refused requests that are the same but for their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusalGroup {
    pub count: i64,
    pub last_at: DateTime<Utc>,
    /// As the newest of them has it.
    pub rule: String,
    pub variant: Option<String>,
}

impl Store {
    /// Of one source, the group with the newest refusal first.
    pub async fn list_refusal_groups(
        &self,
        source_id: uuid::Uuid,
        since: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<RefusalGroup>> {
        Ok(sqlx::query_as!(
            RefusalGroup,
            r#"SELECT count(*) AS "count!", max(received_at) AS "last_at!",
                   (array_agg(rule ORDER BY id DESC))[1] AS "rule!", variant
               FROM refusal WHERE source_id = $1 AND received_at >= $2
               GROUP BY regexp_replace(rule, '[0-9]+ (d|h|min|s)( [0-9]+ (h|min|s))?', '#'), variant
               ORDER BY max(id) DESC LIMIT $3"#,
            source_id,
            since,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
