//! The notice about a file, in the format that bots know (Facts 7). Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::source::etlegacy::file_name::{self, FileName};

const USERNAME: &str = "ET:Legacy Stats";
/// Behind what bots read.
const REPEATED: &str = " | possibly repeated";

/// The body for Discord. `name` was found by [`super::directory::is_told_of`].
pub fn body(name: &str, size: u64, repeated: bool, now: DateTime<Utc>) -> Value {
    let (sign, title, color, words, about) = match file_name::parse(name) {
        Ok(FileName::Awards(about)) => ("🏆", "🏆 Awards Ready", 0x00F1_C40F, " Awards", Some(about)),
        Ok(FileName::Round(about) | FileName::Sidecar(about)) => {
            ("📊", "⚡ Round Complete", 0x0034_98DB, "", Some(about))
        }
        Err(_) => ("📊", "⚡ Round Complete", 0x0034_98DB, "", None),
    };
    let description = about.map(|about| format!("**{}** - Round {}{words}", about.map, about.round));
    let mark = if repeated { REPEATED } else { "" };
    json!({
        "username": USERNAME,
        "content": format!("{sign} `{name}`"),
        "embeds": [{
            "title": title,
            "description": description,
            "color": color,
            "footer": { "text": format!("{} bytes | Triggering bot...{mark}", with_separators(size)) },
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
        }],
        "allowed_mentions": { "parse": [] },
    })
}

/// `1,890`
fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1890, "1,890"), (1_048_576, "1,048,576")] {
            assert_eq!(with_separators(number), text);
        }
    }
}
