//! `POST /webhooks/etlegacy`: a file of a game server as its body, signed as Standard Webhooks asks. The id is the file's
//! name, which is therefore signed, too. The answer comes after the file is stored.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use serde_json::json;

use super::super::Web;
use super::super::budget::Budgets;
use super::super::client_ip::client_ip;
use super::{read_body, refuse, too_many, unavailable, within_budget};
use crate::config::Config;
use crate::id::GuildId;
use crate::source::generic::config::Verification;
use crate::source::generic::verify::{Request, Rules, verify};
use crate::source::trust::Believes as _;
use crate::stats::import::{Arrival, Arrived, Way, arrive};

pub const PATH: &str = "/webhooks/etlegacy";

/// How old a signature may be.
const TOLERANCE_SECONDS: u32 = 300;

/// The game server as the intake sees it.
pub struct EtlegacyDoor {
    guild_id: GuildId,
    rules: Rules,
    verified: Budgets<GuildId>,
}

impl EtlegacyDoor {
    /// `None`: nothing is taken in here.
    pub fn new(config: &Config) -> Option<EtlegacyDoor> {
        let (guild_id, secret) = (config.discord.guild_id?, config.etlegacy.upload_secret.clone()?);
        let scheme = Verification::StandardWebhooks { tolerance_seconds: TOLERANCE_SECONDS };
        let rules = Rules::new(&scheme).with_secrets(&[secret], &[]);
        let verified = Budgets::new(config.web.verified_per_min, TimeDelta::minutes(1));
        Some(EtlegacyDoor { guild_id, rules, verified })
    }
}

pub async fn receive(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(door) = &web.etlegacy else { return StatusCode::NOT_FOUND.into_response() };
    let client = client_ip(peer.ip(), &headers, &web.ports.config.web.trusted_proxies);
    let now = web.ports.clock.now();
    let body = match read_body(&web, body, &client).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let listed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let verified = match verify(&door.rules, &Request { headers: &listed, key: None, body: &body }, now) {
        Ok(verified) => verified,
        Err(rule) => {
            return within_budget(&web, &client, || {
                tracing::warn!(?rule, bytes = body.len(), "a file of statistics was refused");
                refuse(StatusCode::UNAUTHORIZED, rule.public())
            });
        }
    };
    // A sender that asks whether it is believed.
    if body.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, "There is no file in it");
    }
    if let Err(wait) = door.verified.take(&door.guild_id, now) {
        return too_many(wait);
    }
    let Some(name) = verified.id else { return refuse(StatusCode::UNAUTHORIZED, "Invalid signature") };
    let arrival = Arrival { name, bytes: body.into(), changed: verified.sent_at, way: Way::Upload };
    match arrive(&web.ports, door.guild_id, arrival).await {
        Ok(arrived) => answer(&arrived),
        Err(error) => {
            tracing::warn!(error = crate::error::chain(&error), "a file of statistics could not be stored");
            unavailable()
        }
    }
}

fn answer(arrived: &Arrived) -> Response {
    let (status, body) = match arrived {
        Arrived::New => (StatusCode::ACCEPTED, json!({ "success": true, "result": "new" })),
        Arrived::Corrected => (StatusCode::ACCEPTED, json!({ "success": true, "result": "corrected" })),
        Arrived::Known => (StatusCode::OK, json!({ "success": true, "result": "known", "duplicate": true })),
        // It is kept, and the sender has nothing to do about it.
        Arrived::Quarantined(why) => {
            (StatusCode::ACCEPTED, json!({ "success": true, "result": "quarantined", "reason": why }))
        }
    };
    (status, Json(body)).into_response()
}
