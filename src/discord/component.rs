//! Buttons, selects and forms: `custom_id` = `v1:<feature>:<verb>:<id>`. Everything they need is in the id
//! and in the database, so they work as long as their message exists. One file per feature.

mod approval;
pub(super) mod audit;
pub(super) mod community;
pub(super) mod deliveries;
pub(super) mod destination;
pub(super) mod draw;
mod kick;
mod link;
mod play;
pub(super) mod points;
pub(super) mod privacy;
pub(super) mod route;
pub(super) mod shop;
pub(super) mod silence;
pub(super) mod source;
pub(super) mod stats;
mod ticket;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRowComponent, ComponentInteraction, ComponentInteractionDataKind, CreateActionRow, CreateAllowedMentions,
    CreateAttachment, CreateEmbed, CreateInteractionResponse, CreateInteractionResponseFollowup,
    CreateInteractionResponseMessage, CreateModal, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption,
    EditInteractionResponse, ModalInteraction,
};

use super::on_error::explain;
use super::{ACKNOWLEDGE_WITHIN, Bot, guild_of, text};
use crate::bus::Topic;
use crate::error::UserError;
use crate::id::{GuildId, RoleId, UserId};
use crate::routing::embed::{Choice, Select};

/// Who pressed, chose or sent a form, and what they gave.
struct Input {
    interaction_id: i64,
    guild_id: GuildId,
    user_id: UserId,
    /// The names under which Discord knows the member.
    names: Vec<String>,
    roles: Vec<RoleId>,
    /// The member's permissions as Discord computed them.
    permissions: u64,
    /// By which the presser can be told more later.
    application_id: i64,
    token: String,
    /// As others see the presser's name in this server.
    name: String,
    /// What was chosen in a select.
    values: Vec<String>,
    /// `None` for a press; the form's fields by their ids, trimmed, the empty ones left out.
    form: Option<HashMap<String, String>>,
}

/// What the presser is told or shown.
pub enum Answer {
    /// This interaction was delivered before: the first delivery answers it.
    Nothing,
    /// Acknowledged without words: the card changes.
    Quiet,
    Private(String),
    Form(CreateModal),
    /// Acknowledged without words, and only then carried upstream: what comes of it may be told by a further message.
    Asked,
    /// A choice that only the presser sees.
    Choose(String, Select),
    /// The message now says this, and has no buttons any more.
    Settled(String),
    /// The message now shows another page.
    Page(Box<CreateEmbed>, Vec<CreateActionRow>),
    /// Something to look at before it is decided, for the presser alone.
    Show {
        content: String,
        embeds: Vec<CreateEmbed>,
        rows: Vec<CreateActionRow>,
    },
    /// Something with a picture in it, for the presser alone.
    Picture(Box<CreateEmbed>, Box<CreateAttachment>),
}

pub async fn on_press(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ComponentInteraction) {
    let input = who(interaction.guild_id, interaction.member.as_ref(), interaction.id).map(|input| Input {
        application_id: interaction.application_id.get() as i64,
        token: interaction.token.clone(),
        values: match &interaction.data.kind {
            ComponentInteractionDataKind::StringSelect { values } => values.clone(),
            _ => Vec::new(),
        },
        ..input
    });
    respond(bot, ctx, Target::Press(interaction), dispatch(bot, &interaction.data.custom_id, input)).await;
}

pub async fn on_form(bot: &Arc<Bot>, ctx: &serenity::Context, interaction: &ModalInteraction) {
    let input = who(interaction.guild_id, interaction.member.as_ref(), interaction.id).map(|input| Input {
        application_id: interaction.application_id.get() as i64,
        token: interaction.token.clone(),
        form: Some(fields(interaction)),
        ..input
    });
    respond(bot, ctx, Target::Form(interaction), dispatch(bot, &interaction.data.custom_id, input)).await;
}

/// What an id asks of which feature.
enum Asked {
    Approval(approval::Asked),
    Audit(audit::Listing),
    Community,
    Deliveries(deliveries::Asked),
    Destination(destination::Asked),
    Draw(draw::Asked),
    Kick(kick::Asked),
    Link(link::Asked),
    Points(points::Listing),
    Play(play::Asked),
    Privacy(UserId),
    Route(route::Asked),
    Shop(shop::Asked),
    Silence(silence::Asked),
    Source(source::Asked),
    Stats(stats::Asked),
    Ticket(ticket::Asked),
}

