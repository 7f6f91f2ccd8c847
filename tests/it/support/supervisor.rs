//! The process that owns the test servers: started by the first test that needs them, shared by all
//! tests of all runs of this user, gone with everything it made five seconds after the last of them.
//!
//! In the directory: `use.lock` (every user holds it shared), `start.lock` (held while somebody looks
//! for the supervisor or starts it), `supervisor.lock` (held by the supervisor as long as it lives),
//! `state` (what came of the start), and one directory per supervisor, named by its process id.

use super::process::{launcher, this_binary_at};
use rustix::fs::StatVfsMountFlags;
use rustix::process::{Pid, Signal, kill_process};
use signalbox::store::embedded::{self, EmbeddedPostgres};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DIRECTORY_VARIABLE: &str = "SIGNALBOX_TEST_SUPERVISOR";
const LOOK: Duration = Duration::from_millis(250);
/// How long nobody may use the servers before they are stopped; the tests of this very thing wait less.
const IDLE_LIMIT: Duration = Duration::from_secs(5);
pub const IDLE_VARIABLE: &str = "SIGNALBOX_TEST_IDLE_SECONDS";
const START_LIMIT: Duration = Duration::from_secs(120);

/// The servers' addresses, and the locks that keep them alive.
pub struct Lease {
    pub postgres: String,
    pub redis: String,
    /// Of the supervisor that runs the servers; what is put here disappears with it.
    pub directory: PathBuf,
    _in_use: File,
}

/// Joins the servers that run, or has them started. The lease is good until this process ends.
pub fn lease() -> Result<Lease, String> {
    let directory = directory();
    let in_use = hold_shared(&directory);
    let start = open(&directory.join("start.lock")).expect("the directory is held");
    start.lock().expect("the start lock can be waited for");
    if !is_alive(&directory) {
        start_supervisor(&directory);
    }
    let state = fs::read_to_string(directory.join("state")).expect("a supervisor that lives has said");
    match state.split('\n').collect::<Vec<_>>()[..] {
        ["running", postgres, redis, home] => Ok(Lease {
            postgres: postgres.to_owned(),
            redis: redis.to_owned(),
            directory: PathBuf::from(home),
            _in_use: in_use,
        }),
        _ => Err(state),
    }
}

/// One per user and temporary directory. The number changes with the protocol above.
fn directory() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let base = in_memory().unwrap_or_else(std::env::temp_dir);
    base.join(format!("signalbox-tests-{uid}-1"))
}

/// Where files need no disk: a database for each test is some hundred files made and deleted, which file systems on
/// disks take their time for. `None` where a temporary directory is asked for, or where there is no room.
fn in_memory() -> Option<PathBuf> {
    const ROOM: u64 = 4 << 30;
    let place = Path::new("/dev/shm");
    let there = rustix::fs::statvfs(place).ok().filter(|_| std::env::var_os("TMPDIR").is_none())?;
    let is_usable = !there.f_flag.intersects(StatVfsMountFlags::NOEXEC | StatVfsMountFlags::RDONLY);
    (is_usable && there.f_bavail * there.f_frsize >= ROOM).then(|| place.to_owned())
}

/// Makes the directory and takes `use.lock` in it, again when a supervisor removed both meanwhile.
fn hold_shared(directory: &Path) -> File {
    loop {
        let passable = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(passable).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                panic!("cannot create {}: {error}", directory.display())
            }
            _ => {}
        }
        let path = directory.join("use.lock");
        let Ok(file) = open(&path) else {
            assert_ours(directory);
            continue;
        };
        file.lock_shared().expect("the lock can be waited for");
        let held = file.metadata().expect("an open file has metadata").ino();
        if fs::metadata(&path).is_ok_and(|there| there.ino() == held) {
            assert_ours(directory);
            return file;
        }
    }
}

