//! Answers and webhooks have the keys, and the kinds of values, of the samples in the corpus.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};
use standin::kick::{Mode, STREAMER};

use crate::receiver::*;

/// A folder of samples; `None`, and a line about it, where there is no corpus.
fn corpus(folder: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("SIGNALBOX_CORPUS").map_or(beside, PathBuf::from).join("kick").join(folder);
    if !path.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs the corpus");
        println!("1 corpus tests not run: no corpus");
        return None;
    }
    Some(path)
}

fn sample(folder: &str, name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(corpus(folder)?.join(name)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Where two values differ in keys or in kinds. An array is compared by its first element; null stands for anything.
fn differences(ours: &Value, theirs: &Value, at: &str) -> Vec<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let missing =
                theirs.keys().filter(|key| !ours.contains_key(*key)).map(|key| format!("{at}.{key} is missing"));
            let more =
                ours.keys().filter(|key| !theirs.contains_key(*key)).map(|key| format!("{at}.{key} is too much"));
            let deeper = ours
                .iter()
                .filter_map(|(key, value)| Some(differences(value, theirs.get(key)?, &format!("{at}.{key}"))))
                .flatten();
            missing.chain(more).chain(deeper).collect()
        }
        (Value::Array(ours), Value::Array(theirs)) => match (ours.first(), theirs.first()) {
            (Some(ours), Some(theirs)) => differences(ours, theirs, &format!("{at}[]")),
            _ => Vec::new(),
        },
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (ours, theirs) if std::mem::discriminant(ours) == std::mem::discriminant(theirs) => Vec::new(),
        (ours, theirs) => vec![format!("{at}: {ours} is of another kind than {theirs}")],
    }
}

#[track_caller]
fn assert_shaped(ours: &Value, folder: &str, name: &str) {
    if let Some(theirs) = sample(folder, name) {
        assert_eq!(differences(ours, &theirs, name), [""; 0], "{ours}");
    }
}

#[tokio::test]
async fn answers_are_shaped_as_the_samples() {
    let (kick, ..) = platform().await;
    kick.go_live(STREAMER, "Slow morning").await;
    kick.redeem(STREAMER, "Maja", "Song Request", "the one with the whale").await;
    let (app, user) = (app_token(&kick).await, user_token(&kick, STREAMER).await);
    let id = kick.channel(STREAMER).unwrap().broadcaster_user_id;

    for (path, token, name) in [
        ("/public/v1/users", &user, "GET_users.response.200.json"),
        ("/public/v1/channels?slug=novaplays", &app, "GET_channels.response.200.json"),
        ("/public/v2/livestreams", &app, "GET_livestreams_v2.response.200.json"),
        ("/public/v1/livestreams", &app, "GET_livestreams_v1.response.200.json"),
        ("/public/v1/events/subscriptions", &app, "GET_events_subscriptions.response.200.json"),
        ("/public/v1/channels/rewards", &user, "GET_channels_rewards.response.200.json"),
        ("/public/v1/channels/rewards/redemptions", &user, "GET_channels_rewards_redemptions.response.200.json"),
        ("/public/v1/public-key", &app, "GET_public_key.response.200.json"),
    ] {
        let answer = get(&kick, path, token).await;
        assert_ne!(answer["data"], json!([]), "{path}");
        assert_shaped(&answer, "rest", name);
    }
    let wanted =
        json!({"broadcaster_user_id": id, "method": "webhook", "events": [{"name": "kicks.gifted", "version": 1}]});
    let post = async |path: &str, token: &str, body: &Value| {
        let answer = call(&kick, Method::POST, path, token, body.clone()).await;
        (answer.status, answer.body)
    };
    let made = post("/public/v1/events/subscriptions", &app, &wanted).await.1;
    assert_shaped(&made, "rest", "POST_events_subscriptions.response.200.json");
    let said = say(&kick, &user, "Welcome").await.body;
    assert_shaped(&said, "rest", "POST_chat.response.200.json");
    let seen = post("/oauth/token/introspect", &user, &Value::Null).await.1;
    assert_shaped(&seen, "rest", "POST_oauth_token_introspect.response.200.json");
    let failed = json!({"ids": ["01KBHE78QE4HZY1617DK5FC7YD"]});
    let failed = post("/public/v1/channels/rewards/redemptions/accept", &user, &failed).await.1;
    assert_shaped(&failed, "rest", "POST_redemptions_accept.response.200_failed.json");
    assert_shaped(&tokens_of(&kick, STREAMER).await, "rest", "POST_oauth_token.response.user.json");
    let app_answer = token(&kick, &[("grant_type", "client_credentials")]).await.1;
    assert_shaped(&app_answer, "rest", "POST_oauth_token.response.app.json");
}

