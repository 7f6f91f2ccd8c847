//! Sends events to the application's webhook address, one delivery for each subscription, signed, and logs what became of each.
//!
//! How often and how long Kick retries is not documented; client authors report very fast retries under the same message id. After
//! more than a day of failures Kick unsubscribes the application from that event (changelog of 2025-12-12), and tells nobody.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tokio::sync::watch;

use super::{
    Kick, body, key,
    sending::{Order, Parcel, Tamper, put_in_order},
    world::Delivery,
};

/// Kick's own client.
pub(super) const AGENT: &str = "Go-http-client/1.1";
/// How long Kick waits for an answer is not documented.
const PATIENCE: Duration = Duration::from_secs(10);

impl Kick {
    /// Sends a body of any kind as an event of this channel: to whoever is subscribed to it, by the rules that are in force.
    pub async fn deliver(&self, event: &str, broadcaster_user_id: i64, body: &serde_json::Value) -> Vec<Delivery> {
        self.send(event, broadcaster_user_id, body::of_value(body)).await
    }

    pub(super) async fn send(&self, event: &str, broadcaster: i64, body: String) -> Vec<Delivery> {
        let busy = Busy::new(&self.inner.busy);
        let parcels = self.packed(event, broadcaster, &body);
        let mut sent = Vec::new();
        for parcel in parcels {
            sent.push(self.carry(parcel).await);
        }
        drop(busy);
        sent
    }

    /// As `send`, in the background: what a call brought about. `settle` waits for it.
    pub(super) fn send_soon(&self, event: &'static str, broadcaster: i64, body: String) {
        let busy = Busy::new(&self.inner.busy);
        let kick = self.clone();
        tokio::spawn(async move {
            kick.send(event, broadcaster, body).await;
            drop(busy);
        });
    }

    /// What is to be sent now. What is late or held is put away.
    fn packed(&self, event: &str, broadcaster: i64, body: &str) -> Vec<Parcel> {
        let now = self.clock().now();
        let (parcels, put_away) = {
            let mut world = self.world();
            let rules = world.sending.clone();
            let mut parcels = Vec::new();
            let mut add = |subscription_id: String, oddity: Option<&str>| {
                parcels.push(Parcel {
                    message_id: self.ulid(),
                    subscription_id,
                    kind: event.to_owned(),
                    version: "1".to_owned(),
                    broadcaster_user_id: broadcaster,
                    body: body.to_owned(),
                    timestamp: rules.signed_before.then_some(now),
                    due: now + TimeDelta::seconds(rules.delay_seconds),
                    repeats: rules.repeats,
                    tamper: rules.tamper,
                    oddity: oddity.map(str::to_owned),
                });
            };
            for subscription in world.subscribed(event, broadcaster) {
                add(subscription.id.clone(), None);
                for _ in 0..rules.copies {
                    add(subscription.id.clone(), Some("copy"));
                }
            }
            if rules.foreign {
                add(self.ulid(), Some("another app's copy"));
            }
            if rules.lost {
                return Vec::new();
            }
            let put_away = world.holding || rules.delay_seconds > 0;
            if world.holding {
                world.held.append(&mut parcels);
            } else if put_away {
                world.waiting.append(&mut parcels);
            }
            (parcels, put_away)
        };
        if put_away {
            self.change(|_| ());
        }
        parcels
    }

    /// From now on events are kept back until `release`.
    pub fn hold(&self) {
        self.change(|world| world.holding = true);
    }

    /// Sends what was held, in this order, and holds no more.
    pub async fn release(&self, order: Order) -> Vec<Delivery> {
        let mut parcels = self.change(|world| {
            world.holding = false;
            std::mem::take(&mut world.held)
        });
        put_in_order(&mut parcels, order);
        let mut sent = Vec::new();
        for parcel in parcels {
            sent.push(self.carry(parcel).await);
        }
        sent
    }

    /// Sends what has become due by the clock.
    pub async fn send_due(&self) -> Vec<Delivery> {
        let now = self.clock().now();
        if self.world().waiting.iter().all(|parcel| parcel.due > now) {
            return Vec::new();
        }
        let _busy = Busy::new(&self.inner.busy);
        let due: Vec<Parcel> = self.change(|world| world.waiting.extract_if(.., |parcel| parcel.due <= now).collect());
        let mut sent = Vec::new();
        for parcel in due {
            sent.push(self.carry(parcel).await);
        }
        sent
    }

