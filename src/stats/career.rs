//! What is told of somebody over all they have played: sums, sessions, maps, weapons, rating, what they have reached.

use std::collections::BTreeMap;

use anyhow::Result;

use super::people::Named;
use crate::id::GuildId;
use crate::matches::rating::{MapOutcome, Rating, ratings};
use crate::matches::sum::Sum;
use crate::ports::Ports;
use crate::source::etlegacy::weapon::WeaponUse;
use crate::store::stats::player::Alias;
use crate::store::stats::sums::{By, Summed, Which};

/// Somebody's career, or what of it is asked for.
#[derive(Clone, Debug)]
pub struct Career {
    pub who: Named,
    pub sum: Sum,
    /// By session, the oldest first.
    pub sessions: Vec<Summed>,
    /// Most rounds first.
    pub maps: Vec<Summed>,
    /// Most kills first.
    pub weapons: Vec<WeaponUse>,
    pub aliases: Vec<Alias>,
    /// Of all results, whatever is asked for.
    pub rating: Rating,
    /// Among those who are rated, from 1.
    pub rank: Option<(usize, usize)>,
}

pub async fn career(ports: &Ports, guild_id: GuildId, who: Named, map: Option<String>) -> Result<Career> {
    let store = &ports.store;
    let which = Which { guid: Some(who.guid.clone()), map, ..Which::default() };
    let all = store.sum_stats(guild_id, &which, By::All).await?;
    let sessions = store.sum_stats(guild_id, &which, By::Session).await?;
    let mut maps = store.sum_stats(guild_id, &which, By::Map).await?;
    maps.sort_by(|a, b| b.sum.rounds.cmp(&a.sum.rounds).then_with(|| a.key.cmp(&b.key)));
    let mut weapons = store.sum_stats_weapons(guild_id, &which).await?;
    weapons.sort_by_key(|one| (std::cmp::Reverse(one.counts.kills), one.weapon));
    let aliases = store.list_stats_aliases(guild_id, &who.guid).await?;
    let all_ratings = rated(ports, guild_id).await?;
    let rating = all_ratings.get(&who.guid).copied().unwrap_or_default();
    let better = all_ratings.values().filter(|other| other.at_least() > rating.at_least()).count();
    let rank = all_ratings.contains_key(&who.guid).then_some((better + 1, all_ratings.len()));
    let sum = all.into_iter().next().map(|summed| summed.sum).unwrap_or_default();
    Ok(Career { who, sum, sessions, maps, weapons, aliases, rating, rank })
}

/// Everybody's rating, made anew from all results.
pub async fn rated(ports: &Ports, guild_id: GuildId) -> Result<BTreeMap<String, Rating>> {
    let outcomes = ports.store.list_stats_outcomes(guild_id).await?;
    Ok(ratings(&outcomes))
}

/// How two line-ups have fared against each other, by results of maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encounters {
    pub won: u32,
    pub lost: u32,
    pub even: u32,
}

/// Maps on which all of `a` were in one team, and all of `b` in the other.
pub fn encounters(outcomes: &[MapOutcome], a: &[String], b: &[String]) -> Encounters {
    let has = |team: &[String], all: &[String]| all.iter().all(|guid| team.contains(guid));
    let mut met = Encounters::default();
    for MapOutcome { one, two, points } in outcomes {
        let (own, other) = if has(one, a) && has(two, b) {
            *points
        } else if has(two, a) && has(one, b) {
            (points.1, points.0)
        } else {
            continue;
        };
        match own.cmp(&other) {
            std::cmp::Ordering::Greater => met.won += 1,
            std::cmp::Ordering::Less => met.lost += 1,
            std::cmp::Ordering::Equal => met.even += 1,
        }
    }
    met
}
