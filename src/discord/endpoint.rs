//! The handlers for interactions that came by HTTP, with a gateway session or without one.

use std::sync::Arc;

use poise::serenity_prelude as serenity;
use tokio::sync::{Mutex, OnceCell};

use super::handlers::Handlers;
use super::{Bot, offline, rest};
use crate::lifecycle::Lifecycle;
use crate::ports::{Interactions, UnreadableInteraction};

pub struct Endpoint {
    bot: Arc<Bot>,
    lifecycle: Lifecycle,
    /// Made for the first interaction.
    handlers: Arc<OnceCell<(Handlers, serenity::Context)>>,
}

impl Endpoint {
    pub fn new(bot: &Arc<Bot>, lifecycle: &Lifecycle) -> Self {
        Self { bot: bot.clone(), lifecycle: lifecycle.clone(), handlers: Arc::default() }
    }
}

impl Interactions for Endpoint {
    fn take(&self, interaction: &[u8]) -> Result<(), UnreadableInteraction> {
        let interaction: serenity::Interaction =
            serde_json::from_slice(interaction).map_err(|error| UnreadableInteraction(error.to_string()))?;
        let (bot, handlers) = (self.bot.clone(), self.handlers.clone());
        self.lifecycle.spawn("interaction", async move {
            match handlers.get_or_try_init(|| ready(&bot)).await {
                Ok((handlers, ctx)) => {
                    // Followups go to a webhook of the application.
                    ctx.http.set_application_id(application_of(&interaction));
                    handlers.call(None, ctx, serenity::FullEvent::InteractionCreate { interaction }).await;
                }
                Err(error) => tracing::error!(error = crate::error::chain(&error), "an interaction by HTTP was lost"),
            }
        });
        Ok(())
    }
}

async fn ready(bot: &Arc<Bot>) -> anyhow::Result<(Handlers, serenity::Context)> {
    let http = Arc::new(rest::client(bot)?);
    let manager = offline::idle_manager(&http, Arc::new(Mutex::new(String::new())))?;
    let ctx = offline::context(&http, &manager).await?;
    Ok((Handlers::new(bot, &manager), ctx))
}

fn application_of(interaction: &serenity::Interaction) -> serenity::ApplicationId {
    match interaction {
        serenity::Interaction::Ping(it) => it.application_id,
        serenity::Interaction::Command(it) | serenity::Interaction::Autocomplete(it) => it.application_id,
        serenity::Interaction::Component(it) => it.application_id,
        serenity::Interaction::Modal(it) => it.application_id,
        _ => serenity::ApplicationId::default(),
    }
}
