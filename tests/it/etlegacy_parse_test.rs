//! Files of rounds and of awards as a script may write them, and what becomes of them on the way. What was generated from the
//! grammar is read as it was; what is damaged is an error with its place, or it is noted.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use signalbox::source::etlegacy::awards::owner::{Person, Unknown, recover};
use signalbox::source::etlegacy::awards::{self, Amount, Row};
use signalbox::source::etlegacy::colour::{clean, clean_of_letters_and_digits, spans};
use signalbox::source::etlegacy::file_name::{self, FileName, RoundFile};
use signalbox::source::etlegacy::header::Header;
use signalbox::source::etlegacy::note::Note;
use signalbox::source::etlegacy::place::ParseError;
use signalbox::source::etlegacy::ready::{self, ReadyError};
use signalbox::source::etlegacy::stats_file::parse;
use signalbox::source::etlegacy::tally::Field;
use signalbox::source::etlegacy::{RoundNumber, Side};

use crate::support::stats_files::{self, Written};

const HEADER: &str = "^a#^7s\\supply\\legacy3\\1\\1\\2\\12:00\\9:13";
const FIELDS: &str = "\t0\t0\t0\t0\t0\t0\t0\t0\t1.0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0";

fn with_player(line: &str) -> String {
    format!("{HEADER}\n{line}\n")
}

