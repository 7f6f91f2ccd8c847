//! The private PostgreSQL over its life: first start, later starts, killed parents, wrong places.

use super::support::process::{Actor, eventually, is_running, launcher, say, wait_for_end_of_input};
use signalbox::store::embedded::{self, EmbeddedError, EmbeddedPostgres, Settings};
use sqlx::{Connection as _, PgConnection};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

const NOBODY: u32 = 65534;

#[tokio::test]
async fn a_second_start_finds_the_data_of_the_first() {
    let dir = TempDir::new();
    let first = start(&dir).unwrap();
    remember(first.url(), "kept").await;
    let url = first.url().to_owned();
    first.stop();
    assert!(PgConnection::connect(&url).await.is_err(), "stopped means stopped");

    let second = start(&dir).unwrap();
    assert_eq!(second.url(), url);
    assert_eq!(recall(second.url()).await, ["kept"]);
}

#[tokio::test]
async fn commits_survive_a_power_failure_unless_a_test_says_otherwise() {
    let dir = TempDir::new();
    let server = embedded::start(&Settings { durable: true, ..settings(&dir) }).unwrap();
    for name in ["fsync", "full_page_writes", "synchronous_commit", "data_checksums"] {
        assert_eq!(show(server.url(), name).await, "on", "{name}");
    }
    assert_eq!(show(server.url(), "listen_addresses").await, "");
}

#[tokio::test]
async fn a_killed_program_takes_the_server_with_it_and_the_next_finds_the_data() {
    let dir = TempDir::new();
    let program = start_as_a_program(&dir, |_| {});
    let (server, url) = (program.hear().parse().unwrap(), program.hear());
    remember(&url, "committed before the kill").await;
    program.kill();
    eventually("PostgreSQL has ended", 20, || !is_running(server));

    let again = start(&dir).unwrap();
    assert_eq!(recall(again.url()).await, ["committed before the kill"]);
}

