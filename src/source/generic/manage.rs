//! What managers do with described sources: add, show, rotate, remove. Each change is one transaction with its line in
//! the audit log. A secret is shown once, to whoever had it made.

use std::fmt::Write as _;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::config::{SourceConfig, Verification};
use super::live::Sources;
use super::mapping::{self, Mapped};
use super::preset::{self, PRESETS, Preset, SecretFrom};
use super::verify::{SECRET_PREFIX, standard_key};
use crate::bus::Topic;
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::generic_source::{
    StoredSource, add_source_secret, insert_generic_source, remove_generic_source, set_action_secret,
    update_generic_config,
};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};

/// The path of the intake.
pub const PATH: &str = "/webhooks/in";
/// Described sources of one server.
const MOST: i64 = 100;
const LONGEST_NAME: usize = 32;
/// A shorter secret can be guessed.
const SHORTEST_SECRET: usize = 16;
const LONGEST_SECRET: usize = 500;
/// For how long a secret is accepted after the next one was made.
pub const KEPT: TimeDelta = TimeDelta::hours(24);

/// Who asks.
#[derive(Clone, Debug)]
pub enum By {
    Member(UserId),
    /// At the command line.
    Operator,
    /// Whoever holds the API key of this name.
    Key(String),
}

/// A source that was just made, or has a new secret.
#[derive(Debug)]
pub struct Made {
    pub source: StoredSource,
    /// The address to enter at the sender; `None` while `PUBLIC_URL` is not set.
    pub url: Option<String>,
    /// To be shown this once, unless whoever asked gave it.
    pub secret: Option<String>,
    /// The secret that its actions are signed with, where it was just made; shown this once.
    pub action_secret: Option<String>,
    pub guide: &'static str,
}

/// Adds a source from a preset. `secret` is what was given; else one is made.
pub async fn add(
    ports: &Ports,
    sources: &Sources,
    guild_id: GuildId,
    by: By,
    name: &str,
    preset_name: &str,
    secret: Option<&str>,
) -> Result<Made> {
    let preset = preset::find(preset_name).ok_or_else(|| unknown_preset(preset_name))?;
    add_config(ports, sources, guild_id, by, name, &preset.config(), secret).await
}

/// Adds a source of any configuration.
pub async fn add_config(
    ports: &Ports,
    sources: &Sources,
    guild_id: GuildId,
    by: By,
    name: &str,
    config: &SourceConfig,
    secret: Option<&str>,
) -> Result<Made> {
    let name = checked_name(name)?;
    check(config)?;
    check_addresses(ports, config).await?;
    let from = preset::find(&config.preset).map_or(SecretFrom::Here, |preset| preset.secret);
    if secret.is_none() && from == SecretFrom::Sender {
        return Err(UserError::new("This system makes the secret itself: give it with the source.").into());
    }
    let value = secret.map_or_else(|| Ok(new_secret(&config.verification)), |given| checked_secret(config, given))?;
    if ports.store.count_generic_sources(guild_id).await? >= MOST {
        return Err(UserError::new(format!("This server has {MOST} sources already; remove one first.")).into());
    }
    let (id, now) = (ports.clock.uuid(), ports.clock.now());
    let mut tx = ports.store.begin().await?;
    if !insert_generic_source(&mut tx, id, guild_id, &name, &json!(config), now).await? {
        return Err(UserError::new(format!("There is a source named {name} already.")).into());
    }
    add_source_secret(&mut tx, guild_id, id, &slot(id), &value, now, now).await?;
    let action_secret = action_secret(ports, &mut tx, guild_id, id, config, false).await?;
    audit(&mut tx, ports, guild_id, by, "source_added", id, &name, &config.preset).await?;
    Store::commit(tx).await?;
    changed(ports, sources);
    let source = get(ports, guild_id, &name).await?;
    let shown = secret.is_none().then_some(value);
    Ok(Made { action_secret, ..made(ports, source, config, shown).await })
}

/// Makes a new secret, or takes the one given. The one before it is accepted for as long as `keep` says.
pub async fn rotate(
    ports: &Ports,
    sources: &Sources,
    guild_id: GuildId,
    by: By,
    name: &str,
    secret: Option<&str>,
    keep: TimeDelta,
) -> Result<Made> {
    let source = get(ports, guild_id, name).await?;
    let config = config_of(&source)?;
    let from = preset::find(&config.preset).map_or(SecretFrom::Here, |preset| preset.secret);
    if secret.is_none() && from == SecretFrom::Sender {
        return Err(UserError::new("This system makes the secret itself: give the new one.").into());
    }
    let value = secret.map_or_else(|| Ok(new_secret(&config.verification)), |given| checked_secret(&config, given))?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let slot = format!("{}.{}", slot(source.id), ports.clock.uuid().simple());
    add_source_secret(&mut tx, guild_id, source.id, &slot, &value, now + keep, now).await?;
    audit(&mut tx, ports, guild_id, by, "source_rotated", source.id, &source.name, &config.preset).await?;
    Store::commit(tx).await?;
    changed(ports, sources);
    let source = get(ports, guild_id, name).await?;
    let shown = secret.is_none().then_some(value);
    Ok(made(ports, source, &config, shown).await)
}

