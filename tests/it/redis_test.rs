//! The event stream through the real program: from an entry on Redis to one card, whatever goes away
//! meanwhile.

use std::time::Duration;

use redis::AsyncCommands as _;
use serde_json::{Value, json};
use signalbox::bus::{Topic, signature};

use crate::support::servers::{private_postgres, private_redis, redis};
use crate::support::town::{Setup, Town, run_with};

/// A stream of this test's own on the shared Redis.
fn with_stream(prefix: &str) -> Setup {
    on(redis(), prefix)
}

fn on(redis: String, prefix: &str) -> Setup {
    let prefix = format!("{prefix}-{}", std::process::id());
    Setup { redis: Some(redis), env: vec![("REDIS_PREFIX", prefix)], gateway: false, ..Setup::default() }
}

/// What another system that writes to the stream can do.
struct Sender {
    connection: redis::aio::MultiplexedConnection,
    prefix: String,
}

impl Sender {
    async fn of(town: &Town) -> Self {
        let value = |name: &str| town.env.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let client = redis::Client::open(value("REDIS_URL")).unwrap();
        let connection = client.get_multiplexed_async_connection().await.unwrap();
        Self { connection, prefix: value("REDIS_PREFIX") }
    }

    fn stream(&self) -> String {
        format!("{}:events", self.prefix)
    }

    async fn add(&mut self, fields: &[(&str, &str)]) -> String {
        self.connection.xadd(self.stream(), "*", fields).await.unwrap()
    }

    async fn send(&mut self, event: &Value) {
        self.add(&[("event", &event.to_string())]).await;
    }

    /// How many entries wait for their acknowledgement.
    async fn pending(&mut self) -> i64 {
        let summary: Vec<redis::Value> = redis::cmd("XPENDING")
            .arg(self.stream())
            .arg(&self.prefix)
            .query_async(&mut self.connection)
            .await
            .unwrap();
        redis::from_redis_value_ref(&summary[0]).unwrap()
    }

    /// The ids of all entries, oldest first.
    async fn entries(&mut self) -> Vec<String> {
        let all: redis::streams::StreamRangeReply = self.connection.xrange_all(self.stream()).await.unwrap();
        all.ids.into_iter().map(|entry| entry.id).collect()
    }

    async fn claim_and_die(&mut self, id: &str) {
        let mut command = redis::cmd("XCLAIM");
        command.arg(self.stream()).arg(&self.prefix).arg("dead").arg(0).arg(id);
        let _: redis::Value = command.query_async(&mut self.connection).await.unwrap();
    }

    /// Another consumer of the group is handed what there is, and is never heard of again.
    async fn hand_to_a_consumer_that_dies(&mut self) {
        let mut command = redis::cmd("XREADGROUP");
        command
            .arg("GROUP")
            .arg(&self.prefix)
            .arg("dead")
            .arg("COUNT")
            .arg(100)
            .arg("STREAMS")
            .arg(self.stream())
            .arg(">");
        let _: redis::Value = command.query_async(&mut self.connection).await.unwrap();
    }
}

fn ticket(id: &str) -> Value {
    json!({
        "id": format!("evt-{id}"), "source": "xtsystems", "type": "ticket.created", "time": "2026-01-02T10:00:00Z",
        "data": { "id": id, "title": format!("Ticket {id}"), "status": "open", "priority": "high" },
    })
}

/// Titles of the tickets that people see.
fn tickets(town: &Town) -> Vec<String> {
    let titles = |message: &Value| {
        let text = message["embeds"][0].to_string();
        let at = text.find("Ticket t").map(|at| text[at + 7..].chars().take_while(|c| c.is_alphanumeric()).collect());
        at.unwrap_or(text)
    };
    town.messages("tickets").iter().map(titles).collect()
}

