//! Kick's webhooks while the program runs: the key that they are verified with, whose subscription a delivery is, and
//! what becomes of it. For chat nothing is asked of the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::event::{Connected, Delivery, chat, event};
use super::parse::{self, ParseError, Payload};
use super::verify::{Headers, Rule, Signed, verify};
use super::{CHAT, PUBLIC_KEY, VERSION};
use crate::clock::random_bytes;
use crate::config::KickConfig;
use crate::crypto::RsaPublicKey;
use crate::event::lenient::parse_json;
use crate::event::{NewEvent, Via};
use crate::id::{NOBODY, sha256_hex};
use crate::ports::Ports;
use crate::source::ingest::{Ingest, IngestError};
use crate::store::StoreError;
use crate::store::event::Inserted;

/// Below it the generated segment stands.
pub const PATH: &str = "/webhooks/kick";
/// Where the generated segment is kept.
const SEGMENT_SETTING: &str = "kick.webhook_path_token";
/// What is known of subscriptions may be this old; a change made here counts at once, elsewhere when its hint arrives.
const FRESH: TimeDelta = TimeDelta::seconds(10);
/// A delivery of a subscription that nobody knows makes the program look again no more often than this.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(1);
/// Whoever forges signatures makes us ask Kick for its key no more often than this.
const ASK_KEY: TimeDelta = TimeDelta::minutes(10);

