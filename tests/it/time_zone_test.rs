//! The time zone of a server: by its clocks go quiet hours that name no place of their own.

use serde_json::{Value, json};

use crate::support::api::{any_key, ask};
use crate::support::delivery::minutes;
use crate::support::machines::{audit, heard};
use crate::support::town::{Town, run, told};

async fn clocks(town: &Town, who: &str, options: Value) -> String {
    let outcome = town.command(who, "time-zone", options).await;
    town.settle().await;
    told(&outcome)
}

async fn alert(town: &Town, words: &str) {
    let data = json!({ "alert_type": "disk", "severity": "high", "message": words, "source": "db-01" });
    town.send("alert.triggered", data).await;
}

/// A route of alerts to #party that is quiet in these hours.
async fn route(town: &Town, name: &str, hours: &str) {
    let wish = json!({ "name": name, "type": "alert.*", "to": "party", "quiet_hours": hours });
    let preview = town.command("admin", "route add", wish).await;
    let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
    let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    heard(town, &town.press_id("admin", message, button).await);
    town.messages("ops");
}

#[tokio::test]
async fn routes_without_a_place_go_by_the_clocks_of_the_server() {
    run(async |town| {
        // The town begins at ten in the morning by UTC, which is eleven in Berlin.
        route(town, "calm", "11:00-12:00").await;
        insta::assert_snapshot!(clocks(town, "admin", json!({})).await, @"🕗 This server has no time zone: quiet hours that name no place are in UTC, where it is 10:00. Quiet hours by it: **calm**.");
        alert(town, "by UTC it is ten").await;
        assert_eq!(town.lines("party"), "by UTC it is ten");
        insta::assert_snapshot!(clocks(town, "admin", json!({ "set": "europe/berlin" })).await, @"🕗 This server's time zone is **Europe/Berlin**: it is 11:00 there. Quiet hours by it: **calm**.");
        alert(town, "in Berlin it is eleven").await;
        assert_eq!(town.lines("party"), "by UTC it is ten");
        town.advance(minutes(61)).await;
        assert!(town.see("party").contains("During quiet hours: 1 event"));
        insta::assert_snapshot!(town.see("ops"), @r"
        [⚙️ Route calm was added]
        name: calm
        type: alert.\*
        to: <#1180000000000000107>
        position: 10
        quiet hours: 11:00-12:00
        By: <@1180000000000000011>
        -- Signalbox · signalbox.notice
        (Undo)

        [⚙️ The server's time zone was changed]
        UTC → Europe/Berlin: quiet hours that name no place go by it.
        -- Signalbox · signalbox.notice
        ");
        insta::assert_snapshot!(audit(town).await, @"
        route_changed by admin
        time_zone_changed by admin
        ");
        insta::assert_snapshot!(clocks(town, "admin", json!({ "set": "Europe/Berln" })).await, @"There is no time zone of this name (did you mean Europe/Berlin?). They are called Europe/Berlin, America/New_York, UTC.");
        assert!(clocks(town, "admin", json!({ "set": "none" })).await.contains("has no time zone"));
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn a_route_with_a_place_of_its_own_keeps_it() {
    run(async |town| {
        route(town, "calm", "10:00-11:00 UTC").await;
        clocks(town, "admin", json!({ "set": "Asia/Tokyo" })).await;
        alert(town, "it is ten by UTC").await;
        assert_eq!(town.lines("party"), "");
        town.advance(minutes(61)).await;
        assert!(town.see("party").contains("During quiet hours: 1 event"));
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn a_program_sets_it_too() {
    run(async |town| {
        let key = any_key(town).await;
        route(town, "calm", "11:00-12:00").await;
        let patch = async |body: Value| ask(town, &key, "PATCH /server").json(&body).send().await;
        insta::assert_snapshot!(patch(json!({ "time_zone": "Europe/Berlin" })).await.read(), @r#"
        200
        {
          "time_zone": "Europe/Berlin",
          "time_zone_routes": [
            "calm"
          ]
        }
        "#);
        let again = patch(json!({ "time_zone": "Europe/Berlin" })).await;
        assert_eq!(again.json, ask(town, &key, "GET /server").send().await.json);
        town.settle().await;
        assert_eq!(town.see("ops").matches("time zone was changed").count(), 1, "the same again changes nothing");
        let wrong = patch(json!({ "time_zone": "Mars" })).await;
        insta::assert_snapshot!(format!("{} {}", wrong.status, wrong.json["errors"]), @r#"400 [{"field":"time_zone","message":"There is no time zone of this name. They are called Europe/Berlin, America/New_York, UTC."}]"#);
        let routes = ask(town, &key, "GET /routes").send().await.json;
        let calm = routes["items"].as_array().unwrap().iter().find(|route| route["name"] == "calm").unwrap().clone();
        assert_eq!(calm["quiet_hours"], "11:00-12:00");
        assert_eq!(patch(json!({ "time_zone": null })).await.json["time_zone"], Value::Null);
        town.settle().await;
        town.messages("ops");
    })
    .await;
}
