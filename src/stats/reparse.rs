//! Everything anew from the raw files: what would change is shown first. For when the program reads files otherwise than
//! before, or the settings do: another time zone, other maps that do not count.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::compute::{GAP, Stretch, Work, ensure_source, keys, rules};
use super::import::{Arrival, Way};
use super::notice;
use super::read::{Known, read};
use super::rows;
use super::surroundings::{READY_WITHIN, surroundings};
use crate::bus::Topic;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::Store;
use crate::store::stats::alias::refresh_aliases;
use crate::store::stats::file::{
    ReadAgain, StoredBytes, list_current_files, list_stored_files, list_stretches, save_read_again,
};
use crate::store::stats::lock_stats;
use crate::store::stats::round::StatsRound;
use crate::store::stats::session::list_sessions_within;
use crate::store::stats::sums::Which;
use crate::store::stats::write::{NewRound, delete_stray_rounds, list_round_digests};

/// Files that are read again together.
const FILES: i64 = 500;
/// Changed rounds that are shown with what changes.
const SHOWN: usize = 25;

/// What a reparse would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub files: usize,
    /// Names of files that can be read now and could not before.
    pub readable: Vec<String>,
    /// Names of files that cannot be read any more, and why.
    pub unreadable: Vec<(String, String)>,
    /// Names of files that are of another time now.
    pub moved: Vec<String>,
    pub rounds: usize,
    pub new: Vec<String>,
    pub gone: usize,
    /// Names, and what changes; the first of them.
    pub changed: Vec<(String, Vec<String>)>,
    pub changed_in_all: usize,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        let files = self.readable.len() + self.unreadable.len() + self.moved.len();
        files + self.new.len() + self.gone + self.changed_in_all == 0
    }
}

/// What would change. Nothing does. Where files would be of another time, what follows from that is not counted.
pub async fn look(ports: &Ports, guild_id: GuildId) -> Result<Difference> {
    let mut difference = Difference::default();
    let mut after = Uuid::nil();
    loop {
        let files = ports.store.list_stored_files_after(guild_id, after, FILES).await?;
        let Some(last) = files.last() else { break };
        after = last.id;
        difference.files += files.len();
        for file in &files {
            note(&mut difference, file, &again(ports, file));
        }
    }
    let rules = rules(ports);
    let mut tx = ports.store.begin().await?;
    for stretch in list_stretches(&mut tx, guild_id, GAP).await? {
        let files = list_current_files(&mut tx, guild_id, stretch, READY_WITHIN).await?;
        let around = surroundings(files, &rules);
        let before = list_sessions_within(&mut tx, guild_id, stretch).await?;
        let fresh = rows::rounds(guild_id, &around, &keys(&around, &before));
        let stored = list_round_digests(&mut tx, guild_id, stretch).await?;
        compare(ports, guild_id, &fresh, &stored, &mut difference).await?;
    }
    Ok(difference)
}

async fn compare(
    ports: &Ports,
    guild_id: GuildId,
    fresh: &[NewRound],
    stored: &HashMap<Uuid, Vec<u8>>,
    difference: &mut Difference,
) -> Result<()> {
    difference.rounds += fresh.len();
    let there: BTreeSet<Uuid> = fresh.iter().map(|round| round.id).collect();
    difference.gone += stored.keys().filter(|id| !there.contains(id)).count();
    let mut changed = Vec::new();
    for round in fresh {
        match stored.get(&round.id) {
            None => difference.new.push(round.name.clone()),
            Some(digest) if *digest == round.digest => {}
            Some(_) => changed.push(round),
        }
    }
    difference.changed_in_all += changed.len();
    changed.truncate(SHOWN.saturating_sub(difference.changed.len()));
    if changed.is_empty() {
        return Ok(());
    }
    let which = Which { rounds: Some(changed.iter().map(|round| round.id).collect()), ..Which::default() };
    let before = ports.store.list_stats_rounds(guild_id, &which, 0, SHOWN as i64).await?;
    for round in changed {
        let Some(before) = before.iter().find(|before| before.id == round.id) else { continue };
        difference.changed.push((round.name.clone(), words(before, round)));
    }
    Ok(())
}

/// What differs, in words; the numbers of players are told as such.
fn words(before: &StatsRound, after: &NewRound) -> Vec<String> {
    let mut words = Vec::new();
    let mut differs = |what: &str, before: String, after: String| {
        if before != after {
            words.push(format!("{what}: {before} → {after}"));
        }
    };
    let seconds = |seconds: Option<i32>| seconds.map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"));
    differs("status", before.status.clone(), after.status.to_owned());
    differs("time", seconds(before.elapsed_seconds), seconds(after.elapsed_seconds));
    let outcome = |outcome: Option<&str>| outcome.unwrap_or("unknown").to_owned();
    differs("outcome", outcome(before.outcome.as_deref()), outcome(after.outcome));
    differs("does not count because of", before.invalid.join(", "), after.invalid.join(", "));
    differs("ended", before.ended_at.to_rfc3339(), after.ended_at.to_rfc3339());
    differs("players", before.players.to_string(), after.lines.len().to_string());
    if words.is_empty() {
        words.push("numbers of players".to_owned());
    }
    words
}

