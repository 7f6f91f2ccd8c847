//! `/audit`: who did what. It can be read, and nothing else.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{By, may};
use super::input::Params;
use super::page::{Page, Wanted};
use super::problem::Problem;
use crate::id::UserId;
use crate::store::audit::{AuditFilter, AuditLine, AuditPage};
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(list))
}

/// A line of the audit log.
#[derive(Serialize, ToSchema)]
struct AuditEntry {
    id: i64,
    /// Its place in the hash chain; null until it is sealed.
    seq: Option<i64>,
    at: DateTime<Utc>,
    /// The Discord id of the member who did it; null when nobody did, or it is forgotten.
    user_id: Option<String>,
    #[schema(example = "decided")]
    action: String,
    /// What was to be decided about.
    about: Option<String>,
    /// What else there is to say; of what was done by this interface, the name of the key.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<AuditLine> for AuditEntry {
    fn from(line: AuditLine) -> Self {
        Self {
            id: line.id,
            seq: line.seq,
            at: line.at,
            user_id: line.user_id.map(|user| user.to_string()),
            action: line.action,
            about: line.about,
            detail: line.detail,
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
    /// Only this action, such as `decided`.
    action: Option<String>,
    /// Only what this member did.
    user_id: Option<i64>,
    /// Done at this time or later.
    since: Option<DateTime<Utc>>,
}

/// The audit log, newest first
#[utoipa::path(
    get,
    path = "/audit",
    tag = "Audit",
    params(ListParams),
    responses((status = 200, description = "A page of the log", body = Page<AuditEntry>)),
    security(("bearer" = ["audit:read"]), ("header" = []))
)]
async fn list(
    State(web): State<Arc<Web>>,
    caller: By<may::AuditRead>,
    Params(params): Params<ListParams>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let wanted = Wanted::<i64>::read("audit", params.cursor.as_deref(), params.limit)?;
    let filter = AuditFilter { user_id: params.user_id.map(UserId), action: params.action, since: params.since };
    let page = wanted.after.map_or(AuditPage::Newest, AuditPage::OlderThan);
    let rows = web.ports.store.list_audit(caller.guild_id, &filter, page, wanted.rows()).await?;
    Ok(Json(wanted.page("audit", rows, |row| row.id, AuditEntry::from)))
}
