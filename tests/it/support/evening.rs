//! An evening of three against three, as a game server writes it: a file for each round, numbers of the second round on top of
//! those of the first. The same numbers each time.

use signalbox::source::etlegacy::header::Header;
use signalbox::source::etlegacy::player::{Player, Team};
use signalbox::source::etlegacy::tally::{Carry, Field, Tally};
use signalbox::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};
use signalbox::source::etlegacy::{RoundNumber, Side};

use super::stats_files::Written;

/// A file, by its name.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub text: String,
}

/// GUID and name; the first three are on Axis when the evening begins.
pub const PEOPLE: [(&str, &str); 6] = [
    ("1A2B3C01", "^1ada^7*"),
    ("1A2B3C02", "^/bo_b"),
    ("1A2B3C03", "^^4cyd"),
    ("1A2B3C04", "^ddi"),
    ("1A2B3C05", "^?eve `x`"),
    ("1A2B3C06", "^zfay"),
];

/// Of a map: its name, how long each attack took, and whether it got there.
type Played = (&'static str, [(u32, bool); 2]);

const MAPS: [Played; 3] = [
    ("supply", [(553, true), (501, true)]),
    ("te_escape2", [(720, false), (720, false)]),
    ("etl_ice", [(430, true), (430, false)]),
];

/// Three maps, each ten minutes after the one before; all of it on this day, from 20:00 by the server's clock.
pub fn evening(day: &str) -> Vec<File> {
    let mut files = Vec::new();
    for (map, played) in MAPS.iter().enumerate() {
        let (limit, [(first, got_there), (second, beat_it)]) = (720, played.1);
        let before = numbers(map, 0);
        let both: Vec<Numbers> = before.iter().zip(numbers(map, 1)).map(|(one, two)| one.plus(&two)).collect();
        files.push(file(day, map, RoundNumber::First, (limit, first, got_there), &before));
        let to_beat = if got_there { first } else { limit };
        files.push(file(day, map, RoundNumber::Second, (to_beat, second, beat_it), &both));
    }
    files
}

/// The file of awards of one of them.
pub fn awards_of(file: &File) -> File {
    let lines = [
        "Most damage given\tada*\t3110",
        "Most kills per minute\tbo_b\t1.62",
        "Quickest multikill w/ light weapons\tdi\t3 kills in 2.45s",
        "Farthest riflenade kill\teve `x`\t31.20 m",
        "Highest light weapons accuracy\tcyd\t38.46 percent",
        "Full respawn king\tfay\t12 seconds",
        "Most cakes eaten\tada*\t2",
        "di\t4\t2",
        "eve `x`\t1\t0",
        "ada*\t2\t4",
        "ada*\t0\t1",
    ];
    File { name: file.name.replace(".txt", "-endstats.txt"), text: lines.join("\n") + "\n" }
}

#[derive(Clone, Copy, Default)]
struct Numbers {
    weapons: [Counts; 3],
    cumulative: [i32; 9],
    of_round: [i32; 8],
}

impl Numbers {
    fn plus(&self, other: &Numbers) -> Numbers {
        let mut sum = *other;
        for (own, before) in sum.weapons.iter_mut().zip(self.weapons) {
            *own = own.plus(before);
        }
        for (own, before) in sum.cumulative.iter_mut().zip(self.cumulative) {
            *own += before;
        }
        sum
    }
}

/// MP40, Thompson, grenade.
const WEAPONS: [u8; 3] = [4, 5, 11];
const CUMULATIVE: [Field; 9] = [
    Field::DamageGiven,
    Field::DamageReceived,
    Field::TeamDamageGiven,
    Field::TeamDamageReceived,
    Field::Gibs,
    Field::SelfKills,
    Field::TeamKills,
    Field::TeamGibs,
    Field::TimePlayed,
];
const OF_ROUND: [Field; 8] = [
    Field::Xp,
    Field::KillingSpree,
    Field::KillAssists,
    Field::TimesRevived,
    Field::TimeDead,
    Field::DeniedPlaytime,
    Field::DoubleKills,
    Field::RevivesGiven,
];

fn numbers(map: usize, round: usize) -> Vec<Numbers> {
    (0..PEOPLE.len()).map(|who| numbers_of(who as u32, (map * 2 + round) as u32)).collect()
}

fn numbers_of(who: u32, round: u32) -> Numbers {
    let step = |by: u32, below: u32| (who * 7 + round * 5 + by * 3) % below;
    let kills = 6 + step(1, 9);
    let deaths = 5 + step(2, 6);
    let counts =
        |kills, deaths, shots: u32| Counts { hits: shots / 3 + step(3, 7), shots, kills, deaths, headshots: kills / 3 };
    let axis = (who < 3) == round.is_multiple_of(2);
    let (own, other) = (counts(kills - 2, 0, 180 + 11 * who), counts(0, deaths, 0));
    let other = Counts { hits: 0, headshots: 0, ..other };
    let damage = 1100 + 90 * step(4, 11);
    Numbers {
        weapons: [
            if axis { own } else { other },
            if axis { other } else { own },
            Counts { hits: 3, ..counts(2, 0, 6) },
        ],
        cumulative: [damage, 1000 + 70 * step(5, 9), 20 * step(6, 5), 10, step(7, 6), step(8, 2), 0, 0, 82]
            .map(|n: u32| n as i32),
        of_round: [
            30 + step(1, 40),
            3 + step(2, 5),
            step(3, 5),
            step(4, 4),
            12 + step(5, 10),
            40 + step(6, 60),
            step(7, 3),
            step(8, 6),
        ]
        .map(|n: u32| n as i32),
    }
}

fn file(
    day: &str,
    map: usize,
    round: RoundNumber,
    (limit, took, got_there): (u32, u32, bool),
    all: &[Numbers],
) -> File {
    let minute = map * 30 + if round == RoundNumber::First { 10 } else { 22 };
    let name = format!("{day}-{:02}{:02}00-{}-round-{round}.txt", 20 + minute / 60, minute % 60, MAPS[map].0);
    let defender = Side::Axis;
    let header = Header {
        server: "^a#^7p^au^7rans".into(),
        map: MAPS[map].0.into(),
        config: "legacy3".into(),
        round,
        defender: Some(defender),
        winner: Some(if got_there { defender.other() } else { defender }),
        limit,
        next_limit: if got_there { took } else { limit },
        playtime: None,
    };
    let swapped = round == RoundNumber::Second;
    let players = PEOPLE
        .iter()
        .enumerate()
        .map(|(who, person)| player(*person, (who < 3) != swapped, &all[who], round))
        .collect();
    File { name, text: Written { header, players, carriage_returns: false }.text() }
}

fn player(
    (guid, name): (&'static str, &'static str),
    axis: bool,
    numbers: &Numbers,
    round: RoundNumber,
) -> Player<'static> {
    let mut tally = Tally::empty();
    for field in Field::ALL {
        tally.set(field, Some(if field.carry() == Carry::Derived { 1 } else { 0 }));
    }
    let set = CUMULATIVE.into_iter().zip(numbers.cumulative).chain(OF_ROUND.into_iter().zip(numbers.of_round));
    set.for_each(|(field, value)| tally.set(field, Some(value)));
    let uses = WEAPONS.into_iter().zip(numbers.weapons).filter(|(_, counts)| !counts.is_empty());
    let weapons = uses.map(|(bit, counts)| WeaponUse { weapon: Weapon::new(bit).unwrap(), counts }).collect();
    let side = if axis { Side::Axis } else { Side::Allies };
    Player {
        guid: guid.into(),
        raw_name: name.into(),
        rounds: round.get().into(),
        team: Team::Playing(side),
        weapons,
        tally,
    }
}
