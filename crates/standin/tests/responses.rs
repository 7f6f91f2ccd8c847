//! Responses to interactions and definitions of commands, sent by hand: what is refused and what comes back.
#![allow(clippy::unwrap_used)]

mod bot;
mod client;

use chrono::{Duration, TimeZone, Utc};
use client::Client;
use serde_json::{Value, json};
use standin::{
    chrono,
    clock::Clock,
    discord::{Discord, Limits, Options},
};

fn options() -> Options {
    Options {
        clock: Clock::manual(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()),
        limits: Limits::Off,
        ..Options::default()
    }
}

/// A command that waits for its answer: the path of its callback, and what the person sees in the end.
async fn asked(world: &Discord, bot: &bot::Bot) -> (String, tokio::task::JoinHandle<Value>) {
    let person = world.clone();
    let outcome = tokio::spawn(async move {
        let what = json!({"as": "member", "do": "command", "channel": "ops", "name": "silent"});
        person.act(what).await
    });
    loop {
        let notes = bot.notes();
        if let Some(path) = notes.iter().rev().find(|n| n.starts_with("/interactions")) {
            return (path.clone(), outcome);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_responses_are_refused_and_the_right_one_still_counts() {
    let world = Discord::start(options()).await.unwrap();
    let bot = bot::connect(&world).await;
    let client = Client::new(&world);
    let (path, outcome) = asked(&world, &bot).await;
    for (body, at) in [
        (json!({"type": 7, "data": {"content": "x"}}), "/errors/type/_errors/0/code"),
        (json!({"type": 8, "data": {"choices": []}}), "/errors/type/_errors/0/code"),
        (json!({"type": 4, "data": {"content": "x".repeat(2001)}}), "/errors/data/content/_errors/0/code"),
        (json!({"type": 5, "data": {"flags": 4}}), "/errors/data/flags/_errors/0/code"),
        (
            json!({"type": 9, "data": {"custom_id": "m", "title": "x".repeat(46), "components": []}}),
            "/errors/data/title/_errors/0/code",
        ),
    ] {
        let refused = client.post(&path, &body).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(50035)), "{}", refused.body);
        assert!(refused.body.pointer(at).is_some(), "{}", refused.body);
    }
    let empty = client.post(&path, &json!({"type": 4, "data": {}})).await;
    assert_eq!(empty.body["code"], 50006);
    let unknown = client.post("/interactions/1/x/callback", &json!({"type": 5})).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!(10062)));
    let early = path.replace("/callback", "").replace("/interactions/", "");
    let token = early.split('/').nth(1).unwrap().to_owned();
    let hook = format!("/webhooks/{}/{token}", world.application_id());
    let early = client.post(&hook, &json!({"content": "early"})).await;
    assert_eq!((early.status, &early.body["code"]), (404, &json!(10015)));
    let given = client.post(&format!("{path}?with_response=true"), &json!({"type": 5, "data": {"flags": 64}})).await;
    assert_eq!(given.status, 200);
    assert_eq!(given.body["interaction"]["response_message_loading"], true);
    let message: serenity::all::Message = serde_json::from_value(given.body["resource"]["message"].clone()).unwrap();
    assert!(message.flags.unwrap().contains(serenity::all::MessageFlags::LOADING));
    let filled = client.patch(&format!("{hook}/messages/@original"), &json!({"content": "done"})).await;
    assert_eq!(filled.status, 200);
    let outcome = outcome.await.unwrap();
    assert_eq!(outcome["message"]["content"], "done", "{outcome:#}");
    assert_eq!(outcome["message"]["flags"], 64);
    assert!(world.messages(world.channel_id("ops")).is_empty());
    // The token lives for fifteen minutes.
    client.clock.advance(Duration::minutes(16));
    let late = client.get(&format!("{hook}/messages/@original")).await;
    assert_eq!((late.status, &late.body["code"]), (401, &json!(50027)));
}

#[tokio::test]
async fn wrong_commands_are_refused() {
    let world = Discord::start(options()).await.unwrap();
    let client = Client::new(&world);
    let global = format!("/applications/{}/commands", world.application_id());
    let option =
        |name: &str, required: bool| json!({"type": 3, "name": name, "description": "d", "required": required});
    for (body, at) in [
        (json!({"name": "Ping", "description": "d"}), "/errors/name"),
        (json!({"name": "ping"}), "/errors/description"),
        (json!({"name": "ping", "description": "x".repeat(101)}), "/errors/description"),
        (json!({"name": "menu", "type": 3, "description": "d"}), "/errors/description"),
        (
            json!({"name": "ping", "description": "d", "default_member_permissions": 8}),
            "/errors/default_member_permissions",
        ),
        (
            json!({"name": "ping", "description": "d", "options": [option("a", false), option("b", true)]}),
            "/errors/options/1",
        ),
        (
            json!({"name": "ping", "description": "d", "options": [option("a", false), option("a", false)]}),
            "/errors/options/1/name",
        ),
    ] {
        let refused = client.post(&global, &body).await;
        assert_eq!((refused.status, &refused.body["code"]), (400, &json!(50035)), "{body}");
        assert!(refused.body.pointer(at).is_some(), "{body} → {}", refused.body);
    }
    let good = json!({"name": "ping", "description": "d", "default_member_permissions": "32"});
    let made = client.post(&global, &good).await;
    assert_eq!(made.status, 201);
    let again = client.post(&global, &good).await;
    assert_eq!((again.status, &again.body["id"]), (200, &made.body["id"]));
    let foreign = format!("/applications/{}/guilds/1/commands", world.application_id());
    assert_eq!(client.post(&foreign, &good).await.body["code"], 50001);
    let seen = async |who: &str| {
        let url = format!("{}/_standin/commands?as={who}&channel=ops", world.origin());
        let seen: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        seen.as_array().unwrap().len()
    };
    assert_eq!((seen("admin").await, seen("member").await), (1, 0));
}

#[tokio::test]
async fn another_site_cannot_use_the_control_face() {
    let world = Discord::start(options()).await.unwrap();
    let url = format!("{}/_standin/act", world.origin());
    let body = r#"{"as":"admin","do":"say","channel":"ops","content":"x"}"#;
    let send = async |origin: &str| {
        let request = reqwest::Client::new().post(&url).header("origin", origin).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send("https://example.com").await, 403);
    assert_eq!(send(&world.origin()).await, 200);
}
