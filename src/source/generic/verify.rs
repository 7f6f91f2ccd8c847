//! Whether a request was sent by someone who knows a secret of ours, by the rules of its source's configuration.
//! Pure: bytes, rules and the time in, a verdict out. Raw bytes are judged, before anything is parsed.

pub mod diagnose;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::config::{Algorithm, Encoding, Hmac, Timestamp, Unit, Verification};
use crate::source::signature::{Misreading, OtherSender, matches, misreadings};
use crate::source::trust::Believes;

pub use diagnose::{KnownVariant, diagnose};

/// Of a list of signatures so many are looked at.
const MOST_SIGNATURES: usize = 10;
/// An id longer than this is nobody's.
const LONGEST_ID: usize = 256;
/// What the secrets of Standard Webhooks begin with.
pub const SECRET_PREFIX: &str = "whsec_";

/// A request as it arrived. Header names are lower-case.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The part of the address behind the source's id.
    pub key: Option<&'a str>,
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The first value of this name that is not empty.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let is_meant = |(header, value): &&(&str, &[u8])| header.eq_ignore_ascii_case(name) && !value.is_empty();
        self.headers.iter().find(is_meant).map(|(_, value)| *value)
    }
}

/// A request that may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which of the live secrets it was, by its place in the rules.
    pub secret_index: usize,
    /// The signed time.
    pub sent_at: Option<DateTime<Utc>>,
    /// What names the delivery, the same in each attempt. Only where it is signed: else whoever has seen one request
    /// could send it again under another id.
    pub id: Option<String>,
    /// Whether the body itself is signed; else only its sender is known.
    pub signed: bool,
}

/// The rule that a refused request broke, for the log and the admins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    NoSecret,
    /// None of these headers, of which one is wanted.
    MissingHeader(String),
    MalformedSignature,
    MalformedTimestamp,
    MalformedId,
    TooOld {
        by: TimeDelta,
    },
    FromTheFuture {
        by: TimeDelta,
    },
    Mismatch,
    WrongToken,
    WrongAddress,
}

impl Rule {
    /// All that the sender may be told.
    pub fn public(&self) -> &'static str {
        match self {
            Rule::MissingHeader(_) => "Missing signature or credentials",
            Rule::TooOld { .. } | Rule::FromTheFuture { .. } => "Timestamp too old",
            Rule::WrongToken | Rule::WrongAddress => "Invalid credentials",
            _ => "Invalid signature",
        }
    }
}

/// The verification of one source with its secrets. HMAC keys are prepared here, once.
#[derive(Clone, Debug)]
pub struct Rules {
    scheme: Verification,
    template: Template,
    live: Vec<Secret>,
    ended: Vec<Secret>,
    /// What a sender may have made of a live secret, for [`diagnose`] alone.
    misread: Vec<(Misreading, hmac::Key)>,
}

#[derive(Clone)]
struct Secret {
    key: hmac::Key,
    text: SecretString,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Rules {
    /// Without any secret: see [`Believes::with_secrets`].
    pub fn new(scheme: &Verification) -> Self {
        let signed = match scheme {
            Verification::Hmac(hmac) => hmac.signed.as_str(),
            _ => "{id}.{timestamp}.{body}",
        };
        // A configuration is checked before it is stored; what cannot be read signs nothing.
        let template = Template::parse(signed).unwrap_or_default();
        Self { scheme: scheme.clone(), template, live: vec![], ended: vec![], misread: vec![] }
    }

    pub fn has_secret(&self) -> bool {
        !self.live.is_empty()
    }

    fn secrets(&self, texts: &[SecretString]) -> Vec<Secret> {
        let filled = texts.iter().filter(|text| !text.expose_secret().is_empty());
        filled.map(|text| Secret { key: key(&self.scheme, text.expose_secret()), text: text.clone() }).collect()
    }
}

impl Believes for Rules {
    fn with_secrets(&self, live: &[SecretString], ended: &[SecretString]) -> Self {
        let misread = match &self.scheme {
            Verification::Hmac(hmac) if hmac.algorithm == Algorithm::Sha256 => misreadings(live),
            _ => Vec::new(),
        };
        Self { live: self.secrets(live), ended: self.secrets(ended), misread, ..self.clone() }
    }
}

fn key(scheme: &Verification, secret: &str) -> hmac::Key {
    match scheme {
        Verification::Hmac(hmac) => hmac::Key::new(algorithm(hmac.algorithm), secret.as_bytes()),
        Verification::StandardWebhooks { .. } => match standard_key(secret) {
            Some(bytes) => hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            None => hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        },
        _ => hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
    }
}

/// The bytes of `whsec_<base64>`.
pub fn standard_key(secret: &str) -> Option<Vec<u8>> {
    BASE64.decode(secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret)).ok()
}

fn algorithm(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Algorithm::Sha256 => hmac::HMAC_SHA256,
        Algorithm::Sha512 => hmac::HMAC_SHA512,
    }
}

