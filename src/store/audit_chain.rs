//! The hash chain over a guild's audit log: made after the lines, walked to verify them.
//!
//! The hash of an entry is the SHA-256 of this JSON array, written without spaces, object keys in byte order:
//! `["signalbox.audit.v1", guild, seq, audit id, at, approval id, person id, action, detail, previous hash]`.
//! Guild and ids are texts, `at` is microseconds since 1970, seq is a number, what is missing is null, the
//! previous hash is in hex (64 zeros before the first entry). A person is covered by the random id alone, so
//! that forgetting somebody leaves the chain whole.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// Entries read at once on a walk.
const WALK: i64 = 2000;
const START: [u8; 32] = [0; 32];

/// What a walk over a chain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Entries that were checked and are as they were sealed.
    pub checked: u64,
    /// Lines that wait for their seal.
    pub unsealed: i64,
    /// Where the chain ends.
    pub head: Option<Head>,
    /// What was found first, in order of the chain.
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Vec<u8>,
    /// Entries up to this one were purged by age.
    pub anchor_seq: i64,
    anchor_hash: Vec<u8>,
}

/// Where and how a log is not what was sealed. `seq` counts the entries of the chain, `id` names the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("entry {seq} (row {id}) was changed")]
    Changed { seq: i64, id: i64 },
    #[error("entry {seq} (row {id}) was removed")]
    Removed { seq: i64, id: i64 },
    #[error("the seal of entry {seq} was removed")]
    SealRemoved { seq: i64 },
    #[error("row {id} was inserted by hand")]
    Inserted { id: i64 },
    #[error("row {id} was removed before it was sealed")]
    RemovedUnsealed { id: i64 },
    #[error("everything after entry {last} was removed: the chain ended at entry {head}")]
    CutOff { last: i64, head: i64 },
    #[error("the end of the chain is missing: there are seals, but nothing that says where they end")]
    NoHead,
}

/// One entry as it is exported.
pub struct Exported {
    pub seq: i64,
    pub line: Value,
}

/// A row with what its hash covers.
struct Row {
    audit_id: i64,
    at: DateTime<Utc>,
    approval_id: Option<Uuid>,
    person_id: Option<Uuid>,
    action: String,
    detail: Value,
}

impl Row {
    fn hash(&self, guild_id: i64, seq: i64, prev: &[u8]) -> Vec<u8> {
        let covered = json!([
            "signalbox.audit.v1",
            guild_id.to_string(),
            seq,
            self.audit_id.to_string(),
            self.at.timestamp_micros(),
            self.approval_id,
            self.person_id,
            self.action,
            self.detail,
            hex::encode(prev),
        ]);
        let mut text = String::new();
        write_canonical(&mut text, &covered);
        digest(&SHA256, text.as_bytes()).as_ref().to_vec()
    }
}

