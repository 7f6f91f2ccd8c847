//! `/link-user set`, `/link-user list`, `/link-user remove`: who in Discord is who in XTSystems.

use poise::CreateReply;
use poise::serenity_prelude::{
    AutocompleteChoice, ButtonStyle, CreateActionRow, CreateAllowedMentions, CreateAutocompleteResponse, CreateButton,
    CreateEmbed, Member,
};

use super::super::text::ticket as text;
use super::super::{Context, Error};
use super::{held, offer, source_here};
use crate::error::UserError;
use crate::id::UserId;
use crate::routing::embed::{DESCRIPTION, escape, fit};
use crate::ticket::link::{self, Linked};
use crate::upstream::permission::manages;

const CHOICES: usize = 25;

/// Who members are in XTSystems.
#[poise::command(
    slash_command,
    guild_only,
    rename = "link-user",
    subcommands("set", "list", "remove"),
    subcommand_required
)]
pub async fn link_user(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Say who you are in XTSystems; somebody with Manage Server confirms it, or says it of others.
#[poise::command(slash_command, guild_only)]
pub async fn set(
    ctx: Context<'_>,
    #[description = "The user in XTSystems: name or e-mail address"]
    #[autocomplete = "users"]
    upstream: String,
    #[description = "Who it is; yourself when left out"] member: Option<Member>,
) -> Result<(), Error> {
    let source = source_here(ctx)?;
    let (_, permissions) = held(ctx)?;
    let is_manager = manages(permissions);
    let by = UserId::from(ctx.author().id.get());
    let who = member.as_ref().map_or(by, |m| UserId::from(m.user.id.get()));
    if who != by && !is_manager {
        return Err(UserError::new(text::ONLY_YOURSELF).into());
    }
    // A request is for others to see; everything else is for the caller.
    if is_manager {
        ctx.defer_ephemeral().await?
    } else {
        ctx.defer().await?
    };
    let ports = &ctx.data().ports;
    let found = link::find_user(ports, source.id, &upstream).await?;
    let found = found.map_err(|error| UserError::new(error.to_string()))?;
    let user = found.ok_or_else(|| UserError::new(text::no_such_user(&upstream)))?;
    let name = escape(&fit(&user.name, 100));
    if is_manager {
        let words = match link::link(ports, source.guild_id, source.id, by, who, &user).await? {
            Linked::Done => format!("✅ <@{who}> is **{name}** in XTSystems."),
            Linked::Taken(other) => return Err(UserError::new(text::taken(other, &name)).into()),
        };
        let reply = CreateReply::default().content(words).ephemeral(true);
        ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
        return Ok(());
    }
    let request = link::ask(ports, source.guild_id, source.id, by, &user).await?;
    let button = |verb: &str, label: &str, style| {
        CreateButton::new(format!("v1:link:{verb}:{request}")).label(label).style(style)
    };
    let rows = vec![CreateActionRow::Buttons(vec![
        button("confirm", "Confirm", ButtonStyle::Success),
        button("decline", "Decline", ButtonStyle::Danger),
    ])];
    let reply = CreateReply::default().content(text::link_asked(by, &name)).components(rows);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// List who is who, for members with Manage Server.
#[poise::command(slash_command, guild_only)]
pub async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let source = super::managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let links = ctx.data().ports.store.list_upstream_links(source.id).await?;
    let line = |(user, name): &(Option<UserId>, String)| {
        let who = user.map_or("someone who is no longer known".to_owned(), |user| format!("<@{user}>"));
        format!("{who} is **{}**", escape(&fit(name, 100)))
    };
    let lines: Vec<String> = links.iter().map(line).collect();
    let words = if lines.is_empty() { text::NO_LINKS.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title("🔗 Who is who in XTSystems").description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Remove your link to XTSystems, or with Manage Server that of another member.
#[poise::command(slash_command, guild_only)]
pub async fn remove(
    ctx: Context<'_>,
    #[description = "Whose; your own when left out"] member: Option<Member>,
) -> Result<(), Error> {
    let source = source_here(ctx)?;
    let (_, permissions) = held(ctx)?;
    let by = UserId::from(ctx.author().id.get());
    let who = member.as_ref().map_or(by, |m| UserId::from(m.user.id.get()));
    if who != by && !manages(permissions) {
        return Err(UserError::new(text::ONLY_YOURSELF).into());
    }
    ctx.defer_ephemeral().await?;
    let was = link::unlink(&ctx.data().ports, source.guild_id, source.id, by, who).await?;
    let words = if was { format!("✅ <@{who}> is not linked any more.") } else { format!("<@{who}> was not linked.") };
    let reply = CreateReply::default().content(words).ephemeral(true);
    ctx.send(reply.allowed_mentions(CreateAllowedMentions::new())).await?;
    Ok(())
}

/// Never fails loudly: what cannot be had is not offered.
async fn users(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(source) = source_here(ctx) else { return offer([]) };
    let is_manager = held(ctx).is_ok_and(|(_, permissions)| manages(permissions));
    let found = link::suggest(&ctx.data().ports, source.id, partial, is_manager, CHOICES).await.unwrap_or_default();
    let label = |name: &str, email: Option<&str>| match email {
        Some(email) if email != name => fit(&format!("{name} · {email}"), 100),
        _ => fit(name, 100),
    };
    offer(found.into_iter().map(|u| AutocompleteChoice::new(label(&u.name, u.email.as_deref()), u.id)))
}
