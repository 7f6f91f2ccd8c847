//! Messages of STATS_READY, which wait for the files of their rounds: how many may, and for how long (Facts 8). One whose file does
//! not come is put aside, where the admins find it.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::notice::{Help, Teller, Unread};
use super::read::ready_name;
use super::surroundings::READY_WITHIN;
use crate::id::GuildId;
use crate::ports::Ports;
use crate::source::etlegacy::PARSER_VERSION;
use crate::source::etlegacy::ready::RoundReady;
use crate::store::Store;
use crate::store::stats::file::{Fault, quarantine_file};
use crate::store::stats::lock_stats;
use crate::store::stats::ready::list_ready_without_file;

/// For so long a message waits for its file.
pub const WAITS: TimeDelta = TimeDelta::hours(3);
/// Messages that wait at once, and those of them about one map and round.
const MOST: i64 = 50;
const MOST_OF_A_ROUND: i64 = 8;
/// How often it is looked what has waited for too long.
const EVERY: TimeDelta = TimeDelta::minutes(5);

/// Why a message is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Too many in too short a time.
    Rate,
    /// Too many wait for their files.
    Waiting,
    /// Too many about this map and round do.
    SameRound,
}

/// `None`: there is room for it, or it is there already.
pub async fn full(ports: &Ports, guild_id: GuildId, ready: &RoundReady) -> Result<Option<Full>> {
    if !ports.store.list_known_stats_files(guild_id, &[ready_name(ready)]).await?.is_empty() {
        return Ok(None);
    }
    let round = i16::from(ready.round.get());
    let (all, same) = ports.store.count_ready_without_file(guild_id, &ready.map, round, READY_WITHIN).await?;
    Ok(if same >= MOST_OF_A_ROUND {
        Some(Full::SameRound)
    } else if all >= MOST {
        Some(Full::Waiting)
    } else {
        None
    })
}

/// Remembers when to look next.
#[derive(Default)]
pub struct Watch {
    next: Option<DateTime<Utc>>,
}

impl Watch {
    /// Puts aside what has waited for too long, when it is time to look. Returns how many messages that were.
    pub async fn step(&mut self, ports: &Ports) -> Result<usize> {
        let now = ports.clock.now();
        let config = &ports.config;
        let (Some(_), Some(guild_id)) = (&config.etlegacy.trigger, config.discord.guild_id) else { return Ok(0) };
        if self.next.is_some_and(|next| now < next) {
            return Ok(0);
        }
        let done = put_aside(ports, guild_id, now - WAITS).await?;
        self.next = Some(now + EVERY);
        Ok(done)
    }
}

async fn put_aside(ports: &Ports, guild_id: GuildId, before: DateTime<Utc>) -> Result<usize> {
    let teller = Teller::open(ports, guild_id).await?;
    let mut tx = ports.store.begin().await?;
    lock_stats(&mut tx, guild_id).await?;
    let late = list_ready_without_file(&mut tx, guild_id, before, READY_WITHIN).await?;
    let mut unread = Vec::new();
    for (id, name) in late {
        let what = format!("the file of its round has not come within {} hours", WAITS.num_hours());
        let fault = Fault { what: what.clone(), place: None };
        quarantine_file(&mut tx, guild_id, id, &fault, PARSER_VERSION).await?;
        unread.push(Unread { key: id.to_string(), name, way: None, why: what, help: Help::Find });
    }
    teller.tell(&mut tx, &unread).await?;
    Store::commit(tx).await?;
    if !unread.is_empty() {
        teller.wake();
    }
    Ok(unread.len())
}
