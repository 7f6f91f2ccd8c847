//! Sends: creates frozen before their first attempt, and the log of attempts.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgExecutor;
use sqlx::types::Json;
use uuid::Uuid;

use super::lane::{self, Lane};
use super::{Result, Store, Tx, outbound};
use crate::id::{ChannelId, MessageId};
use crate::routing::post::{NewPost, PostState};

mod by_hand;
mod together;

pub use by_hand::{ByHand, settle_by_hand};
pub use together::{Finish, Freeze};

/// States of a send, as in `ARCHITECTURE.md`, table 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendState {
    Open,
    InDoubt,
    Unresolved,
    Delivered,
    Dead,
}

impl SendState {
    pub fn as_str(self) -> &'static str {
        match self {
            SendState::Open => "open",
            SendState::InDoubt => "in_doubt",
            SendState::Unresolved => "unresolved",
            SendState::Delivered => "delivered",
            SendState::Dead => "dead",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "in_doubt" => SendState::InDoubt,
            "unresolved" => SendState::Unresolved,
            "delivered" => SendState::Delivered,
            "dead" => SendState::Dead,
            _ => SendState::Open,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Send {
    pub id: Uuid,
    pub message_ids: Vec<i64>,
    pub card_id: Option<Uuid>,
    pub body: Value,
    pub state: SendState,
    /// Set while an attempt is under way, and after a crash in one.
    pub attempting_at: Option<DateTime<Utc>>,
    /// Start of the first attempt whose fate is unknown.
    pub ambiguous_at: Option<DateTime<Utc>>,
    pub attempts: i32,
    pub own_failures: i32,
    pub set_aside: bool,
    /// What was last said about it.
    pub note: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Where in a forum it goes.
    pub post: Option<Post>,
    /// What that post is about.
    pub post_key: Option<String>,
}

/// Where in a forum a create goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Post {
    /// It is the first message of a post of its own.
    Open(NewPost),
    /// A post that is there.
    Into(ChannelId),
}

impl Post {
    fn new(thread_id: Option<i64>, thread: Option<Value>) -> Option<Self> {
        let into = thread_id.map(|id| Post::Into(ChannelId(id)));
        into.or_else(|| serde_json::from_value(thread?).ok().map(Post::Open))
    }
}

/// A create about to be frozen.
#[derive(Clone)]
pub struct NewSend {
    pub id: Uuid,
    pub message_ids: Vec<i64>,
    pub card_id: Option<Uuid>,
    pub card_version: Option<i64>,
    pub body: Value,
    pub post: Option<Post>,
    pub post_key: Option<String>,
}

/// What one attempt came to. `None` fields leave the row as it is.
pub struct SendUpdate {
    pub state: SendState,
    pub ambiguous_at: Option<DateTime<Utc>>,
    pub attempts: i32,
    pub own_failures: i32,
    pub set_aside: bool,
    pub not_before: DateTime<Utc>,
    pub note: Option<String>,
    pub message_id: Option<MessageId>,
    pub lane_not_before: Option<DateTime<Utc>>,
    pub lane_failures: i32,
    /// It arrived after others had passed it, and its message is to say so.
    pub lateness_due: bool,
    /// Certainly not there, and to be frozen anew: the post that it was to go into is gone.
    pub requeue: bool,
}

/// One line of the attempt log.
pub struct NewAttempt {
    pub send_id: Option<Uuid>,
    pub card_id: Option<Uuid>,
    pub started_at: DateTime<Utc>,
    pub duration_ms: i32,
    pub action: &'static str,
    pub status: Option<i32>,
    pub code: Option<i64>,
    pub outcome: &'static str,
    pub note: Option<String>,
}

/// A delivered message that does not say yet that it is late.
#[derive(Clone, Debug)]
pub struct LateSend {
    pub id: Uuid,
    pub card_id: Option<Uuid>,
    pub message_id: MessageId,
    /// The post that it is in, of a forum.
    pub thread_id: Option<ChannelId>,
    /// The frozen content, which the words about the lateness follow.
    pub content: String,
    /// When it should have arrived.
    pub created_at: DateTime<Utc>,
}

impl Store {
    pub async fn find_late_send(&self, destination_id: Uuid, now: DateTime<Utc>) -> Result<Option<LateSend>> {
        let row = sqlx::query!(
            r#"SELECT id, card_id, discord_message_id AS "message_id!", COALESCE(body ->> 'content', '') AS "content!",
                   created_at,
                   COALESCE(thread_id, CASE WHEN thread IS NOT NULL THEN discord_message_id END) AS thread_id
               FROM send WHERE destination_id = $1 AND lateness_due AND discord_message_id IS NOT NULL
                 AND not_before <= $2
               ORDER BY not_before LIMIT 1"#,
            destination_id,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| LateSend {
            id: r.id,
            card_id: r.card_id,
            message_id: MessageId(r.message_id),
            thread_id: r.thread_id.map(ChannelId),
            content: r.content,
            created_at: r.created_at,
        }))
    }

