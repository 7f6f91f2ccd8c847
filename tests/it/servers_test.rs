//! The test servers themselves: shared by everybody, and gone without a trace.

use super::support::process::{Actor, eventually, is_running, kill_9, say, wait_for_end_of_input};
use super::support::{servers, supervisor};
use redis::Commands as _;
use sqlx::{Connection as _, PgConnection};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOBODY: u32 = 65534;
/// Not that of the migrations: these tests have to do with the copying only.
const TEMPLATE: &str = "template_of_servers_test";

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let one = servers::copy_of(TEMPLATE, migrate).await;
    let two = servers::copy_of(TEMPLATE, migrate).await;
    assert_ne!(one.url, two.url);
    for database in [&one, &two] {
        let mut connection = PgConnection::connect(&database.url).await.unwrap();
        sqlx::query("CREATE TABLE mine (id int)").execute(&mut connection).await.unwrap();
    }
    let name = one.name.clone();
    drop(one);
    assert!(!database_exists(&name).await);
    assert!(database_exists(&two.name).await);
}

#[tokio::test]
async fn the_migrations_run_once_for_all_tests() {
    let database = servers::copy_of(TEMPLATE, migrate).await;
    let again = servers::copy_of(TEMPLATE, async |_| panic!("the template is there")).await;
    for url in [&database.url, &again.url] {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(tables > 0, "the template is migrated");
    }
}

#[test]
fn a_private_redis_keeps_its_data_only_when_asked_to() {
    for (append_only, expected) in [(true, Some(1)), (false, None)] {
        let mut server = servers::private_redis(append_only);
        let client = redis::Client::open(server.url.as_str()).unwrap();
        let () = client.get_connection().unwrap().set("key", 1).unwrap();
        server.stop();
        assert!(client.get_connection().is_err(), "stopped means stopped");
        server.restart();
        let value: Option<i32> = client.get_connection().unwrap().get("key").unwrap();
        assert_eq!(value, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_postgres_can_be_stopped_and_started() {
    let mut server = tokio::task::spawn_blocking(servers::private_postgres).await.unwrap();
    let url = server.url.clone();
    server.stop();
    assert!(PgConnection::connect(&url).await.is_err(), "stopped means stopped");
    server.start();
    assert_eq!(server.url, url);
    PgConnection::connect(&url).await.unwrap();
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    let world = World::new();
    let user = world.user(|_| {});
    let seen = Seen::by(&user);
    assert!(seen.pids().all(is_running));
    user.kill();
    eventually("the servers have ended", 30, || !seen.pids().any(is_running));
    eventually("the directory is empty", 10, || world.is_empty());
}

#[test]
fn a_killed_supervisor_takes_the_servers_with_it_and_the_next_run_starts_afresh() {
    let world = World::new();
    let user = world.user(|_| {});
    let first = Seen::by(&user);
    kill_9(first.supervisor);
    eventually("the servers have ended", 30, || !first.pids().any(is_running));
    user.kill();

    let next = world.user(|_| {});
    let second = Seen::by(&next);
    assert!(second.pids().all(is_running));
    next.kill();
    eventually("the directory is empty", 30, || world.is_empty());
}

#[test]
fn runs_at_the_same_time_share_the_servers() {
    let world = World::new();
    let users = [world.user(|_| {}), world.user(|_| {}), world.user(|_| {})];
    let seen = users.each_ref().map(Seen::by);
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
    let [first, last, other] = users;
    first.kill();
    other.kill();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(seen[0].pids().all(is_running), "somebody still uses them");
    last.kill();
    eventually("the directory is empty", 30, || world.is_empty());
}

#[test]
fn an_ordinary_user_needs_nothing_special() {
    if !rustix::process::geteuid().is_root() {
        return; // then every test here shows it
    }
    let world = World::new();
    chown(&world.0, Some(NOBODY), Some(NOBODY)).unwrap();
    let user = world.user(|command| {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    });
    let seen = Seen::by(&user);
    user.kill();
    eventually("the servers have ended", 30, || !seen.pids().any(is_running));
    eventually("the directory is empty", 10, || world.is_empty());
}

#[tokio::test]
#[ignore = "a test run that the tests above start and kill"]
async fn a_user_of_the_servers() {
    if std::env::var_os("SIGNALBOX_TEST_USER").is_none() {
        return;
    }
    let database = servers::copy_of(TEMPLATE, migrate).await;
    PgConnection::connect(&database.url).await.unwrap();
    let client = redis::Client::open(servers::redis()).unwrap();
    let redis: String = redis::cmd("INFO").query(&mut client.get_connection().unwrap()).unwrap();
    let redis = redis.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap();
    let home = PathBuf::from(servers::redis().strip_prefix("redis+unix://").unwrap());
    let home = home.parent().unwrap();
    let postgres = fs::read_to_string(home.join("postgresql/cluster/postmaster.pid"));
    say(home.file_name().unwrap().display());
    say(postgres.unwrap().lines().next().unwrap());
    say(redis);
    wait_for_end_of_input();
}

/// The processes behind the servers.
#[derive(Debug, PartialEq)]
struct Seen {
    supervisor: u32,
    postgres: u32,
    redis: u32,
}

impl Seen {
    fn by(user: &Actor) -> Self {
        let next = || user.hear().trim().parse().unwrap();
        Self { supervisor: next(), postgres: next(), redis: next() }
    }

    fn pids(&self) -> impl Iterator<Item = u32> {
        [self.supervisor, self.postgres, self.redis].into_iter()
    }
}

/// A temporary directory of its own, so that servers are started in it for this test alone.
struct World(PathBuf);

impl World {
    fn new() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("signalbox-world-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        Self(dir)
    }

    fn user(&self, prepare: impl FnOnce(&mut Command)) -> Actor {
        Actor::start("servers_test::a_user_of_the_servers", |command| {
            command.env("TMPDIR", &self.0).env(supervisor::IDLE_VARIABLE, "1").env("SIGNALBOX_TEST_USER", "1");
            prepare(command);
        })
    }

    fn is_empty(&self) -> bool {
        let dir: &Path = &self.0;
        fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Something that a copy of the template can be told by.
async fn migrate(url: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE migrated (id int)").execute(&mut connection).await.unwrap();
}

async fn database_exists(name: &str) -> bool {
    let mut connection = PgConnection::connect(&servers::postgres()).await.unwrap();
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}
