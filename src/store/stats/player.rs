//! Who has played: people by the names that they had, maps by theirs.

use chrono::{DateTime, Utc};

use crate::id::GuildId;
use crate::store::{Result, Store};

/// Somebody who has played, valid rounds or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPlayer {
    pub guid: String,
    /// The one that they had last.
    pub name: String,
    /// The one of these that was asked for; else the newest.
    pub matched: String,
    pub rounds: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

/// A name that somebody has played under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    pub rounds: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMap {
    pub map: String,
    pub rounds: i64,
    pub last_at: DateTime<Utc>,
}

impl Store {
    /// People with a name that begins so, or else holds it; GUIDs count as names. Who played last comes first.
    pub async fn list_stats_players(&self, guild_id: GuildId, text: &str, limit: i64) -> Result<Vec<KnownPlayer>> {
        let text = text.trim().to_lowercase();
        let rows = sqlx::query!(
            r#"WITH hit AS (
                   SELECT DISTINCT ON (guid) guid, name, (starts_with(lower(name), $2) OR starts_with(lower(guid), $2)) AS begins
                   FROM stats_alias
                   WHERE guild_id = $1 AND ($2 = '' OR position($2 IN lower(name)) > 0 OR starts_with(lower(guid), $2))
                   ORDER BY guid, 3 DESC, last_at DESC, name
               )
               SELECT hit.guid AS "guid!", hit.name AS "matched!",
                   (array_agg(a.name ORDER BY a.last_at DESC, a.name))[1] AS "name!", sum(a.rounds)::bigint AS "rounds!",
                   min(a.first_at) AS "first_at!", max(a.last_at) AS "last_at!"
               FROM hit JOIN stats_alias a ON a.guild_id = $1 AND a.guid = hit.guid
               GROUP BY hit.guid, hit.name, hit.begins ORDER BY hit.begins DESC, max(a.last_at) DESC, hit.guid LIMIT $3"#,
            guild_id.0,
            text,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let player = |guid, name, matched, rounds, first_at, last_at| KnownPlayer {
            guid,
            name,
            matched,
            rounds,
            first_at,
            last_at,
        };
        Ok(rows.into_iter().map(|r| player(r.guid, r.name, r.matched, r.rounds, r.first_at, r.last_at)).collect())
    }

    /// The names of somebody, the newest first; empty: nobody has this GUID.
    pub async fn list_stats_aliases(&self, guild_id: GuildId, guid: &str) -> Result<Vec<Alias>> {
        Ok(sqlx::query_as!(
            Alias,
            "SELECT name, rounds, first_at, last_at FROM stats_alias WHERE guild_id = $1 AND guid = $2
             ORDER BY last_at DESC, name",
            guild_id.0,
            guid
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// The newest names by GUID, of those that are known.
    pub async fn list_stats_names(&self, guild_id: GuildId, guids: &[String]) -> Result<Vec<(String, String)>> {
        let rows = sqlx::query!(
            "SELECT DISTINCT ON (guid) guid, name FROM stats_alias WHERE guild_id = $1 AND guid = ANY ($2)
             ORDER BY guid, last_at DESC, name",
            guild_id.0,
            guids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.guid, r.name)).collect())
    }

    /// Maps that were played, those that begin so first, then by when they were played last.
    pub async fn list_stats_maps(&self, guild_id: GuildId, text: &str, limit: i64) -> Result<Vec<KnownMap>> {
        let text = text.trim().to_lowercase();
        Ok(sqlx::query_as!(
            KnownMap,
            r#"SELECT map, count(*) AS "rounds!", max(ended_at) AS "last_at!" FROM stats_round
               WHERE guild_id = $1 AND position($2 IN lower(map)) > 0
               GROUP BY map ORDER BY starts_with(lower(map), $2) DESC, max(ended_at) DESC, map LIMIT $3"#,
            guild_id.0,
            text,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
