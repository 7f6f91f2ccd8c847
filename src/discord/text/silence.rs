//! Texts about silences and what they withheld.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::silence::{About, Preview};
use crate::event::Severity;
use crate::routes::look_back::Withheld;
use crate::routing::duration::span;
use crate::routing::embed::{escape, fit, relative};
use crate::routing::silence::receipt::{Line, line};
use crate::store::silence::StoredSilence;

pub const TITLE: &str = "🔕 Silences";
pub const NONE: &str = "Nothing is silenced. /silence add silences something for a time.";
pub const START: &str = "Silence";
pub const BAD_SPAN: &str = "A silence lasts from a minute to 90 days, such as 30m, 2h, 1d or 1w.";
pub const UNKNOWN: &str = "There is no such silence. /silence list shows those that there are.";
pub const NOT_OURS: &str = "This message is none that tells of an event, so there is nothing to silence.";
pub const HOW_LONG: &str = "How long?";
pub const EXTEND: &str = "How much longer shall it be silent? From now on, if it is over.";
pub const NOTHING_OPEN: &str = "Nothing of it is open any more, or its card is there already.";
pub const SHOWN: &str = "🔕 What was withheld";
pub const GONE: &str = "It is not kept any more.";
const FIELD: usize = 1000;

/// Spans that are offered, in the order of a menu.
pub const SPANS: [(&str, TimeDelta); 6] = [
    ("30 minutes", TimeDelta::minutes(30)),
    ("1 hour", TimeDelta::hours(1)),
    ("4 hours", TimeDelta::hours(4)),
    ("1 day", TimeDelta::days(1)),
    ("3 days", TimeDelta::days(3)),
    ("1 week", TimeDelta::days(7)),
];

/// What it matches, on one line.
pub fn matcher(silence: &StoredSilence) -> String {
    let code = |text: &str| format!("`{}`", text.replace('`', "'").replace('\n', " "));
    let mut out = code(&silence.pattern);
    if let Some(source) = &silence.source {
        let _ = write!(out, " from {}", escape(source));
    }
    if let Some(subject) = &silence.subject {
        let _ = write!(out, " about {}", code(&fit(subject, 80)));
    }
    if silence.min_severity != Severity::Debug {
        let _ = write!(out, " ≥ {}", silence.min_severity.as_str());
    }
    if let Some(filter) = &silence.filter {
        let _ = write!(out, " if {}", code(&fit(filter, 80)));
    }
    out
}

/// Title and text of a proposal.
pub fn proposal(silence: &StoredSilence) -> String {
    let mut out = format!("{}\nfor {}", matcher(silence), span(TimeDelta::seconds(silence.lasts_seconds)));
    if !silence.reason.is_empty() {
        let _ = write!(out, ", because {}", escape(&silence.reason));
    }
    out.push_str(
        "\n\nNew messages are withheld. A card that is there already is still edited. When it is over, one \
                  message tells what was withheld and what is still open.",
    );
    out
}

/// What it would have withheld.
pub fn withheld(withheld: &Withheld) -> String {
    let bound = if withheld.complete { "" } else { ", the newest; older ones were not looked at" };
    let mut out = format!("In the last 24 hours: {}{bound}. ", plural(withheld.looked_at));
    match withheld.events {
        0 => out.push_str("None of them would have been withheld."),
        n => {
            let kinds: Vec<String> = withheld.kinds.iter().take(6).map(|(kind, n)| format!("{n} × `{kind}`")).collect();
            let _ = write!(out, "{n} would have been withheld: {}.", kinds.join(", "));
        }
    }
    for seen in &withheld.examples {
        let _ = write!(
            out,
            "\n🔕 {}",
            line(&Line { kind: seen.kind.clone(), at: seen.at, headline: seen.headline.clone() })
                .trim_start_matches("• ")
        );
    }
    fit(&out, FIELD)
}

fn plural(n: usize) -> String {
    if n == 1 { "1 event".to_owned() } else { format!("{n} events") }
}

/// One line of `/silence list`.
pub fn list_line(silence: &StoredSilence, now: DateTime<Utc>) -> String {
    let ends_at = silence.ends_at.unwrap_or(now);
    let state =
        if ends_at > now { format!("ends {}", relative(ends_at)) } else { format!("over {}", relative(ends_at)) };
    let by = silence.by.map_or_else(String::new, |by| format!(" · by <@{by}>"));
    let reason = if silence.reason.is_empty() { String::new() } else { format!(" · {}", escape(&silence.reason)) };
    let withheld = if silence.withheld == 0 { String::new() } else { format!(" · {} withheld", silence.withheld) };
    let sign = if ends_at > now { "🔕" } else { "🔔" };
    format!("{sign} {} · {state}{withheld}{by}{reason}", matcher(silence))
}

/// In a list to choose from: plain text.
pub fn choice(silence: &StoredSilence, now: DateTime<Utc>) -> String {
    let left = silence.ends_at.map(|at| at - now).filter(|left| *left > TimeDelta::zero());
    let left = left.map_or_else(|| "over".to_owned(), |left| format!("{} left", span(left)));
    let about = silence.subject.as_ref().map(|subject| format!(" about {subject}")).unwrap_or_default();
    let reason = if silence.reason.is_empty() { String::new() } else { format!(" · {}", silence.reason) };
    fit(&format!("{}{about} · {left}{reason}", silence.pattern), 100)
}

pub fn started(silence: &StoredSilence) -> String {
    let until = silence.ends_at.unwrap_or_default().timestamp();
    format!("🔕 {} is silent until <t:{until}:f>. /silence end ends it before.", matcher(silence))
}

/// Begun from a message, without a look before.
pub fn started_here(preview: &Preview) -> String {
    let mut out = started(&preview.silence);
    let _ = write!(out, "\n{}", withheld(&preview.withheld));
    for warning in &preview.warnings {
        let _ = write!(out, "\n⚠️ {}", fit(warning, 300));
    }
    fit(&out, 1900)
}

pub fn ended(silence: &StoredSilence) -> String {
    format!("🔔 The silence of {} is over. What it withheld is told where it would have gone.", matcher(silence))
}

/// What the menu of a message proposes.
pub fn about(about: &About) -> String {
    let subject = about.subject.as_ref().map(|s| format!(" about `{}`", s.replace('`', "'"))).unwrap_or_default();
    format!(
        "Silence `{}` from {}{subject}? New messages are withheld, and told of when it is over.",
        about.pattern,
        escape(&about.source)
    )
}

pub fn posted(cards: usize) -> String {
    if cards == 1 { "1 card is posted.".to_owned() } else { format!("{cards} cards are posted.") }
}

pub fn warnings(warnings: &[String]) -> String {
    super::route::warnings(warnings)
}
