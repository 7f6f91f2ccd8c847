//! Reads the activity stream and stores who was present: a batch is one statement or a few, and is acknowledged after
//! its commit. A message counts by the time at which it was written, so it does not matter when it comes, how often, in
//! which order, or to which process.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::bits::{hour_of, minute_of, presence};
use super::{Known, chat_command};
use crate::bus::{Entry, Reader};
use crate::event::activity::ChatMessage;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::store::opening::give_openings;
use crate::store::viewer::{SeenViewer, ensure_viewers};
use crate::store::watch::{FLUSH, Presence};
use crate::store::{Store, StoreError};

/// While the database is away, a batch is tried again this often.
const STORE_AGAIN: Duration = Duration::from_secs(2);
/// What was written longer ago is not counted any more: its hours may be gone.
const OLDEST: TimeDelta = TimeDelta::days(30);
/// Clocks differ; what claims to come from further ahead is not counted.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// A name that is seen again is written down again after this long.
const SEEN_AGAIN: TimeDelta = TimeDelta::minutes(10);
/// Viewers that are remembered; beyond that all are looked up again.
const REMEMBERED: usize = 200_000;
const STREAM: &str = "activity";
const NAME: usize = 100;

/// Bots that many streamers have, by their names.
const BOTS: [&str; 9] =
    ["botrix", "kickbot", "nightbot", "streamelements", "streamlabs", "fossabot", "moobot", "wizebot", "mixitupbot"];

/// What one process knows of viewers whom it has seen.
#[derive(Default)]
pub struct Aggregator {
    pub known: Known,
    viewers: HashMap<(GuildId, i64), Remembered>,
}

struct Remembered {
    person_id: Uuid,
    username: String,
    written_at: DateTime<Utc>,
}

impl Aggregator {
    /// Reads a batch, stores it, acknowledges it. Returns how many entries that were.
    pub async fn take_batch(
        &mut self,
        ports: &Ports,
        reader: &mut Reader,
        block: Duration,
        stop: &CancellationToken,
    ) -> Result<usize> {
        let entries = reader.next(block).await.context("reading the activity stream")?;
        if entries.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        let (messages, refused) = sort(reader, entries);
        loop {
            match self.keep(ports, &messages, &refused).await {
                Ok(()) => break,
                Err(error) if is_away(&error) && !stop.is_cancelled() => {
                    reader.hold(&ids).await.context("holding a batch while the database is away")?;
                    stop.run_until_cancelled(tokio::time::sleep(STORE_AGAIN)).await;
                }
                Err(error) => return Err(error),
            }
        }
        crate::crash::point("activity.before_ack");
        reader.ack(&ids).await.context("acknowledging activity")?;
        Ok(ids.len())
    }

    async fn keep(&mut self, ports: &Ports, messages: &[ChatMessage], refused: &[(Entry, String)]) -> Result<()> {
        for (entry, reason) in refused {
            let (deliveries, now) = (i64::from(entry.deliveries), ports.clock.now());
            ports.store.insert_quarantine(STREAM, &entry.id, &entry.event, reason, deliveries, now).await?;
            tracing::warn!(entry = entry.id, reason, "an entry of the activity stream is quarantined");
        }
        if self.known.refresh(ports).await? {
            // One of them may be forgotten.
            self.viewers.clear();
        }
        self.flush(ports, messages).await?;
        crate::crash::point("activity.flushed");
        // Before the acknowledgement: whoever dies in between hears it again, and a command is carried out once.
        chat_command::hear(ports, messages).await?;
        Ok(())
    }

    /// Stores who was present by these messages.
    pub async fn flush(&mut self, ports: &Ports, messages: &[ChatMessage]) -> Result<()> {
        let now = ports.clock.now();
        let counted: Vec<&ChatMessage> = messages.iter().filter(|message| self.counts(message, now)).collect();
        self.remember(ports, &counted).await?;
        let presences = self.presences(&counted);
        let due_at = next_minute(now);
        for chunk in presences.chunks(FLUSH) {
            ports.store.flush_presences(chunk, now, due_at).await.context("storing presences")?;
        }
        Ok(())
    }

