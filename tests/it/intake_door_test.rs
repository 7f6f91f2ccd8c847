//! Bad input at the intake's door: each is answered clearly, and nothing of a genuine sender is lost.

use crate::support::door::{alert, knock, notices, refusals};
use crate::support::town::{SECRET, Town, run, sign};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use signalbox::event::{Event, NewEvent, Severity, Via};
use signalbox::source::ingest::IngestError;
use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn what_is_not_signed_rightly_is_refused_and_says_nothing_more() {
    run(async |town| {
        let answers = [
            knock(town).unsigned().send().await,
            knock(town).timestamp(None).send().await,
            knock(town).signature("").send().await,
            knock(town).signature("sha256=abc").send().await,
            knock(town).signature("nonsense").send().await,
            knock(town).timestamp(Some("yesterday")).send().await,
            knock(town).timestamp(Some("-5")).send().await,
            knock(town).skew(-301).send().await,
            knock(town).skew(61).send().await,
            knock(town).secret("another").send().await,
            knock(town).signature(&format!("sha256={}", "0".repeat(64))).send().await,
        ];
        insta::assert_snapshot!(answers.map(|a| a.line()).join("\n"), @r"
        401 Missing signature or timestamp
        401 Missing signature or timestamp
        401 Missing signature or timestamp
        401 Invalid signature
        401 Invalid signature
        401 Invalid signature
        401 Invalid signature
        401 Timestamp too old
        401 Timestamp too old
        401 Invalid signature
        401 Invalid signature
        ");
        insta::assert_snapshot!(refusals(town).await, @r#"
        The X-XTSystems-Signature header is missing. XTSystems signs only when the webhook has a secret: register it again with one.
        The X-XTSystems-Timestamp header is missing.
        The X-XTSystems-Signature header is missing. XTSystems signs only when the webhook has a secret: register it again with one.
        The X-XTSystems-Signature header is not "sha256=" followed by 64 hex digits.
        The X-XTSystems-Signature header is not "sha256=" followed by 64 hex digits.
        The X-XTSystems-Timestamp header is not a unix time in seconds or milliseconds.
        The X-XTSystems-Timestamp header is not a unix time in seconds or milliseconds.
        The request's timestamp is 5 min 1 s old; 5 minutes are allowed. ↳ The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again.
        The request's timestamp is 1 min 1 s ahead of this server's clock; 1 minute is allowed. ↳ The signature itself is right: compare both servers' clocks (NTP), or it is an old request sent again.
        The signature does not match the request under any live secret.
        The signature does not match the request under any live secret.
        "#);
        assert_eq!(town.count("SELECT count(*) FROM event").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_window_is_five_minutes_back_and_one_ahead() {
    run(async |town| {
        for (n, skew) in [-300, -1, 0, 60].into_iter().enumerate() {
            assert_eq!(knock(town).body(alert(&n.to_string())).skew(skew).send().await.status, 202, "{skew}");
        }
        town.settle().await;
        assert_eq!(notices(town, "alerts").len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_is_a_duplicate_whatever_its_signature() {
    run(async |town| {
        let first = knock(town).send().await;
        let again = knock(town).send().await;
        town.advance(TimeDelta::seconds(2)).await;
        let later = knock(town).send().await;
        let spelled = knock(town).body(alert("disk full").replace(":", ": ")).send().await;
        insta::assert_snapshot!([&first, &again, &later, &spelled].map(|a| a.line()).join("\n"), @r"
        202
        200 duplicate
        200 duplicate
        200 duplicate
        ");
        assert!([&again, &later, &spelled].iter().all(|a| a.body["id"] == first.body["id"]), "the id of the first");
        town.settle().await;
        assert_eq!(notices(town, "alerts").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn seconds_and_milliseconds_are_told_apart() {
    run(async |town| {
        let ms = town.clock.now().timestamp_millis().to_string();
        assert_eq!(knock(town).timestamp(Some(&ms)).send().await.line(), "202");
        let body = alert("in ms").replace(&town.clock.now().timestamp().to_string(), &ms);
        assert_eq!(knock(town).body(body).send().await.line(), "202");
        town.settle().await;
        assert_eq!(town.count("SELECT count(DISTINCT occurred_at) FROM event").await, 1, "the body's too");
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    run(async |town| {
        let answer = knock(town).body(alert(&"x".repeat(1 << 20))).send().await;
        insta::assert_snapshot!(answer.line(), @"413 Body larger than 1048576 bytes");
        let answer = knock(town).body(alert(&"x".repeat((1 << 20) - 1000))).send().await;
        assert_eq!(answer.line(), "202", "a little less is taken");
        town.settle().await;
        assert!(town.see("alerts").contains('…'), "and is cut to what Discord takes");
    })
    .await;
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_answered_kept_and_shown() {
    run(async |town| {
        let bodies: [&[u8]; 7] = [
            b"\xff\xfe{}",
            b"{\"event_type\": ",
            b"[1, 2]",
            b"{\"data\": {}}",
            b"{\"event_type\": 7, \"data\": {}}",
            b"{\"event_type\": \" \", \"data\": {}}",
            b"",
        ];
        let answers = join_all(bodies.map(|body| knock(town).body(body).send())).await;
        insta::assert_snapshot!(answers.iter().map(|a| a.line()).collect::<Vec<_>>().join("\n"), @r"
        400 the body is not UTF-8 at byte 0
        400 the body is malformed JSON at line 1, column 15: EOF while parsing a value
        400 the body is a list, not an object with event_type, data, company_id and timestamp
        400 event_type is missing
        400 event_type is a number, not a text
        400 event_type is empty
        400 the body is malformed JSON at line 1, column 0: EOF while parsing a value
        ");
        knock(town).body(bodies[0]).send().await;
        assert_eq!(town.store().count_quarantine().await.unwrap(), 7, "each once, however often it comes");
        let kept = town.column("SELECT encode(body, 'hex') FROM quarantine WHERE reason LIKE '%UTF-8%'").await;
        assert_eq!(kept, [hex::encode(bodies[0])], "as it arrived");
        assert!(refusals(town).await.contains("The signature is right, but the body is not UTF-8 at byte 0."));
    })
    .await;
}

#[tokio::test]
async fn an_unknown_kind_is_stored_and_shown_by_default() {
    run(async |town| {
        let body = json!({ "event_type": "backup.finished", "data": { "host": "db-1", "size": 7, "ok": true, "parts": [1] }, "timestamp": 1767348000 });
        assert_eq!(knock(town).body(body.to_string()).send().await.line(), "202");
        town.settle().await;
        insta::assert_snapshot!(town.see("ops"), @r"
        [📨 Signal · backup.finished]
        host: db-1
        ok: true
        size: 7
        -- XTSystems · backup.finished
        ");
    })
    .await;
}

#[tokio::test]
async fn what_databases_dislike_is_taken_all_the_same() {
    run(async |town| {
        let odd = r#"{"event_type":"alert.triggered","timestamp":1767348000,"data":{"alert_type":"a\u0000b","severity":"high",
            "source":"\ud83d","message":"m","details":{"big":1e999,"nan":NaN,"long":123456789012345678901234567890,"k\u0000":1}}}"#;
        assert_eq!(knock(town).body(odd).send().await.line(), "202");
        for stamp in ["99999999999999999999", "-1", "\"soon\"", "null", "{}", "1e400"] {
            let body = format!(r#"{{"event_type":"alert.triggered","data":{{"message":"{}"}},"timestamp":{stamp}}}"#, stamp.len());
            assert_eq!(knock(town).body(body).send().await.line(), "202", "{stamp}");
        }
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(notices(town, "alerts").len(), 7);
        insta::assert_snapshot!(town.see("alerts"), @r#"
        [🚨 Alert Triggered]
        m
        Alert Type: a�b
        Severity: 🟠 high
        Source: �
        Details: ```json
        {"big":"1e999","k�":1,"long":1.2345678901234568e+29,"nan":"NaN"}
        ```
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        20
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        2
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        6
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        4
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        2
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        [🚨 Alert Triggered]
        5
        Severity: 🟠 error
        -- XTSystems · alert.triggered
        "#);
    })
    .await;
}

/// An event as a source would hand it in, with a value that jsonb has no place for.
fn event(town: &Town, n: usize, text: &str) -> NewEvent {
    let source = town.app.xtsystems.as_ref().unwrap();
    let event = Event {
        id: town.clock.uuid(),
        source_id: source.id,
        guild_id: source.guild_id,
        kind: "alert.triggered".into(),
        subject: None,
        occurred_at: town.clock.now(),
        received_at: town.clock.now(),
        severity: Severity::Info,
        dedup_key: format!("batch:{n}"),
        data: json!({ "message": text }),
    };
    NewEvent { event, raw: format!("raw {text:?}").into_bytes(), data_in_raw: false, via: Via::Http }
}

#[tokio::test]
async fn one_that_postgresql_refuses_among_sixty_is_the_only_one_refused() {
    run(async |town| {
        let events = (0..61).map(|n| event(town, n, if n == 40 { "nul \u{0} in it" } else { "fine" })).collect();
        let outcomes = town.app.ingest.submit_all(events).await;
        let refused: Vec<usize> = (0..61).filter(|&n| outcomes[n].is_err()).collect();
        assert_eq!(refused, [40]);
        assert!(matches!(outcomes[40], Err(IngestError::Refused(_))), "{:?}", outcomes[40]);
        assert_eq!(town.count("SELECT count(*) FROM event").await, 60);
        let kept = town.column("SELECT stream || ' ' || convert_from(body, 'UTF8') FROM quarantine").await;
        assert_eq!(kept, ["http raw \"nul \\0 in it\""]);
        let again = town.app.ingest.submit(event(town, 40, "nul \u{0} in it")).await;
        assert!(again.is_err());
        assert_eq!(town.store().count_quarantine().await.unwrap(), 1, "the same body is the same entry");
        assert!(!town.app.ingest.take_missed(), "nothing to fetch again");
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(notices(town, "alerts").len(), 60);
    })
    .await;
}

#[tokio::test]
async fn events_of_one_commit_are_numbered_as_they_came() {
    run(async |town| {
        let events: Vec<NewEvent> = (10..40).map(|n| event(town, n, &n.to_string())).collect();
        let batch: Vec<&NewEvent> = events.iter().collect();
        town.store().insert_events(&batch).await.unwrap();
        let order = town.column("SELECT data->>'message' FROM event ORDER BY seq").await;
        assert_eq!(order, (10..40).map(|n| n.to_string()).collect::<Vec<_>>());
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(notices(town, "alerts").len(), 30);
    })
    .await;
}

/// As a shell's `nc -N` does.
#[tokio::test]
async fn a_sender_that_has_no_more_to_say_still_gets_its_answer() {
    run(async |town| {
        let (body, stamp) = (alert("the last words"), town.clock.now().timestamp().to_string());
        let head = format!(
            "POST /webhooks/xtsystems HTTP/1.1\r\nhost: bot\r\nconnection: close\r\ncontent-length: {}\r\n\
             x-xtsystems-timestamp: {stamp}\r\nx-xtsystems-signature: {}\r\n\r\n",
            body.len(),
            sign(SECRET, &stamp, body.as_bytes()),
        );
        let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
        let mut busy = connection.begin().await.unwrap();
        sqlx::query("LOCK TABLE event").execute(&mut *busy).await.unwrap();
        let mut line = tokio::net::TcpStream::connect(town.app.address).await.unwrap();
        line.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        line.shutdown().await.unwrap();
        while town.count(WAITING).await == 0 {
            tokio::task::yield_now().await;
        }
        busy.rollback().await.unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
        town.settle().await;
        assert_eq!(notices(town, "alerts").len(), 1);
    })
    .await;
}

/// What is held up by a lock on the table of events.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass";

#[tokio::test]
async fn health_is_answered_by_get_and_post() {
    run(async |town| {
        let base = format!("http://{}", town.app.address);
        for request in [town.http.get(format!("{base}/health")), town.http.post(format!("{base}/health"))] {
            let mut health: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
            let instance = health.as_object_mut().unwrap().remove("instance").unwrap();
            assert_eq!(instance.as_str().unwrap().len(), 16, "by it the doctor tells us from others");
            let wanted = json!({ "status": "ok", "service": "signalbox", "timestamp": "2026-01-02T10:00:00+00:00", "discord": "connected" });
            assert_eq!(health, wanted);
        }
        let text = async |path: &str| {
            let response = town.http.get(format!("{base}{path}")).send().await.unwrap();
            format!("{} {}", response.status().as_u16(), response.text().await.unwrap())
        };
        assert_eq!(text("/healthz").await, "200 ok");
        assert_eq!(text("/readyz").await, r#"200 {"database":"up","discord":"up","status":"ready"}"#);
        assert_eq!(text("/webhooks/xtsystems").await, "405 ", "only POST");
        assert_eq!(text("/webhooks/config").await, "404 ", "nothing is given away");
    })
    .await;
}
