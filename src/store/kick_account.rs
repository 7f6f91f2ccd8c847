//! Accounts at Kick that somebody has connected: their tokens, sealed, and who exchanges them when.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::secret::kick_token_place;
use super::{Result, Store, Tx};
use crate::id::{GuildId, UserId};

/// When an account is looked at again whose tokens do not open.
const CLOSED: TimeDelta = TimeDelta::minutes(10);

/// What an account is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is a channel's own.
    Streamer,
    /// It speaks where the application's bot may not.
    Bot,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Streamer => "streamer",
            Purpose::Bot => "bot",
        }
    }

    fn of(text: &str) -> Self {
        if text == "bot" { Purpose::Bot } else { Purpose::Streamer }
    }
}

/// A connected account, without its tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct KickAccount {
    pub id: Uuid,
    pub guild_id: GuildId,
    pub purpose: Purpose,
    pub kick_user_id: i64,
    pub name: String,
    /// What it allows, separated by spaces.
    pub scope: String,
    /// False: Kick no longer knows the authorisation, and a person has to connect it again.
    pub is_active: bool,
    pub connected_at: DateTime<Utc>,
    pub access_expires_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
    /// How often in a row its tokens could not be exchanged.
    pub failures: i32,
    /// Who connected it, unless they were forgotten.
    pub by: Option<UserId>,
}

/// What an account can be used with.
#[derive(Clone, Debug)]
pub struct KickTokens {
    pub access: SecretString,
    pub refresh: SecretString,
    pub access_expires_at: DateTime<Utc>,
    /// When they are exchanged next.
    pub refresh_at: DateTime<Utc>,
}

/// An account to be connected.
pub struct NewKickAccount<'a> {
    /// Used unless the server has the account already.
    pub id: Uuid,
    pub guild_id: GuildId,
    pub purpose: Purpose,
    pub kick_user_id: i64,
    pub name: &'a str,
    pub person_id: Uuid,
    pub scope: &'a str,
    pub tokens: &'a KickTokens,
}

/// An account whose tokens are to be exchanged, under a lease.
#[derive(Clone, Debug)]
pub struct ClaimedAccount {
    pub account: KickAccount,
    pub refresh: SecretString,
    pub lease_token: Uuid,
}

struct Row {
    id: Uuid,
    guild_id: i64,
    purpose: String,
    kick_user_id: i64,
    name: String,
    scope: String,
    state: String,
    connected_at: DateTime<Utc>,
    access_expires_at: DateTime<Utc>,
    refreshed_at: DateTime<Utc>,
    failures: i32,
    by: Option<i64>,
}

impl From<Row> for KickAccount {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            guild_id: GuildId(row.guild_id),
            purpose: Purpose::of(&row.purpose),
            kick_user_id: row.kick_user_id,
            name: row.name,
            scope: row.scope,
            is_active: row.state == "active",
            connected_at: row.connected_at,
            access_expires_at: row.access_expires_at,
            refreshed_at: row.refreshed_at,
            failures: row.failures,
            by: row.by.map(UserId),
        }
    }
}

