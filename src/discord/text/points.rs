//! Texts about points and watch time.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::community::bits::{WHOLE, start_of, stretches};
use crate::community::count::why_not;
use crate::community::points::{Account, Undone};
use crate::community::rules::Rules;
use crate::routing::embed::{escape, fit, relative};
use crate::store::ledger::read::{LedgerEntry, Standing};
use crate::store::viewer::Viewer;
use crate::store::watch::read::{WatchedDay, WatchedHour};

pub const NO_ENTRIES: &str = "There are no entries yet.";
pub const NO_ENTRY: &str = "There is no such entry here. /points statement shows yours with their numbers.";
pub const NOT_YOURS: &str = "That entry is somebody else's. Yours are in /points statement.";
pub const STATEMENT: &str = "Points: statement";
pub const WHOM: &str = "Say whose: a member, or a viewer by the name on Kick.";
pub const NOT_SEEN: &str =
    "Nothing is counted yet. Link your Kick account with /link, and write in the chat of a stream.";
pub const NOBODY: &str = "Nobody is on this list yet.";
pub const HOW_MANY: &str = "Say how many points, a billion at most; 0 changes nothing.";
pub const NO_BOTS: &str = "Bots have no points.";

/// `1,234`
pub fn number(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if amount < 0 { format!("-{out}") } else { out }
}

pub fn points(amount: i64) -> String {
    if amount == 1 { "1 point".into() } else { format!("{} points", number(amount)) }
}

/// `2 h 05 min`
pub fn minutes(amount: i64) -> String {
    match (amount / 60, amount % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{} h {minutes:02} min", number(hours)),
    }
}

/// `×1.5`, of percent.
pub fn times(percent: i64) -> String {
    let hundredths = format!("{:02}", percent % 100);
    let part = hundredths.trim_end_matches('0');
    if part.is_empty() { format!("×{}", percent / 100) } else { format!("×{}.{part}", percent / 100) }
}

/// What an entry is for, in a few words.
pub fn kind(word: &str) -> &str {
    match word {
        "watch" => "watching",
        "follow" => "following",
        "sub" => "subscribing",
        "gift" => "gifted subscriptions",
        "kicks" => "kicks",
        "redemption" => "channel points",
        "give" => "between members",
        "grant" => "granted by admins",
        "purchase" => "the shop",
        "refund" => "cancelled purchases",
        "link" => "linking accounts",
        "opening" => "brought along",
        "undo" => "taken back",
        "raffle" => "raffles",
        "command" => "chat commands",
        other => other,
    }
}

pub fn balance(whom: &str, account: &Account) -> String {
    let mut out = format!("{whom} **{}**.", points(account.balance));
    for (word, amount, _) in account.sums.iter().take(8) {
        let sign = if *amount < 0 { "" } else { "+" };
        let _ = write!(out, "\n{sign}{} {}", number(*amount), kind(word));
    }
    match &account.viewer {
        Some(viewer) => {
            let _ = write!(out, "\n-# Kick: {} · {} watched", escape(&viewer.username), minutes(viewer.minutes));
        }
        None => out.push_str("\n-# No Kick account is linked: /link, and watching earns points."),
    }
    out
}

pub fn line(entry: &LedgerEntry) -> String {
    let sign = if entry.amount < 0 { "" } else { "+" };
    let mut out = format!(
        "`#{}` {} **{sign}{}** {} → {}",
        entry.id,
        relative(entry.at),
        number(entry.amount),
        kind(&entry.kind),
        number(entry.balance_after)
    );
    if entry.reversed_by.is_some() {
        out.push_str(" (taken back)");
    }
    out
}

