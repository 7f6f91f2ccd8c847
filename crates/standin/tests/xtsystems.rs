//! The fake XTSystems keeps its contract: bytes and signatures, the retry rule, the REST calls.

#![allow(clippy::unwrap_used)]

#[path = "xtsystems/failures.rs"]
mod failures;
#[path = "xtsystems/receiver.rs"]
mod receiver;

use std::{path::PathBuf, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use standin::{
    clock::Clock,
    xtsystems::{Auth, COMPANY_ID, Options, XtSystems, body, catalogue, sign},
};

use receiver::*;

#[test]
fn every_genuine_body_and_signature_is_reproduced() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let corpus = std::env::var_os("SIGNALBOX_CORPUS").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(corpus.join("xtsystems/signature-vectors.json")) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs the corpus");
        println!("1 corpus tests not run: no corpus");
        return;
    };
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(vectors.len(), catalogue::EVENTS.len());
    for vector in vectors {
        let raw = vector["raw_body"].as_str().unwrap();
        let parsed: Value = serde_json::from_str(raw).unwrap();
        let made = body(
            vector["event"].as_str().unwrap(),
            &parsed["data"],
            parsed["company_id"].as_str().unwrap(),
            parsed["timestamp"].as_i64().unwrap(),
        );
        assert_eq!(made, raw);
        let timestamp = vector["X-XTSystems-Timestamp"].as_str().unwrap().parse().unwrap();
        let signature = sign(vector["secret"].as_str().unwrap(), timestamp, &made);
        assert_eq!(signature, vector["X-XTSystems-Signature"].as_str().unwrap());
    }
}

#[tokio::test]
async fn an_event_arrives_signed_and_is_logged() {
    let (xt, receiver) = platform().await;
    let sent = xt.send("asset.created", json!({"name": "Büro-Drucker", "id": "a-1"})).await;

    let arrivals = receiver.arrivals();
    assert_eq!(arrivals.len(), 1);
    assert!(arrivals[0].is_signed_with("s3cret"));
    assert_eq!(arrivals[0].header("user-agent"), "XTSystems-Webhook/1.0");
    assert_eq!(arrivals[0].header("content-type"), "application/json");
    let expected = format!(
        r#"{{"event_type":"asset.created","data":{{"id":"a-1","name":"B\u00fcro-Drucker"}},"company_id":"{COMPANY_ID}","timestamp":{}}}"#,
        noon().timestamp()
    );
    assert_eq!(arrivals[0].raw, expected);
    assert_eq!((sent[0].response_status, sent[0].attempts), (200, 1));
    assert_eq!(xt.deliveries().len(), 1);
}

#[tokio::test]
async fn three_tries_with_the_same_body_then_the_delivery_is_given_up() {
    let (xt, receiver) = platform().await;
    receiver.answer(&[500, 401, 503]);
    let sent = xt.send("user.created", json!({"id": "u-1"})).await;

    assert_eq!((sent[0].response_status, sent[0].attempts), (0, 3));
    assert!(!sent[0].delivered());
    let arrivals = receiver.arrivals();
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals.iter().all(|a| a.raw == arrivals[0].raw));
}

#[tokio::test]
async fn a_retry_is_signed_anew_and_any_answer_below_400_is_delivered() {
    let receiver = Receiver::default();
    let clock = Clock::manual(noon());
    let target = Some(receiver.start().await);
    let retry_waits = vec![Duration::from_millis(200)];
    let xt = XtSystems::start(Options { target, retry_waits, ..options(clock.clone()) }).await.unwrap();
    receiver.answer(&[500, 302]);
    let sending = xt.send("user.created", json!({"id": "u-1"}));
    let later = async {
        while receiver.arrivals().is_empty() {
            tokio::task::yield_now().await;
        }
        clock.advance(chrono::Duration::seconds(1));
    };
    let (sent, ()) = tokio::join!(sending, later);

    assert_eq!((sent[0].response_status, sent[0].attempts), (302, 2));
    let [first, second] = receiver.arrivals().try_into().ok().unwrap();
    assert_eq!(first.raw, second.raw);
    assert_ne!(first.header("x-xtsystems-signature"), second.header("x-xtsystems-signature"));
    assert!(second.is_signed_with("s3cret"));
    let shift = |a: &Arrival| a.header("x-xtsystems-timestamp").parse::<i64>().unwrap() - noon().timestamp();
    assert_eq!((shift(&first), shift(&second)), (0, 1));
}

#[tokio::test]
async fn only_subscribed_and_active_webhooks_get_an_event() {
    let (xt, receiver) = platform().await;
    let id = xt.webhooks()[0].id.clone();
    let path = format!("/v1/webhooks/{id}");
    call(&xt, Method::PUT, &path, json!({"events": ["ticket.created"]})).await;
    xt.send("alert.triggered", json!({})).await;
    call(&xt, Method::PUT, &path, json!({"active": false})).await;
    xt.open_ticket("Nobody hears this", "", "Low").await;
    assert_eq!(receiver.types(), [""; 0]);

    call(&xt, Method::PUT, &path, json!({"active": true})).await;
    xt.open_ticket("Somebody does", "", "Low").await;
    assert_eq!(receiver.types(), ["ticket.created"]);
}

