//! The card of a raffle or giveaway: how to take part, and what is published so that anyone can recompute it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::gtb::grouped;
use super::{GOLD, GREEN, GREY, button, count, frame};
use crate::routing::embed::{Button, ButtonStyle, Embed, MessageBody, TITLE, escape, fit, relative};

/// Winners that a card names.
const NAMED: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawKind {
    Raffle,
    Giveaway,
}

impl DrawKind {
    pub fn as_str(self) -> &'static str {
        match self {
            DrawKind::Raffle => "raffle",
            DrawKind::Giveaway => "giveaway",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [DrawKind::Raffle, DrawKind::Giveaway].into_iter().find(|kind| kind.as_str() == word)
    }

    /// `🎟️ Raffle`
    pub fn title(self) -> &'static str {
        match self {
            DrawKind::Raffle => "🎟️ Raffle",
            DrawKind::Giveaway => "🎉 Giveaway",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawState {
    Open,
    Closed,
    Drawn,
    Cancelled,
}

impl DrawState {
    pub fn as_str(self) -> &'static str {
        match self {
            DrawState::Open => "open",
            DrawState::Closed => "closed",
            DrawState::Drawn => "drawn",
            DrawState::Cancelled => "cancelled",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [DrawState::Open, DrawState::Closed, DrawState::Drawn, DrawState::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Somebody who was drawn.
#[derive(Clone, Debug)]
pub struct WinnerView {
    pub place: i32,
    /// A mention, or the name in chat.
    pub who: String,
    pub ticket: i64,
    pub total: i64,
    pub tickets: i64,
    pub claim_until: Option<DateTime<Utc>>,
    pub claimed: bool,
    pub passed: bool,
}

#[derive(Clone, Debug)]
pub struct DrawView {
    pub id: Uuid,
    pub number: i64,
    pub kind: DrawKind,
    pub state: DrawState,
    pub prize: String,
    pub winners_wanted: i32,
    pub keyword: Option<String>,
    pub role_id: Option<i64>,
    pub bonus_role_id: Option<i64>,
    pub bonus_tickets: i64,
    pub min_age_days: i32,
    pub points: i64,
    pub opened_at: DateTime<Utc>,
    pub closes_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub drawn_at: Option<DateTime<Utc>>,
    pub draw_after: Option<DateTime<Utc>>,
    pub commitment: String,
    pub entries_hash: Option<String>,
    pub beacon_round: Option<i64>,
    pub beacon_missed: bool,
    pub entries: i64,
    pub tickets: i64,
    /// Of a running raffle: who has most.
    pub top: Vec<(String, i64)>,
    pub winners: Vec<WinnerView>,
}

pub fn render(view: &DrawView, base: Option<&str>) -> MessageBody {
    let color = match view.state {
        DrawState::Open => GOLD,
        DrawState::Drawn => GREEN,
        DrawState::Closed | DrawState::Cancelled => GREY,
    };
    let title = format!("{} #{}: {}", view.kind.title(), view.number, escape(&fit(&view.prize, 180)));
    let mut embed = frame(&fit(&title, TITLE), color, Some(view.drawn_at.or(view.closed_at).unwrap_or(view.opened_at)))
        .text(words(view))
        .field("Entries", entries(view), true)
        .field("Winners", grouped(i64::from(view.winners_wanted)), true);
    if view.state == DrawState::Open {
        let ends = view.closes_at.map_or("when an admin ends it".to_owned(), relative);
        embed = embed.field("Ends", ends, true).field("Only for", only_for(view), false);
    }
    if !view.top.is_empty() {
        embed = embed.field("Most tickets", top(&view.top), false);
    }
    if !view.winners.is_empty() {
        embed = embed.field("Drawn", winners(&view.winners), false);
    }
    let proof = Proof {
        id: view.id,
        commitment: &view.commitment,
        entries_hash: view.entries_hash.as_deref(),
        beacon_round: view.beacon_round,
        beacon_missed: view.beacon_missed,
    };
    let embed = embed.field("Proof", proof.text(base), false);
    MessageBody { embeds: vec![embed], buttons: buttons(view), ..MessageBody::default() }
}

fn words(view: &DrawView) -> String {
    match (view.state, view.kind) {
        (DrawState::Open, DrawKind::Giveaway) => {
            let chat = view.keyword.as_deref().map(|word| format!(" or write `{}` in chat", word.replace('`', "'")));
            format!("Press Join{} to take part.", chat.unwrap_or_default())
        }
        (DrawState::Open, DrawKind::Raffle) => {
            "Tickets: 10 for each full hour of watching, 15 for each gifted sub. Link your Kick account with /link: \
             only linked viewers take part. `/raffle tickets` shows yours."
                .to_owned()
        }
        (DrawState::Closed, _) => {
            let at = view.draw_after.map_or("soon".to_owned(), relative);
            format!("Nobody can join any more. The draw is {at}.")
        }
        (DrawState::Drawn, _) if view.winners.is_empty() => "Nobody took part, so nobody won.".to_owned(),
        (DrawState::Drawn, _) => "The draw is made. `/raffle verify` recomputes it.".to_owned(),
        (DrawState::Cancelled, _) => "This was called off; nothing is drawn.".to_owned(),
    }
}

fn entries(view: &DrawView) -> String {
    if view.tickets == view.entries {
        return grouped(view.entries);
    }
    format!("{} with {}", grouped(view.entries), count(view.tickets, "ticket", "tickets"))
}

fn only_for(view: &DrawView) -> String {
    let mut lines = Vec::new();
    lines.extend(view.role_id.map(|role| format!("members with <@&{role}>")));
    if view.min_age_days > 0 {
        lines.push(format!("Discord accounts of {} and older", count(i64::from(view.min_age_days), "day", "days")));
    }
    if let Some(role) = view.bonus_role_id.filter(|_| view.bonus_tickets > 0) {
        lines.push(format!("<@&{role}> has {} more", count(view.bonus_tickets, "ticket", "tickets")));
    }
    lines.join("\n")
}

fn top(top: &[(String, i64)]) -> String {
    let line = |(at, (who, tickets)): (usize, &(String, i64))| {
        format!("{}. {} · {}", at + 1, name(who), count(*tickets, "ticket", "tickets"))
    };
    top.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// A mention as it is, a name with its markup made harmless.
fn name(who: &str) -> String {
    if who.starts_with("<@") { who.to_owned() } else { escape(&fit(who, 60)) }
}

/// One line for somebody who was drawn, with the chance of it.
pub fn winner(winner: &WinnerView) -> String {
    let state = match (winner.passed, winner.claimed, winner.claim_until) {
        (true, _, _) => " · did not claim it",
        (_, true, _) => " · claimed",
        (_, _, Some(_)) => " · has to claim it",
        _ => "",
    };
    let until = winner.claim_until.filter(|_| !winner.passed && !winner.claimed).map(|at| format!(" {}", relative(at)));
    format!(
        "{}. {} · ticket {} of {} ({} of them, {:.2} %){state}{}",
        winner.place,
        name(&winner.who),
        grouped(winner.ticket),
        grouped(winner.total),
        grouped(winner.tickets),
        winner.tickets as f64 * 100.0 / winner.total.max(1) as f64,
        until.unwrap_or_default()
    )
}

fn winners(winners: &[WinnerView]) -> String {
    let mut lines: Vec<String> = winners.iter().take(NAMED).map(winner).collect();
    if winners.len() > NAMED {
        lines.push(format!("… and {} more", winners.len() - NAMED));
    }
    lines.join("\n")
}

/// What is published by now.
struct Proof<'a> {
    id: Uuid,
    commitment: &'a str,
    entries_hash: Option<&'a str>,
    beacon_round: Option<i64>,
    beacon_missed: bool,
}

impl Proof<'_> {
    fn text(&self, base: Option<&str>) -> String {
        let mut lines = vec![format!("Commitment `{}`", self.commitment)];
        lines.extend(self.entries_hash.map(|hash| format!("Entries `{hash}`")));
        if self.beacon_missed {
            lines.push("Without public randomness: it did not answer".to_owned());
        } else {
            lines.extend(self.beacon_round.map(|round| format!("Public randomness: drand quicknet, round {round}")));
        }
        lines.extend(page(base, self.id).map(|page| format!("[How to check it]({page})")));
        lines.join("\n")
    }
}

/// Where a draw can be checked.
pub fn page(base: Option<&str>, id: Uuid) -> Option<String> {
    base.map(|base| format!("{}/draws/{id}", base.trim_end_matches('/')))
}

fn buttons(view: &DrawView) -> Vec<Button> {
    let id = |verb: &str| format!("v1:draw:{verb}:{}", view.id);
    let mut buttons = Vec::new();
    if view.state == DrawState::Open {
        match view.kind {
            DrawKind::Giveaway => buttons.push(button(id("join"), "Join", ButtonStyle::Success)),
            DrawKind::Raffle => buttons.push(button(id("mine"), "My tickets", ButtonStyle::Success)),
        }
    }
    if view.winners.iter().any(|winner| winner.claim_until.is_some() && !winner.claimed && !winner.passed) {
        buttons.push(button(id("claim"), "Claim", ButtonStyle::Success));
    }
    if view.state == DrawState::Drawn {
        buttons.push(button(id("verify"), "Verify", ButtonStyle::Secondary));
    }
    buttons
}

/// What is published when the entries are closed.
pub struct Closed<'a> {
    pub id: Uuid,
    pub number: i64,
    pub kind: DrawKind,
    pub at: DateTime<Utc>,
    pub entries: i64,
    pub tickets: i64,
    pub commitment: &'a str,
    pub entries_hash: &'a str,
    pub beacon_round: Option<i64>,
    pub draw_after: DateTime<Utc>,
}

/// It is said once and never edited: Discord's own time on it shows that it is older than the public randomness.
pub fn closed(closed: &Closed<'_>, base: Option<&str>) -> Embed {
    let proof = Proof {
        id: closed.id,
        commitment: closed.commitment,
        entries_hash: Some(closed.entries_hash),
        beacon_round: closed.beacon_round,
        beacon_missed: false,
    };
    let words = format!(
        "{} with {}. The draw is {}.",
        count(closed.entries, "entry", "entries"),
        count(closed.tickets, "ticket", "tickets"),
        relative(closed.draw_after)
    );
    let title = format!("🔒 {} #{} is closed", closed.kind.title(), closed.number);
    frame(&title, GREY, Some(closed.at)).text(words).field("Proof", proof.text(base), false)
}

/// Which draw is told of.
pub struct Told<'a> {
    pub id: Uuid,
    pub number: i64,
    pub kind: DrawKind,
    pub prize: &'a str,
}

/// What is said when somebody was drawn: those from this place on.
pub fn drawn(told: &Told<'_>, winners: &[WinnerView], from: i32, at: DateTime<Utc>, base: Option<&str>) -> Embed {
    let again = if from > 1 { " · drawn again" } else { "" };
    let title = format!("🏆 {} #{}{again}", told.kind.title(), told.number);
    let new: Vec<String> = winners.iter().filter(|w| w.place >= from).take(NAMED).map(winner).collect();
    let words = match (new.is_empty(), from) {
        (false, _) => new.join("\n"),
        (true, 1) => "Nobody took part, so nobody won.".to_owned(),
        (true, _) => "There is nobody left to draw.".to_owned(),
    };
    let embed = frame(&title, GREEN, Some(at)).text(words).field("Prize", escape(&fit(told.prize, 500)), false);
    match page(base, told.id) {
        Some(page) => embed.field("Proof", format!("[How to check it]({page})"), false),
        None => embed,
    }
}
