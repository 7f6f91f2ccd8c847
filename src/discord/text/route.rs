//! Texts about routes and templates.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::routes::Board;
use crate::routes::look_back::Looked;
use crate::routes::time_zone::Clocks;
use crate::routing::backtest::{Backtest, Example};
use crate::routing::change::{Line, Names};
use crate::routing::embed::{escape, fit, relative};
use crate::routing::mode_words;
use crate::routing::noise::judge::Reason;
use crate::store::route::StoredRoute;

pub const ROUTES: &str = "🧭 Routes";
pub const TEMPLATES: &str = "🎨 Templates";
pub const NO_TEMPLATES: &str =
    "There is no template yet: every message has the built-in look. Add one with /template add.";
pub const SAVE: &str = "Save";
pub const NOTHING_PAST: &str = "No event of the last days can be shown with it; the first one that comes will tell.";
pub const ORDER: &str = "The first that matches takes an event, unless it goes on. default comes last.";
pub const TITLE_LABEL: &str = "Title";
pub const TITLE_HINT: &str = "{{ data.title }}";
pub const DESCRIPTION_LABEL: &str = "Description";
pub const DESCRIPTION_HINT: &str = "Priority **{{ data.priority }}**, since {{ time|relative }}";
pub const FIELDS_LABEL: &str = "Fields, one a line; + puts it beside others";
pub const FIELDS_HINT: &str = "+ Priority: {{ data.priority }}";
pub const LOOK_LABEL: &str = "Colour, and on a second line a link";
pub const LOOK_HINT: &str = "#FF0000\nhttps://status.example/{{ data.id }}";
pub const CONTENT_LABEL: &str = "Text above the card";
pub const CONTENT_HINT: &str = "Plain text; nobody can be mentioned in it";

/// Characters of a field's value.
const FIELD: usize = 1000;

pub fn form_title(name: &str) -> String {
    fit(&format!("Template {name}"), 45)
}

/// What a change does, a line for each difference.
pub fn diff(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        let value =
            |text: &str| if text.starts_with("<#") || text.starts_with("<@") { text.to_owned() } else { code(text) };
        let _ = match (line.before.as_str(), line.after.as_str()) {
            ("", after) => writeln!(out, "**{}** {}", line.label, value(after)),
            (before, "") => writeln!(out, "**{}** ~~{}~~ none", line.label, value(before)),
            (before, after) => writeln!(out, "**{}** {} → {}", line.label, value(before), value(after)),
        };
    }
    fit(&out, FIELD)
}

/// A text in which nothing is markup, on one line.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('\n', " ⏎ "))
}

/// What a route would have done.
pub fn backtest(looked: &Looked, board: &Board, span: &str) -> String {
    let test = &looked.backtest;
    let bound = if looked.complete { "" } else { ", the newest; older ones were not looked at" };
    let mut out = format!("{}{bound}. ", plural(test.looked_at, "event"));
    let messages: usize = test.messages.values().sum();
    match test.matched {
        0 => out.push_str("None of them would have taken this route."),
        n => {
            let _ = write!(out, "{} would have taken this route: {}", count(n), plural(messages, "message"));
            if test.edits > 0 {
                let _ = write!(out, ", {} of living cards", plural(test.edits, "change"));
            }
            out.push('.');
            out.push_str(&calm(test));
        }
    }
    for (destination, n) in test.messages.iter().take(5) {
        let _ = write!(out, "\n→ {} {}", board.destination(*destination), plural(*n, "message"));
    }
    for (name, n) in test.taken.iter().take(3) {
        let _ = write!(out, "\n⚠️ {} taken away from **{}**", plural(*n, "event"), escape(name));
    }
    for (name, n) in test.instead.iter().take(3) {
        let _ = write!(out, "\n↪️ {} taken by **{}** instead, which is tried first", plural(*n, "event"), escape(name));
    }
    for (why, n) in test.errors.iter().take(3) {
        let _ = write!(out, "\n❌ {} of it: {}", plural(*n, "failure"), escape(&fit(why, 150)));
    }
    for seen in &test.examples {
        let _ = write!(out, "\n✅ {}", example(seen));
    }
    for seen in &test.misses {
        let _ = write!(out, "\n▫️ {} — {}", example(seen), escape(&fit(&seen.because, 150)));
    }
    fit(&format!("In the last {span}: {out}"), FIELD)
}

