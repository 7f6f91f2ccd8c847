//! Watches the doors: counts requests by what became of them, and gives each answer that is our own
//! fault a reference which the log has, too.

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::clock::random_bytes;
use crate::id::reference;
use crate::telemetry::metrics::Metrics;

/// An answer of ours is never longer.
const LONGEST: usize = 64 * 1024;

/// A way in.
#[derive(Clone, Copy)]
pub struct Door {
    /// Who comes through it.
    pub source: &'static str,
    /// What a plain 200 says there.
    pub ok: &'static str,
}

pub const XTSYSTEMS: Door = Door { source: "xtsystems", ok: "duplicate" };
pub const GENERIC: Door = Door { source: "generic", ok: "duplicate" };
pub const KICK: Door = Door { source: "kick", ok: "accepted" };
pub const ETLEGACY: Door = Door { source: "etlegacy", ok: "duplicate" };
pub const DISCORD: Door = Door { source: "discord", ok: "accepted" };

/// The middleware of one door.
pub async fn watch(metrics: Metrics, door: Door, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    metrics.request(door.source, outcome(door, response.status()));
    if response.status().is_server_error() { refer(response, door.source).await } else { response }
}

fn outcome(door: Door, status: StatusCode) -> &'static str {
    match status {
        StatusCode::OK => door.ok,
        StatusCode::UNAUTHORIZED => "signature_refused",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_success() => "accepted",
        status if status.is_client_error() => "malformed",
        _ => "failed",
    }
}

/// Counts a request to the REST interface, by labels of which there are few.
pub async fn count(metrics: Metrics, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        200..300 => "2xx",
        400..500 => "4xx",
        500..600 => "5xx",
        _ => "other",
    };
    metrics.api(method, route.as_ref().map(MatchedPath::as_str), class);
    response
}

/// Puts the reference into header and body, and one line into the log.
async fn refer(response: Response, source: &'static str) -> Response {
    let reference = reference(random_bytes::<5>());
    tracing::warn!(reference, source, status = response.status().as_u16(), "a request could not be served");
    let (mut parts, body) = response.into_parts();
    if let Ok(value) = HeaderValue::from_str(&reference) {
        parts.headers.insert("x-reference", value);
    }
    let bytes = to_bytes(body, LONGEST).await.unwrap_or_default();
    let body = match serde_json::from_slice(&bytes) {
        Ok(Value::Object(mut fields)) => {
            fields.insert("reference".into(), reference.into());
            parts.headers.remove(header::CONTENT_LENGTH);
            Body::from(Value::Object(fields).to_string())
        }
        _ => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}
