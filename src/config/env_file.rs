//! Reads a `.env` file with the line of every entry.
//!
//! The syntax is dotenvy's, with one thing added: an unquoted JSON object or array (as the original
//! bots' own `.env.example` has it) is taken as it stands instead of losing its quotes.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// One `NAME=value`; `line` counts from 1 and is where the name stands, `end` is its last line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub value: String,
    pub line: usize,
    pub end: usize,
}

/// A line that cannot be read, and what to do about it. Never quotes the line: it may hold a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    pub line: usize,
    pub text: String,
}

pub(super) fn parse(content: &[u8]) -> (Vec<Entry>, Vec<BadLine>) {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(error) => {
            let line = 1 + content[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            return (Vec::new(), vec![BadLine { line, text: "is not UTF-8; save the file as UTF-8".into() }]);
        }
    };
    let lines: Vec<&str> = text.lines().collect();
    let handed_out = Rc::new(Cell::new(0));
    let reader = LineByLine { lines: lines.clone(), pending: Vec::new(), offset: 0, handed_out: handed_out.clone() };

    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    let mut parsed = dotenvy::Iter::new(reader);
    loop {
        let before = handed_out.get();
        let Some(item) = parsed.next() else { break };
        let end = handed_out.get();
        // dotenvy passes over blank lines and comments, nothing else, to reach an entry.
        let start = (before..end).find(|&i| is_content(lines[i])).unwrap_or(before);
        match item {
            Ok((name, value)) => entries.push(Entry { name, value, line: start + 1, end }),
            Err(_) => bad.push(BadLine { line: start + 1, text: advice(lines.get(start), end - start).into() }),
        }
    }
    (entries, bad)
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn advice(line: Option<&&str>, lines_taken: usize) -> &'static str {
    match line {
        _ if lines_taken > 1 => "has a quote that is opened and never closed",
        Some(line) if line.contains('=') => {
            "cannot be read; a value with spaces, quotes, # or $ goes in single quotes: NAME='the value'"
        }
        _ => "should be NAME=value, or a comment that begins with #",
    }
}

/// Puts single quotes around a bare JSON value. Anything else is handed on unchanged.
fn quote_bare_json(line: &str) -> Option<String> {
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let is_json = (value.starts_with('{') && value.ends_with('}')) || (value.starts_with('[') && value.ends_with(']'));
    (is_json && !value.contains('\'')).then(|| format!("{name}='{value}'"))
}

/// Hands out at most one line per read and counts them: dotenvy's buffer then never runs ahead of
/// the entry that it returns.
struct LineByLine<'a> {
    lines: Vec<&'a str>,
    pending: Vec<u8>,
    offset: usize,
    handed_out: Rc<Cell<usize>>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.offset == self.pending.len() {
            let Some(line) = self.lines.get(self.handed_out.get()) else { return Ok(0) };
            self.pending = quote_bare_json(line).unwrap_or_else(|| (*line).to_owned()).into_bytes();
            self.pending.push(b'\n');
            self.offset = 0;
            self.handed_out.set(self.handed_out.get() + 1);
        }
        let rest = &self.pending[self.offset..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.offset += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String, usize)> {
        let (entries, bad) = parse(text.as_bytes());
        assert_eq!(bad, []);
        entries.into_iter().map(|e| (e.name, e.value, e.line)).collect()
    }

    #[test]
    fn every_entry_knows_its_line() {
        let text = "\u{FEFF}# a comment\n\nA=1\r\nexport B='two words' # why\nC=\"x\ny\"\n\nD=\nE=5";
        let expected = [("A", "1", 3), ("B", "two words", 4), ("C", "x\ny", 5), ("D", "", 8), ("E", "5", 9)];
        assert_eq!(entries(text), expected.map(|(n, v, l)| (n.to_owned(), v.to_owned(), l)));
    }

    #[test]
    fn bare_json_is_taken_as_it_stands() {
        let json = r#"{"ticket_created": ["914986636629143562"], "default": [1]}"#;
        assert_eq!(entries(&format!("A={json}\n"))[0].1, json);
        assert_eq!(entries(&format!("A='{json}'\n"))[0].1, json);
    }

    #[test]
    fn a_line_longer_than_the_buffer_counts_once() {
        let long = "x".repeat(40_000);
        assert_eq!(entries(&format!("A={long}\nB=1\n"))[1].2, 2);
    }

    #[test]
    fn bad_lines_are_told_apart_and_never_quoted() {
        let (entries, bad) = parse(b"A=1\nhunter2\nB=two words\nC=3\nD=\"open\nE=5\n");
        assert_eq!(entries.len(), 2);
        let told: Vec<(usize, &str)> = bad.iter().map(|b| (b.line, b.text.as_str())).collect();
        assert_eq!(told[0], (2, "should be NAME=value, or a comment that begins with #"));
        assert_eq!(told[1].0, 3);
        assert_eq!(told[2], (5, "has a quote that is opened and never closed"));
        assert!(bad.iter().all(|b| !b.text.contains("hunter2")));
        assert_eq!(parse(b"A=1\nB=\xFF\n").1[0].line, 2);
    }
}
