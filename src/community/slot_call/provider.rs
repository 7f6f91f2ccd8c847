//! Providers of slots that are not available at present: calls for their slots are refused, and told why.

use anyhow::Result;

use super::{begin, finish};
use crate::community::draw::Host;
use crate::community::words::{cut, slug};
use crate::error::UserError;
use crate::ports::Ports;
use crate::store::slot_call::lock_slots;
use crate::store::slot_call::provider::{SlotProvider, delete_provider, find_provider, save_provider};

/// Characters.
const NAME: usize = 60;
const REASON: usize = 100;
/// Slots that are listed of one.
const SLOTS: usize = 500;
const UNKNOWN: &str = "There is no provider of this name; /slots providers lists them.";

/// What an admin says of one.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub available: Option<bool>,
    /// Names of slots that are its own, separated by commas; added to those that are listed.
    pub slots: Option<String>,
    pub reason: Option<String>,
}

/// What is answered to a call for a slot of one.
pub(super) fn refusal(slot: &str, provider: &SlotProvider) -> String {
    let why = if provider.reason.is_empty() { String::new() } else { format!(": {}", provider.reason) };
    format!("Sorry, {slot} is currently unavailable. {} is off{why}.", provider.name)
}

/// Says something of a provider; it is kept from then on. Returns it as it is now.
pub async fn tell_of(ports: &Ports, host: Host, name: &str, said: &Said) -> Result<SlotProvider> {
    let own = slug(name);
    if own.is_empty() {
        return Err(UserError::new("Say which provider.").into());
    }
    let (voice, mut tx) = begin(ports, host).await?;
    lock_slots(&mut tx, host.guild_id).await?;
    let before = find_provider(&mut tx, host.guild_id, &own).await?;
    let mut provider = before.unwrap_or_else(|| SlotProvider {
        slug: own,
        name: cut(name, NAME),
        slots: Vec::new(),
        unavailable_at: None,
        reason: String::new(),
    });
    match said.available {
        Some(true) => (provider.unavailable_at, provider.reason) = (None, String::new()),
        Some(false) if provider.unavailable_at.is_none() => provider.unavailable_at = Some(ports.clock.now()),
        _ => {}
    }
    if let Some(reason) = &said.reason {
        if provider.unavailable_at.is_none() {
            return Err(UserError::new("A reason says why it is not available: give available: False as well.").into());
        }
        provider.reason = cut(reason, REASON).trim_end_matches('.').to_owned();
    }
    for slot in said.slots.iter().flat_map(|slots| slots.split(',')).map(slug).filter(|slot| !slot.is_empty()) {
        if !provider.slots.contains(&slot) {
            provider.slots.push(slot);
        }
    }
    if provider.slots.len() > SLOTS {
        return Err(UserError::new(format!("{SLOTS} slots of a provider can be listed at most.")).into());
    }
    save_provider(&mut tx, host.guild_id, &provider).await?;
    finish(ports, host, &voice, tx, "slot_provider_set").await?;
    Ok(provider)
}

/// Forgets one and its slots.
pub async fn forget(ports: &Ports, host: Host, name: &str) -> Result<()> {
    let (voice, mut tx) = begin(ports, host).await?;
    lock_slots(&mut tx, host.guild_id).await?;
    if !delete_provider(&mut tx, host.guild_id, &slug(name)).await? {
        return Err(UserError::new(UNKNOWN).into());
    }
    finish(ports, host, &voice, tx, "slot_provider_removed").await
}
