//! Approve, Deny, Take Back and Undo on a card, and the form that asks for a reason or a typed name.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};
use uuid::Uuid;

use super::super::{Bot, text};
use super::{Answer, Input};
use crate::approval::press::{Act, Form, Outcome, Press, Wanted, press};
use crate::routing::card::Verb;
use crate::routing::embed::fit;

/// Longest reason that the form takes; the card shows all of it.
const REASON_MAX: u16 = 500;
const REASON: &str = "reason";
const TITLE: &str = "title";
/// Discord's limit for a placeholder.
const PLACEHOLDER_MAX: usize = 100;

#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    act: Act,
    id: Uuid,
}

pub(super) async fn answer(bot: &Arc<Bot>, Asked { act, id }: Asked, input: &Input) -> Result<Answer> {
    let form =
        input.form.as_ref().map(|form| Form { reason: form.get(REASON).cloned(), title: form.get(TITLE).cloned() });
    let given = Press {
        interaction_id: input.interaction_id,
        guild_id: input.guild_id,
        user_id: input.user_id,
        names: input.names.clone(),
        roles: input.roles.clone(),
        permissions: input.permissions,
        approval_id: id,
        act,
        form,
    };
    Ok(match press(&bot.ports, &given).await? {
        Outcome::Done => Answer::Quiet,
        Outcome::Form(wanted) => Answer::Form(form_for(id, &wanted)),
        Outcome::Repeated => Answer::Nothing,
        Outcome::NotAllowed { roles } => Answer::Private(text::not_allowed(&roles)),
        Outcome::Unknown => Answer::Private(text::UNKNOWN_APPROVAL.into()),
        Outcome::NoUpstream => Answer::Private(text::NO_UPSTREAM.into()),
        Outcome::Refused { why, by } => Answer::Private(text::refusal(&why, by)),
    })
}

/// `approval:<act>:<id>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    let [act, id] = words else { return None };
    let act = match *act {
        "retract" => Act::Retract,
        "undo" => Act::Undo,
        verb => Act::Decide(Verb::parse(verb)?),
    };
    Some(Asked { act, id: id.parse().ok()? })
}

fn form_for(id: Uuid, wanted: &Wanted) -> CreateModal {
    let mut rows = Vec::new();
    if let Some(title) = &wanted.title {
        let input = CreateInputText::new(InputTextStyle::Short, text::TITLE_LABEL, TITLE)
            .placeholder(fit(title, PLACEHOLDER_MAX))
            .required(true);
        rows.push(CreateActionRow::InputText(input));
    }
    if wanted.reason {
        let input = CreateInputText::new(InputTextStyle::Paragraph, text::reason_label(wanted.verb), REASON)
            .placeholder(text::REASON_PLACEHOLDER)
            .min_length(1)
            .max_length(REASON_MAX)
            .required(true);
        rows.push(CreateActionRow::InputText(input));
    }
    let custom_id = format!("v1:approval:{}:{id}", wanted.verb.as_str());
    CreateModal::new(custom_id, text::form_title(wanted.verb, &wanted.kind)).components(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_decode() {
        let id = Uuid::from_u128(7).to_string();
        assert_eq!(decode(&["deny", &id]), Some(Asked { act: Act::Decide(Verb::Deny), id: Uuid::from_u128(7) }));
        assert_eq!(decode(&["undo", &id]), Some(Asked { act: Act::Undo, id: Uuid::from_u128(7) }));
        for odd in [&[][..], &["approve"], &["approve", "x"], &["maybe", &id], &["approve", &id, "more"]] {
            assert_eq!(decode(odd), None, "{odd:?}");
        }
    }
}
