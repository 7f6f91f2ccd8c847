//! What rounds mean together: pairs, the second round alone, elapsed time, score, sessions and teams; and that it does not
//! matter in which order the files arrive.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use signalbox::matches::differential::{Clamped, Origin, second_round};
use signalbox::matches::elapsed::{Basis, elapsed};
use signalbox::matches::identity::PlayerKey;
use signalbox::matches::outcome::{ScoreConfidence, StopwatchState, outcome};
use signalbox::matches::rate;
use signalbox::matches::record::{Invalid, Record, Round, Status, record};
use signalbox::matches::score::{Attack, MapScore, map_score};
use signalbox::matches::session::sessions;
use signalbox::matches::team::{Lineup, Team, teams};
use signalbox::source::etlegacy::header::Header;
use signalbox::source::etlegacy::note::Notes;
use signalbox::source::etlegacy::player::{self, Player};
use signalbox::source::etlegacy::stats_file::StatsFile;
use signalbox::source::etlegacy::tally::{Field, Tally};
use signalbox::source::etlegacy::weapon::{Counts, Weapon, WeaponUse};
use signalbox::source::etlegacy::{RoundNumber, Side};

use crate::support::stats_files;

fn header(round: RoundNumber, limit: u32, next_limit: u32, winner: Option<Side>) -> Header<'static> {
    let (server, map, config) = ("s".into(), "supply".into(), "legacy3".into());
    let defender = Some(Side::Axis);
    Header { server, map, config, round, defender, winner, limit, next_limit, playtime: None }
}

fn player(guid: &str, side: Side, damage: i32) -> Player<'static> {
    let mut tally = Tally::empty();
    for (field, value) in
        [(Field::DamageGiven, damage), (Field::DamageReceived, 0), (Field::TimePlayed, damage), (Field::Xp, 7)]
    {
        tally.set(field, Some(value));
    }
    let team = player::Team::Playing(side);
    Player {
        guid: guid.to_owned().into(),
        raw_name: format!("^1{guid}").into(),
        rounds: 1,
        team,
        weapons: Vec::new(),
        tally,
    }
}

/// `minute` of an evening; the second round of a map is played with the time to beat of its first.
fn round(minute: i64, header: Header<'static>, players: Vec<Player<'static>>) -> Round {
    let start: DateTime<Utc> = "2025-10-14T19:00:00Z".parse().unwrap();
    let at = start + TimeDelta::seconds(minute * 60);
    let stem = at.format("%Y-%m-%d-%H%M%S").to_string();
    let name = format!("{stem}-{}-round-{}.txt", header.map, header.round);
    let file = StatsFile { header, players, notes: Notes::default() };
    Round { name, stem, at, surrendered: None, file }
}

fn first(minute: i64, took: u32) -> Round {
    round(minute, header(RoundNumber::First, 720, took, Some(Side::Allies)), Vec::new())
}

fn second(minute: i64, to_beat: u32) -> Round {
    round(minute, header(RoundNumber::Second, to_beat, to_beat, Some(Side::Axis)), Vec::new())
}

fn statuses(rounds: &[Round]) -> Vec<Status> {
    record(rounds.to_vec()).rounds.iter().map(|round| round.status).collect()
}

#[test]
fn a_second_round_belongs_to_the_latest_first_one_within_45_minutes() {
    use Status::{Completed, OrphanSecond};
    assert_eq!(statuses(&[first(0, 500), second(45, 500)]), [Completed, Completed]);
    assert_eq!(statuses(&[first(0, 500), second(46, 500)]), [Completed, OrphanSecond]);
    assert_eq!(statuses(&[second(0, 500), first(1, 500)]), [OrphanSecond, Completed]);
    assert_eq!(statuses(&[first(0, 500), second(0, 500)]), [Completed, OrphanSecond], "strictly earlier");
    let mut elsewhere = first(0, 500);
    elsewhere.file.header.map = "etl_ice".into();
    assert_eq!(statuses(&[elsewhere, second(5, 500)]), [Completed, OrphanSecond]);
    let twice = record(vec![first(0, 500), first(10, 400), second(20, 400)]);
    assert_eq!(twice.rounds[2].match_id, twice.rounds[1].match_id);
    assert_eq!(twice.sessions[0].maps.iter().map(|map| map.second).collect::<Vec<_>>(), [None, Some(2)]);
}

