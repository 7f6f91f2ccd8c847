//! Which destinations an event goes to, and how it looks there. Pure: routes and an event in, a decision out.

pub mod backtest;
pub mod board;
pub mod card;
pub mod change;
pub mod compiled;
pub mod duration;
pub mod embed;
pub mod etlegacy;
pub mod filter;
pub mod kick;
pub mod language;
pub mod noise;
pub mod notice;
pub mod offer;
pub mod panel;
pub mod party;
pub mod post;
pub mod reminder;
pub mod rule;
pub mod signal;
pub mod silence;
pub mod subject;
pub mod template;
pub mod ticket;
pub mod trace;
pub mod view;

pub use rule::{DEFAULT_PATTERN, Decision, Hit, Route, decide, pattern_matches};

/// How a route shows what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A message of its own for each event.
    Post,
    /// One living message per subject and destination.
    Card,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Post => "post",
            Mode::Card => "card",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "post" => Mode::Post,
            "card" => Mode::Card,
            _ => return None,
        })
    }
}

/// How people call a mode.
pub fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Post => "a message for each event",
        Mode::Card => "a living card",
    }
}
