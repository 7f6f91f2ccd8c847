//! Silences: proposed, running, over; and the receipt that each of them still owes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::event::Severity;
use crate::id::{ChannelId, GuildId, UserId};

/// A silence as it is stored.
#[derive(Clone, Debug)]
pub struct StoredSilence {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Option<Uuid>,
    pub source: Option<String>,
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<String>,
    pub subject: Option<String>,
    pub reason: String,
    /// Who made it, unless that is forgotten, or a key of the REST interface did.
    pub by: Option<UserId>,
    /// Where it was made.
    pub channel_id: Option<ChannelId>,
    pub lasts_seconds: i64,
    pub created_at: DateTime<Utc>,
    /// `None`: proposed, and not begun.
    pub started_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub receipt_at: Option<DateTime<Utc>>,
    /// Messages that it has withheld since its last receipt.
    pub withheld: i64,
}

/// A silence to be stored.
#[derive(Clone, Debug)]
pub struct NewSilence {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Option<Uuid>,
    pub pattern: String,
    pub min_severity: Severity,
    pub filter: Option<String>,
    pub subject: Option<String>,
    pub reason: String,
    pub person_id: Option<Uuid>,
    pub channel_id: Option<ChannelId>,
    pub lasts_seconds: i64,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    source_id: Option<Uuid>,
    source: Option<String>,
    pattern: String,
    min_severity: String,
    filter: Option<String>,
    subject: Option<String>,
    reason: String,
    by: Option<i64>,
    channel_id: Option<i64>,
    lasts_seconds: i64,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    receipt_at: Option<DateTime<Utc>>,
    withheld: i64,
}

impl From<Row> for StoredSilence {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            source_id: row.source_id,
            source: row.source,
            pattern: row.pattern,
            min_severity: Severity::parse(&row.min_severity).unwrap_or(Severity::Debug),
            filter: row.filter,
            subject: row.subject,
            reason: row.reason,
            by: row.by.map(UserId),
            channel_id: row.channel_id.map(ChannelId),
            lasts_seconds: row.lasts_seconds,
            created_at: row.created_at,
            started_at: row.started_at,
            ends_at: row.ends_at,
            receipt_at: row.receipt_at,
            withheld: row.withheld,
        }
    }
}

/// Those that are running, for a planner. What they withhold needs [`share_silences`] first.
pub async fn list_running(tx: &mut Tx, guild_id: GuildId, now: DateTime<Utc>) -> Result<Vec<StoredSilence>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT s.id, s.guild_id, s.source_id, NULL::text AS source, s.pattern, s.min_severity, s.filter, s.subject,
               s.reason, NULL::bigint AS "by", s.channel_id, s.lasts_seconds, s.created_at, s.started_at, s.ends_at,
               s.receipt_at, 0::bigint AS "withheld!"
           FROM silence s
           WHERE s.guild_id = $1 AND s.started_at IS NOT NULL AND s.receipt_at IS NULL AND s.ends_at > $2
           ORDER BY s.started_at, s.id"#,
        guild_id.0,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(StoredSilence::from).collect())
}