#[tokio::test]
async fn an_entry_becomes_a_card_once() {
    run_with(with_stream("once"), async |town| {
        town.settle().await;
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        sender.send(&ticket("t1")).await;
        town.settle().await;
        insta::assert_snapshot!(town.see("tickets"), @"
        [🎫 New Ticket Created]
        Ticket ID: #t1
        Title: Ticket t1
        Priority: High
        Status: Open
        Timeline: <+0s> created
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        assert_eq!(sender.pending().await, 0, "acknowledged");
        sender.send(&ticket("t1")).await;
        town.settle().await;
        assert_eq!(tickets(town), ["t1"]);
    })
    .await;
}

#[tokio::test]
async fn killed_between_commit_and_acknowledgement_it_shows_the_card_once() {
    run_with(Setup { claim_idle: Duration::from_millis(50), ..with_stream("killed") }, async |town| {
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        let killed = town.program(&["run"], &[("SIGNALBOX_CRASH_AT", "subscribe.before_ack")]);
        let end = killed.ends_within(20).await;
        assert_eq!(end.signal, Some(9), "{}{}", end.out, end.err);
        assert_eq!(sender.pending().await, 1);
        assert_eq!(town.count("SELECT count(*) FROM event").await, 1);

        let port = ("WEBHOOK_PORT", "0");
        let mut next = town.program(&["run"], &[port]);
        next.says("ready").await;
        town.until("the card is there", || !tickets(town).is_empty()).await;
        next.kill();
        // The entry is still the dead one's. Whoever takes it over finds that it is known.
        while sender.pending().await > 0 {
            town.settle().await;
        }
        assert_eq!(tickets(town), ["t1"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_process_had_is_taken_over() {
    run_with(Setup { claim_idle: Duration::from_millis(50), ..with_stream("dead") }, async |town| {
        town.settle().await;
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        sender.hand_to_a_consumer_that_dies().await;
        town.settle().await;
        assert_eq!(tickets(town), Vec::<String>::new(), "it may still be alive");
        while tickets(town).is_empty() {
            town.settle().await;
        }
        assert_eq!((tickets(town), sender.pending().await), (vec!["t1".to_owned()], 0));
    })
    .await;
}

#[tokio::test]
async fn the_same_event_by_stream_and_by_http_is_one_event() {
    run_with(with_stream("both"), async |town| {
        let body = json!({
            "event_type": "ticket.created", "timestamp": "2026-01-02T10:00:00Z", "company_id": "c",
            "data": { "id": "t1", "title": "Ticket t1", "status": "open", "priority": "high" },
        });
        assert_eq!(town.post(&body.to_string()).await.0, 202);
        // As `WireEvent::dedup_key` describes it, made without a look into the program.
        let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.to_string().as_bytes()));
        let key = format!("ticket.created:t1:2026-01-02T10:00:00Z:{hash}");
        let mut event = ticket("t1");
        event["dedup_key"] = json!(key);
        let mut sender = Sender::of(town).await;
        sender.send(&event).await;
        town.settle().await;
        assert_eq!(town.count("SELECT count(*) FROM event").await, 1);
        assert_eq!(tickets(town), ["t1"]);
    })
    .await;
}

#[tokio::test]
async fn only_what_is_signed_is_believed() {
    let mut setup = with_stream("signed");
    setup.env.push(("REDIS_MSG_SECRET", "the secret of the bus".into()));
    run_with(setup, async |town| {
        let mut sender = Sender::of(town).await;
        let (good, forged) = (ticket("t1").to_string(), ticket("t2").to_string());
        let sign = |text: &str, secret: &str| signature::sign(&secret.into(), text.as_bytes());
        sender.add(&[("event", &forged)]).await;
        sender.add(&[("event", &forged), ("sig", &sign(&forged, "another secret"))]).await;
        sender.add(&[("event", &forged), ("sig", &sign(&good, "the secret of the bus"))]).await;
        sender.add(&[("event", &good), ("sig", &sign(&good, "the secret of the bus"))]).await;
        town.settle().await;
        assert_eq!(tickets(town), ["t1"]);
        let forged = |reason: &str| format!("{reason} | {forged}\n");
        let expected = [
            forged("the entry is not signed, and REDIS_MSG_SECRET is set"),
            forged("the signature of the entry does not match"),
            forged("the signature of the entry does not match"),
        ];
        assert_eq!(quarantine(town).await, expected.concat().trim_end());
        assert_eq!(sender.pending().await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_event_goes_to_quarantine_whole() {
    run_with(with_stream("malformed"), async |town| {
        let mut sender = Sender::of(town).await;
        sender.add(&[("other", "field")]).await;
        sender.add(&[("event", "{not json")]).await;
        sender.add(&[("event", r#"{"id":"1","source":"xtsystems"}"#)]).await;
        sender.add(&[("event", r#"{"id":"1","source":"elsewhere","type":"a.b","time":"2026-01-02T10:00:00Z"}"#)]).await;
        sender.send(&ticket("t1")).await;
        town.settle().await;
        assert_eq!(tickets(town), ["t1"]);
        insta::assert_snapshot!(quarantine(town).await, @r#"
        the entry has no field `event` |
        malformed JSON at line 1, column 2: key must be a string | {not json
        not an event: missing field `type` | {"id":"1","source":"xtsystems"}
        the source `elsewhere` is not configured | {"id":"1","source":"elsewhere","type":"a.b","time":"2026-01-02T10:00:00Z"}
        "#);
        assert_eq!(sender.pending().await, 0);
    })
    .await;
}

/// Reason and body of everything in quarantine.
async fn quarantine(town: &Town) -> String {
    let sql = "SELECT rtrim(reason || ' | ' || convert_from(body, 'UTF8')) FROM quarantine ORDER BY entry_id";
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    rows.join("\n")
}

#[tokio::test]
async fn an_entry_that_five_processes_died_of_goes_to_quarantine() {
    run_with(Setup { claim_idle: Duration::from_millis(50), ..with_stream("poison") }, async |town| {
        town.settle().await;
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        sender.send(&ticket("t2")).await;
        sender.hand_to_a_consumer_that_dies().await;
        let entries = sender.entries().await;
        for _ in 0..4 {
            sender.claim_and_die(&entries[0]).await;
        }
        while sender.pending().await > 0 {
            town.settle().await;
        }
        assert_eq!(tickets(town), ["t2"]);
        let event = ticket("t1");
        assert_eq!(
            quarantine(town).await,
            format!("the entry was handed out 6 times and never acknowledged | {event}")
        );
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_forgets_is_read_again_from_its_start() {
    let mut redis = private_redis(false);
    run_with(on(redis.url.clone(), "forgets"), async |town| {
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        town.settle().await;
        redis.restart();
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t2")).await;
        until_shown(town, &["t1", "t2"]).await;
        assert_eq!(sender.pending().await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_remembers_goes_on_where_it_was() {
    let mut redis = private_redis(true);
    run_with(on(redis.url.clone(), "remembers"), async |town| {
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        town.settle().await;
        sender.send(&ticket("t2")).await;
        redis.restart();
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t3")).await;
        until_shown(town, &["t1", "t2", "t3"]).await;
        assert_eq!((sender.pending().await, town.count("SELECT count(*) FROM event").await), (0, 3));
    })
    .await;
}

/// A connection that was lost is made again after a pause in real time.
async fn until_shown(town: &Town, expected: &[&str]) {
    for _ in 0..100 {
        town.settle().await;
        if tickets(town).len() >= expected.len() {
            break;
        }
    }
    assert_eq!(tickets(town), expected);
}

#[tokio::test]
async fn without_redis_everything_else_goes_on() {
    let mut redis = private_redis(true);
    redis.stop();
    run_with(on(redis.url.clone(), "away"), async |town| {
        town.connect().await;
        town.machine("web-07").await;
        town.press("approver", "machines", "Approve").await;
        assert!(town.see("machines").contains("Approved"), "{}", town.see("machines"));

        redis.start();
        let mut sender = Sender::of(town).await;
        sender.send(&ticket("t1")).await;
        until_shown(town, &["t1"]).await;

        redis.stop();
        town.machine("web-08").await;
        assert!(town.see("machines").contains("web-08"));
        redis.start();
        Sender::of(town).await.send(&ticket("t2")).await;
        until_shown(town, &["t1", "t2"]).await;
    })
    .await;
}

#[tokio::test]
async fn while_the_database_is_away_entries_are_held() {
    let mut postgres = private_postgres();
    let setup = Setup { claim_idle: Duration::from_secs(60), ..with_stream("held") };
    run_with(Setup { database_url: Some(postgres.url.clone()), ..setup }, async |town| {
        town.settle().await;
        let mut sender = Sender::of(town).await;
        postgres.stop();
        sender.send(&ticket("t1")).await;
        sender.add(&[("event", "{not json")]).await;
        let app = town.app.clone();
        let reading = tokio::spawn(async move { app.step().await.is_ok() });
        // Handed out, tried in vain, and held.
        while sender.pending().await < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(sender.pending().await, 2);
        postgres.start();
        assert!(reading.await.unwrap());
        town.settle().await;
        assert_eq!((tickets(town), sender.pending().await), (vec!["t1".to_owned()], 0));
        assert_eq!(town.count("SELECT count(*) FROM quarantine").await, 1, "what is no event, and nothing else");
    })
    .await;
}

#[tokio::test]
async fn two_processes_share_one_stream() {
    run_with(with_stream("shared"), async |town| {
        // Each process learns a channel's limit for itself: being told to wait is how they agree.
        town.expect_violation("rate limit met");
        let (second, lifecycle) = town.another_bot().await;
        let mut sender = Sender::of(town).await;
        let mut expected = Vec::new();
        for round in 0..10 {
            let id = format!("t{round}");
            sender.send(&ticket(&id)).await;
            expected.push(id);
            let (first, second) = tokio::join!(town.app.step(), second.step());
            first.unwrap();
            second.unwrap();
        }
        town.settle().await;
        for _ in 0..10 {
            // The channel's limit on messages.
            town.advance(chrono::TimeDelta::seconds(5)).await;
        }
        let mut seen = tickets(town);
        seen.sort();
        assert_eq!((seen, sender.pending().await), (expected, 0));
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn a_press_in_one_process_wakes_the_other() {
    run_with(Setup { gateway: true, ..with_stream("wake") }, async |town| {
        town.machine("web-07").await;
        let (second, lifecycle) = town.another_bot().await;
        let mut hints = second.ports.wake.listen(Topic::Approvals);
        // A new subscription begins with a hint of its own.
        while tokio::time::timeout(Duration::from_millis(300), hints.woken()).await.is_ok() {}
        let (message, custom_id) = town.button("machines", "Approve").unwrap();
        let press = json!({ "as": "approver", "do": "press", "message": message, "custom_id": custom_id });
        let (_, woken) =
            tokio::join!(town.discord.act(press), tokio::time::timeout(Duration::from_secs(5), hints.woken()));
        assert!(woken.is_ok(), "no hint came");
        while second.step().await.unwrap() > 0 {}
        assert!(town.xt.calls().iter().any(|call| call.path.contains("approve")), "{:?}", town.xt.calls());
        town.settle().await;
        town.see("machines");
        lifecycle.stop();
    })
    .await;
}
