//! Points: an append-only ledger. What somebody has is what their entries add up to; the database itself keeps that sum,
//! refuses a second entry of one cause, and refuses a balance below nothing.

pub mod read;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Result, Store, Tx};
use crate::id::GuildId;

/// An entry that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLedgerEntry {
    pub guild_id: GuildId,
    /// Whose points: the viewer where a member is linked ([`super::kick_link::account_of`]).
    pub person_id: Uuid,
    /// Not 0; below it is spent.
    pub amount: i64,
    /// What it is for, as `/points` groups it: `watch`, `follow`, `purchase`, …
    pub kind: &'static str,
    /// Names what it is paid for, once in a server: `purchase:<id>`. The same cause again does nothing.
    pub cause: String,
    /// What `/points why` tells; holds no name and no Discord id.
    pub detail: Value,
    /// Who did it, where somebody did.
    pub by_id: Option<Uuid>,
    /// The entry that this one takes back.
    pub reverses: Option<i64>,
}

impl NewLedgerEntry {
    /// Without detail and without somebody who did it.
    pub fn new(
        guild_id: GuildId,
        person_id: Uuid,
        amount: i64,
        kind: &'static str,
        cause: impl Into<String>,
    ) -> NewLedgerEntry {
        let cause = cause.into();
        Self { guild_id, person_id, amount, kind, cause, detail: Value::Null, by_id: None, reverses: None }
    }

    pub fn with(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    pub fn by(self, person_id: Option<Uuid>) -> Self {
        Self { by_id: person_id, ..self }
    }
}

/// What became of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// The ids of those that are new, in the order given; those whose cause was known are left out.
    Done(Vec<i64>),
    /// Nothing was entered: this person has too little. The transaction can go on.
    NotEnough { person_id: Uuid, balance: i64 },
}

impl Posted {
    /// Whether anything is new.
    pub fn is_new(&self) -> bool {
        matches!(self, Posted::Done(ids) if !ids.is_empty())
    }
}

