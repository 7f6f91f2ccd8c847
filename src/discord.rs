//! The gateway side: one session per bot under a lease, commands, buttons and forms. It decides
//! nothing itself; each press and command calls a use case.

pub mod commands;
pub mod component;
mod gateway;
mod on_error;
mod presence;
mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poise::serenity_prelude as serenity;

use crate::clock::Stopwatch;
use crate::delivery::Delivery;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::xtsystems::live::LiveSource;

pub use gateway::{Fatal, Patience, run};

/// What commands and handlers are given.
pub struct Bot {
    pub ports: Ports,
    pub delivery: Arc<Delivery>,
    pub xtsystems: Option<Arc<LiveSource>>,
    pub connected: Arc<AtomicBool>,
    pub running: Stopwatch,
    /// The port the web server really listens on.
    pub web_port: u16,
}

type Error = anyhow::Error;
type Context<'a> = poise::Context<'a, Arc<Bot>, Error>;

/// How long an acknowledgement may wait for the work to be done: Discord allows 3 s.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(1500);

/// The framework's options, with every command that the configuration has a use for.
fn options(bot: &Bot) -> poise::FrameworkOptions<Arc<Bot>, Error> {
    let mut commands = commands::all(bot.xtsystems.is_some());
    poise::set_qualified_names(&mut commands);
    poise::FrameworkOptions {
        commands,
        on_error: |error| Box::pin(on_error::on_error(error)),
        command_check: Some(|ctx| Box::pin(first_time(ctx))),
        event_handler: |ctx, event| Box::pin(on_event(ctx, event)),
        allowed_mentions: Some(serenity::CreateAllowedMentions::new()),
        initialize_owners: false,
        ..poise::FrameworkOptions::default()
    }
}

/// This invocation was found to be the first delivery of its interaction.
struct FirstTime;

/// A command that was delivered a second time does nothing.
async fn first_time(ctx: Context<'_>) -> Result<bool, Error> {
    // Offering choices does nothing, however often.
    if let poise::Context::Application(application) = ctx
        && application.interaction_type == poise::CommandInteractionType::Autocomplete
    {
        return Ok(true);
    }
    // The check runs for a command with subcommands and again for the subcommand.
    if ctx.invocation_data::<FirstTime>().await.is_some() {
        return Ok(true);
    }
    let bot = ctx.data();
    let seen = bot.ports.store.insert_interaction(ctx.id() as i64, bot.ports.clock.now());
    match tokio::time::timeout(ACKNOWLEDGE_WITHIN, seen).await {
        Ok(first) => {
            let first = first?;
            if first {
                ctx.set_invocation_data(FirstTime).await;
            }
            Ok(first)
        }
        Err(_) => Err(crate::error::UserError::new(on_error::database_away("no answer in time")).into()),
    }
}

async fn on_event(ctx: poise::FrameworkContext<'_, Arc<Bot>, Error>, event: &serenity::FullEvent) -> Result<(), Error> {
    let bot = ctx.user_data;
    match event {
        serenity::FullEvent::Ready { data_about_bot } => {
            bot.connected.store(true, Ordering::Relaxed);
            bot.ports.metrics.gateway("identified");
            tracing::info!(user = data_about_bot.user.name, "connected to Discord");
            presence::ready(bot, data_about_bot).await;
        }
        serenity::FullEvent::GuildCreate { guild, .. } => presence::returned(bot, guild.id).await,
        serenity::FullEvent::GuildDelete { incomplete, .. } => presence::gone(bot, incomplete).await,
        serenity::FullEvent::Resume { .. } => {
            bot.connected.store(true, Ordering::Relaxed);
            bot.ports.metrics.gateway("resumed");
        }
        serenity::FullEvent::InteractionCreate { interaction: serenity::Interaction::Component(press) } => {
            component::on_press(bot, ctx.serenity_context, press).await;
        }
        serenity::FullEvent::InteractionCreate { interaction: serenity::Interaction::Modal(form) } => {
            component::on_form(bot, ctx.serenity_context, form).await;
        }
        _ => {}
    }
    Ok(())
}

/// Serenity's guild id as ours.
fn guild_of(id: Option<serenity::GuildId>) -> Option<GuildId> {
    id.map(|id| GuildId::from(id.get()))
}
