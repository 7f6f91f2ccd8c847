//! The pages of connecting with Kick: who asks for what, and what came of it. They need no script, are shown in no frame
//! and kept by nobody; their addresses hold secrets, so they are told to no other site.

mod page;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use serde::Deserialize;

use super::Web;
use super::client_ip::client_ip;
use crate::kick::connect::{self, CALLBACK_PATH, LASTS, LINK_PATH, Outcome};
use crate::upstream::kick::KickError;
use page::{Page, render};

pub fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route(&format!("{LINK_PATH}/{{link}}"), get(ask).post(go))
        .route(CALLBACK_PATH, get(back))
        // An app that is registered with another address keeps it.
        .fallback(elsewhere)
}

/// Kick sends people back to the path that the app is registered with, whichever that is.
async fn elsewhere(
    State(web): State<Arc<Web>>,
    uri: Uri,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    query: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let registered = connect::redirect_uri(&web.ports.config);
    match (query, registered) {
        (Ok(query), Some(registered)) if registered.path() == uri.path() => {
            back(State(web), peer, headers, query).await
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the link is about, before anybody is sent to Kick.
async fn ask(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(link): Path<String>,
) -> Response {
    match connect::look(&web.ports, &link).await {
        Ok(Some(oauth)) => shown(&web, StatusCode::OK, &text::question(&oauth)),
        Ok(None) => unknown(&web, &peer, &headers),
        Err(error) => trouble(&web, &error),
    }
}

/// The person goes on: this browser, and no other one, may come back.
async fn go(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(link): Path<String>,
) -> Response {
    let sent = match connect::consent(&web.ports, &link).await {
        Ok(Some(sent)) => sent,
        Ok(None) => return unknown(&web, &peer, &headers),
        Err(error) => return trouble(&web, &error),
    };
    let cookie = cookie(&web, &sent.cookie, LASTS);
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, sent.to.as_str().to_owned())]).into_response();
    guard(&web, &mut response);
    set(&mut response, header::SET_COOKIE, &cookie);
    response
}

/// What Kick sends back along with a person.
#[derive(Deserialize)]
struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn back(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Response {
    let own = named(&headers, cookie_name(&web));
    let outcome = match (returned.error, returned.state, returned.code, own) {
        // Nothing is used up: the person may go back and say yes.
        (Some(error), ..) => Ok(Outcome::NotAllowed(returned.error_description.unwrap_or(error))),
        (None, Some(state), Some(code), Some(cookie)) => connect::come_back(&web.ports, &state, &cookie, &code).await,
        _ => Ok(Outcome::Void),
    };
    let outcome = match outcome {
        Ok(Outcome::Void) => return unknown(&web, &peer, &headers),
        Ok(outcome) => outcome,
        Err(error) => return trouble(&web, &error),
    };
    let status = match &outcome {
        Outcome::Failed(KickError::Limited { .. } | KickError::Blocked(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Outcome::Failed(_) => StatusCode::BAD_GATEWAY,
        Outcome::MemberHas { .. } | Outcome::ViewerTaken { .. } => StatusCode::CONFLICT,
        Outcome::NotAllowed(_) | Outcome::NoChannel { .. } => StatusCode::FORBIDDEN,
        _ => StatusCode::OK,
    };
    let mut response = shown(&web, status, &text::outcome(&outcome));
    set(&mut response, header::SET_COOKIE, &cookie(&web, "", TimeDelta::zero()));
    response
}

/// The same for a link that never was and one that is no more; within the client's budget.
fn unknown(web: &Web, peer: &SocketAddr, headers: &HeaderMap) -> Response {
    let client = client_ip(peer.ip(), headers, &web.ports.config.web.trusted_proxies);
    if web.unverified.take(&client, web.ports.clock.now()).is_err() {
        return shown(web, StatusCode::TOO_MANY_REQUESTS, &text::too_many());
    }
    shown(web, StatusCode::GONE, &text::void())
}

fn trouble(web: &Web, error: &anyhow::Error) -> Response {
    tracing::error!(error = crate::error::chain(error), "a page of Kick could not be made");
    shown(web, StatusCode::SERVICE_UNAVAILABLE, &text::trouble())
}

fn shown(web: &Web, status: StatusCode, page: &Page) -> Response {
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], render(page)).into_response();
    guard(web, &mut response);
    response
}

/// No script, no frame, no trace.
fn guard(web: &Web, response: &mut Response) {
    // The form leads, by way of this server, to Kick.
    let kick = web.ports.config.kick.as_ref().map(|kick| kick.oauth_url.origin().ascii_serialization());
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {}",
        kick.unwrap_or_default()
    );
    set(response, header::CONTENT_SECURITY_POLICY, policy.trim());
    set(response, header::REFERRER_POLICY, "no-referrer");
    set(response, header::CACHE_CONTROL, "no-store");
    set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(response, header::X_FRAME_OPTIONS, "DENY");
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Over TLS no other host, and no path of this one, can set it.
fn cookie_name(web: &Web) -> &'static str {
    if is_https(web) { "__Host-signalbox_kick" } else { "signalbox_kick" }
}

fn is_https(web: &Web) -> bool {
    web.ports.config.web.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
}

fn cookie(web: &Web, value: &str, lasts: TimeDelta) -> String {
    let secure = if is_https(web) { "; Secure" } else { "" };
    let (name, seconds) = (cookie_name(web), lasts.num_seconds());
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn named(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
