//! `POST /webhooks/in/{source}`: as the other door, for sources that are described. The answer comes after the commit.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::super::Web;
use super::super::budget::Budgets;
use super::super::client_ip::client_ip;
use super::{
    accepted, keep_refusal, keep_unreadable, not_stored, read_body, refuse, too_many, unavailable, within_budget,
};
use crate::event::NewEvent;
use crate::source::generic::live::{LiveGeneric, Sources};
use crate::source::generic::mapping::MappingError;
use crate::source::generic::read::{Delivery, Origin, read, visible};
use crate::source::generic::verify::{Request, Rule, Verified};
use crate::source::generic::{body, text};
use crate::source::notice::tell_admins;
use crate::store::event::Inserted;

/// Described sources as the intake sees them.
pub struct GenericDoor {
    pub sources: Arc<Sources>,
    pub verified: Budgets<Uuid>,
}

pub async fn receive(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(path): Path<HashMap<String, String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(door) = &web.generic else { return nobody() };
    let client = client_ip(peer.ip(), &headers, &web.ports.config.web.trusted_proxies);
    let now = web.ports.clock.now();
    let body = match read_body(&web, body, &client).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let found = match path.get("source").and_then(|id| id.parse::<Uuid>().ok()) {
        Some(id) => door.sources.find(&web.ports, id).await,
        None => Ok(None),
    };
    let source = match found {
        Ok(Some(source)) => source,
        Ok(None) => return within_budget(&web, &client, nobody),
        Err(_) => {
            web.ingest.note_missed();
            return unavailable();
        }
    };
    let listed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request = Request { headers: &listed, key: path.get("key").map(String::as_str), body: &body };
    // Verification comes first: a forger behind the same address cannot use up a real sender's budget.
    match verify(&web, door, source, &request, &client, now).await {
        Ok((source, verified)) => take_in(&web, door, &source, &request, &verified, body.clone(), now).await,
        Err((source, rule)) => refused(&web, &source, &rule, &request, &client).await,
    }
}

fn nobody() -> Response {
    refuse(StatusCode::NOT_FOUND, "No such address")
}

/// A secret that another process has just made may not be known here yet: within the client's budget what is stored
/// is looked up.
async fn verify(
    web: &Web,
    door: &GenericDoor,
    source: Arc<LiveGeneric>,
    request: &Request<'_>,
    client: &IpAddr,
    now: DateTime<Utc>,
) -> Result<(Arc<LiveGeneric>, Verified), (Arc<LiveGeneric>, Rule)> {
    let rule = match source.verify(request, now) {
        Ok(verified) => return Ok((source, verified)),
        Err(rule) => rule,
    };
    let may_be_new = matches!(rule, Rule::NoSecret | Rule::Mismatch | Rule::WrongToken | Rule::WrongAddress);
    if !may_be_new || web.unverified.is_spent(client, now).is_some() {
        return Err((source, rule));
    }
    door.sources.outdate();
    let Ok(Some(newer)) = door.sources.find(&web.ports, source.id).await else { return Err((source, rule)) };
    match newer.verify(request, now) {
        Ok(verified) => Ok((newer, verified)),
        Err(rule) => Err((newer, rule)),
    }
}

async fn take_in(
    web: &Web,
    door: &GenericDoor,
    source: &LiveGeneric,
    request: &Request<'_>,
    verified: &Verified,
    raw: Bytes,
    now: DateTime<Utc>,
) -> Response {
    if let Err(wait) = door.verified.take(&source.id, now) {
        return too_many(wait);
    }
    let payload = match body::read(request.header(header::CONTENT_TYPE.as_str()), &raw) {
        Ok(payload) => payload,
        Err(error) => {
            keep_unreadable(web, source.id, &text::unreadable(&error), &raw).await;
            return refuse(StatusCode::BAD_REQUEST, &error.to_string());
        }
    };
    let (events, problem) = events(web, source, request, &payload, verified, &raw, now);
    // None: a list of nothing. There is nothing to store, and nothing wrong.
    let mut stored = Vec::new();
    for outcome in web.ingest.submit_all(events).await {
        match outcome {
            Ok(inserted) => stored.push(inserted),
            // What the others of this body became is recognised when it comes again.
            Err(error) => return not_stored(&error),
        }
    }
    source.note_use(&web.ports, verified.secret_index).await;
    if let Some(problem) = problem {
        tell_of(web, source, &problem).await;
    }
    let fresh = stored.iter().find(|inserted| matches!(inserted, Inserted::Fresh(_)));
    accepted(fresh.or(stored.first()).copied().unwrap_or(Inserted::Fresh(Uuid::nil())))
}

fn events(
    web: &Web,
    source: &LiveGeneric,
    request: &Request<'_>,
    payload: &Value,
    verified: &Verified,
    raw: &[u8],
    now: DateTime<Utc>,
) -> (Vec<NewEvent>, Option<MappingError>) {
    let origin = Origin { id: source.id, guild_id: source.guild_id, name: &source.name };
    let headers = visible(request.headers);
    let delivery = Delivery { headers: &headers, raw, verified, received_at: now };
    read(origin, &source.config.mapping, &source.config.actions, payload, &delivery, || web.ports.clock.uuid())
}

/// Once for each version of the configuration. The event itself is stored; failing to tell is not the sender's concern.
async fn tell_of(web: &Web, source: &LiveGeneric, problem: &MappingError) {
    tracing::warn!(source = source.name, %problem, "a message could not be mapped; it is shown as it came");
    let key = format!("generic.mapping:{}:{}", source.id, source.config_version);
    let text = format!(
        "A message of the source {} could not be read as its mapping says, and is shown as it came. {problem}",
        source.name
    );
    if let Err(error) = tell_admins(&web.ports, source.guild_id, &key, &text).await {
        tracing::warn!(error = crate::error::chain(&error), "the admins could not be told of a mapping");
    }
}

/// Within the client's budget the refusal is explained to the admins; the client itself learns nothing.
async fn refused(web: &Web, source: &LiveGeneric, rule: &Rule, request: &Request<'_>, client: &IpAddr) -> Response {
    if let Err(wait) = web.unverified.take(client, web.ports.clock.now()) {
        return too_many(wait);
    }
    let variant = source.diagnose(request, rule).as_ref().map(text::variant);
    keep_refusal(web, source.id, &text::rule(rule), variant.as_deref(), request.body).await;
    refuse(StatusCode::UNAUTHORIZED, rule.public())
}
