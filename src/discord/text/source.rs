//! Texts about described sources.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::routing::embed::{escape, fit, relative};
use crate::source::generic::action::Action;
use crate::source::generic::config::Verification;
use crate::source::generic::manage::{Made, live_secrets};
use crate::source::generic::preset;
use crate::store::generic_source::StoredSource;

pub const NO_SOURCES: &str = "This server has no sources of its own yet. Add one with /source add.";
pub const SECRET_LABEL: &str = "The secret";
pub const NAME_LABEL: &str = "Type the source's name to remove it";
pub const NOT_THE_NAME: &str = "What you typed is not the source's name. Nothing was removed.";

pub fn secret_title(name: &str) -> String {
    fit(&format!("Secret of {name}"), 45)
}

pub fn remove_title(name: &str) -> String {
    fit(&format!("Remove {name}"), 45)
}

/// Characters of a form's field, by Discord's rules.
pub const LONGEST_FORM: usize = 4000;

pub fn edit_title(name: &str) -> String {
    fit(&format!("Source {name}"), 45)
}

pub fn edit_label(part: &str) -> String {
    format!("{part}, as JSON")
}

pub fn too_long(part: &str, name: &str) -> String {
    format!(
        "The {part} of {} do not fit into a form. The operator can change them with `signalbox source configure`, a program \
         with PUT /api/v1/sources/{{id}}/config.",
        escape(name)
    )
}

pub fn edited(made: &Made) -> String {
    let mut words = format!("✅ **{}** is described anew.", escape(&made.source.name));
    action_secret(&mut words, made);
    words
}

fn action_secret(words: &mut String, made: &Made) {
    if let Some(secret) = &made.action_secret {
        let _ = write!(
            words,
            "\nWhat is pressed on its cards is signed as Standard Webhooks asks, with this secret, shown this once: ||`{secret}`||"
        );
    }
}

/// The actions of a source, one to a line: who may, and whose server is told.
pub fn actions(actions: &[Action]) -> String {
    let line = |action: &Action| {
        let roles: Vec<String> = action.roles().iter().map(|role| format!("<@&{role}>")).collect();
        let who = if roles.is_empty() { "approvers".to_owned() } else { roles.join(", ") };
        let host = action.url().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        format!("**{}** (`{}`) by {who} → {}", escape(&action.label), action.id, escape(&host))
    };
    actions.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The only answer that holds the secret.
pub fn added(made: &Made) -> String {
    let mut words = format!("✅ The source **{}** is there. ", escape(&made.source.name));
    words.push_str(made.guide);
    enter(&mut words, made);
    words.push_str(
        "\nWhere its events are shown is decided by routes; they go to the default route unless one matches.",
    );
    words
}

/// The one before it signs as well, for a day.
pub fn rotated_actions(made: &Made) -> String {
    let mut words = format!("✅ The actions of **{}** have a new secret.", escape(&made.source.name));
    action_secret(&mut words, made);
    words.push_str("\nThe one before it signs as well for 24 hours.");
    words
}

pub fn rotated(made: &Made, now: DateTime<Utc>) -> String {
    let mut words = format!("✅ **{}** has a new secret.", escape(&made.source.name));
    enter(&mut words, made);
    let old = made.source.secrets.iter().skip(1).filter_map(|secret| secret.ends_at).max();
    if let Some(end) = old.filter(|end| *end > now) {
        let _ = write!(words, "\nThe one before it is accepted until <t:{0}:f> (<t:{0}:R>).", end.timestamp());
    }
    words
}

fn enter(words: &mut String, made: &Made) {
    match &made.url {
        Some(url) => {
            let _ = write!(words, "\nAddress: `{url}`");
        }
        None => words.push_str("\n⚠️ The address is not known: the operator has to set PUBLIC_URL."),
    }
    if let Some(secret) = &made.secret {
        let _ = write!(words, "\nSecret, shown this once: ||`{secret}`||");
    }
    action_secret(words, made);
}

pub fn removed(name: &str) -> String {
    format!("✅ The source **{}** is removed: its address is nobody's from now on. What it sent stays.", escape(name))
}

/// One line of the list.
pub fn line(source: &StoredSource, now: DateTime<Utc>) -> String {
    let of = source.config.get("preset").and_then(|name| preset::find(name.as_str()?)).map_or("own", |p| p.title);
    let secrets = match live_secrets(source, now) {
        0 => "❌ no secret",
        1 => "one secret",
        _ => "two secrets",
    };
    let used = source.secrets.iter().filter_map(|secret| secret.last_used_at).max();
    let used = used.map_or("nothing came yet".to_owned(), |at| format!("last used {}", relative(at)));
    format!("**{}** · {of} · {secrets}, {used}", escape(&source.name))
}

pub fn verification(of: &Verification) -> String {
    match of {
        Verification::StandardWebhooks { .. } => "Standard Webhooks signature".into(),
        Verification::Hmac(hmac) => format!("HMAC of `{}` in `{}`", hmac.signed.replace('`', "'"), hmac.header),
        Verification::Token { header, prefix } => format!("`{header}: {}<secret>`", prefix.replace('`', "'")),
        Verification::Basic { user } => format!("user `{}` with the secret as password", user.replace('`', "'")),
        Verification::Url => "the secret is the last part of the address".into(),
    }
}
