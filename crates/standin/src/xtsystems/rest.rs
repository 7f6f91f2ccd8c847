//! The platform's REST face: every call passes the key, the record of calls and the mode before it reaches its route.

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::AUTHORIZATION},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::time::Duration;

use super::{Auth, Behaviour, Place, XtSystems, lock, triggers::Refused, world::Decided};

mod machines;
mod tickets;
mod webhooks;

const MAX_BODY: usize = 2 << 20;

/// One recorded call. `status` is `None` while there is no answer, and stays so when the caller gave up first.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub at: DateTime<Utc>,
    pub method: String,
    /// With the query.
    pub path: String,
    pub body: Value,
    pub status: Option<u16>,
}

pub(super) fn router(xt: XtSystems) -> Router {
    let checked = Router::new()
        .merge(webhooks::routes())
        .merge(machines::routes())
        .merge(tickets::routes())
        .fallback(async || Refused::NotFound("Not Found"))
        .layer(middleware::from_fn_with_state(xt.clone(), gate))
        .with_state(xt);
    Router::new().route("/health", get(async || Json(json!({"status": "ok", "service": "xtsystems"})))).merge(checked)
}

/// Records the call, checks the key, then answers as the mode says.
async fn gate(State(xt): State<XtSystems>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return detail(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large");
    };
    let call = xt.record(parts.method.as_str(), &parts.uri.to_string(), &bytes);
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    let answer = if xt.knows_key(authorization.unwrap_or_default()) {
        let place = Place::of(parts.method.as_str(), parts.uri.path());
        let behaviour = lock(&xt.inner.modes).take(place);
        let request = Request::from_parts(parts, Body::from(bytes.clone()));
        xt.behave(behaviour, place, &bytes, next.run(request)).await
    } else {
        detail(StatusCode::UNAUTHORIZED, "Invalid or missing API key")
    };
    lock(&xt.inner.calls)[call].status = Some(answer.status().as_u16());
    answer
}

impl XtSystems {
    fn knows_key(&self, header: &str) -> bool {
        let key = &self.inner.api_key;
        let bearer = header.strip_prefix("Bearer ") == Some(key);
        match self.inner.auth {
            Auth::Bearer => bearer,
            Auth::Raw => header == key,
            Auth::Either => bearer || header == key,
        }
    }

    fn record(&self, method: &str, path: &str, body: &Bytes) -> usize {
        let mut body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body)))
        };
        if let Some(secret) = body.get_mut("secret").filter(|s| !s.is_null()) {
            *secret = json!("***");
        }
        let mut calls = lock(&self.inner.calls);
        calls.push(Call {
            at: self.clock().now(),
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            status: None,
        });
        calls.len() - 1
    }

    /// `route` does nothing until it is awaited, so the modes without an effect just drop it.
    async fn behave(
        &self,
        behaviour: Behaviour,
        place: Place,
        body: &Bytes,
        route: impl Future<Output = Response>,
    ) -> Response {
        match behaviour {
            Behaviour::Ok => route.await,
            Behaviour::Refuse { status, text } => detail(status_code(status), &text),
            Behaviour::Status { code } => detail(status_code(code), "Internal Server Error"),
            Behaviour::Timeout { ms } => hang(ms).await,
            Behaviour::AlreadyDecided { verb } => {
                if matches!(place, Place::Approve | Place::Deny) {
                    self.decide_silently(body, &verb);
                }
                detail(StatusCode::CONFLICT, &format!("Machine already {verb}"))
            }
            Behaviour::EffectThenStatus { code } => {
                route.await;
                detail(status_code(code), "Internal Server Error")
            }
            Behaviour::EffectThenHang { ms } => {
                route.await;
                hang(ms).await
            }
        }
    }

    /// The faster decision of somebody else, whose event was lost.
    fn decide_silently(&self, body: &Bytes, verb: &str) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let asset_id = body["asset_id"].as_str().unwrap_or_default();
        let now = self.clock().now();
        let _: Decided = self.change(|world| world.decide(asset_id, verb, "somebody else", now));
    }
}

async fn hang(ms: u64) -> Response {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    detail(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout")
}

fn status_code(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"detail": text}))).into_response()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::NotFound(text) => detail(StatusCode::NOT_FOUND, text),
            Self::Conflict(text) => detail(StatusCode::CONFLICT, &text),
            Self::Invalid(text) => detail(StatusCode::UNPROCESSABLE_ENTITY, &text),
        }
    }
}

/// Reads a JSON body; what does not fit is 422 with the reason, as the platform answers.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|e| Refused::Invalid(e.to_string()))
}
