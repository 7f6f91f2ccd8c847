//! Where something stands in a file: lines, pieces of lines, and errors that say the place. Numbers are read here, because
//! what is wrong with them is told with their place.

use std::borrow::Cow;

use thiserror::Error;

use super::note::{Note, Notes};

/// Characters of what was found that an error repeats.
const QUOTED: usize = 40;

/// What a file should have had where. Lines and columns count from 1; a column is a character.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct ParseError {
    pub line: u32,
    pub column: u32,
    pub expected: Cow<'static, str>,
    /// Quoted and shortened, control characters escaped.
    pub found: String,
}

/// A part of one line, which still knows the line.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub line: u32,
    whole: &'a [u8],
    begin: usize,
    end: usize,
}

impl<'a> Piece<'a> {
    pub fn line(number: u32, bytes: &'a [u8]) -> Piece<'a> {
        Piece { line: number, whole: bytes, begin: 0, end: bytes.len() }
    }

    pub fn bytes(&self) -> &'a [u8] {
        &self.whole[self.begin..self.end]
    }

    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    fn part(&self, begin: usize, end: usize) -> Piece<'a> {
        Piece { begin, end, ..*self }
    }

    /// What stands before the first such byte and behind it.
    pub fn split_once(&self, byte: u8) -> Option<(Piece<'a>, Piece<'a>)> {
        let at = self.begin + self.bytes().iter().position(|b| *b == byte)?;
        Some((self.part(self.begin, at), self.part(at + 1, self.end)))
    }

    /// What stands between such bytes; at least one piece.
    pub fn split(self, byte: u8) -> impl Iterator<Item = Piece<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let current = rest?;
            let (piece, behind) = match current.split_once(byte) {
                Some((piece, behind)) => (piece, Some(behind)),
                None => (current, None),
            };
            rest = behind;
            Some(piece)
        })
    }

    /// What is between spaces, however many there are.
    pub fn words(self) -> impl Iterator<Item = Piece<'a>> {
        self.split(b' ').filter(|piece| !piece.is_empty())
    }

    /// The place behind it.
    pub fn behind(&self) -> Piece<'a> {
        self.part(self.end, self.end)
    }

    pub fn column(&self) -> u32 {
        let before = String::from_utf8_lossy(&self.whole[..self.begin]).chars().count();
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }

    #[cold]
    pub fn error(&self, expected: impl Into<Cow<'static, str>>) -> ParseError {
        ParseError { line: self.line, column: self.column(), expected: expected.into(), found: self.quoted() }
    }

    fn quoted(&self) -> String {
        if self.begin == self.whole.len() {
            return "the end of the line".to_owned();
        }
        // Where something is missing, what stands in its place.
        let bytes = if self.is_empty() { &self.whole[self.begin..] } else { self.bytes() };
        let length = if self.is_empty() { 1 } else { QUOTED };
        let text = String::from_utf8_lossy(bytes);
        let mut shown: String = text.chars().take(length).flat_map(char::escape_debug).collect();
        if text.chars().nth(length).is_some() && length == QUOTED {
            shown.push('…');
        }
        format!("\"{shown}\"")
    }

    /// A whole number, with a sign or without.
    pub fn whole(&self) -> Result<i64, ParseError> {
        let bytes = self.bytes();
        let (negative, digits) = match bytes.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, bytes),
        };
        match digits_of(digits) {
            Some(number) => Ok(if negative { -number } else { number }),
            None => Err(self.error("a whole number")),
        }
    }

    /// A whole number that fits; for what the format limits.
    pub fn whole_in<T: TryFrom<i64>>(&self, expected: &'static str) -> Result<T, ParseError> {
        self.whole().ok().and_then(|number| T::try_from(number).ok()).ok_or_else(|| self.error(expected))
    }

    /// Something that is counted. A script that counts below zero has gone wrong in that place alone: 0, and a note.
    pub fn count(&self, notes: &mut Notes) -> Result<u32, ParseError> {
        let number = self.whole().map_err(|_| self.error("a whole number"))?;
        if number < 0 {
            notes.add(Note::Negative { line: self.line, column: self.column(), value: number });
            return Ok(0);
        }
        u32::try_from(number)
            .ok()
            .filter(|count| *count <= i32::MAX as u32)
            .ok_or_else(|| self.error(format!("a number up to {}", i32::MAX)))
    }

    /// A number with a decimal as tenths. What divided by zero (`nan`, `inf`) is `None`, and a note.
    pub fn tenths(&self, notes: &mut Notes) -> Result<Option<i32>, ParseError> {
        match thousandths_of(self.bytes()) {
            Some(thousandths) => {
                let tenths = (thousandths + if thousandths < 0 { -50 } else { 50 }) / 100;
                i32::try_from(tenths).map(Some).map_err(|_| self.error(format!("a number up to {}", i32::MAX / 10)))
            }
            None if is_no_number(self.bytes()) => {
                notes.add(Note::NotANumber { line: self.line, column: self.column() });
                Ok(None)
            }
            None => Err(self.error("a number")),
        }
    }

    /// A clock of the game, `M:SS`, as seconds. Minutes go beyond 59.
    pub fn clock(&self) -> Result<u32, ParseError> {
        let read = || {
            let (minutes, seconds) = self.split_once(b':')?;
            let (minutes, rest) = (digits_of(minutes.bytes())?, digits_of(seconds.bytes())?);
            (seconds.bytes().len() == 2 && rest < 60 && minutes < 100_000).then_some(())?;
            u32::try_from(minutes * 60 + rest).ok()
        };
        read().ok_or_else(|| self.error("a time as M:SS"))
    }

    /// Text that can be stored and shown: whatever is no UTF-8 and every control character is replaced, and noted.
    pub fn text(&self, notes: &mut Notes) -> Cow<'a, str> {
        let text = String::from_utf8_lossy(self.bytes());
        if matches!(text, Cow::Owned(_)) {
            notes.add(Note::NotUtf8 { line: self.line, column: self.column() });
        }
        if !text.contains(char::is_control) {
            return text;
        }
        notes.add(Note::ControlCharacter { line: self.line, column: self.column() });
        Cow::Owned(text.replace(char::is_control, "\u{fffd}"))
    }
}

