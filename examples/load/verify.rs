//! The signature check beside the crypto library alone, on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use secrecy::SecretString;
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
    let ratio = median(checks.iter().zip(&libraries).map(|(check, library)| check / library).collect());
    let mut report = Report::new("Signature check, HMAC-SHA256 over 1 KiB, one core", &["what", "per second"]);
    report.row(vec!["the library alone".into(), count(median(libraries))]);
    report.row(vec!["the check".into(), count(median(checks))]);
    report.note(format!("{ratio:.2} of the library (reach 0.80)"));
    report
}

fn rate(work: impl Fn()) -> f64 {
    let (start, mut done) = (Instant::now(), 0u32);
    while start.elapsed() < RUN {
        (0..1000).for_each(|_| work());
        done += 1000;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}
