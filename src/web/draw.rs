//! `/draws/{id}`: all that is published about a raffle or giveaway, for people (who can have their browser recompute it)
//! and, with `.json`, for programs. Open to everyone: it names nobody.

mod page;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use uuid::Uuid;

use super::Web;
use super::client_ip::client_ip;
use crate::community::draw::publish::document;

/// Nothing is loaded from anywhere, and only the page's own script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors \
                      'none'; connect-src 'self'; script-src ";

pub fn routes() -> Router<Arc<Web>> {
    Router::new().route("/draws/{id}", get(show))
}

async fn show(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Response {
    let client = client_ip(peer.ip(), &headers, &web.ports.config.web.trusted_proxies);
    if let Err(wait) = web.pages.take(&client, web.ports.clock.now()) {
        let wait = wait.num_seconds().max(1).to_string();
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, wait)], page::TOO_MANY).into_response();
    }
    let (id, is_json) = match name.strip_suffix(".json") {
        Some(id) => (id, true),
        None => (name.as_str(), false),
    };
    let Ok(id) = id.parse::<Uuid>() else { return (StatusCode::NOT_FOUND, page::UNKNOWN).into_response() };
    let published = match web.ports.store.find_published_draw(id).await {
        Ok(Some(published)) => published,
        Ok(None) => return (StatusCode::NOT_FOUND, page::UNKNOWN).into_response(),
        Err(error) => {
            tracing::warn!(%error, "a draw could not be shown");
            return (StatusCode::SERVICE_UNAVAILABLE, page::TRY_AGAIN).into_response();
        }
    };
    if is_json {
        return Json(document(&published)).into_response();
    }
    let policy = HeaderValue::from_str(&format!("{POLICY}'{}'", page::script_hash()));
    let mut response = axum::response::Html(page::html(&published)).into_response();
    if let Ok(policy) = policy {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