#[tokio::test]
async fn refusals_are_those_of_the_samples() {
    let (kick, ..) = platform().await;
    let user = user_token(&kick, STREAMER).await;
    let exactly = |ours: &Value, name: &str| {
        if let Some(theirs) = sample("rest", name) {
            assert_eq!(*ours, theirs);
        }
    };
    let dead = token(&kick, &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await.1;
    exactly(&dead, "POST_oauth_token.response.400_invalid_grant.json");
    let stranger = call(&kick, Method::GET, "/public/v1/users", "nobody", Value::Null).await.body;
    exactly(&stranger, "error.401.json");
    kick.set_bot(false);
    exactly(&say(&kick, &user, "Hello").await.body, "POST_chat.response.400_no_bot.json");
    kick.mode(Mode::cloudflare().times(1));
    assert_shaped(&say(&kick, &user, "Hello").await.body, "rest", "error.403_cloudflare.json");
    let wanted = json!({"method": "webhook", "events": [{"name": "chat.message.sent", "version": 1}]});
    let subscribe =
        async || call(&kick, Method::POST, "/public/v1/events/subscriptions", &user, wanted.clone()).await.body;
    kick.mode(Mode::partial_error(&[]).times(1));
    exactly(&subscribe().await, "POST_events_subscriptions.response.200_partial_error.json");
    kick.mode(Mode::limit_reached().times(1));
    exactly(&subscribe().await, "POST_events_subscriptions.response.400_limit.json");
}

#[tokio::test]
async fn webhooks_are_shaped_as_the_samples_and_signed() {
    let (kick, receiver, _) = platform().await;
    kick.chat(STREAMER, "Maja", "is anybody here?").await;
    let first = receiver.take().pop().unwrap().json()["message_id"].as_str().unwrap().to_owned();
    kick.give_badge(STREAMER, "Pete", "moderator");
    kick.gift_subs(STREAMER, Some("Pete"), &["Lumen"]).await;
    kick.subscribe(STREAMER, "Pete").await;
    kick.renew(STREAMER, "Pete").await;
    let reply = standin::kick::Saying { replies_to: Some(first), seconds_ago: 0 };
    kick.chat_with(STREAMER, "Pete", "Hello [emote:4148074:HYPERCLAP] & <all>", reply).await;
    kick.follow(STREAMER, "Maja").await;
    kick.go_live(STREAMER, "Slow morning").await;
    kick.change_category(STREAMER, "Retro").await;
    kick.end_stream(STREAMER).await;
    kick.ban(STREAMER, "Pete", "Troll", "spam", Some(10)).await;
    let redemption = kick.redeem(STREAMER, "Maja", "Song Request", "whale").await;
    kick.decide_redemption(STREAMER, &redemption, false).await;
    kick.give_kicks(STREAMER, "Maja", 500, "Rage Quit", "w").await;

    let names = [
        "channel.subscription.gifts.v1.json",
        "channel.subscription.new.v1.json",
        "channel.subscription.renewal.v1.json",
        "chat.message.sent.v1.json",
        "channel.followed.v1.json",
        "livestream.status.updated.v1.live.json",
        "livestream.metadata.updated.v1.json",
        "livestream.status.updated.v1.offline.json",
        "moderation.banned.v1.timeout.json",
        "channel.reward.redemption.updated.v1.json",
        "channel.reward.redemption.updated.v1.json",
        "kicks.gifted.v1.json",
    ];
    let all = receiver.take();
    assert_eq!(all.len(), names.len());
    for (arrival, name) in all.iter().zip(names) {
        assert!(arrival.verifies(&kick) && name.starts_with(arrival.header("kick-event-type")), "{name}");
        assert_eq!((arrival.header("kick-event-version"), arrival.header("user-agent")), ("1", "Go-http-client/1.1"));
        let mut ours = arrival.json();
        if name.starts_with("livestream.status") {
            // The documentation shows two more fields than the delivery that Kick signed has.
            ours["broadcaster"]["is_anonymous"] = json!(false);
            ours["broadcaster"]["identity"] = Value::Null;
        }
        assert_shaped(&ours, "events", name);
    }
    let reply = &all[3];
    let raw = String::from_utf8(reply.raw.to_vec()).unwrap();
    assert!(raw.contains(r"\u0026 \u003call\u003e"), "{raw}");
    assert_eq!(reply.json()["emotes"][0]["positions"], json!([{"s": 6, "e": 30}]));
    assert_eq!(reply.json()["replies_to"]["content"], "is anybody here?");
    let badges = &reply.json()["sender"]["identity"]["badges"];
    assert_eq!(
        badges.as_array().unwrap().iter().map(|b| b["type"].clone()).collect::<Vec<_>>(),
        ["moderator", "sub_gifter", "subscriber"]
    );
}

#[tokio::test]
async fn who_gives_without_a_name_has_none() {
    let (kick, receiver, _) = platform().await;
    kick.gift_subs(STREAMER, None, &["Maja", "Pete"]).await;
    let gift = receiver.take().pop().unwrap().json();
    assert_eq!(gift["giftees"].as_array().unwrap().len(), 2);
    let gifter = json!({"is_anonymous": true, "user_id": null, "username": null, "is_verified": null,
        "profile_picture": null, "channel_slug": null, "identity": null});
    assert_eq!(gift["gifter"], gifter);
}