/// One entry, with all that is known of why.
pub fn why(entry: &LedgerEntry) -> String {
    let mut out = format!("{}\n", line(entry));
    let detail = |name: &str| entry.detail.get(name);
    match entry.kind.as_str() {
        "watch" if entry.amount > 0 => {
            let watched = detail("minutes").and_then(serde_json::Value::as_i64).unwrap_or(0);
            let _ = write!(out, "For watching: {} were counted by then", minutes(watched));
            let by = |name: &str| detail(name).and_then(|by| by.as_i64().or_else(|| by.as_str()?.parse().ok()));
            if let (Some(percent), Some(role)) = (by("percent"), by("role")) {
                let _ = write!(out, ", the last hour of them {} as <@&{role}>", times(percent));
            }
            out.push('.');
            multiplied(&mut out, &entry.detail);
            out.push_str(" /watchtime why lists the hours.");
        }
        "watch" => {
            out.push_str("A minute that had been paid does not count: the stream had ended earlier than was known.")
        }
        "give" if entry.amount < 0 => out.push_str("You gave these to another member."),
        "give" => out.push_str("Another member gave you these."),
        "link" => out.push_str("Your points moved to the Kick account that you linked."),
        "opening" => out.push_str("What you had before this bot counted, as an admin imported it."),
        "undo" => {
            let _ = write!(out, "Takes back entry `#{}`.", entry.reverses.unwrap_or_default());
        }
        _ => {}
    }
    if let Some(reason) = detail("reason").and_then(serde_json::Value::as_str).filter(|reason| !reason.is_empty()) {
        let _ = write!(out, "\nReason: {}", escape(reason));
    }
    if let Some(item) = detail("item").and_then(serde_json::Value::as_str) {
        let _ = write!(out, "\nItem: {}", escape(item));
    }
    if let Some(by) = entry.by {
        let _ = write!(out, "\nBy <@{by}>");
    }
    if let Some(by) = entry.reversed_by {
        let _ = write!(out, "\nTaken back by entry `#{by}`.");
    }
    let _ = write!(out, "\n-# Cause: `{}`. The same cause is never entered twice.", entry.cause.replace('`', "'"));
    out
}

/// The hours of an entry that a role multiplies.
fn multiplied(out: &mut String, detail: &serde_json::Value) {
    let hours = detail["hours"].as_array().map(Vec::as_slice).unwrap_or_default();
    if hours.is_empty() {
        return;
    }
    out.push_str("\nMultiplied in it:");
    for hour in hours {
        let whole = |name: &str| hour[name].as_i64().unwrap_or(0);
        let from: DateTime<Utc> = start_of(i32::try_from(whole("hour")).unwrap_or(0));
        let counted = match whole("minutes") {
            fewer if fewer < 0 => format!("{} fewer", minutes(-fewer)),
            more => minutes(more),
        };
        let role = hour["role"].as_str().map(|role| format!(" as <@&{role}>")).unwrap_or_default();
        let _ = write!(out, "\n<t:{}:f> {counted} {}{role}", from.timestamp(), times(whole("percent")));
    }
    if let Some(more) = detail["more_hours"].as_i64().filter(|more| *more > 0) {
        let _ = write!(out, "\nand {more} hours before them");
    }
    out.push_str("\nThe rest is not multiplied, unless it corrects an hour of more than two days before.");
}

/// To who has given some.
pub fn given(left: i64) -> String {
    format!("Given. You have {} left.", points(left))
}

pub fn undone(outcome: &Undone, id: i64) -> String {
    match outcome {
        Undone::Done { amount } => format!("Entry `#{id}` ({}) is taken back by another entry.", points(*amount)),
        Undone::Already => format!("Entry `#{id}` was taken back already."),
        Undone::Unknown => NO_ENTRY.to_owned(),
        Undone::OtherWay(word) if word == "purchase" => {
            "A purchase is taken back in /shop queue: Cancel gives the points back and the item returns to the stock."
                .into()
        }
        Undone::OtherWay(word) => format!("Entries of this kind ({}) cannot be taken back.", kind(word)),
        Undone::NotEnough { balance } => {
            format!("Not taken back: the points are spent, there are only {} left.", number(*balance))
        }
    }
}

