//! The two steps of a plain notice, for many lanes in one statement and one commit: freezing its send, and finishing
//! one that was delivered at the first attempt. Everything else goes one by one (`store::send`): a statement that locks
//! the cards of many lanes could wait for a planner that waits for it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{NewAttempt, NewSend, Send, SendState, SendUpdate};
use crate::store::lane::Lane;
use crate::store::{Result, Store};

/// A send that [`Store::freeze_together`] takes.
#[derive(Clone)]
pub struct Freeze {
    destination_id: Uuid,
    token: Uuid,
    new: Arc<NewSend>,
}

impl Freeze {
    /// `None` for what is more than a notice in a channel.
    pub fn of(lane: &Lane, new: &Arc<NewSend>) -> Option<Self> {
        let is_plain = new.card_id.is_none() && new.post.is_none() && new.post_key.is_none();
        is_plain.then(|| Self { destination_id: lane.destination.id, token: lane.token, new: new.clone() })
    }
}

/// A finish that [`Store::finish_together`] takes.
#[derive(Clone)]
pub struct Finish {
    destination_id: Uuid,
    token: Uuid,
    send_id: Uuid,
    message_ids: Vec<i64>,
    discord_message_id: Option<i64>,
    started_at: DateTime<Utc>,
    duration_ms: i32,
    status: Option<i32>,
}

impl Finish {
    /// `None` for everything but a notice that arrived at its first attempt, in a lane that has no failures.
    pub fn of(lane: &Lane, send: &Send, update: &SendUpdate, attempt: &NewAttempt) -> Option<Self> {
        let was_new = send.state == SendState::Open && send.attempts == 0 && lane.failures == 0;
        let is_plain = send.card_id.is_none() && send.post.is_none() && send.post_key.is_none();
        let says_nothing = update.ambiguous_at.is_none() && update.note.is_none() && attempt.note.is_none();
        let is_first = update.attempts == 1 && update.own_failures == 0 && !update.set_aside && !update.lateness_due;
        let goes_on = update.lane_not_before.is_none() && update.lane_failures == 0 && !update.requeue;
        let is_delivered = update.state == SendState::Delivered && attempt.action == "create" && attempt.code.is_none();
        let fits = was_new && is_plain && says_nothing && is_first && goes_on && is_delivered;
        fits.then(|| Self {
            destination_id: lane.destination.id,
            token: lane.token,
            send_id: send.id,
            message_ids: send.message_ids.clone(),
            discord_message_id: update.message_id.map(|id| id.0),
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            status: attempt.status,
        })
    }
}

