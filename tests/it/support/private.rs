//! Servers of a single test: for those that stop or restart one.

use super::process::launcher;
use super::servers;
use super::supervisor::Redis;
use signalbox::store::embedded::{self, EmbeddedPostgres};
use std::fs;
use std::path::PathBuf;
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
    postgres(false)
}

/// The same for a test that kills the server: what was committed is there afterwards.
pub fn durable_postgres() -> PrivatePostgres {
    postgres(true)
}

fn postgres(durable: bool) -> PrivatePostgres {
    let mut postgres = PrivatePostgres { url: String::new(), directory: new_directory(), durable, server: None };
    postgres.start();
    postgres
}

pub struct PrivatePostgres {
    pub url: String,
    directory: PathBuf,
    durable: bool,
    server: Option<EmbeddedPostgres>,
}

impl PrivatePostgres {
    pub fn start(&mut self) {
        let settings = embedded::Settings {
            data_dir: Some(self.directory.clone()),
            durable: self.durable,
            launcher: launcher(),
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
    fs::create_dir(&directory).expect("the directory of the servers is ours");
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
