//! Texts about match statistics. What cards have as well is written as they write it (`routing::etlegacy::look`).

pub mod board;
pub mod import;
pub mod person;
pub mod player;
pub mod session;

use crate::routing::embed::{Embed, Footer};
use crate::routing::etlegacy::look::BLURPLE;

pub const FOOTER: &str = "ET:Legacy";
pub const NO_ROUNDS: &str = "No rounds that count.";
pub const KIND: &str = "Choose what the list is by from the suggestions, such as kills, dpm or rating.";
pub const MONTH: &str = "Write the month as 10, 2025-10 or october.";
pub const TWO: &str = "Choose two different players.";

/// The frame of an answer.
pub fn frame(title: String) -> Embed {
    let footer = Footer { text: FOOTER.to_owned(), ..Footer::default() };
    Embed { title, color: BLURPLE, footer, ..Embed::default() }
}

/// `Page 2 of 5`
pub fn page(at: usize, pages: usize) -> String {
    format!("{FOOTER} · page {} of {pages}", at + 1)
}
