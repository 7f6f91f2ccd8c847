//! A stream goes on while the processes that follow it, Redis and PostgreSQL are killed at random: in the end watch time,
//! points, tickets and answers are those of what Kick has sent, each once.
//!
//! `STREAM_SECONDS` says for how long, `STREAM_SEED` with which chances.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use signalbox::id::{GuildId, kick_source};
use signalbox::store::Store;
use signalbox::store::kick::subscription::NewKickSubscription;
use signalbox::store::kick::{NewKickChannel, insert_kick_channel};
use signalbox::store::source::SourceKind;
use standin::clock::Clock;
use standin::kick::{Delivery, EVENTS, Kick, Options as KickOptions, STREAMER, Saying};

use crate::support::dice::Dice;
use crate::support::process::kill_9;
use crate::support::scene::{Company, Scene};
use crate::support::servers::{durable_postgres, private_redis};
use crate::support::town::KICK_PATH;

const SECONDS: u64 = 15;
const PROCESSES: &[&str] = &["intake,worker", "intake,ticker", "bot,worker,ticker"];
const VIEWERS: [&str; 5] = ["ada", "bob", "cy", "dee", "eve"];

/// What Kick has sent, or will send until it is taken.
#[derive(Default)]
struct Sent {
    chat: Vec<Delivery>,
    followers: BTreeSet<String>,
    gifts: u64,
    commands: BTreeSet<String>,
    untaken: Vec<Delivery>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once_while_a_stream_goes_on() {
    let (seed, mut dice) = Dice::seeded_by("STREAM_SEED");
    let given = std::env::var("STREAM_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let trouble = Duration::from_secs(given.unwrap_or(SECONDS));
    let (postgres, mut redis) = (durable_postgres(), private_redis(true));
    let kick = Kick::start(KickOptions {
        retry_waits: vec![Duration::from_millis(100)],
        ..KickOptions::local(Clock::system())
    });
    let kick = kick.await.unwrap();
    let mut env = kick.env();
    env.push(("KICK_WEBHOOK_PATH".into(), KICK_PATH.into()));
    env.push(("REDIS_URL".into(), redis.url.clone()));
    env.push(("DATABASE_MAX_CONNECTIONS".into(), "5".into()));
    let all: Vec<(&str, &str)> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let scene = Scene::company(Company {
        all: &all,
        roles: PROCESSES,
        database_url: Some(&postgres.url),
        ..Company::default()
    })
    .await;
    kick.set_webhook_url(Some(&format!("http://127.0.0.1:{}{KICK_PATH}", scene.intake_port())));
    connect(&scene, &kick).await;

    let mut sent = Sent::default();
    sent.untaken.extend(kick.live_since(STREAMER, "Slots", TimeDelta::hours(6)).await);
    let (mut killed, mut servers_ended) = (0, 0);
    let (mut next_kill, mut next_end) = (Duration::from_millis(500), Duration::from_secs(3));
    let since = Instant::now();
    while since.elapsed() < trouble {
        something_happens(&kick, &mut dice, &mut sent).await;
        send_again(&kick, &mut sent).await;
        if since.elapsed() > next_kill {
            scene.kill_one(usize::try_from(dice.below(PROCESSES.len() as u64)).unwrap());
            killed += 1;
            next_kill = since.elapsed() + Duration::from_millis(400 + dice.below(2500));
        }
        if since.elapsed() > next_end {
            if dice.below(2) == 0 {
                redis.kill();
                tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
                redis.start();
            } else {
                end_server(&postgres.url).await;
            }
            servers_ended += 1;
            next_end = since.elapsed() + Duration::from_millis(3000 + dice.below(4000));
        }
    }
    let over = Instant::now();
    while !sent.untaken.is_empty() {
        let last = || kick.deliveries().last().map(|delivery| delivery.status);
        assert!(over.elapsed() < Duration::from_secs(60), "not taken: {}, {:?}", sent.untaken.len(), last());
        tokio::time::sleep(Duration::from_millis(20)).await;
        send_again(&kick, &mut sent).await;
    }
    let wanted = expected(&sent);
    let mut seen = BTreeMap::new();
    for _ in 0..400 {
        if seen == wanted {
            break;
        }
        // Hours are counted once a minute otherwise.
        let _ = try_change(&scene, "UPDATE watch_channel SET due_at = to_timestamp(0) WHERE due_at IS NOT NULL").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        seen = numbers(&scene).await;
    }
    assert_eq!(seen, wanted, "STREAM_SEED={seed}");
    println!(
        "{} s: {killed} processes killed, {servers_ended} times PostgreSQL or Redis ended; {} messages, {} followers, {} gifts, \
         {} commands, each once",
        since.elapsed().as_secs(),
        sent.chat.len(),
        sent.followers.len(),
        sent.gifts,
        sent.commands.len()
    );
    kick.stop();
    scene.finish().await;
}

async fn connect(scene: &Scene, kick: &Kick) {
    let (store, now) = (scene.store(), Utc::now());
    let guild_id = GuildId::from(scene.discord.guild_id());
    let source_id = kick_source(guild_id);
    store.ensure_source(guild_id, SourceKind::Kick, "kick", source_id, now).await.unwrap();
    let broadcaster = kick.person(STREAMER);
    let new = NewKickChannel {
        id: uuid::Uuid::new_v4(),
        guild_id,
        source_id,
        broadcaster_user_id: broadcaster.user_id,
        slug: &kick.channel(STREAMER).unwrap().slug,
        name: &broadcaster.username,
    };
    let mut tx = store.begin().await.unwrap();
    insert_kick_channel(&mut tx, &new, now).await.unwrap();
    Store::commit(tx).await.unwrap();
    let known = kick.subscribe_app(STREAMER, &EVENTS).into_iter().map(|subscription| NewKickSubscription {
        id: subscription.id,
        broadcaster_user_id: subscription.broadcaster_user_id,
        kind: subscription.event,
        version: 1,
    });
    store.insert_kick_subscriptions(&known.collect::<Vec<_>>(), now).await.unwrap();
    store.close().await;
    // As an hour ago: it is known whether the channel was live.
    scene.change("UPDATE kick_channel SET connected_at = connected_at - interval '1 day'").await;
    scene.change("UPDATE kick_subscription SET created_at = created_at - interval '1 day'").await;
    scene
        .change(
            "INSERT INTO chat_command (id, guild_id, name, reply, cost, cooldown_seconds, created_at)
             SELECT gen_random_uuid(), guild_id, 'hug', 'hug no. {count}', 0, 0, now() FROM kick_channel",
        )
        .await;
}

async fn something_happens(kick: &Kick, dice: &mut Dice, sent: &mut Sent) {
    let who = dice.one_of(&VIEWERS);
    let deliveries = match dice.below(12) {
        0..8 => {
            // Hours that are over, some of them in the middle of each other.
            let seconds_ago = i64::try_from(2 * 3600 + dice.below(2 * 3600)).unwrap();
            let said = kick.chat_with(STREAMER, who, "gg", Saying { seconds_ago, ..Saying::default() }).await;
            sent.chat.extend(said.iter().cloned());
            said
        }
        8 => {
            let who = format!("follower_{}", dice.below(6));
            let told = kick.follow(STREAMER, &who).await;
            sent.followers.insert(who);
            told
        }
        9 => {
            sent.gifts += 1;
            kick.gift_subs(STREAMER, Some("giver"), &[&format!("giftee_{}", sent.gifts)]).await
        }
        10 => {
            let said = kick.chat(STREAMER, "asker", "!hug").await;
            sent.commands.extend(said.iter().map(message_id));
            said
        }
        _ => {
            let old = kick.deliveries();
            let n = usize::try_from(dice.below(old.len().max(1) as u64)).unwrap();
            if let Some(delivery) = old.get(n) {
                kick.resend(&delivery.message_id).await;
            }
            Vec::new()
        }
    };
    sent.untaken.extend(deliveries.into_iter().filter(|delivery| delivery.status != 200));
}

/// Kick sends what was not taken again, under the same id.
async fn send_again(kick: &Kick, sent: &mut Sent) {
    if let Some(delivery) = sent.untaken.pop()
        && kick.resend(&delivery.message_id).await.is_none_or(|again| again.status != 200)
    {
        sent.untaken.insert(0, delivery);
    }
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_str(&delivery.body).unwrap()
}

fn message_id(delivery: &Delivery) -> String {
    body(delivery)["message_id"].as_str().unwrap().to_owned()
}

/// Minutes, as the rules say it in words: of a message and the next one, with two people within five minutes.
fn minutes(said: &[(String, i64)], who: &str) -> i64 {
    let present: BTreeSet<i64> =
        said.iter().filter(|(name, _)| name == who).flat_map(|(_, at)| [*at, *at + 1]).collect();
    let crowded = |minute: &&i64| {
        let around = said.iter().filter(|(_, at)| (**minute - 4..=**minute).contains(at)).map(|(name, _)| name);
        around.collect::<BTreeSet<_>>().len() >= 2
    };
    present.iter().filter(crowded).count() as i64
}

fn expected(sent: &Sent) -> BTreeMap<String, i64> {
    let said: Vec<(String, i64)> = sent
        .chat
        .iter()
        .map(|delivery| {
            let body = body(delivery);
            let at: DateTime<Utc> = body["created_at"].as_str().unwrap().parse().unwrap();
            (body["sender"]["username"].as_str().unwrap().to_owned(), at.timestamp().div_euclid(60))
        })
        .collect();
    let mut wanted = BTreeMap::new();
    for (who, _) in &said {
        let minutes = minutes(&said, who);
        wanted.insert(format!("{who} minutes"), minutes);
        wanted.insert(format!("{who} points"), minutes / 5);
    }
    for who in &sent.followers {
        wanted.insert(format!("{who} points"), 10);
    }
    if sent.gifts > 0 {
        wanted.insert("giver points".into(), i64::try_from(sent.gifts * 100).unwrap());
    }
    let commands = i64::try_from(sent.commands.len()).unwrap();
    wanted.extend([("uses", commands), ("answers", commands), ("wrong balances", 0)].map(|(n, c)| (n.to_owned(), c)));
    wanted.retain(|_, number| *number != 0);
    wanted
}

const NUMBERS: &str = "SELECT username || ' minutes' AS what, minutes AS number FROM viewer WHERE username <> 'asker'
    UNION ALL SELECT username || ' points', balance FROM viewer JOIN point_account USING (guild_id, person_id)
    UNION ALL SELECT 'uses', uses FROM chat_command
    UNION ALL SELECT 'answers', count(*) FROM kick_chat WHERE cause LIKE 'command:%'
    UNION ALL SELECT 'wrong balances', count(*) FROM point_account a WHERE balance < 0 OR balance <>
        (SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id)";

async fn numbers(scene: &Scene) -> BTreeMap<String, i64> {
    let Ok(mut connection) = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.database_url).await else {
        return BTreeMap::new();
    };
    let rows: Vec<(String, i64)> = sqlx::query_as(NUMBERS).fetch_all(&mut connection).await.unwrap_or_default();
    rows.into_iter().filter(|(_, number)| *number != 0).collect()
}

async fn try_change(scene: &Scene, sql: &'static str) -> sqlx::Result<()> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.database_url).await?;
    sqlx::query(sql).execute(&mut connection).await.map(drop)
}

/// Kills PostgreSQL's first process; its keeper starts another.
async fn end_server(url: &str) {
    const FIRST_PROCESS: &str = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int";
    let Ok(mut connection) = <sqlx::PgConnection as sqlx::Connection>::connect(url).await else { return };
    if let Ok(pid) = sqlx::query_scalar::<_, i32>(FIRST_PROCESS).fetch_one(&mut connection).await {
        kill_9(u32::try_from(pid).unwrap());
    }
}
