//! What can keep the private PostgreSQL from starting, each text with the way out of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no private PostgreSQL. The text is for the person who starts the program.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable server on this machine.
    #[error(
        "no PostgreSQL {minimum} or newer was found on this machine (looked in {searched}). \
         Install it: {install} - or set PG_BIN_DIR to the directory that holds `postgres` and `initdb`, \
         or DATABASE_URL to a server of your own"
    )]
    NotFound { minimum: u32, searched: String, install: &'static str },
    /// `PG_BIN_DIR` was given and is of no use.
    #[error(
        "PG_BIN_DIR is {}, but no PostgreSQL {minimum} or newer is there (`postgres` and `initdb` are needed). \
         Correct it, or leave it out to have the usual places searched", dir.display()
    )]
    BinDir { dir: PathBuf, minimum: u32 },
    /// Another program holds the directory.
    #[error(
        "another Signalbox{} is using the data directory {}. Stop it, or give this one a directory of its own \
         (SIGNALBOX_DATA_DIR) or a DATABASE_URL", holder.map(|pid| format!(" (process {pid})")).unwrap_or_default(), dir.display()
    )]
    InUse { dir: PathBuf, holder: Option<u32> },
    /// The server of an earlier run has not ended.
    #[error(
        "PostgreSQL of an earlier run (process {pid}) is still running in {} after {seconds} s. \
         Wait for it, or end it with `kill -INT {pid}`, then start again", dir.display()
    )]
    StillRunning { dir: PathBuf, pid: u32, seconds: u64 },
    /// The cluster was written by a major version that is not installed.
    #[error(
        "the data in {} was written by PostgreSQL {written}, and only {} is installed here. \
         Install PostgreSQL {written} beside it ({install}), or move the data: \
         pg_dump with version {written}, then start with an empty SIGNALBOX_DATA_DIR and restore",
        dir.display(), available.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    )]
    Version { dir: PathBuf, written: u32, available: Vec<u32>, install: String },
    /// Started as root, and the account PostgreSQL runs as cannot get to the data.
    #[error(
        "PostgreSQL does not run as root, so it is started as the user `{user}`, who may not enter {} \
         on the way to {}. Use a directory that others may pass through, such as /var/lib/signalbox (SIGNALBOX_DATA_DIR), \
         or start Signalbox as an ordinary user", closed.display(), dir.display()
    )]
    Closed { dir: PathBuf, closed: PathBuf, user: String },
    /// The directory is somebody else's.
    #[error(
        "{} belongs to user id {owner}, not to user id {expected} that PostgreSQL would run as here. \
         Start Signalbox as the user it was set up with, or choose another data directory (SIGNALBOX_DATA_DIR)", dir.display()
    )]
    Foreign { dir: PathBuf, owner: u32, expected: u32 },
    /// Started as root on a system without an account to step down to.
    #[error(
        "PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody`. \
         Start Signalbox as an ordinary user"
    )]
    NoUser,
    /// A file or a program could not be handled.
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// `initdb` or the creation of the database failed.
    #[error("PostgreSQL could not create its data in {}:\n{output}", dir.display())]
    Init { dir: PathBuf, output: String },
    /// The server ended, or did not become ready.
    #[error("PostgreSQL did not start ({what}). The end of {}:\n{tail}", log.display())]
    Start { what: String, log: PathBuf, tail: String },
}

impl EmbeddedError {
    /// For `map_err`: names what was tried and on which path.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// The command that installs a PostgreSQL server on this platform.
pub(super) fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    match family().as_str() {
        "debian" => "sudo apt-get install postgresql",
        "fedora" => "sudo dnf install postgresql-server",
        "arch" => "sudo pacman -S postgresql",
        "alpine" => "apk add postgresql",
        "suse" => "sudo zypper install postgresql-server",
        _ => "the package is called `postgresql` or `postgresql-server` on most systems",
    }
}

/// The command that installs one major version beside another.
pub(super) fn install_command_for(major: u32) -> String {
    let mut command = String::new();
    let written = match family().as_str() {
        _ if cfg!(target_os = "macos") => write!(command, "brew install postgresql@{major}"),
        "debian" => write!(command, "sudo apt-get install postgresql-{major}"),
        "alpine" => write!(command, "apk add postgresql{major}"),
        "suse" => write!(command, "sudo zypper install postgresql{major}-server"),
        _ => write!(command, "packages for every version: https://www.postgresql.org/download/"),
    };
    written.expect("writing to a string does not fail");
    command
}

/// Which family of Linux distributions this is, from os-release; empty when unknown.
fn family() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let names: Vec<String> = release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let is = |wanted: &[&str]| names.iter().any(|name| wanted.contains(&name.as_str()));
    if is(&["debian", "ubuntu"]) {
        "debian"
    } else if is(&["fedora", "rhel", "centos"]) {
        "fedora"
    } else if is(&["arch"]) {
        "arch"
    } else if is(&["alpine"]) {
        "alpine"
    } else if is(&["suse", "opensuse"]) {
        "suse"
    } else {
        ""
    }
    .to_owned()
}
