//! The program is killed while somebody says of a message what nobody else can find out: it is settled once, and there once.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox::clock::Clock;

use crate::support::delivery::{alert, route_to_webhook};
use crate::support::scene::Scene;

const UNRESOLVED: &str = "SELECT 1 - count(*) FROM send WHERE state = 'unresolved'";
const SETTLED: &str = "SELECT count(*) FROM audit WHERE action = 'delivery_settled'";

/// A message that left through a webhook, without an answer, into a channel that the bot cannot see.
async fn in_doubt(scene: &Scene, mishap: &str) {
    let (guild, stream) = (scene.discord.guild_id(), scene.discord.channel_id("stream"));
    let (webhook, token, _) = scene.discord.create_webhook(stream, "Relay").unwrap();
    route_to_webhook(&scene.store(), &Clock::system(), guild, "alert.*", webhook, &token).await;
    scene.discord.set_overwrite(stream, scene.discord.bot_id(), 0, 1 << 10);
    scene.fault("execute_webhook", mishap);
    scene.xt.send("alert.triggered", alert("disk full")).await;
    scene.until_none(UNRESOLVED).await;
}

async fn act(scene: &Scene, what: Value) -> Value {
    tokio::time::timeout(Duration::from_secs(5), scene.discord.act(what)).await.unwrap_or(Value::Null)
}

/// Presses it, where it is still to be pressed.
async fn settle(scene: &Scene, label: &str) {
    let list = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "deliveries list", "options": {} });
    let message = act(scene, list).await["message"].clone();
    let rows = message["components"].as_array().cloned().unwrap_or_default();
    let mut buttons = rows.iter().flat_map(|row| row["components"].as_array().into_iter().flatten());
    let Some(button) = buttons.find(|button| button["label"] == label) else { return };
    let press = json!({ "as": "admin", "do": "press", "message": message["id"], "custom_id": button["custom_id"] });
    act(scene, press).await;
}

async fn survives(mishap: &str, label: &str) {
    for (n, point) in ["by_hand.before_commit", "by_hand.after_commit"].into_iter().enumerate() {
        let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point)]).await;
        let has_commands = || scene.discord.state()["commands"].as_array().is_some_and(|all| !all.is_empty());
        scene.until("the bot is there", || scene.is_connected() && has_commands()).await;
        in_doubt(&scene, mishap).await;
        settle(&scene, label).await;
        scene.until("it died", || scene.deaths() == 1).await;
        scene.until("it is back", || scene.is_connected() && has_commands()).await;
        assert_eq!(scene.count(SETTLED).await, i64::try_from(n).unwrap(), "{point}: before the kill, or not at all");
        settle(&scene, label).await;
        scene.until_quiet().await;
        assert_eq!(scene.deaths(), 1, "{point}: killed once");
        assert_eq!(scene.count(SETTLED).await, 1, "{point}");
        assert_eq!(scene.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 1, "{point}");
        assert_eq!(scene.seen("stream", "disk full"), 1, "{point}: {:?}", scene.texts("stream"));
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_is_said_to_be_there() {
    survives("accept_then_drop", "Sent #1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_is_sent_again() {
    survives("drop", "Send again #1").await;
}
