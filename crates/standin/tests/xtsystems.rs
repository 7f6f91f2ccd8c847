//! The fake XTSystems keeps its contract: bytes and signatures, the retry rule, the REST calls, the ways to fail.

#![allow(clippy::unwrap_used)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use standin::{
    clock::Clock,
    xtsystems::{
        Auth, COMPANY_ID, Mode, Options, Place, TicketChange, XtSystems, body, catalogue, router,
        sign,
    },
};

/// What arrived, and the statuses with which the next arrivals are answered (200 when there is none left).
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<(Vec<Arrival>, Vec<u16>)>>);

#[derive(Clone)]
struct Arrival {
    headers: HeaderMap,
    raw: String,
}

impl Arrival {
    fn json(&self) -> Value {
        serde_json::from_str(&self.raw).unwrap()
    }
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
    fn is_signed_with(&self, secret: &str) -> bool {
        let timestamp = self.header("x-xtsystems-timestamp").parse().unwrap();
        self.header("x-xtsystems-signature") == sign(secret, timestamp, &self.raw)
    }
}

impl Receiver {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/hook", post(arrive))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }
    fn answer(&self, statuses: &[u16]) {
        self.0.lock().unwrap().1 = statuses.to_vec();
    }
    fn arrivals(&self) -> Vec<Arrival> {
        self.0.lock().unwrap().0.clone()
    }
    fn types(&self) -> Vec<String> {
        let kind = |a: &Arrival| a.json()["event_type"].as_str().unwrap().to_owned();
        self.arrivals().iter().map(kind).collect()
    }
}

async fn arrive(State(receiver): State<Receiver>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let raw = String::from_utf8(raw.to_vec()).unwrap();
    let mut all = receiver.0.lock().unwrap();
    all.0.push(Arrival { headers, raw });
    let status = if all.1.is_empty() {
        200
    } else {
        all.1.remove(0)
    };
    StatusCode::from_u16(status).unwrap()
}

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn options(clock: Clock) -> Options {
    Options {
        secret: "s3cret".to_owned(),
        retry_waits: vec![Duration::ZERO],
        ..Options::local(clock)
    }
}

/// A platform with one receiver that is subscribed to everything.
async fn platform() -> (XtSystems, Receiver) {
    let receiver = Receiver::default();
    let target = Some(receiver.start().await);
    let xt = XtSystems::start(Options {
        target,
        ..options(Clock::manual(noon()))
    })
    .await
    .unwrap();
    (xt, receiver)
}

async fn call(xt: &XtSystems, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", xt.origin());
    let request = Client::new().request(method, url).bearer_auth(xt.api_key());
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn get(xt: &XtSystems, path: &str) -> Value {
    call(xt, Method::GET, path, Value::Null).await.1
}

async fn decide(xt: &XtSystems, verb: &str, asset_id: &str) -> (u16, Value) {
    let body = json!({"asset_id": asset_id, "company_id": COMPANY_ID});
    call(xt, Method::POST, &format!("/v1/machine/{verb}"), body).await
}

#[test]
fn every_genuine_body_and_signature_is_reproduced() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let corpus = std::env::var_os("SIGNALBOX_CORPUS").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(corpus.join("xtsystems/signature-vectors.json")) else {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "CI needs the corpus"
        );
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
        let timestamp = vector["X-XTSystems-Timestamp"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let signature = sign(vector["secret"].as_str().unwrap(), timestamp, &made);
        assert_eq!(signature, vector["X-XTSystems-Signature"].as_str().unwrap());
    }
}

