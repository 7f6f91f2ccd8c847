//! Calls the handlers: the same ones for what comes over a gateway session and by HTTP.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;

use super::{Bot, Error, options};

/// The longest that a handler may take.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Handlers {
    pub bot: Arc<Bot>,
    options: poise::FrameworkOptions<Arc<Bot>, Error>,
    shards: Arc<serenity::ShardManager>,
}

impl Handlers {
    pub fn new(bot: &Arc<Bot>, shards: &Arc<serenity::ShardManager>) -> Self {
        Self { bot: bot.clone(), options: options(bot), shards: shards.clone() }
    }

    /// Not the framework's own call: that one waits for ever when its set-up fails, and its work is unknown to
    /// the shutdown.
    pub async fn call(&self, own: Option<serenity::UserId>, ctx: &serenity::Context, event: serenity::FullEvent) {
        let context = poise::FrameworkContext {
            // Only prefix commands ask for it, and there are none.
            bot_id: own.unwrap_or(serenity::UserId::new(1)),
            serenity_context: ctx,
            options: &self.options,
            user_data: &self.bot,
            shard_manager: &self.shards,
        };
        // Serenity's limiter waits as long as Discord says, and keeps others waiting meanwhile.
        if tokio::time::timeout(LONGEST, poise::dispatch_event(context, event)).await.is_err() {
            tracing::warn!("an interaction took too long and was given up");
        }
    }
}
