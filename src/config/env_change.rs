//! Puts values into the text of a `.env` file: every other line and every comment stays as it is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::env_file;

/// The text with the values in it, and what that did.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    pub text: String,
    pub added: Vec<String>,
    /// Names that had another value.
    pub replaced: Vec<String>,
}

impl Change {
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.replaced.is_empty()
    }
}

/// Values go where the name stands already, else below its commented line, else to the end.
pub fn change(text: &str, values: &[(&str, &str)]) -> Change {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let (entries, _) = env_file::parse(text.as_bytes());
    let (mut added, mut replaced) = (Vec::new(), Vec::new());
    // Lines to be exchanged: from, to (exclusive), with what. Applied from the end, so that numbers stay right.
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let mut at_the_end = Vec::new();
    for &(name, value) in values {
        let line = format!("{name}={}", quoted(value));
        if let Some(entry) = entries.iter().find(|entry| entry.name == name) {
            if entry.value == value {
                continue;
            }
            if entry.value.trim().is_empty() { &mut added } else { &mut replaced }.push(name.to_owned());
            edits.push((entry.line - 1, entry.end, line));
        } else {
            added.push(name.to_owned());
            match lines.iter().rposition(|line| is_commented(line, name)) {
                Some(at) => edits.push((at + 1, at + 1, line)),
                None => at_the_end.push(line),
            }
        }
    }
    // A line that comes in before another one is exchanged: from the end, the other one first.
    edits.sort_by_key(|(from, to, _)| (*from, *to));
    for (from, to, line) in edits.into_iter().rev() {
        lines.splice(from..to, [line]);
    }
    if !at_the_end.is_empty() && lines.last().is_some_and(|line| !line.trim().is_empty()) {
        lines.push(String::new());
    }
    lines.extend(at_the_end);
    let mut text = lines.join("\n");
    text.push('\n');
    Change { text, added, replaced }
}

/// Writes a file that only its owner may read: the old one, or the new one whole.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    let written = (|| {
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// `#NAME=…` or `# NAME=…`, as `.env.example` has it.
fn is_commented(line: &str, name: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('#') else { return false };
    rest.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=~?&".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    // Where a line ends is found without regard to the kind of quotes: a backslash escapes in both.
    if !value.contains(['\'', '\n', '\\']) {
        return format!("'{value}'");
    }
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '"' | '\\' | '$' => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_go_where_their_name_stands() {
        let before = "# mine\nA=1 # why\n\n# Where it is.\n#B=example\nC=\nD=\"two\nlines\"\nE=5\n";
        let change = change(before, &[("A", "1"), ("B", "two words"), ("C", "3"), ("D", "4"), ("F", "6")]);
        assert_eq!(
            change.text,
            "# mine\nA=1 # why\n\n# Where it is.\n#B=example\nB='two words'\nC=3\nD=4\nE=5\n\nF=6\n"
        );
        assert_eq!((change.added, change.replaced), (vec!["B".into(), "C".into(), "F".into()], vec!["D".into()]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in "[ -~äöü€\n]{1,40}", other in "[a-z #]{0,20}") {
            prop_assume!(!value.trim().is_empty());
            let text = format!("# {other}\nOTHER=1\n");
            let changed = change(&text, &[("NAME", &value)]);
            let (entries, bad) = env_file::parse(changed.text.as_bytes());
            prop_assert_eq!(bad, vec![]);
            prop_assert_eq!(&entries.iter().find(|e| e.name == "NAME").unwrap().value, &value);
            prop_assert!(changed.text.starts_with(&text));
            prop_assert!(change(&changed.text, &[("NAME", &value)]).is_none());
        }
    }
}
