//! The program is killed at a named point of counting, with everything that it has read on the stream of Redis: another one
//! takes over, and the numbers are those of a run that nothing disturbed.

use chrono::{DurationRound as _, TimeDelta, Utc};
use signalbox::bus::{Bus, Publisher};
use signalbox::config::BusConfig;
use signalbox::event::activity::ChatMessage;
use std::time::Duration;

use crate::support::port::free_port;
use crate::support::servers::private_redis;
use crate::support::town::{Setup, Town, run_with};
use crate::support::viewers::message;

/// An hour of two viewers, some hours ago by the system's clock.
async fn publish(town: &Town, publisher: &Publisher) {
    let begin = (Utc::now() - TimeDelta::hours(5)).duration_trunc(TimeDelta::hours(1)).unwrap();
    let said: Vec<Vec<u8>> = (0..30)
        .flat_map(|minute| ["ada", "bob"].map(|who| (who, minute)))
        .map(|(who, minute)| {
            let at = begin + TimeDelta::minutes(minute);
            ChatMessage { at, ..message(town.guild(), who, minute) }.to_bytes()
        })
        .collect();
    for batch in said.chunks(7) {
        publisher.publish(batch.to_vec()).await.unwrap();
    }
}

async fn counted(town: &Town) -> Vec<String> {
    town.column(
        "SELECT username || ' ' || minutes || ' min, ' || COALESCE(balance, 0) || ' points in ' ||
             (SELECT count(*) FROM ledger l WHERE l.person_id = v.person_id) || ' entries'
         FROM viewer v LEFT JOIN point_account a USING (guild_id, person_id) ORDER BY username",
    )
    .await
}

async fn survives(point: &str) {
    let redis = private_redis(false);
    let setup = Setup { redis: Some(redis.url.clone()), gateway: false, ..Setup::default() };
    run_with(setup, async |town| {
        let config =
            BusConfig { redis_url: Some(redis.url.as_str().into()), msg_secret: None, prefix: "signalbox".into() };
        let publisher = Bus::open(&config).unwrap().activity_publisher().unwrap();
        // At the same address it is the same consumer, which begins with what it had.
        let port = free_port().to_string();
        let parts = [("SIGNALBOX_ROLES", "intake,ticker"), ("WEBHOOK_PORT", port.as_str())];
        let killed = town.program(&["run"], &[parts[0], parts[1], ("SIGNALBOX_CRASH_AT", point)]);
        publish(town, &publisher).await;
        let end = killed.ends_within(60).await;
        assert_eq!(end.signal, Some(9), "{}{}", end.out, end.err);
        // A minute later the lease of the hour is over.
        town.execute("UPDATE watch_channel SET due_at = to_timestamp(0) WHERE due_at IS NOT NULL").await;
        let other = town.program(&["run"], &parts);
        let mut seen = Vec::new();
        for _ in 0..600 {
            seen = counted(town).await;
            if seen.len() == 2 && seen.iter().all(|line| line.contains("31 min, 6 points")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let last = other.output();
        other.kill();
        assert!(seen.iter().all(|line| line.contains("31 min, 6 points")) && seen.len() == 2, "{seen:?}\n{last}");
        let wrong = "SELECT count(*) FROM point_account a WHERE balance <>
            (SELECT sum(amount) FROM ledger l WHERE l.person_id = a.person_id)";
        assert_eq!(town.count(wrong).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_activity_is_stored() {
    survives("activity.flushed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_activity_is_acknowledged() {
    survives("activity.before_ack").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_hour_is_counted() {
    survives("watch.counted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_what_was_earned_is_committed() {
    survives("watch.paid").await;
}
