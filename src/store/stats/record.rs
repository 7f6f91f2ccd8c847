//! The best of single rounds.

use chrono::{DateTime, Utc};

use super::sums::Which;
use crate::id::GuildId;
use crate::store::{Result, Store};

/// The highest number that somebody had in one round that counts; of several the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Best {
    /// `kills`, `damage_given`, …
    pub what: String,
    pub guid: String,
    pub name: String,
    pub value: i64,
    pub map: String,
    pub stem: String,
    pub round: i16,
    pub ended_at: DateTime<Utc>,
}

impl Store {
    /// One for each number that is not 0 everywhere.
    pub async fn list_stats_bests(&self, guild_id: GuildId, which: &Which) -> Result<Vec<Best>> {
        Ok(sqlx::query_as!(
            Best,
            r#"SELECT DISTINCT ON (v.place) v.what AS "what!", c.guid AS "guid!", c.name AS "name!", v.value AS "value!",
                   c.map AS "map!", c.stem AS "stem!", c.round AS "round!", c.ended_at AS "ended_at!"
               FROM stats_counted c, LATERAL (VALUES
                   (1, 'kills', c.kills::bigint), (2, 'damage_given', c.damage_given::bigint),
                   (3, 'headshot_kills', c.headshot_kills::bigint), (4, 'killing_spree', c.killing_spree::bigint),
                   (5, 'revives_given', c.revives_given::bigint), (6, 'gibs', c.gibs::bigint),
                   (7, 'useful_kills', c.useful_kills::bigint), (8, 'denied_playtime', c.denied_seconds::bigint),
                   (9, 'kill_assists', c.kill_assists::bigint), (10, 'xp', c.xp::bigint),
                   (11, 'dynamites_planted', c.dynamites_planted::bigint), (12, 'deaths', c.deaths::bigint)
               ) AS v (place, what, value)
               WHERE c.guild_id = $1 AND v.value > 0 AND ($2::text IS NULL OR c.guid = $2) AND ($3::text IS NULL OR c.map = $3)
                 AND ($4::timestamptz IS NULL OR c.ended_at >= $4) AND ($5::timestamptz IS NULL OR c.ended_at < $5)
               ORDER BY v.place, v.value DESC, c.ended_at, c.guid"#,
            guild_id.0,
            which.guid.as_deref(),
            which.map.as_deref(),
            which.since,
            which.before
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
