//! Buttons, selects and forms: `custom_id` = `v1:<feature>:<verb>:<id>`. Everything they need is in the id
//! and in the database, so they work as long as their message exists. One file per feature.

mod approval;
pub(super) mod audit;
pub(super) mod privacy;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRowComponent, ComponentInteraction, ComponentInteractionDataKind, CreateAllowedMentions,
    CreateInteractionResponse, CreateInteractionResponseFollowup, CreateInteractionResponseMessage, CreateModal,
    ModalInteraction,
};

use super::on_error::explain;
use super::{ACKNOWLEDGE_WITHIN, Bot, guild_of, text};
use crate::error::UserError;
use crate::id::{GuildId, RoleId, UserId};

/// Who pressed, chose or sent a form, and what they gave.
struct Input {
    interaction_id: i64,
    guild_id: GuildId,
    user_id: UserId,
    roles: Vec<RoleId>,
    /// The member's permissions as Discord computed them.
    permissions: u64,
    /// What was chosen in a select.
    #[expect(dead_code, reason = "no card has a select yet")]
    values: Vec<String>,
    /// `None` for a press; the form's fields by their ids, trimmed, the empty ones left out.
    form: Option<HashMap<String, String>>,
}

/// What the presser is told or shown.
enum Answer {
    /// This interaction was delivered before: the first delivery answers it.
    Nothing,
    /// Acknowledged without words: the card changes.
    Quiet,
    Private(String),
    /// The message with the button becomes this.
    Update(Box<CreateInteractionResponseMessage>),
    Form(CreateModal),
}

pub async fn on_press(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ComponentInteraction) {
    let input = who(interaction.guild_id, interaction.member.as_ref(), interaction.id).map(|input| Input {
        values: match &interaction.data.kind {
            ComponentInteractionDataKind::StringSelect { values } => values.clone(),
            _ => Vec::new(),
        },
        ..input
    });
    respond(ctx, Target::Press(interaction), dispatch(bot, &interaction.data.custom_id, input)).await;
}

pub async fn on_form(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ModalInteraction) {
    let input = who(interaction.guild_id, interaction.member.as_ref(), interaction.id)
        .map(|input| Input { form: Some(fields(interaction)), ..input });
    respond(ctx, Target::Form(interaction), dispatch(bot, &interaction.data.custom_id, input)).await;
}

/// Hands an input to the feature that its id names.
async fn dispatch(bot: &Arc<Bot>, custom_id: &str, input: Option<Input>) -> anyhow::Result<Answer> {
    let Some(input) = input else { return Err(UserError::new(text::ONLY_IN_SERVERS).into()) };
    let words: Vec<&str> = custom_id.split(':').collect();
    let answer = match words.as_slice() {
        ["v1", "approval", words @ ..] => approval::answer(bot, words, &input).await?,
        ["v1", "audit", words @ ..] => audit::answer(bot, words, &input).await?,
        ["v1", "privacy", words @ ..] => privacy::answer(bot, words, &input).await?,
        _ => None,
    };
    answer.ok_or_else(|| UserError::new(text::UNKNOWN_BUTTON).into())
}

fn who(
    guild: Option<serenity::GuildId>,
    member: Option<&serenity::Member>,
    interaction: serenity::InteractionId,
) -> Option<Input> {
    let member = member?;
    Some(Input {
        interaction_id: interaction.get() as i64,
        guild_id: guild_of(guild)?,
        user_id: UserId::from(member.user.id.get()),
        roles: member.roles.iter().map(|role| RoleId::from(role.get())).collect(),
        permissions: member.permissions.map_or(0, |held| held.bits()),
        values: Vec::new(),
        form: None,
    })
}

fn fields(interaction: &ModalInteraction) -> HashMap<String, String> {
    let inputs = interaction.data.components.iter().flat_map(|row| &row.components);
    let given = inputs.filter_map(|component| match component {
        ActionRowComponent::InputText(input) => Some((input.custom_id.clone(), input.value.clone()?)),
        _ => None,
    });
    given.map(|(id, value)| (id, value.trim().to_owned())).filter(|(_, value)| !value.is_empty()).collect()
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

    /// Time for more than the first 3 s. A form that no message opened has nothing to leave as it is: it says that
    /// it is working.
    async fn defer(self, ctx: &serenity::Context) -> serenity::Result<()> {
        let thinking = CreateInteractionResponseMessage::new().ephemeral(true);
        let response = match self {
            Target::Form(i) if i.message.is_none() => CreateInteractionResponse::Defer(thinking),
            _ => CreateInteractionResponse::Acknowledge,
        };
        self.respond(ctx, response).await
    }

    /// Changes the message with the button, after [`Target::defer`].
    async fn update(self, ctx: &serenity::Context, message: CreateInteractionResponseMessage) -> serenity::Result<()> {
        let body = serde_json::to_value(message.allowed_mentions(CreateAllowedMentions::new()))?;
        match self {
            Target::Press(i) => ctx.http.edit_original_interaction_response(&i.token, &body, Vec::new()).await,
            Target::Form(i) => ctx.http.edit_original_interaction_response(&i.token, &body, Vec::new()).await,
        }
        .map(|_| ())
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
            let early = target.defer(ctx).await;
            match work.await.unwrap_or_else(|e| Answer::Private(explain(&e))) {
                Answer::Quiet | Answer::Nothing => early,
                Answer::Private(text) => target.follow_up(ctx, text).await,
                Answer::Update(message) => target.update(ctx, *message).await,
                // A form can only be the first answer.
                Answer::Form(_) => target.follow_up(ctx, text::PRESS_AGAIN.into()).await,
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
        Answer::Update(message) => {
            CreateInteractionResponse::UpdateMessage(message.allowed_mentions(CreateAllowedMentions::new()))
        }
        Answer::Form(form) => CreateInteractionResponse::Modal(form),
    };
    target.respond(ctx, response).await
}

/// Already acknowledged (by another process) or expired: what was decided is decided.
fn is_too_late(error: &serenity::Error) -> bool {
    matches!(error, serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
        if matches!(response.error.code, 40060 | 10062))
}
