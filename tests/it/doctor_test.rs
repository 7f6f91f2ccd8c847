//! The doctor: a healthy town has nothing wrong with it; then one fault at a time, and the line that names it.

use crate::support::door::knock;
use crate::support::machines::names;
use crate::support::private::{private_postgres, private_postgres_with, private_redis};
use crate::support::program::{Directory, End};
use crate::support::town::{Setup, Town, run, run_with, show, start};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::upstream::permission::SEND_MESSAGES_IN_THREADS;
use standin::xtsystems::{Mode, Place};

/// What `/doctor` says, this run's addresses and versions replaced.
async fn doctor(town: &Town) -> String {
    let outcome = town.command("admin", "doctor", json!({})).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    assert_eq!(outcome["ephemeral"], true);
    plain(town, &show(&outcome["message"]))
}

fn plain(town: &Town, text: &str) -> String {
    let text = text.replace(&town.app.address.to_string(), "ADDRESS").replace(&town.xt.origin(), "XT");
    let text = names(town, &text.replace(&town.discord.guild_id().to_string(), "GUILD"));
    // Figures of the machine.
    text.lines()
        .map(|line| match line.split_once(": ") {
            Some((check, rest)) if check.ends_with("PostgreSQL") && rest.starts_with("version") => {
                format!("{check}: version N")
            }
            Some((check, _)) if check.ends_with("Connections") || check.ends_with("Disk") => format!("{check}: …"),
            Some((check, _)) if check.ends_with("Commands") && check.starts_with('✅') => {
                format!("{check}: N registered")
            }
            Some((check, _)) if check.ends_with("Schema") && check.starts_with('✅') => format!("{check}: version N"),
            _ => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The lines that are not good, but for that nothing has happened yet in a new town.
async fn complaints(town: &Town) -> String {
    town.advance(TimeDelta::minutes(1)).await;
    let all = doctor(town).await;
    let bad = all.lines().filter(|line| line.starts_with(['❌', '⚠']));
    bad.filter(|line| !line.contains("no event has arrived yet")).collect::<Vec<_>>().join("\n")
}

async fn program(town: &Town, arguments: &[&str], env: &[(&str, &str)]) -> End {
    town.program(arguments, env).ends_within(30).await
}

/// As if the stand-in had this machine's time.
fn with_real_time(town: &Town) {
    town.discord.set_date_offset(Utc::now() - start());
}

#[tokio::test]
async fn a_healthy_town() {
    run(async |town| {
        town.machine("web-07").await;
        town.see("machines");
        insta::assert_snapshot!(doctor(town).await, @"
        [🩺 0 problems, 0 warnings, 23 fine]
        ✅ Discord · Token: accepted, the bot is Signalbox
        ✅ Discord · Intents: no privileged ones needed, none switched on
        ✅ Discord · Interactions endpoint: not set: presses and commands come by the gateway
        ✅ Discord · Clock: agrees with Discord's
        ✅ Discord · Commands: N registered
        ✅ Discord · #ops: may write there
        ✅ Discord · #tickets: may write there
        ✅ Discord · #machines: may write there
        ✅ Discord · #alerts: may write there
        ✅ Discord · Buttons: 2 on 1 card, all handled
        ✅ Database · PostgreSQL: version N
        ✅ Database · Connections: …
        ✅ Database · Schema: version N
        ✅ Database · Disk: …
        ✅ Database · Encryption: there is a key; no secret is stored yet
        ✅ XTSystems · API: XT answers
        ✅ XTSystems · API key: accepted
        ✅ XTSystems · Webhook: registered and active for all 11 events
        ✅ XTSystems · Secret: one is live
        ✅ XTSystems · Refused requests: none in the last 24 h
        ✅ XTSystems · Pulse: the last event came 0 s ago
        ✅ Web · Public address: http://ADDRESS leads here (asked from this machine)
        ✅ Deliveries · Outbox: 0 waiting, none in doubt, none undelivered
        ");
    })
    .await;
}

#[tokio::test]
async fn members_are_not_told() {
    run(async |town| {
        let outcome = town.command("member", "doctor", json!({})).await;
        assert!(outcome["error"].as_str().is_some_and(|e| e.contains("does not see")), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    run(async |town| {
        town.deny("tickets", 1 << 14 | 1 << 16);
        insta::assert_snapshot!(complaints(town).await, @"❌ Discord · #tickets: lacks Embed Links, Read Message History. Fix: allow it for the bot in the channel's permissions");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_gone_is_named_with_its_routes() {
    run(async |town| {
        town.discord.delete_channel(town.discord.channel_id("alerts"));
        let told = complaints(town).await;
        insta::assert_snapshot!(told, @"❌ Discord · Channel 1180000000000000104: does not exist (alert.triggered goes there). Fix: correct the id in DISCORD_WEBHOOK_CHANNELS, or choose another");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_url_set_by_mistake() {
    run(async |town| {
        town.discord.set_application(json!({ "interactions_endpoint_url": "https://old-bot.example/interactions" }));
        insta::assert_snapshot!(complaints(town).await, @"❌ Discord · Interactions endpoint: Discord sends presses and commands to https://old-bot.example/interactions, which is not this server: they never arrive here. Fix: enter http://ADDRESS/interactions as Interactions Endpoint URL under General Information of your application, or clear it");
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_url_that_is_meant() {
    let key = "9d1cc5b8dffd6d0ee0a9d1c0c4a8a06b7a8bb9ef3c1bd0b3d6bdc4ff0c2ab1e5";
    run_with(Setup { env: vec![("DISCORD_PUBLIC_KEY", key.into())], ..Setup::default() }, async |town| {
        let set = |url: String| {
            town.discord.set_application(json!({ "verify_key": key, "interactions_endpoint_url": url }));
        };
        set(format!("http://{}/interactions", town.app.address));
        assert_eq!(complaints(town).await, "");
        set("https://old-bot.example/interactions".into());
        insta::assert_snapshot!(complaints(town).await, @"❌ Discord · Interactions endpoint: Discord sends presses and commands to https://old-bot.example/interactions, which is not this server: they never arrive here. Fix: enter http://ADDRESS/interactions as Interactions Endpoint URL under General Information of your application, or clear it");
        town.discord.set_application(json!({ "verify_key": "00".repeat(32), "interactions_endpoint_url": null }));
        insta::assert_snapshot!(complaints(town).await, @"❌ Discord · Interactions endpoint: DISCORD_PUBLIC_KEY is not the key of this application: everything that comes by HTTP is refused. Fix: copy Public Key under General Information of your application");
    })
    .await;
}

#[tokio::test]
async fn settings_of_the_application_that_are_not_needed() {
    run(async |town| {
        town.discord.set_application(json!({ "flags": 1 << 19 | 1 << 15, "bot_require_code_grant": true }));
        insta::assert_snapshot!(complaints(town).await, @"
        ⚠️ Discord · Intents: Server Members Intent, Message Content Intent switched on and not needed. Fix: switch it off on the Bot page of your application
        ⚠️ Discord · Invite: Requires OAuth2 Code Grant is switched on: the invite link does not work. Fix: switch it off on the Bot page of your application
        ");
    })
    .await;
}

#[tokio::test]
async fn commands_of_another_version() {
    run(async |town| {
        let base = format!("{}/api/v10/applications/{}", town.discord.origin(), town.discord.application_id());
        let url = format!("{base}/guilds/{}/commands", town.discord.guild_id());
        let state = town.discord.state();
        let names = state["commands"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap());
        let names = names.filter(|name| !["about", "Silence…", "Why?"].contains(name)).chain(["toggle-monitoring"]);
        let old: Vec<Value> =
            names.map(|name| json!({ "name": name, "description": "of another version" })).collect();
        let put = town.http.put(url).header("authorization", format!("Bot {}", town.discord.token()));
        assert_eq!(put.json(&old).send().await.unwrap().status().as_u16(), 200);
        let global = town.http.post(format!("{base}/commands"));
        let global = global.header("authorization", format!("Bot {}", town.discord.token()));
        let sent = global.json(&json!({ "name": "about", "description": "for all" })).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 201);
        insta::assert_snapshot!(complaints(town).await, @"
        ❌ Discord · Commands: not registered: /about /Silence… /Why?; stale, nobody answers them: /toggle-monitoring. Fix: start this version of the bot: it registers its commands at the start
        ⚠️ Discord · Commands: also registered for all servers, so people see them twice: /about. Fix: delete the global ones; they are left from a run without DISCORD_GUILD_ID
        ");
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_is_off() {
    run(async |town| {
        town.discord.set_date_offset(TimeDelta::seconds(95));
        insta::assert_snapshot!(complaints(town).await, @"❌ Discord · Clock: 95 s behind Discord's. Fix: set the clock of this machine (and of PostgreSQL's) by NTP");
        town.discord.set_date_offset(TimeDelta::seconds(-5));
        insta::assert_snapshot!(complaints(town).await, @"⚠️ Discord · Clock: 4 s ahead of Discord's. Fix: set the clock of this machine (and of PostgreSQL's) by NTP");
    })
    .await;
}

#[tokio::test]
async fn a_key_that_xtsystems_refuses() {
    run_with(Setup { env: vec![("XTSYSTEMS_API_KEY", "xt-very-wrong".into())], ..Setup::default() }, async |town| {
        let told = complaints(town).await;
        insta::assert_snapshot!(told, @"❌ XTSystems · API key: XTSystems does not accept the API key (401: Invalid or missing API key). Fix: check XTSYSTEMS_API_KEY, and whether it is to be sent as a bearer token or raw");
        assert!(!told.contains("xt-very-wrong"));
    })
    .await;
}

#[tokio::test]
async fn xtsystems_down() {
    run(async |town| {
        town.xt.mode(Mode::status(500).at(Place::Webhooks));
        insta::assert_snapshot!(complaints(town).await, @"❌ XTSystems · API key: XTSystems has a fault of its own (500: Internal Server Error). Fix: try again later");
        town.xt.stop();
        insta::assert_snapshot!(complaints(town).await, @"❌ XTSystems · API: no connection to XTSystems at XT: Connection refused. Fix: check XTSYSTEMS_API_URL, and that the server runs");
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_not_as_we_would_register_it() {
    run_with(Setup { registered: false, ..Setup::default() }, async |town| {
        insta::assert_snapshot!(complaints(town).await, @"❌ XTSystems · Webhook: ours is not registered there, so nothing is sent to us. Fix: use /register-webhook");
        town.command("admin", "register-webhook", json!({ "events": "ticket.created, alert.triggered" })).await;
        insta::assert_snapshot!(complaints(town).await, @"⚠️ XTSystems · Webhook: registered, but not for ticket.updated, ticket.closed, asset.created, asset.updated, user.created, company.created, machine.registered, machine.approved. Fix: use /register-webhook without events, unless that is what you want");
        let webhook = town.xt.webhooks()[0].id.clone();
        let change = |fields: Value| {
            let put = town.http.put(format!("{}/v1/webhooks/{webhook}", town.xt.origin()));
            put.header("authorization", format!("Bearer {}", town.xt.api_key())).json(&fields).send()
        };
        change(json!({ "active": false })).await.unwrap();
        insta::assert_snapshot!(complaints(town).await, @"❌ XTSystems · Webhook: registered but switched off. Fix: use /register-webhook");
        change(json!({ "active": true, "url": "http://10.1.1.1/hook", "name": "Signalbox" })).await.unwrap();
        insta::assert_snapshot!(complaints(town).await, @"❌ XTSystems · Webhook: registered with http://10.1.1.1/hook, our address is http://ADDRESS/webhooks/xtsystems. Fix: use /register-webhook");
    })
    .await;
}

#[tokio::test]
async fn a_public_address_that_leads_elsewhere() {
    let other = Town::start(Setup { gateway: false, ..Setup::default() }).await;
    let elsewhere = format!("http://{}", other.app.address);
    run_with(Setup { env: vec![("PUBLIC_URL", elsewhere.clone())], ..Setup::default() }, async |town| {
        let told = complaints(town).await.replace(&elsewhere, "ELSEWHERE");
        insta::assert_snapshot!(told, @"
        ❌ XTSystems · Webhook: ours is not registered there, so nothing is sent to us. Fix: use /register-webhook
        ❌ Web · Public address: another Signalbox answers at ELSEWHERE. Fix: forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL
        ");
    })
    .await;
    let discord = other.discord.origin();
    run_with(Setup { env: vec![("PUBLIC_URL", discord.clone())], ..Setup::default() }, async |town| {
        let told = complaints(town).await.replace(&discord, "ELSEWHERE");
        assert!(told.contains("Public address: ELSEWHERE/health answers 404"), "{told}");
    })
    .await;
    other.expect_violation("/health");
    other.finish().await;
}

#[tokio::test]
async fn a_public_address_where_another_program_answers() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("http://{}", listener.local_addr().unwrap());
    let page = axum::Router::new().fallback(|| async { axum::response::Html("<h1>It works!</h1>") });
    let server = tokio::spawn(async move { axum::serve(listener, page).await });
    run_with(Setup::with(&[("PUBLIC_URL", &elsewhere)]), async |town| {
        let told = complaints(town).await.replace(&elsewhere, "ELSEWHERE");
        insta::assert_snapshot!(told.lines().last().unwrap(), @"❌ Web · Public address: another program answers at ELSEWHERE. Fix: forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL");
    })
    .await;
    server.abort();
}

/// The lines about one check.
async fn lines(town: &Town, check: &str) -> String {
    let outcome = town.command("admin", "doctor", json!({})).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    let told = show(&outcome["message"]);
    told.lines().filter(|line| line.contains(check)).collect::<Vec<_>>().join("\n")
}

/// Of a PostgreSQL that allows 17 connections, and a bot that may open `most` of them beside `others`.
async fn connections(most: &str, others: usize) -> String {
    let few = || private_postgres_with(&[("max_connections", "20"), ("superuser_reserved_connections", "3")]);
    let postgres = tokio::task::spawn_blocking(few).await.unwrap();
    let setup = Setup::with(&[("DATABASE_MAX_CONNECTIONS", most)]);
    let mut told = String::new();
    run_with(Setup { database_url: Some(postgres.url.clone()), ..setup }, async |town| {
        let mut open = Vec::new();
        for _ in 0..others {
            open.push(<sqlx::PgConnection as sqlx::Connection>::connect(&postgres.url).await.unwrap());
        }
        told = without_digits(&lines(town, "Connections").await);
    })
    .await;
    told
}

#[tokio::test]
async fn too_few_connections() {
    insta::assert_snapshot!(connections("18", 0).await, @"❌ Database · Connections: N of 17 in use, this program may open 20. Fix: lower DATABASE_MAX_CONNECTIONS or raise max_connections of PostgreSQL");
}

#[tokio::test]
async fn connections_that_may_become_too_few() {
    insta::assert_snapshot!(connections("8", 6).await, @"⚠️ Database · Connections: N of 17 in use, this program may open 10. Fix: close what is not needed, or raise max_connections of PostgreSQL");
}

/// How many are in use hangs on the moment.
fn without_digits(text: &str) -> String {
    match text.split_once(" of ") {
        Some((before, after)) => format!("{}N of {after}", before.trim_end_matches(|c: char| c.is_ascii_digit())),
        None => text.to_owned(),
    }
}

#[tokio::test]
async fn a_replica_that_is_not_heard_of_any_more() {
    let postgres = tokio::task::spawn_blocking(private_postgres).await.unwrap();
    let replica = postgres.follower("standby-1").await;
    run_with(Setup { database_url: Some(postgres.url.clone()), ..Setup::default() }, async |town| {
        let told = loop {
            let told = lines(town, "Replica").await;
            if told.contains("streaming") {
                break told;
            }
        };
        assert!(told.starts_with("✅ Database · Replica standby-1: streaming"), "{told}");
        replica.freeze();
        // Its last word was in this machine's time.
        town.clock.advance(Utc::now() - town.clock.now() + TimeDelta::minutes(1));
        insta::assert_snapshot!(lines(town, "Replica").await, @"⚠️ Database · Replica standby-1: streaming, not heard of for over 30 s. Fix: look whether the replica still runs, and at its connection");
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_may_forget() {
    let redis = tokio::task::spawn_blocking(|| private_redis(false)).await.unwrap();
    run_with(Setup { redis: Some(redis.url.clone()), ..Setup::default() }, async |town| {
        town.settle().await;
        let redis_lines = async || {
            let told = doctor(town).await;
            let lines = told.lines().filter(|line| line.contains("Redis ·") && !line.contains("Version"));
            lines.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(redis_lines().await, @"
        ❌ Redis · Persistence: nothing is kept over a restart: appendonly no, no save. Fix: set appendonly yes, so that a restart of Redis loses no event of the stream
        ✅ Redis · Eviction: maxmemory-policy noeviction
        ✅ Redis · Stream: signalbox:events: 0 waiting to be acknowledged
        ");
        let client = redis::Client::open(redis.url.clone()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        for (name, value) in [("appendonly", "yes"), ("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")] {
            let () = redis::cmd("CONFIG").arg("SET").arg(name).arg(value).query_async(&mut connection).await.unwrap();
        }
        insta::assert_snapshot!(redis_lines().await, @"
        ❌ Redis · Eviction: maxmemory-policy allkeys-lru. Fix: set maxmemory-policy noeviction: otherwise Redis may drop the stream when its memory is full
        ✅ Redis · Persistence: appendonly yes
        ✅ Redis · Stream: signalbox:events: 0 waiting to be acknowledged
        ");
    })
    .await;
}

#[tokio::test]
async fn without_redis_it_is_said_what_a_crash_loses() {
    let redis = async |setup: Setup| {
        let mut told = String::new();
        run_with(setup, async |town| {
            town.settle().await;
            let all = doctor(town).await;
            told = all.lines().filter(|line| line.contains("Redis · Redis:")).collect::<Vec<_>>().join("\n");
        })
        .await;
        told
    };
    let none = Setup { env: vec![("REDIS_URL", String::new())], ..Setup::kick() };
    insta::assert_snapshot!(redis(none).await, @"✅ Redis · Redis: is not used: a crash loses up to 5 s of what was written in the chat, and nothing else");
    let kept = tokio::task::spawn_blocking(|| private_redis(true)).await.unwrap();
    let with = Setup { redis: Some(kept.url.clone()), ..Setup::kick() };
    assert_eq!(redis(with).await, "", "with one nothing is lost");
}

#[tokio::test]
async fn a_redis_that_is_down() {
    run_with(Setup { redis: Some("redis://:hidden-word@127.0.0.1:1/".into()), ..Setup::default() }, async |town| {
        let told = complaints(town).await;
        insta::assert_snapshot!(told, @"❌ Redis · Redis: cannot be reached: Connection refused. Fix: check REDIS_URL and that the server runs; until then events of the stream wait");
        assert!(!told.contains("hidden-word"));
    })
    .await;
}

#[tokio::test]
async fn refused_requests_with_what_would_have_matched() {
    run(async |town| {
        for _ in 0..3 {
            knock(town).separator(".").send().await;
            town.advance(TimeDelta::minutes(1)).await;
        }
        knock(town).skew(-3600).send().await;
        knock(town).skew(-7265).send().await;
        insta::assert_snapshot!(complaints(town).await, @r#"
        ⚠️ XTSystems · Refused requests: 2× The request's timestamp is 2 h 1 min old; 5 minutes are allowed. The signature itself is right. Fix: compare both servers' clocks (NTP), or it is an old request sent again
        ⚠️ XTSystems · Refused requests: 3× The signature does not match the request under any live secret. It matches with "." between timestamp and body. Fix: set the separator accordingly
        "#);
    })
    .await;
}

#[tokio::test]
async fn buttons_that_nobody_handles_any_more() {
    run(async |town| {
        town.machine("web-07").await;
        town.see("machines");
        town.execute("UPDATE send SET body = replace(body::text, 'v1:approval:approve', 'v0:confirm:yes')::jsonb").await;
        insta::assert_snapshot!(complaints(town).await, @"⚠️ Discord · Buttons: some on old cards are no longer handled: `v0:confirm:yes`. Fix: run the version that made them, or ignore them: a press is answered politely");
    })
    .await;
}

#[tokio::test]
async fn a_look_that_hangs_holds_up_no_other() {
    run(async |town| {
        with_real_time(town);
        town.fault_for("get_application", "hang", 9, Some(60_000));
        let end = program(town, &["doctor"], &[]).await;
        assert!(end.took.as_secs() < 15, "{:?}", end.took);
        let told = plain(town, &end.out);
        let told: Vec<&str> = told.lines().filter(|line| line.contains("Discord ·")).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        ❌ Discord · Token and application: no answer within 8 s. Fix: check the network between this machine and it
        ✅ Discord · Clock: agrees with Discord's
        ❌ Discord · Commands: no answer within 8 s. Fix: check the network between this machine and it
        ✅ Discord · #ops: may write there
        ✅ Discord · #tickets: may write there
        ✅ Discord · #machines: may write there
        ✅ Discord · #alerts: may write there
        ✅ Discord · Buttons: 0 on 0 cards, all handled
        ");
        town.discord.clear_faults();
    })
    .await;
}

#[tokio::test]
async fn the_program_says_it_with_the_bot_running_elsewhere() {
    run(async |town| {
        with_real_time(town);
        let end = program(town, &["doctor"], &[]).await;
        assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
        assert!(end.out.contains("0 problems, "), "{}", end.out);
        for hidden in [town.discord.token(), town.xt.api_key().to_owned(), "a-secret-of-the-tests".to_owned()] {
            assert!(!format!("{}{}", end.out, end.err).contains(&hidden));
        }
        let end = program(town, &["doctor", "--json"], &[("DISCORD_TOKEN", "wrong")]).await;
        assert_eq!(end.code, Some(1), "{}", end.err);
        let report: Value = serde_json::from_str(&end.out).unwrap();
        assert_eq!(report["healthy"], false);
        let token = report["findings"].as_array().unwrap().iter().find(|f| f["check"] == "Token").unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(token).unwrap(), @r#"
        {
          "check": "Token",
          "fix": "copy it anew from the Bot page of your application into DISCORD_TOKEN",
          "state": "problem",
          "subject": "Discord",
          "text": "Discord refuses it"
        }
        "#);
    })
    .await;
}

#[tokio::test]
async fn the_program_says_it_with_everything_down() {
    let mut postgres = tokio::task::spawn_blocking(private_postgres).await.unwrap();
    let url = postgres.url.clone();
    postgres.stop();
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let away = [
            ("DATABASE_URL", url.as_str()),
            ("DISCORD_API_URL", "http://127.0.0.1:1"),
            ("XTSYSTEMS_API_URL", "http://127.0.0.1:1"),
            ("REDIS_URL", "redis://127.0.0.1:1/"),
            ("PUBLIC_URL", "http://127.0.0.1:1"),
        ];
        let end = program(town, &["doctor"], &away).await;
        assert_eq!(end.code, Some(1), "{}", end.err);
        let told = plain(town, &end.out).replace(&url, "DATABASE");
        insta::assert_snapshot!(told, @"
        ❌ Discord · Token: Discord cannot be reached: no connection. Fix: check the way to Discord: network, proxy, DNS
        ⚠️ Discord · Clock: Discord cannot be reached: no connection. Fix: see the line about the token
        ⚠️ Discord · Commands: not looked at: Discord does not say which application this is. Fix: mend what else is wrong, then look again
        ⚠️ Discord · Channels: not looked at: Discord cannot be reached: no connection. Fix: mend what else is wrong, then look again
        ⚠️ Discord · Buttons: not looked at: the database is away. Fix: see the line about PostgreSQL
        ❌ Database · PostgreSQL: cannot be reached: error communicating with database: No such file or directory (os error 2). Fix: check DATABASE_URL and that the server runs
        ⚠️ Database · Schema: not looked at: the database is away. Fix: see the line about PostgreSQL
        ⚠️ Database · Encryption: not looked at: the database is away. Fix: see the line about PostgreSQL
        ⚠️ Database · Replicas: not looked at: the database is away. Fix: see the line about PostgreSQL
        ❌ Redis · Redis: cannot be reached: Connection refused. Fix: check REDIS_URL and that the server runs; until then events of the stream wait
        ❌ XTSystems · API: no connection to XTSystems at http://127.0.0.1:1: Connection refused. Fix: check XTSYSTEMS_API_URL, and that the server runs
        ⚠️ XTSystems · Secret: not looked at: the database is away. Fix: see the line about PostgreSQL
        ⚠️ XTSystems · Refused requests: not looked at: the database is away. Fix: see the line about PostgreSQL
        ⚠️ XTSystems · Pulse: not looked at: the database is away. Fix: see the line about PostgreSQL
        ❌ Web · Public address: http://127.0.0.1:1 cannot be reached from here: Connection refused. Fix: start the bot; if it runs, forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL
        ⚠️ Deliveries · Outbox: not looked at: the database is away. Fix: see the line about PostgreSQL

        5 problems, 11 warnings, 0 fine.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_schema_that_is_behind() {
    run(async |town| {
        with_real_time(town);
        town.execute("DELETE FROM schema_compatibility WHERE version > 5").await;
        let end = program(town, &["doctor"], &[("RUN_MIGRATIONS", "false")]).await;
        assert_eq!(end.code, Some(1), "{}", end.err);
        let line = end.out.lines().find(|line| line.contains("Schema")).unwrap();
        let needed = signalbox::store::migrate::binary_version();
        insta::assert_snapshot!(line.replace(&format!("needs {needed}"), "needs N"), @"❌ Database · Schema: at version 5, this program needs N. Fix: run `signalbox migrate`");
    })
    .await;
}

/// The private database belongs to the running bot; when that has stopped, the doctor starts it for itself.
#[tokio::test]
async fn the_private_database_is_looked_into_with_the_bot_running_or_stopped() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        with_real_time(town);
        let directory = Directory::new();
        let own = [("DATABASE_URL", ""), ("SIGNALBOX_DATA_DIR", directory.0.to_str().unwrap())];
        let mut bot = town.program(&["run"], &own);
        bot.says("ready").await;
        let database = async || {
            let end = program(town, &["doctor"], &own).await;
            let told = plain(town, &end.out);
            let lines = told.lines().filter(|line| line.contains("Database ·") || line.contains("Public"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let running = database().await;
        insta::assert_snapshot!(running, @r"
        ✅ Database · PostgreSQL: version N
        ✅ Database · Connections: …
        ✅ Database · Schema: version N
        ✅ Database · Disk: …
        ✅ Database · Encryption: there is a key; no secret is stored yet
        ❌ Web · Public address: another Signalbox answers at http://ADDRESS. Fix: forward it to this server's WEBHOOK_PORT, or correct PUBLIC_URL
        ");
        bot.ask_to_stop();
        assert_eq!(bot.ends_within(20).await.code, Some(0));
        assert_eq!(database().await, running);
    })
    .await;
}

#[tokio::test]
async fn a_thread_is_judged_by_the_channel_that_it_is_in() {
    run(async |town| {
        let ops = town.discord.channel_id("ops");
        let thread = town.discord.start_thread(ops, "night shift");
        town.route_to_channel("ticket.*", thread).await;
        assert!(!complaints(town).await.contains("night shift"));
        town.discord.set_overwrite(ops, town.discord.bot_id(), 0, SEND_MESSAGES_IN_THREADS);
        let told = complaints(town).await;
        let told: Vec<&str> = told.lines().filter(|line| line.contains("night shift")).collect();
        insta::assert_snapshot!(told.join("\n"), @"❌ Discord · #night shift: lacks Send Messages in Threads. Fix: allow it for the bot in the channel's permissions");
    })
    .await;
}
