//! `/register-webhook` and `/test-webhook`: the set-up of XTSystems, its steps in one answer.

use std::fmt::Write as _;

use poise::CreateReply;
use poise::serenity_prelude::CreateEmbed;

use super::super::{Context, Error, text};
use super::managed_source;
use crate::routing::embed::fit;
use crate::setup::{Outcome, StepResult, xtsystems};

const GREEN: u32 = 0x2ECC71;
const RED: u32 = 0xE74C3C;
/// What an embed's description holds.
const DESCRIPTION: usize = 4096;

/// Connect XTSystems: address, key, webhook, test delivery. Doing it again changes nothing.
#[poise::command(slash_command, rename = "register-webhook", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn register_webhook(
    ctx: Context<'_>,
    #[description = "Kinds, separated by commas, or all. Left out: all when new, else those it has"] events: Option<
        String,
    >,
) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let bot = ctx.data();
    let ports = &bot.ports;
    let mut steps = Vec::new();
    let mut told = |step| steps.push(step);
    if xtsystems::reach(ports.xtsystems.as_ref(), &mut told).await
        && xtsystems::public_url(&ports.config, &source, bot.web_port, &mut told)
        && xtsystems::register(ports, &source, events.as_deref(), false, &mut told).await?
    {
        xtsystems::test(ports, &source, true, &mut told).await?;
    }
    answer(ctx, &steps, [text::SET_UP, text::NOT_CONNECTED]).await
}

/// Ask XTSystems for a test delivery, wait for it, and report the round trip.
#[poise::command(slash_command, rename = "test-webhook", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn test_webhook(ctx: Context<'_>) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let mut steps = Vec::new();
    let mut told = |step| steps.push(step);
    if xtsystems::reach(ports.xtsystems.as_ref(), &mut told).await {
        xtsystems::test(ports, &source, false, &mut told).await?;
    }
    answer(ctx, &steps, [text::TESTED, text::TEST_FAILED]).await
}

async fn answer(ctx: Context<'_>, steps: &[StepResult], [well, badly]: [&str; 2]) -> Result<(), Error> {
    let failed = steps.iter().any(StepResult::is_failure);
    let mut words = String::new();
    for StepResult { name, outcome, said, fix } in steps {
        let sign = match outcome {
            Outcome::Fine => "✅",
            Outcome::Changed => "🆕",
            Outcome::Warning => "⚠️",
            Outcome::Failed => "❌",
        };
        let _ = writeln!(words, "{sign} **{name}**: {said}");
        if let Some(fix) = fix {
            let _ = writeln!(words, "  ↳ {fix}");
        }
    }
    let embed = CreateEmbed::new()
        .title(if failed { badly } else { well })
        .colour(if failed { RED } else { GREEN })
        .description(fit(&words, DESCRIPTION));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
