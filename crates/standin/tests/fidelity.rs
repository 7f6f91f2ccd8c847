//! What the stand-in refuses, remembers, forgets and limits: as Discord does.
#![allow(clippy::unwrap_used)]

mod bot;
mod client;

use chrono::{Duration, TimeZone, Utc};
use client::Client;
use serde_json::{Value, json};
use standin::{
    chrono,
    clock::Clock,
    discord::{Discord, Fault, Limits, Options, Phase, Then, What},
};

async fn town(options: Options) -> (Discord, Client) {
    let world = Discord::start(options).await.unwrap();
    let client = Client::new(&world);
    (world, client)
}

fn manual() -> Options {
    Options { clock: Clock::manual(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()), ..bot::options() }
}

fn unlimited() -> Options {
    Options { limits: Limits::Off, ..manual() }
}

#[tokio::test]
async fn bodies_beyond_the_limits_are_refused() {
    let (world, client) = town(Options { openapi: None, ..unlimited() }).await;
    let url = format!("/channels/{}/messages", world.channel_id("ops"));
    let big = |n: usize| "x".repeat(n);
    let button = |id: &str| json!({"type": 2, "style": 1, "label": "a", "custom_id": id});
    let row = |inner: Value| json!({"type": 1, "components": inner});
    let rows: Vec<Value> = (0..6).map(|n| row(json!([button(&n.to_string())]))).collect();
    let embeds: Vec<Value> = (0..2).map(|_| json!({"description": big(3001)})).collect();
    let refused = [
        (json!({"content": big(2001)}), 50035, "/errors/content/_errors/0/code", "BASE_TYPE_MAX_LENGTH"),
        (json!({}), 50006, "/message", "Cannot send an empty message"),
        (json!({"content": "  "}), 50006, "/code", ""),
        (json!({"embeds": embeds}), 50035, "/errors/embeds/_errors/0/code", "MAX_EMBED_SIZE_EXCEEDED"),
        (
            json!({"embeds": [{"title": big(257)}]}),
            50035,
            "/errors/embeds/0/title/_errors/0/code",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({"embeds": [{"fields": [{"name": "n", "value": ""}]}]}),
            50035,
            "/errors/embeds/0/fields/0/value/_errors/0/code",
            "BASE_TYPE_REQUIRED",
        ),
        (
            json!({"embeds": [{"title": "t", "timestamp": "yesterday"}]}),
            50035,
            "/errors/embeds/0/timestamp/_errors/0/code",
            "DATETIME_TYPE_PARSE",
        ),
        (
            json!({"embeds": [{"title": "t", "url": "example.com"}]}),
            50035,
            "/errors/embeds/0/url/_errors/0/code",
            "URL_TYPE_INVALID_URL",
        ),
        (
            json!({"content": "x", "components": rows}),
            50035,
            "/errors/components/_errors/0/code",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            json!({"content": "x", "components": [row(json!([button("a"), button("a")]))]}),
            50035,
            "/errors/components/0/components/1/custom_id/_errors/0/code",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            json!({"content": "x", "components": [row(json!([{"type": 2, "style": 5, "label": "a"}]))]}),
            50035,
            "/errors/components/0/components/0/url/_errors/0/code",
            "BASE_TYPE_REQUIRED",
        ),
        (
            json!({"content": "x", "flags": 32768, "components": [{"type": 10, "content": "x"}]}),
            50035,
            "/errors/content/_errors/0/code",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
        (json!({"content": "x", "nonce": big(26)}), 50035, "/errors/nonce/_errors/0/code", "BASE_TYPE_MAX_LENGTH"),
    ];
    for (body, code, path, expected) in refused {
        let answer = client.post(&url, &body).await;
        assert_eq!(answer.status, 400, "{body} → {}", answer.body);
        assert_eq!(answer.body["code"], code, "{body} → {}", answer.body);
        if !expected.is_empty() {
            assert_eq!(answer.body.pointer(path), Some(&json!(expected)), "{}", answer.body);
        }
    }
    assert!(world.messages(world.channel_id("ops")).is_empty());
    // Trimmed before it is measured.
    let fits = client.post(&url, &json!({"content": format!("{} ", big(2000))})).await;
    assert_eq!(fits.status, 200);
}

#[tokio::test]
async fn a_nonce_is_remembered_for_a_while() {
    let (world, client) = town(unlimited()).await;
    let ops = world.channel_id("ops");
    let url = format!("/channels/{ops}/messages");
    let body = json!({"content": "once", "nonce": "abc", "enforce_nonce": true});
    let first = client.post(&url, &body).await;
    let again = client.post(&url, &json!({"content": "other", "nonce": "abc", "enforce_nonce": true})).await;
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!((&again.body["content"], &again.body["nonce"]), (&json!("once"), &json!("abc")));
    assert_eq!(client.get(&url).await.body[0].get("nonce"), None);
    client.post(&url, &json!({"content": "no check", "nonce": "abc"})).await;
    assert_eq!(world.messages(ops).len(), 2);
    world.delete_message(ops, first.body["id"].as_str().unwrap().parse().unwrap());
    let deleted = client.post(&url, &body).await;
    assert_eq!((deleted.status, &deleted.body["code"]), (404, &json!(10008)));
    client.clock.advance(Duration::seconds(121));
    let forgotten = client.post(&url, &body).await;
    assert_eq!(forgotten.status, 200);
    world.fault(Fault::new("any", What::ForgetNonces));
    client.post(&url, &body).await;
    assert_eq!(world.messages(ops).len(), 3);
}

#[tokio::test]
async fn a_webhook_has_no_nonce() {
    let (world, client) = town(unlimited()).await;
    let (id, token, _) = world.create_webhook(world.channel_id("alerts"), "Alarm").unwrap();
    let url = format!("/webhooks/{id}/{token}?wait=true");
    let body = json!({"content": "x", "nonce": "abc", "enforce_nonce": true});
    let first = client.post(&url, &body).await;
    let second = client.post(&url, &body).await;
    assert_ne!(first.body["id"], second.body["id"]);
    let silent = client.post(&format!("/webhooks/{id}/{token}"), &body).await;
    assert_eq!(silent.status, 204);
    let wrong = client.post(&format!("/webhooks/{id}/wrong"), &body).await;
    assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!(50027)));
    world.delete_webhook(id);
    let gone = client.post(&url, &body).await;
    assert_eq!((gone.status, &gone.body["code"]), (404, &json!(10015)));
}

