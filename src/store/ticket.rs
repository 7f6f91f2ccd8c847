//! What people asked XTSystems to do with tickets: written whole under a row lock, claimed with a lease.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::secret::{open_interaction_token, seal_interaction_token};
use super::{Result, Store, Tx};
use crate::crypto::Keyring;
use crate::id::{GuildId, mark};
use crate::routing::ticket::{ActionState, ActionView, TicketVerb};

/// How many of a ticket's actions its card looks at.
const SHOWN: i64 = 12;

/// One thing that one person asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct TicketAction {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    /// `None`: a ticket to be created.
    pub subject_id: Option<Uuid>,
    pub interaction_id: i64,
    pub application_id: Option<i64>,
    /// Lets the presser be told privately; gone when that is over.
    pub interaction_token: Option<String>,
    pub person_id: Uuid,
    pub verb: TicketVerb,
    pub value_id: Option<String>,
    pub value_name: Option<String>,
    /// Whether the ticket is closed when it is done.
    pub is_closing: bool,
    pub title: Option<String>,
    pub content: Option<String>,
    pub author: String,
    pub state: ActionState,
    pub asked_at: DateTime<Utc>,
    pub call_due_at: Option<DateTime<Utc>>,
    pub call_attempts: i32,
    pub lease_token: Option<Uuid>,
    pub leased_until: Option<DateTime<Utc>>,
    pub posted_at: Option<DateTime<Utc>>,
    pub upstream_status: Option<i32>,
    pub upstream_text: Option<String>,
    pub ticket_id: Option<String>,
    pub ticket_number: Option<String>,
    pub settled_at: Option<DateTime<Utc>>,
    pub echo_event_id: Option<Uuid>,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    source_id: Uuid,
    subject_id: Option<Uuid>,
    interaction_id: i64,
    application_id: Option<i64>,
    interaction_token: Option<String>,
    person_id: Uuid,
    verb: String,
    value_id: Option<String>,
    value_name: Option<String>,
    is_closing: bool,
    title: Option<String>,
    content: Option<String>,
    author: String,
    state: String,
    asked_at: DateTime<Utc>,
    call_due_at: Option<DateTime<Utc>>,
    call_attempts: i32,
    lease_token: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    posted_at: Option<DateTime<Utc>>,
    upstream_status: Option<i32>,
    upstream_text: Option<String>,
    ticket_id: Option<String>,
    ticket_number: Option<String>,
    settled_at: Option<DateTime<Utc>>,
    echo_event_id: Option<Uuid>,
}

impl Row {
    /// With the token in the clear, if it still opens.
    fn open(self, keys: &Keyring) -> TicketAction {
        let r = self;
        TicketAction {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            source_id: r.source_id,
            subject_id: r.subject_id,
            interaction_id: r.interaction_id,
            application_id: r.application_id,
            interaction_token: open_interaction_token(keys, r.id, r.interaction_token.as_deref()),
            person_id: r.person_id,
            // The table's checks allow no other words.
            verb: TicketVerb::parse(&r.verb).unwrap_or(TicketVerb::Note),
            value_id: r.value_id,
            value_name: r.value_name,
            is_closing: r.is_closing,
            title: r.title,
            content: r.content,
            author: r.author,
            state: ActionState::parse(&r.state).unwrap_or(ActionState::Refused),
            asked_at: r.asked_at,
            call_due_at: r.call_due_at,
            call_attempts: r.call_attempts,
            lease_token: r.lease_token,
            leased_until: r.leased_until,
            posted_at: r.posted_at,
            upstream_status: r.upstream_status,
            upstream_text: r.upstream_text,
            ticket_id: r.ticket_id,
            ticket_number: r.ticket_number,
            settled_at: r.settled_at,
            echo_event_id: r.echo_event_id,
        }
    }
}

/// Inserts what was asked for; it is due at once.
pub async fn insert_action(tx: &mut Tx, a: &TicketAction) -> Result<()> {
    let token = seal_interaction_token(&tx.keys, a.id, a.interaction_token.as_deref());
    sqlx::query!(
        "INSERT INTO ticket_action (id, guild_id, source_id, subject_id, interaction_id, application_id,
             interaction_token, person_id, verb, value_id, value_name, is_closing, title, content, author, state,
             asked_at, call_due_at, ticket_id, ticket_number)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        a.id,
        a.guild_id.0,
        a.source_id,
        a.subject_id,
        a.interaction_id,
        a.application_id,
        token,
        a.person_id,
        a.verb.as_str(),
        a.value_id,
        a.value_name,
        a.is_closing,
        a.title,
        a.content,
        a.author,
        a.state.as_str(),
        a.asked_at,
        a.call_due_at,
        a.ticket_id,
        a.ticket_number
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks an action. Its subject, where it has one, is locked before.
pub async fn lock_action(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<TicketAction>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, source_id, subject_id, interaction_id, application_id, interaction_token, person_id, verb,
             value_id, value_name, is_closing, title, content, author, state, asked_at, call_due_at, call_attempts,
             lease_token, leased_until, posted_at, upstream_status, upstream_text, ticket_id, ticket_number, settled_at,
             echo_event_id
         FROM ticket_action WHERE id = $1 AND guild_id = $2 FOR UPDATE",
        id,
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| row.open(&tx.keys)))
}

