//! `signalbox api-key`: keys of the REST interface, made, listed and revoked by whoever has the machine.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::print::{print_json, table};
use crate::api_key::{self, Scope, Wanted};
use crate::clock::Clock;
use crate::error::UserError;
use crate::id::GuildId;
use crate::store::Store;
use crate::store::api_key::ApiKey;

#[derive(Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key and print it: it is shown this once
    Create {
        /// What it is called, for those who look at the list
        #[arg(long)]
        name: String,
        /// What it may do, such as events:read; may be given several times
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// Until when it works: a time such as 90d or 12h from now, or a date such as 2027-01-31
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// The server it is for (default: DISCORD_GUILD_ID)
        #[arg(long)]
        guild: Option<i64>,
    },
    /// List the keys, without what it takes to use them
    List {
        /// Only those of this server
        #[arg(long)]
        guild: Option<i64>,
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key: from then on it is refused
    Revoke {
        /// Its id, or the beginning that the list shows
        key: String,
    },
}

fn scope(word: &str) -> Result<Scope, String> {
    word.parse().map_err(|error: UserError| error.to_string())
}

pub async fn run(command: ApiKeyCommand, store: &Store, configured: Option<GuildId>) -> Result<ExitCode> {
    let clock = Clock::system();
    clock.follow(store.clock_reading().await?);
    match command {
        ApiKeyCommand::Create { name, scopes, expires, guild } => {
            let guild_id =
                guild.map(GuildId).or(configured).context("which server? Set DISCORD_GUILD_ID or --guild")?;
            let expires_at = expires.as_deref().map(|words| expiry(words, clock.now())).transpose()?;
            let wanted = Wanted { guild_id, name, scopes, expires_at, person_id: None };
            let (id, key) = api_key::create(store, &clock, wanted).await?;
            // Alone on standard output, so that it can be piped to where it is kept.
            println!("{key}");
            eprintln!("Key {id} was made. It is not shown again; keep it where secrets are kept.");
        }
        ApiKeyCommand::List { guild, json } => {
            list(&store.list_api_keys(guild.map(GuildId)).await?, json, clock.now());
        }
        ApiKeyCommand::Revoke { key } => {
            let keys = store.list_api_keys(None).await?;
            let Some(found) = keys.iter().filter(|k| k.revoked_at.is_none()).find(|k| is_meant(k, &key)) else {
                bail!("there is no live key {key}; signalbox api-key list shows them");
            };
            let revoked = api_key::revoke(store, &clock, found.guild_id, found.id, None).await?;
            println!("Revoked {}.", revoked.as_deref().unwrap_or(&found.name));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn is_meant(key: &ApiKey, words: &str) -> bool {
    words.parse::<Uuid>().is_ok_and(|id| id == key.id) || words.trim_end_matches('…') == shown_prefix(key)
}

fn shown_prefix(key: &ApiKey) -> String {
    format!("{}{}", api_key::PREFIX, key.prefix)
}

fn state(key: &ApiKey, now: DateTime<Utc>) -> &'static str {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(at)) if at <= now => "expired",
        _ => "live",
    }
}

fn list(keys: &[ApiKey], as_json: bool, now: DateTime<Utc>) {
    if as_json {
        let keys = keys.iter().map(|key| {
            json!({
                "id": key.id, "guild_id": key.guild_id.to_string(), "name": key.name, "begins": shown_prefix(key),
                "scopes": key.scopes, "state": state(key, now), "created_at": key.created_at,
                "expires_at": key.expires_at, "revoked_at": key.revoked_at, "last_used_at": key.last_used_at,
            })
        });
        print_json(&keys.collect());
        return;
    }
    if keys.is_empty() {
        println!("There is no key yet. Make one with: signalbox api-key create --name NAME --scope events:read");
        return;
    }
    let day = |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), |at| at.format("%F").to_string());
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            vec![
                key.name.clone(),
                format!("{}…", shown_prefix(key)),
                state(key, now).to_owned(),
                day(key.expires_at),
                day(key.last_used_at),
                key.scopes.join(" "),
            ]
        })
        .collect();
    print!("{}", table(&["NAME", "BEGINS", "STATE", "EXPIRES", "LAST USED", "SCOPES"], &rows));
}

/// `90d`, `12h`, or a date, which counts to its end.
fn expiry(words: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let amount = |unit: char| words.strip_suffix(unit)?.parse::<i64>().ok();
    let span = amount('d').and_then(TimeDelta::try_days).or_else(|| amount('h').and_then(TimeDelta::try_hours));
    let from_now = span.and_then(|span| now.checked_add_signed(span));
    let end_of_day = || Some((words.parse::<NaiveDate>().ok()?.succ_opt()?).and_hms_opt(0, 0, 0)?.and_utc());
    from_now.or_else(end_of_day).with_context(|| {
        format!("--expires should be a time such as 90d or 12h, or a date such as 2027-01-31, not {words}")
    })
}
