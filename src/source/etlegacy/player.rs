//! A player's line: who, on which team, with which weapons, and what was counted (Facts 3).

use std::borrow::Cow;

use super::note::{Note, Notes};
use super::place::{ParseError, Piece};
use super::tally::{self, Tally};
use super::weapon::{self, Counts, WeaponUse};
use super::{Side, colour};

/// What a bot's GUID begins with; it is the same for all of them.
const BOT_GUID: &[u8] = b"OMNIBOT";
const BOT_NAME: &str = "[BOT]";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Team {
    /// Connected, and on no team yet.
    Free,
    Playing(Side),
    Spectator,
}

impl Team {
    pub fn side(self) -> Option<Side> {
        match self {
            Team::Playing(side) => Some(side),
            Team::Free | Team::Spectator => None,
        }
    }

    pub fn get(self) -> u8 {
        match self {
            Team::Free => 0,
            Team::Playing(side) => side.get(),
            Team::Spectator => 3,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player<'a> {
    /// The first eight hexadecimal digits of 32. Those of bots are all the same.
    pub guid: Cow<'a, str>,
    /// With colour codes.
    pub raw_name: Cow<'a, str>,
    /// Completed in this session: at most 1 in the first, at most 2 in the second round.
    pub rounds: u32,
    /// When the file was written.
    pub team: Team,
    /// Lowest bit first.
    pub weapons: Vec<WeaponUse>,
    pub tally: Tally,
}

impl Player<'_> {
    pub fn into_owned(self) -> Player<'static> {
        Player { guid: Cow::Owned(self.guid.into_owned()), raw_name: Cow::Owned(self.raw_name.into_owned()), ..self }
    }

    /// Without colour codes; may be empty.
    pub fn name(&self) -> String {
        colour::clean(&self.raw_name)
    }

    pub fn is_bot(&self) -> bool {
        self.guid.as_bytes().starts_with(BOT_GUID) || self.name().starts_with(BOT_NAME)
    }

    /// Summed over the weapons, which is where kills, deaths and headshots are.
    pub fn totals(&self) -> Counts {
        self.weapons.iter().fold(Counts::default(), |sum, one| sum.plus(one.counts))
    }
}

pub fn read<'a>(line: Piece<'a>, notes: &mut Notes) -> Result<Player<'a>, ParseError> {
    let mut rest = line;
    let mut next = |expected: &'static str| -> Result<Piece<'a>, ParseError> {
        let (piece, behind) = rest.split_once(b'\\').ok_or_else(|| rest.behind().error(expected))?;
        rest = behind;
        Ok(piece)
    };
    let guid = next("a GUID and a backslash")?;
    let name = next("a name and a backslash")?;
    let rounds = next("completed rounds and a backslash")?;
    let team = next("a team and a backslash")?;
    let (weapons, fields) = rest.split_once(b'\t').ok_or_else(|| rest.behind().error("a TAB behind the weapons"))?;
    Ok(Player {
        guid: guid_of(guid, notes)?,
        raw_name: name_of(name, notes),
        rounds: rounds.count(notes)?,
        team: team_of(team)?,
        weapons: weapon::read(weapons, notes)?,
        tally: tally::read(fields, notes)?,
    })
}

fn guid_of<'a>(piece: Piece<'a>, notes: &mut Notes) -> Result<Cow<'a, str>, ParseError> {
    let bytes = piece.bytes();
    if bytes.is_empty() || bytes.len() > 32 || !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(b)) {
        return Err(piece.error("a GUID: letters and digits, at most 32"));
    }
    let usual = bytes.len() == 8 && bytes.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b));
    if !usual && !bytes.starts_with(BOT_GUID) {
        notes.add(Note::UnusualGuid { line: piece.line });
    }
    Ok(piece.text(notes))
}

fn name_of<'a>(piece: Piece<'a>, notes: &mut Notes) -> Cow<'a, str> {
    let name = piece.text(notes);
    if colour::spans(&name).all(|span| span.text.trim().is_empty()) {
        notes.add(Note::EmptyName { line: piece.line });
    }
    name
}

fn team_of(piece: Piece<'_>) -> Result<Team, ParseError> {
    let team = match piece.whole() {
        Ok(0) => Some(Team::Free),
        Ok(3) => Some(Team::Spectator),
        Ok(number) => Side::new(number).map(Team::Playing),
        Err(_) => None,
    };
    team.ok_or_else(|| piece.error("a team: 1 Axis, 2 Allies, 3 spectator, 0 none"))
}
