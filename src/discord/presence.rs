//! In which servers the bot is: what is left is remembered, so that its data goes later. A failure is repaired by
//! the next session, which says anew where the bot is.

use poise::serenity_prelude as serenity;

use super::Bot;
use crate::id::GuildId;
use crate::privacy;

/// A session begins, and Discord says which servers it is about.
pub async fn ready(bot: &Bot, ready: &serenity::Ready) {
    let guilds: Vec<i64> = ready.guilds.iter().map(|guild| ours(guild.id).0).collect();
    let (shard, total) = ready.shard.map_or((0, 1), |shard| (u64::from(shard.id.0), u64::from(shard.total).max(1)));
    // <https://discord.com/developers/docs/events/gateway#sharding-sharding-formula>
    let of_shard = |guild: GuildId| (guild.0.unsigned_abs() >> 22) % total == shard;
    report(privacy::present(&bot.ports, &guilds, of_shard).await);
}

pub async fn returned(bot: &Bot, guild: serenity::GuildId) {
    report(privacy::returned(&bot.ports, &[ours(guild).0]).await);
}

/// Discord also says so when it cannot serve a server for a while.
pub async fn gone(bot: &Bot, guild: &serenity::UnavailableGuild) {
    if !guild.unavailable {
        report(privacy::left(&bot.ports, ours(guild.id)).await);
    }
}

fn ours(id: serenity::GuildId) -> GuildId {
    GuildId::from(id.get())
}

fn report(outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(
            error = crate::error::chain(&error),
            "whether the bot is still in its servers could not be noted"
        );
    }
}