/// Decides about one request.
pub fn verify(rules: &Rules, request: &Request<'_>, now: DateTime<Utc>) -> Result<Verified, Rule> {
    if rules.live.is_empty() {
        return Err(Rule::NoSecret);
    }
    match &rules.scheme {
        Verification::StandardWebhooks { tolerance_seconds } => standard(rules, request, *tolerance_seconds, now),
        Verification::Hmac(scheme) => signed(rules, scheme, request, now),
        Verification::Token { header, prefix } => {
            let given = request.header(header).ok_or_else(|| Rule::MissingHeader(header.clone()))?;
            let given = strip_prefix_ignoring_case(given, prefix.as_bytes()).ok_or(Rule::WrongToken)?;
            known(rules, given).ok_or(Rule::WrongToken)
        }
        Verification::Basic { user } => {
            let given = request.header("authorization").ok_or_else(|| Rule::MissingHeader("Authorization".into()))?;
            let password = basic_password(given, user).ok_or(Rule::WrongToken)?;
            known(rules, &password).ok_or(Rule::WrongToken)
        }
        Verification::Url => known(rules, request.key.unwrap_or_default().as_bytes()).ok_or(Rule::WrongAddress),
    }
}

/// Who says the secret itself. Hashes are compared, so that time tells nothing about its length either.
fn known(rules: &Rules, given: &[u8]) -> Option<Verified> {
    let hash = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes);
    let given = hash(given);
    let is_it = |secret: &Secret| {
        verify_slices_are_equal(hash(secret.text.expose_secret().as_bytes()).as_ref(), given.as_ref()).is_ok()
    };
    let secret_index = rules.live.iter().position(is_it)?;
    Some(Verified { secret_index, sent_at: None, id: None, signed: false })
}

/// Schemes such as `Bearer` are written in any case.
fn strip_prefix_ignoring_case<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn basic_password(header: &[u8], user: &str) -> Option<Vec<u8>> {
    let encoded = strip_prefix_ignoring_case(header, b"Basic ")?;
    let text = BASE64.decode(encoded.trim_ascii()).ok()?;
    Some(text.strip_prefix(user.as_bytes())?.strip_prefix(b":")?.to_vec())
}

fn standard(rules: &Rules, request: &Request<'_>, tolerance: u32, now: DateTime<Utc>) -> Result<Verified, Rule> {
    let headers = StandardHeaders::of(request)?;
    let id = id(headers.id)?;
    let sent_at = instant(headers.timestamp, Unit::Seconds).ok_or(Rule::MalformedTimestamp)?;
    in_time(sent_at, tolerance, now)?;
    let tags = standard_tags(headers.signature);
    if tags.is_empty() {
        return Err(Rule::MalformedSignature);
    }
    let parts: [&[u8]; 5] = [headers.id, b".", headers.timestamp, b".", request.body];
    let secret_index = first_match(&rules.live, &parts, &tags).ok_or(Rule::Mismatch)?;
    Ok(Verified { secret_index, sent_at: Some(sent_at), id: Some(id), signed: true })
}

/// The three headers under either of their names.
struct StandardHeaders<'a> {
    id: &'a [u8],
    timestamp: &'a [u8],
    signature: &'a [u8],
}

impl<'a> StandardHeaders<'a> {
    fn of(request: &Request<'a>) -> Result<Self, Rule> {
        let find = |name: &str| {
            let found = ["webhook-", "svix-"].iter().find_map(|family| request.header(&format!("{family}{name}")));
            found.ok_or_else(|| Rule::MissingHeader(format!("webhook-{name}")))
        };
        Ok(Self { signature: find("signature")?, timestamp: find("timestamp")?, id: find("id")? })
    }
}

/// `v1,<base64> v1,<base64>`; other versions are passed over.
fn standard_tags(header: &[u8]) -> Vec<Vec<u8>> {
    let each = header.split(|b| *b == b' ').take(MOST_SIGNATURES);
    each.filter_map(|one| BASE64.decode(one.strip_prefix(b"v1,")?).ok()).collect()
}

fn signed(rules: &Rules, scheme: &Hmac, request: &Request<'_>, now: DateTime<Utc>) -> Result<Verified, Rule> {
    let header = request.header(&scheme.header).ok_or_else(|| Rule::MissingHeader(scheme.header.clone()))?;
    let given = Given::of(scheme, request)?;
    let sent_at = match (&scheme.timestamp, given.timestamp) {
        (Some(rule), Some(text)) => {
            let sent_at = instant(text, rule.unit).ok_or(Rule::MalformedTimestamp)?;
            in_time(sent_at, rule.tolerance_seconds, now)?;
            Some(sent_at)
        }
        _ => None,
    };
    let tags = tags(header, &scheme.prefix, scheme.encoding);
    if tags.is_empty() {
        return Err(Rule::MalformedSignature);
    }
    let parts = rules.template.fill(given.id, given.timestamp, request.body);
    let secret_index = first_match(&rules.live, &parts, &tags).ok_or(Rule::Mismatch)?;
    Ok(Verified { secret_index, sent_at, id: given.id.map(id).transpose()?, signed: true })
}

