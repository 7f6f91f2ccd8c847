//! Events: many requests share one commit; a repeat is recognised by the source's dedup key.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;

use super::{Result, Store, StoreError, Tx};
use crate::event::{Event, NewEvent, Severity, dedup_hash};
use crate::id::{GuildId, first_id_at};
use crate::routing::trace::Plan;

/// What became of one event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    Fresh(Uuid),
    /// The id of the event that came first, whose row is committed.
    Duplicate(Uuid),
}

impl Inserted {
    pub fn id(self) -> Uuid {
        match self {
            Inserted::Fresh(id) | Inserted::Duplicate(id) => id,
        }
    }
}

/// The planner's note on one event.
pub struct PlanNote<'a> {
    pub event_id: Uuid,
    pub plan: &'a Plan,
    /// Taken from the body just now.
    pub data: Option<&'a Value>,
}

/// Stores events one batch after the other on a connection of its own: the pool tries a connection
/// before and after each use, which costs two round trips.
pub struct EventWriter {
    store: Store,
    kept: Option<PoolConnection<Postgres>>,
}

impl EventWriter {
    pub fn new(store: Store) -> Self {
        Self { store, kept: None }
    }

    /// As [`Store::insert_events`]. A connection that was lost since the last batch costs a second try:
    /// what the first one stored after all is recognised.
    pub async fn insert(&mut self, batch: &[&NewEvent]) -> Result<Vec<Inserted>> {
        if let Some(mut kept) = self.kept.take() {
            match insert_events(&mut kept, batch).await {
                Err(StoreError::Unavailable(_)) => {}
                outcome => {
                    self.kept = Some(kept);
                    return outcome;
                }
            }
        }
        let mut fresh = self.store.pool.acquire().await?;
        let outcome = insert_events(&mut fresh, batch).await;
        if !matches!(outcome, Err(StoreError::Unavailable(_))) {
            self.kept = Some(fresh);
        }
        outcome
    }

    pub fn holds_a_connection(&self) -> bool {
        self.kept.is_some()
    }

    /// Lets others have the connection.
    pub fn rest(&mut self) {
        self.kept = None;
    }
}

/// Inserts a batch in one statement and one commit. Events are numbered as they came; their keys are taken
/// in order, so that two batches cannot deadlock. A key under way in another transaction is waited for.
pub(super) async fn insert_events(connection: &mut PgConnection, batch: &[&NewEvent]) -> Result<Vec<Inserted>> {
    let ids: Vec<Uuid> = batch.iter().map(|n| n.event.id).collect();
    let sources: Vec<Uuid> = batch.iter().map(|n| n.event.source_id).collect();
    let guilds: Vec<i64> = batch.iter().map(|n| n.event.guild_id.0).collect();
    let kinds: Vec<&str> = batch.iter().map(|n| n.event.kind.as_str()).collect();
    let subjects: Vec<Option<&str>> = batch.iter().map(|n| n.event.subject.as_deref()).collect();
    let severities: Vec<&str> = batch.iter().map(|n| n.event.severity.as_str()).collect();
    let occurred: Vec<DateTime<Utc>> = batch.iter().map(|n| n.event.occurred_at).collect();
    let received: Vec<DateTime<Utc>> = batch.iter().map(|n| n.event.received_at).collect();
    let hashes: Vec<Uuid> = batch.iter().map(|n| dedup_hash(n.event.source_id, &n.event.dedup_key)).collect();
    let data: Vec<Option<Json<&Value>>> =
        batch.iter().map(|n| (!n.data_in_raw).then_some(Json(&n.event.data))).collect();
    let vias: Vec<&str> = batch.iter().map(|n| n.via.as_str()).collect();
    let raws: Vec<&[u8]> = batch.iter().map(|n| n.raw.as_slice()).collect();
    let fresh = sqlx::query_scalar!(
        r#"WITH fresh AS (
            INSERT INTO event (seq, id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_hash, data, via)
            OVERRIDING SYSTEM VALUE
            SELECT * FROM (SELECT nextval('event_seq_seq'), t.* FROM UNNEST(
                $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                $7::timestamptz[], $8::timestamptz[], $9::uuid[], $10::jsonb[], $11::text[]
            ) AS t (id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_hash, data, via)) AS numbered
            ORDER BY dedup_hash
            ON CONFLICT ON CONSTRAINT event_dedup_hash DO NOTHING
            RETURNING id
        ), kept AS (
            INSERT INTO event_raw (event_id, received_at, body)
            SELECT t.id, t.received_at, t.body
            FROM UNNEST($1::uuid[], $8::timestamptz[], $12::bytea[]) AS t (id, received_at, body) JOIN fresh USING (id)
        )
        SELECT count(*) AS "count!" FROM fresh"#,
        &ids,
        &sources,
        &guilds,
        &kinds as &[&str],
        &subjects as &[Option<&str>],
        &severities as &[&str],
        &occurred,
        &received,
        &hashes,
        &data as &[Option<Json<&Value>>],
        &vias as &[&str],
        &raws as &[&[u8]]
    )
    .fetch_one(&mut *connection)
    .await?;
    if usize::try_from(fresh) == Ok(batch.len()) {
        return Ok(ids.into_iter().map(Inserted::Fresh).collect());
    }
    let first = first_ids(connection, &hashes).await?;
    Ok(ids
        .iter()
        .zip(&hashes)
        .map(|(id, hash)| match first.get(hash) {
            Some(first) if first == id => Inserted::Fresh(*id),
            Some(first) => Inserted::Duplicate(*first),
            // It was there a moment ago, and its time was over.
            None => Inserted::Duplicate(*id),
        })
        .collect())
}

