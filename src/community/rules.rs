//! The rules of counting and earning. Which hour is under which follows from the hour alone, so that it does not matter
//! when it is counted. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{GuildId, RoleId};
use crate::store::watch::multiplier::Multiplier;
use crate::store::watch::rule::StoredRules;

/// What a server has set, or what holds without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Points for five minutes; 0: watching earns nothing.
    pub rate: u32,
    /// The same for subscribers.
    pub sub_rate: u32,
    /// Minutes that a message counts for, its own included.
    pub active_minutes: u32,
    /// People who have to have written within five minutes.
    pub min_chatters: u32,
    /// Minutes of a day that count at most.
    pub day_cap: u32,
    /// Points for following, once ever.
    pub follow: u32,
    /// For subscribing, each month.
    pub sub: u32,
    /// For each subscription given away.
    pub gift: u32,
    /// For a hundred kicks.
    pub kicks: u32,
    /// For a hundred channel points of a reward that was accepted.
    pub redemption: u32,
    /// Roles that multiply what their linked members earn by watching, in percent.
    pub multipliers: BTreeMap<i64, u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rate: 1,
            sub_rate: 2,
            active_minutes: 2,
            min_chatters: 2,
            day_cap: 18 * 60,
            follow: 10,
            sub: 100,
            gift: 100,
            kicks: 10,
            redemption: 0,
            multipliers: BTreeMap::new(),
        }
    }
}

/// Within which rules are counted at all.
pub const MAX_RATE: u32 = 10_000;
pub const MAX_ACTIVE: u32 = 15;
pub const MAX_CHATTERS: u32 = 100;
pub const MAX_PERCENT: u32 = 1_000;
/// People have to have written within this many minutes.
pub const WINDOW: u32 = 5;

impl Rules {
    /// Kept within what can be counted, whatever is stored.
    fn bounded(self) -> Self {
        Self {
            rate: self.rate.min(MAX_RATE),
            sub_rate: self.sub_rate.min(MAX_RATE),
            active_minutes: self.active_minutes.clamp(1, MAX_ACTIVE),
            min_chatters: self.min_chatters.clamp(1, MAX_CHATTERS),
            day_cap: self.day_cap.min(24 * 60),
            follow: self.follow.min(1_000_000),
            sub: self.sub.min(1_000_000),
            gift: self.gift.min(1_000_000),
            kicks: self.kicks.min(1_000_000),
            redemption: self.redemption.min(1_000_000),
            multipliers: self.multipliers.into_iter().map(|(role, by)| (role, by.clamp(100, MAX_PERCENT))).collect(),
        }
    }

    /// The highest of what these roles multiply by, where it is more than nothing.
    pub fn multiplier(&self, held: &[RoleId]) -> Option<Multiplier> {
        let of_held = self.multipliers.iter().filter(|(role, by)| **by > 100 && held.contains(&RoleId(**role)));
        let (role, by) = of_held.max_by_key(|(_, by)| **by)?;
        Some(Multiplier { percent: i16::try_from(*by).ok()?, role_id: RoleId(*role) })
    }
}

/// The rules of all servers over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline(BTreeMap<(i64, i32), Rules>);

impl Timeline {
    pub fn of(stored: Vec<StoredRules>) -> Self {
        let read = |rules| serde_json::from_value::<Rules>(rules).unwrap_or_default().bounded();
        Self(stored.into_iter().map(|s| ((s.guild_id.0, s.from_hour), read(s.rules))).collect())
    }

    /// The rules of an hour: those set last before it, or the usual ones.
    pub fn at(&self, guild_id: GuildId, hour: i32) -> Rules {
        let found = self.0.range((guild_id.0, i32::MIN)..=(guild_id.0, hour)).next_back();
        found.map(|(_, rules)| rules.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_hour_is_under_the_rules_set_last_before_it() {
        let set = |guild, from_hour, rules| StoredRules { guild_id: GuildId(guild), from_hour, rules };
        let timeline = Timeline::of(vec![
            set(1, 10, json!({ "rate": 3 })),
            set(1, 20, json!({ "rate": 0, "active_minutes": 400, "unknown": 1 })),
            set(2, 15, json!("nonsense")),
        ]);
        let rate = |guild, hour| timeline.at(GuildId(guild), hour).rate;
        assert_eq!([rate(1, 9), rate(1, 10), rate(1, 19), rate(1, 20), rate(2, 99), rate(3, 0)], [1, 3, 3, 0, 1, 1]);
        assert_eq!(timeline.at(GuildId(1), 30).active_minutes, MAX_ACTIVE);
        assert_eq!(timeline.at(GuildId(1), 30).day_cap, 1080);
    }

    #[test]
    fn the_highest_multiplier_counts() {
        let rules: Rules = serde_json::from_value(json!({ "multipliers": { "5": 150, "6": 9999, "7": 100 } })).unwrap();
        let of = |held: &[i64]| {
            let held: Vec<RoleId> = held.iter().map(|role| RoleId(*role)).collect();
            rules.clone().bounded().multiplier(&held).map(|by| (by.percent, by.role_id.0))
        };
        assert_eq!([of(&[5]), of(&[5, 6]), of(&[7]), of(&[])], [Some((150, 5)), Some((1000, 6)), None, None]);
    }
}
