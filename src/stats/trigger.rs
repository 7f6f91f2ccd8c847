//! Messages of the game server in a private channel: that a file is there, or what its round was like (STATS_READY). Only
//! those of webhooks on the list, under the right name, each once, and no more than a server can cause by playing.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::directory::fetch;
use super::import::{Arrival, Arrived, Way, arrive};
use super::read::ready_name;
use super::ready::{Full, full};
use super::sftp::{self, fetch_one};
use crate::config::TriggerConfig;
use crate::id::{ChannelId, GuildId};
use crate::ports::Ports;
use crate::source::etlegacy::file_name::announced;
use crate::source::etlegacy::ready;

/// Notices of files that are followed, and in how long.
const NOTICES: (usize, TimeDelta) = (5, TimeDelta::seconds(60));
/// Messages about rounds.
const READY: (usize, TimeDelta) = (4, TimeDelta::seconds(30));
/// For so long a message that Discord delivers once more is known without a look at what is stored.
const REMEMBERED: TimeDelta = TimeDelta::seconds(600);

/// A message as it was heard.
pub struct Heard<'a> {
    pub guild_id: GuildId,
    pub channel_id: ChannelId,
    pub message_id: i64,
    pub webhook_id: Option<i64>,
    pub username: &'a str,
    /// Empty without Discord's message content intent.
    pub content: &'a str,
    /// Content and embeds, as JSON.
    pub body: Vec<u8>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is no such message, or was followed before.
    Passed,
    Arrived(Arrived),
    /// The file that it names is not there; what looks for files takes it when it is.
    NotThere,
    /// Nothing here says where files are.
    NowhereToLook,
    TooMany,
    /// A message about a round, which is not kept.
    Full(Full),
    /// Of the right webhook, and nothing that is known.
    Unknown,
    Failed(String),
}

/// When messages were followed of late.
#[derive(Default)]
pub struct Triggers {
    notices: Mutex<VecDeque<DateTime<Utc>>>,
    ready: Mutex<VecDeque<DateTime<Utc>>>,
    /// Messages that were followed, by id.
    followed: Mutex<VecDeque<(i64, DateTime<Utc>)>>,
}

impl Triggers {
    fn knows(&self, message_id: i64, now: DateTime<Utc>) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|(_, at)| now - *at < REMEMBERED);
        followed.iter().any(|(id, _)| *id == message_id)
    }

    fn note(&self, message_id: i64, now: DateTime<Utc>) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).push_back((message_id, now));
    }
}

/// Follows a message, whoever's it is.
pub async fn hear(ports: &Ports, triggers: &Triggers, heard: Heard<'_>) -> Result<Followed> {
    let config = &ports.config;
    let (Some(trigger), Some(guild_id)) = (&config.etlegacy.trigger, config.discord.guild_id) else {
        return Ok(Followed::Passed);
    };
    if !is_meant(trigger, guild_id, &heard) {
        return Ok(Followed::Passed);
    }
    let (message_id, now) = (heard.message_id, ports.clock.now());
    if triggers.knows(message_id, now) {
        return Ok(Followed::Passed);
    }
    // What it brings is known when it comes again; only the answer is to be given once.
    let followed = follow(ports, triggers, guild_id, heard).await?;
    let is_first = ports.store.insert_interaction(message_id, now).await?;
    triggers.note(message_id, now);
    Ok(if is_first { followed } else { Followed::Passed })
}

async fn follow(ports: &Ports, triggers: &Triggers, guild_id: GuildId, heard: Heard<'_>) -> Result<Followed> {
    let now = ports.clock.now();
    if let Ok(ready) = ready::message(&heard.body) {
        if !may(&triggers.ready, READY, now) {
            return Ok(Followed::Full(Full::Rate));
        }
        if let Some(full) = full(ports, guild_id, &ready).await? {
            return Ok(Followed::Full(full));
        }
        let (name, bytes, changed) = (ready_name(&ready), heard.body, Some(now));
        return Ok(Followed::Arrived(
            arrive(ports, guild_id, Arrival { name, bytes, changed, way: Way::Trigger }).await?,
        ));
    }
    let Some(name) = announced(heard.content) else { return Ok(Followed::Unknown) };
    if !may(&triggers.notices, NOTICES, now) {
        return Ok(Followed::TooMany);
    }
    bring(ports, guild_id, name).await
}

fn is_meant(trigger: &TriggerConfig, guild_id: GuildId, heard: &Heard<'_>) -> bool {
    heard.guild_id == guild_id
        && heard.channel_id == trigger.channel_id
        && heard.webhook_id.is_some_and(|id| trigger.webhooks.contains(&id))
        && heard.username == trigger.username
}

fn may(of_late: &Mutex<VecDeque<DateTime<Utc>>>, (most, within): (usize, TimeDelta), now: DateTime<Utc>) -> bool {
    let mut of_late = of_late.lock().unwrap_or_else(PoisonError::into_inner);
    of_late.retain(|at| now - *at < within);
    let may = of_late.len() < most;
    if may {
        of_late.push_back(now);
    }
    may
}

async fn bring(ports: &Ports, guild_id: GuildId, name: &str) -> Result<Followed> {
    let bytes = match (look(ports, name).await, ports.config.etlegacy.path.is_some() || ports.ssh.is_some()) {
        (Ok(Some(bytes)), _) => bytes,
        (Ok(None), true) => return Ok(Followed::NotThere),
        (Ok(None), false) => return Ok(Followed::NowhereToLook),
        (Err(error), _) => return Ok(Followed::Failed(error)),
    };
    let arrival = Arrival { name: name.to_owned(), bytes, changed: Some(ports.clock.now()), way: Way::Trigger };
    Ok(Followed::Arrived(arrive(ports, guild_id, arrival).await?))
}

/// In the directory of this machine first, then in that of the other one. The error is for who reads the channel.
async fn look(ports: &Ports, name: &str) -> Result<Option<Vec<u8>>, String> {
    if let Some(directory) = &ports.config.etlegacy.path {
        let found = fetch(directory, name).await;
        let found = found.map_err(|error| format!("the directory of ETLEGACY_STATS_PATH cannot be read: {error}"))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    match &ports.ssh {
        Some(client) => fetch_one(client, name).await.map_err(|error| sftp::words(&error)),
        None => Ok(None),
    }
}