#[tokio::test]
async fn an_event_arrives_signed_and_is_logged() {
    let (xt, receiver) = platform().await;
    let sent = xt
        .send(
            "asset.created",
            json!({"name": "Büro-Drucker", "id": "a-1"}),
        )
        .await;

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
    let xt = XtSystems::start(Options {
        target,
        retry_waits,
        ..options(clock.clone())
    })
    .await
    .unwrap();
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
    assert_ne!(
        first.header("x-xtsystems-signature"),
        second.header("x-xtsystems-signature")
    );
    assert!(second.is_signed_with("s3cret"));
    let shift = |a: &Arrival| {
        a.header("x-xtsystems-timestamp").parse::<i64>().unwrap() - noon().timestamp()
    };
    assert_eq!((shift(&first), shift(&second)), (0, 1));
}

#[tokio::test]
async fn only_subscribed_and_active_webhooks_get_an_event() {
    let (xt, receiver) = platform().await;
    let id = xt.webhooks()[0].id.clone();
    let path = format!("/v1/webhooks/{id}");
    call(
        &xt,
        Method::PUT,
        &path,
        json!({"events": ["ticket.created"]}),
    )
    .await;
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
    assert!(
        xt.calls()
            .iter()
            .all(|c| !c.body.to_string().contains("other"))
    );

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
        request
            .header("authorization", key)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(status("/v1/webhooks", "Bearer wrong").await, 401);
    assert_eq!(status("/v1/webhooks", xt.api_key()).await, 401);
    assert_eq!(status("/v1/nowhere", "").await, 401);
    assert_eq!(status("/health", "").await, 200);

    let raw = XtSystems::start(Options {
        auth: Auth::Raw,
        ..options(Clock::system())
    })
    .await
    .unwrap();
    let request = Client::new().get(format!("{}/v1/tickets", raw.origin()));
    let answer = request
        .header("authorization", raw.api_key())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_machine_is_decided_once() {
    let (xt, receiver) = platform().await;
    let machine = xt
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await.0, 200);
    xt.settle().await;
    assert_eq!(receiver.types(), ["machine.registered", "machine.approved"]);

    let late = decide(&xt, "deny", &machine.asset_id).await;
    assert_eq!(late, (409, json!({"detail": "Machine already approved"})));
    assert_eq!(decide(&xt, "deny", "unknown").await.0, 404);
    let path = format!("/v1/machine/status?asset_id={}", machine.asset_id);
    assert_eq!(get(&xt, &path).await["status"], "approved");
}

#[tokio::test]
async fn a_denial_has_no_event_and_a_known_hostname_registers_again() {
    let (xt, receiver) = platform().await;
    let first = xt
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    xt.decide_in_web_ui(&first.asset_id, false, "grace")
        .await
        .unwrap();
    assert!(
        xt.decide_in_web_ui(&first.asset_id, true, "ada")
            .await
            .is_none()
    );
    let again = xt
        .register_machine("DESKTOP-001", "10.0.0.8", "Windows 11")
        .await;

    assert_eq!(first.asset_id, again.asset_id);
    assert_eq!(
        receiver.types(),
        ["machine.registered", "machine.registered"]
    );
    let pending = get(
        &xt,
        &format!("/v1/companies/{COMPANY_ID}/machines?status=pending"),
    )
    .await;
    assert_eq!(pending[0]["ip_address"], "10.0.0.8");
}

