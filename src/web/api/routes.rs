//! `/routes`: which events go where. They are checked, changed and told of as those of people in Discord are.

mod backtest;
mod input;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::BASE;
use super::caller::{By, Caller, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, PageParams, Wanted};
use super::problem::{FieldError, Problem};
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use crate::routes::check::Wrong;
use crate::routes::propose::last_position;
use crate::routes::save::Session;
use crate::routes::{Board, check, fixed};
use crate::routing::change::RouteBody;
use crate::store::route::StoredRoute;
use crate::web::Web;
use input::{NewOrder, NewRoute, RoutePatch};

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, change, replace, remove))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(order))
        .routes(routes!(backtest::backtest))
}

/// Which events go where.
#[derive(Serialize, ToSchema)]
struct Route {
    id: Uuid,
    name: String,
    /// False: it comes from the environment, and is changed there.
    changeable: bool,
    /// Lower is tried first; `default` comes last whatever it has.
    position: i32,
    #[schema(example = "ticket.*")]
    pattern: String,
    /// Null: events of all sources.
    source_id: Option<Uuid>,
    #[schema(example = "warning")]
    min_severity: &'static str,
    #[schema(example = "data.priority in ['high', 'critical']")]
    filter: Option<String>,
    destination_ids: Vec<Uuid>,
    /// Besides those: every destination of this type.
    #[serde(rename = "type")]
    webhook_type: Option<String>,
    /// Besides those: every destination of this scope.
    #[serde(rename = "scope")]
    webhook_scope: Option<String>,
    template_id: Option<Uuid>,
    /// `post` or `card`; null: the kind of the event decides.
    mode: Option<String>,
    /// Who is mentioned, such as `<@&914986636629143562>`.
    mentions: Vec<String>,
    /// Whether routes behind it are tried, too.
    continues: bool,
    paused: bool,
    /// When nothing but what is urgent is posted; without a time zone by the clocks of the server.
    #[schema(example = "22:00-07:00 Europe/Berlin")]
    quiet_hours: Option<String>,
    /// How often one message lists what came.
    #[schema(example = "1 h")]
    digest: Option<String>,
    #[schema(example = "10 per 5 min")]
    throttle: Option<String>,
    /// What makes events the same.
    #[schema(example = "data.source")]
    group_by: Option<String>,
    /// For how long the same is not posted again.
    #[schema(example = "1 h")]
    repeat: Option<String>,
    /// What is done with what came late; null: it is posted all the same.
    #[schema(example = "summarise after 30 min")]
    when_late: Option<String>,
}

impl From<&StoredRoute> for Route {
    fn from(route: &StoredRoute) -> Self {
        let body = route.body();
        let noise = body.noise.wish();
        Self {
            id: route.id,
            name: body.name,
            changeable: !route.from_env,
            position: body.position,
            pattern: body.pattern,
            source_id: body.source_id,
            min_severity: body.min_severity.as_str(),
            filter: body.filter,
            destination_ids: body.destination_ids,
            webhook_type: body.webhook_type,
            webhook_scope: body.webhook_scope,
            template_id: body.template_id,
            mode: body.mode,
            mentions: body.mentions,
            continues: body.continues,
            paused: body.paused,
            quiet_hours: noise.quiet_hours,
            digest: noise.digest,
            throttle: noise.throttle,
            group_by: noise.group_by,
            repeat: noise.repeat,
            when_late: noise.when_late,
        }
    }
}

/// The version of a route: what people set of it. Mentions are no part of a body as it is stored.
fn etag(body: &RouteBody) -> ETag {
    ETag::of(&(body, &body.mentions))
}

/// Where a page ends: routes are listed by their positions.
struct Place {
    position: i32,
    id: Uuid,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.id)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (position, id) = text.split_once(':').ok_or(())?;
        Ok(Self { position: position.parse().map_err(drop)?, id: id.parse().map_err(drop)? })
    }
}

/// The server's routes, in the order in which they are tried
///
/// `default` is tried last, wherever it stands here.
#[utoipa::path(
    get,
    path = "/routes",
    tag = "Routes",
    params(PageParams),
    responses((status = 200, description = "A page of routes", body = Page<Route>)),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesRead>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Route>>, Problem> {
    let wanted = Wanted::<Place>::read("routes", params.cursor.as_deref(), params.limit)?;
    let all = Board::read(&web.ports, caller.guild_id).await?.routes;
    // A server has few. A route that ended the page before may have been removed since.
    let begin = wanted.after.as_ref().map_or(0, |after| {
        let at = all.iter().position(|route| route.id == after.id && route.position == after.position);
        at.map_or_else(|| all.partition_point(|route| route.position < after.position), |at| at + 1)
    });
    let place = |route: &&StoredRoute| Place { position: route.position, id: route.id };
    Ok(Json(wanted.page("routes", all[begin..].iter().collect(), place, Route::from)))
}

/// One route
#[utoipa::path(
    get,
    path = "/routes/{id}",
    tag = "Routes",
    params(("id" = Uuid, Path)),
    responses((
        status = 200,
        description = "The route",
        body = Route,
        headers(("ETag" = String, description = "Its version, for If-Match"))
    )),
    security(("bearer" = ["routes:read"]), ("header" = []))
)]
async fn show(State(web): State<Arc<Web>>, caller: By<may::RoutesRead>, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    shown(&web, &caller, id, StatusCode::OK).await
}

