//! What a bot asks of Kick, and how Kick fails it.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use standin::{
    clock::Clock,
    kick::{Kick, Mode, Options, Place, STREAMER},
};

use crate::receiver::*;

const SUBSCRIPTIONS: &str = "/public/v1/events/subscriptions";

async fn subscribe(kick: &Kick, token: &str, event: &str) -> Answer {
    let id = kick.channel(STREAMER).unwrap().broadcaster_user_id;
    let wanted = json!({"broadcaster_user_id": id, "method": "webhook", "events": [{"name": event, "version": 1}]});
    call(kick, Method::POST, SUBSCRIPTIONS, token, wanted).await
}

#[tokio::test]
async fn posting_twice_makes_two_and_everything_comes_twice() {
    let (kick, receiver, _) = platform().await;
    kick.drop_subscriptions(None);
    let app = app_token(&kick).await;
    let first = subscribe(&kick, &app, "channel.followed").await.body["data"][0]["subscription_id"].clone();
    subscribe(&kick, &app, "channel.followed").await;
    kick.follow(STREAMER, "Maja").await;
    let all = receiver.take();
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].header("kick-event-message-id"), all[1].header("kick-event-message-id"));
    let path = format!("{SUBSCRIPTIONS}?id={}", first.as_str().unwrap());
    assert_eq!(call(&kick, Method::DELETE, &path, &app, Value::Null).await.status, 204);
    assert_eq!(get(&kick, SUBSCRIPTIONS, &app).await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_subscribes_to_its_own_channel_and_the_app_removes_that() {
    let (kick, ..) = platform().await;
    kick.drop_subscriptions(None);
    let (app, rook) = (app_token(&kick).await, user_token(&kick, "Rook_TV").await);
    let made = subscribe(&kick, &rook, "channel.followed").await.body["data"][0]["subscription_id"].clone();
    assert_eq!(kick.subscriptions()[0].broadcaster_user_id, kick.channel("rook-tv").unwrap().broadcaster_user_id);
    assert_eq!(get(&kick, SUBSCRIPTIONS, &app).await["data"], json!([]), "each token lists its own");
    assert_eq!(get(&kick, SUBSCRIPTIONS, &rook).await["data"][0]["id"], made);
    let path = format!("{SUBSCRIPTIONS}?id={}", made.as_str().unwrap());
    assert_eq!(call(&kick, Method::DELETE, &path, &app, Value::Null).await.status, 204);
    assert!(kick.subscriptions().is_empty());
}

#[tokio::test]
async fn subscribing_fails_in_each_of_the_known_ways() {
    let (kick, receiver, _) = platform_with(|options| Options { subscription_limit: 2, ..options }).await;
    let app = app_token(&kick).await;
    assert_eq!(subscribe(&kick, &app, "channel.hosted").await.body["data"][0]["error"], "invalid event");
    kick.drop_subscriptions(None);
    kick.mode(Mode::never_listed().times(1));
    assert!(subscribe(&kick, &app, "channel.followed").await.body["data"][0]["subscription_id"].is_string());
    assert_eq!(get(&kick, SUBSCRIPTIONS, &app).await["data"], json!([]));
    kick.follow(STREAMER, "Maja").await;
    assert!(receiver.take().is_empty(), "and nothing comes");
    subscribe(&kick, &app, "channel.followed").await;
    let full = subscribe(&kick, &app, "channel.followed").await;
    assert_eq!((full.status, &full.body["data"]), (400, &json!("event subscription limit reached")));

    kick.set_webhook_url(None);
    assert!(kick.subscriptions().is_empty(), "switching webhooks off ends every subscription");
    let off = subscribe(&kick, &app, "channel.followed").await.body;
    assert_eq!(off["data"][0]["error"], "webhooks are not enabled for app");
    let viewer = kick.allow(&link(&kick).replace("events%3Asubscribe", ""), "Maja");
    assert!(viewer.is_err(), "no empty scope");
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused() {
    let (kick, ..) = platform().await;
    let narrow = link(&kick).replace("+chat%3Awrite", "");
    let to = kick.allow(&narrow, STREAMER).unwrap();
    let code = to.split(['=', '&']).nth(1).unwrap();
    let token = exchange(&kick, code, VERIFIER).await.1["access_token"].as_str().unwrap().to_owned();
    assert_eq!(say(&kick, &token, "hello").await.status, 403);
    assert_eq!(say(&kick, &app_token(&kick).await, "hello").await.status, 401, "the application itself has no channel");
}

#[tokio::test]
async fn the_bot_speaks_in_the_tokens_channel_and_a_user_anywhere() {
    let (kick, receiver, _) = platform().await;
    let (nova, bot) = (user_token(&kick, STREAMER).await, user_token(&kick, "SignalBot").await);
    let rook = kick.channel("rook-tv").unwrap().broadcaster_user_id;
    let said = say(&kick, &nova, "Welcome").await.body;
    kick.settle().await;
    let echo = receiver.take().pop().unwrap().json();
    assert_eq!((&echo["message_id"], &echo["sender"]["username"]), (&said["data"]["message_id"], &json!("SignalBot")));
    let body = json!({"content": "Hi", "type": "user", "broadcaster_user_id": rook});
    assert_eq!(call(&kick, Method::POST, "/public/v1/chat", &bot, body).await.status, 200);
    assert_eq!(
        (kick.chat_of(STREAMER), kick.chat_of("Rook_TV")),
        (vec!["SignalBot: Welcome".into()], vec!["SignalBot: Hi".into()])
    );
}

#[tokio::test]
async fn chat_is_refused_in_each_of_the_known_ways() {
    let (kick, ..) = platform().await;
    let nova = user_token(&kick, STREAMER).await;
    assert_eq!(say(&kick, &nova, &"é".repeat(500)).await.status, 200, "code points, not bytes");
    assert_eq!(say(&kick, &nova, &"é".repeat(501)).await.status, 400);
    assert_eq!(say(&kick, &nova, " ").await.status, 400);
    kick.mode(Mode::rate_limited(Some(3)).at(Place::Chat).times(1));
    assert_eq!(say(&kick, &nova, "x").await.headers["retry-after"], "3");
    kick.mode(Mode::rate_limited(None).at(Place::Chat).times(1));
    let limited = say(&kick, &nova, "x").await;
    assert!(limited.status == 429 && !limited.headers.contains_key("retry-after"));
    kick.mode(Mode::status(500).at(Place::Chat).times(1));
    assert_eq!(say(&kick, &nova, "x").await.status, 500);
    kick.mode(Mode::effect_then_500().at(Place::Chat).times(1));
    assert_eq!(say(&kick, &nova, "twice?").await.status, 500);
    assert_eq!(kick.chat_of(STREAMER).last().unwrap(), "SignalBot: twice?");
    let nameless = Client::new().get(format!("{}/public/v1/public-key", kick.origin())).send().await.unwrap();
    assert_eq!(nameless.status(), 403, "who does not say who it is, is stopped by the proxy");
}

#[tokio::test]
async fn a_channel_is_found_by_slug_or_id_and_a_person_only_by_a_person() {
    let (kick, ..) = platform().await;
    let (app, maja) = (app_token(&kick).await, user_token(&kick, "Maja").await);
    kick.go_live("Rook_TV", "Chess").await;
    kick.set_viewers("Rook_TV", 67);
    let shown = get(&kick, "/public/v1/channels?slug=rook-tv", &app).await;
    let (id, stream) = (shown["data"][0]["broadcaster_user_id"].to_string(), &shown["data"][0]["stream"]);
    assert_eq!((&stream["is_live"], &stream["viewer_count"]), (&json!(true), &json!(67)));
    let by_id = get(&kick, &format!("/public/v1/channels?broadcaster_user_id={id}"), &app).await;
    assert_eq!(by_id, shown);
    let status = async |path: &str, token: &str| call(&kick, Method::GET, path, token, Value::Null).await.status;
    assert_eq!(status(&format!("/public/v1/channels?slug=rook-tv&broadcaster_user_id={id}"), &app).await, 400);
    assert_eq!(status(&format!("/public/v1/channels?slug={}", "x".repeat(26)), &app).await, 400);
    assert_eq!(status(&format!("/public/v1/users?id={id}"), &app).await, 401);
    let rook = get(&kick, &format!("/public/v1/users?id={id}"), &maja).await;
    assert_eq!((&rook["data"][0]["name"], &rook["data"][0]["email"]), (&json!("Rook_TV"), &json!("")));
    let live = get(&kick, &format!("/public/v1/users/livestreams?user_id={id}"), &app).await;
    assert_eq!(live["data"][0]["channel"]["slug"], "rook-tv");
    kick.end_stream("Rook_TV").await;
    assert_eq!(get(&kick, "/public/v2/livestreams", &app).await["data"], json!([]));
}

#[tokio::test]
async fn redemptions_are_decided_once_and_only_those_of_the_app() {
    let (kick, receiver, _) = platform().await;
    let nova = user_token(&kick, STREAMER).await;
    let song = kick.redeem(STREAMER, "Maja", "Song Request", "whale").await;
    let hello = kick.redeem(STREAMER, "Pete", "Say hello", "").await;
    receiver.take();
    let decide = async |verb: &str, ids: &[&str]| {
        let path = format!("/public/v1/channels/rewards/redemptions/{verb}");
        let answer = call(&kick, Method::POST, &path, &nova, json!({"ids": ids})).await;
        kick.settle().await;
        answer.body["data"].clone()
    };
    let failed = json!([{"id": hello, "reason": "NOT_OWNED"}, {"id": "01X", "reason": "NOT_FOUND"}]);
    assert_eq!(decide("accept", &[&song, &hello, "01X"]).await, failed);
    assert_eq!(receiver.take().pop().unwrap().json()["status"], "accepted");
    assert_eq!(decide("reject", &[&song]).await, json!([{"id": song, "reason": "NOT_PENDING"}]));
    assert!(receiver.take().is_empty());
}

#[tokio::test]
async fn a_banned_person_is_not_heard_until_the_ban_is_over() {
    let (kick, receiver, clock) = platform().await;
    kick.ban(STREAMER, "Pete", "Troll", "spam", Some(10)).await;
    receiver.take();
    kick.chat(STREAMER, "Troll", "let me in").await;
    assert!(receiver.take().is_empty());
    clock.advance(chrono::TimeDelta::minutes(10));
    kick.chat(STREAMER, "Troll", "sorry").await;
    assert_eq!(receiver.take().len(), 1);
}

#[tokio::test]
async fn a_second_start_finds_the_world_as_it_was() {
    let place = std::env::temp_dir().join(format!("kick-{}.json", std::process::id()));
    let start = async || {
        Kick::start(Options { save_to: Some(place.clone()), ..Options::local(Clock::manual(noon())) }).await.unwrap()
    };
    let kick = start().await;
    kick.go_live(STREAMER, "Hello").await;
    kick.chat(STREAMER, "Maja", "hi").await;
    kick.stop();
    let again = start().await;
    assert!(again.channel(STREAMER).unwrap().live.is_some());
    assert_eq!(
        (again.chat_of(STREAMER), again.person("maja").username),
        (vec!["Maja: hi".to_owned()], "Maja".to_owned())
    );
    std::fs::remove_file(place).unwrap();
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let bind = "0.0.0.0:0".parse().unwrap();
    assert!(Kick::start(Options { bind, ..Options::local(Clock::system()) }).await.is_err());
}
