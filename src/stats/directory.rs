//! A directory into which a game server writes: looked at every few seconds, because not every file system tells of changes.
//! A file is taken when its size and time are the same at two looks, at least three seconds apart. What was taken is not
//! read again, also after a restart; what a look meets for the first time is compared with what is stored by name and size.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::import::{Arrival, Arrived, Way, arrive_all};
use super::read::is_wanted;
use super::trouble::{Place, Trouble, after_look};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::store::stats::cursor::Cursor;

/// Between two looks.
pub const EVERY: TimeDelta = TimeDelta::seconds(3);
/// As the place is called where its cursor is kept.
pub const PLACE: &str = "directory";
const NAMED: Place = Place { key: PLACE, name: "the directory of ETLEGACY_STATS_PATH" };
/// Files that are read and stored together.
const BATCH: usize = 100;
/// How often it is kept that nothing has happened.
const SAVED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Clocks of file systems are a little behind, and not every look is kept.
const BEFORE_THE_LAST_LOOK: TimeDelta = TimeDelta::minutes(2);

/// What a look sees of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: Option<DateTime<Utc>>,
}

/// What this process has seen of it.
#[derive(Default)]
pub struct Directory {
    /// Taken, or known to be stored.
    taken: HashMap<String, Stamp>,
    /// Seen, and perhaps still being written; since when it is so.
    written: HashMap<String, (Stamp, DateTime<Utc>)>,
    next_at: Option<DateTime<Utc>>,
    has_looked: bool,
    saved_at: Option<DateTime<Utc>>,
    fault: Option<String>,
}

impl Directory {
    /// Looks when it is time to. Returns how many files were new.
    pub async fn step(&mut self, ports: &Ports) -> Result<usize> {
        let config = &ports.config;
        let (Some(path), Some(guild_id)) = (&config.etlegacy.path, config.discord.guild_id) else { return Ok(0) };
        let now = ports.clock.now();
        if self.next_at.is_some_and(|at| now < at) {
            return Ok(0);
        }
        let taken = self.look(ports, guild_id, path, now).await?;
        // After a fault of the database it is tried again at once, and goes on where it was.
        self.next_at = Some(now + EVERY);
        Ok(taken)
    }

    async fn look(&mut self, ports: &Ports, guild_id: GuildId, path: &Path, now: DateTime<Utc>) -> Result<usize> {
        let listed = match list(path.to_owned()).await {
            Ok(listed) => listed,
            Err(error) => {
                self.tell_fault(ports, guild_id, now, Some(error.to_string())).await?;
                return Ok(0);
            }
        };
        if !self.has_looked {
            self.recall(ports, guild_id, &listed).await?;
            self.has_looked = true;
        }
        let settled = self.settled(listed, now);
        let mut new = 0;
        for batch in settled.chunks(BATCH) {
            new += self.take(ports, guild_id, path, batch).await?;
        }
        let is_old = self.saved_at.is_none_or(|at| now - at >= SAVED_EVERY);
        if new > 0 || self.fault.is_some() || is_old {
            self.tell_fault(ports, guild_id, now, None).await?;
        }
        Ok(new)
    }

    /// What was stored before this process began.
    async fn recall(&mut self, ports: &Ports, guild_id: GuildId, listed: &HashMap<String, Stamp>) -> Result<()> {
        let names: Vec<String> = listed.keys().cloned().collect();
        let cursor = ports.store.find_stats_cursor(guild_id, PLACE).await?;
        let looked_at = cursor.map(|cursor| cursor.looked_at - BEFORE_THE_LAST_LOOK);
        for (name, bytes) in ports.store.list_known_stats_files(guild_id, &names).await? {
            let Some(stamp) = listed.get(&name) else { continue };
            let is_older = looked_at.zip(stamp.changed).is_some_and(|(looked_at, changed)| changed < looked_at);
            if is_older && u64::try_from(bytes).is_ok_and(|bytes| bytes == stamp.bytes) {
                self.taken.insert(name, *stamp);
            }
        }
        Ok(())
    }

