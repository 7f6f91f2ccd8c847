//! `/health` as the original answers it, `/healthz` alive, `/readyz` able to take webhooks in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Web;

/// `instance` tells whoever asks by the public address whether it leads to this installation.
pub async fn health(State(web): State<Arc<Web>>) -> Json<Value> {
    let discord = if web.discord_connected.load(Ordering::Relaxed) { "connected" } else { "disconnected" };
    Json(json!({
        "status": "ok",
        "service": "signalbox",
        "timestamp": web.ports.clock.now().to_rfc3339(),
        "discord": discord,
        "instance": web.ports.instance.get(),
    }))
}

pub async fn alive() -> &'static str {
    "ok"
}

/// The intake needs PostgreSQL alone: Discord being away must not take it out of a load balancer.
pub async fn ready(State(web): State<Arc<Web>>) -> (StatusCode, Json<Value>) {
    let database = web.ports.store.clock_reading().await.is_ok();
    let discord = web.discord_connected.load(Ordering::Relaxed);
    let status = if database { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |up: bool| if up { "up" } else { "down" };
    (status, Json(json!({ "database": word(database), "discord": word(discord) })))
}
