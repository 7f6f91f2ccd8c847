//! `POST /webhooks/xtsystems`: verify the raw bytes, parse, store, answer. A refused request learns
//! nothing but that it was refused; an admin can see why.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::Web;
use super::budget::Budgets;
use super::client_ip::client_ip;
use crate::event::{NewEvent, Via};
use crate::source::ingest::IngestError;
use crate::source::xtsystems::live::LiveSource;
use crate::source::xtsystems::verify::{Refusal, SignatureHeaders};
use crate::source::xtsystems::{parse, text};
use crate::store::event::Inserted;

/// The configured XTSystems source as the intake sees it.
pub struct XtSystemsDoor {
    pub source: Arc<LiveSource>,
    pub verified: Budgets<Uuid>,
}

pub async fn xtsystems(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(door) = &web.xtsystems else { return StatusCode::NOT_FOUND.into_response() };
    let config = &web.ports.config.web;
    let client = client_ip(peer.ip(), &headers, &config.trusted_proxies);
    let Ok(body) = to_bytes(body, config.max_body_bytes).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("Body larger than {} bytes", config.max_body_bytes));
    };
    let now = web.ports.clock.now();
    let signature = SignatureHeaders {
        signature: headers.get("x-xtsystems-signature").map(|v| v.as_bytes()),
        timestamp: headers.get("x-xtsystems-timestamp").map(|v| v.as_bytes()),
    };
    // Verification comes first: a forger behind the same address cannot use up a real sender's budget.
    if let Err(refusal) = door.source.verify(&signature, &body, now) {
        if let Err(wait) = web.unverified.take(&client, now) {
            return too_many(wait);
        }
        keep_refusal(&web, door, door.source.diagnose(refusal.clone(), &signature, &body), &body).await;
        return refuse(StatusCode::UNAUTHORIZED, refusal.public);
    }
    if let Err(wait) = door.verified.take(&door.source.id, now) {
        return too_many(wait);
    }
    let event = match parse::parse(&body, door.source.id, door.source.guild_id, web.ports.clock.uuid(), now) {
        Ok(event) => event,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match web.ingest.submit(NewEvent { event, raw: body.to_vec(), via: Via::Http }).await {
        Ok(inserted) => accepted(inserted),
        Err(IngestError::Unavailable) => {
            let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unable to store, please retry");
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            response
        }
        Err(IngestError::Refused(why)) => refuse(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

fn accepted(inserted: Inserted) -> Response {
    let duplicate = matches!(inserted, Inserted::Duplicate(_));
    let status = if duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    let body = json!({
        "success": true,
        "message": "Webhook processed successfully",
        "id": inserted.id(),
        "duplicate": duplicate,
    });
    (status, Json(body)).into_response()
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

fn too_many(wait: TimeDelta) -> Response {
    let seconds = (wait.num_milliseconds() + 999) / 1000;
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
    if let Ok(value) = header::HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// Kept for the admins, bounded, without secret, signature or body. Failing to keep it is not the sender's concern.
async fn keep_refusal(web: &Web, door: &XtSystemsDoor, refusal: Refusal, body: &[u8]) {
    let rule = text::rule(&refusal.rule);
    let variant = refusal.variant.as_ref().map(text::variant);
    tracing::warn!(rule, variant, bytes = body.len(), "a webhook was refused");
    let hash = hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body));
    let kept = web.ports.store.insert_refusal(
        door.source.id,
        Via::Http.as_str(),
        &rule,
        variant.as_deref(),
        &hash,
        i64::try_from(body.len()).unwrap_or(i64::MAX),
        web.ports.clock.now(),
    );
    if let Err(error) = kept.await {
        tracing::debug!(%error, "a refusal could not be kept");
    }
}
