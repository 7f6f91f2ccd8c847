//! Numbers computed from others (Facts 4). Each says what it divides; there is none where it would divide by nothing.

use crate::source::etlegacy::weapon::{Counts, WeaponUse};

/// Damage given per minute of the round, not of the player's own time.
pub fn damage_per_minute(damage: u32, seconds: u32) -> Option<f64> {
    divide(f64::from(damage) * 60.0, seconds)
}

/// Kills per death; the kills themselves of who never died.
pub fn kills_per_death(kills: u32, deaths: u32) -> f64 {
    f64::from(kills) / f64::from(deaths.max(1))
}

/// Kills of kills and deaths, in percent.
pub fn efficiency(kills: u32, deaths: u32) -> Option<f64> {
    divide(f64::from(kills) * 100.0, kills.saturating_add(deaths))
}

/// Hits per shot over all weapons, in percent, as the older tool has it: grenades and the syringe count, and so it may be
/// above 100.
pub fn accuracy_of_all(weapons: &[WeaponUse]) -> Option<f64> {
    accuracy(sum(weapons, |_| true))
}

/// Hits per shot of the light weapons (`Weapon::is_light`), in percent: how well somebody aims.
pub fn accuracy_of_light(weapons: &[WeaponUse]) -> Option<f64> {
    accuracy(sum(weapons, |one| one.weapon.is_light()))
}

/// Hits in the head of the hits of light weapons, in percent.
pub fn headshot_rate(weapons: &[WeaponUse]) -> Option<f64> {
    let light = sum(weapons, |one| one.weapon.is_light());
    divide(f64::from(light.headshots) * 100.0, light.hits)
}

/// What the player of the round is chosen by: the highest.
pub fn value(kills: u32, deaths: u32, damage: u32) -> f64 {
    let efficiency = efficiency(kills, deaths).unwrap_or_default();
    kills_per_death(kills, deaths) * 10.0 + efficiency + f64::from(damage) / 100.0
}

fn accuracy(counts: Counts) -> Option<f64> {
    divide(f64::from(counts.hits) * 100.0, counts.shots)
}

fn sum(weapons: &[WeaponUse], counts: impl Fn(&WeaponUse) -> bool) -> Counts {
    weapons.iter().filter(|one| counts(one)).fold(Counts::default(), |sum, one| sum.plus(one.counts))
}

fn divide(number: f64, by: u32) -> Option<f64> {
    (by > 0).then(|| number / f64::from(by))
}