async fn shown(web: &Web, caller: &Caller, id: Uuid, status: StatusCode) -> Result<Response, Problem> {
    let board = Board::read(&web.ports, caller.guild_id).await?;
    let route = find(&board, id)?;
    let answer = (status, etag(&route.body()), Json(Route::from(route)));
    Ok(match status {
        StatusCode::CREATED => ([(header::LOCATION, format!("{BASE}/routes/{id}"))], answer).into_response(),
        _ => answer.into_response(),
    })
}

fn find(board: &Board, id: Uuid) -> Result<&StoredRoute, Problem> {
    board.routes.iter().find(|route| route.id == id).ok_or_else(Problem::not_found)
}

/// Add a route
#[utoipa::path(
    post,
    path = "/routes",
    tag = "Routes",
    request_body = NewRoute,
    responses((
        status = 201,
        description = "It was added",
        body = Route,
        headers(("ETag" = String), ("Location" = String))
    )),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn create(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    NewId(id): NewId,
    JsonBody(new): JsonBody<NewRoute>,
) -> Result<Response, Problem> {
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    // It is there when this request made it, and its answer was lost.
    if find(&session.board, id).is_err() {
        let mut body = new.body(last_position(&session.board))?;
        check::route(&session.board, None, &mut body)?;
        session.put_route(id, Some(body)).await?;
    }
    session.close().await?;
    shown(&web, &caller, id, StatusCode::CREATED).await
}

/// Changes a route under the lock under which its version is compared; `None` removes it.
async fn put(
    web: &Web,
    caller: &Caller,
    id: Uuid,
    if_match: &IfMatch,
    to: impl FnOnce(&RouteBody) -> Result<Option<RouteBody>, Wrong>,
) -> Result<(), Problem> {
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    let route = find(&session.board, id)?;
    if let Some(why) = fixed(route) {
        return Err(Problem::conflict(why.to_string()));
    }
    let before = route.body();
    if_match.check(&etag(&before))?;
    let mut after = to(&before)?;
    if let Some(after) = &mut after {
        check::route(&session.board, Some((id, &before)), after)?;
    }
    if after.as_ref() != Some(&before) {
        session.put_route(id, after).await?;
    }
    session.close().await?;
    Ok(())
}

/// Change a route; what is left out stays, null clears it
#[utoipa::path(
    patch,
    path = "/routes/{id}",
    tag = "Routes",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")),
    request_body = RoutePatch,
    responses(
        (status = 200, description = "As it is now", body = Route, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn change(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    JsonBody(patch): JsonBody<RoutePatch>,
) -> Result<Response, Problem> {
    put(&web, &caller, id, &if_match, |before| patch.apply(before).map(Some)).await?;
    shown(&web, &caller, id, StatusCode::OK).await
}

/// Replace a route; what is left out is as in a new one
///
/// Its position stays when none is given.
#[utoipa::path(
    put,
    path = "/routes/{id}",
    tag = "Routes",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")),
    request_body = NewRoute,
    responses(
        (status = 200, description = "As it is now", body = Route, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn replace(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    JsonBody(new): JsonBody<NewRoute>,
) -> Result<Response, Problem> {
    put(&web, &caller, id, &if_match, |before| new.body(before.position).map(Some)).await?;
    shown(&web, &caller, id, StatusCode::OK).await
}

/// Remove a route
#[utoipa::path(
    delete,
    path = "/routes/{id}",
    tag = "Routes",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is removed")),
    responses((status = 204, description = "It is gone"), (status = 412, description = "It was changed meanwhile")),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn remove(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    put(&web, &caller, id, &if_match, |_| Ok(None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pause a route
///
/// Meanwhile its events go on to the routes behind it. One that is paused stays so.
#[utoipa::path(
    post,
    path = "/routes/{id}/pause",
    tag = "Routes",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is paused")),
    responses(
        (status = 200, description = "It is paused", body = Route, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn pause(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    put(&web, &caller, id, &if_match, |before| Ok(Some(RouteBody { paused: true, ..before.clone() }))).await?;
    shown(&web, &caller, id, StatusCode::OK).await
}

/// Let a route that is paused go on
#[utoipa::path(
    post,
    path = "/routes/{id}/resume",
    tag = "Routes",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that goes on")),
    responses(
        (status = 200, description = "It goes on", body = Route, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn resume(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<Response, Problem> {
    put(&web, &caller, id, &if_match, |before| Ok(Some(RouteBody { paused: false, ..before.clone() }))).await?;
    shown(&web, &caller, id, StatusCode::OK).await
}

/// Say in which order the routes are tried
///
/// As few as possible get another position; each of those is a change of its own. Routes of the environment stay
/// behind.
#[utoipa::path(
    put,
    path = "/routes/order",
    tag = "Routes",
    request_body = NewOrder,
    responses((status = 200, description = "All routes, in their order now", body = Page<Route>)),
    security(("bearer" = ["routes:write"]), ("header" = []))
)]
async fn order(
    State(web): State<Arc<Web>>,
    caller: By<may::RoutesWrite>,
    JsonBody(new): JsonBody<NewOrder>,
) -> Result<Json<Page<Route>>, Problem> {
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    let wrong = |why: String| Problem::invalid(vec![FieldError::new("ids", why)]);
    let moved = crate::routes::order::positions(&session.board, &new.ids).map_err(|why| wrong(why.to_string()))?;
    for (id, body) in moved {
        session.put_route(id, Some(body)).await?;
    }
    session.close().await?;
    let board = Board::read(&web.ports, caller.guild_id).await?;
    Ok(Json(Page { items: board.routes.iter().map(Route::from).collect(), next_cursor: None }))
}
