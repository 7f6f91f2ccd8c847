//! Another system that is told things: it keeps what it gets, and answers as it is told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

/// One message as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// By the reference library of Standard Webhooks.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let signer = standardwebhooks::Webhook::new(secret).unwrap();
        let at = self.header("webhook-timestamp").parse().unwrap();
        let expected = signer.sign(&self.header("webhook-id"), at, &self.body).unwrap();
        self.header("webhook-signature").split(' ').any(|one| one == expected)
    }
}

#[derive(Clone)]
pub struct Listener {
    pub url: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    heard: Vec<Heard>,
    answer: (u16, String),
}

impl Listener {
    pub async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", socket.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner { heard: vec![], answer: (204, String::new()) }));
        let router = Router::new().route("/hook", post(hear)).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { url, inner }
    }

    pub fn answer(&self, status: u16, body: &str) {
        self.inner.lock().unwrap().answer = (status, body.to_owned());
    }

    /// What came since this was last asked.
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.inner.lock().unwrap().heard)
    }

    /// The types of what came, in order.
    pub fn types(&self) -> Vec<String> {
        self.heard().iter().map(|heard| heard.json()["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn hear(State(inner): State<Arc<Mutex<Inner>>>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut inner = inner.lock().unwrap();
    inner.heard.push(Heard { headers, body: body.to_vec() });
    (StatusCode::from_u16(inner.answer.0).unwrap(), inner.answer.1.clone())
}
