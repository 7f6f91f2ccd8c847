//! What comes due on draws: the close, the draw, prizes that nobody claimed. Each is one transaction under the draw's
//! lock, so that of two processes one does it, and a crash leaves it undone.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::board::Voice;
use super::super::proof::{Published, draw, entries_hash};
use super::{Host, begin, next_end, seed_key};
use crate::error::UserError;
use crate::id::{ChannelId, GuildId};
use crate::ports::Ports;
use crate::routing::board::draw::{DrawKind, DrawState};
use crate::routing::board::{BoardKey, draw as words};
use crate::store::draw::ticket::{enter_hours, enter_tickets};
use crate::store::draw::winner::{Winner, insert_winner, list_winners, pass_winners};
use crate::store::draw::{
    Closing, NewDraw, StoredDraw, list_entries, list_winner_views, lock_draw, mark_closed, mark_drawn, merge_linked,
    miss_beacon, place_entries, save_beacon, set_next_look,
};
use crate::store::kick_link::account_of;
use crate::store::ledger::{NewLedgerEntry, insert_ledger_entries};
use crate::store::source::take_setting;
use crate::store::{Store, StoreError, Tx};
use crate::upstream::beacon::{round_after, time_of};

/// Between the close and the public randomness: the message that closes is out by then.
const LEAD: TimeDelta = TimeDelta::seconds(60);
/// Without public randomness there is nothing to wait for.
const MOMENT: TimeDelta = TimeDelta::seconds(10);
/// How often a beacon that does not answer is asked, and for how long.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(30);
const PATIENCE: TimeDelta = TimeDelta::minutes(30);

/// Does what is due on at most so many draws. Returns how much that was.
pub async fn draws_due(ports: &Ports, limit: i64) -> Result<usize> {
    let due = ports.store.list_due_draws(ports.clock.now(), limit).await?;
    let mut done = 0;
    for (guild_id, id) in due {
        match step(ports, guild_id, id).await {
            Ok(did) => done += usize::from(did),
            Err(error) if is_away(&error) => return Err(error),
            // One that fails holds up no other.
            Err(error) => {
                tracing::error!(draw = %id, error = crate::error::chain(&error), "a draw failed; trying again");
                put_off(ports, guild_id, id).await?;
            }
        }
    }
    Ok(done)
}

fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_unavailable))
}