fn assert_ours(directory: &Path) {
    if let Ok(metadata) = fs::symlink_metadata(directory) {
        let ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.is_dir();
        assert!(ours, "{} belongs to somebody else", directory.display());
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// A supervisor holds its lock from before it says anything until its end.
fn is_alive(directory: &Path) -> bool {
    let lock = open(&directory.join("supervisor.lock")).expect("the directory is held");
    lock.try_lock().is_err() && directory.join("state").exists()
}

#[expect(clippy::zombie_processes, reason = "the supervisor outlives whoever starts it")]
fn start_supervisor(directory: &Path) {
    // What an earlier one said that was killed.
    let _ = fs::remove_file(directory.join("state"));
    let log_path = directory.join("supervisor.log");
    let log = File::create(&log_path).expect("the directory is ours");
    let this = this_binary_at("support::supervisor::supervise");
    let mut child = Command::new(this.program)
        .args(this.args)
        .env(DIRECTORY_VARIABLE, directory)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be opened twice"))
        .stderr(log)
        .spawn()
        .expect("the test binary can be run");
    for _ in 0..START_LIMIT.as_millis() / 20 {
        if directory.join("state").exists() {
            return;
        }
        if let Some(status) = child.try_wait().expect("a child can be looked at") {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            panic!("the supervisor of the test servers ended with {status}:\n{log}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the test servers did not start: see {}", log_path.display());
}

#[test]
#[ignore = "the supervisor of the test servers, not a test"]
fn supervise() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from) else {
        return;
    };
    // Not in the group that a terminal or a test runner ends. It fails for a leader only, which has one.
    let _ = rustix::process::setsid();
    let life = open(&directory.join("supervisor.lock")).expect("whoever started this holds the directory");
    life.lock().expect("the lock can be waited for");
    remove_leftovers(&directory);

    let home = directory.join(std::process::id().to_string());
    let servers = start_servers(&home);
    let state = match &servers {
        Ok((postgres, redis)) => {
            format!("running\n{}\n{}\n{}", postgres.url(), redis.url(), home.display())
        }
        Err(why) => why.clone(),
    };
    let unfinished = directory.join("state.new");
    fs::write(&unfinished, state).expect("the directory is ours");
    fs::rename(&unfinished, directory.join("state")).expect("the directory is ours");

    let in_use = open(&directory.join("use.lock")).expect("the directory is ours");
    let idle_limit = std::env::var(IDLE_VARIABLE)
        .map_or(IDLE_LIMIT, |seconds| Duration::from_secs(seconds.parse().expect("a number")));
    let idle_looks = idle_limit.as_millis() / LOOK.as_millis();
    let mut idle = 0;
    while idle < idle_looks {
        std::thread::sleep(LOOK);
        idle = if in_use.try_lock().is_ok() { idle + 1 } else { 0 };
        if (1..idle_looks).contains(&idle) {
            in_use.unlock().expect("it was just locked");
        }
    }
    // Whoever comes now waits for the lock, and finds afterwards that the directory is another one.
    drop(servers);
    fs::remove_dir_all(&directory).expect("the directory is ours");
}

/// What a supervisor left that was killed; its servers have been told to end by its death.
fn remove_leftovers(directory: &Path) {
    for entry in fs::read_dir(directory).expect("the directory is ours").flatten() {
        if entry.path().is_dir() {
            super::process::eventually("an earlier supervisor's files are removed", 10, || {
                fs::remove_dir_all(entry.path()).is_ok() || !entry.path().exists()
            });
        }
    }
}

fn start_servers(home: &Path) -> Result<(EmbeddedPostgres, Redis), String> {
    let passable = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    DirBuilder::new().mode(passable).create(home).map_err(|error| error.to_string())?;
    let redis = Redis::start(home, false)?;
    let postgres = embedded::start(&embedded::Settings {
        data_dir: Some(home.to_owned()),
        durable: false,
        launcher: launcher(),
        server_settings: vec![("max_connections", "400".to_owned())],
        ..embedded::Settings::default()
    });
    let postgres = postgres.map_err(|error| error.to_string())?;
    Ok((postgres, redis))
}

/// A `redis-server` on a socket in its own directory; ends with the thread that started it.
pub struct Redis {
    child: Child,
    socket: PathBuf,
}

impl Redis {
    pub fn start(home: &Path, append_only: bool) -> Result<Self, String> {
        let program = find_program("redis-server").or_else(|| find_program("valkey-server"));
        let program = program.ok_or(
            "redis-server is not installed, and these tests need it: sudo apt-get install redis-server \
             (dnf install valkey, pacman -S valkey, apk add redis, brew install redis)",
        )?;
        let socket = home.join("redis.sock");
        let log = File::create(home.join("redis.log")).map_err(|error| error.to_string())?;
        let launcher = launcher();
        let child = Command::new(launcher.program)
            .args(launcher.args)
            .arg(std::process::id().to_string())
            .arg(program)
            .args(["--port", "0", "--daemonize", "no", "--save", "", "--unixsocketperm", "700"])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(home)
            .args(["--appendonly", if append_only { "yes" } else { "no" }])
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut redis = Self { child, socket };
        for _ in 0..1500 {
            if redis.answers().is_ok() {
                return Ok(redis);
            }
            if let Ok(Some(status)) = redis.child.try_wait() {
                let log = fs::read_to_string(home.join("redis.log")).unwrap_or_default();
                return Err(format!("redis-server ended with {status}:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err("redis-server does not answer".to_owned())
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket.display())
    }

    /// Ends it as a power cut of the process would: it writes nothing any more.
    pub fn kill(&self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
    }

    fn answers(&self) -> io::Result<()> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        (&answer == b"+PONG\r\n").then_some(()).ok_or_else(|| io::Error::other("still loading"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let usual = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(usual).map(|dir| dir.join(name)).find(|program| program.is_file())
}
