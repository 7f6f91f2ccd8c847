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
use crate::upstream::permission::manages;

const FIELD: &str = "value";

/// What a form is for.
pub(in crate::discord) enum Ask {
    Add {
        preset: String,
        name: String,
    },
    Rotate {
        name: String,
        keep_hours: i64,
    },
    Remove {
        name: String,
    },
    /// One part of the configuration, of this version, as it stands.
    Edit {
        part: Part,
        version: i32,
        name: String,
        text: String,
    },
}

/// What of a configuration is edited at once, in the form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poise::ChoiceParameter)]
pub(in crate::discord) enum Part {
    #[name = "mapping"]
    Mapping,
    #[name = "actions"]
    Actions,
    #[name = "verification"]
    Verification,
}

impl Part {
    pub(in crate::discord) fn key(self) -> &'static str {
        match self {
            Part::Mapping => "mapping",
            Part::Actions => "actions",
            Part::Verification => "verification",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Part::Mapping, Part::Actions, Part::Verification].into_iter().find(|part| part.key() == word)
    }
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
        Ask::Edit { part: of, version, name, text } => {
            let id = format!("v1:source:edit:{}:{version}:{}", of.key(), part(name));
            let input = CreateInputText::new(InputTextStyle::Paragraph, words::edit_label(of.key()), FIELD);
            let input = input.value(text).max_length(words::LONGEST_FORM as u16).required(false);
            return CreateModal::new(id, words::edit_title(name)).components(vec![CreateActionRow::InputText(input)]);
        }
    };
    let input = CreateInputText::new(InputTextStyle::Short, label, FIELD).max_length(longest).required(true);
    let id: String = id.chars().take(100).collect();
    CreateModal::new(id, title).components(vec![CreateActionRow::InputText(input)])
}

/// What the sent form asks.
pub(super) enum Asked {
    Add { preset: String, name: String },
    Rotate { name: String, keep_hours: i64 },
    Remove { name: String },
    Edit { part: Part, version: i32, name: String },
}

/// `add:<preset>:<name>`, `rotate:<hours>:<name>`, `remove:<name>`, `edit:<part>:<version>:<name>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let text = |word: &str| word.to_owned();
    match words {
        ["add", preset, name] => Some(Asked::Add { preset: text(preset), name: text(name) }),
        ["rotate", hours, name] => {
            let keep_hours = hours.parse().ok().filter(|hours| (0..=720).contains(hours))?;
            Some(Asked::Rotate { name: text(name), keep_hours })
        }
        ["remove", name] => Some(Asked::Remove { name: text(name) }),
        ["edit", part, version, name] => {
            Some(Asked::Edit { part: Part::parse(part)?, version: version.parse().ok()?, name: text(name) })
        }
        _ => None,
    }
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: &Asked, input: &Input) -> Result<Answer> {
    let Some(form) = &input.form else { return Err(UserError::new(text::UNKNOWN_BUTTON).into()) };
    if !manages(input.permissions) {
        return Err(UserError::new(text::MANAGE_SERVER).into());
    }
    let ports = &bot.ports;
    let given = form.get(FIELD).map(String::as_str).unwrap_or_default();
    let (guild_id, by) = (input.guild_id, By::Member(input.user_id));
    let told = match asked {
        Asked::Add { preset, name } => {
            words::added(&manage::add(ports, &bot.generic, guild_id, by, name, preset, Some(given)).await?)
        }
        Asked::Rotate { name, keep_hours } => {
            let keep = TimeDelta::hours(*keep_hours);
            let made = manage::rotate(ports, &bot.generic, guild_id, by, name, Some(given), keep).await?;
            words::rotated(&made, ports.clock.now())
        }
        Asked::Remove { name } => {
            if !given.eq_ignore_ascii_case(name) {
                return Err(UserError::new(words::NOT_THE_NAME).into());
            }
            manage::remove(ports, &bot.generic, guild_id, by, name).await?;
            words::removed(name)
        }
        Asked::Edit { part, version, name } => {
            let source = manage::get(ports, guild_id, name).await?;
            let config = manage::with_part(&source, part.key(), given)?;
            words::edited(&manage::configure(ports, &bot.generic, guild_id, by, name, &config, Some(*version)).await?)
        }
    };
    Ok(Answer::Private(told))
}
