//! What an event means, whichever delivery brought it.

use proptest::prelude::*;

use super::*;
use crate::source::kick::{CHAT, KINDS};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_348_000 + seconds, 0).unwrap()
}

fn to() -> Connected {
    Connected { guild_id: GuildId(7), source_id: Uuid::from_u128(1), kick_channel_id: Uuid::from_u128(2) }
}

fn made(kind: &str, body: &Value, message_id: &str, signed_at: DateTime<Utc>, received_at: DateTime<Utc>) -> Event {
    let payload = read(kind, body).unwrap().unwrap();
    let signed = Signed { message_id: message_id.to_owned(), signed_at };
    let raw = body.to_string();
    let delivery = Delivery {
        kind,
        payload: &payload,
        data: body,
        raw: raw.as_bytes(),
        signed: &signed,
        received_at,
        via: Via::Http,
    };
    event(Uuid::nil(), &to(), &delivery).unwrap().event
}

fn user(id: i64) -> Value {
    json!({ "user_id": id, "username": format!("u{id}"), "channel_slug": format!("u{id}") })
}

fn bodies() -> Vec<(&'static str, Value)> {
    let (b, u) = (user(1), user(2));
    vec![
        (FOLLOWED, json!({ "broadcaster": b, "follower": u })),
        (SUBSCRIBED, json!({ "broadcaster": b, "subscriber": u, "created_at": at(0) })),
        (GIFTED, json!({ "broadcaster": b, "gifter": u, "giftees": [user(4), user(3)], "created_at": at(0) })),
        (REDEEMED, json!({ "id": "R", "status": "pending", "broadcaster": b, "redeemer": u, "redeemed_at": at(0) })),
        (STATUS, json!({ "broadcaster": b, "is_live": true, "started_at": at(0) })),
        (BANNED, json!({ "broadcaster": b, "banned_user": u, "metadata": { "created_at": at(0) } })),
        (KICKS, json!({ "broadcaster": b, "sender": u, "gift": { "amount": 5 }, "created_at": at(0) })),
    ]
}

#[test]
fn a_copy_under_another_id_is_the_same_event() {
    for (kind, body) in bodies() {
        let [first, copy] = ["A", "B"].map(|id| made(kind, &body, id, at(1), at(2)));
        assert_eq!(first.dedup_key, copy.dedup_key, "{kind}");
        let mut other = body.clone();
        let changed = ["follower", "subscriber", "gifter", "banned_user", "sender"].into_iter();
        match changed.clone().find(|part| body.get(*part).is_some()) {
            Some(part) => other[part] = user(9),
            None if kind == REDEEMED => other["status"] = json!("accepted"),
            None => other["started_at"] = json!(at(60)),
        }
        assert_ne!(made(kind, &other, "A", at(1), at(2)).dedup_key, first.dedup_key, "{kind}");
    }
}

#[test]
fn the_order_of_giftees_does_not_matter_and_who_they_are_does() {
    let (kind, body) = bodies().remove(2);
    let key = |giftees: Value| {
        let mut body = body.clone();
        body["giftees"] = giftees;
        made(kind, &body, "A", at(1), at(2)).dedup_key
    };
    assert_eq!(key(json!([user(3), user(4)])), key(json!([user(4), user(3)])));
    assert_ne!(key(json!([user(3), user(4)])), key(json!([user(3)])));
}

/// Neither name is signed, and the bodies are the same.
#[test]
fn a_renewal_cannot_be_had_twice_under_the_name_of_a_new_one() {
    let (_, body) = bodies().remove(1);
    let [new, renewed] = [SUBSCRIBED, RENEWED].map(|kind| made(kind, &body, "A", at(1), at(2)));
    assert_eq!(new.dedup_key, renewed.dedup_key);
    assert_eq!((new.kind.as_str(), renewed.kind.as_str()), (SUBSCRIPTION, RENEWAL));
}

#[test]
fn what_says_no_time_is_told_apart_by_its_delivery() {
    let body = json!({ "broadcaster": user(1), "metadata": { "title": "t" } });
    let [first, second] = ["A", "B"].map(|id| made(METADATA, &body, id, at(1), at(2)));
    assert_ne!(first.dedup_key, second.dedup_key);
    assert_eq!(first.occurred_at, at(1));
}

#[test]
fn stale_is_what_was_signed_long_ago_whenever_it_happened() {
    let (kind, body) = bodies().remove(1);
    let is_stale = |signed, received| made(kind, &body, "A", signed, received).data.get(IS_STALE).is_some();
    assert!(!is_stale(at(7200), at(7201)), "late by Kick, and sent just now");
    assert!(!is_stale(at(0), at(15 * 60)));
    assert!(is_stale(at(0), at(15 * 60 + 1)));
    let mut forged = body.clone();
    forged[IS_STALE] = json!(true);
    assert!(made(kind, &forged, "A", at(0), at(1)).data.get(IS_STALE).is_none(), "Kick has no such part");
}

