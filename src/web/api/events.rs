//! `/events`: what came in, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::deliveries::{Delivery, message_link};
use super::input::{Id, Params};
use super::page::{LARGEST, Page, Wanted};
use super::problem::Problem;
use crate::id::GuildId;
use crate::store::delivery_view::DeliveryFilter;
use crate::store::event_view::{CardOfEvent, EventFilter, EventView};
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show))
}

/// Something that happened in another system.
#[derive(Serialize, ToSchema)]
struct Event {
    id: Uuid,
    source_id: Uuid,
    #[schema(example = "ticket.created")]
    kind: String,
    /// What it is about, such as a ticket.
    subject: Option<String>,
    #[schema(example = "warning")]
    severity: String,
    /// By which door it came: `http`, `bus`, `catch_up`, `internal`.
    via: String,
    occurred_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    /// Null: its deliveries are not decided yet.
    planned_at: Option<DateTime<Utc>>,
    /// Why it goes where it goes.
    plan_note: Option<String>,
}

/// The same, with what it says and its deliveries.
#[derive(Serialize, ToSchema)]
struct EventDetail {
    #[serde(flatten)]
    event: Event,
    /// As the sender wrote it; null when its time is over, or it is not planned yet.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    deliveries: Vec<Delivery>,
    /// The living messages about its subject.
    cards: Vec<Card>,
}

/// A message that is edited as events about its subject come.
#[derive(Serialize, ToSchema)]
struct Card {
    destination_id: Uuid,
    destination_name: Option<String>,
    message_link: Option<String>,
    /// Whether it shows the newest state.
    up_to_date: bool,
    /// Deleted by hand: it stays deleted.
    deleted: bool,
    /// What Discord said to the last edit, if it refused it.
    error: Option<String>,
}

impl From<EventView> for Event {
    fn from(view: EventView) -> Self {
        Self {
            id: view.id,
            source_id: view.source_id,
            kind: view.kind,
            subject: view.subject,
            severity: view.severity,
            via: view.via,
            occurred_at: view.occurred_at,
            received_at: view.received_at,
            planned_at: view.planned_at,
            plan_note: view.plan_note,
        }
    }
}

impl Card {
    fn of(view: CardOfEvent, guild_id: GuildId) -> Self {
        Self {
            destination_id: view.destination_id,
            destination_name: view.destination_name,
            message_link: message_link(guild_id, view.channel_id, view.message_id),
            up_to_date: view.is_shown,
            deleted: view.is_gone,
            error: view.error,
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
    /// Only this kind, such as `ticket.created`.
    kind: Option<String>,
    /// Only what this source sent.
    source_id: Option<Uuid>,
    /// Only what is about this.
    subject: Option<String>,
    /// Received at this time or later.
    since: Option<DateTime<Utc>>,
    /// Received before this time.
    until: Option<DateTime<Utc>>,
}

/// Events, newest first
#[utoipa::path(
    get,
    path = "/events",
    tag = "Events",
    params(ListParams),
    responses((status = 200, description = "A page of events", body = Page<Event>)),
    security(("bearer" = ["events:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::EventsRead>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<Event>>, Problem> {
    let wanted = Wanted::read("events", params.cursor.as_deref(), params.limit)?;
    let ListParams { kind, source_id, subject, since, until, .. } = params;
    let filter = EventFilter { kind, source_id, subject, since, until };
    let rows = web.ports.store.list_event_views(caller.guild_id, &filter, wanted.after, wanted.rows()).await?;
    Ok(Json(wanted.page("events", rows, |row| row.id, Event::from)))
}

/// One event with its deliveries
#[utoipa::path(
    get,
    path = "/events/{id}",
    tag = "Events",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The event", body = EventDetail)),
    security(("bearer" = ["events:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::EventsRead>,
    Id(id): Id<Uuid>,
) -> Result<Json<EventDetail>, Problem> {
    let (store, guild_id) = (&web.ports.store, caller.guild_id);
    let event = store.find_event_view(guild_id, id).await?.ok_or_else(Problem::not_found)?;
    let filter = DeliveryFilter { event_id: Some(id), ..DeliveryFilter::default() };
    let deliveries = store.list_delivery_views(guild_id, &filter, None, None, i64::from(LARGEST)).await?;
    let cards = store.list_cards_of_event(guild_id, id).await?;
    Ok(Json(EventDetail {
        event: event.into(),
        data: store.find_event_data(guild_id, id).await?,
        deliveries: deliveries.into_iter().map(|view| Delivery::of(view, guild_id)).collect(),
        cards: cards.into_iter().map(|view| Card::of(view, guild_id)).collect(),
    }))
}
