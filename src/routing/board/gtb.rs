//! The board of Guess the Balance, and how its money is shown.

use chrono::{DateTime, Utc};

use super::{GREEN, GREY, button, frame};
use crate::routing::embed::{ButtonStyle, MessageBody, escape, fit, relative};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GtbState {
    Open,
    Closed,
    Completed,
}

impl GtbState {
    pub fn as_str(self) -> &'static str {
        match self {
            GtbState::Open => "open",
            GtbState::Closed => "closed",
            GtbState::Completed => "completed",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [GtbState::Open, GtbState::Closed, GtbState::Completed].into_iter().find(|state| state.as_str() == word)
    }
}

/// A guess that won.
#[derive(Clone, Debug, PartialEq)]
pub struct GtbWinner {
    pub rank: i32,
    pub who: String,
    pub cents: i64,
    pub difference: i64,
}

/// The newest session of a server.
#[derive(Clone, Debug)]
pub struct GtbSession {
    pub number: i64,
    pub state: GtbState,
    pub guesses: i64,
    /// A mention, unless it is forgotten.
    pub opened_by: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub result_cents: Option<i64>,
    pub winners: Vec<GtbWinner>,
}

#[derive(Clone, Debug, Default)]
pub struct GtbView {
    pub newest: Option<GtbSession>,
    /// The last one that was completed before it.
    pub last: Option<GtbSession>,
}

pub fn render(view: &GtbView) -> MessageBody {
    let newest = view.newest.as_ref();
    let state = newest.map(|session| session.state);
    let (status, color) = match state {
        Some(GtbState::Open) => ("🟢 Open", GREEN),
        Some(GtbState::Closed) => ("🔴 Closed, waiting for the result", 0xE7_4C3C),
        _ => ("⚪ No session", GREY),
    };
    let mut embed = frame("🎮 Guess the Balance", color, None).field("Status", status, true);
    if let Some(session) = newest.filter(|session| session.state != GtbState::Completed) {
        let by = session.opened_by.as_deref().unwrap_or("someone");
        embed = embed
            .field("Session", format!("#{}", session.number), true)
            .field("Guesses", grouped(session.guesses), true)
            .field("Opened", format!("{} by {by}", relative(session.opened_at)), true);
    }
    let last = newest.filter(|session| session.state == GtbState::Completed).or(view.last.as_ref());
    if let Some(last) = last {
        embed = embed.field("Last session", finished(last), false);
    }
    if state == Some(GtbState::Open) {
        embed = embed.text("Guess with `!gtb <amount>` in chat or `/gtb guess` here. A later guess replaces yours.");
    }
    let mut buttons = Vec::new();
    if state != Some(GtbState::Open) {
        buttons.push(button("v1:gtb:open:0", "Open", ButtonStyle::Success));
    } else {
        buttons.push(button("v1:gtb:close:0", "Close", ButtonStyle::Danger));
    }
    if state == Some(GtbState::Closed) {
        buttons.push(button("v1:gtb:result:0", "Set result", ButtonStyle::Success));
    }
    buttons.push(button("v1:gtb:refresh:0", "Refresh", ButtonStyle::Secondary));
    MessageBody { embeds: vec![embed], buttons, ..MessageBody::default() }
}

fn finished(session: &GtbSession) -> String {
    let result = session.result_cents.map(money).unwrap_or_default();
    let winners = podium(&session.winners, |winner| escape(&fit(&winner.who, 60)));
    format!("#{} · {result}\n{winners}", session.number)
}

/// `🥇 ada: $1,499.00 ($1.25 off) | 🥈 …`
pub fn podium(winners: &[GtbWinner], name: impl Fn(&GtbWinner) -> String) -> String {
    let line = |winner: &GtbWinner| {
        let medal = match winner.rank {
            1 => "🥇".to_owned(),
            2 => "🥈".to_owned(),
            3 => "🥉".to_owned(),
            rank => format!("{rank}."),
        };
        format!("{medal} {}: {} ({} off)", name(winner), money(winner.cents), money(winner.difference))
    };
    let lines: Vec<String> = winners.iter().map(line).collect();
    if lines.is_empty() { "nobody guessed".to_owned() } else { lines.join(" | ") }
}

/// `$1,500.25`
pub fn money(cents: i64) -> String {
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

/// `1,234,567`
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
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
    fn amounts_are_shown_with_commas() {
        assert_eq!(
            [money(1), money(150_025), money(99_999_999_999_999)],
            ["$0.01", "$1,500.25", "$999,999,999,999.99"]
        );
        assert_eq!([grouped(0), grouped(-1234), grouped(100)], ["0", "-1,234", "100"]);
    }
}
