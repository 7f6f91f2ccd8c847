//! `/shop show|queue|add|edit|remove`: what points can be spent on.

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, Role};

use super::super::component::shop::{queue as queue_page, shelf};
use super::super::text::shop as text;
use super::super::{Context, Error};
use super::points::{actor, here, tell};
use super::{managed_guild, offer};
use crate::community::shop as flow;
use crate::error::UserError;
use crate::id::RoleId;
use crate::routing::duration::parse_span;
use crate::store::shop::ShopItem;

const CHOICES: usize = 25;

/// Spend points on what this server offers.
#[poise::command(slash_command, guild_only, subcommands("show", "queue", "add", "edit", "remove"), subcommand_required)]
pub async fn shop(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// What there is, and buying it. `/panel post` puts it up for everybody.
#[poise::command(slash_command)]
async fn show(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = here(ctx)?;
    ctx.defer_ephemeral().await?;
    let (embed, rows) = shelf(&ctx.data().ports, guild_id).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows).ephemeral(true)).await?;
    Ok(())
}

/// Purchases that wait: complete them, or cancel them and give the points back.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn queue(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let (embed, rows) = queue_page(&ctx.data().ports, guild_id).await?;
    ctx.send(CreateReply::default().embed(embed).components(rows).ephemeral(true)).await?;
    Ok(())
}

/// Put something into the shop.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn add(
    ctx: Context<'_>,
    #[description = "What it is called"]
    #[max_length = 60]
    name: String,
    #[description = "How many points it costs"]
    #[min = 1]
    #[max = 1_000_000_000i64]
    price: i64,
    #[description = "What it is"]
    #[max_length = 200]
    description: Option<String>,
    #[description = "How many there are; without, as many as are wanted"]
    #[min = 0]
    #[max = 1_000_000]
    stock: Option<i32>,
    #[description = "How many a member may have"]
    #[min = 1]
    #[max = 1_000_000]
    per_member: Option<i32>,
    #[description = "How long a member waits before the next, such as 1h or 1d"]
    #[max_length = 20]
    cooldown: Option<String>,
    #[description = "Only for members with this role"] role: Option<Role>,
    #[description = "What a buyer has to answer"]
    #[max_length = 45]
    question: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let item = ShopItem {
        id: ports.clock.uuid(),
        guild_id,
        name: name.trim().to_owned(),
        description: description.unwrap_or_default().trim().to_owned(),
        price,
        stock,
        per_member,
        cooldown_s: seconds(cooldown.as_deref())?.unwrap_or(0),
        role_id: role.map(|role| RoleId::from(role.id.get())),
        question,
        active: true,
    };
    flow::add(ports, actor, item.clone()).await?;
    tell(ctx, text::saved(&item)).await
}

/// Change something in the shop: what is not named stays.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn edit(
    ctx: Context<'_>,
    #[description = "Which item"]
    #[autocomplete = "items"]
    item: String,
    #[description = "How many points it costs"]
    #[min = 1]
    #[max = 1_000_000_000i64]
    price: Option<i64>,
    #[description = "What it is"]
    #[max_length = 200]
    description: Option<String>,
    #[description = "How many there are now; -1: as many as are wanted"]
    #[max = 1_000_000]
    stock: Option<i32>,
    #[description = "How many a member may have; 0: no limit"]
    #[min = 0]
    #[max = 1_000_000]
    per_member: Option<i32>,
    #[description = "How long a member waits before the next, such as 1h; 0m: not at all"]
    #[max_length = 20]
    cooldown: Option<String>,
    #[description = "Only for members with this role"] role: Option<Role>,
    #[description = "What a buyer has to answer; - for nothing"]
    #[max_length = 45]
    question: Option<String>,
    #[description = "Whether it is for sale"] active: Option<bool>,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let mut changed = flow::by_name(ports, actor, &item).await?;
    changed.price = price.unwrap_or(changed.price);
    if let Some(description) = description {
        changed.description = description.trim().to_owned();
    }
    if let Some(most) = per_member {
        changed.per_member = (most > 0).then_some(most);
    }
    if let Some(wait) = seconds(cooldown.as_deref())? {
        changed.cooldown_s = wait;
    }
    if let Some(role) = role {
        changed.role_id = Some(RoleId::from(role.id.get())).filter(|role| role.0 != changed.guild_id.0);
    }
    if let Some(question) = question {
        changed.question = Some(question).filter(|question| question.trim() != "-");
    }
    changed.active = active.unwrap_or(changed.active);
    let stock = stock.map(|stock| (stock >= 0).then_some(stock));
    flow::edit(ports, actor, &changed, stock).await?;
    changed.stock = stock.unwrap_or(changed.stock);
    tell(ctx, text::saved(&changed)).await
}

/// Take something out of the shop. What was bought of it stays bought.
#[poise::command(slash_command, default_member_permissions = "MANAGE_GUILD")]
async fn remove(
    ctx: Context<'_>,
    #[description = "Which item"]
    #[autocomplete = "items"]
    item: String,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let item = flow::by_name(ports, actor, &item).await?;
    flow::remove(ports, actor, &item).await?;
    tell(ctx, format!("{} is no longer in the shop.", crate::routing::embed::escape(&item.name))).await
}

fn seconds(words: Option<&str>) -> Result<Option<i32>, Error> {
    let Some(words) = words else { return Ok(None) };
    if words.trim() == "0m" || words.trim() == "0" {
        return Ok(Some(0));
    }
    let span = parse_span(words).and_then(|span| i32::try_from(span.num_seconds()).ok());
    let span = span.ok_or_else(|| UserError::new("A time to wait is like 30m, 2h or 1d."))?;
    Ok(Some(span))
}

async fn items(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(guild_id) = managed_guild(ctx) else { return offer([]) };
    let all = ctx.data().ports.store.list_shop_items(guild_id).await.unwrap_or_default();
    let wanted = partial.trim().to_lowercase();
    let fitting = all.into_iter().filter(|item| item.name.to_lowercase().contains(&wanted)).take(CHOICES);
    offer(fitting.map(|item| AutocompleteChoice::new(item.name.clone(), item.name)))
}