/// Keeps an account with its tokens, in place of what there was of it. A server has one account that speaks as its bot:
/// another one takes its place. Returns the id, and the refresh tokens of what was replaced, to be given back.
pub async fn save_kick_account(
    tx: &mut Tx,
    new: &NewKickAccount<'_>,
    now: DateTime<Utc>,
) -> Result<(Uuid, Vec<SecretString>)> {
    let replaced = sqlx::query!(
        "SELECT id, kick_user_id, refresh_token FROM kick_account WHERE guild_id = $1 AND purpose = $2
           AND (kick_user_id = $3 OR $2 = 'bot') FOR UPDATE",
        new.guild_id.0,
        new.purpose.as_str(),
        new.kick_user_id
    )
    .fetch_all(&mut **tx)
    .await?;
    let id = replaced.iter().find(|row| row.kick_user_id == new.kick_user_id).map_or(new.id, |row| row.id);
    let opened = replaced.iter().filter_map(|row| {
        let opened = tx.keys.open(&kick_token_place(row.id, "refresh_token"), &row.refresh_token);
        // One that does not open cannot be given back.
        opened.ok().map(SecretString::from)
    });
    let old: Vec<SecretString> = opened.collect();
    sqlx::query!(
        "DELETE FROM kick_account WHERE guild_id = $1 AND purpose = $2 AND $2 = 'bot' AND kick_user_id <> $3",
        new.guild_id.0,
        new.purpose.as_str(),
        new.kick_user_id
    )
    .execute(&mut **tx)
    .await?;
    let access = tx.keys.seal(&kick_token_place(id, "access_token"), new.tokens.access.expose_secret())?;
    let refresh = tx.keys.seal(&kick_token_place(id, "refresh_token"), new.tokens.refresh.expose_secret())?;
    sqlx::query!(
        "INSERT INTO kick_account (id, guild_id, purpose, kick_user_id, name, person_id, scope, access_token, refresh_token,
             access_expires_at, refreshed_at, refresh_at, connected_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11)
         ON CONFLICT ON CONSTRAINT kick_account_once DO UPDATE SET name = $5, person_id = $6, scope = $7,
             access_token = $8, refresh_token = $9, access_expires_at = $10, refreshed_at = $11, refresh_at = $12,
             connected_at = $11, state = 'active', failures = 0, lease_token = NULL, leased_until = NULL,
             owner_told_at = NULL",
        id,
        new.guild_id.0,
        new.purpose.as_str(),
        new.kick_user_id,
        new.name,
        new.person_id,
        new.scope,
        access,
        refresh,
        new.tokens.access_expires_at,
        now,
        new.tokens.refresh_at
    )
    .execute(&mut **tx)
    .await?;
    Ok((id, old))
}

