//! The event bus against a real Redis, with its restarts.

use std::time::Duration;

use secrecy::SecretString;
use signalbox::bus::redis_stream::{Reader, RedisBus};
use signalbox::bus::{Bus, BusError, Entry, MAX_DELIVERIES, ReaderOptions, Refusal, Topic};
use signalbox::config::BusConfig;
use signalbox::lifecycle::Lifecycle;

use crate::support::private::PrivateRedis;
use crate::support::servers::private_redis;

const BLOCK: Duration = Duration::from_millis(60);

impl PrivateRedis {
    fn bus(&self, secret: Option<&str>) -> RedisBus {
        RedisBus::open(&self.url.as_str().into(), secret.map(SecretString::from), "test").unwrap()
    }

    /// Runs a command as an outsider would.
    async fn run(&self, command: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.url.as_str()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await.unwrap()
    }

    async fn pending(&self) -> i64 {
        let redis::Value::Array(summary) = self.run(&["XPENDING", "test:events", "test"]).await else { panic!() };
        let redis::Value::Int(count) = summary[0] else { panic!() };
        count
    }
}

fn patient() -> ReaderOptions {
    ReaderOptions::default()
}

/// Takes over what lay for the time of a block.
fn hasty() -> ReaderOptions {
    ReaderOptions { claim_idle: BLOCK, ..ReaderOptions::default() }
}

async fn publish(bus: &RedisBus, events: &[&str]) {
    let events: Vec<Vec<u8>> = events.iter().map(|e| e.as_bytes().to_vec()).collect();
    bus.publisher().unwrap().publish(events).await.unwrap();
}

/// What a reader hands out, as `event×deliveries`.
fn told(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|e| format!("{}×{}", String::from_utf8_lossy(&e.event), e.deliveries)).collect()
}

fn ids(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|e| e.id.clone()).collect()
}

/// Goes on reading, over errors and empty answers, until something comes.
async fn something(reader: &mut Reader) -> Vec<Entry> {
    for _ in 0..100 {
        match reader.next(BLOCK).await {
            Ok(entries) if entries.is_empty() => {}
            Ok(entries) => return entries,
            Err(BusError::Away(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("nothing came");
}

// ---- Tests ----

#[tokio::test]
async fn activity_is_a_stream_of_its_own() {
    let redis = private_redis(false);
    let config =
        BusConfig { redis_url: Some(redis.url.as_str().into()), msg_secret: Some("s".into()), prefix: "test".into() };
    for config in [config.clone(), BusConfig { redis_url: None, ..config }] {
        let bus = Bus::open(&config).unwrap();
        bus.activity_publisher().unwrap().publish(vec![b"chat".to_vec()]).await.unwrap();
        bus.publisher().unwrap().publish(vec![b"record".to_vec()]).await.unwrap();
        let mut activity = bus.activity_reader("one", patient());
        let entries = activity.next(BLOCK).await.unwrap();
        assert_eq!(told(&entries), ["chat×1"]);
        assert!(activity.refusal(&entries[0]).is_none(), "signed with our own secret");
        assert_eq!(told(&bus.reader("one", patient()).next(BLOCK).await.unwrap()), ["record×1"]);
    }
}

#[tokio::test]
async fn an_entry_stays_pending_until_its_effect_is_committed() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a", "b", "c"]).await;
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    assert_eq!(told(&entries), ["a×1", "b×1", "c×1"]);
    assert_eq!(redis.pending().await, 3);
    reader.ack(&ids(&entries[..2])).await.unwrap();
    assert_eq!(redis.pending().await, 1);
    assert_eq!(reader.next(BLOCK).await.unwrap(), [], "what is handed out is not handed out twice at once");
}

#[tokio::test]
async fn a_reader_that_crashed_begins_with_what_it_had() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a", "b"]).await;
    let had = bus.reader("one", patient()).next(BLOCK).await.unwrap();
    assert_eq!(had.len(), 2);
    publish(&bus, &["c"]).await;

    let mut reader = bus.reader("one", patient());
    let again = reader.next(BLOCK).await.unwrap();
    assert_eq!(told(&again), ["a×2", "b×2"]);
    reader.ack(&ids(&again)).await.unwrap();
    assert_eq!(told(&reader.next(BLOCK).await.unwrap()), ["c×1"]);
}

#[tokio::test]
async fn what_a_dead_consumer_had_is_taken_over() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a", "b"]).await;
    bus.reader("dead", patient()).next(BLOCK).await.unwrap();

    let mut alive = bus.reader("alive", hasty());
    let taken = something(&mut alive).await;
    assert_eq!(told(&taken), ["a×2", "b×2"]);
    alive.ack(&ids(&taken)).await.unwrap();
    assert_eq!(redis.pending().await, 0);
}

#[tokio::test]
async fn a_living_consumer_keeps_what_it_has() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a"]).await;
    bus.reader("one", patient()).next(BLOCK).await.unwrap();
    let mut other = bus.reader("other", patient());
    assert_eq!(other.next(BLOCK).await.unwrap(), []);
    assert_eq!(other.next(BLOCK).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_held_is_not_taken_over_and_does_not_wear_out() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a"]).await;
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    let mut other = bus.reader("other", ReaderOptions { claim_idle: BLOCK * 5, ..ReaderOptions::default() });
    for _ in 0..10 {
        assert_eq!(other.next(BLOCK).await.unwrap(), []);
        reader.hold(&ids(&entries)).await.unwrap();
    }
    assert_eq!(told(&something(&mut other).await), ["a×2"], "let go at last");
}

#[tokio::test]
async fn after_five_deliveries_an_entry_is_for_quarantine() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["poison"]).await;
    for delivery in 1..=MAX_DELIVERIES {
        let mut reader = bus.reader("one", patient());
        let entries = reader.next(BLOCK).await.unwrap();
        assert_eq!((entries[0].deliveries, reader.refusal(&entries[0])), (delivery, None));
    }
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    assert_eq!(reader.refusal(&entries[0]), Some(Refusal::TooOften(6)));
    reader.ack(&ids(&entries)).await.unwrap();
    assert_eq!(reader.next(BLOCK).await.unwrap(), []);
}

