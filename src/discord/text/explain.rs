//! Texts of `/why` and `/why-not`.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::delivery::{link, name, state};
use crate::delivery::explain::{Absence, Missing, Story, lag, missing, plan_of};
use crate::id::GuildId;
use crate::routing::card::{ApprovalState, ApprovalView};
use crate::routing::duration::span;
use crate::routing::embed::{escape, fit, relative};
use crate::routing::notice::system_name;
use crate::routing::trace::Plan;
use crate::store::explain::{Fate, ToldAttempt, ToldEvent};
use crate::store::held::ToldHeld;

pub const TITLE: &str = "🔎 Why?";
pub const TITLE_NOT: &str = "🔎 Why not?";
pub const BAD_POINTER: &str =
    "Give a link to a message, its id, the number of a delivery such as #17, or the id of an event.";
pub const NOT_OURS: &str = "Nothing is known of that here: Signalbox did not deliver it in this server, or it was so long ago that it is forgotten.";
pub const NOT_FOR_YOU: &str =
    "Only members who can see its channel are told, and those with Manage Server; nothing was looked up.";
/// Events of a card that are told, edits and attempts likewise.
const EVENTS: usize = 6;
const ATTEMPTS: usize = 8;
const NOTE: usize = 160;
const FATES: usize = 8;
/// Clocks that differ by less are the same.
const SAME_CLOCK: TimeDelta = TimeDelta::seconds(5);

/// A part of the answer: a heading and what stands under it.
pub type Part = (&'static str, String);

/// The story of a message or an event, in the order in which it happened.
pub fn why(guild: GuildId, story: &Story) -> Vec<Part> {
    let mut parts = vec![("📥 Received", received(story))];
    if let Some(event) = story.events.first() {
        parts.push(("🧭 Routes", routes(event, &story.routes)));
    }
    parts.push(("✉️ Message", message(guild, story)));
    if !story.attempts.is_empty() {
        parts.push(("📤 Attempts", attempts(&story.attempts)));
    }
    if let Some(card) = card(story) {
        parts.push(("🪪 Card", card));
    }
    parts
}

fn received(story: &Story) -> String {
    let mut lines = Vec::new();
    let skipped = story.events.len().saturating_sub(EVENTS);
    for (n, event) in story.events.iter().enumerate() {
        // The first one made the message; of the rest the newest tell most.
        if n == 0 || n > skipped {
            lines.push(arrival(event, n == 0));
        } else if n == 1 {
            lines.push(format!("… {skipped} more …"));
        }
    }
    match lines.is_empty() {
        true => "The event behind it is forgotten: its time was over.".into(),
        false => lines.join("\n"),
    }
}

/// When, by which door, verified how; for the first one also how the clocks stood.
fn arrival(event: &ToldEvent, with_details: bool) -> String {
    let subject = event.subject.as_ref().map(|subject| format!(" about `{}`", fit(subject, 60))).unwrap_or_default();
    let system = match event.source_kind.as_str() {
        "generic" => format!("**{}**", escape(&fit(&event.source_name, 80))),
        _ => system_name(&event.kind).to_owned(),
    };
    let door = match event.via.as_str() {
        "http" => format!("from {system} over HTTP, {}", believed(event)),
        "bus" => format!("from {system} over the event stream, as signed there"),
        "catch_up" => format!("fetched from {system}, whose delivery had failed"),
        _ => "made by Signalbox itself".into(),
    };
    let mut line = format!("`{}`{subject} {} {door}.", event.kind, relative(event.received_at));
    if with_details {
        let lag = lag(event);
        line.push_str(&match lag {
            lag if lag.abs() <= SAME_CLOCK => " It happened at about that time.".to_owned(),
            lag if lag > TimeDelta::zero() => {
                format!(" It happened {} before that, or the sender's clock is behind.", span(lag))
            }
            lag => format!(" The sender's clock is {} ahead.", span(-lag)),
        });
        line.push_str(&format!(" Taken in once, however often it came: event `{}`.", event.id));
    }
    line
}

/// By what a request was believed.
fn believed(event: &ToldEvent) -> &'static str {
    match (event.source_kind.as_str(), event.scheme.as_deref()) {
        ("panel", _) => "with an API key",
        ("party", _) => "with an API key or from this machine",
        ("generic", Some("token" | "basic" | "url")) => "with its secret, not signed",
        _ => "rightly signed",
    }
}

