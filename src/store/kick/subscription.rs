//! Event subscriptions at Kick, by Kick's own ids. They belong to a broadcaster and serve every server that is
//! connected with that channel.

use chrono::{DateTime, Utc};

use super::super::{Result, Store};
use super::KickChannel;

/// A subscription that Kick delivers by.
#[derive(Clone, Debug, PartialEq)]
pub struct KickSubscription {
    /// Kick's.
    pub id: String,
    pub broadcaster_user_id: i64,
    /// Kick's name of the event, such as `chat.message.sent`.
    pub kind: String,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    /// When Kick last listed it.
    pub listed_at: Option<DateTime<Utc>>,
}

/// A subscription that Kick has answered with, or lists.
#[derive(Clone, Debug, PartialEq)]
pub struct NewKickSubscription {
    pub id: String,
    pub broadcaster_user_id: i64,
    pub kind: String,
    pub version: i32,
}

impl Store {
    /// Remembers subscriptions; one that is known already, or was removed, is known as live from now on.
    pub async fn insert_kick_subscriptions(&self, new: &[NewKickSubscription], now: DateTime<Utc>) -> Result<()> {
        let ids: Vec<&str> = new.iter().map(|n| n.id.as_str()).collect();
        let broadcasters: Vec<i64> = new.iter().map(|n| n.broadcaster_user_id).collect();
        let kinds: Vec<&str> = new.iter().map(|n| n.kind.as_str()).collect();
        let versions: Vec<i32> = new.iter().map(|n| n.version).collect();
        sqlx::query!(
            "INSERT INTO kick_subscription (id, broadcaster_user_id, kind, version, created_at)
             SELECT DISTINCT ON (id) t.*, $5::timestamptz
             FROM UNNEST($1::text[], $2::bigint[], $3::text[], $4::integer[]) AS t (id, broadcaster_user_id, kind, version)
             ORDER BY id
             ON CONFLICT (id) DO UPDATE SET broadcaster_user_id = EXCLUDED.broadcaster_user_id, kind = EXCLUDED.kind,
                 version = EXCLUDED.version, removed_at = NULL",
            &ids as &[&str],
            &broadcasters,
            &kinds as &[&str],
            &versions,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Live subscriptions: of one broadcaster, or of all.
    pub async fn list_kick_subscriptions(&self, broadcaster_user_id: Option<i64>) -> Result<Vec<KickSubscription>> {
        Ok(sqlx::query_as!(
            KickSubscription,
            "SELECT id, broadcaster_user_id, kind, version, created_at, listed_at FROM kick_subscription
             WHERE removed_at IS NULL AND ($1::bigint IS NULL OR broadcaster_user_id = $1)
             ORDER BY broadcaster_user_id, kind, created_at, id",
            broadcaster_user_id
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Kick has just listed these.
    pub async fn mark_kick_subscriptions_listed(&self, ids: &[String], now: DateTime<Utc>) -> Result<()> {
        sqlx::query!("UPDATE kick_subscription SET listed_at = $2 WHERE id = ANY($1)", ids, now)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// These are Kick's no more, or are not wanted: what still comes by them counts for nothing.
    pub async fn mark_kick_subscriptions_removed(&self, ids: &[String], now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE kick_subscription SET removed_at = $2 WHERE id = ANY($1) AND removed_at IS NULL",
            ids,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Everything that it takes to tell what a delivery is for.
    pub async fn read_kick_directory(&self) -> Result<(Vec<KickSubscription>, Vec<KickChannel>)> {
        // Channels last: of one that is connected meanwhile the subscription is missing, and is looked up again.
        Ok((self.list_kick_subscriptions(None).await?, self.list_all_kick_channels().await?))
    }

    /// Those that ended so long ago that nothing can come by them any more.
    pub(in crate::store) async fn purge_kick_subscriptions(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let gone = sqlx::query!(
            "DELETE FROM kick_subscription WHERE id IN
                 (SELECT id FROM kick_subscription WHERE removed_at < $1 ORDER BY removed_at LIMIT $2)",
            before,
            limit
        );
        Ok(gone.execute(&self.pool).await?.rows_affected())
    }
}
