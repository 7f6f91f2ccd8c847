//! Awards and duels of rounds that are there, as they are stored. Pure.

use uuid::Uuid;

use super::rows::round_id;
use super::surroundings::Surroundings;
use crate::id::GuildId;
use crate::matches::record::RoundRecord;
use crate::matches::report::owners_of;
use crate::source::etlegacy::awards::{Amount, AwardsFile};
use crate::source::etlegacy::colour;
use crate::store::stats::write::{NewAward, NewDuel, NewRound};

#[derive(Default)]
pub struct Given {
    /// Rounds that awards are known of.
    pub rounds: Vec<Uuid>,
    pub awards: Vec<NewAward>,
    pub duels: Vec<NewDuel>,
}

/// Of the rounds that are new, or whose awards are; or of all of them.
pub fn rows(guild_id: GuildId, around: &Surroundings, new: &[&NewRound], all: bool) -> Given {
    let mut given = Given::default();
    let is_new = |name: &str| all || around.awarded.contains(name) || new.iter().any(|round| round.name == name);
    for round in around.record.rounds.iter().filter(|round| is_new(&round.name)) {
        let Some(file) = around.awards_of(&round.name) else { continue };
        let id = round_id(guild_id, &round.name);
        given.rounds.push(id);
        given.awards.extend(awards(id, round, &file));
        given.duels.extend(duels(id, round, &file));
    }
    given
}

fn awards(round_id: Uuid, round: &RoundRecord, file: &AwardsFile<'_>) -> Vec<NewAward> {
    let award = |(position, award): (usize, &crate::source::etlegacy::awards::Award<'_>)| NewAward {
        round_id,
        position: place(position),
        award: award.name.to_string(),
        player: award.player.to_string(),
        guid: guid_of(round, &award.player),
        value: award.value.text.to_string(),
        amount: amount(award.value.amount),
    };
    file.awards.iter().enumerate().map(award).collect()
}

fn amount(amount: Amount) -> Option<i64> {
    match amount {
        Amount::Number(number) | Amount::Seconds(number) | Amount::Percent(number) | Amount::Metres(number) => {
            Some(number)
        }
        Amount::KillsIn { kills, .. } => kills.checked_mul(1000),
        Amount::Words => None,
    }
}

fn duels(round_id: Uuid, round: &RoundRecord, file: &AwardsFile<'_>) -> Vec<NewDuel> {
    let Ok(owners) = owners_of(round, file) else { return Vec::new() };
    let duel = |((position, row), owner): ((usize, &crate::source::etlegacy::awards::Row<'_>), &Option<usize>)| {
        let owner = round.players.get((*owner)?)?;
        let name = colour::clean(&owner.raw_name);
        Some(NewDuel {
            round_id,
            position: place(position),
            owner: (name.clone(), guid_of(round, &name)),
            opponent: (row.opponent.to_string(), guid_of(round, &row.opponent)),
            kills: count(row.kills),
            deaths: count(row.deaths),
        })
    };
    file.rows.iter().enumerate().zip(&owners).filter_map(duel).collect()
}

/// Who of the round is called so, when it is one who is known across matches.
fn guid_of(round: &RoundRecord, name: &str) -> Option<String> {
    let is_called = |raw: &str| colour::clean(raw) == name || colour::clean_of_letters_and_digits(raw) == name;
    let mut called = round.players.iter().filter(|player| is_called(&player.raw_name));
    let one = called.next().filter(|_| called.next().is_none())?;
    (!one.is_bot && one.key.name.is_none()).then(|| one.key.guid.clone())
}

fn place(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}

fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