/// JSON with the keys of objects in byte order, whatever order they were read in.
fn write_canonical(out: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                write_canonical(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (n, (name, field)) in sorted.into_iter().enumerate() {
                out.push_str(if n > 0 { "," } else { "" });
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_canonical(out, field);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

impl Store {
    /// Seals up to `limit` waiting lines of one guild that nobody else is sealing. Returns how many.
    pub async fn seal_audit(&self, limit: i64) -> Result<u64> {
        let mut tx = self.begin().await?;
        sqlx::query!(
            "INSERT INTO audit_head (guild_id, hash, anchor_hash)
             SELECT DISTINCT guild_id, $1::bytea, $1 FROM audit_unsealed u
             WHERE NOT EXISTS (SELECT 1 FROM audit_head h WHERE h.guild_id = u.guild_id)
             ORDER BY guild_id ON CONFLICT DO NOTHING",
            &START
        )
        .execute(&mut *tx)
        .await?;
        let head = sqlx::query!(
            "SELECT guild_id, seq, hash FROM audit_head h
             WHERE EXISTS (SELECT 1 FROM audit_unsealed u JOIN audit a ON a.id = u.audit_id WHERE u.guild_id = h.guild_id)
             ORDER BY guild_id LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(head) = head else { return Ok(0) };
        let rows = sqlx::query_as!(
            Row,
            "SELECT u.audit_id, a.at, a.approval_id, a.person_id, a.action, a.detail
             FROM audit_unsealed u JOIN audit a ON a.id = u.audit_id
             WHERE u.guild_id = $1 ORDER BY u.audit_id LIMIT $2",
            head.guild_id,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        let sealed = write_seals(&mut tx, head.guild_id, head.seq, head.hash, &rows).await?;
        tx.commit().await?;
        Ok(sealed)
    }

    /// Walks a guild's chain up to where it ends now. All of it is read as it was at one moment: a purge meanwhile
    /// takes nothing out of the walk.
    pub async fn verify_audit(&self, guild_id: GuildId) -> Result<Verification> {
        let inner = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let mut tx = Tx { inner, keys: self.keys.clone() };
        let head = find_head(&mut tx, guild_id).await?;
        let unsealed =
            sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM audit_unsealed WHERE guild_id = $1"#, guild_id.0)
                .fetch_one(&mut *tx)
                .await?;
        let mut walk = Verification { checked: 0, unsealed, head: head.clone(), fault: None };
        walk.fault = match &head {
            Some(head) => walk_chain(&mut tx, guild_id, head, &mut walk.checked).await?,
            None => seals_without_head(&mut tx, guild_id).await?,
        };
        if walk.fault.is_none() {
            walk.fault = find_stray(&mut tx, guild_id).await?;
        }
        Ok(walk)
    }

    pub async fn find_audit_head(&self, guild_id: GuildId) -> Result<Option<Head>> {
        find_head(&mut self.begin().await?, guild_id).await
    }

    /// Up to `limit` sealed entries after entry `after`, oldest first, with all that their hashes cover.
    pub async fn list_sealed_audit(&self, guild_id: GuildId, after: i64, limit: i64) -> Result<Vec<Exported>> {
        let rows = sqlx::query!(
            "SELECT s.seq, s.audit_id, s.prev_hash, s.hash, a.at, a.approval_id, a.person_id, a.action, a.detail
             FROM audit_seal s JOIN audit a ON a.id = s.audit_id
             WHERE s.guild_id = $1 AND s.seq > $2 ORDER BY s.seq LIMIT $3",
            guild_id.0,
            after,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| Exported {
                seq: r.seq,
                line: json!({
                    "guild": guild_id.to_string(),
                    "seq": r.seq,
                    "id": r.audit_id.to_string(),
                    "at": r.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
                    "approval_id": r.approval_id,
                    "person_id": r.person_id,
                    "action": r.action,
                    "detail": r.detail,
                    "prev_hash": hex::encode(&r.prev_hash),
                    "hash": hex::encode(&r.hash),
                }),
            })
            .collect())
    }
}

async fn find_head(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Head>> {
    Ok(sqlx::query_as!(
        Head,
        "SELECT seq, hash, anchor_seq, anchor_hash FROM audit_head WHERE guild_id = $1",
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?)
}

async fn walk_chain(tx: &mut Tx, guild_id: GuildId, head: &Head, checked: &mut u64) -> Result<Option<Fault>> {
    let (mut seq, mut hash) = (head.anchor_seq, head.anchor_hash.clone());
    while seq < head.seq {
        let rows = sqlx::query!(
            r#"SELECT s.seq, s.audit_id, s.prev_hash, s.hash, a.at AS "at?", a.approval_id, a.person_id,
                   a.action AS "action?", a.detail AS "detail?"
               FROM audit_seal s LEFT JOIN audit a ON a.id = s.audit_id AND a.guild_id = s.guild_id
               WHERE s.guild_id = $1 AND s.seq > $2 AND s.seq <= $3 ORDER BY s.seq LIMIT $4"#,
            guild_id.0,
            seq,
            head.seq,
            WALK
        )
        .fetch_all(&mut **tx)
        .await?;
        if rows.is_empty() {
            return Ok(Some(Fault::CutOff { last: seq, head: head.seq }));
        }
        for row in rows {
            if row.seq != seq + 1 {
                return Ok(Some(Fault::SealRemoved { seq: seq + 1 }));
            }
            seq = row.seq;
            let id = row.audit_id;
            let (Some(at), Some(action), Some(detail)) = (row.at, row.action, row.detail) else {
                return Ok(Some(Fault::Removed { seq, id }));
            };
            let (approval_id, person_id) = (row.approval_id, row.person_id);
            let covered = Row { audit_id: id, at, approval_id, person_id, action, detail };
            let is = covered.hash(guild_id.0, seq, &hash);
            if row.prev_hash != hash || row.hash != is {
                return Ok(Some(Fault::Changed { seq, id }));
            }
            hash = is;
            *checked += 1;
        }
    }
    // Seals after the end, or an end that is not that of the chain: somebody wrote both.
    let cut = hash != head.hash;
    Ok(cut.then_some(Fault::CutOff { last: seq, head: head.seq }))
}

async fn seals_without_head(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Fault>> {
    let any =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM audit_seal WHERE guild_id = $1) AS "any!""#, guild_id.0)
            .fetch_one(&mut **tx)
            .await?;
    Ok(any.then_some(Fault::NoHead))
}

/// Rows that are neither sealed nor waiting, and waiting ones that are gone.
async fn find_stray(tx: &mut Tx, guild_id: GuildId) -> Result<Option<Fault>> {
    let inserted = sqlx::query_scalar!(
        "SELECT min(a.id) FROM audit a WHERE a.guild_id = $1
           AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.audit_id = a.id)
           AND NOT EXISTS (SELECT 1 FROM audit_unsealed u WHERE u.audit_id = a.id)",
        guild_id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    if let Some(id) = inserted {
        return Ok(Some(Fault::Inserted { id }));
    }
    let gone = sqlx::query_scalar!(
        "SELECT min(u.audit_id) FROM audit_unsealed u WHERE u.guild_id = $1
           AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.id = u.audit_id)",
        guild_id.0
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(gone.map(|id| Fault::RemovedUnsealed { id }))
}

async fn write_seals(tx: &mut Tx, guild_id: i64, mut seq: i64, mut hash: Vec<u8>, rows: &[Row]) -> Result<u64> {
    let mut seqs = Vec::with_capacity(rows.len());
    let mut ids = Vec::with_capacity(rows.len());
    let mut prevs = Vec::with_capacity(rows.len());
    let mut hashes = Vec::with_capacity(rows.len());
    for row in rows {
        seq += 1;
        let next = row.hash(guild_id, seq, &hash);
        prevs.push(std::mem::replace(&mut hash, next.clone()));
        hashes.push(next);
        seqs.push(seq);
        ids.push(row.audit_id);
    }
    sqlx::query!(
        "INSERT INTO audit_seal (guild_id, seq, audit_id, prev_hash, hash)
         SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[])",
        guild_id,
        &seqs,
        &ids,
        &prevs,
        &hashes
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM audit_unsealed WHERE audit_id = ANY ($1)", &ids).execute(&mut **tx).await?;
    sqlx::query!("UPDATE audit_head SET seq = $2, hash = $3 WHERE guild_id = $1", guild_id, seq, hash)
        .execute(&mut **tx)
        .await?;
    Ok(rows.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_documented_one() {
        let mut text = String::new();
        write_canonical(&mut text, &json!({"b": [1, null, "x\"y"], "a": {"d": true, "c": 1.5}}));
        assert_eq!(text, r#"{"a":{"c":1.5,"d":true},"b":[1,null,"x\"y"]}"#);
    }
}
