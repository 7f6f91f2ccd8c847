//! The program is killed between the end of a silence and its receipt, or while a digest is given: there is exactly one.

use std::time::Duration;

use serde_json::json;

use crate::support::delivery::alert;
use crate::support::scene::Scene;

/// What is still owed, or on its way.
const OWED: &str = "SELECT (SELECT count(*) FROM silence WHERE receipt_at IS NULL AND started_at IS NOT NULL)
    + (SELECT count(*) FROM message WHERE state IN ('queued', 'sending'))
    + (SELECT count(*) FROM event WHERE planned_at IS NULL)";

async fn one_receipt(point: &str) {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point)]).await;
    let has_commands = || scene.discord.state()["commands"].as_array().is_some_and(|all| !all.is_empty());
    scene.until("the bot is there", || scene.is_connected() && has_commands()).await;
    let command = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "silence add",
        "options": { "type": "alert.*", "for": "1h" } });
    let preview = scene.discord.act(command).await;
    let press = json!({ "as": "admin", "do": "press", "message": preview["message"]["id"],
        "custom_id": preview["message"]["components"][0]["components"][0]["custom_id"] });
    scene.discord.act(press).await;
    scene.xt.send("alert.triggered", alert("withheld")).await;
    scene.until_none("SELECT count(*) FROM event WHERE planned_at IS NULL").await;
    assert_eq!(scene.texts("alerts").len(), 0);
    let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": "silence end",
        "options": { "silence": "" }, "focused": "silence" });
    let id = scene.discord.act(typing).await["choices"][0]["value"].clone();
    let end = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "silence end", "options": { "silence": id } });
    let _ = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(end)).await;
    scene.until_none(OWED).await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(scene.seen("alerts", "is over"), 1, "{:?}", scene.texts("alerts"));
    assert_eq!(scene.count("SELECT count(*) FROM held WHERE told_in IS NULL").await, 0);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_silence_is_ended() {
    one_receipt("silence.ended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_receipt_is_committed() {
    one_receipt("receipt.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_receipt_is_committed() {
    one_receipt("receipt.after_commit").await;
}

async fn one_digest(point: &str) {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point)]).await;
    scene.route_alerts_to(scene.discord.channel_id("party")).await;
    scene.change("UPDATE route SET noise = '{\"digest_minutes\": 60}' WHERE origin = 'db'").await;
    for words in ["the first", "the second"] {
        let mut alert = alert(words);
        // What is critical goes through.
        alert["severity"] = json!("high");
        scene.xt.send("alert.triggered", alert).await;
    }
    scene.until_none("SELECT 2 - count(*) FROM held").await;
    scene.change("UPDATE held SET due_at = held_at").await;
    scene.until_none("SELECT count(*) FROM held WHERE told_in IS NULL").await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!((scene.texts("alerts").len(), scene.texts("party").len()), (0, 1));
    assert_eq!((scene.seen("party", "the first"), scene.seen("party", "the second")), (1, 1));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_digest_is_committed() {
    one_digest("digest.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_digest_is_committed() {
    one_digest("digest.after_commit").await;
}