impl Store {
    /// As [`Store::freeze_send`], of lanes that differ. Says of each whether it was frozen.
    pub async fn freeze_together(
        &self,
        sends: &[Freeze],
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<bool>> {
        let destinations: Vec<Uuid> = sends.iter().map(|send| send.destination_id).collect();
        let tokens: Vec<Uuid> = sends.iter().map(|send| send.token).collect();
        let ids: Vec<Uuid> = sends.iter().map(|send| send.new.id).collect();
        let bodies: Vec<Json<&Value>> = sends.iter().map(|send| Json(&send.new.body)).collect();
        let counts: Vec<i64> = sends.iter().map(|send| send.new.message_ids.len() as i64).collect();
        let (messages, of) = flat(sends.iter().map(|send| (send.new.id, send.new.message_ids.as_slice())));
        let frozen = sqlx::query_scalar!(
            r#"WITH asked AS (
                   SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::jsonb[], $5::bigint[])
                       AS t (destination_id, token, send_id, body, messages)
               ), mine AS (
                   UPDATE lane SET leased_until = $7 FROM asked
                   WHERE lane.destination_id = asked.destination_id AND lane.lease_token = asked.token
                   RETURNING asked.destination_id, asked.send_id
               ), wanted AS MATERIALIZED (
                   SELECT m.id, mine.send_id
                   FROM UNNEST($8::bigint[], $9::uuid[]) AS p (id, send_id)
                   JOIN mine ON mine.send_id = p.send_id
                   JOIN message m ON m.id = p.id
                   WHERE m.destination_id = mine.destination_id AND m.state = 'queued'
                   FOR UPDATE OF m
               ), counted AS (
                   SELECT send_id, count(*) AS messages, array_agg(id ORDER BY id) AS ids FROM wanted GROUP BY send_id
               ), whole AS (
                   SELECT asked.send_id, asked.destination_id, asked.body, counted.ids
                   FROM asked JOIN counted ON counted.send_id = asked.send_id AND counted.messages = asked.messages
               ), frozen AS (
                   INSERT INTO send (id, destination_id, message_ids, body, attempting_at, not_before, created_at)
                   SELECT send_id, destination_id, ids, body, $6, $6, $6 FROM whole
               ), taken AS (
                   UPDATE message SET state = 'sending', send_id = t.send_id
                   FROM (SELECT UNNEST(ids) AS id, send_id FROM whole) AS t
                   WHERE message.id = t.id
               )
               SELECT send_id AS "id!" FROM whole"#,
            &destinations,
            &tokens,
            &ids,
            &bodies as &[Json<&Value>],
            &counts,
            now,
            until,
            &messages,
            &of
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.iter().map(|id| frozen.contains(id)).collect())
    }

    /// As [`Store::finish_send`], of lanes that differ. Says of each whether its lane was still ours.
    pub async fn finish_together(&self, sends: &[Finish], now: DateTime<Utc>) -> Result<Vec<bool>> {
        let destinations: Vec<Uuid> = sends.iter().map(|send| send.destination_id).collect();
        let tokens: Vec<Uuid> = sends.iter().map(|send| send.token).collect();
        let ids: Vec<Uuid> = sends.iter().map(|send| send.send_id).collect();
        let shown: Vec<Option<i64>> = sends.iter().map(|send| send.discord_message_id).collect();
        let started: Vec<DateTime<Utc>> = sends.iter().map(|send| send.started_at).collect();
        let durations: Vec<i32> = sends.iter().map(|send| send.duration_ms).collect();
        let statuses: Vec<Option<i32>> = sends.iter().map(|send| send.status).collect();
        let (messages, of) = flat(sends.iter().map(|send| (send.send_id, send.message_ids.as_slice())));
        let held = sqlx::query_scalar!(
            r#"WITH done AS (
                   SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::timestamptz[], $6::int[],
                       $7::int[]) AS t (destination_id, token, send_id, shown, started_at, duration_ms, status)
               ), logged AS (
                   INSERT INTO attempt (send_id, started_at, duration_ms, action, status, outcome)
                   SELECT send_id, started_at, duration_ms, 'create', status, 'delivered' FROM done
               ), mine AS MATERIALIZED (
                   -- The lane's row says the same as before; nobody takes it until this is committed.
                   SELECT done.destination_id, done.send_id, done.shown
                   FROM done JOIN lane ON lane.destination_id = done.destination_id AND lane.lease_token = done.token
                   FOR NO KEY UPDATE OF lane
               ), sent AS (
                   UPDATE send SET state = 'delivered', attempting_at = NULL, ambiguous_at = NULL, attempts = 1,
                       not_before = $8, note = NULL, discord_message_id = mine.shown, finished_at = $8
                   FROM mine WHERE send.id = mine.send_id
               ), settled AS (
                   UPDATE message SET state = 'delivered', finished_at = $8
                   FROM UNNEST($9::bigint[], $10::uuid[]) AS p (id, send_id) JOIN mine ON mine.send_id = p.send_id
                   WHERE message.id = p.id
               ), noted AS (
                   -- The destination's own row is written no more than once a second.
                   UPDATE destination SET last_delivery_at = $8 FROM mine
                   WHERE destination.id = mine.destination_id AND (last_delivery_at IS NULL OR last_delivery_at < $11)
               )
               SELECT send_id AS "id!" FROM mine"#,
            &destinations,
            &tokens,
            &ids,
            &shown as &[Option<i64>],
            &started,
            &durations,
            &statuses as &[Option<i32>],
            now,
            &messages,
            &of,
            now - TimeDelta::seconds(1)
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.iter().map(|id| held.contains(id)).collect())
    }
}

/// The messages of all sends, and beside each the send that it is of.
fn flat<'a>(sends: impl Iterator<Item = (Uuid, &'a [i64])>) -> (Vec<i64>, Vec<Uuid>) {
    sends.flat_map(|(send, messages)| messages.iter().map(move |message| (*message, send))).unzip()
}
