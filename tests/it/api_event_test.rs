//! Events and deliveries by REST: what came in, what became of it, and sending again what was refused.

use serde_json::{Value, json};
use signalbox::id::GuildId;

use crate::support::api::{any_key, ask, key, key_of};
use crate::support::delivery::ticket;
use crate::support::town::{Town, run};

/// The names of the items of a page, and its cursor.
fn names(page: &Value, field: &str) -> (Vec<String>, Option<String>) {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("no page: {page}"));
    let names = items.iter().map(|item| item[field].to_string().trim_matches('"').to_owned()).collect();
    (names, page["next_cursor"].as_str().map(str::to_owned))
}

async fn alerts(town: &Town, words: &[&str]) {
    for word in words {
        town.alert(word).await;
    }
    town.messages("alerts");
}

#[tokio::test]
async fn an_event_is_shown_with_what_became_of_it() {
    run(async |town| {
        let key = key(town, &["events:read"]).await;
        alerts(town, &["disk full"]).await;
        let page = ask(town, &key, "GET /events?kind=alert.triggered").send().await;
        let id = page.json["items"][0]["id"].as_str().unwrap().to_owned();
        let answer = ask(town, &key, &format!("GET /events/{id}")).send().await;
        let message = town.messages("alerts")[0]["id"].as_str().unwrap().to_owned();
        let said = answer
            .read()
            .replace(&message, "MESSAGE")
            .replace(&town.discord.channel_id("alerts").to_string(), "CHANNEL");
        insta::assert_snapshot!(said, @r#"
        200
        {
          "cards": [],
          "data": {
            "alert_type": "disk",
            "company_id": "ID-1",
            "message": "disk full",
            "severity": "critical",
            "source": "web-07"
          },
          "deliveries": [
            {
              "attempts": 1,
              "created_at": "2026-01-02T10:00:00Z",
              "destination_id": "ID-2",
              "destination_name": null,
              "error": null,
              "event_id": "ID-3",
              "finished_at": "2026-01-02T10:00:00Z",
              "id": 1,
              "kind": "alert.triggered",
              "message_link": "https://discord.com/channels/GUILD/CHANNEL/MESSAGE",
              "route_id": "ID-4",
              "state": "delivered"
            }
          ],
          "id": "ID-3",
          "kind": "alert.triggered",
          "occurred_at": "2026-01-02T10:00:00Z",
          "plan_note": "routed by alert.triggered",
          "planned_at": "2026-01-02T10:00:00Z",
          "received_at": "2026-01-02T10:00:00Z",
          "severity": "critical",
          "source_id": "ID-5",
          "subject": null,
          "via": "http"
        }
        "#);
    })
    .await;
}

#[tokio::test]
async fn a_card_is_named_with_the_events_that_changed_it() {
    run(async |town| {
        let key = key(town, &["events:read"]).await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.updated", ticket("1", "in_progress")).await;
        town.messages("tickets");
        let updated = ask(town, &key, "GET /events?kind=ticket.updated").send().await.json;
        let id = updated["items"][0]["id"].as_str().unwrap().to_owned();
        let event = ask(town, &key, &format!("GET /events/{id}")).send().await.json;
        assert_eq!(event["deliveries"], json!([]), "an edit is no message of its own");
        assert_eq!(
            (event["cards"][0]["up_to_date"].clone(), event["cards"].as_array().unwrap().len()),
            (json!(true), 1)
        );
        let message = town.messages("tickets")[0]["id"].as_str().unwrap().to_owned();
        assert!(event["cards"][0]["message_link"].as_str().unwrap().ends_with(&message), "{event}");
    })
    .await;
}

#[tokio::test]
async fn pages_neither_shift_nor_repeat_while_events_come_in() {
    run(async |town| {
        let key = key(town, &["events:read"]).await;
        alerts(town, &["1", "2", "3", "4", "5"]).await;
        let all = ask(town, &key, "GET /events?kind=alert.triggered").send().await.json;
        let (all, none) = names(&all, "id");
        assert_eq!((all.len(), none), (5, None));
        let (first, cursor) =
            names(&ask(town, &key, "GET /events?kind=alert.triggered&limit=2").send().await.json, "id");
        alerts(town, &["6"]).await;
        let next = format!("GET /events?kind=alert.triggered&limit=2&cursor={}", cursor.unwrap());
        let (second, cursor) = names(&ask(town, &key, &next).send().await.json, "id");
        let last = format!("GET /events?kind=alert.triggered&limit=2&cursor={}", cursor.unwrap());
        let (third, end) = names(&ask(town, &key, &last).send().await.json, "id");
        assert_eq!(([first, second, third].concat(), end), (all, None));
        let newest = ask(town, &key, "GET /events?limit=1").send().await.json;
        let foreign = newest["next_cursor"].as_str().unwrap();
        let refused = ask(town, &any_key(town).await, &format!("GET /deliveries?cursor={foreign}")).send().await;
        assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (400, &json!("cursor")));
    })
    .await;
}

