//! Texts about the rules of a stream community.

use std::fmt::Write as _;

use super::points::{minutes, number, times};
use crate::community::bits::start_of;
use crate::community::rules::Rules;
use crate::community::settings::Imported;

pub const EVERYONE: &str = "Everybody has that role: set the points of five minutes with /community rules instead.";
pub const TOO_LARGE: &str =
    "The file is larger than 5 MB. Nothing was imported: split it, each part as an import of its own.";
pub const NOTHING_IMPORTED: &str = "Nothing was imported; try again.";
pub const IMPORT_TITLE: &str = "Bring viewers along";
pub const IMPORT_LABEL: &str = "A line for each: viewer,minutes,points";
pub const IMPORT_EXAMPLE: &str = "viewer,minutes,points\nada,1250,300";

pub fn rules(rules: &Rules) -> String {
    let mut out =
        format!("Watching earns **{}** points in 5 minutes, subscribers **{}**.\n", rules.rate, rules.sub_rate);
    if !rules.multipliers.is_empty() {
        let roles = rules.multipliers.iter().map(|(role, by)| format!("<@&{role}> **{}**", times(i64::from(*by))));
        let _ = writeln!(
            out,
            "Linked members with a role earn more of it: {}; the highest counts.",
            roles.collect::<Vec<_>>().join(", ")
        );
    }
    let _ = writeln!(
        out,
        "A message counts for **{} min**, when **{}** people have written within 5 min; **{}** a day at most.",
        rules.active_minutes,
        rules.min_chatters,
        minutes(i64::from(rules.day_cap))
    );
    let _ = write!(
        out,
        "Following earns **{}** once, subscribing **{}**, each gifted subscription **{}**, 100 kicks **{}**.",
        number(i64::from(rules.follow)),
        number(i64::from(rules.sub)),
        number(i64::from(rules.gift)),
        number(i64::from(rules.kicks))
    );
    if rules.redemption > 0 {
        let _ = write!(out, "\n100 channel points of an accepted reward earn **{}**.", rules.redemption);
    }
    out
}

pub fn from_hour(hour: i32, later: &Rules) -> String {
    format!("From <t:{}:t> on:\n{}", start_of(hour).timestamp(), rules(later))
}

pub fn switched(kind: &str, on: bool, changed: bool) -> String {
    let words = match (kind, on) {
        ("force", true) => "Watching counts from now on, whether the channel is live or not, until this is turned off.",
        ("force", false) => "Watching counts while the channel is live.",
        (_, true) => "Counting is paused from now on. What is written meanwhile never counts.",
        (_, false) => "Counting goes on.",
    };
    if changed { words.to_owned() } else { format!("It was so already. {words}") }
}

pub fn ignored(name: &str, on: bool, changed: bool) -> String {
    let words = if on { "is not counted from now on" } else { "is counted again" };
    format!("{}{} {words}.", if changed { "" } else { "It was so already: " }, crate::routing::embed::escape(name))
}

pub fn imported(imported: &Imported) -> String {
    format!(
        "{} lines, {} names are new. {} of them are known and have it now; the others get it when they are first seen.",
        imported.lines, imported.new, imported.given
    )
}
