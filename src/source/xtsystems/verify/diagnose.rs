//! What a refused request's sender did differently, for the admin who has to mend it. One deviation at a
//! time; nothing here makes a request acceptable.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::event::canonical_json;

use super::{Rule, Rules, SignatureHeaders, matches, present, read_hex, read_signature, sign};

/// A known way to sign otherwise than the rules ask. Texts: `text.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownVariant {
    /// The signature itself is right: only the clock, or a long way, is at fault.
    OnlyTheTime,
    /// This one stands between timestamp and body.
    Separator(&'static str),
    /// Milliseconds were signed and seconds sent.
    SignedMilliseconds,
    /// Seconds were signed and milliseconds sent.
    SignedSeconds,
    BodyOnly,
    /// The signed text was a re-serialisation of the JSON that arrived.
    Body(Respelling),
    RetiredSecret,
    /// Right, but base64 instead of hex.
    Base64,
    /// Right, but without `sha256=` in front.
    BareHex,
    /// With a line break at the end of the body, or without the one that came.
    BodyLineBreak,
    /// The sender uses the secret otherwise than as the text that it is.
    Secret(Misreading),
    /// Right, but with this function.
    OtherHash(&'static str),
    /// The request is signed as another system signs.
    OtherSender {
        sender: &'static OtherSender,
        /// Made of the body with one of our secrets: the right system, the wrong header.
        with_our_secret: bool,
    },
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
pub(super) fn misreadings(secrets: &[SecretString]) -> Vec<(Misreading, hmac::Key)> {
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

const SEPARATORS: [&str; 4] = ["", ".", ":", "\n"];

/// The deviation that explains a refusal by `rule`, if it is a known one.
pub fn diagnose(rules: &Rules, headers: &SignatureHeaders<'_>, body: &[u8], rule: &Rule) -> Option<KnownVariant> {
    if *rule == Rule::MissingSignature {
        return headers.other.map(|(sender, value)| other_sender(rules, sender, value, headers.timestamp, body));
    }
    let signature = present(headers.signature)?;
    let timestamp = present(headers.timestamp)?;
    let separator = rules.separator.as_bytes();
    let signed = [timestamp, separator, body];
    let by_any = |keys: &[hmac::Key], parts: &[&[u8]], tag: &[u8]| keys.iter().any(|key| matches(key, parts, tag));
    let tag = match rule {
        Rule::MalformedSignature => {
            return other_encoding(&rules.live, signature, &signed).or_else(|| other_hash(rules, signature, &signed));
        }
        Rule::TooOld { .. } | Rule::FromTheFuture { .. } => {
            let right = by_any(&rules.live, &signed, &read_signature(signature)?);
            return right.then_some(KnownVariant::OnlyTheTime);
        }
        Rule::Mismatch => read_signature(signature)?,
        _ => return None,
    };
    let live = |parts: &[&[u8]]| by_any(&rules.live, parts, &tag);
    for other in SEPARATORS {
        if other != rules.separator && live(&[timestamp, other.as_bytes(), body]) {
            return Some(KnownVariant::Separator(other));
        }
    }
    if live(&[timestamp, b"000", separator, body]) {
        return Some(KnownVariant::SignedMilliseconds);
    }
    // 13 digits are milliseconds of our age; their first ten are the seconds.
    if timestamp.len() == 13 && live(&[&timestamp[..10], separator, body]) {
        return Some(KnownVariant::SignedSeconds);
    }
    if live(&[body]) {
        return Some(KnownVariant::BodyOnly);
    }
    if by_any(&rules.retired, &signed, &tag) {
        return Some(KnownVariant::RetiredSecret);
    }
    let trimmed = body.trim_ascii_end();
    if live(&[timestamp, separator, body, b"\n"]) || trimmed != body && live(&[timestamp, separator, trimmed]) {
        return Some(KnownVariant::BodyLineBreak);
    }
    if let Some((how, _)) = rules.misread.iter().find(|(_, key)| matches(key, &signed, &tag)) {
        return Some(KnownVariant::Secret(*how));
    }
    respellings(body)
        .find(|(_, text)| live(&[timestamp, separator, text.as_bytes()]))
        .map(|(how, _)| KnownVariant::Body(how))
}

fn other_encoding(live: &[hmac::Key], signature: &[u8], signed: &[&[u8]]) -> Option<KnownVariant> {
    let bare = signature.strip_prefix(b"sha256=").unwrap_or(signature);
    if let Some(tag) = read_hex(bare) {
        return live.iter().any(|key| matches(key, signed, &tag)).then_some(KnownVariant::BareHex);
    }
    let tag = BASE64.decode(bare).ok()?;
    live.iter().any(|key| sign(key, signed).as_ref() == tag).then_some(KnownVariant::Base64)
}

/// `sha1=` and `sha512=`, or their digits alone.
fn other_hash(rules: &Rules, signature: &[u8], signed: &[&[u8]]) -> Option<KnownVariant> {
    let text = std::str::from_utf8(signature).ok()?;
    let digits = text.split_once('=').map_or(text, |(_, digits)| digits);
    let tag = hex::decode(digits).ok()?;
    let named = [(Misreading::Sha1, "SHA-1"), (Misreading::Sha512, "SHA-512")];
    let found = rules.misread.iter().find(|(_, key)| matches(key, signed, &tag))?.0;
    named.iter().find(|(how, _)| *how == found).map(|(_, name)| KnownVariant::OtherHash(name))
}

/// Whether the header of another system holds a signature made with a secret of ours.
fn other_sender(
    rules: &Rules,
    sender: &'static OtherSender,
    value: &[u8],
    timestamp: Option<&[u8]>,
    body: &[u8],
) -> KnownVariant {
    let timestamp = timestamp.unwrap_or_default();
    let texts: [&[&[u8]]; 2] = [&[timestamp, rules.separator.as_bytes(), body], &[body]];
    let value = value.strip_prefix(b"sha256=").unwrap_or(value);
    let tag = read_hex(value).map(Vec::from).or_else(|| BASE64.decode(value).ok());
    let with_our_secret =
        tag.is_some_and(|tag| rules.live.iter().any(|key| texts.iter().any(|text| matches(key, text, &tag))));
    KnownVariant::OtherSender { sender, with_our_secret }
}

/// The body in every spelling we know, made one at a time.
fn respellings(body: &[u8]) -> impl Iterator<Item = (Respelling, String)> {
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
