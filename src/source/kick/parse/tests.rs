//! Bodies as they may come: with less, with more, and with parts of other types than documented.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn user(id: i64, name: &str) -> Value {
    json!({ "user_id": id, "username": name, "is_verified": null, "profile_picture": "", "channel_slug": name })
}

#[test]
fn of_a_message_little_is_needed() {
    let body = json!({ "message_id": "m", "broadcaster": { "user_id": 1 }, "sender": { "user_id": "2" } });
    let chat = chat(body.to_string().as_bytes()).unwrap();
    assert_eq!((chat.sender.user_id, chat.content, chat.created_at), (Some(2), None, None));
    for lacking in ["message_id", "broadcaster", "sender"] {
        let mut less = body.clone();
        less.as_object_mut().unwrap().remove(lacking);
        let error = super::chat(less.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(lacking), "{error}");
    }
}

#[test]
fn parts_of_other_types_are_not_there() {
    let body = json!({
        "message_id": 7, "replies_to": "m0", "broadcaster": { "user_id": 1, "username": ["x"], "identity": 5 },
        "sender": { "user_id": 2, "username": null, "identity": { "badges": ["x", null, { "type": "vip", "text": 3 }] } },
        "content": { "text": "hi" }, "emotes": "none", "created_at": 1_700_000_000,
    });
    let chat = chat(body.to_string().as_bytes()).unwrap();
    assert_eq!(chat.message_id.as_deref(), Some("7"));
    assert_eq!(chat.sender.identity.badges.iter().map(|b| b.kind.as_deref()).collect::<Vec<_>>(), [Some("vip")]);
    assert_eq!((chat.content, chat.created_at, chat.replies_to.message_id), (None, None, None));
}

#[test]
fn a_key_that_comes_twice_is_read_all_the_same() {
    let body = r#"{"message_id":"a","message_id":"b","broadcaster":{"user_id":1},"sender":{"user_id":2,"x":1e999}}"#;
    assert_eq!(chat(body.as_bytes()).unwrap().message_id.as_deref(), Some("b"));
}

#[test]
fn who_has_no_id_gave_anonymously() {
    let nobody = json!({ "is_anonymous": false, "user_id": null, "username": null });
    let at = "2025-01-14T16:08:06+11:00";
    let body = json!({ "broadcaster": user(1, "b"), "gifter": nobody, "giftees": [user(2, "c")], "created_at": at });
    let Ok(Some(Payload::Gifted(gifted))) = read(GIFTED, &body) else { panic!("it is a gift") };
    assert_eq!((gifted.gifter.user_id, gifted.gifter.name()), (None, ""));
    assert_eq!(gifted.created_at.unwrap().to_rfc3339(), "2025-01-14T05:08:06+00:00");
    let null = json!({ "broadcaster": user(1, "b"), "gifter": null, "giftees": [user(2, "c")] });
    assert!(matches!(read(GIFTED, &null), Ok(Some(Payload::Gifted(_)))));
}

#[test]
fn the_category_is_found_under_either_name() {
    let named =
        |key: &str| json!({ "broadcaster": user(1, "b"), "metadata": { "title": "t", (key): { "name": "Chess" } } });
    let mut both = named("category");
    both["metadata"]["Category"] = json!({ "name": "Chess" });
    for body in [named("category"), named("Category"), both] {
        let Ok(Some(Payload::Metadata(m))) = read(METADATA, &body) else { panic!("{body}") };
        assert_eq!(m.metadata.category().and_then(|c| c.name.as_deref()), Some("Chess"));
    }
}

/// The type in the header is not signed: a body of one kind must not pass for another's, but for those two that are the
/// same.
#[test]
fn a_body_passes_for_no_other_kind() {
    let (b, u) = (user(1, "b"), user(2, "u"));
    let bodies = [
        (CHAT, json!({ "message_id": "m", "broadcaster": b, "sender": u, "content": "hi" })),
        (FOLLOWED, json!({ "broadcaster": b, "follower": u })),
        (SUBSCRIBED, json!({ "broadcaster": b, "subscriber": u, "duration": 1 })),
        (GIFTED, json!({ "broadcaster": b, "gifter": u, "giftees": [u] })),
        (
            REDEEMED,
            json!({ "id": "r", "status": "pending", "broadcaster": b, "redeemer": u, "reward": { "title": "x" } }),
        ),
        (STATUS, json!({ "broadcaster": b, "is_live": true, "title": "t", "started_at": "2025-01-01T00:00:00Z" })),
        (METADATA, json!({ "broadcaster": b, "metadata": { "title": "t", "language": "en" } })),
        (BANNED, json!({ "broadcaster": b, "moderator": u, "banned_user": u, "metadata": { "reason": "x" } })),
        (KICKS, json!({ "broadcaster": b, "sender": u, "gift": { "amount": 1, "name": "x" } })),
    ];
    for (kind, body) in &bodies {
        for (other, _) in &bodies {
            let passes = matches!(read(other, body), Ok(Some(_)));
            assert_eq!(passes, kind == other, "a body of {kind} as {other}");
        }
    }
    assert_eq!(read("brand.new", &bodies[0].1), Ok(None));
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!([1, { "a": [] }])),
        Just(json!({ "user_id": 3, "x": { "y": 1 } })),
    ]
}

proptest! {
    /// Whatever stands in the parts that are not needed, the message is taken.
    #[test]
    fn nothing_optional_loses_a_message(
        values in proptest::collection::vec(odd(), 7),
    ) {
        let body = json!({
            "message_id": "m", "replies_to": values[0], "content": values[1], "emotes": values[2], "created_at": values[3],
            "broadcaster": { "user_id": 1, "identity": values[4] },
            "sender": { "user_id": 2, "username": values[5], "identity": { "badges": values[6] } },
        });
        let direct = chat(body.to_string().as_bytes()).unwrap();
        let Ok(Some(Payload::Chat(read))) = read(CHAT, &body) else { panic!("{body}") };
        prop_assert_eq!(direct, read);
    }
}
