//! The audit log as a file: one JSON object on a line, the head of the chain first, so that a log which is
//! altered later can be told from the one that was handed out.

use anyhow::Result;
use serde_json::json;

use crate::id::GuildId;
use crate::store::Store;
use crate::store::audit_chain::Head;

/// Entries read at once.
const BATCH: i64 = 2000;

pub struct Export {
    pub head: Option<Head>,
    pub entries: usize,
    /// False: older entries did not fit.
    pub complete: bool,
    pub text: String,
}

/// The newest entries, as many as fit into `bytes`.
pub async fn export(store: &Store, guild_id: GuildId, entries: i64, bytes: usize) -> Result<Export> {
    let Some(head) = store.find_audit_head(guild_id).await? else {
        return Ok(Export { head: None, entries: 0, complete: true, text: String::new() });
    };
    let mut after = head.anchor_seq.max(head.seq.saturating_sub(entries));
    let mut complete = after == head.anchor_seq;
    let mut lines = std::collections::VecDeque::new();
    let mut size = 0;
    while after < head.seq {
        let batch = store.list_sealed_audit(guild_id, after, BATCH).await?;
        let Some(last) = batch.last() else { break };
        after = last.seq;
        for entry in batch.into_iter().filter(|entry| entry.seq <= head.seq) {
            let line = entry.line.to_string();
            size += line.len() + 1;
            lines.push_back(line);
            while size > bytes {
                let Some(dropped) = lines.pop_front() else { break };
                size -= dropped.len() + 1;
                complete = false;
            }
        }
    }
    let about = json!({
        "format": "signalbox.audit.v1",
        "guild": guild_id.to_string(),
        "head_seq": head.seq,
        "head_hash": hex::encode(&head.hash),
        "entries": lines.len(),
        "complete": complete,
    });
    let mut text = format!("{about}\n");
    for line in &lines {
        text.push_str(line);
        text.push('\n');
    }
    Ok(Export { head: Some(head), entries: lines.len(), complete, text })
}
