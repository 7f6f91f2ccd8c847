//! The form behind `/community import`.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};

use super::super::text::community as text;
use super::super::{Bot, text as texts};
use super::{Answer, Input};
use crate::community::points::Actor;
use crate::community::settings;
use crate::error::UserError;
use crate::upstream::permission::manages;

const LINES: &str = "lines";

/// Takes what viewers had elsewhere.
pub(in crate::discord) fn import_form() -> CreateModal {
    let input = CreateInputText::new(InputTextStyle::Paragraph, text::IMPORT_LABEL, LINES)
        .placeholder(text::IMPORT_EXAMPLE)
        .max_length(4000)
        .required(true);
    CreateModal::new("v1:community:import:0", text::IMPORT_TITLE).components(vec![CreateActionRow::InputText(input)])
}

/// `community:import:0`
pub(super) fn decode(words: &[&str]) -> Option<()> {
    matches!(words, ["import", _]).then_some(())
}

pub(super) async fn answer(bot: &Arc<Bot>, input: &Input) -> Result<Answer> {
    if !manages(input.permissions) {
        return Err(UserError::new(texts::MANAGE_SERVER).into());
    }
    let lines = input.form.as_ref().and_then(|form| form.get(LINES)).cloned().unwrap_or_default();
    let by = Actor { guild_id: input.guild_id, user_id: input.user_id, interaction_id: input.interaction_id };
    Ok(Answer::Private(text::imported(&settings::import(&bot.ports, by, &lines).await?)))
}
