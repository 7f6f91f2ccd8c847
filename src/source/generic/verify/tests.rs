//! Genuine requests pass under every scheme, everything else is refused and explained.

use proptest::prelude::*;

use super::*;
use crate::source::generic::config::Field;

const AT: i64 = 1_767_348_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &[u8] = br#"{"type":"deploy.finished","data":{"title":"Gr\u00fc\u00dfe"}}"#;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(AT, 0).unwrap()
}

fn rules(scheme: &Verification, secrets: &[&str]) -> Rules {
    let texts: Vec<SecretString> = secrets.iter().map(|text| SecretString::from(*text)).collect();
    Rules::new(scheme).with_secrets(&texts, &[SecretString::from("an ended secret of long ago")])
}

fn judged(rules: &Rules, headers: &[(&str, String)], body: &[u8]) -> Result<Verified, Rule> {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    verify(rules, &Request { headers: &headers, key: None, body }, now())
}

fn explained(rules: &Rules, headers: &[(&str, String)], body: &[u8]) -> Option<KnownVariant> {
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let request = Request { headers: &headers, key: None, body };
    diagnose(rules, &request, &verify(rules, &request, now()).unwrap_err())
}

fn standard() -> Verification {
    Verification::StandardWebhooks { tolerance_seconds: 300 }
}

fn standard_headers(family: &str, secret: &str, id: &str, at: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let names = match family {
        "svix" => ["svix-id", "svix-timestamp", "svix-signature"],
        _ => ["webhook-id", "webhook-timestamp", "webhook-signature"],
    };
    let signature = standardwebhooks::Webhook::new(secret).unwrap().sign(id, at, body).unwrap();
    vec![(names[0], id.to_owned()), (names[1], at.to_string()), (names[2], signature)]
}

fn hmac_scheme(signed: &str) -> Hmac {
    let timestamp = signed.contains("{timestamp}").then(|| Timestamp {
        header: "x-time".into(),
        unit: Unit::Seconds,
        tolerance_seconds: 300,
    });
    Hmac {
        header: "x-signature".into(),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".into(),
        signed: signed.into(),
        timestamp,
        id_header: signed.contains("{id}").then(|| "x-id".into()),
    }
}

fn sign_hex(algorithm: hmac::Algorithm, secret: &str, text: &[u8]) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), text))
}

#[test]
fn what_the_reference_library_signs_is_believed() {
    let rules = rules(&standard(), &["whsec_bmV4dCBzZWNyZXQgb2YgdGhlIHRlc3Rz", SECRET]);
    for family in ["webhook", "svix"] {
        let verified = judged(&rules, &standard_headers(family, SECRET, "msg_1", AT, BODY), BODY).unwrap();
        assert_eq!((verified.secret_index, verified.id.as_deref(), verified.signed), (1, Some("msg_1"), true));
    }
    let mut several = standard_headers("webhook", SECRET, "msg_1", AT, BODY);
    several[2].1 = format!("v1a,bm90aGluZw== v1,bm90aGluZw== {}", several[2].1);
    assert!(judged(&rules, &several, BODY).is_ok());
}

#[test]
fn what_deviates_is_refused_by_its_rule() {
    let rules = rules(&standard(), &[SECRET]);
    let headers = |at| standard_headers("webhook", SECRET, "msg_1", at, BODY);
    let missing = |header: &str| Rule::MissingHeader(header.into());
    assert_eq!(judged(&rules, &headers(AT)[..2], BODY), Err(missing("webhook-signature")));
    assert_eq!(judged(&rules, &headers(AT)[1..], BODY), Err(missing("webhook-id")));
    assert_eq!(judged(&rules, &headers(AT - 301), BODY), Err(Rule::TooOld { by: TimeDelta::seconds(301) }));
    assert_eq!(judged(&rules, &headers(AT + 301), BODY), Err(Rule::FromTheFuture { by: TimeDelta::seconds(301) }));
    assert!(judged(&rules, &headers(AT - 300), BODY).is_ok() && judged(&rules, &headers(AT + 300), BODY).is_ok());
    assert_eq!(judged(&rules, &headers(AT), b"{}"), Err(Rule::Mismatch));
    let changed = |place: usize, value: &str| {
        let mut headers = headers(AT);
        headers[place].1 = value.into();
        judged(&rules, &headers, BODY)
    };
    assert_eq!(changed(0, "msg_2"), Err(Rule::Mismatch));
    assert_eq!(changed(1, "1767348000.5"), Err(Rule::MalformedTimestamp));
    assert_eq!(changed(2, "v2,abc"), Err(Rule::MalformedSignature));
    assert_eq!(judged(&Rules::new(&standard()), &headers(AT), BODY), Err(Rule::NoSecret));
}

