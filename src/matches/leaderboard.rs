//! Leaderboards (Facts 10): what is compared, who has played enough to be compared, and in which order.

use super::sum::Sum;
use crate::source::etlegacy::weapon::Counts;

/// Players with more rounds than this are counted.
const ROUNDS_OF_COUNTS: u32 = 10;
/// Rates of few rounds say little.
const ROUNDS_OF_RATES: u32 = 50;
const SHOTS: u32 = 1000;
const KILLS: u32 = 500;
/// On a page.
pub const PER_PAGE: usize = 10;
pub const MOST_PAGES: usize = 50;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Kills,
    KillDeath,
    DamagePerMinute,
    Accuracy,
    Headshots,
    Games,
    Revives,
    Gibs,
    Objectives,
    Efficiency,
    Teamwork,
    Multikills,
    Grenades,
}

impl Kind {
    pub const ALL: [Kind; 13] = [
        Kind::Kills,
        Kind::KillDeath,
        Kind::DamagePerMinute,
        Kind::Accuracy,
        Kind::Headshots,
        Kind::Games,
        Kind::Revives,
        Kind::Gibs,
        Kind::Objectives,
        Kind::Efficiency,
        Kind::Teamwork,
        Kind::Multikills,
        Kind::Grenades,
    ];

    /// As it is chosen in a command.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// The name, and what else people call it.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Kind::Kills => &["kills", "k"],
            Kind::KillDeath => &["kd", "ratio"],
            Kind::DamagePerMinute => &["dpm", "damage"],
            Kind::Accuracy => &["accuracy", "acc"],
            Kind::Headshots => &["headshots", "hs"],
            Kind::Games => &["games", "played"],
            Kind::Revives => &["revives", "medic"],
            Kind::Gibs => &["gibs"],
            Kind::Objectives => &["objectives", "obj"],
            Kind::Efficiency => &["efficiency", "eff", "ef"],
            Kind::Teamwork => &["teamwork", "team"],
            Kind::Multikills => &["multikills", "multi"],
            Kind::Grenades => &["grenades", "nades"],
        }
    }

    pub fn parse(word: &str) -> Option<Kind> {
        let word = word.trim().to_ascii_lowercase();
        Kind::ALL.into_iter().find(|kind| kind.names().contains(&word.as_str()))
    }

    /// A number of each round or shot, and not one that grows with every round.
    pub fn is_rate(self) -> bool {
        matches!(
            self,
            Kind::KillDeath
                | Kind::DamagePerMinute
                | Kind::Accuracy
                | Kind::Headshots
                | Kind::Efficiency
                | Kind::Teamwork
                | Kind::Grenades
        )
    }

    /// Least is best.
    pub fn is_ascending(self) -> bool {
        self == Kind::Teamwork
    }

    /// What is compared; `None`: it says nothing about this player.
    pub fn value(self, player: &Player) -> Option<f64> {
        let Player { sum, grenades } = player;
        let count = |number: u32| Some(f64::from(number));
        match self {
            Kind::Kills => count(sum.kills()),
            Kind::KillDeath => Some(sum.kd()),
            Kind::DamagePerMinute => sum.dpm(),
            Kind::Accuracy => sum.accuracy(),
            Kind::Headshots => sum.headshot_rate(),
            Kind::Games => count(sum.rounds),
            Kind::Revives => count(sum.revives_given),
            Kind::Gibs => count(sum.gibs),
            Kind::Objectives => count(sum.objectives()),
            Kind::Efficiency => sum.efficiency(),
            Kind::Teamwork => sum.team_damage_rate(),
            Kind::Multikills => count(sum.multikills_in_all()),
            Kind::Grenades => (grenades.kills > 0).then(|| f64::from(grenades.hits) / f64::from(grenades.kills)),
        }
    }

    /// Whether somebody has played enough.
    pub fn admits(self, sum: &Sum) -> bool {
        let rounds = if self.is_rate() { ROUNDS_OF_RATES } else { ROUNDS_OF_COUNTS };
        sum.rounds > rounds
            && match self {
                Kind::Accuracy => sum.light.shots > SHOTS,
                Kind::Headshots => sum.kills() > KILLS,
                _ => true,
            }
    }
}

/// What is known of one player.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Player {
    pub sum: Sum,
    /// Of hand and rifle grenades.
    pub grenades: Counts,
}

/// Who has played enough, best first; those who are even in the order of their keys. Pages are made of this list, so
/// that none is empty.
pub fn leaders<K: Ord>(kind: Kind, players: Vec<(K, Player)>) -> Vec<(K, f64, Player)> {
    let admitted = players.into_iter().filter(|(_, player)| kind.admits(&player.sum));
    let mut leaders: Vec<(K, f64, Player)> =
        admitted.filter_map(|(key, player)| Some((key, kind.value(&player)?, player))).collect();
    leaders.sort_by(|(a_key, a, _), (b_key, b, _)| {
        let order = if kind.is_ascending() { a.total_cmp(b) } else { b.total_cmp(a) };
        order.then_with(|| a_key.cmp(b_key))
    });
    leaders.truncate(PER_PAGE * MOST_PAGES);
    leaders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(rounds: u32, kills: u32, deaths: u32) -> Player {
        let all = Counts { kills, deaths, ..Counts::default() };
        Player { sum: Sum { rounds, all, ..Sum::default() }, ..Player::default() }
    }

    #[test]
    fn who_has_played_enough_is_compared() {
        let players = || vec![("a", player(10, 900, 1)), ("b", player(11, 50, 60)), ("c", player(51, 50, 50))];
        let names = |kind| leaders(kind, players()).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names(Kind::Kills), ["b", "c"]);
        assert_eq!(names(Kind::KillDeath), ["c"]);
        assert_eq!(names(Kind::Accuracy), [""; 0]);
    }

    #[test]
    fn every_name_means_one_kind() {
        for kind in Kind::ALL {
            assert!(kind.names().iter().all(|name| Kind::parse(&name.to_uppercase()) == Some(kind)));
        }
        assert_eq!(Kind::parse("eff"), Some(Kind::Efficiency));
        assert_eq!(Kind::parse("fun"), None);
    }
}