#[test]
fn a_stream_is_one_subject_from_start_to_end() {
    let live = json!({ "broadcaster": user(1), "is_live": true, "started_at": "2025-01-01T11:00:00.5+11:00" });
    let over = json!({ "broadcaster": user(1), "is_live": false, "started_at": "2025-01-01T00:00:00Z" });
    let (live, over) = (made(STATUS, &live, "A", at(0), at(1)), made(STATUS, &over, "B", at(60), at(61)));
    assert_eq!((live.kind.as_str(), over.kind.as_str()), (STARTED, ENDED));
    assert_eq!(live.subject.as_deref(), Some("stream:1:1735689600"));
    assert_eq!(live.subject, over.subject);
    assert_eq!((over.occurred_at, &over.data["ended_at"]), (at(60), &json!(at(60))), "when it was told, if not when");
    assert_ne!(live.dedup_key, over.dedup_key);
}

#[test]
fn what_the_api_tells_first_is_the_same_start_and_another_end() {
    let seen_at = |ended_at| {
        let stream = SeenStream {
            broadcaster_user_id: 1,
            slug: "u1",
            name: "u1",
            title: Some("t"),
            category: Some("Chess"),
            thumbnail: None,
            started_at: at(0),
            ended_at,
        };
        seen(Uuid::nil(), &to(), &stream, at(100)).unwrap().event
    };
    let live = json!({ "broadcaster": user(1), "is_live": true, "started_at": at(0) });
    let over = json!({ "broadcaster": user(1), "is_live": false, "started_at": at(0), "ended_at": at(90) });
    assert_eq!(seen_at(None).dedup_key, made(STATUS, &live, "A", at(1), at(1)).dedup_key);
    let (told, came) = (seen_at(Some(at(80))), made(STATUS, &over, "A", at(91), at(101)));
    assert_ne!(told.dedup_key, came.dedup_key);
    assert_eq!(told.subject, came.subject);
    assert!(came.order_key() > told.order_key(), "the event stands");
}

#[test]
fn a_redemption_offers_what_can_be_done_until_it_is_done() {
    let body = |status: &str| {
        json!({ "id": "R", "status": status, "broadcaster": user(1), "redeemer": user(2),
            "reward": { "title": "Hydrate", "cost": 10 }, "redeemed_at": at(0) })
    };
    let pending = made(REDEEMED, &body("pending"), "A", at(1), at(1));
    assert_eq!(pending.subject.as_deref(), Some("signal:redemption:R"));
    assert_eq!(pending.data["actions"][0]["fields"], json!({ "redemption_id": "R", "broadcaster_user_id": "1" }));
    assert_eq!(pending.data["title"], "Hydrate for u2");
    let done = made(REDEEMED, &body("accepted"), "B", at(0), at(1));
    assert_eq!(done.data["actions"], json!([]));
    assert!(done.order_key() > pending.order_key(), "also within the same second");
}

#[test]
fn chat_is_no_event_and_keeps_its_own_time() {
    let body = json!({ "message_id": "m", "broadcaster": user(1), "sender": user(2), "content": "a\u{0}b" });
    let Ok(Some(Payload::Chat(message))) = read(CHAT, &body) else { panic!("it is chat") };
    let signed = Signed { message_id: "A".into(), signed_at: at(5) };
    let sent = chat(&to(), &message, &signed);
    assert_eq!((sent.at, sent.content.as_str(), sent.viewer), (at(5), "a\u{FFFD}b", 2));
    assert!(Made::of(CHAT, &Payload::Chat(message), &signed).is_none());
}

#[test]
fn every_kind_of_kick_is_known() {
    let ours: std::collections::BTreeSet<String> = bodies()
        .iter()
        .chain([&(METADATA, json!({ "broadcaster": user(1), "metadata": { "title": "t" } }))])
        .chain([&(RENEWED, json!({ "broadcaster": user(1), "subscriber": user(2) }))])
        .map(|(kind, body)| made(kind, body, "A", at(1), at(2)).kind)
        .collect();
    assert!(ours.iter().all(|kind| kind::find(kind).is_some()), "{ours:?}");
    // Start and end are one kind of Kick's; chat is none of ours.
    assert_eq!(ours.len(), KINDS.len() - 1);
}

proptest! {
    /// Whatever a body holds besides, its event holds, and can be read again.
    #[test]
    fn an_event_is_read_as_it_was_made(extra in "\\PC{0,20}", n in 0..7usize) {
        let (kind, mut body) = bodies().remove(n);
        body["something_new"] = json!(extra);
        let event = made(kind, &body, "A", at(1), at(2));
        prop_assert_eq!(&event.data["something_new"], &json!(extra));
        prop_assert_eq!(channel_of(&event), Some(to().kick_channel_id));
        prop_assert!(payload_of(&event).is_some());
    }
}
