//! `/templates`: how messages look that do not have the look of their kind. They are checked, changed and told of as
//! those of people in Discord are.

mod preview;

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::BASE;
use super::caller::{By, Caller, may};
use super::input::{Id, JsonBody, Params};
use super::page::{Page, PageParams, Wanted};
use super::problem::Problem;
use super::repeat::NewId;
use super::version::{ETag, IfMatch};
use crate::routes::save::Session;
use crate::routes::template::try_out;
use crate::routes::{Board, check};
use crate::routing::change::TemplateBody;
use crate::routing::template::{FieldParts, Parts};
use crate::store::route::StoredTemplate;
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, remove))
        .routes(routes!(preview::preview))
}

/// The parts of a message, as they were written.
#[derive(Serialize, ToSchema)]
struct Template {
    id: Uuid,
    name: String,
    content: String,
    #[schema(example = "{{ data.title }}")]
    title: String,
    description: String,
    fields: Vec<TemplateField>,
    /// `#FF0000` or a name; empty: that of the kind.
    color: String,
    url: String,
    /// Names of the routes that use it.
    routes: Vec<String>,
}

/// One field of the embed.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TemplateField {
    name: String,
    value: String,
    /// Beside others in a line.
    #[serde(default)]
    inline: bool,
}

/// A template as it is to be. It may have expressions over the event, such as `{{ data.title }}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTemplate {
    /// Letters, digits, spaces, - _ and dots; unique in the server.
    #[schema(min_length = 1, max_length = 40)]
    name: String,
    /// Text beside the embed.
    #[serde(default)]
    content: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    #[schema(max_items = 25)]
    fields: Vec<TemplateField>,
    #[serde(default)]
    color: String,
    /// What the title links to.
    #[serde(default)]
    url: String,
}

impl NewTemplate {
    fn body(self) -> TemplateBody {
        let fields = self.fields.into_iter();
        let parts = Parts {
            content: self.content,
            title: self.title,
            description: self.description,
            fields: fields.map(|f| FieldParts { name: f.name, value: f.value, inline: f.inline }).collect(),
            color: self.color,
            url: self.url,
        };
        TemplateBody { name: self.name, parts }
    }
}

impl Template {
    fn of(stored: &StoredTemplate, board: &Board) -> Self {
        let parts = stored.parts.clone();
        let fields = parts.fields.into_iter();
        Self {
            id: stored.id,
            name: stored.name.clone(),
            content: parts.content,
            title: parts.title,
            description: parts.description,
            fields: fields.map(|f| TemplateField { name: f.name, value: f.value, inline: f.inline }).collect(),
            color: parts.color,
            url: parts.url,
            routes: board.users_of(stored.id).into_iter().map(str::to_owned).collect(),
        }
    }
}

fn etag(stored: &StoredTemplate) -> ETag {
    ETag::of(&(&stored.name, &stored.parts))
}

/// The server's templates
#[utoipa::path(
    get,
    path = "/templates",
    tag = "Templates",
    params(PageParams),
    responses((status = 200, description = "A page of templates", body = Page<Template>)),
    security(("bearer" = ["templates:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesRead>,
    Params(params): Params<PageParams>,
) -> Result<Json<Page<Template>>, Problem> {
    let wanted = Wanted::<Uuid>::read("templates", params.cursor.as_deref(), params.limit)?;
    let board = Board::read(&web.ports, caller.guild_id).await?;
    // A server has few.
    let mut rows: Vec<&StoredTemplate> = board.templates.iter().collect();
    rows.retain(|template| wanted.after.is_none_or(|after| template.id < after));
    rows.sort_by_key(|template| Reverse(template.id));
    Ok(Json(wanted.page("templates", rows, |row| row.id, |row| Template::of(row, &board))))
}

/// One template
#[utoipa::path(
    get,
    path = "/templates/{id}",
    tag = "Templates",
    params(("id" = Uuid, Path)),
    responses((
        status = 200,
        description = "The template",
        body = Template,
        headers(("ETag" = String, description = "Its version, for If-Match"))
    )),
    security(("bearer" = ["templates:read"]), ("header" = []))
)]
async fn show(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesRead>,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    shown(&web, &caller, id, StatusCode::OK).await
}

