//! Servers of a single test: for those that stop or restart one.

use super::process::launcher;
use super::servers;
use super::supervisor::Redis;
use signalbox::store::embedded::{self, EmbeddedPostgres};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

/// A Redis that keeps its data over a restart when `append_only`, and forgets it otherwise.
pub fn private_redis(append_only: bool) -> PrivateRedis {
    let directory = new_directory();
    let mut redis = PrivateRedis { url: String::new(), directory, append_only, server: None };
    redis.start();
    redis
}

pub struct PrivateRedis {
    pub url: String,
    directory: PathBuf,
    append_only: bool,
    server: Option<Redis>,
}

impl PrivateRedis {
    pub fn start(&mut self) {
        let (directory, append_only) = (self.directory.clone(), self.append_only);
        let server = on_lasting_thread(move || Redis::start(&directory, append_only));
        let server = server.unwrap_or_else(|why| panic!("the private Redis did not start: {why}"));
        self.url = server.url();
        self.server = Some(server);
    }

    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Killed, with no time to write anything.
    pub fn kill(&mut self) {
        if let Some(server) = &self.server {
            server.kill();
        }
        self.server = None;
    }

    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A PostgreSQL with an empty database.
pub fn private_postgres() -> PrivatePostgres {
    postgres(false, &[])
}

/// The same with these settings of the server.
pub fn private_postgres_with(settings: &[(&'static str, &str)]) -> PrivatePostgres {
    postgres(false, settings)
}

/// The same for a test that kills the server: what was committed is there afterwards.
pub fn durable_postgres() -> PrivatePostgres {
    postgres(true, &[])
}

fn postgres(durable: bool, settings: &[(&'static str, &str)]) -> PrivatePostgres {
    let settings = settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let directory = new_directory();
    let mut postgres = PrivatePostgres { url: String::new(), directory, durable, settings, server: None };
    postgres.start();
    postgres
}

pub struct PrivatePostgres {
    pub url: String,
    directory: PathBuf,
    durable: bool,
    settings: Vec<(&'static str, String)>,
    server: Option<EmbeddedPostgres>,
}

impl PrivatePostgres {
    pub fn start(&mut self) {
        let settings = embedded::Settings {
            data_dir: Some(self.directory.clone()),
            durable: self.durable,
            launcher: launcher(),
            server_settings: self.settings.clone(),
            ..embedded::Settings::default()
        };
        let server = on_lasting_thread(move || embedded::start(&settings));
        let server = server.unwrap_or_else(|why| panic!("the private PostgreSQL did not start: {why}"));
        self.url = server.url().to_owned();
        self.server = Some(server);
    }

    pub fn stop(&mut self) {
        self.server = None;
    }

    /// A replica that follows by PostgreSQL's own streaming replication, as far as keeping what it is sent.
    pub async fn follower(&self, name: &str) -> Follower {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&self.url).await.unwrap();
        let programs = sqlx::query_scalar("SELECT setting FROM pg_config WHERE name = 'BINDIR'");
        let programs: String = programs.fetch_one(&mut connection).await.unwrap();
        let kept = new_directory();
        let source = format!("{}&application_name={name}", self.url);
        let mut command = Command::new(Path::new(&programs).join("pg_receivewal"));
        // It ends by itself when the server does.
        command.args(["--no-loop", "--status-interval=1", "--dbname", &source, "--directory"]).arg(&kept);
        Follower { process: command.spawn().expect("pg_receivewal comes with the server"), kept }
    }
}

pub struct Follower {
    process: Child,
    kept: PathBuf,
}

impl Follower {
    /// It stays connected, and says nothing any more.
    pub fn freeze(&self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.kept);
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Within what the supervisor removes, should this process be killed.
fn new_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = servers::directory().join(format!("{}-{number}", std::process::id()));
    servers::create_anew(&directory);
    directory
}

/// Runs it on a thread that lives as long as this process: a server ends with the thread that started
/// it, and a test may start one from a thread of its runtime.
fn on_lasting_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    type Work = Box<dyn FnOnce() + Send>;
    static THREAD: OnceLock<mpsc::Sender<Work>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Work>();
        std::thread::spawn(move || receiver.into_iter().for_each(|work| work()));
        sender
    });
    let (sender, result) = mpsc::channel();
    thread.send(Box::new(move || drop(sender.send(work())))).expect("the thread lives as long as the process");
    result.recv().expect("starting a server does not panic")
}
