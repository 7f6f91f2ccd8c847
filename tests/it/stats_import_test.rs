//! Files of a game server, from the moment they come to what people see of them.

use chrono::TimeDelta;
use signalbox::id::GuildId;
use signalbox::stats::import::{Arrival, Arrived, Way, arrive};
use signalbox::stats::reparse::retry;
use signalbox::store::stats::sums::{By, Which};

use crate::support::delivery::minutes;
use crate::support::evening::{File, awards_of, evening};
use crate::support::game_server::{DAY, UPLOAD_SECRET, by_directory, by_upload, write};
use crate::support::town::{Town, run_with};

fn guild(town: &Town) -> GuildId {
    town.app.ports.config.discord.guild_id.unwrap()
}

/// The titles of what is in #matches, and what was corrected.
fn titles(town: &Town) -> String {
    let messages = town.messages("matches");
    let title = |message: &serde_json::Value| {
        let embed = &message["embeds"][0];
        let said = embed["description"].as_str().unwrap_or_default();
        let corrected = said.lines().filter(|line| line.to_lowercase().contains("corrected")).collect::<Vec<_>>();
        format!("{} {}", embed["title"].as_str().unwrap_or_default(), corrected.join(" ")).trim().to_owned()
    };
    messages.iter().map(title).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_evening_is_posted_round_by_round() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        for file in &files {
            assert_eq!(town.upload(file).await.0, 202);
        }
        assert_eq!(town.upload(&awards_of(&files[5])).await, (202, r#"{"result":"new","success":true}"#.to_owned()));
        // Discord takes five messages in five seconds.
        for _ in 0..3 {
            town.advance(TimeDelta::seconds(6)).await;
        }
        let posted = titles(town);
        assert_eq!(posted.lines().count(), 10, "six rounds, three maps, awards: {posted}");
        town.advance(minutes(3)).await;
        let posted = titles(town);
        assert_eq!(posted.lines().count(), 11, "{posted}");
        assert!(posted.lines().last().unwrap().contains("Session Summary"), "{posted}");
    })
    .await;
}

#[tokio::test]
async fn a_file_is_taken_once_by_whichever_way_it_comes() {
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        let file = evening(DAY).remove(0);
        write(&directory, &file);
        let (other, lifecycle) = town.another_bot().await;
        let arrival =
            |way| Arrival { name: file.name.clone(), bytes: file.text.clone().into_bytes(), changed: None, way };
        let (guild, ports) = (guild(town), &town.app.ports);
        let (one, two, three, uploaded) = tokio::join!(
            arrive(ports, guild, arrival(Way::Sftp)),
            arrive(&other.ports, guild, arrival(Way::Trigger)),
            arrive(&other.ports, guild, arrival(Way::Sftp)),
            town.only_upload(&file),
        );
        let mut arrived = vec![one.unwrap(), two.unwrap(), three.unwrap()];
        arrived.push(if uploaded.0 == 202 { Arrived::New } else { Arrived::Known });
        assert_eq!(arrived.iter().filter(|arrived| **arrived == Arrived::New).count(), 1, "{arrived:?}");
        for _ in 0..3 {
            town.advance(TimeDelta::seconds(4)).await;
            other.look_for_stats().await.unwrap();
        }
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 1);
        assert_eq!(town.count("SELECT count(*) FROM event WHERE kind LIKE 'etlegacy.%'").await, 1);
        assert_eq!(town.messages("matches").len(), 1);
        lifecycle.shutdown(std::time::Duration::from_secs(5)).await;
    })
    .await;
}

