//! The webhook's secret changes without a webhook being lost, whatever happens on the way.

use crate::support::door::{alert, knock, refusals};
use crate::support::machines::names;
use crate::support::scene::Scene;
use crate::support::town::{SECRET, Setup, Town, run, run_with, sign, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use standin::xtsystems::{Mode, Place};

async fn secret(town: &Town, verb: &str, options: Value) -> String {
    let outcome = town.command("admin", &format!("webhook-secret {verb}"), options).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    assert_eq!(outcome["ephemeral"], true);
    let words = names(town, &told(&outcome));
    for secret in town.xt.webhooks().iter().filter_map(|w| w.secret.clone()).chain([SECRET.to_owned()]) {
        assert!(!words.contains(&secret), "a secret is shown");
    }
    words
}

/// The secret under which XTSystems signs now.
fn upstream(town: &Town) -> String {
    town.xt.webhooks()[0].secret.clone().unwrap()
}

/// What the intake answers to an alert signed with this secret.
async fn answer(town: &Town, secret: &str, words: &str) -> String {
    knock(town).body(alert(words)).secret(secret).send().await.line()
}

/// A town without a secret in the environment, whose secret was made by `/register-webhook`.
async fn with_generated(test: impl AsyncFnOnce(&mut Town, String)) {
    let setup = Setup { registered: false, env: vec![("WEBHOOK_SECRET", String::new())], ..Setup::default() };
    run_with(setup, async |town| {
        town.command("admin", "register-webhook", json!({})).await;
        let first = upstream(town);
        // XTSystems sends its test in its own time.
        town.settle().await;
        test(town, first).await;
        town.settle().await;
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn both_are_live_for_a_day() {
    with_generated(async |town, old| {
        assert_eq!(answer(town, &old, "before").await, "202");
        insta::assert_snapshot!(secret(town, "status", json!({})).await, @"
        🔑 One secret is live:
        • made here <+0s>, last used <+0s>
        ");
        town.advance(TimeDelta::minutes(5)).await;
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"
        ✅ XTSystems signs with a new secret from now on.
        The old one is accepted until <+86700s> (<+86700s>), or until /webhook-secret end-old.
        Try it with /test-webhook.
        ");
        let new = upstream(town);
        assert!(new != old && new.len() == 64);
        assert_eq!(answer(town, &old, "signed before, sent late").await, "202");
        assert_eq!(answer(town, &new, "new").await, "202");
        insta::assert_snapshot!(secret(town, "status", json!({})).await, @"
        🔑 2 secrets are live:
        • made here <+300s>, last used <+300s>
        • made here <+0s>, last used <+300s>, ends <+86700s>
        ");
        town.advance(TimeDelta::hours(24)).await;
        assert_eq!(answer(town, &old, "too late").await, "401 Invalid signature");
        assert_eq!(answer(town, &new, "still").await, "202");
        insta::assert_snapshot!(refusals(town).await, @"The signature does not match the request under any live secret. ↳ It matches a retired secret: give the sender the current one, or keep both live until it has it.");
        insta::assert_snapshot!(secret(town, "status", json!({})).await, @"
        🔑 One secret is live:
        • made here <+300s>, last used <+86700s>
        ");
    })
    .await;
}

#[tokio::test]
async fn the_old_one_is_ended_by_hand() {
    with_generated(async |town, old| {
        secret(town, "rotate", json!({ "keep_hours": 48 })).await;
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"The last rotation is not over: the secret before is accepted until <+172800s> (<+172800s>). End it first with /webhook-secret end-old.");
        insta::assert_snapshot!(secret(town, "end-old", json!({})).await, @"✅ The old secret is refused from now on; by other processes of this bot within 30 s.");
        assert_eq!(answer(town, &old, "ended").await, "401 Invalid signature");
        assert_eq!(answer(town, &upstream(town), "new").await, "202");
        insta::assert_snapshot!(secret(town, "end-old", json!({})).await, @"There is no old secret made here that could be ended.");
        assert!(secret(town, "rotate", json!({})).await.starts_with("✅"), "the next rotation may begin");
    })
    .await;
}

#[tokio::test]
async fn other_processes_know_the_new_one_and_a_restart_keeps_it() {
    let setup = Setup { registered: false, env: vec![("WEBHOOK_SECRET", String::new())], ..Setup::default() };
    let mut town = Town::start(setup).await;
    town.command("admin", "register-webhook", json!({})).await;
    let (other, lifecycle) = town.another_bot().await;
    secret(&town, "rotate", json!({})).await;
    let new = upstream(&town);
    let body = alert("to the other one");
    let timestamp = town.clock.now().timestamp().to_string();
    let signature = sign(&new, &timestamp, body.as_bytes());
    let request = town.http.post(format!("http://{}/webhooks/xtsystems", other.address)).body(body);
    let request = request.header("x-xtsystems-timestamp", timestamp).header("x-xtsystems-signature", signature);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
    lifecycle.shutdown(std::time::Duration::from_secs(5)).await;
    other.ports.store.close().await;
    town.restart().await;
    assert_eq!(answer(&town, &new, "after a restart").await, "202");
    town.command("admin", "register-webhook", json!({})).await;
    assert_eq!(upstream(&town), new, "registering again keeps the new one");
    town.settle().await;
    town.see("alerts");
    town.finish().await;
}

#[tokio::test]
async fn the_environments_stays_live_and_the_operator_is_told() {
    run(async |town| {
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"
        ✅ XTSystems signs with a new secret from now on.
        ⚠️ WEBHOOK_SECRET is set in the environment and stays accepted for as long as it is. To end it, take WEBHOOK_SECRET and WEBHOOK_SECRET_PREVIOUS out of the environment and start Signalbox again.
        Try it with /test-webhook.
        ");
        let new = upstream(town);
        assert_ne!(new, SECRET);
        assert_eq!(answer(town, SECRET, "the environment's").await, "202");
        town.send("alert.triggered", json!({ "message": "signed with the new one" })).await;
        insta::assert_snapshot!(secret(town, "status", json!({})).await, @"
        🔑 2 secrets are live:
        • made here <+0s>, last used <+0s>
        • WEBHOOK_SECRET of the environment, last used <+0s>, for as long as it is set there
        ");
        insta::assert_snapshot!(secret(town, "end-old", json!({})).await, @"
        There is no old secret made here that could be ended.
        ⚠️ What is set in the environment stays accepted: take WEBHOOK_SECRET and WEBHOOK_SECRET_PREVIOUS out and start Signalbox again.
        ");
        assert!(town.see("alerts").contains("signed with the new one"));
        // The operator does as told.
        town.env.retain(|(name, _)| name != "WEBHOOK_SECRET");
        town.restart().await;
        assert_eq!(answer(town, SECRET, "taken out").await, "401 Invalid signature");
        assert_eq!(answer(town, &new, "the only one").await, "202");
        town.settle().await;
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn when_xtsystems_refuses_both_stay_and_the_next_try_goes_on() {
    with_generated(async |town, old| {
        town.xt.mode(Mode::status(500).at(Place::Registration));
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"
        XTSystems has a fault of its own (500: Internal Server Error). Try again later.
        Whether XTSystems has the new secret is not known, so the old and the new one are both accepted. Use /webhook-secret rotate again: it goes on with the same secret.
        ");
        assert_eq!(upstream(town), old);
        insta::assert_snapshot!(secret(town, "end-old", json!({})).await, @"XTSystems has not confirmed the new secret yet, so the old one is still needed. Use /webhook-secret rotate again: it goes on where it stopped.");
        insta::assert_snapshot!(secret(town, "status", json!({})).await, @"
        🔑 2 secrets are live:
        • made here <+0s>, not used yet
          ⚠️ XTSystems has not confirmed it: use /webhook-secret rotate again, which goes on with it
        • made here <+0s>, last used <+0s>
        ");
        town.xt.mode(Mode::effect_then_500().at(Place::Registration));
        secret(town, "rotate", json!({})).await;
        let new = upstream(town);
        assert_ne!(new, old, "it did it, and nobody knows");
        assert_eq!(answer(town, &old, "old").await, "202");
        assert_eq!(answer(town, &new, "new").await, "202");
        town.xt.mode(Mode::ok());
        let done = secret(town, "rotate", json!({})).await;
        assert!(done.contains("An earlier rotation had stopped half-way; it is finished now."), "{done}");
        assert_eq!(upstream(town), new, "the same one");
        assert_eq!(answer(town, &old, "old again").await, "202");
        assert_eq!(town.count("SELECT count(*) FROM webhook_secret").await, 2);
    })
    .await;
}

/// Killed after the new secret was stored, or after XTSystems has it: nothing is refused, and the next try goes on.
async fn killed_at(point: &str) {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", point)]).await;
    scene.until("its commands are there", || !scene.discord.state()["commands"].as_array().unwrap().is_empty()).await;
    let rotate = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "webhook-secret rotate" });
    let _ = tokio::time::timeout(std::time::Duration::from_secs(8), scene.discord.act(rotate.clone())).await;
    scene.until("it died", || scene.deaths() > 0).await;
    scene.until("the next one is there", || scene.discord.connected_sessions() > 0).await;
    let before = scene.xt.webhooks()[0].secret.clone();
    scene.xt.send("alert.triggered", json!({ "message": "between", "severity": "high" })).await;
    scene.until("what was sent in between is shown", || scene.seen("alerts", "between") == 1).await;
    let outcome = scene.discord.act(rotate).await;
    assert!(told(&outcome).contains("An earlier rotation had stopped half-way"), "{outcome:#}");
    let after = scene.xt.webhooks()[0].secret.clone();
    assert_eq!(before == after, point == "rotate.updated", "it goes on with the same secret");
    scene.xt.send("alert.triggered", json!({ "message": "afterwards", "severity": "high" })).await;
    scene.until("what was sent afterwards is shown", || scene.seen("alerts", "afterwards") == 1).await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_when_the_new_one_is_stored() {
    killed_at("rotate.stored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_when_xtsystems_has_the_new_one() {
    killed_at("rotate.updated").await;
}

#[tokio::test]
async fn without_a_registration_there_is_nothing_to_rotate() {
    run_with(Setup { registered: false, ..Setup::default() }, async |town| {
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"Our webhook is not registered at XTSystems, so there is nothing to give a new secret to. Use /register-webhook first.");
        assert_eq!(town.count("SELECT count(*) FROM webhook_secret").await, 0);
    })
    .await;
}

#[tokio::test]
async fn it_is_for_administrators_alone() {
    run(async |town| {
        let state = town.discord.state();
        let commands = state["commands"].as_array().unwrap();
        let ours = commands.iter().find(|c| c["name"] == "webhook-secret").unwrap();
        assert_eq!(ours["default_member_permissions"], "0");
        let outcome = town.command("approver", "webhook-secret status", json!({})).await;
        assert!(outcome["error"].as_str().is_some_and(|e| e.contains("does not see")), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_to_encrypt_it_with_no_rotation_is_begun() {
    // No directory can be made there.
    let env = vec![
        ("ENCRYPTION_KEY", String::new()),
        ("SIGNALBOX_DATA_DIR", "/dev/null/data".to_owned()),
        // A database that is not its own; the town says which.
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing".to_owned()),
    ];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        insta::assert_snapshot!(secret(town, "rotate", json!({})).await, @"Signalbox has no key to encrypt a new secret with, so it makes none. Its operator has to set ENCRYPTION_KEY.");
        assert_eq!(town.count("SELECT count(*) FROM webhook_secret WHERE slot LIKE 'xtsystems.secret%'").await, 0);
        let doctor = crate::support::town::show(&town.command("admin", "doctor", json!({})).await["message"]);
        let line = doctor.lines().find(|line| line.contains("Encryption")).unwrap_or_default();
        insta::assert_snapshot!(line, @"❌ Database · Encryption: there is no key: no secret can be stored. Fix: set ENCRYPTION_KEY (openssl rand -base64 32), the same for every process");
    })
    .await;
}
