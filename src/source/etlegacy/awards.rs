//! The file of awards that follows a round's (Facts 6): awards, then rows of who killed whom. Of a first round it is about
//! that round, of a second about the whole map. Whose rows they are is written by newer scripts; else it can often be
//! found out (`owner`).

pub mod known;
pub mod owner;

use std::borrow::Cow;

use super::note::{Note, Notes};
use super::place::{ParseError, Piece, lines, thousandths_of, too_long};
use super::stats_file::MOST_BYTES;

const HEADER: &[u8] = b"VS_HEADER";
/// A genuine file of three against three has 41.
const MOST_LINES: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwardsFile<'a> {
    /// In the order of the file; a name may occur more than once.
    pub awards: Vec<Award<'a>>,
    /// Who killed whom, in the order of the file.
    pub rows: Vec<Row<'a>>,
    /// Whose rows they are, where the file says so.
    pub blocks: Vec<Block<'a>>,
    pub notes: Notes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Award<'a> {
    pub name: Cow<'a, str>,
    /// As the script shows the name, without colour codes.
    pub player: Cow<'a, str>,
    pub value: Value<'a>,
}

/// What it was given for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// As it is written, with its unit.
    pub text: Cow<'a, str>,
    pub amount: Amount,
}

/// Numbers are in thousandths: 1.625 is 1625.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Number(i64),
    Seconds(i64),
    Percent(i64),
    Metres(i64),
    /// `N kills in Ys`
    KillsIn {
        kills: i64,
        seconds: i64,
    },
    /// No number that is known; the text is all there is.
    Words,
}

/// An opponent of somebody, and how often one killed the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    pub line: u32,
    pub opponent: Cow<'a, str>,
    /// Of the opponent by the owner of the row.
    pub kills: u32,
    /// Of the owner by the opponent.
    pub deaths: u32,
}

/// Rows of one owner, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    pub owner: Cow<'a, str>,
    /// All 32 digits.
    pub guid: Cow<'a, str>,
    /// The index of its first row, and that behind its last.
    pub rows: std::ops::Range<usize>,
}

pub fn parse(bytes: &[u8]) -> Result<AwardsFile<'_>, ParseError> {
    if bytes.len() > MOST_BYTES {
        return Err(too_long(bytes.len(), MOST_BYTES));
    }
    let mut notes = Notes::default();
    let lines = lines(bytes, &mut notes)?;
    if let Some(line) = lines.get(MOST_LINES) {
        return Err(line.error(format!("at most {MOST_LINES} lines")));
    }
    let mut file = AwardsFile { awards: Vec::new(), rows: Vec::new(), blocks: Vec::new(), notes };
    for line in lines {
        if line.is_empty() {
            file.notes.add(Note::BlankLine { line: line.line });
        } else {
            file.read(line)?;
        }
    }
    file.note_rows_without_owner();
    Ok(file)
}

impl<'a> AwardsFile<'a> {
    fn read(&mut self, line: Piece<'a>) -> Result<(), ParseError> {
        let (first, second, third) = three(line)?;
        if first.bytes() == HEADER {
            self.open(second, third);
        } else if self.is_row(first, second, third) {
            self.rows.push(Row {
                line: line.line,
                opponent: first.text(&mut self.notes),
                kills: second.count(&mut self.notes)?,
                deaths: third.count(&mut self.notes)?,
            });
            if let Some(block) = self.blocks.last_mut() {
                block.rows.end = self.rows.len();
            }
        } else {
            self.award(first, second, third)?;
        }
        Ok(())
    }

    /// Two whole numbers are a row; unless a player is called by a number, and the award is one that is known.
    fn is_row(&self, first: Piece<'a>, second: Piece<'a>, third: Piece<'a>) -> bool {
        let numbers = second.whole().is_ok() && third.whole().is_ok();
        let known = std::str::from_utf8(first.bytes()).is_ok_and(|name| known::category_of(name).is_some());
        numbers && !(known && self.rows.is_empty())
    }

    fn open(&mut self, owner: Piece<'a>, guid: Piece<'a>) {
        let at = self.rows.len();
        let (owner, guid) = (owner.text(&mut self.notes), guid.text(&mut self.notes));
        self.blocks.push(Block { owner, guid, rows: at..at });
    }

    fn award(&mut self, name: Piece<'a>, player: Piece<'a>, value: Piece<'a>) -> Result<(), ParseError> {
        if name.is_empty() {
            return Err(name.error("the name of an award"));
        }
        if value.is_empty() {
            return Err(value.error("the value of the award"));
        }
        if !self.rows.is_empty() || !self.blocks.is_empty() {
            self.notes.add(Note::LateAward { line: name.line });
        }
        let notes = &mut self.notes;
        let value = Value { text: value.text(notes), amount: amount(value.bytes()) };
        self.awards.push(Award { name: name.text(notes), player: player.text(notes), value });
        Ok(())
    }

    fn note_rows_without_owner(&mut self) {
        if let (Some(block), Some(row)) = (self.blocks.first(), self.rows.first())
            && block.rows.start > 0
        {
            self.notes.add(Note::RowsWithoutOwner { line: row.line });
        }
    }
}

fn three(line: Piece<'_>) -> Result<(Piece<'_>, Piece<'_>, Piece<'_>), ParseError> {
    let expected = "three columns between TABs";
    let (first, rest) = line.split_once(b'\t').ok_or_else(|| line.behind().error(expected))?;
    let (second, third) = rest.split_once(b'\t').ok_or_else(|| rest.behind().error(expected))?;
    match third.split_once(b'\t') {
        Some((_, more)) => Err(more.error("the end of the line behind three columns")),
        None => Ok((first, second, third)),
    }
}

fn amount(value: &[u8]) -> Amount {
    let with = |unit: &str| value.strip_suffix(unit.as_bytes()).and_then(thousandths_of);
    let kills_in = || {
        let text = std::str::from_utf8(value).ok()?;
        let (kills, seconds) = text.strip_suffix('s')?.split_once(" kills in ")?;
        let kills = kills.parse().ok()?;
        Some(Amount::KillsIn { kills, seconds: thousandths_of(seconds.as_bytes())? })
    };
    None.or_else(|| thousandths_of(value).map(Amount::Number))
        .or_else(|| with(" seconds").map(Amount::Seconds))
        .or_else(|| with(" percent").map(Amount::Percent))
        .or_else(|| with(" m").map(Amount::Metres))
        .or_else(kills_in)
        .unwrap_or(Amount::Words)
}
