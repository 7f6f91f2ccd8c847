//! What was unusual in a file and read all the same. An importer shows notes beside the round; a file is never refused
//! for one.

use std::borrow::Cow;
use std::fmt;

/// Notes that are kept of one file; the rest is counted.
const KEPT: usize = 100;

/// Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    ByteOrderMark,
    /// Lines end with CR LF.
    CarriageReturns,
    BlankLine {
        line: u32,
    },
    /// Read with U+FFFD for what is no UTF-8.
    NotUtf8 {
        line: u32,
        column: u32,
    },
    /// Read as U+FFFD.
    ControlCharacter {
        line: u32,
        column: u32,
    },
    /// Neither eight hexadecimal digits nor a bot's.
    UnusualGuid {
        line: u32,
    },
    /// Two people of one file share a GUID: they are told apart by name.
    SharedGuid {
        line: u32,
        first: u32,
    },
    EmptyName {
        line: u32,
    },
    /// Bits above the 28 weapons that are known.
    UnknownWeapon {
        line: u32,
        bit: u8,
    },
    /// Not one of the numbers of fields that scripts are known to write.
    UnknownLayout {
        line: u32,
        fields: usize,
    },
    /// Fields behind the last one that is known.
    MoreFields {
        line: u32,
        fields: usize,
    },
    /// Counted as 0.
    Negative {
        line: u32,
        column: u32,
        value: i64,
    },
    /// `nan` or `inf`; not recorded.
    NotANumber {
        line: u32,
        column: u32,
    },
    NoPlayers,
    /// An award among or behind the rows of who killed whom.
    LateAward {
        line: u32,
    },
    /// Rows of who killed whom that nobody's name stands above.
    RowsWithoutOwner {
        line: u32,
    },
    /// A field of the message that is not there or cannot be read.
    Unread {
        field: &'static str,
    },
    /// Longer than its limit: what is above was warm-up.
    PlaytimeAboveLimit {
        seconds: u32,
        limit: u32,
    },
    /// The name of the file says one thing, the file another.
    NameDiffers {
        field: &'static str,
        name: String,
        file: String,
    },
}

impl Note {
    /// The line, and the column where it is about a part of the line.
    pub fn place(&self) -> Option<(u32, Option<u32>)> {
        match *self {
            Note::BlankLine { line }
            | Note::UnusualGuid { line }
            | Note::SharedGuid { line, .. }
            | Note::EmptyName { line }
            | Note::UnknownWeapon { line, .. }
            | Note::UnknownLayout { line, .. }
            | Note::MoreFields { line, .. }
            | Note::LateAward { line }
            | Note::RowsWithoutOwner { line } => Some((line, None)),
            Note::NotUtf8 { line, column }
            | Note::ControlCharacter { line, column }
            | Note::Negative { line, column, .. }
            | Note::NotANumber { line, column } => Some((line, Some(column))),
            Note::ByteOrderMark
            | Note::CarriageReturns
            | Note::NoPlayers
            | Note::Unread { .. }
            | Note::PlaytimeAboveLimit { .. }
            | Note::NameDiffers { .. } => None,
        }
    }

    /// What it says, without the place.
    pub fn what(&self) -> Cow<'static, str> {
        match self {
            Note::ByteOrderMark => "it begins with a byte order mark".into(),
            Note::CarriageReturns => "lines end with CR LF".into(),
            Note::BlankLine { .. } => "blank".into(),
            Note::NotUtf8 { .. } => "not UTF-8".into(),
            Note::ControlCharacter { .. } => "a control character".into(),
            Note::UnusualGuid { .. } => "the GUID is not eight hexadecimal digits".into(),
            Note::SharedGuid { first, .. } => format!("the same GUID as in line {first}").into(),
            Note::EmptyName { .. } => "the player has no name".into(),
            Note::UnknownWeapon { bit, .. } => format!("weapon {bit} is not known").into(),
            Note::UnknownLayout { fields, .. } => format!("{fields} fields; no known script writes so many").into(),
            Note::MoreFields { fields, .. } => format!("{fields} fields, the last ones are not known").into(),
            Note::Negative { value, .. } => format!("{value} counted as 0").into(),
            Note::NotANumber { .. } => "not a number".into(),
            Note::NoPlayers => "nobody played".into(),
            Note::LateAward { .. } => "an award behind rows of who killed whom".into(),
            Note::RowsWithoutOwner { .. } => "rows above the first name".into(),
            Note::Unread { field } => format!("{field} is not there, or not what it should be").into(),
            Note::PlaytimeAboveLimit { seconds, limit } => {
                format!("{seconds} s were played of {limit} s: the rest was warm-up").into()
            }
            Note::NameDiffers { field, name, file } => {
                format!("{field}: the name of the file says {name}, the file says {file}").into()
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Some((line, Some(column))) => write!(f, "line {line}, column {column}: {}", self.what()),
            Some((line, None)) => write!(f, "line {line}: {}", self.what()),
            None => f.write_str(&self.what()),
        }
    }
}

/// The notes of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    kept: Vec<Note>,
    left_out: usize,
}

impl Notes {
    pub fn add(&mut self, note: Note) {
        if self.kept.len() < KEPT {
            self.kept.push(note);
        } else {
            self.left_out += 1;
        }
    }

    pub fn all(&self) -> &[Note] {
        &self.kept
    }

    /// How many more there were.
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}
