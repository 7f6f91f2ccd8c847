//! Whether Discord signed a request with the application's key, and lately: Ed25519 over the timestamp header
//! and the raw body. <https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint>

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use chrono::{DateTime, TimeDelta, Utc};

pub const SIGNATURE_HEADER: &str = "x-signature-ed25519";
pub const TIMESTAMP_HEADER: &str = "x-signature-timestamp";

/// A request may be this old, and its sender's clock ahead by as much. Within it a repeated request is told by the
/// interaction's id, which is kept for longer.
const WINDOW: TimeDelta = TimeDelta::minutes(5);

pub struct Verifier(UnparsedPublicKey<[u8; 32]>);

/// For the log; the sender learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NoSignature,
    NoTimestamp,
    Mismatch,
    /// Signed, but not now: kept by somebody and sent again, or one of the clocks is wrong.
    Untimely(TimeDelta),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoSignature => f.write_str("there is no signature in hexadecimal digits"),
            Refusal::NoTimestamp => f.write_str("there is no timestamp in seconds"),
            Refusal::Mismatch => f.write_str("the signature does not match DISCORD_PUBLIC_KEY"),
            Refusal::Untimely(age) => {
                write!(f, "it was signed {} s from now; is the clock of this machine right?", -age.num_seconds())
            }
        }
    }
}

impl Verifier {
    pub fn new(public_key: [u8; 32]) -> Self {
        Self(UnparsedPublicKey::new(&ED25519, public_key))
    }

    /// The headers as they arrived, `None` when absent.
    pub fn verify(
        &self,
        signature: Option<&[u8]>,
        timestamp: Option<&[u8]>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let signature = signature.and_then(|hexadecimal| hex::decode(hexadecimal).ok()).ok_or(Refusal::NoSignature)?;
        let text = timestamp.ok_or(Refusal::NoTimestamp)?;
        let seconds = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let signed_at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(Refusal::NoTimestamp)?;
        let signed = [text, body].concat();
        self.0.verify(&signed, &signature).map_err(|_| Refusal::Mismatch)?;
        let age = now - signed_at;
        if age.abs() > WINDOW { Err(Refusal::Untimely(age)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    #[test]
    fn signed_now_by_the_key_over_both_parts() {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let verifier = Verifier::new(key.public_key().as_ref().try_into().unwrap());
        let now = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let sign = |text: &str| hex::encode(key.sign(text.as_bytes()));
        let verify = |signature: &str, timestamp: &str, body: &str| {
            verifier.verify(Some(signature.as_bytes()), Some(timestamp.as_bytes()), body.as_bytes(), now)
        };
        let good = sign("1767348000{}");
        assert_eq!(verify(&good, "1767348000", "{}"), Ok(()));
        assert_eq!(verify(&good.to_uppercase(), "1767348000", "{}"), Ok(()));
        assert_eq!(verify(&good, "1767348001", "{}"), Err(Refusal::Mismatch));
        assert_eq!(verify(&good, "1767348000", "{ }"), Err(Refusal::Mismatch));
        assert_eq!(verify(&good[2..], "1767348000", "{}"), Err(Refusal::Mismatch));
        assert_eq!(verify("", "1767348000", "{}"), Err(Refusal::Mismatch));
        assert_eq!(verify("zz", "1767348000", "{}"), Err(Refusal::NoSignature));
        assert_eq!(verify(&good, "yesterday", "{}"), Err(Refusal::NoTimestamp));
        assert_eq!(verifier.verify(None, Some(b"1767348000"), b"{}", now), Err(Refusal::NoSignature));
        assert_eq!(verifier.verify(Some(good.as_bytes()), None, b"{}", now), Err(Refusal::NoTimestamp));
        for (signed_at, fits) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let text = (now.timestamp() + signed_at).to_string();
            assert_eq!(verify(&sign(&format!("{text}{{}}")), &text, "{}").is_ok(), fits, "{signed_at}");
        }
    }
}
