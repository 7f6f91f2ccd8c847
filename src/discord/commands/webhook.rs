//! `/webhook-status`, `/webhook-config`, `/register-webhook`, `/test-webhook`.

use std::fmt::Write as _;

use poise::CreateReply;
use poise::serenity_prelude::{CreateEmbed, CreateEmbedFooter};

use super::super::{Context, Error};
use super::managed_source;
use crate::event::kind::xtsystems_kinds;
use crate::routing::embed::{FIELD_VALUE, fit, relative};
use crate::store::destination::Target;
use crate::store::pulse::ANY;

/// Refusals of the last days are shown.
const SHOWN_FOR: chrono::TimeDelta = chrono::TimeDelta::days(7);

const BLUE: u32 = 0x3498DB;

/// Is the webhook working: server, secret, last events, refusals, what was not delivered.
#[poise::command(slash_command, rename = "webhook-status", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn webhook_status(ctx: Context<'_>) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let bot = ctx.data();
    let ports = &bot.ports;
    let now = ports.clock.now();
    let path = ports.config.xtsystems.as_ref().map(|x| x.path.clone()).unwrap_or_default();
    let full = source.url.clone().unwrap_or_else(|| "not known: set PUBLIC_URL".into());
    let pulses = ports.store.list_last_events(source.id).await?;
    let silent = pulses.iter().any(|pulse| pulse.kind == ANY && pulse.quiet_since == Some(pulse.last_at));
    let last: Vec<String> = silent
        .then(|| "⚠️ quiet for longer than usual".to_owned())
        .into_iter()
        .chain(pulses.into_iter().filter(|pulse| pulse.kind != ANY).map(|pulse| {
            let quiet = pulse.quiet_since.is_some_and(|since| since == pulse.last_at);
            let note = if quiet { " ⚠️ quiet for longer than usual" } else { "" };
            format!("`{}` {} ({} so far){note}", pulse.kind, relative(pulse.last_at), pulse.events)
        }))
        .collect();
    let refused = ports.store.count_refusals(source.id, now - chrono::TimeDelta::hours(24)).await?;
    let mut refusals = format!("{refused} in the last 24 h");
    for group in ports.store.list_refusal_groups(source.id, now - SHOWN_FOR, 3).await? {
        let times = if group.count > 1 { format!("{}× ", group.count) } else { String::new() };
        let _ = write!(refusals, "\n{times}{} {}", relative(group.last_at), group.rule);
        if let Some(variant) = group.variant {
            let _ = write!(refusals, "\n  ↳ {variant}");
        }
    }
    let counts = ports.store.count_outbox(source.guild_id).await?;
    let mut outbox = format!(
        "{} waiting · {} set aside · {} in doubt · {} not delivered",
        counts.queued,
        counts.set_aside,
        counts.in_doubt + counts.unresolved,
        counts.dead
    );
    if let Some(why) = bot.delivery.held_back() {
        let _ = write!(outbox, "\n⚠️ {why}");
    }
    for (at, note) in ports.store.list_dead_notes(source.guild_id, 2).await? {
        let _ = write!(outbox, "\n{} {note}", relative(at));
    }
    let mut destinations = String::new();
    for destination in ports.store.list_destinations(source.guild_id).await? {
        let Some(because) = destination.disabled_because else { continue };
        let name = match destination.target {
            Target::Channel(channel) | Target::Thread(channel) | Target::Forum(channel) => format!("<#{channel}>"),
            Target::Webhook { id, .. } => format!("webhook {id}"),
        };
        let _ = writeln!(destinations, "⚠️ {name}: {because}");
    }
    let secret = if source.has_secret() { "✅ set" } else { "❌ not set: every request is refused" };
    let embed = CreateEmbed::new()
        .title("📡 Webhook status")
        .colour(BLUE)
        .field("Server", format!("✅ running on port {}", bot.web_port), true)
        .field("Path", format!("`{path}`"), true)
        .field("Secret", secret, true)
        .field("Address for XTSystems", full, false)
        .field("Last events", fit(&or_none(last.join("\n"), "none yet"), FIELD_VALUE), false)
        .field("Refused requests", fit(&refusals, FIELD_VALUE), false)
        .field("Deliveries", fit(&outbox, FIELD_VALUE), false)
        .field("Destinations", fit(&or_none(destinations, "✅ all usable"), FIELD_VALUE), false)
        .footer(CreateEmbedFooter::new("Health: GET /health"));
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn or_none(value: String, none: &str) -> String {
    if value.is_empty() { none.to_owned() } else { value }
}

/// Where each kind of event goes, and what the webhook understands. Secrets are never shown.
#[poise::command(slash_command, rename = "webhook-config", guild_only, default_member_permissions = "MANAGE_GUILD")]
pub async fn webhook_config(ctx: Context<'_>) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let settings = ports.config.xtsystems.as_ref();
    let mut mapping = String::new();
    for (pattern, channels, origin) in ports.store.list_route_channels(source.guild_id).await? {
        let names: Vec<String> = channels.iter().map(|id| format!("<#{id}>")).collect();
        let to = if names.is_empty() { "nowhere".to_owned() } else { names.join(" ") };
        let from = if origin == "env" { "" } else { " (added here)" };
        let _ = writeln!(mapping, "`{pattern}` → {to}{from}");
    }
    let approvers = match settings.map(|s| s.approver_roles.as_slice()).unwrap_or_default() {
        [] => "members with Manage Server".to_owned(),
        roles => roles.iter().map(|r| format!("<@&{r}>")).collect::<Vec<_>>().join(" "),
    };
    let kinds: Vec<String> = xtsystems_kinds().map(|k| format!("`{k}`")).collect();
    let embed = CreateEmbed::new()
        .title("⚙️ Webhook configuration")
        .colour(BLUE)
        .field("Port", ctx.data().web_port.to_string(), true)
        .field("Path", format!("`{}`", settings.map(|s| s.path.as_str()).unwrap_or_default()), true)
        .field("Secret", if source.has_secret() { "✅ set" } else { "❌ not set" }, true)
        .field("Who may approve machines", approvers, false)
        .field("Channels", fit(&or_none(mapping, "none: set DISCORD_WEBHOOK_CHANNELS"), FIELD_VALUE), false)
        .field("Supported events", fit(&kinds.join(" "), FIELD_VALUE), false);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}
