//! Approvals: read and written whole, under a row lock.

mod due;
mod reply;
mod rule;
mod vote;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::config::ReasonRule;
use crate::id::{GuildId, RoleId, UserId};
use crate::routing::card::{ApprovalState, Verb};
use crate::routing::offer::{Offer, Offers};
use crate::routing::subject::SubjectState;

pub use due::{OpenApproval, Place, Places, find_places};
pub use reply::{Reply, count_refusal, keep_reply, take_reply};
pub use rule::{delete_rule, list_rules, set_rule};
pub use vote::{
    bar_requester, count_votes, delete_vote, delete_votes, has_vote, insert_vote, is_requester, withdraw_votes,
};

/// Which call upstream a decision means. Another source adds a call of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to")]
pub enum UpstreamCall {
    #[serde(rename = "xtsystems.machine")]
    Machine { asset_id: String, company_id: Option<String> },
    /// One of these, posted to where the source's configuration says at that time.
    #[serde(rename = "source.action")]
    Action(Offers),
}

/// The rules in force when an approval was opened, as far as they have no column of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    pub requester_may_approve: bool,
    pub reason: ReasonRule,
    /// The title has to be typed.
    pub confirm: bool,
    pub undo_seconds: i64,
    pub escalate_role: Option<RoleId>,
    /// Seconds from its opening, and from each reopening, until it expires, is reminded of, is escalated.
    pub expire_seconds: Option<i64>,
    pub remind_seconds: Option<i64>,
    pub escalate_seconds: Option<i64>,
}

impl Default for Terms {
    fn default() -> Self {
        let reason = ReasonRule::Deny;
        Self {
            requester_may_approve: true,
            reason,
            confirm: false,
            undo_seconds: 0,
            escalate_role: None,
            expire_seconds: None,
            remind_seconds: None,
            escalate_seconds: None,
        }
    }
}

/// One decision about one thing.
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
    /// What is decided about, such as `machine`, and its name.
    pub kind: String,
    pub title: String,
    /// What the card said when it was made, by the names of the subject's fields; a press is void when the
    /// subject says otherwise since.
    pub facts: BTreeMap<String, String>,
    /// `None`: a call of a newer release, which makes it.
    pub call: Option<UpstreamCall>,
    pub requested_by: Option<String>,
    pub terms: Terms,
    pub needed: i32,
    /// How many have approved.
    pub votes: i32,
    pub expires_at: Option<DateTime<Utc>>,
    pub remind_at: Option<DateTime<Utc>>,
    pub escalate_at: Option<DateTime<Utc>>,
    pub undone_by: Option<Uuid>,
    pub undone_at: Option<DateTime<Utc>>,
    pub state: ApprovalState,
    pub verb: Option<Verb>,
    /// Of several actions on offer, the one that is carried out.
    pub choice: Option<String>,
    /// How many decisions there were: each is carried under an id of its own.
    pub decision: i32,
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

impl Approval {
    /// The offers of a described source.
    pub fn offers(&self) -> Option<&Offers> {
        match &self.call {
            Some(UpstreamCall::Action(offers)) => Some(offers),
            _ => None,
        }
    }

    /// The action that was chosen.
    pub fn chosen(&self) -> Option<&Offer> {
        self.offers()?.find(self.choice.as_deref()?)
    }

    fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }
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
    kind: String,
    title: String,
    facts: Value,
    upstream_call: Option<Value>,
    requested_by: Option<String>,
    terms: Value,
    needed: i32,
    votes: i32,
    expires_at: Option<DateTime<Utc>>,
    remind_at: Option<DateTime<Utc>>,
    escalate_at: Option<DateTime<Utc>>,
    undone_by: Option<Uuid>,
    undone_at: Option<DateTime<Utc>>,
    state: String,
    verb: Option<String>,
    choice: Option<String>,
    decision: i32,
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
        // An older binary writes the columns of a machine alone.
        let of_older = r.upstream_call.is_none();
        let (facts, title, call) = if of_older {
            let facts = [("hostname", &r.hostname), ("ip_address", &r.ip_address)];
            let facts = facts.map(|(name, value)| (name.to_owned(), value.clone())).into();
            (facts, r.hostname, Some(UpstreamCall::Machine { asset_id: r.asset_id, company_id: r.company_id }))
        } else {
            let call = r.upstream_call.and_then(|call| serde_json::from_value(call).ok());
            (serde_json::from_value(r.facts).unwrap_or_default(), r.title, call)
        };
        Approval {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            source_id: r.source_id,
            subject_id: r.subject_id,
            event_id: r.event_id,
            occurred_at: r.occurred_at,
            received_at: r.received_at,
            kind: r.kind,
            title,
            facts,
            call,
            requested_by: r.requested_by,
            terms: serde_json::from_value(r.terms).unwrap_or_default(),
            needed: r.needed,
            votes: r.votes,
            expires_at: r.expires_at,
            remind_at: r.remind_at,
            escalate_at: r.escalate_at,
            undone_by: r.undone_by,
            undone_at: r.undone_at,
            // The table's check allows no other word.
            state: ApprovalState::parse(&r.state).unwrap_or(ApprovalState::Superseded),
            verb: r.verb.as_deref().and_then(Verb::parse),
            choice: r.choice,
            decision: r.decision,
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
             ip_address, kind, title, facts, upstream_call, requested_by, terms, needed, votes, expires_at, remind_at,
             escalate_at, undone_by, undone_at, state, verb, choice, decision, reason, person_id, decided_at, call_due_at, call_attempts,
             lease_token, leased_until, upstream_status, upstream_text, outcome, outcome_by, settled_at
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
             ip_address, kind, title, facts, upstream_call, requested_by, terms, needed, votes, expires_at, remind_at,
             escalate_at, undone_by, undone_at, state, verb, choice, decision, reason, person_id, decided_at, call_due_at, call_attempts,
             lease_token, leased_until, upstream_status, upstream_text, outcome, outcome_by, settled_at
         FROM approval WHERE subject_id = $1 ORDER BY occurred_at, received_at, id FOR UPDATE",
        subject_id
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(Approval::from).collect())
}

