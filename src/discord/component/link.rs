//! Confirm and Decline under a member's request to be linked to a user of XTSystems.

use std::sync::Arc;

use anyhow::Result;
use uuid::Uuid;

use super::super::Bot;
use super::super::text::ticket as text;
use super::{Answer, Input};
use crate::ticket::link::{self, Answered};

pub(super) struct Asked {
    request: Uuid,
    confirm: bool,
}

/// `link:<confirm|decline>:<request>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let [verb @ ("confirm" | "decline"), id] = words else { return None };
    Some(Asked { request: id.parse().ok()?, confirm: *verb == "confirm" })
}

pub(super) async fn answer(bot: &Arc<Bot>, Asked { request, confirm }: Asked, input: &Input) -> Result<Answer> {
    let by = (input.user_id, input.permissions);
    let answered = link::answer(&bot.ports, input.guild_id, by, request, confirm).await?;
    let words = text::answered(&answered, input.user_id);
    Ok(match answered {
        Answered::Linked { .. } | Answered::Declined { .. } => Answer::Settled(words),
        _ => Answer::Private(words),
    })
}
