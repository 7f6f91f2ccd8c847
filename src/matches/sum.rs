//! What somebody did, summed over any number of rounds, and the rates that follow from the sums. A rate over several rounds
//! is computed from what was added up, never as the mean of rates.

use serde::{Deserialize, Serialize};

use super::differential::Numbers;
use super::elapsed::Elapsed;
use super::rate;
use crate::source::etlegacy::tally::Field;
use crate::source::etlegacy::weapon::{Counts, Weapon};

macro_rules! sum {
    ($($(#[doc = $doc:literal])? $name:ident = $field:ident,)*) => {
        /// Numbers of one player or of many. What a script did not write counts as 0.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Sum {
            pub rounds: u32,
            /// Length of those rounds whose length is known, and the damage given in them.
            pub timed_seconds: u32,
            pub timed_damage: u32,
            /// Over all weapons; kills, deaths and headshots are counted there alone.
            pub all: Counts,
            /// Over the light weapons (`Weapon::is_light`).
            pub light: Counts,
            /// The best and the worst of any round.
            pub killing_spree: u32,
            pub death_spree: u32,
            pub xp: i64,
            pub revives_given: u32,
            /// Tenths of minutes on a team.
            pub played: u32,
            /// Tenths of minutes; never more than `played`.
            pub dead: u32,
            /// Twice, three, … six times at once.
            pub multikills: [u32; 5],
            $($(#[doc = $doc])? pub $name: u32,)*
        }

        impl Sum {
            fn add_counted(&mut self, other: &Sum) {
                $(self.$name = self.$name.saturating_add(other.$name);)*
            }

            fn take_counted(&mut self, numbers: &Numbers) {
                $(self.$name = count(numbers, Field::$field);)*
            }
        }
    };
}

sum! {
    damage_given = DamageGiven,
    damage_received = DamageReceived,
    team_damage_given = TeamDamageGiven,
    team_damage_received = TeamDamageReceived,
    gibs = Gibs,
    selfkills = SelfKills,
    full_selfkills = FullSelfKills,
    teamkills = TeamKills,
    teamgibs = TeamGibs,
    assists = KillAssists,
    kill_steals = KillSteals,
    #[doc = "Kills by a shot in the head; `all.headshots` are hits."]
    headshot_kills = HeadshotKills,
    objectives_stolen = ObjectivesStolen,
    objectives_returned = ObjectivesReturned,
    dynamites_planted = DynamitesPlanted,
    dynamites_defused = DynamitesDefused,
    times_revived = TimesRevived,
    useful_kills = UsefulKills,
    useless_kills = UselessKills,
    #[doc = "Seconds that opponents could not play."]
    denied_seconds = DeniedPlaytime,
    repairs = Repairs,
}

const MULTIKILLS: [Field; 5] =
    [Field::DoubleKills, Field::TripleKills, Field::QuadKills, Field::PentaKills, Field::HexaKills];

fn count(numbers: &Numbers, field: Field) -> u32 {
    u32::try_from(numbers.tally.or_zero(field)).unwrap_or_default()
}

impl Sum {
    /// One round of one player.
    pub fn of(numbers: &Numbers, elapsed: Elapsed) -> Sum {
        let of = |which: fn(Weapon) -> bool| {
            let uses = numbers.weapons.iter().filter(|one| which(one.weapon));
            uses.fold(Counts::default(), |sum, one| sum.plus(one.counts))
        };
        let syringe = of(|weapon| weapon == Weapon::SYRINGE);
        let mut sum = Sum {
            rounds: 1,
            all: of(|_| true),
            light: of(Weapon::is_light),
            killing_spree: count(numbers, Field::KillingSpree),
            death_spree: count(numbers, Field::DeathSpree),
            xp: numbers.tally.or_zero(Field::Xp).into(),
            // Older scripts did not write it; what the syringe hits was revived.
            revives_given: match numbers.tally.get(Field::RevivesGiven) {
                Some(_) => count(numbers, Field::RevivesGiven),
                None => syringe.hits,
            },
            played: count(numbers, Field::TimePlayed),
            dead: count(numbers, Field::TimeDead),
            multikills: MULTIKILLS.map(|field| count(numbers, field)),
            ..Sum::default()
        };
        sum.take_counted(numbers);
        if let Some(seconds) = elapsed.seconds {
            (sum.timed_seconds, sum.timed_damage) = (seconds, sum.damage_given);
        }
        sum
    }

    pub fn add(&mut self, other: &Sum) {
        self.add_counted(other);
        self.rounds = self.rounds.saturating_add(other.rounds);
        self.timed_seconds = self.timed_seconds.saturating_add(other.timed_seconds);
        self.timed_damage = self.timed_damage.saturating_add(other.timed_damage);
        self.all = self.all.plus(other.all);
        self.light = self.light.plus(other.light);
        self.killing_spree = self.killing_spree.max(other.killing_spree);
        self.death_spree = self.death_spree.max(other.death_spree);
        self.xp += other.xp;
        self.revives_given = self.revives_given.saturating_add(other.revives_given);
        self.played = self.played.saturating_add(other.played);
        self.dead = self.dead.saturating_add(other.dead);
        for (own, other) in self.multikills.iter_mut().zip(other.multikills) {
            *own = own.saturating_add(other);
        }
    }

    pub fn total<'a>(all: impl IntoIterator<Item = &'a Sum>) -> Sum {
        let mut total = Sum::default();
        all.into_iter().for_each(|one| total.add(one));
        total
    }

    pub fn kills(&self) -> u32 {
        self.all.kills
    }

    pub fn deaths(&self) -> u32 {
        self.all.deaths
    }

    /// Hits in the head.
    pub fn headshots(&self) -> u32 {
        self.all.headshots
    }

    /// Stolen, returned, planted and defused.
    pub fn objectives(&self) -> u32 {
        let all = [self.objectives_stolen, self.objectives_returned, self.dynamites_planted, self.dynamites_defused];
        all.into_iter().fold(0, u32::saturating_add)
    }

    /// However many at once.
    pub fn multikills_in_all(&self) -> u32 {
        self.multikills.into_iter().fold(0, u32::saturating_add)
    }

    /// Of the rounds' time, not of the player's own; `None` where no round's length is known.
    pub fn dpm(&self) -> Option<f64> {
        rate::damage_per_minute(self.timed_damage, self.timed_seconds)
    }

    pub fn kd(&self) -> f64 {
        rate::kills_per_death(self.kills(), self.deaths())
    }

    /// In percent, as are those below.
    pub fn efficiency(&self) -> Option<f64> {
        rate::efficiency(self.kills(), self.deaths())
    }

    /// Hits per shot of the light weapons: how well somebody aims.
    pub fn accuracy(&self) -> Option<f64> {
        percent(self.light.hits, self.light.shots)
    }

    /// Over all weapons, grenades and syringe too, as the older tool has it; may be above 100.
    pub fn accuracy_of_all(&self) -> Option<f64> {
        percent(self.all.hits, self.all.shots)
    }

    /// Hits in the head of the hits of light weapons.
    pub fn headshot_rate(&self) -> Option<f64> {
        percent(self.light.headshots, self.light.hits)
    }

    /// Team damage of all damage given.
    pub fn team_damage_rate(&self) -> Option<f64> {
        percent(self.team_damage_given, self.damage_given.saturating_add(self.team_damage_given))
    }

    /// Dead of the time on a team.
    pub fn dead_rate(&self) -> Option<f64> {
        percent(self.dead, self.played)
    }

    /// What the player of the round is chosen by. Over several rounds damage counts for each of them as in one.
    pub fn value(&self) -> f64 {
        rate::value(self.kills(), self.deaths(), self.damage_given / self.rounds.max(1))
    }
}

fn percent(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) * 100.0 / f64::from(whole))
}
