//! What the intake is measured against: the same handler without a store, and with one commit for each
//! request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use serde_json::json;
use signalbox::clock::Clock;
use signalbox::event::{NewEvent, Via};
use signalbox::source::xtsystems::live::LiveSource;
use signalbox::source::xtsystems::parse;
use signalbox::source::xtsystems::verify::{SIGNATURE_HEADER, SignatureHeaders, TIMESTAMP_HEADER};
use signalbox::store::Store;
use signalbox::store::event::EventWriter;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::signed::PATH;

/// A rival at work.
pub struct Serving {
    pub address: SocketAddr,
    rival: Arc<Rival>,
}

impl Serving {
    /// Gives the connections to the database back: their pool waits for them when it is closed.
    pub fn rest(&self) {
        if let Some(writers) = &self.rival.writers {
            writers.idle.lock().unwrap().iter_mut().for_each(EventWriter::rest);
        }
    }
}

struct Rival {
    source: Arc<LiveSource>,
    clock: Clock,
    /// Connections to the database, in turn; none: nothing is stored.
    writers: Option<Writers>,
}

struct Writers {
    idle: Mutex<Vec<EventWriter>>,
    free: Semaphore,
}

impl Writers {
    fn new(store: &Store, count: usize) -> Self {
        let idle = (0..count).map(|_| EventWriter::new(store.clone())).collect();
        Self { idle: Mutex::new(idle), free: Semaphore::new(count) }
    }

    async fn insert(&self, event: &NewEvent) -> Result<()> {
        let _turn = self.free.acquire().await?;
        let mut writer = self.idle.lock().unwrap().pop().expect("a turn for each");
        let stored = writer.insert(&[event]).await;
        self.idle.lock().unwrap().push(writer);
        stored?;
        Ok(())
    }
}

/// Serves as long as the runtime lives.
pub async fn serve(source: Arc<LiveSource>, store: Option<(&Store, usize)>) -> Result<Serving> {
    let writers = store.map(|(store, count)| Writers::new(store, count));
    let rival = Arc::new(Rival { source, clock: Clock::system(), writers });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = axum::Router::new().route(PATH, axum::routing::post(take)).with_state(rival.clone());
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Serving { address, rival })
}

async fn take(State(rival): State<Arc<Rival>>, headers: HeaderMap, body: Body) -> Response {
    let Ok(body) = to_bytes(body, 1 << 20).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let now = rival.clock.now();
    let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let signature =
        SignatureHeaders { signature: header(SIGNATURE_HEADER), timestamp: header(TIMESTAMP_HEADER), other: None };
    if let Err(refusal) = rival.source.verify(&signature, &body, now) {
        return (StatusCode::UNAUTHORIZED, refusal.public).into_response();
    }
    let event = match parse::parse(&body, rival.source.id, rival.source.guild_id, rival.clock.uuid(), now) {
        Ok(event) => event,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let id = event.id;
    if let Some(writers) = &rival.writers {
        let new = NewEvent { event, raw: body.into(), data_in_raw: true, via: Via::Http };
        if let Err(error) = writers.insert(&new).await {
            return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
        }
    }
    let answer = json!({ "success": true, "message": "Webhook processed successfully", "id": id, "duplicate": false });
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}
