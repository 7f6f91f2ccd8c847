//! `/chatcommand set|remove|list`: the server's own commands in chat.

use poise::ChoiceParameter;
use poise::serenity_prelude::CreateEmbed;

use super::super::text::play as text;
use super::super::{Context, Error};
use super::raffle::{host, say};
use crate::community::chat_command::{self as flow, Edit};
use crate::community::words::Permission;
use crate::routing::embed::{DESCRIPTION, fit};

const BLUE: u32 = 0x34_98DB;

#[derive(Clone, Copy, ChoiceParameter)]
enum Who {
    #[name = "everyone"]
    Everyone,
    #[name = "subscribers"]
    Subscriber,
    #[name = "VIPs"]
    Vip,
    #[name = "moderators"]
    Moderator,
    #[name = "the broadcaster"]
    Broadcaster,
}

/// Commands of your own for the chat of Kick.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("set", "remove", "list"),
    subcommand_required
)]
pub async fn chatcommand(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Add or change a command. It may say {user}, {target}, {args}, {count}, {points}, {watchtime}.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn set(
    ctx: Context<'_>,
    #[description = "Its name, such as discord for !discord"]
    #[max_length = 31]
    name: String,
    #[description = "What is answered; {user}, {args} and others are filled in"]
    #[max_length = 500]
    answer: String,
    #[description = "Other names, with spaces between"]
    #[max_length = 300]
    aliases: Option<String>,
    #[description = "Who may use it (everyone)"]
    #[rename = "for"]
    who: Option<Who>,
    #[description = "Seconds between two answers (5)"]
    #[min = 0]
    #[max = 86_400]
    cooldown: Option<i32>,
    #[description = "Points that it costs"]
    #[min = 0]
    #[max = 1_000_000_000]
    cost: Option<i64>,
    #[description = "Off: it answers nothing"] enabled: Option<bool>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let edit = Edit {
        name,
        reply: answer,
        aliases: aliases.unwrap_or_default().split([' ', ',']).map(str::to_owned).collect(),
        permission: match who {
            None | Some(Who::Everyone) => Permission::Everyone,
            Some(Who::Subscriber) => Permission::Subscriber,
            Some(Who::Vip) => Permission::Vip,
            Some(Who::Moderator) => Permission::Moderator,
            Some(Who::Broadcaster) => Permission::Broadcaster,
        },
        cooldown_seconds: cooldown.unwrap_or(5),
        cost: cost.unwrap_or(0),
        enabled: enabled.unwrap_or(true),
    };
    let name = flow::save(&ctx.data().ports, host, &edit).await?;
    say(ctx, text::command_saved(&name)).await
}

/// Remove a command.
#[poise::command(slash_command, guild_only)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Its name"]
    #[max_length = 31]
    name: String,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    flow::remove(&ctx.data().ports, host, &name).await?;
    say(ctx, text::REMOVED.to_owned()).await
}

/// The commands of this server.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let commands = ctx.data().ports.store.list_chat_commands(host.guild_id).await?;
    let lines: Vec<String> = commands.iter().map(text::command_line).collect();
    let words = if lines.is_empty() { text::NO_COMMANDS.to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title("💬 Chat commands").colour(BLUE).description(fit(&words, DESCRIPTION));
    ctx.send(poise::CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
