//! Genuine requests pass, everything else is refused and explained.

use super::*;
use crate::source::signature::{Escapes, Misreading, Respelling, Spacing, sign};
use base64::Engine;
use proptest::prelude::*;
use serde_json::Value;

const AT: i64 = 1_755_256_800;
const BODY: &[u8] =
    br#"{"event_type":"ticket.updated","data":{"title":"Gr\u00fc\u00dfe \u2705","id":7},"timestamp":1755256800}"#;

fn secrets(texts: &[&str]) -> Vec<SecretString> {
    texts.iter().map(|text| SecretString::from(*text)).collect()
}

fn rules() -> Rules {
    Rules::new(&secrets(&["current", "next"]), "").with_retired(&secrets(&["previous"]))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn hex_signature(secret: &str, parts: &[&[u8]]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(sign(&key, parts)))
}

fn try_it(signature: &str, timestamp: &str, body: &[u8], now: DateTime<Utc>) -> Result<Verified, Refusal> {
    let headers =
        SignatureHeaders { signature: Some(signature.as_bytes()), timestamp: Some(timestamp.as_bytes()), other: None };
    let rules = rules();
    verify(&rules, &headers, body, now).map_err(|refusal| refusal.diagnosed(&rules, &headers, body))
}

fn variant(signature: &str, timestamp: &str) -> Option<KnownVariant> {
    try_it(signature, timestamp, BODY, now()).expect_err("refused").variant
}

#[test]
fn each_live_secret_is_accepted_and_named_by_its_place() {
    let ts = AT.to_string();
    for (index, secret) in ["current", "next"].into_iter().enumerate() {
        let signature = hex_signature(secret, &[ts.as_bytes(), BODY]);
        let sent_at = now();
        let expected = Verified { secret_index: index, sent_at, skew: TimeDelta::seconds(2) };
        assert_eq!(try_it(&signature, &ts, BODY, now() + TimeDelta::seconds(2)), Ok(expected));
        let upper = signature.to_uppercase().replace("SHA256", "sha256");
        assert!(try_it(&upper, &ts, BODY, now()).is_ok());
    }
}

#[test]
fn milliseconds_count_by_their_magnitude() {
    let ts = format!("{AT}250");
    let verified = try_it(&hex_signature("current", &[ts.as_bytes(), BODY]), &ts, BODY, now()).unwrap();
    assert_eq!(verified.skew, TimeDelta::milliseconds(-250));
}

#[test]
fn the_window_is_five_minutes_back_and_one_ahead() {
    let ts = AT.to_string();
    let signature = hex_signature("current", &[ts.as_bytes(), BODY]);
    let at = |seconds| try_it(&signature, &ts, BODY, now() + TimeDelta::seconds(seconds));
    assert!(at(300).is_ok());
    assert!(at(-60).is_ok());
    let late = at(301).unwrap_err();
    assert_eq!((late.rule, late.public), (Rule::TooOld { by: TimeDelta::seconds(301) }, "Timestamp too old"));
    assert_eq!(late.variant, Some(KnownVariant::OnlyTheTime));
    assert_eq!(at(-61).unwrap_err().rule, Rule::FromTheFuture { by: TimeDelta::seconds(61) });
    let forged = try_it(&hex_signature("guess", &[BODY]), &ts, BODY, now() + TimeDelta::days(1));
    assert_eq!(forged.unwrap_err().variant, None);
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let rules = rules();
    let rule = |signature: Option<&str>, timestamp: Option<&str>| {
        let headers = SignatureHeaders {
            signature: signature.map(str::as_bytes),
            timestamp: timestamp.map(str::as_bytes),
            other: None,
        };
        let refusal = verify(&rules, &headers, BODY, now()).unwrap_err();
        (refusal.rule, refusal.public)
    };
    let good = format!("sha256={}", "0".repeat(64));
    let missing = "Missing signature or timestamp";
    assert_eq!(rule(None, Some("1")), (Rule::MissingSignature, missing));
    assert_eq!(rule(Some(""), Some("1")), (Rule::MissingSignature, missing));
    assert_eq!(rule(Some(&good), None), (Rule::MissingTimestamp, missing));
    for bad in ["sha256=", "sha1=00", "sha256=zz", &good[..70], &format!("{good}0"), &"0".repeat(64)] {
        assert_eq!(rule(Some(bad), Some("1755256800")), (Rule::MalformedSignature, "Invalid signature"));
    }
    for bad in ["now", "-1", "+1755256800", "1755256800.5", " 1755256800", "99999999999999999", "9".repeat(40).as_str()]
    {
        assert_eq!(rule(Some(&good), Some(bad)), (Rule::MalformedTimestamp, "Invalid signature"));
    }
    assert_eq!(rule(Some(&good), Some("1755256800")), (Rule::Mismatch, "Invalid signature"));
}

