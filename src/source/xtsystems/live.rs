//! The configured XTSystems source while the program runs: its rules of trust, its registration
//! upstream, and the test of both.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use super::rotation::KEPT;
use super::trust::{ENV_SLOTS, Known, Trust};
use super::verify::{SignatureHeaders, Verified};
use super::{WEBHOOK_NAME, verify};
use crate::clock::Stopwatch;
use crate::config::XtSystemsConfig;
use crate::error::UserError;
use crate::event::kind::xtsystems_kinds;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::catch_up::find_ours;
use crate::upstream::xtsystems::{NewWebhook, UpstreamError, WebhookUpdate, XtSystemsClient};

/// How long a test delivery is waited for.
const TEST_WITHIN: Duration = Duration::from_secs(10);
const TEST_LOOK_EVERY: Duration = Duration::from_millis(50);

/// One source of one guild. Shared by the intake, the catch-up and the commands.
pub struct LiveSource {
    pub id: Uuid,
    pub guild_id: GuildId,
    /// The address under which XTSystems reaches us, from `PUBLIC_URL` and `WEBHOOK_PATH`.
    pub url: Option<String>,
    configured: Vec<SecretString>,
    separator: String,
    /// Whom the source believes now.
    trust: RwLock<Trust>,
    /// When the use of each secret was last noted, by slot.
    noted: Mutex<HashMap<String, DateTime<Utc>>>,
}

/// What `/register-webhook` did.
#[derive(Debug)]
pub struct Registered {
    pub created: bool,
    pub events: Vec<String>,
    pub secret_made: bool,
    pub url: String,
}

/// What `/test-webhook` saw.
#[derive(Debug)]
pub enum TestResult {
    Arrived { after_ms: u128 },
    NotArrived { refused: Option<String> },
    NotRegistered,
}

impl LiveSource {
    pub fn new(id: Uuid, guild_id: GuildId, url: Option<String>, config: &XtSystemsConfig) -> Self {
        // Secrets of the environment have no end, so the time does not matter.
        let trust = Trust::new(&config.separator, configured(&config.secrets).collect(), DateTime::UNIX_EPOCH);
        Self {
            id,
            guild_id,
            url,
            configured: config.secrets.clone(),
            separator: config.separator.clone(),
            trust: RwLock::new(trust),
            noted: Mutex::default(),
        }
    }

    /// Decides about one request; see [`verify::verify`].
    pub fn verify(
        &self,
        headers: &SignatureHeaders<'_>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Verified, verify::Refusal> {
        let renewed = self.trusted().renewed(now);
        if let Some(renewed) = renewed {
            self.set_trust(renewed);
        }
        verify::verify(&self.trusted().rules, headers, body, now)
    }

    /// A refusal with the known variant that would have matched.
    pub fn diagnose(&self, refusal: verify::Refusal, headers: &SignatureHeaders<'_>, body: &[u8]) -> verify::Refusal {
        refusal.diagnosed(&self.trusted().rules, headers, body)
    }

    pub fn has_secret(&self) -> bool {
        self.trusted().rules.has_secret()
    }

    /// Takes up other secrets. True when they are others than before.
    pub(super) fn set_trust(&self, trust: Trust) -> bool {
        let mut standing = self.trust.write().unwrap_or_else(PoisonError::into_inner);
        let changed = !standing.is_same(&trust);
        *standing = trust;
        changed
    }

    fn trusted(&self) -> RwLockReadGuard<'_, Trust> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secrets of the environment, the current one first.
    pub(super) fn configured(&self) -> impl Iterator<Item = Known> {
        configured(&self.configured)
    }

    pub(super) fn separator(&self) -> &str {
        &self.separator
    }

