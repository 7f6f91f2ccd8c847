//! Slot calls: viewers ask for a slot in chat, an admin picks one. Rules are judged under the server's lock, so that two
//! calls at the same moment do not both slip below a limit.

pub mod provider;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::board::Voice;
use super::draw::Host;
use super::words::{REPEATED, cut, slug};
use crate::clock::random_bytes;
use crate::error::UserError;
use crate::id::ChannelId;
use crate::ports::Ports;
use crate::routing::board::{BoardKey, frame};
use crate::routing::embed::escape;
use crate::store::slot_call::announcement::{Announcement, insert_announcement, take_announcement};
use crate::store::slot_call::provider::find_unavailable;
use crate::store::slot_call::{
    NewSlotCall, SlotCall, SlotSetting, ban_slot, block_caller, clear_slots, find_standing, insert_slot_call,
    lock_slots, pick_named_slot, pick_slot, save_slots,
};
use crate::store::{Store, Tx};

const GOLD: u32 = 0xF1_C40F;
/// A pick is told this much later at most.
const LONGEST_DELAY: TimeDelta = TimeDelta::hours(1);

/// Somebody's call in chat, in the transaction that carries it out. What is answered, if anything is.
pub async fn call(
    ports: &Ports,
    tx: &mut Tx,
    voice: &Voice,
    who: (Uuid, &str),
    typed: &str,
    at: DateTime<Utc>,
) -> Result<Option<String>> {
    let (person_id, name) = who;
    let setting = lock_slots(tx, voice.guild_id).await?;
    let to = format!("@{name}");
    if !setting.enabled {
        return Ok(Some(format!("{to} Slot requests are not open at the moment.")));
    }
    let slot = cut(typed, REPEATED);
    let slug = slug(&slot);
    let standing = find_standing(tx, voice.guild_id, person_id, &slug, setting.enabled_at).await?;
    if standing.is_blocked {
        return Ok(None);
    }
    if slug.is_empty() {
        return Ok(Some(format!("{to} Please specify a slot!")));
    }
    if standing.last_at.is_some_and(|last| at < last + setting.cooldown()) {
        return Ok(None);
    }
    if setting.max_per_user > 0 && standing.calls >= i64::from(setting.max_per_user) {
        let most = setting.max_per_user;
        return Ok(Some(format!(
            "{to} You have reached the maximum of {most} slot request(s). Please wait for the current hunt to complete."
        )));
    }
    if standing.is_banned {
        return Ok(Some(format!("{to} Sorry, {slot} is currently banned.")));
    }
    if let Some(provider) = find_unavailable(tx, voice.guild_id, &slug).await? {
        return Ok(Some(format!("{to} {}", provider::refusal(&slot, &provider))));
    }
    if setting.prevent_duplicates && standing.is_there {
        return Ok(Some(format!("{to} {slot} has been requested already.")));
    }
    let new = NewSlotCall { id: ports.clock.uuid(), person_id, name: cut(name, 100), slot: slot.clone(), slug };
    insert_slot_call(tx, voice.guild_id, &new, at).await?;
    if let Some(channel) = setting.channel_id {
        let embed = frame("🎰 Slot Call", GOLD, Some(at)).field("Slot", escape(&slot), true).field(
            "Requested by",
            escape(&new.name),
            true,
        );
        voice.say(tx, channel, &embed).await?;
    }
    voice.touch(tx, BoardKey::Slots).await?;
    Ok(Some(format!("{to} Your slot request for {slot} has been received! ✅")))
}

/// Opens or closes requests. What was called before they are opened counts no more. True when that changed anything.
pub async fn toggle(ports: &Ports, host: Host, enabled: bool) -> Result<bool> {
    let (voice, mut tx) = begin(ports, host).await?;
    let now = ports.clock.now();
    let setting = lock_slots(&mut tx, host.guild_id).await?;
    if setting.enabled == enabled {
        return Ok(false);
    }
    let enabled_at = if enabled { Some(now) } else { setting.enabled_at };
    save_slots(&mut tx, host.guild_id, &SlotSetting { enabled, enabled_at, ..setting.clone() }).await?;
    let words = if enabled {
        "✅ Slot requests are now ENABLED! Use !call <slot_name> or !sr <slot_name>"
    } else {
        "❌ Slot requests have been DISABLED"
    };
    voice.say_in_chat(&mut tx, &format!("slots:{}", ports.clock.uuid()), words).await?;
    say(&mut tx, &voice, &setting, words).await?;
    finish(ports, host, &voice, tx, if enabled { "slots_enabled" } else { "slots_disabled" }).await?;
    Ok(true)
}

