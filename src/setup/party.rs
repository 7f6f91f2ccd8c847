//! The steps that connect a party program: does Signalbox run, may the program speak to it, is there a webhook for its
//! notifications, does a test arrive in Discord.

use std::time::Duration;

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::Value;

use super::{StepResult, Told, text};
use crate::api_key::{self, Scope, Wanted};
use crate::clock::Stopwatch;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::party::{invite, live, webhook};
use crate::upstream::own_health::ask;
use crate::upstream::own_party::{self, Answer};

const SERVER: &str = "Server";
const ADDRESS: &str = "Address";
const KEY: &str = "Key";
const WEBHOOK: &str = "Webhook";
const INVITE: &str = "Invite";
const TEST: &str = "Test";
/// What the program's key is called.
const NAME: &str = "party";
/// What the program asks for.
const SCOPES: [Scope; 2] = [Scope::EventsWrite, Scope::DestinationsWrite];
const PATIENCE: Duration = Duration::from_secs(3);
/// Longer than Signalbox itself waits for Discord.
const TEST_PATIENCE: Duration = Duration::from_secs(20);
/// For as long the key of a test would work if this were interrupted.
const TEST_KEY: TimeDelta = TimeDelta::minutes(2);

/// What is given, each only where it is not set or is to change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// The Discord webhook that notifications go through.
    pub webhook: Option<&'a str>,
    /// The voice invite that "party created" shows.
    pub invite: Option<&'a str>,
}

/// All steps. Returns a key that was made, which nobody can read again.
pub async fn connect(ports: &Ports, given: Given<'_>, told: Told<'_>) -> Result<Option<String>> {
    let Some(guild_id) = ports.config.discord.guild_id else {
        told(StepResult::failed(SERVER, text::NO_GUILD, text::SET_GUILD));
        return Ok(None);
    };
    let runs = address(ports).await;
    let is_running = !runs.is_failure();
    told(runs);
    let (step, made) = key(ports, guild_id).await?;
    told(step);
    let step = set_webhook(ports, guild_id, given.webhook).await?;
    let has_webhook = !step.is_failure();
    told(step);
    if let Some(url) = given.invite {
        told(set_invite(ports, guild_id, url).await?);
    }
    if is_running && has_webhook {
        told(test(ports, guild_id).await?);
    }
    Ok(made)
}

/// Where the program speaks to, and whether anybody listens there.
async fn address(ports: &Ports) -> StepResult {
    let web = &ports.config.web;
    let health = ask(web.bind, web.port, "/health", PATIENCE).await;
    let is_ours = serde_json::from_str::<Value>(&health.words).is_ok_and(|words| words["service"] == "signalbox");
    let here = format!("http://127.0.0.1:{}", web.port);
    if !is_ours {
        return StepResult::failed(ADDRESS, text::not_running(&here), text::RUN);
    }
    match (&web.public_url, ports.config.party.loopback) {
        (_, true) => StepResult::fine(ADDRESS, text::party_address(&here)),
        (Some(public), false) => StepResult::fine(ADDRESS, text::party_address(public.as_str().trim_end_matches('/'))),
        (None, false) => StepResult::warning(ADDRESS, text::party_address(&here), text::PARTY_ELSEWHERE),
    }
}

async fn key(ports: &Ports, guild_id: GuildId) -> Result<(StepResult, Option<String>)> {
    if ports.config.party.loopback {
        return Ok((StepResult::fine(KEY, text::NO_KEY_NEEDED), None));
    }
    let now = ports.clock.now();
    let keys = ports.store.list_api_keys(Some(guild_id)).await?;
    if let Some(known) = keys.iter().find(|key| key.name == NAME && api_key::is_live(key, now)) {
        let missing: Vec<&str> = SCOPES
            .iter()
            .map(|scope| scope.as_str())
            .filter(|scope| !known.scopes.iter().any(|s| s == scope))
            .collect();
        let begins = format!("{}{}…", api_key::PREFIX, known.prefix);
        return Ok((
            match missing.is_empty() {
                true => StepResult::fine(KEY, text::key_known(&begins)),
                false => StepResult::failed(KEY, text::key_lacks(&begins, &missing), text::revoke_key(&begins)),
            },
            None,
        ));
    }
    let wanted = Wanted { guild_id, name: NAME.to_owned(), scopes: SCOPES.to_vec(), expires_at: None, person_id: None };
    let (_, key) = api_key::create(&ports.store, &ports.clock, wanted).await?;
    Ok((StepResult::changed(KEY, text::KEY_MADE), Some(key)))
}

async fn set_webhook(ports: &Ports, guild_id: GuildId, url: Option<&str>) -> Result<StepResult> {
    let has_one = live::status(ports, guild_id).await?.has_webhook;
    let Some(url) = url else {
        return Ok(match has_one {
            true => StepResult::fine(WEBHOOK, text::WEBHOOK_KEPT),
            false => StepResult::failed(WEBHOOK, text::NO_WEBHOOK, text::SET_WEBHOOK),
        });
    };
    let Some(url) = webhook(url) else {
        return Ok(StepResult::failed(WEBHOOK, text::BAD_WEBHOOK, text::SET_WEBHOOK));
    };
    if has_one && live::is_webhook(ports, guild_id, &url).await? {
        return Ok(StepResult::fine(WEBHOOK, text::WEBHOOK_KEPT));
    }
    live::set_webhook(ports, guild_id, &url).await?;
    Ok(StepResult::changed(WEBHOOK, text::WEBHOOK_SET))
}

async fn set_invite(ports: &Ports, guild_id: GuildId, url: &str) -> Result<StepResult> {
    let Some(url) = invite(url) else { return Ok(StepResult::failed(INVITE, text::BAD_INVITE, text::SET_INVITE)) };
    if live::status(ports, guild_id).await?.invite.as_deref() == Some(url.as_str()) {
        return Ok(StepResult::fine(INVITE, text::WEBHOOK_KEPT));
    }
    live::set_invite(ports, guild_id, &url).await?;
    Ok(StepResult::changed(INVITE, text::invite_set(&url)))
}

/// As the program asks for it: over HTTP, with a key of its own that ends with the test.
async fn test(ports: &Ports, guild_id: GuildId) -> Result<StepResult> {
    let since = Stopwatch::start();
    let port = ports.config.web.port;
    let answer = if ports.config.party.loopback {
        own_party::test(port, None, TEST_PATIENCE).await
    } else {
        let expires_at = Some(ports.clock.now() + TEST_KEY);
        let name = format!("test of {NAME} {}", ports.clock.uuid().simple());
        let wanted = Wanted { guild_id, name, scopes: vec![Scope::EventsWrite], expires_at, person_id: None };
        let (id, key) = api_key::create(&ports.store, &ports.clock, wanted).await?;
        let answer = own_party::test(port, Some(&key), TEST_PATIENCE).await;
        api_key::revoke(&ports.store, &ports.clock, guild_id, id, None).await?;
        answer
    };
    Ok(match answer {
        Answer::Delivered { link } => StepResult::fine(TEST, text::party_arrived(since.elapsed(), link.as_deref())),
        Answer::Refused { status, detail } => {
            StepResult::failed(TEST, text::party_refused(status, &detail), text::party_fix(status))
        }
        Answer::None => StepResult::failed(TEST, text::NO_ANSWER, text::RUN),
    })
}
