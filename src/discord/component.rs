//! Buttons and forms: `custom_id` = `v1:<feature>:<verb>:<id>`. Everything they need is in the id and in
//! the database, so they work as long as their message exists.

use std::future::Future;
use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRowComponent, ComponentInteraction, CreateActionRow, CreateAllowedMentions, CreateInputText,
    CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage, CreateModal,
    InputTextStyle, ModalInteraction,
};
use uuid::Uuid;

use super::on_error::explain;
use super::{ACKNOWLEDGE_WITHIN, Bot, guild_of, text};
use crate::approval::press::{Outcome, Press, press, preview};
use crate::error::UserError;
use crate::id::{RoleId, UserId};
use crate::routing::card::Verb;

/// Longest reason that the form takes; the card shows all of it.
const REASON_MAX: u16 = 500;

/// A decoded `custom_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Approval { verb: Verb, id: Uuid },
}

impl Action {
    pub fn decode(custom_id: &str) -> Option<Self> {
        let mut parts = custom_id.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("v1"), Some("approval"), Some(verb), Some(id), None) => {
                Some(Self::Approval { verb: Verb::parse(verb)?, id: id.parse().ok()? })
            }
            _ => None,
        }
    }

    pub fn encode(self) -> String {
        match self {
            Self::Approval { verb, id } => format!("v1:approval:{}:{id}", verb.as_str()),
        }
    }
}

/// What the presser is told or shown.
enum Answer {
    /// This interaction was delivered before: the first delivery answers it.
    Nothing,
    /// Acknowledged without words: the card changes.
    Quiet,
    Private(String),
    AskReason {
        id: Uuid,
    },
}

pub async fn on_press(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ComponentInteraction) {
    let work = async {
        let Some(Action::Approval { verb, id }) = Action::decode(&interaction.data.custom_id) else {
            return Err(UserError::new(text::UNKNOWN_BUTTON).into());
        };
        let Some(press_data) = who(interaction.guild_id, interaction.member.as_ref(), interaction.id, id, verb) else {
            return Err(UserError::new(text::ONLY_IN_SERVERS).into());
        };
        match verb {
            Verb::Approve => Ok(decided(press(&bot.ports, &press_data).await?)),
            Verb::Deny => Ok(match preview(&bot.ports, &press_data).await? {
                Outcome::Decided => Answer::AskReason { id },
                other => decided(other),
            }),
        }
    };
    respond(ctx, Target::Press(interaction), work).await;
}

pub async fn on_form(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ModalInteraction) {
    let work = async {
        let Some(Action::Approval { verb, id }) = Action::decode(&interaction.data.custom_id) else {
            return Err(UserError::new(text::UNKNOWN_BUTTON).into());
        };
        let Some(mut press_data) = who(interaction.guild_id, interaction.member.as_ref(), interaction.id, id, verb)
        else {
            return Err(UserError::new(text::ONLY_IN_SERVERS).into());
        };
        press_data.reason = reason(interaction);
        if verb == Verb::Deny && press_data.reason.is_none() {
            return Err(UserError::new(text::REASON_MISSING).into());
        }
        Ok(decided(press(&bot.ports, &press_data).await?))
    };
    respond(ctx, Target::Form(interaction), work).await;
}

fn who(
    guild: Option<serenity::GuildId>,
    member: Option<&serenity::Member>,
    interaction: serenity::InteractionId,
    approval_id: Uuid,
    verb: Verb,
) -> Option<Press> {
    let member = member?;
    Some(Press {
        interaction_id: interaction.get() as i64,
        guild_id: guild_of(guild)?,
        user_id: UserId::from(member.user.id.get()),
        roles: member.roles.iter().map(|role| RoleId::from(role.get())).collect(),
        permissions: member.permissions.map_or(0, |held| held.bits()),
        approval_id,
        verb,
        reason: None,
    })
}

