//! Finds the PostgreSQL programs that are installed here. Downloads nothing.

use super::error::{EmbeddedError, install_command, install_command_for};
use super::place;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest major version the program's statements are written for.
const MINIMUM: u32 = 14;

/// A directory with a usable `postgres` and `initdb`.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }
}

/// The programs to use: those of the cluster's major version when there is one (`written`),
/// else the first ones found.
///
/// `bin_dir` (`PG_BIN_DIR`) excludes every other place; then `PATH`, then where packages put them.
pub(super) fn find(bin_dir: Option<&Path>, cluster: &Path, written: Option<u32>) -> Result<Binaries, EmbeddedError> {
    let places = match bin_dir {
        Some(dir) => vec![dir.to_owned()],
        None => places(),
    };
    let mut available = Vec::new();
    for dir in &places {
        let Some(binaries) = inspect(dir) else {
            continue;
        };
        if written.is_none_or(|major| major == binaries.major) {
            return Ok(binaries);
        }
        available.push(binaries.major);
    }
    if let (Some(written), false) = (written, available.is_empty()) {
        available.sort_unstable();
        available.dedup();
        return Err(EmbeddedError::Version {
            dir: cluster.to_owned(),
            written,
            available,
            install: install_command_for(written),
        });
    }
    Err(match bin_dir {
        Some(dir) => EmbeddedError::BinDir { dir: dir.to_owned(), minimum: MINIMUM },
        None => EmbeddedError::NotFound {
            minimum: MINIMUM,
            searched: "PATH and the directories where packages put it".to_owned(),
            install: install_command(),
        },
    })
}

/// `PATH` first, then the newest version of each packager.
fn places() -> Vec<PathBuf> {
    let mut places = place::search_path();
    for (parent, prefix, tail) in [
        ("/usr/lib/postgresql", "", "bin"), // Debian, Ubuntu
        ("/usr", "pgsql-", "bin"),          // PGDG on Fedora, RHEL
        ("/usr/lib", "postgresql", "bin"),  // SUSE
        ("/usr/libexec", "postgresql", ""), // Alpine
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name();
                let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(tail)))
            })
            .collect();
        versions.sort_unstable_by(|a, b| b.cmp(a));
        places.extend(versions.into_iter().map(|(_, dir)| dir));
    }
    places
}

/// Looks whether `dir` holds a server we can use, following links to where it really lives.
fn inspect(dir: &Path) -> Option<Binaries> {
    let postgres = dir.join("postgres").canonicalize().ok()?;
    let real = postgres.parent()?;
    let dir = [real, dir].into_iter().find(|dir| dir.join("initdb").is_file())?.to_owned();
    let output = Command::new(&postgres).arg("--version").stdin(Stdio::null()).output().ok()?;
    let major = major(&String::from_utf8_lossy(&output.stdout))?;
    (major >= MINIMUM).then_some(Binaries { dir, major })
}

/// `postgres (PostgreSQL) 17.2 (Debian …)` → 17.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn reads_the_major_version_of_releases_and_betas() {
        for (text, expected) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 18beta2", Some(18)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("something else", None),
        ] {
            assert_eq!(major(text), expected, "{text}");
        }
    }
}
