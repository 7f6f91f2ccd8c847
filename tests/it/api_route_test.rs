//! Routes by REST: added, changed, ordered and tried by a program; the people in the admins' channel see each change
//! and can undo it, and what the environment says stays as it is.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::api::{Answer, any_key, ask};
use crate::support::machines::names;
use crate::support::town::{Town, run, told};

async fn destination(town: &Town, key: &str, channel: &str) -> Value {
    let body = json!({ "name": channel, "channel_id": town.discord.channel_id(channel).to_string() });
    ask(town, key, "POST /destinations").json(&body).send().await.json["id"].clone()
}

async fn add(town: &Town, key: &str, body: &Value) -> Answer {
    let answer = ask(town, key, "POST /routes").json(body).send().await;
    town.settle().await;
    answer
}

async fn put(town: &Town, key: &str, what: &str, body: &Value) -> Answer {
    let answer = ask(town, key, what).json(body).send().await;
    town.settle().await;
    answer
}

fn id(answer: &Answer) -> String {
    answer.json["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

/// What the admins read; the key has a name of its own in each run.
fn seen(town: &Town) -> String {
    let ops = names(town, &town.see("ops")).replace(&format!("<#{}>", town.discord.channel_id("party")), "#party");
    let lines = ops.lines().map(|line| if line.starts_with("By: the API key") { "By: the API key KEY" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

async fn names_in_order(town: &Town, key: &str) -> String {
    let list = ask(town, key, "GET /routes").send().await.json;
    let line = |route: &Value| format!("{} {}", route["position"], route["name"].as_str().unwrap());
    list["items"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_program_adds_a_route_and_a_person_undoes_it() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        let body = json!({ "name": "urgent", "pattern": "alert.*", "destination_ids": [party],
            "filter": "data.source == 'db-01'", "min_severity": "warning" });
        let added = add(town, &key, &body).await;
        insta::assert_snapshot!(added.read(), @r#"
        201
        etag: "TAG"
        location: /api/v1/routes/ID-1
        {
          "changeable": true,
          "continues": false,
          "destination_ids": [
            "ID-1"
          ],
          "digest": null,
          "filter": "data.source == 'db-01'",
          "group_by": null,
          "id": "ID-2",
          "mentions": [],
          "min_severity": "warning",
          "mode": null,
          "name": "urgent",
          "pattern": "alert.*",
          "paused": false,
          "position": 10,
          "quiet_hours": null,
          "repeat": null,
          "scope": null,
          "source_id": null,
          "template_id": null,
          "throttle": null,
          "type": null,
          "when_late": null
        }
        "#);
        let shown = ask(town, &key, &format!("GET /routes/{}", id(&added))).send().await;
        assert_eq!((&shown.json, &shown.headers["etag"]), (&added.json, &added.headers["etag"]));
        town.alert("of another machine").await;
        assert_eq!(town.lines("alerts"), "of another machine");
        insta::assert_snapshot!(seen(town), @r"
        [⚙️ Route urgent was added]
        name: urgent
        type: alert.\*
        severity: warning and above
        filter: data.source == 'db-01'
        to: #party
        position: 10
        By: the API key KEY
        -- Signalbox · signalbox.notice
        (Undo)
        ");
        let log = ask(town, &key, "GET /audit").send().await.json;
        let line = &log["items"][0];
        assert_eq!((&line["action"], &line["detail"]["how"]), (&json!("route_changed"), &json!("added")), "{log:#}");
        assert!(line["detail"]["api_key"].as_str().unwrap().starts_with("test "));

        let undone = town.press("admin", "ops", "Undo").await;
        assert!(told(&undone).contains("Undone by"), "{undone:#}");
        assert_eq!(ask(town, &key, &format!("GET /routes/{}", id(&added))).send().await.status, 404);
        assert!(seen(town).contains("[⚙️ Route urgent was removed]"));
    })
    .await;
}

#[tokio::test]
async fn what_a_route_cannot_be_is_told_by_its_field() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        let good = json!({ "name": "urgent", "pattern": "alert.*", "destination_ids": [party] });
        assert_eq!(add(town, &key, &good).await.status, 201);
        let mut told = String::new();
        for (field, value) in [
            ("name", json!("a/b")),
            ("name", json!("URGENT")),
            ("pattern", json!("alert created")),
            ("filter", json!("data.x ==")),
            ("destination_ids", json!([])),
            ("destination_ids", json!(["018f0000-0000-7000-8000-000000000000"])),
            ("source_id", json!("018f0000-0000-7000-8000-000000000000")),
            ("template_id", json!("018f0000-0000-7000-8000-000000000000")),
            ("position", json!(0)),
            ("mentions", json!(["@everyone"])),
            ("min_severity", json!("loud")),
            ("type", json!("GAMES")),
            ("colour", json!("red")),
        ] {
            let mut body = json!({ "name": "other", "pattern": "*", "destination_ids": [party] });
            body[field] = value;
            let answer = add(town, &key, &body).await;
            let error = &answer.json["errors"][0];
            told += &format!("{} {}: {}\n", answer.status, error["field"], error["message"]);
        }
        insta::assert_snapshot!(told, @r#"
        400 "name": "A route is called with letters, digits, spaces, - _ and ., up to 40 of them."
        400 "name": "There is a route called urgent already."
        400 "pattern": "A type is written as ticket.created, ticket.*, *.created, * or default."
        400 "filter": "The filter cannot be used: it cannot be read: unexpected end of input, expected expression."
        400 "destination_ids": "Say where it goes: give a channel, or the type and scope of webhooks."
        400 "destination_ids": "There is no destination of this id."
        400 "source_id": "There is no source of this id."
        400 "template_id": "There is no template of this id."
        400 "position": "A position is a number from 1 to 999999."
        400 "mentions": "A mention is written as <@&role id> or <@member id>."
        400 "min_severity": "loud is not known here"
        400 "type": "GAMES is not known here"
        400 "colour": "colour is not known here"
        "#);
        assert_eq!(names_in_order(town, &key).await.matches("other").count(), 0);
        assert_eq!(town.see("ops").matches("was added").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn of_the_environment_routes_are_read_and_never_written() {
    run(async |town| {
        let key = any_key(town).await;
        let list = ask(town, &key, "GET /routes").send().await.json;
        let env = &list["items"][0];
        assert_eq!(env["changeable"], false);
        let address = format!("/routes/{}", env["id"].as_str().unwrap());
        let patched = put(town, &key, &format!("PATCH {address}"), &json!({ "paused": true })).await;
        insta::assert_snapshot!(patched.json["detail"], @r#""The route alert.triggered comes from the environment (DISCORD_WEBHOOK_CHANNELS, MONITOR_CHANNELS) and is written anew at each start: the operator changes it there. A route that you add here is tried before it.""#);
        for what in [format!("POST {address}/pause"), format!("DELETE {address}")] {
            assert_eq!(ask(town, &key, &what).send().await.status, 409, "{what}");
        }
        assert_eq!(ask(town, &key, "GET /routes").send().await.json, list);
    })
    .await;
}

#[tokio::test]
async fn a_route_is_paused_resumed_changed_and_removed_once_each() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        let body = json!({ "name": "all alerts", "pattern": "alert.*", "destination_ids": [party] });
        let added = add(town, &key, &body).await;
        let address = format!("/routes/{}", id(&added));
        for _ in 0..2 {
            let paused = put(town, &key, &format!("POST {address}/pause"), &json!({})).await;
            assert_eq!((paused.status, &paused.json["paused"]), (200, &json!(true)));
        }
        town.alert("while it is paused").await;
        assert_eq!(put(town, &key, &format!("POST {address}/resume"), &json!({})).await.json["paused"], false);
        town.alert("when it goes on").await;
        assert_eq!(
            (town.lines("alerts").as_str(), town.lines("party").as_str()),
            ("while it is paused", "when it goes on")
        );

        let stale =
            ask(town, &key, &format!("PATCH {address}")).header("If-Match", "\"old\"").json(&json!({ "name": "x" }));
        assert_eq!(stale.send().await.status, 412);
        let patch = json!({ "mentions": ["<@&118000000000000777>"], "filter": "data.source == 'db-01'" });
        assert_eq!(put(town, &key, &format!("PATCH {address}"), &patch).await.json["name"], "all alerts");
        let replaced = put(town, &key, &format!("PUT {address}"), &body).await;
        let left = (&replaced.json["mentions"], &replaced.json["filter"], &replaced.json["position"]);
        assert_eq!(left, (&json!([]), &json!(null), &added.json["position"]));
        assert_eq!(ask(town, &key, &format!("DELETE {address}")).send().await.status, 204);
        town.settle().await;
        assert_eq!(ask(town, &key, &format!("DELETE {address}")).send().await.status, 404);
        let told: Vec<String> = seen(town).lines().filter(|line| line.contains("⚙️")).map(str::to_owned).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        [⚙️ Route all alerts was added]
        [⚙️ Route all alerts was paused]
        [⚙️ Route all alerts was resumed]
        [⚙️ Route all alerts was changed]
        [⚙️ Route all alerts was changed]
        ");
    })
    .await;
}

#[tokio::test]
async fn two_writers_of_one_version_and_one_write_sent_twice() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        let body = json!({ "name": "mine", "pattern": "alert.*", "destination_ids": [party] });
        let send = || ask(town, &key, "POST /routes").header("Idempotency-Key", "once").json(&body).send();
        let (first, again) = (send().await, send().await);
        assert_eq!((first.status, &first.text), (201, &again.text));
        assert_eq!(again.headers["idempotency-replayed"], "true");
        // The answer was lost, and the claim has lapsed.
        town.execute("UPDATE idempotency SET answer = NULL").await;
        town.advance(TimeDelta::minutes(2)).await;
        let found = send().await;
        assert_eq!((found.status, &found.json["id"]), (201, &first.json["id"]), "{}", found.text);
        assert_eq!(town.see("ops").matches("Route mine was added").count(), 1);

        let (what, tag) = (format!("PATCH /routes/{}", id(&first)), &first.headers["etag"]);
        let change = |name: &str| ask(town, &key, &what).header("If-Match", tag).json(&json!({ "name": name }));
        let (one, other) = tokio::join!(change("one").send(), change("other").send());
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    })
    .await;
}

#[tokio::test]
async fn the_order_is_given_anew_and_only_what_moves_is_told() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        let mut ids = Vec::new();
        for name in ["one", "two", "three"] {
            let body = json!({ "name": name, "pattern": "alert.*", "destination_ids": [party] });
            ids.push(id(&add(town, &key, &body).await));
        }
        let order = json!({ "ids": [ids[2], ids[0], ids[1]] });
        let ordered = put(town, &key, "PUT /routes/order", &order).await;
        assert_eq!(ordered.json["items"][0]["name"], "three", "{}", ordered.text);
        let told: Vec<String> =
            seen(town).lines().filter(|line| line.contains("was changed")).map(str::to_owned).collect();
        assert_eq!(told, ["[⚙️ Route three was changed]"]);
        let page = ask(town, &key, "GET /routes?limit=2").send().await.json;
        let rest = format!("GET /routes?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
        assert_eq!(ask(town, &key, &rest).send().await.json["items"][0]["name"], "two");
        for ids in
            [json!([ids[0]]), json!([ids[0], ids[0], ids[1], ids[2]]), json!(["018f0000-0000-7000-8000-000000000000"])]
        {
            let refused = put(town, &key, "PUT /routes/order", &json!({ "ids": ids })).await;
            assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (400, &json!("ids")));
        }
    })
    .await;
}

