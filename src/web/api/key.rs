//! `GET /key`: what the key that is shown may do. The one thing that takes no scope.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::caller::Caller;
use crate::web::Web;

pub fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::default().routes(routes!(show))
}

/// An API key.
#[derive(Serialize, ToSchema)]
struct Key {
    id: Uuid,
    name: String,
    /// The server that it belongs to.
    guild_id: String,
    scopes: Vec<String>,
}

/// What this key is and may do
#[utoipa::path(
    get,
    path = "/key",
    tag = "Key",
    responses((status = 200, description = "The key", body = Key)),
    security(("bearer" = []), ("header" = []))
)]
async fn show(caller: Caller) -> Json<Key> {
    Json(Key {
        id: caller.key_id,
        name: caller.key_name,
        guild_id: caller.guild_id.to_string(),
        scopes: caller.scopes.iter().map(ToString::to_string).collect(),
    })
}
