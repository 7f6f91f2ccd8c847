//! The hosting panel tells, and every destination of a type and scope hears.

use serde_json::{Value, json};

use crate::support::api::{Answer, ask, key};
use crate::support::town::{Town, run};

/// A Discord webhook in a channel, known as a destination of this name, type and scope.
async fn destination(town: &Town, channel: &str, name: &str, kind: &str, scope: &str) -> u64 {
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id(channel), name).unwrap();
    town.route_to_webhook("nothing.at.all", id, &token).await;
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let typed = "UPDATE destination SET name = $1, webhook_type = $2, webhook_scope = $3 WHERE webhook_id = $4";
    let id_there = i64::try_from(id).unwrap();
    let query = sqlx::query(typed).bind(name).bind(kind).bind(scope).bind(id_there);
    query.execute(&mut connection).await.unwrap();
    id
}

fn crashed() -> Value {
    json!({ "event": "server.state", "data": { "server": "Rust Server 1", "state": "crashed", "node": "node-1" } })
}

async fn dispatch(town: &Town, key: &str, body: &Value) -> Answer {
    let answer = ask(town, key, "POST /dispatch").json(body).send().await;
    town.settle().await;
    answer
}

async fn results(town: &Town, key: &str, answer: &Answer) -> String {
    let id = answer.json["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text));
    ask(town, key, &format!("GET /dispatch/{id}")).send().await.read()
}

/// Of a webhook that has another id in each run.
fn failures(read: &str, webhook: u64) -> String {
    read.replace(&webhook.to_string(), "WEBHOOK")
}

#[tokio::test]
async fn a_crash_is_told_where_its_type_and_scope_are_heard() {
    run(async |town| {
        destination(town, "stream", "Ops", "GAME_SERVER", "ADMIN").await;
        destination(town, "party", "Players", "GAME_SERVER", "USER").await;
        destination(town, "audit", "Money", "BILLING", "ADMIN").await;
        let key = key(town, &["events:write", "events:read"]).await;
        let answer = dispatch(town, &key, &crashed()).await;
        insta::assert_snapshot!(answer.read(), @r#"
        202
        {
          "data": {
            "dispatched": 1,
            "task_ids": [
              "ID-1"
            ]
          },
          "duplicate": false,
          "id": "ID-1",
          "message": "Webhooks have been queued",
          "success": true
        }
        "#);
        insta::assert_snapshot!(town.see("stream"), @"
        [💥 Server Crashed]
        Rust Server 1 is now crashed
        Server: Rust Server 1
        Status: Crashed
        Node: node-1
        Timestamp: 2026-01-02T10:00:00.000Z
        -- NodeByte Hosting
        ");
        assert_eq!(town.see("ops"), "", "`default` is for what nothing else takes");
        insta::assert_snapshot!(results(town, &key, &answer).await, @r#"
        200
        {
          "errors": [],
          "failed": 0,
          "held": 0,
          "id": "ID-1",
          "pending": 0,
          "sent": 1,
          "success": true
        }
        "#);
        assert_eq!((town.messages("party").len(), town.messages("audit").len()), (0, 0));

        // CloudEvents, for two scopes; the same event again is the same event.
        let event = json!({ "specversion": "1.0", "id": "7", "source": "/panel", "type": "server.state",
            "webhookscopes": "ADMIN,USER", "data": { "server": "Rust Server 1", "state": "online", "node": "node-1" } });
        for duplicate in [false, true] {
            assert_eq!(dispatch(town, &key, &event).await.json["duplicate"], duplicate);
        }
        assert_eq!((town.messages("stream").len(), town.messages("party").len()), (2, 1));
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn one_broken_webhook_delays_no_other() {
    run(async |town| {
        destination(town, "stream", "Ops", "GAME_SERVER", "ADMIN").await;
        let gone = destination(town, "party", "Gone", "GAME_SERVER", "ADMIN").await;
        let key = key(town, &["events:write", "events:read"]).await;
        dispatch(town, &key, &crashed()).await;
        town.discord.delete_webhook(gone);
        let answer = dispatch(town, &key, &crashed()).await;
        insta::assert_snapshot!(failures(&results(town, &key, &answer).await, gone), @r#"
        200
        {
          "errors": [
            {
              "error": "webhook WEBHOOK was deleted",
              "webhook": "Gone"
            }
          ],
          "failed": 1,
          "held": 0,
          "id": "ID-1",
          "pending": 0,
          "sent": 1,
          "success": true
        }
        "#);
        assert_eq!(town.see("stream").matches("💥 Server Crashed").count(), 2, "{}", town.see("stream"));
        town.see("party");
        let admins = town.see("ops");
        assert!(admins.contains("was deleted"), "the admins are told: {admins}");
    })
    .await;
}

#[tokio::test]
async fn who_waits_is_told_what_became_of_it() {
    run(async |town| {
        let key = key(town, &["events:write"]).await;
        let settle = async {
            for _ in 0..50 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                town.settle().await;
            }
        };
        let asked = ask(town, &key, "POST /dispatch?wait=true").json(&crashed()).send();
        let (answer, ()) = tokio::join!(asked, settle);
        town.see("ops");
        insta::assert_snapshot!(answer.read(), @r#"
        200
        {
          "errors": [],
          "failed": 0,
          "held": 0,
          "id": "ID-1",
          "pending": 0,
          "sent": 1,
          "success": true
        }
        "#);
    })
    .await;
}

#[tokio::test]
async fn the_old_address_works_and_a_mistake_is_named() {
    run(async |town| {
        let key = key(town, &["events:write"]).await;
        let old = json!({ "event": "sync.completed", "data": { "type": "full", "duration": "45.23s" } });
        let answer = ask(town, &key, "POST /webhook/dispatch").header("x-api-key", &key).json(&old).send().await;
        assert_eq!((answer.status, answer.json["success"].as_bool()), (202, Some(true)), "{}", answer.text);
        town.settle().await;
        town.see("ops");
        let wrong = json!({ "event": "node.alert", "data": { "node": "vps-01", "resource": "gpu" } });
        insta::assert_snapshot!(dispatch(town, &key, &wrong).await.read(), @r#"
        400
        content-type: application/problem+json
        {
          "detail": "data of node.alert: unknown variant `gpu`, expected one of `cpu`, `memory`, `disk`, `network`",
          "instance": "/api/v1/dispatch",
          "status": 400,
          "title": "The request is not valid",
          "type": "urn:signalbox:problem:invalid"
        }
        "#);
    })
    .await;
}

#[tokio::test]
async fn a_secret_setting_is_nowhere_stored() {
    run(async |town| {
        destination(town, "stream", "Ops", "SYSTEM", "ADMIN").await;
        let key = key(town, &["events:write"]).await;
        let changes = json!({ "panel_api_key": { "old": "ptla_old", "new": "ptla_new" }, "sync_interval": { "old": 60, "new": 30 } });
        let body = json!({ "event": "settings.updated", "data": { "changes": changes, "updated_by": "ada@example.com" } });
        dispatch(town, &key, &body).await;
        town.see("ops");
        insta::assert_snapshot!(town.see("stream"), @"
        [⚙️ System Settings Updated]
        Settings have been modified

        • **Panel Api Key**
        `••••` → `••••`
        • **Sync Interval**
        `60` → `30`
        Changed Fields: Panel Api Key, Sync Interval
        Total Changes: 2
        Updated By: ada@example.com
        Timestamp: 2026-01-02T10:00:00.000Z
        -- NodeByte Hosting
        ");
        let stored = town.column("SELECT encode(body, 'escape') FROM event_raw UNION ALL SELECT data::text FROM event").await;
        assert!(!stored.is_empty() && !stored.concat().contains("ptla_"), "{stored:#?}");
    })
    .await;
}

/// As the panel itself tests a webhook.
#[tokio::test]
async fn a_webhook_of_the_panel_is_tested_as_the_panel_does() {
    run(async |town| {
        destination(town, "stream", "Ops", "SYSTEM", "ADMIN").await;
        town.command("admin", "destination test", json!({ "destination": "Ops" })).await;
        insta::assert_snapshot!(town.see("stream"), @"
        [Test Webhook]
        Testing SYSTEM webhook (Ops)
        Type: SYSTEM
        Status: ✅ Webhook is working
        -- Signalbox
        ");
        assert_eq!(town.messages("stream")[0]["embeds"][0]["color"], 5_814_783);
    })
    .await;
}

#[tokio::test]
async fn what_a_silence_holds_back_is_counted_as_that() {
    run(async |town| {
        destination(town, "stream", "Ops", "GAME_SERVER", "ADMIN").await;
        let silence = json!({ "type": "panel.*", "for": "2h", "reason": "the racks are moved" });
        let preview = town.command("admin", "silence add", silence).await;
        let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        town.press_id("admin", preview["message"]["id"].as_str().unwrap(), button).await;
        let key = key(town, &["events:write", "events:read"]).await;
        let answer = dispatch(town, &key, &crashed()).await;
        let read = results(town, &key, &answer).await;
        assert!(read.contains("\"held\": ") && read.contains("\"errors\": []"), "{read}");
        assert_eq!(town.lines("stream"), "");
        town.messages("ops");
    })
    .await;
}

/// Nobody can read whether it arrived.
#[tokio::test]
async fn a_doubt_is_named_in_the_results() {
    const VIEW_CHANNEL: u64 = 1 << 10;
    run(async |town| {
        destination(town, "stream", "Ops", "GAME_SERVER", "ADMIN").await;
        let key = key(town, &["events:write", "events:read"]).await;
        town.deny("stream", VIEW_CHANNEL);
        town.fault("execute_webhook", "drop", 1);
        let answer = dispatch(town, &key, &crashed()).await;
        town.advance(chrono::TimeDelta::seconds(20)).await;
        let read = results(town, &key, &answer).await;
        assert!(read.contains("in doubt: Missing Access") && read.contains("\"pending\": 1"), "{read}");
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn nobody_sees_it_twice_because_of_the_default_route() {
    run(async |town| {
        let key = key(town, &["events:write"]).await;
        dispatch(town, &key, &crashed()).await;
        assert_eq!(town.see("ops").matches("Server Crashed").count(), 1, "without a webhook of its type `default` has it");
        destination(town, "stream", "Ops", "GAME_SERVER", "ADMIN").await;
        dispatch(town, &key, &crashed()).await;
        assert_eq!(town.see("stream").matches("Server Crashed").count(), 1);
        assert_eq!(town.see("ops").matches("Server Crashed").count(), 1, "its webhook has it now");
        let id = town.column("SELECT id::text FROM event WHERE kind = 'panel.server.state' ORDER BY id DESC").await.remove(0);
        let why = town.command("admin", "why", json!({ "message": id })).await;
        let why = crate::support::town::show(&why["message"]);
        insta::assert_snapshot!(why.lines().filter(|line| line.contains("Routes") || line.contains("default")).collect::<Vec<_>>().join("\n"), @"
        🧭 Routes: it went to the webhooks of GAME_SERVER ADMIN.
        Nearest that did not: **default**, because default is for what nothing else takes: it went to the webhooks of GAME_SERVER ADMIN.
        ");

        // A route that names it is somebody's wish.
        town.route_to_channel("panel.*", town.discord.channel_id("party")).await;
        dispatch(town, &key, &crashed()).await;
        assert_eq!(town.see("party").matches("Server Crashed").count(), 1);
        assert_eq!(town.see("stream").matches("Server Crashed").count(), 2);
    })
    .await;
}