/// What a scheme wants beside the signature.
struct Given<'a> {
    id: Option<&'a [u8]>,
    timestamp: Option<&'a [u8]>,
}

impl<'a> Given<'a> {
    fn of(scheme: &Hmac, request: &Request<'a>) -> Result<Self, Rule> {
        let wanted = |name: &String| request.header(name).ok_or_else(|| Rule::MissingHeader(name.clone()));
        let timestamp = scheme.timestamp.as_ref().map(|rule: &Timestamp| wanted(&rule.header)).transpose()?;
        // An id that is not signed says nothing.
        let id = match &scheme.id_header {
            Some(name) if scheme.signed.contains("{id}") => Some(wanted(name)?),
            _ => None,
        };
        Ok(Self { id, timestamp })
    }
}

/// The signatures of a header: one, or several behind commas or spaces.
fn tags(header: &[u8], prefix: &str, encoding: Encoding) -> Vec<Vec<u8>> {
    let each = header.split(|b| matches!(b, b',' | b' ')).filter(|one| !one.is_empty()).take(MOST_SIGNATURES);
    let bare = each.filter_map(|one| one.strip_prefix(prefix.as_bytes()));
    bare.filter_map(|one| match encoding {
        Encoding::Hex => hex::decode(one).ok(),
        Encoding::Base64 => BASE64.decode(one).ok(),
    })
    .collect()
}

fn first_match(secrets: &[Secret], parts: &[&[u8]], tags: &[Vec<u8>]) -> Option<usize> {
    secrets.iter().position(|secret| tags.iter().any(|tag| matches(&secret.key, parts, tag)))
}

fn in_time(sent_at: DateTime<Utc>, tolerance: u32, now: DateTime<Utc>) -> Result<(), Rule> {
    let (skew, tolerance) = (now - sent_at, TimeDelta::seconds(i64::from(tolerance)));
    if skew > tolerance {
        return Err(Rule::TooOld { by: skew });
    }
    if -skew > tolerance {
        return Err(Rule::FromTheFuture { by: -skew });
    }
    Ok(())
}

/// Digits alone.
fn instant(text: &[u8], unit: Unit) -> Option<DateTime<Utc>> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    match unit {
        Unit::Seconds => DateTime::from_timestamp(number, 0),
        Unit::Milliseconds => DateTime::from_timestamp_millis(number),
    }
}

fn id(bytes: &[u8]) -> Result<String, Rule> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST_ID && !text.contains('\0'));
    text.map(str::to_owned).ok_or(Rule::MalformedId)
}

/// The text that is signed, in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Id,
    Timestamp,
    Body,
}

impl Template {
    /// `v0:{timestamp}:{body}`. The error is for the person who wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            if at > 0 {
                pieces.push(Piece::Text(rest[..at].to_owned()));
            }
            let end = rest[at..].find('}').map(|end| at + end).ok_or("signed has a { without its }")?;
            pieces.push(match &rest[at + 1..end] {
                "id" => Piece::Id,
                "timestamp" => Piece::Timestamp,
                "body" => Piece::Body,
                other => return Err(format!("signed knows {{body}}, {{timestamp}} and {{id}}, not {{{other}}}")),
            });
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        if pieces.iter().filter(|piece| **piece == Piece::Body).count() != 1 {
            return Err("signed has to hold {body} once".into());
        }
        Ok(Self(pieces))
    }

    /// Whether the scheme has what the text wants.
    pub(super) fn check(&self, scheme: &Hmac, found: &mut Vec<String>) {
        match (self.0.contains(&Piece::Timestamp), scheme.timestamp.is_some()) {
            (true, false) => found.push("signed holds {timestamp}, so timestamp has to say its header".into()),
            (false, true) => {
                found.push("a timestamp that is not signed proves nothing: add {timestamp} to signed".into())
            }
            _ => {}
        }
        if self.0.contains(&Piece::Id) && scheme.id_header.is_none() {
            found.push("signed holds {id}, so id_header has to say its header".into());
        }
    }

    fn fill<'a>(&'a self, id: Option<&'a [u8]>, timestamp: Option<&'a [u8]>, body: &'a [u8]) -> Vec<&'a [u8]> {
        let fill = |piece: &'a Piece| match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Id => id.unwrap_or_default(),
            Piece::Timestamp => timestamp.unwrap_or_default(),
            Piece::Body => body,
        };
        self.0.iter().map(fill).collect()
    }
}

/// The header by which another system signs, if the request has one.
fn other_sender<'a>(request: &Request<'a>, own: &str) -> Option<(&'static OtherSender, &'a [u8])> {
    let others = crate::source::signature::OTHER_SENDERS.iter().filter(|other| !other.header.eq_ignore_ascii_case(own));
    others.filter_map(|other| Some((other, request.header(other.header)?))).next()
}

#[cfg(test)]
mod tests;