/// The committed events behind keys that were there already.
async fn first_ids(connection: &mut PgConnection, hashes: &[Uuid]) -> Result<HashMap<Uuid, Uuid>> {
    let rows = sqlx::query!("SELECT dedup_hash, id FROM event WHERE dedup_hash = ANY($1)", hashes)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|r| (r.dedup_hash, r.id)).collect())
}

impl Store {
    /// Stores events in one commit; returns after it.
    pub async fn insert_events(&self, batch: &[&NewEvent]) -> Result<Vec<Inserted>> {
        let mut connection = self.pool.acquire().await?;
        insert_events(&mut connection, batch).await
    }

    /// Which of these keys the source has already seen.
    pub async fn list_known_keys(&self, source_id: Uuid, keys: &[String]) -> Result<Vec<String>> {
        let hashes: Vec<Uuid> = keys.iter().map(|key| dedup_hash(source_id, key)).collect();
        let known: HashSet<Uuid> =
            sqlx::query_scalar!("SELECT dedup_hash FROM event WHERE dedup_hash = ANY($1)", &hashes)
                .fetch_all(&self.pool)
                .await?
                .into_iter()
                .collect();
        let known = keys.iter().zip(&hashes).filter(|(_, hash)| known.contains(*hash));
        Ok(known.map(|(key, _)| key.clone()).collect())
    }

    /// When the last webhook test since then arrived, if one did.
    pub async fn find_test_arrival(&self, source_id: Uuid, since: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT max(received_at) AS at FROM event
               WHERE id >= $3 AND source_id = $1 AND kind = 'webhook.test' AND received_at >= $2"#,
            source_id,
            since,
            // Ids are made at about the time of receipt, and found by it.
            first_id_at(since - TimeDelta::minutes(1))
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// An event to be planned.
pub struct Unplanned {
    pub event: Event,
    /// The body that `event.data` is still to be taken from (see [`NewEvent::data_in_raw`]).
    pub body: Option<Vec<u8>>,
}

/// Takes events that no planner has planned or is planning, in the order they became visible.
pub async fn claim_unplanned(tx: &mut Tx, limit: i64) -> Result<Vec<Unplanned>> {
    let rows = sqlx::query!(
        r#"SELECT e.id, e.source_id, e.guild_id, e.kind, e.subject, e.severity, e.occurred_at, e.received_at,
               e.dedup_hash, e.data, r.body AS "body?"
           FROM event e LEFT JOIN event_raw r
               ON e.data IS NULL AND r.received_at = e.received_at AND r.event_id = e.id
           WHERE e.planned_at IS NULL ORDER BY e.seq LIMIT $1 FOR UPDATE OF e SKIP LOCKED"#,
        limit
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Unplanned {
            event: Event {
                id: r.id,
                source_id: r.source_id,
                guild_id: GuildId(r.guild_id),
                kind: r.kind,
                subject: r.subject,
                occurred_at: r.occurred_at,
                received_at: r.received_at,
                severity: Severity::parse(&r.severity).unwrap_or(Severity::Info),
                dedup_key: r.dedup_hash.to_string(),
                data: r.data.unwrap_or_default(),
            },
            body: r.body,
        })
        .collect())
}

/// Marks events planned, and keeps the data that was taken from their bodies.
pub async fn mark_planned(tx: &mut Tx, notes: &[PlanNote<'_>], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = notes.iter().map(|n| n.event_id).collect();
    let texts: Vec<&str> = notes.iter().map(|n| n.plan.note.as_str()).collect();
    let plans: Vec<Json<&Plan>> = notes.iter().map(|n| Json(n.plan)).collect();
    let data: Vec<Option<Json<&Value>>> = notes.iter().map(|n| n.data.map(Json)).collect();
    sqlx::query!(
        "UPDATE event SET planned_at = $3, plan_note = t.note, data = COALESCE(t.data, event.data), plan = t.plan
         FROM UNNEST($1::uuid[], $2::text[], $4::jsonb[], $5::jsonb[]) AS t (id, note, data, plan)
         WHERE event.id = t.id",
        &ids,
        &texts as &[&str],
        now,
        &data as &[Option<Json<&Value>>],
        &plans as &[Json<&Plan>]
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An event of the program's own, in the transaction of what it tells of.
pub async fn insert_own_event(tx: &mut Tx, event: &NewEvent) -> Result<()> {
    insert_events(tx, &[event]).await?;
    Ok(())
}

impl Store {
    /// Planned events of a guild whose data is still kept, newest first: those before `before`, not older than `since`.
    pub async fn list_past_events(
        &self,
        guild_id: GuildId,
        since: DateTime<Utc>,
        before: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Event>> {
        let rows = sqlx::query!(
            "SELECT id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_hash, data FROM event
             WHERE guild_id = $1 AND id >= $2 AND id < $3 AND data IS NOT NULL AND planned_at IS NOT NULL
             ORDER BY id DESC LIMIT $4",
            guild_id.0,
            first_id_at(since),
            before.unwrap_or(Uuid::max()),
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Event {
                id: r.id,
                source_id: r.source_id,
                guild_id: GuildId(r.guild_id),
                kind: r.kind,
                subject: r.subject,
                occurred_at: r.occurred_at,
                received_at: r.received_at,
                severity: Severity::parse(&r.severity).unwrap_or(Severity::Info),
                dedup_key: r.dedup_hash.to_string(),
                data: r.data.unwrap_or_default(),
            })
            .collect())
    }

    /// The kinds of events that ever came to a guild.
    pub async fn list_seen_kinds(&self, guild_id: GuildId) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar!(
            "SELECT DISTINCT kind FROM pulse WHERE guild_id = $1 AND kind <> '' ORDER BY kind",
            guild_id.0
        )
        .fetch_all(&self.pool)
        .await?)
    }
}
