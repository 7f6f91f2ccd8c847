//! `/destinations`: the channels and Discord webhooks that messages go to.

pub(super) mod input;
mod test;

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, Caller, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, Wanted};
use super::problem::{FieldError, Problem};
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use super::{BASE, text};
use crate::delivery::manage::{Added, Change, Removed, Who};
use crate::id::GuildId;
use crate::store::destination::Target;
use crate::store::destination::edit::Settings;
use crate::store::destination::manage::DestinationView;
use crate::web::Web;
use input::{DestinationPatch, NewDestination, WebhookScope, WebhookType, taken};

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(test::test))
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
    /// How long notices are gathered; null: as the operator has it.
    batch_window_ms: Option<i32>,
    /// As whom a webhook posts; null: as Discord has it.
    sender_name: Option<String>,
    sender_avatar_url: Option<String>,
    checked_at: Option<DateTime<Utc>>,
    tested_at: Option<DateTime<Utc>>,
    last_delivery_at: Option<DateTime<Utc>>,
    /// Failures in a row. A message that was set aside for them no longer counts.
    failures: i32,
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
            batch_window_ms: view.batch_window_ms,
            sender_name: view.sender_name,
            sender_avatar_url: view.sender_avatar_url,
            checked_at: view.checked_at,
            tested_at: view.tested_at,
            last_delivery_at: view.last_delivery_at,
            failures: view.failures,
            waiting: view.waiting,
            routes: view.routes,
        }
    }
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
    let answer = (status, ETag::of(&view.settings()), Json(Destination::from(view)));
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
    match web.delivery.add_destination(&who(&caller), &place, &new.settings(), new_id).await? {
        Added::Done(view, _) => shown(&web, caller.guild_id, view.destination.id, StatusCode::CREATED).await,
        Added::NameTaken => Err(name_taken()),
        Added::Already(_) => Err(Problem::invalid(vec![taken(&place)])),
        Added::Elsewhere => Err(Problem::invalid(vec![FieldError::new("webhook_url", text::ELSEWHERE)])),
        Added::Refused(why) => {
            Err(Problem::invalid(vec![FieldError::new("webhook_url", text::WEBHOOK_REFUSED).hint(why)]))
        }
        Added::Silent(why) => Err(Problem::unanswered(text::silent(&why))),
        Added::Unfit(unfit) => Err(Problem::invalid(vec![unfit.into()])),
    }
}

fn who(caller: &Caller) -> Who {
    Who { guild_id: caller.guild_id, author: caller.author() }
}

fn name_taken() -> Problem {
    Problem::invalid(vec![FieldError::new("name", text::NAME_TAKEN)])
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
    let is_meant = |before: &Settings| if_match.check(&ETag::of(before)).is_ok();
    match web.delivery.change_destination(&who(&caller), id, &patch.settings(), is_meant).await? {
        Change::Done => shown(&web, caller.guild_id, id, StatusCode::OK).await,
        Change::NameTaken => Err(name_taken()),
        Change::Stale => Err(Problem::stale()),
        Change::Unfit(unfit) => Err(Problem::invalid(vec![unfit.into()])),
        Change::Unknown => Err(Problem::not_found()),
    }
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
    let is_meant = |before: &Settings| if_match.check(&ETag::of(before)).is_ok();
    match web.delivery.remove_destination(&who(&caller), id, is_meant).await? {
        Removed::Done(_) => Ok(StatusCode::NO_CONTENT),
        Removed::Routed(patterns) => Err(Problem::conflict(text::routed(&patterns))),
        Removed::Stale => Err(Problem::stale()),
        Removed::Unknown => Err(Problem::not_found()),
    }
}