#[test]
fn every_form_of_hmac() {
    let at = AT.to_string();
    for (signed, text) in [
        ("{body}", BODY.to_vec()),
        ("{timestamp}.{body}", [at.as_bytes(), b".", BODY].concat()),
        ("{id}.{timestamp}.{body}", [b"i-7.", at.as_bytes(), b".", BODY].concat()),
        ("v0:{timestamp}:{body}", [b"v0:", at.as_bytes(), b":", BODY].concat()),
    ] {
        let scheme = hmac_scheme(signed);
        let rules = rules(&Verification::Hmac(scheme), &["a secret of the tests"]);
        let signature = format!("sha256={}", sign_hex(hmac::HMAC_SHA256, "a secret of the tests", &text));
        let headers = [("x-signature", signature), ("x-time", at.clone()), ("x-id", "i-7".to_owned())];
        assert!(judged(&rules, &headers, BODY).is_ok(), "{signed}");
        assert_eq!(judged(&rules, &headers, b"other"), Err(Rule::Mismatch), "{signed}");
    }
    let scheme = Hmac {
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        prefix: String::new(),
        ..hmac_scheme("{body}")
    };
    let rules = rules(&Verification::Hmac(scheme), &["a secret of the tests"]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, b"a secret of the tests"), BODY);
    assert!(judged(&rules, &[("X-Signature", BASE64.encode(tag))], BODY).is_ok());
}

#[test]
fn secrets_that_are_said_instead_of_used() {
    let token = Verification::Token { header: "authorization".into(), prefix: "Bearer ".into() };
    let by_token = rules(&token, &["a secret of the tests"]);
    let said = |text: &str| judged(&by_token, &[("authorization", text.to_owned())], BODY).map(|v| v.signed);
    assert_eq!(said("bearer a secret of the tests"), Ok(false));
    for wrong in ["Bearer a secret of the test", "Bearer ", "a secret of the tests", "Basic a secret of the tests"] {
        assert_eq!(said(wrong), Err(Rule::WrongToken), "{wrong}");
    }
    assert_eq!(
        explained(&by_token, &[("authorization", "a secret of the tests".into())], BODY),
        Some(KnownVariant::BareToken)
    );
    let basic = rules(&Verification::Basic { user: "bot".into() }, &["a secret of the tests"]);
    let said =
        |text: &str| judged(&basic, &[("authorization", format!("Basic {}", BASE64.encode(text)))], BODY).is_ok();
    assert!(said("bot:a secret of the tests") && !said("bot2:a secret of the tests") && !said("bot:"));
    let url = rules(&Verification::Url, &["a secret of the tests"]);
    let by_url = |key| verify(&url, &Request { headers: &[], key, body: BODY }, now()).map(|v| v.secret_index);
    assert_eq!(by_url(Some("a secret of the tests")), Ok(0));
    assert_eq!((by_url(None), by_url(Some("x"))), (Err(Rule::WrongAddress), Err(Rule::WrongAddress)));
}

#[test]
fn a_refusal_says_what_would_have_matched() {
    let secret = "a secret of the tests";
    let at = AT.to_string();
    let rules_of = |signed: &str| rules(&Verification::Hmac(hmac_scheme(signed)), &[secret]);
    let with = |signed: &str, signature: String| {
        explained(&rules_of(signed), &[("x-signature", signature), ("x-time", at.clone()), ("x-id", "i".into())], BODY)
    };
    let hex = |text: &[u8]| sign_hex(hmac::HMAC_SHA256, secret, text);
    let dotted = [at.as_bytes(), b".", BODY].concat();
    assert_eq!(with("{timestamp}.{body}", format!("sha256={}", hex(BODY))), Some(KnownVariant::Signed("{body}")));
    assert_eq!(
        with("{timestamp}:{body}", format!("sha256={}", hex(&dotted))),
        Some(KnownVariant::Signed("{timestamp}.{body}"))
    );
    let bare = KnownVariant::Written { encoding: Encoding::Hex, prefix: String::new() };
    assert_eq!(with("{body}", hex(BODY)), Some(bare));
    let ended = sign_hex(hmac::HMAC_SHA256, "an ended secret of long ago", BODY);
    assert_eq!(with("{body}", format!("sha256={ended}")), Some(KnownVariant::EndedSecret));
    let sha1 = sign_hex(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, BODY);
    assert_eq!(with("{body}", format!("sha1={sha1}")), Some(KnownVariant::OtherHash("SHA-1")));
    let spaced = br#"{"type": "deploy.finished", "data": {"title": "Gr\u00fc\u00dfe"}}"#;
    assert!(matches!(with("{body}", format!("sha256={}", hex(spaced))), Some(KnownVariant::Body(_))));
    assert_eq!(with("{body}", format!("sha256={}", hex(b"else"))), None);

    let of_github = [("x-hub-signature-256", format!("sha256={}", hex(BODY)))];
    let found = explained(&rules_of("{timestamp}.{body}"), &of_github, BODY);
    assert!(
        matches!(found, Some(KnownVariant::OtherSender { sender, with_our_secret: true }) if sender.system == "GitHub")
    );
    let old = standard_headers("webhook", SECRET, "m", AT - 900, BODY);
    assert_eq!(explained(&rules(&standard(), &[SECRET]), &old, BODY), Some(KnownVariant::OnlyTheTime));
    let parts = format!("m.{AT}.");
    let as_text = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), &[parts.as_bytes(), BODY].concat());
    let headers = [
        ("webhook-id", "m".into()),
        ("webhook-timestamp", at),
        ("webhook-signature", format!("v1,{}", BASE64.encode(as_text))),
    ];
    assert_eq!(explained(&rules(&standard(), &[SECRET]), &headers, BODY), Some(KnownVariant::SecretAsText));
}

