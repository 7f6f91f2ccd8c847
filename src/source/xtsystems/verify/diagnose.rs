//! What a refused request's sender did differently, for the admin who has to mend it. One deviation at a
//! time; nothing here makes a request acceptable.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
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
    let signature = present(headers.signature)?;
    let timestamp = present(headers.timestamp)?;
    let separator = rules.separator.as_bytes();
    let signed = [timestamp, separator, body];
    let by_any = |keys: &[hmac::Key], parts: &[&[u8]], tag: &[u8]| keys.iter().any(|key| matches(key, parts, tag));
    let tag = match rule {
        Rule::MalformedSignature => return other_encoding(&rules.live, signature, &signed),
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