#[test]
fn without_a_secret_everything_is_refused() {
    for none in [&[][..], &[""][..]] {
        let rules = Rules::new(&secrets(none), "");
        let ts = AT.to_string();
        let signature = hex_signature("", &[ts.as_bytes(), BODY]);
        let headers =
            SignatureHeaders { signature: Some(signature.as_bytes()), timestamp: Some(ts.as_bytes()), other: None };
        assert_eq!(verify(&rules, &headers, BODY, now()).unwrap_err().rule, Rule::NoSecretConfigured);
        assert!(!rules.has_secret());
    }
}

#[test]
fn known_variants_are_recognised() {
    let ts = AT.to_string();
    let t = ts.as_bytes();
    let signed = |parts: &[&[u8]]| variant(&hex_signature("next", parts), &ts);
    for separator in [".", ":", "\n"] {
        assert_eq!(signed(&[t, separator.as_bytes(), BODY]), Some(KnownVariant::Separator(separator)));
    }
    assert_eq!(signed(&[t, b"000", BODY]), Some(KnownVariant::SignedMilliseconds));
    let in_seconds = hex_signature("next", &[t, BODY]);
    assert_eq!(variant(&in_seconds, &format!("{ts}000")), Some(KnownVariant::SignedSeconds));
    assert_eq!(signed(&[BODY]), Some(KnownVariant::BodyOnly));
    assert_eq!(variant(&hex_signature("previous", &[t, BODY]), &ts), Some(KnownVariant::RetiredSecret));
    assert_eq!(signed(&[b"nothing we know"]), None);

    let bare = in_seconds.trim_start_matches("sha256=");
    assert_eq!(variant(bare, &ts), Some(KnownVariant::BareHex));
    let base64 = base64::engine::general_purpose::STANDARD.encode(hex::decode(bare).unwrap());
    assert_eq!(variant(&base64, &ts), Some(KnownVariant::Base64));
    assert_eq!(variant(&format!("sha256={base64}"), &ts), Some(KnownVariant::Base64));
}

#[test]
fn a_secret_that_was_misread_is_recognised() {
    let ts = AT.to_string();
    let t = ts.as_bytes();
    let hex_secret = "00112233445566778899aabbccddeeff";
    let base64_secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw==";
    let rules = Rules::new(&secrets(&[" padded ", hex_secret, base64_secret]), "");
    let told = |key: hmac::Key, prefix: &str, parts: &[&[u8]]| {
        let signature = format!("{prefix}{}", hex::encode(sign(&key, parts)));
        let headers = SignatureHeaders { signature: Some(signature.as_bytes()), timestamp: Some(t), other: None };
        let refusal = verify(&rules, &headers, BODY, now()).expect_err("refused");
        refusal.diagnosed(&rules, &headers, BODY).variant
    };
    let sha256 = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
    let usual: &[&[u8]] = &[t, BODY];
    let secret = |how| Some(KnownVariant::Secret(how));
    assert_eq!(told(sha256(b" padded \n"), "sha256=", usual), secret(Misreading::LineBreak));
    assert_eq!(told(sha256(b"padded"), "sha256=", usual), secret(Misreading::Trimmed));
    assert_eq!(told(sha256(&hex::decode(hex_secret).unwrap()), "sha256=", usual), secret(Misreading::Hex));
    assert_eq!(told(sha256(b"secret of the tests"), "sha256=", usual), secret(Misreading::Base64));
    assert_eq!(told(sha256(b" padded "), "sha256=", &[t, BODY, b"\n"]), Some(KnownVariant::BodyLineBreak));
    let sha1 = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, hex_secret.as_bytes());
    assert_eq!(told(sha1, "sha1=", usual), Some(KnownVariant::OtherHash("SHA-1")));
    let sha512 = hmac::Key::new(hmac::HMAC_SHA512, hex_secret.as_bytes());
    assert_eq!(told(sha512, "", usual), Some(KnownVariant::OtherHash("SHA-512")));
}

#[test]
fn another_systems_header_is_recognised() {
    let ours = hex_signature("next", &[BODY]);
    for (value, with_our_secret) in [(ours.as_str(), true), ("sha256=00", false), ("t=1,v1=00", false)] {
        let sender = &OTHER_SENDERS[0];
        let headers = SignatureHeaders { signature: None, timestamp: None, other: Some((sender, value.as_bytes())) };
        let refusal = verify(&rules(), &headers, BODY, now()).expect_err("refused").diagnosed(&rules(), &headers, BODY);
        assert_eq!(refusal.variant, Some(KnownVariant::OtherSender { sender, with_our_secret }));
    }
}