/// Enters all of them or, when somebody would have less than nothing, none. Accounts are locked in one order, so that
/// whoever spends waits for whoever spends at the same time. Entries of one cause are looked for under those locks.
pub async fn insert_ledger_entries(tx: &mut Tx, now: DateTime<Utc>, entries: &[NewLedgerEntry]) -> Result<Posted> {
    let entries: Vec<&NewLedgerEntry> = entries.iter().filter(|entry| entry.amount != 0).collect();
    if entries.is_empty() {
        return Ok(Posted::Done(Vec::new()));
    }
    if entries.iter().any(|entry| entry.amount < 0)
        && let Some((person_id, balance)) = who_lacks(tx, &entries).await?
    {
        return Ok(Posted::NotEnough { person_id, balance });
    }
    let guilds: Vec<i64> = entries.iter().map(|e| e.guild_id.0).collect();
    let persons: Vec<Uuid> = entries.iter().map(|e| e.person_id).collect();
    let amounts: Vec<i64> = entries.iter().map(|e| e.amount).collect();
    let kinds: Vec<String> = entries.iter().map(|e| e.kind.to_owned()).collect();
    let causes: Vec<String> = entries.iter().map(|e| e.cause.clone()).collect();
    let details: Vec<Value> = entries.iter().map(|e| e.detail.clone()).collect();
    let by: Vec<Option<Uuid>> = entries.iter().map(|e| e.by_id).collect();
    let reverses: Vec<Option<i64>> = entries.iter().map(|e| e.reverses).collect();
    let ids = sqlx::query_scalar!(
        "INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail, by_id, reverses)
         SELECT e.guild_id, e.person_id, $9, e.amount, e.kind, e.cause, e.detail, e.by_id, e.reverses
         FROM UNNEST($1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[], $8::bigint[])
             WITH ORDINALITY AS e (guild_id, person_id, amount, kind, cause, detail, by_id, reverses, place)
         ORDER BY e.place
         ON CONFLICT DO NOTHING RETURNING id",
        &guilds,
        &persons,
        &amounts,
        &kinds,
        &causes,
        &details,
        &by as &[Option<Uuid>],
        &reverses as &[Option<i64>],
        now
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(Posted::Done(ids))
}

/// Somebody whose entries, as far as their causes are new, come to more than they have; their account is locked.
async fn who_lacks(tx: &mut Tx, entries: &[&NewLedgerEntry]) -> Result<Option<(Uuid, i64)>> {
    let guilds: Vec<i64> = entries.iter().map(|e| e.guild_id.0).collect();
    let persons: Vec<Uuid> = entries.iter().map(|e| e.person_id).collect();
    let amounts: Vec<i64> = entries.iter().map(|e| e.amount).collect();
    let causes: Vec<String> = entries.iter().map(|e| e.cause.clone()).collect();
    sqlx::query!(
        "INSERT INTO point_account (guild_id, person_id)
         SELECT DISTINCT a.guild_id, a.person_id FROM UNNEST($1::bigint[], $2::uuid[]) AS a (guild_id, person_id)
         ORDER BY 1, 2 ON CONFLICT DO NOTHING",
        &guilds,
        &persons
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "SELECT balance FROM point_account WHERE (guild_id, person_id) IN
             (SELECT a.guild_id, a.person_id FROM UNNEST($1::bigint[], $2::uuid[]) AS a (guild_id, person_id))
         ORDER BY guild_id, person_id FOR NO KEY UPDATE",
        &guilds,
        &persons
    )
    .fetch_all(&mut **tx)
    .await?;
    // A statement of its own: it sees what was entered before the locks were had.
    let lacking = sqlx::query!(
        r#"SELECT a.person_id, a.balance FROM point_account a
           JOIN (SELECT e.guild_id, e.person_id, sum(e.amount)::bigint AS amount
                 FROM UNNEST($1::bigint[], $2::uuid[], $3::bigint[], $4::text[]) AS e (guild_id, person_id, amount, cause)
                 WHERE NOT EXISTS (SELECT 1 FROM ledger l WHERE l.guild_id = e.guild_id AND l.cause = e.cause)
                 GROUP BY 1, 2) w ON w.guild_id = a.guild_id AND w.person_id = a.person_id
           WHERE a.balance + w.amount < 0 LIMIT 1"#,
        &guilds,
        &persons,
        &amounts,
        &causes
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(lacking.map(|row| (row.person_id, row.balance)))
}

/// What somebody has, locked until the end of the transaction.
pub async fn lock_balance(tx: &mut Tx, guild_id: GuildId, person_id: Uuid) -> Result<i64> {
    let balance = sqlx::query_scalar!(
        "SELECT balance FROM point_account WHERE guild_id = $1 AND person_id = $2 FOR NO KEY UPDATE",
        guild_id.0,
        person_id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(balance.unwrap_or(0))
}

/// What these have, locked as by [`lock_balance`], in the order of the accounts. Who never had anything is not in it.
pub async fn lock_balances(tx: &mut Tx, accounts: &[(GuildId, Uuid)]) -> Result<HashMap<(GuildId, Uuid), i64>> {
    let (guilds, persons): (Vec<i64>, Vec<Uuid>) = accounts.iter().map(|(guild, person)| (guild.0, *person)).unzip();
    let rows = sqlx::query!(
        "SELECT guild_id, person_id, balance FROM point_account WHERE (guild_id, person_id) IN
             (SELECT a.guild_id, a.person_id FROM UNNEST($1::bigint[], $2::uuid[]) AS a (guild_id, person_id))
         ORDER BY guild_id, person_id FOR NO KEY UPDATE",
        &guilds,
        &persons
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| ((GuildId(row.guild_id), row.person_id), row.balance)).collect())
}

impl Store {
    /// What somebody has.
    pub async fn balance(&self, guild_id: GuildId, person_id: Uuid) -> Result<i64> {
        let balance = sqlx::query_scalar!(
            "SELECT balance FROM point_account WHERE guild_id = $1 AND person_id = $2",
            guild_id.0,
            person_id
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(balance.unwrap_or(0))
    }
}
