//! Kick's own face: every call passes the record, the proxy's eye and the mode before it reaches its route.

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

use super::{Behaviour, Kick, Place, lock, oauth, world::Token};

mod channels;
mod chat;
mod rewards;
mod subscriptions;

const MAX_BODY: usize = 1 << 20;
/// What the record never shows.
const SECRETS: [&str; 7] =
    ["access_token", "refresh_token", "client_secret", "code", "code_verifier", "token", "code_challenge"];

/// One recorded call. `status` is `None` while there is no answer, and stays so when the caller gave up first.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub at: DateTime<Utc>,
    pub method: String,
    /// With the query.
    pub path: String,
    /// `app` or the user's name, when the token is known.
    pub token: Option<String>,
    pub body: Value,
    pub status: Option<u16>,
}

pub(super) fn router(kick: Kick) -> Router {
    Router::new()
        .route("/oauth/authorize", get(oauth::authorize).post(oauth::decide))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/revoke", post(oauth::revoke))
        .route("/oauth/token/introspect", post(oauth::introspect))
        .route("/public/v1/token/introspect", post(oauth::introspect))
        .route("/public/v1/public-key", get(channels::public_key))
        .route("/public/v1/users", get(channels::users))
        .route("/public/v1/users/livestreams", get(channels::livestreams_of))
        .route("/public/v1/channels", get(channels::channels))
        .route("/public/v1/livestreams", get(channels::livestreams_v1))
        .route("/public/v2/livestreams", get(channels::livestreams))
        .route(
            "/public/v1/events/subscriptions",
            get(subscriptions::list).post(subscriptions::create).delete(subscriptions::remove),
        )
        .route("/public/v1/chat", post(chat::say))
        .route("/public/v1/chat/{id}", delete(chat::remove))
        .route("/public/v1/channels/rewards", get(rewards::list))
        .route("/public/v1/channels/rewards/redemptions", get(rewards::redemptions))
        .route("/public/v1/channels/rewards/redemptions/accept", post(rewards::accept))
        .route("/public/v1/channels/rewards/redemptions/reject", post(rewards::reject))
        .fallback(async || refused(StatusCode::NOT_FOUND, json!({}), "Not found"))
        .layer(middleware::from_fn_with_state(kick.clone(), gate))
        .with_state(kick)
}

/// Records the call, then answers as the mode says.
async fn gate(State(kick): State<Kick>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, Value::Null, "Request body too large").into_response();
    };
    let token = oauth::bearer(&parts.headers).and_then(|access| kick.owner_of(access));
    let call = kick.record(parts.method.as_str(), &parts.uri.to_string(), token, &bytes);
    let place = Place::of(parts.method.as_str(), parts.uri.path());
    // The page is for browsers, and the community's remedy against the proxy is to say who one is (KickDevDocs #216).
    let answer = if !parts.headers.contains_key(header::USER_AGENT) {
        cloudflare()
    } else {
        let behaviour = lock(&kick.inner.modes).take(place);
        let mut request = Request::from_parts(parts, Body::from(bytes));
        request.extensions_mut().insert(behaviour.clone());
        behave(behaviour, next.run(request)).await
    };
    lock(&kick.inner.calls)[call].status = Some(answer.status().as_u16());
    answer
}

/// `route` does nothing until it is awaited, so what has no effect just drops it.
async fn behave(behaviour: Behaviour, route: impl Future<Output = Response>) -> Response {
    match behaviour {
        // The last ones are the route's own affair.
        Behaviour::Ok | Behaviour::PartialError { .. } | Behaviour::NeverListed => route.await,
        Behaviour::LimitReached => bad("event subscription limit reached").into_response(),
        Behaviour::Status { code, data } => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let data = data.map_or(json!({}), Value::String);
            refused(status, data, status.canonical_reason().unwrap_or_default()).into_response()
        }
        Behaviour::RateLimited { retry_after } => {
            let mut answer = refused(StatusCode::TOO_MANY_REQUESTS, Value::Null, "Too many requests").into_response();
            if let Some(seconds) = retry_after {
                answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            answer
        }
        Behaviour::Cloudflare => cloudflare(),
        Behaviour::InvalidGrant => oauth::invalid_grant().into_response(),
        Behaviour::Timeout { ms } => hang(ms).await,
        Behaviour::EffectThenStatus { code } => {
            route.await;
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            refused(status, json!({}), status.canonical_reason().unwrap_or_default()).into_response()
        }
        Behaviour::EffectThenHang { ms } => {
            route.await;
            hang(ms).await
        }
    }
}

