//! The laws of the file format and of what two rounds mean together, over every genuine file. Each test prints how many it
//! looked at and names what does not hold.

use std::collections::BTreeMap;

use signalbox::matches::differential::{has_reset, second_round};
use signalbox::matches::elapsed::{Basis, elapsed};
use signalbox::matches::identity::keys;
use signalbox::matches::outcome::{ScoreConfidence, StopwatchState, outcome};
use signalbox::matches::rate;
use signalbox::matches::record::{Record, Round, Status, record};
use signalbox::source::etlegacy::awards::owner::{Person, recover};
use signalbox::source::etlegacy::awards::{self, Amount, Row, known};
use signalbox::source::etlegacy::file_name::{self, FileName};
use signalbox::source::etlegacy::note::Note;
use signalbox::source::etlegacy::player::Player;
use signalbox::source::etlegacy::ready::{self, EndReason};
use signalbox::source::etlegacy::stats_file::{StatsFile, parse};
use signalbox::source::etlegacy::tally::{Carry, Field};
use signalbox::source::etlegacy::{RoundNumber, Side, colour};

use crate::support::corpus;

/// Every genuine round, by the name of its file; `None` without a corpus.
fn files() -> Option<Vec<(String, StatsFile<'static>)>> {
    let mut files: Vec<_> = std::fs::read_dir(corpus::path("etlegacy/stats")?).unwrap().map(Result::unwrap).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        let file = parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")).into_owned();
        (name, file)
    };
    Some(files.into_iter().map(read).collect())
}

fn rounds() -> Option<Vec<Round>> {
    let round = |(name, file): (String, StatsFile<'static>)| {
        let Ok(FileName::Round(told)) = file_name::parse(&name) else { panic!("{name}") };
        let (stem, at) = (told.stem.to_owned(), told.instant(chrono_tz::Europe::Ljubljana, None));
        Round { stem, at, surrendered: None, file, name }
    };
    Some(files()?.into_iter().map(round).collect())
}

/// First and second rounds that belong together, with the name of the second.
fn pairs(record: &Record) -> Vec<(&str, StatsFile<'static>, StatsFile<'static>)> {
    let files: BTreeMap<String, StatsFile<'static>> = files().unwrap().into_iter().collect();
    let maps = record.sessions.iter().flat_map(|session| &session.maps);
    let pair = |(first, second): (usize, usize)| {
        let (first, second) = (&record.rounds[first].name, &record.rounds[second].name);
        (second.as_str(), files[first].clone(), files[second].clone())
    };
    maps.filter_map(|map| Some((map.first, map.second?))).map(pair).collect()
}

/// Players of both rounds.
fn both<'a>(first: &'a StatsFile<'_>, second: &'a StatsFile<'_>) -> Vec<(&'a Player<'a>, &'a Player<'a>)> {
    let all = keys(&[&first.players, &second.players], |player| player.is_bot());
    let same = |(key, player)| {
        let at = all[0].iter().position(|other| other == key)?;
        Some((&first.players[at], player))
    };
    all[1].iter().zip(&second.players).filter_map(same).collect()
}

#[test]
fn every_file_is_read_and_nothing_in_it_is_unusual() {
    let Some(files) = files() else { return };
    let (mut players, mut notes, mut layouts) = (0, BTreeMap::<String, usize>::new(), BTreeMap::<usize, usize>::new());
    for (name, file) in &files {
        players += file.players.len();
        for note in file.notes.all() {
            let nobody = name == "2024-09-12-174949-supply-round-2.txt" && *note == Note::NoPlayers;
            assert!(nobody || *note == Note::CarriageReturns, "{name}: {note}");
            *notes.entry(note.to_string()).or_default() += 1;
        }
        for player in &file.players {
            let fields = Field::ALL.iter().filter(|field| player.tally.get(**field).is_some()).count();
            *layouts.entry(fields).or_default() += 1;
            assert_eq!(player.guid.len(), 8, "{name}");
            assert!(!player.name().contains('^') && !player.is_bot() && player.rounds <= 2, "{name}");
        }
    }
    println!("{} files, {players} players, notes {notes:?}, fields {layouts:?}", files.len());
    assert_eq!((files.len(), players), (126, 867));
    assert_eq!(layouts, BTreeMap::from([(33, 13), (36, 22), (37, 18), (38, 814)]));
}

