//! The samples of Kick: every vector has its expected result, every event and every variant is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use signalbox::crypto::RsaPublicKey;
use signalbox::source::kick::parse::{Payload, chat, read};
use signalbox::source::kick::verify::{Headers, verify};
use signalbox::source::kick::{CHAT, KINDS, PUBLIC_KEY};

use crate::support::corpus;

fn key(file: &str) -> Option<RsaPublicKey> {
    let text = std::fs::read_to_string(corpus::path(&format!("kick/vectors/{file}"))?).unwrap();
    Some(RsaPublicKey::from_pem(&text).expect("it is a key"))
}

/// Looked up without case, as the door does.
fn headers(all: &Value) -> Headers<'_> {
    let value = |name: &str| {
        let found = all.as_object().unwrap().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).map(str::as_bytes)
    };
    Headers {
        message_id: value("Kick-Event-Message-Id"),
        timestamp: value("Kick-Event-Message-Timestamp"),
        signature: value("Kick-Event-Signature"),
        subscription_id: value("Kick-Event-Subscription-Id"),
        kind: value("Kick-Event-Type"),
        version: value("Kick-Event-Version"),
    }
}

#[test]
fn the_key_of_the_program_is_the_one_that_kick_publishes() {
    let Some(published) = key("kick_public_key.pem") else { return };
    assert_eq!(RsaPublicKey::from_pem(PUBLIC_KEY), Some(published));
}

#[test]
fn every_vector_has_its_expected_result() {
    let (Some(key), Some(file)) = (key("test_only_public_key.pem"), corpus::path("kick/vectors/synthetic.json")) else {
        return;
    };
    let all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let vectors = all["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 28);
    let published = RsaPublicKey::from_pem(PUBLIC_KEY).unwrap();
    for vector in vectors {
        let body = STANDARD.decode(vector["body_b64"].as_str().unwrap()).unwrap();
        let headers = headers(&vector["headers"]);
        let verdict = verify(&key, &headers, &body);
        assert_eq!(verdict.is_ok(), vector["expected"] == "valid", "{}: {verdict:?}", vector["name"]);
        assert!(verify(&published, &headers, &body).is_err(), "{} with another key", vector["name"]);
    }
}

#[test]
fn the_genuine_delivery_verifies_and_no_changed_byte_of_it_does() {
    let file = |name: &str| corpus::path(&format!("kick/vectors/real_1_livestream.status.updated.{name}.json"));
    let (Some(told), Some(body)) = (file("headers"), file("body")) else { return };
    let told: Value = serde_json::from_slice(&std::fs::read(told).unwrap()).unwrap();
    let body = std::fs::read(body).unwrap();
    let (key, headers) = (RsaPublicKey::from_pem(PUBLIC_KEY).unwrap(), headers(&told["headers"]));
    let signed = verify(&key, &headers, &body).expect("it is genuine");
    assert_eq!(signed.signed_at.to_rfc3339(), "2025-04-01T07:56:19+00:00");
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert!(verify(&key, &headers, &changed).is_err(), "byte {at}");
    }
    assert!(verify(&key, &headers, &[&body[..], b"\n"].concat()).is_err());
}

#[test]
fn every_sample_is_read() {
    let (Some(events), Some(variants)) = (corpus::path("kick/events"), corpus::path("kick/variants")) else { return };
    let mut count = 0;
    for directory in [events, variants] {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(kind) = KINDS.iter().find(|kind| name.starts_with(*kind)) else {
                assert!(name == "INDEX.md" || name.starts_with("unknown."), "{name} is of no kind");
                continue;
            };
            let bytes = std::fs::read(&path).unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap();
            let read = read(kind, &body).unwrap_or_else(|error| panic!("{name}: {error}"));
            let payload = read.unwrap_or_else(|| panic!("{name} is not read"));
            if *kind == CHAT {
                assert_eq!(payload, Payload::Chat(chat(&bytes).unwrap()), "{name}");
            }
            count += 1;
        }
    }
    assert_eq!(count, 11 + 17);
}