#[test]
fn of_two_second_rounds_the_one_that_says_the_time_counts() {
    use Status::{Completed, OrphanSecond, OtherTimeToBeat, Replaced};
    assert_eq!(statuses(&[first(0, 500), second(10, 500), second(20, 500)]), [Completed, Replaced, Completed]);
    assert_eq!(statuses(&[first(0, 500), second(10, 500), second(20, 400)]), [Completed, Completed, OrphanSecond]);
    assert_eq!(statuses(&[first(0, 500), second(10, 400), second(20, 500)]), [Completed, OrphanSecond, Completed]);
    assert_eq!(statuses(&[first(0, 500), second(10, 400)]), [Completed, OtherTimeToBeat]);
    let replayed = record(vec![first(0, 500), second(10, 500), second(20, 500)]);
    assert_eq!(replayed.rounds[1].invalid, [Invalid::Replaced]);
}

#[test]
fn elapsed_is_capped_held_or_unknown() {
    let of = |limit, next, winner, playtime| {
        let told = Header { playtime, ..header(RoundNumber::Second, limit, next, winner) };
        let time = elapsed(&told);
        (time.seconds, time.basis, outcome(&told, time, None))
    };
    let known = |state, confidence| signalbox::matches::outcome::Outcome { state, confidence };
    let held = known(Some(StopwatchState::FullHold), ScoreConfidence::VerifiedHeader);
    let set = known(Some(StopwatchState::TimeSet), ScoreConfidence::VerifiedHeader);
    let (axis, allies) = (Some(Side::Axis), Some(Side::Allies));
    assert_eq!(of(568, 0, axis, None), (Some(568), Basis::Held, held));
    assert_eq!(of(568, 4265, axis, None), (Some(568), Basis::Capped, held));
    assert_eq!(of(568, 568, axis, None), (Some(568), Basis::Header, held));
    assert_eq!(of(568, 300, allies, None), (Some(300), Basis::Header, set));
    assert_eq!(of(568, 0, allies, Some(300_500)), (Some(300), Basis::Playtime, set));
    let ambiguous = ScoreConfidence::Ambiguous;
    assert_eq!(of(568, 0, allies, None).2, known(Some(StopwatchState::TimeSet), ambiguous));
    assert_eq!(of(568, 300, axis, None).2, known(Some(StopwatchState::FullHold), ambiguous));
    let by_time = ScoreConfidence::TimeFallback;
    assert_eq!(of(568, 538, None, None).2, known(Some(StopwatchState::FullHold), by_time));
    assert_eq!(of(568, 537, None, None).2, known(Some(StopwatchState::TimeSet), by_time));
    assert_eq!(of(568, 0, None, None).2, known(None, ScoreConfidence::Missing));
}

#[test]
fn who_surrenders_has_failed() {
    let told = header(RoundNumber::First, 720, 300, Some(Side::Axis));
    let state = |side| outcome(&told, elapsed(&told), Some(side)).state;
    assert_eq!(state(Side::Allies), Some(StopwatchState::FullHold));
    assert_eq!(state(Side::Axis), Some(StopwatchState::TimeSet));
}

#[test]
fn a_map_is_worth_two_points() {
    let attack = |state, seconds| Attack { state: Some(state), elapsed: Some(seconds) };
    let (held, set) = (|| attack(StopwatchState::FullHold, 720), |seconds| attack(StopwatchState::TimeSet, seconds));
    let score =
        |first, second| map_score(first, second).map(|score: MapScore| (score.attacked_first, score.attacked_second));
    assert_eq!(score(held(), held()), Some((1, 1)));
    assert_eq!(score(set(400), held()), Some((2, 0)));
    assert_eq!(score(held(), set(400)), Some((0, 2)));
    assert_eq!(score(set(400), set(399)), Some((0, 2)));
    assert_eq!(score(set(400), set(400)), Some((2, 0)), "a time that is only reached is not beaten");
    assert_eq!(score(Attack { state: None, elapsed: None }, held()), None);
    assert_eq!(score(set(400), Attack { state: Some(StopwatchState::TimeSet), elapsed: None }), None);
}

