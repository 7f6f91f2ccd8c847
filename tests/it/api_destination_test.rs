//! Destinations by REST: added, changed by two at once, paused, removed; and writes that are sent twice.

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::id::GuildId;

use crate::support::api::{Answer, any_key, ask, key_of};
use crate::support::town::{Town, run};

/// A webhook of #stream, as Discord shows its address.
fn webhook(town: &Town) -> (String, String) {
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
    (format!("https://discord.com/api/webhooks/{id}/{token}"), token)
}

async fn create(town: &Town, key: &str, body: &Value) -> Answer {
    ask(town, key, "POST /destinations").json(body).send().await
}

/// Ids of Discord are those of the run.
fn plain(answer: &Answer, url: &str) -> String {
    let id = url.split('/').nth(5).unwrap();
    answer.read().replace(id, "WEBHOOK")
}

#[tokio::test]
async fn a_webhook_is_added_and_never_shown_again() {
    run(async |town| {
        let key = any_key(town).await;
        let (url, token) = webhook(town);
        let body = json!({ "name": "Panel", "webhook_url": url, "type": "BILLING" });
        let added = create(town, &key, &body).await;
        assert!(!added.text.contains(&token));
        insta::assert_snapshot!(plain(&added, &url), @r#"
        201
        etag: "TAG"
        location: /api/v1/destinations/ID-1
        {
          "archives_resolved": false,
          "batch_window_ms": null,
          "channel_id": "1180000000000000105",
          "checked_at": "2026-01-02T10:00:00Z",
          "description": null,
          "disabled_because": null,
          "discord_name": null,
          "enabled": true,
          "failures": 0,
          "id": "ID-1",
          "kind": "webhook",
          "last_delivery_at": null,
          "name": "Panel",
          "routes": [],
          "scope": "ADMIN",
          "sender_avatar_url": null,
          "sender_name": null,
          "tested_at": null,
          "type": "BILLING",
          "waiting": 0,
          "webhook_url": "https://discord.com/api/webhooks/WEBHOOK/••••"
        }
        "#);
        let shown = ask(town, &key, added.headers["location"].replace("/api/v1", "GET ").as_str()).send().await;
        assert_eq!((&shown.json, &shown.headers["etag"]), (&added.json, &added.headers["etag"]));
        let stored = town.column("SELECT webhook_token FROM destination WHERE webhook_token IS NOT NULL").await;
        assert!(stored[0].starts_with("enc:v1:"));
        let again = create(town, &key, &json!({ "name": "Other", "webhook_url": url })).await;
        insta::assert_snapshot!(again.json["errors"], @r#"[{"field":"webhook_url","message":"This webhook URL already exists"}]"#);
        let far = town.discord.add_channel(town.discord.add_guild("Elsewhere"), "far", 0);
        let (id, token, _) = town.discord.create_webhook(far, "Relay").unwrap();
        let wrong: String = token.chars().rev().collect();
        let (elsewhere, unknown) = ("The webhook belongs to another server.", "Discord does not know this webhook");
        for (token, message) in [(&token, elsewhere), (&wrong, unknown)] {
            let url = format!("https://discord.com/api/webhooks/{id}/{token}");
            let refused = create(town, &key, &json!({ "name": "Far", "webhook_url": url })).await;
            assert_eq!((refused.status, &refused.json["errors"][0]["message"]), (400, &json!(message)), "{}", refused.text);
        }
    })
    .await;
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    run(async |town| {
        let key = any_key(town).await;
        let wrong = json!({ "name": "", "webhook_url": "https://discord.com.evil.example/api/webhooks/1/t" });
        insta::assert_snapshot!(create(town, &key, &wrong).await.read(), @r#"
        400
        content-type: application/problem+json
        {
          "detail": "name: should have 1 to 80 characters, and no control characters",
          "errors": [
            {
              "field": "name",
              "message": "should have 1 to 80 characters, and no control characters"
            },
            {
              "field": "webhook_url",
              "hint": "this is not the address of a Discord webhook: https://discord.com/api/webhooks/… as Discord shows it under Server Settings › Integrations › Webhooks",
              "message": "Invalid Discord webhook URL"
            }
          ],
          "instance": "/api/v1/destinations",
          "status": 400,
          "title": "The request is not valid",
          "type": "urn:signalbox:problem:invalid"
        }
        "#);
        for (body, field, message) in [
            (json!({ "webhook_url": "https://x" }), "name", "is required"),
            (json!({ "name": "x" }), "webhook_url", "is required"),
            (json!({ "name": "x", "channel_id": "7" }), "channel_id", "should be the id of a channel: 15 to 19 digits"),
            (json!({ "name": "x", "channel_id": 7 }), "channel_id", "invalid type: integer 7, expected a string"),
            (json!({ "name": "x", "type": "GAMES" }), "type", "GAMES is not known here"),
            (json!({ "name": "x", "colour": "red" }), "colour", "colour is not known here"),
        ] {
            let error = &create(town, &key, &body).await.json["errors"][0];
            assert_eq!((&error["field"], &error["message"]), (&json!(field), &json!(message)), "{body}");
        }
        for (kind, body, status) in [
            ("text/plain", "{}", 415),
            ("application/json", "{", 400),
            ("application/json", "", 400),
            ("application/json", "[]", 400),
        ] {
            let answer = ask(town, &key, "POST /destinations").body(kind, body).send().await;
            assert_eq!(
                (answer.status, &answer.headers["content-type"]),
                (status, &"application/problem+json".to_owned()),
                "{body}"
            );
        }
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
        assert_eq!(ask(town, &key, "POST /destinations").body("application/json", &large).send().await.status, 413);
    })
    .await;
}

#[tokio::test]
async fn of_two_who_change_the_same_version_one_is_told() {
    run(async |town| {
        let key = any_key(town).await;
        let channel = town.discord.channel_id("stream").to_string();
        let added = create(town, &key, &json!({ "name": "Stream", "channel_id": channel })).await;
        let (what, tag) =
            (format!("PATCH /destinations/{}", added.json["id"].as_str().unwrap()), &added.headers["etag"]);
        let change = |body: Value| ask(town, &key, &what).header("If-Match", tag).json(&body);
        let (one, other) = tokio::join!(
            change(json!({ "description": "one" })).send(),
            change(json!({ "description": "other" })).send()
        );
        let mut statuses = [one.status, other.status];
        statuses.sort();
        assert_eq!(statuses, [200, 412]);
        let refused = if one.status == 412 { one } else { other };
        insta::assert_snapshot!(refused.json["detail"], @r#""It is no longer the version that If-Match names: read it again, then change it.""#);
        let cleared =
            ask(town, &key, &what).json(&json!({ "description": null, "type": "VPS", "enabled": false })).send().await;
        let seen =
            (&cleared.json["description"], &cleared.json["type"], &cleared.json["enabled"], &cleared.json["name"]);
        assert_eq!(seen, (&json!(null), &json!("VPS"), &json!(false), &json!("Stream")));
        let nulled = ask(town, &key, &what).json(&json!({ "enabled": null })).send().await;
        assert_eq!((nulled.status, &nulled.json["errors"][0]["field"]), (400, &json!("enabled")));
    })
    .await;
}

#[tokio::test]
async fn a_removed_destination_is_gone_and_another_servers_was_never_there() {
    run(async |town| {
        let (ours, theirs) =
            (any_key(town).await, key_of(town, GuildId(7), &["destinations:read", "destinations:write"]).await);
        let channel = town.discord.channel_id("stream").to_string();
        let added = create(town, &ours, &json!({ "name": "Stream", "channel_id": channel })).await;
        let id = added.json["id"].as_str().unwrap();
        for method in ["GET", "DELETE", "PATCH"] {
            let answer = ask(town, &theirs, &format!("{method} /destinations/{id}")).json(&json!({})).send().await;
            assert_eq!(answer.status, 404, "{method}");
        }
        let stale = ask(town, &ours, &format!("DELETE /destinations/{id}")).header("If-Match", "\"old\"").send().await;
        assert_eq!(stale.status, 412);
        let gone = ask(town, &ours, &format!("DELETE /destinations/{id}")).send().await;
        assert_eq!((gone.status, gone.text.as_str()), (204, ""));
        assert_eq!(ask(town, &ours, &format!("GET /destinations/{id}")).send().await.status, 404);
        assert_eq!(create(town, &ours, &json!({ "name": "Stream", "channel_id": channel })).await.status, 201);
        let log = ask(town, &ours, "GET /audit").send().await.json;
        let actions: Vec<&str> =
            log["items"].as_array().unwrap().iter().filter_map(|line| line["action"].as_str()).collect();
        assert_eq!(actions[..3], ["destination_added", "destination_removed", "destination_added"]);
    })
    .await;
}

#[tokio::test]
async fn a_write_that_is_sent_twice_is_done_once() {
    run(async |town| {
        let key = any_key(town).await;
        let channel = town.discord.channel_id("stream").to_string();
        let body = json!({ "name": "Stream", "channel_id": channel });
        let send = |body: &Value| ask(town, &key, "POST /destinations").header("Idempotency-Key", "k-1").json(body);
        let first = send(&body).send().await;
        let again = send(&body).send().await;
        assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text), "{}", first.text);
        assert_eq!(
            (again.headers["idempotency-replayed"].as_str(), &again.headers["etag"]),
            ("true", &first.headers["etag"])
        );
        assert_eq!(town.column("SELECT id::text FROM destination WHERE name = 'Stream'").await.len(), 1);

        insta::assert_snapshot!(send(&json!({ "name": "Other", "channel_id": channel })).send().await.read(), @r#"
        422
        content-type: application/problem+json
        {
          "detail": "Another request with this key was carried out in the last 24 hours. Use a new key.",
          "instance": "/api/v1/destinations",
          "status": 422,
          "title": "This Idempotency-Key stands for another request",
          "type": "urn:signalbox:problem:idempotency-key-reused"
        }
        "#);
        let stored = town.column("SELECT answer FROM idempotency").await;
        assert!(stored.len() == 1 && stored[0].starts_with("enc:v1:"));

        // It is found out when the answer was lost: the claim lapses, and the same thing is found.
        town.execute("UPDATE idempotency SET answer = NULL").await;
        let under_way = send(&body).send().await;
        assert_eq!((under_way.status, under_way.headers["retry-after"].as_str()), (409, "1"));
        town.advance(TimeDelta::minutes(2)).await;
        let recovered = send(&body).send().await;
        assert_eq!((recovered.status, &recovered.json["id"]), (201, &first.json["id"]), "{}", recovered.text);

        town.advance(TimeDelta::hours(24)).await;
        let after_a_day = send(&json!({ "name": "Other", "channel_id": channel })).send().await;
        assert_eq!(after_a_day.json["errors"][0]["message"], "This channel is a destination already");
        town.app.purge_due().await.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM idempotency").await, 0, "what failed is forgotten");
    })
    .await;
}

#[tokio::test]
async fn what_failed_may_be_sent_again_and_a_key_is_its_owners() {
    run(async |town| {
        let (one, other) = (any_key(town).await, any_key(town).await);
        let send = |key: &str, body: &Value| {
            ask(town, key, "POST /destinations").header("Idempotency-Key", "k").json(body).send()
        };
        let good = json!({ "name": "Stream", "channel_id": town.discord.channel_id("stream").to_string() });
        assert_eq!(send(&one, &json!({ "name": "Stream" })).await.status, 400);
        assert_eq!(send(&one, &good).await.status, 201);
        assert_eq!(send(&other, &good).await.status, 400, "another key's request is another one");
        let bad = ask(town, &one, "POST /destinations").header("Idempotency-Key", "a b").json(&good).send().await;
        insta::assert_snapshot!(bad.json["detail"], @r#""An Idempotency-Key has 1 to 255 visible ASCII characters.""#);
        let (a, b) = (
            json!({ "name": "a", "channel_id": "118000000000000777" }),
            json!({ "name": "a", "channel_id": "118000000000000777" }),
        );
        let twice =
            |body: &Value| ask(town, &one, "POST /destinations").header("Idempotency-Key", "both").json(body).send();
        let (first, second) = tokio::join!(twice(&a), twice(&b));
        let mut statuses = [first.status, second.status];
        statuses.sort();
        assert!(statuses == [201, 201] || statuses == [201, 409], "{statuses:?}");
    })
    .await;
}

#[tokio::test]
async fn a_destination_is_tested_by_a_program() {
    run(async |town| {
        let key = any_key(town).await;
        let (url, _) = webhook(town);
        let sender = json!({ "name": "Panel", "webhook_url": url, "sender_name": "The Panel",
            "sender_avatar_url": "https://panel.example/a.png" });
        let added = create(town, &key, &sender).await;
        let test = format!("POST /destinations/{}/test", added.json["id"].as_str().unwrap());
        let passed = ask(town, &key, &test).send().await;
        assert_eq!((passed.status, &passed.json["message"]), (200, &json!("Webhook test successful")), "{}", passed.text);
        let message = &town.messages("stream")[0];
        assert!(passed.json["message_link"].as_str().unwrap().ends_with(message["id"].as_str().unwrap()));
        assert_eq!(message["author"]["username"], "The Panel");
        assert!(message["embeds"][0]["description"].as_str().unwrap().contains("Asked for by the API key test"));

        town.discord.delete_webhook(url.split('/').nth(5).unwrap().parse().unwrap());
        let failed = ask(town, &key, &test).send().await;
        assert_eq!(failed.status, 400);
        insta::assert_snapshot!(failed.json["detail"].as_str().unwrap().replace(url.split('/').nth(5).unwrap(), "WEBHOOK"), @"The test message did not arrive: webhook WEBHOOK was deleted");
        let log = ask(town, &key, "GET /audit?action=destination_tested").send().await.json;
        let outcomes: Vec<&Value> = log["items"].as_array().unwrap().iter().map(|line| &line["detail"]["outcome"]).collect();
        assert_eq!(outcomes, ["failed", "passed"]);
        let unknown = ask(town, &key, "POST /destinations/018f0000-0000-7000-8000-000000000000/test").send().await;
        assert_eq!(unknown.status, 404);
    })
    .await;
}

#[tokio::test]
async fn how_a_destination_is_written_to_is_set_within_bounds() {
    run(async |town| {
        let key = any_key(town).await;
        let (url, _) = webhook(town);
        let panel = create(town, &key, &json!({ "name": "Panel", "webhook_url": url })).await;
        let channel = town.discord.channel_id("party").to_string();
        let channel = create(town, &key, &json!({ "name": "Party", "channel_id": channel })).await;
        let change = async |of: &Answer, body: Value| {
            ask(town, &key, &format!("PATCH /destinations/{}", of.json["id"].as_str().unwrap()))
                .json(&body)
                .send()
                .await
        };
        let set = change(&panel, json!({ "batch_window_ms": 2000, "sender_name": "Bills" })).await;
        assert_eq!(
            (&set.json["batch_window_ms"], &set.json["sender_name"]),
            (&json!(2000), &json!("Bills")),
            "{}",
            set.text
        );
        assert_ne!(set.headers["etag"], panel.headers["etag"]);
        let cleared = change(&panel, json!({ "batch_window_ms": null, "sender_name": null })).await;
        assert_eq!(
            (&cleared.json["batch_window_ms"], &cleared.headers["etag"]),
            (&json!(null), &panel.headers["etag"])
        );
        let mut told = String::new();
        for (of, body) in [
            (&panel, json!({ "batch_window_ms": 60_001 })),
            (&panel, json!({ "batch_window_ms": -1 })),
            (&panel, json!({ "sender_name": "Discord support" })),
            (&panel, json!({ "sender_avatar_url": "http://panel.example/a.png" })),
            (&channel, json!({ "sender_name": "Bills" })),
        ] {
            let refused = change(of, body).await;
            told += &format!("{} {}\n", refused.status, refused.json["detail"].as_str().unwrap_or_default());
        }
        insta::assert_snapshot!(told, @r#"
        400 batch_window_ms: should be 0 to 60000 milliseconds
        400 batch_window_ms: should be 0 to 60000 milliseconds
        400 sender_name: should have 1 to 80 characters; Discord allows neither "clyde" nor "discord" in it
        400 sender_avatar_url: should be the https address of an image
        400 sender_name: is for Discord webhooks alone: into a channel the bot posts as itself
        "#);
    })
    .await;
}
