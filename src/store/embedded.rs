//! Starts and stops a private, real PostgreSQL for whoever has set no `DATABASE_URL`.
//!
//! The server is a direct child in a session of its own, reachable through a Unix socket in a directory
//! that is closed to others, and ends with this program, however the program ends. The programs of
//! PostgreSQL have to be installed: nothing is downloaded here. Connections are made elsewhere.

// Nothing else runs yet when it waits.
#![allow(clippy::disallowed_methods)]

mod binaries;
mod cluster;
mod error;
mod keeper;
mod place;

pub use error::EmbeddedError;
pub use place::default_data_dir;

use cluster::{await_end_of_earlier_server, create, is_held, is_serving, lock, version_of};
use keeper::{Keeper, Launch};
use place::Account;
use rustix::process::{Pid, Signal};
use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The database made in a new cluster, and the superuser that owns it.
const DATABASE: &str = "signalbox";
/// Names the socket only; no port is opened.
const PORT: u16 = 5432;
/// How often the state of the server is looked at while something is awaited.
const LOOK: Duration = Duration::from_millis(20);
/// For the statements that are under way when the program stops.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The hidden subcommand that becomes the server; see [`exec_postgres`].
pub const EXEC_COMMAND: &str = "__exec-postgres";

/// What [`start`] needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where everything is kept; [`default_data_dir`] when `None`.
    pub data_dir: Option<PathBuf>,
    /// The only place where `postgres` is looked for; `PG_BIN_DIR` by default.
    pub bin_dir: Option<PathBuf>,
    /// Commits survive a power failure. `false` in tests only.
    pub durable: bool,
    /// How this program is started again for [`exec_postgres`].
    pub launcher: LauncherCommand,
    /// More server settings, name and value.
    pub server_settings: Vec<(&'static str, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: None,
            bin_dir: place::bin_dir(),
            durable: true,
            launcher: place::default_launcher(),
            server_settings: Vec::new(),
        }
    }
}

/// A command whose further arguments are given to [`exec_postgres`].
#[derive(Debug, Clone)]
pub struct LauncherCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

/// A running server, started again when somebody else ends it. Dropping it stops it, as
/// [`EmbeddedPostgres::stop`] does.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    url: String,
    data_dir: PathBuf,
    // Dropped in this order: the directory is free when the server has ended.
    _keeper: Keeper,
    _lock: File,
}

/// Starts the server, making its data the first time, and returns when it accepts connections.
pub fn start(settings: &Settings) -> Result<EmbeddedPostgres, EmbeddedError> {
    let account = Account::choose()?;
    let data_dir = settings.data_dir.clone().unwrap_or_else(default_data_dir);
    let data_dir = account.data_dir(&data_dir)?;
    let home = data_dir.join("postgresql");
    account.private_dir(&home)?;
    let lock = lock(&account, &home, &data_dir)?;

    let cluster = home.join("cluster");
    await_end_of_earlier_server(&cluster)?;
    let binaries = binaries::find(settings.bin_dir.as_deref(), &cluster, version_of(&cluster)?)?;
    if !cluster.exists() {
        create(&account, &binaries, &home, &cluster, settings.durable)?;
    }
    let socket_dir = account.socket_dir(&home)?;
    let url = url(&socket_dir);
    let launch = Launch {
        launcher: settings.launcher.clone(),
        server: binaries.postgres(),
        settings: server_settings(settings, &socket_dir),
        account,
        home,
        cluster,
    };
    let keeper = Keeper::start(launch)?;
    tracing::info!(data_dir = %data_dir.display(), version = binaries.major, "the private PostgreSQL accepts connections");
    Ok(EmbeddedPostgres { url, data_dir, _keeper: keeper, _lock: lock })
}

