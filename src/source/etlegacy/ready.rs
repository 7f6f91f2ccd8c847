//! The message about a finished round that a script of the server posts (Facts 8): times, pauses and surrender, which the
//! file of the round does not have. Also as a file, with when people came back to life (`gametime-….json`).

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::file_name::is_map;
use super::note::{Note, Notes};
use super::{RoundNumber, Side};

const CONTENT: &str = "STATS_READY";

/// Why a message says nothing about a round.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadyError {
    #[error("line {line}, column {column}: this is not JSON")]
    Json { line: usize, column: usize },
    #[error("it is not a message of {CONTENT}")]
    NotReady,
    #[error("embeds[0].fields: expected {expected}")]
    Lacks { expected: &'static str },
}

/// Times are Unix seconds; durations are seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundReady {
    pub map: String,
    /// The script writes 0 for the second round.
    pub round: RoundNumber,
    pub winner: Option<Side>,
    pub defender: Option<Side>,
    /// Start to end without pauses, not above the limit.
    pub playtime: Option<u32>,
    /// The map's own limit, also in the second round. `None`: there is no limit, or it is not told.
    pub limit: Option<u32>,
    pub pauses: u32,
    pub paused: u32,
    pub end: EndReason,
    /// With what was played above the limit.
    pub warmup: Option<u32>,
    pub warmup_start: Option<i64>,
    pub start: Option<i64>,
    /// With map and round what this message is about.
    pub ended: i64,
    pub surrender: Option<Surrender>,
    pub axis_score: Option<i64>,
    pub allies_score: Option<i64>,
    pub axis: Vec<Member>,
    pub allies: Vec<Member>,
    pub spawns: Vec<Spawns>,
    pub notes: Notes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    Objective,
    Surrender,
    TimeExpired,
    /// As it is written; empty when it is not told.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surrender {
    pub side: Side,
    /// Who called it, all 32 digits; may be empty.
    pub guid: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    pub guid: String,
    pub name: String,
}

/// How often and how long somebody waited for coming back to life.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Spawns {
    pub guid: String,
    pub name: String,
    pub spawns: u32,
    pub deaths: u32,
    pub dead_seconds: u32,
    pub avg_respawn: u32,
    pub max_respawn: u32,
}

/// The message as it was posted, or as Discord hands it on.
pub fn message(bytes: &[u8]) -> Result<RoundReady, ReadyError> {
    read(&json(bytes)?)
}

/// The file that the script writes beside it.
pub fn gametime(bytes: &[u8]) -> Result<RoundReady, ReadyError> {
    let file = json(bytes)?;
    let mut ready = read(file.get("payload").unwrap_or(&Value::Null))?;
    match file.pointer("/meta/spawn_stats").map(Vec::<Spawns>::deserialize) {
        Some(Ok(spawns)) => ready.spawns = spawns,
        _ => ready.notes.add(Note::Unread { field: "meta.spawn_stats" }),
    }
    Ok(ready)
}

fn json(bytes: &[u8]) -> Result<Value, ReadyError> {
    serde_json::from_slice(bytes).map_err(|error| ReadyError::Json { line: error.line(), column: error.column() })
}

