//! Living cards: which message shows a subject where, and how far behind it is.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::approval::UpstreamCall;
use super::lane::{self, Lane};
use super::send::NewAttempt;
use super::{Result, Store, Tx};
use crate::event::kind::SubjectKind;
use crate::id::{GuildId, MessageId};
use crate::routing::board::{Board, BoardKey};
use crate::routing::card::{ApprovalState, ApprovalView, Verb, Voter};
use crate::routing::offer::Offers;
use crate::routing::post::PostState;
use crate::routing::subject::SubjectState;
use crate::routing::ticket::{ActionView, Controls};
use crate::store::upstream_list::ListKind;

/// Everything that a card shows.
#[derive(Clone, Debug)]
pub struct CardView {
    pub id: Uuid,
    pub subject_id: Uuid,
    pub version: i64,
    pub kind: SubjectKind,
    pub state: SubjectState,
    pub approval: Option<ApprovalView>,
    /// Of a ticket: what was asked for, and what can be.
    pub actions: Vec<ActionView>,
    pub controls: Option<Controls>,
    /// Of a board: what it shows.
    pub board: Option<Board>,
    /// The send that made the message; its mark stays in the footer.
    pub send_id: Option<Uuid>,
    pub message_id: Option<MessageId>,
    pub reposts: i32,
    pub edit_failures: i32,
    /// What its post in a forum was made last.
    pub post: Option<PostState>,
}

/// A card wanted by a plan.
pub struct WantedCard {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub subject_id: Uuid,
    pub destination_id: Uuid,
}

/// What an edit came to.
pub enum EditOutcome {
    /// The message shows this version, and its post in a forum is as it should be.
    Shown { version: i64, post: Option<PostState> },
    /// Nobody knows, or not now: again after this time.
    Again { not_before: DateTime<Utc>, error: String },
    /// Discord refuses this version; the next one is tried.
    Refused { version: i64, error: String },
    /// The message was deleted by hand.
    Gone,
}

/// Marks the cards of these subjects as behind.
pub async fn touch_cards(tx: &mut Tx, subject_ids: &[Uuid]) -> Result<()> {
    sqlx::query!("UPDATE card SET version = version + 1 WHERE subject_id = ANY ($1)", subject_ids)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Makes sure that each wanted card exists. Returns those that need a message of their own: the new
/// ones, and those whose first message died before it was shown.
pub async fn want_cards(tx: &mut Tx, wanted: &[WantedCard], now: DateTime<Utc>) -> Result<Vec<(Uuid, Uuid, Uuid)>> {
    let ids: Vec<Uuid> = wanted.iter().map(|w| w.id).collect();
    let guilds: Vec<i64> = wanted.iter().map(|w| w.guild_id.0).collect();
    let subjects: Vec<Uuid> = wanted.iter().map(|w| w.subject_id).collect();
    let destinations: Vec<Uuid> = wanted.iter().map(|w| w.destination_id).collect();
    sqlx::query!(
        "INSERT INTO card (id, guild_id, subject_id, destination_id, created_at)
         SELECT t.id, t.guild_id, t.subject_id, t.destination_id, $5
         FROM UNNEST($1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[]) AS t (id, guild_id, subject_id, destination_id)
         ON CONFLICT ON CONSTRAINT card_once DO NOTHING",
        &ids,
        &guilds,
        &subjects,
        &destinations,
        now
    )
    .execute(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "SELECT c.id, c.subject_id, c.destination_id FROM card c
         JOIN UNNEST($1::uuid[], $2::uuid[]) AS t (subject_id, destination_id)
           ON t.subject_id = c.subject_id AND t.destination_id = c.destination_id
         WHERE c.discord_message_id IS NULL AND c.gone_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM message m WHERE m.card_id = c.id AND m.state IN ('queued', 'sending'))",
        &subjects,
        &destinations
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|r| (r.id, r.subject_id, r.destination_id)).collect())
}

