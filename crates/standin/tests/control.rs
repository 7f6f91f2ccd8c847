//! The control face over HTTP, TLS as discord.com, uploads, and the limits of webhooks.
#![allow(clippy::unwrap_used)]

mod bot;
mod client;

use chrono::{Duration, TimeZone, Utc};
use client::Client;
use serde_json::{Value, json};
use standin::{
    axum::{Router, routing::get},
    chrono,
    clock::Clock,
    discord::{Discord, Limits, Options},
};

async fn post(world: &Discord, path: &str, body: &str) -> (u16, Value) {
    let url = format!("{}/_standin/{path}", world.origin());
    let response = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn bad_input_is_named() {
    let world = Discord::start(bot::options()).await.unwrap();
    for (path, body, named) in [
        ("act", "{", "JSON"),
        ("act", "{}", "`as`"),
        ("act", r#"{"as":"ghost"}"#, "ghost"),
        ("act", r#"{"as":"admin","do":"dance"}"#, "dance"),
        ("act", r#"{"as":"admin","do":"say","channel":"nowhere"}"#, "nowhere"),
        ("act", r#"{"as":"admin","do":"press","message":"1","custom_id":"x"}"#, "no message 1"),
        ("fault", r#"{"where":"nowhere","what":"hang"}"#, "nowhere"),
        ("fault", r#"{"where":"any","what":"explode"}"#, "explode"),
        ("fault", r#"{"where":"any","what":"close:4000"}"#, "gateway"),
    ] {
        let (status, answer) = post(&world, path, body).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(named), "{body} → {answer}");
    }
}

#[tokio::test]
async fn state_env_page_and_extra_routes() {
    let options = Options {
        extra: Some(Router::new().route("/panel", get(|| async { "the panel" }))),
        env: vec![("PUBLIC_URL".into(), "http://other".into()), ("MORE".into(), "1".into())],
        ..bot::options()
    };
    let world = Discord::start(options).await.unwrap();
    let text =
        async |path: &str| reqwest::get(format!("{}{path}", world.origin())).await.unwrap().text().await.unwrap();
    assert_eq!(post(&world, "act", r#"{"as":"member","do":"say","channel":"ops","content":"hi"}"#).await.0, 200);
    let state: Value = serde_json::from_str(&text("/_standin/state").await).unwrap();
    assert_eq!(state["guilds"][0]["name"], "Signal Town");
    assert_eq!(state["channels"][0]["messages"][0]["content"], "hi");
    assert_eq!(state["users"].as_array().unwrap().len(), 4);
    let env = text("/_standin/env").await;
    for line in ["PUBLIC_URL=http://other\n", "MORE=1\n", "WEBHOOK_PORT=3000\n", "DISCORD_TOKEN=MTE4"] {
        assert!(env.contains(line), "{env}");
    }
    let routes = env.lines().find_map(|l| l.strip_prefix("DISCORD_WEBHOOK_CHANNELS=")).unwrap();
    let routes: Value = serde_json::from_str(routes).unwrap();
    assert_eq!(routes["alert.triggered"][0], world.channel_id("alerts").to_string());
    assert_eq!(text("/_standin/panel").await, "the panel");
    assert!(text("/").await.contains("<html"));
    assert!(text("/page/app.js").await.contains("EventSource"));
}

#[tokio::test]
async fn changes_are_told_live() {
    let world = Discord::start(bot::options()).await.unwrap();
    let mut live = reqwest::get(format!("{}/_standin/live", world.origin())).await.unwrap();
    world.act(json!({"as": "member", "do": "say", "channel": "ops", "content": "hi"})).await;
    let event = live.chunk().await.unwrap().unwrap();
    assert!(event.starts_with(b"event: changed\ndata: {"), "{event:?}");
}

#[tokio::test]
async fn it_speaks_tls_as_discord() {
    let world = Discord::start(Options { tls: true, ..bot::options() }).await.unwrap();
    let tls = world.tls().unwrap();
    let trusted = reqwest::Certificate::from_pem(tls.ca_pem.as_bytes()).unwrap();
    let client =
        reqwest::Client::builder().resolve("discord.com", tls.addr).add_root_certificate(trusted).build().unwrap();
    let (_, _, url) = world.create_webhook(world.channel_id("ops"), "Raw").unwrap();
    let url = url.replace("discord.com", &format!("discord.com:{}", tls.addr.port()));
    let sent = client.post(format!("{url}?wait=true")).json(&json!({"content": "raw"})).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 200);
    assert_eq!(world.messages(world.channel_id("ops"))[0]["content"], "raw");
}

#[tokio::test]
async fn a_file_is_kept_and_handed_over() {
    let world = Discord::start(bot::options()).await.unwrap();
    let ops = world.channel_id("ops");
    let part = |head: &str, body: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
    let body = [
        part("name=\"payload_json\"", r#"{"content":"see","attachments":[{"id":0,"description":"a chart"}]}"#),
        part("name=\"files[0]\"; filename=\"chart.png\"", "not really a picture"),
        "--b--\r\n".to_owned(),
    ];
    let sent = reqwest::Client::new()
        .post(format!("{}/api/v10/channels/{ops}/messages", world.origin()))
        .header("authorization", format!("Bot {}", world.token()))
        .header("content-type", "multipart/form-data; boundary=b")
        .body(body.concat())
        .send()
        .await
        .unwrap();
    let (status, answer) = (sent.status().as_u16(), sent.text().await.unwrap());
    assert_eq!(status, 200, "{answer}");
    let message = &world.messages(ops)[0];
    assert_eq!(message["attachments"][0]["filename"], "chart.png");
    assert_eq!(message["attachments"][0]["description"], "a chart");
    let address = message["attachments"][0]["url"].as_str().unwrap();
    let here = address.replace("https://cdn.discordapp.com", &world.origin());
    let seen = reqwest::get(&here).await.unwrap();
    assert_eq!(seen.headers()["content-type"], "image/png");
    assert_eq!(seen.text().await.unwrap(), "not really a picture");
    let unsigned = reqwest::get(here.split('?').next().unwrap()).await.unwrap();
    assert_eq!(unsigned.status().as_u16(), 404);
    assert_eq!(world.violations(), Vec::<String>::new());
}

/// A form with a picture and what is said of it.
fn form(description: &str, picture: &str) -> String {
    let part = |head: &str, body: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
    let said = json!({ "content": "see", "attachments": [{ "id": 0, "description": description }] });
    let file = part("name=\"files[0]\"; filename=\"chart.png\"", picture);
    format!("{}{file}--b--\r\n", part("name=\"payload_json\"", &said.to_string()))
}

async fn sends(world: &Discord, method: reqwest::Method, path: &str, form: String) -> u16 {
    let request = reqwest::Client::new().request(method, format!("{}/api/v10{path}", world.origin()));
    let request = request.header("authorization", format!("Bot {}", world.token()));
    let request = request.header("content-type", "multipart/form-data; boundary=b").body(form);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_new_file_of_an_edit_is_described_and_shown_after_a_restart() {
    let directory = std::env::temp_dir().join(format!("standin-uploads-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let options = Options { save_to: Some(directory.join("discord.json")), ..bot::options() };
    let world = Discord::start(options.clone()).await.unwrap();
    let ops = world.channel_id("ops");
    let messages = format!("/channels/{ops}/messages");
    assert_eq!(sends(&world, reqwest::Method::POST, &messages, form("a chart", "first")).await, 200);
    let id = world.messages(ops)[0]["id"].as_str().unwrap().to_owned();
    let edit = format!("{messages}/{id}");
    assert_eq!(sends(&world, reqwest::Method::PATCH, &edit, form("another chart", "second")).await, 200);
    let long = form(&"x".repeat(1025), "third");
    assert_eq!(sends(&world, reqwest::Method::PATCH, &edit, long).await, 400, "1024 characters at most");
    world.shutdown().await;
    let world = Discord::start(options).await.unwrap();
    let attachments = world.messages(ops)[0]["attachments"].clone();
    assert_eq!((attachments.as_array().unwrap().len(), &attachments[0]["description"]), (1, &json!("another chart")));
    let address = attachments[0]["url"].as_str().unwrap();
    let seen = reqwest::get(address.replace("https://cdn.discordapp.com", &world.origin())).await.unwrap();
    assert_eq!(seen.text().await.unwrap(), "second");
    assert!(world.violations().is_empty(), "{:?}", world.violations());
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn webhooks_have_two_limits() {
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap());
    let world = Discord::start(Options { clock, limits: Limits::Discord, ..bot::options() }).await.unwrap();
    let client = Client::new(&world);
    let alerts = world.channel_id("alerts");
    let hooks = ["A", "B"].map(|name| world.create_webhook(alerts, name).unwrap());
    let send = async |n: usize| {
        let (id, token, _) = &hooks[n];
        client.post(&format!("/webhooks/{id}/{token}"), &json!({"content": "x"})).await
    };
    for _ in 0..5 {
        assert_eq!(send(0).await.status, 204);
    }
    assert_eq!(send(0).await.status, 429);
    assert_eq!(send(1).await.status, 204);
    // Seven used of the channel's thirty a minute (a refused one counts too).
    for _ in 0..23 {
        client.clock.advance(Duration::seconds(1));
        assert_eq!(send(1).await.status, 204);
    }
    assert_eq!(send(0).await.status, 429);
    client.clock.advance(Duration::minutes(1));
    assert_eq!(send(0).await.status, 204);
}
