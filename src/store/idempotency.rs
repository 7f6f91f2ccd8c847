//! Requests with an Idempotency-Key: who carries one out, and what was answered. Answers are encrypted, because
//! one may hold a secret that is shown once.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Result, Store};
use crate::id::GuildId;

/// How long an answer is given again.
pub const ANSWERS_KEPT: TimeDelta = TimeDelta::hours(24);

/// A request as it comes in.
pub struct NewRequest<'a> {
    pub api_key_id: Uuid,
    pub guild_id: GuildId,
    pub key: &'a str,
    pub hash: &'a [u8],
    pub claim: Uuid,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours to carry out; it first came at that time.
    Ours(DateTime<Utc>),
    UnderWay,
    /// It was carried out; this was the answer.
    Done(String),
    /// Its key stands for another request.
    Other,
}

fn answer_place(api_key_id: Uuid, key: &str) -> String {
    format!("idempotency:{api_key_id}/{key}:answer")
}

impl Store {
    /// Claims a request. One whose carrier has not come back until `claimed_until` may be claimed again.
    pub async fn claim_request(
        &self,
        request: &NewRequest<'_>,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Claimed> {
        let first_at = sqlx::query_scalar!(
            "INSERT INTO idempotency AS i (api_key_id, key, guild_id, request_hash, created_at, claim, claimed_until)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (api_key_id, key) DO UPDATE
             SET request_hash = EXCLUDED.request_hash, claim = EXCLUDED.claim, claimed_until = EXCLUDED.claimed_until,
                 created_at = CASE WHEN i.created_at <= $8 THEN EXCLUDED.created_at ELSE i.created_at END, answer = NULL
             WHERE i.created_at <= $8
                OR (i.answer IS NULL AND i.claimed_until <= $5 AND i.request_hash = EXCLUDED.request_hash)
             RETURNING created_at",
            request.api_key_id,
            request.key,
            request.guild_id.0,
            request.hash,
            now,
            request.claim,
            until,
            now - ANSWERS_KEPT
        )
        .fetch_optional(&self.pool)
        .await?;
        if let Some(at) = first_at {
            return Ok(Claimed::Ours(at));
        }
        let row = sqlx::query!(
            "SELECT request_hash, answer FROM idempotency WHERE api_key_id = $1 AND key = $2",
            request.api_key_id,
            request.key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(match row {
            Some(row) if row.request_hash != request.hash => Claimed::Other,
            Some(row) => match row.answer {
                Some(sealed) => Claimed::Done(self.keys.open(&answer_place(request.api_key_id, request.key), &sealed)?),
                None => Claimed::UnderWay,
            },
            // It has just failed and was given up.
            None => Claimed::UnderWay,
        })
    }

    /// Keeps the answer of a request that is still ours.
    pub async fn finish_request(&self, request: &NewRequest<'_>, answer: &str) -> Result<()> {
        let sealed = self.keys.seal(&answer_place(request.api_key_id, request.key), answer)?;
        sqlx::query!(
            "UPDATE idempotency SET answer = $4 WHERE api_key_id = $1 AND key = $2 AND claim = $3",
            request.api_key_id,
            request.key,
            request.claim,
            sealed
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives up a request that changed nothing: it may be sent again, changed too.
    pub async fn give_up_request(&self, request: &NewRequest<'_>) -> Result<()> {
        sqlx::query!(
            "DELETE FROM idempotency WHERE api_key_id = $1 AND key = $2 AND claim = $3",
            request.api_key_id,
            request.key,
            request.claim
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Deletes requests whose answers are no longer given again.
    pub(super) async fn purge_requests(&self, before: DateTime<Utc>, limit: i64) -> Result<u64> {
        let done = sqlx::query!(
            "DELETE FROM idempotency WHERE (api_key_id, key) IN
                 (SELECT api_key_id, key FROM idempotency WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
