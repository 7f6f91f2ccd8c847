//! `POST /templates/preview`: what a template makes of recent events.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::caller::{By, may};
use super::super::input::JsonBody;
use super::super::problem::{FieldError, Problem};
use super::super::text;
use super::{NewTemplate, find};
use crate::event::Event;
use crate::routes::template::try_out;
use crate::routes::{Board, check};
use crate::routing::change::TemplateBody;
use crate::routing::template::Rendered;
use crate::web::Web;

/// A template to be seen with events: one that is there, one that is proposed, or one in the place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The template that is shown, or whose place `template` takes.
    template_id: Option<Uuid>,
    /// Left out: the one of `template_id` as it is.
    template: Option<NewTemplate>,
    /// Events of this type alone, such as `ticket.created`; left out: those of the routes that use it, or all.
    kind: Option<String>,
}

/// What a template looks like.
#[derive(Serialize, ToSchema)]
pub struct Preview {
    /// Types of events that it was tried on, with the newest of each.
    tried: usize,
    /// What it looks at and no recent event has.
    warnings: Vec<String>,
    /// What fails is first.
    examples: Vec<PreviewExample>,
}

/// An event, and what the template makes of it.
#[derive(Serialize, ToSchema)]
struct PreviewExample {
    event_id: Uuid,
    kind: String,
    content: Option<String>,
    /// As Discord takes it.
    #[schema(value_type = Option<Object>)]
    embed: Option<Value>,
    /// Why there is nothing; then the built-in look stands in.
    error: Option<String>,
}

impl From<(Event, Result<Rendered, String>)> for PreviewExample {
    fn from((event, rendered): (Event, Result<Rendered, String>)) -> Self {
        let (content, embed, error) = match rendered {
            Ok(rendered) => (Some(rendered.content), Some(json!(rendered.embed)), None),
            Err(why) => (None, None, Some(why)),
        };
        Self { event_id: event.id, kind: event.kind, content, embed, error }
    }
}

/// See a template with recent events
///
/// Nothing is posted, and nothing is saved.
#[utoipa::path(
    post,
    path = "/templates/preview",
    tag = "Templates",
    request_body = Sample,
    responses((status = 200, description = "What it looks like", body = Preview)),
    security(("bearer" = ["templates:read"]), ("header" = []))
)]
pub async fn preview(
    State(web): State<Arc<Web>>,
    caller: By<may::TemplatesRead>,
    JsonBody(sample): JsonBody<Sample>,
) -> Result<Json<Preview>, Problem> {
    let (ports, guild_id) = (&web.ports, caller.guild_id);
    let board = Board::read(ports, guild_id).await?;
    let unknown = |_| Problem::invalid(vec![FieldError::new("template_id", text::UNKNOWN_ID)]);
    let stored = sample.template_id.map(|id| find(&board, id)).transpose().map_err(unknown)?;
    let id = stored.map(|stored| stored.id);
    let mut body = match (sample.template, stored) {
        (Some(new), _) => new.body(),
        (None, Some(stored)) => TemplateBody { name: stored.name.clone(), parts: stored.parts.clone() },
        (None, None) => {
            return Err(Problem::invalid(vec![FieldError::new("template", text::MISSING).hint(text::ONE_TEMPLATE)]));
        }
    };
    let compiled = check::template(&board, id, &mut body).map_err(|wrong| wrong.within("template"))?;
    let preview = try_out(ports, guild_id, &board, id, &compiled, sample.kind.as_deref()).await?;
    Ok(Json(Preview {
        tried: preview.tried,
        warnings: preview.warnings,
        examples: preview.examples.into_iter().map(PreviewExample::from).collect(),
    }))
}