#[test]
fn respelled_bodies_are_recognised() {
    let ts = AT.to_string();
    let cases = [
        (
            Escapes::Plain,
            Spacing::Compact,
            false,
            r#"{"event_type":"ticket.updated","data":{"title":"Grüße ✅","id":7},"timestamp":1755256800}"#,
        ),
        (
            Escapes::Ascii,
            Spacing::Spaced,
            false,
            r#"{"event_type": "ticket.updated", "data": {"title": "Gr\u00fc\u00dfe \u2705", "id": 7}, "timestamp": 1755256800}"#,
        ),
        (
            Escapes::Plain,
            Spacing::Compact,
            true,
            r#"{"data":{"id":7,"title":"Grüße ✅"},"event_type":"ticket.updated","timestamp":1755256800}"#,
        ),
        (
            Escapes::Ascii,
            Spacing::Compact,
            true,
            r#"{"data":{"id":7,"title":"Gr\u00fc\u00dfe \u2705"},"event_type":"ticket.updated","timestamp":1755256800}"#,
        ),
    ];
    for (escapes, spacing, sorted, signed) in cases {
        let signature = hex_signature("current", &[ts.as_bytes(), signed.as_bytes()]);
        let expected = KnownVariant::Body(Respelling { escapes, spacing, sorted });
        assert_eq!(variant(&signature, &ts), Some(expected), "{signed}");
    }
}

/// The corpus beside the repository, or where `SIGNALBOX_CORPUS` points.
fn corpus() -> Option<std::path::PathBuf> {
    let sibling = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    #[allow(clippy::disallowed_methods)]
    let named = std::env::var_os("SIGNALBOX_CORPUS").map(std::path::PathBuf::from);
    named.or_else(|| Some(sibling())).filter(|path| path.is_dir())
}

#[test]
fn the_genuine_vectors_verify() {
    let Some(corpus) = corpus() else {
        #[allow(clippy::disallowed_methods)]
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "CI=true insists on the corpus");
        println!("1 corpus tests not run: no corpus");
        return;
    };
    let text = std::fs::read_to_string(corpus.join("xtsystems/signature-vectors.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() >= 11);
    for vector in &vectors {
        let part = |name: &str| vector[name].as_str().unwrap();
        let rules = Rules::new(&secrets(&["other", part("secret")]), "");
        let (signature, timestamp) = (part("X-XTSystems-Signature"), part("X-XTSystems-Timestamp"));
        let headers = SignatureHeaders {
            signature: Some(signature.as_bytes()),
            timestamp: Some(timestamp.as_bytes()),
            other: None,
        };
        let verified = verify(&rules, &headers, part("raw_body").as_bytes(), now() + TimeDelta::seconds(3));
        assert_eq!(verified.map(|v| v.secret_index), Ok(1), "{}", part("event"));
    }
}

proptest! {
    #[test]
    fn hex_is_read_as_the_crate_reads_it(text in "[0-9a-fA-Fg@/:G`]{64}|[0-9a-fA-F]{62,66}", tag in any::<[u8; 32]>()) {
        prop_assert_eq!(read_hex(text.as_bytes()).map(Vec::from), hex::decode(&text).ok().filter(|tag| tag.len() == 32));
        prop_assert_eq!(read_hex(hex::encode(tag).as_bytes()), Some(tag));
        prop_assert_eq!(read_hex(hex::encode_upper(tag).as_bytes()), Some(tag));
    }

    #[test]
    fn what_was_signed_is_accepted(body in proptest::collection::vec(any::<u8>(), 0..300), age in -60i64..=300) {
        let ts = AT.to_string();
        let signature = hex_signature("current", &[ts.as_bytes(), &body]);
        prop_assert!(try_it(&signature, &ts, &body, now() + TimeDelta::seconds(age)).is_ok());
    }

    #[test]
    fn any_flipped_bit_is_refused(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        part in 0..3usize,
        place in any::<proptest::sample::Index>(),
        bit in 0..8u8,
    ) {
        let rules = rules();
        let timestamp = AT.to_string().into_bytes();
        let signature = hex_signature("current", &[&timestamp, &body]).into_bytes();
        let mut parts = [signature.clone(), timestamp, body];
        let at = place.index(parts[part].len());
        parts[part][at] ^= 1 << bit;
        // Bit 5 of a hex letter is its case, which carries nothing.
        let only_case = part == 0 && at >= 7 && parts[0].eq_ignore_ascii_case(&signature);
        let headers = SignatureHeaders { signature: Some(&parts[0]), timestamp: Some(&parts[1]), other: None };
        prop_assert_eq!(verify(&rules, &headers, &parts[2], now()).is_ok(), only_case);
    }
}