async fn begin(ports: &Ports, host: Host) -> Result<(Voice, Tx)> {
    Ok((Voice::of(ports, host.guild_id).await?, ports.store.begin().await?))
}

async fn say(tx: &mut Tx, voice: &Voice, setting: &SlotSetting, words: &str) -> Result<()> {
    let Some(channel) = setting.channel_id else { return Ok(()) };
    voice.say(tx, channel, &frame("🎰 Slot requests", GOLD, None).text(escape(words))).await
}

async fn finish(ports: &Ports, host: Host, voice: &Voice, mut tx: Tx, action: &'static str) -> Result<()> {
    voice.touch(&mut tx, BoardKey::Slots).await?;
    host.note(ports, &mut tx, action, json!({})).await?;
    crate::crash::point("slots.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("slots.after_commit");
    voice.hurry();
    Ok(())
}

/// What of the rules is to be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub max_per_user: Option<i32>,
    pub cooldown_seconds: Option<i32>,
    pub prevent_duplicates: Option<bool>,
    pub channel: Option<ChannelId>,
    pub clip_channel: Option<ChannelId>,
    pub clip_seconds: Option<i32>,
}

pub async fn set_rules(ports: &Ports, host: Host, rules: Rules) -> Result<SlotSetting> {
    if rules.max_per_user.is_some_and(|most| !(0..=10).contains(&most)) {
        return Err(UserError::new("The limit is a number from 0 (no limit) to 10.").into());
    }
    let (voice, mut tx) = begin(ports, host).await?;
    let before = lock_slots(&mut tx, host.guild_id).await?;
    let setting = SlotSetting {
        max_per_user: rules.max_per_user.unwrap_or(before.max_per_user),
        cooldown_seconds: rules.cooldown_seconds.unwrap_or(before.cooldown_seconds).clamp(0, 86_400),
        prevent_duplicates: rules.prevent_duplicates.unwrap_or(before.prevent_duplicates),
        channel_id: rules.channel.or(before.channel_id),
        clip_channel_id: rules.clip_channel.or(before.clip_channel_id),
        clip_seconds: rules.clip_seconds.unwrap_or(before.clip_seconds).clamp(5, 300),
        ..before
    };
    save_slots(&mut tx, host.guild_id, &setting).await?;
    finish(ports, host, &voice, tx, "slots_changed").await?;
    Ok(setting)
}

/// Picks one of the open calls by chance. `None`: there is none.
pub async fn pick(ports: &Ports, host: Host) -> Result<Option<SlotCall>> {
    let (voice, mut tx) = begin(ports, host).await?;
    let setting = lock_slots(&mut tx, host.guild_id).await?;
    let nth = u32::from_le_bytes(random_bytes::<4>());
    let picked = pick_slot(&mut tx, host.guild_id, setting.enabled_at, nth, ports.clock.now()).await?;
    let Some(call) = picked else { return Ok(None) };
    tell_picked(&mut tx, &voice, &setting, &call.slot, &call.name, None, &call.id.to_string()).await?;
    finish(ports, host, &voice, tx, "slot_picked").await?;
    Ok(Some(call))
}

/// What a dashboard has picked.
pub struct NamedPick<'a> {
    pub slot: &'a str,
    pub name: &'a str,
    /// What it won.
    pub reward: Option<&'a str>,
    /// Names the request.
    pub cause: &'a str,
    /// How much later it is told: as long as the dashboard's wheel turns.
    pub delay: TimeDelta,
}

