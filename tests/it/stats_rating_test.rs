//! Ratings by results of maps, and how line-ups have fared against each other.

use signalbox::matches::rating::{Confidence, MapOutcome, Rating, chance, ratings};
use signalbox::stats::career::{Encounters, encounters};

const SCALE: f64 = 60.0;

fn map(one: &[&str], two: &[&str], points: (u32, u32)) -> MapOutcome {
    let team = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
    MapOutcome { one: team(one), two: team(two), points }
}

#[test]
fn who_wins_rises_and_everybody_becomes_surer() {
    let all = ratings(&[map(&["a", "b"], &["c", "d"], (2, 0)), map(&["c", "b"], &["a", "d"], (0, 2))]);
    let order = |one: &str, other: &str| all[one].points() > all[other].points();
    assert!(order("a", "b") && order("a", "d") && order("b", "c") && order("d", "c"), "{all:?}");
    assert!(all.values().all(|rating| rating.deviation() < Rating::default().deviation() && rating.maps == 2));
    assert_eq!((all["a"].won, all["a"].lost, all["c"].lost), (2, 0, 2));
    assert!(chance(&[all["a"]], &[all["c"]]) > 50.0);
}

/// The published example of OpenSkill's Bradley-Terry model: two players who never played, one wins.
#[test]
fn the_numbers_are_those_of_the_method() {
    let all = ratings(&[map(&["a"], &["b"], (2, 0))]);
    let seen = |guid: &str| (all[guid].points() / SCALE * 1000.0).round() / 1000.0;
    assert_eq!((seen("a"), seen("b")), (27.635, 22.365));
    assert_eq!((all["a"].deviation() / SCALE * 1000.0).round() / 1000.0, 8.066);
}

#[test]
fn a_draw_moves_nobody_who_was_even() {
    let all = ratings(&[map(&["a"], &["b"], (1, 1)), map(&["a"], &[], (2, 0))]);
    assert!((all["a"].points() - 1500.0).abs() < 1e-9 && all["a"].maps == 1);
    assert_eq!(all["a"].confidence(), Confidence::Open);
    let many: Vec<MapOutcome> =
        (0..200).map(|at| map(&["a", "x"], &["b", "y"], ((at % 2) * 2, 2 - (at % 2) * 2))).collect();
    assert_ne!(ratings(&many)["a"].confidence(), Confidence::Open);
}

#[test]
fn encounters_are_counted_from_either_team() {
    let team = |all: &str| all.chars().map(String::from).collect::<Vec<_>>();
    let map = |one: &str, two: &str, points| MapOutcome { one: team(one), two: team(two), points };
    let maps = [map("ab", "cd", (2, 0)), map("cx", "ab", (2, 0)), map("ab", "cd", (1, 1)), map("ac", "bd", (2, 0))];
    let met = |a: &str, b: &str| encounters(&maps, &team(a), &team(b));
    assert_eq!(met("ab", "c"), Encounters { won: 1, lost: 1, even: 1 });
    assert_eq!(met("ab", ""), Encounters { won: 1, lost: 1, even: 1 });
    assert_eq!(met("a", "d"), Encounters { won: 2, lost: 0, even: 1 });
}
