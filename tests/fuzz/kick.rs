//! Kick: what is signed is believed and nothing else, and of whatever body an event is made, it is stored and shown.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use signalbox::crypto::RsaPublicKey;
use signalbox::event::Via;
use signalbox::event::lenient::parse_json;
use signalbox::id::GuildId;
use signalbox::routing::card::render;
use signalbox::routing::embed::TOTAL;
use signalbox::routing::notice;
use signalbox::routing::subject::SubjectState;
use signalbox::source::kick::event::{Connected, Delivery, event, payload_of};
use signalbox::source::kick::parse::{self, Payload};
use signalbox::source::kick::verify::{Headers, Signed, verify};
use signalbox::source::kick::{CHAT, KINDS};
use uuid::Uuid;

use crate::harness::{fuzz, holds_nul, split};

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn public() -> RsaPublicKey {
    let der: PublicKeyX509Der<'_> = KEY.public_key().as_der().unwrap();
    RsaPublicKey::from_pem(&BASE64.encode(der.as_ref())).unwrap()
}

fn sign(parts: &[&[u8]]) -> Vec<u8> {
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &parts.concat(), &mut signature).unwrap();
    signature
}

#[test]
fn kick_verify() {
    let key = public();
    fuzz("kick_verify", &["2026-01-02T10:00:00Z", "+11:00", "01JQ", ".", "\n\n"], |bytes| {
        let (lines, body) = split(bytes);
        let (id, time) = (lines.first().copied().unwrap_or(b"01JQ"), lines.get(1).copied().unwrap_or(b""));
        let signature = sign(&[id, b".", time, b".", body]);
        let encoded = BASE64.encode(&signature);
        let ask = |id: &[u8], time: &[u8], signature: &[u8], body: &[u8]| {
            let headers = Headers {
                message_id: Some(id),
                timestamp: Some(time),
                signature: Some(signature),
                ..Headers::default()
            };
            verify(&key, &headers, body)
        };
        let instant = std::str::from_utf8(time).ok().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let is_id = !id.is_empty() && id.len() <= 128 && std::str::from_utf8(id).is_ok();
        let believed = ask(id, time, encoded.as_bytes(), body);
        assert_eq!(believed.is_ok(), is_id && instant.is_some(), "{believed:?}");
        if let Ok(signed) = &believed {
            assert_eq!((signed.message_id.as_bytes(), Some(signed.signed_at)), (id, instant.map(|at| at.to_utc())));
        }
        // Anything else that could have been signed, or said for a signature.
        let mut longer = body.to_vec();
        longer.push(b'\n');
        assert!(ask(id, time, encoded.as_bytes(), &longer).is_err(), "a newline behind it");
        assert!(ask(&[id, b"0"].concat(), time, encoded.as_bytes(), body).is_err(), "another id");
        assert!(ask(id, b"2026-01-02T10:00:01Z", encoded.as_bytes(), body).is_err() || time == b"2026-01-02T10:00:01Z");
        for odd in [hex::encode(&signature).into_bytes(), signature.clone(), encoded.as_bytes()[1..].to_vec(), vec![]] {
            assert!(ask(id, time, &odd, body).is_err(), "{odd:?}");
        }
        let said = lines.get(2).copied().unwrap_or_default();
        assert!(said == encoded.as_bytes() || ask(id, time, said, body).is_err());
    });
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_348_000, 0).unwrap()
}

#[test]
fn kick_body() {
    let words = [
        "\"broadcaster\":{\"user_id\":1,\"username\":\"ada_live\",\"channel_slug\":\"ada-live\"}",
        "\"sender\":",
        "\"giftees\":[",
        "\"metadata\":{",
        "\"category\":",
        "\"Category\":",
        "\"is_live\":",
        "\"started_at\":\"2026-01-02T10:00:00+11:00\"",
        "\"status\":\"pending\"",
        "\"amount\":",
        "9223372036854775807",
        "\\u0000",
        "\\ud800",
        "1e999",
        "null",
        "chat.message.sent",
        "\n\n",
    ];
    let to = Connected { guild_id: GuildId(1), source_id: Uuid::nil(), kick_channel_id: Uuid::max() };
    fuzz("kick_body", &words, |bytes| {
        let (lines, body) = split(bytes);
        let named = lines.first().and_then(|line| KINDS.iter().find(|kind| kind.as_bytes() == *line));
        let kind = named.copied().unwrap_or(KINDS[body.len() % KINDS.len()]);
        let parsed = parse_json(body);
        let direct = parse::chat(body);
        let Ok(data) = parsed else { return };
        if kind == CHAT {
            match (direct, parse::read(CHAT, &data)) {
                // The one reads the bytes, where a name may come twice and a zero stand.
                (Ok(direct), Ok(Some(Payload::Chat(read)))) => assert_eq!(direct.sender.user_id, read.sender.user_id),
                (Err(_), Err(_)) => {}
                (direct, read) => panic!("{direct:?} and {read:?}"),
            }
            return;
        }
        let Ok(Some(payload)) = parse::read(kind, &data) else { return };
        let signed = Signed { message_id: "01JQ".into(), signed_at: now() - TimeDelta::minutes(1) };
        let delivery = Delivery {
            kind,
            payload: &payload,
            data: &data,
            raw: body,
            signed: &signed,
            received_at: now(),
            via: Via::Http,
        };
        let made = event(Uuid::nil(), &to, &delivery).expect("all but chat is an event").event;
        assert!(!holds_nul(&made.data) && !made.dedup_key.contains('\0'), "PostgreSQL stores no NUL");
        assert!(made.subject.as_deref().is_none_or(|subject| !subject.contains('\0')));
        assert!(payload_of(&made).is_some(), "it is read again as it was");
        assert!(notice::render(&made).len() <= TOTAL - 100);
        if let Some(kind) = made.subject_kind() {
            let mut state = SubjectState::default();
            state.apply(&made);
            let card = render(kind, &state, None);
            assert!(card.embeds.iter().all(|embed| embed.len() <= TOTAL - 100));
            let json = card.to_json("01234567").to_string();
            assert!(!json.contains("javascript:"), "{json}");
        }
    });
}