/// Replaces the configuration of a source, after the new one was tried on a sample; with `version` only that one.
pub async fn configure(
    ports: &Ports,
    sources: &Sources,
    guild_id: GuildId,
    by: By,
    name: &str,
    config: &SourceConfig,
    version: Option<i32>,
) -> Result<Made> {
    let source = get(ports, guild_id, name).await?;
    check(config)?;
    check_addresses(ports, config).await?;
    let version = version.unwrap_or(source.config_version);
    let mut tx = ports.store.begin().await?;
    if !update_generic_config(&mut tx, guild_id, source.id, &json!(config), version).await? {
        return Err(UserError::new("Somebody else has changed this source meanwhile; look at it again.").into());
    }
    let action_secret = action_secret(ports, &mut tx, guild_id, source.id, config, false).await?;
    audit(&mut tx, ports, guild_id, by, "source_changed", source.id, &source.name, &config.preset).await?;
    Store::commit(tx).await?;
    changed(ports, sources);
    let source = get(ports, guild_id, name).await?;
    Ok(Made { action_secret, ..made(ports, source, config, None).await })
}

/// The configuration with another text of one of its parts. Nothing is no actions.
pub fn with_part(source: &StoredSource, part: &str, text: &str) -> Result<SourceConfig, UserError> {
    let text = if text.trim().is_empty() && part == "actions" { "[]" } else { text };
    let value: Value =
        serde_json::from_str(text).map_err(|error| UserError::new(format!("This is not JSON: {error}.")))?;
    let mut config = source.config.clone();
    config[part] = value;
    serde_json::from_value(config)
        .map_err(|error| UserError::new(format!("This is not what {part} should be: {error}. Nothing was changed.")))
}

/// Makes a new secret that actions are signed with. The one before it signs as well, for a day.
pub async fn rotate_actions(ports: &Ports, guild_id: GuildId, by: By, name: &str) -> Result<Made> {
    let source = get(ports, guild_id, name).await?;
    let config = config_of(&source)?;
    if config.actions.is_empty() {
        return Err(UserError::new("This source has no actions.").into());
    }
    let mut tx = ports.store.begin().await?;
    let action_secret = action_secret(ports, &mut tx, guild_id, source.id, &config, true).await?;
    audit(&mut tx, ports, guild_id, by, "source_rotated", source.id, &source.name, &config.preset).await?;
    Store::commit(tx).await?;
    Ok(Made { action_secret, ..made(ports, source, &config, None).await })
}

/// The new secret, where one was made.
async fn action_secret(
    ports: &Ports,
    tx: &mut Tx,
    guild_id: GuildId,
    source_id: Uuid,
    config: &SourceConfig,
    replace: bool,
) -> Result<Option<String>> {
    if config.actions.is_empty() {
        return Ok(None);
    }
    let value = format!("{SECRET_PREFIX}{}", BASE64.encode(random_bytes::<32>()));
    let is_taken = set_action_secret(tx, guild_id, source_id, &value, replace, ports.clock.now()).await?;
    Ok(is_taken.then_some(value))
}

/// Where the actions lead to: out, as far as can be said before they are used.
pub async fn check_addresses(ports: &Ports, config: &SourceConfig) -> Result<(), UserError> {
    for action in &config.actions {
        let Some(url) = action.url() else { continue };
        if let Err(refused) = ports.outbound.check_now(&url).await {
            return Err(UserError::new(format!("The address of the action {} cannot be used: {refused}.", action.id)));
        }
    }
    Ok(())
}

/// Removes a source: its address answers 404 from now on. What it sent stays.
pub async fn remove(ports: &Ports, sources: &Sources, guild_id: GuildId, by: By, name: &str) -> Result<()> {
    let source = get(ports, guild_id, name).await?;
    let mut tx = ports.store.begin().await?;
    remove_generic_source(&mut tx, guild_id, source.id, ports.clock.now()).await?;
    audit(&mut tx, ports, guild_id, by, "source_removed", source.id, &source.name, "").await?;
    Store::commit(tx).await?;
    changed(ports, sources);
    Ok(())
}

/// A source of this server by its name.
pub async fn get(ports: &Ports, guild_id: GuildId, name: &str) -> Result<StoredSource> {
    let found = ports.store.list_generic_sources(Some(guild_id)).await?;
    let found = found.into_iter().find(|source| source.name.eq_ignore_ascii_case(name.trim()));
    Ok(found.ok_or_else(|| UserError::new(format!("There is no source named {} in this server.", shown_name(name))))?)
}

/// The stored configuration.
pub fn config_of(source: &StoredSource) -> Result<SourceConfig> {
    let config = serde_json::from_value(source.config.clone());
    Ok(config.map_err(|_| UserError::new("A newer release of Signalbox has described this source."))?)
}

