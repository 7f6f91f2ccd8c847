//! Names of the files that the game server writes (Facts 2): `YYYY-MM-DD-HHMMSS-<map>-round-<N>.txt`, with `-endstats` behind
//! it for awards and `_ws` for the weapons' sidecar. A name is checked before anything is opened by it.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use thiserror::Error;

const LONGEST: usize = 255;
/// `YYYY-MM-DD-HHMMSS`
const STEM: usize = 17;
const YEARS: std::ops::RangeInclusive<i32> = 2020..=2035;
const LONGEST_MAP: usize = 50;
const MOST_ROUNDS: u8 = 10;

/// What a file is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileName<'a> {
    Round(RoundFile<'a>),
    Awards(RoundFile<'a>),
    /// Holds nothing that the others do not, and is never read.
    Sidecar(RoundFile<'a>),
}

/// What the name says of the round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundFile<'a> {
    /// `YYYY-MM-DD-HHMMSS`; that of a first round is the id of the match.
    pub stem: &'a str,
    /// By the server's clock and in its time zone, when the file was written: the end of the round.
    pub written: NaiveDateTime,
    pub map: &'a str,
    /// 1 to 10; a round of stopwatch is 1 or 2.
    pub round: u8,
}

/// Why a name is not one of them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column}: expected {expected}")]
pub struct NameError {
    /// A byte of the name, from 1.
    pub column: usize,
    pub expected: Cow<'static, str>,
}

impl RoundFile<'_> {
    /// The instant in the server's zone. An hour that a clock change repeats is decided by when the file was changed, else it
    /// is the first of the two; one that it leaves out is read as the clock would go on without the change.
    pub fn instant(&self, zone: Tz, changed: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let local = |time: &NaiveDateTime| zone.from_local_datetime(time).map(|time| time.to_utc());
        match local(&self.written) {
            LocalResult::Single(time) => time,
            LocalResult::Ambiguous(first, second) => match changed {
                Some(changed) if (changed - second).abs() < (changed - first).abs() => second,
                _ => first,
            },
            LocalResult::None => {
                let earlier = self.written - TimeDelta::hours(3);
                let before = local(&earlier).earliest().unwrap_or_else(|| earlier.and_utc());
                before + TimeDelta::hours(3)
            }
        }
    }
}

/// A map's name: letters, digits, `-` and `_`.
pub fn is_map(name: &[u8]) -> bool {
    (1..=LONGEST_MAP).contains(&name.len()) && name.iter().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b))
}

pub fn parse<'a>(name: &'a str) -> Result<FileName<'a>, NameError> {
    if name.len() > LONGEST {
        return Err(error(LONGEST + 1, format!("the end of a name of at most {LONGEST} bytes")));
    }
    if let Some(at) = name.find(['/', '\\', '\0']).or_else(|| name.find("..")) {
        return Err(error(at + 1, "a name without /, \\, NUL and .."));
    }
    let written = stem_time(name)?;
    let rest = match name.get(STEM..).and_then(|rest| rest.strip_prefix('-')) {
        Some(rest) => rest,
        None => return Err(error(STEM + 1, "- and the map")),
    };
    let Some(rest) = rest.strip_suffix(".txt") else { return Err(error(name.len(), ".txt at the end")) };
    let (kind, rest): (fn(RoundFile<'a>) -> FileName<'a>, &str) =
        match (rest.strip_suffix("_ws"), rest.strip_suffix("-endstats")) {
            (Some(rest), _) => (FileName::Sidecar, rest),
            (None, Some(rest)) => (FileName::Awards, rest),
            (None, None) => (FileName::Round, rest),
        };
    let begin = STEM + 2;
    let Some((map, round)) = rest.rsplit_once("-round-") else { return Err(error(begin, "<map>-round-<N>")) };
    if !is_map(map.as_bytes()) {
        return Err(error(begin, format!("a map: letters, digits, - and _, at most {LONGEST_MAP}")));
    }
    let number = round.parse().ok().filter(|number: &u8| (1..=MOST_ROUNDS).contains(number));
    let number = number.filter(|number| number.to_string() == round);
    let number = number.ok_or_else(|| error(begin + map.len() + "-round-".len(), "a round from 1 to 10"))?;
    Ok(kind(RoundFile { stem: &name[..STEM], written, map, round: number }))
}

fn error(column: usize, expected: impl Into<Cow<'static, str>>) -> NameError {
    NameError { column, expected: expected.into() }
}

fn stem_time(name: &str) -> Result<NaiveDateTime, NameError> {
    let number = |begin: usize, end: usize, expected: &'static str| -> Result<u32, NameError> {
        let digits = name.get(begin..end).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        digits.and_then(|text| text.parse().ok()).ok_or_else(|| error(begin + 1, expected))
    };
    for at in [4, 7, 10] {
        if name.as_bytes().get(at) != Some(&b'-') {
            return Err(error(at + 1, "- between year, month, day and time"));
        }
    }
    let (year, month, day) = (number(0, 4, "a year")?, number(5, 7, "a month")?, number(8, 10, "a day")?);
    let (hour, minute, second) = (number(11, 13, "an hour")?, number(13, 15, "a minute")?, number(15, 17, "a second")?);
    let date = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let date = date.ok_or_else(|| error(6, "a day that there is"))?;
    if !YEARS.contains(&date.year()) {
        return Err(error(1, format!("a year from {} to {}", YEARS.start(), YEARS.end())));
    }
    let time = NaiveTime::from_hms_opt(hour, minute, second).ok_or_else(|| error(12, "a time that there is"))?;
    Ok(date.and_time(time))
}

/// The file that a notice names: a sign of its kind and the name between backticks (Facts 7). The name is not yet checked.
pub fn announced(content: &str) -> Option<&str> {
    let rest = content.trim().strip_prefix(['📊', '🏆'])?.trim_start();
    rest.strip_prefix('`')?.strip_suffix('`').filter(|name| !name.is_empty() && !name.contains('`'))
}
