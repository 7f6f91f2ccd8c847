//! Some system that is told to do things by signed requests, as Standard Webhooks describes them
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>): it keeps each request,
//! does what it is asked once for each `webhook-id` ("Idempotency"), and can fail as such systems do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

/// How it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Manner {
    Ok,
    /// Does it, and answers with this.
    Answer(Value),
    /// Does nothing, answers `status` with `{"message": text}`.
    Refuse {
        status: u16,
        text: String,
    },
    /// Does nothing, answers `status`.
    Status(u16),
    /// Does it, then answers `status`.
    EffectThenStatus(u16),
    /// Does nothing and does not answer for this long.
    Hang(Duration),
    /// Sends the caller elsewhere.
    Redirect(String),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// `x-api-key`, of those that have one instead of a signature.
    pub key: String,
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// For how many requests; `None`: until it is changed.
    manner: (Manner, Option<u32>),
    requests: Vec<Request>,
    done: Vec<(String, Value)>,
}

impl Receiver {
    pub async fn start() -> std::io::Result<Self> {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let inner = Inner { manner: (Manner::Ok, None), requests: Vec::new(), done: Vec::new() };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new().route("/{*path}", any(receive)).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        Ok(Self { address, inner })
    }

    pub fn url(&self) -> String {
        format!("http://{}/act", self.address)
    }

    /// Where it is, without a path.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, manner: Manner) {
        self.lock().manner = (manner, None);
    }

    /// As usual again after so many requests.
    pub fn set_for(&self, manner: Manner, times: u32) {
        self.lock().manner = (manner, Some(times));
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// What it did, once for each id.
    pub fn done(&self) -> Vec<Value> {
        self.lock().done.iter().map(|(_, body)| body.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next_manner(&mut self) -> Manner {
        let manner = self.manner.0.clone();
        match &mut self.manner.1 {
            None => {}
            Some(left) if *left > 1 => *left -= 1,
            Some(_) => self.manner = (Manner::Ok, None),
        }
        manner
    }

    fn take(&mut self, request: &Request) {
        if self.done.iter().all(|(id, _)| *id != request.id) {
            self.done.push((request.id.clone(), request.json()));
        }
    }
}

async fn receive(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let id = Some(header("webhook-id")).filter(|id| !id.is_empty());
    let request = Request {
        method: method.to_string(),
        path: uri.path().to_owned(),
        key: header("x-api-key"),
        // <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>
        id: id.unwrap_or_else(|| header("idempotency-key")),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: body.to_vec(),
    };
    let manner = {
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        let manner = inner.next_manner();
        if matches!(manner, Manner::Ok | Manner::Answer(_) | Manner::EffectThenStatus(_)) {
            inner.take(&request);
        }
        inner.requests.push(request);
        manner
    };
    let code = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match manner {
        Manner::Ok => StatusCode::NO_CONTENT.into_response(),
        Manner::Answer(body) => axum::Json(body).into_response(),
        Manner::Refuse { status, text } => (code(status), axum::Json(json!({ "message": text }))).into_response(),
        Manner::Status(status) | Manner::EffectThenStatus(status) => code(status).into_response(),
        Manner::Hang(time) => {
            tokio::time::sleep(time).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Manner::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
    }
}
