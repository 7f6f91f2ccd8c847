//! How many messages of a route went to a destination in the running interval: for throttles and for repeats.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Tx};
use crate::id::GuildId;
use crate::routing::noise::judge::Window;

/// A route, a destination, and what tells groups apart; empty for all of them together.
pub type WindowKey = (Uuid, Uuid, String);

/// Locks the intervals of these keys until the transaction ends; those that are new are over already.
pub async fn lock_windows(
    tx: &mut Tx,
    keys: &[(GuildId, WindowKey)],
    now: DateTime<Utc>,
) -> Result<HashMap<WindowKey, Window>> {
    let guilds: Vec<i64> = keys.iter().map(|(guild, _)| guild.0).collect();
    let routes: Vec<Uuid> = keys.iter().map(|(_, (route, _, _))| *route).collect();
    let destinations: Vec<Uuid> = keys.iter().map(|(_, (_, destination, _))| *destination).collect();
    let words: Vec<&str> = keys.iter().map(|(_, (_, _, key))| key.as_str()).collect();
    sqlx::query!(
        "INSERT INTO noise_window (guild_id, route_id, destination_id, key, ends_at, count)
         SELECT t.guild_id, t.route_id, t.destination_id, t.key, $5, 0
         FROM UNNEST($1::bigint[], $2::uuid[], $3::uuid[], $4::text[]) AS t (guild_id, route_id, destination_id, key)
         ORDER BY t.route_id, t.destination_id, t.key ON CONFLICT DO NOTHING",
        &guilds,
        &routes,
        &destinations,
        &words as &[&str],
        now
    )
    .execute(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "SELECT w.route_id, w.destination_id, w.key, w.ends_at, w.count FROM noise_window w
         JOIN UNNEST($1::uuid[], $2::uuid[], $3::text[]) AS t (route_id, destination_id, key)
           ON t.route_id = w.route_id AND t.destination_id = w.destination_id AND t.key = w.key
         ORDER BY w.route_id, w.destination_id, w.key FOR UPDATE OF w",
        &routes,
        &destinations,
        &words as &[&str]
    )
    .fetch_all(&mut **tx)
    .await?;
    let window = |ends_at, count| Window { ends_at, count };
    Ok(rows.into_iter().map(|r| ((r.route_id, r.destination_id, r.key), window(r.ends_at, r.count))).collect())
}

pub async fn save_windows(tx: &mut Tx, windows: &HashMap<WindowKey, Window>) -> Result<()> {
    let mut all: Vec<(&WindowKey, &Window)> = windows.iter().collect();
    all.sort_by_key(|(key, _)| *key);
    let routes: Vec<Uuid> = all.iter().map(|(key, _)| key.0).collect();
    let destinations: Vec<Uuid> = all.iter().map(|(key, _)| key.1).collect();
    let words: Vec<&str> = all.iter().map(|(key, _)| key.2.as_str()).collect();
    let ends: Vec<DateTime<Utc>> = all.iter().map(|(_, window)| window.ends_at).collect();
    let counts: Vec<i64> = all.iter().map(|(_, window)| window.count).collect();
    sqlx::query!(
        "UPDATE noise_window w SET ends_at = t.ends_at, count = t.count
         FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::bigint[])
             AS t (route_id, destination_id, key, ends_at, count)
         WHERE w.route_id = t.route_id AND w.destination_id = t.destination_id AND w.key = t.key",
        &routes,
        &destinations,
        &words as &[&str],
        &ends,
        &counts
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
