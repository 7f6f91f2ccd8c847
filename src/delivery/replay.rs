//! What was not delivered is queued again: by the command line, by a command in Discord, and by REST.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::id::GuildId;
use crate::store::Store;
use crate::store::audit::{Author, insert_audit};
use crate::store::message::{DeadFilter, DeadMessage, requeue_dead};

/// Messages handled at once.
pub const AT_MOST: i64 = 10_000;

/// What a replay would do.
pub struct Prospect {
    /// These can be queued again.
    pub messages: Vec<DeadMessage>,
    /// These cannot: what they show is there by now, or their destination was removed.
    pub settled: usize,
}

impl Prospect {
    /// How many would wait for their destination.
    pub fn waiting(&self) -> usize {
        self.messages.iter().filter(|message| message.would_wait).count()
    }
}

pub async fn look(store: &Store, filter: &DeadFilter) -> Result<Prospect> {
    let found = store.list_dead(filter, AT_MOST).await?;
    let (settled, messages): (Vec<_>, Vec<_>) = found.into_iter().partition(|message| message.settled);
    Ok(Prospect { messages, settled: settled.len() })
}

/// Queues what [`look`] finds; with `filter.until`, asking twice does it once. `by` stands in the audit log of the
/// server. Returns how many were queued.
pub async fn replay(
    store: &Store,
    filter: &DeadFilter,
    by: Option<&Author>,
    new_person: Uuid,
    now: DateTime<Utc>,
) -> Result<u64> {
    let prospect = look(store, filter).await?;
    let ids: Vec<i64> = prospect.messages.iter().map(|message| message.id).collect();
    let mut tx = store.begin().await?;
    let queued = requeue_dead(&mut tx, &ids, filter.until).await?;
    if let (Some(guild_id), Some(by), true) = (filter.guild_id, by, queued > 0) {
        let mut detail = json!({ "messages": queued });
        if let Some(id) = filter.message_id {
            detail["delivery"] = id.into();
        }
        let person_id = by.person(&mut tx, new_person, now).await?;
        insert_audit(&mut tx, &by.line(guild_id, person_id, "replayed", detail), now).await?;
    }
    Store::commit(tx).await?;
    Ok(queued)
}

/// Why one message is not queued again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Unknown,
    /// It was not given up; its state.
    Alive(String),
    /// Its destination was removed.
    Nowhere,
    /// What it shows is there by now, or about to be.
    Settled,
}

/// Queues one message of a server again.
pub async fn replay_one(
    store: &Store,
    guild_id: GuildId,
    id: i64,
    by: &Author,
    new_person: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Kept>> {
    let filter = DeadFilter { guild_id: Some(guild_id), message_id: Some(id), ..DeadFilter::default() };
    if replay(store, &filter, Some(by), new_person, now).await? > 0 {
        return Ok(None);
    }
    let Some(view) = store.find_delivery_view(guild_id, id).await? else { return Ok(Some(Kept::Unknown)) };
    let dead = store.list_dead(&filter, 1).await?.pop();
    Ok(Some(match dead {
        None => Kept::Alive(view.state),
        Some(dead) if dead.nowhere => Kept::Nowhere,
        Some(_) => Kept::Settled,
    }))
}