/// Inserts an approval unless its event already has one. The columns of a machine are kept for older binaries.
pub async fn insert_approval(tx: &mut Tx, a: &Approval, now: DateTime<Utc>) -> Result<()> {
    let (asset_id, company_id) = match &a.call {
        Some(UpstreamCall::Machine { asset_id, company_id }) => (asset_id.as_str(), company_id.as_deref()),
        _ => ("", None),
    };
    sqlx::query!(
        "INSERT INTO approval (id, guild_id, source_id, subject_id, event_id, occurred_at, received_at, asset_id,
             company_id, hostname, ip_address, state, outcome, outcome_by, settled_at, created_at, kind, title, facts,
             upstream_call, requested_by, terms, needed, expires_at, remind_at, escalate_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
             $24, $25, $26)
         ON CONFLICT ON CONSTRAINT approval_event DO NOTHING",
        a.id,
        a.guild_id.0,
        a.source_id,
        a.subject_id,
        a.event_id,
        a.occurred_at,
        a.received_at,
        asset_id,
        company_id,
        a.fact("hostname"),
        a.fact("ip_address"),
        a.state.as_str(),
        a.outcome.map(Verb::as_str),
        a.outcome_by,
        a.settled_at,
        now,
        a.kind,
        a.title,
        json!(a.facts),
        json!(a.call),
        a.requested_by,
        json!(a.terms),
        a.needed,
        a.expires_at,
        a.remind_at,
        a.escalate_at
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
             outcome = $13, outcome_by = $14, settled_at = $15, hostname = $16, ip_address = $17, title = $18, facts = $19,
             votes = $20, expires_at = $21, remind_at = $22, escalate_at = $23, undone_by = $24, undone_at = $25,
             needed = $26, terms = $27, choice = $28, decision = $29,
             barred = CASE WHEN $2 IN ('confirmed', 'elsewhere', 'superseded', 'expired') THEN '{}' ELSE barred END
         WHERE id = $1 AND guild_id = $30",
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
        a.fact("hostname"),
        a.fact("ip_address"),
        a.title,
        json!(a.facts),
        a.votes,
        a.expires_at,
        a.remind_at,
        a.escalate_at,
        a.undone_by,
        a.undone_at,
        a.needed,
        json!(a.terms),
        a.choice,
        a.decision,
        a.guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the same was asked for again since. A request that is planned meanwhile waits for
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

/// The subject's state as it is now.
pub async fn get_subject_state(tx: &mut Tx, subject_id: Uuid) -> Result<SubjectState> {
    let state = sqlx::query_scalar!("SELECT state FROM subject WHERE id = $1", subject_id).fetch_one(&mut **tx).await?;
    Ok(serde_json::from_value(state).unwrap_or_default())
}

impl Store {
    /// Leases decided approvals whose call upstream is due, or whose caller's lease lapsed; those about machines only
    /// where XTSystems can be called.
    pub async fn claim_approvals(
        &self,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
        machines: bool,
    ) -> Result<Vec<Approval>> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query_as!(
            Row,
            "WITH due AS (
                SELECT id FROM approval
                WHERE state IN ('deciding', 'sent', 'unknown') AND call_due_at <= $2
                  AND (leased_until IS NULL OR leased_until <= $2)
                  AND ($5 OR upstream_call ->> 'to' = 'source.action')
                ORDER BY call_due_at LIMIT $4 FOR UPDATE SKIP LOCKED
             )
             UPDATE approval a SET lease_token = $1, leased_until = $3, call_attempts = call_attempts + 1,
                 state = CASE a.state WHEN 'deciding' THEN 'sent' ELSE 'unknown' END
             FROM due WHERE a.id = due.id
             RETURNING a.id, a.guild_id, a.source_id, a.subject_id, a.event_id, a.occurred_at, a.received_at, a.asset_id,
                 a.company_id, a.hostname, a.ip_address, a.kind, a.title, a.facts, a.upstream_call, a.requested_by,
                 a.terms, a.needed, a.votes, a.expires_at, a.remind_at, a.escalate_at, a.undone_by, a.undone_at, a.state, a.verb, a.choice, a.decision, a.reason, a.person_id, a.decided_at,
                 a.call_due_at, a.call_attempts, a.lease_token, a.leased_until, a.upstream_status, a.upstream_text,
                 a.outcome, a.outcome_by, a.settled_at",
            token,
            now,
            until,
            limit,
            machines
        )
        .fetch_all(&mut *tx)
        .await?;
        // What could be undone until now no longer can.
        let approvals: Vec<Approval> = rows.into_iter().map(Approval::from).collect();
        let undoable = approvals.iter().filter(|a| a.call_attempts == 1 && a.terms.undo_seconds > 0);
        let subjects: Vec<Uuid> = undoable.map(|a| a.subject_id).collect();
        if !subjects.is_empty() {
            super::card::touch_cards(&mut tx, &subjects).await?;
        }
        tx.commit().await?;
        Ok(approvals)
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
