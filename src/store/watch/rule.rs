//! The rules of counting and earning, each from an hour on; times that are forced or paused.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::{Result, Store, Tx};

/// Rules as they were set.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRules {
    pub guild_id: GuildId,
    /// The first hour under them, since 1970, UTC.
    pub from_hour: i32,
    pub rules: Value,
}

/// A stretch that counts in any case, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchPeriod {
    pub id: Uuid,
    pub guild_id: GuildId,
    /// `force` or `pause`.
    pub kind: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Sets the rules from an hour on; what was set for that hour before is replaced.
pub async fn set_rules(tx: &mut Tx, rules: &StoredRules, by: Option<Uuid>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO community_rule (guild_id, from_hour, rules, set_at, set_by_id) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (guild_id, from_hour) DO UPDATE
             SET rules = EXCLUDED.rules, set_at = EXCLUDED.set_at, set_by_id = EXCLUDED.set_by_id",
        rules.guild_id.0,
        rules.from_hour,
        rules.rules,
        now,
        by
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Begins a stretch, or ends the one that is open. Returns whether that changed anything.
pub async fn set_period(
    tx: &mut Tx,
    guild_id: GuildId,
    kind: &str,
    on: bool,
    id: Uuid,
    by: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = if on {
        sqlx::query!(
            "INSERT INTO watch_period (id, guild_id, kind, started_at, set_by_id) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            id,
            guild_id.0,
            kind,
            now,
            by
        )
        .execute(&mut **tx)
        .await?
    } else {
        sqlx::query!(
            "UPDATE watch_period SET ended_at = $3 WHERE guild_id = $1 AND kind = $2 AND ended_at IS NULL",
            guild_id.0,
            kind,
            now
        )
        .execute(&mut **tx)
        .await?
    };
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    // The hours from its beginning on are counted again.
    sqlx::query!(
        "UPDATE watch_channel SET due_at = $2, version = version + 1 WHERE guild_id = $1 AND hour >=
             (SELECT floor(extract(epoch FROM max(started_at)) / 3600) FROM watch_period WHERE guild_id = $1 AND kind = $3)",
        guild_id.0,
        now,
        kind
    )
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// As [`Store::list_rules`], within a transaction.
pub async fn list_rules_in(tx: &mut Tx) -> Result<Vec<StoredRules>> {
    let rows = sqlx::query!("SELECT guild_id, from_hour, rules FROM community_rule ORDER BY guild_id, from_hour")
        .fetch_all(&mut **tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|r| StoredRules { guild_id: GuildId(r.guild_id), from_hour: r.from_hour, rules: r.rules })
        .collect())
}

impl Store {
    /// All rules of all servers, oldest first.
    pub async fn list_rules(&self) -> Result<Vec<StoredRules>> {
        list_rules_in(&mut self.begin().await?).await
    }

    /// Stretches of a server that touch a span.
    pub async fn list_periods(
        &self,
        guild_id: GuildId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<WatchPeriod>> {
        let rows = sqlx::query!(
            "SELECT id, kind, started_at, ended_at FROM watch_period
             WHERE guild_id = $1 AND started_at < $3 AND (ended_at IS NULL OR ended_at > $2) ORDER BY started_at",
            guild_id.0,
            from,
            until
        )
        .fetch_all(&self.pool)
        .await?;
        let period = rows.into_iter().map(|r| WatchPeriod {
            id: r.id,
            guild_id,
            kind: r.kind,
            started_at: r.started_at,
            ended_at: r.ended_at,
        });
        Ok(period.collect())
    }
}
