//! The program beside a game server: finds the files that the server writes at the end of a round, and tells of each once.
//!
//! It needs neither a database nor the bot's token. What it intends to tell is stored before it is told, so that a notice
//! whose fate nobody knows (killed, connection lost) is repeated once at most, and says so. Steps take the time from a
//! clock; waiting is the caller's.

pub mod check;
pub mod content;
pub mod directory;
pub mod memory;
pub mod notice;
pub mod tell;
pub mod watch;

use std::collections::BTreeMap;
use std::fs;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::config::NotifierConfig;
use crate::crash;
use content::Content;
use directory::{Directory, Found, SETTLE, order};
use memory::{Memory, MemoryError, UnderWay};
use tell::{Outcome, Teller};

/// Between two of what is told.
const BETWEEN: TimeDelta = TimeDelta::seconds(1);
/// Between two looks into the directory; what the file system tells comes earlier.
pub const LOOK: TimeDelta = TimeDelta::seconds(5);
/// A file that is cut off is told of when it has not grown for this long: nobody is going to finish it.
const PATIENCE: TimeDelta = TimeDelta::minutes(1);
/// Waits after a failure; the last one repeats.
const WAITS: [i64; 7] = [1, 2, 5, 15, 30, 60, 120];

/// What keeps it from going on. Says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error("{0}")]
    Refused(String),
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There may be more to do at once.
    Went,
    /// Nothing is due before this.
    Rest(DateTime<Utc>),
}

pub struct Notifier {
    clock: Clock,
    directory: Directory,
    memory: Memory,
    teller: Teller,
    /// Nothing is told before this.
    not_before: DateTime<Utc>,
    /// Failures in a row, whatever of.
    failures: usize,
    /// Files that are not told of as they are, by size and time of change: said once.
    refused: BTreeMap<String, Found>,
    /// The directory cannot be read: said once.
    is_away: bool,
}

impl Notifier {
    /// Reads what it told before. The directories have to be there: see [`problems`].
    pub fn open(config: &NotifierConfig, clock: Clock) -> Result<Self, Fatal> {
        let teller = Teller::new(&config.target).map_err(|error| Fatal::Refused(format!("no client: {error}")))?;
        let mut memory = Memory::open(&config.state_dir)?;
        let now = clock.now();
        // Whatever it was at when it ended: nobody knows what came of it.
        for name in memory.interrupted() {
            let then = if config.target.is_repeatable() { "sent again" } else { "told once more, and marked" };
            tracing::warn!(file = name, "it ended while this was told, which may have arrived all the same; {then}");
        }
        memory.doubt_interrupted(config.target.is_repeatable(), now)?;
        let directory = Directory::new(&config.stats_path);
        Ok(Self {
            clock,
            directory,
            memory,
            teller,
            not_before: now,
            failures: 0,
            refused: BTreeMap::new(),
            is_away: false,
        })
    }

