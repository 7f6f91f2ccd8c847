//! A LAN party as its host, its peers and a channel see it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::api::key;
use crate::support::machines::{heard, names};
use crate::support::town::{Setup, Town, run, run_with};

const PARTY: &str = "Friday Night Gaming";

/// A request of the party program: status and body.
async fn call(town: &Town, key: &str, what: &str, body: Option<Value>) -> (u16, Value) {
    call_with(town, key, what, body, &[]).await
}

async fn call_with(town: &Town, key: &str, what: &str, body: Option<Value>, headers: &[(&str, &str)]) -> (u16, Value) {
    let (method, path) = what.split_once(' ').unwrap();
    let url = format!("http://{}/api/discord/{path}", town.app.address);
    let mut request = town.http.request(method.parse().unwrap(), url);
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// A webhook of #party is set; the key.
async fn set_up(town: &Town) -> String {
    let key = key(town, &["destinations:write", "events:write"]).await;
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("party"), "Parties").unwrap();
    let url = format!("https://discord.com/api/webhooks/{id}/{token}");
    let set = call(town, &key, "POST webhook", Some(json!({ "webhook_url": url }))).await;
    assert_eq!(set, (200, json!({ "status": "ok", "message": "Discord webhook configured" })));
    key
}

async fn notify(town: &Town, key: &str, kind: &str, body: Value) {
    let (status, answer) = call(town, key, &format!("POST notify/{kind}"), Some(body)).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("ok")), "{answer}");
}

