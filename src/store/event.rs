//! Events: many requests share one commit; a repeat is recognised by the source's dedup key.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::event::{Event, NewEvent, Severity};
use crate::id::GuildId;

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
pub struct PlanNote {
    pub event_id: Uuid,
    pub note: String,
}

impl Store {
    /// Inserts a batch in one statement and one commit. Keys are taken in order, so that two batches
    /// cannot deadlock; a key under way in another transaction is waited for.
    pub async fn insert_events(&self, batch: &[&NewEvent]) -> Result<Vec<Inserted>> {
        let ids: Vec<Uuid> = batch.iter().map(|n| n.event.id).collect();
        let sources: Vec<Uuid> = batch.iter().map(|n| n.event.source_id).collect();
        let guilds: Vec<i64> = batch.iter().map(|n| n.event.guild_id.0).collect();
        let kinds: Vec<&str> = batch.iter().map(|n| n.event.kind.as_str()).collect();
        let subjects: Vec<Option<&str>> = batch.iter().map(|n| n.event.subject.as_deref()).collect();
        let severities: Vec<&str> = batch.iter().map(|n| n.event.severity.as_str()).collect();
        let occurred: Vec<DateTime<Utc>> = batch.iter().map(|n| n.event.occurred_at).collect();
        let received: Vec<DateTime<Utc>> = batch.iter().map(|n| n.event.received_at).collect();
        let keys: Vec<&str> = batch.iter().map(|n| n.event.dedup_key.as_str()).collect();
        let data: Vec<Json<&Value>> = batch.iter().map(|n| Json(&n.event.data)).collect();
        let vias: Vec<&str> = batch.iter().map(|n| n.via.as_str()).collect();
        let raws: Vec<&[u8]> = batch.iter().map(|n| n.raw.as_slice()).collect();
        let fresh: Vec<Uuid> = sqlx::query_scalar!(
            r#"WITH input AS (
                SELECT * FROM UNNEST(
                    $1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                    $7::timestamptz[], $8::timestamptz[], $9::text[], $10::jsonb[], $11::text[], $12::bytea[]
                ) AS t (id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_key, data, via, raw)
            ), fresh AS (
                INSERT INTO dedup (source_id, key, event_id, created_at)
                SELECT source_id, dedup_key, id, received_at FROM input ORDER BY source_id, dedup_key
                ON CONFLICT DO NOTHING
                RETURNING event_id
            ), stored AS (
                INSERT INTO event (id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_key, data, via)
                SELECT i.id, i.source_id, i.guild_id, i.kind, i.subject, i.severity, i.occurred_at, i.received_at, i.dedup_key, i.data, i.via
                FROM input i JOIN fresh f ON f.event_id = i.id
            ), kept AS (
                INSERT INTO event_raw (event_id, received_at, body)
                SELECT i.id, i.received_at, i.raw FROM input i JOIN fresh f ON f.event_id = i.id
            )
            SELECT event_id AS "event_id!" FROM fresh"#,
            &ids,
            &sources,
            &guilds,
            &kinds as &[&str],
            &subjects as &[Option<&str>],
            &severities as &[&str],
            &occurred,
            &received,
            &keys as &[&str],
            &data as &[Json<&Value>],
            &vias as &[&str],
            &raws as &[&[u8]]
        )
        .fetch_all(&self.pool)
        .await?;
        if fresh.len() == batch.len() {
            return Ok(ids.into_iter().map(Inserted::Fresh).collect());
        }
        let first = self.first_ids(&sources, &keys).await?;
        Ok(batch
            .iter()
            .map(|n| {
                if fresh.contains(&n.event.id) {
                    Inserted::Fresh(n.event.id)
                } else {
                    let key = (n.event.source_id, n.event.dedup_key.clone());
                    Inserted::Duplicate(first.get(&key).copied().unwrap_or(n.event.id))
                }
            })
            .collect())
    }

    async fn first_ids(&self, sources: &[Uuid], keys: &[&str]) -> Result<HashMap<(Uuid, String), Uuid>> {
        let rows = sqlx::query!(
            "SELECT d.source_id, d.key, d.event_id FROM dedup d
             JOIN UNNEST($1::uuid[], $2::text[]) AS t (source_id, key) ON t.source_id = d.source_id AND t.key = d.key",
            sources,
            keys as &[&str]
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| ((r.source_id, r.key), r.event_id)).collect())
    }

    /// Which of these keys the source has already seen.
    pub async fn list_known_keys(&self, source_id: Uuid, keys: &[String]) -> Result<Vec<String>> {
        Ok(sqlx::query_scalar!("SELECT key FROM dedup WHERE source_id = $1 AND key = ANY($2)", source_id, keys)
            .fetch_all(&self.pool)
            .await?)
    }

    /// When a webhook test with this text arrived, if it did.
    pub async fn find_test_arrival(&self, source_id: Uuid, since: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            r#"SELECT min(received_at) AS at FROM event
               WHERE source_id = $1 AND kind = 'webhook.test' AND received_at >= $2"#,
            source_id,
            since
        )
        .fetch_one(&self.pool)
        .await?)
    }
}

/// Takes events that no planner has planned or is planning, in the order they became visible.
pub async fn claim_unplanned(tx: &mut Tx, limit: i64) -> Result<Vec<Event>> {
    let rows = sqlx::query!(
        "SELECT id, source_id, guild_id, kind, subject, severity, occurred_at, received_at, dedup_key, data
         FROM event WHERE planned_at IS NULL ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED",
        limit
    )
    .fetch_all(&mut **tx)
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
            dedup_key: r.dedup_key,
            data: r.data,
        })
        .collect())
}

pub async fn mark_planned(tx: &mut Tx, notes: &[PlanNote], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = notes.iter().map(|n| n.event_id).collect();
    let texts: Vec<String> = notes.iter().map(|n| n.note.clone()).collect();
    sqlx::query!(
        "UPDATE event SET planned_at = $3, plan_note = t.note
         FROM UNNEST($1::uuid[], $2::text[]) AS t (id, note) WHERE event.id = t.id",
        &ids,
        &texts,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
