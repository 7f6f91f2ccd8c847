//! The forms behind `/source`: a secret that is given, and a name that has to be typed.

use std::sync::Arc;

use anyhow::Result;
use chrono::TimeDelta;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};

use super::super::Bot;
use super::super::text::{self, source as words};
use super::{Answer, Input};
use crate::error::UserError;
use crate::source::generic::manage::{self, By};
use crate::upstream::permission::{ADMINISTRATOR, MANAGE_GUILD};

const FIELD: &str = "value";

/// What a form is for.
pub(in crate::discord) enum Ask {
    Add { preset: String, name: String },
    Rotate { name: String, keep_hours: i64 },
    Remove { name: String },
}

pub(in crate::discord) fn ask_for(ask: &Ask) -> CreateModal {
    // What the ids are made of is checked when the form is sent; a colon would only confuse them.
    let part = |text: &str| text.replace(':', "_");
    let (id, title, label, longest) = match ask {
        Ask::Add { preset, name } => {
            let id = format!("v1:source:add:{}:{}", part(preset), part(name));
            (id, words::secret_title(name), words::SECRET_LABEL, 500)
        }
        Ask::Rotate { name, keep_hours } => {
            let id = format!("v1:source:rotate:{keep_hours}:{}", part(name));
            (id, words::secret_title(name), words::SECRET_LABEL, 500)
        }
        Ask::Remove { name } => {
            (format!("v1:source:remove:{}", part(name)), words::remove_title(name), words::NAME_LABEL, 32)
        }
    };
    let input = CreateInputText::new(InputTextStyle::Short, label, FIELD).max_length(longest).required(true);
    let id: String = id.chars().take(100).collect();
    CreateModal::new(id, title).components(vec![CreateActionRow::InputText(input)])
}

/// Whether [`answer`] knows what these words ask.
pub(super) fn handles(words: &[&str]) -> bool {
    matches!(words, ["add", _, _] | ["rotate", _, _] | ["remove", _])
}

/// `source:add:<preset>:<name>`, `source:rotate:<hours>:<name>`, `source:remove:<name>`. `None` when they are not ours.
pub(super) async fn answer(bot: &Arc<Bot>, id: &[&str], input: &Input) -> Result<Option<Answer>> {
    let Some(form) = input.form.as_ref().filter(|_| handles(id)) else { return Ok(None) };
    if input.permissions & (MANAGE_GUILD | ADMINISTRATOR) == 0 {
        return Err(UserError::new(text::MANAGE_SERVER).into());
    }
    let ports = &bot.ports;
    if !ports.store.insert_interaction(input.interaction_id, ports.clock.now()).await? {
        return Ok(Some(Answer::Nothing));
    }
    let given = form.get(FIELD).map(String::as_str).unwrap_or_default();
    let (guild_id, by) = (input.guild_id, By(Some(input.user_id)));
    let told = match id {
        ["add", preset, name] => {
            words::added(&manage::add(ports, &bot.generic, guild_id, by, name, preset, Some(given)).await?)
        }
        ["rotate", hours, name] => {
            let Ok(hours @ 0..=720) = hours.parse::<i64>() else { return Ok(None) };
            let keep = TimeDelta::hours(hours);
            let made = manage::rotate(ports, &bot.generic, guild_id, by, name, Some(given), keep).await?;
            words::rotated(&made, ports.clock.now())
        }
        ["remove", name] => {
            if !given.eq_ignore_ascii_case(name) {
                return Err(UserError::new(words::NOT_THE_NAME).into());
            }
            manage::remove(ports, &bot.generic, guild_id, by, name).await?;
            words::removed(name)
        }
        _ => return Ok(None),
    };
    Ok(Some(Answer::Private(told)))
}