fn reason(interaction: &ModalInteraction) -> Option<String> {
    let inputs = interaction.data.components.iter().flat_map(|row| &row.components);
    let value = inputs.filter_map(|c| match c {
        ActionRowComponent::InputText(input) => input.value.clone(),
        _ => None,
    });
    value.map(|v| v.trim().to_owned()).find(|v| !v.is_empty())
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

#[derive(Clone, Copy)]
enum Target<'a> {
    Press(&'a ComponentInteraction),
    Form(&'a ModalInteraction),
}

impl Target<'_> {
    async fn respond(self, ctx: &serenity::Context, response: CreateInteractionResponse) -> serenity::Result<()> {
        match self {
            Target::Press(i) => i.create_response(&ctx.http, response).await,
            Target::Form(i) => i.create_response(&ctx.http, response).await,
        }
    }

    async fn follow_up(self, ctx: &serenity::Context, text: String) -> serenity::Result<()> {
        let followup = CreateInteractionResponseFollowup::new()
            .content(text)
            .ephemeral(true)
            .allowed_mentions(CreateAllowedMentions::new());
        match self {
            Target::Press(i) => i.create_followup(&ctx.http, followup).await.map(|_| ()),
            Target::Form(i) => i.create_followup(&ctx.http, followup).await.map(|_| ()),
        }
    }
}

/// Acknowledges after the work, or before it when the work takes long; never twice.
async fn respond(ctx: &serenity::Context, target: Target<'_>, work: impl Future<Output = anyhow::Result<Answer>>) {
    let mut work = std::pin::pin!(work);
    let sent = match tokio::time::timeout(ACKNOWLEDGE_WITHIN, &mut work).await {
        Ok(answer) => first_answer(ctx, target, answer.unwrap_or_else(|e| Answer::Private(explain(&e)))).await,
        Err(_) => {
            let early = target.respond(ctx, CreateInteractionResponse::Acknowledge).await;
            match work.await.unwrap_or_else(|e| Answer::Private(explain(&e))) {
                Answer::Quiet | Answer::Nothing => early,
                Answer::Private(text) => target.follow_up(ctx, text).await,
                // A form can only be the first answer.
                Answer::AskReason { .. } => target.follow_up(ctx, text::PRESS_AGAIN.into()).await,
            }
        }
    };
    if let Err(error) = sent
        && !is_too_late(&error)
    {
        tracing::warn!(%error, "an interaction could not be answered");
    }
}

async fn first_answer(ctx: &serenity::Context, target: Target<'_>, answer: Answer) -> serenity::Result<()> {
    let response = match answer {
        Answer::Nothing => return Ok(()),
        Answer::Quiet => CreateInteractionResponse::Acknowledge,
        Answer::Private(text) => CreateInteractionResponse::Message(
            CreateInteractionResponseMessage::new()
                .content(text)
                .ephemeral(true)
                .allowed_mentions(CreateAllowedMentions::new()),
        ),
        Answer::AskReason { id } => {
            let input = CreateInputText::new(InputTextStyle::Paragraph, text::REASON_LABEL, "reason")
                .placeholder(text::REASON_PLACEHOLDER)
                .min_length(1)
                .max_length(REASON_MAX)
                .required(true);
            let custom_id = Action::Approval { verb: Verb::Deny, id }.encode();
            CreateInteractionResponse::Modal(
                CreateModal::new(custom_id, text::REASON_TITLE).components(vec![CreateActionRow::InputText(input)]),
            )
        }
    };
    target.respond(ctx, response).await
}

/// Already acknowledged (by another process) or expired: what was decided is decided.
fn is_too_late(error: &serenity::Error) -> bool {
    matches!(error, serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
        if matches!(response.error.code, 40060 | 10062))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_and_strangers_do_not_decode() {
        let action = Action::Approval { verb: Verb::Deny, id: Uuid::from_u128(7) };
        assert_eq!(Action::decode(&action.encode()), Some(action));
        assert!(action.encode().len() <= 100);
        for odd in [
            "",
            "v1",
            "v2:approval:approve:x",
            "v1:approval:approve:x",
            "v1:approval:maybe:00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(Action::decode(odd), None, "{odd}");
        }
    }
}
