//! Everything at once, at random: several processes on one PostgreSQL and Redis, faults of Discord and XTSystems,
//! processes killed, both servers ended. In the end each signal is there exactly once, or accounted for.
//!
//! A longer run is `./scripts/survive SECONDS [SEED]`.

use std::time::{Duration, Instant};

use redis::AsyncCommands as _;
use serde_json::{Value, json};
use signalbox::clock::Clock;
use standin::xtsystems::{Machine, Mode};

use crate::support::delivery::{alert, route_to_webhook, ticket};
use crate::support::dice::Dice;
use crate::support::process::kill_9;
use crate::support::scene::{Company, Scene};
use crate::support::servers::{durable_postgres, private_redis};

/// Seconds of trouble unless `SURVIVE_SECONDS` says otherwise; what is left over is made good afterwards.
const SECONDS: u64 = 20;
const PREFIX: &str = "survive";
const PROCESSES: &[&str] = &["intake,worker", "bot,worker", "intake,ticker", "bot"];

/// What a request of Discord's API may meet. Left out is what Discord's own limits make unanswerable: a nonce forgotten
/// within its window.
const MISHAPS: &[&str] =
    &["accept_then_drop", "drop", "status:500", "status:500:done", "status:200:done", "html:502", "429:user", "hang"];
const ROUTES: &[&str] =
    &["create_message", "create_message", "edit_message", "execute_webhook", "callback", "list_messages"];
const GATEWAY_MISHAPS: &[&str] =
    &["close:4000", "close:none", "reconnect", "invalid_session", "invalid_session:resumable"];

