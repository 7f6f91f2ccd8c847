//! Guess the Balance: one open session at a time, a later guess replaces the earlier one, the nearest win.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::board::Voice;
use super::draw::Host;
use super::money;
use super::words::cut;
use crate::error::UserError;
use crate::ports::Ports;
use crate::routing::board::gtb::{GtbState, money as shown, podium};
use crate::routing::board::{BoardKey, frame};
use crate::routing::embed::escape;
use crate::store::board::{find_board_channel, take_turn};
use crate::store::gtb::{NewGuess, close_gtb, complete_gtb, insert_guess, list_gtb_winners, lock_gtb, open_gtb};
use crate::store::source::ensure_person;
use crate::store::{Store, Tx};
use uuid::Uuid;

const GOLD: u32 = 0xF1_C40F;

/// Opens a session. Returns its number.
pub async fn open(ports: &Ports, host: Host, winners: i32) -> Result<i64> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    take_turn(&mut tx, host.guild_id).await?;
    let by = host.person(ports, &mut tx).await?;
    let opened = open_gtb(&mut tx, host.guild_id, ports.clock.uuid(), winners.clamp(1, 25), by, now).await?;
    let number = opened.ok_or_else(|| UserError::new("A session is open already; close it first."))?;
    let words = format!("💰 Guess the Balance session #{number} is now OPEN! Use !gtb <amount> to guess!");
    voice.say_in_chat(&mut tx, &format!("gtb:{number}:open"), &words).await?;
    finish(ports, host, &voice, tx, "gtb_opened", number).await
}

async fn finish(
    ports: &Ports,
    host: Host,
    voice: &Voice,
    mut tx: Tx,
    action: &'static str,
    number: i64,
) -> Result<i64> {
    voice.touch(&mut tx, BoardKey::Gtb).await?;
    host.note(ports, &mut tx, action, json!({ "session": number })).await?;
    crate::crash::point("gtb.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("gtb.after_commit");
    voice.hurry();
    Ok(number)
}

/// Closes the open one. Returns its number.
pub async fn close(ports: &Ports, host: Host) -> Result<i64> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let mut tx = ports.store.begin().await?;
    let closed = close_gtb(&mut tx, host.guild_id, ports.clock.now()).await?;
    let (number, _) = closed.ok_or_else(|| UserError::new("No session is open."))?;
    let words = format!("🔒 Guess the Balance session #{number} is now CLOSED! No more guesses allowed.");
    voice.say_in_chat(&mut tx, &format!("gtb:{number}:closed"), &words).await?;
    finish(ports, host, &voice, tx, "gtb_closed", number).await
}

/// What came of a result.
pub struct Completed {
    pub number: i64,
    pub winners: u64,
}

/// Completes the session that was closed last. Without guesses it stays closed, so that nothing is lost.
/// It is told where the board is.
pub async fn set_result(ports: &Ports, host: Host, typed: &str) -> Result<Completed> {
    let result = money::parse(typed).map_err(|_| UserError::new("The result is an amount such as 1500.25."))?;
    let voice = Voice::of(ports, host.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let session = lock_gtb(&mut tx, host.guild_id, GtbState::Closed).await?;
    let session =
        session.ok_or_else(|| UserError::new("No session waits for its result; close the open one first."))?;
    let winners = complete_gtb(&mut tx, host.guild_id, &session, result, now).await?;
    if winners == 0 {
        return Err(UserError::new("Nobody guessed in this session, so nobody can win it; open another one.").into());
    }
    let best = list_gtb_winners(&mut tx, host.guild_id, session.id, result).await?;
    let number = session.number;
    let said = format!("🎉 GTB Result: {}! Calculating winners...", shown(result));
    voice.say_in_chat(&mut tx, &format!("gtb:{number}:result"), &said).await?;
    let said = format!("🏆 Winners: {}", podium(&best, |winner| winner.who.clone()));
    voice.say_in_chat(&mut tx, &format!("gtb:{number}:winners"), &said).await?;
    if let Some(channel) = find_board_channel(&mut tx, host.guild_id, BoardKey::Gtb).await? {
        let lines = podium(&best, |winner| escape(&winner.who)).replace(" | ", "\n");
        let embed = frame("🏆 Guess the Balance - Results!", GOLD, Some(now))
            .text(lines)
            .field("Result", shown(result), true)
            .field("Session", format!("#{number}"), true);
        voice.say(&mut tx, channel, &embed).await?;
    }
    finish(ports, host, &voice, tx, "gtb_completed", number).await?;
    Ok(Completed { number, winners })
}

/// A guess of a person, in the transaction that carries it out. Returns the session's number and the amount; `Err` is what
/// is wrong with it.
pub async fn guess(
    tx: &mut Tx,
    voice: &Voice,
    person_id: Uuid,
    name: &str,
    typed: &str,
    at: DateTime<Utc>,
) -> Result<std::result::Result<(i64, i64), NoGuess>> {
    let cents = match money::parse(typed) {
        Ok(cents) => cents,
        Err(wrong) => return Ok(Err(NoGuess::Amount(wrong))),
    };
    let guess = NewGuess { person_id, name: cut(name, 100), cents };
    let Some(number) = insert_guess(tx, voice.guild_id, &guess, at).await? else { return Ok(Err(NoGuess::NotOpen)) };
    voice.touch(tx, BoardKey::Gtb).await?;
    Ok(Ok((number, cents)))
}

/// Why a guess was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoGuess {
    Amount(money::NoAmount),
    NotOpen,
}

/// A member's guess in Discord. A member's name is how others see it.
pub async fn guess_in_discord(
    ports: &Ports,
    host: Host,
    name: &str,
    typed: &str,
) -> Result<std::result::Result<(i64, i64), NoGuess>> {
    let voice = Voice::of(ports, host.guild_id).await?;
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    let Some(user) = host.user_id else { return Ok(Err(NoGuess::NotOpen)) };
    let member = ensure_person(&mut tx, user.0, ports.clock.uuid(), now).await?;
    // Who guesses in chat as well is one person.
    let person = crate::store::kick_link::account_of(&mut tx, host.guild_id, member).await?;
    let guessed = guess(&mut tx, &voice, person, name, typed, now).await?;
    Store::commit(tx).await?;
    voice.hurry();
    Ok(guessed)
}
