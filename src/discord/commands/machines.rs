//! `/machines pending`, `/machines show`: what waits for a decision, here and in XTSystems, and what was done.

use std::fmt::Write as _;

use poise::CreateReply;
use poise::serenity_prelude::{AutocompleteChoice, CreateAutocompleteResponse, CreateEmbed};

use super::super::text::ticket as text;
use super::super::{Context, Error};
use super::{managed_source, offer, ticket::card_link};
use crate::error::UserError;
use crate::routing::card::ApprovalState;
use crate::routing::embed::{DESCRIPTION, FIELD_VALUE, escape, fit, relative};
use crate::source::xtsystems::live::LiveSource;
use crate::store::machine::KnownMachine;

const ORANGE: u32 = 0xFF9900;
const CHOICES: usize = 25;
const KNOWN: i64 = 200;
/// Lines of the log that are shown.
const LINES: i64 = 12;
/// Machines that are listed.
const LISTED: usize = 20;

/// Machines that ask to be let in.
#[poise::command(
    slash_command,
    guild_only,
    default_member_permissions = "MANAGE_GUILD",
    subcommands("pending", "show"),
    subcommand_required
)]
pub async fn machines(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Machines that wait for a decision, as known here and in XTSystems.
#[poise::command(slash_command, guild_only)]
pub async fn pending(ctx: Context<'_>) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let known = ctx.data().ports.store.list_known_machines(source.id, KNOWN).await?;
    let mut lines: Vec<String> = known.iter().filter(|m| waits(m)).map(|m| line(&source, m)).collect();
    let (strangers, note) = upstream_only(ctx, &known).await;
    lines.extend(strangers);
    let hidden = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    let mut words = if lines.is_empty() { text::NO_PENDING_MACHINES.to_owned() } else { lines.join("\n") };
    if hidden > 0 {
        let _ = write!(words, "\n… {hidden} more");
    }
    if let Some(note) = note {
        let _ = write!(words, "\n⚠️ {note}");
    }
    let embed = CreateEmbed::new().title("🖥️ Pending machines").description(fit(&words, DESCRIPTION)).colour(ORANGE);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

fn waits(machine: &KnownMachine) -> bool {
    use ApprovalState::{Deciding, Refused, Requested, Sent, Unknown};
    matches!(machine.approval, Some(Requested | Deciding | Sent | Unknown | Refused))
}

fn line(source: &LiveSource, machine: &KnownMachine) -> String {
    let field = |name: &str| machine.state.text(name).map(|t| escape(&fit(&t, 80))).unwrap_or_else(|| "?".into());
    let when = machine.registered_at.map(relative).unwrap_or_default();
    let card = machine.card.map(|place| format!(" · {}", card_link(source.guild_id, place))).unwrap_or_default();
    let state = machine.approval.map(text::approval_state).unwrap_or_default();
    format!("**{}** {} · {state} · {when}{card}", field("hostname"), field("ip_address"))
}

/// Machines that wait in XTSystems alone, and what kept us from looking or is to be known.
async fn upstream_only(ctx: Context<'_>, known: &[KnownMachine]) -> (Vec<String>, Option<String>) {
    let ports = &ctx.data().ports;
    let Some(client) = &ports.xtsystems else { return (vec![], Some(super::text::NO_UPSTREAM.into())) };
    let configured = ports.config.xtsystems.as_ref().and_then(|x| x.company_id.clone());
    let Some(company) = configured.or_else(|| known.iter().find_map(|m| m.company_id.clone())) else {
        return (vec![], Some(text::NO_COMPANY.into()));
    };
    let found = match client.list_machines(&company, Some("pending")).await {
        Ok(found) => found,
        Err(error) => return (vec![], Some(error.to_string())),
    };
    let is_here = |asset: &str| known.iter().any(|m| waits(m) && m.key == format!("machine:{asset}"));
    let strangers = found.iter().filter(|m| !is_here(&m.asset_id)).map(|m| {
        let address = m.ip_address.as_deref().unwrap_or("?");
        let when = m.registered_at.map(relative).unwrap_or_default();
        format!(
            "**{}** {} · in XTSystems, no card here · {when}",
            escape(&fit(&m.hostname, 80)),
            escape(&fit(address, 80))
        )
    });
    // Waiting here while XTSystems lists it no more: decided there, and nobody told us.
    let gone = known.iter().filter(|m| m.approval == Some(ApprovalState::Requested));
    let gone = gone.filter(|m| !found.iter().any(|f| m.key == format!("machine:{}", f.asset_id)));
    let names: Vec<String> = gone.map(|m| m.state.text("hostname").unwrap_or_default()).collect();
    let note = (!names.is_empty()).then(|| text::not_pending_upstream(&names));
    (strangers.collect(), note)
}

/// Show a machine: its state, and what was done about it.
#[poise::command(slash_command, guild_only)]
pub async fn show(
    ctx: Context<'_>,
    #[description = "Its hostname"]
    #[autocomplete = "known_machines"]
    machine: String,
) -> Result<(), Error> {
    let source = managed_source(ctx)?;
    ctx.defer_ephemeral().await?;
    let store = &ctx.data().ports.store;
    let known = store.list_known_machines(source.id, KNOWN).await?;
    let wanted = machine.trim();
    let by_id = known.iter().find(|m| m.subject_id.to_string() == wanted || m.key == format!("machine:{wanted}"));
    let named = |m: &&KnownMachine| m.state.text("hostname").is_some_and(|h| h.eq_ignore_ascii_case(wanted));
    let found = by_id.or_else(|| known.iter().find(named));
    let found = found.ok_or_else(|| UserError::new(text::no_such_machine(wanted)))?;
    let mut log = String::new();
    for entry in store.list_machine_audit(source.guild_id, found.subject_id, LINES).await? {
        let by = entry.user.map(|user| format!(" by <@{user}>")).unwrap_or_default();
        let said = ["reason", "why", "upstream"].iter().find_map(|name| entry.detail[*name].as_str());
        let said = said.filter(|s| !s.is_empty()).map(|s| format!(": {}", escape(&fit(s, 80)))).unwrap_or_default();
        let _ = writeln!(log, "{} {}{by}{said}", relative(entry.at), entry.action.replace('_', " "));
    }
    let field = |name: &str| found.state.text(name).map(|t| escape(&fit(&t, 200))).unwrap_or_else(|| "?".into());
    let mut embed = CreateEmbed::new()
        .title(format!("🖥️ {}", field("hostname")))
        .colour(ORANGE)
        .field("IP Address", field("ip_address"), true)
        .field("OS", field("operating_system"), true)
        .field("State", found.approval.map(text::approval_state).unwrap_or_default(), true);
    if let Some(place) = found.card {
        embed = embed.field("Card", card_link(source.guild_id, place), true);
    }
    let embed =
        embed.field("Log", fit(if log.is_empty() { "nothing yet" } else { log.trim_end() }, FIELD_VALUE), false);
    ctx.send(CreateReply::default().embed(embed).ephemeral(true)).await?;
    Ok(())
}

/// Never fails loudly: what cannot be had is not offered.
async fn known_machines(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    let Ok(source) = managed_source(ctx) else { return offer([]) };
    let Ok(known) = ctx.data().ports.store.list_known_machines(source.id, KNOWN).await else { return offer([]) };
    let wanted = partial.trim().to_lowercase();
    let mut found = Vec::new();
    for machine in known {
        let hostname = machine.state.text("hostname").unwrap_or_default();
        let name = hostname.to_lowercase();
        if name.contains(&wanted) {
            let address = machine.state.text("ip_address").unwrap_or_default();
            let choice =
                AutocompleteChoice::new(fit(&format!("{hostname} {address}"), 100), machine.subject_id.to_string());
            found.push((!name.starts_with(&wanted), choice));
        }
    }
    found.sort_by_key(|(later, _)| *later);
    offer(found.into_iter().take(CHOICES).map(|(_, choice)| choice))
}
