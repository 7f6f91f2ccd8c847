//! Buttons about Kick: the one of a panel that links whoever presses it.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateButton};

use super::super::Bot;
use super::super::text::kick as text;
use super::{Answer, Input};
use crate::kick::connect;
use crate::routing::embed::relative;
use crate::store::kick_oauth::Wish;

pub(super) enum Asked {
    Link,
}

/// `kick:link:<anything>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    match words {
        ["link", _] => Some(Asked::Link),
        _ => None,
    }
}

/// As `/link` answers.
pub(super) async fn answer(bot: &Arc<Bot>, Asked::Link: Asked, input: &Input) -> Result<Answer> {
    let name = input.names.first().cloned().unwrap_or_else(|| input.name.clone());
    let begun = connect::begin(&bot.ports, input.guild_id, input.user_id, &name, Wish::Link).await?;
    let button = CreateButton::new_link(begun.url).label(text::OPEN);
    Ok(Answer::Show {
        content: text::begun(Wish::Link, &relative(begun.expires_at)),
        embeds: vec![],
        rows: vec![CreateActionRow::Buttons(vec![button])],
    })
}