#[tokio::test]
async fn only_what_is_signed_with_the_secret_is_taken_in() {
    let redis = private_redis(false);
    let bus = redis.bus(Some("the secret"));
    publish(&bus, &["ours"]).await;
    publish(&redis.bus(Some("another secret")), &["forged"]).await;
    publish(&redis.bus(None), &["unsigned"]).await;
    redis.run(&["XADD", "test:events", "*", "sig", "00", "other", "x"]).await;
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    let refusals: Vec<Option<Refusal>> = entries.iter().map(|entry| reader.refusal(entry)).collect();
    assert_eq!(refusals, [None, Some(Refusal::BadSignature), Some(Refusal::Unsigned), Some(Refusal::NoEvent)]);
    assert!(redis.bus(None).reader("two", patient()).refusal(&entries[2]).is_none(), "no secret, no signature");
}

#[tokio::test]
async fn a_redis_that_forgets_everything_is_taken_up_again() {
    let mut redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a"]).await;
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    redis.restart();
    // Stream and group are gone; an acknowledgement for them is not an error worth more than a retry.
    let _ = reader.ack(&ids(&entries)).await;
    publish(&bus, &["b"]).await;
    let entries = something(&mut reader).await;
    assert_eq!(told(&entries), ["b×1"], "published before the group was made again");
    reader.ack(&ids(&entries)).await.unwrap();
    assert_eq!(redis.pending().await, 0);
}

#[tokio::test]
async fn a_redis_that_remembers_hands_out_what_was_pending() {
    let mut redis = private_redis(true);
    let bus = redis.bus(None);
    publish(&bus, &["a", "b"]).await;
    let mut reader = bus.reader("one", patient());
    let entries = reader.next(BLOCK).await.unwrap();
    reader.ack(&ids(&entries[..1])).await.unwrap();
    redis.restart();
    publish(&bus, &["c"]).await;
    let again = something(&mut reader).await;
    assert_eq!(again.iter().map(|e| e.event.as_slice()).collect::<Vec<_>>(), [b"b"]);
    assert!(again[0].deliveries >= 2);
    reader.ack(&ids(&again)).await.unwrap();
    assert_eq!(told(&something(&mut reader).await), ["c×1"]);
}

#[tokio::test]
async fn a_stream_that_is_deleted_under_a_reader_is_made_again() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    let mut reader = bus.reader("one", patient());
    assert_eq!(reader.next(BLOCK).await.unwrap(), []);
    redis.run(&["DEL", "test:events"]).await;
    publish(&bus, &["a", "b"]).await;
    assert_eq!(told(&reader.next(BLOCK).await.unwrap()), ["a×1", "b×1"]);
}

