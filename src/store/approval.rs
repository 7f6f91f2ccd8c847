//! Approvals: read and written whole, under a row lock.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};
use crate::routing::card::{ApprovalState, Verb};

// Where they were: branches under way still name them here.
pub use super::audit::{NewAudit, insert_audit};

/// A decision about one machine registration.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub subject_id: Uuid,
    pub event_id: Uuid,
    /// Order of registrations: the sender's time, then receipt.
    pub occurred_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub asset_id: String,
    pub company_id: Option<String>,
    /// What the card said when it was made; a press is void when the machine says otherwise since.
    pub hostname: String,
    pub ip_address: String,
    pub state: ApprovalState,
    pub verb: Option<Verb>,
    pub reason: Option<String>,
    pub person_id: Option<Uuid>,
    pub decided_at: Option<DateTime<Utc>>,
    pub call_due_at: Option<DateTime<Utc>>,
    pub call_attempts: i32,
    pub lease_token: Option<Uuid>,
    pub leased_until: Option<DateTime<Utc>>,
    pub upstream_status: Option<i32>,
    pub upstream_text: Option<String>,
    pub outcome: Option<Verb>,
    pub outcome_by: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    source_id: Uuid,
    subject_id: Uuid,
    event_id: Uuid,
    occurred_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    asset_id: String,
    company_id: Option<String>,
    hostname: String,
    ip_address: String,
    state: String,
    verb: Option<String>,
    reason: Option<String>,
    person_id: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    call_due_at: Option<DateTime<Utc>>,
    call_attempts: i32,
    lease_token: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    upstream_status: Option<i32>,
    upstream_text: Option<String>,
    outcome: Option<String>,
    outcome_by: Option<String>,
    settled_at: Option<DateTime<Utc>>,
}

impl From<Row> for Approval {
    fn from(r: Row) -> Self {
        Approval {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            source_id: r.source_id,
            subject_id: r.subject_id,
            event_id: r.event_id,
            occurred_at: r.occurred_at,
            received_at: r.received_at,
            asset_id: r.asset_id,
            company_id: r.company_id,
            hostname: r.hostname,
            ip_address: r.ip_address,
            // The table's check allows no other word.
            state: ApprovalState::parse(&r.state).unwrap_or(ApprovalState::Superseded),
            verb: r.verb.as_deref().and_then(Verb::parse),
            reason: r.reason,
            person_id: r.person_id,
            decided_at: r.decided_at,
            call_due_at: r.call_due_at,
            call_attempts: r.call_attempts,
            lease_token: r.lease_token,
            leased_until: r.leased_until,
            upstream_status: r.upstream_status,
            upstream_text: r.upstream_text,
            outcome: r.outcome.as_deref().and_then(Verb::parse),
            outcome_by: r.outcome_by,
            settled_at: r.settled_at,
        }
    }
}

/// Locks an approval of this guild. An approval of another guild does not exist here.
pub async fn lock_approval(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<Approval>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, source_id, subject_id, event_id, occurred_at, received_at, asset_id, company_id, hostname,
             ip_address, state, verb, reason, person_id, decided_at, call_due_at, call_attempts, lease_token,
             leased_until, upstream_status, upstream_text, outcome, outcome_by, settled_at
         FROM approval WHERE id = $1 AND guild_id = $2 FOR UPDATE",
        id,
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(Approval::from))
}

/// Locks all approvals of a subject, oldest registration first.
pub async fn lock_subject_approvals(tx: &mut Tx, subject_id: Uuid) -> Result<Vec<Approval>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, source_id, subject_id, event_id, occurred_at, received_at, asset_id, company_id, hostname,
             ip_address, state, verb, reason, person_id, decided_at, call_due_at, call_attempts, lease_token,
             leased_until, upstream_status, upstream_text, outcome, outcome_by, settled_at
         FROM approval WHERE subject_id = $1 ORDER BY occurred_at, received_at, id FOR UPDATE",
        subject_id
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Approval::from).collect())
}

