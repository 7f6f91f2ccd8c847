//! `POST /webhooks/xtsystems`: verify the raw bytes, parse, store, answer. A refused request learns
//! nothing but that it was refused; an admin can see why.

pub mod etlegacy;
pub mod generic;
pub mod kick;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Web;
use super::budget::Budgets;
use super::client_ip::client_ip;
use crate::event::{NewEvent, Via};
use crate::id::sha256_hex;
use crate::source::ingest::IngestError;
use crate::source::xtsystems::live::LiveSource;
use crate::source::xtsystems::parse;
use crate::source::xtsystems::text;
use crate::source::xtsystems::verify::{OTHER_SENDERS, Refusal, Rule, SignatureHeaders, Verified};
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
    let client = client_ip(peer.ip(), &headers, &web.ports.config.web.trusted_proxies);
    let now = web.ports.clock.now();
    let body = match read_body(&web, body, &client).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let signature = SignatureHeaders {
        signature: headers.get("x-xtsystems-signature").map(|v| v.as_bytes()),
        timestamp: headers.get("x-xtsystems-timestamp").map(|v| v.as_bytes()),
        other: OTHER_SENDERS.iter().find_map(|other| Some((other, headers.get(other.header)?.as_bytes()))),
    };
    // Verification comes first: a forger behind the same address cannot use up a real sender's budget.
    let verified = match verify(&web, door, &signature, &body, &client, now).await {
        Ok(verified) => verified,
        Err(refusal) => return refused(&web, door, refusal, &signature, &body, &client).await,
    };
    if let Err(wait) = door.verified.take(&door.source.id, now) {
        return too_many(wait);
    }
    let mut event = match parse::parse(&body, door.source.id, door.source.guild_id, web.ports.clock.uuid(), now) {
        Ok(event) => event,
        Err(error) => {
            keep_unreadable(&web, door.source.id, &text::unreadable(&error), &body).await;
            return refuse(StatusCode::BAD_REQUEST, &error.to_string());
        }
    };
    // It stays in the body, and is dropped on the thread that made it.
    event.data = Value::Null;
    match web.ingest.submit(NewEvent { event, raw: body.into(), data_in_raw: true, via: Via::Http }).await {
        Ok(inserted) => {
            door.source.note_use(&web.ports, verified.secret_index).await;
            accepted(inserted)
        }
        Err(error) => not_stored(&error),
    }
}

/// The whole of it, if it is not longer than anything that is taken; else the answer, which the client's budget limits.
async fn read_body(web: &Web, body: Body, client: &IpAddr) -> Result<Bytes, Response> {
    let most = web.ports.config.web.max_body_bytes;
    if let Ok(body) = to_bytes(body, most).await {
        return Ok(body);
    }
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("Body larger than {most} bytes"));
    Err(within_budget(web, client, too_large))
}

/// What a client without a signature is told, as often as its budget allows.
fn within_budget(web: &Web, client: &IpAddr, answer: impl FnOnce() -> Response) -> Response {
    match web.unverified.take(client, web.ports.clock.now()) {
        Ok(()) => answer(),
        Err(wait) => too_many(wait),
    }
}

/// What a sender learns whose event was not stored.
fn not_stored(error: &IngestError) -> Response {
    match error {
        IngestError::Unavailable => unavailable(),
        IngestError::Refused(why) => refuse(StatusCode::UNPROCESSABLE_ENTITY, why),
    }
}

fn unavailable() -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unable to store, please retry");
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    response
}

/// Within the client's budget the refusal is explained to the admins; the client itself learns nothing.
async fn refused(
    web: &Web,
    door: &XtSystemsDoor,
    refusal: Refusal,
    headers: &SignatureHeaders<'_>,
    body: &[u8],
    client: &IpAddr,
) -> Response {
    if let Err(wait) = web.unverified.take(client, web.ports.clock.now()) {
        return too_many(wait);
    }
    let refusal = door.source.diagnose(refusal, headers, body);
    let variant = refusal.variant.as_ref().map(text::variant);
    keep_refusal(web, door.source.id, &text::rule(&refusal.rule), variant.as_deref(), body).await;
    refuse(StatusCode::UNAUTHORIZED, refusal.public)
}

fn accepted(inserted: Inserted) -> Response {
    let duplicate = matches!(inserted, Inserted::Duplicate(_));
    let status = if duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    let id = inserted.id();
    (status, Json(Accepted { success: true, message: "Webhook processed successfully", id, duplicate })).into_response()
}

#[derive(Serialize)]
struct Accepted {
    success: bool,
    message: &'static str,
    id: Uuid,
    duplicate: bool,
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

/// Verifies; a signature that does not match may be made with a secret that another process has just
/// generated, so within the client's budget the stored one is looked up.
async fn verify(
    web: &Web,
    door: &XtSystemsDoor,
    headers: &SignatureHeaders<'_>,
    body: &[u8],
    client: &IpAddr,
    now: DateTime<Utc>,
) -> Result<Verified, Refusal> {
    let refusal = match door.source.verify(headers, body, now) {
        Ok(verified) => return Ok(verified),
        Err(refusal) => refusal,
    };
    let may_be_new = matches!(refusal.rule, Rule::NoSecretConfigured | Rule::Mismatch);
    if !may_be_new || web.unverified.is_spent(client, now).is_some() {
        return Err(refusal);
    }
    match door.source.refresh_secret(&web.ports).await {
        Ok(true) => door.source.verify(headers, body, now),
        Ok(false) => Err(refusal),
        Err(error) => {
            tracing::debug!(error = crate::error::chain(&error), "a newer secret could not be looked up");
            Err(refusal)
        }
    }
}

/// Kept for the admins, bounded, without secret, signature or body. Failing to keep it is not the sender's concern.
async fn keep_refusal(web: &Web, source_id: Uuid, rule: &str, variant: Option<&str>, body: &[u8]) {
    tracing::warn!(rule, variant, bytes = body.len(), "a webhook was refused");
    let hash = sha256_hex(body);
    let kept = web.ports.store.insert_refusal(
        source_id,
        Via::Http.as_str(),
        rule,
        variant,
        &hash,
        i64::try_from(body.len()).unwrap_or(i64::MAX),
        web.ports.clock.now(),
    );
    if let Err(error) = kept.await {
        tracing::debug!(%error, "a refusal could not be kept");
    }
}

/// Signed by the sender and yet no event: the admins see it, and the body is kept whole.
async fn keep_unreadable(web: &Web, source_id: Uuid, rule: &str, body: &[u8]) {
    keep_refusal(web, source_id, rule, None, body).await;
    let (entry, now) = (sha256_hex(body), web.ports.clock.now());
    if let Err(error) = web.ports.store.insert_quarantine(Via::Http.as_str(), &entry, body, rule, 1, now).await {
        tracing::warn!(%error, "an unreadable body could not be kept");
    }
}
