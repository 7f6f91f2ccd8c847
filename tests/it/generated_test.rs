//! Files that are made from the code or the database, and have to be what they would be made now.

use serde_json::{Value, json};
use signalbox::store::Store;
use sqlx::{Column as _, Connection as _, Either, Executor as _, PgConnection, SqlSafeStr as _, TypeInfo as _};
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn commands_md_is_what_the_commands_say() {
    let stored = std::fs::read_to_string(root().join("commands.md")).unwrap_or_default();
    assert!(
        stored == signalbox::discord::commands::reference(),
        "commands.md is out of date: cargo run -- commands > commands.md"
    );
}

#[test]
fn privacy_md_is_what_the_list_of_tables_says() {
    let stored = std::fs::read_to_string(root().join("PRIVACY.md")).unwrap_or_default();
    assert!(
        stored == signalbox::privacy::document(),
        "PRIVACY.md is out of date: cargo run -- privacy policy > PRIVACY.md"
    );
}

#[test]
fn openapi_json_is_what_the_routes_say() {
    let stored = std::fs::read_to_string(root().join("openapi.json")).unwrap_or_default();
    assert!(
        stored == signalbox::web::api::openapi_json(),
        "openapi.json is out of date: cargo run -- openapi > openapi.json"
    );
}

/// Every committed description of a statement against the database as the migrations make it.
#[tokio::test]
async fn offline_query_data_describes_the_database() {
    let database = crate::support::servers::fresh_database(async |url| {
        let store = Store::open(&url, 1).unwrap();
        store.migrate(true).await.unwrap();
        store.close().await;
    })
    .await;
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let files = query_files();
    assert!(files.len() > 50, "only {} files in .sqlx", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let stored: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        match describe(&mut connection, stored["query"].as_str().unwrap()).await {
            Ok(now) if now == outline(&stored["describe"]) => {}
            Ok(now) => wrong.push(format!("{}: stored {} now {now}", file.display(), outline(&stored["describe"]))),
            Err(error) => wrong.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(wrong.is_empty(), "run scripts/sqlx-prepare and commit .sqlx: {wrong:#?}");
}

/// Every statement of the store has its file, and every file its statement.
#[test]
fn offline_query_data_is_complete() {
    let mut sources = String::new();
    for path in crate::tidy::files_below("src/store", "rs") {
        sources.push_str(&std::fs::read_to_string(root().join(path)).unwrap());
    }
    sources.push_str(&std::fs::read_to_string(root().join("src/store.rs")).unwrap());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\\"", "\"");
    let sources = words(&sources);
    let stale: Vec<PathBuf> = query_files()
        .into_iter()
        .filter(|file| {
            let stored: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            let query = words(stored["query"].as_str().unwrap());
            // One that is written down for two orders is found in two parts.
            let is_of_parts = query.rsplit_once(" ORDER BY ").is_some_and(|(before, order)| {
                sources.contains(before) && sources.contains(&format!("\"ORDER BY {order}\""))
            });
            !sources.contains(&query) && !is_of_parts
        })
        .collect();
    assert!(stale.is_empty(), "no statement has these any more: {stale:#?}");
}

fn query_files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join(".sqlx")).expect("the offline query data is committed");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("query-")));
    files.sort();
    files
}

/// Names, types and nullability of the columns, and the types of the parameters.
async fn describe(connection: &mut PgConnection, query: &str) -> sqlx::Result<Value> {
    let described = connection.describe(sqlx::AssertSqlSafe(query.to_owned()).into_sql_str()).await?;
    let columns: Vec<Value> = described
        .columns()
        .iter()
        .enumerate()
        .map(|(n, column)| {
            json!([column.name(), column.type_info().name(), judged(column.name(), json!(described.nullable(n)))])
        })
        .collect();
    let parameters: Vec<String> = match described.parameters() {
        Some(Either::Left(types)) => types.iter().map(|one| one.name().to_owned()).collect(),
        _ => vec![],
    };
    Ok(json!([columns, parameters]))
}

/// Whether a column may be null: not PostgreSQL's plan of the day says so where the statement itself does.
fn judged(column: &str, nullable: Value) -> Value {
    if column.ends_with(['?', '!']) { Value::Null } else { nullable }
}

/// The same of a stored description.
fn outline(stored: &Value) -> Value {
    let columns: Vec<Value> = stored["columns"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(n, column)| {
            let name = column["name"].as_str().unwrap();
            json!([name, type_name(&column["type_info"]), judged(name, stored["nullable"][n].clone())])
        })
        .collect();
    let parameters: Vec<String> =
        stored["parameters"]["Left"].as_array().into_iter().flatten().map(type_name).collect();
    json!([columns, parameters])
}

/// The stored form of a type as PostgreSQL names it.
fn type_name(stored: &Value) -> String {
    let word = stored.as_str().unwrap_or_else(|| panic!("a type of our own: {stored}"));
    let (word, list) = word.strip_suffix("Array").map_or((word, ""), |element| (element, "[]"));
    let known = [
        ("Timestamptz", "TIMESTAMPTZ"),
        ("Varchar", "VARCHAR"),
        ("Bytea", "BYTEA"),
        ("Jsonb", "JSONB"),
        ("Int8", "INT8"),
        ("Int4", "INT4"),
        ("Text", "TEXT"),
        ("Uuid", "UUID"),
        ("Bool", "BOOL"),
        ("Void", "VOID"),
    ];
    let name =
        known.iter().find(|(stored, _)| *stored == word).map_or_else(|| word.to_uppercase(), |(_, n)| (*n).into());
    format!("{name}{list}")
}
