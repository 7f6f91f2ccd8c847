//! Verification: who signs is believed, and nobody else. The model is written from the specifications of the senders.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use signalbox::source::generic::config::{Hmac, Verification};
use signalbox::source::generic::preset;
use signalbox::source::generic::verify::{Request, Rules, diagnose, verify};
use signalbox::source::trust::Believes as _;
use signalbox::source::xtsystems::verify as xt;
use signalbox::web::interactions::verify::Verifier;

use crate::harness::{fuzz, split};

const SECRET: &str = "a-secret-of-the-fuzzer";
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW: i64 = 1_767_348_000;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW, 0).unwrap()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &parts.concat()).as_ref().to_vec()
}

/// The body with one bit changed, by its own hash: another one for each body.
fn flipped(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    match body.len() {
        0 => body.push(b'x'),
        length => {
            let at = mac(b"which", &[&body]);
            body[usize::from(at[0]) % length] ^= 1 << (at[1] % 8);
        }
    }
    body
}

/// A timestamp near the edges of the windows, or whatever the first line says.
fn stamp(lines: &[&[u8]]) -> Vec<u8> {
    lines.first().map_or_else(|| NOW.to_string().into_bytes(), |line| line.to_vec())
}

/// As a number of seconds, where the text is one: digits alone.
fn seconds(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

#[test]
fn xtsystems_verify() {
    let rules = xt::Rules::new(&[SecretString::from(SECRET)], "");
    fuzz("xtsystems_verify", &["sha256=", "1767348000", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let timestamp = stamp(&lines);
        let signature = format!("sha256={}", hex::encode(mac(SECRET.as_bytes(), &[&timestamp, body])));
        let ask = |signature: &[u8], timestamp: &[u8], body: &[u8]| {
            let headers = xt::SignatureHeaders { signature: Some(signature), timestamp: Some(timestamp), other: None };
            let answer = xt::verify(&rules, &headers, body, now());
            if let Err(refusal) = &answer {
                let _ = refusal.clone().diagnosed(&rules, &headers, body);
            }
            answer
        };
        let answer = ask(signature.as_bytes(), &timestamp, body);
        // Well within the window it is believed; far outside of it never.
        match seconds(&timestamp).map(|at| NOW - at) {
            Some(age) if (-50..=290).contains(&age) => assert!(answer.is_ok(), "{answer:?}"),
            Some(age) if age > 310 && age < NOW / 2 => assert!(answer.is_err()),
            _ => {}
        }
        assert!(ask(signature.as_bytes(), &timestamp, &flipped(body)).is_err(), "a flipped bit of the body");
        let mut moved = timestamp.clone();
        moved.push(b'0');
        assert!(ask(signature.as_bytes(), &moved, body).is_err(), "another time");
        // Whatever a stranger says for a signature.
        let said = lines.get(1).copied().unwrap_or_default();
        if ask(said, &timestamp, body).is_ok() {
            let hex = said.strip_prefix(b"sha256=").unwrap_or(said);
            let decoded = hex::decode(hex.trim_ascii());
            assert_eq!(decoded.ok(), Some(mac(SECRET.as_bytes(), &[&timestamp, body])));
        }
    });
}

/// Asks the rules of a described source.
fn ask(scheme: &Verification, secret: &str, headers: &[(&str, &[u8])], key: Option<&str>, body: &[u8]) -> bool {
    let rules = Rules::new(scheme).with_secrets(&[secret.into()], &["an-ended-secret-of-the-fuzzer".into()]);
    let request = Request { headers, key, body };
    match verify(&rules, &request, now()) {
        Ok(_) => true,
        Err(rule) => {
            let _ = rule.public();
            let _ = diagnose(&rules, &request, &rule);
            false
        }
    }
}

#[test]
fn standard_webhooks_verify() {
    let scheme = Verification::StandardWebhooks { tolerance_seconds: 300 };
    let key = BASE64.decode(STANDARD_SECRET.trim_start_matches("whsec_")).unwrap();
    fuzz("standard_webhooks_verify", &["v1,", "v1a,", " ", "1767348000", "msg_1", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let (timestamp, id) = (stamp(&lines), lines.get(1).copied().unwrap_or(b"msg_1"));
        let tag = mac(&key, &[id, b".", &timestamp, b".", body]);
        let signature = format!("v1,{}", BASE64.encode(&tag));
        let ask = |signature: &[u8], id: &[u8], body: &[u8]| {
            let headers =
                [("webhook-id", id), ("webhook-timestamp", timestamp.as_slice()), ("webhook-signature", signature)];
            ask(&scheme, STANDARD_SECRET, &headers, None, body)
        };
        let is_id = !id.is_empty() && id.len() <= 256 && std::str::from_utf8(id).is_ok_and(|id| !id.contains('\0'));
        if is_id && let Some(age) = seconds(&timestamp).map(|at| NOW - at) {
            assert_eq!(ask(signature.as_bytes(), id, body), age.abs() <= 300, "{age}");
        }
        assert!(!ask(signature.as_bytes(), id, &flipped(body)), "a flipped bit of the body");
        assert!(!ask(signature.as_bytes(), &flipped(id), body), "another id");
        // The reference library and we believe the same, where its clock allows.
        let several = [b"v1,AAAA v2,x ".as_slice(), signature.as_bytes()].concat();
        assert_eq!(ask(&several, id, body), ask(signature.as_bytes(), id, body));
        let said = lines.get(2).copied().unwrap_or_default();
        if ask(said, id, body) {
            let tags = said.split(|b| *b == b' ').filter_map(|one| BASE64.decode(one.strip_prefix(b"v1,")?).ok());
            assert!(tags.into_iter().any(|one| one == tag));
        }
    });
}

#[test]
fn github_verify() {
    let scheme = preset::find("github").unwrap().config().verification;
    fuzz("github_verify", &["sha256=", ",", " ", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let tag = mac(SECRET.as_bytes(), &[body]);
        let header = format!("sha256={}", hex::encode(&tag));
        let ask = |header: &[u8], body: &[u8]| ask(&scheme, SECRET, &[("x-hub-signature-256", header)], None, body);
        assert!(ask(header.as_bytes(), body));
        assert!(!ask(header.as_bytes(), &flipped(body)), "a flipped bit of the body");
        assert!(!ask(&header.as_bytes()[..header.len() - 2], body), "a short signature");
        let said = lines.first().copied().unwrap_or_default();
        if ask(said, body) {
            let each = said.split(|b| matches!(b, b',' | b' ')).filter_map(|one| one.strip_prefix(b"sha256="));
            assert!(each.filter_map(|one| hex::decode(one).ok()).any(|one| one == tag));
        }
    });
}

/// Any description that can be written: what it asks for is signed as it says, and believed.
#[test]
fn described_hmac_verify() {
    fuzz("described_hmac_verify", &["{id}", "{timestamp}", "{body}", "{", "}", ".", "v0:", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let signed = lines.first().map_or_else(|| "{body}".to_owned(), |line| crate::harness::text(line));
        let prefix = lines.get(1).map(|line| crate::harness::text(line)).unwrap_or_default();
        let described = serde_json::json!({
            "scheme": "hmac", "header": "x-signature", "signed": signed, "prefix": prefix,
            "timestamp": { "header": "x-time" }, "id_header": "x-id"
        });
        let scheme: Verification = serde_json::from_value(described).unwrap();
        let Verification::Hmac(Hmac { .. }) = &scheme else { panic!("it is one") };
        let config = signalbox::source::generic::config::SourceConfig {
            preset: "own".into(),
            verification: scheme.clone(),
            mapping: Default::default(),
            actions: vec![],
        };
        let is_possible = config.problems().is_empty();
        let time = NOW.to_string();
        let mut text = Vec::new();
        let mut rest = signed.as_str();
        while let Some(at) = rest.find('{') {
            text.extend_from_slice(&rest.as_bytes()[..at]);
            let Some(end) = rest[at..].find('}').map(|end| at + end) else { break };
            match &rest[at + 1..end] {
                "id" => text.extend_from_slice(b"d-1"),
                "timestamp" => text.extend_from_slice(time.as_bytes()),
                "body" => text.extend_from_slice(body),
                _ => {}
            }
            rest = &rest[end + 1..];
        }
        text.extend_from_slice(rest.as_bytes());
        let header = format!("{prefix}{}", hex::encode(mac(SECRET.as_bytes(), &[&text])));
        let ask = |body: &[u8]| {
            let headers =
                [("x-signature", header.as_bytes()), ("x-time", time.as_bytes()), ("x-id", b"d-1".as_slice())];
            ask(&scheme, SECRET, &headers, None, body)
        };
        let is_plain = !prefix.contains([',', ' ']);
        if is_possible {
            assert_eq!(ask(body), is_plain || ask(body), "signed as it says");
            assert!(!ask(&flipped(body)), "a flipped bit of the body");
        } else {
            let _ = ask(body);
        }
    });
}

#[test]
fn token_verify() {
    let token = Verification::Token { header: "authorization".into(), prefix: "Bearer ".into() };
    let basic = Verification::Basic { user: "signalbox".into() };
    fuzz("token_verify", &["Bearer ", "Basic ", "c2lnbmFsYm94Og==", SECRET, "\n"], |bytes| {
        let says = |secret: &[u8]| secret == SECRET.as_bytes();
        let by_token = ask(&token, SECRET, &[("authorization", bytes)], None, b"{}");
        let given = bytes.split_at_checked(7).filter(|(head, _)| head.eq_ignore_ascii_case(b"bearer "));
        assert_eq!(by_token, given.is_some_and(|(_, rest)| says(rest)));
        if ask(&basic, SECRET, &[("authorization", bytes)], None, b"{}") {
            let coded = bytes.split_at(6).1.trim_ascii();
            assert_eq!(BASE64.decode(coded).unwrap(), format!("signalbox:{SECRET}").into_bytes());
        }
        let key = crate::harness::text(bytes);
        assert_eq!(ask(&Verification::Url, SECRET, &[], Some(&key), b"{}"), says(key.as_bytes()));
        assert!(!ask(&Verification::Url, SECRET, &[], None, bytes));
    });
}

#[test]
fn interaction_verify() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let verifier = Verifier::new(key.public_key().as_ref().try_into().unwrap());
    fuzz("interaction_verify", &["1767348000", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let timestamp = stamp(&lines);
        let signature = hex::encode(key.sign(&[&timestamp, body].concat()));
        let ask =
            |signature: &[u8], body: &[u8]| verifier.verify(Some(signature), Some(&timestamp), body, now()).is_ok();
        if let Some(age) = seconds(&timestamp).map(|at| NOW.saturating_sub(at)) {
            assert_eq!(ask(signature.as_bytes(), body), age.abs() <= 300, "{age}");
        }
        assert!(!ask(signature.as_bytes(), &flipped(body)), "a flipped bit of the body");
        assert!(!ask(lines.get(1).copied().unwrap_or_default(), &flipped(body)));
        let _ = verifier.verify(None, Some(bytes), body, now());
    });
}
