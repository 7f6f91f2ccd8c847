//! The ways to fail, what is missed and repeated, what a second start finds, and the control face.

use std::time::Duration;

use axum::Router;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use standin::{
    clock::Clock,
    xtsystems::{COMPANY_ID, Mode, Options, Place, TicketChange, XtSystems, router},
};

use crate::receiver::*;

#[tokio::test]
async fn the_platform_fails_as_told_and_as_often_as_told() {
    let (xt, _) = platform().await;
    let machine = xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    let approve = async || decide(&xt, "approve", &machine.asset_id).await;

    xt.mode(Mode::refuse(403, "Not your machine").at(Place::Approve).times(1));
    assert_eq!(approve().await, (403, json!({"detail": "Not your machine"})));
    xt.mode(Mode::status(500).at(Place::Approve));
    assert_eq!(approve().await.0, 500);
    assert_eq!(call(&xt, Method::GET, "/v1/tickets", Value::Null).await.0, 200);
    xt.mode(Mode::effect_then_500().at(Place::Approve));
    assert_eq!(approve().await.0, 500);
    assert_eq!(xt.machines()[0].status, "approved");
    xt.mode(Mode::ok());
    assert_eq!(approve().await.0, 409);
}

#[tokio::test]
async fn somebody_elses_decision_is_named_and_stays() {
    let (xt, receiver) = platform().await;
    let machine = xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    xt.mode(Mode::already("denied").at(Place::Approve).times(1));
    let expected = (409, json!({"detail": "Machine already denied"}));
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await, expected);
    assert_eq!(decide(&xt, "approve", &machine.asset_id).await, expected);
    assert_eq!(receiver.types(), ["machine.registered"]);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_its_effect_and_its_record() {
    let (xt, _) = platform().await;
    let machine = xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    let impatient = async |verb: &str| {
        let request = Client::new().post(format!("{}/v1/machine/{verb}", xt.origin()));
        let body = json!({"asset_id": machine.asset_id, "company_id": COMPANY_ID});
        let request = request.bearer_auth(xt.api_key()).json(&body);
        request.timeout(Duration::from_millis(200)).send().await.unwrap_err().is_timeout()
    };
    xt.mode(Mode::timeout_ms(60_000).at(Place::Deny));
    assert!(impatient("deny").await);
    assert_eq!(xt.machines()[0].status, "pending");
    xt.mode(Mode::effect_then_hang_ms(60_000).at(Place::Approve));
    assert!(impatient("approve").await);
    assert_eq!(xt.machines()[0].status, "approved");
    let last = xt.calls().pop().unwrap();
    assert_eq!((last.path.as_str(), last.status), ("/v1/machine/approve", None));
}

#[tokio::test]
async fn what_was_missed_is_in_the_log_and_a_duplicate_has_the_same_body() {
    let (xt, receiver) = platform().await;
    let lost = xt.trigger_offline("alert.triggered", json!({"severity": "critical"})).await;
    xt.offline(true);
    xt.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    xt.offline(false);
    assert_eq!(receiver.arrivals().len(), 0);
    let log = get(&xt, &format!("/v1/webhooks/{}/deliveries", xt.webhooks()[0].id)).await;
    assert_eq!(log[0]["event_type"], "machine.registered");
    assert_eq!((&log[1]["response_status"], &log[1]["delivered_at"]), (&json!(0), &Value::Null));

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
        XtSystems::start(Options { target, save_to, ..options(Clock::system()) }).await.unwrap()
    };
    let first = start(target.clone()).await;
    let ticket = first.open_ticket("Kept", "", "Low").await.unwrap();
    first.register_machine("DESKTOP-001", "10.0.0.7", "Windows 11").await;
    first.stop();

    let second = start(target).await;
    assert_eq!(second.webhooks().len(), 1);
    assert_eq!((second.machines().len(), second.deliveries().len()), (1, 2));
    let change = TicketChange { note: Some("Still here".to_owned()), ..TicketChange::default() };
    assert_eq!(second.update_ticket("1001", change).await.unwrap().id, ticket.id);
    assert_eq!(second.open_ticket("Next", "", "Low").await.unwrap().seq_id, 1002);
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn the_control_face_drives_the_world_on_both_origins() {
    let (xt, receiver) = platform().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let panel = format!("http://{}/_standin/xt", listener.local_addr().unwrap());
    let app = Router::new().nest("/_standin", router(xt.clone()));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let own = format!("{}/_standin", xt.origin());
    let post = async |url: String, body: Value| {
        let answer = Client::new().post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
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
        assert_eq!(answer["deliveries"][0]["response_status"], 200, "{order}: {answer}");
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
    assert_eq!(post(format!("{own}/send"), json!({"do": "close_ticket"})).await.0, 404);

    let on = json!({"mode": "refuse", "status": 422, "text": "No", "where": "approve", "times": 1});
    assert_eq!(post(format!("{own}/mode"), on).await.1["modes"][0]["where"], "approve");
    assert_eq!(decide(&xt, "approve", "x").await, (422, json!({"detail": "No"})));
    let state = Client::new().get(format!("{own}/state")).send().await.unwrap().text().await.unwrap();
    assert!(state.contains("LAPTOP-9") && !state.contains("s3cret"));
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let bind = "0.0.0.0:0".parse().unwrap();
    assert!(XtSystems::start(Options { bind, ..options(Clock::system()) }).await.is_err());
}
