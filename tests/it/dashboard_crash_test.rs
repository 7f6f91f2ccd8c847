//! The program is killed while it carries out what a dashboard asks for: the effect is there once, also when the dashboard asks
//! again.

use std::time::Duration;

use chrono::Utc;
use redis::AsyncCommands as _;
use secrecy::SecretString;
use serde_json::{Value, json};
use signalbox::bus::signature::sign_message;

use crate::support::port::free_port;
use crate::support::private::{PrivateRedis, private_redis};
use crate::support::town::{Setup, Town, run_with};

const SECRET: &str = "test-redis-secret";

/// What a dashboard asks for, and what there is in the end.
struct Wish {
    channel: &'static str,
    action: &'static str,
    data: Value,
    /// What has to be there before.
    prepared: &'static str,
    outcome: &'static str,
}

async fn publish(redis: &PrivateRedis, channel: &str, body: &Value) {
    let mut body = body.clone();
    body["sig"] = sign_message(&SecretString::from(SECRET), &body).unwrap().into();
    let client = redis::Client::open(redis.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for _ in 0..600 {
        // Nobody may be listening yet.
        let heard: i64 = connection.publish(channel, body.to_string()).await.unwrap();
        if heard > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody listens");
}

/// Waits, in real time, for what another process does.
async fn until(town: &Town, point: &str, sql: &'static str, wanted: &str) {
    let mut seen = Vec::new();
    for _ in 0..600 {
        seen = town.column(sql).await;
        if seen == [wanted] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{point}: {seen:?}");
}

/// Asks for it under a kill at each of these points; returns what there is in the end, and what Redis has for the dashboard.
async fn survives(wish: &Wish, points: &[&'static str]) -> String {
    let mut outcomes = Vec::new();
    for point in points {
        let redis = private_redis(false);
        let setup = Setup {
            redis: Some(redis.url.clone()),
            gateway: false,
            env: vec![("REDIS_MSG_SECRET", SECRET.to_owned())],
            ..Setup::default()
        };
        run_with(setup, async |town| {
            town.with_channel().await;
            let (guild, party) = (town.discord.guild_id().to_string(), town.discord.channel_id("party").to_string());
            for prepared in wish.prepared.split(';').filter(|sql| !sql.trim().is_empty()) {
                town.sql(&prepared.replace("$guild", &guild).replace("$party", &party)).await;
            }
            let (mut data, member) = (wish.data.clone(), town.discord.user_id("member").to_string());
            data["discord_server_id"] = json!(town.discord.guild_id());
            for (_, value) in data.as_object_mut().unwrap() {
                match value.as_str() {
                    Some("$member") => *value = json!(member),
                    Some("$party") => *value = json!(party),
                    _ => {}
                }
            }
            let body = json!({ "action": wish.action, "data": data, "time": Utc::now().to_rfc3339() });
            let port = free_port().to_string();
            let parts = [("SIGNALBOX_ROLES", "intake,ticker"), ("WEBHOOK_PORT", port.as_str())];
            let killed = town.program(&["run"], &[parts[0], parts[1], ("SIGNALBOX_CRASH_AT", point)]);
            publish(&redis, wish.channel, &body).await;
            let end = killed.ends_within(60).await;
            assert_eq!(end.signal, Some(9), "{point}: {}{}", end.out, end.err);
            let other = town.program(&["run"], &parts);
            until(town, point, "SELECT string_agg(state, ' ') FROM dashboard_request", "done").await;
            // The dashboard has heard nothing, and asks again.
            publish(&redis, wish.channel, &body).await;
            let later = json!({ "action": "reload", "data": { "discord_server_id": town.discord.guild_id() }, "time": Utc::now().to_rfc3339() });
            publish(&redis, "dashboard:commands", &later).await;
            until(town, point, "SELECT string_agg(state, ' ') FROM dashboard_request", "done done").await;
            until(town, point, "SELECT count(*)::text FROM slot_announcement", "0").await;
            let left = "SELECT count(*)::text FROM dashboard_request WHERE body IS NOT NULL OR effect IS NOT NULL";
            assert_eq!(town.column(left).await, ["0"], "{point}: nothing of it is kept");
            outcomes.push(format!("{}{}", town.column(wish.outcome).await.join(" "), answer(&redis).await));
            other.kill();
        })
        .await;
    }
    outcomes.dedup();
    outcomes.join("\n")
}

/// What is left for the dashboard.
async fn answer(redis: &PrivateRedis) -> String {
    let client = redis::Client::open(redis.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let answer: Option<String> = connection.get("raffle_draw_result:r-1").await.unwrap();
    let answer: Value = answer.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    if answer.is_null() { String::new() } else { format!(" | {} {}", answer["success"], answer["state"]) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_opened_once() {
    let wish = Wish {
        channel: "dashboard:slot_requests",
        action: "toggle",
        data: json!({ "enabled": true }),
        prepared: "",
        outcome: "SELECT enabled || ', said ' || (SELECT count(*) FROM kick_chat) || ', noted '
            || (SELECT count(*) FROM audit WHERE action = 'slots_enabled') FROM slot_setting",
    };
    let points =
        ["dashboard.asked", "slots.before_commit", "slots.after_commit", "dashboard.carried", "dashboard.followed"];
    insta::assert_snapshot!(survives(&wish, &points).await, @"true, said 1, noted 1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pick_is_told_once_also_when_it_is_told_later() {
    let wish = Wish {
        channel: "dashboard:slot_requests",
        action: "pick_with_reward",
        data: json!({ "slot_call": "Gates", "username": "ada", "reward_type": "points", "reward_amount": "500", "delay_announcement": 1 }),
        prepared: "",
        outcome: "SELECT (SELECT count(*) FROM slot_announcement) || ' left, said ' || (SELECT string_agg(text, ' ') FROM kick_chat)",
    };
    let points =
        ["slots.before_commit", "slots.after_commit", "announcement.before_commit", "announcement.after_commit"];
    let mut told = survives(&wish, &points[..2]).await;
    told.push('\n');
    told.push_str(&survives(&wish, &points[2..]).await);
    insta::assert_snapshot!(told, @"
    0 left, said 🎰 PICKED: Gates (requested by ada) 💰 WON 500 Points!
    0 left, said 🎰 PICKED: Gates (requested by ada) 💰 WON 500 Points!
    ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raffle_is_closed_once_and_the_dashboard_is_answered() {
    let wish = Wish {
        channel: "dashboard:raffle",
        action: "draw",
        data: json!({ "request_id": "r-1", "winner_count": 1 }),
        prepared: "INSERT INTO draw (id, guild_id, number, kind, prize, channel_id, opened_at, commitment)
            VALUES ('00000000-0000-0000-0000-000000000001', $guild, 1, 'raffle', 'A mug', $party, now(), 'x');
            INSERT INTO setting (guild_id, key, value, updated_at)
            VALUES ($guild, 'draw_secret:00000000-0000-0000-0000-000000000001', 'x', now())",
        outcome: "SELECT state || ', noted ' || (SELECT count(*) FROM audit WHERE action = 'draw_closed') FROM draw",
    };
    let points = [
        "dashboard.asked",
        "draw.close.before_commit",
        "draw.close.after_commit",
        "dashboard.carried",
        "dashboard.followed",
    ];
    insta::assert_snapshot!(survives(&wish, &points).await, @r#"closed, noted 1 | true "closed""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_is_started_and_tickets_are_given_once() {
    let start = Wish {
        channel: "dashboard:management",
        action: "start_period",
        data: json!({ "start_date": "2026-01-01", "end_date": (Utc::now() + chrono::TimeDelta::days(20)).format("%Y-%m-%d").to_string(), "channel_id": "$party" }),
        prepared: "",
        outcome: "SELECT count(*) || ' raffle, said ' || (SELECT count(*) FROM kick_chat) FROM draw",
    };
    let points = ["draw.open.before_commit", "draw.open.after_commit"];
    insta::assert_snapshot!(survives(&start, &points).await, @"1 raffle, said 1");
    let give = Wish {
        channel: "dashboard:management",
        action: "adjust_tickets",
        data: json!({ "discord_id": "$member", "ticket_source": "bonus", "change": 25, "reason": "event" }),
        prepared: "INSERT INTO draw (id, guild_id, number, kind, prize, channel_id, opened_at, commitment)
            VALUES ('00000000-0000-0000-0000-000000000001', $guild, 1, 'raffle', 'A mug', $party, now(), 'x')",
        outcome: "SELECT sum(tickets)::text FROM draw_ticket",
    };
    insta::assert_snapshot!(survives(&give, &["dashboard.asked", "dashboard.carried"]).await, @"25");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_timers_and_the_shop_are_made_once() {
    let gtb = Wish {
        channel: "dashboard:gtb",
        action: "open",
        data: json!({ "session_id": 12 }),
        prepared: "",
        outcome: "SELECT count(*) || ' session, said ' || (SELECT count(*) FROM kick_chat) FROM gtb_session",
    };
    insta::assert_snapshot!(survives(&gtb, &["gtb.before_commit", "gtb.after_commit"]).await, @"1 session, said 1");
    let timer = Wish {
        channel: "dashboard:timed_messages",
        action: "create",
        data: json!({ "id": 7, "message": "Join us", "interval_minutes": 30 }),
        prepared: "",
        outcome: "SELECT string_agg(number || ' ' || enabled, ' ') FROM timed_message",
    };
    insta::assert_snapshot!(survives(&timer, &["dashboard.asked", "dashboard.carried"]).await, @"7 true");
    let shop = Wish {
        channel: "dashboard:point_shop",
        action: "post_shop",
        data: json!({ "channel_id": "$party" }),
        prepared: "",
        outcome: "SELECT count(*) || ' to be posted' FROM message WHERE card_id IS NOT NULL",
    };
    insta::assert_snapshot!(survives(&shop, &["dashboard.asked", "dashboard.carried"]).await, @"1 to be posted");
}
