//! The program is killed while a file comes in: it is stored once, computed once and told once all the same.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use crate::support::evening::{awards_of, evening};
use crate::support::game_server::{by_directory, write};
use crate::support::program::Program;
use crate::support::town::{Setup, Town, run_with};

const PARTS: (&str, &str) = ("SIGNALBOX_ROLES", "intake,ticker");

/// Waits, in real time, for what another process does.
async fn until(town: &Town, what: &str, sql: &'static str, wanted: &[&str]) {
    let mut seen = Vec::new();
    for _ in 0..600 {
        seen = town.column(sql).await;
        if seen == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: {seen:?}");
}

async fn dies(program: Program, point: &str) {
    let end = program.ends_within(60).await;
    assert_eq!(end.signal, Some(9), "{point}: {}{}", end.out, end.err);
}

/// What was told, how often.
const TOLD: &str = "SELECT kind || ' ' || version FROM stats_card ORDER BY kind, key";
const EVENTS: &str =
    "SELECT kind || ' ' || count(*) FROM event WHERE kind LIKE 'etlegacy.%' GROUP BY kind ORDER BY kind";
const STATES: &str = "SELECT state || ' ' || count(*) FROM stats_file GROUP BY state";

async fn survives(point: &'static str) {
    let (directory, setup) = by_directory();
    run_with(Setup { gateway: false, ..setup }, async |town| {
        let yesterday = (Utc::now() - TimeDelta::days(1)).format("%Y-%m-%d").to_string();
        let files = evening(&yesterday);
        let killed = town.program(&["run"], &[PARTS, ("SIGNALBOX_CRASH_AT", point)]);
        for file in files[..2].iter().chain([&awards_of(&files[0])]) {
            write(&directory, file);
        }
        dies(killed, point).await;
        let other = town.program(&["run"], &[PARTS]);
        until(town, point, STATES, &["done 3"]).await;
        until(town, point, EVENTS, &["etlegacy.awards 1", "etlegacy.map 1", "etlegacy.round 2"]).await;
        assert_eq!(town.column(TOLD).await, ["awards 1", "map 1", "round 1", "round 1"], "{point}");
        assert_eq!(town.column("SELECT status FROM stats_round").await, ["completed", "completed"]);
        other.kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_files_are_stored() {
    survives("stats.storing").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_files_are_stored() {
    survives("stats.stored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_what_they_mean_is_committed() {
    survives("stats.computed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_what_they_mean_is_committed() {
    survives("stats.committed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_session_is_told() {
    let (directory, setup) = by_directory();
    run_with(Setup { gateway: false, ..setup }, async |town| {
        let yesterday = (Utc::now() - TimeDelta::days(1)).format("%Y-%m-%d").to_string();
        let first = town.program(&["run"], &[PARTS]);
        for file in &evening(&yesterday)[..2] {
            write(&directory, file);
        }
        until(town, "computed", STATES, &["done 2"]).await;
        first.kill();
        town.execute("UPDATE stats_session SET due_at = received_at FROM stats_file").await;
        let killed = town.program(&["run"], &[PARTS, ("SIGNALBOX_CRASH_AT", "stats.session")]);
        dies(killed, "stats.session").await;
        let other = town.program(&["run"], &[PARTS]);
        let told = "SELECT count(*)::text FROM event WHERE kind = 'etlegacy.session'";
        until(town, "told", told, &["1"]).await;
        until(town, "told", "SELECT count(*)::text FROM stats_session WHERE due_at IS NULL", &["1"]).await;
        other.kill();
    })
    .await;
}
