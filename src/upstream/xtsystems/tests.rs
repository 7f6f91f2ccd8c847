//! The client against a server that answers anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};

use super::*;

const KEY: &str = "k3y-of-the-test";

/// Answers one connection after the other with the given bytes and hands out what it was sent.
struct Server {
    address: SocketAddr,
    requests: Receiver<String>,
}

impl Server {
    fn answering(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut seen = Vec::new();
                let mut buffer = [0; 4096];
                while !is_whole(&seen) {
                    let read = stream.read(&mut buffer).unwrap();
                    if read == 0 {
                        break;
                    }
                    seen.extend_from_slice(&buffer[..read]);
                }
                sender.send(String::from_utf8_lossy(&seen).into_owned()).unwrap();
                if answer == "hang" {
                    // Until the client gives up and closes its end.
                    let _ = stream.read(&mut buffer);
                    continue;
                }
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { address, requests }
    }

    fn client(&self) -> XtSystemsClient {
        client(&format!("http://{}/api/", self.address), Auth::Bearer)
    }
}

fn client(base: &str, auth: Auth) -> XtSystemsClient {
    let timeout = Duration::from_millis(400);
    XtSystemsClient::with_timeout(base.parse().unwrap(), SecretString::from(KEY), auth, timeout).unwrap()
}