#[tokio::test]
async fn a_ticket_lives_by_rest_and_tells_each_change() {
    let (xt, receiver) = platform().await;
    let wanted = json!({"title": "Door 4 is stuck", "status": "Open", "priority": "High"});
    let (status, ticket) = call(&xt, Method::POST, "/v1/tickets", wanted).await;
    assert_eq!((status, &ticket["seq_id"]), (201, &json!(1001)));
    let note = json!({"content": "Oiled it ✅"});
    assert_eq!(
        call(&xt, Method::POST, "/v1/tickets/1001/notes", note)
            .await
            .0,
        201
    );
    xt.settle().await;
    let statuses = get(&xt, "/v1/ticket-statuses").await;
    let closed = statuses
        .as_array()
        .unwrap()
        .iter()
        .find(|s| s["is_closed"] == true)
        .unwrap();
    let path = format!("/v1/tickets/{}", ticket["id"].as_str().unwrap());
    call(
        &xt,
        Method::PUT,
        &path,
        json!({"status_id": closed["id"], "resolution": "Oil"}),
    )
    .await;
    xt.settle().await;

    assert_eq!(
        receiver.types(),
        ["ticket.created", "ticket.updated", "ticket.closed"]
    );
    let [created, updated, closed] = receiver.arrivals().try_into().ok().unwrap();
    assert_eq!(created.json()["data"]["priority"], "high");
    assert!(
        updated
            .raw
            .contains(r#""notes":[{"content":"Oiled it \u2705""#)
    );
    assert_eq!(closed.json()["data"]["resolution"], "Oil");
    let unknown = json!({"status": "Lost in space"});
    assert_eq!(call(&xt, Method::PUT, &path, unknown).await.0, 422);
}

#[tokio::test]
async fn the_platform_fails_as_told_and_as_often_as_told() {
    let (xt, _) = platform().await;
    let machine = xt
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    let approve = async || decide(&xt, "approve", &machine.asset_id).await;

    xt.mode(
        Mode::refuse(403, "Not your machine")
            .at(Place::Approve)
            .times(1),
    );
    assert_eq!(
        approve().await,
        (403, json!({"detail": "Not your machine"}))
    );
    xt.mode(Mode::status(500).at(Place::Approve));
    assert_eq!(approve().await.0, 500);
    assert_eq!(
        call(&xt, Method::GET, "/v1/tickets", Value::Null).await.0,
        200
    );
    xt.mode(Mode::effect_then_500().at(Place::Approve));
    assert_eq!(approve().await.0, 500);
    assert_eq!(xt.machines()[0].status, "approved");
    xt.mode(Mode::ok());
    assert_eq!(approve().await.0, 409);
}

#[tokio::test]
async fn somebody_elses_decision_is_named_and_stays() {
    let (xt, receiver) = platform().await;
    let machine = xt
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    xt.mode(Mode::already("denied").at(Place::Approve).times(1));
    let expected = (409, json!({"detail": "Machine already denied"}));
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await, expected);
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await, expected);
    assert_eq!(receiver.types(), ["machine.registered"]);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_its_effect_and_its_record() {
    let (xt, _) = platform().await;
    let machine = xt
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    let impatient = async |verb: &str| {
        let request = Client::new().post(format!("{}/v1/machine/{verb}", xt.origin()));
        let body = json!({"asset_id": machine.asset_id, "company_id": COMPANY_ID});
        let request = request.bearer_auth(xt.api_key()).json(&body);
        request
            .timeout(Duration::from_millis(200))
            .send()
            .await
            .unwrap_err()
            .is_timeout()
    };
    xt.mode(Mode::timeout_ms(60_000).at(Place::Deny));
    assert!(impatient("deny").await);
    assert_eq!(xt.machines()[0].status, "pending");
    xt.mode(Mode::effect_then_hang_ms(60_000).at(Place::Approve));
    assert!(impatient("approve").await);
    assert_eq!(xt.machines()[0].status, "approved");
    let last = xt.calls().pop().unwrap();
    assert_eq!(
        (last.path.as_str(), last.status),
        ("/v1/machine/approve", None)
    );
}

#[tokio::test]
async fn what_was_missed_is_in_the_log_and_a_duplicate_has_the_same_body() {
    let (xt, receiver) = platform().await;
    let lost = xt
        .trigger_offline("alert.triggered", json!({"severity": "critical"}))
        .await;
    xt.offline(true);
    xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    xt.offline(false);
    assert_eq!(receiver.arrivals().len(), 0);
    let log = get(
        &xt,
        &format!("/v1/webhooks/{}/deliveries", xt.webhooks()[0].id),
    )
    .await;
    assert_eq!(log[0]["event_type"], "machine.registered");
    assert_eq!(
        (&log[1]["response_status"], &log[1]["delivered_at"]),
        (&json!(0), &Value::Null)
    );

    xt.resend(&lost[0].id).await.unwrap();
    xt.resend(&lost[0].id).await.unwrap();
    let [first, second] = receiver.arrivals().try_into().ok().unwrap();
    assert_eq!(first.raw, second.raw);
    assert_eq!(first.json()["data"]["severity"], "critical");
}

