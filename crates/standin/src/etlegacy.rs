//! A game server of ET:Legacy as others see it: the files that its script writes at the end of each round (specification, Facts 2, 3
//! and 6). What was played is made up, and the same each time. Its clock shows UTC.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

/// A file, as it is in the server's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub text: String,
}

/// An evening of three against three.
#[derive(Clone, Copy, Debug)]
pub struct Evening {
    began: DateTime<Utc>,
}

/// GUID, name with colour codes, and the same without. The first three defend first.
const PEOPLE: [(&str, &str, &str); 6] = [
    ("5A1B0C01", "^1Nor^7a", "Nora"),
    ("5A1B0C02", "^4Quill", "Quill"),
    ("5A1B0C03", "^2mar^3low", "marlow"),
    ("5A1B0C04", "^5Pixel", "Pixel"),
    ("5A1B0C05", "^6Tam^7sin", "Tamsin"),
    ("5A1B0C06", "^3odd^1job", "oddjob"),
];

const SERVER: &str = "^4Signal ^7Town";
/// The map's own limit, in seconds.
const LIMIT: u32 = 720;

/// How long each of the two attacks took, and whether it got there.
struct Map {
    name: &'static str,
    attacks: [(u32, bool); 2],
}

const MAPS: [Map; 2] = [
    Map { name: "supply", attacks: [(553, true), (501, true)] },
    Map { name: "frostbite", attacks: [(640, true), (640, false)] },
];

/// Bits of the mask: what Axis and Allies carry, and the grenade.
const MP40: usize = 4;
const THOMPSON: usize = 5;
const GRENADE: usize = 11;
const WEAPONS: [usize; 3] = [MP40, THOMPSON, GRENADE];
const FIELDS: usize = 38;
/// Fields that a second file has on top of those of the first.
const CUMULATIVE: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 20, 22];
/// Fields with one decimal.
const TENTHS: [usize; 7] = [8, 21, 22, 23, 24, 25, 26];

/// What one player did in one round, or in both: five numbers for each of the weapons (hits, shots, kills, deaths, headshots),
/// and the fields, those with a decimal in tenths.
#[derive(Clone)]
struct Numbers {
    weapons: [[u32; 5]; 3],
    fields: [u32; FIELDS],
}

impl Evening {
    /// Of which the first round was finished ten minutes later.
    pub fn new(began: DateTime<Utc>) -> Self {
        Self { began }
    }

    /// How many maps there are.
    pub const MAPS: usize = MAPS.len();

    /// The name of a map, counted from 0.
    pub fn map(at: usize) -> &'static str {
        MAPS[at].name
    }

    /// The file of a round, 1 or 2.
    pub fn round(&self, map: usize, round: usize) -> File {
        let mut text = header(map, round) + "\n";
        for (who, (guid, name, _)) in PEOPLE.iter().enumerate() {
            let numbers = if round == 1 { numbers(map, 1, who) } else { of_both(map, who) };
            let team = if (who < 3) == (round == 1) { 1 } else { 2 };
            text += &line(guid, name, round, team, &numbers);
        }
        File { name: format!("{}.txt", self.stem(map, round)), text }
    }

    /// The awards of a whole map, which come with its second round.
    pub fn awards(&self, map: usize) -> File {
        let all: Vec<Numbers> = (0..PEOPLE.len()).map(|who| of_both(map, who)).collect();
        let field = |at: usize| all.iter().map(|one| one.fields[at]).collect::<Vec<_>>();
        let light = |of: &Numbers, at: usize| of.weapons[0][at] + of.weapons[1][at];
        let percent = |of: &Numbers| light(of, 0) * 10_000 / light(of, 1).max(1);
        let mut text = String::new();
        let mut award = |name: &str, values: Vec<u32>, shown: fn(u32) -> String| {
            let best = (0..values.len()).max_by_key(|at| (values[*at], usize::MAX - at)).unwrap_or_default();
            let _ = writeln!(text, "{name}\t{}\t{}", PEOPLE[best].2, shown(values[best]));
        };
        award("Most damage given", field(0), |value| value.to_string());
        award("Most damage received", field(1), |value| value.to_string());
        award("Most corpse gibs", field(4), |value| value.to_string());
        award("Longest killing spree", field(10), |value| value.to_string());
        award("Most kill assists", field(12), |value| value.to_string());
        award("Most revives", field(37), |value| value.to_string());
        award("Most grenade kills", all.iter().map(|one| one.weapons[2][2]).collect(), |value| value.to_string());
        award("Most light weapon kills", all.iter().map(|one| light(one, 2)).collect(), |value| value.to_string());
        award("Highest light weapons accuracy", all.iter().map(percent).collect(), |value| {
            format!("{}.{:02} percent", value / 100, value % 100)
        });
        File { name: format!("{}-endstats.txt", self.stem(map, 2)), text }
    }

    fn stem(&self, map: usize, round: usize) -> String {
        let minutes = map * 28 + if round == 1 { 10 } else { 22 };
        let ended = self.began + TimeDelta::minutes(i64::try_from(minutes).unwrap_or_default());
        format!("{}-{}-round-{round}", ended.format("%Y-%m-%d-%H%M%S"), MAPS[map].name)
    }
}

