//! Writes that may be sent again: with an `Idempotency-Key` one is carried out once in 24 hours, and its answer is
//! given each time.
//!
//! A crash between the write and its answer leaves the request claimed; when the claim lapses, the same request is
//! carried out again, and makes nothing twice because the id of what it makes follows from the key ([`NewId`]).

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::Caller;
use super::input::read_body;
use super::problem::Problem;
use super::text;
use crate::id::derived_at;
use crate::store::StoreError;
use crate::store::idempotency::{Claimed, NewRequest};
use crate::web::Web;

pub const HEADER: &str = "idempotency-key";
pub const REPLAYED: &str = "idempotency-replayed";
const KEY_MAX: usize = 255;
/// No request takes longer.
const CARRIED_OUT_WITHIN: TimeDelta = TimeDelta::minutes(2);
/// An answer of ours is never longer.
const LONGEST: usize = 4 * 1024 * 1024;
/// What a caller needs of an answer besides its body.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// The id of what a request makes: the same each time that the request is carried out.
#[derive(Clone, Copy, Debug)]
pub struct NewId(pub Uuid);

impl FromRequestParts<Arc<Web>> for NewId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<NewId>().copied().unwrap_or_else(|| NewId(web.ports.clock.uuid())))
    }
}

#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The layer around every write.
pub async fn once(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let writes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !writes || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    carry_out(&web, request, next).await.unwrap_or_else(Problem::into_response)
}

async fn carry_out(web: &Arc<Web>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, web).await?;
    let key = key_of(&parts)?;
    let body = read_body(Request::new(body), web).await?;
    let hash = request_hash(&parts, &body);
    let (now, claim) = (web.ports.clock.now(), web.ports.clock.uuid());
    let request = NewRequest { api_key_id: caller.key_id, guild_id: caller.guild_id, key: &key, hash: &hash, claim };
    let first_at = match web.ports.store.claim_request(&request, now, now + CARRIED_OUT_WITHIN).await {
        Ok(Claimed::Ours(at)) => at,
        Ok(Claimed::UnderWay) => return Err(Problem::conflict(text::UNDER_WAY).retry_after(1)),
        Ok(Claimed::Other) => return Err(Problem::key_reused()),
        Ok(Claimed::Done(answer)) => return again(&answer),
        Err(StoreError::Secret(_)) => return Err(Problem::conflict(text::ANSWER_LOST)),
        Err(error) => return Err(error.into()),
    };
    let id = derived_at(first_at, &["idempotency", &caller.key_id.to_string(), &key, &hex::encode(&hash)]);
    parts.extensions.insert(NewId(id));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    Ok(keep(web, &request, response).await)
}

fn key_of(parts: &Parts) -> Result<String, Problem> {
    let key = parts.headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    // Each address has keys of its own.
    fits.then(|| format!("{} {} {key}", parts.method, parts.uri.path()))
        .ok_or_else(|| Problem::bad_request(text::SHORT_KEY))
}

fn request_hash(parts: &Parts, body: &[u8]) -> Vec<u8> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [parts.method.as_str(), "\n", &parts.uri.to_string(), "\n"] {
        context.update(part.as_bytes());
    }
    context.update(body);
    context.finish().as_ref().to_vec()
}

/// Keeps the answer of what was done. What was refused changed nothing, and may be sent again.
async fn keep(web: &Web, request: &NewRequest<'_>, response: Response) -> Response {
    let store = &web.ports.store;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LONGEST).await.unwrap_or_default();
    let outcome = if parts.status.is_success() {
        let headers = KEPT_HEADERS.iter().filter_map(|name| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some((name.to_string(), value.to_owned()))
        });
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = Answer { status: parts.status.as_u16(), headers: headers.collect(), body };
        store.finish_request(request, &serde_json::to_string(&answer).unwrap_or_default()).await
    } else {
        store.give_up_request(request).await
    };
    if let Err(error) = outcome {
        // It was done, and is done again only when the claim has lapsed, under the same id.
        tracing::warn!(%error, "the answer to a request could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

/// The answer that was kept.
fn again(answer: &str) -> Result<Response, Problem> {
    let answer: Answer = serde_json::from_str(answer).map_err(|error| Problem::internal(&error.into()))?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, Bytes::from(answer.body)).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
