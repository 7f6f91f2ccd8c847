//! The message that says that something is still to be decided.

use chrono::{DateTime, Utc};

use crate::routing::embed::{Embed, Footer, escape, fit, relative};

/// What a reminder is about.
pub struct Reminder<'a> {
    pub title: &'a str,
    /// When the decision was asked for.
    pub since: DateTime<Utc>,
    pub votes: i32,
    pub needed: i32,
    /// Where the card with the buttons is.
    pub link: Option<String>,
    pub is_escalation: bool,
}

/// Characters of the title that are shown.
const TITLE: usize = 200;

pub fn render(reminder: &Reminder<'_>, now: DateTime<Utc>) -> Embed {
    let (title, color) = if reminder.is_escalation {
        ("🔔 Nobody has decided", 0xE74C3C)
    } else {
        ("⏰ Still to be decided", 0xF1C40F)
    };
    let mut lines =
        vec![format!("**{}** waits since {}.", fit(&escape(reminder.title), TITLE), relative(reminder.since))];
    if reminder.needed > 1 {
        lines.push(format!("{} of {} approved.", reminder.votes, reminder.needed));
    }
    lines.push(match &reminder.link {
        Some(link) => format!("[Decide on its card]({link})"),
        None => "Decide on its card.".to_owned(),
    });
    Embed {
        title: title.to_owned(),
        description: lines.join("\n"),
        color,
        footer: Footer { text: "Signalbox · reminder".to_owned(), ..Footer::default() },
        timestamp: Some(now),
        ..Embed::default()
    }
}