/// Digits alone, up to 15 of them.
fn digits_of(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// `-12.345` as -12345; what is behind the third decimal is cut off.
pub fn thousandths_of(bytes: &[u8]) -> Option<i64> {
    let (sign, bytes) = bytes.strip_prefix(b"-").map_or((1, bytes), |rest| (-1, rest));
    let (whole, decimals) = match bytes.iter().position(|b| *b == b'.') {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    };
    let mut number = digits_of(whole)?.checked_mul(1000)?;
    if let Some(decimals) = decimals {
        digits_of(decimals)?;
        let scale = [100, 10, 1];
        number += decimals.iter().zip(scale).map(|(digit, scale)| i64::from(digit - b'0') * scale).sum::<i64>();
    }
    Some(sign * number)
}

/// What C and Lua print for a number that is none.
fn is_no_number(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"-").unwrap_or(bytes);
    ["nan", "inf", "nan(ind)", "1.#ind", "1.#inf", "1.#qnan"]
        .iter()
        .any(|name| bytes.eq_ignore_ascii_case(name.as_bytes()))
}

/// A file that ends before what it should have.
pub fn end_of_file(place: Piece<'_>, expected: &'static str) -> ParseError {
    ParseError { found: "the end of the file".to_owned(), ..place.error(expected) }
}

/// A file that is longer than any script writes.
pub fn too_long(bytes: usize, most: usize) -> ParseError {
    let place = Piece::line(1, &[]);
    ParseError { found: format!("{bytes} bytes"), ..place.error(format!("a file of at most {most} bytes")) }
}

/// The lines of a file with their numbers, without their ends. The last line has to have an end: a file without is cut off.
pub fn lines<'a>(bytes: &'a [u8], notes: &mut Notes) -> Result<Vec<Piece<'a>>, ParseError> {
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => {
            notes.add(Note::ByteOrderMark);
            rest
        }
        None => bytes,
    };
    let mut lines: Vec<Piece<'a>> = Vec::with_capacity(16);
    let mut crlf = false;
    for (number, line) in (1..).zip(bytes.split(|b| *b == b'\n')) {
        let stripped = line.strip_suffix(b"\r");
        crlf |= stripped.is_some();
        lines.push(Piece::line(number, stripped.unwrap_or(line)));
    }
    if crlf {
        notes.add(Note::CarriageReturns);
    }
    match lines.pop() {
        Some(last) if !last.is_empty() => Err(end_of_file(last.behind(), "a line feed: the last line is cut off")),
        _ => Ok(lines),
    }
}
