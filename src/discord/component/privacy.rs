//! The form behind `/privacy delete`: the word has to be typed.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};

use super::super::{Bot, text};
use super::{Answer, Input};
use crate::error::UserError;
use crate::id::UserId;
use crate::privacy;

const WORD: &str = "word";

/// The form for this member.
pub(in crate::discord) fn confirmation(user_id: UserId) -> CreateModal {
    let input = CreateInputText::new(InputTextStyle::Short, text::privacy::DELETE_LABEL, WORD)
        .placeholder(text::privacy::DELETE_WORD)
        .max_length(20)
        .required(true);
    CreateModal::new(format!("v1:privacy:delete:{user_id}"), text::privacy::DELETE_TITLE)
        .components(vec![CreateActionRow::InputText(input)])
}

/// `privacy:delete:<user id>`: whose form it is.
pub(super) fn decode(words: &[&str]) -> Option<UserId> {
    let ["delete", user] = words else { return None };
    user.parse().ok()
}

pub(super) async fn answer(bot: &Arc<Bot>, of: UserId, input: &Input) -> Result<Answer> {
    if of != input.user_id {
        return Err(UserError::new(text::privacy::NOT_YOURS).into());
    }
    let word = input.form.as_ref().and_then(|form| form.get(WORD));
    if word.is_none_or(|word| word != text::privacy::DELETE_WORD) {
        return Err(UserError::new(text::privacy::NOT_CONFIRMED).into());
    }
    let ports = &bot.ports;
    let outcome = privacy::forget(ports, input.user_id).await?;
    Ok(Answer::Private(text::privacy::forgotten(outcome)))
}
