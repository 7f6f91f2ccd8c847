//! What people and maps had before a moment, of the rounds that count.

use chrono::{DateTime, Utc};

use crate::id::GuildId;
use crate::matches::report::honour::{Best, History, MapHistory, PlayerHistory};
use crate::store::{Result, Tx};

fn count(number: Option<i64>) -> u32 {
    u32::try_from(number.unwrap_or_default()).unwrap_or_default()
}

fn best(
    kills: Option<i32>,
    damage: Option<i32>,
    headshots: Option<i32>,
    revives: Option<i32>,
    spree: Option<i32>,
) -> Best {
    let count = |number: Option<i32>| count(number.map(i64::from));
    let (kills, damage, headshots) = (count(kills), count(damage), count(headshots));
    Best { kills, damage, headshots, revives: count(revives), spree: count(spree) }
}

/// Of these people and maps alone.
pub async fn find_history(
    tx: &mut Tx,
    guild_id: GuildId,
    before: DateTime<Utc>,
    guids: &[String],
    maps: &[String],
) -> Result<History> {
    let players = sqlx::query!(
        r#"SELECT guid AS "guid!", count(*) AS rounds, sum(kills) AS kills, max(kills) AS best_kills,
               max(damage_given) AS best_damage, max(headshots) AS best_headshots, max(revives_given) AS best_revives,
               max(killing_spree) AS best_spree
           FROM stats_counted WHERE guild_id = $1 AND guid = ANY ($2) AND ended_at < $3 GROUP BY guid"#,
        guild_id.0,
        guids,
        before
    )
    .fetch_all(&mut **tx)
    .await?;
    let players = players.into_iter().map(|r| {
        let best = best(r.best_kills, r.best_damage, r.best_headshots, r.best_revives, r.best_spree);
        (r.guid, PlayerHistory { rounds: count(r.rounds), kills: count(r.kills), best })
    });
    let players = players.collect();
    let maps = sqlx::query!(
        r#"SELECT m.map AS "map!", m.rounds, m.fastest, l.kills, l.damage, l.headshots, l.revives, l.spree
           FROM (SELECT map, count(*) AS rounds, min(elapsed_seconds) FILTER (WHERE outcome = 'time_set') AS fastest
                 FROM stats_round WHERE guild_id = $1 AND map = ANY ($2) AND ended_at < $3 AND is_valid GROUP BY map) m
           LEFT JOIN (SELECT map, max(kills) AS kills, max(damage_given) AS damage, max(headshots) AS headshots,
                     max(revives_given) AS revives, max(killing_spree) AS spree
                 FROM stats_counted WHERE guild_id = $1 AND map = ANY ($2) AND ended_at < $3 GROUP BY map) l ON l.map = m.map"#,
        guild_id.0,
        maps,
        before
    )
    .fetch_all(&mut **tx)
    .await?;
    let maps = maps.into_iter().map(|r| {
        let best = best(r.kills, r.damage, r.headshots, r.revives, r.spree);
        let fastest = r.fastest.and_then(|seconds| u32::try_from(seconds).ok());
        (r.map, MapHistory { rounds: count(r.rounds), fastest, best })
    });
    Ok(History { players, maps: maps.collect() })
}
