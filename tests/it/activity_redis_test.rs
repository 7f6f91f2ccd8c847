//! Chat of Kick on Redis, while Redis is killed and away: what was answered 200 counts once, what was not is sent again.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use signalbox::bus::ReaderOptions;
use standin::kick::{Delivery, STREAMER};

use crate::support::delivery::ticket;
use crate::support::servers::{PrivateRedis, private_redis};
use crate::support::town::{Setup, Town, run_with};

fn on(redis: &PrivateRedis) -> Setup {
    Setup { redis: Some(redis.url.clone()), claim_idle: Duration::ZERO, ..Setup::kick() }
}

/// Two write in each of these minutes; what their deliveries were answered.
async fn chat(town: &Town, minutes: usize) -> Vec<Delivery> {
    let mut sent = Vec::new();
    for _ in 0..minutes {
        for who in ["ada", "bob"] {
            sent.extend(town.kick.chat(STREAMER, who, "gg").await);
        }
        town.clock.advance(TimeDelta::minutes(1));
        town.world_clock.advance(TimeDelta::minutes(1));
    }
    sent
}

async fn minutes(town: &Town) -> Vec<String> {
    town.column(
        "SELECT username || ' ' || minutes || ' min ' || COALESCE(balance, 0) || ' points'
        FROM viewer LEFT JOIN point_account USING (guild_id, person_id) ORDER BY username",
    )
    .await
}

/// A connection that was lost is made again after a pause in real time.
async fn until_read(town: &Town, entries: usize) {
    let config = town.env.iter().find(|(name, _)| name == "REDIS_URL").unwrap().1.clone();
    let client = redis::Client::open(config).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for _ in 0..200 {
        town.settle().await;
        let pending: Vec<redis::Value> = redis::cmd("XPENDING")
            .arg("signalbox:activity")
            .arg("signalbox")
            .query_async(&mut connection)
            .await
            .unwrap();
        let length: usize = redis::cmd("XLEN").arg("signalbox:activity").query_async(&mut connection).await.unwrap();
        let lag: Vec<Vec<redis::Value>> =
            redis::cmd("XINFO").arg("GROUPS").arg("signalbox:activity").query_async(&mut connection).await.unwrap();
        if pending[0] == redis::Value::Int(0) && lag_of(&lag[0]) == 0 {
            assert_eq!(length, entries);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the stream is not read");
}

fn lag_of(fields: &[redis::Value]) -> i64 {
    let at = fields.iter().position(|field| *field == redis::Value::BulkString(b"lag".to_vec())).unwrap();
    match fields[at + 1] {
        redis::Value::Int(lag) => lag,
        _ => -1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_loses_nothing_of_a_stream() {
    let mut redis = private_redis(true);
    run_with(on(&redis), async |town| {
        town.connect_kick(STREAMER).await;
        town.kick.go_live(STREAMER, "Slots").await;
        town.settle().await;
        let mut sent = chat(town, 10).await;
        town.settle().await;
        sent.extend(chat(town, 10).await);
        // Read by a process that dies before it has stored anything, and then Redis is killed.
        let mut lost = town.app.bus().activity_reader("dead", ReaderOptions::default());
        assert!(!lost.next(Duration::from_secs(2)).await.unwrap().is_empty());
        drop(lost);
        redis.kill();
        redis.start();
        for late in chat(town, 10).await {
            sent.push(until_taken(town, late).await);
        }
        assert!(sent.iter().all(|delivery| delivery.status == 200));
        until_read(town, 60).await;
        town.advance(TimeDelta::minutes(61)).await;
        assert_eq!(minutes(town).await, ["ada 31 min 6 points", "bob 31 min 6 points"]);
        town.see("ops");
    })
    .await;
}

/// Kick sends what was not taken again, for as long as a day.
async fn until_taken(town: &Town, mut delivery: Delivery) -> Delivery {
    for _ in 0..200 {
        if delivery.status == 200 {
            return delivery;
        }
        assert_eq!(delivery.status, 503, "it is to be sent again");
        tokio::time::sleep(Duration::from_millis(50)).await;
        delivery = town.kick.resend(&delivery.message_id).await.unwrap();
    }
    panic!("it is not taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_kick_sends_again_and_tickets_do_not_wait() {
    let mut redis = private_redis(true);
    run_with(on(&redis), async |town| {
        town.connect_kick(STREAMER).await;
        town.kick.go_live(STREAMER, "Slots").await;
        town.settle().await;
        redis.kill();
        let sent = chat(town, 3).await;
        assert!(sent.iter().all(|delivery| delivery.status == 503 && delivery.attempts == 3), "{sent:?}");
        assert_eq!(town.kick.follow(STREAMER, "ada").await[0].status, 200, "all but chat needs no Redis");
        let began = Instant::now();
        town.send("ticket.created", ticket("7", "open")).await;
        assert!(town.see("tickets").contains("Ticket 7"), "{}", town.see("tickets"));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        redis.start();
        for delivery in sent {
            until_taken(town, delivery).await;
        }
        until_read(town, 6).await;
        town.advance(TimeDelta::minutes(61)).await;
        assert_eq!(minutes(town).await, ["ada 4 min 10 points", "bob 4 min 0 points"]);
        town.see("ops");
    })
    .await;
}
