//! Files of rounds, made from the grammar: what is in them, and how a script would write it. The writer knows nothing of the
//! program's parser.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use signalbox::source::etlegacy::header::Header;
use signalbox::source::etlegacy::player::{Player, Team};
use signalbox::source::etlegacy::tally::{Field, Tally, Unit};
use signalbox::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};
use signalbox::source::etlegacy::{RoundNumber, Side};

/// The contents of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub header: Header<'static>,
    pub players: Vec<Player<'static>>,
    pub carriage_returns: bool,
}

impl Written {
    pub fn text(&self) -> String {
        let end = if self.carriage_returns { "\r\n" } else { "\n" };
        let mut text = header_line(&self.header) + end;
        for player in &self.players {
            text += &player_line(player);
            text += end;
        }
        text
    }
}

pub fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn header_line(header: &Header<'_>) -> String {
    let side = |side: Option<Side>| side.map_or(0, Side::get);
    let mut line = format!(
        "{}\\{}\\{}\\{}\\{}\\{}\\{}\\{}",
        header.server,
        header.map,
        header.config,
        header.round,
        side(header.defender),
        side(header.winner),
        clock(header.limit),
        clock(header.next_limit)
    );
    if let Some(playtime) = header.playtime {
        write!(line, "\\{playtime}").unwrap();
    }
    line
}

fn player_line(player: &Player<'_>) -> String {
    let mask: u64 = player.weapons.iter().map(|one| 1 << one.weapon.bit()).sum();
    let (guid, name, team) = (&player.guid, &player.raw_name, player.team.get());
    let mut line = format!("{guid}\\{name}\\{}\\{team}\\{mask} ", player.rounds);
    for Counts { hits, shots, kills, deaths, headshots } in player.weapons.iter().map(|one| one.counts) {
        write!(line, "{hits} {shots} {kills} {deaths} {headshots} ").unwrap();
    }
    for (field, value) in Field::ALL.into_iter().map_while(|field| Some((field, player.tally.get(field)?))) {
        match field.unit() {
            Unit::Tenths => write!(line, "\t{}.{}", value / 10, value % 10).unwrap(),
            Unit::Count | Unit::Seconds => write!(line, "\t{value}").unwrap(),
        }
    }
    line
}

fn name() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof!["\\^[0-9a-zA-Z/?.*^]", "[ -\\[\\]-~]{1,8}", "[a-zäßЖ漢😀()\":/?]{1,4}", Just("[BOT]".to_owned()),];
    vec(piece, 1..5).prop_map(|pieces| pieces.concat())
}

pub fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Axis), Just(Side::Allies)]
}

prop_compose! {
    pub fn header()(
        server in name(), map in "[a-z][a-zA-Z0-9_-]{0,20}", config in "legacy[36]|defaultpublic|",
        second: bool, defender in proptest::option::of(side()), winner in proptest::option::of(side()),
        limit in 0..6000u32, next_limit in 0..6000u32, playtime in proptest::option::of(-50_000..5_000_000i64),
    ) -> Header<'static> {
        let round = if second { RoundNumber::Second } else { RoundNumber::First };
        let (server, map, config) = (server.into(), map.into(), config.into());
        Header { server, map, config, round, defender, winner, limit, next_limit, playtime }
    }
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![5 => 0..30u32, 2 => 0..5000u32, 1 => Just(i32::MAX as u32)]
}

fn weapons() -> impl Strategy<Value = Vec<WeaponUse>> {
    let counts = (count(), count(), count(), count(), count());
    let counts =
        counts.prop_map(|(hits, shots, kills, deaths, headshots)| Counts { hits, shots, kills, deaths, headshots });
    proptest::collection::btree_map(0..28u8, counts, 0..12).prop_map(|uses| {
        let one = |(bit, counts)| WeaponUse { weapon: Weapon::new(bit).unwrap(), counts };
        uses.into_iter().map(one).collect()
    })
}

/// So many fields as some script has written, and also any other number that is read.
fn tally() -> impl Strategy<Value = Tally> {
    let fields = prop_oneof![3 => Just(38usize), 1 => Just(33), 1 => Just(36), 1 => Just(37), 1 => 20..=38usize];
    (vec(count(), 38), fields, -500..500i32).prop_map(|(values, fields, xp)| {
        let mut tally = Tally::empty();
        for (field, value) in Field::ALL.into_iter().zip(values).take(fields) {
            let value = if field == Field::Xp { xp } else { value as i32 };
            tally.set(field, Some(value));
        }
        tally
    })
}

prop_compose! {
    pub fn player()(
        guid in prop_oneof![6 => "[0-9A-F]{8}", 1 => Just("OMNIBOT0".to_owned())], raw_name in name(), rounds in 0..3u32,
        team in prop_oneof![8 => side().prop_map(Team::Playing), 1 => Just(Team::Spectator), 1 => Just(Team::Free)],
        weapons in weapons(), tally in tally(),
    ) -> Player<'static> {
        Player { guid: guid.into(), raw_name: raw_name.into(), rounds, team, weapons, tally }
    }
}

prop_compose! {
    pub fn file()(header in header(), players in vec(player(), 0..12), carriage_returns: bool) -> Written {
        Written { header, players, carriage_returns }
    }
}
