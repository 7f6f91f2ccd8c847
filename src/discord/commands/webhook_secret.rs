//! `/webhook-secret rotate|status|end-old`. No secret is ever shown.

use std::fmt::Write as _;

use chrono::TimeDelta;
use poise::CreateReply;

use super::super::{Context, Error};
use super::{administers, managed_source};
use crate::routing::embed::relative;
use crate::source::xtsystems::rotation::{KEPT, SecretKind, SecretStatus};

/// The secret under which XTSystems signs: change it without losing a webhook.
#[poise::command(
    slash_command,
    rename = "webhook-secret",
    subcommands("rotate", "status", "end_old"),
    subcommand_required,
    guild_only,
    default_member_permissions = "ADMINISTRATOR"
)]
pub async fn webhook_secret(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Make a new secret and give it to XTSystems; the old one stays valid for a while.
#[poise::command(slash_command, guild_only)]
async fn rotate(
    ctx: Context<'_>,
    #[description = "For how many hours the old secret is still accepted; 24 when left out"]
    #[min = 1]
    #[max = 720]
    keep_hours: Option<i64>,
) -> Result<(), Error> {
    administers(ctx)?;
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let keep = keep_hours.map_or(KEPT, TimeDelta::hours);
    let rotated = source.rotate(&ctx.data().ports, keep).await?;
    let mut words = String::from("✅ XTSystems signs with a new secret from now on.");
    if rotated.continued {
        words.push_str(" An earlier rotation had stopped half-way; it is finished now.");
    }
    if let Some(until) = rotated.old_until {
        let _ = write!(
            words,
            "\nThe old one is accepted until <t:{0}:f> (<t:{0}:R>), or until /webhook-secret end-old.",
            until.timestamp()
        );
    }
    if rotated.environment_stays {
        words.push_str(
            "\n⚠️ WEBHOOK_SECRET is set in the environment and stays accepted for as long as it is. To end it, take \
             WEBHOOK_SECRET and WEBHOOK_SECRET_PREVIOUS out of the environment and start Signalbox again.",
        );
    }
    words.push_str("\nTry it with /test-webhook.");
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

/// Which secrets are live, when each was last used, and when the old one ends.
#[poise::command(slash_command, guild_only)]
async fn status(ctx: Context<'_>) -> Result<(), Error> {
    administers(ctx)?;
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let secrets = source.secrets(&ctx.data().ports).await?;
    let mut words = match secrets.len() {
        0 => "❌ No secret is live: every request is refused. Use /register-webhook, which makes one.".to_owned(),
        1 => "🔑 One secret is live:".to_owned(),
        many => format!("🔑 {many} secrets are live:"),
    };
    for secret in &secrets {
        let _ = write!(words, "\n• {}", line(secret));
    }
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

fn line(secret: &SecretStatus) -> String {
    let mut line = match (secret.kind, secret.created_at) {
        (SecretKind::Generated, Some(at)) => format!("made here {}", relative(at)),
        (SecretKind::Generated, None) => "made here".to_owned(),
        (SecretKind::Environment, _) => "WEBHOOK_SECRET of the environment".to_owned(),
        (SecretKind::EnvironmentPrevious, _) => "WEBHOOK_SECRET_PREVIOUS of the environment".to_owned(),
    };
    match secret.last_used_at {
        Some(at) => line.push_str(&format!(", last used {}", relative(at))),
        None => line.push_str(", not used yet"),
    }
    match (secret.kind, secret.ends_at) {
        (_, Some(end)) => line.push_str(&format!(", ends {}", relative(end))),
        (SecretKind::Generated, None) if secret.is_pending => {
            line.push_str(
                "\n  ⚠️ XTSystems has not confirmed it: use /webhook-secret rotate again, which goes on with it",
            );
        }
        (SecretKind::Generated, None) => {}
        _ => line.push_str(", for as long as it is set there"),
    }
    line
}

/// End the old secret now instead of later.
#[poise::command(slash_command, guild_only, rename = "end-old")]
async fn end_old(ctx: Context<'_>) -> Result<(), Error> {
    administers(ctx)?;
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let mut words = match source.end_old(&ctx.data().ports).await? {
        0 => "There is no old secret made here that could be ended.".to_owned(),
        _ => "✅ The old secret is refused from now on; by other processes of this bot within 30 s.".to_owned(),
    };
    let environment = |secret: &&SecretStatus| secret.kind != SecretKind::Generated;
    let secrets = source.secrets(&ctx.data().ports).await?;
    if secrets.len() > 1 && secrets.iter().any(|secret| environment(&secret)) {
        words.push_str(
            "\n⚠️ What is set in the environment stays accepted: take WEBHOOK_SECRET and WEBHOOK_SECRET_PREVIOUS out \
             and start Signalbox again.",
        );
    }
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}