/// Takes an account away. Returns its refresh token, to be given back.
pub async fn delete_kick_account(tx: &mut Tx, guild_id: GuildId, id: Uuid) -> Result<Option<SecretString>> {
    let gone = sqlx::query_scalar!(
        "DELETE FROM kick_account WHERE guild_id = $1 AND id = $2 RETURNING refresh_token",
        guild_id.0,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    let opened = gone.map(|sealed| tx.keys.open(&kick_token_place(id, "refresh_token"), &sealed));
    Ok(opened.and_then(std::result::Result::ok).map(SecretString::from))
}

impl Store {
    /// Accounts of a server: those of channels, then the one that speaks.
    pub async fn list_kick_accounts(&self, guild_id: GuildId) -> Result<Vec<KickAccount>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT a.id, a.guild_id, a.purpose, a.kick_user_id, a.name, a.scope, a.state, a.connected_at,
                   a.access_expires_at, a.refreshed_at, a.failures,
                   (SELECT p.discord_user_id FROM person p WHERE p.id = a.person_id) AS "by?"
               FROM kick_account a WHERE a.guild_id = $1 ORDER BY a.purpose DESC, a.connected_at, a.id"#,
            guild_id.0
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(KickAccount::from).collect())
    }

    /// What an account is used with; `None`: it is gone, or has to be connected again.
    pub async fn find_kick_tokens(&self, guild_id: GuildId, id: Uuid) -> Result<Option<KickTokens>> {
        let row = sqlx::query!(
            "SELECT access_token, refresh_token, access_expires_at, refresh_at FROM kick_account
             WHERE guild_id = $1 AND id = $2 AND state = 'active'",
            guild_id.0,
            id
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(KickTokens {
            access: self.keys.open(&kick_token_place(id, "access_token"), &row.access_token)?.into(),
            refresh: self.keys.open(&kick_token_place(id, "refresh_token"), &row.refresh_token)?.into(),
            access_expires_at: row.access_expires_at,
            refresh_at: row.refresh_at,
        }))
    }

    /// Leases accounts whose tokens are due, or this one, due or not. One whose token does not open is put off, and
    /// named in the log; the others go on.
    pub async fn claim_kick_accounts(
        &self,
        only: Option<Uuid>,
        token: Uuid,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ClaimedAccount>> {
        let rows = sqlx::query!(
            r#"UPDATE kick_account a SET lease_token = $1, leased_until = $3 FROM
                   (SELECT id FROM kick_account WHERE state = 'active' AND (leased_until IS NULL OR leased_until <= $2)
                      AND (id = $5 OR ($5::uuid IS NULL AND refresh_at <= $2))
                    ORDER BY refresh_at LIMIT $4 FOR UPDATE SKIP LOCKED) due
               WHERE a.id = due.id
               RETURNING a.id, a.guild_id, a.purpose, a.kick_user_id, a.name, a.scope, a.state, a.connected_at,
                   a.access_expires_at, a.refreshed_at, a.failures, a.refresh_token,
                   (SELECT p.discord_user_id FROM person p WHERE p.id = a.person_id) AS "by?""#,
            token,
            now,
            until,
            limit,
            only
        )
        .fetch_all(&self.pool)
        .await?;
        let (mut claimed, mut closed) = (Vec::with_capacity(rows.len()), Vec::new());
        for r in rows {
            match self.keys.open(&kick_token_place(r.id, "refresh_token"), &r.refresh_token) {
                Ok(refresh) => claimed.push(ClaimedAccount {
                    refresh: refresh.into(),
                    lease_token: token,
                    account: Row {
                        id: r.id,
                        guild_id: r.guild_id,
                        purpose: r.purpose,
                        kick_user_id: r.kick_user_id,
                        name: r.name,
                        scope: r.scope,
                        state: r.state,
                        connected_at: r.connected_at,
                        access_expires_at: r.access_expires_at,
                        refreshed_at: r.refreshed_at,
                        failures: r.failures,
                        by: r.by,
                    }
                    .into(),
                }),
                Err(error) => {
                    tracing::error!(%error, account = %r.id, "the tokens of an account at Kick do not open");
                    closed.push(r.id);
                }
            }
        }
        if !closed.is_empty() {
            sqlx::query!(
                "UPDATE kick_account SET refresh_at = $2, lease_token = NULL, leased_until = NULL
                 WHERE id = ANY ($1) AND lease_token = $3",
                &closed,
                now + CLOSED,
                token
            )
            .execute(&self.pool)
            .await?;
        }
        Ok(claimed)
    }

    /// Keeps the new pair, where the lease is still ours. False: somebody else has exchanged the tokens since, or the
    /// account was connected anew; then the new pair is not kept.
    pub async fn save_kick_tokens(
        &self,
        claimed: &ClaimedAccount,
        new: &KickTokens,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let id = claimed.account.id;
        let done = sqlx::query!(
            "UPDATE kick_account SET access_token = $4, refresh_token = $5, access_expires_at = $6, refresh_at = $7,
                 refreshed_at = $8, failures = 0, lease_token = NULL, leased_until = NULL
             WHERE guild_id = $1 AND id = $2 AND lease_token = $3",
            claimed.account.guild_id.0,
            id,
            claimed.lease_token,
            self.keys.seal(&kick_token_place(id, "access_token"), new.access.expose_secret())?,
            self.keys.seal(&kick_token_place(id, "refresh_token"), new.refresh.expose_secret())?,
            new.access_expires_at,
            new.refresh_at,
            now
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The tokens could not be exchanged now; it is tried again then.
    pub async fn put_off_kick_account(&self, claimed: &ClaimedAccount, again_at: DateTime<Utc>) -> Result<()> {
        sqlx::query!(
            "UPDATE kick_account SET refresh_at = $4, failures = failures + 1, lease_token = NULL, leased_until = NULL
             WHERE guild_id = $1 AND id = $2 AND lease_token = $3",
            claimed.account.guild_id.0,
            claimed.account.id,
            claimed.lease_token,
            again_at
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Its owner is about to be written to. Returns when that was first so; `None`: the lease is somebody else's.
    pub async fn note_owner_told(&self, claimed: &ClaimedAccount, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            r#"UPDATE kick_account SET owner_told_at = COALESCE(owner_told_at, $4)
               WHERE guild_id = $1 AND id = $2 AND lease_token = $3 RETURNING owner_told_at AS "at!""#,
            claimed.account.guild_id.0,
            claimed.account.id,
            claimed.lease_token,
            now
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// Kick no longer knows the authorisation. The row stays, so that people see what is to be connected again.
    pub async fn mark_kick_account_lost(&self, claimed: &ClaimedAccount) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE kick_account SET state = 'needs_reauth', lease_token = NULL, leased_until = NULL
             WHERE guild_id = $1 AND id = $2 AND lease_token = $3",
            claimed.account.guild_id.0,
            claimed.account.id,
            claimed.lease_token
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// When the next tokens come due.
    pub async fn next_kick_account_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar!(
            "SELECT min(GREATEST(refresh_at, leased_until)) FROM kick_account WHERE state = 'active'"
        )
        .fetch_one(&self.pool)
        .await?)
    }
}