    /// The slot of the secret at this place, if its use was not noted within `every`.
    pub(super) fn slot_to_note(&self, index: usize, now: DateTime<Utc>, every: TimeDelta) -> Option<String> {
        let slot = self.trusted().slot(index)?.to_owned();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&slot).is_some_and(|at| now - *at < every) {
            return None;
        }
        noted.insert(slot.clone(), now);
        Some(slot)
    }

    /// Creates or updates our webhook upstream. Doing it again changes nothing.
    pub async fn register(&self, ports: &Ports, events: Option<&str>) -> Result<Registered> {
        let client = client(ports)?;
        let url = self.url.clone().ok_or_else(|| UserError::new(NO_PUBLIC_URL))?;
        let events = wanted(events)?;
        let (secret, slot, secret_made) = self.signing_secret(ports).await?;
        let existing = find_ours(client.list_webhooks().await.map_err(told)?, Some(&url));
        let created = existing.is_none();
        match existing {
            Some(webhook) => {
                let update = WebhookUpdate {
                    name: Some(WEBHOOK_NAME.into()),
                    url: Some(url.clone()),
                    events: Some(events.clone()),
                    secret: Some(secret),
                    active: Some(true),
                };
                client.update_webhook(&webhook.id, &update).await.map_err(told)?;
            }
            None => {
                let company_id = ports.config.xtsystems.as_ref().and_then(|x| x.company_id.clone());
                let new = NewWebhook {
                    name: WEBHOOK_NAME.into(),
                    url: url.clone(),
                    events: events.clone(),
                    secret,
                    active: true,
                    headers: BTreeMap::new(),
                    retry_count: 3,
                    timeout_seconds: 30,
                    company_id,
                };
                client.create_webhook(&new).await.map_err(told)?;
            }
        }
        // What a rotation had not finished is finished by this.
        self.confirm(ports, &slot, KEPT).await?;
        Ok(Registered { created, events, secret_made, url })
    }

    /// Asks for a test delivery and waits for it to be stored.
    pub async fn test(&self, ports: &Ports) -> Result<TestResult> {
        let client = client(ports)?;
        let webhooks = client.list_webhooks().await.map_err(told)?;
        let Some(webhook) = find_ours(webhooks, self.url.as_deref()) else { return Ok(TestResult::NotRegistered) };
        let since = ports.clock.now();
        let watch = Stopwatch::start();
        let delivered = client.test_webhook(&webhook.id).await.map_err(told)?;
        while watch.elapsed() < TEST_WITHIN {
            if ports.store.find_test_arrival(self.id, since).await?.is_some() {
                return Ok(TestResult::Arrived { after_ms: watch.elapsed().as_millis() });
            }
            // XTSystems has given up: nothing more will arrive.
            if !delivered {
                break;
            }
            tokio::time::sleep(TEST_LOOK_EVERY).await;
        }
        let refusals = ports.store.list_refusals(self.id, 1).await?;
        let refused = refusals.into_iter().find(|r| r.received_at >= since);
        Ok(TestResult::NotArrived {
            refused: refused.map(|r| r.variant.map_or(r.rule.clone(), |variant| format!("{} {variant}", r.rule))),
        })
    }
}

fn configured(secrets: &[SecretString]) -> impl Iterator<Item = Known> {
    let placed = ENV_SLOTS.into_iter().zip(secrets);
    placed.map(|(slot, secret)| Known { slot: slot.to_owned(), secret: secret.clone(), ends_at: None })
}

const NO_PUBLIC_URL: &str =
    "Signalbox does not know its own address: set PUBLIC_URL to the address under which XTSystems reaches it.";

pub(super) fn client(ports: &Ports) -> Result<&XtSystemsClient> {
    let missing = "Signalbox does not know where XTSystems is: set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.";
    Ok(ports.xtsystems.as_ref().ok_or_else(|| UserError::new(missing))?)
}

/// What the client says is meant for people: it names the setting to look at and holds no key.
pub(super) fn told(error: UpstreamError) -> UserError {
    UserError::new(error.to_string())
}

/// The kinds to subscribe to; an unknown one is named.
fn wanted(events: Option<&str>) -> Result<Vec<String>> {
    let all: Vec<&str> = xtsystems_kinds().collect();
    let Some(text) = events.filter(|t| !t.trim().is_empty()) else {
        return Ok(all.iter().filter(|k| **k != "webhook.test").map(|k| (*k).to_owned()).collect());
    };
    let mut chosen = Vec::new();
    for name in text.split([',', ' ']).map(str::trim).filter(|n| !n.is_empty()) {
        let dotted = name.replacen('_', ".", 1);
        let Some(known) = all.iter().find(|k| **k == name || **k == dotted) else {
            return Err(
                UserError::new(format!("`{name}` is not an event of XTSystems. It sends: {}", all.join(", "))).into()
            );
        };
        if !chosen.contains(&(*known).to_owned()) {
            chosen.push((*known).to_owned());
        }
    }
    Ok(chosen)
}
