//! What `/raffle`, `/giveaway`, `/gtb`, `/slots`, `/timer`, `/chatcommand` and their buttons say.

use crate::community::draw::join::{Joined, Missing};
use crate::community::draw::publish::Finding;
use crate::community::gtb::NoGuess;
use crate::community::money::NoAmount;
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::routing::board::gtb::{grouped, money};
use crate::routing::embed::{escape, fit, relative};
use crate::store::chat_command::ChatCommand;
use crate::store::draw::{Draws, Mine};
use crate::store::slot_call::provider::SlotProvider;

pub const BAD_SPAN: &str = "That is not a length of time. Write it such as 30m, 2h, 1d or 1w.";
pub const QUESTION_TITLE: &str = "Join the giveaway";
pub const RESULT_TITLE: &str = "Result of the session";
pub const RESULT_LABEL: &str = "The balance, such as 1500.25";
pub const LIMIT_TITLE: &str = "Requests a person may make";
pub const LIMIT_LABEL: &str = "From 0 (no limit) to 10";
pub const NO_DRAWS: &str = "There was no raffle or giveaway yet.";
pub const NO_SLOTS: &str = "Nobody has asked for a slot.";
pub const NO_COMMANDS: &str = "There are no chat commands of this server yet: /chatcommand set.";
pub const NOT_YOURS: &str = "There is nothing for you to claim here, or the time for it is over.";
pub const CLAIMED: &str = "✅ It is yours. The admins see it on the card.";
pub const REFRESHED: &str = "Refreshed.";
pub const NOT_DRAWN: &str = "It is not drawn yet; until then there is nothing to recompute.";
pub const ALREADY_SO: &str = "That is so already.";
pub const CHANGED: &str = "✅ Changed.";
pub const REMOVED: &str = "✅ Removed.";
pub const NO_NAME: &str = "Nobody of this name has been seen in chat here.";

fn called(kind: DrawKind, number: i64) -> String {
    format!("{} #{number}", kind.title())
}

pub fn opened(kind: DrawKind, number: i64) -> String {
    format!("✅ {} is open. Its card is in the channel.", called(kind, number))
}

pub fn closed(kind: DrawKind, number: i64) -> String {
    format!("✅ {} is closed. The draw follows by itself; the card shows it.", called(kind, number))
}

pub fn cancelled(kind: DrawKind, number: i64) -> String {
    format!("✅ {} is called off. Nothing is drawn.", called(kind, number))
}

pub fn rerolled(number: i64) -> String {
    format!("✅ Somebody else was drawn in #{number}; the channel shows who.")
}

pub fn joined(joined: &Joined) -> String {
    match joined {
        Joined::Yes { tickets: 1, code } => {
            format!("✅ You take part. Your code is `{code}`: look for it in the published list when it is closed.")
        }
        Joined::Yes { tickets, code } => format!(
            "✅ You take part with {tickets} tickets. Your code is `{code}`: look for it in the published list when it is closed."
        ),
        Joined::Already => "You take part already.".to_owned(),
        Joined::Over => "It is closed; nobody can join any more.".to_owned(),
        Joined::No(Missing::Role(role)) => format!("Only members with <@&{role}> can take part."),
        Joined::No(Missing::Age(days)) => format!("Your Discord account has to be {days} days old for this."),
        Joined::No(Missing::Link) => "Link your Kick account with /link first.".to_owned(),
        Joined::Asked(question) => question.clone(),
    }
}

pub fn mine(mine: &Mine) -> String {
    let code = mine.entry_id.map(|code| format!(" Your code in the published list is `{code}`.")).unwrap_or_default();
    let place = mine.position.map(|place| format!(" It is number {place} there.")).unwrap_or_default();
    format!("You have {} of {} tickets.{code}{place}", grouped(mine.tickets), grouped(mine.all_tickets))
}

pub fn tickets_changed(change: i64) -> String {
    match change {
        0 => "Nothing changed: there was nothing to take.".to_owned(),
        change if change > 0 => format!("✅ {} tickets given.", grouped(change)),
        change => format!("✅ {} tickets taken.", grouped(-change)),
    }
}

