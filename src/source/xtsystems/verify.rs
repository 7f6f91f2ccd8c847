//! Whether a request was signed by someone who knows a secret of ours. Pure: bytes, rules and the time
//! in, a verdict out. It reads no JSON: the signature covers the raw bytes.
//!
//! Signed is the text of the timestamp header, the separator (none, as the genuine sender signs) and
//! the raw body; HMAC-SHA256, sent as `sha256=<hex>` (specification of XTSystems, Facts 1).

pub mod diagnose;

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::source::signature::{self, matches};

pub use crate::source::signature::{OTHER_SENDERS, OtherSender};
pub use diagnose::{KnownVariant, diagnose};

/// `X-XTSystems-Signature: sha256=<64 hex digits>`
pub const SIGNATURE_HEADER: &str = "x-xtsystems-signature";
/// `X-XTSystems-Timestamp: <unix seconds or milliseconds>`, taken anew at each attempt.
pub const TIMESTAMP_HEADER: &str = "x-xtsystems-timestamp";

/// A request may be this old.
pub const MAX_AGE: TimeDelta = TimeDelta::minutes(5);
/// A sender's clock may be ahead by this much.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(1);

/// From this number on a timestamp counts milliseconds: as seconds it would be the year 5138, and as
/// milliseconds it is 1973.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

/// The secrets and the separator of one source. The HMAC keys are prepared here, once.
#[derive(Clone, Debug)]
pub struct Rules {
    live: Vec<hmac::Key>,
    retired: Vec<hmac::Key>,
    /// What a sender may have made of a live secret, for [`diagnose`] alone.
    misread: Vec<(signature::Misreading, hmac::Key)>,
    separator: String,
}

impl Rules {
    /// `secrets` are the live ones (two during a rotation), the newest first; empty ones don't count.
    pub fn new(secrets: &[SecretString], separator: impl Into<String>) -> Self {
        let misread = signature::misreadings(secrets);
        Self { live: keys(secrets), retired: Vec::new(), misread, separator: separator.into() }
    }

    /// Secrets that are no longer accepted, so that [`diagnose`] can say when one is still in use.
    #[must_use]
    pub fn with_retired(mut self, secrets: &[SecretString]) -> Self {
        self.retired = keys(secrets);
        self
    }

    pub fn separator(&self) -> &str {
        &self.separator
    }

    /// False when every request will be refused.
    pub fn has_secret(&self) -> bool {
        !self.live.is_empty()
    }
}

fn keys(secrets: &[SecretString]) -> Vec<hmac::Key> {
    let texts = secrets.iter().map(ExposeSecret::expose_secret).filter(|secret| !secret.is_empty());
    texts.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect()
}

/// The two headers as they arrived; `None` when absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignatureHeaders<'a> {
    pub signature: Option<&'a [u8]>,
    pub timestamp: Option<&'a [u8]>,
    /// The signature header of another system, if there is one: only ever explained, never believed.
    pub other: Option<(&'static OtherSender, &'a [u8])>,
}

/// A request that may be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which of the live secrets matched, by its place in [`Rules::new`] (empty ones not counted).
    pub secret_index: usize,
    /// The timestamp header.
    pub sent_at: DateTime<Utc>,
    /// How far the sender's time lies behind ours; negative when it is ahead.
    pub skew: TimeDelta,
}

/// The rule that a refused request broke, for the log and the admins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    NoSecretConfigured,
    MissingSignature,
    MissingTimestamp,
    MalformedSignature,
    MalformedTimestamp,
    /// The request's age.
    TooOld {
        by: TimeDelta,
    },
    /// How far ahead of us the sender's time lies.
    FromTheFuture {
        by: TimeDelta,
    },
    Mismatch,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub rule: Rule,
    /// All that the sender may be told: one of three texts.
    pub public: &'static str,
    /// What would have matched. Always `None` from [`verify`]; see [`Refusal::diagnosed`].
    pub variant: Option<KnownVariant>,
}

impl Refusal {
    fn new(rule: Rule) -> Self {
        let public = match rule {
            Rule::MissingSignature | Rule::MissingTimestamp => "Missing signature or timestamp",
            Rule::TooOld { .. } | Rule::FromTheFuture { .. } => "Timestamp too old",
            _ => "Invalid signature",
        };
        Self { rule, public, variant: None }
    }

    /// Looks for what would have matched. It costs some dozen HMACs, hence only for an admin's eyes and
    /// within a budget.
    #[must_use]
    pub fn diagnosed(mut self, rules: &Rules, headers: &SignatureHeaders<'_>, body: &[u8]) -> Self {
        self.variant = diagnose(rules, headers, body, &self.rule);
        self
    }
}

/// Decides about one request. `body` are the raw bytes as received.
pub fn verify(
    rules: &Rules,
    headers: &SignatureHeaders<'_>,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Verified, Refusal> {
    check(rules, headers, body, now).map_err(Refusal::new)
}

fn check(rules: &Rules, headers: &SignatureHeaders<'_>, body: &[u8], now: DateTime<Utc>) -> Result<Verified, Rule> {
    if rules.live.is_empty() {
        return Err(Rule::NoSecretConfigured);
    }
    let signature = present(headers.signature).ok_or(Rule::MissingSignature)?;
    let timestamp = present(headers.timestamp).ok_or(Rule::MissingTimestamp)?;
    let tag = read_signature(signature).ok_or(Rule::MalformedSignature)?;
    let sent_at = read_timestamp(timestamp).ok_or(Rule::MalformedTimestamp)?;
    let skew = now - sent_at;
    if skew > MAX_AGE {
        return Err(Rule::TooOld { by: skew });
    }
    if -skew > MAX_AHEAD {
        return Err(Rule::FromTheFuture { by: -skew });
    }
    let signed = [timestamp, rules.separator.as_bytes(), body];
    let secret_index = rules.live.iter().position(|key| matches(key, &signed, &tag)).ok_or(Rule::Mismatch)?;
    Ok(Verified { secret_index, sent_at, skew })
}

fn present(header: Option<&[u8]>) -> Option<&[u8]> {
    header.filter(|value| !value.is_empty())
}

/// `sha256=` and 64 hex digits of either case.
fn read_signature(header: &[u8]) -> Option<[u8; 32]> {
    read_hex(header.strip_prefix(b"sha256=")?)
}

/// By a table: the crate's decoder takes a sixth of the whole check's time for short bodies.
fn read_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = digits.try_into().ok()?;
    let mut tag = [0; 32];
    let mut seen = 0;
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen & NO_DIGIT == 0).then_some(tag)
}

const NO_DIGIT: u8 = 0x80;

/// The value of each byte as a hex digit.
static HEX: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// ASCII digits only, seconds or milliseconds by magnitude.
fn read_timestamp(header: &[u8]) -> Option<DateTime<Utc>> {
    if !header.iter().all(u8::is_ascii_digit) {
        return None;
    }
    instant(std::str::from_utf8(header).ok()?.parse().ok()?)
}

/// A unix time in seconds or milliseconds, whichever its magnitude suggests.
pub fn instant(number: i64) -> Option<DateTime<Utc>> {
    if number.unsigned_abs() < MILLISECONDS_FROM {
        DateTime::from_timestamp(number, 0)
    } else {
        DateTime::from_timestamp_millis(number)
    }
}

#[cfg(test)]
mod tests;
