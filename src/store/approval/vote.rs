//! Votes: who has approved while more than one has to, and who must not because they asked.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::Approval;
use crate::id::{GuildId, UserId};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::{Result, Tx};

/// Whether a person has voted, for this action where there are several.
pub async fn has_vote(tx: &mut Tx, approval_id: Uuid, person_id: Uuid, choice: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM approval_vote WHERE approval_id = $1 AND person_id = $2 AND choice = $3)
           AS "has!""#,
        approval_id,
        person_id,
        choice
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Counts a person once, for what they chose last. False when they had approved before.
pub async fn insert_vote(
    tx: &mut Tx,
    approval_id: Uuid,
    person_id: Uuid,
    choice: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool> {
    let is_new = sqlx::query_scalar!(
        r#"INSERT INTO approval_vote (approval_id, person_id, voted_at, reason, choice) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (approval_id, person_id) DO UPDATE SET voted_at = $3, reason = $4, choice = $5
               WHERE approval_vote.choice <> $5
           RETURNING (xmax = 0) AS "is_new!""#,
        approval_id,
        person_id,
        now,
        reason,
        choice
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(is_new == Some(true))
}

/// How many voted for this.
pub async fn count_votes(tx: &mut Tx, approval_id: Uuid, choice: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM approval_vote WHERE approval_id = $1 AND choice = $2"#,
        approval_id,
        choice
    )
    .fetch_one(&mut **tx)
    .await?)
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

/// Takes back what this person's approvals count for where others are still needed, and says so in the audit log.
pub async fn withdraw_votes(tx: &mut Tx, person_id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let open = sqlx::query!(
        "SELECT a.id, a.guild_id FROM approval a
         WHERE a.state = 'requested' AND a.id IN (SELECT approval_id FROM approval_vote WHERE person_id = $1)
         ORDER BY a.id FOR UPDATE OF a",
        person_id
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in open {
        if !delete_vote(tx, row.id, person_id).await? {
            continue;
        }
        sqlx::query!("UPDATE approval SET votes = votes - 1 WHERE id = $1", row.id).execute(&mut **tx).await?;
        let line = NewAudit {
            guild_id: GuildId(row.guild_id),
            approval_id: Some(row.id),
            person_id: Some(person_id),
            action: "vote_withdrawn",
            detail: json!({ "why": "the member was forgotten" }),
        };
        insert_audit(tx, &line, now).await?;
    }
    Ok(())
}

/// Whether this person is who asked: named by the mention, id or name that Discord has for them (`names`), by
/// the user that they are linked to at the source, or by one that they were linked to since it was opened.
pub async fn is_requester(tx: &mut Tx, approval: &Approval, person_id: Uuid, names: &[String]) -> Result<bool> {
    let Some(requester) = approval.requested_by.as_deref().map(str::trim) else { return Ok(false) };
    if is_linked_with(tx, approval.source_id, person_id, requester).await? {
        return Ok(true);
    }
    let id = sqlx::query_scalar!("SELECT discord_user_id FROM person WHERE id = $1", person_id)
        .fetch_optional(&mut **tx)
        .await?
        .flatten();
    if let Some(id) = id
        && is_barred(tx, approval.id, UserId(id)).await?
    {
        return Ok(true);
    }
    let named = requester.trim_start_matches("<@").trim_start_matches('!').trim_end_matches('>');
    let by_id = id.is_some_and(|id| named == id.to_string());
    let by_name = names.iter().any(|name| requester.trim_start_matches('@').eq_ignore_ascii_case(name));
    Ok(by_id || by_name)
}

/// Whether that is the user of the source, by id, name or e-mail address, whom this person is linked with.
async fn is_linked_with(tx: &mut Tx, source_id: Uuid, person_id: Uuid, requester: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT 1 FROM upstream_link l WHERE l.source_id = $1 AND l.person_id = $2
               AND (lower($3) IN (lower(l.upstream_user_id), lower(l.upstream_name)) OR EXISTS (
                   SELECT 1 FROM upstream_list u, jsonb_array_elements(u.items) item
                   WHERE u.source_id = l.source_id AND u.kind = 'user' AND item ->> 'id' = l.upstream_user_id
                     AND lower($3) IN (lower(item ->> 'name'), lower(item ->> 'email'))))) AS "is!""#,
        source_id,
        person_id,
        requester
    )
    .fetch_one(&mut **tx)
    .await?)
}

async fn is_barred(tx: &mut Tx, approval_id: Uuid, user_id: UserId) -> Result<bool> {
    // Without a key nobody was barred either: a link does not go then.
    let Ok(name) = tx.keys.pseudonym(&user_id.to_string()) else { return Ok(false) };
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM approval WHERE id = $1 AND $2 = ANY (barred)) AS "is!""#,
        approval_id,
        name
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// For the time when a person's link, at this source or any, is about to go: what is open and was asked for by the
/// user whom they are linked with stays barred to them.
pub async fn bar_requester(tx: &mut Tx, user_id: UserId, person_id: Uuid, source_id: Option<Uuid>) -> Result<()> {
    let open = sqlx::query!(
        r#"SELECT a.id, a.source_id, a.requested_by AS "requested_by!"
           FROM approval a JOIN upstream_link l ON l.source_id = a.source_id AND l.person_id = $1
           WHERE a.state IN ('requested', 'deciding', 'sent', 'unknown', 'refused') AND a.requested_by IS NOT NULL
             AND a.terms ->> 'requester_may_approve' = 'false' AND ($2::uuid IS NULL OR a.source_id = $2)
           ORDER BY a.id"#,
        person_id,
        source_id
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in open {
        if is_linked_with(tx, row.source_id, person_id, row.requested_by.trim()).await? {
            let name = tx.keys.pseudonym(&user_id.to_string())?;
            sqlx::query!("UPDATE approval SET barred = array_append(barred, $2) WHERE id = $1", row.id, name)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}
