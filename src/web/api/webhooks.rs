//! `/webhooks`: other systems that are told what happens here, in the shape of XTSystems' own webhooks. The messages
//! follow Standard Webhooks.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::BASE;
use super::caller::{By, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, PageParams, Wanted};
use super::problem::{FieldError, Problem};
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use crate::outbound::manage::{self, Trouble};
use crate::store::outbound::{OutboundDelivery, OutboundWebhook};
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(test))
        .routes(routes!(rotate))
        .routes(routes!(deliveries))
}

/// A system that is told what happens here.
#[derive(Serialize, ToSchema)]
struct Webhook {
    id: Uuid,
    /// The server.
    company_id: String,
    name: String,
    url: String,
    /// What it is told; `*` for everything.
    events: Vec<String>,
    active: bool,
    /// Why it was switched off, if it was not by hand.
    disabled_because: Option<String>,
    /// Messages in a row that could not be delivered.
    failures: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// The same with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: Webhook,
    /// Signs the messages: `whsec_` and base64.
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    /// Unique in the server.
    name: String,
    /// Public, and reached over TLS.
    url: String,
    events: Vec<String>,
    active: Option<bool>,
    /// One of your own, `whsec_` and 24 to 64 bytes in base64 or 16 to 200 characters; otherwise one is made.
    secret: Option<String>,
    /// Sent along with each message, such as credentials. They are stored encrypted and never shown.
    headers: Option<BTreeMap<String, String>>,
    /// Taken as XTSystems' clients send it, and not used: what fails is repeated as the operator has it.
    #[serde(rename = "retry_count")]
    _retry_count: Option<u32>,
    /// Taken and not used: a message has 10 seconds.
    #[serde(rename = "timeout_seconds")]
    _timeout_seconds: Option<u32>,
    /// Taken and not used: a key belongs to one server.
    #[serde(rename = "company_id")]
    _company_id: Option<String>,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WebhookChange {
    name: Option<String>,
    url: Option<String>,
    events: Option<Vec<String>>,
    active: Option<bool>,
    /// The one before it signs as well for 24 hours.
    secret: Option<String>,
    /// Sent along with each message, such as credentials. They are stored encrypted and never shown.
    headers: Option<BTreeMap<String, String>>,
    /// Taken as XTSystems' clients send it, and not used: what fails is repeated as the operator has it.
    #[serde(rename = "retry_count")]
    _retry_count: Option<u32>,
    /// Taken and not used: a message has 10 seconds.
    #[serde(rename = "timeout_seconds")]
    _timeout_seconds: Option<u32>,
    /// Taken and not used: a key belongs to one server.
    #[serde(rename = "company_id")]
    _company_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Secret {
    /// Shown this once. The one before it signs as well for 24 hours.
    secret: String,
}

#[derive(Serialize, ToSchema)]
struct Queued {
    success: bool,
    /// The delivery to look for in the log: the message's `webhook-id`.
    delivery_id: Uuid,
}

/// A message as the log has it.
#[derive(Serialize, ToSchema)]
struct Delivery {
    id: Uuid,
    webhook_id: Uuid,
    event_type: String,
    #[schema(value_type = Object)]
    payload: Value,
    /// `pending`, `delivered` or `failed`.
    state: String,
    attempts: i32,
    response_status: Option<i32>,
    /// The beginning of the last answer, or why there was none.
    response_body: Option<String>,
    created_at: DateTime<Utc>,
    delivered_at: Option<DateTime<Utc>>,
}

impl From<OutboundWebhook> for Webhook {
    fn from(w: OutboundWebhook) -> Self {
        Self {
            id: w.id,
            company_id: w.guild_id.to_string(),
            name: w.name,
            url: w.url,
            events: w.events,
            active: w.active,
            disabled_because: w.disabled_because,
            failures: w.failures,
            created_at: w.created_at,
            updated_at: w.updated_at,
        }
    }
}

fn version(w: &OutboundWebhook) -> ETag {
    ETag::of(&(w.id, w.version))
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Field { field, why } => Problem::invalid(vec![FieldError::new(field, why)]),
            Trouble::Unknown => Problem::not_found(),
            Trouble::Changed => Problem::stale(),
            Trouble::TooMany => Problem::conflict(Trouble::TooMany.to_string()),
        }
    }
}

/// The server's outbound webhooks
#[utoipa::path(
    get,
    path = "/webhooks",
    tag = "Webhooks",
    params(PageParams),
    responses((status = 200, description = "A page of webhooks", body = Page<Webhook>)),
    security(("bearer" = ["webhooks:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksRead>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Webhook>>, Problem> {
    let wanted = Wanted::<Uuid>::read("webhooks", params.cursor.as_deref(), params.limit)?;
    // A server has few of them.
    let all = web.ports.store.list_outbound_webhooks(caller.guild_id).await?;
    let from = wanted.after.and_then(|after| all.iter().position(|w| w.id == after)).map_or(0, |at| at + 1);
    let rows: Vec<OutboundWebhook> = all.into_iter().skip(from).collect();
    Ok(Json(wanted.page("webhooks", rows, |row| row.id, Webhook::from)))
}

/// Add an outbound webhook
#[utoipa::path(
    post,
    path = "/webhooks",
    tag = "Webhooks",
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret", body = WebhookWithSecret)),
    security(("bearer" = ["webhooks:write"]), ("header" = []))
)]
async fn create(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksWrite>,
    NewId(id): NewId,
    JsonBody(body): JsonBody<NewWebhook>,
) -> Result<impl IntoResponse, Problem> {
    let NewWebhook { name, url, events, active, secret, headers, .. } = body;
    let wanted = manage::Wanted { name, url, events, active: active.unwrap_or(true), headers };
    let made = manage::create(&web.ports, caller.guild_id, &caller.key_name, id, &wanted, secret.as_deref()).await?;
    let (webhook, secret) = made?;
    let (tag, place) = (version(&webhook), format!("{BASE}/webhooks/{id}"));
    let body = WebhookWithSecret { webhook: webhook.into(), secret };
    Ok((StatusCode::CREATED, tag, [(header::LOCATION, place)], Json(body)))
}