async fn put_off(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<()> {
    let mut tx = ports.store.begin().await?;
    set_next_look(&mut tx, guild_id, id, Some(ports.clock.now() + ASK_AGAIN)).await?;
    Store::commit(tx).await?;
    Ok(())
}

async fn step(ports: &Ports, guild_id: GuildId, id: Uuid) -> Result<bool> {
    let voice = Voice::of(ports, guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(draw) = lock_draw(&mut tx, guild_id, id).await? else { return Ok(false) };
    match draw.state {
        DrawState::Open if draw.closes_at.is_some_and(|at| at <= now) => {
            close(ports, &voice, &mut tx, &draw, true).await?;
        }
        DrawState::Closed if draw.draw_after.is_some_and(|at| at <= now) => {
            if draw.waits_for_beacon() {
                drop(tx);
                return ask_beacon(ports, &draw).await;
            }
            make(ports, &voice, &mut tx, &draw).await?;
        }
        DrawState::Drawn => {
            let late = list_winners(&mut tx, guild_id, id).await?.into_iter().filter(|winner| is_late(winner, now));
            let places: Vec<i32> = late.map(|winner| winner.place).collect();
            match places.as_slice() {
                [] => look_again(&mut tx, &draw).await?,
                places => again(ports, &voice, &mut tx, &draw, places).await?,
            }
        }
        // Somebody was faster.
        _ => return Ok(false),
    }
    crate::crash::point("draw.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.after_commit");
    voice.hurry();
    Ok(true)
}

fn is_late(winner: &Winner, now: DateTime<Utc>) -> bool {
    winner.claimed_at.is_none() && winner.passed_at.is_none() && winner.claim_until.is_some_and(|until| until <= now)
}

/// Closes the entries, publishes their hash, and says which public randomness will count. A raffle that repeats is
/// followed by the next one when its time was over.
pub(super) async fn close(ports: &Ports, voice: &Voice, tx: &mut Tx, draw: &StoredDraw, in_time: bool) -> Result<()> {
    let (guild_id, now) = (draw.guild_id, ports.clock.now());
    if draw.kind == DrawKind::Raffle {
        enter_hours(tx, guild_id, draw.id, now).await?;
        enter_tickets(tx, guild_id, draw.id, now).await?;
    }
    merge_linked(tx, guild_id, draw.id).await?;
    let entries = place_entries(tx, guild_id, draw.id).await?;
    let hash = entries_hash(&entries);
    let beacon = ports.beacon.as_ref().map(|beacon| (beacon.base(), round_after(now + LEAD)));
    let draw_after = beacon.map_or(now + MOMENT, |(_, round)| time_of(round) + TimeDelta::seconds(1));
    let tickets: u64 = entries.iter().map(|entry| entry.tickets).sum();
    let closing = Closing {
        entries_hash: &hash,
        entries: i64::try_from(entries.len()).unwrap_or(i64::MAX),
        tickets: i64::try_from(tickets).unwrap_or(i64::MAX),
        beacon,
        draw_after,
    };
    mark_closed(tx, guild_id, draw.id, &closing, now).await?;
    say_closed(ports, voice, tx, draw, &closing).await?;
    voice.touch(tx, BoardKey::Draw(draw.id)).await?;
    if in_time && draw.repeats {
        follow(ports, voice, tx, draw).await?;
    }
    Ok(())
}

/// The message that is never edited: Discord's own time on it is older than the public randomness.
async fn say_closed(ports: &Ports, voice: &Voice, tx: &mut Tx, draw: &StoredDraw, closing: &Closing<'_>) -> Result<()> {
    let closed = words::Closed {
        id: draw.id,
        number: draw.number,
        kind: draw.kind,
        at: ports.clock.now(),
        entries: closing.entries,
        tickets: closing.tickets,
        commitment: &draw.commitment,
        entries_hash: closing.entries_hash,
        beacon_round: closing.beacon.map(|(_, round)| round),
        draw_after: closing.draw_after,
    };
    voice.say(tx, ChannelId(draw.channel_id), &words::closed(&closed, base(ports).as_deref())).await?;
    if draw.keyword.is_some() {
        let words = format!("🔒 Giveaway closed: {}. The draw is made in a minute.", draw.prize);
        voice.say_in_chat(tx, &format!("draw:{}:closed", draw.id), &words).await?;
    }
    Ok(())
}

fn base(ports: &Ports) -> Option<String> {
    ports.config.web.public_url.as_ref().map(|url| url.to_string())
}

/// The next raffle of a row.
async fn follow(ports: &Ports, voice: &Voice, tx: &mut Tx, draw: &StoredDraw) -> Result<()> {
    let next = NewDraw {
        id: ports.clock.uuid(),
        guild_id: draw.guild_id,
        kind: draw.kind,
        prize: draw.prize.clone(),
        channel_id: draw.channel_id,
        winners: draw.winners,
        keyword: draw.keyword.clone(),
        role_id: draw.role_id,
        bonus_role_id: draw.bonus_role_id,
        bonus_tickets: draw.bonus_tickets,
        min_age_days: draw.min_age_days,
        question: draw.question.clone(),
        claim_seconds: draw.claim_seconds,
        points: draw.points,
        repeats: true,
        opened_by: draw.opened_by,
        closes_at: Some(next_end(draw, ports.clock.now())),
        commitment: String::new(),
    };
    crate::store::board::take_turn(tx, draw.guild_id).await?;
    begin(ports, voice, tx, next).await?;
    Ok(())
}

/// Asks for the public randomness, outside of any transaction. True when it is known, or no longer waited for.
async fn ask_beacon(ports: &Ports, draw: &StoredDraw) -> Result<bool> {
    let (Some(beacon), Some(round)) = (&ports.beacon, draw.beacon_round) else {
        return note_missed(ports, draw).await;
    };
    match beacon.get_round(round).await {
        Ok(found) => {
            let mut tx = ports.store.begin().await?;
            save_beacon(&mut tx, draw.guild_id, draw.id, &found.random, &found.signature).await?;
            Store::commit(tx).await?;
            Ok(true)
        }
        Err(error) => {
            let now = ports.clock.now();
            if draw.draw_after.is_none_or(|since| now - since >= PATIENCE) {
                tracing::warn!(draw = %draw.id, %error, "a draw goes on without public randomness");
                return note_missed(ports, draw).await;
            }
            tracing::info!(draw = %draw.id, %error, "public randomness for a draw is not there yet");
            let mut tx = ports.store.begin().await?;
            set_next_look(&mut tx, draw.guild_id, draw.id, Some(now + ASK_AGAIN)).await?;
            Store::commit(tx).await?;
            Ok(false)
        }
    }
}

async fn note_missed(ports: &Ports, draw: &StoredDraw) -> Result<bool> {
    let mut tx = ports.store.begin().await?;
    miss_beacon(&mut tx, draw.guild_id, draw.id).await?;
    Store::commit(tx).await?;
    Ok(true)
}

/// Publishes the seed, and with it the winners.
async fn make(ports: &Ports, voice: &Voice, tx: &mut Tx, drawn: &StoredDraw) -> Result<()> {
    let now = ports.clock.now();
    let key = seed_key(drawn.id);
    let seed = take_setting(tx, drawn.guild_id, &key).await?.context("the seed of a draw is gone")?;
    mark_drawn(tx, drawn.guild_id, drawn.id, &seed, now).await?;
    let drawn = StoredDraw { seed: Some(seed), state: DrawState::Drawn, ..drawn.clone() };
    find_winners(ports, voice, tx, &drawn, drawn.winners).await
}

/// Draws so many more, after those who were drawn before.
async fn find_winners(ports: &Ports, voice: &Voice, tx: &mut Tx, drawn: &StoredDraw, wanted: i32) -> Result<()> {
    let (guild_id, now) = (drawn.guild_id, ports.clock.now());
    let entries = list_entries(tx, guild_id, drawn.id).await?;
    let mut before: Vec<Uuid> = list_winners(tx, guild_id, drawn.id).await?.iter().map(|w| w.entry_id).collect();
    let first = before.len() + 1;
    let beacon = drawn.beacon();
    let published = Published {
        draw: drawn.id,
        seed: drawn.seed.as_deref().context("a draw without its seed")?,
        entries: &entries,
        entries_hash: drawn.entries_hash.as_deref().context("a draw without the hash of its entries")?,
        beacon: beacon.as_ref(),
    };
    let claim_until = drawn.claim_seconds.and_then(TimeDelta::try_seconds).map(|claim| now + claim);
    for _ in 0..wanted {
        let place = before.len() + 1;
        let Some(found) = draw(&published, &before, u32::try_from(place)?) else { break };
        insert_winner(tx, drawn, i32::try_from(place)?, &found, claim_until, now).await?;
        before.push(found.entry);
    }
    let all = list_winners(tx, guild_id, drawn.id).await?;
    let new: Vec<&Winner> = all.iter().skip(first - 1).collect();
    if claim_until.is_none() {
        for winner in &new {
            pay(ports, tx, drawn, winner).await?;
        }
    }
    tell_winners(ports, voice, tx, drawn, i32::try_from(first)?).await?;
    look_again(tx, drawn).await
}

/// When the next prize is passed on, unless it is claimed.
async fn look_again(tx: &mut Tx, drawn: &StoredDraw) -> Result<()> {
    let all = list_winners(tx, drawn.guild_id, drawn.id).await?;
    let open = all.iter().filter(|winner| winner.claimed_at.is_none() && winner.passed_at.is_none());
    set_next_look(tx, drawn.guild_id, drawn.id, open.filter_map(|winner| winner.claim_until).min()).await?;
    Ok(())
}

/// The points of a prize, once.
pub(super) async fn pay(ports: &Ports, tx: &mut Tx, drawn: &StoredDraw, winner: &Winner) -> Result<()> {
    if drawn.points == 0 {
        return Ok(());
    }
    let account = account_of(tx, drawn.guild_id, winner.person_id).await?;
    let cause = format!("draw:{}:{}", drawn.id, winner.place);
    let entry = NewLedgerEntry::new(drawn.guild_id, account, drawn.points, "draw", cause);
    let detail = json!({ "draw": drawn.number, "place": winner.place });
    insert_ledger_entries(tx, ports.clock.now(), &[entry.with(detail)]).await?;
    Ok(())
}

async fn tell_winners(ports: &Ports, voice: &Voice, tx: &mut Tx, drawn: &StoredDraw, from: i32) -> Result<()> {
    let winners = list_winner_views(tx, drawn.guild_id, drawn.id).await?;
    let about = words::Told { id: drawn.id, number: drawn.number, kind: drawn.kind, prize: &drawn.prize };
    let embed = words::drawn(&about, &winners, from, ports.clock.now(), base(ports).as_deref());
    voice.say(tx, ChannelId(drawn.channel_id), &embed).await?;
    voice.touch(tx, BoardKey::Draw(drawn.id)).await?;
    if drawn.keyword.is_some() {
        let names = list_winners(tx, drawn.guild_id, drawn.id).await?;
        let names: Vec<String> = names.iter().filter(|w| w.place >= from).map(|w| format!("@{}", w.name)).collect();
        let words = match names.as_slice() {
            [] => format!("Nobody took part: {}.", drawn.prize),
            names => format!("🏆 Winners of {}: {}", drawn.prize, names.join(", ")),
        };
        voice.say_in_chat(tx, &format!("draw:{}:drawn:{from}", drawn.id), &words).await?;
    }
    Ok(())
}

/// These places go to somebody else.
async fn again(ports: &Ports, voice: &Voice, tx: &mut Tx, drawn: &StoredDraw, places: &[i32]) -> Result<()> {
    pass_winners(tx, drawn.guild_id, drawn.id, places, ports.clock.now()).await?;
    find_winners(ports, voice, tx, drawn, i32::try_from(places.len())?).await
}

/// Gives a place to somebody else because an admin says so.
pub async fn reroll(ports: &Ports, host: Host, id: Uuid, place: i32) -> Result<i64> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let drawn = lock_draw(&mut tx, host.guild_id, id).await?.ok_or_else(|| UserError::new(super::GONE))?;
    let winners = list_winners(&mut tx, host.guild_id, id).await?;
    let winner = winners.iter().find(|winner| winner.place == place && winner.passed_at.is_none());
    let Some(winner) = winner else { return Err(UserError::new("Nobody was drawn for this place.").into()) };
    if winner.claimed_at.is_some() {
        return Err(UserError::new("This prize was claimed; it cannot be drawn again.").into());
    }
    if drawn.points > 0 && drawn.claim_seconds.is_none() {
        return Err(
            UserError::new("Its points were paid; take them back with /points undo, and open another one.").into()
        );
    }
    again(ports, &voice, &mut tx, &drawn, &[place]).await?;
    host.note(ports, &mut tx, "draw_again", json!({ "draw": id, "number": drawn.number, "place": place })).await?;
    crate::crash::point("draw.again.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("draw.again.after_commit");
    voice.hurry();
    Ok(drawn.number)
}