fn is_whole(seen: &[u8]) -> bool {
    let text = String::from_utf8_lossy(seen);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut lengths =
        head.lines().filter_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= lengths.next_back().unwrap_or(0usize)
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// The request line and the body.
fn line_and_body(request: &str) -> (&str, &str) {
    (request.lines().next().unwrap(), request.split_once("\r\n\r\n").unwrap().1)
}

#[tokio::test]
async fn a_decision_is_asked_for_as_documented() {
    let server = Server::answering(vec![answer(200, r#"{"message":"ok"}"#), answer(200, "{}")]);
    let done = server.client().decide_machine(Verb::Approve, "a-1", Some("c-1"), None).await;
    assert_eq!(done, Decision::Done { text: "ok".into() });
    let request = server.requests.recv().unwrap();
    assert_eq!(
        line_and_body(&request),
        ("POST /api/v1/machine/approve HTTP/1.1", r#"{"asset_id":"a-1","company_id":"c-1"}"#)
    );
    assert!(request.to_lowercase().contains(&format!("authorization: bearer {KEY}")));

    let raw = client(&format!("http://{}", server.address), Auth::Raw);
    let done = raw.decide_machine(Verb::Deny, "a-1", None, Some(false)).await;
    assert_eq!(done, Decision::Done { text: String::new() });
    let request = server.requests.recv().unwrap();
    assert_eq!(
        line_and_body(&request),
        ("POST /v1/machine/deny?allow_machine=false HTTP/1.1", r#"{"asset_id":"a-1"}"#)
    );
    assert!(request.to_lowercase().contains(&format!("authorization: {KEY}")));
}

#[tokio::test]
async fn a_decision_that_nobody_confirmed_is_unknown() {
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"mess";
    let answers = vec!["hang".into(), String::new(), broken.into(), "nonsense\r\n\r\n".into(), answer(503, "")];
    let count = answers.len();
    let server = Server::answering(answers);
    for n in 0..count {
        let fate = server.client().decide_machine(Verb::Approve, "a", None, None).await;
        assert!(matches!(fate, Decision::Unknown { .. }), "{n}: {fate:?}");
        server.requests.recv().unwrap();
    }
}

#[tokio::test]
async fn a_request_that_never_left_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = client(&format!("http://{free}"), Auth::Bearer);
    let fate = refused.decide_machine(Verb::Deny, "a", None, None).await;
    assert!(matches!(fate, Decision::NotSent { .. }), "{fate:?}");
    assert!(fate.text().starts_with(&format!("no connection to http://{free}: ")), "{fate:?}");
    let error = refused.list_webhooks().await.unwrap_err();
    assert!(matches!(error, UpstreamError::NotSent { .. }) && error.is_passing(), "{error}");

    let unresolved = client("http://nothing.invalid", Auth::Bearer);
    let fate = unresolved.decide_machine(Verb::Deny, "a", None, None).await;
    assert!(matches!(fate, Decision::NotSent { .. }), "{fate:?}");
}

#[tokio::test]
async fn texts_never_hold_the_key() {
    let echo = format!("{{\"detail\":\"bad token Bearer {KEY}\\u0007 {}\"}}", "x".repeat(900));
    let server = Server::answering(vec![answer(401, &echo), answer(401, &echo), answer(500, KEY)]);
    let error = server.client().list_webhooks().await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unauthorized { status: 401, .. }), "{error}");
    assert!(!error.to_string().contains(KEY) && error.to_string().contains("XTSYSTEMS_API_KEY"), "{error}");
    let refused = server.client().decide_machine(Verb::Deny, "a", None, None).await;
    assert!(!refused.text().contains(KEY) && refused.text().contains("XTSYSTEMS_API_KEY"), "{refused:?}");
    assert!(!server.client().decide_machine(Verb::Deny, "a", None, None).await.text().contains(KEY));
    assert!(!format!("{:?}", server.client()).contains(KEY));
}

#[tokio::test]
async fn webhooks_are_managed() {
    let hook = r#"{"id":7,"name":"Signalbox","url":"https://b/x","events":["ticket.created"],"active":false,
        "created_at":"2025-08-15T11:20:00"}"#;
    let server = Server::answering(vec![
        answer(200, &format!("[{hook}]")),
        answer(200, &format!("{{\"webhooks\":[{hook}]}}")),
        answer(201, hook),
        answer(200, hook),
        answer(204, ""),
        answer(200, r#"{"success":false}"#),
        answer(200, r#"{"status":"ok"}"#),
        answer(200, "[{}]"),
        answer(200, "<html>"),
    ]);
    let xt = server.client();
    let listed = xt.list_webhooks().await.unwrap();
    assert_eq!((listed[0].id.as_str(), listed[0].active), ("7", false));
    assert_eq!(listed[0].created_at.unwrap().timestamp(), 1_755_256_800);
    assert_eq!(xt.list_webhooks().await.unwrap(), listed);

    let new = NewWebhook::new("Signalbox", "https://b/x", vec!["ticket.created".into()], SecretString::from("s3cret"));
    assert_eq!(xt.create_webhook(&new).await.unwrap(), listed[0]);
    let update = WebhookUpdate { active: Some(true), ..WebhookUpdate::default() };
    xt.update_webhook("7/../8", &update).await.unwrap();
    xt.delete_webhook("7").await.unwrap();
    assert!(!xt.test_webhook("7").await.unwrap());
    assert_eq!(xt.health().await.unwrap(), Health { status: Some("ok".into()) });

    let requests: Vec<String> = server.requests.try_iter().collect();
    let lines: Vec<&str> = requests.iter().map(|r| line_and_body(r).0).collect();
    assert_eq!(
        lines[2..],
        [
            "POST /api/v1/webhooks HTTP/1.1",
            "PUT /api/v1/webhooks/7%2F..%2F8 HTTP/1.1",
            "DELETE /api/v1/webhooks/7 HTTP/1.1",
            "POST /api/v1/webhooks/7/test HTTP/1.1",
            "GET /api/health HTTP/1.1",
        ]
    );
    let created: Value = serde_json::from_str(line_and_body(&requests[2]).1).unwrap();
    assert_eq!((created["secret"].as_str(), created["retry_count"].as_i64()), (Some("s3cret"), Some(3)));
    assert_eq!(line_and_body(&requests[3]).1, r#"{"active":true}"#);
    assert!(!requests[6].to_lowercase().contains("authorization"), "health needs no key");

    assert!(matches!(xt.list_webhooks().await, Err(UpstreamError::Unreadable { .. })));
    assert!(matches!(xt.list_webhooks().await, Err(UpstreamError::Unreadable { .. })));
    assert!(matches!(xt.delete_webhook("..").await, Err(UpstreamError::Unusable(_))));
}

#[tokio::test]
async fn deliveries_are_listed_and_errors_say_what_to_do() {
    let list = r#"{"deliveries":[
        {"id":"d1","event_type":"ticket.created","payload":{"event_type":"ticket.created"},"response_status":200,"attempts":1},
        {"id":"d2","payload":"{}","response_status":0,"attempts":4,"created_at":"2025-08-15 11:20:00.5"},
        {"id":"d3","response_status":null}]}"#;
    let moved = "HTTP/1.1 301 X\r\nLocation: https://new.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Server::answering(vec![answer(200, list), moved.into(), answer(404, r#"{"detail":"Not Found"}"#)]);
    let xt = server.client();
    let deliveries = xt.list_deliveries("7", 50).await.unwrap();
    assert_eq!(deliveries.iter().map(Delivery::was_accepted).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(
        line_and_body(&server.requests.recv().unwrap()).0,
        "GET /api/v1/webhooks/7/deliveries?limit=50 HTTP/1.1"
    );
    assert!(deliveries[1].created_at.is_some());

    let redirected = xt.list_webhooks().await.unwrap_err();
    assert_eq!(redirected, UpstreamError::Redirected { status: 301, to: "https://new.example/".into() });
    assert_eq!(
        xt.test_webhook("9").await.unwrap_err().to_string(),
        "XTSystems does not have it (404: Not Found). If nothing is found, check XTSYSTEMS_API_URL"
    );
}

#[test]
fn settings_that_cannot_work_are_said_at_once() {
    let new =
        |base: &str, key: &str| XtSystemsClient::new(base.parse().unwrap(), SecretString::from(key), Auth::Bearer);
    assert!(new("https://api.xt.systems", "k").is_ok());
    assert!(matches!(new("ftp://api.xt.systems", "k"), Err(UpstreamError::Unusable(_))));
    assert!(matches!(new("https://api.xt.systems", "k\n"), Err(UpstreamError::Unusable(_))));
}
