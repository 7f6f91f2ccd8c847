//! `/dispatch`: what the hosting panel has to tell, by type and scope.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, JsonBody, Params};
use super::problem::Problem;
use super::repeat::NewId;
use super::text;
use crate::source::ingest::IngestError;
use crate::source::panel::live::{self, Results};
use crate::source::panel::parse;
use crate::web::Web;

/// The panel's newer part has this address.
const ALIAS: &str = "/webhook/dispatch";
/// How long an answer with the results may take.
const AT_MOST: Duration = Duration::from_secs(20);

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(dispatch)).routes(routes!(results)).route(ALIAS, post(dispatch))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DispatchParams {
    /// Answer when Discord has answered, or after 20 seconds.
    wait: Option<bool>,
}

/// The event is stored and on its way.
#[derive(Serialize, ToSchema)]
struct Dispatched {
    success: bool,
    /// Its event.
    id: Uuid,
    /// It was there before.
    duplicate: bool,
    data: DispatchedData,
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
struct DispatchedData {
    /// Destinations that have its type and scope now.
    dispatched: usize,
    task_ids: Vec<Uuid>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
struct DispatchResults {
    id: Uuid,
    #[serde(flatten)]
    results: Results,
}

/// Tell every destination of a type and scope
///
/// `{"event", "data", "types"?, "scopes"?}`, or CloudEvents JSON with `type`, `data` and the extensions `webhooktypes`
/// and `webhookscopes`. Without scopes it is for ADMIN; without types each event has its own:
///
/// - `settings.updated` {changes, updated_by}: SYSTEM. Changes are names, or each with old and new; values of
///   settings whose name says that they are secret are masked before they are stored
/// - `server.state` {server, state: online | offline | crashed, node}: GAME_SERVER
/// - `server.created` {name, owner}, `server.suspended` {name, reason}: GAME_SERVER
/// - `sync.started`, `sync.completed`, `sync.failed`, `sync.cancelled` {type, summary, duration, error}: SYSTEM
/// - `system.alert` {title, message, severity: info | warning | error}: SYSTEM
/// - `ticket.created`, `ticket.updated`, `ticket.resolved` {id, subject, details, user, priority}: SUPPORT
/// - `node.alert` {node, resource: cpu | memory | disk | network, usage, threshold}: VPS
/// - `billing.invoice`, `billing.payment`, `billing.subscription` {description, amount}: BILLING
/// - `security.event` {title, description, user, ip}: SECURITY
/// - `user.registered` {email}: SYSTEM
/// - `custom` {title, description, color, fields}: CUSTOM
///
/// Any other event is told by its name: CUSTOM. The same is at `/api/v1/webhook/dispatch`.
#[utoipa::path(
    post,
    path = "/dispatch",
    tag = "Dispatch",
    params(DispatchParams),
    request_body = Object,
    responses(
        (status = 202, description = "Stored", body = Dispatched),
        (status = 200, description = "What became of it, with wait=true", body = DispatchResults),
    ),
    security(("bearer" = ["events:write"]), ("header" = []))
)]
async fn dispatch(
    State(web): State<Arc<Web>>,
    caller: By<may::EventsWrite>,
    NewId(id): NewId,
    Params(params): Params<DispatchParams>,
    JsonBody(body): JsonBody<Value>,
) -> Result<Response, Problem> {
    let request = parse(body).map_err(|error| Problem::bad_request(error.to_string()))?;
    let dispatched = live::count_typed(&web.ports, caller.guild_id, &request).await?;
    let taken = live::submit(&web.ports, &web.ingest, caller.guild_id, request, id).await?;
    let inserted = taken.map_err(|error| match error {
        IngestError::Unavailable => Problem::unavailable(),
        IngestError::Refused(why) => Problem::bad_request(why),
    })?;
    let (id, duplicate) = (inserted.id(), inserted.id() != id);
    if params.wait == Some(true) {
        let results = live::wait(&web.ports, caller.guild_id, id, AT_MOST).await?;
        return Ok(Json(DispatchResults { id, results }).into_response());
    }
    let data = DispatchedData { dispatched, task_ids: vec![id] };
    let answer = Dispatched { success: true, id, duplicate, data, message: text::QUEUED };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// What became of it, for each destination
#[utoipa::path(
    get,
    path = "/dispatch/{id}",
    tag = "Dispatch",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "What became of it so far", body = DispatchResults)),
    security(("bearer" = ["events:read"]), ("header" = []))
)]
async fn results(
    State(web): State<Arc<Web>>,
    caller: By<may::EventsRead>,
    Id(id): Id<Uuid>,
) -> Result<Json<DispatchResults>, Problem> {
    let found = live::results(&web.ports, caller.guild_id, id).await?;
    let results = found.ok_or_else(Problem::not_found)?;
    Ok(Json(DispatchResults { id, results }))
}