/// Axis always defends. The limit of a second round is the time of the first.
fn header(map: usize, round: usize) -> String {
    let Map { name, attacks: [first, second] } = &MAPS[map];
    let (limit, (took, got_there)) = if round == 1 { (LIMIT, *first) } else { (first.0, *second) };
    let winner = if got_there { 2 } else { 1 };
    let clock = |seconds: u32| format!("{}:{:02}", seconds / 60, seconds % 60);
    format!("{SERVER}\\{name}\\legacy3\\{round}\\1\\{winner}\\{}\\{}", clock(limit), clock(took))
}

fn line(guid: &str, name: &str, round: usize, team: u8, numbers: &Numbers) -> String {
    let used: Vec<usize> = (0..WEAPONS.len()).filter(|at| numbers.weapons[*at] != [0; 5]).collect();
    let mask: u32 = used.iter().map(|at| 1 << WEAPONS[*at]).sum();
    let mut line = format!("{guid}\\{name}\\{round}\\{team}\\{mask} ");
    for number in used.iter().flat_map(|at| numbers.weapons[*at]) {
        let _ = write!(line, "{number} ");
    }
    for (at, value) in numbers.fields.iter().enumerate() {
        let _ = if TENTHS.contains(&at) {
            write!(line, "\t{}.{}", value / 10, value % 10)
        } else {
            write!(line, "\t{value}")
        };
    }
    line + "\n"
}

fn of_both(map: usize, who: usize) -> Numbers {
    let (first, mut both) = (numbers(map, 1, who), numbers(map, 2, who));
    for (own, before) in both.weapons.iter_mut().flatten().zip(first.weapons.iter().flatten()) {
        *own += before;
    }
    for at in CUMULATIVE {
        both.fields[at] += first.fields[at];
    }
    both
}

/// Of one round alone. No two players are the same, and nobody is best at everything.
fn numbers(map: usize, round: usize, who: usize) -> Numbers {
    let dice = |by: u32, sides: u32| (who as u32 * 11 + (map * 2 + round) as u32 * 5 + by * 3) % sides;
    let (kills, deaths, grenades) = (5 + dice(1, 9), 7 + dice(2, 8), dice(3, 4));
    let shots = 150 + 10 * dice(4, 12);
    let light = [shots / 3 + dice(5, 9), shots, kills, 0, kills / 3];
    let fallen = [0, 0, 0, deaths, 0];
    let is_axis = (who < 3) == (round == 1);
    let thrown = [grenades * 2, grenades + 3, grenades, 0, 0];
    let mut fields = [0; FIELDS];
    let took = MAPS[map].attacks[round - 1].0;
    let set: [(usize, u32); 20] = [
        (0, 110 * (kills + grenades) + 17 * dice(6, 9)),
        (1, 120 * deaths + 23 * dice(7, 5)),
        (2, 18 * dice(8, 5)),
        (3, 18 * dice(9, 4)),
        (4, dice(10, 6)),
        (5, dice(11, 3)),
        (8, 985),
        (9, 25 + dice(12, 40)),
        (10, 3 + dice(13, 5)),
        (12, dice(14, 6)),
        (13, dice(15, 3)),
        (14, kills / 4),
        (19, dice(16, 5)),
        (20, shots + thrown[1]),
        (22, took / 6),
        (25, 5 + dice(17, 10)),
        (27, dice(18, 4)),
        (28, 20 + dice(19, 60)),
        (29, dice(20, 3)),
        (37, dice(21, 6)),
    ];
    set.into_iter().for_each(|(at, value)| fields[at] = value);
    Numbers { weapons: if is_axis { [light, fallen, thrown] } else { [fallen, light, thrown] }, fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_numbers_for_each_bit_and_38_fields() {
        let evening = Evening::new(DateTime::UNIX_EPOCH);
        for (map, round) in [(0, 1), (0, 2), (1, 1), (1, 2)] {
            let file = evening.round(map, round);
            for line in file.text.lines().skip(1) {
                let (weapons, fields) = line.rsplit_once('\\').unwrap().1.split_once('\t').unwrap();
                let numbers: Vec<u32> = weapons.split_whitespace().map(|number| number.parse().unwrap()).collect();
                assert_eq!(numbers.len() - 1, 5 * numbers[0].count_ones() as usize, "{line}");
                assert_eq!(fields.split('\t').count(), 38, "{line}");
            }
        }
        assert_eq!(evening.round(1, 2).name, "1970-01-01-005000-frostbite-round-2.txt");
        assert!(evening.awards(0).text.lines().all(|line| line.split('\t').count() == 3));
    }

    #[test]
    fn a_second_file_goes_on_where_the_first_ended() {
        let evening = Evening::new(DateTime::UNIX_EPOCH);
        let damage = |round| -> Vec<u32> {
            let text = evening.round(0, round).text;
            text.lines().skip(1).map(|line| line.split('\t').nth(1).unwrap().parse().unwrap()).collect()
        };
        assert!(damage(1).iter().zip(damage(2)).all(|(first, both)| both > *first));
        let head = |round| evening.round(1, round).text.lines().next().unwrap().to_owned();
        assert_eq!(head(1), "^4Signal ^7Town\\frostbite\\legacy3\\1\\1\\2\\12:00\\10:40");
        assert_eq!(head(2), "^4Signal ^7Town\\frostbite\\legacy3\\2\\1\\1\\10:40\\10:40");
    }
}