/// A list of who has most.
pub fn board(standings: &[Standing], shown: impl Fn(i64) -> String) -> String {
    if standings.is_empty() {
        return NOBODY.to_owned();
    }
    let mut out = String::new();
    for (place, standing) in standings.iter().enumerate() {
        let _ = writeln!(out, "**{}.** {} — {}", place + 1, who(standing), shown(standing.amount));
    }
    out
}

fn who(standing: &Standing) -> String {
    match (&standing.username, standing.user_id) {
        (Some(name), Some(user)) => format!("{} (<@{user}>)", escape(name)),
        (Some(name), None) => escape(name),
        (None, Some(user)) => format!("<@{user}>"),
        (None, None) => "somebody".into(),
    }
}

/// As it stands on a card: without a mention, which a picture cannot show.
pub fn plain_name(standing: &Standing) -> String {
    standing.username.clone().unwrap_or_else(|| "a member".into())
}

/// What the card of a list shows, for whoever cannot see it; Discord takes 1024 characters.
pub fn in_words(title: &str, lines: &[(String, String)]) -> String {
    let places = lines.iter().enumerate().map(|(place, (name, amount))| format!("{}. {name}: {amount}", place + 1));
    fit(&format!("{title}. {}", places.collect::<Vec<_>>().join("; ")), 1024)
}

pub fn watched(viewer: &Viewer, rank: (i64, i64), days: &[WatchedDay], today: i32) -> String {
    let sum = |since: i32| days.iter().filter(|day| day.day >= since).map(|day| i64::from(day.minutes)).sum::<i64>();
    let mut out = format!(
        "**{}** has watched **{}**: place {} of {}.",
        escape(&viewer.username),
        minutes(viewer.minutes),
        number(rank.0),
        number(rank.1)
    );
    let (week, month) = (minutes(sum(today - 6)), minutes(sum(today - 29)));
    let _ = write!(out, "\nToday {}, in 7 days {week}, in 30 days {month}.", minutes(sum(today)));
    let _ = write!(out, "\nLast seen {}.", relative(viewer.seen_at));
    if viewer.ignored {
        out.push_str("\nNot counted at present: an admin has said so.");
    }
    out
}

/// Hours with what counted, and why the rest did not.
pub fn why_watched(hours: &[WatchedHour], opening: i64, rules: &Rules) -> String {
    let mut out = String::new();
    for hour in hours {
        let from: DateTime<Utc> = start_of(hour.hour);
        let present = i64::from(hour.present.count_ones());
        let _ = write!(
            out,
            "<t:{}:f> {}: **{} min** counted of {present} present",
            from.timestamp(),
            escape(&hour.channel),
            hour.minutes
        );
        if hour.subscriber {
            out.push_str(", as a subscriber");
        }
        if let Some(by) = hour.multiplier {
            let _ = write!(out, ", {} as <@&{}>", times(i64::from(by.percent)), by.role_id);
        }
        let _ = writeln!(out, "\n-# present {}", spans(hour.present));
        for (reason, bits) in why_not(hour) {
            let _ = writeln!(out, "-# not counted, {reason}: {}", spans(bits));
        }
        if hour.is_due {
            out.push_str("-# is being counted\n");
        }
    }
    if opening > 0 {
        let _ = writeln!(out, "Brought along by an import: **{}**", minutes(opening));
    }
    if out.is_empty() {
        return NOT_SEEN.to_owned();
    }
    let _ = write!(
        out,
        "-# A message counts for {} min, while the channel is live and {} people have written within 5 min; {} a day at most.",
        rules.active_minutes,
        rules.min_chatters,
        minutes(i64::from(rules.day_cap))
    );
    out
}

/// `:05–:12, :40`
fn spans(bits: i64) -> String {
    if bits & WHOLE == WHOLE {
        return "all of it".into();
    }
    let spans = stretches(bits);
    let words = spans.iter().map(|(from, to)| match from == to {
        true => format!(":{from:02}"),
        false => format!(":{from:02}–:{to:02}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
