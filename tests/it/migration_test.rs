//! Which binaries may run on which schema, and who migrates.

use crate::support::servers::{copy_of, fresh_database};
use signalbox::store::Store;
use signalbox::store::migrate::{MigrateError, binary_version};
use sqlx::{Connection as _, PgConnection};

async fn migrated(url: String) {
    let store = Store::open(&url, 1).unwrap();
    store.migrate(true).await.unwrap();
    store.close().await;
}

/// What a later release leaves behind.
async fn migrate_further(url: &str, version: i64, compatible_from: i64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query("INSERT INTO schema_compatibility (version, compatible_from) VALUES ($1, $2)")
        .bind(version)
        .bind(compatible_from)
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_newer_database_that_still_serves_us_is_accepted() {
    let database = fresh_database(migrated).await;
    migrate_further(&database.url, binary_version() + 2, binary_version()).await;
    let store = Store::open(&database.url, 1).unwrap();
    store.migrate(true).await.unwrap();
    store.migrate(false).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_newer_database_that_does_not_is_refused_with_both_versions() {
    let database = fresh_database(migrated).await;
    migrate_further(&database.url, 902, 901).await;
    let store = Store::open(&database.url, 1).unwrap();
    assert!(store.migrate(false).await.is_err());
    let refused = store.migrate(true).await.unwrap_err();
    assert!(matches!(refused, MigrateError::TooNew { database: 902, compatible_from: 901, .. }));
    let words = refused.to_string().replace(&format!("up to {}.", binary_version()), "up to N.");
    insta::assert_snapshot!(words, @"the database is at schema version 902, which needs a binary of version 901 or later; this binary knows up to N. Install the newer release, or restore the backup made before its upgrade");
    store.close().await;
}

#[tokio::test]
async fn without_run_migrations_an_empty_database_is_refused_and_left_alone() {
    let database = copy_of("template_empty", async |_| ()).await;
    let store = Store::open(&database.url, 1).unwrap();
    let refused = store.migrate(false).await.unwrap_err();
    let words = refused.to_string().replace(&format!("needs {}:", binary_version()), "needs N:");
    insta::assert_snapshot!(words, @"the database is at schema version 0, this binary needs N: run `signalbox migrate` first");
    assert_eq!(store.schema_version().await.unwrap(), None);
    migrated(database.url.clone()).await;
    store.migrate(false).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn two_processes_migrate_at_once() {
    let database = copy_of("template_empty", async |_| ()).await;
    let stores = [Store::open(&database.url, 1).unwrap(), Store::open(&database.url, 1).unwrap()];
    let (first, second) = tokio::join!(stores[0].migrate(true), stores[1].migrate(true));
    first.unwrap();
    second.unwrap();
    let version = stores[0].schema_version().await.unwrap();
    assert_eq!(version.map(|(version, _)| version), Some(binary_version()));
    for store in stores {
        store.close().await;
    }
}
