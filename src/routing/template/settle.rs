//! Makes foreign text harmless where it stands: escaped in running text; inside of code, where a backslash
//! would show, only its backticks are replaced.

use crate::routing::embed::escape_at;

/// Stand around foreign text between rendering and here: characters that mean nothing in any text.
pub(super) const OPEN: char = '\u{FDD0}';
pub(super) const CLOSE: char = '\u{FDD1}';

/// A rendered text with its marks taken out.
pub(super) fn settle(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // The length of the run of backticks that began the code we are in.
    let mut code: Option<usize> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == OPEN {
            let inner = &rest[c.len_utf8()..];
            // What was cut off at the end has no close mark.
            let end = inner.find(CLOSE).unwrap_or(inner.len());
            let foreign = &inner[..end];
            if code.is_some() {
                out.push_str(&foreign.replace('`', "'"));
            } else {
                let begins_line = out.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
                out.push_str(&escape_at(foreign, begins_line));
            }
            rest = inner[end..].trim_start_matches(CLOSE);
            continue;
        }
        if c == '`' {
            let run = rest.len() - rest.trim_start_matches('`').len();
            code = match code {
                Some(open) if open == run => None,
                Some(open) => Some(open),
                None => closes(&rest[run..], run).then_some(run),
            };
            out.push_str(&rest[..run]);
            rest = &rest[run..];
            continue;
        }
        if c != CLOSE {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Whether a run of as many backticks comes in the author's own text.
fn closes(mut rest: &str, run: usize) -> bool {
    while let Some(at) = rest.find(['`', OPEN]) {
        rest = &rest[at..];
        if rest.starts_with(OPEN) {
            let Some(end) = rest.find(CLOSE) else { return false };
            rest = &rest[end..];
            continue;
        }
        let found = rest.len() - rest.trim_start_matches('`').len();
        if found == run {
            return true;
        }
        rest = &rest[found..];
    }
    false
}
