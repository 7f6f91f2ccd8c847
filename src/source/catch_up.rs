//! Missed deliveries of XTSystems: its sender gives up after seconds, so what failed or is unknown to
//! us is fetched from its list: at start, after we answered 503, and every ten minutes.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::ingest::{Ingest, IngestError};
use super::notice;
use crate::event::{NewEvent, Via};
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::xtsystems::parse;
use crate::upstream::xtsystems::{UpstreamError, Webhook};

const EVERY: TimeDelta = TimeDelta::minutes(10);
/// After a failed look, the next one; twice as long each time, up to [`EVERY`].
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// The platform lists this many at most.
const LISTED: u32 = 50;
/// A failed delivery older than this is history, not news.
const FAILED_WITHIN: TimeDelta = TimeDelta::days(7);

/// Remembers when to look next.
pub struct CatchUp {
    source_id: Uuid,
    guild_id: GuildId,
    /// The address under which XTSystems knows us.
    url: Option<String>,
    next: Option<DateTime<Utc>>,
    again: TimeDelta,
}

impl CatchUp {
    pub fn new(source_id: Uuid, guild_id: GuildId, url: Option<String>) -> Self {
        Self { source_id, guild_id, url, next: None, again: AGAIN }
    }

    /// When the next look is due by the clock alone; `None` before the first.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        self.next
    }

    /// Looks when it is time or something was missed. Returns how many events came in. That XTSystems
    /// cannot be asked is no failure of ours: it is said, and asked again.
    pub async fn step(&mut self, ports: &Ports, ingest: &Ingest) -> Result<usize> {
        let now = ports.clock.now();
        let missed = ingest.take_missed();
        if !missed && self.next.is_some_and(|next| next > now) {
            return Ok(0);
        }
        let error = match self.fetch(ports, ingest).await {
            Ok(count) => {
                (self.next, self.again) = (Some(now + EVERY), AGAIN);
                return Ok(count);
            }
            Err(error) => error,
        };
        self.next = Some(now + self.again);
        let seconds = self.again.num_seconds();
        self.again = (self.again * 2).min(EVERY);
        if missed {
            ingest.note_missed();
        }
        let Some(upstream) = error.downcast_ref::<UpstreamError>() else { return Err(error) };
        tracing::warn!(error = %upstream, seconds, "missed deliveries cannot be looked for; trying again");
        Ok(0)
    }

    async fn fetch(&self, ports: &Ports, ingest: &Ingest) -> Result<usize> {
        let Some(client) = &ports.xtsystems else { return Ok(0) };
        let Some(webhook) = find_ours(client.list_webhooks().await?, self.url.as_deref()) else { return Ok(0) };
        let deliveries = match client.list_deliveries(&webhook.id, LISTED).await {
            Ok(deliveries) => deliveries,
            Err(UpstreamError::NotFound { .. }) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let now = ports.clock.now();
        let source_since = ports.store.get_source_created_at(self.source_id).await?;
        let full = deliveries.len() >= LISTED as usize;
        let mut events = Vec::new();
        let mut oldest_unknown = false;
        for delivery in deliveries {
            let at = delivery.created_at.unwrap_or(now);
            let failed = !delivery.response_status.is_some_and(|s| (200..400).contains(&s));
            // What an earlier bot received is not ours to repeat.
            if (!failed && at < source_since) || (failed && at < now - FAILED_WITHIN) {
                oldest_unknown = false;
                continue;
            }
            match self.event(ports, &delivery.payload, now) {
                Ok(event) => {
                    oldest_unknown = true;
                    events.push(event);
                }
                Err(error) => tracing::warn!(%error, delivery = delivery.id, "a listed delivery cannot be read"),
            }
        }
        let keys: Vec<String> = events.iter().map(|e| e.event.dedup_key.clone()).collect();
        let known = ports.store.list_known_keys(self.source_id, &keys).await?;
        // Listed newest first: if the last one is new to us, there may be more behind it.
        let gap = full && oldest_unknown && keys.last().is_some_and(|key| !known.contains(key));
        events.retain(|e| !known.contains(&e.event.dedup_key));
        if gap && let Some(oldest) = events.last() {
            let text = format!(
                "XTSystems lists only the last {LISTED} deliveries, and all of them were new to us: what was sent before \
                 <t:{}:f> may be missing. Look at its delivery log.",
                oldest.event.occurred_at.timestamp()
            );
            notice::tell_admins(ports, self.guild_id, &format!("gap:{}", oldest.event.dedup_key), &text).await?;
        }
        events.reverse();
        let outcomes = ingest.submit_all(events).await;
        if outcomes.iter().any(|o| matches!(o, Err(IngestError::Unavailable))) {
            anyhow::bail!("the database went away while missed deliveries were stored");
        }
        let stored = outcomes.iter().filter(|o| o.is_ok()).count();
        if stored > 0 {
            tracing::info!(stored, "fetched missed deliveries");
        }
        Ok(stored)
    }

    fn event(&self, ports: &Ports, payload: &Value, now: DateTime<Utc>) -> Result<NewEvent, parse::ParseError> {
        let event = parse::from_delivery(payload, self.source_id, self.guild_id, ports.clock.uuid(), now)?;
        Ok(NewEvent { event, raw: payload.to_string().into_bytes(), data_in_raw: false, via: Via::CatchUp })
    }
}

/// Our webhook among those registered: by address first, then by the name we register under.
pub fn find_ours(webhooks: Vec<Webhook>, url: Option<&str>) -> Option<Webhook> {
    let by_url = webhooks.iter().position(|w| url.is_some_and(|url| same_address(&w.url, url)));
    let index = by_url.or_else(|| webhooks.iter().position(|w| w.name == crate::source::xtsystems::WEBHOOK_NAME))?;
    webhooks.into_iter().nth(index)
}

pub fn same_address(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