#[tokio::test]
async fn deliveries_are_found_by_state_destination_kind_and_time() {
    run(async |town| {
        let key = any_key(town).await;
        town.fault("create_message", "status:400", 1);
        alerts(town, &["refused", "sent"]).await;
        let all = ask(town, &key, "GET /deliveries").send().await.json;
        assert_eq!(names(&all, "state").0, ["delivered", "dead"]);
        let destination = all["items"][0]["destination_id"].as_str().unwrap();
        let since = town.clock.now().format("%FT%TZ").to_string();
        for (filter, states) in [
            ("state=dead".to_owned(), vec!["dead"]),
            ("state=queued".to_owned(), vec![]),
            (format!("destination_id={destination}&kind=alert.triggered&state=delivered"), vec!["delivered"]),
            ("kind=ticket.created".to_owned(), vec![]),
            (format!("since={since}"), vec!["delivered", "dead"]),
            ("since=2999-01-01T00:00:00Z".to_owned(), vec![]),
        ] {
            let page = ask(town, &key, &format!("GET /deliveries?{filter}")).send().await;
            assert_eq!(names(&page.json, "state").0, states, "{filter}");
        }
        let wrong = ask(town, &key, "GET /deliveries?state=lost").send().await;
        insta::assert_snapshot!(wrong.json["errors"], @r#"[{"field":"state","hint":"There are: queued, sending, in_doubt, unresolved, delivered, dead","message":"lost is not known here"}]"#);
    })
    .await;
}

#[tokio::test]
async fn what_was_refused_is_sent_again_once() {
    run(async |town| {
        let key = any_key(town).await;
        town.fault("create_message", "status:400", 1);
        alerts(town, &["refused"]).await;
        let dead = ask(town, &key, "GET /deliveries?state=dead").send().await.json["items"][0]["id"].clone();
        let shown = ask(town, &key, &format!("GET /deliveries/{dead}")).send().await;
        insta::assert_snapshot!(shown.read().replace(&format!("\"id\": {dead}"), "\"id\": N"), @r#"
        200
        {
          "attempts": 1,
          "created_at": "2026-01-02T10:00:00Z",
          "destination_id": "ID-1",
          "destination_name": null,
          "error": "HTTP 400: 400: Bad Request",
          "event_id": "ID-2",
          "finished_at": "2026-01-02T10:00:00Z",
          "id": N,
          "kind": "alert.triggered",
          "message_link": null,
          "route_id": "ID-3",
          "state": "dead",
          "tries": [
            {
              "action": "create",
              "code": 0,
              "duration_ms": "MEASURED",
              "note": "HTTP 400: 400: Bad Request",
              "outcome": "dead",
              "started_at": "2026-01-02T10:00:00Z",
              "status": 400
            }
          ]
        }
        "#);
        let replay = format!("POST /deliveries/{dead}/replay");
        let queued = ask(town, &key, &replay).send().await;
        assert_eq!((queued.status, &queued.json["state"]), (202, &json!("queued")), "{}", queued.text);
        let twice = ask(town, &key, &replay).send().await;
        insta::assert_snapshot!(twice.read().replace(&format!("/{dead}/"), "/N/"), @r#"
        409
        content-type: application/problem+json
        {
          "detail": "It was not given up: it is queued.",
          "instance": "/api/v1/deliveries/N/replay",
          "status": 409,
          "title": "The present state does not allow that",
          "type": "urn:signalbox:problem:conflict"
        }
        "#);
        town.settle().await;
        assert_eq!(town.lines("alerts"), "refused");
        let now = ask(town, &key, &format!("GET /deliveries/{dead}")).send().await.json;
        assert_eq!((&now["state"], now["tries"].as_array().unwrap().len()), (&json!("delivered"), 1));
        let theirs = key_of(town, GuildId(7), &["deliveries:read", "deliveries:write"]).await;
        assert_eq!(ask(town, &theirs, &format!("GET /deliveries/{dead}")).send().await.status, 404);
        assert_eq!(ask(town, &theirs, &replay).send().await.status, 404);
        let log = ask(town, &key, "GET /audit?action=replayed").send().await.json;
        assert_eq!(log["items"][0]["detail"]["delivery"], dead, "{log}");
        assert!(log["items"][0]["detail"]["api_key"].as_str().unwrap().starts_with("test "), "{log}");
    })
    .await;
}
