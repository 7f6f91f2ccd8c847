//! Every SQL statement of the program. Row types are private; statements take `now` as an argument.
//!
//! Tenant functions take a `GuildId`; what comes from a source carries its guild.

pub mod api_key;
pub mod approval;
pub mod audit;
pub mod audit_chain;
pub mod audit_repeat;
pub mod board;
pub mod card;
pub mod chat_command;
pub mod clip;
pub mod dashboard;
pub mod delivery_view;
pub mod destination;
pub mod diagnosis;
pub mod draw;
pub mod embedded;
pub mod event;
pub mod event_view;
pub mod explain;
pub mod gauges;
pub mod generic_source;
pub mod gtb;
pub mod guild_setting;
pub mod held;
pub mod idempotency;
pub mod interaction;
pub mod kick;
pub mod kick_account;
pub mod kick_chat;
pub mod kick_check;
pub mod kick_link;
pub mod kick_oauth;
pub mod lane;
pub mod lane_work;
pub mod ledger;
pub mod link;
pub mod machine;
pub mod message;
pub mod migrate;
pub mod noise;
pub mod opening;
pub mod outbound;
pub mod party;
pub mod privacy;
pub mod pulse;
pub mod purge;
pub mod route;
pub mod route_change;
pub mod secret;
pub mod send;
pub mod shop;
pub mod silence;
pub mod slot_call;
pub mod source;
pub mod source_view;
pub mod stats;
pub mod status;
pub mod subject;
pub mod template;
pub mod ticket;
pub mod timer;
pub mod upstream_list;
pub mod viewer;
pub mod watch;
pub mod watch_role;
pub mod webhook_secret;

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

use crate::crypto::{Keyring, SecretError};

/// A transaction, opened by a flow and handed to store functions, with the keys of the store it is of.
pub struct Tx {
    inner: sqlx::Transaction<'static, sqlx::Postgres>,
    keys: Keyring,
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl Tx {
    async fn commit(self) -> Result<()> {
        Ok(self.inner.commit().await?)
    }

    async fn rollback(self) -> Result<()> {
        Ok(self.inner.rollback().await?)
    }
}

/// A connection pool on a migrated database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    keys: Keyring,
}

/// What can go wrong in the store, as far as callers branch on it. Each text holds PostgreSQL's own.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The server is away, starting, or out of connections: the same call may work later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(sqlx::Error),
    /// PostgreSQL refused a value (SQLSTATE class 22), or its size (54): the same call fails again.
    #[error("the database refused a value: {0}")]
    Data(sqlx::Error),
    /// A stored secret that cannot be read or written: a person has to give the right key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Other(sqlx::Error),
}

pub type Result<T> = std::result::Result<T, StoreError>;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(db) => match db.code().as_deref() {
                // 57P01..3: shutting down, crashed, starting; 53xxx: out of resources; 08xxx: connection.
                Some(code) if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") => {
                    Self::Unavailable(error)
                }
                Some(code) if code.starts_with("22") || code.starts_with("54") => Self::Data(error),
                _ => Self::Other(error),
            },
            _ => Self::Other(error),
        }
    }
}

impl StoreError {
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Undone by PostgreSQL for the sake of others that were at it at the same time (a deadlock, a lock that was not to
    /// be had): the same statement works when it is tried again.
    pub fn is_conflict(&self) -> bool {
        let Self::Other(sqlx::Error::Database(db)) = self else { return false };
        is_conflict(&**db)
    }

    /// What is wrong, where it lies in the values of the statement: without them the same statement works.
    /// Names the rule that was broken, never a value.
    pub fn fault_of_data(&self) -> Option<String> {
        let (Self::Data(error) | Self::Other(error)) = self else { return None };
        match error {
            sqlx::Error::Database(db) => {
                let code = db.code()?;
                // 22: a value, 23: a constraint, 54: a size.
                if !["22", "23", "54"].iter().any(|class| code.starts_with(class)) {
                    return None;
                }
                Some(match (db.constraint(), db.table()) {
                    (Some(rule), Some(table)) => format!("the database refuses what it says: rule {rule} of {table}"),
                    _ => format!("the database refuses what it says ({code})"),
                })
            }
            sqlx::Error::ColumnDecode { index, .. } => {
                Some(format!("what is stored about it cannot be read ({index})"))
            }
            sqlx::Error::Decode(_) => Some("what is stored about it cannot be read".into()),
            _ => None,
        }
    }
}

/// 40: rolled back, 55P03: a lock was not to be had.
fn is_conflict(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().is_some_and(|code| code.starts_with("40") || code == "55P03")
}

impl Store {
    /// A pool for `url`. Nothing is connected yet; the first use is.
    pub fn open(url: &str, max_connections: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("signalbox");
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .min_connections(0)
            .acquire_timeout(Duration::from_secs(4))
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        Ok(Self { pool, keys: Keyring::default() })
    }

    /// The same with the keys of the secrets in it. Without any, secrets can be neither written nor read.
    pub fn with_keys(self, keys: Keyring) -> Self {
        Self { keys, ..self }
    }

    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx { inner: self.pool.begin().await?, keys: self.keys.clone() })
    }

    /// A transaction whose commit does not wait for the disk. For what only prepares a later commit: that
    /// one carries this one with it, and after a crash of the server either both are there or the work is
    /// still to be done. Never before something happens outside.
    pub async fn begin_preparing(&self) -> Result<Tx> {
        let inner = self.pool.begin_with("BEGIN; SET LOCAL synchronous_commit = off").await?;
        Ok(Tx { inner, keys: self.keys.clone() })
    }

    /// Commits a transaction; the flow decides when.
    pub async fn commit(tx: Tx) -> Result<()> {
        tx.commit().await
    }

    /// Undoes a transaction at once; one that is dropped may hold its locks for a while. Where the connection is gone, so
    /// are they.
    pub async fn roll_back(tx: Tx) {
        if let Err(error) = tx.rollback().await {
            tracing::debug!(%error, "a transaction could not be undone");
        }
    }

    /// PostgreSQL's wall clock: what the program's clock follows.
    pub async fn clock_reading(&self) -> Result<DateTime<Utc>> {
        Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "at!""#).fetch_one(&self.pool).await?)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}
