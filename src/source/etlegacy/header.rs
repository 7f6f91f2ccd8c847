//! The first line of a round's file (Facts 3): eight fields between backslashes, nine from the newest script.

use std::borrow::Cow;

use super::file_name::is_map;
use super::note::Notes;
use super::place::{ParseError, Piece};
use super::{RoundNumber, Side};

/// Above this the ninth field is milliseconds, otherwise seconds (Facts 3).
const MILLISECONDS_ABOVE: i64 = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// With colour codes.
    pub server: Cow<'a, str>,
    /// Letters, digits, `-` and `_`; at most 50.
    pub map: Cow<'a, str>,
    /// `legacy3`, `legacy6`, `defaultpublic`, …
    pub config: Cow<'a, str>,
    pub round: RoundNumber,
    /// `None`: the script did not know.
    pub defender: Option<Side>,
    pub winner: Option<Side>,
    /// Seconds. Of the first round the map's limit, of the second the time to beat.
    pub limit: u32,
    /// Seconds. What the round took, by the law of `crate::matches::elapsed`.
    pub next_limit: u32,
    /// The ninth field as it is written: start to end without pauses, in a unit that its size says.
    pub playtime: Option<i64>,
}

impl Header<'_> {
    pub fn into_owned(self) -> Header<'static> {
        Header {
            server: Cow::Owned(self.server.into_owned()),
            map: Cow::Owned(self.map.into_owned()),
            config: Cow::Owned(self.config.into_owned()),
            ..self
        }
    }

    /// Seconds of play by the ninth field; `None` without it and when it is not above zero.
    pub fn playtime_seconds(&self) -> Option<u32> {
        let playtime = self.playtime.filter(|playtime| *playtime > 0)?;
        let seconds = if playtime > MILLISECONDS_ABOVE { playtime / 1000 } else { playtime };
        u32::try_from(seconds).ok()
    }
}

pub fn read<'a>(line: Piece<'a>, notes: &mut Notes) -> Result<Header<'a>, ParseError> {
    let mut pieces = [line; 9];
    let mut count = 0;
    for piece in line.split(b'\\') {
        *pieces.get_mut(count).ok_or_else(|| piece.error("the end of the line behind nine fields"))? = piece;
        count += 1;
    }
    if count < 8 {
        return Err(line.behind().error(format!("eight or nine fields between backslashes, and there are {count}")));
    }
    let [server, map, config, round, defender, winner, limit, next_limit, playtime] = pieces;
    Ok(Header {
        server: server.text(notes),
        map: map_of(map, notes)?,
        config: config.text(notes),
        round: round.whole().ok().and_then(RoundNumber::new).ok_or_else(|| round.error("the round, 1 or 2"))?,
        defender: side(defender)?,
        winner: side(winner)?,
        limit: limit.clock()?,
        next_limit: next_limit.clock()?,
        playtime: if count == 9 { Some(playtime.whole()?) } else { None },
    })
}

fn map_of<'a>(piece: Piece<'a>, notes: &mut Notes) -> Result<Cow<'a, str>, ParseError> {
    if !is_map(piece.bytes()) {
        return Err(piece.error("the name of a map: letters, digits, - and _, at most 50"));
    }
    Ok(piece.text(notes))
}

fn side(piece: Piece<'_>) -> Result<Option<Side>, ParseError> {
    match piece.whole() {
        Ok(0) => Ok(None),
        Ok(number @ 1..=2) => Ok(Side::new(number)),
        _ => Err(piece.error("a side: 1 Axis, 2 Allies, 0 unknown")),
    }
}
