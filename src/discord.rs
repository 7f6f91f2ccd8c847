//! The bot: commands, buttons and forms, over gateway sessions under leases or by HTTP. It decides nothing
//! itself; each press and command calls a use case.

pub mod commands;
pub mod component;
mod endpoint;
mod gateway;
mod handlers;
mod offline;
mod on_error;
mod presence;
mod rest;
mod text;
mod trigger;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use poise::serenity_prelude as serenity;

use crate::clock::Stopwatch;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::doctor::Edge;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::generic::live::Sources;
use crate::source::xtsystems::live::LiveSource;
use crate::stats::trigger::Triggers;

pub use endpoint::Endpoint;
pub use gateway::{Fatal, Patience, run};

/// What commands and handlers are given.
pub struct Bot {
    pub ports: Ports,
    pub delivery: Arc<Delivery>,
    pub xtsystems: Option<Arc<LiveSource>>,
    pub generic: Arc<Sources>,
    pub connection: Connection,
    pub running: Stopwatch,
    /// Messages of the game server that were followed of late.
    pub triggers: Triggers,
    /// The port the web server really listens on.
    pub web_port: u16,
}

/// Whether every gateway session that this process holds is connected.
#[derive(Default)]
pub struct Connection {
    whole: Arc<AtomicBool>,
    shards: Mutex<BTreeMap<u32, bool>>,
}

impl Connection {
    /// For who only wants to know.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.whole.clone()
    }

    /// A shard that is ours is connected or not.
    fn note(&self, shard: u32, connected: bool) {
        self.change(|shards| shards.insert(shard, connected));
    }

    /// A shard is no longer ours.
    fn forget(&self, shard: u32) {
        self.change(|shards| shards.remove(&shard));
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<u32, bool>) -> Option<bool>) {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut shards);
        let whole = !shards.is_empty() && shards.values().all(|connected| *connected);
        self.whole.store(whole, Ordering::Relaxed);
    }
}

type Error = anyhow::Error;
type Context<'a> = poise::Context<'a, Arc<Bot>, Error>;

/// How long an acknowledgement may wait for the work to be done: Discord allows 3 s.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(1500);

/// The framework's options, with every command that the configuration has a use for.
fn options(bot: &Bot) -> poise::FrameworkOptions<Arc<Bot>, Error> {
    let mut commands = commands::all(bot.xtsystems.is_some(), bot.ports.kick.is_some());
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

/// What the doctor has to know of this edge.
pub fn edge(config: &Config) -> Edge {
    let commands = commands::all(config.xtsystems.is_some(), config.kick.is_some());
    Edge { commands: commands.into_iter().map(commands::registered_name).collect(), handles: component::handles }
}

/// Marks an invocation that was found to be the first one.
struct Seen;

/// A command that was delivered a second time does nothing.
async fn first_time(ctx: Context<'_>) -> Result<bool, Error> {
    // Offering choices does nothing, however often.
    if let poise::Context::Application(application) = ctx
        && application.interaction_type == poise::CommandInteractionType::Autocomplete
    {
        return Ok(true);
    }
    // The framework asks for a command and again for its subcommand.
    if ctx.invocation_data::<Seen>().await.is_some() {
        return Ok(true);
    }
    let bot = ctx.data();
    let seen = bot.ports.store.insert_interaction(ctx.id() as i64, bot.ports.clock.now());
    match tokio::time::timeout(ACKNOWLEDGE_WITHIN, seen).await {
        Ok(first) => {
            let first = first?;
            if first {
                ctx.set_invocation_data(Seen).await;
            }
            Ok(first)
        }
        Err(_) => Err(crate::error::UserError::new(on_error::database_away("no answer in time")).into()),
    }
}

async fn on_event(ctx: poise::FrameworkContext<'_, Arc<Bot>, Error>, event: &serenity::FullEvent) -> Result<(), Error> {
    let bot = ctx.user_data;
    let shard = ctx.serenity_context.shard_id.0;
    match event {
        serenity::FullEvent::Ready { data_about_bot } => {
            bot.connection.note(shard, true);
            bot.ports.metrics.gateway("identified");
            tracing::info!(user = data_about_bot.user.name, shard, "connected to Discord");
            presence::ready(bot, data_about_bot).await;
        }
        serenity::FullEvent::GuildCreate { guild, .. } => presence::returned(bot, guild.id).await,
        serenity::FullEvent::GuildDelete { incomplete, .. } => presence::gone(bot, incomplete).await,
        serenity::FullEvent::Resume { .. } => {
            bot.connection.note(shard, true);
            bot.ports.metrics.gateway("resumed");
        }
        serenity::FullEvent::InteractionCreate { interaction: serenity::Interaction::Component(press) } => {
            component::on_press(bot, ctx.serenity_context, press).await;
        }
        serenity::FullEvent::InteractionCreate { interaction: serenity::Interaction::Modal(form) } => {
            component::on_form(bot, ctx.serenity_context, form).await;
        }
        serenity::FullEvent::Message { new_message } => {
            trigger::on_message(bot, ctx.serenity_context, new_message).await;
        }
        _ => {}
    }
    Ok(())
}

/// Serenity's guild id as ours.
fn guild_of(id: Option<serenity::GuildId>) -> Option<GuildId> {
    id.map(|id| GuildId::from(id.get()))
}