/// Notes what was picked, and tells it now or later.
pub async fn pick_named(ports: &Ports, host: Host, pick: &NamedPick<'_>) -> Result<()> {
    if !(TimeDelta::zero()..=LONGEST_DELAY).contains(&pick.delay) {
        return Err(UserError::new("delay_announcement is a number of seconds from 0 to 3600").into());
    }
    let (voice, mut tx) = begin(ports, host).await?;
    let now = ports.clock.now();
    let setting = lock_slots(&mut tx, host.guild_id).await?;
    let (slot, name) = (cut(pick.slot, REPEATED), cut(pick.name, 100));
    let picked = pick_named_slot(&mut tx, host.guild_id, &name, &slug(&slot), pick.reward, now).await?;
    if pick.delay.is_zero() {
        tell_picked(&mut tx, &voice, &setting, &slot, &name, pick.reward, pick.cause).await?;
    } else {
        let later = Announcement {
            id: ports.clock.uuid(),
            guild_id: host.guild_id,
            slot_call_id: picked.map(|call| call.id),
            cause: pick.cause.to_owned(),
            slot,
            name,
            reward: pick.reward.map(str::to_owned),
        };
        insert_announcement(&mut tx, &later, now + pick.delay).await?;
    }
    finish(ports, host, &voice, tx, "slot_picked").await
}

/// Tells the picks whose time has come. Returns how many.
pub async fn announcements_due(ports: &Ports, limit: usize) -> Result<usize> {
    for done in 0..limit {
        let mut tx = ports.store.begin().await?;
        let Some(due) = take_announcement(&mut tx, ports.clock.now()).await? else { return Ok(done) };
        // Its source may have to be stored; that is another connection, and this transaction holds one row alone.
        let voice = Voice::of(ports, due.guild_id).await?;
        let setting = lock_slots(&mut tx, due.guild_id).await?;
        tell_picked(&mut tx, &voice, &setting, &due.slot, &due.name, due.reward.as_deref(), &due.cause).await?;
        voice.touch(&mut tx, BoardKey::Slots).await?;
        crate::crash::point("announcement.before_commit");
        Store::commit(tx).await?;
        crate::crash::point("announcement.after_commit");
        voice.hurry();
    }
    Ok(limit)
}

async fn tell_picked(
    tx: &mut Tx,
    voice: &Voice,
    setting: &SlotSetting,
    slot: &str,
    name: &str,
    reward: Option<&str>,
    cause: &str,
) -> Result<()> {
    let won = reward.map(|reward| format!(" 💰 WON {reward}!")).unwrap_or_default();
    let words = format!("🎰 PICKED: {slot} (requested by {name}){won}");
    voice.say_in_chat(tx, &format!("slot:{cause}:picked"), &words).await?;
    say(tx, voice, setting, &words).await
}

/// Takes what is open off the list.
pub async fn clear(ports: &Ports, host: Host) -> Result<u64> {
    let (voice, mut tx) = begin(ports, host).await?;
    let cleared = clear_slots(&mut tx, host.guild_id, ports.clock.now()).await?;
    finish(ports, host, &voice, tx, "slots_cleared").await?;
    Ok(cleared)
}

/// Takes a slot no more, or again. False: it was so already.
pub async fn ban(ports: &Ports, host: Host, slot: &str, reason: Option<&str>) -> Result<bool> {
    let slug = slug(slot);
    if slug.is_empty() {
        return Err(UserError::new("Say which slot.").into());
    }
    let (voice, mut tx) = begin(ports, host).await?;
    let changed = ban_slot(&mut tx, host.guild_id, &slug, reason, ports.clock.now()).await?;
    finish(ports, host, &voice, tx, "slot_banned").await?;
    Ok(changed)
}

/// Takes no calls of somebody, by their name in chat, or again. `None`: nobody is called so.
pub async fn block(ports: &Ports, host: Host, name: &str, reason: Option<&str>) -> Result<Option<bool>> {
    let name = name.trim().trim_start_matches('@');
    let viewer = ports.store.find_viewer_by_name(host.guild_id, name).await?;
    let Some(viewer) = viewer else { return Ok(None) };
    let (voice, mut tx) = begin(ports, host).await?;
    let changed = block_caller(&mut tx, host.guild_id, viewer.person_id, reason, ports.clock.now()).await?;
    finish(ports, host, &voice, tx, "slot_caller_blocked").await?;
    Ok(Some(changed))
}