pub fn draw_line(draw: &Draws) -> String {
    let state = match draw.state {
        DrawState::Open => draw.closes_at.map_or("open".to_owned(), |at| format!("ends {}", relative(at))),
        DrawState::Closed => "closed".to_owned(),
        DrawState::Drawn => "drawn".to_owned(),
        DrawState::Cancelled => "called off".to_owned(),
    };
    let word = draw.keyword.as_deref().map(|word| format!(" · `{}`", word.replace('`', "'"))).unwrap_or_default();
    format!("{} · {state}{word} · {}", called(draw.kind, draw.number), escape(&fit(&draw.prize, 80)))
}

/// What an option offers.
pub fn draw_choice(draw: &Draws) -> String {
    fit(&format!("{} #{} · {}", draw.kind.as_str(), draw.number, draw.prize), 100)
}

pub fn board_line(at: usize, who: &str, tickets: i64) -> String {
    format!("{at}. {who} · {}", grouped(tickets))
}

pub fn findings(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{} {}", if finding.holds { "✅" } else { "❌" }, finding.what);
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn list(lines: &[&'static str]) -> String {
    lines.iter().map(|line| format!("• {line}")).collect::<Vec<_>>().join("\n")
}

pub fn verify_page(page: Option<&str>, id: &str) -> String {
    match page {
        Some(page) => {
            format!("Everything that is published: {page}\nFor programs: {page}.json (`tests/recompute_draw.py`)")
        }
        None => {
            format!("This Signalbox has no public address (PUBLIC_URL), so the published data is at /draws/{id} there.")
        }
    }
}

pub fn gtb_opened(number: i64) -> String {
    format!("✅ Session #{number} is open.")
}

pub fn gtb_closed(number: i64) -> String {
    format!("✅ Session #{number} is closed. Set its result when you know it.")
}

pub fn gtb_completed(number: i64, winners: u64) -> String {
    format!("✅ Session #{number} is complete; {winners} of the guesses won.")
}

pub fn guessed(guessed: &Result<(i64, i64), NoGuess>) -> String {
    match guessed {
        Ok((number, cents)) => format!("✅ Your guess in session #{number}: {}. Good luck! 🎰", money(*cents)),
        Err(NoGuess::NotOpen) => "No session is open. Wait for an admin to open one.".to_owned(),
        Err(NoGuess::Amount(NoAmount::TooLarge)) => "That is more than 999,999,999,999.99.".to_owned(),
        Err(NoGuess::Amount(_)) => "A guess is an amount such as 1500.25.".to_owned(),
    }
}

pub fn picked(slot: &str, name: &str) -> String {
    format!("🎰 Picked: {} (requested by {})", escape(slot), escape(name))
}

pub fn cleared(calls: u64) -> String {
    format!("✅ {calls} taken off the list.")
}

pub fn slot_line(slot: &str, name: &str) -> String {
    format!("• {} · {}", escape(&fit(slot, 80)), escape(&fit(name, 40)))
}

pub const NO_PROVIDERS: &str = "No provider is listed. /slots provider says of one whether its slots are taken.";

pub fn provider_line(provider: &SlotProvider) -> String {
    let stands = match (provider.unavailable_at, provider.reason.as_str()) {
        (None, _) => "🟢 its slots are taken".to_owned(),
        (Some(_), "") => "🔴 its slots are not taken".to_owned(),
        (Some(_), reason) => format!("🔴 its slots are not taken: {}", escape(reason)),
    };
    let listed = match provider.slots.len() {
        0 => "known by its name at the beginning or end of a call".to_owned(),
        1 => "1 slot is listed".to_owned(),
        slots => format!("{slots} slots are listed"),
    };
    format!("**{}** {stands} · {listed}", escape(&provider.name))
}

pub fn timer_added(number: i64) -> String {
    format!("✅ Timed message #{number} is set.")
}

pub fn command_saved(name: &str) -> String {
    format!("✅ !{name} is there for the chat.")
}

pub fn command_line(command: &ChatCommand) -> String {
    let mark = if command.enabled { "" } else { " (off)" };
    let aliases: Vec<String> = command.aliases.iter().map(|alias| format!("!{alias}")).collect();
    let aliases = if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
    let cost = if command.cost > 0 { format!(" · {} points", grouped(command.cost)) } else { String::new() };
    format!(
        "`!{}`{aliases}{mark} · {} · {} s{cost} · used {} times · {}",
        command.name,
        command.permission.as_str(),
        command.cooldown_seconds,
        grouped(command.uses),
        escape(&fit(&command.reply, 100))
    )
}

pub fn posted(channel: u64) -> String {
    format!("✅ It is on its way to <#{channel}>.")
}
