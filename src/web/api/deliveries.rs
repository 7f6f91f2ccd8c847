//! `/deliveries`: what goes to Discord, whether it arrived, and sending it again when it did not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, Params};
use super::page::{Page, Wanted};
use super::problem::Problem;
use super::text;
use crate::bus::Topic;
use crate::delivery::replay::{Kept, replay_one};
use crate::id::GuildId;
use crate::store::delivery_view::{AttemptView, DeliveryFilter, DeliveryView};
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show)).routes(routes!(replay))
}

/// A message for one destination.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    id: i64,
    event_id: Uuid,
    /// Of the event; null when it is older than what is kept.
    #[schema(example = "ticket.created")]
    kind: Option<String>,
    destination_id: Uuid,
    destination_name: Option<String>,
    route_id: Option<Uuid>,
    #[schema(value_type = DeliveryState)]
    state: String,
    /// How often it was tried.
    attempts: i32,
    /// What was last said about it, by Discord or by us.
    error: Option<String>,
    /// The message in Discord, once it is known to be there.
    message_link: Option<String>,
    created_at: DateTime<Utc>,
    /// When it arrived or was given up.
    finished_at: Option<DateTime<Utc>>,
}

/// `queued`: waits its turn. `sending`: under way or tried again. `in_doubt`: whether it arrived is being found out.
/// `unresolved`: that cannot be found out at the moment. `delivered`. `dead`: given up; it can be sent again.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DeliveryState {
    Queued,
    Sending,
    InDoubt,
    Unresolved,
    Delivered,
    Dead,
}

impl DeliveryState {
    fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Queued => "queued",
            DeliveryState::Sending => "sending",
            DeliveryState::InDoubt => "in_doubt",
            DeliveryState::Unresolved => "unresolved",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
        }
    }
}

/// The same, with every attempt.
#[derive(Serialize, ToSchema)]
struct DeliveryDetail {
    #[serde(flatten)]
    delivery: Delivery,
    /// Those since it was last queued.
    tries: Vec<Attempt>,
}

/// One request to Discord.
#[derive(Serialize, ToSchema)]
struct Attempt {
    started_at: DateTime<Utc>,
    duration_ms: i32,
    /// `create`, or `reconcile`: looking whether it is there.
    action: String,
    /// The HTTP status; null without an answer.
    status: Option<i32>,
    /// Discord's own error code.
    code: Option<i64>,
    outcome: String,
    note: Option<String>,
}

impl Delivery {
    pub fn of(view: DeliveryView, guild_id: GuildId) -> Self {
        Self {
            id: view.id,
            event_id: view.event_id,
            kind: view.kind,
            destination_id: view.destination_id,
            destination_name: view.destination_name,
            route_id: view.route_id,
            message_link: message_link(guild_id, view.channel_id, view.message_id),
            // A note on what arrived is no error.
            error: view.note.filter(|_| view.state != "delivered"),
            state: view.state,
            attempts: view.attempts,
            created_at: view.created_at,
            finished_at: view.finished_at,
        }
    }
}

impl From<AttemptView> for Attempt {
    fn from(view: AttemptView) -> Self {
        let AttemptView { started_at, duration_ms, action, status, code, outcome, note } = view;
        Self { started_at, duration_ms, action, status, code, outcome, note }
    }
}

/// The address under which Discord shows a message.
pub fn message_link(guild_id: GuildId, channel_id: Option<i64>, message_id: Option<i64>) -> Option<String> {
    Some(format!("https://discord.com/channels/{guild_id}/{}/{}", channel_id?, message_id?))
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
    /// Only those in this state.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Only those for this destination.
    destination_id: Option<Uuid>,
    /// Only those of this event.
    event_id: Option<Uuid>,
    /// Only those of events of this kind, such as `ticket.created`.
    kind: Option<String>,
    /// Planned at this time or later.
    since: Option<DateTime<Utc>>,
}

/// Deliveries, newest first
#[utoipa::path(
    get,
    path = "/deliveries",
    tag = "Deliveries",
    params(ListParams),
    responses((status = 200, description = "A page of deliveries", body = Page<Delivery>)),
    security(("bearer" = ["deliveries:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::DeliveriesRead>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let wanted = Wanted::read("deliveries", params.cursor.as_deref(), params.limit)?;
    let ListParams { destination_id, event_id, kind, since, .. } = params;
    let filter =
        DeliveryFilter { state: params.state.map(DeliveryState::as_str), destination_id, event_id, kind, since };
    let (store, guild_id) = (&web.ports.store, caller.guild_id);
    let rows = store.list_delivery_views(guild_id, &filter, None, wanted.after, wanted.rows()).await?;
    Ok(Json(wanted.page("deliveries", rows, |row| row.id, |row| Delivery::of(row, guild_id))))
}

/// One delivery with its attempts
#[utoipa::path(
    get,
    path = "/deliveries/{id}",
    tag = "Deliveries",
    params(("id" = i64, Path)),
    responses((status = 200, description = "The delivery", body = DeliveryDetail)),
    security(("bearer" = ["deliveries:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::DeliveriesRead>,
    Id(id): Id<i64>,
) -> Result<Json<DeliveryDetail>, Problem> {
    let (store, guild_id) = (&web.ports.store, caller.guild_id);
    let view = store.find_delivery_view(guild_id, id).await?.ok_or_else(Problem::not_found)?;
    let tries = store.list_attempt_views(guild_id, id).await?;
    let tries = tries.into_iter().map(Attempt::from).collect();
    Ok(Json(DeliveryDetail { delivery: Delivery::of(view, guild_id), tries }))
}

/// Send again what was given up
///
/// It takes its place in the destination's queue. What has not been given up is left as it is (409).
#[utoipa::path(
    post,
    path = "/deliveries/{id}/replay",
    tag = "Deliveries",
    params(("id" = i64, Path)),
    responses((status = 202, description = "It is queued", body = Delivery)),
    security(("bearer" = ["deliveries:write"]), ("header" = []))
)]
async fn replay(
    State(web): State<Arc<Web>>,
    caller: By<may::DeliveriesWrite>,
    Id(id): Id<i64>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let (ports, guild_id) = (&web.ports, caller.guild_id);
    let (store, clock) = (&ports.store, &ports.clock);
    match replay_one(store, guild_id, id, &caller.author(), clock.uuid(), clock.now()).await? {
        None => ports.wake.wake(Topic::Deliverer),
        Some(Kept::Unknown) => return Err(Problem::not_found()),
        Some(Kept::Alive(state)) => return Err(Problem::conflict(text::not_dead(&state))),
        Some(Kept::Nowhere) => return Err(Problem::conflict(text::NOWHERE)),
        Some(Kept::Settled) => return Err(Problem::conflict(text::SETTLED)),
    }
    let view = store.find_delivery_view(guild_id, id).await?.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(Delivery::of(view, guild_id))))
}