#[tokio::test]
async fn a_second_start_finds_the_saved_world() {
    let file = std::env::temp_dir().join(format!("standin-xt-{}.json", std::process::id()));
    let receiver = Receiver::default();
    let target = Some(receiver.start().await);
    let start = async |target: Option<String>| {
        let save_to = Some(file.clone());
        XtSystems::start(Options {
            target,
            save_to,
            ..options(Clock::system())
        })
        .await
        .unwrap()
    };
    let first = start(target.clone()).await;
    let ticket = first.open_ticket("Kept", "", "Low").await.unwrap();
    first
        .register_machine("DESKTOP-001", "10.0.0.7", "Windows 11")
        .await;
    first.stop();

    let second = start(target).await;
    assert_eq!(second.webhooks().len(), 1);
    assert_eq!((second.machines().len(), second.deliveries().len()), (1, 2));
    let change = TicketChange {
        note: Some("Still here".to_owned()),
        ..TicketChange::default()
    };
    assert_eq!(
        second.update_ticket("1001", change).await.unwrap().id,
        ticket.id
    );
    assert_eq!(
        second.open_ticket("Next", "", "Low").await.unwrap().seq_id,
        1002
    );
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn the_control_face_drives_the_world_on_both_origins() {
    let (xt, receiver) = platform().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let panel = format!("http://{}/_standin/xt", listener.local_addr().unwrap());
    let app = router(xt.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let own = format!("{}/_standin", xt.origin());
    let post = async |url: String, body: Value| {
        let answer = Client::new().post(url).json(&body).send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };

    for order in [
        json!({"do": "open_ticket"}),
        json!({"do": "update_ticket", "note": "Looking at it", "status": "In Progress"}),
        json!({"do": "close_ticket", "resolution": "Turned it on"}),
        json!({"do": "register_machine", "hostname": "LAPTOP-9"}),
        json!({"do": "decide", "approve": true}),
        json!({"do": "alert", "severity": "warning"}),
        json!({"event_type": "company.created", "data": {"id": "c-2", "name": "New"}}),
        json!({"event_type": "planet.discovered", "data": {}}),
    ] {
        let (status, answer) = post(format!("{panel}/send"), order.clone()).await;
        assert_eq!(status, 200, "{order}: {answer}");
        assert_eq!(
            answer["deliveries"][0]["response_status"], 200,
            "{order}: {answer}"
        );
    }
    assert_eq!(
        receiver.types(),
        [
            "ticket.created",
            "ticket.updated",
            "ticket.closed",
            "machine.registered",
            "machine.approved",
            "alert.triggered",
            "company.created",
            "planet.discovered",
        ]
    );
    assert_eq!(
        post(format!("{own}/send"), json!({"do": "close_ticket"}))
            .await
            .0,
        404
    );

    let on = json!({"mode": "refuse", "status": 422, "text": "No", "where": "approve", "times": 1});
    assert_eq!(
        post(format!("{own}/mode"), on).await.1["modes"][0]["where"],
        "approve"
    );
    assert_eq!(
        decide(&xt, "approve", "x").await,
        (422, json!({"detail": "No"}))
    );
    let state = Client::new()
        .get(format!("{own}/state"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(state.contains("LAPTOP-9") && !state.contains("s3cret"));
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let bind = "0.0.0.0:0".parse().unwrap();
    assert!(
        XtSystems::start(Options {
            bind,
            ..options(Clock::system())
        })
        .await
        .is_err()
    );
}