/// A stored file as it is read now.
fn again(ports: &Ports, file: &StoredBytes) -> ReadAgain {
    let known = Known { zone: ports.config.etlegacy.time_zone, now: ports.clock.now() };
    // Of an hour that comes twice it stays the one that it was.
    let changed = file.ended_at;
    let arrival = Arrival { name: file.name.clone(), bytes: file.bytes.clone(), changed, way: Way::Command };
    let read = read(arrival, &known, file.id);
    ReadAgain { id: file.id, kind: read.kind, about: read.about, fault: read.fault }
}

fn differs(file: &StoredBytes, again: &ReadAgain) -> bool {
    let ended_at = again.about.as_ref().map(|about| about.ended_at);
    file.is_quarantined != again.fault.is_some() || (again.fault.is_none() && file.ended_at != ended_at)
}

fn note(difference: &mut Difference, file: &StoredBytes, again: &ReadAgain) {
    match (&again.fault, file.is_quarantined) {
        (Some(fault), false) => difference.unreadable.push((file.name.clone(), fault.what.clone())),
        (None, true) => difference.readable.push(file.name.clone()),
        (None, false) if differs(file, again) => difference.moved.push(file.name.clone()),
        _ => {}
    }
}

/// Does it. Returns how many files were read again; it may be done again after it was ended on its way.
pub async fn apply(ports: &Ports, guild_id: GuildId) -> Result<usize> {
    ensure_source(ports, guild_id).await?;
    let files = read_again(ports, guild_id).await?;
    let stretches = {
        let mut tx = ports.store.begin().await?;
        list_stretches(&mut tx, guild_id, GAP).await?
    };
    let mut from = 0;
    while from < stretches.len() {
        from += compute_again(ports, guild_id, &stretches[from..]).await?;
    }
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    delete_stray_rounds(&mut tx, guild_id).await?;
    refresh_aliases(&mut tx, guild_id, None).await?;
    Store::commit(tx).await?;
    Ok(files)
}

async fn read_again(ports: &Ports, guild_id: GuildId) -> Result<usize> {
    let (mut after, mut count) = (Uuid::nil(), 0);
    loop {
        let mut tx = ports.store.begin().await?;
        lock_stats(&mut tx, guild_id).await?;
        let files = list_stored_files(&mut tx, guild_id, after, FILES).await?;
        let Some(last) = files.last() else { return Ok(count) };
        after = last.id;
        count += files.len();
        let again: Vec<ReadAgain> = files
            .iter()
            .map(|file| (file, again(ports, file)))
            .filter(|(file, again)| differs(file, again))
            .map(|(_, again)| again)
            .collect();
        save_read_again(&mut tx, guild_id, &again).await?;
        Store::commit(tx).await?;
    }
}

/// As many sessions as share a transaction. Returns how many that were.
async fn compute_again(ports: &Ports, guild_id: GuildId, stretches: &[Stretch]) -> Result<usize> {
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    let mut work = Work::new(ports, guild_id);
    work.anew = true;
    let mut done = 0;
    for stretch in stretches.iter().take(SESSIONS) {
        work.compute(&mut tx, *stretch).await?;
        done += 1;
    }
    work.finish(&mut tx).await?;
    crate::crash::point("stats.reparsed");
    Store::commit(tx).await?;
    notice::tell(ports, guild_id, &work.unread).await?;
    if work.publisher.has_told() {
        ports.wake.wake(Topic::Planner);
    }
    Ok(done)
}

/// Sessions that share a transaction.
const SESSIONS: usize = 30;

/// A file that could not be read is read again. `None`: there is none of this id.
pub async fn retry(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<Option<Result<(), String>>> {
    let Some((name, bytes)) = ports.store.find_quarantined_file(guild_id, id).await? else { return Ok(None) };
    let file = StoredBytes { id, name, bytes, ended_at: None::<DateTime<Utc>>, is_quarantined: true };
    let again = again(ports, &file);
    let outcome = match &again.fault {
        Some(fault) => Err(fault.what.clone()),
        None => Ok(()),
    };
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    save_read_again(&mut tx, guild_id, &[again]).await?;
    Store::commit(tx).await?;
    super::compute::compute_waiting(ports, guild_id).await?;
    Ok(Some(outcome))
}
