//! One database per test, copied from a template that is migrated once per state of `migrations/`.

use super::servers;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Dropped with the value, as well as that goes; what remains goes with the server.
pub struct TestDatabase {
    pub url: String,
    pub name: String,
}

/// An empty database with all migrations applied. `migrate` gets the URL of the template, and is called
/// by one test process only for each state of `migrations/`.
pub async fn fresh_database(migrate: impl AsyncFnOnce(String)) -> TestDatabase {
    let template = format!("template_{:016x}", checksum_of_migrations());
    copy_of(&template, migrate).await
}

/// A copy of the template database of this name, which `make` fills when there is none yet.
pub async fn copy_of(template: &str, make: impl AsyncFnOnce(String)) -> TestDatabase {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut maintenance = connect().await;
    ensure_template(&mut maintenance, template, make).await;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    // A killed test with the same process number may have left one.
    run(&mut maintenance, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    run(&mut maintenance, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    TestDatabase { url: url_of(&name), name }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let name = self.name.clone();
        // A thread of its own: a test drops the value inside its runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut maintenance = PgConnection::connect(&servers::postgres()).await?;
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                maintenance.execute(AssertSqlSafe(statement)).await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        let _ = dropped.join();
    }
}

/// Makes the template under another name first, so that half a one is never copied.
async fn ensure_template(maintenance: &mut PgConnection, name: &str, make: impl AsyncFnOnce(String)) {
    if exists(maintenance, name).await {
        return;
    }
    run(maintenance, format!("SELECT pg_advisory_lock(hashtext('{name}'))")).await;
    if !exists(maintenance, name).await {
        let unfinished = format!("{name}_unfinished");
        run(maintenance, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        run(maintenance, format!("CREATE DATABASE {unfinished}")).await;
        make(url_of(&unfinished)).await;
        let end_connections = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        run(maintenance, format!("{end_connections}'{unfinished}'")).await;
        run(maintenance, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    run(maintenance, format!("SELECT pg_advisory_unlock(hashtext('{name}'))")).await;
}

async fn connect() -> PgConnection {
    let url = servers::postgres();
    PgConnection::connect(&url).await.expect("the test server accepts connections")
}

async fn exists(maintenance: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(maintenance)
        .await
        .expect("the test server answers")
}

async fn run(maintenance: &mut PgConnection, statement: String) {
    let described = statement.clone();
    if let Err(error) = maintenance.execute(AssertSqlSafe(statement)).await {
        panic!("{described}: {error}");
    }
}

fn url_of(database: &str) -> String {
    let mut url = url::Url::parse(&servers::postgres()).expect("the server's URL is one");
    url.set_path(database);
    url.into()
}

fn checksum_of_migrations() -> u64 {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.file_name().hash(&mut hasher);
        fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