/// Locks those actions of these subjects that an event may still be about, oldest first: open ones, and
/// confirmed ones since `since` whose echo has not come.
pub async fn lock_unechoed(tx: &mut Tx, subject_ids: &[Uuid], since: DateTime<Utc>) -> Result<Vec<TicketAction>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, guild_id, source_id, subject_id, interaction_id, application_id, interaction_token, person_id, verb,
             value_id, value_name, is_closing, title, content, author, state, asked_at, call_due_at, call_attempts,
             lease_token, leased_until, posted_at, upstream_status, upstream_text, ticket_id, ticket_number, settled_at,
             echo_event_id
         FROM ticket_action
         WHERE subject_id = ANY ($1) AND echo_event_id IS NULL
           AND (state IN ('requested', 'sent', 'unknown') OR state = 'confirmed' AND settled_at > $2)
         ORDER BY asked_at, seq FOR UPDATE",
        subject_ids,
        since
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| row.open(&tx.keys)).collect())
}

/// Whether somebody was not forgotten since. Under the lock of an action of theirs: whoever forgets them waits for
/// it, and sees what was saved.
pub async fn is_known(tx: &mut Tx, person_id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM person WHERE id = $1) AS "is!""#, person_id)
        .fetch_one(&mut **tx)
        .await?)
}

/// Takes what a member wrote here out of the states of tickets: notes by their mark, resolutions by their text.
/// Locks the tickets, which comes before their actions.
pub(super) async fn forget_written(tx: &mut Tx, person_id: Uuid) -> Result<()> {
    let tickets = sqlx::query!(
        "SELECT s.id, s.state FROM subject s
         WHERE s.id IN (SELECT subject_id FROM ticket_action WHERE person_id = $1 AND verb IN ('note', 'close'))
         ORDER BY s.source_id, s.key FOR UPDATE",
        person_id
    )
    .fetch_all(&mut **tx)
    .await?;
    for ticket in tickets {
        let written = sqlx::query!(
            "SELECT id, content FROM ticket_action
             WHERE person_id = $1 AND subject_id = $2 AND verb IN ('note', 'close')",
            person_id,
            ticket.id
        )
        .fetch_all(&mut **tx)
        .await?;
        let mut state = ticket.state;
        let notes = state.pointer_mut("/fields/notes/value").and_then(Value::as_array_mut);
        if let Some(notes) = notes {
            let is_theirs = |text: &str| written.iter().any(|w| text.contains(&format!("[{}]", mark(w.id))));
            notes.retain(|note| !note["content"].as_str().or(note.as_str()).is_some_and(is_theirs));
        }
        let resolution = state.pointer("/fields/resolution/value").and_then(Value::as_str);
        if resolution.is_some_and(|text| written.iter().any(|w| w.content.as_deref() == Some(text)))
            && let Some(fields) = state["fields"].as_object_mut()
        {
            fields.remove("resolution");
        }
        sqlx::query!("UPDATE subject SET state = $2 WHERE id = $1", ticket.id, state).execute(&mut **tx).await?;
    }
    Ok(())
}

/// The open actions of a ticket, oldest first.
pub async fn list_open_actions(tx: &mut Tx, subject_id: Uuid) -> Result<Vec<ActionView>> {
    let rows = sqlx::query_as!(
        ViewRow,
        r#"SELECT a.id, a.verb, a.value_name, a.state, p.discord_user_id AS "presser?", a.asked_at, a.call_attempts,
               a.upstream_text, a.settled_at
           FROM ticket_action a LEFT JOIN person p ON p.id = a.person_id
           WHERE a.subject_id = $1 AND a.state IN ('requested', 'sent', 'unknown') ORDER BY a.asked_at, a.seq"#,
        subject_id
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(ActionView::from).collect())
}

