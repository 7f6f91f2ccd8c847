//! Lanes: one per destination, worked by one process at a time under a lease.

use chrono::{DateTime, Utc};
use sqlx::Connection;
use uuid::Uuid;

use super::destination::{Destination, Row};
use super::{Result, Store, Tx};

/// A lane that this process may work until `until`.
#[derive(Clone, Debug)]
pub struct Lane {
    pub destination: Destination,
    pub token: Uuid,
    pub failures: i32,
}

/// The advisory lock by which others see that this process lives. It is held by a connection of its
/// own and ends with it, so the leases of a killed process are taken over at once.
pub struct OwnerLock {
    pub owner: i64,
    connection: sqlx::PgConnection,
}

impl OwnerLock {
    /// Fails when the connection, and with it the lock, is gone.
    pub async fn check(&mut self) -> Result<()> {
        Ok(self.connection.ping().await?)
    }
}

impl Store {
    pub async fn lock_owner(&self, owner: i64) -> Result<OwnerLock> {
        let mut connection = sqlx::PgConnection::connect_with(&self.pool.connect_options()).await?;
        sqlx::query!("SELECT pg_advisory_lock($1)", owner).execute(&mut connection).await?;
        Ok(OwnerLock { owner, connection })
    }

    /// An advisory lock for a role that only one process may play, such as a gateway session.
    /// `None` when another process holds it.
    pub async fn try_role(&self, role: &str) -> Result<Option<OwnerLock>> {
        let mut connection = sqlx::PgConnection::connect_with(&self.pool.connect_options()).await?;
        let owner =
            sqlx::query_scalar!(r#"SELECT hashtextextended($1, 7) AS "key!""#, role).fetch_one(&mut connection).await?;
        let got = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "got!""#, owner)
            .fetch_one(&mut connection)
            .await?;
        Ok(got.then_some(OwnerLock { owner, connection }))
    }

    /// As [`Store::try_role`], waiting until no other process holds it: first come, first served.
    pub async fn lock_role(&self, role: &str) -> Result<OwnerLock> {
        let mut connection = sqlx::PgConnection::connect_with(&self.pool.connect_options()).await?;
        let owner =
            sqlx::query_scalar!(r#"SELECT hashtextextended($1, 7) AS "key!""#, role).fetch_one(&mut connection).await?;
        sqlx::query!("SELECT pg_advisory_lock($1)", owner).execute(&mut connection).await?;
        Ok(OwnerLock { owner, connection })
    }

    /// Ends the leases of processes whose advisory lock is free, and their claims of checks. Returns how many
    /// there were.
    pub async fn reclaim_orphaned_leases(&self, own: i64, now: DateTime<Utc>) -> Result<u64> {
        let owners = sqlx::query_scalar!(
            r#"SELECT lease_owner AS "owner!" FROM lane WHERE leased_until > $1 AND lease_owner <> $2
               UNION SELECT check_owner FROM destination WHERE check_not_before > $1 AND check_owner <> $2"#,
            now,
            own
        )
        .fetch_all(&self.pool)
        .await?;
        let mut freed = 0;
        for owner in owners {
            let mut tx = self.begin().await?;
            let gone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "gone!""#, owner)
                .fetch_one(&mut *tx)
                .await?;
            if gone {
                freed += sqlx::query!(
                    "UPDATE destination SET check_not_before = NULL, check_owner = NULL WHERE check_owner = $1",
                    owner
                )
                .execute(&mut *tx)
                .await?
                .rows_affected();
                freed += sqlx::query!(
                    "UPDATE lane SET lease_token = NULL, leased_until = NULL, lease_owner = NULL
                     WHERE lease_owner = $1 AND leased_until IS NOT NULL",
                    owner
                )
                .execute(&mut *tx)
                .await?
                .rows_affected();
            }
            tx.commit().await?;
        }
        Ok(freed)
    }

    /// Leases up to `limit` lanes that have something to do and may do it now.
    pub async fn claim_lanes(
        &self,
        token: Uuid,
        owner: i64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Lane>> {
        let mut tx = self.begin_preparing().await?;
        let rows = sqlx::query!(
            "WITH due AS (
                SELECT l.destination_id, d.guild_id, d.channel_id, d.webhook_id, d.webhook_token, d.webhook_channel_id,
                    d.disabled_because, d.kind, d.archives_resolved, d.forum_tags
                FROM lane l JOIN destination d ON d.id = l.destination_id
                WHERE l.not_before <= $3 AND (l.leased_until IS NULL OR l.leased_until <= $3)
                  AND d.disabled_at IS NULL AND d.checked_at IS NOT NULL AND d.enabled AND d.removed_at IS NULL
                  AND (EXISTS (SELECT 1 FROM message m WHERE m.destination_id = l.destination_id AND m.state = 'queued')
                    OR EXISTS (SELECT 1 FROM send s WHERE s.destination_id = l.destination_id
                               AND s.state IN ('open', 'in_doubt', 'unresolved') AND s.not_before <= $3)
                    OR EXISTS (SELECT 1 FROM send s WHERE s.destination_id = l.destination_id
                               AND s.lateness_due AND s.not_before <= $3)
                    OR EXISTS (SELECT 1 FROM card c WHERE c.destination_id = l.destination_id
                               AND c.version > c.shown_version AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                               AND (c.edit_not_before IS NULL OR c.edit_not_before <= $3)))
                ORDER BY l.not_before, l.destination_id
                LIMIT $5
                FOR UPDATE OF l SKIP LOCKED
            )
            UPDATE lane SET lease_token = $1, lease_owner = $2, leased_until = $4
            FROM due WHERE lane.destination_id = due.destination_id
            RETURNING lane.destination_id, lane.failures, due.guild_id, due.channel_id, due.webhook_id,
                due.webhook_token, due.webhook_channel_id, due.disabled_because, due.kind, due.archives_resolved,
                due.forum_tags",
            token,
            owner,
            now,
            until,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows
            .into_iter()
            .filter_map(|r| {
                let row = Row {
                    id: r.destination_id,
                    guild_id: r.guild_id,
                    channel_id: r.channel_id,
                    webhook_id: r.webhook_id,
                    webhook_token: r.webhook_token,
                    webhook_channel_id: r.webhook_channel_id,
                    disabled_because: r.disabled_because,
                    kind: r.kind,
                    archives_resolved: r.archives_resolved,
                    forum_tags: r.forum_tags,
                };
                Some(Lane { destination: row.open_or_report(&self.keys)?, token, failures: r.failures })
            })
            .collect())
    }

    /// Extends a lease that is still ours. False when it is not: stop working the lane.
    pub async fn renew_lane(&self, lane: &Lane, until: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE lane SET leased_until = $3 WHERE destination_id = $1 AND lease_token = $2",
            lane.destination.id,
            lane.token,
            until
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a lane back. `not_before` moves its next turn, `None` leaves it as it is.
    pub async fn release_lane(&self, lane: &Lane, not_before: Option<DateTime<Utc>>) -> Result<()> {
        // A release that is lost with the server lapses as the lease does.
        let mut tx = self.begin_preparing().await?;
        sqlx::query!(
            "UPDATE lane SET lease_token = NULL, leased_until = NULL, lease_owner = NULL,
                 not_before = GREATEST(not_before, COALESCE($3, not_before))
             WHERE destination_id = $1 AND lease_token = $2",
            lane.destination.id,
            lane.token,
            not_before
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// When the next lane, send or edit that is waiting for its time comes due.
    pub async fn next_delivery_at(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(at) FROM (
                SELECT min(l.not_before) AS at FROM lane l WHERE l.not_before > $1
                UNION ALL SELECT min(l.leased_until) FROM lane l WHERE l.leased_until > $1
                UNION ALL SELECT min(s.not_before) FROM send s
                    WHERE (s.state IN ('open', 'in_doubt', 'unresolved') OR s.lateness_due) AND s.not_before > $1
                UNION ALL SELECT min(c.edit_not_before) FROM card c
                    WHERE c.version > c.shown_version AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                      AND c.edit_not_before > $1
             ) t",
            now
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// Takes the lane row under lock if the lease is still ours.
pub(super) async fn hold(tx: &mut Tx, lane: &Lane) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        "SELECT 1 AS one FROM lane WHERE destination_id = $1 AND lease_token = $2 FOR UPDATE",
        lane.destination.id,
        lane.token
    )
    .fetch_optional(&mut **tx)
    .await?
    .is_some())
}

/// Sets a lane's next turn and its failure count, the lease staying as it is.
pub(super) async fn set_pace(tx: &mut Tx, lane: &Lane, not_before: Option<DateTime<Utc>>, failures: i32) -> Result<()> {
    sqlx::query!(
        "UPDATE lane SET not_before = GREATEST(not_before, COALESCE($3, not_before)), failures = $4
         WHERE destination_id = $1 AND lease_token = $2",
        lane.destination.id,
        lane.token,
        not_before,
        failures
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
