//! What a refused request's sender did differently, for the admin who has to mend it. One deviation at a time;
//! nothing here makes a request acceptable.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::ExposeSecret;

use super::{Given, Request, Rule, Rules, Secret, StandardHeaders, Template, other_sender, standard_tags, tags};
use crate::source::generic::config::{Encoding, Hmac, Verification};
use crate::source::signature::{Misreading, OtherSender, Respelling, matches, respellings};

/// A known way to sign otherwise than the rules ask. Texts: `text.rs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownVariant {
    /// The signature itself is right: only the clock, or a long way, is at fault.
    OnlyTheTime,
    /// This text was signed.
    Signed(&'static str),
    /// Right, but written this way.
    Written {
        encoding: Encoding,
        prefix: String,
    },
    EndedSecret,
    Secret(Misreading),
    /// The secret's text was used where its decoded bytes should be, or the other way round.
    SecretAsText,
    BodyLineBreak,
    Body(Respelling),
    OtherHash(&'static str),
    OtherSender {
        sender: &'static OtherSender,
        with_our_secret: bool,
    },
    /// The token is right, without what should stand before it.
    BareToken,
}

/// Texts that systems are known to sign.
const KNOWN_TEXTS: [&str; 7] = [
    "{body}",
    "{timestamp}.{body}",
    "{timestamp}:{body}",
    "{timestamp}{body}",
    "v0:{timestamp}:{body}",
    "{id}.{timestamp}.{body}",
    "{id}{timestamp}{body}",
];
const PREFIXES: [&str; 6] = ["", "sha256=", "sha512=", "v1=", "v0=", "v1,"];

/// The deviation that explains a refusal by `rule`, if it is a known one.
pub fn diagnose(rules: &Rules, request: &Request<'_>, rule: &Rule) -> Option<KnownVariant> {
    match &rules.scheme {
        Verification::StandardWebhooks { .. } => standard(rules, request, rule),
        Verification::Hmac(scheme) => signed(rules, scheme, request, rule),
        Verification::Token { header, .. } => {
            let given = request.header(header)?;
            super::known(rules, given).map(|_| KnownVariant::BareToken)
        }
        Verification::Basic { .. } | Verification::Url => None,
    }
}

fn standard(rules: &Rules, request: &Request<'_>, rule: &Rule) -> Option<KnownVariant> {
    let Ok(headers) = StandardHeaders::of(request) else { return stranger(rules, request, "webhook-signature") };
    let tags = standard_tags(headers.signature);
    let parts: [&[u8]; 5] = [headers.id, b".", headers.timestamp, b".", request.body];
    match rule {
        Rule::TooOld { .. } | Rule::FromTheFuture { .. } => any(&rules.live, &parts, &tags, KnownVariant::OnlyTheTime),
        Rule::Mismatch => {
            let as_text = rules.live.iter().flat_map(|secret| {
                let text = secret.text.expose_secret();
                let bare = text.strip_prefix(super::SECRET_PREFIX).unwrap_or(text);
                [text, bare].map(|text| hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes()))
            });
            let by_text = as_text.into_iter().any(|key| tags.iter().any(|tag| matches(&key, &parts, tag)));
            any(&rules.ended, &parts, &tags, KnownVariant::EndedSecret)
                .or(by_text.then_some(KnownVariant::SecretAsText))
                .or_else(|| {
                    let of_body = |body: &[u8]| {
                        let parts: [&[u8]; 5] = [headers.id, b".", headers.timestamp, b".", body];
                        matching(&rules.live, &parts, &tags)
                    };
                    rewritten(request.body, of_body)
                })
        }
        _ => None,
    }
}

fn signed(rules: &Rules, scheme: &Hmac, request: &Request<'_>, rule: &Rule) -> Option<KnownVariant> {
    let Some(header) = request.header(&scheme.header) else { return stranger(rules, request, &scheme.header) };
    let given = Given::of(scheme, request).ok()?;
    let parts = rules.template.fill(given.id, given.timestamp, request.body);
    let tags = tags(header, &scheme.prefix, scheme.encoding);
    match rule {
        Rule::TooOld { .. } | Rule::FromTheFuture { .. } => any(&rules.live, &parts, &tags, KnownVariant::OnlyTheTime),
        Rule::MalformedSignature => written_otherwise(rules, scheme, header, &parts),
        Rule::Mismatch => {
            let text = KNOWN_TEXTS.into_iter().filter(|text| *text != scheme.signed).find(|text| {
                let template = Template::parse(text).unwrap_or_default();
                matching(&rules.live, &template.fill(given.id, given.timestamp, request.body), &tags)
            });
            let misread = || {
                let found = rules.misread.iter().find(|(_, key)| tags.iter().any(|tag| matches(key, &parts, tag)));
                found.map(|(how, _)| KnownVariant::Secret(*how))
            };
            text.map(KnownVariant::Signed)
                .or_else(|| any(&rules.ended, &parts, &tags, KnownVariant::EndedSecret))
                .or_else(misread)
                .or_else(|| {
                    let of_body = |body: &[u8]| {
                        matching(&rules.live, &rules.template.fill(given.id, given.timestamp, body), &tags)
                    };
                    rewritten(request.body, of_body)
                })
        }
        _ => None,
    }
}

/// The same signature in another coat, or made with another function.
fn written_otherwise(rules: &Rules, scheme: &Hmac, header: &[u8], parts: &[&[u8]]) -> Option<KnownVariant> {
    for prefix in PREFIXES {
        for encoding in [Encoding::Hex, Encoding::Base64] {
            if matching(&rules.live, parts, &tags(header, prefix, encoding)) {
                return Some(KnownVariant::Written { encoding, prefix: prefix.to_owned() });
            }
        }
    }
    let hashes = [("sha1=", Misreading::Sha1, "SHA-1"), ("sha512=", Misreading::Sha512, "SHA-512")];
    let found = hashes.iter().find(|(prefix, how, _)| {
        let tags = [tags(header, prefix, scheme.encoding), tags(header, "", scheme.encoding)].concat();
        rules.misread.iter().any(|(of, key)| of == how && tags.iter().any(|tag| matches(key, parts, tag)))
    });
    found.map(|(_, _, name)| KnownVariant::OtherHash(name))
}

/// A body that was changed on its way.
fn rewritten(body: &[u8], is_right: impl Fn(&[u8]) -> bool) -> Option<KnownVariant> {
    let trimmed = body.trim_ascii_end();
    if is_right(&[body, b"\n"].concat()) || trimmed != body && is_right(trimmed) {
        return Some(KnownVariant::BodyLineBreak);
    }
    respellings(body).find(|(_, text)| is_right(text.as_bytes())).map(|(how, _)| KnownVariant::Body(how))
}

/// Signed as another system signs.
fn stranger(rules: &Rules, request: &Request<'_>, own: &str) -> Option<KnownVariant> {
    let (sender, value) = other_sender(request, own)?;
    let bare = value.strip_prefix(b"sha256=").unwrap_or(value);
    let tag = hex::decode(bare).ok().or_else(|| BASE64.decode(bare).ok());
    let with_our_secret = tag.is_some_and(|tag| matching(&rules.live, &[request.body], &[tag]));
    Some(KnownVariant::OtherSender { sender, with_our_secret })
}

fn matching(secrets: &[Secret], parts: &[&[u8]], tags: &[Vec<u8>]) -> bool {
    super::first_match(secrets, parts, tags).is_some()
}

fn any(secrets: &[Secret], parts: &[&[u8]], tags: &[Vec<u8>], what: KnownVariant) -> Option<KnownVariant> {
    matching(secrets, parts, tags).then_some(what)
}