#[test]
fn names_say_what_the_files_say() {
    let Some(files) = files() else { return };
    for (name, mut file) in files {
        let Ok(FileName::Round(told)) = file_name::parse(&name) else { panic!("{name}") };
        let before = file.notes.all().len();
        file.compare_with(&told);
        assert_eq!(file.notes.all().len(), before, "{name}: {:?}", file.notes);
    }
}

#[test]
fn the_fields_number_as_old_as_the_file_is() {
    let Some(files) = files() else { return };
    for (name, file) in &files {
        let expected = match &name[..7] {
            month if month <= "2024-12" => 33,
            month if month <= "2025-04" => 36,
            month if month <= "2025-09" => 37,
            _ => 38,
        };
        for player in &file.players {
            let fields = Field::ALL.iter().filter(|field| player.tally.get(**field).is_some()).count();
            // The script was changed in the course of May and of September and October 2025.
            let changing = name.starts_with("2025-05") || name.starts_with("2025-10");
            assert!(fields == expected || changing && fields + 1 == expected, "{name}: {fields}");
        }
    }
}

#[test]
fn elapsed_follows_the_law() {
    let Some(files) = files() else { return };
    let (mut held, mut set, mut exceptions) = ([0; 2], [0; 2], Vec::new());
    for (name, file) in &files {
        let header = &file.header;
        let (at, is_held) = (usize::from(header.round.get() - 1), header.winner == header.defender);
        let holds = if is_held { header.next_limit == header.limit } else { header.next_limit < header.limit };
        if is_held {
            held[at] += 1
        } else {
            set[at] += 1
        }
        if !holds {
            exceptions.push(format!("{name}: {} of {}", header.next_limit, header.limit));
        }
        let (time, state) = (elapsed(header), outcome(header, elapsed(header), None));
        assert!(time.seconds.is_some_and(|seconds| (30..=header.limit).contains(&seconds)), "{name}: {time:?}");
        assert_eq!(state.confidence, ScoreConfidence::VerifiedHeader, "{name}");
        assert_eq!(state.state == Some(StopwatchState::FullHold), is_held, "{name}");
    }
    println!("held {held:?}, set {set:?} (first and second rounds); exceptions {exceptions:?}");
    assert_eq!(held[0] + set[0] + held[1] + set[1], 126);
    assert_eq!(exceptions, ["2025-01-06-221847-supply-round-2.txt: 0 of 568"]);
    let unsaid = files.iter().filter(|(_, file)| elapsed(&file.header).basis != Basis::Header).count();
    assert_eq!(unsaid, exceptions.len());
}

#[test]
fn bullets_fired_are_the_shots_of_all_weapons() {
    let Some(files) = files() else { return };
    let (mut equal, mut older) = (0, Vec::new());
    for (name, file) in &files {
        for player in &file.players {
            let (fired, shots) = (player.tally.or_zero(Field::BulletsFired) as u32, player.totals().shots);
            // Files with fewer fields than 38 have another number there.
            if player.tally.get(Field::RevivesGiven).is_some() {
                assert_eq!(fired, shots, "{name}: {}", player.guid);
                equal += 1;
            } else {
                assert!(fired > 25 * shots, "{name}: {} {fired} {shots}", player.guid);
                older.push(f64::from(fired) / f64::from(shots));
            }
        }
    }
    older.sort_by(f64::total_cmp);
    println!(
        "{equal} equal; {} of older files have {:?} to {:?} times as much",
        older.len(),
        older.first(),
        older.last()
    );
}