async fn hang(ms: u64) -> Response {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    refused(StatusCode::GATEWAY_TIMEOUT, Value::Null, "Gateway Timeout").into_response()
}

fn cloudflare() -> Response {
    let reference = &uuid::Uuid::new_v4().simple().to_string()[..8];
    let text = json!({"error": "Request blocked by security policy.", "reference": reference});
    (StatusCode::FORBIDDEN, Json(text)).into_response()
}

impl Kick {
    fn owner_of(&self, access: &str) -> Option<String> {
        let now = self.clock().now();
        let world = self.world();
        let token = world.token(access, now)?;
        Some(
            token.user_id.map_or("app".to_owned(), |id| world.user(id).map(|u| u.username.clone()).unwrap_or_default()),
        )
    }

    fn record(&self, method: &str, path: &str, token: Option<String>, body: &Bytes) -> usize {
        let body = match serde_json::from_slice::<Value>(body) {
            Ok(value) => value,
            Err(_) => pairs(body).into_iter().map(|(name, value)| masked(name, value)).collect(),
        };
        let path = match path.split_once('?') {
            Some((path, query)) => {
                let query = pairs(query.as_bytes()).into_iter().map(|(name, value)| {
                    let value = if SECRETS.contains(&name.as_str()) { "***".to_owned() } else { value };
                    format!("{name}={value}")
                });
                format!("{path}?{}", query.collect::<Vec<_>>().join("&"))
            }
            None => path.to_owned(),
        };
        let mut calls = lock(&self.inner.calls);
        calls.push(Call { at: self.clock().now(), method: method.to_owned(), path, token, body, status: None });
        calls.len() - 1
    }

    /// The token of a request; 401 without one, 403 without the scope. The application's own tokens have none and need none.
    fn admitted(&self, headers: &axum::http::HeaderMap, scopes: &[&str]) -> Result<Token, Refusal> {
        let access = oauth::bearer(headers).ok_or_else(unauthorized)?;
        let token = self.world().token(access, self.clock().now()).cloned().ok_or_else(unauthorized)?;
        let may = token.user_id.is_none() || scopes.iter().any(|scope| token.scopes.iter().any(|s| s == scope));
        may.then_some(token).ok_or_else(|| refused(StatusCode::FORBIDDEN, json!({}), "Forbidden"))
    }

    /// As above, for what only a user's token can do.
    fn admitted_user(&self, headers: &axum::http::HeaderMap, scopes: &[&str]) -> Result<i64, Refusal> {
        self.admitted(headers, scopes)?.user_id.ok_or_else(unauthorized)
    }
}

fn masked(name: String, value: String) -> (String, Value) {
    let value = if SECRETS.contains(&name.as_str()) { json!("***") } else { json!(value) };
    (name, value)
}

pub(super) fn data(data: Value) -> Response {
    Json(json!({"data": data, "message": "OK"})).into_response()
}

fn page(data: Value, next_cursor: &str) -> Response {
    Json(json!({"data": data, "message": "OK", "pagination": {"next_cursor": next_cursor}})).into_response()
}

/// Why a call comes to nothing, in Kick's envelope.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    data: Value,
    message: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"data": self.data, "message": self.message}))).into_response()
    }
}

fn refused(status: StatusCode, data: Value, message: &'static str) -> Refusal {
    Refusal { status, data, message }
}

fn bad(data: &str) -> Refusal {
    refused(StatusCode::BAD_REQUEST, json!(data), "Bad request")
}

pub(super) fn unauthorized() -> Refusal {
    refused(StatusCode::UNAUTHORIZED, json!({}), "Unauthorized")
}

/// The pairs of a query or a form; names may repeat.
pub(super) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn every<'a>(pairs: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
}
