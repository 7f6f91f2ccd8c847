//! The notifier beside a game server, step by step: what is posted about which file, and when; what is not.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use chrono::TimeDelta;
use serde_json::json;
use signalbox::notifier::directory::CATCH_UP;
use signalbox::notifier::tell::Outcome;

use crate::support::corpus;
use crate::support::game::{Game, awards, round, round_at};
use crate::support::game_server::{UPLOAD_SECRET, by_upload};
use crate::support::town::{run_with, start};

const ROUND: &str = "2026-01-02-100000-supply-round-1.txt";
const AWARDS: &str = "2026-01-02-100000-supply-round-1-endstats.txt";

#[tokio::test]
async fn notices_have_the_format_that_bots_know() {
    let game = Game::start().await;
    let another = round().lines().nth(1).unwrap().to_owned() + "\n";
    game.writes(ROUND, &(round() + &another.repeat(9)));
    game.writes(AWARDS, &awards());
    let mut notifier = game.notifier();
    game.passes(&mut notifier, 5).await;
    let told: Vec<_> =
        game.messages().into_iter().map(|m| json!([m["author"]["username"], m["content"], m["embeds"]])).collect();
    insta::assert_json_snapshot!(told, @r#"
    [
      [
        "ET:Legacy Stats",
        "📊 `2026-01-02-100000-supply-round-1.txt`",
        [
          {
            "color": 3447003,
            "description": "**supply** - Round 1",
            "footer": {
              "text": "1,135 bytes | Triggering bot..."
            },
            "timestamp": "2026-01-02T10:00:03+00:00",
            "title": "⚡ Round Complete",
            "type": "rich"
          }
        ]
      ],
      [
        "ET:Legacy Stats",
        "🏆 `2026-01-02-100000-supply-round-1-endstats.txt`",
        [
          {
            "color": 15844367,
            "description": "**supply** - Round 1 Awards",
            "footer": {
              "text": "114 bytes | Triggering bot..."
            },
            "timestamp": "2026-01-02T10:00:04+00:00",
            "title": "🏆 Awards Ready",
            "type": "rich"
          }
        ]
      ]
    ]
    "#);
    game.finish().await;
}

/// The samples of the older watcher, but for what they leave out.
#[tokio::test]
async fn they_are_those_of_the_older_watcher() {
    let (Some(stats), Some(ends)) =
        (corpus::path("etlegacy/payloads/trigger-stats.json"), corpus::path("etlegacy/payloads/trigger-endstats.json"))
    else {
        return;
    };
    for (path, name, size) in [
        (stats, "2025-10-14-213838-supply-round-1.txt", 1890),
        (ends, "2026-01-12-224606-te_escape2-round-2-endstats.txt", 962),
    ] {
        let theirs: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let mut ours = signalbox::notifier::notice::body(name, size, false, start());
        ours.as_object_mut().unwrap().remove("allowed_mentions");
        assert_eq!(
            ours["embeds"][0].as_object_mut().unwrap().remove("timestamp"),
            Some(json!("2026-01-02T10:00:00.000Z"))
        );
        assert_eq!(ours, theirs);
    }
}

#[tokio::test]
async fn a_file_is_told_of_three_seconds_after_it_last_grew() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    let whole = round();
    for part in [20, 40, 60] {
        game.writes(ROUND, &whole[..part]);
        game.passes(&mut notifier, 2).await;
    }
    game.writes(ROUND, &whole);
    game.passes(&mut notifier, 2).await;
    assert_eq!(game.notices(), "");
    game.passes(&mut notifier, 1).await;
    insta::assert_snapshot!(game.notices(), @"📊 `2026-01-02-100000-supply-round-1.txt`");
    game.passes(&mut notifier, 300).await;
    assert_eq!(game.messages().len(), 1, "once");
    game.finish().await;
}

/// Nobody finishes it any more, and the bot has to know of it.
#[tokio::test]
async fn a_file_that_stays_cut_off_is_told_of_after_a_minute() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    game.writes(ROUND, round().trim_end());
    game.passes(&mut notifier, 59).await;
    assert_eq!(game.notices(), "");
    game.passes(&mut notifier, 1).await;
    assert_eq!(game.messages().len(), 1);
    game.finish().await;
}