#[tokio::test]
async fn an_evening() {
    run_with(Setup { env: vec![("DELIVERY_BATCH_WINDOW", "500ms".into())], ..Setup::default() }, async |town| {
        let key = set_up(town).await;
        let invite = call(town, &key, "POST invite", Some(json!({ "invite_url": "https://discord.gg/abc123" }))).await;
        assert_eq!(invite.0, 200);
        let created = json!({ "party_id": "party-123", "party_name": PARTY, "host": "Alice" });
        notify(town, &key, "party_created", created).await;
        town.settle().await;
        for peer in ["Bob", "Cleo"] {
            notify(town, &key, "peer_joined", json!({ "peer_name": peer, "party_name": PARTY })).await;
        }
        notify(town, &key, "game_started", json!({ "game_name": "Minecraft", "players": ["Alice", "Bob"] })).await;
        notify(town, &key, "peer_left", json!({ "peer_name": "Cleo", "party_name": PARTY })).await;
        town.settle().await;
        town.advance(TimeDelta::milliseconds(500)).await;
        insta::assert_snapshot!(town.see("party"), @"
        [🎮 Party Created: Friday Night Gaming]
        **Host**: Alice
        **Party ID**: `party-123`

        [Join Voice Chat](https://discord.gg/abc123)
        Members: 2 · Alice, Bob
        Game: Minecraft
        Since: <+0s>
        -- LANrage
        (Silence)

        [👋 Bob joined]
        Welcome to **Friday Night Gaming**!
        -- LANrage
        [👋 Cleo joined]
        Welcome to **Friday Night Gaming**!
        -- LANrage
        [🎮 Game Started: Minecraft]
        **Players**: Alice, Bob
        -- LANrage
        [👋 Cleo left]
        Left **Friday Night Gaming**
        -- LANrage
        ");
        notify(town, &key, "game_ended", json!({ "game": "Minecraft", "duration": 3700, "avg_latency": 45.2 })).await;
        // The card waits with its lane.
        town.advance(TimeDelta::seconds(1)).await;
        town.advance(TimeDelta::seconds(1)).await;
        insta::assert_snapshot!(town.see("party").rsplit_once("\n\n").unwrap().1, @"
        [🏁 Game Ended: Minecraft]
        **Duration**: 1h 1m
        **Avg Latency**: 45ms
        -- LANrage
        ");
        assert!(town.see("party").contains("Game: –"), "{}", town.see("party"));
    })
    .await;
}

#[tokio::test]
async fn a_test_answers_when_discord_has_it() {
    run(async |town| {
        let key = key(town, &["events:write"]).await;
        let none = call(town, &key, "POST test", None).await;
        assert_eq!(none, (400, json!({ "detail": "Discord webhook not configured" })));
        let key = set_up(town).await;
        let settle = async {
            // The request has to be in before there is something to do.
            for _ in 0..50 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                town.settle().await;
            }
        };
        let ((status, answer), ()) = tokio::join!(call(town, &key, "POST test", None), settle);
        let message = town.messages("party")[0].clone();
        let (guild, channel) = (town.discord.guild_id(), town.discord.channel_id("party"));
        let link = format!("https://discord.com/channels/{guild}/{channel}/{}", message["id"].as_str().unwrap());
        let expected = json!({ "status": "ok", "message": "Test notification sent", "link": link });
        assert_eq!((status, answer), (200, expected));
        insta::assert_snapshot!(town.see("party"), @"
        [🧪 Test Notification]
        LANrage Discord integration is working!
        -- LANrage
        ");
    })
    .await;
}

#[tokio::test]
async fn what_is_set_and_what_cannot_be() {
    run(async |town| {
        let key = set_up(town).await;
        let wrong = json!({ "webhook_url": "https://discord.com.evil.example/api/webhooks/1/abc" });
        let refused = call(town, &key, "POST webhook", Some(wrong)).await;
        assert_eq!(refused, (400, json!({ "detail": "Invalid webhook URL format" })));
        let refused = call(town, &key, "POST invite", Some(json!({ "invite_url": "https://discord.gg/../x" }))).await;
        assert_eq!(refused, (400, json!({ "detail": "Invalid invite URL format" })));
        let refused = call(town, &key, "POST notify/peer_joined", Some(json!({ "party_name": PARTY }))).await;
        assert_eq!(refused, (400, json!({ "detail": "peer is required" })));
        let expected = json!({
            "webhook_configured": true, "invite_configured": false, "invite_url": null,
            "rich_presence": false, "bot_configured": true, "bot_online": true,
        });
        assert_eq!(call(town, &key, "GET status", None).await, (200, expected));
        let (_, how) = call(town, &key, "GET instructions", None).await;
        assert!(how["webhook"].as_str().unwrap().contains("Copy Webhook URL") && how["invite"].is_string());
    })
    .await;
}

#[tokio::test]
async fn a_key_is_needed() {
    run(async |town| {
        let reads = key(town, &["events:read"]).await;
        let told = |answer: (u16, Value)| format!("{} {}", answer.0, answer.1["detail"].as_str().unwrap_or_default());
        insta::assert_snapshot!(told(call(town, "", "GET status", None).await), @"401 A key is needed: Authorization: Bearer <key>");
        insta::assert_snapshot!(told(call(town, "sbx_wrong", "POST test", None).await), @"401 A key is needed: Authorization: Bearer <key>");
        insta::assert_snapshot!(told(call(town, &reads, "POST test", None).await), @"403 This needs a key with the scope events:write");
    })
    .await;
}

#[tokio::test]
async fn a_program_on_this_machine_may_go_without() {
    let exempt = || vec![("PARTY_LOOPBACK", "on".to_owned())];
    run_with(Setup { env: exempt(), ..Setup::default() }, async |town| {
        let invite = || Some(json!({ "invite_url": "https://discord.gg/abc123" }));
        assert_eq!(call(town, "", "POST invite", invite()).await.0, 200);
        assert_eq!(call(town, "", "GET status", None).await.1["invite_url"], "https://discord.gg/abc123");
        for header in [
            ("x-forwarded-for", "127.0.0.1"),
            ("forwarded", "for=127.0.0.1"),
            ("host", "evil.example"),
            ("origin", "https://evil.example"),
            ("authorization", "Bearer wrong"),
        ] {
            assert_eq!(call_with(town, "", "POST invite", invite(), &[header]).await.0, 401, "{header:?}");
        }
        // What a form of a web page can send has no such content type.
        assert_eq!(call(town, "", "POST test", None).await.0, 401);
    })
    .await;
    let behind = [exempt(), vec![("TRUSTED_PROXIES", "127.0.0.1".to_owned())]].concat();
    run_with(Setup { env: behind, ..Setup::default() }, async |town| {
        assert_eq!(call(town, "", "GET status", None).await.0, 401);
    })
    .await;
}

#[tokio::test]
async fn parties_by_command() {
    run(async |town| {
        let none = town.command("member", "party join-link", json!({})).await;
        insta::assert_snapshot!(heard(town, &none), @"No voice invite is set. An operator sets it with POST /api/discord/invite or `signalbox setup party`.");
        let key = set_up(town).await;
        call(town, &key, "POST invite", Some(json!({ "invite_url": "https://discord.gg/abc123" }))).await;
        let created = heard(town, &town.command("member", "party create", json!({ "name": PARTY })).await);
        assert!(created.starts_with("✅ The party **Friday Night Gaming** is open. Its id is `party-"), "{created}");
        town.settle().await;
        notify(town, &key, "peer_joined", json!({ "peer": "Bob", "party_name": PARTY })).await;
        town.settle().await;
        let shown = town.command("member", "party show", json!({})).await;
        assert_eq!(shown["ephemeral"], true);
        let embed = &shown["message"]["embeds"][0];
        let value = crate::support::town::plain_times(embed["fields"][0]["value"].as_str().unwrap());
        insta::assert_snapshot!(names(town, &format!("{}\n{value}", embed["fields"][0]["name"].as_str().unwrap())), @"
        Friday Night Gaming
        **Host**: Mia Member
        **Members** (2): Bob, Mia Member
        **Since**: <+0s>
        ");
        let link = town.command("member", "party join-link", json!({})).await;
        assert_eq!(heard(town, &link), "https://discord.gg/abc123");
        town.see("party");
    })
    .await;
}
