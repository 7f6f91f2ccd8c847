//! The one message that tells what was held back: the receipt of a silence, and the digest of a route. Pure.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::routing::embed::{Button, ButtonStyle, DESCRIPTION, Embed, Footer, TITLE, escape, fit, relative};

/// Examples and open things that are named.
pub const NAMED: usize = 8;
/// Lines of a digest.
pub const LISTED: usize = 25;
/// Kinds that are counted each for itself.
const KINDS: usize = 12;
const GREY: u32 = 0x75_7575;

/// What the buttons of such a message are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The event under which it stands.
    pub told_in: Uuid,
    /// Can be extended.
    pub silence_id: Option<Uuid>,
    /// How much it tells of.
    pub count: i64,
    /// Whether there was something to be posted when it was written.
    pub has_open: bool,
}

impl Receipt {
    pub fn buttons(&self) -> Vec<Button> {
        let button = |verb: &str, id: Uuid, label: &str| Button {
            custom_id: format!("v1:silence:{verb}:{id}"),
            label: label.to_owned(),
            emoji: None,
            style: ButtonStyle::Secondary,
        };
        let mut buttons: Vec<Button> = self.silence_id.map(|id| button("extend", id, "Extend")).into_iter().collect();
        if self.count > 0 {
            buttons.push(button("show", self.told_in, "Show"));
        }
        if self.has_open {
            buttons.push(button("post", self.told_in, "Post the open ones"));
        }
        buttons
    }
}

/// What was held back, as far as it is told in one message.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub count: i64,
    /// By kind, the most frequent first.
    pub kinds: Vec<(String, i64)>,
    /// Of the place where it is told, the newest first.
    pub newest: Vec<Line>,
    /// How many of that place may be named.
    pub listed: i64,
    /// Living cards that were not posted and whose thing is still open.
    pub open: Vec<Open>,
    pub oldest_at: Option<DateTime<Utc>>,
    pub newest_at: Option<DateTime<Utc>>,
    /// How many were meant for other places.
    pub elsewhere: i64,
}

/// One event that was held back.
#[derive(Clone, Debug)]
pub struct Line {
    pub kind: String,
    pub at: DateTime<Utc>,
    pub headline: String,
}

/// A thing that is still open.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub kind: String,
    pub headline: String,
}

/// A silence, as its receipt tells of it.
pub struct Over<'a> {
    pub pattern: &'a str,
    pub reason: &'a str,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
}

/// The receipt of a silence.
pub fn of_silence(over: &Over<'_>, summary: &Summary) -> Embed {
    let span = format!("From <t:{}:f> to <t:{}:f>.", over.started_at.timestamp(), over.ended_at.timestamp());
    let words = match summary.count {
        0 => format!("{span} Nothing came that it would have withheld."),
        _ => span,
    };
    let title = format!("🔔 The silence of {} is over", escape(over.pattern));
    frame(&title, &words, "silence")
        .field("Reason", fit(&escape(over.reason), 300), false)
        .field("Withheld", kinds(summary), false)
        .field("Newest", lines(summary), false)
        .field("Still open", open(&summary.open), false)
}

/// The digest of what routes held back for one reason.
pub fn digest(reason: &str, summary: &Summary) -> Embed {
    let title = match reason {
        "quiet" => "🌙 During quiet hours",
        "throttle" => "🚦 More than was posted at once",
        "repeat" => "🔁 The same again",
        "late" => "⏰ Came too late to be posted one by one",
        _ => "📋 Digest",
    };
    let counted = if summary.count == 1 { "1 event".to_owned() } else { format!("{} events", summary.count) };
    let span = match (summary.oldest_at, summary.newest_at) {
        (Some(oldest), Some(newest)) if oldest != newest => {
            format!("From <t:{}:f> to <t:{}:f>.", oldest.timestamp(), newest.timestamp())
        }
        (Some(at), _) => format!("Of <t:{}:f>.", at.timestamp()),
        _ => String::new(),
    };
    let words = [span, lines(summary)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    frame(&format!("{title}: {counted}"), &words, "digest").field("Withheld", kinds(summary), false).field(
        "Still open",
        open(&summary.open),
        false,
    )
}

fn frame(title: &str, words: &str, what: &str) -> Embed {
    Embed {
        title: fit(title, TITLE),
        description: fit(words, DESCRIPTION),
        color: GREY,
        footer: Footer { text: format!("Signalbox · {what}"), icon_url: None },
        ..Embed::default()
    }
}

fn kinds(summary: &Summary) -> String {
    let mut parts: Vec<String> =
        summary.kinds.iter().take(KINDS).map(|(kind, n)| format!("{n} × `{}`", kind.replace('`', "'"))).collect();
    let rest: i64 = summary.kinds.iter().skip(KINDS).map(|(_, n)| n).sum();
    if rest > 0 {
        parts.push(format!("{rest} of other types"));
    }
    let mut words = parts.join(", ");
    if summary.elsewhere > 0 {
        let _ = write!(words, "; {} of them for other places", summary.elsewhere);
    }
    words
}

fn lines(summary: &Summary) -> String {
    let mut lines: Vec<String> = summary.newest.iter().map(line).collect();
    let more = summary.listed - lines.len() as i64;
    if more > 0 && !lines.is_empty() {
        lines.push(format!("… and {more} more: press Show"));
    }
    lines.join("\n")
}

/// `alert.triggered` disk full, 5 minutes ago
pub fn line(line: &Line) -> String {
    let headline = if line.headline.is_empty() { String::new() } else { format!(" {}", escape(&line.headline)) };
    format!("• `{}`{headline} {}", line.kind.replace('`', "'"), relative(line.at))
}

fn open(open: &[Open]) -> String {
    let mut lines: Vec<String> =
        open.iter().take(NAMED).map(|open| format!("• {} {}", open.kind, escape(&open.headline))).collect();
    if open.len() > NAMED {
        lines.push(format!("… and {} more", open.len() - NAMED));
    }
    lines.join("\n")
}
