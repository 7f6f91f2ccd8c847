//! What was sent while nobody could take it: fetched from XTSystems' list, once.

use crate::support::door::{alert, knock, notices};
use crate::support::servers;
use crate::support::town::{Setup, Town, run, run_with};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn disk(message: &str) -> Value {
    json!({ "alert_type": "disk", "severity": "high", "source": "db-1", "message": message })
}

fn shown(town: &Town) -> Vec<String> {
    notices(town, "alerts").iter().map(|embed| embed["description"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_stopped_database_is_503_and_what_was_missed_is_fetched() {
    let mut postgres = tokio::task::spawn_blocking(servers::private_postgres).await.unwrap();
    let setup = Setup { database_url: Some(postgres.url.clone()), ..Setup::default() };
    run_with(setup, async |town| {
        town.settle().await;
        postgres.stop();
        let answer = knock(town).body(alert("while away")).send().await;
        insta::assert_snapshot!(answer.line(), @"503 Temporarily unable to store, please retry");
        assert_eq!(answer.retry_after, Some(5));
        let ready = town.http.get(format!("http://{}/readyz", town.app.address)).send().await.unwrap();
        assert_eq!(ready.status().as_u16(), 503);
        assert_eq!(ready.text().await.unwrap(), r#"{"database":"down","discord":"up","status":"not ready"}"#);
        // XTSystems tried three times and gave up.
        town.xt.trigger_offline("alert.triggered", disk("while away")).await;
        postgres.start();
        town.settle().await;
        assert_eq!(shown(town), ["while away"], "at once, without waiting for the next round");
        town.advance(TimeDelta::minutes(20)).await;
        assert_eq!(shown(town).len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_while_the_bot_was_away_is_fetched_at_its_start() {
    let mut town = Town::start(Setup::default()).await;
    town.send("alert.triggered", disk("before")).await;
    town.xt.trigger_offline("alert.triggered", disk("one")).await;
    town.xt
        .trigger_offline(
            "machine.registered",
            json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": "10.0.0.7" }),
        )
        .await;
    town.restart().await;
    town.settle().await;
    assert_eq!(shown(&town), ["before", "one"]);
    assert!(town.button("machines", "Approve").is_some());
    assert_eq!(town.count("SELECT count(*) FROM event WHERE via = 'catch_up'").await, 2);
    town.finish().await;
}

#[tokio::test]
async fn every_ten_minutes_it_is_looked_for() {
    run(async |town| {
        town.settle().await;
        town.xt.trigger_offline("alert.triggered", disk("one")).await;
        town.advance(TimeDelta::minutes(9)).await;
        assert!(shown(town).is_empty());
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(shown(town), ["one"]);
    })
    .await;
}

#[tokio::test]
async fn the_door_and_the_list_meet() {
    run(async |town| {
        town.settle().await;
        town.send("alert.triggered", disk("by the door")).await;
        let lost = town.xt.trigger_offline("alert.triggered", disk("by the list")).await;
        town.advance(TimeDelta::minutes(10)).await;
        assert_eq!(shown(town), ["by the door", "by the list"]);
        let again = town.xt.resend(&lost[0].id).await.unwrap();
        assert_eq!(again.response_status, 200, "a duplicate is taken: {}", again.response_body);
        town.advance(TimeDelta::minutes(10)).await;
        assert_eq!(shown(town).len(), 2);
        assert_eq!(town.count("SELECT count(*) FROM event").await, 2);
    })
    .await;
}

#[tokio::test]
async fn refused_deliveries_are_fetched_when_the_secret_was_wrong() {
    let setup = Setup { env: vec![("WEBHOOK_SECRET", "not-the-one-of-xtsystems".into())], ..Setup::default() };
    run_with(setup, async |town| {
        town.settle().await;
        town.send("alert.triggered", disk("signed otherwise")).await;
        assert_eq!(town.xt.deliveries()[0].response_status, 0);
        town.advance(TimeDelta::minutes(10)).await;
        assert_eq!(shown(town), ["signed otherwise"], "the list is as good as the key");
    })
    .await;
}

#[tokio::test]
async fn a_gap_beyond_the_list_is_told_to_the_admins() {
    run(async |town| {
        town.settle().await;
        for n in 0..60 {
            town.xt.trigger_offline("alert.triggered", disk(&n.to_string())).await;
        }
        town.advance(TimeDelta::minutes(10)).await;
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(shown(town).len(), 50, "all that the list has");
        insta::assert_snapshot!(town.see("ops"), @r"
        [⚠️ Signalbox]
        XTSystems lists only the last 50 deliveries, and all of them were new to us: what was sent before <+0s> may be missing. Look at its delivery log.
        -- Signalbox · signalbox.notice
        ");
        town.advance(TimeDelta::minutes(30)).await;
        assert_eq!(town.messages("ops").len(), 1, "told once");
    })
    .await;
}

#[tokio::test]
async fn xtsystems_away_is_asked_again_later() {
    run(async |town| {
        town.settle().await;
        town.xt.trigger_offline("alert.triggered", disk("one")).await;
        town.xt.mode(standin::xtsystems::Mode::status(500));
        town.advance(TimeDelta::minutes(10)).await;
        assert!(shown(town).is_empty());
        town.xt.mode(standin::xtsystems::Mode::ok());
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(shown(town), ["one"]);
    })
    .await;
}
