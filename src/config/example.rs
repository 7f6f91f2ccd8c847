//! `.env.example`, written from the table of variables.

use std::fmt::Write as _;

use super::variable::{SECTIONS, Variable};

const HEAD: &str = "\
# Settings of Signalbox. Copy this file to .env and fill in what is not commented out; everything
# else has the default shown. The process environment wins over .env.
#
# A value with spaces, quotes, # or $ goes in single quotes. An empty value counts as unset.
# Every variable marked \"secret\" can also be given as NAME_FILE, the path of a file that holds it.
";

/// The whole text of `.env.example`.
pub fn env_example() -> String {
    let mut out = HEAD.to_owned();
    for section in SECTIONS {
        let _ = write!(out, "\n\n# ---- {} ----\n", section.title);
        comment(&mut out, section.about);
        for variable in section.variables {
            out.push('\n');
            describe(&mut out, variable);
        }
    }
    out
}

fn describe(out: &mut String, variable: &Variable) {
    let mut text = variable.summary.to_owned();
    if variable.secret {
        text.push_str(" (secret)");
    }
    if variable.default.is_some_and(str::is_empty) || variable.default.is_none() && !variable.example.is_empty() {
        text.push_str(" Example:");
    }
    comment(out, &text);
    let shown = variable.default.filter(|text| !text.is_empty()).unwrap_or(variable.example);
    let value = if shown.contains([' ', '"', '#', '$', '\\']) { format!("'{shown}'") } else { shown.to_owned() };
    let _ = writeln!(out, "{}{}={value}", if variable.required { "" } else { "#" }, variable.name);
}

/// Comment lines of at most 100 characters.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            let _ = writeln!(out, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}
