//! The program is killed between what Kick sends and what comes of it: a command is carried out and paid for once, and what
//! Kick sends again counts once.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use signalbox::bus::{Bus, Publisher};
use signalbox::config::BusConfig;
use signalbox::event::activity::ChatMessage;
use standin::kick::{Delivery, STREAMER, Saying};

use crate::support::chat::Line;
use crate::support::port::free_port;
use crate::support::program::Program;
use crate::support::servers::private_redis;
use crate::support::town::{KICK_PATH, Setup, Town, run_with};

/// Waits, in real time, for what another process does.
async fn until(town: &Town, what: &str, sql: &'static str, wanted: &[&str]) {
    let mut seen = Vec::new();
    for _ in 0..600 {
        seen = town.column(sql).await;
        if seen == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: {seen:?}");
}

async fn dies(program: Program, point: &str) {
    let end = program.ends_within(60).await;
    assert_eq!(end.signal, Some(9), "{point}: {}{}", end.out, end.err);
}

async fn write(town: &Town, publisher: &Publisher, id: &str) {
    let line = Line { id: id.to_owned(), ..Line::of("ada", "!hug") };
    let message = ChatMessage { at: Utc::now(), sent_at: None, ..town.message(&line) };
    publisher.publish(vec![message.to_bytes()]).await.unwrap();
}

async fn a_command_survives(point: &str) {
    let redis = private_redis(true);
    let setup = Setup { redis: Some(redis.url.clone()), gateway: false, ..Setup::default() };
    run_with(setup, async |town| {
        town.with_channel().await;
        town.sql(&format!(
            "INSERT INTO chat_command (id, guild_id, name, reply, cost, cooldown_seconds, created_at)
                 VALUES (gen_random_uuid(), {0}, 'hug', 'hug no. {{count}}', 5, 0, now());
             ",
            town.guild()
        ))
        .await;
        // She is known, and has 50 points.
        town.hear(&[Line::of("ada", "!rank")]).await;
        town.execute("INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
            SELECT guild_id, person_id, now(), 50, 'grant', 'grant:0', '{}' FROM viewer").await;
        let config =
            BusConfig { redis_url: Some(redis.url.as_str().into()), msg_secret: None, prefix: "signalbox".into() };
        let publisher = Bus::open(&config).unwrap().activity_publisher().unwrap();
        // At the same address it is the same consumer, which begins with what it had.
        let port = free_port().to_string();
        let parts = [("SIGNALBOX_ROLES", "intake,ticker"), ("WEBHOOK_PORT", port.as_str())];
        let killed = town.program(&["run"], &[parts[0], parts[1], ("SIGNALBOX_CRASH_AT", point)]);
        write(town, &publisher, "first").await;
        dies(killed, point).await;
        let other = town.program(&["run"], &parts);
        until(town, point, "SELECT uses::text FROM chat_command", &["1"]).await;
        write(town, &publisher, "second").await;
        let said = "SELECT text FROM kick_chat WHERE text LIKE 'hug%' ORDER BY seq";
        until(town, point, said, &["hug no. 1", "hug no. 2"]).await;
        other.kill();
        let paid = "SELECT string_agg(amount::text, ' ' ORDER BY id) || ' = ' || (SELECT balance FROM point_account) FROM ledger";
        assert_eq!(town.column(paid).await, ["50 -5 -5 = 40"], "{point}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_activity_is_looked_at_for_commands() {
    a_command_survives("activity.flushed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_command_is_committed() {
    a_command_survives("command.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_command_is_committed() {
    a_command_survives("command.after_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_chat_that_holds_a_command_is_acknowledged() {
    a_command_survives("activity.before_ack").await;
}

/// A process that takes in webhooks, plans and counts, at this address.
fn takes_in(town: &Town, port: u16, more: &[(&str, &str)]) -> Program {
    let (url, port) = (format!("http://127.0.0.1:{port}{KICK_PATH}"), port.to_string());
    town.kick.set_webhook_url(Some(&url));
    let parts =
        [("SIGNALBOX_ROLES", "intake,worker,ticker"), ("DISCORD_GATEWAY", "off"), ("WEBHOOK_PORT", port.as_str())];
    town.program(&["run"], &[&parts, more].concat())
}

/// Kick sends again what was not taken.
async fn until_taken(town: &Town, deliveries: Vec<Delivery>) {
    for mut delivery in deliveries {
        for _ in 0..300 {
            if delivery.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            delivery = town.kick.resend(&delivery.message_id).await.unwrap();
        }
        assert_eq!(delivery.status, 200);
    }
}

/// Chat, a follow and gifts; the program dies at the first of these points that it comes to.
async fn what_kick_sends_survives(point: &str) {
    let redis = private_redis(true);
    let setup = Setup { redis: Some(redis.url.clone()), gateway: false, ..Setup::kick() };
    run_with(setup, async |town| {
        // Kick's clock is that of the program.
        let since = Utc::now() - town.clock.now();
        town.clock.advance(since);
        town.world_clock.advance(since);
        town.connect_kick(STREAMER).await;
        town.kick.live_since(STREAMER, "Slots", TimeDelta::hours(3)).await;
        town.settle().await;
        let port = free_port();
        let killed = takes_in(town, port, &[("SIGNALBOX_CRASH_AT", point)]);
        let mut sent = Vec::new();
        for minute in 0..20 {
            for who in ["ada", "bob"] {
                let saying = Saying { seconds_ago: (150 - minute) * 60, ..Saying::default() };
                sent.extend(town.kick.chat_with(STREAMER, who, "gg", saying).await);
            }
        }
        sent.extend(town.kick.follow(STREAMER, "ada").await);
        sent.extend(town.kick.gift_subs(STREAMER, Some("bob"), &["cy"]).await);
        // It may die of the first that it is given when it has come up.
        let resending = until_taken(town, sent);
        let both = async {
            dies(killed, point).await;
            takes_in(town, port, &[])
        };
        let ((), other) = tokio::join!(resending, both);
        let numbers = "SELECT username || ' ' || minutes || ' min ' || COALESCE(balance, 0) || ' points in '
                 || (SELECT count(*) FROM ledger l WHERE l.person_id = v.person_id AND kind <> 'watch') || ' entries'
             FROM viewer v LEFT JOIN point_account USING (guild_id, person_id) ORDER BY username";
        until(town, point, numbers, &["ada 21 min 14 points in 1 entries", "bob 21 min 104 points in 1 entries"]).await;
        other.kill();
        town.see("ops");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_chat_is_on_the_stream_and_before_kick_is_answered() {
    what_kick_sends_survives("kick.chat.published").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_follow_is_stored_and_before_kick_is_answered() {
    what_kick_sends_survives("ingest.committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_what_an_event_pays_is_committed() {
    what_kick_sends_survives("plan.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_what_an_event_pays_is_committed() {
    what_kick_sends_survives("plan.after_commit").await;
}
