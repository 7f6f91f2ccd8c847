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
use crate::store::approval::Reply;

/// Longest reason that the form takes; the card shows all of it.
const REASON_MAX: u16 = 500;
const REASON: &str = "reason";
const TITLE: &str = "title";
/// Discord's limit for a placeholder.
const PLACEHOLDER_MAX: usize = 100;

#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    act: Act,
    choice: Option<String>,
    id: Uuid,
}

pub(super) async fn answer(bot: &Arc<Bot>, Asked { act, choice, id }: Asked, input: &Input) -> Result<Answer> {
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
        choice,
        form,
        reply: Reply { application_id: input.application_id, token: input.token.clone() },
    };
    Ok(match press(&bot.ports, &given).await? {
        Outcome::Done => Answer::Quiet,
        Outcome::Form(wanted) => Answer::Form(form_for(id, &wanted)),
        Outcome::Repeated => Answer::Nothing,
        Outcome::NotAllowed { roles } => Answer::Private(text::not_allowed(&roles)),
        Outcome::Unknown => Answer::Private(text::UNKNOWN_APPROVAL.into()),
        Outcome::NoUpstream => Answer::Private(text::NO_UPSTREAM.into()),
        Outcome::Refused { why, by, of: Some(of) } => Answer::Private(text::refusal_of_action(&why, by, &of)),
        Outcome::Refused { why, by, of: None } => Answer::Private(text::refusal(&why, by)),
    })
}

/// `approval:<act>:<id>`, `approval:do:<action>:<id>`.
pub(super) fn decode(words: &[&str]) -> Option<Asked> {
    if let ["do", action, id] = words {
        let choice = Some((*action).to_owned()).filter(|action| !action.is_empty());
        return Some(Asked { act: Act::Decide(Verb::Approve), choice: Some(choice?), id: id.parse().ok()? });
    }
    let [act, id] = words else { return None };
    let act = match *act {
        "retract" => Act::Retract,
        "undo" => Act::Undo,
        verb => Act::Decide(Verb::parse(verb)?),
    };
    Some(Asked { act, choice: None, id: id.parse().ok()? })
}

fn form_for(id: Uuid, wanted: &Wanted) -> CreateModal {
    let mut rows = Vec::new();
    if let Some(title) = &wanted.title {
        let label = if wanted.choice.is_some() { text::ACTION_LABEL } else { text::TITLE_LABEL };
        let input = CreateInputText::new(InputTextStyle::Short, label, TITLE)
            .placeholder(fit(title, PLACEHOLDER_MAX))
            .required(true);
        rows.push(CreateActionRow::InputText(input));
    }
    if wanted.reason {
        let label = match &wanted.choice {
            Some(_) => text::ACTION_REASON.to_owned(),
            None => text::reason_label(wanted.verb),
        };
        let input = CreateInputText::new(InputTextStyle::Paragraph, label, REASON)
            .placeholder(text::REASON_PLACEHOLDER)
            .min_length(1)
            .max_length(REASON_MAX)
            .required(true);
        rows.push(CreateActionRow::InputText(input));
    }
    let (custom_id, title) = match &wanted.choice {
        Some((action, label)) => (format!("v1:approval:do:{action}:{id}"), fit(label, 45)),
        None => (format!("v1:approval:{}:{id}", wanted.verb.as_str()), text::form_title(wanted.verb, &wanted.kind)),
    };
    CreateModal::new(custom_id, title).components(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_decode() {
        let id = Uuid::from_u128(7).to_string();
        assert_eq!(
            decode(&["deny", &id]),
            Some(Asked { act: Act::Decide(Verb::Deny), choice: None, id: Uuid::from_u128(7) })
        );
        assert_eq!(decode(&["undo", &id]), Some(Asked { act: Act::Undo, choice: None, id: Uuid::from_u128(7) }));
        for odd in
            [&[][..], &["approve"], &["approve", "x"], &["maybe", &id], &["approve", &id, "more"], &["do", "", &id]]
        {
            assert_eq!(decode(odd), None, "{odd:?}");
        }
    }
}