#[tokio::test]
async fn a_server_that_somebody_else_kills_is_started_again() {
    let dir = TempDir::new();
    let server = embedded::start(&Settings { durable: true, ..settings(&dir) }).unwrap();
    remember(server.url(), "kept").await;
    let pid_file = dir.0.join("postgresql/cluster/postmaster.pid");
    let pid = || fs::read_to_string(&pid_file).ok()?.lines().next()?.parse::<u32>().ok();
    let first = pid().unwrap();
    let first_process = rustix::process::Pid::from_raw(first.cast_signed()).unwrap();
    rustix::process::kill_process(first_process, rustix::process::Signal::KILL).unwrap();
    eventually("another server runs", 30, || pid().is_some_and(|pid| pid != first && is_running(pid)));
    let mut read = Err(sqlx::Error::PoolClosed);
    for _ in 0..600 {
        read = try_recall(server.url()).await;
        if read.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(read.unwrap(), ["kept"]);
}

#[tokio::test]
async fn a_start_right_after_a_kill_waits_for_the_earlier_server() {
    let dir = TempDir::new();
    let program = start_as_a_program(&dir, |_| {});
    let (_, url) = (program.hear(), program.hear());
    remember(&url, "kept").await;
    program.kill();
    assert_eq!(recall(start(&dir).unwrap().url()).await, ["kept"]);
}

#[test]
fn a_second_program_on_the_directory_is_told_who_holds_it() {
    let dir = TempDir::new();
    let program = start_as_a_program(&dir, |_| {});
    program.hear();
    let error = start(&dir).unwrap_err().to_string();
    let holder = format!("another Signalbox (process {}) is using", program.id());
    assert!(error.starts_with(&holder), "{error}");
}

#[tokio::test]
async fn ends_its_start_with_the_words_of_the_server() {
    let dir = TempDir::new();
    let error =
        embedded::start(&Settings { server_settings: vec![("max_connections", "many".to_owned())], ..settings(&dir) })
            .unwrap_err()
            .to_string();
    assert!(error.contains("invalid value for parameter \"max_connections\""), "{error}");
}

#[tokio::test]
async fn works_in_a_directory_whose_name_is_too_long_for_a_socket() {
    let dir = TempDir::new();
    let long = dir.0.join("a name, with \"quotes\" and spaces".repeat(4));
    let server = start_in(&long).unwrap();
    remember(server.url(), "kept").await;
    assert_eq!(recall(server.url()).await, ["kept"]);
    let socket_dir = show(server.url(), "unix_socket_directories").await;
    drop(server);
    fs::remove_dir_all(socket_dir.trim_matches('"')).unwrap();
}

#[tokio::test]
async fn a_half_made_cluster_of_an_earlier_start_is_in_nobodys_way() {
    let dir = TempDir::new();
    start(&dir).unwrap().stop();
    let home = dir.0.join("postgresql");
    fs::rename(home.join("cluster"), home.join("unfinished-1")).unwrap();
    fs::remove_file(home.join("unfinished-1/PG_VERSION")).unwrap();
    let server = start(&dir).unwrap();
    remember(server.url(), "kept").await;
    assert!(!home.join("unfinished-1").exists());
}

#[test]
fn data_of_another_major_version_is_left_alone() {
    let dir = TempDir::new();
    start(&dir).unwrap().stop();
    fs::write(dir.0.join("postgresql/cluster/PG_VERSION"), "9\n").unwrap();
    let error = start(&dir).unwrap_err();
    assert!(matches!(error, EmbeddedError::Version { written: 9, .. }), "{error}");
    assert!(error.to_string().contains("was written by PostgreSQL 9, and only "), "{error}");
}

#[test]
fn a_directory_without_programs_is_named() {
    let dir = TempDir::new();
    let error = embedded::start(&Settings { bin_dir: Some(dir.0.clone()), ..settings(&dir) }).unwrap_err().to_string();
    let expected = format!("PG_BIN_DIR is {}, but no PostgreSQL", dir.0.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn root_steps_down_and_an_ordinary_user_stays_who_he_is() {
    let dir = TempDir::new();
    let program = start_as_a_program(&dir, |_| {});
    let server: u32 = program.hear().parse().unwrap();
    let runs_as = owner_of_process(server);
    if we_are_root() {
        assert_ne!(runs_as, 0);
    } else {
        assert_eq!(runs_as, rustix::process::geteuid().as_raw());
    }
}

#[test]
fn an_ordinary_user_needs_nothing_special() {
    if !we_are_root() {
        return; // then every test here shows it
    }
    let dir = TempDir::new();
    chown(&dir.0, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&dir.0, Permissions::from_mode(0o700)).unwrap();
    let program = start_as_a_program(&dir, |command| {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    });
    let server = program.hear().parse().unwrap();
    assert_eq!(owner_of_process(server), NOBODY);
    program.kill();
    eventually("PostgreSQL has ended", 20, || !is_running(server));
}

#[test]
fn root_is_told_when_the_server_could_not_get_at_its_data() {
    if !we_are_root() {
        return; // PostgreSQL runs as whoever starts it
    }
    let dir = TempDir::new();
    let closed = dir.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let error = start_in(&closed.join("data")).unwrap_err();
    assert!(matches!(error, EmbeddedError::Closed { .. }), "{error}");
    assert!(!closed.join("data").exists(), "nothing was made on the way");

    let others = dir.0.join("postgresql");
    fs::create_dir(&others).unwrap();
    chown(&others, Some(12345), None).unwrap();
    let error = start(&dir).unwrap_err();
    assert!(matches!(error, EmbeddedError::Foreign { owner: 12345, .. }), "{error}");
    assert_eq!(fs::metadata(&others).unwrap().uid(), 12345, "only what is ours is changed");
}

#[test]
#[ignore = "a program that the tests above start and kill"]
fn a_program_with_a_private_server() {
    let Some(dir) = std::env::var_os("SIGNALBOX_TEST_DATA_DIR") else {
        return;
    };
    let dir = PathBuf::from(dir);
    let server = start_in(&dir).unwrap();
    let pid_file = fs::read_to_string(dir.join("postgresql/cluster/postmaster.pid")).unwrap();
    say(pid_file.lines().next().unwrap());
    say(server.url());
    wait_for_end_of_input();
}

fn start_as_a_program(dir: &TempDir, prepare: impl FnOnce(&mut std::process::Command)) -> Actor {
    Actor::start("embedded_test::a_program_with_a_private_server", |command| {
        command.env("SIGNALBOX_TEST_DATA_DIR", &dir.0);
        prepare(command);
    })
}

fn start(dir: &TempDir) -> Result<EmbeddedPostgres, EmbeddedError> {
    start_in(&dir.0)
}

fn start_in(dir: &Path) -> Result<EmbeddedPostgres, EmbeddedError> {
    embedded::start(&settings_in(dir))
}

fn settings(dir: &TempDir) -> Settings {
    settings_in(&dir.0)
}

fn settings_in(dir: &Path) -> Settings {
    Settings { data_dir: Some(dir.to_owned()), durable: false, launcher: launcher(), ..Settings::default() }
}

async fn remember(url: &str, what: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query("CREATE TABLE note (text text)").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO note VALUES ($1)").bind(what).execute(&mut connection).await.unwrap();
}

async fn recall(url: &str) -> Vec<String> {
    try_recall(url).await.unwrap()
}

async fn try_recall(url: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query_scalar("SELECT text FROM note").fetch_all(&mut connection).await
}

async fn show(url: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await.unwrap()
}

fn owner_of_process(pid: u32) -> u32 {
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}

fn we_are_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Not among what the supervisor of the test servers owns: these tests do not need it.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("signalbox-embedded-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        Self(dir.canonicalize().unwrap())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