fn error_of(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

fn notes_of(text: &str) -> Vec<String> {
    parse(text.as_bytes()).unwrap().notes.all().iter().map(Note::to_string).collect()
}

/// The place of an error lies in the text.
fn is_inside(error: &ParseError, bytes: &[u8]) -> bool {
    let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    let line = usize::try_from(error.line).unwrap().checked_sub(1).and_then(|at| lines.get(at));
    line.is_some_and(|line| (1..=line.len() + 1).contains(&(error.column as usize)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(written in stats_files::file()) {
        let text = written.text();
        let file = parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&file.header, &written.header);
        prop_assert_eq!(&file.players, &written.players);
        prop_assert_eq!(written.carriage_returns, file.notes.all().contains(&Note::CarriageReturns));
        prop_assert_eq!(file.clone().into_owned(), file);
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error_or_ends_with_a_line(written in stats_files::file(), at: Index) {
        let text = written.text();
        let cut = &text.as_bytes()[..at.index(text.len() + 1)];
        match parse(cut) {
            Ok(file) => {
                prop_assert!(cut.ends_with(b"\n"));
                prop_assert!(written.players.starts_with(&file.players));
            }
            Err(error) => prop_assert!(is_inside(&error, cut), "{error}"),
        }
    }

    #[test]
    fn damage_is_an_error_with_its_place(written in stats_files::file(), changes in vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut bytes = written.text().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        match parse(&bytes) {
            Ok(file) => {
                for player in &file.players {
                    prop_assert!(!player.raw_name.contains(char::is_control) && !player.guid.contains(char::is_control));
                }
            }
            Err(error) => prop_assert!(is_inside(&error, &bytes), "{error}"),
        }
    }

    #[test]
    fn a_number_that_is_none_is_found_where_it_stands(written in stats_files::file(), player: Index, field: Index) {
        prop_assume!(!written.players.is_empty());
        let text = Written { carriage_returns: false, ..written.clone() }.text();
        let at = player.index(written.players.len());
        let line = text.lines().nth(at + 1).unwrap();
        let tabs: Vec<usize> = {
            let begin = line.rfind('\\').unwrap();
            line.match_indices('\t').map(|(at, _)| at).filter(|at| *at > begin).collect()
        };
        let begin = tabs[field.index(tabs.len())] + 1;
        let damaged = format!("{}x{}", &line[..begin], &line[begin..]);
        let lines: Vec<&str> = text.lines().enumerate().map(|(n, own)| if n == at + 1 { &damaged } else { own }).collect();
        let error = parse((lines.join("\n") + "\n").as_bytes()).unwrap_err();
        prop_assert_eq!((error.line as usize, error.column as usize), (at + 2, line[..begin].chars().count() + 1));
    }

    #[test]
    fn names_of_files_are_read_back(map in "[A-Za-z0-9_-]{1,50}", round in 1..=10u8, days in 0..5800i64, seconds in 0..86_400i64) {
        let start = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let written = start + chrono::TimeDelta::days(days) + chrono::TimeDelta::seconds(seconds);
        let stem = written.format("%Y-%m-%d-%H%M%S").to_string();
        let told = RoundFile { stem: &stem, written, map: &map, round };
        let [round, awards, sidecar] = ["", "-endstats", "_ws"].map(|end| format!("{stem}-{map}-round-{round}{end}.txt"));
        prop_assert_eq!(file_name::parse(&round), Ok(FileName::Round(told.clone())));
        prop_assert_eq!(file_name::parse(&awards), Ok(FileName::Awards(told.clone())));
        prop_assert_eq!(file_name::parse(&sidecar), Ok(FileName::Sidecar(told)));
    }

    #[test]
    fn any_name_and_any_colours_are_read(name in ".{0,60}") {
        let _ = file_name::parse(&name);
        let shown: String = spans(&name).map(|span| span.text).collect();
        prop_assert_eq!(shown.trim(), clean(&name));
        prop_assert!(spans(&name).all(|span| !span.text.is_empty()));
    }

    #[test]
    fn owners_are_found_or_it_is_said_why_not(
        kills in vec(0..6u32, 32), sizes in (1..=4usize, 1..=4usize), order in 0..8usize, with_empty_rows: bool,
    ) {
        let (people, rows, truth) = duels(sizes, order, with_empty_rows, |a, b| kills[(a * 5 + b) % 32]);
        match recover(&rows, &people) {
            Ok(owners) => prop_assert_eq!(owners, truth),
            Err(Unknown::None) => prop_assert!(truth.iter().all(Option::is_none)),
            Err(unknown) => prop_assert_eq!(unknown, Unknown::Several),
        }
    }

    #[test]
    fn awards_that_are_damaged_are_an_error_with_its_place(at: Index, byte: u8, cut: Index) {
        let mut bytes = b"Most damage given\tanna\t3214\nBest K/D ratio\tx y\t1.625\nVS_HEADER\tanna\t9CC7\ndora.\t4\t0\n".to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() * 3));
        if let Err(error) = awards::parse(&bytes) {
            prop_assert!(is_inside(&error, &bytes), "{error}");
        }
    }
}

/// Everybody's rows in some order, and whose they are. `killed`: how often one killed the other.
fn duels(
    (axis, allies): (usize, usize),
    order: usize,
    with_empty_rows: bool,
    killed: impl Fn(usize, usize) -> u32,
) -> (Vec<Person>, Vec<Row<'static>>, Vec<Option<usize>>) {
    let names = ["anna", ".bert", "carl", "dora.", "EmilE", "f_r_tz", "gus", "hans"];
    let side = |person: usize| if person < axis { Side::Axis } else { Side::Allies };
    let person = |at: usize| Person { name: names[at].into(), side: Some(side(at)), other_name: names[at].into() };
    let all = axis + allies;
    let mixed = |n: usize| (n + order) % all;
    let (mut rows, mut truth) = (Vec::new(), Vec::new());
    for owner in (0..all).map(mixed) {
        for opponent in (0..all).rev().map(mixed).filter(|other| side(*other) != side(owner)) {
            let (kills, deaths) = (killed(owner, opponent), killed(opponent, owner));
            if kills + deaths > 0 || with_empty_rows {
                let line = u32::try_from(rows.len()).unwrap() + 1;
                rows.push(Row { line, opponent: names[opponent].into(), kills, deaths });
                truth.push((kills + deaths > 0).then_some(owner));
            }
        }
    }
    ((0..all).map(person).collect(), rows, truth)
}

#[test]
fn owners_of_rows_that_differ_are_always_found() {
    for (axis, allies) in [(1, 1), (1, 3), (2, 2), (3, 3), (4, 4)] {
        for order in 0..axis + allies {
            let (people, rows, truth) = duels((axis, allies), order, true, |a, b| (a * 10 + b) as u32 + 1);
            assert_eq!(recover(&rows, &people), Ok(truth), "{axis} against {allies}, from {order}");
        }
    }
}

#[test]
fn errors_say_what_was_expected_where() {
    let player = |line: &str| error_of(&with_player(line));
    insta::assert_snapshot!([
        error_of(""),
        error_of("\n"),
        error_of("server\\supply\\legacy3\\1\\1\\2\\12:00\n"),
        error_of("server\\sup ply\\legacy3\\1\\1\\2\\12:00\\9:13\n"),
        error_of("^1sörver\\supply\\legacy3\\3\\1\\2\\12:00\\9:13\n"),
        error_of("server\\supply\\legacy3\\1\\1\\2\\12:00\\9:60\n"),
        error_of("server\\supply\\legacy3\\1\\1\\2\\12:00\\9:13\\720\\1\n"),
        error_of(&format!("{HEADER}\nAB")),
        player("A1B2C3D4"),
        player("\\annika\\0\\1\\0 \t1"),
        player("A1B2C3D4\\annika\\0\\4\\0 \t1"),
        player("A1B2C3D4\\annika\\0\\1\\0 "),
        player(&format!("A1B2C3D4\\annika\\0\\1\\5 1 2 3 4 5 6 7 8 9{FIELDS}")),
        player(&format!("A1B2C3D4\\annika\\0\\1\\1 1 2 3 4 5 6{FIELDS}")),
        player("A1B2C3D4\\annika\\0\\1\\0 \t1\t2\t3"),
        player(&format!("A1B2C3D4\\annika\\0\\1\\0 \t99999999999{FIELDS}")),
    ]
    .join("\n"), @r#"
    line 1, column 1: expected a header, found the end of the file
    line 1, column 1: expected eight or nine fields between backslashes, and there are 1, found the end of the line
    line 1, column 34: expected eight or nine fields between backslashes, and there are 7, found the end of the line
    line 1, column 8: expected the name of a map: letters, digits, - and _, at most 50, found "sup ply"
    line 1, column 25: expected the round, 1 or 2, found "3"
    line 1, column 35: expected a time as M:SS, found "9:60"
    line 1, column 44: expected the end of the line behind nine fields, found "1"
    line 2, column 3: expected a line feed: the last line is cut off, found the end of the file
    line 2, column 9: expected a GUID and a backslash, found the end of the line
    line 2, column 1: expected a GUID: letters and digits, at most 32, found "\\"
    line 2, column 19: expected a team: 1 Axis, 2 Allies, 3 spectator, 0 none, found "4"
    line 2, column 23: expected a TAB behind the weapons, found the end of the line
    line 2, column 40: expected five numbers for each of 2 weapons, found "\t"
    line 2, column 33: expected the end of the 1 weapons, found "6"
    line 2, column 29: expected at least 20 fields, and there are 3, found the end of the line
    line 2, column 24: expected a number up to 2147483647, found "99999999999"
    "#);
}

#[test]
fn what_is_unusual_is_read_and_noted() {
    let player = |line: String| notes_of(&with_player(&line));
    let rest = format!("\\0\\1\\0 {FIELDS}");
    insta::assert_snapshot!([
        notes_of(&format!("\u{feff}{HEADER}\r\n\r\n")),
        player(format!("unknown\\x{rest}")),
        player(format!("A1B2C3D4\\x{rest}\nA1B2C3D4\\y{rest}")),
        player(format!("OMNIBOT0\\[BOT]x{rest}\nOMNIBOT0\\[BOT]y{rest}")),
        player(format!("A1B2C3D4\\^1{rest}")),
        player(format!("A1B2C3D4\\a\u{7}b{rest}")),
        player(format!("A1B2C3D4\\x\\0\\1\\268435456 1 2 3 4 5 {FIELDS}")),
        player(format!("A1B2C3D4\\x\\0\\1\\1 -1 2 3 4 5 {FIELDS}\t7\tnan\t-nan(ind)\tinf")),
        player(format!("A1B2C3D4\\x{rest}{}", "\t0".repeat(20))),
    ]
    .map(|notes| notes.join("; "))
    .join("\n"), @"
    it begins with a byte order mark; lines end with CR LF; line 2: blank; nobody played
    line 2: the GUID is not eight hexadecimal digits; line 2: 20 fields; no known script writes so many
    line 2: 20 fields; no known script writes so many; line 3: 20 fields; no known script writes so many; line 3: the same GUID as in line 2
    line 2: 20 fields; no known script writes so many; line 3: 20 fields; no known script writes so many
    line 2: the player has no name; line 2: 20 fields; no known script writes so many
    line 2, column 10: a control character; line 2: 20 fields; no known script writes so many
    line 2: weapon 28 is not known; line 2: 20 fields; no known script writes so many
    line 2, column 18: -1 counted as 0; line 2, column 74: not a number; line 2, column 78: not a number; line 2, column 88: not a number; line 2: 24 fields; no known script writes so many
    line 2: 40 fields, the last ones are not known
    ");
    let latin = [HEADER.as_bytes(), b"\nA1B2C3D4\\Bj\xf6rn", rest.as_bytes(), b"\n"].concat();
    let file = parse(&latin).unwrap();
    assert_eq!(file.players[0].name(), "Bj\u{fffd}rn");
    assert!(file.notes.all().contains(&Note::NotUtf8 { line: 2, column: 10 }));
}

#[test]
fn what_a_script_did_not_write_is_not_zero() {
    let text = with_player(&format!("A1B2C3D4\\x\\0\\1\\0 {FIELDS}"));
    let tally = &parse(text.as_bytes()).unwrap().players[0].tally;
    assert_eq!((tally.get(Field::TimesRevived), tally.get(Field::BulletsFired)), (Some(0), None));
    assert_eq!(tally.get(Field::TimePlayedPercent), Some(10));
}

#[test]
fn the_ninth_field_is_milliseconds_when_it_is_large() {
    let seconds = |playtime: &str| {
        let text = format!("{HEADER}\\{playtime}\n");
        let header: Header<'_> = parse(text.as_bytes()).unwrap().header;
        header.playtime_seconds()
    };
    assert_eq!((seconds("553000"), seconds("10000"), seconds("10001")), (Some(553), Some(10_000), Some(10)));
    assert_eq!((seconds("0"), seconds("-20")), (None, None));
}

#[test]
fn colours_are_a_caret_and_any_character() {
    for (raw, shown, older) in [
        ("^D/^4/^?/^zM.^0annika", "///M.annika", "//^?/M.annika"),
        ("^^1red", "^red", "^red"),
        ("a^", "a^", "a^"),
        ("^1^2^3", "", ""),
        ("^ä^/x", "x", "^ä^/x"),
        (" ^7[BOT]x ", "[BOT]x", "[BOT]x"),
    ] {
        assert_eq!((clean(raw).as_str(), clean_of_letters_and_digits(raw).as_str()), (shown, older), "{raw}");
    }
    let colours: Vec<_> = spans("a^1b^2^3c").map(|span| (span.colour, span.text)).collect();
    assert_eq!(colours, [(None, "a"), (Some('1'), "b"), (Some('3'), "c")]);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let long = format!("2025-10-14-212214-{}-round-1.txt", "a".repeat(240));
    let refused = [
        "../2025-10-14-212214-supply-round-1.txt",
        "2025-10-14-212214-sup/ply-round-1.txt",
        "2025-10-14-212214-sup..ply-round-1.txt",
        "2019-10-14-212214-supply-round-1.txt",
        "2025-02-30-212214-supply-round-1.txt",
        "2025-10-14-242214-supply-round-1.txt",
        "2025-10-14-212214_supply-round-1.txt",
        "2025-10-14-212214-supply-round-0.txt",
        "2025-10-14-212214-supply-round-01.txt",
        "2025-10-14-212214-supply-round-1.txt.bak",
        "2025-10-14-212214-süpply-round-1.txt",
        "2025-10-14-212214--round-1.txt",
        "2025-1ä",
        "",
        &long,
    ];
    let told = refused.map(|name| match file_name::parse(name) {
        Err(error) => error.to_string(),
        Ok(read) => panic!("{name}: {read:?}"),
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    column 3: expected a name without /, \, NUL and ..
    column 22: expected a name without /, \, NUL and ..
    column 22: expected a name without /, \, NUL and ..
    column 1: expected a year from 2020 to 2035
    column 6: expected a day that there is
    column 12: expected a time that there is
    column 18: expected - and the map
    column 32: expected a round from 1 to 10
    column 32: expected a round from 1 to 10
    column 40: expected .txt at the end
    column 19: expected a map: letters, digits, - and _, at most 50
    column 19: expected a map: letters, digits, - and _, at most 50
    column 8: expected - between year, month, day and time
    column 5: expected - between year, month, day and time
    column 256: expected the end of a name of at most 255 bytes
    ");
}

#[test]
fn an_hour_that_comes_twice_is_decided_by_the_file() {
    let instant = |name: &str, changed: Option<&str>| match file_name::parse(name) {
        Ok(FileName::Round(told)) => {
            told.instant(chrono_tz::Europe::Ljubljana, changed.map(|at| at.parse().unwrap())).to_rfc3339()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(instant("2025-10-14-212214-supply-round-1.txt", None), "2025-10-14T19:22:14+00:00");
    let twice = "2025-10-26-023000-supply-round-1.txt";
    assert_eq!(instant(twice, None), "2025-10-26T00:30:00+00:00");
    assert_eq!(instant(twice, Some("2025-10-26T01:30:03Z")), "2025-10-26T01:30:00+00:00");
    assert_eq!(instant("2025-03-30-023000-supply-round-1.txt", None), "2025-03-30T01:30:00+00:00");
}

#[test]
fn values_of_awards_have_their_units() {
    let text = "Most damage given\t12\t5\nA\tx\t1.625\nB\tx\t113 seconds\nC\tx\t50.47 percent\nD\tx\t38.12 m\nE\tx\t3 kills in 1.2s\nF\tx\tsoon\n";
    let file = awards::parse(text.as_bytes()).unwrap();
    let amounts: Vec<Amount> = file.awards.iter().map(|award| award.value.amount).collect();
    let kills_in = Amount::KillsIn { kills: 3, seconds: 1200 };
    use Amount::{Metres, Number, Percent, Seconds, Words};
    assert_eq!(
        amounts,
        [Number(5000), Number(1625), Seconds(113_000), Percent(50_470), Metres(38_120), kills_in, Words]
    );
    assert_eq!((file.awards[0].player.as_ref(), file.rows.len()), ("12", 0), "a player may be called by a number");
    let error = |text: &str| awards::parse(text.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!([error("A\tx\n"), error("A\tx\t1\t2\n"), error("A\tx\t\n"), error("\tx\t1\n"), error("A\tx\t1")].join("\n"), @r#"
    line 1, column 4: expected three columns between TABs, found the end of the line
    line 1, column 7: expected the end of the line behind three columns, found "2"
    line 1, column 5: expected the value of the award, found the end of the line
    line 1, column 1: expected the name of an award, found "\t"
    line 1, column 6: expected a line feed: the last line is cut off, found the end of the file
    "#);
}

#[test]
fn rows_of_strangers_and_of_two_namesakes_have_no_owner() {
    let person = |name: &str, side| Person { name: name.into(), side: Some(side), other_name: name.into() };
    let row = |opponent: &'static str| Row { line: 7, opponent: opponent.into(), kills: 1, deaths: 2 };
    let people = [person("a", Side::Axis), person("b", Side::Allies), person("b", Side::Allies)];
    assert_eq!(recover(&[row("z")], &people), Err(Unknown::Stranger { line: 7 }));
    assert_eq!(recover(&[row("b")], &people), Err(Unknown::Namesakes { line: 7 }));
    assert_eq!(recover(&[row("a")], &people), Err(Unknown::None));
    assert_eq!(recover(&[], &people), Err(Unknown::None));
}

#[test]
fn a_message_may_lack_what_is_not_needed() {
    let message = |fields: &[(&str, &str)]| {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value })).collect();
        ready::message(
            serde_json::json!({ "content": "STATS_READY", "embeds": [{ "fields": fields }] }).to_string().as_bytes(),
        )
    };
    let needed = [("Map", "supply"), ("Round", "0"), ("Lua_RoundEnd", "1760471029")];
    let least = message(&needed).unwrap();
    assert_eq!((least.round, least.playtime, least.limit), (RoundNumber::Second, None, None));
    assert!(least.notes.all().contains(&Note::Unread { field: "Lua_Playtime" }));
    let over = message(
        &[&needed[..], &[("Lua_Playtime", "731 sec"), ("Lua_Timelimit", "12 min"), ("Lua_Warmup", "20 sec")]].concat(),
    );
    let over = over.unwrap();
    assert_eq!((over.playtime, over.warmup), (Some(720), Some(31)));
    assert!(over.notes.all().contains(&Note::PlaytimeAboveLimit { seconds: 731, limit: 720 }));
    assert_eq!(message(&needed[..2]).unwrap_err().to_string(), "embeds[0].fields: expected Lua_RoundEnd: Unix seconds");
    assert_eq!(ready::message(b"{\"content\":\"STATS\"}"), Err(ReadyError::NotReady));
    assert_eq!(ready::message(b"{"), Err(ReadyError::Json { line: 1, column: 1 }));
}
