//! What a file is, by its name and its bytes, before it is stored. Whatever it is, it is kept.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::import::{Arrival, HISTORY, Way};
use crate::id::sha256;
use crate::source::etlegacy::file_name::{self, FileName, NameError, RoundFile};
use crate::source::etlegacy::place::ParseError;
use crate::source::etlegacy::ready::{self, ReadyError, RoundReady};
use crate::source::etlegacy::stats_file::MOST_BYTES;
use crate::source::etlegacy::{PARSER_VERSION, awards, stats_file};
use crate::store::stats::file::{About, Fault, FileKind, NewStatsFile};

/// Longer names are cut where they are shown and stored.
const LONGEST_NAME: usize = 255;

/// What is needed besides the file.
pub struct Known {
    /// Of the game server.
    pub zone: Tz,
    pub now: DateTime<Utc>,
}

pub fn read(arrival: Arrival, known: &Known, id: Uuid) -> NewStatsFile {
    let Arrival { name, mut bytes, changed, way } = arrival;
    let what = what(&name, &bytes, changed, known);
    let too_large = bytes.len() > MOST_BYTES;
    let sha256 = sha256(&bytes);
    if too_large {
        bytes = Vec::new();
    }
    let ended_at = what.about.as_ref().map(|about| about.ended_at);
    NewStatsFile {
        id,
        name: stored_name(&name),
        sha256,
        bytes,
        kind: what.kind,
        silent: way == Way::Command || ended_at.is_none_or(|ended_at| known.now - ended_at > HISTORY),
        about: what.about,
        way: way.as_str(),
        parser_version: PARSER_VERSION,
        fault: what.fault,
    }
}

struct What {
    kind: FileKind,
    about: Option<About>,
    fault: Option<Fault>,
}

/// Whether the name is one of a file that is taken in; that of anything else in a directory says nothing.
pub fn is_wanted(name: &str) -> bool {
    is_gametime(name) || matches!(file_name::parse(name), Ok(FileName::Round(_) | FileName::Awards(_)))
}

fn is_gametime(name: &str) -> bool {
    name.starts_with("gametime-") && name.ends_with(".json")
}

/// The name under which a message of STATS_READY is kept.
pub fn ready_name(ready: &RoundReady) -> String {
    format!("ready-{}-R{}-{}.json", ready.map, ready.round, ready.ended)
}

fn what(name: &str, bytes: &[u8], changed: Option<DateTime<Utc>>, known: &Known) -> What {
    if bytes.len() > MOST_BYTES {
        let what = format!("it has {} bytes; at most {MOST_BYTES} are read", bytes.len());
        return What { kind: FileKind::Other, about: None, fault: Some(Fault { what, place: None }) };
    }
    if is_gametime(name) {
        return told(FileKind::GameTime, ready::gametime(bytes));
    }
    if name.starts_with("ready-") {
        return told(FileKind::Ready, ready::message(bytes));
    }
    match file_name::parse(name) {
        Ok(FileName::Round(file)) => of_round(FileKind::Round, &file, stats_file::parse(bytes).err(), changed, known),
        Ok(FileName::Awards(file)) => of_round(FileKind::Awards, &file, awards::parse(bytes).err(), changed, known),
        Ok(FileName::Sidecar(_)) => unnamed("the weapons' sidecar: what is in it, the other files have, too".into()),
        Err(error) => unnamed(in_name(&error)),
    }
}

fn in_name(error: &NameError) -> String {
    format!("name, {error}")
}

fn unnamed(what: String) -> What {
    What { kind: FileKind::Other, about: None, fault: Some(Fault { what, place: None }) }
}

fn of_round(
    kind: FileKind,
    file: &RoundFile<'_>,
    error: Option<ParseError>,
    changed: Option<DateTime<Utc>>,
    known: &Known,
) -> What {
    let about = About {
        stem: Some(file.stem.to_owned()),
        map: file.map.to_owned(),
        round: file.round.into(),
        ended_at: file.instant(known.zone, changed),
    };
    What { kind, about: Some(about), fault: error.as_ref().map(fault) }
}

pub fn fault(error: &ParseError) -> Fault {
    Fault { what: error.to_string(), place: Some((error.line, error.column)) }
}

fn told(kind: FileKind, read: Result<RoundReady, ReadyError>) -> What {
    let ready = match read {
        Ok(ready) => ready,
        Err(error) => {
            let place = match &error {
                ReadyError::Json { line, column } => Some((*line as u32, *column as u32)),
                _ => None,
            };
            return What { kind, about: None, fault: Some(Fault { what: error.to_string(), place }) };
        }
    };
    let Some(ended_at) = DateTime::from_timestamp(ready.ended, 0) else {
        let what = "Lua_RoundEnd: expected Unix seconds".to_owned();
        return What { kind, about: None, fault: Some(Fault { what, place: None }) };
    };
    let about = About { stem: None, map: ready.map, round: ready.round.get().into(), ended_at };
    What { kind, about: Some(about), fault: None }
}

/// No longer than a name may be, and nothing that a database does not take.
fn stored_name(name: &str) -> String {
    let clean: Cow<'_, str> = if name.contains('\0') { name.replace('\0', "\u{FFFD}").into() } else { name.into() };
    clean.chars().take(LONGEST_NAME).collect()
}
