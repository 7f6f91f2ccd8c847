//! Messages of STATS_READY that wait for the files of their rounds.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

impl Store {
    /// For how many there is no file of a round of their map and number that ended within this time of what they say, and how
    /// many of them are about this one.
    pub async fn count_ready_without_file(
        &self,
        guild_id: GuildId,
        map: &str,
        round: i16,
        within: TimeDelta,
    ) -> Result<(i64, i64)> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "all!", count(*) FILTER (WHERE f.map = $2 AND f.round = $3) AS "same!" FROM stats_file f
               WHERE f.guild_id = $1 AND f.kind = 'ready' AND f.state IN ('waiting', 'done')
                 AND NOT EXISTS (SELECT FROM stats_file r WHERE r.guild_id = $1 AND r.kind = 'round' AND r.map = f.map AND r.round = f.round
                     AND r.ended_at BETWEEN f.ended_at - $4::interval AND f.ended_at + $4::interval)"#,
            guild_id.0,
            map,
            round,
            within as TimeDelta
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((row.all, row.same))
    }
}

/// Those of them that came before, by id and name.
pub async fn list_ready_without_file(
    tx: &mut Tx,
    guild_id: GuildId,
    before: DateTime<Utc>,
    within: TimeDelta,
) -> Result<Vec<(Uuid, String)>> {
    let rows = sqlx::query!(
        "SELECT f.id, f.name FROM stats_file f
         WHERE f.guild_id = $1 AND f.kind = 'ready' AND f.state = 'done' AND f.received_at <= $2
           AND NOT EXISTS (SELECT FROM stats_file r WHERE r.guild_id = $1 AND r.kind = 'round' AND r.map = f.map AND r.round = f.round
               AND r.ended_at BETWEEN f.ended_at - $3::interval AND f.ended_at + $3::interval)
         ORDER BY f.ended_at, f.name",
        guild_id.0,
        before,
        within as TimeDelta
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.name)).collect())
}
