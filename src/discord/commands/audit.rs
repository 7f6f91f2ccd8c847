//! `/audit list|verify|export`: who did what, and whether the log is as it was written.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poise::CreateReply;
use poise::serenity_prelude::{CreateAttachment, User};

use super::super::component::audit::{Listing, page};
use super::super::{Context, Error, text};
use super::managed_guild;
use crate::error::UserError;
use crate::id::UserId;
use crate::privacy::audit;
use crate::store::audit::{AuditFilter, AuditPage};

/// Entries and bytes of an attachment at most; Discord takes 10 MiB.
const ENTRIES: i64 = 20_000;
const BYTES: usize = 7 * 1024 * 1024;
/// So that a button can carry it.
const ACTION_MAX: usize = 32;

/// Who did what: list, verify, export.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("list", "verify", "export")
)]
pub async fn audit(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Who did what, newest first.
#[poise::command(slash_command)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only what this member did"] member: Option<User>,
    #[description = "Only this action, such as decided"] action: Option<String>,
    #[description = "Only from this time on, such as 7d, 12h or 2026-11-21"] since: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    let ports = &ctx.data().ports;
    let since = match since.as_deref().map(|words| parse_since(words, ports.clock.now())) {
        Some(None) => return Err(UserError::new(text::privacy::BAD_SINCE).into()),
        since => since.flatten(),
    };
    if action.as_deref().is_some_and(|word| !is_action(word)) {
        return Err(UserError::new(text::privacy::BAD_ACTION).into());
    }
    ctx.defer_ephemeral().await?;
    let listing = Listing {
        caller: UserId::from(ctx.author().id.get()),
        filter: AuditFilter { user_id: member.map(|member| UserId::from(member.id.get())), action, since },
        page: AuditPage::Newest,
    };
    let (embed, buttons) = page(ports, guild_id, &listing).await?;
    ctx.send(CreateReply::default().embed(embed).components(buttons).ephemeral(true)).await?;
    Ok(())
}

/// Whether the log is as it was written; names the first entry that was changed, removed or inserted.
#[poise::command(slash_command)]
async fn verify(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let walk = ctx.data().ports.store.verify_audit(guild_id).await?;
    if let Some(fault) = &walk.fault {
        tracing::warn!(guild = guild_id.0, %fault, "the audit log is not what was written");
    }
    ctx.send(CreateReply::default().content(text::privacy::verified(&walk)).ephemeral(true)).await?;
    Ok(())
}

/// The log as a file, one JSON object on a line, with the hash that the chain ends with.
#[poise::command(slash_command)]
async fn export(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let export = audit::export(&ctx.data().ports.store, guild_id, ENTRIES, BYTES).await?;
    let mut reply = CreateReply::default().content(text::privacy::exported(&export)).ephemeral(true);
    if export.head.is_some() {
        reply = reply.attachment(CreateAttachment::bytes(export.text, format!("audit-{guild_id}.jsonl")));
    }
    ctx.send(reply).await?;
    Ok(())
}

fn is_action(word: &str) -> bool {
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    plain && !word.is_empty() && word.len() <= ACTION_MAX
}

/// `7d`, `12h`, `30m`, or a day.
pub(super) fn parse_since(words: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let words = words.trim();
    if let Ok(day) = words.parse::<NaiveDate>() {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    let unit = words.chars().next_back()?;
    let number: i64 = words.strip_suffix(unit)?.parse().ok()?;
    let ago = match unit {
        'd' => TimeDelta::try_days(number),
        'h' => TimeDelta::try_hours(number),
        'm' => TimeDelta::try_minutes(number),
        _ => None,
    };
    now.checked_sub_signed(ago.filter(|ago| *ago >= TimeDelta::zero())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_an_age_or_a_day() {
        let now = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        assert_eq!(parse_since("7d", now), Some(now - TimeDelta::days(7)));
        assert_eq!(parse_since("2026-01-01", now).unwrap().to_rfc3339(), "2026-01-01T00:00:00+00:00");
        for odd in ["", "d", "-1d", "7 weeks", "99999999999999d", "7ü", "yesterday"] {
            assert_eq!(parse_since(odd, now), None, "{odd}");
        }
        assert!(is_action("press_refused") && !is_action("a:b") && !is_action(""));
    }
}
