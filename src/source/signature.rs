//! What the verification of every source needs: HMAC over parts, what senders are known to do otherwise, and
//! how JSON is spelled. Pure.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::event::canonical_json;

/// What `hmac::verify` does, over parts, so that the body isn't copied; the comparison is constant-time.
pub fn matches(key: &hmac::Key, parts: &[&[u8]], tag: &[u8]) -> bool {
    verify_slices_are_equal(sign(key, parts).as_ref(), tag).is_ok()
}

pub fn sign(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    parts.iter().filter(|part| !part.is_empty()).for_each(|part| context.update(part));
    context.sign()
}

/// What became of a secret on its way into the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misreading {
    /// A line break at its end belongs to it, as when it was read from a file.
    LineBreak,
    /// Spaces or line breaks around it are lost there, or are too much here.
    Trimmed,
    /// Taken for hex, and decoded.
    Hex,
    /// Taken for base64, and decoded.
    Base64,
    /// The right text under another hash function.
    Sha1,
    Sha512,
}

/// A system that signs its webhooks in a header of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct OtherSender {
    /// Lower case, as headers are compared.
    pub header: &'static str,
    pub system: &'static str,
}

const fn other(header: &'static str, system: &'static str) -> OtherSender {
    OtherSender { header, system }
}

/// Each from its system's documentation of webhooks.
pub static OTHER_SENDERS: &[OtherSender] = &[
    other("x-hub-signature-256", "GitHub"),
    other("x-hub-signature", "GitHub (the old way)"),
    other("x-gitlab-token", "GitLab"),
    other("stripe-signature", "Stripe"),
    other("svix-signature", "Svix"),
    other("webhook-signature", "Standard Webhooks"),
    other("kick-event-signature", "Kick"),
    other("x-shopify-hmac-sha256", "Shopify"),
    other("x-slack-signature", "Slack"),
    other("x-signature-256", "some systems"),
    other("x-webhook-signature", "some systems"),
    other("x-signature", "some systems"),
];

/// The keys that a sender may have made of our secrets by mistake.
pub fn misreadings(secrets: &[SecretString]) -> Vec<(Misreading, hmac::Key)> {
    let texts = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    texts.flat_map(misreadings_of).collect()
}

fn misreadings_of(secret: &str) -> Vec<(Misreading, hmac::Key)> {
    let key = |bytes: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, bytes);
    let mut found = vec![
        (Misreading::LineBreak, key(format!("{secret}\n").as_bytes())),
        (Misreading::LineBreak, key(format!("{secret}\r\n").as_bytes())),
        (Misreading::Sha1, hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes())),
        (Misreading::Sha512, hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes())),
    ];
    if secret.trim() != secret {
        found.push((Misreading::Trimmed, key(secret.trim().as_bytes())));
    }
    if let Ok(bytes) = hex::decode(secret) {
        found.push((Misreading::Hex, key(&bytes)));
    }
    let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
    if let Ok(bytes) = BASE64.decode(bare) {
        found.push((Misreading::Base64, key(&bytes)));
    }
    found
}

/// How the signed JSON was spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Respelling {
    pub escapes: Escapes,
    pub spacing: Spacing,
    pub sorted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// `é`, as JavaScript writes.
    Plain,
    /// `\u00e9`, as Python writes.
    Ascii,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    Compact,
    /// A space after each comma and colon, as Python writes by default.
    Spaced,
}

/// The body in every spelling we know, made one at a time.
pub fn respellings(body: &[u8]) -> impl Iterator<Item = (Respelling, String)> {
    let text = std::str::from_utf8(body).ok();
    let value: Option<Value> = text.and_then(|text| serde_json::from_str(text).ok());
    let in_order = value.is_some().then_some(text).flatten().map(str::to_owned);
    let sorted = value.as_ref().map(canonical_json);
    let sources = [(false, in_order), (true, sorted)].into_iter();
    sources.filter_map(|(sorted, text)| Some((sorted, text?))).flat_map(|(sorted, text)| {
        let hows = [Spacing::Compact, Spacing::Spaced].into_iter().flat_map(move |spacing| {
            [Escapes::Plain, Escapes::Ascii].map(|escapes| Respelling { escapes, spacing, sorted })
        });
        hows.filter_map(move |how| Some((how, respell(&text, how)?)))
    })
}

/// Spells valid JSON anew with its keys in the order they stand. `None` for a lone surrogate.
fn respell(json: &str, how: Respelling) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match c {
            '"' => {
                len = string_len(rest);
                let text: String = serde_json::from_str(&rest[..len]).ok()?;
                write_string(&text, how.escapes, &mut out);
            }
            ' ' | '\t' | '\n' | '\r' => {}
            _ => {
                out.push(c);
                if how.spacing == Spacing::Spaced && matches!(c, ',' | ':') {
                    out.push(' ');
                }
            }
        }
        rest = &rest[len..];
    }
    Some(out)
}

/// Bytes of the string literal that `json` starts with, both quotes included.
fn string_len(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// serde_json, Python and JavaScript agree on everything but what lies outside ASCII.
fn write_string(text: &str, escapes: Escapes, out: &mut String) {
    let plain = Value::from(text).to_string();
    match escapes {
        Escapes::Plain => out.push_str(&plain),
        Escapes::Ascii => {
            for c in plain.chars() {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                }
            }
        }
    }
}