impl Asked {
    /// Whether its use case stores the interaction, in the transaction of what it does. Of the others, which read or can
    /// be asked for again, it is stored before they act: a crash in between loses the press, nothing does it twice.
    fn is_stored_with_its_effect(&self) -> bool {
        match self {
            Asked::Approval(_) => true,
            Asked::Ticket(asked) => !matches!(asked, ticket::Asked::Page { .. }),
            _ => false,
        }
    }
}

/// Each feature reads the words behind its own. `None`: of another version.
fn decode(custom_id: &str) -> Option<Asked> {
    let words: Vec<&str> = custom_id.split(':').collect();
    match words.as_slice() {
        ["v1", "approval", words @ ..] => approval::decode(words).map(Asked::Approval),
        ["v1", "audit", words @ ..] => audit::decode(words).map(Asked::Audit),
        ["v1", "community", words @ ..] => community::decode(words).map(|()| Asked::Community),
        ["v1", "deliveries", words @ ..] => deliveries::decode(words).map(Asked::Deliveries),
        ["v1", "destination", words @ ..] => destination::decode(words).map(Asked::Destination),
        ["v1", "draw", words @ ..] => draw::decode(words).map(Asked::Draw),
        ["v1", panel @ ("gtb" | "slots" | "timer"), words @ ..] => play::decode(panel, words).map(Asked::Play),
        ["v1", "kick", words @ ..] => kick::decode(words).map(Asked::Kick),
        ["v1", "link", words @ ..] => link::decode(words).map(Asked::Link),
        ["v1", "points", words @ ..] => points::decode(words).map(Asked::Points),
        ["v1", "privacy", words @ ..] => privacy::decode(words).map(Asked::Privacy),
        ["v1", "route", words @ ..] => route::decode(words).map(Asked::Route),
        ["v1", "shop", words @ ..] => shop::decode(words).map(Asked::Shop),
        ["v1", "silence", words @ ..] => silence::decode(words).map(Asked::Silence),
        ["v1", "source", words @ ..] => source::decode(words).map(Asked::Source),
        ["v1", "stats", words @ ..] => stats::decode(words).map(Asked::Stats),
        ["v1", "ticket", words @ ..] => ticket::decode(words).map(Asked::Ticket),
        _ => None,
    }
}

/// Hands an input to the feature that its id names.
async fn dispatch(bot: &Arc<Bot>, custom_id: &str, input: Option<Input>) -> anyhow::Result<Answer> {
    let Some(input) = input else { return Err(UserError::new(text::ONLY_IN_SERVERS).into()) };
    let asked = decode(custom_id);
    if asked.as_ref().is_some_and(|asked| !asked.is_stored_with_its_effect())
        && !bot.ports.store.insert_interaction(input.interaction_id, bot.ports.clock.now()).await?
    {
        return Ok(Answer::Nothing);
    }
    let (feature, answer) = match asked {
        Some(Asked::Approval(asked)) => ("approval", approval::answer(bot, asked, &input).await),
        Some(Asked::Audit(asked)) => ("audit", audit::answer(bot, asked, &input).await),
        Some(Asked::Community) => ("community", community::answer(bot, &input).await),
        Some(Asked::Deliveries(asked)) => ("deliveries", deliveries::answer(bot, asked, &input).await),
        Some(Asked::Destination(asked)) => ("destination", destination::answer(bot, asked, &input).await),
        Some(Asked::Draw(asked)) => ("draw", draw::answer(bot, asked, &input).await),
        Some(Asked::Play(asked)) => ("play", play::answer(bot, asked, &input).await),
        Some(Asked::Kick(asked)) => ("kick", kick::answer(bot, asked, &input).await),
        Some(Asked::Link(asked)) => ("link", link::answer(bot, asked, &input).await),
        Some(Asked::Points(asked)) => ("points", points::answer(bot, asked, &input).await),
        Some(Asked::Privacy(asked)) => ("privacy", privacy::answer(bot, asked, &input).await),
        Some(Asked::Route(asked)) => ("route", route::answer(bot, asked, &input).await),
        Some(Asked::Shop(asked)) => ("shop", shop::answer(bot, asked, &input).await),
        Some(Asked::Silence(asked)) => ("silence", silence::answer(bot, asked, &input).await),
        Some(Asked::Source(asked)) => ("source", source::answer(bot, &asked, &input).await),
        Some(Asked::Stats(asked)) => ("stats", stats::answer(bot, asked, &input).await),
        Some(Asked::Ticket(asked)) => ("ticket", ticket::answer(bot, asked, &input).await),
        None => ("unknown", Err(UserError::new(text::UNKNOWN_BUTTON).into())),
    };
    bot.ports.metrics.press(feature, outcome(&answer));
    answer
}