#[tokio::test]
async fn a_proposed_route_is_tried_on_what_came() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        town.alert("disk full").await;
        town.advance(TimeDelta::hours(25)).await;
        town.alert("slow").await;
        let route =
            json!({ "name": "mine", "pattern": "alert.*", "destination_ids": [party], "filter": "data.mesage == 'x'" });
        let tried = ask(town, &key, "POST /routes/backtest").json(&json!({ "route": route })).send().await;
        insta::assert_snapshot!(tried.read(), @r#"
        200
        {
          "at_once": 0,
          "complete": true,
          "digests": 0,
          "dropped": 0,
          "edits": 0,
          "errors": {},
          "examples": [],
          "held": {
            "digest": 0,
            "late": 0,
            "quiet_hours": 0,
            "repeat": 0,
            "throttle": 0
          },
          "instead": {},
          "looked_at": 1,
          "matched": 0,
          "messages": {},
          "misses": [
            {
              "at": "2026-01-03T11:00:00Z",
              "because": "filter `data.mesage == 'x'` is false: data.mesage is not there",
              "headline": "slow",
              "kind": "alert.triggered"
            }
          ],
          "taken": {},
          "warnings": [
            "none of the recent events has `data.mesage` (did you mean data.message?)"
          ]
        }
        "#);
        let wide = json!({ "name": "mine", "pattern": "alert.*", "destination_ids": [party] });
        let week =
            ask(town, &key, "POST /routes/backtest").json(&json!({ "route": wide, "hours": 168 })).send().await.json;
        assert_eq!((&week["matched"], &week["messages"][party.as_str().unwrap()]), (&json!(2), &json!(2)), "{week:#}");
        assert_eq!(week["taken"], json!({ "alert.triggered": 2 }));
        let list = ask(town, &key, "GET /routes").send().await.json;
        let known =
            list["items"].as_array().unwrap().iter().find(|route| route["pattern"] == "alert.triggered").unwrap();
        let known =
            ask(town, &key, "POST /routes/backtest").json(&json!({ "route_id": known["id"] })).send().await.json;
        assert_eq!(known["matched"], 1);
        for (body, field) in [
            (json!({}), "route"),
            (json!({ "route_id": party }), "route_id"),
            (json!({ "route": wide, "hours": 169 }), "hours"),
            (json!({ "route": { "name": "x", "pattern": "a b", "destination_ids": [party] } }), "route.pattern"),
        ] {
            let refused = ask(town, &key, "POST /routes/backtest").json(&body).send().await;
            assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (400, &json!(field)), "{}", refused.text);
        }
        assert_eq!(town.count("SELECT count(*) FROM route WHERE origin = 'db'").await, 0);
        assert_eq!((town.lines("alerts"), town.lines("party")), ("disk full\nslow".into(), String::new()));
    })
    .await;
}

