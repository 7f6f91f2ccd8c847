//! Which binaries may run on which schema, and who migrates.

use crate::support::servers::{copy_of, fresh_database};
use chrono::{DateTime, Utc};
use serde_json::json;
use signalbox::event::{Event, NewEvent, Severity, Via};
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::event::Inserted;
use signalbox::store::migrate::{MigrateError, binary_version};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

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

#[tokio::test]
async fn a_binary_from_before_schema_6_is_told_that_it_is_too_old() {
    let database = fresh_database(migrated).await;
    let store = Store::open(&database.url, 1).unwrap();
    let (_, compatible_from) = store.schema_version().await.unwrap().unwrap();
    assert!(compatible_from >= 6, "it would look for the table `dedup`");
    store.close().await;
}

const SOURCE: Uuid = Uuid::from_u128(7);

/// What schema 5 held: an event planned and one not, one whose key was forgotten and then came again, and
/// a key that outlived its event. The last digit of an id is the place in this list.
const SCHEMA_5: &str = "
    INSERT INTO source VALUES ('00000000-0000-0000-0000-000000000007', 1, 'xtsystems', 'xtsystems', '2026-01-01Z');
    INSERT INTO event (id, source_id, guild_id, kind, severity, occurred_at, received_at, dedup_key, data, via, planned_at)
    SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, '00000000-0000-0000-0000-000000000007', 1,
        'ticket.created', 'info', at, at, key, '{}', 'http', CASE WHEN n <> 2 THEN at END
    FROM (VALUES (1, '2026-11-20Z'::timestamptz, 'ticket.created:\u{e9}:1763600000:aa'),
                 (2, '2026-11-21Z', 'ticket.created:2:-:bb'),
                 (3, '2026-01-02Z', 'again'), (4, '2026-11-19Z', 'again')) AS t (n, at, key);
    INSERT INTO dedup SELECT source_id, dedup_key, id, received_at FROM event WHERE received_at > '2026-02-01Z';
    INSERT INTO dedup VALUES ('00000000-0000-0000-0000-000000000007', 'ticket.closed:9:9763600000123:cc',
        '00000000-0000-0000-0000-000000000005', '2026-11-01Z')";

/// The keys of [`SCHEMA_5`] that are known, and the event that each belongs to.
const KNOWN: [(&str, u128); 4] = [
    ("ticket.created:\u{e9}:1763600000:aa", 1),
    ("ticket.created:2:-:bb", 2),
    ("again", 4),
    ("ticket.closed:9:9763600000123:cc", 5),
];

fn with_key(key: &str, id: u128, at: DateTime<Utc>) -> NewEvent {
    let event = Event {
        id: Uuid::from_u128(id),
        source_id: SOURCE,
        guild_id: GuildId(1),
        kind: "ticket.created".into(),
        subject: None,
        occurred_at: at,
        received_at: at,
        severity: Severity::Info,
        dedup_key: key.into(),
        data: json!({}),
    };
    NewEvent { event, raw: b"{}".to_vec(), data_in_raw: false, via: Via::Http }
}

#[tokio::test]
async fn what_schema_5_had_seen_is_a_repeat_on_schema_6() {
    let database = copy_of("template_empty", async |_| ()).await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::migrate!().run_to(5, &mut connection).await.unwrap();
    sqlx::raw_sql(SCHEMA_5).execute(&mut connection).await.unwrap();
    let store = Store::open(&database.url, 2).unwrap();
    store.migrate(true).await.unwrap();

    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let known = KNOWN.map(|(key, _)| key.to_owned());
    let mut asked = known.to_vec();
    asked.push("ticket.created:\u{e9}:1763600001:aa".into());
    assert_eq!(store.list_known_keys(SOURCE, &asked).await.unwrap(), known);
    assert!(store.list_known_keys(Uuid::from_u128(8), &asked).await.unwrap().is_empty(), "of another source");
    for (key, first) in KNOWN {
        let outcome = store.insert_events(&[&with_key(key, 100 + first, now)]).await.unwrap();
        assert_eq!(outcome, [Inserted::Duplicate(Uuid::from_u128(first))], "{key}");
    }
    let new = store.insert_events(&[&with_key(&asked[4], 200, now)]).await.unwrap();
    assert_eq!(new, [Inserted::Fresh(Uuid::from_u128(200))]);

    let kinds = store.list_last_events(SOURCE).await.unwrap();
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|p| !p.kind.is_empty())
        .map(|p| format!("{} {} {}", p.kind, p.last_at.date_naive(), p.events))
        .collect();
    assert_eq!(kinds, ["ticket.created 2026-11-20 3", "ticket.closed 2026-11-01 1"]);
    store.close().await;
}