fn uses(bit: u8, hits: u32, shots: u32, kills: u32) -> WeaponUse {
    WeaponUse { weapon: Weapon::new(bit).unwrap(), counts: Counts { hits, shots, kills, deaths: 0, headshots: 0 } }
}

#[test]
fn the_second_round_alone_is_what_was_added() {
    let (mut before, mut after) = (player("A", Side::Axis, 100), player("A", Side::Allies, 250));
    before.weapons = vec![uses(0, 1, 9, 0), uses(4, 10, 20, 2), uses(27, 1, 1, 0)];
    after.weapons = vec![uses(0, 2, 7, 0), uses(4, 15, 40, 2), uses(27, 1, 1, 0)];
    after.tally.set(Field::TimeDead, Some(400));
    let own = second_round(&before, &after);
    assert_eq!(own.origin, Origin::Subtracted);
    assert_eq!(own.weapons, [uses(0, 1, 0, 0), uses(4, 5, 20, 0)]);
    assert_eq!((own.tally.get(Field::DamageGiven), own.tally.get(Field::Xp)), (Some(150), Some(7)));
    assert_eq!(own.tally.get(Field::TimeDead), Some(150), "dead for as long as they played at the most");
    assert_eq!(own.clamped, [Clamped::Weapon(Weapon::KNIFE), Clamped::TimeDead]);
}

#[test]
fn who_has_less_than_before_began_anew() {
    let reset = second_round(&player("A", Side::Axis, 100), &player("A", Side::Allies, 99));
    assert_eq!((reset.origin, reset.tally.get(Field::DamageGiven)), (Origin::Reset, Some(99)));
    let mut killer = player("A", Side::Axis, 100);
    killer.weapons = vec![uses(4, 1, 1, 1)];
    assert_eq!(second_round(&killer, &player("A", Side::Allies, 300)).origin, Origin::Reset);
}

