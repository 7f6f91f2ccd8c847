//! The program is killed while a draw is made: it is made once, and told once.

use std::time::Duration;

use serde_json::json;

use crate::support::scene::Scene;

/// What is still to be done, or on its way.
const OWED: &str = "SELECT (SELECT count(*) FROM draw WHERE state <> 'drawn')
    + (SELECT count(*) FROM message WHERE state IN ('queued', 'sending'))
    + (SELECT count(*) FROM card WHERE version > shown_version)";

async fn drawn_once(point: &str) {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point), ("RAFFLE_BEACON_URL", "off")]).await;
    let has_commands = || scene.discord.state()["commands"].as_array().is_some_and(|all| !all.is_empty());
    scene.until("the bot is there", || scene.is_connected() && has_commands()).await;
    let party = scene.discord.channel_id("party");
    let start = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "giveaway start",
        "options": { "prize": "A mug", "channel": "party" } });
    scene.discord.act(start).await;
    let card = || scene.discord.messages(party).first().cloned();
    scene.until("the card is there", || card().is_some()).await;
    let card = card().unwrap();
    let join = json!({ "as": "member", "do": "press", "message": card["id"],
        "custom_id": card["components"][0]["components"][0]["custom_id"] });
    scene.discord.act(join).await;
    let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": "giveaway end",
        "options": { "giveaway": "" }, "focused": "giveaway" });
    let id = scene.discord.act(typing).await["choices"][0]["value"].clone();
    let end = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "giveaway end", "options": { "giveaway": id } });
    let _ = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(end)).await;
    scene.until_none("SELECT count(*) FROM draw WHERE state = 'open'").await;
    scene.change("UPDATE draw SET draw_after = closed_at, next_at = closed_at WHERE state = 'closed'").await;
    scene.until_none(OWED).await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(scene.seen("party", "is closed"), 1, "{:?}", scene.texts("party"));
    assert_eq!(scene.seen("party", "🏆"), 1, "{:?}", scene.texts("party"));
    assert_eq!(scene.count("SELECT count(*) FROM draw_winner").await, 1);
    assert_eq!(scene.count("SELECT count(*) FROM setting WHERE key LIKE 'draw_secret%'").await, 0);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_draw_is_committed() {
    drawn_once("draw.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_draw_is_committed() {
    drawn_once("draw.after_commit").await;
}