/// Inserts an approval unless its event already has one.
pub async fn insert_approval(tx: &mut Tx, a: &Approval, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO approval (id, guild_id, source_id, subject_id, event_id, occurred_at, received_at, asset_id,
             company_id, hostname, ip_address, state, outcome, outcome_by, settled_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT ON CONSTRAINT approval_event DO NOTHING",
        a.id,
        a.guild_id.0,
        a.source_id,
        a.subject_id,
        a.event_id,
        a.occurred_at,
        a.received_at,
        a.asset_id,
        a.company_id,
        a.hostname,
        a.ip_address,
        a.state.as_str(),
        a.outcome.map(Verb::as_str),
        a.outcome_by,
        a.settled_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes back what may change of an approval that this transaction has locked.
pub async fn save_approval(tx: &mut Tx, a: &Approval) -> Result<()> {
    sqlx::query!(
        "UPDATE approval SET state = $2, verb = $3, reason = $4, person_id = $5, decided_at = $6, call_due_at = $7,
             call_attempts = $8, lease_token = $9, leased_until = $10, upstream_status = $11, upstream_text = $12,
             outcome = $13, outcome_by = $14, settled_at = $15, hostname = $16, ip_address = $17
         WHERE id = $1",
        a.id,
        a.state.as_str(),
        a.verb.map(Verb::as_str),
        a.reason,
        a.person_id,
        a.decided_at,
        a.call_due_at,
        a.call_attempts,
        a.lease_token,
        a.leased_until,
        a.upstream_status,
        a.upstream_text,
        a.outcome.map(Verb::as_str),
        a.outcome_by,
        a.settled_at,
        a.hostname,
        a.ip_address
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the machine has registered again since. A registration that is planned meanwhile waits for
/// the lock on this approval, and supersedes what it then finds.
pub async fn has_newer_approval(tx: &mut Tx, a: &Approval) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM approval WHERE subject_id = $1 AND id <> $2
               AND (occurred_at, received_at) > ($3, $4)) AS "newer!""#,
        a.subject_id,
        a.id,
        a.occurred_at,
        a.received_at
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// The Discord user behind an approval's decision, if still known.
pub async fn find_presser(tx: &mut Tx, person_id: Option<Uuid>) -> Result<Option<UserId>> {
    Ok(sqlx::query_scalar!("SELECT discord_user_id FROM person WHERE id = $1", person_id)
        .fetch_optional(&mut **tx)
        .await?
        .flatten()
        .map(UserId))
}

/// The machine's hostname and address as its subject has them now.
pub async fn find_machine(tx: &mut Tx, subject_id: Uuid) -> Result<(Option<String>, Option<String>)> {
    let row = sqlx::query!(
        "SELECT state #>> '{fields,hostname,value}' AS hostname, state #>> '{fields,ip_address,value}' AS ip_address
         FROM subject WHERE id = $1",
        subject_id
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.hostname, row.ip_address))
}

impl Store {
    /// Leases decided approvals whose call upstream is due, or whose caller's lease lapsed.
    pub async fn claim_approvals(
        &self,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Approval>> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query_as!(
            Row,
            "WITH due AS (
                SELECT id FROM approval
                WHERE state IN ('deciding', 'sent', 'unknown') AND call_due_at <= $2
                  AND (leased_until IS NULL OR leased_until <= $2)
                ORDER BY call_due_at LIMIT $4 FOR UPDATE SKIP LOCKED
             )
             UPDATE approval a SET lease_token = $1, leased_until = $3, call_attempts = call_attempts + 1,
                 state = CASE a.state WHEN 'deciding' THEN 'sent' ELSE 'unknown' END
             FROM due WHERE a.id = due.id
             RETURNING a.id, a.guild_id, a.source_id, a.subject_id, a.event_id, a.occurred_at, a.received_at, a.asset_id,
                 a.company_id, a.hostname, a.ip_address, a.state, a.verb, a.reason, a.person_id, a.decided_at,
                 a.call_due_at, a.call_attempts, a.lease_token, a.leased_until, a.upstream_status, a.upstream_text,
                 a.outcome, a.outcome_by, a.settled_at",
            token,
            now,
            until,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(Approval::from).collect())
    }

    /// When the next call upstream comes due.
    pub async fn next_approval_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(GREATEST(call_due_at, leased_until)) FROM approval WHERE state IN ('deciding', 'sent', 'unknown')"
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