    /// Those of the listed that are not taken, and have not changed since an earlier look; by name, which is by time.
    fn settled(&mut self, listed: HashMap<String, Stamp>, now: DateTime<Utc>) -> Vec<(String, Stamp)> {
        self.taken.retain(|name, _| listed.contains_key(name));
        self.written.retain(|name, _| listed.contains_key(name));
        let mut settled = Vec::new();
        for (name, stamp) in listed {
            if self.taken.get(&name) == Some(&stamp) {
                continue;
            }
            match self.written.get(&name) {
                Some((before, since)) if *before == stamp => {
                    if now - *since >= EVERY {
                        settled.push((name, stamp));
                    }
                }
                _ => {
                    self.written.insert(name, (stamp, now));
                }
            }
        }
        settled.sort_by(|(a, _), (b, _)| a.cmp(b));
        settled
    }

    async fn take(
        &mut self,
        ports: &Ports,
        guild_id: GuildId,
        path: &Path,
        batch: &[(String, Stamp)],
    ) -> Result<usize> {
        let files = read_all(path.to_owned(), batch.to_vec()).await;
        let (mut arrivals, mut stamps) = (Vec::new(), Vec::new());
        for (name, stamp, read) in files {
            match read {
                Ok(bytes) => {
                    stamps.push((name.clone(), stamp));
                    arrivals.push(Arrival { name, bytes, changed: stamp.changed, way: Way::Directory });
                }
                // Gone, or not ours to read: the next look tries again.
                Err(error) => tracing::warn!(name, %error, "a file of statistics cannot be opened"),
            }
        }
        let arrived = arrive_all(ports, guild_id, arrivals).await?;
        for (name, stamp) in stamps {
            self.written.remove(&name);
            self.taken.insert(name, stamp);
        }
        Ok(arrived.iter().filter(|arrived| **arrived != Arrived::Known).count())
    }

    /// Keeps when it was looked at, and what is wrong; that is said once, and the admins hear of it when it lasts.
    async fn tell_fault(
        &mut self,
        ports: &Ports,
        guild_id: GuildId,
        now: DateTime<Utc>,
        fault: Option<String>,
    ) -> Result<()> {
        match &fault {
            Some(fault) if self.fault.as_ref() != Some(fault) => {
                tracing::warn!(fault, "the directory of ETLEGACY_STATS_PATH cannot be read; trying again");
            }
            None if self.fault.is_some() => tracing::info!("the directory of ETLEGACY_STATS_PATH can be read again"),
            _ => {}
        }
        // Another process may have found it first, or this one before a restart.
        let before = ports.store.find_stats_cursor(guild_id, PLACE).await?;
        let before: Option<Trouble> = before.and_then(|cursor| serde_json::from_str(&cursor.position).ok());
        let said = fault
            .as_ref()
            .map(|fault| format!("{fault}. See that it is there, mounted, and that Signalbox's account may read it"));
        let trouble = after_look(ports, guild_id, &NAMED, before, said.as_deref()).await?;
        let position = trouble.map(|trouble| serde_json::to_string(&trouble)).transpose()?.unwrap_or_default();
        let place = PLACE.to_owned();
        ports
            .store
            .save_stats_cursor(guild_id, &Cursor { place, position, looked_at: now, fault: fault.clone() })
            .await?;
        (self.fault, self.saved_at) = (fault, Some(now));
        Ok(())
    }
}

/// The files that are wanted, by name. The sizes of files, not of what links lead to elsewhere.
async fn list(path: PathBuf) -> io::Result<HashMap<String, Stamp>> {
    let listing = tokio::task::spawn_blocking(move || {
        let mut found = HashMap::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !is_wanted(&name) {
                continue;
            }
            // One that is gone by now is none.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                let changed = metadata.modified().ok().map(DateTime::<Utc>::from);
                found.insert(name, Stamp { bytes: metadata.len(), changed });
            }
        }
        Ok(found)
    });
    listing.await.map_err(io::Error::other)?
}

async fn read_all(path: PathBuf, batch: Vec<(String, Stamp)>) -> Vec<(String, Stamp, io::Result<Vec<u8>>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let one = |(name, stamp): (String, Stamp)| {
            let bytes = read(&path.join(&name));
            (name, stamp, bytes)
        };
        batch.into_iter().map(one).collect()
    });
    reading.await.unwrap_or_default()
}

/// No more than is needed to see that it is too large.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that somebody names, if it is there.
pub async fn fetch(directory: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    if !is_wanted(name) {
        return Ok(None);
    }
    let path = directory.join(name);
    let reading = tokio::task::spawn_blocking(move || match read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    });
    reading.await.map_err(io::Error::other)?
}
