//! Subjects: the state of the things events are about, locked while a plan changes them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Tx};
use crate::event::kind::SubjectKind;
use crate::id::GuildId;
use crate::routing::subject::SubjectState;

/// A subject under lock.
#[derive(Clone, Debug)]
pub struct Subject {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub key: String,
    pub kind: SubjectKind,
    pub state: SubjectState,
}

/// Which subject a plan needs; `id` is used when it is new.
pub struct SubjectKey {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub key: String,
    pub kind: SubjectKind,
}

/// Creates what is missing and locks all, in key order, until the transaction ends.
pub async fn lock_subjects(tx: &mut Tx, wanted: &[SubjectKey], now: DateTime<Utc>) -> Result<Vec<Subject>> {
    let ids: Vec<Uuid> = wanted.iter().map(|k| k.id).collect();
    let guilds: Vec<i64> = wanted.iter().map(|k| k.guild_id.0).collect();
    let sources: Vec<Uuid> = wanted.iter().map(|k| k.source_id).collect();
    let keys: Vec<String> = wanted.iter().map(|k| k.key.clone()).collect();
    let kinds: Vec<String> = wanted.iter().map(|k| k.kind.as_str().to_owned()).collect();
    let empty = serde_json::json!(SubjectState::default());
    sqlx::query!(
        "INSERT INTO subject (id, guild_id, source_id, key, kind, state, updated_at)
         SELECT t.id, t.guild_id, t.source_id, t.key, t.kind, $6, $7
         FROM UNNEST($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[]) AS t (id, guild_id, source_id, key, kind)
         ORDER BY t.source_id, t.key
         ON CONFLICT ON CONSTRAINT subject_key DO NOTHING",
        &ids,
        &guilds,
        &sources,
        &keys,
        &kinds,
        empty,
        now
    )
    .execute(&mut **tx)
    .await?;
    let rows = sqlx::query!(
        "SELECT s.id, s.guild_id, s.source_id, s.key, s.kind, s.state FROM subject s
         JOIN UNNEST($1::uuid[], $2::text[]) AS t (source_id, key) ON t.source_id = s.source_id AND t.key = s.key
         ORDER BY s.source_id, s.key FOR UPDATE OF s",
        &sources,
        &keys
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Subject {
            id: r.id,
            guild_id: GuildId(r.guild_id),
            source_id: r.source_id,
            key: r.key,
            kind: SubjectKind::parse(&r.kind).unwrap_or(SubjectKind::Ticket),
            // The state is ours alone; what another version wrote and this one cannot read starts anew.
            state: serde_json::from_value(r.state).unwrap_or_default(),
        })
        .collect())
}

pub async fn save_subjects(tx: &mut Tx, subjects: &[&Subject], now: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = subjects.iter().map(|s| s.id).collect();
    let states: Vec<serde_json::Value> = subjects.iter().map(|s| serde_json::json!(s.state)).collect();
    sqlx::query!(
        "UPDATE subject SET state = t.state, updated_at = $3
         FROM UNNEST($1::uuid[], $2::jsonb[]) AS t (id, state) WHERE subject.id = t.id",
        &ids,
        &states,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
