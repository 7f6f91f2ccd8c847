//! What a player did in the second round alone (Facts 4): its file goes on counting from the first, except for those who
//! reconnected.

use serde::{Deserialize, Serialize};

use crate::source::etlegacy::player::Player;
use crate::source::etlegacy::tally::{Carry, Field, Tally};
use crate::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};

/// The numbers of one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Those with something in it, lowest bit first.
    pub weapons: Vec<WeaponUse>,
    /// Without the fields that are derived from others (`Carry::Derived`).
    pub tally: Tally,
    pub origin: Origin,
    /// What would have been below zero, or above what is possible.
    pub clamped: Vec<Clamped>,
}

/// How the numbers were got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Of a first round, or of a second one whose first is not known: as they are written.
    AsWritten,
    /// The second round less the first.
    Subtracted,
    /// Something had decreased: the player reconnected and began at zero. As they are written.
    Reset,
    /// The player was not in the first round. As they are written.
    OnlyInSecond,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamped {
    /// The second file has less of something than the first; 0.
    Weapon(Weapon),
    Field(Field),
    /// Dead for longer than they played; as long as they played.
    TimeDead,
}

impl Numbers {
    /// Over all weapons.
    pub fn totals(&self) -> Counts {
        self.weapons.iter().fold(Counts::default(), |sum, one| sum.plus(one.counts))
    }
}

/// The numbers of a round that nothing is subtracted from.
pub fn as_written(player: &Player<'_>, origin: Origin) -> Numbers {
    let weapons = player.weapons.iter().filter(|one| !one.counts.is_empty()).copied().collect();
    finish(Numbers { weapons, tally: player.tally.clone(), origin, clamped: Vec::new() })
}

/// The numbers of the second round of somebody who was in the first.
pub fn second_round(first: &Player<'_>, second: &Player<'_>) -> Numbers {
    if has_reset(first, second) {
        return as_written(second, Origin::Reset);
    }
    let mut clamped = Vec::new();
    let weapons = subtract_weapons(&first.weapons, &second.weapons, &mut clamped);
    let tally = subtract_tally(&first.tally, &second.tally, &mut clamped);
    finish(Numbers { weapons, tally, origin: Origin::Subtracted, clamped })
}

/// Kills, deaths, damage and time only grow, unless somebody began anew.
pub fn has_reset(first: &Player<'_>, second: &Player<'_>) -> bool {
    let (before, after) = (first.totals(), second.totals());
    let decreased = |field| match (first.tally.get(field), second.tally.get(field)) {
        (Some(before), Some(after)) => after < before,
        _ => false,
    };
    after.kills < before.kills
        || after.deaths < before.deaths
        || [Field::DamageGiven, Field::DamageReceived, Field::TimePlayed].into_iter().any(decreased)
}

fn subtract_weapons(first: &[WeaponUse], second: &[WeaponUse], clamped: &mut Vec<Clamped>) -> Vec<WeaponUse> {
    // A weapon of the first round that the second does not list any more is less than before, too.
    let gone = |one: &&WeaponUse| !one.counts.is_empty() && second.iter().all(|other| other.weapon != one.weapon);
    clamped.extend(first.iter().filter(gone).map(|one| Clamped::Weapon(one.weapon)));
    let subtract = |one: &WeaponUse| {
        let before =
            first.iter().find(|other| other.weapon == one.weapon).map(|other| other.counts).unwrap_or_default();
        let (counts, is_clamped) = less(one.counts, before);
        if is_clamped {
            clamped.push(Clamped::Weapon(one.weapon));
        }
        (!counts.is_empty()).then_some(WeaponUse { weapon: one.weapon, counts })
    };
    second.iter().filter_map(subtract).collect()
}

/// Not below zero, and whether it would have been.
fn less(after: Counts, before: Counts) -> (Counts, bool) {
    let mut clamped = false;
    let mut less = |after: u32, before: u32| {
        clamped |= after < before;
        after.saturating_sub(before)
    };
    let counts = Counts {
        hits: less(after.hits, before.hits),
        shots: less(after.shots, before.shots),
        kills: less(after.kills, before.kills),
        deaths: less(after.deaths, before.deaths),
        headshots: less(after.headshots, before.headshots),
    };
    (counts, clamped)
}

fn subtract_tally(first: &Tally, second: &Tally, clamped: &mut Vec<Clamped>) -> Tally {
    let mut tally = second.clone();
    for field in Field::ALL.into_iter().filter(|field| field.carry() == Carry::Cumulative) {
        let Some(after) = second.get(field) else { continue };
        let before = first.or_zero(field);
        if after < before {
            clamped.push(Clamped::Field(field));
        }
        tally.set(field, Some((after - before).max(0)));
    }
    tally
}

fn finish(mut numbers: Numbers) -> Numbers {
    for field in Field::ALL.into_iter().filter(|field| field.carry() == Carry::Derived) {
        numbers.tally.set(field, None);
    }
    if let (Some(dead), Some(played)) = (numbers.tally.get(Field::TimeDead), numbers.tally.get(Field::TimePlayed))
        && dead > played
    {
        numbers.tally.set(Field::TimeDead, Some(played));
        numbers.clamped.push(Clamped::TimeDead);
    }
    numbers
}
