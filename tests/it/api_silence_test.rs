//! Silences by REST: begun, read, extended by two at once, ended; and requests that are sent twice.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::api::{any_key, ask, key};
use crate::support::delivery::minutes;
use crate::support::town::{Town, run, show};

fn silence(town: &Town) -> Value {
    json!({ "type": "alert.*", "ends_at": town.clock.now() + TimeDelta::hours(2), "reason": "disks are moved" })
}

#[tokio::test]
async fn a_silence_is_begun_read_extended_and_ended() {
    run(async |town| {
        let key = any_key(town).await;
        let begun = ask(town, &key, "POST /silences").json(&silence(town)).send().await;
        insta::assert_snapshot!(begun.read(), @r#"
        201
        etag: "TAG"
        location: /api/v1/silences/ID-1
        {
          "ends_at": "2026-01-02T12:00:00Z",
          "filter": null,
          "id": "ID-1",
          "reason": "disks are moved",
          "severity": "debug",
          "source_id": null,
          "started_at": "2026-01-02T10:00:00Z",
          "state": "running",
          "subject": null,
          "type": "alert.*",
          "withheld": 0
        }
        "#);
        town.alert("withheld").await;
        let at = begun.headers["location"].replace("/api/v1", "");
        let shown = ask(town, &key, &format!("GET {at}")).send().await;
        assert_eq!((shown.status, &shown.json["withheld"], &shown.json["state"]), (200, &json!(1), &json!("running")));
        let later = json!({ "ends_at": town.clock.now() + TimeDelta::hours(3) });
        let tag = &shown.headers["etag"];
        let extend = || ask(town, &key, &format!("POST {at}/extend")).header("If-Match", tag).json(&later);
        assert_eq!(extend().send().await.json["ends_at"], later["ends_at"]);
        assert_eq!(extend().send().await.status, 412, "it is another version by now");
        assert_eq!(ask(town, &key, &format!("DELETE {at}")).send().await.status, 204);
        assert_eq!(ask(town, &key, &format!("DELETE {at}")).send().await.status, 204, "it stays over");
        town.advance(minutes(1)).await;
        assert!(show(&town.messages("alerts")[0]).contains("is over"));
        let list = ask(town, &key, "GET /silences?state=over&limit=1").send().await;
        assert_eq!((&list.json["items"][0]["state"], &list.json["next_cursor"]), (&json!("over"), &Value::Null));
        assert_eq!(ask(town, &key, "GET /silences?state=running").send().await.json["items"], json!([]));
        let log = town.column(
            "SELECT concat_ws(' ', action, detail->>'type') FROM audit WHERE action LIKE 'silence%' ORDER BY id",
        );
        assert_eq!(log.await, ["silence_started alert.*", "silence_extended alert.*", "silence_ended alert.*"]);
    })
    .await;
}

#[tokio::test]
async fn wrong_fields_are_named_and_nothing_begins() {
    run(async |town| {
        let all = any_key(town).await;
        for (change, field) in [
            (json!({ "type": "default" }), "type"),
            (json!({ "type": "a b" }), "type"),
            (json!({ "filter": "data.x ==" }), "filter"),
            (json!({ "ends_at": town.clock.now() }), "ends_at"),
            (json!({ "ends_at": town.clock.now() + TimeDelta::days(91) }), "ends_at"),
            (json!({ "source_id": town.clock.uuid() }), "source_id"),
            (json!({ "channel_id": "7" }), "channel_id"),
            (json!({ "colour": "red" }), "colour"),
        ] {
            let mut body = silence(town);
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let answer = ask(town, &all, "POST /silences").json(&body).send().await;
            assert_eq!((answer.status, &answer.json["errors"][0]["field"]), (400, &json!(field)), "{body}");
        }
        let reads = key(town, &["routes:read"]).await;
        assert_eq!(ask(town, &reads, "POST /silences").json(&silence(town)).send().await.status, 403);
        let nothing = format!("GET /silences/{}", town.clock.uuid());
        assert_eq!(ask(town, &reads, &nothing).send().await.status, 404);
        assert_eq!(town.count("SELECT count(*) FROM silence").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_begins_one_silence() {
    run(async |town| {
        let key = any_key(town).await;
        let body = silence(town);
        let send = || ask(town, &key, "POST /silences").header("Idempotency-Key", "disks").json(&body).send();
        let (first, second) = (send().await, send().await);
        assert_eq!((first.status, second.status), (201, 201));
        assert_eq!(first.json["id"], second.json["id"]);
        assert_eq!(town.count("SELECT count(*) FROM silence").await, 1);
        town.advance(TimeDelta::hours(2)).await;
        assert_eq!(town.count("SELECT count(*) FROM message").await, 0, "nothing was withheld, and nowhere is told so");
    })
    .await;
}
