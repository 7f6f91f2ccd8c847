//! What lies in the data directory: who holds it, the cluster and its making, the server's log.

use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::place::Account;
use super::{DATABASE, STOP_LIMIT, wait_until};
use rustix::process::Pid;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A log above this size is put aside at the next start; one older log is kept.
const LOG_LIMIT: u64 = 10 << 20;

const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Held as long as the server is ours; the kernel lets go of it when we end.
pub(super) fn lock(account: &Account, home: &Path, data_dir: &Path) -> Result<File, EmbeddedError> {
    let path = home.join("lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(EmbeddedError::io("open", &path))?;
    account.own(&path)?;
    // A process that ends, or a child between its fork and its start, holds it for a moment longer.
    let mut outcome = Ok(());
    super::wait_until(LOCK_PATIENCE, || {
        outcome = file.try_lock();
        !matches!(outcome, Err(TryLockError::WouldBlock))
    });
    match outcome {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(EmbeddedError::InUse { dir: data_dir.to_owned(), holder: holder.trim().parse().ok() });
        }
        Err(TryLockError::Error(error)) => return Err(EmbeddedError::io("lock", &path)(error)),
    }
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(EmbeddedError::io("write", &path))?;
    Ok(file)
}

/// Whether a program holds the directory.
pub(super) fn is_held(home: &Path) -> bool {
    let Ok(file) = File::open(home.join("lock")) else { return false };
    matches!(file.try_lock(), Err(TryLockError::WouldBlock))
}

/// Whether the server of this cluster takes connections.
pub(super) fn is_serving(cluster: &Path) -> bool {
    let text = postmaster_pid(cluster).unwrap_or_default();
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
    pid.is_some_and(|pid| serves(pid, cluster)) && text.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

/// A killed program's server writes everything out before it ends, and the next one waits for that.
pub(super) fn await_end_of_earlier_server(cluster: &Path) -> Result<(), EmbeddedError> {
    let earlier = || {
        let pid = postmaster_pid(cluster)?.lines().next()?.trim().parse().ok()?;
        serves(pid, cluster).then_some(pid)
    };
    if wait_until(STOP_LIMIT, || earlier().is_none()) {
        return Ok(());
    }
    match earlier() {
        None => Ok(()),
        Some(pid) => Err(EmbeddedError::StillRunning {
            dir: cluster.to_owned(),
            pid: pid.unsigned_abs(),
            seconds: STOP_LIMIT.as_secs(),
        }),
    }
}

/// Whether the process is the server of this cluster, and not a later one with the same number.
fn serves(pid: i32, cluster: &Path) -> bool {
    let Some(process) = Pid::from_raw(pid) else {
        return false;
    };
    if rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH) {
        return false;
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(directory) => directory == cluster,
        Err(_) => !cfg!(target_os = "linux"),
    }
}

fn postmaster_pid(cluster: &Path) -> Option<String> {
    fs::read_to_string(cluster.join("postmaster.pid")).ok()
}

/// The server says so itself, in the last line of its pid file; so does `pg_ctl` wait for it.
pub(super) fn ready_server(cluster: &Path, child: u32) -> Option<Pid> {
    let text = postmaster_pid(cluster)?;
    let mut lines = text.lines();
    let pid = Pid::from_raw(lines.next()?.trim().parse().ok()?)?;
    let ours = cfg!(not(target_os = "linux")) || pid.as_raw_pid().unsigned_abs() == child;
    (ours && lines.nth(6)?.trim() == "ready").then_some(pid)
}

/// The major version that wrote the cluster; `None` when there is no cluster yet.
pub(super) fn version_of(cluster: &Path) -> Result<Option<u32>, EmbeddedError> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EmbeddedError::io("read", &path)(error)),
    }
}

/// Makes the cluster and its database under another name first: half a cluster is never found.
pub(super) fn create(
    account: &Account,
    binaries: &Binaries,
    home: &Path,
    cluster: &Path,
    durable: bool,
) -> Result<(), EmbeddedError> {
    const UNFINISHED: &str = "unfinished-";
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(EmbeddedError::io("remove", &path))?;
        }
    }
    tracing::info!(dir = %cluster.display(), version = binaries.major, "creating a private PostgreSQL");
    let unfinished = home.join(format!("{UNFINISHED}{}", std::process::id()));
    let mut initdb = account.command(&binaries.initdb(), home);
    initdb
        .arg("--pgdata")
        .arg(&unfinished)
        .args(["--username", DATABASE, "--auth-local=trust", "--auth-host=reject"])
        .args(["--encoding=UTF8", "--no-locale", "--data-checksums"])
        .args((!durable).then_some("--no-sync"));
    run_to_end(&mut initdb, "", cluster)?;

    let mut single = account.command(&binaries.postgres(), home);
    single
        .args(["--single", "-D"])
        .arg(&unfinished)
        .args(["-c", "exit_on_error=on"])
        .args((!durable).then_some("-F"))
        .arg("postgres");
    run_to_end(&mut single, &format!("CREATE DATABASE {DATABASE};\n"), cluster)?;

    fs::rename(&unfinished, cluster).map_err(EmbeddedError::io("rename", &unfinished))?;
    if durable {
        File::open(home).and_then(|dir| dir.sync_all()).map_err(EmbeddedError::io("sync", home))?;
    }
    Ok(())
}

/// Runs one of the short programs; its output matters only when it fails.
fn run_to_end(command: &mut Command, input: &str, cluster: &Path) -> Result<(), EmbeddedError> {
    let program = PathBuf::from(command.get_program());
    let failed = || EmbeddedError::io("run", &program);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has ended already says why in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed())?;
    if output.status.success() {
        return Ok(());
    }
    Err(EmbeddedError::Init {
        dir: cluster.to_owned(),
        output: format!(
            "{}{}({}: {})",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            program.display(),
            output.status
        ),
    })
}

/// The server's log, and where this run's part of it begins.
pub(super) struct Log {
    file: File,
    path: PathBuf,
    begin: u64,
}

impl Log {
    pub(super) fn handle(&self) -> Result<File, EmbeddedError> {
        self.file.try_clone().map_err(EmbeddedError::io("open", &self.path))
    }

    pub(super) fn failure(&self, what: String) -> EmbeddedError {
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&self.path) {
            let _ = file.seek(SeekFrom::Start(self.begin));
            let _ = file.read_to_end(&mut text);
        }
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        EmbeddedError::Start { what, log: self.path.clone(), tail: lines[lines.len().saturating_sub(15)..].join("\n") }
    }
}

pub(super) fn open_log(account: &Account, home: &Path) -> Result<Log, EmbeddedError> {
    let path = home.join("postgres.log");
    let size = || fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if size() > LOG_LIMIT {
        let old = home.join("postgres.log.old");
        fs::rename(&path, &old).map_err(EmbeddedError::io("put aside", &path))?;
    }
    let begin = size();
    let file = File::options().append(true).create(true).open(&path).map_err(EmbeddedError::io("open", &path))?;
    account.own(&path)?;
    Ok(Log { file, path, begin })
}