/// One word for a label.
fn outcome(answer: &anyhow::Result<Answer>) -> &'static str {
    match answer {
        Ok(Answer::Nothing) => "repeated",
        Ok(Answer::Quiet | Answer::Asked | Answer::Settled(_)) => "done",
        Ok(Answer::Private(_)) => "told",
        Ok(Answer::Form(_) | Answer::Choose(..) | Answer::Page(..) | Answer::Show { .. } | Answer::Picture(..)) => {
            "form"
        }
        Err(error) if error.is::<UserError>() => "refused",
        Err(_) => "failed",
    }
}

/// Whether [`dispatch`] has a feature for what this id asks.
pub fn handles(custom_id: &str) -> bool {
    decode(custom_id).is_some()
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
        names: [Some(&member.user.name), member.user.global_name.as_ref()].into_iter().flatten().cloned().collect(),
        roles: member.roles.iter().map(|role| RoleId::from(role.get())).collect(),
        permissions: member.permissions.map_or(0, |held| held.bits()),
        application_id: 0,
        token: String::new(),
        name: member.display_name().to_owned(),
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

    async fn follow_up(self, ctx: &serenity::Context, text: String) -> serenity::Result<()> {
        self.follow_up_with(ctx, CreateInteractionResponseFollowup::new().content(text)).await
    }

    async fn follow_up_with(
        self,
        ctx: &serenity::Context,
        followup: CreateInteractionResponseFollowup,
    ) -> serenity::Result<()> {
        let followup = followup.ephemeral(true).allowed_mentions(CreateAllowedMentions::new());
        match self {
            Target::Press(i) => i.create_followup(&ctx.http, followup).await.map(|_| ()),
            Target::Form(i) => i.create_followup(&ctx.http, followup).await.map(|_| ()),
        }
    }

    /// Changes the message of the press, after the acknowledgement.
    async fn edit(self, ctx: &serenity::Context, edit: EditInteractionResponse) -> serenity::Result<()> {
        let edit = edit.allowed_mentions(CreateAllowedMentions::new());
        match self {
            Target::Press(i) => i.edit_response(&ctx.http, edit).await.map(|_| ()),
            Target::Form(i) => i.edit_response(&ctx.http, edit).await.map(|_| ()),
        }
    }

    /// Whether the press was on a message that only the presser sees, which then has done its part.
    fn is_on_private(self) -> bool {
        let message = match self {
            Target::Press(i) => Some(&*i.message),
            Target::Form(i) => i.message.as_deref(),
        };
        message.and_then(|m| m.flags).is_some_and(|flags| flags.contains(serenity::MessageFlags::EPHEMERAL))
    }
}

/// Acknowledges after the work, or before it when the work takes long; never twice.
async fn respond(
    bot: &Arc<Bot>,
    ctx: &serenity::Context,
    target: Target<'_>,
    work: impl Future<Output = anyhow::Result<Answer>>,
) {
    let mut work = std::pin::pin!(work);
    let in_time = tokio::time::timeout(ACKNOWLEDGE_WITHIN, &mut work).await;
    let early = match in_time {
        Ok(_) => Ok(()),
        Err(_) => target.defer(ctx).await,
    };
    let (answer, is_late) = match in_time {
        Ok(answer) => (answer, false),
        Err(_) => (work.await, true),
    };
    let answer = answer.unwrap_or_else(|e| Answer::Private(explain(&e)));
    let asked = matches!(answer, Answer::Asked);
    let sent = match early {
        // Somebody else has answered it, or nobody can any more: a further message would be a second answer.
        Err(error) if is_too_late(&error) => Err(error),
        early if is_late => early.and(late_answer(ctx, target, answer).await),
        _ => first_answer(ctx, target, answer).await,
    };
    if asked {
        bot.ports.wake.wake(Topic::Tickets);
    }
    if let Err(error) = sent
        && !is_too_late(&error)
    {
        tracing::warn!(%error, "an interaction could not be answered");
    }
}