/// The URL of the server that another program has running in the data directory; `None` when none is ready.
pub fn running(settings: &Settings) -> Result<Option<String>, EmbeddedError> {
    let account = Account::choose()?;
    let data_dir = settings.data_dir.clone().unwrap_or_else(default_data_dir);
    let home = data_dir.join("postgresql");
    if !home.is_dir() || !is_held(&home) {
        return Ok(None);
    }
    // As `start` names them: the way to the socket hangs on it.
    let home = account.data_dir(&data_dir)?.join("postgresql");
    if !is_serving(&home.join("cluster")) {
        return Ok(None);
    }
    Ok(Some(url(&account.socket_dir(&home)?)))
}

/// Bytes that may still be written where the private server keeps its data, or would.
pub fn free_space(data_dir: Option<&Path>) -> io::Result<u64> {
    let data_dir = data_dir.map_or_else(default_data_dir, Path::to_owned);
    let data_dir = std::path::absolute(data_dir)?;
    let existing = data_dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(existing)?;
    Ok(disk.f_bavail * disk.f_frsize)
}

impl EmbeddedPostgres {
    /// `postgres:///signalbox?host=…`, as sqlx reads it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the data is kept.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Disconnects everybody, writes everything out and ends the server. The last thing a program does.
    pub fn stop(self) {
        drop(self);
    }
}

/// The hidden step between this program and a server of its own: `args` are the process id of the
/// program that asked, the server's path and the server's arguments.
///
/// Leaves the terminal's session (Ctrl-C is for the program, which then stops the server in order), has
/// itself interrupted when the program that asked ends, and becomes the server. Returns only on failure.
pub fn exec_postgres(args: impl IntoIterator<Item = OsString>) -> io::Result<Infallible> {
    let mut args = args.into_iter();
    let parent = args
        .next()
        .and_then(|pid| pid.to_str()?.parse().ok())
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the first argument is the process id of the program that asks"))?;
    let program = args.next().ok_or_else(|| io::Error::other("the second argument is the path of the server"))?;
    rustix::process::setsid()?;
    let mut command = Command::new(program);
    command.args(args);
    run_until_death_of(parent, &mut command)
}

/// The kernel sends the signal; it survives the change of program.
#[cfg(target_os = "linux")]
fn run_until_death_of(parent: Pid, command: &mut Command) -> io::Result<Infallible> {
    use std::os::unix::process::CommandExt as _;
    rustix::process::set_parent_process_death_signal(Some(Signal::INT))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(io::Error::other("the program that asked for the server has ended"));
    }
    Err(command.exec())
}

/// Without such a signal somebody has to watch: the server becomes a child of this step.
#[cfg(not(target_os = "linux"))]
fn run_until_death_of(parent: Pid, command: &mut Command) -> io::Result<Infallible> {
    let server = command.spawn()?;
    let watched = Pid::from_child(&server);
    std::thread::spawn(move || {
        while rustix::process::getppid() == Some(parent) {
            std::thread::sleep(Duration::from_millis(200));
        }
        rustix::process::kill_process(watched, Signal::INT)
    });
    let mut server = server;
    let status = server.wait()?;
    std::process::exit(status.code().unwrap_or(1));
}

fn server_settings(settings: &Settings, socket_dir: &Path) -> Vec<(&'static str, String)> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    let socket_dir = socket_dir.display().to_string().replace('"', "\"\"");
    let mut all = vec![
        ("listen_addresses", String::new()),
        ("port", PORT.to_string()),
        ("unix_socket_directories", format!("\"{socket_dir}\"")),
        ("unix_socket_permissions", "0700".to_owned()),
        ("fsync", on_off(settings.durable)),
        ("full_page_writes", on_off(settings.durable)),
        ("synchronous_commit", on_off(settings.durable)),
        ("log_checkpoints", "off".to_owned()),
    ];
    all.extend(settings.server_settings.iter().cloned());
    all
}

fn url(socket_dir: &Path) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("host", &socket_dir.to_string_lossy())
        .append_pair("port", &PORT.to_string())
        .append_pair("user", DATABASE)
        .finish();
    format!("postgres:///{DATABASE}?{query}")
}

/// Looks every [`LOOK`] until it is so, or until the limit.
fn wait_until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let looks = limit.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        if is_so() {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    is_so()
}