#[tokio::test]
async fn permissions_decide() {
    let (world, client) = town(unlimited()).await;
    let ops = world.channel_id("ops");
    let url = format!("/channels/{ops}/messages");
    let body = json!({"content": "x"});
    let code = async |expected: i64| {
        let answer = client.post(&url, &json!({"content": "x"})).await;
        assert_eq!((answer.status, answer.body["code"].as_i64()), (403, Some(expected)));
    };
    client.post(&url, &body).await;
    assert_eq!(client.get(&url).await.body.as_array().unwrap().len(), 1);
    world.set_overwrite(ops, world.guild_id(), 0, 1 << 16);
    let blind = client.get(&url).await;
    assert_eq!((blind.status, blind.body), (200, json!([])));
    world.set_overwrite(ops, world.guild_id(), 0, 1 << 11);
    code(50013).await;
    world.set_overwrite(ops, world.bot_id(), 1 << 11, 0);
    assert_eq!(client.post(&url, &body).await.status, 200);
    world.set_overwrite(ops, world.bot_id(), 0, 1 << 10);
    code(50001).await;
    world.delete_channel(ops);
    let gone = client.post(&url, &body).await;
    assert_eq!((gone.status, &gone.body["code"]), (404, &json!(10003)));
    let stranger = client.anonymous(&url).await;
    assert_eq!((stranger.status, &stranger.body["code"]), (401, &json!(0)));
}

#[tokio::test]
async fn a_bucket_runs_out_and_fills_again() {
    let (world, client) = town(manual()).await;
    let url = format!("/channels/{}/messages", world.channel_id("ops"));
    let body = json!({"content": "x"});
    for left in (0..5).rev() {
        let answer = client.post(&url, &body).await;
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    }
    let limited = client.post(&url, &body).await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.body["retry_after"], 5.0);
    assert_eq!(limited.body.get("code"), None);
    assert_eq!(limited.header("retry-after"), "5");
    assert_eq!(limited.header("x-ratelimit-scope"), "user");
    assert_eq!(world.violations().len(), 1);
    client.clock.advance(Duration::seconds(5));
    assert_eq!(client.post(&url, &body).await.status, 200);
}

#[tokio::test]
async fn the_global_limit_is_fifty_a_second() {
    let (world, client) = town(manual()).await;
    let user = format!("/users/{}", world.bot_id());
    let guild = format!("/guilds/{}", world.guild_id());
    for n in 0..50 {
        let url = if n % 2 == 0 { &user } else { &guild };
        assert_eq!(client.get(url).await.status, 200);
    }
    let limited = client.get(&user).await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.body["global"], true);
    assert_eq!(limited.header("x-ratelimit-global"), "true");
}

