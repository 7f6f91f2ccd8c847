//! What the two teams of a session are called. A server may have a pool of names of its own.

use serde::{Deserialize, Serialize};

use crate::matches::team::Team;

/// The names of the first and of the second team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamNames(pub String, pub String);

impl Default for TeamNames {
    fn default() -> TeamNames {
        TeamNames("Team A".to_owned(), "Team B".to_owned())
    }
}

impl TeamNames {
    /// Two of a pool, by the day on which the session began: whatever joins the session later, and whenever its files are
    /// read again, they stay the same. A pool of less than two names has none.
    pub fn chosen(pool: &[String], stem: &str) -> TeamNames {
        let count = pool.len() as u64;
        if count < 2 {
            return TeamNames::default();
        }
        let mixed = mixed(stem.get(..10).unwrap_or(stem));
        let one = mixed % count;
        let other = (one + 1 + (mixed >> 32) % (count - 1)) % count;
        TeamNames(pool[one as usize].clone(), pool[other as usize].clone())
    }

    pub fn of(&self, team: Team) -> &str {
        match team {
            Team::One => &self.0,
            Team::Two => &self.1,
        }
    }
}

/// The same number for the same text, on every machine and by every release: FNV-1a, and its bits mixed so that days that
/// follow each other differ in all of them.
fn mixed(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_of_the_pool_by_the_day() {
        let pool: Vec<String> = ["Puran", "Insane", "Slackers", "Vikings"].map(str::to_owned).into();
        let of = |stem: &str| TeamNames::chosen(&pool, stem);
        assert_eq!(of("2026-01-10-201000"), of("2026-01-10-210000"));
        let days: Vec<TeamNames> = (1..29).map(|day| of(&format!("2026-01-{day:02}-201000"))).collect();
        assert!(days.iter().all(|names| names.0 != names.1));
        let all: BTreeSet<(&str, &str)> = days.iter().map(|names| (&*names.0, &*names.1)).collect();
        assert!(all.len() > 6, "{all:?}");
        assert_eq!(TeamNames::chosen(&pool[..1], "2026-01-10-201000"), TeamNames::default());
        // What was said before is said by every later release.
        assert_eq!(of("2026-01-10-201000").0, pool[(mixed("2026-01-10") % 4) as usize]);
    }
}
