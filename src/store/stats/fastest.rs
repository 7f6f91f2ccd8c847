//! The fastest attacks, by map.

use crate::id::GuildId;
use crate::store::{Result, Store};

/// The fastest attack on a map that got there; of several the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fastest {
    pub map: String,
    pub stem: String,
    pub round: i16,
    pub seconds: i32,
    /// Who attacked.
    pub names: Vec<String>,
}

impl Store {
    /// In the order of the maps; of one map alone when it is named.
    pub async fn list_stats_fastest(&self, guild_id: GuildId, map: Option<&str>, limit: i64) -> Result<Vec<Fastest>> {
        Ok(sqlx::query_as!(
            Fastest,
            r#"SELECT DISTINCT ON (r.map) r.map, r.stem, r.round, r.elapsed_seconds AS "seconds!",
                   ARRAY(SELECT l.name FROM stats_line l WHERE l.round_id = r.id AND l.guild_id = $1 AND l.side <> r.defender
                       ORDER BY l.name) AS "names!"
               FROM stats_round r
               WHERE r.guild_id = $1 AND r.is_valid AND r.outcome = 'time_set' AND r.elapsed_seconds IS NOT NULL
                 AND ($2::text IS NULL OR r.map = $2)
               ORDER BY r.map, r.elapsed_seconds, r.ended_at, r.name LIMIT $3"#,
            guild_id.0,
            map,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
