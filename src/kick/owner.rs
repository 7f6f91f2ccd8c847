//! Tells whose account it is, by one direct message, that Kick no longer lets Signalbox act for it. The admins are told beside it,
//! and what became of the direct message.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;

use super::text;
use crate::delivery::classify::Transport;
use crate::id::{base62, derived};
use crate::ports::Ports;
use crate::store::kick_account::ClaimedAccount;
use crate::upstream::discord::LookupError;

/// So long Discord returns the same message for the same nonce (table 1 of ARCHITECTURE.md).
const SAME: TimeDelta = TimeDelta::seconds(60);
/// How often a Discord that does not answer is asked again.
const TRIES: i32 = 3;

/// What became of the direct message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Yes,
    /// Nobody is known whom it could go to.
    Nobody,
    /// Why not, in Discord's words.
    No(String),
    /// It was sent, and nobody can say whether it arrived.
    Perhaps,
}

/// Tells them once. `None`: not now, it is to be tried again.
pub async fn tell(ports: &Ports, claimed: &ClaimedAccount) -> Result<Option<Told>> {
    let account = &claimed.account;
    let linked = ports.store.find_kick_link_of_viewer(account.guild_id, account.kick_user_id).await?;
    let Some(owner) = linked.and_then(|link| link.user_id).or(account.by) else { return Ok(Some(Told::Nobody)) };
    let channel = match ports.discord.open_direct(owner).await.found {
        Ok(channel) => channel,
        Err(LookupError::Refused { explanation, .. }) => return Ok(Some(Told::No(explanation))),
        Err(error) if claimed.account.failures >= TRIES => return Ok(Some(Told::No(error.to_string()))),
        Err(_) => return Ok(None),
    };
    let now = ports.clock.now();
    let Some(first) = ports.store.note_owner_told(claimed, now).await? else { return Ok(None) };
    if now - first > SAME {
        return Ok(Some(Told::Perhaps));
    }
    let words = text::direct_account_lost(account);
    let nonce = base62(derived(&["kick.lost", &account.id.to_string(), &account.connected_at.to_rfc3339()]));
    let body = json!({
        "content": words, "nonce": nonce, "enforce_nonce": true, "allowed_mentions": { "parse": [] },
    });
    let reply = ports.discord.create_message(channel, &body).await.reply;
    crate::crash::point("kick.owner.told");
    let refused = reply.transport == Transport::Answered && reply.is_json && (400..500).contains(&reply.status);
    Ok(match reply.status {
        200..=299 => Some(Told::Yes),
        401 | 429 => None,
        _ if refused => Some(Told::No(reply.explanation)),
        _ => None,
    })
}
