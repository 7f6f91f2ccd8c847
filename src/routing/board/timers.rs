//! The board of timed messages.

use chrono::{DateTime, Utc};

use super::{BLUE, button, frame};
use crate::routing::embed::{ButtonStyle, MessageBody, escape, fit, relative};

/// One timed message, as it is listed.
#[derive(Clone, Debug)]
pub struct TimerLine {
    pub number: i64,
    pub texts: Vec<String>,
    /// `every 30 min` or the cron expression.
    pub rhythm: String,
    pub enabled: bool,
    pub next_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, Default)]
pub struct TimersView {
    pub timers: Vec<TimerLine>,
}

pub fn line(timer: &TimerLine) -> String {
    let mark = if timer.enabled { "🟢" } else { "⚪" };
    let next = timer.next_at.filter(|_| timer.enabled).map(|at| format!(" · next {}", relative(at)));
    let first = timer.texts.first().map(|text| escape(&fit(text, 80))).unwrap_or_default();
    let more = match timer.texts.len() {
        0 | 1 => String::new(),
        texts => format!(" (+{} more)", texts - 1),
    };
    format!("{mark} #{} · {}{} · {first}{more}", timer.number, timer.rhythm, next.unwrap_or_default())
}

pub fn render(view: &TimersView) -> MessageBody {
    let lines: Vec<String> = view.timers.iter().map(line).collect();
    let words = if lines.is_empty() { "There are none yet: `/timer add`.".to_owned() } else { lines.join("\n") };
    let buttons = vec![
        button("v1:timer:on:0", "Enable all", ButtonStyle::Success),
        button("v1:timer:off:0", "Disable all", ButtonStyle::Danger),
        button("v1:timer:refresh:0", "Refresh", ButtonStyle::Secondary),
    ];
    MessageBody { embeds: vec![frame("⏰ Timed messages", BLUE, None).text(words)], buttons, ..MessageBody::default() }
}