/// Which route matched, and the nearest that did not.
fn routes(event: &ToldEvent, names: &HashMap<Uuid, String>) -> String {
    let Some(planned_at) = event.planned_at else {
        return "It waits to be planned.".into();
    };
    let Some(plan) = plan_of(event) else {
        return format!(
            "{} {}.",
            fit(&named(event.plan_note.as_deref().unwrap_or_default(), names), 500),
            relative(planned_at)
        );
    };
    let matched: Vec<String> =
        plan.tried.iter().filter(|tried| tried.matched).map(|tried| format!("**{}**", escape(&tried.name))).collect();
    let mut lines = vec![match (matched.is_empty(), plan.note.is_empty()) {
        (false, _) => {
            format!("{} of {} tried matched: {}.", matched.len(), plan.tried.len() + plan.others, matched.join(", "))
        }
        (true, false) => format!("{}.", fit(plan.note.trim_end_matches('.'), 300)),
        (true, true) => "No route matched.".into(),
    }];
    if let Some(near) = plan.nearest_miss() {
        lines.push(format!(
            "Nearest that did not: **{}**, because {}.",
            escape(&near.name),
            fit(near.because.trim_end_matches('.'), 200)
        ));
    }
    for held in &plan.held {
        lines.push(format!("Held back by {}.", fit(&held.words, 300)));
    }
    for template in &plan.templates {
        let failed = template
            .failed
            .as_ref()
            .map(|why| format!("; it failed ({}), so the built-in look was used", fit(why, 150)));
        lines.push(format!(
            "Template **{}**, version {}{}.",
            escape(&template.name),
            template.version,
            failed.unwrap_or_default()
        ));
    }
    lines.join("\n")
}

/// A note of the planner with the routes' patterns for their ids.
fn named(note: &str, names: &HashMap<Uuid, String>) -> String {
    let mut words = note.to_owned();
    for (id, pattern) in names {
        words = words.replace(&id.to_string(), &format!("`{pattern}`"));
    }
    words
}

/// Where it went, with whom, how it stands, and the link.
fn message(guild: GuildId, story: &Story) -> String {
    let to = |id: &Uuid| story.destinations.get(id).map_or("a removed destination".into(), name);
    let Some(send) = &story.send else {
        if !story.held.is_empty() {
            let lines = story.held.iter().map(|held| held_line(guild, held, &to(&held.destination_id)));
            return fit(&lines.collect::<Vec<_>>().join("\n"), 900);
        }
        if story.messages.is_empty() {
            return "It led to no message of its own.".into();
        }
        let lines = story.messages.iter().map(|message| {
            let (mood, words) = state(message, story.destinations.get(&message.destination_id));
            let at = relative(message.finished_at.unwrap_or(message.created_at));
            let link = match (message.channel, message.message_id) {
                (Some(channel), Some(id)) => format!(" · {}", link(guild, channel, id)),
                _ => String::new(),
            };
            let note = message.note.as_deref().filter(|_| message.state != "delivered");
            let note = note.map(|note| format!(": {}", escape(&fit(note, NOTE)))).unwrap_or_default();
            format!("{mood} `#{}` to {} · {words} {at}{note}{link}", message.id, to(&message.destination_id))
        });
        return fit(&lines.collect::<Vec<_>>().join("\n"), 900);
    };
    let mut lines = Vec::new();
    let numbers: Vec<String> = send.message_ids.iter().map(|id| format!("`#{id}`")).collect();
    lines.push(match (send.card_id, numbers.len()) {
        (Some(_), _) => {
            format!("{} to {}: a living card, edited as things change.", numbers.join(" "), to(&send.destination_id))
        }
        (None, 1) => format!("{} to {}: a message of its own.", numbers.join(" "), to(&send.destination_id)),
        (None, n) => format!(
            "One message for {n} notices that came together ({}), to {}.",
            fit(&numbers.join(" "), 200),
            to(&send.destination_id)
        ),
    });
    let note = send
        .note
        .as_deref()
        .map(|note| format!(": {}", escape(&fit(note.trim_end_matches('.'), 2 * NOTE))))
        .unwrap_or_default();
    lines.push(match send.state.as_str() {
        "delivered" => format!("Delivered {}{note}.", relative(send.finished_at.unwrap_or(send.created_at))),
        "dead" => format!("Not delivered{note}. `/deliveries replay` sends it again."),
        "in_doubt" => format!("In doubt, because Discord's answer did not come or could not be read: the channel's history is asked before anything else goes there{note}."),
        "unresolved" => format!("In doubt, and nobody can tell: looked at again every 10 minutes, while others pass it{note}. Whoever can see the place can tell: `/deliveries list` has Sent and Send again."),
        _ if send.set_aside => format!("Set aside after several failures, while others pass it; tried again{note}."),
        _ => format!("Under way{note}."),
    });
    if let Some(view) = story.destinations.get(&send.destination_id).filter(|_| send.state != "delivered") {
        if let Some(because) = &view.destination.disabled_because {
            lines.push(format!("Its destination cannot be used: {}.", because.trim_end_matches('.')));
        } else if !view.enabled {
            lines.push("Its destination is paused.".into());
        }
    }
    if let (Some(channel), Some(message)) = (send.channel, send.message_id) {
        lines.push(link(guild, channel, message));
    }
    lines.join("\n")
}