#[tokio::test]
async fn a_directory_is_read_when_files_are_whole() {
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        let file = evening(DAY).remove(0);
        let half = File { text: file.text[..file.text.len() / 2].to_owned(), ..file.clone() };
        write(&directory, &half);
        town.settle().await;
        write(&directory, &file);
        town.advance(TimeDelta::seconds(3)).await;
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 0, "it has just grown");
        town.advance(TimeDelta::seconds(3)).await;
        assert_eq!(town.column("SELECT state FROM stats_file").await, ["done"]);
        assert_eq!(town.messages("matches").len(), 1);
        // What is known is not read again, here or after a restart; what has changed is.
        town.advance(TimeDelta::seconds(90)).await;
        town.restart().await;
        write(&directory, &File { text: file.text.replace("ada", "eda"), ..file });
        for _ in 0..3 {
            town.advance(TimeDelta::seconds(3)).await;
        }
        assert_eq!(town.column("SELECT state FROM stats_file ORDER BY id").await, ["replaced", "done"]);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_with_its_reason() {
    run_with(by_upload(), async |town| {
        let file = evening(DAY).remove(0);
        let bad = File { text: file.text.replacen("\\1\\", "\\one\\", 1), ..file.clone() };
        let (status, answer) = town.upload(&bad).await;
        assert_eq!(status, 202, "the sender has nothing to do about it");
        assert!(answer.contains("line 1, column 32: expected the round, 1 or 2"), "{answer}");
        let found = town.store().list_stats_quarantined(guild(town), 0, 10).await.unwrap();
        let shown: Vec<_> = found.iter().map(|file| (&*file.name, &*file.way, file.line, file.column)).collect();
        assert_eq!(shown, [("2026-01-01-201000-supply-round-1.txt", "upload", Some(1), Some(32))]);
        // The admins hear of it, once.
        let again = retry(&town.app.ports, guild(town), found[0].id).await.unwrap().unwrap();
        assert!(again.is_err(), "it still cannot be read");
        town.upload(&bad).await;
        insta::assert_snapshot!(town.see("ops"), @r#"
        [⚠️ Signalbox]
        A file of match statistics cannot be read.
        2026-01-01-201000-supply-round-1.txt (by upload): line 1, column 32: expected the round, 1 or 2, found "one".
        It is kept as it came, and does not count. Correct it where the game server has it, or send it once more: what comes whole under this name takes its place. Where the server's script is newer than Signalbox, update Signalbox, then press Read again under /stats import quarantine.
        -- Signalbox · signalbox.notice
        "#);
        // The whole file comes after all.
        assert_eq!(town.upload(&file).await.0, 202);
        assert_eq!(town.messages("matches").len(), 1);
        let status = town.store().get_stats_status(guild(town)).await.unwrap();
        assert_eq!((status.files, status.quarantined, status.rounds, status.valid_rounds), (2, 1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn of_many_files_that_cannot_be_read_the_admins_hear_together() {
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        for file in evening(DAY) {
            write(&directory, &File { text: file.text.replacen("legacy3", "legacy3\\more", 1), ..file });
        }
        for _ in 0..4 {
            town.advance(TimeDelta::seconds(3)).await;
        }
        let told = town.see("ops");
        assert!(told.contains("6 files of match statistics cannot be read, among them"), "{told}");
        assert_eq!((town.messages("ops").len(), told.matches("expected").count()), (1, 3), "{told}");
        // After a restart they are known.
        town.restart().await;
        town.advance(minutes(5)).await;
        assert_eq!(town.messages("ops").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_admins_hear_of_a_directory_that_is_away_for_long() {
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        let away = directory.0.with_extension("away");
        std::fs::rename(&directory.0, &away).unwrap();
        town.advance(minutes(1)).await;
        town.advance(minutes(9)).await;
        assert_eq!(town.see("ops"), "", "not yet");
        // It is the same trouble after a restart.
        town.restart().await;
        town.advance(minutes(2)).await;
        town.advance(minutes(30)).await;
        let told = town.see("ops");
        assert_eq!(
            told.matches("the directory of ETLEGACY\\_STATS\\_PATH cannot be read since <+60s>").count(),
            1,
            "{told}"
        );
        assert!(told.contains("No such file or directory"), "{told}");
        std::fs::rename(&away, &directory.0).unwrap();
        write(&directory, &evening(DAY)[0]);
        for _ in 0..3 {
            town.advance(TimeDelta::seconds(3)).await;
        }
        let told = town.see("ops");
        assert_eq!(told.matches("can be read again, which it could not since <+60s>").count(), 1, "{told}");
        assert_eq!((town.messages("ops").len(), town.messages("matches").len()), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn what_an_older_program_could_not_read_is_read_after_all() {
    run_with(by_upload(), async |town| {
        town.upload(&evening(DAY)[0]).await;
        town.execute("UPDATE stats_file SET state = 'quarantined', fault = 'line 1, column 1: too new'").await;
        town.execute("DELETE FROM stats_round").await;
        let found = town.store().list_stats_quarantined(guild(town), 0, 10).await.unwrap();
        assert_eq!(retry(&town.app.ports, guild(town), found[0].id).await.unwrap(), Some(Ok(())));
        assert_eq!(town.store().get_stats_status(guild(town)).await.unwrap().rounds, 1);
        assert_eq!(town.messages("matches").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_forged_upload_is_refused() {
    run_with(by_upload(), async |town| {
        let file = evening(DAY).remove(0);
        let now = town.clock.now().timestamp();
        let other = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==";
        assert_eq!(town.upload_signed(&file, other, now).await.0, 401);
        assert_eq!(town.upload_signed(&file, UPLOAD_SECRET, now - 3600).await.0, 401);
        let huge = File { text: "x".repeat(1024 * 1024 + 1), ..file };
        assert_eq!(town.upload_signed(&huge, UPLOAD_SECRET, now).await.0, 413);
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_late_first_round_repairs_what_was_posted() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        town.upload(&files[1]).await;
        let orphan = town.see("matches");
        assert!(orphan.contains("round 1 is missing"), "{orphan}");
        town.upload(&files[0]).await;
        let posted = titles(town);
        assert!(posted.contains("Corrected") && posted.contains("the first round arrived"), "{posted}");
        assert_eq!(posted.lines().count(), 3, "both rounds and the map: {posted}");
        let which = Which { guid: Some("1A2B3C01".into()), ..Which::default() };
        let sums = town.store().sum_stats(guild(town), &which, By::Round).await.unwrap();
        assert_eq!(sums.len(), 2, "both count now");
    })
    .await;
}

#[tokio::test]
async fn a_corrected_file_corrects_what_was_posted() {
    run_with(by_upload(), async |town| {
        let file = evening(DAY).remove(0);
        town.upload(&file).await;
        let corrected = File { text: file.text.replacen("\\12:00\\9:13", "\\12:00\\9:03", 1), ..file.clone() };
        assert_ne!(corrected.text, file.text);
        assert_eq!(town.upload(&corrected).await.1, r#"{"result":"corrected","success":true}"#);
        let posted = titles(town);
        assert!(posted.contains("Corrected") && posted.contains("the time was 9:13"), "{posted}");
        assert_eq!(posted.lines().count(), 1, "{posted}");
        // The older version comes again, by another way: it stays replaced.
        assert_eq!(town.upload(&file).await.0, 200);
        assert_eq!(town.column("SELECT elapsed_seconds::text FROM stats_round").await, ["543"]);
    })
    .await;
}

#[tokio::test]
async fn history_is_silent() {
    run_with(by_upload(), async |town| {
        for file in evening("2025-12-20") {
            town.upload(&file).await;
        }
        town.advance(minutes(180)).await;
        assert_eq!(town.count("SELECT count(*) FROM event WHERE kind LIKE 'etlegacy.%'").await, 0);
        assert_eq!(town.count("SELECT count(*) FROM stats_round WHERE is_valid").await, 6);
        let sessions = town.store().list_stats_sessions(guild(town), None, None, 0, 10).await.unwrap();
        assert_eq!(sessions.iter().map(|s| (s.rounds, s.maps, s.players)).collect::<Vec<_>>(), [(6, 3, 6)]);
    })
    .await;
}

#[tokio::test]
async fn people_are_found_by_the_names_that_they_had() {
    run_with(by_upload(), async |town| {
        for (day, file) in [("2025-12-20", 0), ("2025-12-21", 0), (DAY, 0)] {
            let file = evening(day).remove(file);
            let text = if day == DAY { file.text.replace("^1ada^7*", "^2AdaLove") } else { file.text };
            town.upload(&File { text, ..file }).await;
        }
        let (store, guild) = (town.store(), guild(town));
        let found = store.list_stats_players(guild, "ADA*", 10).await.unwrap();
        let shown: Vec<_> = found.iter().map(|p| (&*p.guid, &*p.name, &*p.matched, p.rounds)).collect();
        assert_eq!(shown, [("1A2B3C01", "AdaLove", "ada*", 3)]);
        assert_eq!(store.list_stats_players(guild, "1a2b", 10).await.unwrap().len(), 6);
        assert_eq!(store.list_stats_players(guild, "", 3).await.unwrap().len(), 3);
        let aliases = store.list_stats_aliases(guild, "1A2B3C01").await.unwrap();
        assert_eq!(aliases.iter().map(|a| (&*a.name, a.rounds)).collect::<Vec<_>>(), [("AdaLove", 1), ("ada*", 2)]);
        let maps = store.list_stats_maps(guild, "SUP", 10).await.unwrap();
        assert_eq!(maps.iter().map(|m| (&*m.map, m.rounds)).collect::<Vec<_>>(), [("supply", 3)]);
        assert_eq!(town.messages("matches").len(), 1);
    })
    .await;
}
