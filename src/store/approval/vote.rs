//! Votes: who has approved while more than one has to, and who must not because they asked.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Approval;
use crate::store::link::find_upstream_link;
use crate::store::{Result, Tx};

pub async fn has_vote(tx: &mut Tx, approval_id: Uuid, person_id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM approval_vote WHERE approval_id = $1 AND person_id = $2) AS "has!""#,
        approval_id,
        person_id
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Counts a person once. False when they had approved before.
pub async fn insert_vote(
    tx: &mut Tx,
    approval_id: Uuid,
    person_id: Uuid,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO approval_vote (approval_id, person_id, voted_at, reason) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
        approval_id,
        person_id,
        now,
        reason
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a person's vote back. False when there is none.
pub async fn delete_vote(tx: &mut Tx, approval_id: Uuid, person_id: Uuid) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM approval_vote WHERE approval_id = $1 AND person_id = $2", approval_id, person_id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Voids all votes.
pub async fn delete_votes(tx: &mut Tx, approval_id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM approval_vote WHERE approval_id = $1", approval_id).execute(&mut **tx).await?;
    Ok(())
}

/// Whether this person is who asked: named by the mention, id or name that Discord has for them (`names`), or
/// by the user that they are linked to at the source.
pub async fn is_requester(tx: &mut Tx, approval: &Approval, person_id: Uuid, names: &[String]) -> Result<bool> {
    let Some(requester) = approval.requested_by.as_deref().map(str::trim) else { return Ok(false) };
    let link = find_upstream_link(tx, approval.source_id, person_id).await?;
    let of_link = link.map(|link| [link.upstream_user_id, link.upstream_name]);
    if of_link.iter().flatten().any(|name| name.eq_ignore_ascii_case(requester)) {
        return Ok(true);
    }
    let id = sqlx::query_scalar!("SELECT discord_user_id FROM person WHERE id = $1", person_id)
        .fetch_optional(&mut **tx)
        .await?
        .flatten();
    let named = requester.trim_start_matches("<@").trim_start_matches('!').trim_end_matches('>');
    let by_id = id.is_some_and(|id| named == id.to_string());
    let by_name = names.iter().any(|name| requester.trim_start_matches('@').eq_ignore_ascii_case(name));
    Ok(by_id || by_name)
}