    fn counts(&self, message: &ChatMessage, now: DateTime<Utc>) -> bool {
        let in_time = message.at > now - OLDEST && message.at < now + AHEAD;
        let somebody = message.viewer > 0 && !self.known.ignored.contains(&(message.guild_id, message.viewer));
        in_time && somebody && !BOTS.contains(&message.username.to_lowercase().as_str())
    }

    /// Looks up whoever is new here, or has another name than before.
    async fn remember(&mut self, ports: &Ports, messages: &[&ChatMessage]) -> Result<()> {
        if self.viewers.len() > REMEMBERED {
            self.viewers.clear();
        }
        let mut newest: BTreeMap<(GuildId, i64), &ChatMessage> = BTreeMap::new();
        for message in messages {
            let key = (message.guild_id, message.viewer);
            let is_known = self.viewers.get(&key).is_some_and(|known| {
                message.at < known.written_at + SEEN_AGAIN
                    && (message.at <= known.written_at || known.username == message.username)
            });
            if !is_known {
                let kept = newest.entry(key).or_insert(message);
                if (message.at, &message.username) > (kept.at, &kept.username) {
                    *kept = message;
                }
            }
        }
        let unknown: Vec<(&(GuildId, i64), &&ChatMessage)> = newest.iter().collect();
        for chunk in unknown.chunks(FLUSH) {
            let seen: Vec<SeenViewer> = chunk
                .iter()
                .map(|((guild_id, viewer), message)| SeenViewer {
                    guild_id: *guild_id,
                    kick_user_id: *viewer,
                    username: name(&message.username),
                    seen_at: message.at,
                    new_id: ports.clock.uuid(),
                })
                .collect();
            let mut tx = ports.store.begin().await?;
            let persons = ensure_viewers(&mut tx, &seen).await.context("storing viewers")?;
            let named = seen.iter().zip(&persons).map(|(viewer, id)| (viewer.guild_id, *id, viewer.username.clone()));
            give_openings(&mut tx, &named.collect::<Vec<_>>(), ports.clock.now()).await?;
            Store::commit(tx).await?;
            for ((key, message), person_id) in chunk.iter().zip(persons) {
                let (username, written_at) = (message.username.clone(), message.at);
                self.viewers.insert(**key, Remembered { person_id, username, written_at });
            }
        }
        Ok(())
    }

    /// In the order of the table's key.
    fn presences(&self, messages: &[&ChatMessage]) -> Vec<Presence> {
        let mut all: BTreeMap<(Uuid, i32, Uuid), Presence> = BTreeMap::new();
        for message in messages {
            let Some(viewer) = self.viewers.get(&(message.guild_id, message.viewer)) else { continue };
            let (hour, minute) = (hour_of(message.at), minute_of(message.at));
            let active = self.known.rules.at(message.guild_id, hour).active_minutes;
            let (here, next) = presence(minute, active);
            for (hour, said, present) in [(hour, 1 << minute, here), (hour + 1, 0, next)] {
                if present == 0 {
                    continue;
                }
                let key = (message.kick_channel_id, hour, viewer.person_id);
                let row = all.entry(key).or_insert(Presence {
                    guild_id: message.guild_id,
                    kick_channel_id: message.kick_channel_id,
                    hour,
                    viewer_id: viewer.person_id,
                    said: 0,
                    present: 0,
                    subscriber: false,
                });
                row.said |= said;
                row.present |= present;
                row.subscriber |= message.has_badge("subscriber");
            }
        }
        all.into_values().collect()
    }
}

/// Messages, and what is none with the reason.
fn sort(reader: &Reader, entries: Vec<Entry>) -> (Vec<ChatMessage>, Vec<(Entry, String)>) {
    let (mut messages, mut refused) = (Vec::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        if let Some(refusal) = reader.refusal(&entry) {
            refused.push((entry, refusal.to_string()));
            continue;
        }
        match serde_json::from_slice(&entry.event) {
            Ok(message) => messages.push(message),
            Err(error) => refused.push((entry, format!("not a chat message: {error}"))),
        }
    }
    (messages, refused)
}

/// As it can be stored.
fn name(username: &str) -> String {
    username.chars().filter(|c| !c.is_control()).take(NAME).collect()
}

fn next_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now) + TimeDelta::minutes(1)
}

fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable))
}