#[test]
fn pairs_and_orphans() {
    let Some(rounds) = rounds() else { return };
    let record = record(rounds);
    let orphans: Vec<_> = record.rounds.iter().filter(|round| round.status == Status::OrphanSecond).collect();
    let pairs = pairs(&record);
    let minutes: Vec<f64> = {
        let maps = record.sessions.iter().flat_map(|session| &session.maps);
        let gap = |(first, second): (usize, usize)| (record.rounds[second].at - record.rounds[first].at).num_seconds();
        let mut gaps: Vec<i64> = maps.filter_map(|map| Some(gap((map.first, map.second?)))).collect();
        gaps.sort_unstable();
        gaps.into_iter().map(|seconds| seconds as f64 / 60.0).collect()
    };
    let other: Vec<_> = record.rounds.iter().filter(|round| round.status == Status::OtherTimeToBeat).collect();
    println!(
        "{} pairs, gaps {:.2} to {:.2} min, median {:.1}; other time to beat: {:?}; orphans {:?}; {} ghosts",
        pairs.len(),
        minutes[0],
        minutes[minutes.len() - 1],
        minutes[minutes.len() / 2],
        other.iter().map(|round| &round.name).collect::<Vec<_>>(),
        orphans.iter().map(|round| &round.name).collect::<Vec<_>>(),
        record.ghosts.len()
    );
    assert!(record.rounds.iter().all(|round| round.status != Status::Replaced));
    assert!(other.is_empty(), "the second round always says the time that the first one set");
}

#[test]
fn sides_change_and_numbers_go_on() {
    let Some(rounds) = rounds() else { return };
    let record = record(rounds);
    let (mut players, mut swapped, mut reset, mut clamped) = (0, Vec::new(), Vec::new(), Vec::new());
    let (mut monotone, mut rows) = (0, 0);
    let mut grows: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (name, first, second) in pairs(&record) {
        for (before, after) in both(&first, &second) {
            players += 1;
            if before.team.side().map(Side::other) != after.team.side() {
                swapped.push(format!("{name}: {}", after.guid));
            }
            if has_reset(before, after) {
                reset.push(format!("{name}: {}", after.guid));
                continue;
            }
            for field in Field::ALL {
                let (Some(one), Some(two)) = (before.tally.get(field), after.tally.get(field)) else { continue };
                grows.entry(field.name()).or_default()[usize::from(two >= one)] += 1;
            }
            let numbers = second_round(before, after);
            clamped.extend(numbers.clamped.iter().map(|what| format!("{name}: {} {what:?}", after.guid)));
            // What is subtracted and what it was subtracted from are what is written.
            for field in Field::ALL.into_iter().filter(|field| field.carry() == Carry::Cumulative) {
                let (one, own) = (before.tally.or_zero(field), numbers.tally.or_zero(field));
                assert_eq!(one + own, after.tally.or_zero(field).max(one), "{name}: {} {}", after.guid, field.name());
            }
            for one in &before.weapons {
                rows += 1;
                let now = after.weapons.iter().find(|other| other.weapon == one.weapon).map(|other| other.counts);
                let now = now.unwrap_or_default();
                let own = numbers.weapons.iter().find(|own| own.weapon == one.weapon).map(|own| own.counts);
                let whole = one.counts.plus(own.unwrap_or_default());
                if whole == now {
                    monotone += 1;
                } else {
                    assert!(one.weapon.is_knife(), "{name}: {} {:?}", after.guid, one.weapon.name());
                }
            }
        }
    }
    println!("{players} in both, not swapped {swapped:?}, reset {reset:?}; {monotone} of {rows} weapons go on");
    println!("clamped {}: {clamped:#?}", clamped.len());
    for (field, [less, more]) in &grows {
        println!("  {field}: {more} grow or stay, {less} less");
    }
    for field in Field::ALL.into_iter().filter(|field| field.carry() == Carry::Cumulative) {
        assert_eq!(grows[field.name()][0], 0, "{}", field.name());
    }
    assert!(swapped.is_empty());
    assert!(players > 350);
}