/// Private row of [`CardView`]'s statements.
struct Row {
    id: Uuid,
    version: i64,
    guild_id: i64,
    subject_id: Uuid,
    source_id: Uuid,
    key: String,
    kind: String,
    state: serde_json::Value,
    send_id: Option<Uuid>,
    discord_message_id: Option<i64>,
    reposts: i32,
    edit_failures: i32,
    thread_state: Option<String>,
    approval_id: Option<Uuid>,
    approval_state: Option<String>,
    verb: Option<String>,
    presser: Option<i64>,
    decided_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    upstream_text: Option<String>,
    call_attempts: Option<i32>,
    outcome: Option<String>,
    outcome_by: Option<String>,
    settled_at: Option<DateTime<Utc>>,
    title: Option<String>,
    requested_by: Option<String>,
    needed: Option<i32>,
    votes: Option<serde_json::Value>,
    upstream_call: Option<serde_json::Value>,
    choice: Option<String>,
    call_due_at: Option<DateTime<Utc>>,
    undone_by: Option<i64>,
    undone_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

/// A person as a mention; one that was deleted is still somebody.
fn mention(user: Option<i64>) -> String {
    user.map_or_else(|| "someone".into(), |user| format!("<@{user}>"))
}

/// User, second, and what they chose.
fn voters(votes: Option<serde_json::Value>) -> Vec<Voter> {
    let votes: Vec<(Option<i64>, i64, String)> = votes.and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default();
    let voter =
        |(user, second, choice)| Some(Voter { who: mention(user), at: DateTime::from_timestamp(second, 0)?, choice });
    votes.into_iter().filter_map(voter).collect()
}

fn offers(call: Option<serde_json::Value>) -> Option<Offers> {
    match serde_json::from_value(call?).ok()? {
        UpstreamCall::Action(offers) => Some(offers),
        UpstreamCall::Machine { .. } => None,
    }
}

impl From<Row> for CardView {
    fn from(r: Row) -> Self {
        let state = r.approval_state.as_deref().and_then(ApprovalState::parse).unwrap_or(ApprovalState::Superseded);
        let untouched = state == ApprovalState::Deciding && r.call_attempts == Some(0);
        let approval = r.approval_id.map(|id| ApprovalView {
            id,
            state,
            title: r.title.unwrap_or_default(),
            requested_by: r.requested_by,
            needed: r.needed.unwrap_or(1),
            votes: voters(r.votes),
            undo_until: r.call_due_at.filter(|due| untouched && r.decided_at.is_some_and(|at| *due > at)),
            undone: r.undone_at.map(|at| Voter { who: mention(r.undone_by), at, choice: String::new() }),
            expires_at: r.expires_at,
            verb: r.verb.as_deref().and_then(Verb::parse),
            offers: offers(r.upstream_call),
            choice: r.choice,
            by: r.presser.map(|user| format!("<@{user}>")),
            decided_at: r.decided_at,
            reason: r.reason,
            upstream_text: r.upstream_text,
            attempts: r.call_attempts.unwrap_or(0),
            outcome: r.outcome.as_deref().and_then(Verb::parse),
            outcome_by: r.outcome_by,
            settled_at: r.settled_at,
        });
        CardView {
            id: r.id,
            subject_id: r.subject_id,
            version: r.version,
            kind: SubjectKind::parse(&r.kind).unwrap_or(SubjectKind::Ticket),
            state: serde_json::from_value(r.state).unwrap_or_default(),
            approval,
            actions: Vec::new(),
            controls: None,
            board: None,
            send_id: r.send_id,
            message_id: r.discord_message_id.map(MessageId),
            reposts: r.reposts,
            edit_failures: r.edit_failures,
            post: r.thread_state.as_deref().and_then(PostState::parse),
        }
    }
}

impl Store {
    /// A card as it should look now.
    pub async fn get_card(&self, card_id: Uuid) -> Result<CardView> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT c.id, c.version, c.guild_id, s.id AS subject_id, s.source_id, s.key, s.kind, s.state, c.send_id, c.discord_message_id, c.reposts, c.edit_failures, c.thread_state,
                   a.id AS "approval_id?", a.state AS "approval_state?", a.verb, p.discord_user_id AS presser,
                   a.decided_at, a.reason, a.upstream_text, a.call_attempts AS "call_attempts?", a.outcome,
                   a.outcome_by, a.settled_at, a.title AS "title?", a.requested_by, a.needed AS "needed?", a.call_due_at,
                   u.discord_user_id AS undone_by, a.undone_at, a.expires_at, a.upstream_call, a.choice,
                   (SELECT jsonb_agg(jsonb_build_array(w.discord_user_id, extract(epoch FROM v.voted_at)::bigint, v.choice)
                        ORDER BY v.voted_at, v.person_id)
                    FROM approval_vote v LEFT JOIN person w ON w.id = v.person_id WHERE v.approval_id = a.id) AS votes
               FROM card c JOIN subject s ON s.id = c.subject_id
               LEFT JOIN LATERAL (SELECT * FROM approval a WHERE a.subject_id = s.id
                   ORDER BY a.occurred_at DESC, a.received_at DESC, a.id DESC LIMIT 1) a ON true
               LEFT JOIN person p ON p.id = a.person_id
               LEFT JOIN person u ON u.id = a.undone_by
               WHERE c.id = $1"#,
            card_id
        )
        .fetch_one(&self.pool)
        .await?;
        let (subject_id, source_id) = (row.subject_id, row.source_id);
        let (guild_id, board) = (GuildId(row.guild_id), BoardKey::parse(&row.key));
        let mut view = CardView::from(row);
        // Read after the version, so newer if anything: then the card is edited once more.
        if view.kind == SubjectKind::Ticket {
            view.actions = self.list_action_views(subject_id).await?;
            let statuses = self.find_list(source_id, ListKind::Status).await?;
            let priorities = self.find_list(source_id, ListKind::Priority).await?;
            view.controls = Some(Controls {
                subject_id,
                statuses: statuses.map(|l| l.items).unwrap_or_default(),
                priorities: priorities.map(|l| l.items).unwrap_or_default(),
            });
        }
        if view.kind == SubjectKind::Board {
            view.board = Some(match board {
                Some(key) => self.find_board(guild_id, key).await?,
                None => Board::Gone,
            });
        }
        Ok(view)
    }

    /// Records an edit, only where the lane is still ours. `Gone` queues the card once more.
    pub async fn finish_edit(
        &self,
        lane: &Lane,
        card: &CardView,
        outcome: &EditOutcome,
        attempt: &NewAttempt,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        super::send::insert_attempt(&mut tx, attempt).await?;
        let held = lane::hold(&mut tx, lane).await?;
        if held {
            match outcome {
                EditOutcome::Shown { version, post } => {
                    sqlx::query!(
                        "UPDATE card SET shown_version = GREATEST(shown_version, $2), edit_not_before = NULL,
                             edit_failures = 0, edit_error = NULL, thread_state = COALESCE($3, thread_state)
                         WHERE id = $1",
                        card.id,
                        version,
                        post.as_ref().map(PostState::to_text)
                    )
                    .execute(&mut *tx)
                    .await?;
                    lane::set_pace(&mut tx, lane, None, 0).await?;
                }
                EditOutcome::Again { not_before, error } => {
                    sqlx::query!(
                        "UPDATE card SET edit_not_before = $2, edit_failures = edit_failures + 1, edit_error = $3 WHERE id = $1",
                        card.id,
                        not_before,
                        error
                    )
                    .execute(&mut *tx)
                    .await?;
                }
                EditOutcome::Refused { version, error } => {
                    sqlx::query!(
                        "UPDATE card SET shown_version = GREATEST(shown_version, $2), edit_error = $3 WHERE id = $1",
                        card.id,
                        version,
                        error
                    )
                    .execute(&mut *tx)
                    .await?;
                }
                EditOutcome::Gone => repost(&mut tx, card, now).await?,
            }
        }
        tx.commit().await?;
        Ok(held)
    }
}

/// A card deleted by hand is posted again once; the second time it stays deleted.
async fn repost(tx: &mut Tx, card: &CardView, now: DateTime<Utc>) -> Result<()> {
    if card.reposts > 0 {
        sqlx::query!("UPDATE card SET gone_at = $2 WHERE id = $1", card.id, now).execute(&mut **tx).await?;
        return Ok(());
    }
    sqlx::query!(
        "UPDATE card SET discord_message_id = NULL, send_id = NULL, shown_version = 0, reposts = reposts + 1,
             thread_state = NULL
         WHERE id = $1",
        card.id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO message (guild_id, destination_id, event_id, card_id, created_at)
         SELECT c.guild_id, c.destination_id, m.event_id, c.id, $2
         FROM card c JOIN LATERAL (SELECT event_id FROM message WHERE card_id = c.id ORDER BY id DESC LIMIT 1) m ON true
         WHERE c.id = $1",
        card.id,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
