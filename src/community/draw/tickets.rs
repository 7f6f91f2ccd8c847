//! Tickets of a raffle: for hours watched and subs gifted, and those that admins give or take.

use anyhow::Result;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::super::board::Voice;
use super::super::words;
use super::Host;
use crate::error::UserError;
use crate::id::{GuildId, UserId};
use crate::ports::Ports;
use crate::routing::board::BoardKey;
use crate::store::draw::ticket::{NewTickets, claim_hours, enter_hours, find_open_raffle, insert_tickets};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};

/// For each gifted sub.
const PER_GIFT: i64 = 15;
/// How often hours become tickets.
const HOURS_EVERY: TimeDelta = TimeDelta::minutes(10);
/// Given or taken at once.
pub const MOST: i64 = 1_000_000;
const REASON: usize = 300;
pub const NONE_OPEN: &str = "No raffle is running; /raffle start opens one.";

/// Turns hours into tickets where it is time to. Returns for how many raffles.
pub async fn hours_due(ports: &Ports) -> Result<usize> {
    let mut done = 0;
    loop {
        let now = ports.clock.now();
        let mut tx = ports.store.begin().await?;
        let Some((guild_id, id)) = claim_hours(&mut tx, now, now + HOURS_EVERY).await? else { return Ok(done) };
        let entered = enter_hours(&mut tx, guild_id, id, now).await?;
        if entered > 0 {
            crate::store::board::touch_board(&mut tx, guild_id, BoardKey::Draw(id), now).await?;
        }
        Store::commit(tx).await?;
        done += 1;
        if entered > 0 {
            ports.wake.wake(crate::bus::Topic::Deliverer);
        }
    }
}

/// Somebody gifted subs, in the transaction that takes the event in. `cause` names the event. Without a running raffle
/// nothing happens; tickets of somebody who is not linked wait for that.
pub async fn gifted(ports: &Ports, tx: &mut Tx, guild_id: GuildId, person: Uuid, subs: i64, cause: &str) -> Result<()> {
    let Some(draw_id) = find_open_raffle(tx, guild_id).await? else { return Ok(()) };
    let new = NewTickets {
        id: ports.clock.uuid(),
        draw_id,
        guild_id,
        person_id: person,
        source: "gifted",
        tickets: subs.clamp(0, 10_000) * PER_GIFT,
        reason: String::new(),
        cause: format!("gift:{cause}"),
        by: None,
    };
    let now = ports.clock.now();
    if insert_tickets(tx, &new, now).await?.is_some() {
        crate::store::board::touch_board(tx, guild_id, BoardKey::Draw(draw_id), now).await?;
    }
    Ok(())
}

/// What an admin gives (or, below nothing, takes), and why.
pub struct Gift<'a> {
    pub to: UserId,
    pub tickets: i64,
    pub reason: &'a str,
    /// The same counts once.
    pub cause: String,
}

/// Returns the change: nobody has fewer than none.
pub async fn give(ports: &Ports, host: Host, gift: &Gift<'_>) -> Result<i64> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let draw_id = find_open_raffle(&mut tx, host.guild_id).await?.ok_or_else(|| UserError::new(NONE_OPEN))?;
    let person_id = ensure_person(&mut tx, gift.to.0, ports.clock.uuid(), now).await?;
    let new = NewTickets {
        id: ports.clock.uuid(),
        draw_id,
        guild_id: host.guild_id,
        person_id,
        source: "bonus",
        tickets: gift.tickets.clamp(-MOST, MOST),
        reason: words::cut(gift.reason, REASON),
        cause: format!("bonus:{}", gift.cause),
        by: host.person(ports, &mut tx).await?,
    };
    let change = insert_tickets(&mut tx, &new, now).await?.unwrap_or(0);
    voice.touch(&mut tx, BoardKey::Draw(draw_id)).await?;
    host.note(ports, &mut tx, "draw_tickets", json!({ "draw": draw_id, "tickets": change })).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(change)
}
