//! `/health` as the original answers it, `/healthz` alive, `/readyz` able to do what this process is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Web;
use crate::config::Roles;

/// A load balancer waits no longer than this, so neither does the question to the database.
const PATIENCE: Duration = Duration::from_secs(2);

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

/// What somebody wants to know: `/readyz?role=bot`.
#[derive(Deserialize)]
pub struct Asked {
    role: Option<Role>,
}

/// What a process is there for.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    /// Takes webhooks in. It needs PostgreSQL alone: Discord being away must not take it out of a load
    /// balancer.
    Intake,
    /// Has the gateway session.
    Bot,
    /// Sends what waits.
    Worker,
    /// Keeps house.
    Ticker,
}

impl Role {
    fn is_one_of(self, roles: Roles) -> bool {
        match self {
            Role::Intake => roles.intake,
            Role::Bot => roles.bot,
            Role::Worker => roles.worker,
            Role::Ticker => roles.ticker,
        }
    }
}

/// 503 with what is down when the role cannot be played; without a role, when nothing can be done at all.
pub async fn ready(State(web): State<Arc<Web>>, Query(asked): Query<Asked>) -> (StatusCode, Json<Value>) {
    let prepared = web.prepared.load(Ordering::Relaxed);
    let reading = tokio::time::timeout(PATIENCE, web.ports.store.clock_reading()).await;
    let database = matches!(reading, Ok(Ok(_))) && prepared;
    let discord = web.discord_connected.load(Ordering::Relaxed);
    let stopping = web.ports.lifecycle.is_stopping();
    let is_ours = asked.role.is_none_or(|role| role.is_one_of(web.ports.config.roles));
    let is_ready = is_ours && !stopping && database && (discord || !matches!(asked.role, Some(Role::Bot)));
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |up: bool| if up { "up" } else { "down" };
    let ready = match (is_ready, stopping) {
        (true, _) => "ready",
        (false, _) if !is_ours => "another process's role",
        (false, true) => "stopping",
        (false, false) => "not ready",
    };
    (status, Json(json!({ "status": ready, "database": word(database), "discord": word(discord) })))
}