async fn found(web: &Web, caller: &super::caller::Caller, id: Uuid) -> Result<OutboundWebhook, Problem> {
    let found = web.ports.store.find_outbound_webhook(caller.guild_id, id).await?;
    found.ok_or_else(Problem::not_found)
}

/// One outbound webhook
#[utoipa::path(
    get,
    path = "/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The webhook", body = Webhook)),
    security(("bearer" = ["webhooks:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksRead>,
    Id(id): Id<Uuid>,
) -> Result<impl IntoResponse, Problem> {
    let webhook = found(&web, &caller, id).await?;
    Ok((version(&webhook), Json(Webhook::from(webhook))))
}

/// Change an outbound webhook, or switch it on again
#[utoipa::path(
    put,
    path = "/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = Uuid, Path)),
    request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now", body = Webhook)),
    security(("bearer" = ["webhooks:write"]), ("header" = []))
)]
async fn change(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksWrite>,
    Id(id): Id<Uuid>,
    wanted_version: IfMatch,
    JsonBody(body): JsonBody<WebhookChange>,
) -> Result<impl IntoResponse, Problem> {
    let now = found(&web, &caller, id).await?;
    wanted_version.check(&version(&now))?;
    let wanted = manage::Wanted {
        name: body.name.unwrap_or(now.name),
        url: body.url.unwrap_or(now.url),
        events: body.events.unwrap_or(now.events),
        active: body.active.unwrap_or(now.active),
        headers: body.headers,
    };
    let (by, secret) = (&caller.key_name, body.secret.as_deref());
    let changed = manage::update(&web.ports, caller.guild_id, by, id, now.version, &wanted, secret).await??;
    Ok((version(&changed), Json(Webhook::from(changed))))
}

/// Delete an outbound webhook with its log
#[utoipa::path(
    delete,
    path = "/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It is gone")),
    security(("bearer" = ["webhooks:write"]), ("header" = []))
)]
async fn remove(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksWrite>,
    Id(id): Id<Uuid>,
    wanted_version: IfMatch,
) -> Result<StatusCode, Problem> {
    wanted_version.check(&version(&found(&web, &caller, id).await?))?;
    manage::delete(&web.ports, caller.guild_id, &caller.key_name, id).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Queue a test message
#[utoipa::path(
    post,
    path = "/webhooks/{id}/test",
    tag = "Webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 202, description = "It is queued", body = Queued)),
    security(("bearer" = ["webhooks:write"]), ("header" = []))
)]
async fn test(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksWrite>,
    Id(id): Id<Uuid>,
) -> Result<impl IntoResponse, Problem> {
    let delivery_id = manage::test(&web.ports, caller.guild_id, id).await??;
    Ok((StatusCode::ACCEPTED, Json(Queued { success: true, delivery_id })))
}

/// Make another secret
#[utoipa::path(
    post,
    path = "/webhooks/{id}/rotate-secret",
    tag = "Webhooks",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The new secret", body = Secret)),
    security(("bearer" = ["webhooks:write"]), ("header" = []))
)]
async fn rotate(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksWrite>,
    Id(id): Id<Uuid>,
) -> Result<Json<Secret>, Problem> {
    let secret = manage::rotate(&web.ports, caller.guild_id, &caller.key_name, id).await??;
    Ok(Json(Secret { secret }))
}

/// What it was told, or is to be
#[utoipa::path(
    get,
    path = "/webhooks/{id}/deliveries",
    tag = "Webhooks",
    params(("id" = Uuid, Path), PageParams),
    responses((status = 200, description = "A page of deliveries, the newest first", body = Page<Delivery>)),
    security(("bearer" = ["webhooks:read"]), ("header" = []))
)]
async fn deliveries(
    State(web): State<Arc<Web>>,
    caller: By<may::WebhooksRead>,
    Id(id): Id<Uuid>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Delivery>>, Problem> {
    found(&web, &caller, id).await?;
    let wanted = Wanted::<Uuid>::read("webhook-deliveries", params.cursor.as_deref(), params.limit)?;
    let rows = web.ports.store.list_outbound_deliveries(caller.guild_id, id, wanted.after, wanted.rows()).await?;
    let show = |d: OutboundDelivery| Delivery {
        id: d.id,
        webhook_id: id,
        event_type: d.event_type,
        payload: d.payload,
        state: d.state,
        attempts: d.attempts,
        response_status: d.response_status,
        response_body: d.response_body,
        created_at: d.created_at,
        delivered_at: d.delivered_at,
    };
    Ok(Json(wanted.page("webhook-deliveries", rows, |row| row.id, show)))
}
