//! What the planner does with events of Kick before they are routed: when a channel was live, which stream a change of
//! its title belongs to, and what is not announced. In the planner's transaction, under a lock of the channel, so that
//! any order and any repetition end the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::event::{BY_API, ENDED, IS_STALE, SIGNED_AT, STARTED, UPDATED, channel_of, payload_of, stream_subject};
use super::parse::{Metadata, Payload, Status, StreamInfo};
use crate::bus::Topic;
use crate::event::Event;
use crate::ports::Ports;
use crate::routing::Decision;
use crate::store::Tx;
use crate::store::kick::stream::{
    self as streams, KickMetadata, KickStream, LockedKickChannel, NewKickStream, count_kick_facts, find_kick_stream_at,
    lock_kick_channels,
};
use crate::store::kick_check::ask_kick_check;

/// What is known of the channels of a batch, and which of its events are not announced.
#[derive(Default)]
pub struct Told {
    channels: BTreeMap<Uuid, LockedKickChannel>,
    /// Why, by event.
    quiet: HashMap<Uuid, &'static str>,
    /// Broadcasters whose stream began or ended: the API is asked how they stand. In order, so that two planners
    /// cannot hold each other up.
    asked: BTreeSet<i64>,
}

/// Goes through a batch in its order. Marks in `changed` the events whose data is more than what came.
pub async fn take_up(ports: &Ports, tx: &mut Tx, batch: &mut [Event], changed: &mut [bool]) -> Result<Told> {
    let mut told = Told::default();
    for event in batch.iter().filter(|event| event.data.get(IS_STALE).is_some() && event.kind.starts_with("kick.")) {
        told.quiet.insert(event.id, "it was signed more than 15 minutes before it came: kept, and not announced");
    }
    let is_of_stream = |event: &Event| matches!(event.kind.as_str(), STARTED | UPDATED | ENDED);
    let named = batch.iter().filter(|event| is_of_stream(event));
    let wanted: Vec<_> = named.filter_map(|event| Some((event.guild_id, channel_of(event)?))).collect();
    if wanted.is_empty() {
        return Ok(told);
    }
    let locked = lock_kick_channels(tx, &wanted).await.context("locking channels of Kick")?;
    told.channels = locked.into_iter().map(|channel| (channel.id, channel)).collect();
    for (event, changed) in batch.iter_mut().zip(changed) {
        if !is_of_stream(event) {
            continue;
        }
        let (Some(channel_id), Some(payload)) = (channel_of(event), payload_of(event)) else { continue };
        // Another source may use the same names, and say nothing about a channel.
        if told.channels.get(&channel_id).is_none_or(|channel| channel.source_id != event.source_id) {
            continue;
        }
        *changed |= match payload {
            Payload::Status(status) => told.on_status(ports, tx, event, channel_id, &status).await?,
            Payload::Metadata(metadata) => told.on_metadata(tx, event, channel_id, &metadata).await?,
            _ => false,
        };
    }
    for broadcaster in &told.asked {
        ask_kick_check(tx, *broadcaster, ports.clock.now()).await.context("asking for a look at a channel")?;
    }
    Ok(told)
}

impl Told {
    /// Takes the routes away from what is not announced; a card that is there follows all the same.
    pub fn hush(&self, batch: &[Event], decisions: &mut [Decision]) {
        for (event, decision) in batch.iter().zip(decisions) {
            if let Some(why) = self.quiet.get(&event.id) {
                decision.hits.clear();
                decision.plan.note = (*why).to_owned();
            }
        }
    }

    /// Once all of it is committed.
    pub fn committed(&self, ports: &Ports) {
        if !self.asked.is_empty() {
            ports.wake.wake(Topic::Kick);
        }
    }

