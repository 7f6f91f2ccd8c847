//! Sends events to the registered webhooks with the platform's retry rule, and logs what became of each.
//!
//! Three tries by default, 1 s and 2 s between them, 30 s for an answer; any answer below 400 is delivered; after the last try the
//! delivery is logged with status 0 and never tried again. The body is made once, so its `timestamp` is that of the trigger; the
//! header's timestamp and with it the signature are made anew at each attempt.

use std::{sync::Arc, time::Duration};

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{
    XtSystems,
    body::{body, sign},
    world::{COMPANY_ID, Delivery, Webhook, new_id},
};

const SIGNATURE: HeaderName = HeaderName::from_static("x-xtsystems-signature");
const CANNOT_CONNECT: &str = "Cannot connect to host";
const TIMESTAMP: HeaderName = HeaderName::from_static("x-xtsystems-timestamp");

impl XtSystems {
    /// Triggers an event now: sends it to every active webhook that is subscribed to it and waits until each took it or was
    /// given up.
    pub async fn send(&self, event_type: &str, data: Value) -> Vec<Delivery> {
        let now = self.clock().now().timestamp();
        self.send_at(event_type, data, now).await
    }

    /// As `send`, for an event that was triggered at `timestamp` (unix seconds, the body's own).
    pub async fn send_at(&self, event_type: &str, data: Value, timestamp: i64) -> Vec<Delivery> {
        let webhooks = self.world().subscribed(event_type);
        self.send_to(webhooks, event_type, data, timestamp).await
    }

    /// Logs the event as given up for every subscribed webhook without sending anything: what the platform has after its receiver
    /// was away.
    pub async fn trigger_offline(&self, event_type: &str, data: Value) -> Vec<Delivery> {
        let now = self.clock().now().timestamp();
        let webhooks = self.world().subscribed(event_type);
        let payload = payload(event_type, data, now);
        let lost = |webhook: Webhook| {
            let attempts = webhook.retry_count.max(1);
            let error = CANNOT_CONNECT.to_owned();
            self.log(&webhook, &payload, attempts, Err(error))
        };
        webhooks.into_iter().map(lost).collect()
    }

    /// Sends the body of a logged delivery once more, byte for byte, with a fresh header timestamp: a duplicate.
    pub async fn resend(&self, delivery_id: &str) -> Option<Delivery> {
        let (webhook, old) = {
            let world = self.world();
            let old = world.deliveries.iter().find(|d| d.id == delivery_id)?.clone();
            let webhook = world.webhooks.iter().find(|w| w.id == old.webhook_id)?;
            (webhook.clone(), old)
        };
        Some(self.deliver(&webhook, &old.payload).await)
    }

    /// `webhook.test` for one webhook, whatever it is subscribed to.
    pub(super) async fn send_test(&self, webhook: Webhook) -> Vec<Delivery> {
        let now = self.clock().now();
        let data = json!({
            "message": "This is a test webhook",
            "timestamp": now.format("%Y-%m-%dT%H:%M:%S").to_string(),
            "webhook_id": webhook.id,
        });
        self.send_to(vec![webhook], "webhook.test", data, now.timestamp()).await
    }

    /// Sends in the background, as the platform does for what a REST call changed; `settle` waits for it.
    pub(super) fn send_soon(&self, event_type: &str, data: Value) -> JoinHandle<Vec<Delivery>> {
        let busy = Busy::new(&self.inner.busy);
        let timestamp = self.clock().now().timestamp();
        let (xt, event_type) = (self.clone(), event_type.to_owned());
        tokio::spawn(async move {
            let deliveries = xt.send_at(&event_type, data, timestamp).await;
            drop(busy);
            deliveries
        })
    }

    /// Waits until no event is under way any more.
    pub async fn settle(&self) {
        let mut busy = self.inner.busy.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = busy.wait_for(|events| *events == 0).await;
    }

    async fn send_to(&self, webhooks: Vec<Webhook>, event_type: &str, data: Value, timestamp: i64) -> Vec<Delivery> {
        let payload = payload(event_type, data, timestamp);
        let sends = webhooks.iter().map(|webhook| self.deliver(webhook, &payload));
        futures_util::future::join_all(sends).await
    }

