//! `/community rules|multiplier|force|pause|ignore|import`: how watching counts and what it earns.

use poise::serenity_prelude::{Attachment, CreateInteractionResponse, Role};

use super::super::component::community::import_form;
use super::super::text::community as text;
use super::super::{Context, Error};
use super::points::{actor, tell, viewers};
use super::{application, managed_guild};
use crate::community::settings;
use crate::error::UserError;
use crate::id::RoleId;
use crate::upstream::discord::FetchError;

/// How watching counts, and what it earns.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("rules", "multiplier", "force", "pause", "ignore", "import"),
    subcommand_required
)]
pub async fn community(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Show the rules, or change them from the next full hour on.
#[poise::command(slash_command)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn rules(
    ctx: Context<'_>,
    #[description = "Points for five minutes; 0: none"]
    #[min = 0]
    #[max = 10000]
    rate: Option<u32>,
    #[description = "Points of five minutes for subscribers"]
    #[min = 0]
    #[max = 10000]
    subscriber_rate: Option<u32>,
    #[description = "Minutes that a message counts for"]
    #[min = 1]
    #[max = 15]
    active_minutes: Option<u32>,
    #[description = "People who have to have written within five minutes"]
    #[min = 1]
    #[max = 100]
    chatters: Option<u32>,
    #[description = "Hours of a day that count at most"]
    #[min = 1]
    #[max = 24]
    hours_a_day: Option<u32>,
    #[description = "Points for following, once ever"]
    #[min = 0]
    #[max = 1_000_000]
    follow: Option<u32>,
    #[description = "Points for subscribing"]
    #[min = 0]
    #[max = 1_000_000]
    subscription: Option<u32>,
    #[description = "Points for each gifted subscription"]
    #[min = 0]
    #[max = 1_000_000]
    gift: Option<u32>,
    #[description = "Points for 100 kicks"]
    #[min = 0]
    #[max = 1_000_000]
    kicks: Option<u32>,
    #[description = "Points for 100 channel points of a reward that was accepted"]
    #[min = 0]
    #[max = 1_000_000]
    redemption: Option<u32>,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let cap = hours_a_day.map(|hours| hours * 60);
    let given = [rate, subscriber_rate, active_minutes, chatters, cap, follow, subscription, gift, kicks, redemption];
    if given.iter().all(Option::is_none) {
        let (now, later) = settings::rules(ports, actor).await?;
        let later = later.map_or_else(String::new, |(hour, rules)| format!("\n\n{}", text::from_hour(hour, &rules)));
        return tell(ctx, text::rules(&now) + &later).await;
    }
    let (hour, rules) = settings::change_rules(ports, actor, |rules| {
        let all = [
            &mut rules.rate,
            &mut rules.sub_rate,
            &mut rules.active_minutes,
            &mut rules.min_chatters,
            &mut rules.day_cap,
            &mut rules.follow,
            &mut rules.sub,
            &mut rules.gift,
            &mut rules.kicks,
            &mut rules.redemption,
        ];
        for (rule, given) in all.into_iter().zip(given) {
            *rule = given.unwrap_or(*rule);
        }
        Ok(())
    })
    .await?;
    tell(ctx, text::from_hour(hour, &rules)).await
}

/// Let a role multiply what its linked members earn by watching, from the next full hour on.
#[poise::command(slash_command)]
async fn multiplier(
    ctx: Context<'_>,
    #[description = "Whose; of several roles the highest counts"] role: Role,
    #[description = "In percent: 150 is half as much again; 100: no longer"]
    #[min = 100]
    #[max = 1000]
    percent: u32,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let actor = actor(ctx)?;
    if role.id.get() as i64 == guild_id.0 {
        return Err(UserError::new(text::EVERYONE).into());
    }
    ctx.defer_ephemeral().await?;
    let role = RoleId::from(role.id.get());
    let (hour, rules) = settings::set_multiplier(&ctx.data().ports, actor, role, percent).await?;
    tell(ctx, text::from_hour(hour, &rules)).await
}

/// Count watching whether the channel is live or not, from now on.
#[poise::command(slash_command)]
async fn force(ctx: Context<'_>, #[description = "On or off"] on: bool) -> Result<(), Error> {
    switch(ctx, "force", on).await
}

/// Count nothing, from now on.
#[poise::command(slash_command)]
async fn pause(ctx: Context<'_>, #[description = "On or off"] on: bool) -> Result<(), Error> {
    switch(ctx, "pause", on).await
}

async fn switch(ctx: Context<'_>, kind: &'static str, on: bool) -> Result<(), Error> {
    managed_guild(ctx)?;
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let changed = settings::switch(&ctx.data().ports, actor, kind, on).await?;
    tell(ctx, text::switched(kind, on, changed)).await
}

/// Do not count a viewer, such as a bot; or count them again.
#[poise::command(slash_command)]
async fn ignore(
    ctx: Context<'_>,
    #[description = "Who, by the name on Kick"]
    #[max_length = 100]
    #[autocomplete = "viewers"]
    viewer: String,
    #[description = "Off: count them again"] on: Option<bool>,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let (actor, on) = (actor(ctx)?, on.unwrap_or(true));
    ctx.defer_ephemeral().await?;
    let changed = settings::ignore(&ctx.data().ports, actor, &viewer, on).await?;
    tell(ctx, text::ignored(&viewer, on, changed)).await
}

/// Bring along what viewers had elsewhere, by their names: minutes and points; a file, or a form.
#[poise::command(slash_command)]
async fn import(
    ctx: Context<'_>,
    #[description = "CSV with a line for each: viewer,minutes,points; without a file a form opens"] file: Option<
        Attachment,
    >,
) -> Result<(), Error> {
    managed_guild(ctx)?;
    let Some(file) = file else {
        let application = application(ctx)?;
        let form = CreateInteractionResponse::Modal(import_form());
        application.interaction.create_response(ctx.serenity_context(), form).await?;
        return Ok(());
    };
    let actor = actor(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    if file.size as usize > settings::LARGEST {
        return Err(UserError::new(text::TOO_LARGE).into());
    }
    let bytes = ports.discord.fetch_attachment(&file.url, settings::LARGEST).await.map_err(|error| match error {
        FetchError::TooLarge(_) => UserError::new(text::TOO_LARGE),
        FetchError::Elsewhere | FetchError::Failed(_) => UserError::new(format!("{error}. {}", text::NOTHING_IMPORTED)),
    })?;
    tell(ctx, text::imported(&settings::import_file(ports, actor, &bytes).await?)).await
}