/// Which of these are still running; they stay so until the transaction has ended, so that a receipt has all of what
/// they withheld.
pub async fn share_silences(tx: &mut Tx, ids: &[Uuid], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM silence WHERE id = ANY ($1) AND receipt_at IS NULL AND ends_at > $2 ORDER BY id FOR SHARE",
        ids,
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

/// Stores a proposal. False when it is there already.
pub async fn insert_silence(tx: &mut Tx, new: &NewSilence, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO silence (id, guild_id, source_id, pattern, min_severity, filter, subject, reason, person_id, channel_id,
             lasts_seconds, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
        new.id,
        new.guild_id.0,
        new.source_id,
        new.pattern,
        new.min_severity.as_str(),
        new.filter,
        new.subject,
        new.reason,
        new.person_id,
        new.channel_id.map(|channel| channel.0),
        new.lasts_seconds,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Locks one of this guild.
pub async fn lock_silence(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<StoredSilence>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT s.id, s.guild_id, s.source_id, (SELECT o.name FROM source o WHERE o.id = s.source_id) AS source,
               s.pattern, s.min_severity, s.filter, s.subject, s.reason,
               (SELECT p.discord_user_id FROM person p WHERE p.id = s.person_id) AS "by", s.channel_id,
               s.lasts_seconds, s.created_at, s.started_at, s.ends_at, s.receipt_at,
               (SELECT count(*) FROM held h WHERE h.silence_id = s.id AND h.told_in IS NULL) AS "withheld!"
           FROM silence s WHERE s.guild_id = $1 AND s.id = $2 FOR UPDATE OF s"#,
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(StoredSilence::from))
}

/// One whose time is over and that owes its receipt; others leave it alone until the transaction has ended.
pub async fn claim_ended(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<StoredSilence>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT s.id, s.guild_id, s.source_id, (SELECT o.name FROM source o WHERE o.id = s.source_id) AS source,
               s.pattern, s.min_severity, s.filter, s.subject, s.reason,
               (SELECT p.discord_user_id FROM person p WHERE p.id = s.person_id) AS "by", s.channel_id,
               s.lasts_seconds, s.created_at, s.started_at, s.ends_at, s.receipt_at, 0::bigint AS "withheld!"
           FROM silence s WHERE s.receipt_at IS NULL AND s.ends_at <= $1
           ORDER BY s.ends_at, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED"#,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(StoredSilence::from))
}

/// Begins, or goes on: until then, with a receipt to come.
pub async fn run_until(tx: &mut Tx, id: Uuid, ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE silence SET started_at = CASE WHEN receipt_at IS NULL THEN COALESCE(started_at, $3) ELSE $3 END,
             ends_at = $2, receipt_at = NULL, ended_by = NULL
         WHERE id = $1",
        id,
        ends_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends before its time; its receipt follows.
pub async fn end_now(tx: &mut Tx, id: Uuid, person_id: Option<Uuid>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE silence SET ends_at = $2, ended_by = $3 WHERE id = $1", id, now, person_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Its receipt is in the outbox, or there is no place for one.
pub async fn mark_receipt(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE silence SET receipt_at = $2 WHERE id = $1", id, now).execute(&mut **tx).await?;
    Ok(())
}

impl Store {
    /// Those that began, newest first; those that are over only as far as `since`.
    pub async fn list_silences(&self, guild_id: GuildId, since: DateTime<Utc>) -> Result<Vec<StoredSilence>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT s.id, s.guild_id, s.source_id, o.name AS "source?", s.pattern, s.min_severity, s.filter, s.subject,
                   s.reason, p.discord_user_id AS "by", s.channel_id, s.lasts_seconds, s.created_at,
                   s.started_at, s.ends_at, s.receipt_at,
                   (SELECT count(*) FROM held h WHERE h.silence_id = s.id AND h.told_in IS NULL) AS "withheld!"
               FROM silence s LEFT JOIN source o ON o.id = s.source_id LEFT JOIN person p ON p.id = s.person_id
               WHERE s.guild_id = $1 AND s.started_at IS NOT NULL AND (s.ends_at > $2 OR s.receipt_at IS NULL)
               ORDER BY s.id DESC"#,
            guild_id.0,
            since
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(StoredSilence::from).collect())
    }
}

impl Store {
    /// Silences that are over and told of, proposals that nobody began, and what was held back and told of.
    pub(super) async fn purge_noise(
        &self,
        before: DateTime<Utc>,
        proposed_before: DateTime<Utc>,
        limit: i64,
    ) -> Result<u64> {
        let held = sqlx::query!(
            "DELETE FROM held WHERE id IN
                 (SELECT id FROM held WHERE held_at < $1 AND told_in IS NOT NULL ORDER BY held_at LIMIT $2)",
            before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let silences = sqlx::query!(
            "DELETE FROM silence WHERE id IN
                 (SELECT s.id FROM silence s WHERE (s.receipt_at < $1 OR (s.started_at IS NULL AND s.created_at < $2))
                   AND NOT EXISTS (SELECT FROM held h WHERE h.silence_id = s.id)
                  ORDER BY s.created_at LIMIT $3)",
            before,
            proposed_before,
            limit
        )
        .execute(&self.pool)
        .await?;
        let windows = sqlx::query!(
            "DELETE FROM noise_window WHERE ctid IN (SELECT ctid FROM noise_window WHERE ends_at < $1 LIMIT $2)",
            proposed_before,
            limit
        )
        .execute(&self.pool)
        .await?;
        Ok(held.rows_affected() + silences.rows_affected() + windows.rows_affected())
    }
}
