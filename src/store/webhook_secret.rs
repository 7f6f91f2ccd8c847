//! Which secrets of a source are live: their order, ends and last use. Their values are settings.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};

/// What is known of one secret; its value is elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretRow {
    /// The key of the setting, or `env:current` and `env:previous`.
    pub slot: String,
    pub created_at: DateTime<Utc>,
    pub confirmed_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// False when another process rotates the secret of this source; the turn ends with the transaction.
pub async fn try_lock_rotation(tx: &mut Tx, source_id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtextextended('webhook-secret:' || $1::text, 0)) AS "held!""#,
        source_id.to_string()
    )
    .fetch_one(&mut **tx)
    .await?)
}

impl Store {
    /// The newest first.
    pub async fn list_webhook_secrets(&self, source_id: Uuid) -> Result<Vec<SecretRow>> {
        Ok(sqlx::query_as!(
            SecretRow,
            "SELECT slot, created_at, confirmed_at, ends_at, last_used_at FROM webhook_secret
             WHERE source_id = $1 ORDER BY created_at DESC, slot DESC",
            source_id
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Notes a secret unless it is known, or unless another one waits to be confirmed.
    pub async fn ensure_webhook_secret(
        &self,
        source_id: Uuid,
        slot: &str,
        confirmed_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sqlx::query!(
            "INSERT INTO webhook_secret (source_id, slot, created_at, confirmed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            source_id,
            slot,
            now,
            confirmed_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The upstream has this secret: from now on the other generated ones have an end. One transaction.
    pub async fn confirm_webhook_secret(
        &self,
        source_id: Uuid,
        slot: &str,
        others_end_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let first = sqlx::query!(
            "UPDATE webhook_secret SET confirmed_at = $3 WHERE source_id = $1 AND slot = $2 AND confirmed_at IS NULL",
            source_id,
            slot,
            now
        )
        .execute(&mut *tx)
        .await?
        .rows_affected()
            > 0;
        if first {
            sqlx::query!(
                "UPDATE webhook_secret SET ends_at = LEAST(COALESCE(ends_at, $3), $3)
                 WHERE source_id = $1 AND slot <> $2 AND slot NOT LIKE 'env:%'",
                source_id,
                slot,
                others_end_at
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(first)
    }

    /// Ends the generated secrets that were to end later. Returns how many.
    pub async fn end_old_webhook_secrets(&self, source_id: Uuid, now: DateTime<Utc>) -> Result<u64> {
        Ok(sqlx::query!("UPDATE webhook_secret SET ends_at = $2 WHERE source_id = $1 AND ends_at > $2", source_id, now)
            .execute(&self.pool)
            .await?
            .rows_affected())
    }

    /// Notes that a request was signed with it.
    pub async fn note_webhook_secret_use(&self, source_id: Uuid, slot: &str, now: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "INSERT INTO webhook_secret (source_id, slot, created_at, confirmed_at, last_used_at) VALUES ($1, $2, $3, $3, $3)
             ON CONFLICT (source_id, slot) DO UPDATE SET last_used_at = GREATEST(webhook_secret.last_used_at, $3)",
            source_id,
            slot,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
