//! What was found when a broadcaster's channel was last looked after: its subscriptions at Kick, and whether it is live by
//! the API. A broadcaster is looked after once, for all servers that are connected with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// The last look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KickCheck {
    pub broadcaster_user_id: i64,
    /// Since when somebody wants it looked at, whatever is due.
    pub asked_at: Option<DateTime<Utc>>,
    /// `None`: there was none yet.
    pub checked_at: Option<DateTime<Utc>>,
    /// How many looks in a row failed, and why the last one did.
    pub failures: i32,
    pub error: Option<String>,
    /// Kinds of event that Kick does not send although it was asked to, each with its reason.
    pub missing: BTreeMap<String, String>,
    /// Subscriptions that the look created and removed.
    pub created: i32,
    pub removed: i32,
    /// Since when it is live by the API.
    pub live_since: Option<DateTime<Utc>>,
    pub live_checked_at: Option<DateTime<Utc>>,
    /// When the newest chat message came, to within half a minute.
    pub chat_at: Option<DateTime<Utc>>,
}

/// A broadcaster that is to be looked after, under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedCheck {
    pub before: KickCheck,
    pub lease_token: Uuid,
}

/// Has a broadcaster looked after at once, subscriptions included.
pub async fn ask_kick_check(tx: &mut Tx, broadcaster_user_id: i64, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO kick_check (broadcaster_user_id, next_at, asked_at) VALUES ($1, $2, $2)
         ON CONFLICT (broadcaster_user_id) DO UPDATE SET next_at = LEAST(kick_check.next_at, $2), asked_at = $2",
        broadcaster_user_id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Leases broadcasters that are due, or this one alone. Those of which nothing is known yet are due at once.
    pub async fn claim_kick_checks(
        &self,
        only: Option<i64>,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ClaimedCheck>> {
        sqlx::query!(
            "INSERT INTO kick_check (broadcaster_user_id, next_at)
             SELECT DISTINCT c.broadcaster_user_id, $1::timestamptz FROM kick_channel c
             WHERE c.disconnected_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM kick_check k WHERE k.broadcaster_user_id = c.broadcaster_user_id)
             ON CONFLICT DO NOTHING",
            now
        )
        .execute(&self.pool)
        .await?;
        let rows = sqlx::query!(
            "UPDATE kick_check k SET lease_token = $1, leased_until = $3 FROM
                 (SELECT broadcaster_user_id FROM kick_check
                  WHERE next_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
                    AND ($5::bigint IS NULL OR broadcaster_user_id = $5)
                  ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED) due
             WHERE k.broadcaster_user_id = due.broadcaster_user_id
             RETURNING k.broadcaster_user_id, k.asked_at, k.checked_at, k.failures, k.error, k.missing, k.created, k.removed,
                 k.live_since, k.live_checked_at, k.chat_at",
            token,
            now,
            until,
            limit,
            only
        )
        .fetch_all(&self.pool)
        .await?;
        let claimed = rows.into_iter().map(|r| ClaimedCheck {
            before: KickCheck {
                broadcaster_user_id: r.broadcaster_user_id,
                asked_at: r.asked_at,
                checked_at: r.checked_at,
                failures: r.failures,
                error: r.error,
                missing: serde_json::from_value(r.missing).unwrap_or_default(),
                created: r.created,
                removed: r.removed,
                live_since: r.live_since,
                live_checked_at: r.live_checked_at,
                chat_at: r.chat_at,
            },
            lease_token: token,
        });
        Ok(claimed.collect())
    }

    /// Notes what a look found, where the lease is still ours. Asked for again meanwhile, it is due again.
    pub async fn save_kick_check(
        &self,
        claimed: &ClaimedCheck,
        found: &KickCheck,
        next_at: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE kick_check SET next_at = CASE WHEN asked_at IS NULL OR asked_at = $12 THEN $3 ELSE asked_at END,
                 asked_at = NULLIF(asked_at, $12), checked_at = $4, failures = $5, error = $6, missing = $7, created = $8,
                 removed = $9, live_since = $10, live_checked_at = $11, lease_token = NULL, leased_until = NULL
             WHERE broadcaster_user_id = $1 AND lease_token = $2",
            claimed.before.broadcaster_user_id,
            claimed.lease_token,
            next_at,
            found.checked_at,
            found.failures,
            found.error,
            serde_json::json!(found.missing),
            found.created,
            found.removed,
            found.live_since,
            found.live_checked_at,
            claimed.before.asked_at
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Nobody is connected with it any more, and nothing of it is left at Kick.
    pub async fn delete_kick_check(&self, claimed: &ClaimedCheck) -> Result<()> {
        sqlx::query!(
            "DELETE FROM kick_check WHERE broadcaster_user_id = $1 AND lease_token = $2",
            claimed.before.broadcaster_user_id,
            claimed.lease_token
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn find_kick_check(&self, broadcaster_user_id: i64) -> Result<Option<KickCheck>> {
        let row = sqlx::query!(
            "SELECT asked_at, checked_at, failures, error, missing, created, removed, live_since, live_checked_at, chat_at
             FROM kick_check
             WHERE broadcaster_user_id = $1",
            broadcaster_user_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| KickCheck {
            broadcaster_user_id,
            asked_at: r.asked_at,
            checked_at: r.checked_at,
            failures: r.failures,
            error: r.error,
            missing: serde_json::from_value(r.missing).unwrap_or_default(),
            created: r.created,
            removed: r.removed,
            live_since: r.live_since,
            live_checked_at: r.live_checked_at,
            chat_at: r.chat_at,
        }))
    }

    pub async fn next_kick_check_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!("SELECT min(GREATEST(next_at, leased_until)) FROM kick_check")
            .fetch_one(&self.pool)
            .await?)
    }

    /// By the API this stream goes on no longer: its end never came as an event. An event that tells it later stands
    /// against this.
    pub async fn mark_kick_stream_over(&self, guild_id: GuildId, id: Uuid, ended_at: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE kick_stream SET ended_at = GREATEST($3, started_at), ended_by = 'api'
             WHERE guild_id = $1 AND id = $2 AND ended_at IS NULL",
            guild_id.0,
            id,
            ended_at
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// By the API it goes on after all. What an event has ended stays ended.
    pub async fn reopen_kick_stream(
        &self,
        guild_id: GuildId,
        kick_channel_id: Uuid,
        started_at: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "UPDATE kick_stream SET ended_at = NULL, ended_by = NULL
             WHERE guild_id = $1 AND kick_channel_id = $2 AND started_at = $3 AND ended_by = 'api'",
            guild_id.0,
            kick_channel_id,
            started_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Servers that are connected with a broadcaster's channel.
    pub async fn list_kick_channels_of(&self, broadcaster_user_id: i64) -> Result<Vec<(GuildId, Uuid, String)>> {
        let rows = sqlx::query!(
            "SELECT guild_id, id, name FROM kick_channel WHERE broadcaster_user_id = $1 AND disconnected_at IS NULL
             ORDER BY guild_id",
            broadcaster_user_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (GuildId(r.guild_id), r.id, r.name)).collect())
    }

    /// When chat last came, of several broadcasters at once.
    pub async fn save_kick_chat_times(&self, times: &[(i64, DateTime<Utc>)]) -> Result<()> {
        let broadcasters: Vec<i64> = times.iter().map(|(broadcaster, _)| *broadcaster).collect();
        let at: Vec<DateTime<Utc>> = times.iter().map(|(_, at)| *at).collect();
        sqlx::query!(
            "UPDATE kick_check k SET chat_at = GREATEST(k.chat_at, t.at)
             FROM unnest($1::bigint[], $2::timestamptz[]) AS t (broadcaster, at) WHERE k.broadcaster_user_id = t.broadcaster",
            &broadcasters,
            &at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
