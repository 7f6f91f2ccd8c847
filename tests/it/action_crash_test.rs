//! The program is killed between a press and its post: the other system does it once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use standin::receiver::{Manner, Receiver};

use crate::support::actions::{LEAVE, actions, offers};
use crate::support::program::Directory;
use crate::support::scene::{Company, Scene};

const SOON: Duration = Duration::from_millis(200);

/// A card with actions, in a town whose first process dies there.
async fn start(first: &[(&str, &str)]) -> (Scene, Receiver) {
    let scene = Scene::company(Company { all: &[LEAVE], first, ..Company::default() }).await;
    let (receiver, directory) = (Receiver::start().await.unwrap(), Directory::new());
    let mut config: Value =
        serde_json::from_str(&scene.tool(&["source", "show", "--preset", "standard"]).await).unwrap();
    let admin = scene.discord.role_id("Admin").to_string();
    (config["actions"], config["mapping"]["actions"]) = (actions(&receiver.url(), &admin), offers());
    let file = directory.0.join("ci.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let made = scene.tool(&["source", "add", "ci", "--config", file.to_str().unwrap()]).await;
    let after = |word: &str| made.lines().find_map(|line| line.strip_prefix(word)).unwrap().trim().to_owned();
    deploy(&after("Address:"), &after("Secret:")).await;
    scene.until("the card is there", || scene.seen("ops", "web 1.4.2") > 0).await;
    (scene, receiver)
}

async fn deploy(address: &str, secret: &str) {
    let data = json!({ "subject": "deploy/7", "title": "web 1.4.2", "state": "failed", "run": 7, "version": "1.4.1" });
    let body = json!({ "type": "deploy.changed", "data": data }).to_string();
    let at = chrono::Utc::now().timestamp();
    let signature = standardwebhooks::Webhook::new(secret).unwrap().sign("msg_1", at, body.as_bytes()).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(address).header("webhook-id", "msg_1").header("webhook-timestamp", at);
    let request = request.header("webhook-signature", signature).header("content-type", "application/json");
    assert_eq!(request.body(body).send().await.unwrap().status().as_u16(), 202);
}

/// Presses, again and again as a person does, until the card says that it was done.
async fn press_until_done(scene: &Scene) {
    let since = Instant::now();
    while scene.seen("ops", "confirmed by ci") == 0 {
        assert!(since.elapsed() < Duration::from_secs(90), "it is done: {:?}", scene.texts("ops"));
        press(scene).await;
        tokio::time::sleep(SOON).await;
    }
    scene.until_quiet().await;
}

async fn press(scene: &Scene) {
    let messages = scene.discord.messages(scene.discord.channel_id("ops"));
    let buttons = messages.iter().flat_map(|message| {
        let rows = message["components"].as_array().into_iter().flatten();
        rows.flat_map(|row| row["components"].as_array().into_iter().flatten()).map(move |button| (message, button))
    });
    let Some((message, button)) = buttons.into_iter().find(|(_, button)| button["label"] == "Roll back") else {
        return;
    };
    let what = json!({ "as": "approver", "do": "press", "message": message["id"], "custom_id": button["custom_id"] });
    let _ = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(what)).await;
}

async fn a_death_is_survived(point: &str) {
    let (scene, receiver) = start(&[("SIGNALBOX_CRASH_AT", point)]).await;
    press_until_done(&scene).await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(receiver.done().len(), 1);
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.id == requests[0].id), "one decision, one id");
    assert_eq!(scene.count("SELECT count(*) FROM audit WHERE action = 'decided'").await, 1);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_press_is_committed() {
    a_death_is_survived("press.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_a_press_and_its_post() {
    a_death_is_survived("press.after_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_post_was_answered() {
    a_death_is_survived("call.answered").await;
}

/// Two processes, and an answer that got lost: the same id, so it is done once. Without the same id it shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_same_id_it_is_done_twice() {
    for (lacks, times) in [("", 1), ("same-id", 2)] {
        let (scene, receiver) = start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        let _beside = scene.another(&[LEAVE, ("SIGNALBOX_MUTATE", lacks)]);
        receiver.set_for(Manner::EffectThenStatus(502), 1);
        press_until_done(&scene).await;
        assert_eq!(receiver.done().len(), times, "{lacks}");
        scene.finish().await;
    }
}
