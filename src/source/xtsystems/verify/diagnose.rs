//! What a refused request's sender did differently, for the admin who has to mend it. One deviation at a
//! time; nothing here makes a request acceptable.

use super::{Rule, Rules, SignatureHeaders, present, read_hex, read_signature};
use crate::source::signature::{Misreading, OtherSender, Respelling, matches, respellings, sign};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

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
