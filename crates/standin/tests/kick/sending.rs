//! How deliveries go wrong, when they are told to.

use chrono::TimeDelta;
use serde_json::{Value, json};
use standin::kick::{Firehose, Order, STREAMER, Sending, Tamper};

use crate::receiver::*;

#[tokio::test]
async fn a_retry_has_the_same_bytes_and_stops_at_the_first_success() {
    let (kick, receiver, _) = platform().await;
    receiver.answer(&[500, 503]);
    let sent = kick.follow(STREAMER, "Maja").await;
    assert_eq!((sent[0].status, sent[0].attempts), (200, 3));
    let all = receiver.take();
    let same = |name: &str| all.iter().all(|a| a.header(name) == all[0].header(name));
    assert!(all.len() == 3 && same("kick-event-message-id") && same("kick-event-signature"));
}

#[tokio::test]
async fn copies_have_their_own_ids_and_a_repeat_has_the_same() {
    let (kick, receiver, _) = platform().await;
    kick.sending(Sending { copies: 1, repeats: 1, foreign: true, ..Sending::default() });
    kick.follow(STREAMER, "Maja").await;
    let all = receiver.take();
    let id = |i: usize| all[i].header("kick-event-message-id").to_owned();
    let subscription = |i: usize| all[i].header("kick-event-subscription-id").to_owned();
    assert_eq!(all.len(), 6, "each of the three twice");
    assert!(id(0) == id(1) && id(0) != id(2) && subscription(0) == subscription(2));
    assert!(subscription(4) != subscription(0), "another app's copy");
    assert!(all.iter().all(|a| a.verifies(&kick) && a.raw == all[0].raw));
}

#[tokio::test]
async fn what_is_late_comes_when_the_clock_says_so() {
    let (kick, receiver, clock) = platform().await;
    kick.sending(Sending { delay_seconds: 600, ..Sending::default() });
    kick.chat(STREAMER, "Maja", "first").await;
    kick.sending(Sending { delay_seconds: 900, signed_before: true, ..Sending::default() });
    kick.chat(STREAMER, "Maja", "second").await;
    kick.settle().await;
    assert!(receiver.take().is_empty());
    clock.advance(TimeDelta::minutes(10));
    kick.settle().await;
    let late = receiver.take();
    assert_eq!(late[0].json()["created_at"], "2026-03-14T12:00:00Z");
    assert_eq!(late[0].header("kick-event-message-timestamp"), "2026-03-14T12:10:00Z");
    clock.advance(TimeDelta::minutes(5));
    kick.settle().await;
    let later = receiver.take();
    assert_eq!(later[0].header("kick-event-message-timestamp"), "2026-03-14T12:00:00Z");
    assert!(later.len() == 1 && later[0].verifies(&kick));
}