    /// Sends what is due, and waits until nothing is under way any more.
    pub async fn settle(&self) {
        self.send_due().await;
        let mut busy = self.inner.busy.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = busy.wait_for(|events| *events == 0).await;
    }

    /// A logged delivery once more, byte for byte: what somebody who has recorded it can do.
    pub async fn resend(&self, message_id: &str) -> Option<Delivery> {
        let old = self.world().deliveries.iter().rev().find(|d| d.message_id == message_id)?.clone();
        Some(self.post(Delivery { attempts: 0, oddity: Some("sent again".to_owned()), ..old }, 1).await)
    }

    /// A logged delivery under other headers that are not signed, as the developer of another app can send what was meant for that
    /// app. It verifies.
    pub async fn resend_as(&self, message_id: &str, event: &str, subscription_id: &str) -> Option<Delivery> {
        let old = self.world().deliveries.iter().rev().find(|d| d.message_id == message_id)?.clone();
        let (event, subscription_id) = (event.to_owned(), subscription_id.to_owned());
        let oddity = Some("sent again by somebody else".to_owned());
        Some(self.post(Delivery { attempts: 0, event, subscription_id, oddity, ..old }, 1).await)
    }

    async fn carry(&self, parcel: Parcel) -> Delivery {
        let repeats = parcel.repeats;
        let signed = self.signed(parcel);
        let mut sent = self.post(signed.clone(), self.inner.retry_waits.len() as u32 + 1).await;
        for _ in 0..repeats {
            let again = Delivery { oddity: Some("repeat".to_owned()), ..signed.clone() };
            sent = self.post(again, 1).await;
        }
        sent
    }

    /// Signs, and then does what the forger does.
    fn signed(&self, parcel: Parcel) -> Delivery {
        let now = self.clock().now();
        let timestamp = body::seconds(parcel.timestamp.unwrap_or(now));
        let signature = key::sign(&parcel.message_id, &timestamp, parcel.body.as_bytes());
        let mut delivery = Delivery {
            message_id: parcel.message_id,
            subscription_id: parcel.subscription_id,
            event: parcel.kind,
            version: parcel.version,
            broadcaster_user_id: parcel.broadcaster_user_id,
            timestamp,
            signature: Some(signature),
            body: parcel.body,
            status: 0,
            attempts: 0,
            sent_at: now,
            oddity: parcel.oddity,
        };
        if let Some(tamper) = parcel.tamper {
            delivery.oddity = Some(tamper.words().to_owned());
            self.forge(&mut delivery, tamper);
        }
        delivery
    }

    fn forge(&self, delivery: &mut Delivery, tamper: Tamper) {
        match tamper {
            // Still JSON, as a careful forger would have it.
            Tamper::Body => match delivery.body.find(char::is_alphabetic) {
                Some(at) => {
                    let other = if delivery.body[at..].starts_with('x') { "y" } else { "x" };
                    let letter = delivery.body[at..].chars().next().map_or(1, char::len_utf8);
                    delivery.body.replace_range(at..at + letter, other);
                }
                None => delivery.body.push(' '),
            },
            Tamper::Newline => delivery.body.push('\n'),
            Tamper::MessageId => delivery.message_id = self.ulid(),
            Tamper::Timestamp => delivery.timestamp = body::seconds(delivery.sent_at + TimeDelta::seconds(1)),
            Tamper::Signature => {
                let flipped = |c: char| if c == 'A' { 'B' } else { 'A' };
                delivery.signature = delivery
                    .signature
                    .take()
                    .map(|s| s.chars().take(1).map(flipped).chain(s.chars().skip(1)).collect());
            }
            Tamper::NoSignature => delivery.signature = None,
            Tamper::Type => "channel.followed".clone_into(&mut delivery.event),
            Tamper::Subscription => delivery.subscription_id = self.ulid(),
        }
    }

    async fn post(&self, mut delivery: Delivery, tries: u32) -> Delivery {
        let url = self.world().webhook_url.clone();
        while delivery.attempts < tries {
            delivery.attempts += 1;
            delivery.status = match &url {
                Some(url) => self.attempt(url, &delivery).await,
                None => 0,
            };
            if (200..300).contains(&delivery.status) {
                break;
            }
            if delivery.attempts < tries {
                let wait = self.inner.retry_waits.get(delivery.attempts as usize - 1).copied();
                tokio::time::sleep(wait.unwrap_or_default()).await;
            }
        }
        delivery.sent_at = self.clock().now();
        self.world().log(delivery.clone());
        if delivery.oddity.is_none() {
            self.judge(&delivery.subscription_id, (200..300).contains(&delivery.status));
        }
        delivery
    }