#[tokio::test]
async fn redis_away_is_an_error_and_never_shows_its_password() {
    let mut redis = private_redis(false);
    let bus = redis.bus(None);
    redis.stop();
    let error = bus.reader("one", patient()).next(BLOCK).await.unwrap_err();
    assert!(matches!(error, BusError::Away(_)), "{error}");
    redis.start();
    redis.run(&["CONFIG", "SET", "requirepass", "right"]).await;
    let url = format!("{}?pass=hunter2", redis.url);
    let bus = RedisBus::open(&url.as_str().into(), None, "test").unwrap();
    let error = bus.reader("one", patient()).next(BLOCK).await.unwrap_err();
    assert!(matches!(error, BusError::Refused(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let Err(error) = RedisBus::open(&"redis://:hunter2@host:port/".into(), None, "test") else { panic!() };
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_came_for_a_cancelled_read_is_handed_out_next() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    let mut reader = bus.reader("one", patient());
    assert!(tokio::time::timeout(BLOCK, reader.next(Duration::from_secs(60))).await.is_err());
    publish(&bus, &["a"]).await;
    assert_eq!(told(&reader.next(BLOCK).await.unwrap()), ["a×2"]);
}

#[tokio::test]
async fn a_read_that_is_cancelled_loses_nothing() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    let mut reader = bus.reader("one", patient());
    assert_eq!(reader.next(BLOCK).await.unwrap(), []);
    for i in 0..20 {
        let event = i.to_string();
        let events = [event.as_str()];
        let mut publishing = std::pin::pin!(publish(&bus, &events));
        tokio::select! {
            _ = reader.next(Duration::from_secs(5)) => publishing.await,
            () = &mut publishing => {}
        }
    }
    let mut reader = bus.reader("two", hasty());
    let mut seen = Vec::new();
    while seen.len() < 20 {
        // A socket that closed while Redis wrote to it: the rest is taken over later.
        let entries = something(&mut reader).await;
        reader.ack(&ids(&entries)).await.unwrap();
        seen.extend(entries.into_iter().map(|e| String::from_utf8(e.event).unwrap()));
    }
    seen.sort_by_key(|event| event.parse::<u32>().unwrap());
    assert_eq!(seen, (0..20).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn pending_entries_that_the_stream_dropped_are_let_go() {
    let redis = private_redis(false);
    let bus = redis.bus(None);
    publish(&bus, &["a", "b"]).await;
    let had = bus.reader("one", patient()).next(BLOCK).await.unwrap();
    redis.run(&["XDEL", "test:events", &had[0].id]).await;
    let mut reader = bus.reader("one", patient());
    assert_eq!(told(&reader.next(BLOCK).await.unwrap()), ["b×2"]);
    assert_eq!(redis.pending().await, 1);
}

#[tokio::test]
async fn many_events_come_in_order_and_in_batches() {
    let redis = private_redis(false);
    let bus = redis.bus(Some("s"));
    let events: Vec<String> = (0..1234).map(|i| i.to_string()).collect();
    publish(&bus, &events.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut reader = bus.reader("one", patient());
    let mut seen = Vec::new();
    loop {
        let entries = reader.next(BLOCK).await.unwrap();
        if entries.is_empty() {
            break;
        }
        assert!(entries.len() <= 100);
        reader.ack(&ids(&entries)).await.unwrap();
        seen.extend(entries.into_iter().map(|e| String::from_utf8(e.event).unwrap()));
    }
    assert_eq!(seen, events);
    assert_eq!(redis.pending().await, 0);
}

#[tokio::test]
async fn processes_wake_one_another_also_after_a_restart_of_redis() {
    let mut redis = private_redis(false);
    let config = BusConfig { redis_url: Some(redis.url.as_str().into()), msg_secret: None, prefix: "test".into() };
    let (here, there) = (Bus::open(&config).unwrap().wake(), Bus::open(&config).unwrap().wake());
    let lifecycle = Lifecycle::new();
    lifecycle.spawn("wake here", here.clone().run(lifecycle.token()));
    lifecycle.spawn("wake there", there.clone().run(lifecycle.token()));
    let mut hints = there.listen(Topic::Deliverer);
    for round in 0..2 {
        // A subscription begins with a hint of its own; after those are taken, silence.
        while tokio::time::timeout(BLOCK * 5, hints.woken()).await.is_ok() {}
        let mut woken = 0;
        for _ in 0..100 {
            here.wake(Topic::Deliverer);
            woken += i32::from(tokio::time::timeout(BLOCK, hints.woken()).await.is_ok());
        }
        assert!(woken > 50, "round {round}: {woken} of 100 hints arrived");
        redis.restart();
    }
    assert!(lifecycle.shutdown(Duration::from_secs(5)).await);
}