    /// Records that a message says that it is late, or, with a time, that this is tried again then.
    pub async fn finish_lateness(
        &self,
        lane: &Lane,
        send_id: Uuid,
        again_at: Option<DateTime<Utc>>,
        attempt: &NewAttempt,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        insert_attempt(&mut tx, attempt).await?;
        let held = lane::hold(&mut tx, lane).await?;
        if held {
            sqlx::query!(
                "UPDATE send SET lateness_due = $2::timestamptz IS NOT NULL, not_before = COALESCE($2, not_before)
                 WHERE id = $1",
                send_id,
                again_at
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(held)
    }

    /// The unfinished send of a lane that comes first: those in doubt before the rest.
    pub async fn find_due_send(&self, destination_id: Uuid, now: DateTime<Utc>) -> Result<Option<Send>> {
        let row = sqlx::query!(
            "SELECT id, message_ids, card_id, body, state, attempting_at, ambiguous_at, attempts, own_failures,
                 set_aside, note, created_at, thread_id, thread, post_key
             FROM send WHERE destination_id = $1 AND state IN ('open', 'in_doubt', 'unresolved') AND not_before <= $2
             ORDER BY state = 'unresolved', set_aside, created_at LIMIT 1",
            destination_id,
            now
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| Send {
            id: r.id,
            message_ids: r.message_ids,
            card_id: r.card_id,
            body: r.body,
            state: SendState::parse(&r.state),
            attempting_at: r.attempting_at,
            ambiguous_at: r.ambiguous_at,
            attempts: r.attempts,
            own_failures: r.own_failures,
            set_aside: r.set_aside,
            note: r.note,
            created_at: r.created_at,
            post: Post::new(r.thread_id, r.thread),
            post_key: r.post_key,
        }))
    }

    /// Freezes a create and stamps its first attempt, if the lane is still ours and its messages are
    /// still queued. The row is committed before anything is sent.
    pub async fn freeze_send(
        &self,
        lane: &Lane,
        new: &NewSend,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let (thread_id, thread) = match &new.post {
            Some(Post::Into(thread)) => (Some(thread.0), None),
            Some(Post::Open(post)) => (None, Some(Json(post))),
            None => (None, None),
        };
        // One statement is one round trip, and the commit is shared with other lanes'.
        let frozen = sqlx::query_scalar!(
            r#"WITH mine AS (
                   UPDATE lane SET leased_until = $3 WHERE destination_id = $1 AND lease_token = $2 RETURNING 1
               ), wanted AS MATERIALIZED (
                   SELECT id FROM message
                   WHERE id = ANY ($5) AND destination_id = $1 AND state = 'queued' AND EXISTS (SELECT FROM mine)
                   FOR UPDATE
               ), whole AS (
                   SELECT 1 FROM wanted HAVING count(*) = cardinality($5::bigint[])
               ), frozen AS (
                   INSERT INTO send (id, destination_id, message_ids, card_id, card_version, body, attempting_at,
                       not_before, created_at, thread_id, thread, post_key)
                   SELECT $4, $1, $5, $6, $7, $8, $9, $9, $9, $10, $11, $12 FROM whole
                   RETURNING 1
               ), taken AS (
                   UPDATE message SET state = 'sending', send_id = $4
                   FROM wanted, whole WHERE message.id = wanted.id
               ), shown AS (
                   UPDATE card SET send_id = $4 FROM whole WHERE card.id = $6
               )
               SELECT 1 AS "one!" FROM frozen"#,
            lane.destination.id,
            lane.token,
            until,
            new.id,
            &new.message_ids,
            new.card_id,
            new.card_version,
            new.body,
            now,
            thread_id,
            thread as Option<Json<&NewPost>>,
            new.post_key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(frozen.is_some())
    }

    /// Stamps a further attempt and renews the lease. A stamp left by a crash becomes the start of the
    /// doubt. False when the lane is no longer ours.
    pub async fn begin_attempt(
        &self,
        lane: &Lane,
        send_id: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool> {
        let done = sqlx::query!(
            "WITH mine AS (
                UPDATE lane SET leased_until = $4 WHERE destination_id = $1 AND lease_token = $2 RETURNING 1
             )
             UPDATE send SET ambiguous_at = COALESCE(ambiguous_at, attempting_at), attempting_at = $5
             WHERE id = $3 AND EXISTS (SELECT 1 FROM mine)",
            lane.destination.id,
            lane.token,
            send_id,
            until,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Finishes an attempt in one transaction, only where the lane is still ours; the attempt is
    /// logged either way.
    pub async fn finish_send(
        &self,
        lane: &Lane,
        send: &Send,
        update: &SendUpdate,
        attempt: &NewAttempt,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let heard = heard_by_others(send, update);
        let is_unresolved = send.state == SendState::Unresolved;
        if heard.is_none() && !update.requeue && !is_unresolved {
            return finish(&self.pool, lane, send, update, attempt, now).await;
        }
        let mut tx = self.begin().await?;
        // Meanwhile somebody may have said what became of it: then that counts.
        if is_unresolved && lane::hold(&mut tx, lane).await? && !by_hand::is_unresolved(&mut tx, send.id).await? {
            insert_attempt(&mut tx, attempt).await?;
            tx.commit().await?;
            return Ok(true);
        }
        let held = finish(&mut *tx, lane, send, update, attempt, now).await?;
        if held && update.requeue {
            requeue(&mut tx, lane, send).await?;
        }
        if let Some(what) = heard.filter(|_| held) {
            tell_others(&mut tx, what, lane, send, update, now).await?;
        }
        tx.commit().await?;
        Ok(held)
    }
}

/// One statement, and so one round trip: this is done once per message.
async fn finish(
    executor: impl PgExecutor<'_>,
    lane: &Lane,
    send: &Send,
    update: &SendUpdate,
    attempt: &NewAttempt,
    now: DateTime<Utc>,
) -> Result<bool> {
    let finished = matches!(update.state, SendState::Delivered | SendState::Dead);
    let opened = match &send.post {
        Some(Post::Open(post)) => Some(PostState { tags: post.tags.clone(), archived: false }.to_text()),
        _ => None,
    };
    let held = sqlx::query_scalar!(
        r#"WITH logged AS (
               INSERT INTO attempt (send_id, card_id, started_at, duration_ms, action, status, code, outcome, note)
               VALUES ($3, $4, $5, $6, $7, $8, $9, $10, $11)
           ), mine AS (
               UPDATE lane SET not_before = GREATEST(not_before, COALESCE($12, not_before)), failures = $13
               WHERE destination_id = $1 AND lease_token = $2 RETURNING 1
           ), sent AS (
               UPDATE send SET state = $10, attempting_at = NULL, ambiguous_at = $14, attempts = $15,
                   own_failures = $16, set_aside = $17, not_before = $18, note = $19, discord_message_id = $20,
                   finished_at = CASE WHEN $21 THEN $22::timestamptz END, lateness_due = $23
               FROM mine WHERE send.id = $3
           ), settled AS (
               UPDATE message SET state = $10, finished_at = $22
               FROM mine WHERE $21 AND NOT $24 AND message.id = ANY ($25)
           ), noted AS (
               -- The destination's own row is written no more than once a second.
               UPDATE destination SET last_delivery_at = $22
               FROM mine WHERE destination.id = $1 AND $10 = 'delivered'
                 AND (last_delivery_at IS NULL OR last_delivery_at < $26)
           ), shown AS (
               UPDATE card SET discord_message_id = $20, shown_version = GREATEST(shown_version, s.card_version),
                   thread_state = $27
               FROM mine, send s
               WHERE card.id = $28 AND s.id = $3 AND card.send_id = s.id AND $20::bigint IS NOT NULL
           )
           SELECT 1 AS "one!" FROM mine"#,
        lane.destination.id,
        lane.token,
        attempt.send_id,
        attempt.card_id,
        attempt.started_at,
        attempt.duration_ms,
        attempt.action,
        attempt.status,
        attempt.code,
        attempt.outcome,
        attempt.note,
        update.lane_not_before,
        update.lane_failures,
        update.ambiguous_at,
        update.attempts,
        update.own_failures,
        update.set_aside,
        update.not_before,
        update.note,
        update.message_id.map(|m| m.0),
        finished,
        now,
        update.lateness_due,
        update.requeue,
        &send.message_ids,
        now - TimeDelta::seconds(1),
        opened,
        send.card_id
    )
    .fetch_optional(executor)
    .await?;
    Ok(held.is_some())
}

/// What did not arrive, or may not have, is told to the systems that want to hear it.
fn heard_by_others(send: &Send, update: &SendUpdate) -> Option<&'static str> {
    match update.state {
        SendState::Dead => Some("delivery.dead"),
        SendState::InDoubt | SendState::Unresolved if send.state == SendState::Open => Some("delivery.in_doubt"),
        _ => None,
    }
}

async fn tell_others(
    tx: &mut Tx,
    what: &'static str,
    lane: &Lane,
    send: &Send,
    update: &SendUpdate,
    now: DateTime<Utc>,
) -> Result<()> {
    let data = serde_json::json!({
        "send_id": send.id,
        "destination_id": lane.destination.id,
        "messages": send.message_ids.len(),
        "attempts": update.attempts,
        "because": update.note,
    });
    outbound::tell(tx, lane.destination.guild_id, what, &data, now).await?;
    Ok(())
}

/// The messages go into another post.
async fn requeue(tx: &mut Tx, lane: &Lane, send: &Send) -> Result<()> {
    sqlx::query!("UPDATE message SET state = 'queued', send_id = NULL WHERE id = ANY ($1)", &send.message_ids)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "UPDATE send SET post_key = NULL WHERE destination_id = $1 AND post_key = $2 AND thread IS NOT NULL",
        lane.destination.id,
        send.post_key
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn insert_attempt(tx: &mut Tx, attempt: &NewAttempt) -> Result<()> {
    sqlx::query!(
        "INSERT INTO attempt (send_id, card_id, started_at, duration_ms, action, status, code, outcome, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        attempt.send_id,
        attempt.card_id,
        attempt.started_at,
        attempt.duration_ms,
        attempt.action,
        attempt.status,
        attempt.code,
        attempt.outcome,
        attempt.note
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
