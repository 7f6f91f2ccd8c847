//! What was not delivered is queued again: by the command line, and by a command in Discord.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::id::UserId;
use crate::store::Store;
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::message::{DeadFilter, DeadMessage, requeue_dead};
use crate::store::source::ensure_person;

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

/// Queues what [`look`] found and was given up no later than `until`, so that asking twice does it once. `by` stands
/// in the audit log of the server. Returns how many were queued.
pub async fn replay(
    store: &Store,
    filter: &DeadFilter,
    until: DateTime<Utc>,
    by: Option<UserId>,
    new_person: uuid::Uuid,
    now: DateTime<Utc>,
) -> Result<u64> {
    let prospect = look(store, &DeadFilter { until: Some(until), ..filter.clone() }).await?;
    let ids: Vec<i64> = prospect.messages.iter().map(|message| message.id).collect();
    let mut tx = store.begin().await?;
    let queued = requeue_dead(&mut tx, &ids, until).await?;
    if let (Some(guild_id), Some(user), true) = (filter.guild_id, by, queued > 0) {
        let person_id = ensure_person(&mut tx, user.0, new_person, now).await?;
        let detail = json!({ "messages": queued });
        let line = NewAudit { guild_id, approval_id: None, person_id: Some(person_id), action: "replayed", detail };
        insert_audit(&mut tx, &line, now).await?;
    }
    Store::commit(tx).await?;
    Ok(queued)
}
