//! The gateway: what a session is told, and what it is closed for.
#![allow(clippy::unwrap_used)]

mod bot;

use std::time::Duration;

use serde_json::json;
use serenity::all::{GatewayIntents, HttpBuilder};
use standin::discord::{Discord, Fault, Options, What};

#[tokio::test(flavor = "multi_thread")]
async fn everything_sent_can_be_read() {
    let (world, bot) = bot::in_town().await;
    world.act(json!({"as": "member", "do": "say", "channel": "ops", "content": "hello"})).await;
    world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "panel"})).await;
    world.add_channel(world.guild_id(), "new", 0);
    world.add_guild("Second Town");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let notes = bot.notes();
    assert!(notes.contains(&"guild: Signal Town".to_owned()), "{notes:?}");
    assert!(notes.contains(&"guild: Second Town".to_owned()), "{notes:?}");
    // Without the intent what others write arrives empty; what the bot wrote arrives whole.
    assert!(notes.contains(&"message: \"\"".to_owned()), "{notes:?}");
    assert!(notes.contains(&"message: \"a panel\"".to_owned()), "{notes:?}");
    assert!(!notes.iter().any(|n| n.starts_with("unreadable")), "{notes:?}");
}

async fn start(world: &Discord, token: &str, intents: GatewayIntents) -> String {
    let http = HttpBuilder::new(token).proxy(world.origin()).ratelimiter_disabled(true).build();
    let mut client = serenity::client::ClientBuilder::new_with_http(http, intents).await.unwrap();
    let started = tokio::time::timeout(Duration::from_secs(5), client.start()).await;
    started.unwrap().unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_and_intents_are_closed() {
    let world = Discord::start(bot::options()).await.unwrap();
    let wrong = start(&world, "MTE4MDAwMDAwMDAwMDAwMDAwMg.x.y", GatewayIntents::empty()).await;
    assert!(wrong.contains("authentication"), "{wrong}");
    let content = start(&world, &world.token(), GatewayIntents::MESSAGE_CONTENT).await;
    assert!(content.contains("isallowed"), "{content}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_session_starts_anew() {
    let (world, bot) = bot::in_town().await;
    world.fault(Fault::new("gateway", What::InvalidSession(false)));
    let mut waited = 0;
    while bot.notes().iter().filter(|n| **n == "guild: Signal Town").count() < 2 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += 1;
        assert!(waited < 100, "{:?}", bot.notes());
    }
    assert_eq!(world.connected_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_socket_swallows_everything() {
    let (world, _bot) = bot::in_town().await;
    world.fault(Fault::new("gateway", What::HalfOpen));
    let outcome = world.act(json!({"as": "member", "do": "command", "channel": "ops", "name": "secret"})).await;
    assert_eq!(outcome["failed"], "The application did not respond");
    assert_eq!(world.connected_sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_log_in_one_after_the_other() {
    let options = Options { identify_every: Duration::from_secs(2), shards: 3, ..bot::options() };
    let world = Discord::start(options).await.unwrap();
    let ask = || async {
        let url = format!("{}/api/v10/gateway/bot", world.origin());
        let request = reqwest::Client::new().get(url).header("authorization", format!("Bot {}", world.token()));
        request.send().await.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    let limit = ask().await;
    assert_eq!((&limit["shards"], &limit["session_start_limit"]["remaining"]), (&json!(3), &json!(1000)));
    let _first = bot::connect(&world).await;
    assert_eq!(ask().await["session_start_limit"]["remaining"], 999);
    // "If you hit this limit, the Gateway will respond with an Invalid Session (opcode 9)": the library tries again.
    let _second = bot::connect(&world).await;
    assert_eq!(world.connected_sessions(), 2);
    assert!(world.violations().iter().any(|v| v.contains("too soon")), "{:?}", world.violations());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_costs_the_token() {
    let options = Options { session_starts: 1, identify_every: Duration::ZERO, ..bot::options() };
    let world = Discord::start(options).await.unwrap();
    let token = world.token();
    let _bot = bot::connect(&world).await;
    let refused = start(&world, &token, GatewayIntents::empty()).await;
    assert!(refused.contains("authentication"), "{refused}");
    assert_ne!(world.token(), token);
}

#[tokio::test]
async fn only_loopback() {
    let options = Options { bind: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let error = Discord::start(options).await.err().unwrap();
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_can_be_out_of_reach() {
    let world = Discord::start(bot::options()).await.unwrap();
    world.fault(Fault::new("gateway", What::Status(503, false)));
    let knock =
        reqwest::Client::new().get(world.origin()).header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(knock.send().await.unwrap().status().as_u16(), 503);
    let _bot = bot::connect(&world).await;
    assert_eq!(world.connected_sessions(), 1);
}