#[tokio::test]
async fn what_is_no_file_of_a_round_is_passed_over() {
    let game = Game::start().await;
    for name in [
        "2026-01-02-100000-supply-round-1_ws.txt",
        "2026-01-02-100000-supply-round-1.txt.tmp",
        "2026-01-02-100000-supply.txt",
        "2019-01-02-100000-supply-round-1.txt",
        "2026-01-02-100000-@everyone-round-1.txt",
        "gametime-supply-R1-1760471029.json",
        "notes.txt",
    ] {
        game.writes(name, &round());
    }
    game.writes("2026-01-02-100001-supply-round-1.txt", "too short\n");
    game.writes("2026-01-02-100002-supply-round-1.txt", &"no header\n".repeat(20));
    game.writes("2026-01-02-100003-supply-round-1.txt", &"\0".repeat(500));
    game.writes("2026-01-02-100004-supply-round-1.txt", &format!("{}{}", round(), "x".repeat(1024 * 1024)));
    fs::create_dir(game.path("2026-01-02-100005-supply-round-1.txt")).unwrap();
    symlink("/etc/passwd", game.path("2026-01-02-100006-supply-round-1.txt")).unwrap();
    let mut notifier = game.notifier();
    game.passes(&mut notifier, 120).await;
    assert_eq!(game.notices(), "");
    // What becomes whole later is told of then.
    game.writes("2026-01-02-100001-supply-round-1.txt", &round());
    game.passes(&mut notifier, 5).await;
    insta::assert_snapshot!(game.notices(), @"📊 `2026-01-02-100001-supply-round-1.txt`");
    game.finish().await;
}

#[tokio::test]
async fn at_the_start_the_last_two_days_are_caught_up_with_one_a_second() {
    let game = Game::start().await;
    let hours = |hours| start() - TimeDelta::hours(hours);
    for at in [47, 20, 3, 2, 1].map(hours) {
        game.writes_at(&round_at(at), &round(), at);
    }
    game.writes_at(&round_at(hours(49)), &round(), start() - CATCH_UP - TimeDelta::seconds(1));
    // An old file that was copied here just now.
    game.writes("2025-12-24-200000-supply-round-1.txt", &round());
    let mut notifier = game.notifier();
    game.passes(&mut notifier, 3).await;
    assert_eq!(game.messages().len(), 1);
    game.passes(&mut notifier, 2).await;
    assert_eq!(game.messages().len(), 3);
    game.passes(&mut notifier, 60).await;
    insta::assert_snapshot!(game.notices(), @"
    📊 `2025-12-31-110000-supply-round-1.txt`
    📊 `2026-01-01-140000-supply-round-1.txt`
    📊 `2026-01-02-070000-supply-round-1.txt`
    📊 `2026-01-02-080000-supply-round-1.txt`
    📊 `2026-01-02-090000-supply-round-1.txt`
    ");
    game.finish().await;
}

#[tokio::test]
async fn what_was_told_is_not_told_again_after_a_restart() {
    let game = Game::start().await;
    game.writes(ROUND, &round());
    game.writes(AWARDS, &awards());
    game.passes(&mut game.notifier(), 10).await;
    game.passes(&mut game.notifier(), 10).await;
    assert_eq!(game.messages().len(), 2);
    insta::assert_json_snapshot!(game.kept(), @r#"
    {
      "last_updated": "2026-01-02T10:00:04.000Z",
      "processed_files": [
        "2026-01-02-100000-supply-round-1.txt",
        "2026-01-02-100000-supply-round-1-endstats.txt"
      ],
      "under_way": []
    }
    "#);
    game.finish().await;
}

#[tokio::test]
async fn what_the_older_watcher_told_is_not_told_again_and_its_file_stays() {
    let game = Game::start().await;
    let theirs = game.state.0.join("processed_files.json");
    let text = json!({ "processed_files": [ROUND], "last_updated": "2026-01-02T09:59:31.104211" }).to_string();
    fs::write(&theirs, &text).unwrap();
    game.writes(ROUND, &round());
    game.writes(AWARDS, &awards());
    game.passes(&mut game.notifier(), 10).await;
    insta::assert_snapshot!(game.notices(), @"🏆 `2026-01-02-100000-supply-round-1-endstats.txt`");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), text);
    game.finish().await;
}

#[tokio::test]
async fn the_last_thousand_names_are_kept_and_whatever_could_be_found_again() {
    let game = Game::start().await;
    let old: Vec<String> = (0..1500).map(|n| round_at(start() - TimeDelta::days(30) + TimeDelta::minutes(n))).collect();
    let young: Vec<String> = (0..1200).map(|n| round_at(start() - TimeDelta::minutes(n + 1))).collect();
    for (names, kept) in [(&old, 1000), (&young, 1201)] {
        fs::write(game.state.0.join("notify-stats.json"), json!({ "processed_files": names }).to_string()).unwrap();
        game.writes(ROUND, &round());
        let mut notifier = game.notifier();
        game.passes(&mut notifier, 5).await;
        assert_eq!(game.kept()["processed_files"].as_array().unwrap().len(), kept);
    }
    game.finish().await;
}