#[tokio::test]
async fn old_messages_are_not_edited_for_ever() {
    let (world, client) = town(Options { old_edits: 2, ..unlimited() }).await;
    let url = format!("/channels/{}/messages", world.channel_id("ops"));
    let made = client.post(&url, &json!({"content": "x"})).await;
    let url = format!("{url}/{}", made.body["id"].as_str().unwrap());
    client.clock.advance(Duration::minutes(61));
    for status in [200, 200, 429] {
        let answer = client.patch(&url, &json!({"content": "y"})).await;
        assert_eq!(answer.status, status);
    }
    let refused = client.patch(&url, &json!({"content": "y"})).await;
    assert_eq!(refused.body["code"], 30046);
}

#[tokio::test]
async fn faults_misbehave_as_told() {
    let (world, client) = town(unlimited()).await;
    let ops = world.channel_id("ops");
    let url = format!("/channels/{ops}/messages");
    let body = json!({"content": "x"});
    let fault = |what| world.fault(Fault::new("create_message", what));
    fault(What::AcceptThenDrop);
    assert!(client.try_post(&url, &body).await.is_err());
    assert_eq!(world.messages(ops).len(), 1);
    fault(What::Drop);
    assert!(client.try_post(&url, &body).await.is_err());
    assert_eq!(world.messages(ops).len(), 1);
    fault(What::Status(500, false));
    assert_eq!(client.post(&url, &body).await.status, 500);
    fault(What::Status(500, true));
    assert_eq!(client.post(&url, &body).await.status, 500);
    assert_eq!(world.messages(ops).len(), 2);
    fault(What::Html(502));
    assert!(client.post(&url, &body).await.text.starts_with("<html>"));
    fault(What::Limited("shared".into()));
    assert_eq!(client.post(&url, &body).await.header("x-ratelimit-scope"), "shared");
    fault(What::Limited("bare".into()));
    let bare = client.post(&url, &body).await;
    assert_eq!((bare.status, bare.header("retry-after")), (429, String::new()));
    world.on_request(|seen| async move {
        match (seen.route, seen.phase) {
            ("create_message", Phase::AfterEffect) => Then::Drop,
            _ => Then::Continue,
        }
    });
    assert!(client.try_post(&url, &body).await.is_err());
    assert_eq!(world.messages(ops).len(), 3);
    assert_eq!(client.post("/nowhere", &body).await.status, 404);
    assert!(world.violations()[0].contains("/nowhere"));
}

#[tokio::test]
async fn the_world_survives_a_restart() {
    let path = std::env::temp_dir().join(format!("standin-{}.json", std::process::id()));
    let options = Options { save_to: Some(path.clone()), ..unlimited() };
    let (world, client) = town(options.clone()).await;
    let url = format!("/channels/{}/messages", world.channel_id("ops"));
    let made = client.post(&url, &json!({"content": "kept", "nonce": "n", "enforce_nonce": true})).await;
    world.shutdown().await;
    let (world, client) = town(options).await;
    assert_eq!(world.messages(world.channel_id("ops"))[0]["content"], "kept");
    let again = client.post(&url, &json!({"content": "kept", "nonce": "n", "enforce_nonce": true})).await;
    assert_eq!(again.body["id"], made.body["id"]);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn foreign_content_is_hidden_without_the_intent() {
    let (world, client) = town(unlimited()).await;
    let ops = world.channel_id("ops");
    world.act(json!({"as": "member", "do": "say", "channel": "ops", "content": "hello"})).await;
    let (id, token, _) = world.create_webhook(ops, "Foreign").unwrap();
    client.post(&format!("/webhooks/{id}/{token}"), &json!({"embeds": [{"title": "t"}]})).await;
    client.post(&format!("/channels/{ops}/messages"), &json!({"content": "mine"})).await;
    let seen = client.get(&format!("/channels/{ops}/messages")).await.body;
    assert_eq!(seen[0]["content"], "mine");
    assert_eq!(seen[1]["embeds"], json!([]));
    assert_eq!(seen[2]["content"], "");
    for message in seen.as_array().unwrap() {
        serde_json::from_value::<serenity::all::Message>(message.clone()).unwrap();
    }
}

#[tokio::test]
async fn objects_deserialise_with_serenity() {
    use serenity::all::{ChannelType, CurrentApplicationInfo, GuildChannel, Member, PartialGuild, Role, Webhook};
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
    }
    let (world, client) = town(unlimited()).await;
    let guild = world.guild_id();
    let get = async |url: String| client.get(&url).await.body;
    assert_eq!(read::<PartialGuild>(get(format!("/guilds/{guild}")).await).name, "Signal Town");
    let channels: Vec<GuildChannel> = read(get(format!("/guilds/{guild}/channels")).await);
    assert_eq!(channels.len(), 8);
    let roles: Vec<Role> = read(get(format!("/guilds/{guild}/roles")).await);
    assert_eq!(roles.len(), 4);
    let member: Member = read(get(format!("/guilds/{guild}/members/{}", world.bot_id())).await);
    assert!(member.user.bot);
    let about: CurrentApplicationInfo = read(get("/oauth2/applications/@me".into()).await);
    assert_eq!(about.id.get(), world.application_id());
    let ops = world.channel_id("ops");
    let webhook: Webhook =
        read(client.post(&format!("/channels/{ops}/webhooks"), &json!({"name": "Signals"})).await.body);
    assert!(webhook.token.is_some());
    let forum = world.add_channel(guild, "issues", 15);
    let body = json!({"name": "Broken lamp", "message": {"content": "It is dark"}});
    let post: GuildChannel = read(client.post(&format!("/channels/{forum}/threads"), &body).await.body);
    assert_eq!(post.kind, ChannelType::PublicThread);
    let inside = client.get(&format!("/channels/{}/messages", post.id)).await.body;
    assert_eq!(inside[0]["content"], "It is dark");
}

