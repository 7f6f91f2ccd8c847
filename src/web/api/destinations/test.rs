//! `POST /destinations/{id}/test`: a message that only shows that a destination works.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::caller::{By, may};
use super::super::deliveries::message_link;
use super::super::input::Id;
use super::super::problem::Problem;
use super::super::repeat::NewId;
use super::super::text;
use crate::delivery::test_message::Tested;
use crate::store::Store;
use crate::store::audit::insert_audit;
use crate::web::Web;

/// A test that worked.
#[derive(Serialize, ToSchema)]
pub struct TestPassed {
    #[schema(example = "Webhook test successful")]
    message: &'static str,
    /// The message that was posted, where its channel is known.
    message_link: Option<String>,
}

/// Post a test message
///
/// One that arrives lets a destination be used again that Discord had refused; one that is refused disables it, and
/// is answered 400 with Discord's reason. When Discord says neither, the answer is 409.
#[utoipa::path(
    post,
    path = "/destinations/{id}/test",
    tag = "Destinations",
    params(("id" = Uuid, Path)),
    responses((status = 200, description = "It arrived", body = TestPassed)),
    security(("bearer" = ["destinations:write"]), ("header" = []))
)]
pub async fn test(
    State(web): State<Arc<Web>>,
    caller: By<may::DestinationsWrite>,
    Id(id): Id<Uuid>,
    NewId(nonce): NewId,
) -> Result<Json<TestPassed>, Problem> {
    let guild_id = caller.guild_id;
    let tested = web.delivery.test_destination(guild_id, id, nonce, &caller.author()).await?;
    let tested = tested.ok_or_else(Problem::not_found)?;
    let outcome = match &tested {
        Tested::Passed { .. } => "passed",
        Tested::Failed(_) => "failed",
        Tested::Unknown(_) => "unknown",
    };
    let line = caller.audit("destination_tested", json!({ "destination": id, "outcome": outcome }));
    let mut tx = web.ports.store.begin().await?;
    insert_audit(&mut tx, &line, web.ports.clock.now()).await?;
    Store::commit(tx).await?;
    match tested {
        Tested::Passed { channel, message } => Ok(Json(TestPassed {
            message: text::TEST_PASSED,
            message_link: message_link(guild_id, channel.map(|channel| channel.0), Some(message.0)),
        })),
        Tested::Failed(why) => Err(Problem::bad_request(text::test_failed(&why))),
        Tested::Unknown(why) => Err(Problem::conflict(text::test_unknown(&why)).retry_after(10)),
    }
}