#[tokio::test]
async fn a_webhook_is_registered_tested_listed_and_removed() {
    let (xt, receiver) = platform().await;
    let url = xt.webhooks()[0].url.clone();
    let wanted = json!({
        "name": "Bot", "url": url, "events": ["ticket.created"], "secret": "other", "headers": {"X-Extra": "1"},
    });
    let (status, made) = call(&xt, Method::POST, "/v1/webhooks", wanted.clone()).await;
    assert_eq!((status, made["active"].as_bool()), (201, Some(true)));
    assert!(made.get("secret").is_none());
    assert_eq!(call(&xt, Method::POST, "/v1/webhooks", wanted).await.0, 409);
    assert!(xt.calls().iter().all(|c| !c.body.to_string().contains("other")));

    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let (_, test) = call(&xt, Method::POST, &format!("{path}/test"), Value::Null).await;
    assert_eq!(test, json!({"success": true}));
    let arrival = receiver.arrivals().pop().unwrap();
    assert!(arrival.is_signed_with("other"));
    assert_eq!(arrival.header("x-extra"), "1");
    assert_eq!(arrival.json()["data"]["webhook_id"], made["id"]);

    let log = get(&xt, &format!("{path}/deliveries?limit=1")).await;
    assert_eq!(log[0]["event_type"], "webhook.test");
    assert_eq!(call(&xt, Method::DELETE, &path, Value::Null).await.0, 200);
    assert_eq!(call(&xt, Method::GET, &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn without_the_key_nothing_answers_but_health() {
    let (xt, _) = platform().await;
    let status = async |path: &str, key: &str| {
        let request = Client::new().get(format!("{}{path}", xt.origin()));
        request.header("authorization", key).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/v1/webhooks", "Bearer wrong").await, 401);
    assert_eq!(status("/v1/webhooks", xt.api_key()).await, 401);
    assert_eq!(status("/v1/nowhere", "").await, 401);
    assert_eq!(status("/health", "").await, 200);

    let raw = XtSystems::start(Options { auth: Auth::Raw, ..options(Clock::system()) }).await.unwrap();
    let request = Client::new().get(format!("{}/v1/tickets", raw.origin()));
    let answer = request.header("authorization", raw.api_key()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_machine_is_decided_once() {
    let (xt, receiver) = platform().await;
    let machine = xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await.0, 200);
    xt.settle().await;
    assert_eq!(receiver.types(), ["machine.registered", "machine.approved"]);

    let late = decide(&xt, "deny", &machine.asset_id).await;
    assert_eq!(late, (409, json!({"detail": "Machine already approved"})));
    // Announced by somebody who signs events himself: it is decided all the same, once.
    assert_eq!(decide(&xt, "deny", "announced-elsewhere").await.0, 200);
    assert_eq!(decide(&xt, "approve", "announced-elsewhere").await.0, 409);
    let path = format!("/v1/machine/status?asset_id={}", machine.asset_id);
    assert_eq!(get(&xt, &path).await["status"], "approved");
}

#[tokio::test]
async fn a_denial_has_no_event_and_a_known_hostname_registers_again() {
    let (xt, receiver) = platform().await;
    let first = xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    xt.decide_in_web_ui(&first.asset_id, false, "grace").await.unwrap();
    assert!(xt.decide_in_web_ui(&first.asset_id, true, "ada").await.is_none());
    let again = xt.register_machine("DESKTOP-001", "10.0.0.8", "Windows 11").await;

    assert_eq!(first.asset_id, again.asset_id);
    assert_eq!(receiver.types(), ["machine.registered", "machine.registered"]);
    let pending = get(&xt, &format!("/v1/companies/{COMPANY_ID}/machines?status=pending")).await;
    assert_eq!(pending[0]["ip_address"], "10.0.0.8");
}

#[tokio::test]
async fn a_ticket_lives_by_rest_and_tells_each_change() {
    let (xt, receiver) = platform().await;
    let wanted = json!({"title": "Door 4 is stuck", "status": "Open", "priority": "High"});
    let (status, ticket) = call(&xt, Method::POST, "/v1/tickets", wanted).await;
    assert_eq!((status, &ticket["seq_id"]), (201, &json!(1001)));
    let note = json!({"content": "Oiled it ✅"});
    assert_eq!(call(&xt, Method::POST, "/v1/tickets/1001/notes", note).await.0, 201);
    xt.settle().await;
    let statuses = get(&xt, "/v1/ticket-statuses").await;
    let closed = statuses.as_array().unwrap().iter().find(|s| s["is_closed"] == true).unwrap();
    let path = format!("/v1/tickets/{}", ticket["id"].as_str().unwrap());
    call(&xt, Method::PUT, &path, json!({"status_id": closed["id"], "resolution": "Oil"})).await;
    xt.settle().await;

    assert_eq!(receiver.types(), ["ticket.created", "ticket.updated", "ticket.closed"]);
    let [created, updated, closed] = receiver.arrivals().try_into().ok().unwrap();
    assert_eq!(created.json()["data"]["priority"], "high");
    assert!(updated.raw.contains(r#""notes":[{"content":"Oiled it \u2705""#));
    assert_eq!(closed.json()["data"]["resolution"], "Oil");
    let unknown = json!({"status": "Lost in space"});
    assert_eq!(call(&xt, Method::PUT, &path, unknown).await.0, 422);
}
