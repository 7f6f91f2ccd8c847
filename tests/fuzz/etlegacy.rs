//! What game servers write: files of rounds and of awards, their names, and messages about finished rounds. What is read is
//! within bounds and can be stored; what is not says where in the file.

use chrono::DateTime;
use signalbox::matches::differential;
use signalbox::matches::record::{Round, record};
use signalbox::source::etlegacy::awards::{self, owner};
use signalbox::source::etlegacy::file_name::{self, FileName};
use signalbox::source::etlegacy::place::ParseError;
use signalbox::source::etlegacy::tally::Field;
use signalbox::source::etlegacy::{Side, colour, ready, stats_file};

use crate::harness::{fuzz, text};

fn is_inside(error: &ParseError, bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\n').nth(error.line as usize - 1);
    line.is_some_and(|line| (1..=line.len() + 1).contains(&(error.column as usize)))
}

#[test]
fn stats_file() {
    let words = ["\t", "\\", "\r\n", "^", "OMNIBOT0", "[BOT]", "\\0\\1\\", "12:00", "0:00", "nan", "-1", "134219828 "];
    fuzz("stats_file", &words, |bytes| {
        let file = match stats_file::parse(bytes) {
            Ok(file) => file.into_owned(),
            Err(error) => {
                assert!(is_inside(&error, bytes), "{error}");
                return;
            }
        };
        for player in &file.players {
            assert!(!player.raw_name.contains(char::is_control) && !player.guid.is_empty(), "it can be stored");
            assert!(Field::ALL.iter().all(|field| *field == Field::Xp || player.tally.or_zero(*field) >= 0));
            let own = differential::second_round(player, player);
            assert!(own.totals().kills <= player.totals().kills);
        }
        let at = DateTime::from_timestamp(1_767_348_000, 0).unwrap();
        let round = |minutes: i64, name: &str| {
            let at = at + chrono::TimeDelta::minutes(minutes);
            Round {
                name: name.to_owned(),
                stem: name.to_owned(),
                at,
                surrendered: Some(Side::Axis),
                file: file.clone(),
            }
        };
        let one = record(vec![round(0, "a"), round(10, "b")]);
        assert_eq!(one, record(vec![round(10, "b"), round(0, "a")]));
        assert_eq!(one.rounds.len() + one.ghosts.len(), 2);
    });
}

#[test]
fn awards_file() {
    let words =
        ["\t", "\r\n", "VS_HEADER\t", " seconds", " percent", " kills in ", "Most deaths\t", "\t0\t0\n", "\t1\t2\n"];
    fuzz("awards_file", &words, |bytes| {
        let file = match awards::parse(bytes) {
            Ok(file) => file,
            Err(error) => {
                assert!(is_inside(&error, bytes), "{error}");
                return;
            }
        };
        let texts = file.awards.iter().flat_map(|award| [&award.name, &award.player, &award.value.text]);
        assert!(texts.chain(file.rows.iter().map(|row| &row.opponent)).all(|text| !text.contains(char::is_control)));
        assert!(file.blocks.iter().all(|block| block.rows.end <= file.rows.len()));
        let mut people: Vec<owner::Person> = Vec::new();
        for row in file.rows.iter().take(200) {
            let (name, side) =
                (row.opponent.to_string(), if people.len().is_multiple_of(2) { Side::Axis } else { Side::Allies });
            if people.iter().all(|person| person.name != name) {
                people.push(owner::Person { other_name: name.clone(), name, side: Some(side) });
            }
        }
        if let Ok(owners) = owner::recover(&file.rows, &people) {
            assert_eq!(owners.len(), file.rows.len());
            let owned = owners.iter().zip(&file.rows).filter_map(|(owner, row)| Some(((*owner)?, row)));
            for (owner, row) in owned {
                assert!(people[owner].name != row.opponent);
            }
        }
    });
}

#[test]
fn stats_file_name() {
    fuzz("stats_file_name", &["-round-", "-endstats", "_ws", ".txt", "..", "/", "2025-10-26-023000-"], |bytes| {
        let name = text(bytes);
        if let Ok(FileName::Round(told) | FileName::Awards(told) | FileName::Sidecar(told)) = file_name::parse(&name) {
            assert!(!name.contains(['/', '\\', '\0']) && !name.contains("..") && name.len() <= 255);
            let gap = told.instant(chrono_tz::Europe::Ljubljana, None).naive_utc() - told.written;
            assert!(gap.num_hours().abs() <= 2);
        }
        assert!(colour::clean(&name).len() <= name.len());
    });
}

#[test]
fn round_message() {
    let words = ["\"name\":", "\"value\":", "Lua_Pauses", "Axis_JSON", " sec", " min", "(", "STATS_READY", "\"Round\""];
    fuzz("round_message", &words, |bytes| {
        for read in [ready::message(bytes), ready::gametime(bytes)].into_iter().flatten() {
            assert!(read.playtime.is_none_or(|seconds| read.limit.is_none_or(|limit| seconds <= limit)));
        }
    });
}
