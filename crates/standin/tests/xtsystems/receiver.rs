//! A platform with a receiver of its events, and calls as a bot makes them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use chrono::{DateTime, Utc};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use standin::{
    clock::Clock,
    xtsystems::{COMPANY_ID, Options, XtSystems, sign},
};

/// What arrived, and the statuses with which the next arrivals are answered (200 when there is none left).
#[derive(Clone, Default)]
pub struct Receiver(Arc<Mutex<(Vec<Arrival>, Vec<u16>)>>);

#[derive(Clone)]
pub struct Arrival {
    pub headers: HeaderMap,
    pub raw: String,
}

impl Arrival {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.raw).unwrap()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let timestamp = self.header("x-xtsystems-timestamp").parse().unwrap();
        self.header("x-xtsystems-signature") == sign(secret, timestamp, &self.raw)
    }
}

impl Receiver {
    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let app = Router::new().route("/hook", post(arrive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        url
    }
    pub fn answer(&self, statuses: &[u16]) {
        self.0.lock().unwrap().1 = statuses.to_vec();
    }
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.0.lock().unwrap().0.clone()
    }
    pub fn types(&self) -> Vec<String> {
        let kind = |a: &Arrival| a.json()["event_type"].as_str().unwrap().to_owned();
        self.arrivals().iter().map(kind).collect()
    }
}

async fn arrive(State(receiver): State<Receiver>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let raw = String::from_utf8(raw.to_vec()).unwrap();
    let mut all = receiver.0.lock().unwrap();
    all.0.push(Arrival { headers, raw });
    let status = if all.1.is_empty() { 200 } else { all.1.remove(0) };
    StatusCode::from_u16(status).unwrap()
}

pub fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

pub fn options(clock: Clock) -> Options {
    Options { secret: "s3cret".to_owned(), retry_waits: vec![Duration::ZERO], ..Options::local(clock) }
}

/// A platform with one receiver that is subscribed to everything.
pub async fn platform() -> (XtSystems, Receiver) {
    let receiver = Receiver::default();
    let target = Some(receiver.start().await);
    let xt = XtSystems::start(Options { target, ..options(Clock::manual(noon())) }).await.unwrap();
    (xt, receiver)
}

pub async fn call(xt: &XtSystems, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}{path}", xt.origin());
    let request = Client::new().request(method, url).bearer_auth(xt.api_key());
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub async fn get(xt: &XtSystems, path: &str) -> Value {
    call(xt, Method::GET, path, Value::Null).await.1
}

pub async fn decide(xt: &XtSystems, verb: &str, asset_id: &str) -> (u16, Value) {
    let body = json!({"asset_id": asset_id, "company_id": COMPANY_ID});
    call(xt, Method::POST, &format!("/v1/machine/{verb}"), body).await
}
