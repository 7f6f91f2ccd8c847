//! By which whoever decided for an action is told that it was refused, as long as Discord takes words for them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::secret::{open_reply_token, seal_reply_token};
use crate::store::{Result, Store, Tx};

/// Where a press is answered after its first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub application_id: i64,
    pub token: String,
}

/// Keeps it for the decision that this press took, in the place of one before. Without a key it is not kept.
pub async fn keep_reply(
    tx: &mut Tx,
    guild_id: GuildId,
    approval_id: Uuid,
    person_id: Uuid,
    reply: &Reply,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(token) = seal_reply_token(&tx.keys, approval_id, &reply.token) else { return Ok(()) };
    sqlx::query!(
        "INSERT INTO approval_reply (approval_id, guild_id, person_id, application_id, interaction_token, asked_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (approval_id) DO UPDATE SET person_id = $3, application_id = $4, interaction_token = $5, asked_at = $6",
        approval_id,
        guild_id.0,
        person_id,
        reply.application_id,
        token,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes it out: it serves once. `None` when it is older than `since`, or of nobody.
pub async fn take_reply(
    tx: &mut Tx,
    guild_id: GuildId,
    approval_id: Uuid,
    since: DateTime<Utc>,
) -> Result<Option<Reply>> {
    let row = sqlx::query!(
        "DELETE FROM approval_reply WHERE approval_id = $1 AND guild_id = $2
         RETURNING application_id, interaction_token, asked_at",
        approval_id,
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row.filter(|row| row.asked_at > since) else { return Ok(None) };
    let token = open_reply_token(&tx.keys, approval_id, &row.interaction_token);
    Ok(token.map(|token| Reply { application_id: row.application_id, token }))
}

pub async fn count_refusal(tx: &mut Tx, guild_id: GuildId, approval_id: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE approval SET refusals = refusals + 1 WHERE id = $1 AND guild_id = $2",
        approval_id,
        guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// How often what was decided about a thing was refused.
    pub async fn count_refused(&self, guild_id: GuildId, subject_id: Uuid) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            r#"SELECT COALESCE(sum(refusals), 0) AS "count!" FROM approval WHERE guild_id = $1 AND subject_id = $2"#,
            guild_id.0,
            subject_id
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Discord takes no words by them any more.
    pub async fn forget_approval_replies(&self, before: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!("DELETE FROM approval_reply WHERE asked_at < $1", before).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }
}
