//! Files of a stretch of time, read and put together. Pure: bytes in, what they mean out.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use uuid::Uuid;

use super::read::fault;
use crate::matches::record::{Record, Round, Rules, record_with};
use crate::source::etlegacy::awards::{self, AwardsFile};
use crate::source::etlegacy::ready::{self, RoundReady};
use crate::source::etlegacy::stats_file::{self, StatsFile};
use crate::source::etlegacy::{colour, file_name};
use crate::store::stats::file::{CurrentFile, Fault, FileKind};

/// A message is about the round that ended at most so long before or after the time that it says.
pub const READY_WITHIN: TimeDelta = TimeDelta::minutes(10);
const ENDSTATS: &str = "-endstats.txt";

/// What is known of a stretch of time.
pub struct Surroundings {
    pub record: Record,
    /// By the name of the round's file, as everything below.
    pub ready: HashMap<String, RoundReady>,
    pub awards: HashMap<String, Vec<u8>>,
    pub servers: HashMap<String, String>,
    pub configs: HashMap<String, String>,
    pub notes: HashMap<String, Vec<String>>,
    /// Rounds whose awards came and are not stored as such yet.
    pub awarded: HashSet<String>,
    /// Rounds and awards that nothing is posted about.
    pub silent: HashMap<String, bool>,
    /// Files that another version could read, and this one cannot.
    pub unreadable: Vec<Unreadable>,
    /// Names of files that are no round, or none any more: what was posted of them does not stand.
    pub gone: Vec<Gone>,
}

/// A stored file that this version cannot read.
pub struct Unreadable {
    pub id: Uuid,
    pub name: String,
    pub fault: Fault,
}

/// A file that is no round.
pub struct Gone {
    pub name: String,
    pub why: &'static str,
}

const GHOST: &str = "it was over in less than 30 seconds, which is no round";
const LOST: &str = "its file cannot be read any more";

impl Surroundings {
    /// The awards of a round, where they are there.
    pub fn awards_of(&self, name: &str) -> Option<AwardsFile<'_>> {
        awards::parse(self.awards.get(name)?).ok()
    }
}

pub fn surroundings(files: Vec<CurrentFile>, rules: &Rules) -> Surroundings {
    let mut found = Found::default();
    for file in files {
        found.take(file);
    }
    let ready = join(&found.rounds, found.ready);
    for round in &mut found.rounds {
        let told = ready.get(&round.name).and_then(|ready| ready.surrender.as_ref());
        round.surrendered = told.map(|surrender| surrender.side);
    }
    let of = |text: fn(&Round) -> String| found.rounds.iter().map(|round| (round.name.clone(), text(round))).collect();
    let servers = of(|round| colour::clean(&round.file.header.server));
    let configs = of(|round| round.file.header.config.to_string());
    let notes = found.rounds.iter().map(|round| (round.name.clone(), notes(round))).collect();
    let record = record_with(found.rounds, rules);
    let ghosts = record.ghosts.iter().map(|name| Gone { name: name.clone(), why: GHOST });
    let lost = found.lost.into_iter().map(|name| Gone { name, why: LOST });
    Surroundings {
        gone: ghosts.chain(lost).collect(),
        record,
        ready,
        awards: found.awards,
        awarded: found.awarded,
        servers,
        configs,
        notes,
        silent: found.silent,
        unreadable: found.unreadable,
    }
}

fn notes(round: &Round) -> Vec<String> {
    round.file.notes.all().iter().map(ToString::to_string).collect()
}

#[derive(Default)]
struct Found {
    rounds: Vec<Round>,
    awards: HashMap<String, Vec<u8>>,
    awarded: HashSet<String>,
    ready: Vec<RoundReady>,
    silent: HashMap<String, bool>,
    unreadable: Vec<Unreadable>,
    /// Names of rounds among them.
    lost: Vec<String>,
}

impl Found {
    fn take(&mut self, file: CurrentFile) {
        let (id, name) = (file.id, file.name.clone());
        let unreadable = match file.kind {
            FileKind::Round => match read_round(&file) {
                Ok(round) => {
                    self.silent.insert(file.name.clone(), file.silent);
                    self.rounds.push(round);
                    None
                }
                Err(fault) => {
                    self.lost.push(file.name.clone());
                    Some(fault)
                }
            },
            FileKind::Awards => match awards::parse(&file.bytes).map(drop) {
                Ok(()) => {
                    self.silent.insert(file.name.clone(), file.silent);
                    if file.waiting {
                        self.awarded.insert(round_of(&file.name));
                    }
                    self.awards.insert(round_of(&file.name), file.bytes);
                    None
                }
                Err(error) => Some(fault(&error)),
            },
            FileKind::Ready => self.take_ready(ready::message(&file.bytes)),
            FileKind::GameTime => self.take_ready(ready::gametime(&file.bytes)),
            FileKind::Other => None,
        };
        self.unreadable.extend(unreadable.map(|fault| Unreadable { id, name, fault }));
    }

    fn take_ready(&mut self, read: Result<RoundReady, ready::ReadyError>) -> Option<Fault> {
        match read {
            Ok(ready) => {
                self.ready.push(ready);
                None
            }
            Err(error) => Some(Fault { what: error.to_string(), place: None }),
        }
    }
}

fn read_round(file: &CurrentFile) -> Result<Round, Fault> {
    let mut read: StatsFile<'_> = stats_file::parse(&file.bytes).map_err(|error| fault(&error))?;
    if let Ok(file_name::FileName::Round(told)) = file_name::parse(&file.name) {
        read.compare_with(&told);
    }
    Ok(Round {
        name: file.name.clone(),
        stem: file.about.stem.clone().unwrap_or_default(),
        at: file.about.ended_at,
        surrendered: None,
        file: read.into_owned(),
    })
}

/// The name of the round's file, by that of its awards.
pub fn round_of(awards: &str) -> String {
    awards.strip_suffix(ENDSTATS).map_or_else(|| awards.to_owned(), |stem| format!("{stem}.txt"))
}

/// Which message is about which round: of the same map and number, the closest in time first. Of several about one round
/// the one that says most.
fn join(rounds: &[Round], ready: Vec<RoundReady>) -> HashMap<String, RoundReady> {
    let mut pairs: Vec<(TimeDelta, bool, &str, usize)> = Vec::new();
    for (at, told) in ready.iter().enumerate() {
        for round in rounds {
            let header = &round.file.header;
            let apart = TimeDelta::seconds(told.ended) - TimeDelta::seconds(round.at.timestamp());
            if header.map == told.map && header.round == told.round && apart.abs() <= READY_WITHIN {
                pairs.push((apart.abs(), told.spawns.is_empty(), &round.name, at));
            }
        }
    }
    pairs.sort();
    let mut joined: HashMap<String, usize> = HashMap::new();
    let mut taken: Vec<i64> = Vec::new();
    for (_, _, name, at) in pairs {
        if joined.contains_key(name) || taken.contains(&ready[at].ended) {
            continue;
        }
        taken.push(ready[at].ended);
        joined.insert(name.to_owned(), at);
    }
    joined.into_iter().map(|(name, at)| (name, ready[at].clone())).collect()
}