#[test]
fn time_dead_is_of_the_round_and_its_share_is_of_nothing() {
    let Some(rounds) = rounds() else { return };
    let record = record(rounds);
    let mut shares = 0;
    for (name, first, second) in pairs(&record) {
        for (_, after) in both(&first, &second) {
            let value = |field| f64::from(after.tally.or_zero(field)) / 10.0;
            if value(Field::TimeDeadRatio) > 0.0 {
                shares += 1;
                // The second round's own time dead, of the time played in both.
                let share = value(Field::TimeDead) / value(Field::TimePlayed) * 100.0;
                assert!((share - value(Field::TimeDeadRatio)).abs() < 1.6, "{name}: {} {share}", after.guid);
            }
        }
    }
    println!("{shares} shares of the second round's time dead in the time of both rounds");
    assert!(shares > 350);
}

#[test]
fn a_record_does_not_depend_on_the_order_of_arrival() {
    let Some(rounds) = rounds() else { return };
    let whole = record(rounds.clone());
    let mut reversed = rounds.clone();
    reversed.reverse();
    assert_eq!(record(reversed), whole);
    // A step that has no common divisor with their number visits all of them.
    for step in [5, 25, 61] {
        let mixed: Vec<Round> = (0..rounds.len()).map(|n| rounds[n * step % rounds.len()].clone()).collect();
        assert_eq!(record(mixed), whole, "every {step}th");
    }
    for session in &whole.sessions {
        let (members, maps) = (session.teams.members.values(), &session.maps);
        let (changed, all) = (members.clone().filter(|member| member.changed()).count(), members.count());
        let name = &whole.rounds[session.rounds.start].name;
        println!(
            "{name}: {} rounds, {} maps, {:?}, {changed} of {all} changed",
            session.rounds.len(),
            maps.len(),
            session.score
        );
        for map in maps {
            assert_eq!(map.second.is_some(), map.score.is_some());
        }
    }
}

#[test]
fn a_late_first_round_repairs_its_orphan() {
    let Some(rounds) = rounds() else { return };
    let whole = record(rounds.clone());
    let is_first = |round: &Round| round.file.header.round == RoundNumber::First;
    let (firsts, seconds): (Vec<_>, Vec<_>) = rounds.into_iter().partition(is_first);
    let lonely = record(seconds.clone());
    assert!(lonely.rounds.iter().all(|round| round.status == Status::OrphanSecond && !round.invalid.is_empty()));
    assert_eq!(record([seconds, firsts].concat()), whole);
}

#[test]
fn rates_of_the_genuine_rounds() {
    let Some(rounds) = rounds() else { return };
    let record = record(rounds);
    let mut above = 0;
    for round in &record.rounds {
        for player in &round.players {
            let weapons = &player.numbers.weapons;
            let light = rate::accuracy_of_light(weapons).unwrap_or_default();
            assert!((0.0..=100.0).contains(&light), "{}: {} {light}", round.name, player.key.guid);
            above += usize::from(rate::accuracy_of_all(weapons).unwrap_or_default() > 100.0);
            let (played, dead) =
                (player.numbers.tally.or_zero(Field::TimePlayed), player.numbers.tally.or_zero(Field::TimeDead));
            assert!(dead <= played, "{}", round.name);
        }
    }
    println!("accuracy of all weapons above 100 %: {above}");
}

