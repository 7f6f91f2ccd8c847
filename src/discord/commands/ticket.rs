//! `/ticket create`, `/ticket show`, `/ticket list`: asked of XTSystems, never only of what is known here.

use std::sync::Arc;

use anyhow::Result;
use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAllowedMentions, CreateAutocompleteResponse, CreateButton,
    CreateEmbed,
};

use super::super::component::Answer;
use super::super::text::ticket as text;
use super::super::{Bot, Context, Error};
use super::{application, held, offer, source_here};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::routing::embed::{FIELD_VALUE, escape, fit, relative};
use crate::routing::notice::capitalised;
use crate::routing::ticket::{ActionState, ListItem, means_closed};
use crate::source::xtsystems::live::LiveSource;
use crate::store::upstream_list::ListKind;
use crate::ticket::press::{Asker, NewTicket, Outcome};
use crate::ticket::{call, lists, may_act, press};
use crate::upstream::xtsystems::{TicketInfo, UpstreamError, XtSystemsClient};

const CYAN: u32 = 0x1ABC9C;
/// Choices that Discord shows.
const CHOICES: usize = 25;
/// Known tickets that a choice is made from.
const KNOWN: i64 = 200;
const PER_PAGE: usize = 10;
/// How often, and for how long, the fate of a new ticket is looked for that somebody else carries upstream.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(250);
const LOOKS: usize = 80;