#[tokio::test]
async fn two_of_them_do_not_share_a_memory() {
    let game = Game::start().await;
    let first = game.notifier();
    let refused = game.try_notifier().err().unwrap().to_string();
    insta::assert_snapshot!(refused.replace(game.state.0.to_str().unwrap(), "DIR"), @"another notifier runs with STATE_DIR DIR: end it, or give this one a STATE_DIR of its own");
    drop(first);
    game.notifier();
    game.finish().await;
}

#[tokio::test]
async fn a_memory_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let game = Game::start().await;
    fs::write(game.state.0.join("notify-stats.json"), "{\"processed_files\": [").unwrap();
    let refused = game.try_notifier().err().unwrap().to_string();
    insta::assert_snapshot!(refused.replace(game.state.0.to_str().unwrap(), "DIR"), @"DIR/notify-stats.json is not readable as JSON (EOF while parsing a list at line 1 column 21). Mend it, or remove it: the files of the last 48 hours are then told of again");
    game.finish().await;
}

/// What could not be stored would be told again after a restart.
#[tokio::test]
async fn without_a_place_for_the_intent_nothing_is_told() {
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root: a directory in the place of the file keeps it out as well.
        let game = Game::start().await;
        let mut notifier = game.notifier();
        fs::create_dir(game.state.0.join("notify-stats.json.new")).unwrap();
        game.writes(ROUND, &round());
        game.passes(&mut notifier, 10).await;
        assert_eq!(game.notices(), "");
        fs::remove_dir(game.state.0.join("notify-stats.json.new")).unwrap();
        game.passes(&mut notifier, 60).await;
        assert_eq!(game.messages().len(), 1);
        game.finish().await;
        return;
    }
    let game = Game::start().await;
    let mut notifier = game.notifier();
    fs::set_permissions(&game.state.0, fs::Permissions::from_mode(0o500)).unwrap();
    game.writes(ROUND, &round());
    game.passes(&mut notifier, 10).await;
    assert_eq!(game.notices(), "");
    fs::set_permissions(&game.state.0, fs::Permissions::from_mode(0o700)).unwrap();
    game.passes(&mut notifier, 60).await;
    assert_eq!(game.messages().len(), 1);
    game.finish().await;
}

#[tokio::test]
async fn a_directory_that_goes_away_is_looked_for_until_it_is_back() {
    let game = Game::start().await;
    let mut notifier = game.notifier();
    let away = game.state.0.join("away");
    fs::rename(&game.stats.0, &away).unwrap();
    game.passes(&mut notifier, 20).await;
    fs::rename(&away, &game.stats.0).unwrap();
    game.writes(ROUND, &round());
    game.passes(&mut notifier, 5).await;
    assert_eq!(game.messages().len(), 1);
    game.finish().await;
}

/// The bot and the notifier agree on how a file is sent.
#[tokio::test]
async fn what_is_sent_is_stored_by_the_bot_once() {
    let mut game = Game::start().await;
    run_with(by_upload(), async |town| {
        game.uploads_to(&format!("http://{}/webhooks/etlegacy", town.app.address), UPLOAD_SECRET);
        assert_eq!(game.check().await, "0 problems, 1 warning, 2 fine", "nobody has played yet");
        game.writes(ROUND, &round());
        game.writes(AWARDS, &awards());
        game.passes(&mut game.notifier(), 10).await;
        let stored = "SELECT name || ' by ' || way FROM stats_file ORDER BY name";
        assert_eq!(town.column(stored).await, [format!("{AWARDS} by upload"), format!("{ROUND} by upload")]);
        // What came of it is said in words.
        let done = |words: &str| Outcome::Done(format!(": {words}"));
        assert_eq!(game.outcome(ROUND, &round()).await, done("the bot had it already"));
        let corrected = round().replace("9:13", "9:12");
        assert_eq!(game.outcome(ROUND, &corrected).await, done("the bot takes it instead of what it had by that name"));
        let strange = round() + "a line that nobody knows\n";
        let Outcome::Unreadable(why) = game.outcome(ROUND, &strange).await else { panic!("it cannot be read") };
        assert!(why.starts_with("line 3, column "), "{why}");
        town.settle().await;
        town.messages("matches");
        assert_eq!(town.see("ops").matches(&why[..16]).count(), 1, "the bot's admins are told as well");
        game.uploads_to(
            &format!("http://{}/webhooks/etlegacy", town.app.address),
            "whsec_YW5vdGhlciBzZWNyZXQgb2Ygc29tZWJvZHk=",
        );
        assert_eq!(game.check().await, "1 problem, 0 warnings, 2 fine", "another secret");
        game.finish().await;
    })
    .await;
}