#[test]
fn the_genuine_awards_are_read_and_every_owner_is_found() {
    let name = "2026-01-12-224606-te_escape2-round-2-endstats.txt";
    let Some(path) = corpus::path(&format!("etlegacy/{name}")) else { return };
    assert!(matches!(file_name::parse(name), Ok(FileName::Awards(_))));
    let bytes = std::fs::read(path).unwrap();
    let file = awards::parse(&bytes).unwrap();
    assert_eq!((file.awards.len(), file.rows.len(), file.notes.all()), (23, 18, [Note::CarriageReturns].as_slice()));
    assert!(file.awards.iter().all(|award| known::category_of(&award.name).is_some()));
    assert!(file.awards.iter().all(|award| award.value.amount != Amount::Words));
    // The first six rows name everybody: the opponents of one of each side.
    let person = |(at, row): (usize, &Row<'_>)| {
        let (name, side) = (row.opponent.to_string(), if at < 3 { Side::Axis } else { Side::Allies });
        Person { other_name: name.clone(), name, side: Some(side) }
    };
    let people: Vec<Person> = file.rows.iter().take(6).enumerate().map(person).collect();
    let mut owners: Vec<usize> = recover(&file.rows, &people).unwrap().into_iter().flatten().collect();
    owners.dedup();
    assert_eq!(owners, [3, 1, 4, 2, 0, 5], "the only assignment of 720, as it was found by trying all");
}

#[test]
fn owners_that_newer_scripts_write_are_read() {
    let Some(path) = corpus::path("etlegacy/endstats-with-vs-header.txt") else { return };
    let bytes = std::fs::read(path).unwrap();
    let file = awards::parse(&bytes).unwrap();
    let blocks: Vec<_> = file.blocks.iter().map(|block| (block.guid.len(), block.rows.clone())).collect();
    assert_eq!(blocks, [(32, 0..3), (32, 3..6)]);
    assert_eq!(file.awards[2].value.amount, Amount::Metres(38_120));
    assert!(file.notes.all().is_empty());
}

#[test]
fn messages_of_finished_rounds_are_read() {
    let file = |name: &str| Some(std::fs::read(corpus::path(&format!("etlegacy/payloads/{name}"))?).unwrap());
    let Some(held) = file("stats-ready-r1-fullhold.json") else { return };
    let held = ready::message(&held).unwrap();
    assert_eq!(
        (held.map.as_str(), held.round, held.playtime, held.limit),
        ("supply", RoundNumber::First, Some(720), Some(720))
    );
    assert_eq!(
        (held.end, held.surrender, held.axis.len(), held.notes.all().len()),
        (EndReason::TimeExpired, None, 4, 0)
    );
    let given_up = ready::message(&file("stats-ready-r2-surrender-round0.json").unwrap()).unwrap();
    assert_eq!((given_up.round, given_up.pauses, given_up.paused), (RoundNumber::Second, 1, 15));
    let surrender = given_up.surrender.unwrap();
    assert_eq!((surrender.side, surrender.guid.len()), (Side::Axis, 32));
    assert!(surrender.name.contains('"') && surrender.name.contains('\\'), "what the script escaped is read");
    let gametime = ready::gametime(&file("gametime-supply-R1-1760471029.json").unwrap()).unwrap();
    assert_eq!((gametime.spawns.len(), gametime.spawns[0].dead_seconds, gametime.ended), (1, 246, 1_760_471_029));
    for (name, expected) in [
        ("trigger-stats.json", "2025-10-14-213838-supply-round-1.txt"),
        ("trigger-endstats.json", "2026-01-12-224606-te_escape2-round-2-endstats.txt"),
    ] {
        let notice: serde_json::Value = serde_json::from_slice(&file(name).unwrap()).unwrap();
        assert_eq!(file_name::announced(notice["content"].as_str().unwrap()), Some(expected));
    }
}

#[test]
fn names_keep_no_colour() {
    let Some(files) = files() else { return };
    let names: std::collections::BTreeSet<String> =
        files.iter().flat_map(|(_, file)| file.players.iter().map(|player| player.raw_name.to_string())).collect();
    let other = names.iter().filter(|name| colour::clean(name) != colour::clean_of_letters_and_digits(name));
    println!("{} names; the older rule leaves a code in {:?}", names.len(), other.collect::<Vec<_>>());
}
