//! `/server`: what is set for all of a server.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{By, Caller, may};
use super::input::{JsonBody, given};
use super::problem::{FieldError, Problem};
use crate::routes::time_zone;
use crate::routing::noise;
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(show, change))
}

/// What is set for all of a server.
#[derive(Serialize, ToSchema)]
struct Server {
    /// By its clocks go quiet hours that name no place of their own. Null: nobody has said, and it is UTC.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<&'static str>,
    /// The names of the routes that go by it.
    time_zone_routes: Vec<String>,
}

/// What is to be different. What is left out stays, null clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ServerPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 60)]
    time_zone: Option<Option<String>>,
}

/// What is set for the server
#[utoipa::path(
    get,
    path = "/server",
    tag = "Server",
    responses((status = 200, description = "As it is", body = Server)),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
async fn show(State(web): State<Arc<Web>>, caller: By<may::RoutesRead>) -> Result<Json<Server>, Problem> {
    shown(&web, &caller).await
}

async fn shown(web: &Web, caller: &Caller) -> Result<Json<Server>, Problem> {
    let clocks = time_zone::read(&web.ports, caller.guild_id).await?;
    Ok(Json(Server { time_zone: clocks.zone.map(|zone| zone.name()), time_zone_routes: clocks.routes }))
}

/// Change what is set for the server; what is left out stays, null clears it
#[utoipa::path(
    patch,
    path = "/server",
    tag = "Server",
    request_body = ServerPatch,
    responses((status = 200, description = "As it is now", body = Server)),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn change(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    JsonBody(patch): JsonBody<ServerPatch>,
) -> Result<Json<Server>, Problem> {
    if let Some(wanted) = patch.time_zone {
        let wrong = |why: String| Problem::invalid(vec![FieldError::new("time_zone", why)]);
        let zone = wanted.map(|name| noise::time_zone(&name)).transpose().map_err(wrong)?;
        time_zone::set(&web.ports, caller.guild_id, &caller.author(), zone).await?;
    }
    shown(&web, &caller).await
}