/// What was held back, and where it is told, or when.
fn held_line(guild: GuildId, held: &ToldHeld, to: &str) -> String {
    let when = match (held.told_at, held.place, held.due_at) {
        (Some(at), Some((channel, message)), _) => {
            format!("told of {} in {}", relative(at), link(guild, channel, message))
        }
        (Some(at), None, _) => format!("to be told of since {}", relative(at)),
        (None, _, Some(due)) => format!("told of {}", relative(due)),
        (None, _, None) => "told of when it is over".to_owned(),
    };
    format!("🔕 Not to {to}: {when}.")
}

/// Every attempt with its status, how long it took, and Discord's answer.
fn attempts(all: &[ToldAttempt]) -> String {
    let skipped = all.len().saturating_sub(ATTEMPTS);
    let mut lines = Vec::new();
    if skipped > 0 {
        lines.push(format!("… {skipped} earlier"));
    }
    for (n, attempt) in all.iter().enumerate().skip(skipped) {
        let what = match attempt.action.as_str() {
            "create" => "posted",
            "edit" => "edited",
            _ => "looked for in the history",
        };
        let answer = match (attempt.status, attempt.code) {
            (Some(status), Some(code)) => format!(" HTTP {status} ({code})"),
            (Some(status), None) => format!(" HTTP {status}"),
            (None, _) if attempt.action == "reconcile" => String::new(),
            (None, _) => " no answer".into(),
        };
        let took =
            if attempt.action == "reconcile" { String::new() } else { format!(" after {} ms", attempt.duration_ms) };
        let note = attempt.note.as_deref().filter(|note| !note.is_empty());
        let note = note.map(|note| format!(" ({})", escape(&fit(note, NOTE)))).unwrap_or_default();
        let outcome = outcome(&attempt.outcome);
        lines.push(format!("{}. {} {what}:{answer}{took}, {outcome}{note}", n + 1, relative(attempt.started_at)));
    }
    fit(&lines.join("\n"), 1000)
}

/// What an attempt came to.
fn outcome(word: &str) -> &str {
    match word {
        "open" | "again" => "to be tried again",
        "in_doubt" => "in doubt",
        "unresolved" => "nobody can tell",
        "dead" => "given up",
        "late_said" => "it says that it is late",
        "gone" => "it was deleted by hand",
        other => other,
    }
}

/// How far the message is behind what is known.
fn card(story: &Story) -> Option<String> {
    let card = story.card.as_ref()?;
    let edits = story.attempts.iter().filter(|attempt| attempt.action == "edit" && attempt.outcome == "shown").count();
    let edits = match edits {
        0 => "never edited".to_owned(),
        1 => "edited once".to_owned(),
        n => format!("edited {n} times"),
    };
    let reposted = if card.reposts > 0 { " It was deleted by hand and posted again." } else { "" };
    let refused = refusals(story.refusals, card.approval.as_ref());
    Some(format!("Made from {} events so far; {edits}.{reposted}{refused}", story.events.len()))
}

/// How often what was decided on the card was refused, and in which words the last time.
fn refusals(count: i64, approval: Option<&ApprovalView>) -> String {
    let times = match count {
        0 => return String::new(),
        1 => "once".to_owned(),
        n => format!("{n} times"),
    };
    let Some(last) = approval.filter(|approval| approval.state == ApprovalState::Refused) else {
        return format!("\n⚠️ What was decided on it was refused {times}.");
    };
    let said = last.upstream_text.as_deref().filter(|said| !said.is_empty());
    let said = said.map(|said| format!(": {}", escape(&fit(said, NOTE)))).unwrap_or_default();
    format!("\n⚠️ What was decided on it was refused {times}, the last time by {}{said}", last.system())
}

