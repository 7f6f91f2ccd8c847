//! How rounds, maps, awards and sessions of ET:Legacy look: one living card each. Pure.

mod awards;
pub mod look;
mod map;
mod round;
mod session;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::embed::{Embed, FIELD_VALUE, MessageBody, TITLE, TOTAL, escape, fit};
use super::notice::footer;
use super::subject::SubjectState;
use crate::event::Event;
use crate::matches::report::{self, AwardsReport, MapReport, Payload, RoundReport, SessionReport};

pub use session::{embed as summary, map as map_line, mastery};

/// Left of an embed for footer, mark and what is added later.
const RESERVE: usize = 400;
/// Corrections that are told.
const CORRECTIONS: usize = 4;

/// The card of a thing as it was told last.
pub fn card(state: &SubjectState) -> MessageBody {
    let latest = state.latest();
    let kind = latest.map_or("", |entry| entry.kind.as_str());
    let fields = state.fields.iter().map(|(name, field)| (name.clone(), field.value.clone()));
    let data = Value::Object(fields.collect());
    let embed = Embed { timestamp: latest.map(|entry| entry.key.time), ..embed(kind, &data) };
    MessageBody { embeds: vec![embed], buttons: buttons(kind, &data), ..MessageBody::default() }
}

/// The embed of an event on its own.
pub fn render(event: &Event) -> Embed {
    Embed { timestamp: Some(event.occurred_at), ..embed(&event.kind, &event.data) }
}

/// Whether nothing more is played.
pub fn is_over(state: &SubjectState) -> bool {
    let of_session = state.fields.get("report").and_then(|field| field.value.get("is_over"));
    of_session != Some(&Value::Bool(false))
}

fn embed(kind: &str, data: &Value) -> Embed {
    let drawn = match kind {
        report::ROUND => payload::<RoundReport>(data).map(|told| (round::embed(&told.report), told.corrected)),
        report::MAP => payload::<MapReport>(data).map(|told| (map::embed(&told.report), told.corrected)),
        report::AWARDS => payload::<AwardsReport>(data).map(|told| (awards::embed(&told.report), told.corrected)),
        report::SESSION => payload::<SessionReport>(data).map(|told| (session::embed(&told.report), told.corrected)),
        _ => None,
    };
    // What another release wrote differently has its name at least.
    let unread = || {
        let name = data.get("name").and_then(Value::as_str).unwrap_or("ET:Legacy");
        (Embed { title: format!("🎮 {}", escape(&fit(name, 100))), ..Embed::default() }, Vec::new())
    };
    let (mut embed, corrected) = drawn.unwrap_or_else(unread);
    if embed.footer.text.is_empty() {
        embed.footer = footer(kind);
    }
    if is_withdrawn(data) {
        return withdrawn(embed, &corrected);
    }
    if !corrected.is_empty() {
        let words: Vec<String> = corrected.iter().take(CORRECTIONS).map(|words| escape(&fit(words, 150))).collect();
        embed.description.push_str(&format!("\n✏️ **Corrected:** {}", words.join("; ")));
    }
    embed
}

fn is_withdrawn(data: &Value) -> bool {
    data.get("withdrawn") == Some(&Value::Bool(true))
}

/// Nothing of what was told stands but what it was about.
fn withdrawn(embed: Embed, why: &[String]) -> Embed {
    let why: Vec<String> = why.iter().map(|words| escape(&fit(words, 150))).collect();
    let title = fit(&format!("🚫 Withdrawn: {}", embed.title), TITLE);
    let description = format!("⚠️ **This no longer stands:** {}.", why.join("; "));
    Embed { title, description, color: look::GREY, footer: embed.footer, ..Embed::default() }
}

fn payload<T: DeserializeOwned>(data: &Value) -> Option<Payload<T>> {
    Payload::deserialize(data).ok()
}

fn buttons(kind: &str, data: &Value) -> Vec<super::embed::Button> {
    match (kind, data.pointer("/report/stem").and_then(Value::as_str)) {
        (report::SESSION, Some(stem)) if !is_withdrawn(data) => session::buttons(stem),
        _ => Vec::new(),
    }
}

/// Adds lines under a heading: in several fields where one is too small, and no more than an embed holds.
pub fn list(mut embed: Embed, heading: &str, lines: impl IntoIterator<Item = String>) -> Embed {
    let lines: Vec<String> = lines.into_iter().map(|line| fit(&line, FIELD_VALUE)).collect();
    let mut rest = lines.as_slice();
    let mut name = heading.to_owned();
    while !rest.is_empty() {
        let room = (TOTAL - RESERVE).saturating_sub(embed.len() + name.chars().count()).min(FIELD_VALUE);
        let count = fitting(rest, room);
        if count == 0 {
            // Of what is under this heading already the last says what is missing.
            if let Some(last) = embed.fields.last_mut().filter(|_| rest.len() < lines.len()) {
                last.value = format!("{}\n… and {} more", fit(&last.value, FIELD_VALUE - 30), rest.len());
            }
            return embed;
        }
        let (here, behind) = rest.split_at(count);
        embed = embed.field(&name, here.join("\n"), false);
        (rest, name) = (behind, format!("{heading} (cont.)"));
    }
    embed
}

/// How many of the lines fit into so many characters.
fn fitting(lines: &[String], room: usize) -> usize {
    let mut used = 0;
    let fits = |line: &&String| {
        used += line.chars().count() + 1;
        used <= room
    };
    lines.iter().take_while(fits).count()
}
