//! What can be pressed, chosen and written on a ticket's card.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};
use uuid::Uuid;

use super::super::text::ticket as text;
use super::super::{Bot, commands};
use super::{Answer, Input};
use crate::error::UserError;
use crate::routing::ticket::TicketVerb;
use crate::ticket::press::{Asker, Outcome, Press, choices, press, preview};

/// Longest note and resolution.
const CONTENT_MAX: u16 = 1500;
const CONTENT: &str = "content";
/// Pages of `/ticket list`.
const PAGE: &str = "page";

#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Another page of the list that `owner` has opened.
    Page {
        owner: i64,
        page: usize,
    },
    Change {
        verb: TicketVerb,
        subject_id: Uuid,
    },
}

/// `ticket:<verb>:<subject>`, or `ticket:page:<user>:<page>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    match words {
        [PAGE, owner, page] => Some(Asked::Page { owner: owner.parse().ok()?, page: page.parse().ok()? }),
        [verb, id] => {
            let verb = TicketVerb::parse(verb).filter(|verb| *verb != TicketVerb::Create)?;
            Some(Asked::Change { verb, subject_id: id.parse().ok()? })
        }
        _ => None,
    }
}

pub(super) async fn answer(bot: &Arc<Bot>, asked: Asked, input: &Input) -> Result<Answer> {
    match asked {
        Asked::Page { owner, page } => commands::ticket::turn(bot, &asker(input), owner, page).await,
        Asked::Change { verb, subject_id } => change(bot, verb, subject_id, input).await,
    }
}

async fn change(bot: &Arc<Bot>, verb: TicketVerb, subject_id: Uuid, input: &Input) -> Result<Answer> {
    let form = input.form.as_ref();
    let content = form.and_then(|form| form.get(CONTENT)).cloned();
    let given = Press { who: asker(input), subject_id, verb, value: input.values.first().cloned(), content };
    let outcome = match verb {
        TicketVerb::Note | TicketVerb::Close if form.is_none() => preview(&bot.ports, &given).await?,
        TicketVerb::Note | TicketVerb::Close if given.content.is_none() => {
            return Err(UserError::new(text::EMPTY).into());
        }
        TicketVerb::Status | TicketVerb::Priority if given.value.is_none() => choices(&bot.ports, &given).await?,
        _ => press(&bot.ports, &given).await?,
    };
    Ok(match outcome {
        Outcome::Asked(_) => Answer::Asked,
        Outcome::Repeated => Answer::Nothing,
        Outcome::Open => Answer::Form(form_for(verb, subject_id)),
        Outcome::Choose(select) => {
            let words = if verb == TicketVerb::Priority { text::CHOOSE_PRIORITY } else { text::CHOOSE_STATUS };
            Answer::Choose(words.into(), select)
        }
        refused => Answer::Private(text::refusal(&refused).unwrap_or_default()),
    })
}

fn asker(input: &Input) -> Asker {
    Asker {
        interaction_id: input.interaction_id,
        application_id: input.application_id,
        token: input.token.clone(),
        guild_id: input.guild_id,
        user_id: input.user_id,
        name: input.name.clone(),
        roles: input.roles.clone(),
        permissions: input.permissions,
    }
}

fn form_for(verb: TicketVerb, subject_id: Uuid) -> CreateModal {
    let (title, label, placeholder) = match verb {
        TicketVerb::Close => (text::CLOSE_TITLE, text::CLOSE_LABEL, text::CLOSE_PLACEHOLDER),
        _ => (text::NOTE_TITLE, text::NOTE_LABEL, text::NOTE_PLACEHOLDER),
    };
    let input = CreateInputText::new(InputTextStyle::Paragraph, label, CONTENT)
        .placeholder(placeholder)
        .min_length(1)
        .max_length(CONTENT_MAX)
        .required(true);
    let custom_id = format!("v1:ticket:{}:{subject_id}", verb.as_str());
    CreateModal::new(custom_id, title).components(vec![CreateActionRow::InputText(input)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_decode() {
        let id = Uuid::from_u128(7).to_string();
        let close = Asked::Change { verb: TicketVerb::Close, subject_id: Uuid::from_u128(7) };
        assert_eq!(decode(&["close", &id]), Some(close));
        for odd in [&[][..], &["close"], &["close", "x"], &["create", &id], &["maybe", &id], &["close", &id, "more"]] {
            assert_eq!(decode(odd), None, "{odd:?}");
        }
    }
}
