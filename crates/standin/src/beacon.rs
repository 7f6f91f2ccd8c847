//! Public randomness as drand gives it: rounds of `quicknet` by the world's clock, each number the SHA-256 of its signature
//! (<https://docs.drand.love/dev-guide/developer/http-api>). The signatures are made up: nothing here checks one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::clock::Clock;

/// The id of the network, its first round and the seconds between two, from its `/info`.
const CHAIN: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const GENESIS: i64 = 1_692_803_367;
const PERIOD: i64 = 3;

#[derive(Clone)]
pub struct Beacon {
    address: SocketAddr,
    state: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    is_away: AtomicBool,
    asked: AtomicU64,
}

impl Beacon {
    pub async fn start(clock: Clock) -> std::io::Result<Self> {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let state = Arc::new(Inner { clock, is_away: AtomicBool::new(false), asked: AtomicU64::new(0) });
        let router = Router::new().route("/{chain}/public/{round}", get(round)).with_state(state.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        Ok(Self { address, state })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether it answers 503 to everybody.
    pub fn set_away(&self, away: bool) {
        self.state.is_away.store(away, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }
}

async fn round(State(state): State<Arc<Inner>>, Path((chain, round)): Path<(String, String)>) -> Response {
    state.asked.fetch_add(1, Ordering::SeqCst);
    if state.is_away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(round) = round.parse::<i64>().ok().filter(|round| chain == CHAIN && *round > 0) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A round that is still to come is refused (425 Too Early).
    if state.clock.now().timestamp() < GENESIS + (round - 1) * PERIOD {
        return StatusCode::TOO_EARLY.into_response();
    }
    let hash = |bytes: &[u8]| hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes));
    let signature = format!("{}{}", hash(format!("round {round}").as_bytes()), &hash(b"the rest of it")[..32]);
    let randomness = hash(&hex::decode(&signature).unwrap_or_default());
    axum::Json(json!({ "round": round, "randomness": randomness, "signature": signature })).into_response()
}
