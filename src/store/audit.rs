//! The audit log: append-only lines of who did what, and how they are read. The hash chain over them is in
//! `audit_chain.rs`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::source::ensure_person;
use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// One line of the audit log.
pub struct NewAudit {
    pub guild_id: GuildId,
    pub approval_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub action: &'static str,
    pub detail: Value,
}

/// Who does what a line tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    Member(UserId),
    /// Whoever holds the API key of this name.
    Key(String),
}

impl Author {
    /// As rows name a member; `new_id` is for one who was never named.
    pub async fn person(&self, tx: &mut Tx, new_id: Uuid, now: DateTime<Utc>) -> Result<Option<Uuid>> {
        match self {
            Author::Member(user) => Ok(Some(ensure_person(tx, user.0, new_id, now).await?)),
            Author::Key(_) => Ok(None),
        }
    }

    pub fn key(&self) -> Option<&str> {
        match self {
            Author::Member(_) => None,
            Author::Key(name) => Some(name),
        }
    }

    /// A line about what they do; `person_id` as [`Author::person`] says.
    pub fn line(
        &self,
        guild_id: GuildId,
        person_id: Option<Uuid>,
        action: &'static str,
        mut detail: Value,
    ) -> NewAudit {
        if let Some(name) = self.key() {
            detail["api_key"] = name.into();
        }
        NewAudit { guild_id, approval_id: None, person_id, action, detail }
    }
}

/// A stored line, with what people recognise it by.
#[derive(Clone, Debug)]
pub struct AuditLine {
    pub id: i64,
    /// Its place in the chain; `None` until it is sealed.
    pub seq: Option<i64>,
    pub at: DateTime<Utc>,
    /// Who did it, unless that is forgotten.
    pub user_id: Option<UserId>,
    pub by_somebody: bool,
    pub action: String,
    pub detail: Value,
    /// The machine, or whatever else was to be decided about.
    pub about: Option<String>,
}

/// Which lines are wanted; all of them by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditFilter {
    pub user_id: Option<UserId>,
    pub action: Option<String>,
    pub since: Option<DateTime<Utc>>,
}

/// Where a page begins: the newest lines, or those next to a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPage {
    Newest,
    OlderThan(i64),
    NewerThan(i64),
}

/// In the transaction of what it tells of. It waits for no lock: the chain is made afterwards.
pub async fn insert_audit(tx: &mut Tx, line: &NewAudit, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO audit (guild_id, at, approval_id, person_id, action, detail) VALUES ($1, $2, $3, $4, $5, $6)",
        line.guild_id.0,
        now,
        line.approval_id,
        line.person_id,
        line.action,
        line.detail
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// A page of a guild's lines, newest first.
    pub async fn list_audit(
        &self,
        guild_id: GuildId,
        filter: &AuditFilter,
        page: AuditPage,
        limit: i64,
    ) -> Result<Vec<AuditLine>> {
        let (below, above) = match page {
            AuditPage::Newest => (i64::MAX, i64::MIN),
            AuditPage::OlderThan(id) => (id, i64::MIN),
            AuditPage::NewerThan(id) => (i64::MAX, id),
        };
        let upward = matches!(page, AuditPage::NewerThan(_));
        let mut rows = sqlx::query!(
            r#"SELECT a.id, s.seq AS "seq?", a.at, a.person_id, p.discord_user_id AS "user_id?", a.action, a.detail,
                   COALESCE(NULLIF(ap.hostname, ''), ap.title) AS "about?"
               FROM audit a
               LEFT JOIN audit_seal s ON s.audit_id = a.id
               LEFT JOIN person p ON p.id = a.person_id
               LEFT JOIN approval ap ON ap.id = a.approval_id
               WHERE a.guild_id = $1 AND a.id < $2 AND a.id > $3
                 AND ($4::bigint IS NULL OR p.discord_user_id = $4)
                 AND ($5::text IS NULL OR a.action = $5)
                 AND ($6::timestamptz IS NULL OR a.at >= $6)
               ORDER BY CASE WHEN $7 THEN a.id ELSE -a.id END LIMIT $8"#,
            guild_id.0,
            below,
            above,
            filter.user_id.map(|user| user.0),
            filter.action,
            filter.since,
            upward,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        Ok(rows
            .into_iter()
            .map(|r| AuditLine {
                id: r.id,
                seq: r.seq,
                at: r.at,
                user_id: r.user_id.map(UserId),
                by_somebody: r.person_id.is_some(),
                action: r.action,
                detail: r.detail,
                about: r.about,
            })
            .collect())
    }

    /// The guilds that have an audit log.
    pub async fn list_audit_guilds(&self) -> Result<Vec<GuildId>> {
        let ids = sqlx::query_scalar!(
            r#"SELECT guild_id AS "id!" FROM audit_head UNION SELECT guild_id FROM audit_unsealed
               UNION SELECT DISTINCT guild_id FROM audit ORDER BY 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(ids.into_iter().map(GuildId).collect())
    }
}
