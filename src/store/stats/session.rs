//! Gaming sessions, and the files of which one is made.

use chrono::{DateTime, Utc};

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsSession {
    pub key: String,
    /// The end of its first and of its last round.
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    pub rounds: i32,
    pub maps: i32,
    pub players: i32,
    /// Of the first and the second team.
    pub score_one: i32,
    pub score_two: i32,
    /// Whether its summary was posted.
    pub is_told: bool,
}

/// Those that have a part in a stretch of time, in its order.
pub async fn list_sessions_within(
    tx: &mut Tx,
    guild_id: GuildId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<StatsSession>> {
    Ok(sqlx::query_as!(
        StatsSession,
        r#"SELECT key, first_at, last_at, rounds, maps, players, score_one, score_two,
               EXISTS (SELECT FROM stats_card c WHERE c.guild_id = $1 AND c.kind = 'session' AND c.key = s.key) AS "is_told!"
           FROM stats_session s WHERE guild_id = $1 AND last_at >= $2 AND first_at <= $3 ORDER BY first_at, key"#,
        guild_id.0,
        first,
        last
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Sessions that began later and ended since then, in their order: their first and last round.
pub async fn list_later_sessions(
    tx: &mut Tx,
    guild_id: GuildId,
    later_than: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        "SELECT first_at, last_at FROM stats_session WHERE guild_id = $1 AND first_at > $2 AND last_at >= $3 ORDER BY first_at",
        guild_id.0,
        later_than,
        since
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.first_at, r.last_at)).collect())
}

/// A session whose summary is due. Its lock is that of the server's matches.
pub async fn find_due_session(tx: &mut Tx, guild_id: GuildId, now: DateTime<Utc>) -> Result<Option<StatsSession>> {
    Ok(sqlx::query_as!(
        StatsSession,
        r#"SELECT key, first_at, last_at, rounds, maps, players, score_one, score_two, false AS "is_told!"
           FROM stats_session WHERE guild_id = $1 AND due_at <= $2 ORDER BY due_at, key LIMIT 1"#,
        guild_id.0,
        now
    )
    .fetch_optional(&mut **tx)
    .await?)
}

pub async fn set_session_told(tx: &mut Tx, guild_id: GuildId, key: &str) -> Result<()> {
    sqlx::query!("UPDATE stats_session SET due_at = NULL WHERE guild_id = $1 AND key = $2", guild_id.0, key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Sessions with a round at or after `since` and before `before`, the newest first.
    pub async fn list_stats_sessions(
        &self,
        guild_id: GuildId,
        since: Option<DateTime<Utc>>,
        before: Option<DateTime<Utc>>,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<StatsSession>> {
        Ok(sqlx::query_as!(
            StatsSession,
            r#"SELECT key, first_at, last_at, rounds, maps, players, score_one, score_two,
                 EXISTS (SELECT FROM stats_card c WHERE c.guild_id = $1 AND c.kind = 'session' AND c.key = s.key) AS "is_told!"
             FROM stats_session s
             WHERE guild_id = $1 AND ($2::timestamptz IS NULL OR last_at >= $2) AND ($3::timestamptz IS NULL OR first_at < $3)
             ORDER BY last_at DESC, key DESC OFFSET $4 LIMIT $5"#,
            guild_id.0,
            since,
            before,
            offset,
            limit
        )
        .fetch_all(&self.pool)
        .await?)
    }

    pub async fn find_stats_session(&self, guild_id: GuildId, key: &str) -> Result<Option<StatsSession>> {
        Ok(sqlx::query_as!(
            StatsSession,
            r#"SELECT key, first_at, last_at, rounds, maps, players, score_one, score_two,
                 EXISTS (SELECT FROM stats_card c WHERE c.guild_id = $1 AND c.kind = 'session' AND c.key = s.key) AS "is_told!"
             FROM stats_session s WHERE guild_id = $1 AND key = $2"#,
            guild_id.0,
            key
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Servers with a session whose summary is due.
    pub async fn list_stats_due(&self, now: DateTime<Utc>) -> Result<Vec<GuildId>> {
        let rows = sqlx::query_scalar!(
            "SELECT DISTINCT guild_id FROM stats_session WHERE due_at <= $1 ORDER BY guild_id",
            now
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(GuildId).collect())
    }

    /// When the next summary is due.
    pub async fn next_stats_due_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!("SELECT min(due_at) FROM stats_session WHERE due_at IS NOT NULL")
            .fetch_one(&self.pool)
            .await?)
    }
}
