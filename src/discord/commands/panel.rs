//! `/panel post`: messages with buttons that stay: linking, slot requests, Guess the Balance, timed messages.

use poise::ChoiceParameter;
use poise::serenity_prelude::PartialChannel;

use super::super::text::play as text;
use super::super::{Context, Error};
use super::raffle::{host, place, say};
use crate::community::board::Voice;
use crate::routing::board::BoardKey;
use crate::store::Store;

#[derive(Clone, Copy, ChoiceParameter)]
enum Panel {
    #[name = "link your Kick account"]
    Link,
    #[name = "slot requests"]
    Slots,
    #[name = "guess the balance"]
    Gtb,
    #[name = "timed messages"]
    Timers,
    #[name = "shop"]
    Shop,
    #[name = "purchases of the shop, for admins"]
    ShopQueue,
}

/// Panels: messages whose buttons always work.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("post"),
    subcommand_required
)]
pub async fn panel(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Post a panel. It is kept up to date.
#[poise::command(slash_command, guild_only)]
async fn post(
    ctx: Context<'_>,
    #[description = "Which one"] panel: Panel,
    #[description = "Where; this channel otherwise"] channel: Option<PartialChannel>,
) -> Result<(), Error> {
    let host = host(ctx)?;
    let channel = place(ctx, channel.as_ref());
    ctx.defer_ephemeral().await?;
    let key = match panel {
        Panel::Link => BoardKey::Link,
        Panel::Slots => BoardKey::Slots,
        Panel::Gtb => BoardKey::Gtb,
        Panel::Timers => BoardKey::Timers,
        Panel::Shop => BoardKey::Shop,
        Panel::ShopQueue => BoardKey::ShopQueue,
    };
    let ports = &ctx.data().ports;
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    voice.show(&mut tx, key, channel).await?;
    Store::commit(tx).await?;
    voice.hurry();
    say(ctx, text::posted(channel.0.unsigned_abs())).await
}
