//! What a person reads when something failed: a text meant for them, or a reference that the log has.

use std::sync::Arc;

use poise::{CreateReply, FrameworkError};

use super::{Bot, Error, text};
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::reference;
use crate::store::StoreError;

/// The text for a failure; what it hides is logged once under the reference it shows.
pub fn explain(error: &Error) -> String {
    if let Some(user_error) = error.downcast_ref::<UserError>() {
        return user_error.0.clone();
    }
    if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable) {
        return database_away(&crate::error::chain(error));
    }
    let reference = reference(random_bytes::<5>());
    tracing::error!(reference, error = crate::error::chain(error), "an interaction failed");
    text::failed(&reference)
}

/// The text for a database that does not answer, under a reference that the log has.
pub fn database_away(error: &str) -> String {
    let reference = reference(random_bytes::<5>());
    tracing::warn!(reference, error, "the database is away during an interaction");
    text::database_away(&reference)
}

pub async fn on_error(error: FrameworkError<'_, Arc<Bot>, Error>) {
    let (ctx, words) = match error {
        FrameworkError::Command { error, ctx, .. } => (ctx, explain(&error)),
        FrameworkError::CommandCheckFailed { error: Some(error), ctx, .. } => (ctx, explain(&error)),
        // A second delivery: the first one is being answered.
        FrameworkError::CommandCheckFailed { error: None, .. } => return,
        FrameworkError::ArgumentParse { ctx, .. } => (ctx, text::BAD_ARGUMENT.to_owned()),
        FrameworkError::CommandStructureMismatch { ctx, .. } => {
            (poise::Context::Application(ctx), text::OUTDATED_COMMAND.to_owned())
        }
        FrameworkError::CommandPanic { payload, ctx, .. } => {
            let reference = reference(random_bytes::<5>());
            tracing::error!(reference, payload, "a command panicked");
            (ctx, text::failed(&reference))
        }
        FrameworkError::GuildOnly { ctx, .. } => (ctx, text::ONLY_IN_SERVERS.to_owned()),
        other => {
            tracing::error!(error = %other, "the framework reports an error");
            return;
        }
    };
    let reply = CreateReply::default().content(words).ephemeral(true);
    if let Err(error) = ctx.send(reply).await {
        tracing::warn!(%error, "a failure could not be shown");
    }
}