async fn first_answer(ctx: &serenity::Context, target: Target<'_>, answer: Answer) -> serenity::Result<()> {
    let private = |message: CreateInteractionResponseMessage| {
        let message = message.ephemeral(true).allowed_mentions(CreateAllowedMentions::new());
        CreateInteractionResponse::Message(message)
    };
    let response = match answer {
        Answer::Nothing => return Ok(()),
        Answer::Asked if target.is_on_private() => settled(text::ticket::ASKED.into()),
        Answer::Quiet | Answer::Asked => CreateInteractionResponse::Acknowledge,
        Answer::Private(text) => private(CreateInteractionResponseMessage::new().content(text)),
        Answer::Choose(text, select) => {
            let rows = vec![CreateActionRow::SelectMenu(menu(&select))];
            private(CreateInteractionResponseMessage::new().content(text).components(rows))
        }
        Answer::Settled(text) => settled(text),
        Answer::Page(embed, rows) => {
            let message = CreateInteractionResponseMessage::new().embed(*embed).components(rows);
            CreateInteractionResponse::UpdateMessage(message.allowed_mentions(CreateAllowedMentions::new()))
        }
        Answer::Show { content, embeds, rows } => {
            private(CreateInteractionResponseMessage::new().content(content).embeds(embeds).components(rows))
        }
        Answer::Picture(embed, file) => private(CreateInteractionResponseMessage::new().embed(*embed).add_file(*file)),
        Answer::Form(form) => CreateInteractionResponse::Modal(form),
    };
    target.respond(ctx, response).await
}

/// After the acknowledgement that could not wait.
async fn late_answer(ctx: &serenity::Context, target: Target<'_>, answer: Answer) -> serenity::Result<()> {
    match answer {
        Answer::Quiet | Answer::Nothing | Answer::Asked => Ok(()),
        Answer::Private(text) => target.follow_up(ctx, text).await,
        Answer::Settled(text) => {
            target.edit(ctx, EditInteractionResponse::new().content(text).components(vec![])).await
        }
        Answer::Choose(text, select) => {
            let rows = vec![CreateActionRow::SelectMenu(menu(&select))];
            target.follow_up_with(ctx, CreateInteractionResponseFollowup::new().content(text).components(rows)).await
        }
        Answer::Page(embed, rows) => {
            target.edit(ctx, EditInteractionResponse::new().embed(*embed).components(rows)).await
        }
        Answer::Show { content, embeds, rows } => {
            let followup = CreateInteractionResponseFollowup::new().content(content).embeds(embeds).components(rows);
            target.follow_up_with(ctx, followup).await
        }
        Answer::Picture(embed, file) => {
            target.follow_up_with(ctx, CreateInteractionResponseFollowup::new().embed(*embed).add_file(*file)).await
        }
        // A form can only be the first answer.
        Answer::Form(_) => target.follow_up(ctx, text::PRESS_AGAIN.into()).await,
    }
}

fn settled(text: String) -> CreateInteractionResponse {
    let message = CreateInteractionResponseMessage::new().content(text).components(vec![]);
    CreateInteractionResponse::UpdateMessage(message.allowed_mentions(CreateAllowedMentions::new()))
}

pub(super) fn menu(select: &Select) -> CreateSelectMenu {
    let option = |choice: &Choice| {
        let option = CreateSelectMenuOption::new(&choice.label, &choice.value).default_selection(choice.is_default);
        match choice.emoji {
            Some(emoji) => option.emoji(serenity::ReactionType::Unicode(emoji.to_owned())),
            None => option,
        }
    };
    let options = select.options.iter().map(option).collect();
    CreateSelectMenu::new(&select.custom_id, CreateSelectMenuKind::String { options }).placeholder(&select.placeholder)
}

/// Already acknowledged (by another process) or expired: what was decided is decided.
fn is_too_late(error: &serenity::Error) -> bool {
    matches!(error, serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
        if matches!(response.error.code, 40060 | 10062))
}

/// A number as short as a custom id can hold it.
fn base36(number: i64) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = number.unsigned_abs();
    let mut out = Vec::new();
    while rest > 0 || out.is_empty() {
        out.push(DIGITS[(rest % 36) as usize]);
        rest /= 36;
    }
    out.iter().rev().map(|&digit| digit as char).collect()
}