#[test]
fn a_configuration_is_checked_before_it_is_stored() {
    use crate::source::generic::config::{Mapping, SourceConfig};
    let mapping = Mapping {
        kind: "'a.b'".into(),
        fields: vec![Field { name: "A".into(), value: "body.a".into() }],
        ..Default::default()
    };
    let problems = |hmac: Hmac| {
        SourceConfig {
            preset: "own".into(),
            verification: Verification::Hmac(hmac),
            mapping: mapping.clone(),
            actions: vec![],
        }
        .problems()
        .join("; ")
    };
    assert_eq!(problems(hmac_scheme("{id}.{timestamp}.{body}")), "");
    insta::assert_snapshot!(problems(Hmac { header: "x y".into(), algorithm: Algorithm::Sha1, ..hmac_scheme("{nobody}") }), @"`x y` is not the name of a header; algorithm sha1 is broken: use sha256 or sha512; signed knows {body}, {timestamp} and {id}, not {nobody}");
    insta::assert_snapshot!(problems(Hmac { timestamp: None, ..hmac_scheme("{timestamp}{body}{body}") }), @"signed has to hold {body} once");
    let unsigned = Hmac { signed: "{body}".into(), ..hmac_scheme("{timestamp}.{body}") };
    insta::assert_snapshot!(problems(unsigned), @"a timestamp that is not signed proves nothing: add {timestamp} to signed");
}

fn schemes() -> impl Strategy<Value = Verification> {
    prop_oneof![
        Just(standard()),
        prop::sample::select(vec!["{body}", "{timestamp}.{body}", "{id}.{timestamp}.{body}"])
            .prop_map(|signed| Verification::Hmac(hmac_scheme(signed))),
        Just(Verification::Token { header: "authorization".into(), prefix: "Bearer ".into() }),
        Just(Verification::Basic { user: "bot".into() }),
        Just(Verification::Url),
    ]
}

fn header_names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
        "x-signature",
        "x-time",
        "x-id",
        "authorization",
        "x-hub-signature-256",
    ])
}

fn header_values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        Just(AT.to_string().into_bytes()),
        "(sha256=|v1,)[0-9a-fA-F+/=]{0,90}".prop_map(String::into_bytes),
        "(Bearer|Basic) [A-Za-z0-9+/=]{0,40}".prop_map(String::into_bytes),
    ]
}

proptest! {
    /// Whatever comes: no panic, and nobody is believed who does not know the secret.
    #[test]
    fn nobody_without_the_secret_is_believed(
        scheme in schemes(),
        headers in prop::collection::vec((header_names(), header_values()), 0..8),
        key in proptest::option::of("[ -~]{0,40}"),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let rules = rules(&scheme, &[SECRET]);
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        let request = Request { headers: &headers, key: key.as_deref(), body: &body };
        match verify(&rules, &request, now()) {
            Ok(_) => prop_assert!(false, "believed"),
            Err(rule) => { diagnose(&rules, &request, &rule); }
        }
    }

    /// The reference library and these rules agree about any body and id; one bit more and neither believes it.
    #[test]
    fn the_reference_library_agrees(id in "[a-z0-9_.]{1,40}", text in any::<String>(), flip in any::<u16>()) {
        // The library signs nothing but UTF-8.
        let body = text.into_bytes();
        let rules = rules(&standard(), &[SECRET]);
        let headers = standard_headers("webhook", SECRET, &id, AT, &body);
        prop_assert!(judged(&rules, &headers, &body).is_ok());
        let mut other = body.clone();
        if !other.is_empty() {
            let at = usize::from(flip) % other.len();
            other[at] ^= 1;
            prop_assert_eq!(judged(&rules, &headers, &other), Err(Rule::Mismatch));
        }
    }
}
