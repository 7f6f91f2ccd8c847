//! Approve and Deny on a machine's card, and the form that asks for a reason.

use std::sync::Arc;

use anyhow::Result;
use poise::serenity_prelude::{CreateActionRow, CreateInputText, CreateModal, InputTextStyle};
use uuid::Uuid;

use super::super::{Bot, text};
use super::{Answer, Input};
use crate::approval::press::{Outcome, Press, press, preview};
use crate::error::UserError;
use crate::routing::card::Verb;

/// Longest reason that the form takes; the card shows all of it.
const REASON_MAX: u16 = 500;
const REASON: &str = "reason";

/// `approval:<verb>:<id>`. `None` when the words are not ours.
pub(super) async fn answer(bot: &Arc<Bot>, words: &[&str], input: &Input) -> Result<Option<Answer>> {
    let Some((verb, id)) = decode(words) else { return Ok(None) };
    let reason = input.form.as_ref().and_then(|form| form.get(REASON)).cloned();
    let given = Press {
        interaction_id: input.interaction_id,
        guild_id: input.guild_id,
        user_id: input.user_id,
        roles: input.roles.clone(),
        permissions: input.permissions,
        approval_id: id,
        verb,
        reason,
    };
    if input.form.is_some() {
        if verb == Verb::Deny && given.reason.is_none() {
            return Err(UserError::new(text::REASON_MISSING).into());
        }
        return Ok(Some(decided(press(&bot.ports, &given).await?)));
    }
    Ok(Some(match verb {
        Verb::Approve => decided(press(&bot.ports, &given).await?),
        Verb::Deny => match preview(&bot.ports, &given).await? {
            Outcome::Decided => Answer::Form(reason_form(id)),
            other => decided(other),
        },
    }))
}

/// Whether [`answer`] knows what these words ask.
pub(super) fn handles(words: &[&str]) -> bool {
    decode(words).is_some()
}

fn decode(words: &[&str]) -> Option<(Verb, Uuid)> {
    let [verb, id] = words else { return None };
    Some((Verb::parse(verb)?, id.parse().ok()?))
}

fn reason_form(id: Uuid) -> CreateModal {
    let input = CreateInputText::new(InputTextStyle::Paragraph, text::REASON_LABEL, REASON)
        .placeholder(text::REASON_PLACEHOLDER)
        .min_length(1)
        .max_length(REASON_MAX)
        .required(true);
    let custom_id = format!("v1:approval:{}:{id}", Verb::Deny.as_str());
    CreateModal::new(custom_id, text::REASON_TITLE).components(vec![CreateActionRow::InputText(input)])
}

fn decided(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Decided => Answer::Quiet,
        Outcome::Repeated => Answer::Nothing,
        Outcome::NotAllowed { roles } => Answer::Private(text::not_allowed(&roles)),
        Outcome::Unknown => Answer::Private(text::UNKNOWN_APPROVAL.into()),
        Outcome::NoUpstream => Answer::Private(text::NO_UPSTREAM.into()),
        Outcome::Refused { why, by } => Answer::Private(text::refusal(&why, by)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_decode() {
        let id = Uuid::from_u128(7).to_string();
        assert_eq!(decode(&["deny", &id]), Some((Verb::Deny, Uuid::from_u128(7))));
        for odd in [&[][..], &["approve"], &["approve", "x"], &["maybe", &id], &["approve", &id, "more"]] {
            assert_eq!(decode(odd), None, "{odd:?}");
        }
    }
}