/// Tickets of XTSystems, for members who may change them.
#[poise::command(slash_command, guild_only, subcommands("create", "show", "list"), subcommand_required)]
pub async fn ticket(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Create a ticket in XTSystems.
#[poise::command(slash_command, guild_only)]
pub async fn create(
    ctx: Context<'_>,
    #[description = "What it is about"]
    #[max_length = 200]
    title: String,
    #[description = "What happened, since when, who is affected"]
    #[max_length = 2000]
    description: String,
    #[description = "How urgent it is"]
    #[autocomplete = "priorities"]
    priority: Option<String>,
) -> Result<(), Error> {
    let source = source_here(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let interaction = application(ctx)?.interaction;
    let (roles, permissions) = held(ctx)?;
    let who = Asker {
        interaction_id: ctx.id() as i64,
        application_id: interaction.application_id.get() as i64,
        token: interaction.token.clone(),
        guild_id: source.guild_id,
        user_id: UserId::from(ctx.author().id.get()),
        name: interaction.member.as_ref().map_or(ctx.author().name.clone(), |m| m.display_name().to_owned()),
        roles,
        permissions,
    };
    let new = NewTicket { title, description, priority };
    let id = match press::create(ports, source.id, &who, &new).await? {
        Outcome::Asked(id) => id,
        refused => return Err(UserError::new(text::refusal(&refused).unwrap_or_default()).into()),
    };
    let mut action = call::call_now(ports, source.guild_id, id).await?;
    for _ in 0..LOOKS {
        // Somebody else may have been faster, and is at it.
        if action.state != ActionState::Sent {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        action = ports.store.get_action(source.guild_id, id).await?;
    }
    let words = text::created(&action);
    let reply = CreateReply::default().content(words).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// Show a ticket as XTSystems has it now.
#[poise::command(slash_command, guild_only)]
pub async fn show(
    ctx: Context<'_>,
    #[description = "Its number or id"]
    #[autocomplete = "known_tickets"]
    ticket: String,
) -> Result<(), Error> {
    let source = permitted(ctx)?;
    ctx.defer_ephemeral().await?;
    let bot = ctx.data();
    let id = ticket.trim().trim_start_matches('#').to_owned();
    let found = client(bot)?.get_ticket(&id).await.map_err(|error| match error {
        UpstreamError::NotFound { .. } => UserError::new(text::no_such_ticket(&id)),
        other => told(other),
    })?;
    let notes = client(bot)?.list_notes(&found.id).await.map_err(told)?;
    let person = |name: &Option<String>| name.as_deref().map(|n| escape(&fit(n, 100))).unwrap_or_default();
    let place = bot.ports.store.find_card_place(source.id, &format!("ticket:{}", found.id)).await?;
    let mut fields = vec![
        ("Status", person(&found.status), true),
        ("Priority", person(&found.priority), true),
        ("Created By", person(&found.created_by), true),
        ("Assigned To", assignee(bot, &source, &found).await, true),
        ("Changed", found.updated_at.map(relative).unwrap_or_default(), true),
        ("Resolution", found.resolution.as_deref().map(escape).unwrap_or_default(), false),
    ];
    if let Some(note) = notes.last() {
        fields.push(("Latest Note", escape(&note.content), false));
    }
    if let Some(place) = place {
        fields.push(("Card", card_link(source.guild_id, place), false));
    }
    let title = format!("🎫 #{} {}", found.number.as_deref().unwrap_or(&found.id), escape(&fit(&found.title, 200)));
    let mut embed = CreateEmbed::new().title(title).colour(CYAN);
    if let Some(description) = &found.description {
        embed = embed.description(fit(&escape(description), 2000));
    }
    for (name, value, inline) in fields.into_iter().filter(|(_, value, _)| !value.is_empty()) {
        embed = embed.field(name, fit(&value, FIELD_VALUE), inline);
    }
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// The user's name where the list of users has it, else what XTSystems says.
async fn assignee(bot: &Bot, source: &LiveSource, ticket: &TicketInfo) -> String {
    let Some(id) = &ticket.assigned_to else { return "nobody".into() };
    let users = lists::current(&bot.ports, source.id, ListKind::User).await;
    let users = users.ok().and_then(Result::ok).unwrap_or_default();
    escape(&fit(users.iter().find(|u| u.id == *id).map_or(id.as_str(), |u| u.name.as_str()), 100))
}

/// List the open tickets.
#[poise::command(slash_command, guild_only)]
pub async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let source = permitted(ctx)?;
    ctx.defer().await?;
    let (embed, rows) = page(ctx.data(), &source, UserId::from(ctx.author().id.get()), 0).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows)).await?;
    Ok(())
}

/// A press on one of the list's buttons.
pub async fn turn(bot: &Arc<Bot>, who: &Asker, owner: i64, wanted: usize) -> Result<Answer> {
    let (guild, presser) = (who.guild_id, who.user_id);
    if presser.0 != owner {
        return Ok(Answer::Private(text::NOT_YOUR_LIST.into()));
    }
    // The role may be gone since the list was asked for.
    if let Err(roles) = may_act(&bot.ports, &who.roles, who.permissions) {
        return Ok(Answer::Private(text::not_allowed(&roles)));
    }
    let source = bot.xtsystems.as_ref().filter(|source| source.guild_id == guild);
    let source = source.ok_or_else(|| UserError::new(super::text::NOT_SET_UP))?;
    let (embed, rows) = page(bot, source, presser, wanted).await?;
    Ok(Answer::Page(Box::new(embed), rows))
}

async fn page(
    bot: &Bot,
    source: &LiveSource,
    owner: UserId,
    wanted: usize,
) -> Result<(CreateEmbed, Vec<CreateActionRow>)> {
    let company = bot.ports.config.xtsystems.as_ref().and_then(|x| x.company_id.as_deref());
    let listed = client(bot)?.list_tickets(company).await.map_err(told)?;
    let all = listed.tickets.len();
    let statuses = lists::current(&bot.ports, source.id, ListKind::Status).await?.unwrap_or_default();
    let open: Vec<TicketInfo> = listed.tickets.into_iter().filter(|t| !is_closed(t, &statuses)).collect();
    let pages = open.len().div_ceil(PER_PAGE).max(1);
    let at = wanted.min(pages - 1);
    let mut lines = Vec::new();
    for ticket in open.iter().skip(at * PER_PAGE).take(PER_PAGE) {
        let place = bot.ports.store.find_card_place(source.id, &format!("ticket:{}", ticket.id)).await?;
        let card = place.map(|place| format!(" · {}", card_link(source.guild_id, place)));
        lines.push(format!(
            "**#{}** {} · {} · {}{}",
            ticket.number.as_deref().unwrap_or(&ticket.id),
            escape(&fit(&ticket.title, 100)),
            escape(&capitalised(ticket.status.as_deref().unwrap_or("?"))),
            escape(&capitalised(ticket.priority.as_deref().unwrap_or("?"))),
            card.unwrap_or_default()
        ));
    }
    let words = if lines.is_empty() { text::NO_OPEN_TICKETS.to_owned() } else { lines.join("\n") };
    let footer = text::list_footer((at + 1, pages), (open.len(), all), listed.is_complete);
    let footer = poise::serenity_prelude::CreateEmbedFooter::new(footer);
    let embed = CreateEmbed::new().title("🎫 Open tickets").description(words).colour(CYAN).footer(footer);
    if pages == 1 {
        return Ok((embed, vec![]));
    }
    let button = |to: Option<usize>, label: &str| {
        // A button that leads nowhere still needs an id of its own.
        let id =
            to.map_or_else(|| format!("v1:ticket:page:{owner}:{label}"), |to| format!("v1:ticket:page:{owner}:{to}"));
        CreateButton::new(id).label(label).style(ButtonStyle::Secondary).disabled(to.is_none())
    };
    let back = button(at.checked_sub(1), "Back");
    let next = button(Some(at + 1).filter(|next| *next < pages), "Next");
    Ok((embed, vec![CreateActionRow::Buttons(vec![back, next])]))
}

fn is_closed(ticket: &TicketInfo, statuses: &[ListItem]) -> bool {
    means_closed(ticket.status_id.as_deref(), ticket.status.as_deref(), statuses).unwrap_or(false)
}

/// A card's place, channel and message, as a link.
pub(super) fn card_link(guild: GuildId, (channel, message): (i64, i64)) -> String {
    format!("[card](https://discord.com/channels/{guild}/{channel}/{message})")
}

fn permitted(ctx: Context<'_>) -> Result<Arc<LiveSource>, Error> {
    let source = source_here(ctx)?;
    let (roles, permissions) = held(ctx)?;
    may_act(&ctx.data().ports, &roles, permissions).map_err(|roles| UserError::new(text::not_allowed(&roles)))?;
    Ok(source)
}

fn client(bot: &Bot) -> Result<&XtSystemsClient> {
    Ok(bot.ports.xtsystems.as_ref().ok_or_else(|| UserError::new(super::text::NO_UPSTREAM))?)
}

fn told(error: UpstreamError) -> UserError {
    UserError::new(error.to_string())
}

/// Never fails loudly: what cannot be had is not offered.
async fn priorities(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(source) = source_here(ctx) else { return offer([]) };
    let list = lists::offered(&ctx.data().ports, source.id, ListKind::Priority).await.unwrap_or_default();
    let wanted = partial.to_lowercase();
    let fits = list.into_iter().filter(|p| p.name.to_lowercase().starts_with(&wanted));
    offer(fits.take(CHOICES).map(|p| AutocompleteChoice::new(fit(&p.name, 100), p.name)))
}

async fn known_tickets(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(source) = permitted(ctx) else { return offer([]) };
    let Ok(known) = ctx.data().ports.store.list_known_tickets(source.id, KNOWN).await else { return offer([]) };
    let wanted = partial.trim().trim_start_matches('#').to_lowercase();
    let mut found = Vec::new();
    for ticket in known {
        let Some(id) = ticket.state.text("id") else { continue };
        let number = ticket.state.text("seq_id").unwrap_or_else(|| id.clone());
        let title = ticket.state.text("title").unwrap_or_default();
        let begins = number.starts_with(&wanted) || title.to_lowercase().starts_with(&wanted);
        if begins || title.to_lowercase().contains(&wanted) {
            found.push((!begins, AutocompleteChoice::new(fit(&format!("#{number} {title}"), 100), id)));
        }
    }
    found.sort_by_key(|(later, _)| *later);
    offer(found.into_iter().take(CHOICES).map(|(_, choice)| choice))
}
