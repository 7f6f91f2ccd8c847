//! Migrations at start, and whether this binary may run on the schema that is there.

use sqlx::migrate::Migrator;

use super::{Store, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!();

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the database is at schema version {database}, which needs a binary of version {compatible_from} or later; \
         this binary knows up to {binary}. Install the newer release, or restore the backup made before its upgrade"
    )]
    TooNew { database: i64, compatible_from: i64, binary: i64 },
    #[error("the database is at schema version {database}, this binary needs {binary}: run `signalbox migrate` first")]
    TooOld { database: i64, binary: i64 },
    #[error("a migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// The newest schema version this binary knows.
pub fn binary_version() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0)
}

impl Store {
    /// Applies what is missing, under an advisory lock, unless the database is newer than this binary.
    /// With `apply` off it only checks.
    pub async fn migrate(&self, apply: bool) -> Result<(), MigrateError> {
        let binary = binary_version();
        if let Some((database, compatible_from)) = self.schema_version().await?
            && database > binary
        {
            if compatible_from > binary {
                return Err(MigrateError::TooNew { database, compatible_from, binary });
            }
            // A rolling upgrade: a newer binary has migrated, and says that this one still works.
            return Ok(());
        }
        if apply {
            MIGRATOR.run(&self.pool).await?;
            self.ask_no_less().await?;
            return Ok(());
        }
        let database = self.schema_version().await?.map_or(0, |(version, _)| version);
        if database < binary {
            return Err(MigrateError::TooOld { database, binary });
        }
        Ok(())
    }

    /// A later migration that could do with an older binary does not take back what an earlier one asked:
    /// binaries look at the newest row alone.
    async fn ask_no_less(&self) -> super::Result<()> {
        sqlx::query!(
            "UPDATE schema_compatibility s SET compatible_from = asked.most
             FROM (SELECT version, max(compatible_from) OVER (ORDER BY version) AS most FROM schema_compatibility) asked
             WHERE asked.version = s.version AND asked.most > s.compatible_from"
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Version of the schema and the oldest binary it still serves; `None` before the first migration.
    pub async fn schema_version(&self) -> super::Result<Option<(i64, i64)>> {
        let exists = sqlx::query_scalar!(r#"SELECT to_regclass('schema_compatibility') IS NOT NULL AS "exists!""#)
            .fetch_one(&self.pool)
            .await?;
        if !exists {
            return Ok(None);
        }
        let row =
            sqlx::query!("SELECT version, compatible_from FROM schema_compatibility ORDER BY version DESC LIMIT 1")
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|r| (r.version, r.compatible_from)))
    }
}

pub use sqlx::migrate::MigrateError as SqlxMigrateError;

/// True when a migration failed because the server went away, or because of others that were at work: the same
/// works later.
pub fn may_work_later(error: &SqlxMigrateError) -> bool {
    let (SqlxMigrateError::Execute(inner) | SqlxMigrateError::ExecuteMigration(inner, _)) = error else { return false };
    match inner {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => true,
        // As `StoreError` has it: 57P01..3 shutting down, crashed, starting; 53: out of resources; 08: connection.
        sqlx::Error::Database(db) => {
            let is_away = |code: &str| ["57P", "53", "08"].iter().any(|class| code.starts_with(class));
            super::is_conflict(&**db) || db.code().is_some_and(|code| is_away(&code))
        }
        _ => false,
    }
}
