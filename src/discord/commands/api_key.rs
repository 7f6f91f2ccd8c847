//! `/api-key create|list|revoke`: keys of the REST interface. One is shown once, to whoever made it alone.

use std::fmt::Write as _;

use chrono::TimeDelta;
use poise::CreateReply;

use super::super::{Context, Error, text};
use super::{administers, managed_guild};
use crate::api_key::{self, PREFIX, Scope, Wanted};
use crate::error::UserError;
use crate::id::UserId;
use crate::store::Store;
use crate::store::source::ensure_person;

/// Keys of the REST interface.
#[poise::command(
    slash_command,
    rename = "api-key",
    subcommands("create", "list", "revoke"),
    subcommand_required,
    guild_only,
    default_member_permissions = "ADMINISTRATOR"
)]
pub async fn api_key(_: Context<'_>) -> Result<(), Error> {
    Ok(())
}

/// Make a key; it is shown this once, to you alone.
#[poise::command(slash_command, guild_only)]
async fn create(
    ctx: Context<'_>,
    #[description = "What it is called, for those who look at the list"]
    #[max_length = 80]
    name: String,
    #[description = "What it may do: scopes such as events:read events:write, or read for all that only looks"]
    scopes: String,
    #[description = "After how many days it ends; without it, never"]
    #[min = 1]
    #[max = 3650]
    days: Option<i64>,
) -> Result<(), Error> {
    administers(ctx)?;
    let guild_id = managed_guild(ctx)?;
    let scopes = parse(&scopes)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let user = UserId::from(ctx.author().id.get());
    let person = ensure_person(&mut tx, user.0, ports.clock.uuid(), now).await?;
    Store::commit(tx).await?;
    let expires_at = days.map(|days| now + TimeDelta::days(days));
    let wanted = Wanted { guild_id, name, scopes, expires_at, person_id: Some(person) };
    let (_, key) = api_key::create(&ports.store, &ports.clock, wanted).await?;
    let words = format!("🔑 ||`{key}`||\n{}", text::api_key::KEEP_IT);
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

/// Scopes by their names; `read` stands for all that only look.
fn parse(words: &str) -> Result<Vec<Scope>, UserError> {
    let mut scopes = Vec::new();
    for word in words.split([' ', ',']).filter(|word| !word.is_empty()) {
        match word {
            "read" => scopes.extend(Scope::ALL.iter().filter(|scope| scope.as_str().ends_with(":read"))),
            name => scopes.push(name.parse()?),
        }
    }
    Ok(scopes)
}

/// The keys, without what it takes to use them.
#[poise::command(slash_command, guild_only)]
async fn list(ctx: Context<'_>) -> Result<(), Error> {
    administers(ctx)?;
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let keys = ports.store.list_api_keys(Some(guild_id)).await?;
    let live: Vec<_> = keys.into_iter().filter(|key| api_key::is_live(key, ports.clock.now())).collect();
    let mut words = String::new();
    for key in &live {
        let _ = writeln!(words, "{}", text::api_key::line(key));
    }
    let words = if words.is_empty() { text::api_key::NONE.to_owned() } else { words };
    let words: String = words.chars().take(1900).collect();
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}

/// End a key: from then on it is refused.
#[poise::command(slash_command, guild_only)]
async fn revoke(
    ctx: Context<'_>,
    #[description = "Its name, or what it begins with, as /api-key list shows them"] key: String,
) -> Result<(), Error> {
    administers(ctx)?;
    let guild_id = managed_guild(ctx)?;
    ctx.defer_ephemeral().await?;
    let ports = &ctx.data().ports;
    let keys = ports.store.list_api_keys(Some(guild_id)).await?;
    let wanted = key.trim().trim_end_matches('…');
    let is_meant = |found: &&crate::store::api_key::ApiKey| {
        found.revoked_at.is_none() && (found.name == wanted || format!("{PREFIX}{}", found.prefix) == wanted)
    };
    let found = keys.iter().find(is_meant).ok_or_else(|| UserError::new(text::api_key::UNKNOWN))?;
    let mut tx = ports.store.begin().await?;
    let (user, now) = (UserId::from(ctx.author().id.get()), ports.clock.now());
    let person = ensure_person(&mut tx, user.0, ports.clock.uuid(), now).await?;
    Store::commit(tx).await?;
    api_key::revoke(&ports.store, &ports.clock, guild_id, found.id, Some(person)).await?;
    let words = text::api_key::revoked(&found.name);
    ctx.send(CreateReply::default().content(words).ephemeral(true)).await?;
    Ok(())
}
