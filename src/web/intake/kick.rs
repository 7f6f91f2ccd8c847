//! `POST /webhooks/kick/{segment}`: verify the raw bytes, then store or pass on. Kick ends a subscription whose deliveries
//! fail for a day, so only what is forged or could not be stored is answered as a failure.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::Web;
use super::super::client_ip::client_ip;
use super::{read_body, refuse, too_many, unavailable, within_budget};
use crate::event::Via;
use crate::id::sha256_hex;
use crate::source::kick::live::{LiveKick, Taken};
use crate::source::kick::verify::{Headers, Rule, Signed};

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

pub async fn receive(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(path): Path<HashMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(kick) = &web.kick else { return StatusCode::NOT_FOUND.into_response() };
    let client = client_ip(peer.ip(), &headers, &web.ports.config.web.trusted_proxies);
    match path.get("segment").map(|segment| kick.is_ours(segment)) {
        None | Some(Some(true)) => {}
        Some(None) => return unavailable(),
        Some(Some(false)) => {
            return within_budget(&web, &client, || refuse(StatusCode::NOT_FOUND, "No such address"));
        }
    }
    let body = match read_body(&web, body, &client).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let headers = read(&headers);
    let taken = match verify(&web, kick, &headers, &body, &client).await {
        Ok(signed) => kick.take(&web.ports, &web.ingest, &headers, &signed, &body).await,
        Err(rule) => Taken::Forged(rule),
    };
    answer(&web, kick, taken, &body, &client).await
}

/// Looked up without case; `X-Event-…` of old and the headers of Drops claims are none of them.
fn read(headers: &HeaderMap) -> Headers<'_> {
    let value = |name: &str| headers.get(name).map(|value| value.as_bytes());
    Headers {
        message_id: value("kick-event-message-id"),
        timestamp: value("kick-event-message-timestamp"),
        signature: value("kick-event-signature"),
        subscription_id: value("kick-event-subscription-id"),
        kind: value("kick-event-type"),
        version: value("kick-event-version"),
    }
}

/// A signature that does not match may be made with a key that Kick has lately changed to: within the client's budget
/// Kick is asked, which costs time and is therefore not done for everybody.
async fn verify(
    web: &Web,
    kick: &LiveKick,
    headers: &Headers<'_>,
    body: &[u8],
    client: &IpAddr,
) -> Result<Signed, Rule> {
    let rule = match kick.verify(headers, body) {
        Ok(signed) => return Ok(signed),
        Err(rule) => rule,
    };
    let may_be_new = rule == Rule::Mismatch && web.unverified.is_spent(client, web.ports.clock.now()).is_none();
    if !may_be_new {
        return Err(rule);
    }
    kick.verify_anew(&web.ports, headers, body).await.ok_or(rule)
}

async fn answer(web: &Web, kick: &LiveKick, taken: Taken, body: &Bytes, client: &IpAddr) -> Response {
    match taken {
        Taken::In { fresh: true } => ok(r#"{"success":true,"result":"taken"}"#),
        Taken::In { fresh: false } => ok(r#"{"success":true,"result":"known"}"#),
        Taken::NotOurs(why) => {
            tracing::debug!(why, bytes = body.len(), "a webhook of Kick was not for us");
            ok(r#"{"success":true,"result":"not ours"}"#)
        }
        Taken::Unreadable(error) => {
            keep_unreadable(web, &error.to_string(), body).await;
            ok(r#"{"success":true,"result":"unreadable"}"#)
        }
        Taken::Unavailable => unavailable(),
        Taken::Forged(rule) => {
            if let Err(wait) = web.unverified.take(client, web.ports.clock.now()) {
                return too_many(wait);
            }
            tracing::warn!(%rule, bytes = body.len(), "a webhook of Kick was refused");
            kick.note_refusal(&web.ports, &rule.to_string(), body).await;
            refuse(StatusCode::UNAUTHORIZED, "Invalid signature")
        }
    }
}

fn ok(answer: &'static str) -> Response {
    (StatusCode::OK, JSON, answer).into_response()
}

/// Signed by Kick and yet nothing that we know to read: kept whole, so that somebody can look.
async fn keep_unreadable(web: &Web, rule: &str, body: &[u8]) {
    tracing::warn!(rule, bytes = body.len(), "a webhook of Kick cannot be read");
    let (entry, now) = (sha256_hex(body), web.ports.clock.now());
    if let Err(error) = web.ports.store.insert_quarantine(Via::Http.as_str(), &entry, body, rule, 1, now).await {
        tracing::warn!(%error, "an unreadable body could not be kept");
    }
}
