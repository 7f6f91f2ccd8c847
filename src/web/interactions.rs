//! `POST /interactions`: what Discord sends by HTTP instead of over the gateway. The signature is proved, then
//! the same handlers are called. <https://discord.com/developers/docs/interactions/overview#preparing-for-interactions>

pub mod verify;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use self::verify::{Refusal, Verifier};
use super::Web;
use super::client_ip::client_ip;
use crate::ports::Interactions;

/// "PING", to be answered by a type 1 as well.
const PING: u8 = 1;

/// The door and what is behind it.
pub struct InteractionsDoor {
    handlers: Arc<dyn Interactions>,
    verifier: Verifier,
}

impl InteractionsDoor {
    pub fn new(handlers: Arc<dyn Interactions>, public_key: [u8; 32]) -> Self {
        Self { handlers, verifier: Verifier::new(public_key) }
    }
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: u8,
}

pub async fn receive(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(door) = &web.interactions else { return StatusCode::NOT_FOUND.into_response() };
    let Ok(body) = to_bytes(body, web.ports.config.web.max_body_bytes).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
    let (signature, timestamp) = (header(verify::SIGNATURE_HEADER), header(verify::TIMESTAMP_HEADER));
    if let Err(refusal) = door.verifier.verify(signature, timestamp, &body, web.ports.clock.now()) {
        note_refusal(&web, peer, &headers, refusal);
        return (StatusCode::UNAUTHORIZED, "invalid request signature").into_response();
    }
    let Ok(Kind { kind }) = serde_json::from_slice(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    if kind == PING {
        return Json(json!({ "type": PING })).into_response();
    }
    match door.handlers.take(&body) {
        // "If you send this request [the callback] for an interaction received over HTTP, respond to the original
        // HTTP request with a 202 and no body":
        // https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => {
            tracing::error!(%error, "an interaction was lost");
            StatusCode::BAD_REQUEST.into_response()
        }
    }
}

/// Discord itself sends wrong signatures to see whether they are refused, and takes the endpoint away when one is
/// answered by anything but 401. So nobody is held back; only what is said of it in the log is limited.
fn note_refusal(web: &Web, peer: SocketAddr, headers: &HeaderMap, refusal: Refusal) {
    let client = client_ip(peer.ip(), headers, &web.ports.config.web.trusted_proxies);
    if web.unverified.take(&client, web.ports.clock.now()).is_ok() {
        tracing::info!(%refusal, %client, "an interaction by HTTP was refused");
    }
}