fn read(message: &Value) -> Result<RoundReady, ReadyError> {
    let is_ready = message.get("content").and_then(Value::as_str).is_some_and(|content| content.trim() == CONTENT);
    let list = message.pointer("/embeds/0/fields").and_then(Value::as_array);
    let (true, Some(list)) = (is_ready, list) else { return Err(ReadyError::NotReady) };
    let mut fields = Fields { list, notes: Notes::default() };
    let map = fields.text("Map").filter(|map| is_map(map.as_bytes()));
    let round = fields.number("Round").and_then(|number| RoundNumber::new(if number == 0 { 2 } else { number }));
    let mut ready = RoundReady {
        map: map.ok_or(ReadyError::Lacks { expected: "Map: the name of a map" })?.to_owned(),
        round: round.ok_or(ReadyError::Lacks { expected: "Round: 1, 2, or 0 for the second" })?,
        ended: fields.number("Lua_RoundEnd").ok_or(ReadyError::Lacks { expected: "Lua_RoundEnd: Unix seconds" })?,
        winner: fields.known("Winner").and_then(Side::new),
        defender: fields.known("Defender").and_then(Side::new),
        playtime: fields.duration("Lua_Playtime", "sec"),
        limit: fields.duration("Lua_Timelimit", "min").and_then(|minutes| minutes.checked_mul(60)).filter(|s| *s > 0),
        pauses: 0,
        paused: 0,
        end: end_reason(fields.text("Lua_EndReason").unwrap_or_default()),
        warmup: fields.duration("Lua_Warmup", "sec"),
        warmup_start: fields.known("Lua_WarmupStart"),
        start: fields.known("Lua_RoundStart"),
        surrender: fields.surrender(),
        axis_score: fields.known("Lua_AxisScore"),
        allies_score: fields.known("Lua_AlliesScore"),
        axis: fields.members("Axis_JSON"),
        allies: fields.members("Allies_JSON"),
        spawns: Vec::new(),
        notes: Notes::default(),
    };
    (ready.pauses, ready.paused) = fields.pauses();
    ready.notes = fields.notes;
    ready.move_excess_to_warmup();
    Ok(ready)
}

impl RoundReady {
    fn move_excess_to_warmup(&mut self) {
        let (Some(playtime), Some(limit)) = (self.playtime, self.limit) else { return };
        if playtime > limit {
            self.notes.add(Note::PlaytimeAboveLimit { seconds: playtime, limit });
            self.warmup = Some(self.warmup.unwrap_or_default().saturating_add(playtime - limit));
            self.playtime = Some(limit);
        }
    }
}

fn end_reason(text: &str) -> EndReason {
    match text {
        "objective" => EndReason::Objective,
        "surrender" => EndReason::Surrender,
        "time_expired" => EndReason::TimeExpired,
        other => EndReason::Other(other.to_owned()),
    }
}

/// The fields of the embed; what cannot be read of them is noted.
struct Fields<'a> {
    list: &'a [Value],
    notes: Notes,
}

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        let field = self.list.iter().find(|field| field.get("name").and_then(Value::as_str) == Some(name))?;
        field.get("value").and_then(Value::as_str).map(str::trim)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// One that should be there.
    fn known(&mut self, name: &'static str) -> Option<i64> {
        let number = self.number(name);
        self.noted(name, number)
    }

    /// `12 min`, `31 sec`
    fn duration(&mut self, name: &'static str, unit: &str) -> Option<u32> {
        let number = self.text(name).and_then(|text| text.strip_suffix(unit)?.trim().parse().ok());
        self.noted(name, number)
    }

    /// `1 (15 sec)`
    fn pauses(&mut self) -> (u32, u32) {
        let read = |text: &str| {
            let (count, seconds) = text.strip_suffix(')')?.split_once('(')?;
            Some((count.trim().parse().ok()?, seconds.strip_suffix("sec")?.trim().parse().ok()?))
        };
        let pauses = self.text("Lua_Pauses").and_then(read);
        self.noted("Lua_Pauses", pauses).unwrap_or_default()
    }

    fn members(&mut self, name: &'static str) -> Vec<Member> {
        let members = self.text(name).and_then(|text| serde_json::from_str(text).ok());
        self.noted(name, members).unwrap_or_default()
    }

    /// Nobody surrendered when the side is 0.
    fn surrender(&mut self) -> Option<Surrender> {
        let side = Side::new(self.known("Lua_SurrenderTeam")?)?;
        let text = |name| self.text(name).unwrap_or_default().to_owned();
        Some(Surrender { side, guid: text("Lua_SurrenderCaller"), name: text("Lua_SurrenderCallerName") })
    }

    fn noted<T>(&mut self, field: &'static str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.notes.add(Note::Unread { field });
        }
        value
    }
}
