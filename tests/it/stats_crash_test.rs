//! The program is killed while a file comes in: it is stored once, computed once and told once all the same.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::support::evening::{awards_of, evening};
use crate::support::game_server::{by_directory, write};
use crate::support::program::{Directory, Program};
use crate::support::scene::{Company, Scene};
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
        let files = evening(&yesterday());
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
        let first = town.program(&["run"], &[PARTS]);
        for file in &evening(&yesterday())[..2] {
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

fn yesterday() -> String {
    (Utc::now() - TimeDelta::days(1)).format("%Y-%m-%d").to_string()
}

/// The whole program with a directory, which dies once at this point.
async fn scene_with(directory: &Directory, point: &str) -> Scene {
    Scene::company(Company {
        first: &[("SIGNALBOX_CRASH_AT", point)],
        all: &[("ETLEGACY_STATS_PATH", directory.0.to_str().unwrap())],
        routes: &[("etlegacy.*", "matches")],
        ..Company::default()
    })
    .await
}

/// Each round and the map have one card, and it says what is so.
fn assert_each_once(scene: &Scene, point: &str) {
    let titles = ["Round 1 Complete - supply", "Round 2 Complete - supply", "SUPPLY - Map Complete!"];
    assert_eq!(titles.map(|title| scene.seen("matches", title)), [1, 1, 1], "{point}: {:#?}", scene.texts("matches"));
    assert_eq!(scene.seen("matches", "round 1 is missing"), 0, "{point}: {:#?}", scene.texts("matches"));
}

/// A second round, and its first one late: two cards are posted and one is edited. The process dies once on the way.
async fn what_is_posted_survives(point: &str) {
    let directory = Directory::new();
    let scene = scene_with(&directory, point).await;
    let files = evening(&yesterday());
    write(&directory, &files[1]);
    scene.until("the second round is shown", || scene.seen("matches", "round 1 is missing") == 1).await;
    write(&directory, &files[0]);
    scene.until("it is corrected", || scene.seen("matches", "the first round arrived") > 0).await;
    scene.until("the map is shown", || scene.seen("matches", "SUPPLY - Map Complete!") > 0).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "{point}: it was killed on the way, once");
    assert_each_once(&scene, point);
    scene.finish().await;
}

macro_rules! killed_while_it_is_posted {
    ($($name:ident: $point:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            what_is_posted_survives($point).await;
        }
    )*};
}

killed_while_it_is_posted! {
    posted_after_what_was_computed_is_committed: "stats.committed",
    posted_before_a_plan_is_committed: "plan.before_commit",
    posted_after_a_plan_is_committed: "plan.after_commit",
    posted_after_a_card_is_frozen: "send.frozen",
    posted_after_a_card_is_answered: "send.answered",
    posted_after_a_card_is_finished: "send.finished",
    posted_before_an_edit: "edit.before",
    posted_after_an_edit_is_answered: "edit.answered",
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_everything_is_made_anew() {
    let directory = Directory::new();
    let scene = scene_with(&directory, "stats.reparsed").await;
    for file in &evening(&yesterday())[..2] {
        write(&directory, file);
    }
    scene.until("the map is shown", || scene.seen("matches", "SUPPLY - Map Complete!") == 1).await;
    scene.until_quiet().await;
    // Whatever is stored of them is not what follows from the files.
    scene.change("UPDATE stats_round SET digest = '', elapsed_seconds = 1").await;
    const NOT_ANEW: &str = "SELECT count(*) FROM stats_round WHERE elapsed_seconds = 1";
    let since = std::time::Instant::now();
    while scene.deaths() == 0 || scene.count(NOT_ANEW).await > 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "{} deaths", scene.deaths());
        let ask = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "stats import reparse" });
        let asked = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(ask)).await.unwrap_or_default();
        let message = &asked["message"];
        let button = &message["components"][0]["components"][0]["custom_id"];
        if button.is_string() {
            let press = json!({ "as": "admin", "do": "press", "message": message["id"], "custom_id": button });
            let _ = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(press)).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_each_once(&scene, "stats.reparsed");
    assert_eq!(scene.count("SELECT count(*) FROM stats_round WHERE status = 'completed'").await, 2);
    assert_eq!(scene.seen("matches", "Corrected"), 0, "nothing that was posted has changed");
    scene.finish().await;
}