    async fn deliver(&self, webhook: &Webhook, payload: &Value) -> Delivery {
        if self.is_offline() {
            let error = CANNOT_CONNECT.to_owned();
            return self.log(webhook, payload, webhook.retry_count.max(1), Err(error));
        }
        let raw = raw_body(payload);
        let tries = webhook.retry_count.max(1);
        let mut outcome = Err(String::new());
        let mut attempts = 0;
        while attempts < tries {
            attempts += 1;
            outcome = self.attempt(webhook, &raw).await;
            if outcome.is_ok() {
                break;
            }
            if attempts < tries {
                tokio::time::sleep(self.wait_after(attempts)).await;
            }
        }
        self.log(webhook, payload, attempts, outcome)
    }

    fn wait_after(&self, attempt: u32) -> Duration {
        let waits = &self.inner.retry_waits;
        let index = (attempt as usize - 1).min(waits.len().saturating_sub(1));
        waits.get(index).copied().unwrap_or_default()
    }

    async fn attempt(&self, webhook: &Webhook, raw: &str) -> Result<(u16, String), String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("XTSystems-Webhook/1.0"));
        for (name, value) in &webhook.headers {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                headers.insert(name, value);
            }
        }
        if let Some(secret) = webhook.secret.as_deref().filter(|s| !s.is_empty()) {
            let timestamp = self.clock().now().timestamp();
            headers.insert(TIMESTAMP, HeaderValue::from(timestamp));
            let signature = sign(secret, timestamp, raw);
            headers.insert(SIGNATURE, signature.parse().map_err(|e| format!("{e}"))?);
        }
        let answer = self
            .inner
            .http
            .post(&webhook.url)
            .headers(headers)
            .timeout(Duration::from_secs(webhook.timeout_seconds.max(1)))
            .body(raw.to_owned())
            .send()
            .await
            .map_err(|e| reason(&e, webhook.timeout_seconds))?;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        if status < 400 {
            Ok((status, text.chars().take(1_000).collect()))
        } else {
            Err(format!("HTTP {status}: {}", text.chars().take(1_000).collect::<String>()))
        }
    }

    fn log(
        &self,
        webhook: &Webhook,
        payload: &Value,
        attempts: u32,
        outcome: Result<(u16, String), String>,
    ) -> Delivery {
        let now = self.clock().now();
        let delivered_at = outcome.is_ok().then_some(now);
        let (response_status, response_body) = outcome.unwrap_or_else(|error| (0, error));
        let delivery = Delivery {
            id: new_id(),
            webhook_id: webhook.id.clone(),
            event_type: payload["event_type"].as_str().unwrap_or_default().to_owned(),
            payload: payload.clone(),
            response_status,
            response_body,
            attempts,
            delivered_at,
            created_at: now,
        };
        self.change(|world| world.log(delivery.clone()));
        delivery
    }
}

fn payload(event_type: &str, data: Value, timestamp: i64) -> Value {
    json!({"event_type": event_type, "data": data, "company_id": COMPANY_ID, "timestamp": timestamp})
}

/// Why there is no answer, without the address: the log already has it.
fn reason(error: &reqwest::Error, seconds: u64) -> String {
    if error.is_timeout() {
        format!("No answer within {seconds} s")
    } else if error.is_connect() {
        CANNOT_CONNECT.to_owned()
    } else {
        "The connection broke before an answer came".to_owned()
    }
}

/// The bytes on the wire for a logged payload.
pub(super) fn raw_body(payload: &Value) -> String {
    body(
        payload["event_type"].as_str().unwrap_or_default(),
        &payload["data"],
        payload["company_id"].as_str().unwrap_or_default(),
        payload["timestamp"].as_i64().unwrap_or_default(),
    )
}

/// Counts the events under way while it lives.
struct Busy(Arc<tokio::sync::watch::Sender<usize>>);

impl Busy {
    fn new(count: &Arc<tokio::sync::watch::Sender<usize>>) -> Self {
        count.send_modify(|n| *n += 1);
        Self(count.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}
