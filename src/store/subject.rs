//! Subjects: the state of the things events are about, locked while a plan changes them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
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

/// A ticket as a person would choose it.
#[derive(Clone, Debug)]
pub struct KnownTicket {
    pub subject_id: Uuid,
    pub state: SubjectState,
    /// Where its card is, when it has one.
    pub card: Option<(i64, i64)>,
}

/// Locks one subject of this guild. A subject of another guild does not exist here.
pub async fn lock_subject(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<Subject>> {
    let row = sqlx::query!(
        "SELECT id, guild_id, source_id, key, kind, state FROM subject WHERE id = $1 AND guild_id = $2 FOR UPDATE",
        id,
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| Subject {
        id: r.id,
        guild_id: GuildId(r.guild_id),
        source_id: r.source_id,
        key: r.key,
        kind: SubjectKind::parse(&r.kind).unwrap_or(SubjectKind::Ticket),
        state: serde_json::from_value(r.state).unwrap_or_default(),
    }))
}

impl Store {
    /// The source of a ticket of this guild.
    pub async fn find_ticket_source(&self, guild_id: GuildId, subject_id: Uuid) -> Result<Option<Uuid>> {
        Ok(sqlx::query_scalar!(
            "SELECT source_id FROM subject WHERE id = $1 AND guild_id = $2 AND kind = 'ticket'",
            subject_id,
            guild_id.0
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The id that XTSystems gave a ticket whose description has this mark, if an event since then told of it.
    pub async fn find_ticket_with(&self, source_id: Uuid, mark: &str, since: DateTime<Utc>) -> Result<Option<String>> {
        Ok(sqlx::query_scalar!(
            "SELECT state #>> '{fields,id,value}' FROM subject
             WHERE source_id = $1 AND kind = 'ticket' AND updated_at >= $3
               AND position($2 IN state #>> '{fields,description,value}') > 0 LIMIT 1",
            source_id,
            mark,
            since
        )
        .fetch_optional(&self.pool)
        .await?
        .flatten())
    }

    /// The tickets that changed last, newest first, each with its newest card's channel and message.
    pub async fn list_known_tickets(&self, source_id: Uuid, limit: i64) -> Result<Vec<KnownTicket>> {
        let rows = sqlx::query!(
            r#"SELECT s.id, s.state, c.channel_id AS "channel_id?", c.discord_message_id AS "message_id?"
               FROM (SELECT id, state, updated_at FROM subject WHERE source_id = $1 AND kind = 'ticket'
                     ORDER BY updated_at DESC LIMIT $2) s
               LEFT JOIN LATERAL (SELECT CASE d.kind WHEN 'forum' THEN c.discord_message_id ELSE d.channel_id END AS channel_id,
                       c.discord_message_id FROM card c
                   JOIN destination d ON d.id = c.destination_id
                   WHERE c.subject_id = s.id AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                   ORDER BY c.created_at DESC LIMIT 1) c ON true
               ORDER BY s.updated_at DESC"#,
            source_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|r| KnownTicket {
                subject_id: r.id,
                state: serde_json::from_value(r.state).unwrap_or_default(),
                card: r.channel_id.zip(r.message_id),
            })
            .collect())
    }

    /// Where the newest card of a subject is, by the subject's key: channel and message.
    pub async fn find_card_place(&self, source_id: Uuid, key: &str) -> Result<Option<(i64, i64)>> {
        let row = sqlx::query!(
            r#"SELECT CASE d.kind WHEN 'forum' THEN c.discord_message_id ELSE d.channel_id END AS "channel_id!",
                   c.discord_message_id AS "message_id!" FROM subject s
               JOIN card c ON c.subject_id = s.id JOIN destination d ON d.id = c.destination_id
               WHERE s.source_id = $1 AND s.key = $2 AND c.discord_message_id IS NOT NULL AND c.gone_at IS NULL
                 AND d.channel_id IS NOT NULL
               ORDER BY c.created_at DESC LIMIT 1"#,
            source_id,
            key
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|r| (r.channel_id, r.message_id)))
    }
}
