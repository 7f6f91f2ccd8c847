//! Genuine files through the whole program: an evening by a watched directory into Discord, and all of them at once.

use std::fs;

use chrono::TimeDelta;
use signalbox::id::GuildId;
use signalbox::stats::reparse;
use signalbox::store::stats::sums::{By, Which};

use crate::support::corpus;
use crate::support::delivery::minutes;
use crate::support::evening::File;
use crate::support::game_server::{DAY, by_directory, by_upload, write};
use crate::support::town::{Town, run_with};

const EVENING: &str = "2025-10-14";

fn guild(town: &Town) -> GuildId {
    town.app.ports.config.discord.guild_id.unwrap()
}

/// The files of an evening, as if it had been played the day before the test; the files themselves say no day.
fn genuine() -> Option<Vec<File>> {
    let directory = corpus::path("etlegacy/stats")?;
    let mut files: Vec<File> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_prefix(EVENING)?.to_owned();
            Some(File { name: format!("{DAY}{name}"), text: fs::read_to_string(&path).unwrap() })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Some(files)
}

#[tokio::test]
async fn the_evening_of_2025_10_14_is_posted_as_it_was_played() {
    let Some(files) = genuine() else { return };
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        for file in &files {
            write(&directory, file);
            for _ in 0..3 {
                town.advance(TimeDelta::seconds(3)).await;
            }
        }
        let title = |message: &serde_json::Value| message["embeds"][0]["title"].as_str().unwrap_or_default().to_owned();
        let before: Vec<String> = town.messages("matches").iter().map(title).collect();
        town.advance(minutes(5)).await;
        let posted: Vec<String> = town.messages("matches").iter().map(title).collect();
        assert_eq!(posted.len(), before.len() + 1, "the summary comes last");
        let kinds = "SELECT kind || ' ' || count(*) FROM stats_card GROUP BY kind ORDER BY kind";
        assert_eq!(town.column(kinds).await, ["map 12", "round 24", "session 1"]);
        assert_eq!(posted.len(), 37, "{posted:#?}");
        assert!(posted[36].contains("Session Summary"), "{posted:#?}");
        let rounds =
            "SELECT status || ' ' || is_valid || ' ' || count(*) FROM stats_round GROUP BY status, is_valid ORDER BY 1";
        assert_eq!(town.column(rounds).await, ["completed true 24"]);
        let sessions = town.store().list_stats_sessions(guild(town), None, None, 0, 10).await.unwrap();
        assert_eq!(sessions.iter().map(|session| (session.rounds, session.maps)).collect::<Vec<_>>(), [(24, 12)]);
    })
    .await;
}

#[tokio::test]
async fn all_genuine_files_are_stored_once_and_made_anew_the_same() {
    let Some(directory) = corpus::path("etlegacy/stats") else { return };
    run_with(by_upload(), async |town| {
        let directory = directory.to_str().unwrap();
        let first = town.program(&["import-stats", directory], &[]).ends_within(60).await;
        assert!(
            first.out.starts_with("126 new, 0 known, 0 corrected, 0 cannot be read, 0 passed over"),
            "{}{}",
            first.out,
            first.err
        );
        let again = town.program(&["import-stats", directory], &[]).ends_within(60).await;
        assert!(
            again.out.starts_with("0 new, 126 known, 0 corrected, 0 cannot be read, 0 passed over"),
            "{}{}",
            again.out,
            again.err
        );
        let digests = "SELECT encode(digest, 'hex') FROM stats_round ORDER BY name";
        let before = town.column(digests).await;
        assert!(reparse::look(&town.app.ports, guild(town)).await.unwrap().is_empty());
        reparse::apply(&town.app.ports, guild(town)).await.unwrap();
        assert_eq!(town.column(digests).await, before);
        town.settle().await;
        assert_eq!(town.messages("matches").len(), 0, "history is silent");
        let all = town.store().sum_stats(guild(town), &Which::default(), By::All).await.unwrap();
        let sum = &all[0].sum;
        assert!(sum.kills() > 0 && sum.damage_given > 0);
        let players = town.store().sum_stats(guild(town), &Which::default(), By::Player).await.unwrap();
        assert_eq!(players.iter().map(|player| player.sum.kills()).sum::<u32>(), sum.kills());
    })
    .await;
}

#[tokio::test]
async fn a_reparse_shows_first_what_it_changes() {
    run_with(by_upload(), async |town| {
        let file = crate::support::evening::evening("2025-12-20").remove(0);
        town.upload(&file).await;
        town.execute("UPDATE stats_round SET digest = sha256('older'::bytea), elapsed_seconds = 7").await;
        let difference = reparse::look(&town.app.ports, guild(town)).await.unwrap();
        assert_eq!((difference.rounds, difference.changed_in_all, difference.gone), (1, 1, 0));
        assert_eq!(difference.changed[0].1, ["time: 7 s → 553 s"]);
        reparse::apply(&town.app.ports, guild(town)).await.unwrap();
        assert!(reparse::look(&town.app.ports, guild(town)).await.unwrap().is_empty());
        assert_eq!(town.column("SELECT elapsed_seconds::text FROM stats_round").await, ["553"]);
    })
    .await;
}
