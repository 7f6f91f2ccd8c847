//! `/sources`: the systems that events come from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, PageParams, Wanted};
use super::problem::{FieldError, Problem};
use super::version::{ETag, IfMatch};
use crate::error::UserError;
use crate::source::generic::config::SourceConfig;
use crate::source::generic::live::Sources;
use crate::source::generic::manage;
use crate::store::generic_source::StoredSource;
use crate::store::source_view::SourceView;
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show)).routes(routes!(configure))
}

/// A system that events come from.
#[derive(Serialize, ToSchema)]
struct Source {
    id: Uuid,
    /// Such as `xtsystems`.
    kind: String,
    name: String,
    created_at: DateTime<Utc>,
    last_event_at: Option<DateTime<Utc>>,
    /// How many came so far.
    events: i64,
}

/// The same, with what came of each kind.
#[derive(Serialize, ToSchema)]
struct SourceDetail {
    #[serde(flatten)]
    source: Source,
    kinds: Vec<KindOfEvent>,
    /// How a described source is read and believed, and what may be done about its cards; of other sources nothing.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// How a source is described now.
#[derive(Serialize, ToSchema)]
struct Described {
    #[schema(value_type = Object)]
    config: Value,
    /// What its actions are signed with, where that was just made; shown this once.
    action_secret: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct KindOfEvent {
    /// Such as `ticket.created`.
    kind: String,
    last_at: DateTime<Utc>,
    events: i64,
}

impl From<SourceView> for Source {
    fn from(view: SourceView) -> Self {
        let SourceView { id, kind, name, created_at, last_event_at, events } = view;
        Self { id, kind, name, created_at, last_event_at, events }
    }
}

/// The server's sources
#[utoipa::path(
    get,
    path = "/sources",
    tag = "Sources",
    params(PageParams),
    responses((status = 200, description = "A page of sources", body = Page<Source>)),
    security(("bearer" = ["sources:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::SourcesRead>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Source>>, Problem> {
    let wanted = Wanted::read("sources", params.cursor.as_deref(), params.limit)?;
    let rows = web.ports.store.list_source_views(caller.guild_id, wanted.after, wanted.rows()).await?;
    Ok(Json(wanted.page("sources", rows, |row| row.id, Source::from)))
}

/// One source
#[utoipa::path(
    get,
    path = "/sources/{id}",
    tag = "Sources",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "The source", body = SourceDetail)),
    security(("bearer" = ["sources:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::SourcesRead>,
    Id(id): Id<Uuid>,
) -> Result<impl IntoResponse, Problem> {
    let store = &web.ports.store;
    let source = store.find_source_view(caller.guild_id, id).await?.ok_or_else(Problem::not_found)?;
    let kinds = store.list_kind_counts(caller.guild_id, id).await?;
    let kinds = kinds.into_iter().map(|k| KindOfEvent { kind: k.kind, last_at: k.last_at, events: k.events }).collect();
    let described = store.find_generic_source(caller.guild_id, id).await?;
    let (tag, config) = (described.as_ref().map(version), described.map(|source| source.config));
    Ok((tag, Json(SourceDetail { source: source.into(), kinds, config })))
}

fn version(source: &StoredSource) -> ETag {
    ETag::of(&(source.id, source.config_version))
}

/// Describe a source anew
#[utoipa::path(
    put,
    path = "/sources/{id}/config",
    tag = "Sources",
    params(("id" = Uuid, Path)),
    request_body(content = Value, description = "`config` of the source, changed"),
    responses((status = 200, description = "As it is described now", body = Described)),
    security(("bearer" = ["sources:write"]), ("header" = []))
)]
async fn configure(
    State(web): State<Arc<Web>>,
    caller: By<may::SourcesWrite>,
    Id(id): Id<Uuid>,
    wanted: IfMatch,
    JsonBody(config): JsonBody<SourceConfig>,
) -> Result<impl IntoResponse, Problem> {
    let found = web.ports.store.find_generic_source(caller.guild_id, id).await?.ok_or_else(Problem::not_found)?;
    wanted.check(&version(&found))?;
    let unread = Sources::default();
    let sources = web.generic.as_ref().map_or(&unread, |door| &*door.sources);
    let by = manage::By::Key(caller.key_name.clone());
    let (name, before) = (&found.name, Some(found.config_version));
    let made = manage::configure(&web.ports, sources, caller.guild_id, by, name, &config, before).await;
    let made = made.map_err(|error| match error.downcast::<UserError>() {
        Ok(wrong) => Problem::invalid(vec![FieldError::new("config", wrong.0)]),
        Err(error) => error.into(),
    })?;
    let tag = version(&made.source);
    Ok((tag, Json(Described { config: made.source.config, action_secret: made.action_secret })))
}
