//! What was told already, in a file that is replaced as a whole: the names of the last files, and what is under way. The
//! older watcher's `processed_files.json` is read beside it and stays as it is, so that one may go back.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::directory::is_young;
use crate::config::write_private;

/// Names that are kept, at least.
const KEPT: usize = 1000;
const FILE: &str = "notify-stats.json";
const LOCK: &str = "notify-stats.lock";
const OF_THE_WATCHER: &str = "processed_files.json";
/// What failed for so long is given up.
const LONGEST: TimeDelta = TimeDelta::hours(48);

#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error(
        "{0} is not readable as JSON ({1}). Mend it, or remove it: the files of the last 48 hours are then told of again"
    )]
    Unreadable(String, String),
    #[error("{0} cannot be read: {1}")]
    Read(String, io::Error),
    #[error("{0} cannot be written: {1}")]
    Write(String, io::Error),
    #[error("another notifier runs with STATE_DIR {0}: end it, or give this one a STATE_DIR of its own")]
    InUse(String),
}

/// A file that is being told of, or has to be told of again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    pub name: String,
    /// When it was intended first.
    pub since: DateTime<Utc>,
    /// A request was made, or is about to be, and nothing is known of it yet.
    pub asked: bool,
    /// How often it failed.
    #[serde(default)]
    pub tries: u32,
    /// It may have arrived, so the next one is marked.
    #[serde(default)]
    pub may_be_there: bool,
    /// How often nobody knew whether it had arrived.
    #[serde(default)]
    pub doubts: u32,
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    processed_files: Vec<String>,
    #[serde(default)]
    last_updated: String,
    #[serde(default)]
    under_way: Vec<UnderWay>,
}

pub struct Memory {
    path: PathBuf,
    /// Oldest first.
    done: Vec<String>,
    known: HashSet<String>,
    under_way: Vec<UnderWay>,
    /// Held as long as this lives.
    _lock: File,
}

impl Memory {
    pub fn open(directory: &Path) -> Result<Self, MemoryError> {
        let shown = |path: &Path| path.display().to_string();
        let locked = directory.join(LOCK);
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).mode(0o600).open(&locked);
        let lock = lock.map_err(|error| MemoryError::Write(shown(&locked), error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| MemoryError::InUse(shown(directory)))?;
        let path = directory.join(FILE);
        let (older, own) = (read(&directory.join(OF_THE_WATCHER))?, read(&path)?);
        let mut known = HashSet::new();
        let mut done: Vec<String> = older.processed_files.into_iter().chain(own.processed_files).collect();
        // The last mention counts for the order.
        done.reverse();
        done.retain(|name| known.insert(name.clone()));
        done.reverse();
        Ok(Self { path, done, known, under_way: own.under_way, _lock: lock })
    }

    /// It was told of, and is not told of again.
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    pub fn tries(&self, name: &str) -> u32 {
        self.find(name).map_or(0, |one| one.tries)
    }

    /// Those at whose request the last run ended.
    pub fn interrupted(&self) -> Vec<&str> {
        self.under_way.iter().filter(|one| one.asked).map(|one| one.name.as_str()).collect()
    }

    /// Nobody knows what came of them. Where telling twice shows, that is done once only.
    pub fn doubt_interrupted(&mut self, is_repeatable: bool, now: DateTime<Utc>) -> Result<(), MemoryError> {
        let asked: Vec<UnderWay> = self.under_way.iter().filter(|one| one.asked).cloned().collect();
        for one in asked {
            if one.doubts > 0 && !is_repeatable {
                tracing::error!(file = one.name, "it may have arrived, and was repeated already; not told again");
                self.done(&one.name, now)?;
            } else {
                self.in_doubt(&one.name, now)?;
            }
        }
        Ok(())
    }

