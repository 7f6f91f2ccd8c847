//! The configured XTSystems source while the program runs: its rules of trust, its registration
//! upstream, and the test of both.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::rotation::KEPT;
use super::trust::{ENV_SLOTS, Known, Trust};
use super::verify::{SignatureHeaders, Verified};
use super::{WEBHOOK_NAME, verify};
use crate::clock::Stopwatch;
use crate::config::XtSystemsConfig;
use crate::error::UserError;
use crate::event::kind::xtsystems_kinds;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;
use crate::source::catch_up::{find_ours, same_address};
use crate::upstream::xtsystems::{NewWebhook, UpstreamError, Webhook, WebhookUpdate, XtSystemsClient};

/// Which secret XTSystems was given last, as a hash.
const SENT_SETTING: &str = "xtsystems.secret_sent";
/// How long a test delivery is waited for.
const TEST_WITHIN: Duration = Duration::from_secs(10);
const TEST_LOOK_EVERY: Duration = Duration::from_millis(10);

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

/// What became of our webhook upstream.
#[derive(Debug)]
pub struct Registered {
    pub change: Change,
    pub events: Vec<String>,
    /// Kinds that it is not subscribed to.
    pub left_out: Vec<String>,
    pub secret_made: bool,
    /// Whether it is the one of the environment.
    pub secret_configured: bool,
    /// Further webhooks that lead to our address.
    pub others: Vec<Webhook>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    /// With the names of what was not as it should be.
    Updated(Vec<&'static str>),
    /// It was right, as far as can be seen, and was given its secret once more.
    OnlySecret,
    Nothing,
}

/// What became of a test delivery.
#[derive(Debug)]
pub enum TestResult {
    Arrived { after: Duration },
    NotArrived(NotArrived),
    NotRegistered,
}

#[derive(Debug)]
pub struct NotArrived {
    /// Why the intake refused it, if it came that far.
    pub refused: Option<String>,
    /// Whether XTSystems says that it was delivered; `None` when it did not say.
    pub delivered: Option<bool>,
    /// What XTSystems' log says of it.
    pub upstream: Option<String>,
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

    /// It could not be noted: the next use is.
    pub(super) fn not_noted(&self, slot: &str) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).remove(slot);
    }

    /// Creates our webhook upstream, or changes what is not as it should be. `renew` sends the secret even so:
    /// XTSystems never says which one it has. Without `events` a new webhook gets all, an existing one keeps its own.
    pub async fn register(&self, ports: &Ports, events: Option<&str>, renew: bool) -> Result<Registered> {
        let client = client(ports)?;
        let url = self.url.clone().ok_or_else(|| UserError::new(NO_PUBLIC_URL))?;
        let chosen = wanted(events)?;
        let webhooks = client.list_webhooks().await?;
        let existing = find_ours(webhooks.clone(), Some(&url));
        let (secret, slot, secret_made) = self.signing_secret(ports).await?;
        let Some(webhook) = existing else {
            let events = chosen.unwrap_or_else(all_events);
            let company_id = ports.config.xtsystems.as_ref().and_then(|x| x.company_id.clone());
            let new = NewWebhook { company_id, ..NewWebhook::new(WEBHOOK_NAME, &url, events.clone(), secret) };
            let webhook = client.create_webhook(&new).await?;
            self.note_sent(ports, &slot, &fingerprint(&webhook.id, &new.secret)).await?;
            return Ok(Registered::new(Change::Created, events, (&slot, secret_made), vec![]));
        };
        let events = chosen.unwrap_or_else(|| own_events(&webhook));
        let mut differs = differences(&webhook, &url, &events);
        let sent = fingerprint(&webhook.id, &secret);
        if ports.store.find_setting(self.guild_id, SENT_SETTING).await?.as_deref() != Some(&sent) {
            differs.push("secret");
        }
        let change = match (differs.is_empty(), renew) {
            (true, false) => Change::Nothing,
            (true, true) => Change::OnlySecret,
            (false, _) => Change::Updated(differs),
        };
        if change != Change::Nothing {
            let update = WebhookUpdate {
                url: Some(url.clone()),
                events: Some(events.clone()),
                secret: Some(secret),
                active: Some(true),
                name: None,
            };
            client.update_webhook(&webhook.id, &update).await?;
            self.note_sent(ports, &slot, &sent).await?;
        }
        let others = webhooks.into_iter().filter(|w| w.id != webhook.id && w.active && same_address(&w.url, &url));
        Ok(Registered::new(change, events, (&slot, secret_made), others.collect()))
    }

    async fn note_sent(&self, ports: &Ports, slot: &str, fingerprint: &str) -> Result<()> {
        // What a rotation had not finished is finished by this.
        self.confirm(ports, slot, KEPT).await?;
        Ok(ports.store.save_setting(self.guild_id, SENT_SETTING, fingerprint, ports.clock.now()).await?)
    }

    /// Asks for a test delivery and waits for it to be stored, by this process or another one.
    pub async fn test(&self, ports: &Ports) -> Result<TestResult> {
        let client = client(ports)?;
        let webhooks = client.list_webhooks().await?;
        let Some(webhook) = find_ours(webhooks, self.url.as_deref()) else { return Ok(TestResult::NotRegistered) };
        let before = ports.clock.now() - TimeDelta::minutes(1);
        let last = ports.store.find_test_arrival(self.id, before).await?;
        // Two tests within a second are the same bytes, and the second one would count as a duplicate.
        if last.is_some_and(|at| ports.clock.now() - at < TimeDelta::seconds(1)) {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        // The clock of whoever takes it may be a little behind this one: what is new is what is later than the last.
        let since = last.map_or(before, |at| at + TimeDelta::microseconds(1));
        let refused_before = ports.store.list_refusals(self.id, 1).await?.first().map(|r| r.received_at);
        let watch = Stopwatch::start();
        let mut delivered = None;
        {
            let asked = client.test_webhook(&webhook.id);
            tokio::pin!(asked);
            while watch.elapsed() < TEST_WITHIN {
                if ports.store.find_test_arrival(self.id, since).await?.is_some() {
                    return Ok(TestResult::Arrived { after: watch.elapsed() });
                }
                // XTSystems has given up: nothing more will arrive.
                if delivered == Some(false) {
                    break;
                }
                tokio::select! {
                    answer = &mut asked, if delivered.is_none() => delivered = Some(answer_of(answer)?),
                    () = tokio::time::sleep(TEST_LOOK_EVERY) => {}
                }
            }
        }
        let refused = ports.store.list_refusals(self.id, 1).await?.into_iter().next();
        let refused = refused.filter(|r| refused_before.is_none_or(|before| r.received_at > before));
        Ok(TestResult::NotArrived(NotArrived {
            refused: refused.map(|r| r.variant.map_or(r.rule.clone(), |variant| format!("{} {variant}", r.rule))),
            delivered,
            upstream: logged(client, &webhook.id).await,
        }))
    }
}

