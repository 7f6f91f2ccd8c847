//! `/api/discord/*`: the interface of the LAN party program, with its own paths, bodies and errors (`{"detail"}`), so
//! that existing clients work. A key of the REST interface is needed; a program on this machine may be exempted.

mod text;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::Web;
use super::api::caller::Caller;
use crate::api_key::Scope;
use crate::event::NewEvent;
use crate::id::GuildId;
use crate::source::ingest::IngestError;
use crate::source::party::live::{self, Tested};
use crate::source::party::{invite, webhook};

/// How long a test waits for Discord.
const PATIENCE: Duration = Duration::from_secs(15);
/// Headers that say that somebody stands between.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

pub fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/api/discord/webhook", post(set_webhook))
        .route("/api/discord/invite", post(set_invite))
        .route("/api/discord/status", get(status))
        .route("/api/discord/instructions", get(instructions))
        .route("/api/discord/test", post(test))
        .route("/api/discord/notify/{kind}", post(notify))
}

/// An answer that is not 200.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = crate::error::chain(&error), "a request of the party program failed");
        Refused(StatusCode::SERVICE_UNAVAILABLE, text::TRY_AGAIN.to_owned())
    }
}

#[derive(Serialize)]
struct Done {
    status: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

type Answer = Result<Json<Done>, Refused>;

fn done(message: &'static str) -> Answer {
    Ok(Json(Done { status: "ok", message, link: None }))
}

/// Whose parties they are, once it is known that the caller may.
struct Party {
    guild_id: GuildId,
    scopes: Option<Vec<Scope>>,
}

impl Party {
    /// A program on this machine may everything.
    fn may(&self, scope: Scope) -> Result<(), Refused> {
        match &self.scopes {
            Some(scopes) if !scopes.contains(&scope) => {
                Err(Refused(StatusCode::FORBIDDEN, text::missing_scope(scope.as_str())))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<Arc<Web>> for Party {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Response> {
        if let Some(guild_id) = exempted(web, parts) {
            return Ok(Party { guild_id, scopes: None });
        }
        match Caller::from_request_parts(parts, web).await {
            Ok(caller) => Ok(Party { guild_id: caller.guild_id, scopes: Some(caller.scopes) }),
            Err(problem) => {
                let status = problem.into_response().status();
                let detail = match status {
                    StatusCode::UNAUTHORIZED => text::NO_KEY,
                    StatusCode::TOO_MANY_REQUESTS => text::TOO_MANY,
                    _ => text::TRY_AGAIN,
                };
                Err(Refused(status, detail.to_owned()).into_response())
            }
        }
    }
}

/// The configured server, for a program on this machine that nobody speaks through: no proxy between, addressed as
/// this machine, and with a content type that no form of a web page sends.
fn exempted(web: &Web, parts: &Parts) -> Option<GuildId> {
    let config = &web.ports.config;
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let is_direct =
        config.web.trusted_proxies.is_empty() && FORWARDED.iter().all(|name| !parts.headers.contains_key(*name));
    let is_here = peer.ip().to_canonical().is_loopback() && names_loopback(&parts.headers);
    let is_plain = parts.method == Method::GET || is_json(&parts.headers);
    let is_named = parts.headers.contains_key(header::AUTHORIZATION) || parts.headers.contains_key("x-api-key");
    let exempt = config.party.loopback && is_direct && is_here && is_plain && !is_named;
    config.discord.guild_id.filter(|_| exempt)
}

/// Whether `Host` is this machine, and `Origin`, if there is one, too.
fn names_loopback(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(_) => {
            text(header::ORIGIN).and_then(|origin| origin.split_once("://")).is_some_and(|(_, host)| is_loopback(host))
        }
    };
    origin && text(header::HOST).is_some_and(is_loopback)
}

/// `localhost`, `127.0.0.1:3000`, `[::1]:3000`.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if port.is_empty() || port.starts_with(':') => name,
            _ => return false,
        },
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

async fn body(web: &Web, body: Body) -> Result<Value, Refused> {
    let most = web.ports.config.web.max_body_bytes;
    let too_large = |_| Refused(StatusCode::PAYLOAD_TOO_LARGE, text::too_large(most));
    let bytes = to_bytes(body, most).await.map_err(too_large)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|error| Refused(StatusCode::BAD_REQUEST, text::not_json(&error)))
}

fn bad(detail: &str) -> Refused {
    Refused(StatusCode::BAD_REQUEST, detail.to_owned())
}

async fn set_webhook(State(web): State<Arc<Web>>, party: Party, request: Request<Body>) -> Answer {
    party.may(Scope::DestinationsWrite)?;
    let given = body(&web, request.into_body()).await?;
    let url = given["webhook_url"].as_str().and_then(webhook).ok_or_else(|| bad(text::BAD_WEBHOOK))?;
    live::set_webhook(&web.ports, party.guild_id, &url).await?;
    done(text::WEBHOOK_SET)
}

async fn set_invite(State(web): State<Arc<Web>>, party: Party, request: Request<Body>) -> Answer {
    party.may(Scope::DestinationsWrite)?;
    let given = body(&web, request.into_body()).await?;
    let url = given["invite_url"].as_str().and_then(invite).ok_or_else(|| bad(text::BAD_INVITE))?;
    live::set_invite(&web.ports, party.guild_id, &url).await?;
    done(text::INVITE_SET)
}

async fn status(State(web): State<Arc<Web>>, party: Party) -> Result<Json<Value>, Refused> {
    let status = live::status(&web.ports, party.guild_id).await?;
    Ok(Json(json!({
        "webhook_configured": status.has_webhook,
        "invite_configured": status.invite.is_some(),
        "invite_url": status.invite,
        // That needs a program on each player's own desktop.
        "rich_presence": false,
        "bot_configured": true,
        "bot_online": web.discord_connected.load(Ordering::Relaxed),
    })))
}

async fn instructions(_: Party) -> Json<Value> {
    Json(json!({ "webhook": text::WEBHOOK_HOWTO, "invite": text::INVITE_HOWTO }))
}

async fn test(State(web): State<Arc<Web>>, party: Party) -> Answer {
    party.may(Scope::EventsWrite)?;
    if !live::status(&web.ports, party.guild_id).await?.has_webhook {
        return Err(bad(text::NO_WEBHOOK));
    }
    let id = take(&web, event(&web, &party, "test", Value::Null).await?).await?;
    match live::tested(&web.ports, party.guild_id, id, PATIENCE).await? {
        Tested::Delivered { link } => Ok(Json(Done { status: "ok", message: text::TESTED, link })),
        Tested::Refused { why } => Err(Refused(StatusCode::BAD_GATEWAY, text::not_taken(&why))),
        Tested::NowhereToGo => Err(bad(text::NO_WEBHOOK)),
        Tested::Pending => Err(Refused(StatusCode::GATEWAY_TIMEOUT, text::NOT_ANSWERED.to_owned())),
    }
}

async fn notify(
    State(web): State<Arc<Web>>,
    party: Party,
    Path(kind): Path<String>,
    request: Request<Body>,
) -> Result<Json<Value>, Refused> {
    party.may(Scope::EventsWrite)?;
    let given = body(&web, request.into_body()).await?;
    let id = take(&web, event(&web, &party, &kind, given).await?).await?;
    Ok(Json(json!({ "status": "ok", "message": text::QUEUED, "id": id })))
}

async fn event(web: &Web, party: &Party, kind: &str, given: Value) -> Result<NewEvent, Refused> {
    live::event(&web.ports, party.guild_id, kind, given).await?.map_err(|error| bad(&error.to_string()))
}

async fn take(web: &Web, event: NewEvent) -> Result<uuid::Uuid, Refused> {
    match web.ingest.submit(event).await {
        Ok(inserted) => Ok(inserted.id()),
        Err(IngestError::Refused(why)) => Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, why)),
        Err(IngestError::Unavailable) => Err(Refused(StatusCode::SERVICE_UNAVAILABLE, text::NOT_STORED.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine() {
        for host in ["localhost", "LOCALHOST:3000", "127.0.0.1", "127.9.9.9:80", "[::1]:3000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.evil.example", "127.0.0.1.evil.example", "[::1]evil", "evil:127.0.0.1", "10.0.0.1"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
