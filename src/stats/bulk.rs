//! A directory full of files, all at once: stored in batches, then computed session by session. Doing it again changes
//! nothing, and it may be ended at any moment: what is stored waits to be computed, by whoever comes next.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::compute::compute_some;
use super::directory::read;
use super::import::{Arrival, Arrived, Way, store_all};
use super::read::is_wanted;
use crate::id::GuildId;
use crate::ports::Ports;

/// Files that are read and stored together.
const BATCH: usize = 250;

/// So many are no matter, whatever is planned.
const FEW: usize = 200;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Files read, of all.
    Stored {
        done: usize,
        all: usize,
    },
    Computed {
        done: usize,
        all: usize,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub new: usize,
    pub known: usize,
    pub corrected: usize,
    /// Names, and why they cannot be read.
    pub quarantined: Vec<(String, String)>,
    /// Names of other kinds.
    pub passed: usize,
}

/// Takes all of it in. Nothing is posted about it.
pub async fn import(
    ports: &Ports,
    guild_id: GuildId,
    files: &[PathBuf],
    mut told: impl FnMut(Progress),
) -> Result<Imported> {
    let (mut imported, mut growth) = (Imported::default(), Growth::default());
    let wanted: Vec<&PathBuf> = files.iter().filter(|path| name_of(path).is_some_and(is_taken)).collect();
    imported.passed = files.len() - wanted.len();
    for (at, batch) in wanted.chunks(BATCH).enumerate() {
        told(Progress::Stored { done: at * BATCH, all: wanted.len() });
        let arrivals: Vec<Arrival> = batch.iter().map(|path| arrival(path)).collect::<Result<_>>()?;
        let names: Vec<String> = arrivals.iter().map(|arrival| arrival.name.clone()).collect();
        for (name, arrived) in names.into_iter().zip(store_all(ports, guild_id, arrivals).await?) {
            match arrived {
                Arrived::New => imported.new += 1,
                Arrived::Known => imported.known += 1,
                Arrived::Corrected => imported.corrected += 1,
                Arrived::Quarantined(why) => imported.quarantined.push((name, why)),
            }
        }
        growth.reaches(ports, imported.new).await?;
    }
    let (mut done, all) = (0, imported.new + imported.corrected);
    let mut growth = Growth::default();
    told(Progress::Computed { done, all });
    loop {
        match compute_some(ports, guild_id).await? {
            0 => return Ok(imported),
            files => done += files,
        }
        growth.reaches(ports, done).await?;
        told(Progress::Computed { done: done.min(all), all });
    }
}

/// How many files there were when PostgreSQL last looked at how much there is: it does so by itself about once a minute.
#[derive(Default)]
struct Growth {
    files: usize,
}

impl Growth {
    async fn reaches(&mut self, ports: &Ports, files: usize) -> Result<()> {
        if files >= FEW && files >= 2 * self.files {
            self.files = files;
            ports.store.analyze_stats().await?;
        }
        Ok(())
    }
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

/// What says of itself that it is one of them and is not, is kept as such; the sidecars are not.
fn is_taken(name: &str) -> bool {
    is_wanted(name) || (name.ends_with(".txt") && !name.ends_with("_ws.txt"))
}

fn arrival(path: &Path) -> Result<Arrival> {
    let bytes = read(path).with_context(|| path.display().to_string())?;
    let changed = path.metadata().and_then(|metadata| metadata.modified()).ok().map(Into::into);
    let name = name_of(path).unwrap_or_default().to_owned();
    Ok(Arrival { name, bytes, changed, way: Way::Command })
}
