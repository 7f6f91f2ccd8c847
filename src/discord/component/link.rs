//! Confirm and Decline under a member's request to be linked to a user of XTSystems.

use std::sync::Arc;

use anyhow::Result;
use uuid::Uuid;

use super::super::Bot;
use super::super::text::ticket as text;
use super::{Answer, Input};
use crate::ticket::link::{self, Answered};

/// `link:<confirm|decline>:<request>`. `None` when the words are not ours.
pub(super) async fn answer(bot: &Arc<Bot>, words: &[&str], input: &Input) -> Result<Option<Answer>> {
    let [verb @ ("confirm" | "decline"), id] = words else { return Ok(None) };
    let Ok(request) = id.parse::<Uuid>() else { return Ok(None) };
    let by = (input.user_id, input.permissions);
    let answered =
        link::answer(&bot.ports, input.interaction_id, input.guild_id, by, request, *verb == "confirm").await?;
    let words = text::answered(&answered, input.user_id);
    Ok(Some(match (answered, words) {
        (_, None) => Answer::Nothing,
        (Answered::Linked { .. } | Answered::Declined { .. }, Some(words)) => Answer::Settled(words),
        (_, Some(words)) => Answer::Private(words),
    }))
}

/// Whether [`answer`] knows what these words ask.
pub(super) fn handles(words: &[&str]) -> bool {
    matches!(words, ["confirm" | "decline", id] if id.parse::<Uuid>().is_ok())
}
