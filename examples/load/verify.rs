//! The signature checks beside the crypto library alone, on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use signalbox::crypto::RsaPublicKey;
use signalbox::source::kick::verify as kick;
use signalbox::source::xtsystems::verify::{Rules, SignatureHeaders};

use super::report::{Report, count, median};
use super::signed::{SECRET, Signer, body};

const RUN: Duration = Duration::from_millis(200);
const ROUNDS: usize = 9;

pub fn verify() -> Report {
    let now = chrono::Utc::now();
    let mut body = body("ticket.created", "load-000000001", now.timestamp());
    body.resize(1024, b' ');
    let (timestamp, signature) = Signer::new().headers(&body, now.timestamp());
    let rules = Rules::new(&[SecretString::from(SECRET)], "");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let mut signed = timestamp.clone().into_bytes();
    signed.extend(&body);
    let tag = hmac::sign(&key, &signed);

    let headers =
        SignatureHeaders { signature: Some(signature.as_bytes()), timestamp: Some(timestamp.as_bytes()), other: None };
    let check = || {
        let verified = signalbox::source::xtsystems::verify::verify(&rules, black_box(&headers), black_box(&body), now);
        assert!(verified.is_ok());
    };
    let library = || assert!(hmac::verify(&key, black_box(&signed), tag.as_ref()).is_ok());
    let (mut checks, mut libraries) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        libraries.push(rate(library));
        checks.push(rate(check));
    }
    let mut report = Report::new("Signature checks over 1 KiB, one core", &["what", "per second"]);
    add(&mut report, "HMAC-SHA256", checks, libraries, 0.80);
    rsa(&mut report, &body);
    report
}

fn add(report: &mut Report, what: &str, checks: Vec<f64>, libraries: Vec<f64>, reach: f64) {
    let ratio = median(checks.iter().zip(&libraries).map(|(check, library)| check / library).collect());
    report.row(vec![format!("{what}: the library alone"), count(median(libraries))]);
    report.row(vec![format!("{what}: the check"), count(median(checks))]);
    report.note(format!("{what}: {ratio:.2} of the library (reach {reach:.2})"));
}

/// As Kick signs; the library has its key parsed and the message in one piece.
fn rsa(report: &mut Report, body: &[u8]) {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("its public half");
    let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref()).expect("a key that was just made");
    let key = RsaPublicKey::from_pem(&STANDARD.encode(der.as_ref())).expect("the same");
    let (id, at) = ("01JQR5KV0QC94HMETWYNBWRW4Z", "2026-01-02T10:00:00Z");
    let message = [id.as_bytes(), b".", at.as_bytes(), b".", body].concat();
    let mut signed = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signed).expect("a signature");
    let encoded = STANDARD.encode(&signed);
    let headers = kick::Headers {
        message_id: Some(id.as_bytes()),
        timestamp: Some(at.as_bytes()),
        signature: Some(encoded.as_bytes()),
        ..kick::Headers::default()
    };
    let check = || assert!(kick::verify(&key, black_box(&headers), black_box(body)).is_ok());
    let library = || assert!(parsed.verify_sig(black_box(&message), black_box(&signed)).is_ok());
    let (mut checks, mut libraries) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        libraries.push(rate(library));
        checks.push(rate(check));
    }
    add(report, "RSA-2048", checks, libraries, 0.90);
}

fn rate(work: impl Fn()) -> f64 {
    let (start, mut done) = (Instant::now(), 0u32);
    while start.elapsed() < RUN {
        (0..1000).for_each(|_| work());
        done += 1000;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}
