//! What admins read about refused requests: which rule failed, and what to change where.

use super::parse::ParseError;
use super::verify::{KnownVariant, Refusal, Rule};
use crate::routing::duration::span;
use crate::source::signature::{Escapes, Misreading, Respelling, Spacing};

/// One or two sentences: the rule, then what would have matched.
pub fn refusal(refusal: &Refusal) -> String {
    let rule = rule(&refusal.rule);
    match &refusal.variant {
        None => rule,
        Some(known) => format!("{rule} {}", variant(known)),
    }
}

pub fn rule(rule: &Rule) -> String {
    match rule {
        Rule::NoSecretConfigured => {
            "No webhook secret is configured here, so every request is refused: set WEBHOOK_SECRET.".into()
        }
        Rule::MissingSignature => "The X-XTSystems-Signature header is missing. XTSystems signs only when the webhook \
             has a secret: register it again with one."
            .into(),
        Rule::MissingTimestamp => "The X-XTSystems-Timestamp header is missing.".into(),
        Rule::MalformedSignature => {
            "The X-XTSystems-Signature header is not \"sha256=\" followed by 64 hex digits.".into()
        }
        Rule::MalformedTimestamp => {
            "The X-XTSystems-Timestamp header is not a unix time in seconds or milliseconds.".into()
        }
        Rule::TooOld { by } => format!("The request's timestamp is {} old; 5 minutes are allowed.", span(*by)),
        Rule::FromTheFuture { by } => {
            format!("The request's timestamp is {} ahead of this server's clock; 1 minute is allowed.", span(*by))
        }
        Rule::Mismatch => "The signature does not match the request under any live secret.".into(),
    }
}

/// A signed body that is no event.
pub fn unreadable(error: &ParseError) -> String {
    format!("The signature is right, but {error}. The body is kept.")
}

/// What the sender did, and the remedy.
pub fn variant(variant: &KnownVariant) -> String {
    match variant {
        KnownVariant::OnlyTheTime => {
            "The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again."
                .into()
        }
        KnownVariant::Separator(separator) => {
            format!(
                "It matches with {} between timestamp and body: set the separator accordingly.",
                separator_name(separator)
            )
        }
        KnownVariant::SignedMilliseconds => {
            "It matches when the timestamp is signed in milliseconds, but the header carries seconds: the sender must \
             sign the header's text."
                .into()
        }
        KnownVariant::SignedSeconds => {
            "It matches when the timestamp is signed in seconds, but the header carries milliseconds: the sender must \
             sign the header's text."
                .into()
        }
        KnownVariant::BodyOnly => {
            "It matches the body alone: the sender leaves the timestamp out of what it signs.".into()
        }
        KnownVariant::Body(how) => format!(
            "It matches the body spelled as {}: a proxy rewrites the JSON on its way, or the sender signs other bytes \
             than it sends.",
            spelling(*how)
        ),
        KnownVariant::RetiredSecret => {
            "It matches a retired secret: give the sender the current one, or keep both live until it has it.".into()
        }
        KnownVariant::Base64 => "It matches in base64: the sender must write the signature in hex.".into(),
        KnownVariant::BodyLineBreak => {
            "It matches with a line break at the end of the body added or taken away: a proxy changes the body on its \
             way, or the sender signs other bytes than it sends."
                .into()
        }
        KnownVariant::Secret(how) => format!("It matches {}", misreading(*how)),
        KnownVariant::OtherHash(name) => {
            format!("It matches with {name} instead of SHA-256: set the sender to HMAC-SHA256.")
        }
        KnownVariant::OtherSender { sender, with_our_secret: true } => format!(
            "It carries {} made with our secret: the sender must send X-XTSystems-Signature and X-XTSystems-Timestamp.",
            header_name(sender.header)
        ),
        KnownVariant::OtherSender { sender, with_our_secret: false } => format!(
            "It carries {}, as {} signs: this is another system's webhook, which belongs to another address.",
            header_name(sender.header),
            sender.system
        ),
        KnownVariant::BareHex => "It matches without \"sha256=\" in front: the sender must add it.".into(),
    }
}

pub(in crate::source) fn misreading(how: Misreading) -> &'static str {
    match how {
        Misreading::LineBreak => {
            "with a line break at the end of the secret: the sender read it from a file; take the line break away there."
        }
        Misreading::Trimmed => {
            "with the spaces around the secret taken away: set WEBHOOK_SECRET again without spaces around it."
        }
        Misreading::Hex => "with the secret decoded from hex: the sender must use its text as it is.",
        Misreading::Base64 => "with the secret decoded from base64: the sender must use its text as it is.",
        Misreading::Sha1 => "with SHA-1: set the sender to HMAC-SHA256.",
        Misreading::Sha512 => "with SHA-512: set the sender to HMAC-SHA256.",
    }
}

/// `x-hub-signature-256` → `X-Hub-Signature-256`
pub(in crate::source) fn header_name(lower: &str) -> String {
    let words = lower.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<String>>().join("-")
}

fn separator_name(separator: &str) -> String {
    match separator {
        "" => "nothing".into(),
        "\n" => "a line feed".into(),
        other => format!("\"{other}\""),
    }
}

pub(in crate::source) fn spelling(how: Respelling) -> String {
    let spacing = match how.spacing {
        Spacing::Compact => "compact JSON",
        Spacing::Spaced => "JSON with a space after commas and colons",
    };
    let escapes = match how.escapes {
        Escapes::Plain => "unescaped characters",
        Escapes::Ascii => "\\uXXXX escapes",
    };
    format!("{spacing} with {escapes}{}", if how.sorted { " and sorted keys" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_would_have_matched() {
        let told = Refusal {
            rule: Rule::Mismatch,
            public: "Invalid signature",
            variant: Some(KnownVariant::Body(Respelling {
                escapes: Escapes::Plain,
                spacing: Spacing::Compact,
                sorted: true,
            })),
        };
        assert_eq!(
            refusal(&told),
            "The signature does not match the request under any live secret. It matches the body spelled as compact \
             JSON with unescaped characters and sorted keys: a proxy rewrites the JSON on its way, or the sender signs \
             other bytes than it sends."
        );
    }
}
