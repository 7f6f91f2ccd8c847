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
    /// Batches that are still taken to hold repeats, as one did lately.
    wary: u32,
}

/// After a repeat, so many batches without one are stored with care.
const WARY: u32 = 100;

impl EventWriter {
    pub fn new(store: Store) -> Self {
        Self { store, kept: None, wary: 0 }
    }

    /// As [`Store::insert_events`]. A connection that was lost since the last batch costs a second try:
    /// what the first one stored after all is recognised.
    pub async fn insert(&mut self, batch: &[&NewEvent]) -> Result<Vec<Inserted>> {
        let columns = Columns::of(batch);
        if let Some(mut kept) = self.kept.take() {
            match self.insert_with(&mut kept, &columns).await {
                Err(StoreError::Unavailable(_)) => {}
                outcome => {
                    self.kept = Some(kept);
                    return outcome;
                }
            }
        }
        let mut fresh = self.store.pool.acquire().await?;
        let outcome = self.insert_with(&mut fresh, &columns).await;
        if !matches!(outcome, Err(StoreError::Unavailable(_))) {
            self.kept = Some(fresh);
        }
        outcome
    }

    /// Most batches hold no repeat, and inserting without asking costs PostgreSQL a third less. One that holds a
    /// repeat is refused as a whole and stored with care.
    async fn insert_with(&mut self, connection: &mut PgConnection, columns: &Columns<'_>) -> Result<Vec<Inserted>> {
        if self.wary > 0 {
            let outcomes = columns.insert(connection).await?;
            let is_repeat = |outcome: &Inserted| matches!(outcome, Inserted::Duplicate(_));
            self.wary = if outcomes.iter().any(is_repeat) { WARY } else { self.wary - 1 };
            return Ok(outcomes);
        }
        if columns.insert_fresh(connection).await? {
            return Ok(columns.all_fresh());
        }
        self.wary = WARY;
        columns.insert(connection).await
    }

    pub fn holds_a_connection(&self) -> bool {
        self.kept.is_some()
    }

    /// Lets others have the connection.
    pub fn rest(&mut self) {
        self.kept = None;
    }
}

/// A batch as PostgreSQL takes it: an array for each column.
struct Columns<'a> {
    ids: Vec<Uuid>,
    sources: Vec<Uuid>,
    guilds: Vec<i64>,
    kinds: Vec<&'a str>,
    subjects: Vec<Option<&'a str>>,
    severities: Vec<&'a str>,
    occurred: Vec<DateTime<Utc>>,
    received: Vec<DateTime<Utc>>,
    hashes: Vec<Uuid>,
    data: Vec<Option<Json<&'a Value>>>,
    vias: Vec<&'a str>,
    raws: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(batch: &[&'a NewEvent]) -> Self {
        Self {
            ids: batch.iter().map(|n| n.event.id).collect(),
            sources: batch.iter().map(|n| n.event.source_id).collect(),
            guilds: batch.iter().map(|n| n.event.guild_id.0).collect(),
            kinds: batch.iter().map(|n| n.event.kind.as_str()).collect(),
            subjects: batch.iter().map(|n| n.event.subject.as_deref()).collect(),
            severities: batch.iter().map(|n| n.event.severity.as_str()).collect(),
            occurred: batch.iter().map(|n| n.event.occurred_at).collect(),
            received: batch.iter().map(|n| n.event.received_at).collect(),
            hashes: batch.iter().map(|n| dedup_hash(n.event.source_id, &n.event.dedup_key)).collect(),
            data: batch.iter().map(|n| (!n.data_in_raw).then_some(Json(&n.event.data))).collect(),
            vias: batch.iter().map(|n| n.via.as_str()).collect(),
            raws: batch.iter().map(|n| n.raw.as_slice()).collect(),
        }
    }

    fn all_fresh(&self) -> Vec<Inserted> {
        self.ids.iter().copied().map(Inserted::Fresh).collect()
    }

    /// Inserts the batch in one statement and one commit, unless it holds a repeat: then nothing, and `false`.
    /// Events are numbered as they came; their keys are taken in order, so that two batches cannot deadlock.
    /// A key under way in another transaction is waited for.
    async fn insert_fresh(&self, connection: &mut PgConnection) -> Result<bool> {
        let inserted = sqlx::query!(
            "WITH fresh AS (
                INSERT INTO event (seq, id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_hash, data, via)
                OVERRIDING SYSTEM VALUE
                SELECT * FROM (SELECT nextval('event_seq_seq'), t.* FROM UNNEST(
                    $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                    $7::timestamptz[], $8::timestamptz[], $9::uuid[], $10::jsonb[], $11::text[]
                ) AS t (id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_hash, data, via)) AS numbered
                ORDER BY dedup_hash
            )
            INSERT INTO event_raw (event_id, received_at, body)
            SELECT * FROM UNNEST($1::uuid[], $8::timestamptz[], $12::bytea[])",
            &self.ids,
            &self.sources,
            &self.guilds,
            &self.kinds as &[&str],
            &self.subjects as &[Option<&str>],
            &self.severities as &[&str],
            &self.occurred,
            &self.received,
            &self.hashes,
            &self.data as &[Option<Json<&Value>>],
            &self.vias as &[&str],
            &self.raws as &[&[u8]]
        )
        .execute(connection)
        .await;
        match inserted {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.constraint() == Some("event_dedup_hash") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Inserts what is not there yet, in one statement and one commit. Otherwise as `insert_fresh`.
    async fn insert(&self, connection: &mut PgConnection) -> Result<Vec<Inserted>> {
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
            &self.ids,
            &self.sources,
            &self.guilds,
            &self.kinds as &[&str],
            &self.subjects as &[Option<&str>],
            &self.severities as &[&str],
            &self.occurred,
            &self.received,
            &self.hashes,
            &self.data as &[Option<Json<&Value>>],
            &self.vias as &[&str],
            &self.raws as &[&[u8]]
        )
        .fetch_one(&mut *connection)
        .await?;
        if usize::try_from(fresh) == Ok(self.ids.len()) {
            return Ok(self.all_fresh());
        }
        let first = first_ids(connection, &self.hashes).await?;
        let outcome = |(id, hash): (&Uuid, &Uuid)| match first.get(hash) {
            Some(first) if first == id => Inserted::Fresh(*id),
            Some(first) => Inserted::Duplicate(*first),
            // It was there a moment ago, and its time was over.
            None => Inserted::Duplicate(*id),
        };
        Ok(self.ids.iter().zip(&self.hashes).map(outcome).collect())
    }
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
        Columns::of(batch).insert(&mut connection).await
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
    Columns::of(&[event]).insert(tx).await?;
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