#[tokio::test]
async fn what_is_held_comes_in_another_order() {
    let (kick, receiver, _) = platform().await;
    let texts = async |order| {
        kick.hold();
        for text in ["one", "two", "three", "four"] {
            kick.chat(STREAMER, "Maja", text).await;
        }
        assert!(receiver.take().is_empty());
        kick.release(order).await;
        receiver.take().iter().map(|a| a.json()["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(Order::Reversed).await, ["four", "three", "two", "one"]);
    let shuffled = texts(Order::Shuffled(7)).await;
    assert_eq!(texts(Order::Shuffled(7)).await, shuffled);
    assert_ne!(shuffled, texts(Order::AsHappened).await);
}

#[tokio::test]
async fn a_forgery_does_not_verify_unless_only_unsigned_headers_are_changed() {
    let (kick, receiver, _) = platform().await;
    use Tamper::*;
    for tamper in [Body, Newline, MessageId, Timestamp, Signature, NoSignature, Type, Subscription] {
        kick.sending(Sending { tamper: Some(tamper), ..Sending::default() });
        kick.chat(STREAMER, "Maja", "hello").await;
        let arrival = receiver.take().pop().unwrap();
        assert_eq!(arrival.verifies(&kick), matches!(tamper, Type | Subscription), "{tamper:?}");
        let oddity = kick.deliveries().pop().unwrap().oddity;
        assert!(
            oddity.is_some_and(|words| words.ends_with("changed") || words.ends_with("added") || words == "not signed")
        );
    }
    kick.sending(Sending { lost: true, ..Sending::default() });
    kick.chat(STREAMER, "Maja", "nobody hears this").await;
    assert!(receiver.take().is_empty());
}

#[tokio::test]
async fn a_recorded_delivery_can_be_sent_again_and_under_other_headers() {
    let (kick, receiver, clock) = platform().await;
    let sent = kick.chat(STREAMER, "Maja", "hello").await;
    clock.advance(TimeDelta::days(1));
    kick.resend(&sent[0].message_id).await.unwrap();
    kick.resend_as(&sent[0].message_id, "channel.followed", "01OTHER").await.unwrap();
    let all = receiver.take();
    assert!(all.iter().all(|a| a.verifies(&kick) && a.raw == all[0].raw));
    assert_eq!(all[1].header("kick-event-message-timestamp"), all[0].header("kick-event-message-timestamp"));
    let forged = (all[2].header("kick-event-type"), all[2].header("kick-event-subscription-id"));
    assert_eq!(forged, ("channel.followed", "01OTHER"));
}

#[tokio::test]
async fn after_more_than_a_day_of_failures_that_event_is_unsubscribed() {
    let (kick, receiver, clock) = platform().await;
    for hours in [0, 20, 5] {
        clock.advance(TimeDelta::hours(hours));
        receiver.answer(&[500; 3]);
        kick.follow(STREAMER, "Maja").await;
    }
    assert!(kick.subscriptions().iter().all(|s| s.event != "channel.followed"));
    assert_eq!(kick.subscriptions().len(), 9);
    receiver.take();
    kick.follow(STREAMER, "Pete").await;
    assert!(receiver.take().is_empty());
}

#[tokio::test]
async fn a_firehose_is_signed_and_keeps_its_rate() {
    let (kick, receiver, _) = platform().await;
    let start = std::time::Instant::now();
    let wanted = Firehose { messages: 120, per_second: 400, viewers: 10, ..Firehose::default() };
    let poured = kick.firehose(wanted).await;
    assert_eq!((poured.taken, poured.refused), (120, 0));
    assert!(start.elapsed().as_millis() >= 290, "it takes 0.3 s");
    let all = receiver.take();
    let names: std::collections::BTreeSet<String> =
        all.iter().map(|a| a.json()["sender"]["username"].to_string()).collect();
    assert_eq!((all.len(), names.len()), (120, 10));
    assert!(all.iter().step_by(40).all(|a| a.verifies(&kick)));
    assert!(kick.chat_of(STREAMER).is_empty());
}

#[tokio::test]
async fn a_signed_message_can_be_sent_by_whoever_measures() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (kick, receiver, _) = platform().await;
    let url = reqwest::Url::parse(&receiver.url()).unwrap();
    let mut stream = tokio::net::TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
    for message in kick.signed_chat(STREAMER, 2, 1) {
        stream.write_all(&message.request(&kick)).await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        while !answer.ends_with(b"\r\n\r\n") {
            answer.rotate_left(1);
            stream.read_exact(&mut answer[14..]).await.unwrap();
        }
    }
    assert!(receiver.take().iter().all(|a| a.verifies(&kick)));
}

#[tokio::test]
async fn the_control_face_drives_it_all() {
    let (kick, receiver, _) = platform().await;
    let client = reqwest::Client::builder().user_agent("tests").build().unwrap();
    let post = async |what: &str, body: &Value| {
        let answer = client.post(format!("{}/_standin/kick/{what}", kick.origin())).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    for order in [
        json!({"do": "go_live", "title": "Hello"}),
        json!({"do": "chat", "who": "Maja", "text": "hi"}),
        json!({"do": "follow", "who": "Maja"}),
        json!({"do": "subscribe", "who": "Maja"}),
        json!({"do": "renew", "who": "Maja"}),
        json!({"do": "gift", "to": ["Pete"]}),
        json!({"do": "kicks", "who": "Maja", "amount": 100}),
        json!({"do": "redeem", "who": "Maja", "reward": "Song Request"}),
        json!({"do": "title", "title": "Later"}),
        json!({"do": "ban", "who": "Troll"}),
        json!({"do": "end_stream"}),
        json!({"do": "deliver", "event": "chat.message.sent", "body": {"content": "of another shape"}}),
        json!({"do": "resend"}),
    ] {
        let (status, answer) = post("act", &order).await;
        assert_eq!((status, &answer["deliveries"][0]["status"]), (200, &json!(200)), "{order}: {answer}");
    }
    assert_eq!(receiver.types().len(), 13);
    assert_eq!(post("act", &json!({"do": "redeem", "who": "Maja", "reward": "The moon"})).await.0, 404);
    post("act", &json!({"do": "hold"})).await;
    post("act", &json!({"do": "chat", "who": "Maja", "text": "later"})).await;
    assert_eq!(receiver.types().len(), 0);
    post("act", &json!({"do": "release", "order": "reversed"})).await;
    assert_eq!(receiver.types(), ["chat.message.sent"]);
    assert_eq!(post("sending", &json!({"copies": 2})).await.1["sending"]["copies"], 2);
    assert_eq!(
        post("mode", &json!({"mode": "rate_limited", "retry_after": 3, "where": "chat"})).await.1["modes"][0]["where"],
        "chat"
    );
    let state =
        client.get(format!("{}/_standin/kick/state", kick.origin())).send().await.unwrap().text().await.unwrap();
    assert!(state.contains("Maja") && !state.contains(kick.client_secret()));
}