/// What did not arrive since then, and why; or what to look at.
pub fn why_not(kind: &str, since: DateTime<Utc>, absence: &Absence) -> Vec<Part> {
    let mut parts = Vec::new();
    let absent: Vec<(&Fate, Missing)> = absence.fates.iter().filter_map(|fate| Some((fate, missing(fate)?))).collect();
    let at_least = if absence.is_cut { "at least " } else { "" };
    let received = absence.fates.len();
    let head = match (received, absent.len()) {
        (0, _) => format!("No `{kind}` has come since <t:{}:f>.", since.timestamp()),
        (n, 0) => format!("{at_least}{n} came since <t:{}:f>, and all of them are in Discord.", since.timestamp()),
        (n, gone) => {
            format!("{at_least}{n} came since <t:{}:f>; {gone} of them are not in Discord.", since.timestamp())
        }
    };
    parts.push(("📥 Received", head));
    if !absent.is_empty() {
        let mut lines: Vec<String> =
            absent.iter().take(FATES).map(|(fate, why)| fate_line(fate, why, &absence.routes)).collect();
        if absent.len() > FATES {
            lines.push(format!("… and {} earlier ones", absent.len() - FATES));
        }
        parts.push(("❌ Not shown", fit(&lines.join("\n"), 1000)));
    }
    if !absence.refusals.is_empty() {
        let lines = absence.refusals.iter().map(|(_, group)| {
            let times = if group.count > 1 { format!("{}× ", group.count) } else { String::new() };
            let variant = group.variant.as_ref().map(|variant| format!("\n  ↳ {variant}")).unwrap_or_default();
            format!("{times}{} {}{variant}", relative(group.last_at), group.rule)
        });
        parts.push(("🚫 Refused requests", fit(&lines.collect::<Vec<_>>().join("\n"), 1000)));
    }
    if received == 0 {
        parts.push(("🩺 What to check", fit(&advice(kind, absence), 1000)));
    }
    parts
}

fn advice(kind: &str, absence: &Absence) -> String {
    let last = match absence.last_at {
        Some(at) => format!("The last `{kind}` came {}.", relative(at)),
        None => format!("No `{kind}` ever came; is that what the sender calls it?"),
    };
    let refused = if absence.refusals.is_empty() {
        "Nothing was refused in that time either: does the sender have the right address, and can it reach it? \
         `/webhook-status` shows the address, `/test-webhook` sends something, `/doctor` looks at the rest."
    } else {
        "Requests were refused in that time; what was wrong with them stands above."
    };
    format!("{last}\n{refused}")
}

fn fate_line(fate: &Fate, why: &Missing, names: &HashMap<Uuid, String>) -> String {
    let number = fate.message_id.map(|id| format!(" `#{id}`")).unwrap_or_default();
    let note = |words: &str| {
        if words.is_empty() { String::new() } else { format!(": {}", escape(&fit(words.trim_end_matches('.'), NOTE))) }
    };
    let why = match why {
        Missing::NotPlanned => "it waits to be planned".to_owned(),
        Missing::NotRouted => {
            let plan = plan_of(&fate.event);
            let near = plan.as_ref().and_then(Plan::nearest_miss);
            let near =
                near.map(|near| format!("; nearest was **{}**, but {}", escape(&near.name), fit(&near.because, NOTE)));
            let note =
                plan.map(|plan| plan.note).filter(|note| !note.is_empty()).or_else(|| fate.event.plan_note.clone());
            format!(
                "{}{}",
                fit(&named(&note.unwrap_or_else(|| "no route matches".into()), names), 300),
                near.unwrap_or_default()
            )
        }
        Missing::HeldBack(words) => format!("held back by {}", fit(words, 300)),
        Missing::Waiting => "it waits for its turn".to_owned(),
        Missing::Paused => "its destination is paused".to_owned(),
        Missing::Disabled(because) => format!("its destination cannot be used{}", note(because)),
        Missing::InDoubt(words) => format!("in doubt{}", note(words)),
        Missing::NotDelivered(words) => format!("not delivered{}", note(words)),
        Missing::CardBehind(words) => {
            format!("its card is not up to date{}", note(words.as_deref().unwrap_or_default()))
        }
        Missing::CardGone => "its card was deleted by hand, twice".to_owned(),
    };
    let subject = fate.event.subject.as_ref().map(|subject| format!(" `{}`", fit(subject, 60))).unwrap_or_default();
    format!("{}{subject}{number}: {why}", relative(fate.event.received_at))
}
