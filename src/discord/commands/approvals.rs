//! `/approvals rules`, `/approvals list`.

use std::fmt::Write as _;

use anyhow::Result;
use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, CreateEmbedFooter, Role};

use super::super::{Context, Error, text};
use super::managed_guild;
use crate::approval::policy::{Change, Origin, Setting, change, settings};
use crate::config::{RULES, rule};
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::routing::card::ApprovalState;
use crate::routing::embed::{DESCRIPTION, escape, fit, relative};
use crate::store::approval::OpenApproval;

const BLUE: u32 = 0x3498DB;
/// Open approvals shown by `/approvals list`.
const LISTED: i64 = 25;

/// Decisions that people take in Discord: their rules, and what is open.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("rules", "list"),
    subcommand_required
)]
pub async fn approvals(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

#[derive(Clone, Copy, poise::ChoiceParameter)]
enum Reason {
    #[name = "none"]
    None,
    #[name = "deny"]
    Deny,
    #[name = "both"]
    Both,
}

/// Show the rules of approvals, or change some. What is open keeps the rules it was opened under.
#[poise::command(slash_command, guild_only)]
#[expect(clippy::too_many_arguments, reason = "each is an option of the command")]
async fn rules(
    ctx: Context<'_>,
    #[description = "How many people have to approve, such as 1 or 1,prod-*=2"] needed: Option<String>,
    #[description = "Whether who asked may approve, too"] requester_may_approve: Option<bool>,
    #[description = "Which decisions need a reason"] reason: Option<Reason>,
    #[description = "Hostnames that have to be typed to decide, such as prod-*,db-*, or off"] confirm_hostnames: Option<
        String,
    >,
    #[description = "Seconds in which a decision can be undone before it is sent; 0 for none"]
    #[min = 0]
    #[max = 3600]
    undo_seconds: Option<u32>,
    #[description = "When what nobody decided expires, such as 7d, or off"] expire_after: Option<String>,
    #[description = "When the channel is reminded, such as 1h, or off"] remind_after: Option<String>,
    #[description = "When the role is pinged, such as 4h, or off"] escalate_after: Option<String>,
    #[description = "The role that is pinged"] escalate_role: Option<Role>,
    #[description = "A rule to set back to its default, or all"] reset: Option<String>,
) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let mut changes = resets(reset.as_deref())?;
    let given = [
        ("needed", needed),
        ("requester_may_approve", requester_may_approve.map(|yes| yes.to_string())),
        ("reason", reason.map(|reason| poise::ChoiceParameter::name(&reason).to_owned())),
        ("confirm_hostnames", confirm_hostnames),
        ("undo_seconds", undo_seconds.map(|seconds| seconds.to_string())),
        ("expire_after", expire_after),
        ("remind_after", remind_after),
        ("escalate_after", escalate_after),
        ("escalate_role", escalate_role.map(|role| role.id.to_string())),
    ];
    changes.extend(given.into_iter().filter_map(|(name, value)| Some((name, Some(value?)))));
    let ports = &ctx.data().ports;
    if !changes.is_empty() {
        change(ports, guild_id, UserId::from(ctx.author().id.get()), &changes).await?;
    }
    let mut tx = ports.store.begin().await?;
    let shown = settings(ports, &mut tx, guild_id).await?;
    drop(tx);
    let lines: Vec<String> = shown.iter().map(line).collect();
    let embed = CreateEmbed::new()
        .title(if changes.is_empty() { "⚖️ Rules of approvals" } else { "⚖️ Rules of approvals, changed" })
        .colour(BLUE)
        .description(lines.join("\n"))
        .footer(CreateEmbedFooter::new("What is open keeps the rules it was opened under."));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn resets(given: Option<&str>) -> Result<Vec<Change>> {
    let Some(name) = given.map(str::trim) else { return Ok(Vec::new()) };
    if name.eq_ignore_ascii_case("all") {
        return Ok(RULES.iter().map(|rule| (rule.name, None)).collect());
    }
    let Some(rule) = rule(name) else { return Err(UserError::new(text::NO_SUCH_RULE).into()) };
    Ok(vec![(rule.name, None)])
}

fn line(setting: &Setting) -> String {
    let is_role = setting.name == "escalate_role" && setting.value.bytes().all(|b| b.is_ascii_digit());
    let value = if is_role { format!("<@&{}>", setting.value) } else { format!("`{}`", setting.value) };
    let from = match setting.origin {
        Origin::Environment => format!("🔒 {}", setting.variable),
        Origin::Server => "set here".to_owned(),
        Origin::Default => "default".to_owned(),
    };
    format!("`{}`: {value} ({from})", setting.name)
}

/// What is not settled, the longest waiting first, with links to the cards.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let open = ctx.data().ports.store.list_open_approvals(guild_id, LISTED).await?;
    let mut lines = String::new();
    for approval in &open {
        let _ = writeln!(lines, "{}", open_line(guild_id, approval));
    }
    let words =
        if open.is_empty() { "Nothing is waiting for a decision.".to_owned() } else { fit(&lines, DESCRIPTION) };
    let embed = CreateEmbed::new().title("⚖️ Open approvals").colour(BLUE).description(words);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn open_line(guild_id: GuildId, a: &OpenApproval) -> String {
    let title = fit(&escape(&a.title), 60);
    let title = match (a.channel_id, a.message_id) {
        (Some(channel), Some(message)) => {
            format!("[{title}](https://discord.com/channels/{guild_id}/{channel}/{message})")
        }
        _ => title,
    };
    let state = match a.state {
        ApprovalState::Requested if a.needed > 1 => format!("{} of {} approved", a.votes, a.needed),
        ApprovalState::Requested => "to be decided".to_owned(),
        ApprovalState::Refused => "refused by XTSystems".to_owned(),
        _ => "waiting for XTSystems".to_owned(),
    };
    format!("{title} · {} · {state}", relative(a.occurred_at))
}
