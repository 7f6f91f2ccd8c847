//! How the ledger is read: statements of an account, one entry, and who has most.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::id::{GuildId, UserId};
use crate::store::{Result, Store};

/// An entry, with what the account came to by it.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    pub id: i64,
    pub person_id: Uuid,
    pub at: DateTime<Utc>,
    pub amount: i64,
    pub balance_after: i64,
    pub kind: String,
    pub cause: String,
    pub detail: Value,
    /// Who did it, unless that is forgotten.
    pub by: Option<UserId>,
    pub reverses: Option<i64>,
    pub reversed_by: Option<i64>,
}

/// A place on a list of who has most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub person_id: Uuid,
    /// The name on Kick, where it is a viewer.
    pub username: Option<String>,
    /// The member of Discord, where it is known.
    pub user_id: Option<UserId>,
    pub amount: i64,
}

impl Store {
    /// Entries of an account that are older than `before`, newest first.
    pub async fn list_ledger(
        &self,
        guild_id: GuildId,
        person_id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<LedgerEntry>> {
        self.entries(guild_id, Some(person_id), before.unwrap_or(i64::MAX), limit).await
    }

    /// One entry of a server.
    pub async fn find_ledger_entry(&self, guild_id: GuildId, id: i64) -> Result<Option<LedgerEntry>> {
        let Some(next) = id.checked_add(1) else { return Ok(None) };
        let found = self.entries(guild_id, None, next, 1).await?;
        Ok(found.into_iter().find(|entry| entry.id == id))
    }

    /// The entry of a cause.
    pub async fn find_ledger_id(&self, guild_id: GuildId, cause: &str) -> Result<Option<i64>> {
        Ok(sqlx::query_scalar!("SELECT id FROM ledger WHERE guild_id = $1 AND cause = $2", guild_id.0, cause)
            .fetch_optional(&self.pool)
            .await?)
    }

    async fn entries(
        &self,
        guild_id: GuildId,
        person_id: Option<Uuid>,
        before: i64,
        limit: i64,
    ) -> Result<Vec<LedgerEntry>> {
        let rows = sqlx::query!(
            r#"SELECT l.id, l.person_id, l.at, l.amount, l.kind, l.cause, l.detail, l.reverses,
                   p.discord_user_id AS "by?", r.id AS "reversed_by?",
                   (SELECT sum(o.amount)::bigint FROM ledger o
                    WHERE o.guild_id = l.guild_id AND o.person_id = l.person_id AND o.id <= l.id) AS "balance_after!"
               FROM ledger l
               LEFT JOIN person p ON p.id = l.by_id
               LEFT JOIN ledger r ON r.reverses = l.id
               WHERE l.guild_id = $1 AND ($2::uuid IS NULL OR l.person_id = $2) AND l.id < $3
               ORDER BY l.id DESC LIMIT $4"#,
            guild_id.0,
            person_id,
            before,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let entry = rows.into_iter().map(|r| LedgerEntry {
            id: r.id,
            person_id: r.person_id,
            at: r.at,
            amount: r.amount,
            balance_after: r.balance_after,
            kind: r.kind,
            cause: r.cause,
            detail: r.detail,
            by: r.by.map(UserId),
            reverses: r.reverses,
            reversed_by: r.reversed_by,
        });
        Ok(entry.collect())
    }

    /// What each kind of entry came to, largest first.
    pub async fn sum_ledger(&self, guild_id: GuildId, person_id: Uuid) -> Result<Vec<(String, i64, i64)>> {
        let rows = sqlx::query!(
            r#"SELECT kind, sum(amount)::bigint AS "amount!", count(*) AS "count!" FROM ledger
               WHERE guild_id = $1 AND person_id = $2 GROUP BY kind ORDER BY abs(sum(amount)) DESC, kind"#,
            guild_id.0,
            person_id
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|r| (r.kind, r.amount, r.count)).collect())
    }

    /// Who has most; since a time, who has earned most.
    pub async fn point_board(
        &self,
        guild_id: GuildId,
        since: Option<DateTime<Utc>>,
        limit: i64,
    ) -> Result<Vec<Standing>> {
        let rows = sqlx::query!(
            r#"SELECT b.person_id AS "person_id!", b.amount AS "amount!", v.username AS "username?",
                   COALESCE(m.discord_user_id, p.discord_user_id) AS "user_id?"
               FROM (SELECT person_id, balance AS amount FROM point_account
                       WHERE guild_id = $1 AND balance > 0 AND $2::timestamptz IS NULL
                     UNION ALL
                     SELECT person_id, sum(amount)::bigint FROM ledger
                       WHERE guild_id = $1 AND at >= $2 AND kind NOT IN ('link', 'opening')
                         AND (amount > 0 OR kind IN ('watch', 'undo')) GROUP BY person_id HAVING sum(amount) > 0
                     ORDER BY amount DESC, person_id LIMIT $3) b
               LEFT JOIN person p ON p.id = b.person_id
               LEFT JOIN viewer v ON v.guild_id = $1 AND v.person_id = b.person_id
               LEFT JOIN kick_link k ON k.guild_id = $1 AND k.viewer_id = b.person_id
               LEFT JOIN person m ON m.id = k.member_id
               WHERE p.id IS NOT NULL
               ORDER BY b.amount DESC, b.person_id"#,
            guild_id.0,
            since,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let standing = rows.into_iter().map(|r| Standing {
            person_id: r.person_id,
            username: r.username,
            user_id: r.user_id.map(UserId),
            amount: r.amount,
        });
        Ok(standing.collect())
    }
}