/// Writes back what may change of an action that this transaction has locked.
pub async fn save_action(tx: &mut Tx, a: &TicketAction) -> Result<()> {
    let token = seal_interaction_token(&tx.keys, a.id, a.interaction_token.as_deref());
    sqlx::query!(
        "UPDATE ticket_action SET state = $2, call_due_at = $3, call_attempts = $4, lease_token = $5, leased_until = $6,
             upstream_status = $7, upstream_text = $8, ticket_id = $9, ticket_number = $10, settled_at = $11,
             echo_event_id = $12, interaction_token = $13, posted_at = $14, title = $15, content = $16
         WHERE id = $1 AND guild_id = $17",
        a.id,
        a.state.as_str(),
        a.call_due_at,
        a.call_attempts,
        a.lease_token,
        a.leased_until,
        a.upstream_status,
        a.upstream_text,
        a.ticket_id,
        a.ticket_number,
        a.settled_at,
        a.echo_event_id,
        token,
        a.posted_at,
        a.title,
        a.content,
        a.guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Private row of [`ActionView`].
struct ViewRow {
    id: Uuid,
    verb: String,
    value_name: Option<String>,
    state: String,
    presser: Option<i64>,
    asked_at: DateTime<Utc>,
    call_attempts: i32,
    upstream_text: Option<String>,
    settled_at: Option<DateTime<Utc>>,
}

impl From<ViewRow> for ActionView {
    fn from(r: ViewRow) -> Self {
        ActionView {
            id: r.id,
            verb: TicketVerb::parse(&r.verb).unwrap_or(TicketVerb::Note),
            value_name: r.value_name,
            state: ActionState::parse(&r.state).unwrap_or(ActionState::Refused),
            by: r.presser.map(|user| format!("<@{user}>")),
            asked_at: r.asked_at,
            attempts: r.call_attempts,
            upstream_text: r.upstream_text,
            settled_at: r.settled_at,
        }
    }
}

impl Store {
    /// The newest actions of a ticket, oldest first.
    pub async fn list_action_views(&self, subject_id: Uuid) -> Result<Vec<ActionView>> {
        let rows = sqlx::query_as!(
            ViewRow,
            r#"SELECT a.id, a.verb, a.value_name, a.state, p.discord_user_id AS "presser?", a.asked_at, a.call_attempts,
                   a.upstream_text, a.settled_at
               FROM ticket_action a LEFT JOIN person p ON p.id = a.person_id
               WHERE a.subject_id = $1 ORDER BY a.asked_at DESC, a.seq DESC LIMIT $2"#,
            subject_id,
            SHOWN
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().rev().map(ActionView::from).collect())
    }

    /// Leases one action whose call upstream is due, or whose caller's lease lapsed; of a ticket one at a time,
    /// in the order in which they were asked for: only the first that is open. They are inserted under the lock of
    /// the ticket, so that whoever sees one sees those before it, and two who claim want the same row.
    /// `only`: this one or none.
    pub async fn claim_action(
        &self,
        only: Option<Uuid>,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<TicketAction>> {
        let row = sqlx::query_as!(
            Row,
            "WITH due AS (
                SELECT id FROM ticket_action d
                WHERE state IN ('requested', 'sent', 'unknown') AND call_due_at <= $2
                  AND (leased_until IS NULL OR leased_until <= $2) AND ($4::uuid IS NULL OR id = $4)
                  AND NOT EXISTS (SELECT 1 FROM ticket_action o WHERE o.subject_id = d.subject_id AND o.seq < d.seq
                                  AND o.state IN ('requested', 'sent', 'unknown'))
                ORDER BY call_due_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED
             )
             UPDATE ticket_action a SET lease_token = $1, leased_until = $3, call_attempts = call_attempts + 1,
                 state = CASE a.state WHEN 'requested' THEN 'sent' ELSE 'unknown' END
             FROM due WHERE a.id = due.id
             RETURNING a.id, a.guild_id, a.source_id, a.subject_id, a.interaction_id, a.application_id,
                 a.interaction_token, a.person_id, a.verb, a.value_id, a.value_name, a.is_closing, a.title, a.content,
                 a.author, a.state, a.asked_at, a.call_due_at, a.call_attempts, a.lease_token, a.leased_until,
                 a.posted_at, a.upstream_status, a.upstream_text, a.ticket_id, a.ticket_number, a.settled_at,
                 a.echo_event_id",
            token,
            now,
            until,
            only
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| row.open(&self.keys)))
    }

    /// Notes that a request is about to post something anew. False when the lease is not ours any more.
    pub async fn mark_posting(&self, id: Uuid, token: Option<Uuid>, now: DateTime<Utc>) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE ticket_action SET posted_at = $3 WHERE id = $1 AND lease_token = $2 AND leased_until > $3",
            id,
            token,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    pub async fn get_action(&self, guild_id: GuildId, id: Uuid) -> Result<TicketAction> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, guild_id, source_id, subject_id, interaction_id, application_id, interaction_token, person_id,
                 verb, value_id, value_name, is_closing, title, content, author, state, asked_at, call_due_at,
                 call_attempts, lease_token, leased_until, posted_at, upstream_status, upstream_text, ticket_id,
                 ticket_number, settled_at, echo_event_id
             FROM ticket_action WHERE id = $1 AND guild_id = $2",
            id,
            guild_id.0
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(row.open(&self.keys))
    }

    /// When the next call upstream comes due.
    pub async fn next_action_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(GREATEST(call_due_at, leased_until)) FROM ticket_action d
             WHERE state IN ('requested', 'sent', 'unknown')
               AND NOT EXISTS (SELECT 1 FROM ticket_action o WHERE o.subject_id = d.subject_id AND o.seq < d.seq
                               AND o.state IN ('requested', 'sent', 'unknown'))"
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Forgets the tokens of interactions from before `before`: Discord has forgotten them, too.
    pub async fn forget_interaction_tokens(&self, before: DateTime<Utc>) -> Result<u64> {
        let done = sqlx::query!(
            "UPDATE ticket_action SET interaction_token = NULL WHERE interaction_token IS NOT NULL AND asked_at < $1",
            before
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
