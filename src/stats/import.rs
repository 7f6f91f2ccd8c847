//! A file has come, by whichever way. The first one wins, the others are recognised by name and SHA-256; other bytes under
//! a name that is there are a corrected file.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::compute::compute_waiting;
use super::notice::{Help, Teller, Unread};
use super::read::{Known, read};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::Store;
use crate::store::stats::file::{NewStatsFile, StoredFile, insert_stats_files};
use crate::store::stats::lock_stats;

/// What is older when it comes is history: it is stored, and nothing is posted about it.
pub const HISTORY: TimeDelta = TimeDelta::hours(48);

/// How a file came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Directory,
    Sftp,
    Trigger,
    Upload,
    /// `import-stats`: whatever it brings is history.
    Command,
}

impl Way {
    pub fn as_str(self) -> &'static str {
        match self {
            Way::Directory => "directory",
            Way::Sftp => "sftp",
            Way::Trigger => "trigger",
            Way::Upload => "upload",
            Way::Command => "command",
        }
    }
}

/// A file as it came.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub name: String,
    pub bytes: Vec<u8>,
    /// When it was written, as far as the way tells: it decides between the two hours of a name that a change of the
    /// clock repeats.
    pub changed: Option<DateTime<Utc>>,
    pub way: Way,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrived {
    New,
    /// It was there already, whoever brought it.
    Known,
    /// It took the place of another version.
    Corrected,
    /// It is kept, and cannot be read: why.
    Quarantined(String),
}

/// Takes a file in. When this returns, it is stored, and what follows from it is computed and told.
pub async fn arrive(ports: &Ports, guild_id: GuildId, arrival: Arrival) -> Result<Arrived> {
    let mut all = arrive_all(ports, guild_id, vec![arrival]).await?;
    Ok(all.pop().unwrap_or(Arrived::Known))
}

/// As [`arrive`], for files that came together. No name occurs twice.
pub async fn arrive_all(ports: &Ports, guild_id: GuildId, arrivals: Vec<Arrival>) -> Result<Vec<Arrived>> {
    let stored = store_all(ports, guild_id, arrivals).await?;
    crate::crash::point("stats.stored");
    if stored.iter().any(|stored| matches!(stored, Arrived::New | Arrived::Corrected)) {
        compute_waiting(ports, guild_id).await?;
    }
    Ok(stored)
}

/// Stores files, and computes nothing yet.
pub async fn store_all(ports: &Ports, guild_id: GuildId, arrivals: Vec<Arrival>) -> Result<Vec<Arrived>> {
    let now = ports.clock.now();
    let known = Known { zone: ports.config.etlegacy.time_zone, now };
    let files: Vec<NewStatsFile> =
        arrivals.into_iter().map(|arrival| read(arrival, &known, ports.clock.uuid())).collect();
    // Who imports a directory by hand reads the same on the terminal.
    let unread = files.iter().any(|file| file.fault.is_some() && file.way != Way::Command.as_str());
    let teller = if unread { Some(Teller::open(ports, guild_id).await?) } else { None };
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    let stored = insert_stats_files(&mut tx, guild_id, &files, now).await?;
    if let Some(teller) = &teller {
        teller.tell(&mut tx, &unread_of(&files, &stored)).await?;
    }
    crate::crash::point("stats.storing");
    Store::commit(tx).await?;
    if let Some(teller) = teller {
        teller.wake();
    }
    for (file, stored) in files.iter().zip(&stored) {
        let (name, way) = (file.name.as_str(), file.way);
        match stored {
            StoredFile::Quarantined { why, .. } => {
                tracing::warn!(guild = guild_id.0, name, way, why, "a file of statistics cannot be read")
            }
            stored => tracing::debug!(guild = guild_id.0, name, way, ?stored, "a file of statistics came"),
        }
    }
    Ok(stored.into_iter().map(arrived).collect())
}

/// Files that nobody knew of, and that cannot be read.
fn unread_of(files: &[NewStatsFile], stored: &[StoredFile]) -> Vec<Unread> {
    let unread = |(file, stored): (&NewStatsFile, &StoredFile)| match stored {
        StoredFile::Quarantined { why, is_new: true } => Some(Unread {
            key: hex::encode(file.sha256),
            name: file.name.clone(),
            way: Some(file.way.to_owned()),
            why: why.clone(),
            help: Help::of(file.fault.as_ref()),
        }),
        _ => None,
    };
    files.iter().zip(stored).filter_map(unread).collect()
}

fn arrived(stored: StoredFile) -> Arrived {
    match stored {
        StoredFile::New => Arrived::New,
        StoredFile::Known => Arrived::Known,
        StoredFile::Corrected => Arrived::Corrected,
        StoredFile::Quarantined { why, .. } => Arrived::Quarantined(why),
    }
}