#[tokio::test]
async fn what_a_route_holds_back_is_set_and_tried() {
    run(async |town| {
        let key = any_key(town).await;
        let party = destination(town, &key, "party").await;
        for (n, words) in ["at noon", "again", "still", "and on"].into_iter().enumerate() {
            let alert = json!({ "alert_type": "disk", "severity": "high", "message": words, "source": "db-01" });
            town.send("alert.triggered", alert).await;
            town.advance(TimeDelta::minutes(if n == 2 { 40 } else { 5 })).await;
        }
        let mut route = json!({ "name": "calm", "pattern": "alert.*", "destination_ids": [party],
            "throttle": "1 per 30m", "when_late": "drop after 1h" });
        let tried = ask(town, &key, "POST /routes/backtest").json(&json!({ "route": route })).send().await.json;
        let part = |name: &str| tried[name].to_string();
        insta::assert_snapshot!(
            ["matched", "at_once", "held", "digests", "dropped"].map(|name| format!("{name} {}", part(name))).join("\n"),
            @r#"
        matched 4
        at_once 2
        held {"digest":0,"late":0,"quiet_hours":0,"repeat":0,"throttle":2}
        digests 1
        dropped 0
        "#
        );
        route["quiet_hours"] = json!("22:00-07:00 Europe/Berlin");
        let added = add(town, &key, &route).await;
        let noise = |answer: &Answer| {
            let all = ["quiet_hours", "digest", "throttle", "group_by", "repeat", "when_late"];
            all.map(|name| format!("{name} {}", answer.json[name])).join("\n")
        };
        insta::assert_snapshot!(noise(&added), @r#"
        quiet_hours "22:00-07:00 Europe/Berlin"
        digest null
        throttle "1 per 30 min"
        group_by null
        repeat null
        when_late "drop after 1 h"
        "#);
        let at = format!("PATCH /routes/{}", id(&added));
        let change = json!({ "throttle": null, "when_late": null, "group_by": "type, data.source", "repeat": "90m" });
        insta::assert_snapshot!(noise(&put(town, &key, &at, &change).await), @r#"
        quiet_hours "22:00-07:00 Europe/Berlin"
        digest null
        throttle null
        group_by "type, data.source"
        repeat "1 h 30 min"
        when_late null
        "#);
        let mut told = String::new();
        for (field, value) in [
            ("quiet_hours", json!("at night")),
            ("digest", json!("1y")),
            ("throttle", json!("many")),
            ("group_by", json!("x == 1")),
            ("repeat", json!(null)),
            ("when_late", json!(7)),
        ] {
            let refused = put(town, &key, &at, &json!({ field: value })).await;
            let error = &refused.json["errors"][0];
            told += &format!("{} {}: {}\n", refused.status, error["field"], error["message"]);
        }
        insta::assert_snapshot!(told, @r#"
        400 "quiet_hours": "Quiet hours are written as 22:00-07:00 Europe/Berlin; without a place they are by the clocks of the server."
        400 "digest": "How often a digest comes is written as 30m, 1h or 1d: from a minute to a week."
        400 "throttle": "A throttle is written as 10 per 5m: so many messages in so much time."
        400 "group_by": "A group is named by up to 5 paths, such as data.source or type, data.host."
        400 "repeat": "Say for how long a group is quiet after its first message: repeat, such as 30m."
        400 "when_late": "invalid type: integer 7, expected a string"
        "#);
        let plain = json!({ "name": "calm", "pattern": "alert.*", "destination_ids": [party] });
        let replaced = put(town, &key, &format!("PUT /routes/{}", id(&added)), &plain).await;
        assert!(noise(&replaced).lines().all(|line| line.ends_with(" null")), "{}", replaced.text);
        town.alert("the last").await;
        assert_eq!(town.lines("party"), "the last");
        let ops = seen(town);
        assert!(ops.contains("quiet hours: 22:00-07:00 Europe/Berlin") && ops.contains("Undo"), "{ops}");
        town.messages("alerts");
    })
    .await;
}
