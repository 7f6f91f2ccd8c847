//! The key that signs webhooks. It is this stand-in's own, made for tests; Kick's private key is Kick's.
//!
//! Signed are `{message id}.{timestamp}.{raw body}`, RSASSA-PKCS1-v1_5 with SHA-256, RSA-2048, standard base64
//! (<https://docs.kick.com/events/webhook-security>).

use std::sync::OnceLock;

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const PRIVATE: &str = include_str!("test_only_key.pem");
/// As `GET /public/v1/public-key` gives it.
pub const PUBLIC_PEM: &str = include_str!("test_only_public_key.pem");

/// The signature over one delivery, as the header has it.
pub fn sign(message_id: &str, timestamp: &str, body: &[u8]) -> String {
    let signed = [message_id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    STANDARD.encode(raw_signature(&signed))
}

/// The 256 bytes of it.
pub fn raw_signature(signed: &[u8]) -> Vec<u8> {
    let key = key();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed, &mut signature).expect("the key can sign");
    signature
}

fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| {
        let text: String = PRIVATE.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(text).expect("the embedded key is base64");
        KeyPair::from_pkcs8(&der).expect("the embedded key is PKCS#8")
    })
}
