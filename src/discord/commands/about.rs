//! `/about`: version, uptime, latency.

use poise::CreateReply;
use poise::serenity_prelude::CreateEmbed;

use super::super::{Context, Error};

/// Version, uptime and latency of this bot.
#[poise::command(slash_command)]
pub async fn about(ctx: Context<'_>) -> Result<(), Error> {
    let up = ctx.data().running.elapsed();
    let since = ctx.data().ports.clock.now() - chrono::TimeDelta::from_std(up).unwrap_or_default();
    let latency = match ctx.ping().await {
        // Before the first heartbeat there is none.
        none if none.is_zero() => "not measured yet".to_owned(),
        ping => format!("{} ms", ping.as_millis()),
    };
    let embed = CreateEmbed::new()
        .title("📡 Signalbox")
        .description("Signals from your systems become cards in Discord, and your answers go back.")
        .field("Version", env!("CARGO_PKG_VERSION"), true)
        .field("Running since", format!("<t:{}:R>", since.timestamp()), true)
        .field("Gateway latency", latency, true)
        .colour(0x5865F2);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
