//! `/timer add|change|remove|on|off|list`: timed messages.

use poise::ChoiceParameter;
use poise::serenity_prelude::{CreateEmbed, PartialChannel};

use super::super::text::play as text;
use super::super::{Context, Error};
use super::raffle::{host, say};
use crate::community::timer as flow;
use crate::error::UserError;
use crate::id::ChannelId;
use crate::routing::board::timers::line;
use crate::routing::duration::parse_span;
use crate::routing::embed::{DESCRIPTION, fit};

const BLUE: u32 = 0x34_98DB;
/// Between the texts of a group.
const BETWEEN: &str = "||";

#[derive(Clone, Copy, ChoiceParameter)]
enum While {
    #[name = "while live"]
    Online,
    #[name = "while not live"]
    Offline,
    #[name = "always"]
    Always,
}

/// Messages that are said from time to time, in chat and in Discord.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("add", "change", "remove", "on", "off", "list"),
    subcommand_required
)]
pub async fn timer(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

fn texts(words: &str) -> Vec<String> {
    words.split(BETWEEN).map(|text| text.trim().to_owned()).collect()
}

/// Add a timed message, or a group of which one is said each time.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn add(
    ctx: Context<'_>,
    #[description = "What is said; || between the texts of a group"]
    #[max_length = 6000]
    message: String,
    #[description = "How often, such as 15m or 1h"]
    #[max_length = 20]
    every: Option<String>,
    #[description = "Or when, as a cron expression: 0 20 * * *"]
    #[max_length = 100]
    cron: Option<String>,
    #[description = "By which clocks (UTC), such as Europe/Berlin"]
    #[max_length = 50]
    time_zone: Option<String>,
    #[description = "Chat lines since it was last said, at least"]
    #[min = 0]
    #[max = 10_000]
    min_lines: Option<i64>,
    #[description = "People in chat in the last 5 minutes, at least (2)"]
    #[min = 0]
    #[max = 1000]
    min_chatters: Option<i64>,
    #[description = "In any order, not one after the other"] shuffle: Option<bool>,
    #[description = "While live, unless you say otherwise"]
    #[rename = "while"]
    only_while: Option<While>,
    #[description = "In the chat of Kick (yes)"] chat: Option<bool>,
    #[description = "In this channel of Discord"] channel: Option<PartialChannel>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let every = match every {
        Some(words) => Some(parse_span(&words).ok_or_else(|| UserError::new(text::BAD_SPAN))?),
        None => None,
    };
    ctx.defer_ephemeral().await?;
    let wish = flow::Wish {
        texts: texts(&message),
        shuffles: shuffle.unwrap_or(false),
        every,
        cron,
        time_zone,
        min_lines: min_lines.unwrap_or(0),
        min_chatters: min_chatters.unwrap_or(2),
        only_while: match only_while {
            Some(While::Offline) => "offline",
            Some(While::Always) => "always",
            Some(While::Online) | None => "online",
        },
        to_kick: chat.unwrap_or(true),
        channel: channel.map(|channel| ChannelId::from(channel.id.get())),
        number: None,
    };
    let number = flow::add(&ctx.data().ports, host, &wish).await?;
    say(ctx, text::timer_added(number)).await
}

/// Change what is said, or how often.
#[poise::command(slash_command, guild_only)]
async fn change(
    ctx: Context<'_>,
    #[description = "Its number, as /timer list shows it"]
    #[min = 1]
    number: i64,
    #[description = "How often, such as 15m or 1h"]
    #[max_length = 20]
    every: Option<String>,
    #[description = "What is said; || between the texts of a group"]
    #[max_length = 6000]
    message: Option<String>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let every = match every {
        Some(words) => Some(parse_span(&words).ok_or_else(|| UserError::new(text::BAD_SPAN))?),
        None => None,
    };
    ctx.defer_ephemeral().await?;
    let change = flow::Change { every, texts: message.map(|message| texts(&message)), enabled: None };
    flow::change(&ctx.data().ports, host, number, change).await?;
    say(ctx, text::CHANGED.to_owned()).await
}

/// Remove a timed message.
#[poise::command(slash_command, guild_only)]
async fn remove(
    ctx: Context<'_>,
    #[description = "Its number, as /timer list shows it"]
    #[min = 1]
    number: i64,
) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    flow::remove(&ctx.data().ports, host, number).await?;
    say(ctx, text::REMOVED.to_owned()).await
}

async fn switch(ctx: Context<'_>, number: i64, enabled: bool) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let change = flow::Change { enabled: Some(enabled), ..flow::Change::default() };
    flow::change(&ctx.data().ports, host, number, change).await?;
    say(ctx, text::CHANGED.to_owned()).await
}

/// Switch one on.
#[poise::command(slash_command, guild_only)]
async fn on(
    ctx: Context<'_>,
    #[description = "Its number, as /timer list shows it"]
    #[min = 1]
    number: i64,
) -> Result<(), Error> {
    switch(ctx, number, true).await
}

/// Switch one off.
#[poise::command(slash_command, guild_only)]
async fn off(
    ctx: Context<'_>,
    #[description = "Its number, as /timer list shows it"]
    #[min = 1]
    number: i64,
) -> Result<(), Error> {
    switch(ctx, number, false).await
}

/// The timed messages of this server.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let host = host(ctx)?;
    ctx.defer_ephemeral().await?;
    let timers = ctx.data().ports.store.get_timers(host.guild_id).await?.timers;
    let lines: Vec<String> = timers.iter().map(line).collect();
    let words = if lines.is_empty() { "There are none yet: /timer add.".to_owned() } else { lines.join("\n") };
    let embed = CreateEmbed::new().title("⏰ Timed messages").colour(BLUE).description(fit(&words, DESCRIPTION));
    ctx.send(poise::CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