#[tokio::test]
async fn two_hundred_commands_a_day() {
    let (world, client) = town(unlimited()).await;
    let url = format!("/applications/{}/commands", world.application_id());
    let all = |prefix: &str| -> Value {
        (0..100).map(|n| json!({"name": format!("{prefix}{n}"), "description": "d"})).collect()
    };
    for prefix in ["a", "b", "b"] {
        assert_eq!(client.put(&url, &all(prefix)).await.status, 200);
    }
    let refused = client.put(&url, &all("c")).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!(30034)));
    client.clock.advance(Duration::days(1));
    assert_eq!(client.put(&url, &all("c")).await.status, 200);
}

/// <https://discord.com/developers/docs/topics/threads#active-archived-threads>
#[tokio::test]
async fn archived_threads_are_immutable_and_opened_by_a_message() {
    const MANAGE_THREADS: u64 = 1 << 34;
    let (world, client) = town(unlimited()).await;
    let ops = world.channel_id("ops");
    let thread = world.start_thread(ops, "night shift");
    let messages = format!("/channels/{thread}/messages");
    let posted = client.post(&messages, &json!({"content": "one"})).await.body;
    let first = format!("{messages}/{}", posted["id"].as_str().unwrap());
    world.archive_thread(thread, true, false);
    assert_eq!(client.patch(&first, &json!({"content": "two"})).await.body["code"], 50083);
    assert_eq!(client.post(&messages, &json!({"content": "three"})).await.status, 200);
    assert_eq!(client.patch(&first, &json!({"content": "two"})).await.status, 200, "it is open again");
    world.archive_thread(thread, true, true);
    world.set_overwrite(ops, world.bot_id(), 0, MANAGE_THREADS);
    assert_eq!(client.post(&messages, &json!({"content": "four"})).await.body["code"], 50083);
    let opened = client.patch(&format!("/channels/{thread}"), &json!({"archived": false})).await;
    assert_eq!(opened.body["code"], 50013, "it is locked");
    let archived = client.get(&format!("/channels/{ops}/threads/archived/public")).await.body;
    assert_eq!(archived["threads"][0]["id"], thread.to_string());
    world.set_overwrite(ops, world.bot_id(), 0, 0);
    assert_eq!(client.patch(&format!("/channels/{thread}"), &json!({"archived": false})).await.status, 200);
    assert_eq!(client.get(&format!("/channels/{ops}/threads/archived/public")).await.body["threads"], json!([]));
}

/// <https://discord.com/developers/docs/resources/channel#forum-tag-object>
#[tokio::test]
async fn posts_take_the_tags_of_their_forum() {
    let (world, client) = town(unlimited()).await;
    let forum = world.add_channel(world.guild_id(), "desk", 15);
    world.set_tags(forum, &["Open", "Staff!"], true);
    let tag = |n: u64| (forum + n).to_string();
    let post = async |tags: Value| {
        let body = json!({"name": "a post", "applied_tags": tags, "message": {"content": "hello"}});
        client.post(&format!("/channels/{forum}/threads"), &body).await
    };
    assert_eq!(post(json!([])).await.body["code"], 40067);
    assert_eq!(post(json!(["1"])).await.body["code"], 50035);
    let made = post(json!([tag(1)])).await;
    assert_eq!(
        (made.status, &made.body["message"]["id"]),
        (201, &made.body["id"]),
        "the first message has the post's id"
    );
    let manage_threads = 1 << 34;
    world.set_overwrite(forum, world.bot_id(), 0, manage_threads);
    assert_eq!(post(json!([tag(2)])).await.body["code"], 50013, "a moderated one");
}