/// The address that the sender needs. Where the address is the secret, it is whole only in the answer that made it.
pub fn url(ports: &Ports, source_id: Uuid) -> Option<String> {
    let public = ports.config.web.public_url.as_ref()?;
    Some(format!("{}{PATH}/{source_id}", public.as_str().trim_end_matches('/')))
}

/// The secrets that are live.
pub fn live_secrets(source: &StoredSource, now: DateTime<Utc>) -> usize {
    source.secrets.iter().filter(|secret| secret.ends_at.is_none_or(|end| end > now)).count()
}

async fn made(ports: &Ports, source: StoredSource, config: &SourceConfig, secret: Option<String>) -> Made {
    let mut url = url(ports, source.id);
    let mut secret = secret;
    if config.verification == Verification::Url
        && let (Some(url), Some(key)) = (url.as_mut(), secret.take())
    {
        let _ = write!(url, "/{key}");
    }
    let guide = preset::find(&config.preset).map_or("", |preset: &Preset| preset.guide);
    Made { source, url, secret, action_secret: None, guide }
}

/// Everything that is wrong with a configuration, in one text.
pub fn check(config: &SourceConfig) -> Result<(), UserError> {
    let mut problems = config.problems();
    problems.extend(mapping::problems(&config.mapping).into_iter().map(|problem| problem.to_string()));
    // A preset brings a message of its system along: what is changed of it still has to read that.
    let sample = preset::find(&config.preset).filter(|_| problems.is_empty()).map(|preset| preset.sample().body);
    if let Some(Err(error)) = sample.map(|body| try_on(config, "sample", &body)) {
        problems.push(error.0);
    }
    if problems.is_empty() { Ok(()) } else { Err(UserError::new(format!("• {}", problems.join("\n• ")))) }
}

/// What a configuration makes of a message, or why it cannot.
pub fn try_on(config: &SourceConfig, name: &str, body: &Value) -> Result<Vec<Mapped>, UserError> {
    let headers: Vec<(String, String)> = preset::find(&config.preset).map_or_else(Vec::new, |preset| {
        preset.sample().headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    });
    mapping::map(&config.mapping, body, &headers, name)
        .map_err(|error| UserError::new(format!("The message cannot be read as the mapping says. {error}")))
}

fn unknown_preset(name: &str) -> UserError {
    let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    UserError::new(format!("There is no preset {}; there are: {}.", shown_name(name), names.join(", ")))
}

fn shown_name(name: &str) -> String {
    name.chars().filter(|c| !c.is_control() && *c != '`').take(LONGEST_NAME).collect()
}

fn checked_name(name: &str) -> Result<String, UserError> {
    let name = name.trim().to_lowercase();
    let is_word = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if name.is_empty() || name.len() > LONGEST_NAME || !is_word {
        let words = format!("A source's name is up to {LONGEST_NAME} letters, digits, dots, dashes and underscores.");
        return Err(UserError::new(words));
    }
    Ok(name)
}

fn checked_secret(config: &SourceConfig, secret: &str) -> Result<String, UserError> {
    let secret = secret.trim();
    if !(SHORTEST_SECRET..=LONGEST_SECRET).contains(&secret.len()) || secret.chars().any(char::is_control) {
        return Err(UserError::new(format!(
            "A secret has {SHORTEST_SECRET} to {LONGEST_SECRET} characters in one line."
        )));
    }
    let is_standard = matches!(config.verification, Verification::StandardWebhooks { .. });
    if is_standard && standard_key(secret).is_none_or(|key| key.len() < SHORTEST_SECRET) {
        return Err(UserError::new("A secret of Standard Webhooks is whsec_ and at least 16 bytes in base64."));
    }
    Ok(secret.to_owned())
}

fn new_secret(verification: &Verification) -> String {
    match verification {
        Verification::StandardWebhooks { .. } => format!("{SECRET_PREFIX}{}", BASE64.encode(random_bytes::<32>())),
        _ => hex::encode(random_bytes::<32>()),
    }
}

fn slot(source_id: Uuid) -> String {
    format!("source.{source_id}.secret")
}

fn changed(ports: &Ports, sources: &Sources) {
    sources.outdate();
    ports.wake.wake(Topic::Sources);
}

#[allow(clippy::too_many_arguments)]
async fn audit(
    tx: &mut Tx,
    ports: &Ports,
    guild_id: GuildId,
    by: By,
    action: &'static str,
    id: Uuid,
    name: &str,
    preset: &str,
) -> Result<()> {
    let now = ports.clock.now();
    let mut detail = json!({ "source": id, "name": name, "preset": preset });
    let person_id = match by {
        By::Member(user) => Some(ensure_person(tx, user.0, ports.clock.uuid(), now).await?),
        By::Operator => None,
        By::Key(name) => {
            detail["api_key"] = json!(name);
            None
        }
    };
    insert_audit(tx, &NewAudit { guild_id, approval_id: None, person_id, action, detail }, now).await?;
    Ok(())
}
