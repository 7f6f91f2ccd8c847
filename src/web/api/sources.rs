//! `/sources`: the systems that events come from.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::{By, may};
use super::input::{Id, Params};
use super::page::{Page, PageParams, Wanted};
use super::problem::Problem;
use crate::store::source_view::SourceView;
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list)).routes(routes!(show))
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
) -> Result<Json<SourceDetail>, Problem> {
    let store = &web.ports.store;
    let source = store.find_source_view(caller.guild_id, id).await?.ok_or_else(Problem::not_found)?;
    let kinds = store.list_kind_counts(caller.guild_id, id).await?;
    let kinds = kinds.into_iter().map(|k| KindOfEvent { kind: k.kind, last_at: k.last_at, events: k.events }).collect();
    Ok(Json(SourceDetail { source: source.into(), kinds }))
}
