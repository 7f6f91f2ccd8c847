//! Texts of `/privacy` and `/audit`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::privacy::Forgotten;
use crate::privacy::audit::Export;
use crate::routing::embed::{escape, fit, relative};
use crate::store::audit::AuditLine;
use crate::store::audit_chain::Verification;
use crate::store::privacy::Found;

pub const SHOW_TITLE: &str = "🔐 What is stored about you";
pub const NOTHING_STORED: &str = "Nothing is stored about you.";
pub const EXPORTED: &str = "Everything that is stored about you, as JSON.";
pub const DELETE_TITLE: &str = "Delete what is stored about you";
pub const DELETE_LABEL: &str = "Type DELETE to confirm";
/// What has to be typed.
pub const DELETE_WORD: &str = "DELETE";
pub const NOT_CONFIRMED: &str = "Nothing was deleted: the word DELETE has to be typed.";
pub const NOT_YOURS: &str = "This is somebody else's.";
pub const AUDIT_TITLE: &str = "📜 Audit log";
pub const NO_LINES: &str = "No entry fits.";
pub const BAD_SINCE: &str = "`since` should be such as 7d, 12h or 2026-11-21; nothing was looked up.";
pub const BAD_ACTION: &str = "An action is one short word, as the log shows it, such as `decided`.";
/// Longest line of the log as shown.
const LINE: usize = 380;
const DETAIL: usize = 160;

pub fn shown(found: &[Found]) -> String {
    let lines: Vec<String> = found
        .iter()
        .map(|f| format!("**{}** {}\n-# on deletion: {}", f.count, f.member.what, f.member.on_delete.words()))
        .collect();
    format!(
        "{}\n\nYour messages are not read or stored. /privacy export gives you all of this, /privacy delete deletes it.",
        lines.join("\n")
    )
}

pub fn forgotten(what: Forgotten) -> String {
    match what {
        Forgotten::Done { anything: true } => {
            "Deleted. What stays in audit logs leads to nobody; cards that named you are shown anew without your name."
                .into()
        }
        Forgotten::Done { anything: false } => "There was nothing to delete.".into(),
        Forgotten::NotBefore(at) => {
            format!("You have deleted your data already; you can do it again {}.", relative(at))
        }
    }
}

/// One entry of the log as people read it.
pub fn audit_line(line: &AuditLine) -> String {
    let seq = line.seq.map_or("not sealed yet".to_owned(), |seq| format!("#{seq}"));
    let who = match line.user_id {
        Some(user) => format!(" <@{user}>"),
        None if line.by_somebody => " somebody who is forgotten".into(),
        None => String::new(),
    };
    let about = line.about.as_deref().map_or(String::new(), |name| format!(" {}", escape(name)));
    let text =
        format!("`{seq}` {}{who} **{}**{about}{}", relative(line.at), escape(&line.action), details(&line.detail));
    fit(&text, LINE)
}

/// The details that tell people something; ids of events and interactions do not.
fn details(detail: &Value) -> String {
    let fields = detail.as_object().into_iter().flatten();
    let is_id = |value: &Value| value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok());
    let told = fields.filter(|(name, value)| name.as_str() != "interaction" && !value.is_null() && !is_id(value));
    let words: Vec<String> = told
        .map(|(name, value)| {
            let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}: {}", escape(&fit(&plain, DETAIL)))
        })
        .collect();
    if words.is_empty() { String::new() } else { format!(" — {}", words.join(" · ")) }
}

pub fn verified(walk: &Verification) -> String {
    let waiting = match walk.unsealed {
        0 => String::new(),
        n => format!("\n{n} newer lines are not sealed yet."),
    };
    let checked = walk.checked;
    match (&walk.fault, &walk.head) {
        (Some(fault), _) => format!(
            "❌ The audit log is not what was written: {fault}.\n{checked} entries were checked and are as they were sealed. \
             Compare with an export that was made before; somebody has changed the database by hand.{waiting}"
        ),
        (None, None) => format!("✅ The audit log is empty.{waiting}"),
        (None, Some(head)) => {
            let purged = match head.anchor_seq {
                0 => String::new(),
                n => format!("\nEntries up to {n} were deleted because of their age."),
            };
            format!(
                "✅ {checked} entries checked: nothing was changed, removed or inserted.\nHead: entry {} `{}`{purged}{waiting}",
                head.seq,
                hex::encode(&head.hash)
            )
        }
    }
}

pub fn exported(export: &Export) -> String {
    let Some(head) = &export.head else { return "The audit log is empty.".into() };
    let complete = if export.complete {
        ""
    } else {
        "\nOlder entries did not fit; the operator gets all of them with `signalbox audit export`."
    };
    format!("{} entries. Head: entry {} `{}`{complete}", export.entries, head.seq, hex::encode(&head.hash))
}

/// `since` as it is shown above a list.
pub fn since(at: DateTime<Utc>) -> String {
    format!("since <t:{}:f>", at.timestamp())
}
