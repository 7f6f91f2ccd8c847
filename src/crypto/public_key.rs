//! RSA public keys of senders: read once, then asked for every message.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An RSA key of 2048 to 8192 bits for signatures by PKCS #1 v1.5 with SHA-256. Cheap to clone.
#[derive(Clone)]
pub struct RsaPublicKey(Arc<ParsedPublicKey>);

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({})", crate::id::sha256_hex(self.der()))
    }
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl RsaPublicKey {
    /// From the text between `-----BEGIN PUBLIC KEY-----` and its end (RFC 7468), or its base64 alone. In a variable
    /// of one line `\n` stands for the end of a line.
    pub fn from_pem(text: &str) -> Option<Self> {
        let body = text.replace("\\n", "\n").replace("-----BEGIN PUBLIC KEY-----", "");
        let body: String = body.replace("-----END PUBLIC KEY-----", "").split_whitespace().collect();
        let der = STANDARD.decode(body).ok()?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).ok().map(|key| Self(Arc::new(key)))
    }

    /// Whether this is the signature of a message, which is given in parts, so that nobody has to join them.
    pub fn verifies(&self, message: &[&[u8]], signature: &[u8]) -> bool {
        let mut hash = Context::new(&SHA256);
        message.iter().for_each(|part| hash.update(part));
        self.0.verify_digest_sig(&hash.finish(), signature).is_ok()
    }

    fn der(&self) -> &[u8] {
        self.0.as_ref().as_ref()
    }
}
