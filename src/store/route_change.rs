//! Changes of routes and templates, each as it was and as it became; and drafts that wait to be saved.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::audit::Author;
use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Route,
    Template,
}

impl What {
    pub fn as_str(self) -> &'static str {
        match self {
            What::Route => "route",
            What::Template => "template",
        }
    }

    fn parse(word: &str) -> Self {
        if word == "template" { What::Template } else { What::Route }
    }
}

/// One change. Bodies are without mentions, which stand apart.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: Uuid,
    pub what: What,
    pub target_id: Uuid,
    pub name: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub mentions_before: Vec<String>,
    pub mentions_after: Vec<String>,
    /// The version that it made; `None` after a removal.
    pub version: Option<i64>,
    pub is_undone: bool,
}

/// What somebody is about to save.
#[derive(Clone, Debug)]
pub struct Draft {
    pub id: Uuid,
    pub what: What,
    /// `None`: to be added.
    pub target_id: Option<Uuid>,
    pub base_version: Option<i64>,
    pub body: Value,
    pub mentions: Vec<String>,
}

/// Changes to the routes and templates of a guild take turns, until the transaction has ended.
pub async fn lock_routes(tx: &mut Tx, guild_id: GuildId) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('routes', $1))", guild_id.0).execute(&mut **tx).await?;
    Ok(())
}

pub async fn insert_change(
    tx: &mut Tx,
    guild_id: GuildId,
    person_id: Option<Uuid>,
    key_name: Option<&str>,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO route_change (id, guild_id, what, target_id, name, person_id, changed_at, before, after,
             mentions_before, mentions_after, version, key_name)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        change.id,
        guild_id.0,
        change.what.as_str(),
        change.target_id,
        change.name,
        person_id,
        now,
        change.before,
        change.after,
        &change.mentions_before,
        &change.mentions_after,
        change.version,
        key_name
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn find_change(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<Change>> {
    let row = sqlx::query!(
        "SELECT id, what, target_id, name, before, after, mentions_before, mentions_after, version, undone_at
         FROM route_change WHERE guild_id = $1 AND id = $2 FOR UPDATE",
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Change {
        id: row.id,
        what: What::parse(&row.what),
        target_id: row.target_id,
        name: row.name,
        before: row.before,
        after: row.after,
        mentions_before: row.mentions_before,
        mentions_after: row.mentions_after,
        version: row.version,
        is_undone: row.undone_at.is_some(),
    }))
}

pub async fn mark_undone(tx: &mut Tx, guild_id: GuildId, id: Uuid, by: Uuid, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE route_change SET undone_at = $2, undone_by = $3 WHERE id = $1 AND guild_id = $4",
        id,
        now,
        by,
        guild_id.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn insert_draft(
    tx: &mut Tx,
    guild_id: GuildId,
    person_id: Uuid,
    draft: &Draft,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO route_draft (id, guild_id, person_id, what, target_id, base_version, body, mentions, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        draft.id,
        guild_id.0,
        person_id,
        draft.what.as_str(),
        draft.target_id,
        draft.base_version,
        draft.body,
        &draft.mentions,
        now,
        expires_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes a draft out, unless its time is over: it is saved once.
pub async fn take_draft(tx: &mut Tx, guild_id: GuildId, id: Uuid, now: DateTime<Utc>) -> Result<Option<Draft>> {
    let row = sqlx::query!(
        "DELETE FROM route_draft WHERE guild_id = $1 AND id = $2 AND expires_at > $3
         RETURNING id, what, target_id, base_version, body, mentions",
        guild_id.0,
        id,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| Draft {
        id: row.id,
        what: What::parse(&row.what),
        target_id: row.target_id,
        base_version: row.base_version,
        body: row.body,
        mentions: row.mentions,
    }))
}

impl Store {
    /// Who made a change, unless that is forgotten.
    pub async fn find_change_author(&self, id: Uuid) -> Result<Option<Author>> {
        let row = sqlx::query!(
            "SELECT p.discord_user_id, c.key_name FROM route_change c LEFT JOIN person p ON p.id = c.person_id
             WHERE c.id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.and_then(|row| {
            let member = row.discord_user_id.map(|id| Author::Member(UserId(id)));
            member.or(row.key_name.map(Author::Key))
        }))
    }
}
