//! What is in the game server's directory: files of rounds and awards that are young enough, and since when each has been as
//! it is. Anything else there is passed over.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::source::etlegacy::file_name::{self, FileName};

/// For how long a file has to stay as it is before it counts as complete.
pub const SETTLE: TimeDelta = TimeDelta::seconds(3);
/// What is older is not told of any more.
pub const CATCH_UP: TimeDelta = TimeDelta::hours(48);
/// By the time of its name, which is the server's local one. So old files that are copied here are not told of, though
/// they were changed just now.
const CATCH_UP_BY_NAME: TimeDelta = TimeDelta::hours(72);

/// A file that has not been told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub size: u64,
    pub changed: DateTime<Utc>,
    /// Since when it has been seen with this size and time.
    pub since: DateTime<Utc>,
}

impl Found {
    /// When it counts as complete; `None` when it does.
    pub fn settled(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(self.since + SETTLE).filter(|then| *then > now)
    }

    /// The same file, unchanged.
    pub fn is_as(&self, other: &Found) -> bool {
        (self.size, self.changed) == (other.size, other.changed)
    }
}

/// By time; awards behind their round.
pub fn order(name: &str) -> (String, bool) {
    let stem = name.strip_suffix(".txt").unwrap_or(name);
    match stem.strip_suffix("-endstats") {
        Some(round) => (round.to_owned(), true),
        None => (stem.to_owned(), false),
    }
}

/// Files that make a notice.
pub fn is_told_of(name: &str) -> bool {
    matches!(file_name::parse(name), Ok(FileName::Round(_) | FileName::Awards(_)))
}

/// Whether a file of this name might be told of still.
pub fn is_young(name: &str, now: DateTime<Utc>) -> bool {
    match file_name::parse(name) {
        Ok(FileName::Round(about) | FileName::Awards(about)) => now.naive_utc() - about.written <= CATCH_UP_BY_NAME,
        _ => false,
    }
}

pub struct Directory {
    path: PathBuf,
    seen: BTreeMap<String, Found>,
    /// How many were too old at the first look: said once.
    told_of_old: bool,
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Directory {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: BTreeMap::new(), told_of_old: false }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Those that are young enough and not known yet, whether complete or not.
    pub fn look(&mut self, now: DateTime<Utc>, is_known: impl Fn(&str) -> bool) -> io::Result<Vec<Found>> {
        let mut seen = BTreeMap::new();
        let mut old = 0;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().filter(|name| is_told_of(name) && !is_known(name)) else { continue };
            // Not what a link leads to; and what is gone by now is not there.
            let Ok(about) = fs::symlink_metadata(self.path.join(name)) else { continue };
            if !about.is_file() {
                continue;
            }
            let changed: DateTime<Utc> = about.modified()?.into();
            if now - changed > CATCH_UP || !is_young(name, now) {
                old += 1;
                continue;
            }
            let found = Found { name: name.to_owned(), size: about.len(), changed, since: now };
            let before = self.seen.get(name).filter(|before| before.is_as(&found));
            let since = before.map_or(now, |before| before.since);
            seen.insert(found.name.clone(), Found { since, ..found });
        }
        self.seen = seen;
        if !std::mem::replace(&mut self.told_of_old, true) && old > 0 {
            tracing::info!(files = old, hours = CATCH_UP.num_hours(), "older files are passed over");
        }
        Ok(self.seen.values().cloned().collect())
    }
}

/// What is wrong with it, and what to do.
pub fn problem(path: &Path) -> Option<(String, &'static str)> {
    const LET_READ: &str = "let the account of this program read it";
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fix = "the game server's scripts write into legacy/gamestats or legacy/stats below its home directory";
            Some((format!("{shown} does not exist"), fix))
        }
        Err(error) => Some((format!("{shown} cannot be read ({error})"), LET_READ)),
        Ok(about) if !about.is_dir() => {
            Some((format!("{shown} is no directory"), "name the one that the files are in"))
        }
        Ok(_) => fs::read_dir(path).err().map(|error| (format!("{shown} cannot be read ({error})"), LET_READ)),
    }
}