/// What was sent, each with a name of its own.
#[derive(Default)]
struct Sent {
    alerts: u64,
    tickets: u64,
    users: u64,
    machines: Vec<Machine>,
    /// Entries of the stream that are not certainly there yet.
    unsure: Vec<String>,
    streamed: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once() {
    let (seed, mut dice) = Dice::seeded_by("SURVIVE_SEED");
    let given = std::env::var("SURVIVE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let trouble = Duration::from_secs(given.unwrap_or(SECONDS));
    let postgres = durable_postgres();
    let mut redis = private_redis(true);
    let scene = Scene::company(Company {
        all: &[("REDIS_URL", &redis.url), ("REDIS_PREFIX", PREFIX), ("DATABASE_MAX_CONNECTIONS", "5")],
        roles: PROCESSES,
        database_url: Some(&postgres.url),
        ..Company::default()
    })
    .await;
    let (webhook, token, _) = scene.discord.create_webhook(scene.discord.channel_id("stream"), "Relay").unwrap();
    let store = scene.store();
    route_to_webhook(&store, &Clock::system(), scene.discord.guild_id(), "user.*", webhook, &token).await;
    store.close().await;

    let mut sent = Sent::default();
    let (mut killed, mut servers_ended) = (0, 0);
    let (mut next_kill, mut next_end) = (Duration::from_millis(500), Duration::from_secs(3));
    let since = Instant::now();
    while since.elapsed() < trouble {
        misbehave(&scene, &mut dice);
        something_happens(&scene, &mut dice, &redis.url, &mut sent).await;
        tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
        if since.elapsed() > next_kill {
            scene.kill_one(usize::try_from(dice.below(PROCESSES.len() as u64)).unwrap());
            killed += 1;
            next_kill = since.elapsed() + Duration::from_millis(400 + dice.below(2500));
        }
        if since.elapsed() > next_end {
            if dice.below(2) == 0 {
                redis.restart();
            } else {
                end_server(&postgres.url).await;
            }
            servers_ended += 1;
            next_end = since.elapsed() + Duration::from_millis(3000 + dice.below(4000));
        }
    }

    scene.discord.clear_faults();
    scene.xt.mode(Mode::ok());
    while !sent.unsure.is_empty() {
        stream_again(&redis.url, &mut sent).await;
    }
    // Whatever XTSystems has given up is fetched by the next start.
    let before = scene.deaths();
    (0..PROCESSES.len()).for_each(|n| scene.kill_one(n));
    let again = before + PROCESSES.len() as u32;
    scene
        .until("all are started once more", || scene.deaths() >= again && scene.discord.connected_sessions() > 0)
        .await;
    for machine in &sent.machines {
        let shown = format!("\"{}\"", machine.hostname);
        scene.until("the machine is shown", || scene.seen("machines", &shown) > 0).await;
        while scene.press(&machine.hostname, "Approve").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let all_alerts = || (0..sent.alerts).all(|n| scene.seen("alerts", &format!("alert {n}.")) > 0);
    scene.until("all alerts are shown", all_alerts).await;
    scene.until_none(LEFT_TO_DO).await;

    for n in 0..sent.alerts {
        assert_eq!(scene.seen("alerts", &format!("alert {n}.")), 1, "alert {n}, seed {seed}");
    }
    for (count, name) in [(sent.tickets, "t"), (sent.streamed, "s")] {
        for n in 0..count {
            assert_eq!(scene.seen("tickets", &format!("\"Ticket {name}{n}\"")), 1, "ticket {name}{n}, seed {seed}");
        }
    }
    assert_eq!(scene.texts("machines").len(), sent.machines.len(), "seed {seed}");
    // A decision that was carried out and then answered with 500 is found there by asking, not made again.
    let mut taken = scene.decisions();
    taken.sort();
    let calls = taken.len();
    taken.dedup();
    assert_eq!(taken.len(), calls, "no approval was decided twice, seed {seed}");
    let approved = scene.xt.machines().iter().filter(|machine| machine.status == "approved").count();
    assert_eq!(approved, sent.machines.len(), "each approval was decided upstream, seed {seed}");
    let doubts = on_the_webhook(&scene, &sent, seed).await;
    println!(
        "{} s: {} processes killed, {servers_ended} times PostgreSQL or Redis ended; once each: {} alerts, {} tickets \
         ({} by the stream), {} machines decided, {} through a webhook, of which {doubts} stay in doubt with their reason",
        since.elapsed().as_secs(),
        killed + PROCESSES.len(),
        sent.alerts,
        sent.tickets + sent.streamed,
        sent.streamed,
        sent.machines.len(),
        sent.users,
    );
    scene.finish().await;
}

/// There is no nonce on webhooks: each user is there at most once, and who is not there is in a send that says why.
/// Returns how many stay in doubt.
async fn on_the_webhook(scene: &Scene, sent: &Sent, seed: u64) -> i64 {
    for n in 0..sent.users {
        match scene.seen("stream", &format!("\"user-{n}\"")) {
            0 => assert!(is_accounted_for(scene, n).await, "user {n} is missing without a word, seed {seed}"),
            seen => assert_eq!(seen, 1, "user {n}, seed {seed}"),
        }
    }
    let events = scene.count("SELECT count(*) FROM event WHERE kind = 'user.created'").await;
    assert_eq!(events, i64::try_from(sent.users).unwrap(), "each is one event, seed {seed}");
    scene.count(IN_DOUBT_WITH_A_REASON).await
}

/// Whether the message of this very user is among those.
async fn is_accounted_for(scene: &Scene, user: u64) -> bool {
    const OF_THIS_ONE: &str =
        "SELECT count(*) FROM message m JOIN send s ON s.id = m.send_id JOIN event e ON e.id = m.event_id
        WHERE s.state IN ('in_doubt', 'unresolved') AND s.note IS NOT NULL AND e.data ->> 'username' = $1";
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&scene.database_url).await.unwrap();
    let found = sqlx::query_scalar::<_, i64>(OF_THIS_ONE).bind(format!("user-{user}"));
    found.fetch_one(&mut connection).await.unwrap() > 0
}

/// Messages of sends whose fate nobody can say.
const IN_DOUBT_WITH_A_REASON: &str = "SELECT count(*) FROM message m JOIN send s ON s.id = m.send_id
    WHERE s.state IN ('in_doubt', 'unresolved') AND s.note IS NOT NULL";

/// As for every scene, and without what stays in doubt.
const LEFT_TO_DO: &str = "SELECT (SELECT count(*) FROM event WHERE planned_at IS NULL)
    + (SELECT count(*) FROM message m LEFT JOIN send s ON s.id = m.send_id
       WHERE m.state IN ('queued', 'sending') AND s.state IS DISTINCT FROM 'unresolved')
    + (SELECT count(*) FROM send WHERE lateness_due)
    + (SELECT count(*) FROM card WHERE version > shown_version AND gone_at IS NULL)
    + (SELECT count(*) FROM approval WHERE state IN ('deciding', 'sent', 'unknown'))";

fn misbehave(scene: &Scene, dice: &mut Dice) {
    if dice.below(8) == 0 {
        scene.fault(dice.one_of(ROUTES), dice.one_of(MISHAPS));
    }
    if dice.below(100) == 0 {
        scene.fault("gateway", dice.one_of(GATEWAY_MISHAPS));
    }
    if dice.below(60) == 0 {
        scene.fault("interaction", "twice");
    }
    if dice.below(30) == 0 {
        let modes = [Mode::status(500), Mode::effect_then_500(), Mode::timeout_ms(300)];
        let n = usize::try_from(dice.below(modes.len() as u64)).unwrap();
        scene.xt.mode(modes.into_iter().nth(n).unwrap().times(1));
    }
}

async fn something_happens(scene: &Scene, dice: &mut Dice, redis: &str, sent: &mut Sent) {
    match dice.below(9) {
        0 | 1 => {
            scene.xt.send("alert.triggered", alert(&format!("alert {}.", sent.alerts))).await;
            sent.alerts += 1;
        }
        2 => {
            scene.xt.send("ticket.created", ticket(&format!("t{}", sent.tickets), "open")).await;
            sent.tickets += 1;
        }
        3 if sent.tickets > 0 => {
            let id = format!("t{}", dice.below(sent.tickets));
            scene.xt.send("ticket.updated", ticket(&id, "waiting")).await;
        }
        4 if sent.machines.len() < 12 => {
            let hostname = format!("host-{}", sent.machines.len());
            sent.machines.push(scene.xt.register_machine(&hostname, "10.0.0.7", "Debian 13").await);
        }
        5 => {
            let deliveries = scene.xt.deliveries();
            let n = usize::try_from(dice.below(deliveries.len().max(1) as u64)).unwrap();
            if let Some(delivery) = deliveries.get(n) {
                scene.xt.resend(&delivery.id).await;
            }
        }
        6 => {
            scene
                .xt
                .send("user.created", json!({ "id": sent.users, "username": format!("user-{}", sent.users) }))
                .await;
            sent.users += 1;
        }
        7 => {
            sent.unsure.push(streamed_ticket(sent.streamed).to_string());
            sent.streamed += 1;
            stream_again(redis, sent).await;
        }
        _ => {
            if let Some(machine) = sent.machines.last() {
                scene.press(&machine.hostname, "Approve").await;
            }
        }
    }
}

fn streamed_ticket(n: u64) -> Value {
    json!({
        "id": format!("evt-s{n}"), "source": "xtsystems", "type": "ticket.created", "time": "2026-01-02T10:00:00Z",
        "data": ticket(&format!("s{n}"), "open"),
    })
}

/// As a careful sender does: whatever was not answered is written again.
async fn stream_again(redis: &str, sent: &mut Sent) {
    let attempt = async {
        let mut connection = redis::Client::open(redis)?.get_multiplexed_async_connection().await?;
        while let Some(entry) = sent.unsure.last() {
            let _: String = connection.xadd(format!("{PREFIX}:events"), "*", &[("event", entry)]).await?;
            sent.unsure.pop();
        }
        Ok::<(), redis::RedisError>(())
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), attempt).await;
}

/// Kills PostgreSQL's first process; its keeper starts another.
async fn end_server(url: &str) {
    const FIRST_PROCESS: &str = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int";
    let Ok(mut connection) = <sqlx::PgConnection as sqlx::Connection>::connect(url).await else { return };
    if let Ok(pid) = sqlx::query_scalar::<_, i32>(FIRST_PROCESS).fetch_one(&mut connection).await {
        kill_9(u32::try_from(pid).unwrap());
    }
}