/// What of it would not have been posted when it came; empty when everything would.
fn calm(test: &Backtest) -> String {
    if test.held.is_empty() && test.dropped == 0 {
        return String::new();
    }
    let mut out = format!("\n🌙 {} at once", count(test.at_once));
    for (reason, n) in &test.held {
        let by = match reason {
            Reason::Late => "for its age",
            Reason::Quiet => "by quiet hours",
            Reason::Digest => "for the digest",
            Reason::Repeat => "as the same again",
            Reason::Throttle => "by the throttle",
        };
        let _ = write!(out, " · {} held back {by}", count(*n));
    }
    if test.dropped > 0 {
        let _ = write!(out, " · {} dropped for age", count(test.dropped));
    }
    let _ = write!(out, " · told in {}", plural(test.digests, "digest"));
    out
}

fn example(seen: &Example) -> String {
    let headline = if seen.headline.is_empty() { String::new() } else { format!(" {}", escape(&seen.headline)) };
    format!("`{}`{headline} {}", seen.kind.replace('`', "'"), relative(seen.at))
}

pub fn warnings(warnings: &[String]) -> String {
    let lines: Vec<String> = warnings.iter().map(|warning| format!("⚠️ {}", fit(warning, 200))).collect();
    fit(&lines.join("\n"), FIELD)
}

/// By which clocks times of the day go here.
pub fn clocks(clocks: &Clocks, now: DateTime<Utc>) -> String {
    let zone = clocks.zone.unwrap_or_default();
    let here = now.with_timezone(&zone).format("%H:%M");
    let mut out = match clocks.zone {
        Some(_) => format!("🕗 This server's time zone is **{}**: it is {here} there.", zone.name()),
        None => {
            format!("🕗 This server has no time zone: quiet hours that name no place are in UTC, where it is {here}.")
        }
    };
    let names: Vec<String> = clocks.routes.iter().map(|name| format!("**{}**", escape(name))).collect();
    if !names.is_empty() {
        let _ = write!(out, " Quiet hours by it: {}.", fit(&names.join(", "), FIELD));
    }
    out
}

/// One line of `/route list`.
pub fn route_line(route: &StoredRoute, board: &Board) -> String {
    let sign = match (route.from_env, route.is_paused) {
        (true, _) => "🔒",
        (false, true) => "⏸️",
        (false, false) => "▫️",
    };
    let to: Vec<String> = route.destination_ids.iter().map(|id| board.destination(*id)).collect();
    let mut out = format!("{sign} **{}** `{}`", escape(&route.name), route.pattern.replace('`', "'"));
    if route.min_severity != crate::event::Severity::Debug {
        let _ = write!(out, " ≥ {}", route.min_severity.as_str());
    }
    if let Some(id) = route.source_id {
        let _ = write!(out, " from {}", escape(&board.source(id)));
    }
    if let Some(filter) = &route.filter {
        let _ = write!(out, " if {}", code(&fit(filter, 80)));
    }
    let _ = write!(out, " → {}", if to.is_empty() { "nowhere".to_owned() } else { to.join(" ") });
    if let Some(kind) = &route.webhook_type {
        let _ = write!(out, " and every {kind} {}", route.webhook_scope.as_deref().unwrap_or_default());
    }
    if let Some(template) = &route.template {
        let _ = write!(out, " as {}", escape(&template.name));
    } else if let Some(mode) = route.mode {
        let _ = write!(out, " as {}", mode_words(mode));
    }
    if route.continues {
        out.push_str(", goes on");
    }
    for (name, words) in route.noise.words() {
        let _ = write!(out, ", {name} {words}");
    }
    out
}

pub fn changed(headline: &str) -> String {
    format!("✅ {}. The change is shown in the admins' channel, with Undo.", escape(headline))
}

pub fn undone(headline: &str, by: crate::id::UserId) -> String {
    format!("↩️ Undone by <@{by}>: {}.", escape(headline))
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{} {what}s", count(n)) }
}

fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
