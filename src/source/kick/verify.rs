//! The signature over a delivery of Kick: `<message id>.<timestamp>.<body>`, the body as it came, byte by byte.
//! <https://docs.kick.com/events/webhook-security>
//!
//! One key signs for every app of Kick, and the signed text names neither the app nor the type of the event nor the
//! subscription. Whoever runs another app can therefore send us genuine deliveries under any type: what is done with a
//! delivery depends on its subscription, which has to be ours ([`super::live`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::crypto::RsaPublicKey;

/// Longest id and timestamp that are looked at; both are short.
const LONGEST: usize = 128;

/// The headers of a delivery, as they came. Names are compared without case by whoever fills this in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Kick-Event-Message-Id`, signed.
    pub message_id: Option<&'a [u8]>,
    /// `Kick-Event-Message-Timestamp`, signed: when this delivery was sent, not when it happened.
    pub timestamp: Option<&'a [u8]>,
    pub signature: Option<&'a [u8]>,
    /// Not signed, as the two that follow.
    pub subscription_id: Option<&'a [u8]>,
    pub kind: Option<&'a [u8]>,
    pub version: Option<&'a [u8]>,
}

/// What is sure of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub message_id: String,
    pub signed_at: DateTime<Utc>,
}

/// Why a delivery is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rule {
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {0} is not as Kick writes it")]
    Malformed(&'static str),
    #[error("the signature is not base64")]
    NotBase64,
    /// Made with another key, or over something else.
    #[error("the signature does not match")]
    Mismatch,
}

/// Decides about one delivery.
pub fn verify(key: &RsaPublicKey, headers: &Headers<'_>, body: &[u8]) -> Result<Signed, Rule> {
    let signed = claimed(headers)?;
    let (id, timestamp) = (headers.message_id.unwrap_or_default(), headers.timestamp.unwrap_or_default());
    let signature = headers.signature.filter(|text| !text.is_empty()).ok_or(Rule::Missing("Kick-Event-Signature"))?;
    let signature = STANDARD.decode(signature).map_err(|_| Rule::NotBase64)?;
    if !key.verifies(&[id, b".", timestamp, b".", body], &signature) {
        return Err(Rule::Mismatch);
    }
    Ok(signed)
}

/// What a delivery says about itself, believed or not.
fn claimed(headers: &Headers<'_>) -> Result<Signed, Rule> {
    const TIMESTAMP: &str = "Kick-Event-Message-Timestamp";
    let id = text("Kick-Event-Message-Id", headers.message_id)?;
    let timestamp = text(TIMESTAMP, headers.timestamp)?;
    let signed_at = DateTime::parse_from_rfc3339(timestamp).map_err(|_| Rule::Malformed(TIMESTAMP))?;
    Ok(Signed { message_id: id.to_owned(), signed_at: signed_at.to_utc() })
}

fn text<'a>(name: &'static str, value: Option<&'a [u8]>) -> Result<&'a str, Rule> {
    let value = value.filter(|value| !value.is_empty()).ok_or(Rule::Missing(name))?;
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= LONGEST);
    text.ok_or(Rule::Malformed(name))
}
