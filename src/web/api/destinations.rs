//! `/destinations`: the channels and Discord webhooks that messages go to.

mod input;

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, Wanted};
use super::problem::{FieldError, Problem};
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use super::{BASE, text};
use crate::bus::Topic;
use crate::id::GuildId;
use crate::store::audit::insert_audit;
use crate::store::destination::edit::{Settings, find_place, lock_settings, set_enabled};
use crate::store::destination::manage::{
    Changed, DestinationChange, DestinationView, change_destination, remove_destination,
};
use crate::store::destination::{Target, ensure_channel, ensure_webhook};
use crate::store::{Store, Tx};
use crate::web::Web;
use input::{DestinationPatch, NewDestination, Place, WebhookScope, WebhookType};

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// Where messages go.
#[derive(Serialize, ToSchema)]
struct Destination {
    id: Uuid,
    kind: DestinationKind,
    name: Option<String>,
    description: Option<String>,
    /// What a panel's events are matched against; null: only routes that name it lead here.
    #[serde(rename = "type")]
    #[schema(value_type = Option<WebhookType>)]
    webhook_type: Option<String>,
    #[serde(rename = "scope")]
    #[schema(value_type = Option<WebhookScope>)]
    webhook_scope: Option<String>,
    /// False: paused; its messages wait.
    enabled: bool,
    /// Why Discord does not let us use it, if that is so.
    disabled_because: Option<String>,
    /// Null for a webhook that was not looked up yet.
    channel_id: Option<String>,
    /// The address of a webhook, its token masked.
    #[schema(example = "https://discord.com/api/webhooks/914986636629143562/••••")]
    webhook_url: Option<String>,
    /// What Discord calls the channel.
    discord_name: Option<String>,
    /// Of a forum: posts are archived when their card is resolved.
    archives_resolved: bool,
    checked_at: Option<DateTime<Utc>>,
    tested_at: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    /// Messages that are not delivered yet.
    waiting: i64,
    /// Patterns of the routes that lead here.
    routes: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DestinationKind {
    Channel,
    Thread,
    Forum,
    Webhook,
}

impl From<DestinationView> for Destination {
    fn from(view: DestinationView) -> Self {
        let target = &view.destination.target;
        let (kind, channel, webhook) = match target {
            Target::Channel(id) => (DestinationKind::Channel, Some(*id), None),
            Target::Thread(id) => (DestinationKind::Thread, Some(*id), None),
            Target::Forum(id) => (DestinationKind::Forum, Some(*id), None),
            Target::Webhook { id, channel, .. } => (DestinationKind::Webhook, *channel, Some(*id)),
        };
        Self {
            id: view.destination.id,
            kind,
            name: view.name,
            description: view.description,
            webhook_type: view.webhook_type,
            webhook_scope: view.webhook_scope,
            enabled: view.enabled,
            disabled_because: view.destination.disabled_because,
            channel_id: channel.map(|id| id.to_string()),
            webhook_url: webhook.map(|id| format!("https://discord.com/api/webhooks/{id}/••••")),
            discord_name: view.discord_name,
            archives_resolved: view.destination.archives_resolved,
            checked_at: view.checked_at,
            tested_at: view.tested_at,
            last_delivery_at: view.last_delivery_at,
            waiting: view.waiting,
            routes: view.routes,
        }
    }
}

/// The version of a destination: what people set of it.
fn etag(view: &DestinationView) -> ETag {
    ETag::of(&Settings {
        name: view.name.clone(),
        description: view.description.clone(),
        webhook_type: view.webhook_type.clone(),
        webhook_scope: view.webhook_scope.clone(),
        enabled: view.enabled,
        archives_resolved: view.destination.archives_resolved,
    })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many on a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those of this type.
    #[serde(rename = "type")]
    #[param(inline)]
    webhook_type: Option<WebhookType>,
    /// Only those of this scope.
    #[serde(rename = "scope")]
    #[param(inline)]
    webhook_scope: Option<WebhookScope>,
}

/// The server's destinations
#[utoipa::path(
    get,
    path = "/destinations",
    tag = "Destinations",
    params(ListParams),
    responses((status = 200, description = "A page of destinations", body = Page<Destination>)),
    security(("bearer" = ["destinations:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsRead>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Destination>>, Problem> {
    let wanted = Wanted::<Uuid>::read("destinations", params.cursor.as_deref(), params.limit)?;
    let (kind, scope) = (params.webhook_type.map(WebhookType::as_str), params.webhook_scope.map(WebhookScope::as_str));
    // A server has few.
    let mut views = web.ports.store.list_destination_views(caller.guild_id, None).await?;
    views.retain(|view| {
        wanted.after.is_none_or(|after| view.destination.id < after)
            && kind.is_none_or(|kind| view.webhook_type.as_deref() == Some(kind))
            && scope.is_none_or(|scope| view.webhook_scope.as_deref() == Some(scope))
    });
    views.sort_by_key(|view| Reverse(view.destination.id));
    Ok(Json(wanted.page("destinations", views, |view| view.destination.id, Destination::from)))
}

/// One destination
#[utoipa::path(
    get,
    path = "/destinations/{id}",
    tag = "Destinations",
    params(("id" = Uuid, Path)),
    responses((
        status = 200,
        description = "The destination",
        body = Destination,
        headers(("ETag" = String, description = "Its version, for If-Match"))
    )),
    security(("bearer" = ["destinations:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsRead>,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    shown(&web, caller.guild_id, id, StatusCode::OK).await
}

async fn shown(web: &Web, guild_id: GuildId, id: Uuid, status: StatusCode) -> Result<Response, Problem> {
    let view = web.ports.store.find_destination_view(guild_id, id).await?.ok_or_else(Problem::not_found)?;
    let location = (status == StatusCode::CREATED).then(|| [(header::LOCATION, format!("{BASE}/destinations/{id}"))]);
    let answer = (status, etag(&view), Json(Destination::from(view)));
    Ok(match location {
        Some(location) => (location, answer).into_response(),
        None => answer.into_response(),
    })
}

/// Add a channel or a webhook
#[utoipa::path(
    post,
    path = "/destinations",
    tag = "Destinations",
    request_body = NewDestination,
    responses((
        status = 201,
        description = "It was added",
        body = Destination,
        headers(("ETag" = String), ("Location" = String))
    )),
    security(("bearer" = ["destinations:write"]), ("header" = []))
)]
async fn create(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsWrite>,
    NewId(new_id): NewId,
    JsonBody(new): JsonBody<NewDestination>,
) -> Result<Response, Problem> {
    let place = new.check()?;
    let (guild_id, now) = (caller.guild_id, web.ports.clock.now());
    let mut tx = web.ports.store.begin().await?;
    let (channel, webhook) = match &place {
        Place::Channel(id) => (Some(id.0), None),
        Place::Webhook(address) => (None, Some(address.id)),
    };
    match find_place(&mut tx, guild_id, channel, webhook).await? {
        // It was made by this request, and the answer was lost.
        Some((known, _)) if known == new_id => return shown(&web, guild_id, new_id, StatusCode::CREATED).await,
        Some((_, Some(_))) => return Err(Problem::invalid(vec![place.taken()])),
        // One that a route made gets its name now.
        Some((_, None)) | None => {}
    }
    let id = match &place {
        Place::Channel(channel) => ensure_channel(&mut tx, guild_id, *channel, new_id, now).await?,
        Place::Webhook(address) => {
            ensure_webhook(&mut tx, guild_id, address.id, address.token.expose_secret(), new_id, now).await?
        }
    };
    apply(&mut tx, guild_id, id, &new.settings()).await?;
    set_enabled(&mut tx, guild_id, id, new.enabled).await?;
    let line = caller.audit("destination_created", json!({ "destination": id, "name": new.name }));
    insert_audit(&mut tx, &line, now).await?;
    Store::commit(tx).await?;
    web.ports.wake.wake(Topic::Deliverer);
    shown(&web, guild_id, id, StatusCode::CREATED).await
}

async fn apply(tx: &mut Tx, guild_id: GuildId, id: Uuid, change: &DestinationChange) -> Result<(), Problem> {
    match change_destination(tx, guild_id, id, change).await? {
        Changed::Done => Ok(()),
        Changed::NameTaken => Err(Problem::invalid(vec![FieldError::new("name", text::NAME_TAKEN)])),
        Changed::Unknown => Err(Problem::not_found()),
    }
}

/// Change what is set; what is left out stays, null clears it
#[utoipa::path(
    patch,
    path = "/destinations/{id}",
    tag = "Destinations",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")),
    request_body = DestinationPatch,
    responses(
        (status = 200, description = "As it is now", body = Destination, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["destinations:write"]), ("header" = []))
)]
async fn change(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    JsonBody(patch): JsonBody<DestinationPatch>,
) -> Result<Response, Problem> {
    patch.check()?;
    let guild_id = caller.guild_id;
    let mut tx = web.ports.store.begin().await?;
    let before = lock_settings(&mut tx, guild_id, id).await?.ok_or_else(Problem::not_found)?;
    if_match.check(&ETag::of(&before))?;
    apply(&mut tx, guild_id, id, &patch.settings()).await?;
    if let Some(enabled) = patch.enabled {
        set_enabled(&mut tx, guild_id, id, enabled).await?;
    }
    let line = caller.audit("destination_changed", json!({ "destination": id, "fields": patch.fields() }));
    insert_audit(&mut tx, &line, web.ports.clock.now()).await?;
    Store::commit(tx).await?;
    // What waited for the end of a pause goes on.
    web.ports.wake.wake(Topic::Deliverer);
    shown(&web, guild_id, id, StatusCode::OK).await
}

/// Remove a destination
///
/// What waits for it is given up. What went there stays explained. One that routes lead to is kept (409).
#[utoipa::path(
    delete,
    path = "/destinations/{id}",
    tag = "Destinations",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is removed")),
    responses((status = 204, description = "It is gone"), (status = 412, description = "It was changed meanwhile")),
    security(("bearer" = ["destinations:write"]), ("header" = []))
)]
async fn remove(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let (guild_id, now) = (caller.guild_id, web.ports.clock.now());
    let view = web.ports.store.find_destination_view(guild_id, id).await?.ok_or_else(Problem::not_found)?;
    if !view.routes.is_empty() {
        return Err(Problem::conflict(text::routed(&view.routes)));
    }
    let mut tx = web.ports.store.begin().await?;
    let before = lock_settings(&mut tx, guild_id, id).await?.ok_or_else(Problem::not_found)?;
    if_match.check(&ETag::of(&before))?;
    let given_up = remove_destination(&mut tx, guild_id, id, now).await?.ok_or_else(Problem::not_found)?;
    let detail = json!({ "destination": id, "name": before.name, "given_up": given_up });
    insert_audit(&mut tx, &caller.audit("destination_removed", detail), now).await?;
    Store::commit(tx).await?;
    Ok(StatusCode::NO_CONTENT)
}
