//! What is refused again and again: one line in the audit log for the first, and when an hour is over one more that
//! says how often. The log is append-only, so the count is kept beside it until then.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::audit::{NewAudit, insert_audit};
use super::{Result, Store, Tx};

/// For as long the same by the same member is counted.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);

/// What makes a line the same as another: the member, what it is about, and these words.
pub struct Same<'a> {
    pub person_id: Uuid,
    pub about: Uuid,
    /// Action, verb and reason.
    pub what: &'a str,
}

/// As [`insert_audit`], for what people can do as often as they like.
pub async fn count_audit(tx: &mut Tx, line: &NewAudit, same: &Same<'_>, now: DateTime<Utc>) -> Result<()> {
    loop {
        let more = sqlx::query_scalar!(
            "INSERT INTO audit_repeat (guild_id, person_id, about, what, since, last_at, approval_id, action, detail)
             VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8::jsonb - 'interaction' - 'reason')
             ON CONFLICT (guild_id, person_id, about, what)
                 DO UPDATE SET more = audit_repeat.more + 1, last_at = $5 WHERE audit_repeat.since > $9
             RETURNING more",
            line.guild_id.0,
            same.person_id,
            same.about,
            same.what,
            now,
            line.approval_id,
            line.action,
            line.detail,
            now - WINDOW
        )
        .fetch_optional(&mut **tx)
        .await?;
        match more {
            Some(0) => return insert_audit(tx, line, now).await,
            Some(_) => return Ok(()),
            // Its hour is over, and it is locked.
            None => tell_one(tx, line, same, now).await?,
        }
    }
}

async fn tell_one(tx: &mut Tx, line: &NewAudit, same: &Same<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH over AS (DELETE FROM audit_repeat
             WHERE guild_id = $1 AND person_id = $2 AND about = $3 AND what = $4 RETURNING *)
         INSERT INTO audit (guild_id, at, approval_id, person_id, action, detail)
         SELECT guild_id, $5, approval_id, person_id, action,
             detail || jsonb_build_object('again', more, 'last_at', last_at) FROM over WHERE more > 0",
        line.guild_id.0,
        same.person_id,
        same.about,
        same.what,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Says of those whose hour is over how often they repeated. Returns how many there were.
    pub async fn tell_repeats(&self, now: DateTime<Utc>, limit: i64) -> Result<i64> {
        Ok(sqlx::query_scalar!(
            r#"WITH over AS (DELETE FROM audit_repeat WHERE (guild_id, person_id, about, what) IN
                     (SELECT guild_id, person_id, about, what FROM audit_repeat WHERE since <= $1
                      ORDER BY since LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING *),
                 told AS (INSERT INTO audit (guild_id, at, approval_id, person_id, action, detail)
                     SELECT guild_id, $2, approval_id, person_id, action,
                         detail || jsonb_build_object('again', more, 'last_at', last_at)
                     FROM over WHERE more > 0 ORDER BY since)
               SELECT count(*) AS "over!" FROM over"#,
            now - WINDOW,
            now,
            limit
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