impl Registered {
    fn new(change: Change, events: Vec<String>, secret: (&str, bool), others: Vec<Webhook>) -> Self {
        let left_out = all_events().into_iter().filter(|kind| !events.contains(kind)).collect();
        let (slot, secret_made) = secret;
        let secret_configured = ENV_SLOTS.contains(&slot);
        Self { change, events, left_out, secret_made, secret_configured, others }
    }
}

/// Tells two secrets apart, and nothing else about them.
fn fingerprint(webhook_id: &str, secret: &SecretString) -> String {
    let mut hash = sha256_hex(format!("{webhook_id}:{}", secret.expose_secret()).as_bytes());
    hash.truncate(16);
    hash
}

/// An answer that does not come in time says nothing: XTSystems may still be trying.
fn answer_of(answer: Result<bool, UpstreamError>) -> Result<bool, UpstreamError> {
    match answer {
        Err(UpstreamError::TimedOut { .. }) => Ok(false),
        other => other,
    }
}

/// What XTSystems' log says of the newest test, in a few words.
async fn logged(client: &XtSystemsClient, webhook_id: &str) -> Option<String> {
    let deliveries = client.list_deliveries(webhook_id, 1).await.ok()?;
    let newest = deliveries.into_iter().next().filter(|d| d.event_type.as_deref() == Some("webhook.test"))?;
    let words: String = newest.response_body?.chars().filter(|c| !c.is_control()).take(200).collect();
    (!words.trim().is_empty()).then_some(words)
}

fn differences(webhook: &Webhook, url: &str, events: &[String]) -> Vec<&'static str> {
    let mut differs = Vec::new();
    if !same_address(&webhook.url, url) {
        differs.push("address");
    }
    if !webhook.active {
        differs.push("active");
    }
    let own = own_events(webhook);
    if own.len() != events.len() || !own.iter().all(|kind| events.contains(kind)) {
        differs.push("events");
    }
    differs
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

/// The kinds to subscribe to: `None` when nothing was said; an unknown one is named.
fn wanted(events: Option<&str>) -> Result<Option<Vec<String>>> {
    let Some(text) = events.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.eq_ignore_ascii_case("all") {
        return Ok(Some(all_events()));
    }
    let all: Vec<&str> = xtsystems_kinds().collect();
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
    Ok(Some(chosen))
}

/// What can be subscribed to; a test is sent without.
fn all_events() -> Vec<String> {
    xtsystems_kinds().filter(|kind| *kind != "webhook.test").map(str::to_owned).collect()
}

fn own_events(webhook: &Webhook) -> Vec<String> {
    webhook.events.iter().filter(|kind| *kind != "webhook.test").cloned().collect()
}