/// A map with both rounds.
fn map(minute: i64, players: [Vec<Player<'static>>; 2]) -> Vec<Round> {
    let [one, two] = players;
    let mut rounds = vec![first(minute, 500), second(minute + 10, 500)];
    rounds[0].file.players = one;
    rounds[1].file.players = two;
    rounds
}

#[test]
fn late_and_early_players_keep_what_is_written() {
    let (axis, allies) = (Side::Axis, Side::Allies);
    let mut watching = player("C", axis, 30);
    watching.team = player::Team::Spectator;
    let rounds = map(
        0,
        [
            vec![player("A", axis, 100), player("B", allies, 80), player("C", axis, 10)],
            vec![player("A", allies, 250), player("D", axis, 60), watching],
        ],
    );
    let record = record(rounds);
    let seen: Vec<_> = record.rounds[1]
        .players
        .iter()
        .map(|one| (one.key.guid.as_str(), one.side, one.numbers.origin, one.numbers.tally.or_zero(Field::DamageGiven)))
        .collect();
    assert_eq!(
        seen,
        [
            ("A", Some(allies), Origin::Subtracted, 150),
            ("C", Some(allies), Origin::Subtracted, 20),
            ("D", Some(axis), Origin::OnlyInSecond, 60),
        ]
    );
    assert_eq!(record.rounds[0].players.len(), 3, "who left is in the first round alone");
}

#[test]
fn bots_have_one_guid_and_are_told_apart_by_name() {
    let bot =
        |name: &str, side, damage| Player { raw_name: name.to_owned().into(), ..player("OMNIBOT0", side, damage) };
    let rounds = map(
        0,
        [
            vec![bot("[BOT]a", Side::Axis, 10), bot("[BOT]b", Side::Allies, 20)],
            vec![bot("[BOT]b", Side::Axis, 50), bot("[BOT]a", Side::Allies, 15)],
        ],
    );
    let record = record(rounds);
    let damage: Vec<_> =
        record.rounds[1].players.iter().map(|one| one.numbers.tally.or_zero(Field::DamageGiven)).collect();
    assert_eq!(damage, [5, 30]);
    assert!(record.rounds.iter().all(|round| round.invalid == [Invalid::Bots]));
}

#[test]
fn one_bot_after_another_is_not_the_same_bot() {
    let bot =
        |name: &str, side, damage| Player { raw_name: name.to_owned().into(), ..player("OMNIBOT0", side, damage) };
    let rounds = map(0, [vec![bot("[BOT]a", Side::Axis, 10)], vec![bot("[BOT]b", Side::Allies, 50)]]);
    let numbers = &record(rounds).rounds[1].players[0].numbers;
    assert_eq!((numbers.origin, numbers.tally.or_zero(Field::DamageGiven)), (Origin::OnlyInSecond, 50));
}

#[test]
fn rounds_of_one_instant_have_an_order_too() {
    let mut other = first(0, 400);
    (other.name, other.file.header.map) = (other.name.replace("supply", "etl_ice"), "etl_ice".into());
    let expected = record(vec![first(0, 500), other.clone()]);
    assert_eq!(record(vec![other, first(0, 500)]), expected);
}

#[test]
fn fillers_and_ghosts_do_not_count() {
    let mut filler = first(0, 500);
    filler.file.header.map = "mp_sillyctf".into();
    let record = record(vec![filler, first(10, 29), first(20, 30)]);
    assert_eq!((record.rounds.len(), record.ghosts.len()), (2, 1));
    assert_eq!(record.rounds[0].invalid, [Invalid::FillerMap]);
}

#[test]
fn an_hour_without_a_round_ends_a_session() {
    let at = |minutes: &[i64]| -> Vec<DateTime<Utc>> { minutes.iter().map(|minute| first(*minute, 500).at).collect() };
    assert_eq!(sessions(&at(&[0, 60, 121, 130])), [0..2, 2..4]);
    assert!(sessions(&[]).is_empty());
}

fn lineup(axis: &str, allies: &str, is_second: bool) -> Lineup {
    let key = |name: char| PlayerKey { guid: name.to_string(), name: None, nth: 0 };
    let on = |names: &str, side| names.chars().map(move |name| (key(name), side)).collect::<Vec<_>>();
    Lineup { players: [on(axis, Side::Axis), on(allies, Side::Allies)].concat(), is_second }
}

#[test]
fn teams_are_people_and_not_sides() {
    let told = teams(&[
        lineup("abc", "xyz", false),
        lineup("xyz", "abc", true),
        lineup("xyw", "abc", false),
        lineup("abx", "yzw", true),
    ]);
    assert_eq!(told.axis, [Team::One, Team::Two, Team::Two, Team::One]);
    let member = |name: &str| told.members.iter().find(|(key, _)| key.guid == name).unwrap().1;
    assert_eq!(member("w").team, Team::Two, "who comes later belongs to those they play with");
    assert!(member("x").changed() && member("x").team == Team::Two && !member("a").changed());
    let new = teams(&[lineup("ab", "xy", false), lineup("pq", "rs", true)]);
    assert_eq!(new.axis, [Team::One, Team::Two], "nobody of before: the sides have changed");
}

#[test]
fn points_follow_the_people() {
    let people = |axis: &[&str], allies: &[&str], damage| {
        let on = |names: &[&str], side| names.iter().map(move |name| player(name, side, damage)).collect::<Vec<_>>();
        [on(axis, Side::Axis), on(allies, Side::Allies)].concat()
    };
    // Allies attack: x and y in the first map, a and b in the second. Both times the second round is held.
    let one = map(0, [people(&["a", "b"], &["x", "y"], 1), people(&["x", "y"], &["a", "b"], 2)]);
    let two = map(20, [people(&["x", "y"], &["a", "b"], 1), people(&["a", "b"], &["x", "y"], 2)]);
    let record = record([one, two].concat());
    assert_eq!(record.sessions.len(), 1);
    assert_eq!(
        record.sessions[0].maps.iter().map(|map| map.attacked_first).collect::<Vec<_>>(),
        [Some(Team::Two), Some(Team::One)]
    );
    assert_eq!(record.sessions[0].score, (2, 2));
}

#[test]
fn rates_divide_by_something_or_are_not_there() {
    let weapons = [uses(4, 30, 100, 3), uses(11, 12, 5, 2), uses(27, 4, 9, 0)];
    assert_eq!(rate::accuracy_of_light(&weapons), Some(30.0));
    assert!((rate::accuracy_of_all(&weapons).unwrap() - 46.0 * 100.0 / 114.0).abs() < 1e-9);
    assert_eq!((rate::accuracy_of_light(&weapons[2..]), rate::headshot_rate(&[])), (None, None));
    assert_eq!(
        (rate::damage_per_minute(4111, 720), rate::damage_per_minute(1, 0)),
        (Some(4111.0 * 60.0 / 720.0), None)
    );
    assert_eq!((rate::kills_per_death(3, 0), rate::kills_per_death(3, 2)), (3.0, 1.5));
    assert_eq!((rate::efficiency(3, 1), rate::efficiency(0, 0)), (Some(75.0), None));
    assert_eq!(rate::value(3, 1, 200), 30.0 + 75.0 + 2.0);
}

/// An evening of a few maps, some rounds missing, played again, too short, or with bots.
fn evening() -> impl Strategy<Value = Vec<Round>> {
    let one = (stats_files::header(), proptest::collection::vec(stats_files::player(), 0..4), 0..4u8, 1..70i64);
    proptest::collection::vec(one, 0..12).prop_map(|rounds| {
        let mut minute = 0;
        let mut last = 500;
        let mut all: Vec<Round> = Vec::new();
        for (mut header, players, map, gap) in rounds {
            minute += if gap > 60 { gap } else { gap % 12 + 1 };
            header.map = ["supply", "etl_ice", "supply", "mp_sillyctf"][usize::from(map)].into();
            if header.round == RoundNumber::Second && map != 1 {
                header.limit = last;
            }
            last = if header.round == RoundNumber::First { header.next_limit } else { last };
            all.push(round(minute, header, players));
        }
        all
    })
}

fn whole(record: &Record) -> bool {
    let covered: usize = record.sessions.iter().map(|session| session.rounds.len()).sum();
    let teams = record.sessions.iter().all(|session| session.teams.axis.len() == session.rounds.len());
    covered == record.rounds.len() && teams
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_changes_nothing((rounds, mixed) in evening().prop_flat_map(|rounds| (Just(rounds.clone()), Just(rounds).prop_shuffle()))) {
        let expected = record(rounds.clone());
        prop_assert!(whole(&expected));
        prop_assert_eq!(&record(mixed.clone()), &expected);
        // A file that arrives on two ways is one file.
        prop_assert_eq!(&record([mixed, rounds].concat()), &expected);
    }

    #[test]
    fn both_rounds_together_are_what_the_second_file_says(before in stats_files::player(), added in stats_files::player()) {
        let mut after = before.clone();
        for one in &added.weapons {
            match after.weapons.iter_mut().find(|other| other.weapon == one.weapon) {
                Some(other) => other.counts = other.counts.plus(one.counts),
                None => after.weapons.push(*one),
            }
        }
        after.weapons.sort_by_key(|one| one.weapon);
        let own = second_round(&before, &after);
        prop_assert_eq!(own.origin, Origin::Subtracted);
        let expected: Vec<WeaponUse> = added.weapons.iter().filter(|one| !one.counts.is_empty()).copied().collect();
        prop_assert_eq!(own.weapons, expected);
    }
}