    /// Stored before anything is sent. Says what is known of it so far.
    pub fn intend(&mut self, name: &str, now: DateTime<Utc>) -> Result<UnderWay, MemoryError> {
        let before = self.under_way.clone();
        let known =
            UnderWay { name: name.to_owned(), since: now, asked: true, tries: 0, may_be_there: false, doubts: 0 };
        let one = self.find(name).cloned().unwrap_or(known);
        self.under_way.retain(|other| other.name != name);
        self.under_way.push(UnderWay { asked: true, ..one.clone() });
        self.save(now).inspect_err(|_| self.under_way = before)?;
        Ok(one)
    }

    pub fn done(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), MemoryError> {
        self.under_way.retain(|one| one.name != name);
        if self.known.insert(name.to_owned()) {
            self.done.push(name.to_owned());
        }
        self.save(now)
    }

    /// Certainly nothing arrived.
    pub fn not_there(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), MemoryError> {
        self.change(name, now, |_| {})
    }

    /// It failed there, and may have arrived all the same.
    pub fn failed(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), MemoryError> {
        self.change(name, now, |one| {
            one.may_be_there = true;
            one.tries += 1;
        })
    }

    /// No answer, or none that can be read.
    pub fn in_doubt(&mut self, name: &str, now: DateTime<Utc>) -> Result<(), MemoryError> {
        self.change(name, now, |one| {
            one.may_be_there = true;
            one.tries += 1;
            one.doubts += 1;
        })
    }

    /// What could not be told of for two days: it is not tried again.
    pub fn give_up(&mut self, now: DateTime<Utc>) -> Result<Vec<String>, MemoryError> {
        let late = |one: &&UnderWay| now - one.since > LONGEST;
        let late: Vec<String> = self.under_way.iter().filter(late).map(|one| one.name.clone()).collect();
        late.iter().try_for_each(|name| self.done(name, now))?;
        Ok(late)
    }

    fn find(&self, name: &str) -> Option<&UnderWay> {
        self.under_way.iter().find(|one| one.name == name)
    }

    fn change(&mut self, name: &str, now: DateTime<Utc>, what: impl FnOnce(&mut UnderWay)) -> Result<(), MemoryError> {
        if let Some(one) = self.under_way.iter_mut().find(|one| one.name == name) {
            one.asked = false;
            what(one);
        }
        self.save(now)
    }

    fn save(&mut self, now: DateTime<Utc>) -> Result<(), MemoryError> {
        // A name that could be found in the directory again is never forgotten.
        let surplus = self.done.len().saturating_sub(KEPT);
        let gone = self.done[..surplus].iter().take_while(|name| !is_young(name, now)).count();
        for name in self.done.drain(..gone) {
            self.known.remove(&name);
        }
        let stored = Stored {
            processed_files: self.done.clone(),
            last_updated: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            under_way: self.under_way.clone(),
        };
        let text = serde_json::to_string_pretty(&stored).unwrap_or_default();
        write_private(&self.path, &text).map_err(|error| MemoryError::Write(self.path.display().to_string(), error))
    }
}

fn read(path: &Path) -> Result<Stored, MemoryError> {
    let shown = path.display().to_string();
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| MemoryError::Unreadable(shown, error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Stored::default()),
        Err(error) => Err(MemoryError::Read(shown, error)),
    }
}

/// How many files were told of, by both programs.
pub fn told(directory: &Path) -> Result<usize, MemoryError> {
    let (older, own) = (read(&directory.join(OF_THE_WATCHER))?, read(&directory.join(FILE))?);
    let names: HashSet<String> = older.processed_files.into_iter().chain(own.processed_files).collect();
    Ok(names.len())
}

/// What is wrong with the directory, and what to do.
pub fn problem(directory: &Path) -> Option<(String, &'static str)> {
    let shown = directory.display();
    if let Err(error) = fs::create_dir_all(directory) {
        return Some((
            format!("{shown} cannot be made ({error})"),
            "make it, and let the account of this program write there",
        ));
    }
    let probe = OpenOptions::new().create(true).truncate(false).write(true).open(directory.join(LOCK));
    let error = probe.err()?;
    Some((format!("nothing can be written into {shown} ({error})"), "let the account of this program write there"))
}