    async fn on_status(
        &mut self,
        ports: &Ports,
        tx: &mut Tx,
        event: &mut Event,
        channel_id: Uuid,
        status: &Status,
    ) -> Result<bool> {
        let (Some(channel), Some(started_at)) = (self.channels.get(&channel_id), status.started_at) else {
            return Ok(false);
        };
        let info = as_it_began(channel, status, sent_at(event));
        let is_told = event.data.get(BY_API).is_none();
        self.asked.extend(status.broadcaster.user_id.filter(|_| is_told));
        let stream = streams::insert_kick_stream(
            tx,
            &NewKickStream {
                id: ports.clock.uuid(),
                kick_channel_id: channel_id,
                guild_id: event.guild_id,
                started_at,
                ended_at: status.ended_at.filter(|_| event.kind == ENDED),
                by_api: !is_told,
                title: info.title.as_deref().or(status.title.as_deref()),
                category: info.category().and_then(|category| category.name.as_deref()),
            },
        )
        .await
        .context("noting a stream")?;
        let Some(data) = event.data.as_object_mut() else { return Ok(false) };
        if event.kind == STARTED {
            if info == StreamInfo::default() || data.contains_key("metadata") {
                return Ok(false);
            }
            data.insert("metadata".into(), json!(info));
            return Ok(true);
        }
        let until = stream.ended_at.unwrap_or(event.occurred_at);
        let facts = count_kick_facts(tx, event.guild_id, event.source_id, channel_id, started_at, until).await?;
        data.insert("facts".into(), facts_json(&facts, &stream));
        Ok(true)
    }

    async fn on_metadata(&mut self, tx: &mut Tx, event: &mut Event, channel_id: Uuid, told: &Metadata) -> Result<bool> {
        let Some(channel) = self.channels.get_mut(&channel_id) else { return Ok(false) };
        let (at, said) = (sent_at(event), metadata(&told.metadata));
        let is_known = channel.metadata == said;
        if channel.metadata_at.is_none_or(|before| before <= at) {
            streams::save_kick_metadata(tx, event.guild_id, channel_id, &said, at).await?;
            (channel.metadata, channel.metadata_at) = (said, Some(at));
        }
        let stream = find_kick_stream_at(tx, event.guild_id, channel_id, at).await?;
        match (stream, told.broadcaster.user_id) {
            (Some(started_at), Some(broadcaster)) => {
                let subject = stream_subject(broadcaster, started_at);
                streams::save_event_subject(tx, event.guild_id, event.id, &subject).await?;
                event.subject = Some(subject);
                if is_known {
                    self.quiet.insert(event.id, "it says what is known already");
                }
            }
            _ => {
                self.quiet.insert(event.id, "the channel is not live: what it says is shown when it is");
            }
        }
        Ok(false)
    }
}

/// When the delivery was sent: of what says no time of its own, that is what orders it.
fn sent_at(event: &Event) -> DateTime<Utc> {
    let signed_at = event.data.get(SIGNED_AT).and_then(|at| at.as_str());
    let signed_at = signed_at.and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    signed_at.map_or(event.occurred_at, |at| at.to_utc()).min(event.received_at)
}

/// What the channel said about itself before the stream, with the stream's own title; what it said since stands as it is.
fn as_it_began(channel: &LockedKickChannel, status: &Status, sent_at: DateTime<Utc>) -> StreamInfo {
    let Some(said_at) = channel.metadata_at else { return StreamInfo::default() };
    let mut info = info(&channel.metadata);
    if said_at < sent_at && status.title.is_some() {
        info.title.clone_from(&status.title);
    }
    info
}

fn metadata(info: &StreamInfo) -> KickMetadata {
    let category = info.category();
    KickMetadata {
        title: info.title.clone(),
        category: category.and_then(|category| category.name.clone()),
        language: info.language.clone(),
        mature: info.has_mature_content,
        thumbnail: category.and_then(|category| category.thumbnail.clone()),
    }
}

fn info(metadata: &KickMetadata) -> StreamInfo {
    let category =
        super::parse::Category { id: None, name: metadata.category.clone(), thumbnail: metadata.thumbnail.clone() };
    StreamInfo {
        title: metadata.title.clone(),
        language: metadata.language.clone(),
        has_mature_content: metadata.mature,
        category: (metadata.category.is_some()).then_some(category),
        capital: None,
    }
}

fn facts_json(facts: &streams::KickFacts, stream: &KickStream) -> serde_json::Value {
    json!({
        "followers": facts.followers,
        "subscriptions": facts.subscriptions,
        "gifted": facts.gifted,
        "kicks": facts.kicks,
        "peak_viewers": stream.peak_viewers,
        "peak_at": stream.peak_at,
    })
}