async fn shown(web: &Web, caller: &Caller, id: Uuid, status: StatusCode) -> Result<Response, Problem> {
    let board = Board::read(&web.ports, caller.guild_id).await?;
    let stored = find(&board, id)?;
    let answer = (status, etag(stored), Json(Template::of(stored, &board)));
    Ok(match status {
        StatusCode::CREATED => ([(header::LOCATION, format!("{BASE}/templates/{id}"))], answer).into_response(),
        _ => answer.into_response(),
    })
}

fn find(board: &Board, id: Uuid) -> Result<&StoredTemplate, Problem> {
    board.templates.iter().find(|template| template.id == id).ok_or_else(Problem::not_found)
}

/// One that fails with every recent event is refused, before anything is locked.
async fn tried(web: &Web, caller: &Caller, id: Option<Uuid>, body: &TemplateBody) -> Result<(), Problem> {
    let board = Board::read(&web.ports, caller.guild_id).await?;
    let compiled = check::template(&board, id, &mut body.clone())?;
    let preview = try_out(&web.ports, caller.guild_id, &board, id, &compiled, None).await?;
    preview.refused().map_or(Ok(()), |why| Err(Problem::bad_request(why)))
}

/// Add a template
#[utoipa::path(
    post,
    path = "/templates",
    tag = "Templates",
    request_body = NewTemplate,
    responses((
        status = 201,
        description = "It was added",
        body = Template,
        headers(("ETag" = String), ("Location" = String))
    )),
    security(("bearer" = ["templates:write"]), ("header" = []))
)]
async fn create(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesWrite>,
    NewId(id): NewId,
    JsonBody(new): JsonBody<NewTemplate>,
) -> Result<Response, Problem> {
    let mut body = new.body();
    tried(&web, &caller, Some(id), &body).await?;
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    // It is there when this request made it, and its answer was lost.
    if find(&session.board, id).is_err() {
        check::template(&session.board, None, &mut body)?;
        session.put_template(id, Some(body)).await?;
    }
    session.close().await?;
    shown(&web, &caller, id, StatusCode::CREATED).await
}

/// Replace a template
///
/// One that works with none of the recent events is refused.
#[utoipa::path(
    put,
    path = "/templates/{id}",
    tag = "Templates",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is changed")),
    request_body = NewTemplate,
    responses(
        (status = 200, description = "As it is now", body = Template, headers(("ETag" = String))),
        (status = 412, description = "It was changed meanwhile")
    ),
    security(("bearer" = ["templates:write"]), ("header" = []))
)]
async fn replace(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
    JsonBody(new): JsonBody<NewTemplate>,
) -> Result<Response, Problem> {
    let mut body = new.body();
    find(&Board::read(&web.ports, caller.guild_id).await?, id)?;
    tried(&web, &caller, Some(id), &body).await?;
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    let stored = find(&session.board, id)?;
    if_match.check(&etag(stored))?;
    check::template(&session.board, Some(id), &mut body)?;
    if (&stored.name, &stored.parts) != (&body.name, &body.parts) {
        session.put_template(id, Some(body)).await?;
    }
    session.close().await?;
    shown(&web, &caller, id, StatusCode::OK).await
}

/// Remove a template
///
/// One that routes use is kept (409).
#[utoipa::path(
    delete,
    path = "/templates/{id}",
    tag = "Templates",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is removed")),
    responses((status = 204, description = "It is gone"), (status = 412, description = "It was changed meanwhile")),
    security(("bearer" = ["templates:write"]), ("header" = []))
)]
async fn remove(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesWrite>,
    Id(id): Id<Uuid>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let mut session = Session::open(&web.ports, caller.guild_id, caller.author()).await?;
    if_match.check(&etag(find(&session.board, id)?))?;
    if let Some(why) = session.board.used(id) {
        return Err(Problem::conflict(why.to_string()));
    }
    session.put_template(id, None).await?;
    session.close().await?;
    Ok(StatusCode::NO_CONTENT)
}