    /// Looks into the directory, and tells of one file.
    pub async fn step(&mut self) -> Result<Step, Fatal> {
        let now = self.clock.now();
        let rest = Step::Rest(now + LOOK);
        let found = match self.directory.look(now, |name| self.memory.knows(name)) {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.is_away, true) {
                    tracing::error!(directory = %self.directory, %error, "the directory cannot be read; looked at again and again");
                }
                return Ok(rest);
            }
        };
        if std::mem::take(&mut self.is_away) {
            tracing::info!(directory = %self.directory, "the directory can be read again");
        }
        self.refused.retain(|name, _| found.iter().any(|one| one.name == *name));
        self.remember(|memory, now| {
            let late = memory.give_up(now)?;
            late.iter().for_each(|file| tracing::error!(file, "given up: it could not be told of for two days"));
            Ok(())
        });
        if now < self.not_before {
            return Ok(Step::Rest(self.not_before.min(now + LOOK)));
        }
        let mut wake = now + LOOK;
        // What failed before comes after what was not tried yet, so that one file does not hold up the others.
        let mut queue: Vec<&Found> = found.iter().collect();
        queue.sort_by_key(|one| (self.memory.tries(&one.name), order(&one.name)));
        for one in queue {
            if let Some(settled) = one.settled(now) {
                wake = wake.min(settled);
                continue;
            }
            match self.ready(one, now) {
                Ready::Now(bytes) => {
                    let one = one.clone();
                    self.tell(&one, &bytes, now).await?;
                    return Ok(Step::Went);
                }
                Ready::At(then) => wake = wake.min(then),
                Ready::Never => {}
            }
        }
        Ok(Step::Rest(wake))
    }

    fn ready(&mut self, one: &Found, now: DateTime<Utc>) -> Ready {
        if self.refused.get(&one.name).is_some_and(|before| before.is_as(one)) {
            return Ready::Never;
        }
        let why = match fs::read(self.directory.path(&one.name)) {
            // It grew a moment ago.
            Ok(bytes) if bytes.len() as u64 != one.size => return Ready::At(now + SETTLE),
            Ok(bytes) => match content::judge(&one.name, &bytes) {
                Content::Good => return Ready::Now(bytes),
                Content::CutOff(why) => {
                    let then = one.since + PATIENCE;
                    if now < then {
                        return Ready::At(then);
                    }
                    tracing::warn!(file = one.name, "told of although it is cut off: {why}");
                    return Ready::Now(bytes);
                }
                Content::Bad(why) => why,
            },
            Err(error) => format!("it cannot be read: {error}"),
        };
        tracing::warn!(file = one.name, "not told of until it changes: {why}");
        self.refused.insert(one.name.clone(), one.clone());
        Ready::Never
    }

    async fn tell(&mut self, one: &Found, bytes: &[u8], now: DateTime<Utc>) -> Result<(), Fatal> {
        // First the intent. What cannot be stored is not told: it would be told again after a restart.
        let under_way = match self.memory.intend(&one.name, now) {
            Ok(under_way) => under_way,
            Err(error) => {
                tracing::error!(file = one.name, "not told of yet: {error}");
                self.pause();
                return Ok(());
            }
        };
        crash::point("notify.intended");
        let outcome = self.teller.tell(one, bytes, under_way.may_be_there, self.clock.now()).await;
        crash::point("notify.answered");
        self.not_before = self.clock.now() + BETWEEN;
        self.settle(&one.name, &under_way, outcome)
    }

    fn settle(&mut self, file: &str, under_way: &UnderWay, outcome: Outcome) -> Result<(), Fatal> {
        let repeated = under_way.may_be_there;
        match outcome {
            Outcome::Done(words) => {
                self.failures = 0;
                tracing::info!(file, repeated, "told{words}");
                self.remember(|memory, now| memory.done(file, now));
            }
            Outcome::Unreadable(why) => {
                self.failures = 0;
                tracing::warn!(file, "the bot keeps it, but cannot read it: {why}");
                self.remember(|memory, now| memory.done(file, now));
            }
            Outcome::Refused(why) => {
                self.failures = 0;
                tracing::error!(file, "refused, and not told again: {why}");
                self.remember(|memory, now| memory.done(file, now));
            }
            Outcome::Wait(wait, why) => {
                tracing::warn!(file, seconds = wait.num_seconds(), "told to wait: {why}");
                self.not_before = self.clock.now() + wait.max(BETWEEN);
                self.remember(|memory, now| memory.not_there(file, now));
            }
            Outcome::NotThere(why) => {
                self.pause();
                tracing::warn!(file, seconds = self.waits(), "not told of yet: {why}");
                self.remember(|memory, now| memory.not_there(file, now));
            }
            Outcome::Failed(why) => {
                self.pause();
                tracing::warn!(file, seconds = self.waits(), "told of again later: {why}");
                self.remember(|memory, now| memory.failed(file, now));
            }
            Outcome::Unknown(why) if under_way.doubts == 0 => {
                self.pause();
                tracing::warn!(file, seconds = self.waits(), "it may have arrived; repeated once, and marked: {why}");
                self.remember(|memory, now| memory.in_doubt(file, now));
            }
            Outcome::Unknown(why) => {
                tracing::error!(file, "it may have arrived, and was repeated already; not told again: {why}");
                self.remember(|memory, now| memory.done(file, now));
            }
            Outcome::Stop(what) => {
                // Nothing arrived: after it is mended, this is told as if for the first time.
                self.remember(|memory, now| memory.not_there(file, now));
                return Err(Fatal::Refused(what));
            }
        }
        Ok(())
    }

    /// What is not stored is remembered all the same; after a restart it is in doubt.
    fn remember(&mut self, what: impl FnOnce(&mut Memory, DateTime<Utc>) -> Result<(), MemoryError>) {
        if let Err(error) = what(&mut self.memory, self.clock.now()) {
            tracing::error!("{error}");
        }
    }

    fn pause(&mut self) {
        self.failures += 1;
        self.not_before = self.clock.now() + TimeDelta::seconds(self.waits());
    }

    fn waits(&self) -> i64 {
        WAITS[self.failures.saturating_sub(1).min(WAITS.len() - 1)]
    }
}

enum Ready {
    Now(Vec<u8>),
    At(DateTime<Utc>),
    Never,
}

/// Everything that has to be mended before it can start, by the variable's name.
pub fn problems(config: &NotifierConfig) -> Vec<(&'static str, String)> {
    let stats = directory::problem(&config.stats_path).map(|problem| ("STATS_PATH", problem));
    let state = memory::problem(&config.state_dir).map(|problem| ("STATE_DIR", problem));
    stats.into_iter().chain(state).map(|(name, (what, fix))| (name, format!("{what}; {fix}"))).collect()
}
