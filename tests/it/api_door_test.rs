//! The door of the REST interface: keys, scopes, and what is told to those who may not or cannot.

use chrono::TimeDelta;
use serde_json::json;
use signalbox::api_key::{self, Scope, Wanted};
use signalbox::id::GuildId;

use crate::support::api::{any_key, ask, key, key_of};
use crate::support::town::{Setup, Town, run, run_with, told};

/// Without the gateway: nothing here is shown in Discord.
async fn in_town(test: impl AsyncFnOnce(&mut Town)) {
    run_with(Setup { gateway: false, ..Setup::default() }, test).await;
}

#[tokio::test]
async fn a_key_opens_the_door_by_either_header() {
    in_town(async |town| {
        let key = key(town, &["sources:read", "events:read"]).await;
        let answer = ask(town, &key, "GET /key").send().await;
        assert!(key.starts_with("sbx_") && !answer.text.contains(&key));
        assert_eq!(answer.json["scopes"], json!(["events:read", "sources:read"]));
        assert_eq!(answer.json["guild_id"], town.discord.guild_id().to_string());
        let other = ask(town, "", "GET /key").header("X-API-Key", &key).send().await;
        assert_eq!((other.status, other.json), (200, answer.json));
    })
    .await;
}

#[tokio::test]
async fn without_a_key_with_a_wrong_one_and_with_an_ended_one() {
    in_town(async |town| {
        insta::assert_snapshot!(ask(town, "", "GET /sources").send().await.read(), @r#"
        401
        www-authenticate: Bearer
        content-type: application/problem+json
        {
          "detail": "Send the key as Authorization: Bearer sbx_… or as X-API-Key.",
          "instance": "/api/v1/sources",
          "status": 401,
          "title": "A valid API key is needed",
          "type": "urn:signalbox:problem:unauthorized"
        }
        "#);
        let key = key(town, &["sources:read"]).await;
        let mut wrong = key.clone();
        wrong.replace_range(key.len() - 1.., if key.ends_with('0') { "1" } else { "0" });
        let refused = ask(town, &wrong, "GET /sources").send().await;
        assert_eq!((refused.status, &refused.json["detail"]), (401, &json!("The key is not known here.")));
        for malformed in ["sbx_short", "secret", &key[4..]] {
            let answer = ask(town, "", "GET /sources").header("X-API-Key", malformed).send().await;
            assert_eq!(answer.json["detail"], refused.json["detail"], "{malformed}");
        }

        let id = ask(town, &key, "GET /key").send().await.json["id"].as_str().unwrap().parse().unwrap();
        let guild = GuildId::from(town.discord.guild_id());
        assert!(api_key::revoke(town.store(), &town.clock, GuildId(7), id, None).await.unwrap().is_none());
        assert_eq!(ask(town, &key, "GET /sources").send().await.status, 200, "another server cannot revoke it");
        api_key::revoke(town.store(), &town.clock, guild, id, None).await.unwrap();
        assert_eq!(ask(town, &key, "GET /sources").send().await.json["detail"], "The key was revoked.");

        let expires_at = Some(town.clock.now() + TimeDelta::hours(1));
        let scopes = vec![Scope::SourcesRead];
        let wanted = Wanted { guild_id: guild, name: "short".into(), scopes, expires_at, person_id: None };
        let short = api_key::create(town.store(), &town.clock, wanted).await.unwrap().1;
        assert_eq!(ask(town, &short, "GET /sources").send().await.status, 200);
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(ask(town, &short, "GET /sources").send().await.json["detail"], "The key has expired.");
    })
    .await;
}

#[tokio::test]
async fn wrong_keys_are_limited_and_the_right_one_goes_on() {
    let setup = Setup { gateway: false, env: vec![("WEBHOOK_UNVERIFIED_PER_15_MIN", "3".into())], ..Setup::default() };
    run_with(setup, async |town| {
        let key = key(town, &["sources:read"]).await;
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(ask(town, "sbx_wrong", "GET /sources").send().await.status);
        }
        assert_eq!(statuses, [401, 401, 401, 429]);
        insta::assert_snapshot!(ask(town, "sbx_wrong", "GET /sources").send().await.read(), @r#"
        429
        retry-after: 300
        content-type: application/problem+json
        {
          "instance": "/api/v1/sources",
          "status": 429,
          "title": "Too many requests",
          "type": "urn:signalbox:problem:too-many"
        }
        "#);
        assert_eq!(ask(town, &key, "GET /sources").send().await.status, 200);
        town.advance(TimeDelta::minutes(5)).await;
        assert_eq!(ask(town, "sbx_wrong", "GET /sources").send().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_key_has_a_budget_of_its_own() {
    let setup = Setup { gateway: false, env: vec![("WEBHOOK_VERIFIED_PER_MIN", "2".into())], ..Setup::default() };
    run_with(setup, async |town| {
        let (one, other) = (key(town, &["sources:read"]).await, key(town, &["sources:read"]).await);
        let mut statuses = Vec::new();
        for key in [&one, &one, &one, &other] {
            statuses.push(ask(town, key, "GET /sources").send().await.status);
        }
        assert_eq!(statuses, [200, 200, 429, 200]);
    })
    .await;
}

#[tokio::test]
async fn a_key_sees_its_own_server_alone() {
    in_town(async |town| {
        let (ours, theirs) = (any_key(town).await, key_of(town, GuildId(7), &["sources:read"]).await);
        let source = ask(town, &ours, "GET /sources").send().await.json["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(ask(town, &ours, &format!("GET /sources/{source}")).send().await.status, 200);
        let none = ask(town, &theirs, "GET /sources").send().await;
        assert_eq!(none.json, json!({ "items": [], "next_cursor": null }));
        let answer = ask(town, &theirs, &format!("GET /sources/{source}")).send().await;
        insta::assert_snapshot!(answer.read().replace(&source, "SOURCE"), @r#"
        404
        content-type: application/problem+json
        {
          "detail": "Nothing of this server has that id.",
          "instance": "/api/v1/sources/ID-1",
          "status": 404,
          "title": "There is no such thing",
          "type": "urn:signalbox:problem:not-found"
        }
        "#);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_or_not_possible_is_a_problem_too() {
    in_town(async |town| {
        let key = any_key(town).await;
        insta::assert_snapshot!(ask(town, &key, "GET /nothing").send().await.read(), @r#"
        404
        content-type: application/problem+json
        {
          "detail": "Nothing is at this address; /api/v1/openapi.json lists what there is.",
          "instance": "/api/v1/nothing",
          "status": 404,
          "title": "There is no such thing",
          "type": "urn:signalbox:problem:not-found"
        }
        "#);
        insta::assert_snapshot!(ask(town, &key, "DELETE /sources").send().await.read(), @r#"
        405
        allow: GET,HEAD
        content-type: application/problem+json
        {
          "instance": "/api/v1/sources",
          "status": 405,
          "title": "That cannot be done here",
          "type": "urn:signalbox:problem:method-not-allowed"
        }
        "#);
        let bad = ask(town, &key, "GET /sources?limit=many").send().await;
        insta::assert_snapshot!(bad.read(), @r#"
        400
        content-type: application/problem+json
        {
          "detail": "limit: should be a whole number",
          "errors": [
            {
              "field": "limit",
              "message": "should be a whole number"
            }
          ],
          "instance": "/api/v1/sources",
          "status": 400,
          "title": "The request is not valid",
          "type": "urn:signalbox:problem:invalid"
        }
        "#);
        let unknown = ask(town, &key, "GET /sources?page=2").send().await;
        insta::assert_snapshot!(unknown.json["errors"], @r#"[{"field":"page","hint":"There are: cursor or limit","message":"page is not known here"}]"#);
        let both = ask(town, &key, "GET /sources?limit=1000&cursor=abc").send().await;
        insta::assert_snapshot!(both.json["errors"], @r#"[{"field":"limit","message":"should be 1 to 200"},{"field":"cursor","hint":"Take next_cursor from the page before, or leave it out for the first page.","message":"is no cursor of this list"}]"#);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_shown_once_and_its_use_noted_now_and_then() {
    in_town(async |town| {
        let key = key(town, &["sources:read"]).await;
        let stored = town.column("SELECT to_jsonb(k)::text FROM api_key k").await;
        assert!(!stored[0].contains(&key[12..]), "{stored:?}");
        const USED: &str = "SELECT to_char(last_used_at AT TIME ZONE 'UTC', 'MI') FROM api_key";
        let mut noted = Vec::new();
        for _ in 0..7 {
            assert_eq!(ask(town, &key, "GET /sources").send().await.status, 200);
            noted.extend(town.column(USED).await);
            town.advance(TimeDelta::minutes(2)).await;
        }
        assert_eq!(noted, ["00", "00", "00", "06", "06", "06", "12"]);
    })
    .await;
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_on_the_command_line() {
    run(async |town| {
        let cli = async |arguments: &[&str]| {
            let all: Vec<&str> = ["api-key"].iter().chain(arguments).copied().collect();
            town.program(&all, &[]).ends_within(20).await
        };
        insta::assert_snapshot!(cli(&["list"]).await.out, @"There is no key yet. Make one with: signalbox api-key create --name NAME --scope events:read");
        let made =
            cli(&["create", "--name", "ci", "--scope", "sources:read", "--scope", "events:read", "--expires", "90d"])
                .await;
        let key = made.out.trim().to_owned();
        assert_eq!(ask(town, &key, "GET /sources").send().await.status, 200, "{}", made.err);
        let again = cli(&["create", "--name", "ci", "--scope", "events:read"]).await;
        insta::assert_snapshot!(again.err, @"signalbox: There is a key named ci already: revoke it first.");
        let wrong = cli(&["create", "--name", "x", "--scope", "everything"]).await;
        assert!(wrong.err.contains("everything is no scope; there are events:read"), "{}", wrong.err);
        let listed = cli(&["list"]).await;
        assert!(listed.out.contains(&key[..12]) && !listed.out.contains(&key), "{}", listed.out);
        let revoked = cli(&["revoke", &format!("{}…", &key[..12])]).await;
        assert_eq!((revoked.out.as_str(), revoked.code), ("Revoked ci.\n", Some(0)));
        assert_eq!(ask(town, &key, "GET /sources").send().await.status, 401);
        let lines = town
            .column("SELECT action || ' ' || (detail ->> 'name') FROM audit WHERE action LIKE 'api%' ORDER BY id")
            .await;
        assert_eq!(lines, ["api_key_created ci", "api_key_revoked ci"]);
    })
    .await;
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked_in_discord() {
    run(async |town| {
        let use_it =
            async |who: &str, verb: &str, options| told(&town.command(who, &format!("api-key {verb}"), options).await);
        let options = json!({ "name": "panel", "scopes": "read events:write", "days": 30 });
        let made = use_it("admin", "create", options.clone()).await;
        let key = made.split('`').nth(1).unwrap().to_owned();
        insta::assert_snapshot!(made.replace(&key, "KEY"), @"
        🔑 ||`KEY`||
        It is not shown again: keep it where secrets are kept. Send it as `Authorization: Bearer …` or `X-API-Key`; `/api/v1/openapi.json` says what there is.
        ");
        let shown = ask(town, &key, "GET /key").send().await.json;
        assert_eq!((&shown["name"], shown["scopes"].as_array().unwrap().len()), (&json!("panel"), 9));
        let listed = use_it("admin", "list", json!({})).await;
        insta::assert_snapshot!(listed.replace(&key[..12], "KEY"), @"
        • **panel** `KEY…` used <+0s>, ends <+2592000s>
          events:read events:write deliveries:read destinations:read sources:read routes:read templates:read webhooks:read audit:read
        ");
        insta::assert_snapshot!(use_it("admin", "create", json!({ "name": "x", "scopes": "all" })).await, @"all is no scope; there are events:read, events:write, deliveries:read, deliveries:write, destinations:read, destinations:write, sources:read, sources:write, routes:read, routes:write, templates:read, templates:write, webhooks:read, webhooks:write, audit:read");
        insta::assert_snapshot!(use_it("admin", "revoke", json!({ "key": "panel" })).await, @"✅ panel is refused from now on.");
        assert_eq!(ask(town, &key, "GET /key").send().await.status, 401);
        insta::assert_snapshot!(use_it("admin", "list", json!({})).await, @"There is no key. `/api-key create` makes one.");
        let lines = town.column("SELECT action FROM audit WHERE person_id IS NOT NULL ORDER BY id").await;
        assert_eq!(lines, ["api_key_created", "api_key_revoked"]);
    })
    .await;
}