/// What became of a delivery.
#[derive(Debug)]
pub enum Taken {
    /// Stored, or on its way to be counted. `fresh`: not all of it was known already.
    In {
        fresh: bool,
    },
    /// Signed by Kick, and not for us; answered as if it were, so that Kick goes on.
    NotOurs(&'static str),
    /// Signed by Kick, and yet nothing that can be read.
    Unreadable(ParseError),
    Forged(Rule),
    /// It could not be stored: to be sent again.
    Unavailable,
}

/// The webhooks of one process.
pub struct LiveKick {
    /// Fixed by the configuration; else the one below is found out.
    path: Option<String>,
    segment: OnceLock<String>,
    key: RwLock<RsaPublicKey>,
    /// Kick is asked for its key: not where the configuration says which one it is.
    may_ask: bool,
    asked_at: tokio::sync::Mutex<Option<DateTime<Utc>>>,
    known: RwLock<Option<Arc<Directory>>>,
    outdated: AtomicBool,
    /// One reads at a time.
    reading: tokio::sync::Mutex<()>,
}

/// Which subscriptions are ours, and which servers are connected with whose channel.
struct Directory {
    read_at: DateTime<Utc>,
    subscriptions: HashMap<String, Subscription>,
    channels: HashMap<i64, Vec<Connected>>,
}

struct Subscription {
    broadcaster_user_id: i64,
    kind: String,
}

/// The path that an earlier start made up.
pub async fn generated_path(ports: &Ports) -> Result<Option<String>, StoreError> {
    let segment = ports.store.find_setting(NOBODY, SEGMENT_SETTING).await?;
    Ok(segment.map(|segment| format!("{PATH}/{segment}")))
}

impl LiveKick {
    pub fn new(config: &KickConfig) -> Self {
        let published = || RsaPublicKey::from_pem(PUBLIC_KEY).expect("the published key is one");
        Self {
            path: config.webhook_path.clone(),
            segment: OnceLock::new(),
            key: RwLock::new(config.public_key.clone().unwrap_or_else(published)),
            may_ask: config.public_key.is_none(),
            asked_at: tokio::sync::Mutex::default(),
            known: RwLock::default(),
            outdated: AtomicBool::new(false),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Finds out at which address Kick reaches us; the same in every process and at every start.
    pub async fn prepare(&self, ports: &Ports) -> Result<(), StoreError> {
        if self.path.is_none() && self.segment.get().is_none() {
            let fresh = hex::encode(random_bytes::<16>());
            let segment = ports.store.ensure_setting(NOBODY, SEGMENT_SETTING, &fresh, ports.clock.now()).await?;
            // Set already by another look: it is the same.
            let _ = self.segment.set(segment);
        }
        Ok(())
    }

    /// Where webhooks come in; `None` until the database was reached.
    pub fn path(&self) -> Option<String> {
        self.path.clone().or_else(|| Some(format!("{PATH}/{}", self.segment.get()?)))
    }

    /// Whether this is the segment of our address. `None`: nobody knows yet.
    pub fn is_ours(&self, segment: &str) -> Option<bool> {
        let own = self.segment.get()?;
        // By hashes, so that the time it takes tells nothing.
        Some(sha256_hex(own.as_bytes()) == sha256_hex(segment.as_bytes()))
    }

    pub fn verify(&self, headers: &Headers<'_>, body: &[u8]) -> Result<Signed, Rule> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner).clone();
        verify(&key, headers, body)
    }

    /// Asks Kick for its key, if that was not done lately, about a delivery that does not match. Another key is taken up
    /// only when it is the one that this delivery was signed with.
    pub async fn verify_anew(&self, ports: &Ports, headers: &Headers<'_>, body: &[u8]) -> Option<Signed> {
        let kick = ports.kick.as_ref().filter(|_| self.may_ask)?;
        let mut asked_at = self.asked_at.lock().await;
        let now = ports.clock.now();
        if asked_at.is_some_and(|at| now - at < ASK_KEY) {
            // Whoever asked a moment ago may have found it.
            return self.verify(headers, body).ok();
        }
        *asked_at = Some(now);
        let key = match kick.public_key().await {
            Ok(pem) => RsaPublicKey::from_pem(&pem),
            Err(error) => {
                tracing::warn!(%error, "a webhook of Kick does not match its key, and Kick cannot be asked for its key");
                return None;
            }
        };
        let Some(key) = key else {
            tracing::warn!("what Kick gives as its key is none; the one before stays");
            return None;
        };
        let signed = verify(&key, headers, body).ok()?;
        tracing::warn!(key = ?key, "Kick has another key; webhooks are verified with it from now on");
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
        Some(signed)
    }

    /// What is known of subscriptions is looked up again at the next use.
    pub fn outdate(&self) {
        self.outdated.store(true, Ordering::Relaxed);
    }

    /// Takes in a delivery that is believed.
    pub async fn take(
        &self,
        ports: &Ports,
        ingest: &Ingest,
        headers: &Headers<'_>,
        signed: &Signed,
        body: &[u8],
    ) -> Taken {
        let (Some(id), Some(kind)) = (text(headers.subscription_id), text(headers.kind)) else {
            return Taken::NotOurs("it names no subscription or no type");
        };
        if text(headers.version).is_some_and(|version| version != VERSION.to_string()) {
            return Taken::NotOurs("it is of a version that is not subscribed to");
        }
        let directory = match self.directory_with(ports, id).await {
            Ok(directory) => directory,
            Err(error) => {
                tracing::warn!(%error, "the subscriptions of Kick could not be looked up");
                return Taken::Unavailable;
            }
        };
        // Neither is signed: both have to be as we have them, and the signed body about that broadcaster.
        let Some(subscription) = directory.subscriptions.get(id) else {
            return Taken::NotOurs("its subscription is not ours");
        };
        if subscription.kind != kind {
            return Taken::NotOurs("its type is not that of its subscription");
        }
        let channels = directory.channels.get(&subscription.broadcaster_user_id);
        let Some(channels) = channels.filter(|channels| !channels.is_empty()) else {
            return Taken::NotOurs("its channel is not connected");
        };
        let about = subscription.broadcaster_user_id;
        if kind == CHAT {
            return self.take_chat(ports, about, channels, signed, body).await;
        }
        take_record(ports, ingest, kind, about, channels, signed, body).await
    }

    async fn take_chat(
        &self,
        ports: &Ports,
        broadcaster: i64,
        channels: &[Connected],
        signed: &Signed,
        body: &[u8],
    ) -> Taken {
        let message = match parse::chat(body) {
            Ok(message) => message,
            Err(error) => return Taken::Unreadable(error),
        };
        if message.broadcaster.user_id != Some(broadcaster) {
            return Taken::NotOurs(ABOUT_ANOTHER);
        }
        let messages: Vec<Vec<u8>> = channels.iter().map(|to| chat(to, &message, signed).to_bytes()).collect();
        if let Err(error) = ports.activity.publish(messages).await {
            tracing::warn!(error = crate::error::chain(&error.into()), "chat could not be passed on");
            return Taken::Unavailable;
        }
        crate::crash::point("kick.chat.published");
        ports.kick_heard.note(broadcaster, ports.clock.now());
        Taken::In { fresh: true }
    }

    /// Shown to the admins of the servers that it claims to be for.
    pub async fn note_refusal(&self, ports: &Ports, rule: &str, body: &[u8]) {
        let Ok(directory) = self.directory(ports, FRESH).await else { return };
        let claimed = parse_json(body).ok().and_then(|data| parse::broadcaster(&data));
        let Some(channels) = claimed.and_then(|broadcaster| directory.channels.get(&broadcaster)) else { return };
        let (hash, length) = (sha256_hex(body), i64::try_from(body.len()).unwrap_or(i64::MAX));
        for channel in channels {
            let (via, now) = (Via::Http.as_str(), ports.clock.now());
            let kept = ports.store.insert_refusal(channel.source_id, via, rule, None, &hash, length, now);
            if let Err(error) = kept.await {
                tracing::debug!(%error, "a refusal could not be kept");
            }
        }
    }

    /// What is known, read again when it is old, or when it does not have this subscription.
    async fn directory_with(&self, ports: &Ports, id: &str) -> Result<Arc<Directory>, StoreError> {
        let directory = self.directory(ports, FRESH).await?;
        if directory.subscriptions.contains_key(id) {
            return Ok(directory);
        }
        // It may have been made a moment ago.
        self.directory(ports, LOOK_AGAIN).await
    }

    async fn directory(&self, ports: &Ports, oldest: TimeDelta) -> Result<Arc<Directory>, StoreError> {
        let is_young =
            |known: &Directory| ports.clock.now() - known.read_at < oldest && !self.outdated.load(Ordering::Relaxed);
        match self.known() {
            Some(known) if is_young(&known) => Ok(known),
            // Somebody else is at it: what was known until now serves as long.
            Some(known) if oldest >= FRESH => match self.reading.try_lock() {
                Ok(_turn) => Ok(self.read(ports).await.unwrap_or(known)),
                Err(_) => Ok(known),
            },
            _ => {
                let _turn = self.reading.lock().await;
                match self.known() {
                    Some(known) if is_young(&known) => Ok(known),
                    _ => self.read(ports).await,
                }
            }
        }
    }

    fn known(&self) -> Option<Arc<Directory>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read(&self, ports: &Ports) -> Result<Arc<Directory>, StoreError> {
        // Both before the question: a change that it does not show is newer.
        let read_at = ports.clock.now();
        self.outdated.store(false, Ordering::Relaxed);
        let (subscriptions, connected) = ports.store.read_kick_directory().await?;
        let mut channels: HashMap<i64, Vec<Connected>> = HashMap::new();
        for channel in connected {
            channels.entry(channel.broadcaster_user_id).or_default().push(Connected {
                guild_id: channel.guild_id,
                source_id: channel.source_id,
                kick_channel_id: channel.id,
            });
        }
        let subscriptions = subscriptions
            .into_iter()
            .map(|s| (s.id, Subscription { broadcaster_user_id: s.broadcaster_user_id, kind: s.kind }))
            .collect();
        let directory = Arc::new(Directory { read_at, subscriptions, channels });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(directory.clone());
        Ok(directory)
    }
}

const ABOUT_ANOTHER: &str = "it is about another channel than its subscription";

/// An event for each server; all are stored before the answer.
async fn take_record(
    ports: &Ports,
    ingest: &Ingest,
    kind: &str,
    broadcaster: i64,
    channels: &[Connected],
    signed: &Signed,
    body: &[u8],
) -> Taken {
    let (data, payload) = match read(kind, body) {
        Ok((data, Some(payload))) => (data, payload),
        Ok((_, None)) => return Taken::NotOurs("its type is unknown"),
        Err(error) => return Taken::Unreadable(error),
    };
    if parse::broadcaster(&data) != Some(broadcaster) {
        return Taken::NotOurs(ABOUT_ANOTHER);
    }
    let delivery = Delivery {
        kind,
        payload: &payload,
        data: &data,
        raw: body,
        signed,
        received_at: ports.clock.now(),
        via: Via::Http,
    };
    let events: Vec<NewEvent> = channels.iter().filter_map(|to| event(ports.clock.uuid(), to, &delivery)).collect();
    let mut fresh = false;
    for outcome in ingest.submit_all(events).await {
        match outcome {
            Ok(inserted) => fresh |= matches!(inserted, Inserted::Fresh(_)),
            // What the others became is recognised when it comes again.
            Err(IngestError::Unavailable) => return Taken::Unavailable,
            // It is in quarantine, and would be refused again.
            Err(IngestError::Refused(_)) => {}
        }
    }
    Taken::In { fresh }
}

fn read(kind: &str, body: &[u8]) -> Result<(Value, Option<Payload>), ParseError> {
    let data = parse_json(body)?;
    let payload = parse::read(kind, &data)?;
    Ok((data, payload))
}

fn text(value: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(value?).ok().filter(|text| !text.is_empty())
}
