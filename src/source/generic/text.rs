//! What admins read about refused requests of described sources: which rule failed, and what to change where.

use super::body::BodyError;
use super::config::Encoding;
use super::verify::{KnownVariant, Rule};
use crate::routing::duration::span;
use crate::source::xtsystems::text::{header_name, misreading, spelling};

pub fn rule(rule: &Rule) -> String {
    match rule {
        Rule::NoSecret => "This source has no live secret, so every request is refused: use /source rotate.".into(),
        Rule::MissingHeader(name) => format!("The {} header is missing.", header_name(&name.to_lowercase())),
        Rule::MalformedSignature => "The signature's header is not written as this source's rules say.".into(),
        Rule::MalformedTimestamp => {
            "The timestamp's header is not a unix time in the unit of this source's rules.".into()
        }
        Rule::MalformedId => "The delivery's id is too long, or no text.".into(),
        Rule::TooOld { by } => format!("The request's timestamp is {} old; more than is allowed.", span(*by)),
        Rule::FromTheFuture { by } => format!("The request's timestamp is {} ahead of this server's clock.", span(*by)),
        Rule::Mismatch => "The signature does not match the request under any live secret.".into(),
        Rule::WrongToken => "The credentials are not those of this source.".into(),
        Rule::WrongAddress => "The last part of the address is not the one of this source.".into(),
    }
}

/// A believed body that is no document.
pub fn unreadable(error: &BodyError) -> String {
    format!("The sender is believed, but {error}. The body is kept.")
}

/// What the sender did, and the remedy.
pub fn variant(variant: &KnownVariant) -> String {
    match variant {
        KnownVariant::OnlyTheTime => {
            "The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again."
                .into()
        }
        KnownVariant::Signed(text) => format!("It matches when `{text}` is what is signed: set `signed` accordingly."),
        KnownVariant::Written { encoding, prefix } => {
            let encoding = match encoding {
                Encoding::Hex => "hex",
                Encoding::Base64 => "base64",
            };
            let prefix = if prefix.is_empty() { "nothing" } else { prefix };
            format!(
                "It matches when it is read as {encoding} with {prefix} in front: set encoding and prefix accordingly."
            )
        }
        KnownVariant::EndedSecret => {
            "It matches a secret that was rotated out: enter the current one at the sender.".into()
        }
        KnownVariant::Secret(how) => format!("It matches {}", misreading(*how)),
        KnownVariant::SecretAsText => {
            "It matches with the secret's text as the key: the sender must decode what stands \
             behind whsec_ from base64."
                .into()
        }
        KnownVariant::BodyLineBreak => {
            "It matches with another line break at the end of the body: a proxy changes the body on its way.".into()
        }
        KnownVariant::Body(how) => format!(
            "It matches the body spelled as {}: a proxy rewrites the JSON on its way, or the sender signs other bytes \
             than it sends.",
            spelling(*how)
        ),
        KnownVariant::OtherHash(name) => format!("It matches with {name}: set the algorithm accordingly."),
        KnownVariant::OtherSender { sender, with_our_secret: true } => format!(
            "It carries {} made with our secret: this source should be of the preset for {}.",
            header_name(sender.header),
            sender.system
        ),
        KnownVariant::OtherSender { sender, with_our_secret: false } => format!(
            "It carries {}, as {} signs: this is another system's webhook, which belongs to another address.",
            header_name(sender.header),
            sender.system
        ),
        KnownVariant::BareToken => "The token is right, but what should stand in front of it is missing.".into(),
    }
}
