//! Who in Discord is who in XTSystems.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// A person's user in XTSystems.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamLink {
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub person_id: Uuid,
    pub upstream_user_id: String,
    pub upstream_name: String,
    pub linked_at: DateTime<Utc>,
    pub linked_by_person_id: Uuid,
}

/// Somebody asks to be linked.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRequest {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub source_id: Uuid,
    pub person_id: Uuid,
    pub upstream_user_id: String,
    pub upstream_name: String,
    pub asked_at: DateTime<Utc>,
    /// `confirmed`, `declined`, or `replaced` by a later one.
    pub answer: Option<String>,
}

/// The user in XTSystems whom this person is.
pub async fn find_upstream_link(tx: &mut Tx, source_id: Uuid, person_id: Uuid) -> Result<Option<UpstreamLink>> {
    let row = sqlx::query!(
        "SELECT guild_id, upstream_user_id, upstream_name, linked_at, linked_by_person_id
         FROM upstream_link WHERE source_id = $1 AND person_id = $2",
        source_id,
        person_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| UpstreamLink {
        guild_id: GuildId(r.guild_id),
        source_id,
        person_id,
        upstream_user_id: r.upstream_user_id,
        upstream_name: r.upstream_name,
        linked_at: r.linked_at,
        linked_by_person_id: r.linked_by_person_id,
    }))
}

/// Links, in place of an earlier link of this person. The Discord user who has that user in XTSystems already
/// stands in the way, and is the error; `None` inside: someone who was forgotten.
pub async fn save_upstream_link(tx: &mut Tx, link: &UpstreamLink) -> Result<std::result::Result<(), Option<UserId>>> {
    let taken = sqlx::query!(
        r#"SELECT p.discord_user_id AS "user?" FROM upstream_link l LEFT JOIN person p ON p.id = l.person_id
           WHERE l.source_id = $1 AND l.upstream_user_id = $2 AND l.person_id <> $3"#,
        link.source_id,
        link.upstream_user_id,
        link.person_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(row) = taken {
        return Ok(Err(row.user.map(UserId)));
    }
    sqlx::query!(
        "INSERT INTO upstream_link (guild_id, source_id, person_id, upstream_user_id, upstream_name, linked_at,
             linked_by_person_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (source_id, person_id) DO UPDATE SET upstream_user_id = $4, upstream_name = $5, linked_at = $6,
             linked_by_person_id = $7",
        link.guild_id.0,
        link.source_id,
        link.person_id,
        link.upstream_user_id,
        link.upstream_name,
        link.linked_at,
        link.linked_by_person_id
    )
    .execute(&mut **tx)
    .await?;
    Ok(Ok(()))
}

/// True when there was a link.
pub async fn delete_upstream_link(tx: &mut Tx, source_id: Uuid, person_id: Uuid) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM upstream_link WHERE source_id = $1 AND person_id = $2", source_id, person_id)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a request; the person's earlier open ones are replaced by it.
pub async fn insert_link_request(tx: &mut Tx, request: &LinkRequest) -> Result<()> {
    sqlx::query!(
        "UPDATE upstream_link_request SET answer = 'replaced', answered_at = $3
         WHERE source_id = $1 AND person_id = $2 AND answer IS NULL",
        request.source_id,
        request.person_id,
        request.asked_at
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO upstream_link_request (id, guild_id, source_id, person_id, upstream_user_id, upstream_name, asked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        request.id,
        request.guild_id.0,
        request.source_id,
        request.person_id,
        request.upstream_user_id,
        request.upstream_name,
        request.asked_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Locks a request of this guild, with the Discord user who asked.
pub async fn lock_link_request(
    tx: &mut Tx,
    guild_id: GuildId,
    id: Uuid,
) -> Result<Option<(LinkRequest, Option<UserId>)>> {
    let row = sqlx::query!(
        r#"SELECT r.source_id, r.person_id, r.upstream_user_id, r.upstream_name, r.asked_at, r.answer,
               (SELECT p.discord_user_id FROM person p WHERE p.id = r.person_id) AS "user?"
           FROM upstream_link_request r WHERE r.id = $1 AND r.guild_id = $2 FOR UPDATE"#,
        id,
        guild_id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|r| {
        let request = LinkRequest {
            id,
            guild_id,
            source_id: r.source_id,
            person_id: r.person_id,
            upstream_user_id: r.upstream_user_id,
            upstream_name: r.upstream_name,
            asked_at: r.asked_at,
            answer: r.answer,
        };
        (request, r.user.map(UserId))
    }))
}

pub async fn answer_link_request(
    tx: &mut Tx,
    request: &LinkRequest,
    answer: &str,
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE upstream_link_request SET answer = $2, answered_by_person_id = $3, answered_at = $4
         WHERE id = $1 AND guild_id = $5",
        request.id,
        answer,
        by,
        now,
        request.guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// All links of a source with their Discord users, by name.
    pub async fn list_upstream_links(&self, source_id: Uuid) -> Result<Vec<(Option<UserId>, String)>> {
        let rows = sqlx::query!(
            r#"SELECT p.discord_user_id AS "user?", l.upstream_name FROM upstream_link l
               LEFT JOIN person p ON p.id = l.person_id WHERE l.source_id = $1 ORDER BY l.upstream_name"#,
            source_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.user.map(UserId), r.upstream_name)).collect())
    }
}
