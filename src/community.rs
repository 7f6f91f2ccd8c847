//! The stream community: who watches earns, and every number can be explained. What viewers do comes in as activity,
//! is stored as minutes, and is counted from there.

pub mod activity;
pub mod bits;
pub mod board;
pub mod bot_events;
pub mod card;
pub mod chat_command;
pub mod clip;
pub mod count;
pub mod dashboard;
pub mod draw;
pub mod earn;
pub mod gtb;
pub mod leaderboard;
pub mod link;
pub mod money;
pub mod multiplier;
pub mod points;
pub mod proof;
pub mod roles;
pub mod rules;
pub mod schedule;
pub mod settings;
pub mod shop;
pub mod slot_call;
pub mod timer;
pub mod words;

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use anyhow::Result;

use crate::clock::Stopwatch;
use crate::id::GuildId;
use crate::ports::Ports;
use rules::Timeline;

/// Rules and ignored viewers are read again after this long; after a change at once.
const FRESH: std::time::Duration = std::time::Duration::from_secs(10);

/// What counting has to know of servers: small, and read from time to time.
#[derive(Default)]
pub struct Known {
    pub rules: Timeline,
    pub ignored: HashSet<(GuildId, i64)>,
    read: Option<Stopwatch>,
    version: u64,
}

impl Known {
    /// As it is in the database, or was a moment ago. True when something was changed since it was last read.
    pub async fn refresh(&mut self, ports: &Ports) -> Result<bool> {
        let version = ports.community_version.load(Ordering::Relaxed);
        let changed = version != self.version;
        if !changed && self.read.as_ref().is_some_and(|read| read.elapsed() < FRESH) {
            return Ok(false);
        }
        self.rules = Timeline::of(ports.store.list_rules().await?);
        self.ignored = ports.store.list_ignored_viewers().await?.into_iter().collect();
        (self.read, self.version) = (Some(Stopwatch::start()), version);
        Ok(changed)
    }
}