    async fn attempt(&self, url: &str, delivery: &Delivery) -> u16 {
        let Some(headers) = headers(delivery) else { return 0 };
        let request = self.inner.http.post(url).headers(headers).timeout(PATIENCE).body(delivery.body.clone());
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                // Read to its end, so that the connection can be used again.
                let _ = answer.bytes().await;
                status
            }
            Err(_) => 0,
        }
    }

    /// After more than a day of failures the application no longer gets this event.
    fn judge(&self, subscription_id: &str, taken: bool) {
        let now = self.clock().now();
        let failing = self.world().subscriptions.iter().any(|s| s.id == subscription_id && s.failing_since.is_some());
        if taken && !failing {
            return;
        }
        self.change(|world| {
            let Some(one) = world.subscriptions.iter_mut().find(|s| s.id == subscription_id) else { return };
            if taken {
                one.failing_since = None;
                return;
            }
            let since = *one.failing_since.get_or_insert(now);
            if now - since > TimeDelta::days(1) {
                let event = one.event.clone();
                world.subscriptions.retain(|s| s.event != event);
            }
        });
    }

    /// 48 bits of time and 80 of chance.
    pub(super) fn ulid(&self) -> String {
        let millis = u128::try_from(self.clock().now().timestamp_millis()).unwrap_or_default();
        ulid(millis, uuid::Uuid::new_v4().as_u128())
    }
}

/// Crockford's base 32.
fn ulid(millis: u128, chance: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = (millis << 80) | (chance & ((1 << 80) - 1));
    (0..26).rev().map(|i| char::from(DIGITS[(bits >> (i * 5)) as usize & 31])).collect()
}

/// <https://docs.kick.com/events/webhook-security>. `None`: something in it cannot be a header.
pub(super) fn headers(delivery: &Delivery) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in own_headers(delivery) {
        headers.insert(HeaderName::from_static(name), value.parse().ok()?);
    }
    Some(headers)
}

/// Those that begin with `Kick-Event-`.
pub(super) fn own_headers(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("kick-event-message-id", delivery.message_id.clone()),
        ("kick-event-subscription-id", delivery.subscription_id.clone()),
        ("kick-event-message-timestamp", delivery.timestamp.clone()),
        ("kick-event-type", delivery.event.clone()),
        ("kick-event-version", delivery.version.clone()),
    ];
    if let Some(signature) = &delivery.signature {
        all.push(("kick-event-signature", signature.clone()));
    }
    all
}

/// Counts the events under way while it lives.
struct Busy(Arc<watch::Sender<usize>>);

impl Busy {
    fn new(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|n| *n += 1);
        Self(count.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

/// A signed delivery that nobody has sent yet, for whoever sends many at once.
#[derive(Clone, Debug)]
pub struct Signed {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Signed {
    /// The whole request as it goes over the wire to the application's webhook address.
    pub fn request(&self, kick: &Kick) -> Vec<u8> {
        let url = kick.world().webhook_url.clone().unwrap_or_default();
        let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap_or_default();
        let mut request = format!(
            "POST /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {AGENT}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n",
            self.body.len()
        );
        for (name, value) in &self.headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(&self.body);
        request.into_bytes()
    }
}

/// What the log would have of it, signed at this moment.
pub(super) fn signed_now(
    kick: &Kick,
    event: &str,
    subscription_id: &str,
    broadcaster_user_id: i64,
    body: String,
    now: DateTime<Utc>,
) -> Signed {
    let (message_id, timestamp) = (kick.ulid(), body::seconds(now));
    let signature = Some(key::sign(&message_id, &timestamp, body.as_bytes()));
    let delivery = Delivery {
        message_id,
        subscription_id: subscription_id.to_owned(),
        event: event.to_owned(),
        version: "1".to_owned(),
        broadcaster_user_id,
        timestamp,
        signature,
        body: String::new(),
        status: 0,
        attempts: 0,
        sent_at: now,
        oddity: None,
    };
    Signed { headers: own_headers(&delivery), body }
}
