//! The configured XTSystems source while the program runs: its rules of trust, its registration
//! upstream, and the test of both.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, TimeDelta};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::verify::{Rules, SignatureHeaders, Verified};
use super::{WEBHOOK_NAME, verify};
use crate::clock::{Stopwatch, random_bytes};
use crate::config::XtSystemsConfig;
use crate::error::UserError;
use crate::event::kind::xtsystems_kinds;
use crate::id::{GuildId, sha256_hex};
use crate::ports::Ports;
use crate::source::catch_up::{find_ours, same_address};
use crate::upstream::xtsystems::{NewWebhook, UpstreamError, Webhook, WebhookUpdate, XtSystemsClient};

/// Where a generated secret is kept.
const SECRET_SETTING: &str = "xtsystems.secret";
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
    trust: RwLock<Trust>,
}

/// Whom the source believes now.
struct Trust {
    /// The secret that was made here, or by another process, beside the configured ones.
    generated: Option<SecretString>,
    rules: Rules,
}

/// What became of our webhook upstream.
#[derive(Debug)]
pub struct Registered {
    pub change: Change,
    pub events: Vec<String>,
    /// Kinds that it is not subscribed to.
    pub left_out: Vec<String>,
    pub secret_made: bool,
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
        let trust = Trust { generated: None, rules: Rules::new(&config.secrets, config.separator.clone()) };
        Self {
            id,
            guild_id,
            url,
            configured: config.secrets.clone(),
            separator: config.separator.clone(),
            trust: RwLock::new(trust),
        }
    }

    /// Decides about one request; see [`verify::verify`].
    pub fn verify(
        &self,
        headers: &SignatureHeaders<'_>,
        body: &[u8],
        now: DateTime<chrono::Utc>,
    ) -> Result<Verified, verify::Refusal> {
        verify::verify(&self.trusted().rules, headers, body, now)
    }

    /// A refusal with the known variant that would have matched.
    pub fn diagnose(&self, refusal: verify::Refusal, headers: &SignatureHeaders<'_>, body: &[u8]) -> verify::Refusal {
        refusal.diagnosed(&self.trusted().rules, headers, body)
    }

    pub fn has_secret(&self) -> bool {
        self.trusted().rules.has_secret()
    }

    /// Takes up a secret that was generated here or by another process. True when it is a new one.
    pub async fn refresh_secret(&self, ports: &Ports) -> Result<bool> {
        let Some(secret) = ports.store.find_setting(self.guild_id, SECRET_SETTING).await? else { return Ok(false) };
        if self.trusted().generated.as_ref().is_some_and(|known| known.expose_secret() == secret) {
            return Ok(false);
        }
        self.trust(secret.into());
        Ok(true)
    }

    fn trusted(&self) -> RwLockReadGuard<'_, Trust> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn trust(&self, generated: SecretString) {
        let mut secrets = self.configured.clone();
        secrets.push(generated.clone());
        let rules = Rules::new(&secrets, self.separator.clone());
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Trust { generated: Some(generated), rules };
    }

    /// Creates our webhook upstream, or changes what is not as it should be. `renew` sends the secret even so:
    /// XTSystems never says which one it has. Without `events` a new webhook gets all, an existing one keeps its own.
    pub async fn register(&self, ports: &Ports, events: Option<&str>, renew: bool) -> Result<Registered> {
        let client = client(ports)?;
        let url = self.url.clone().ok_or_else(|| UserError::new(NO_PUBLIC_URL))?;
        let chosen = wanted(events)?;
        let webhooks = client.list_webhooks().await?;
        let existing = find_ours(webhooks.clone(), Some(&url));
        let (secret, secret_made) = self.secret(ports).await?;
        let Some(webhook) = existing else {
            let events = chosen.unwrap_or_else(all_events);
            let company_id = ports.config.xtsystems.as_ref().and_then(|x| x.company_id.clone());
            let new = NewWebhook { company_id, ..NewWebhook::new(WEBHOOK_NAME, &url, events.clone(), secret) };
            let webhook = client.create_webhook(&new).await?;
            self.note_sent(ports, &fingerprint(&webhook.id, &new.secret)).await?;
            return Ok(Registered::new(Change::Created, events, secret_made, vec![]));
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
            self.note_sent(ports, &sent).await?;
        }
        let others = webhooks.into_iter().filter(|w| w.id != webhook.id && w.active && same_address(&w.url, &url));
        Ok(Registered::new(change, events, secret_made, others.collect()))
    }

    async fn note_sent(&self, ports: &Ports, fingerprint: &str) -> Result<()> {
        Ok(ports.store.save_setting(self.guild_id, SENT_SETTING, fingerprint, ports.clock.now()).await?)
    }

    /// Whether WEBHOOK_SECRET is set.
    pub fn is_configured_secret(&self) -> bool {
        !self.configured.is_empty()
    }

    /// The secret for the registration: the configured one, else one made here and kept.
    async fn secret(&self, ports: &Ports) -> Result<(SecretString, bool)> {
        if let Some(secret) = self.configured.first() {
            return Ok((secret.clone(), false));
        }
        let fresh = hex::encode(random_bytes::<32>());
        let kept = ports.store.ensure_setting(self.guild_id, SECRET_SETTING, &fresh, ports.clock.now()).await?;
        let made = kept == fresh;
        let kept = SecretString::from(kept);
        self.trust(kept.clone());
        Ok((kept, made))
    }

    /// Asks for a test delivery and waits for it to be stored, by this process or another one.
    pub async fn test(&self, ports: &Ports) -> Result<TestResult> {
        let client = client(ports)?;
        let webhooks = client.list_webhooks().await?;
        let Some(webhook) = find_ours(webhooks, self.url.as_deref()) else { return Ok(TestResult::NotRegistered) };
        let last = ports.store.list_last_events(self.id).await?;
        let last = last.into_iter().find(|(kind, ..)| kind == "webhook.test").map(|(_, at, _)| at);
        // Two tests within a second are the same bytes, and the second one would count as a duplicate.
        if last.is_some_and(|at| ports.clock.now() - at < TimeDelta::seconds(1)) {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        let since = last.map_or(DateTime::UNIX_EPOCH, |at| at + TimeDelta::microseconds(1));
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
    fn new(change: Change, events: Vec<String>, secret_made: bool, others: Vec<Webhook>) -> Self {
        let left_out = all_events().into_iter().filter(|kind| !events.contains(kind)).collect();
        Self { change, events, left_out, secret_made, others }
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

const NO_PUBLIC_URL: &str =
    "Signalbox does not know its own address: set PUBLIC_URL to the address under which XTSystems reaches it.";

fn client(ports: &Ports) -> Result<&XtSystemsClient> {
    let missing = "Signalbox does not know where XTSystems is: set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.";
    Ok(ports.xtsystems.as_ref().ok_or_else(|| UserError::new(missing))?)
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
