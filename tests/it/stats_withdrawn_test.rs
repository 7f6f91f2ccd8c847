//! What was posted and is nothing any more, or does not count any more: its card says so, and nothing that was wrong stands.

use chrono::TimeDelta;

use crate::support::evening::{File, awards_of, evening};
use crate::support::game_server::{DAY, by_upload};
use crate::support::machines::names;
use crate::support::town::{Town, run_with, show};

/// The cards whose footer names this file or session, as people read them.
fn card(town: &Town, key: &str, title: &str) -> String {
    let is_it = |card: &&serde_json::Value| {
        let embed = &card["embeds"][0];
        let (footer, text) = (embed["footer"]["text"].as_str().unwrap(), embed["title"].as_str().unwrap());
        footer.contains(&format!("{key} ·")) && text.contains(title)
    };
    let messages = town.messages("matches");
    let found: Vec<_> = messages.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{key} {title}: {}", town.see("matches"));
    names(town, &show(found[0]))
}

/// Discord takes five messages in five seconds.
async fn all_sent(town: &Town) {
    for _ in 0..4 {
        town.advance(TimeDelta::seconds(6)).await;
    }
}

/// A round that was over after twenty seconds.
fn ghost(file: &File) -> File {
    let (first, rest) = file.text.split_once('\n').unwrap();
    let header = first.rsplit_once('\\').unwrap().0;
    File { text: format!("{header}\\0:20\n{rest}"), ..file.clone() }
}

/// The same with a bot in it.
fn with_bot(file: &File) -> File {
    let line = file.text.lines().nth(1).unwrap().replacen("1A2B3C01\\^1ada^7*", "OMNIBOT0\\[BOT]Gunnar", 1);
    File { text: format!("{}{line}\n", file.text), ..file.clone() }
}

#[tokio::test]
async fn a_round_that_was_none() {
    run_with(by_upload(), async |town| {
        let file = evening(DAY).remove(0);
        town.upload(&file).await;
        town.upload(&awards_of(&file)).await;
        assert_eq!(town.upload(&ghost(&file)).await.1, r#"{"result":"corrected","success":true}"#);
        insta::assert_snapshot!(card(town, &file.name, "Round 1 Complete"), @"
        [🚫 Withdrawn: 🎮 Round 1 Complete - supply]
        ⚠️ **This no longer stands:** it was over in less than 30 seconds, which is no round.
        -- ET:Legacy · 2026-01-01-201000-supply-round-1.txt
        ");
        insta::assert_snapshot!(card(town, &file.name, "Awards"), @"
        [🚫 Withdrawn: 🏆 Round 1 Awards - supply]
        ⚠️ **This no longer stands:** it was over in less than 30 seconds, which is no round.
        -- ET:Legacy · 2026-01-01-201000-supply-round-1.txt
        ");
        // It was one after all.
        let mended = File { text: file.text.replacen("\\9:13\n", "\\9:12\n", 1), ..file.clone() };
        assert_eq!(town.upload(&mended).await.1, r#"{"result":"corrected","success":true}"#);
        all_sent(town).await;
        let again = card(town, &file.name, "Round 1 Complete");
        assert!(again.contains("9:12 / 12:00") && again.contains("^cyd"), "{again}");
        assert!(again.contains("**Corrected:** the time was 9:13"), "{again}");
        let awards = card(town, &file.name, "Awards");
        assert!(awards.contains("Corrected:** it was withdrawn for a while, and stands"), "{awards}");
        assert_eq!(town.messages("matches").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_map_without_its_first_round() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        for file in &files[..2] {
            town.upload(file).await;
        }
        town.upload(&ghost(&files[0])).await;
        all_sent(town).await;
        let first = card(town, &files[0].name, "Round 1 Complete");
        assert!(first.contains("Withdrawn") && first.contains("less than 30 seconds"), "{first}");
        let second = card(town, &files[1].name, "Round 2");
        assert!(second.contains("Does not count") && second.contains("round 1 is missing"), "{second}");
        insta::assert_snapshot!(card(town, &files[0].name[..17], "SUPPLY"), @"
        [🚫 Withdrawn: 🗺️ SUPPLY - Map Complete!]
        ⚠️ **This no longer stands:** its first round does not count: it was over in less than 30 seconds, which is no round.
        -- ET:Legacy · 2026-01-01-201000
        ");
        town.upload(&File { text: files[0].text.replacen("legacy3", "legacy6", 1), ..files[0].clone() }).await;
        all_sent(town).await;
        let map = card(town, &files[0].name[..17], "SUPPLY");
        assert!(map.contains("Team A wins the map 2–0") && map.contains("withdrawn for a while, and stands"), "{map}");
        assert_eq!(town.messages("matches").len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_map_without_its_second_round() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        for file in &files[..4] {
            town.upload(file).await;
        }
        town.upload(&ghost(&files[1])).await;
        all_sent(town).await;
        insta::assert_snapshot!(card(town, &files[0].name[..17], "SUPPLY"), @"
        [🚫 Withdrawn: 🗺️ SUPPLY - Map Complete!]
        ⚠️ **This no longer stands:** its second round does not count with it any more.
        -- ET:Legacy · 2026-01-01-201000
        ");
        let other = card(town, &files[2].name[..17], "ESCAPE");
        assert!(other.contains("**Session so far:** Team A **1–1** Team B"), "the points are gone: {other}");
    })
    .await;
}

#[tokio::test]
async fn a_round_that_does_not_count_any_more() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        for file in &files {
            town.upload(file).await;
        }
        town.advance(TimeDelta::minutes(5)).await;
        all_sent(town).await;
        assert!(card(town, "session 2026-01-01-201000", "Session").contains("Team A **3–3** Team B"));
        town.upload(&with_bot(&files[1])).await;
        all_sent(town).await;
        let round = card(town, &files[1].name, "Round 2");
        assert!(round.contains("**Does not count:** bots played"), "{round}");
        assert!(round.contains("Corrected:** it no longer counts"), "{round}");
        let map = card(town, &files[0].name[..17], "SUPPLY");
        insta::assert_snapshot!(map.lines().take(6).collect::<Vec<_>>().join("\n"), @r"
        [🗺️ SUPPLY - Map Complete!]
        ⚠️ **Does not count**: no points
        **Round 1:** 9:13 / 12:00 · Completed · Team B attacked
        **Round 2:** 8:21 / 9:13 · Completed · Team A attacked · ⚠️ does not count
        **Session so far:** Team A **0–0** Team B
        ✏️ **Corrected:** the map's score was 2–0; whether its rounds count; the numbers of \[BOT\]Gunnar
        ");
        let session = card(town, "session 2026-01-01-201000", "Session");
        insta::assert_snapshot!(session.lines().take(8).collect::<Vec<_>>().join("\n"), @r"
        [📊 Session Summary: 2026-01-01]
        🏆 **Team B** · Team A **1–3** Team B
        3 maps · 5 rounds · 6 players · 1h 21m
        ⚠️ 1 round left out: not valid
        ✏️ **Corrected:** the score was 3–3; 6 rounds counted before
        🗺️ Maps · points of Team A – Team B, times of both attacks: `1.` ⚠️ does not count: supply · B attacked first: 9:13 / 8:21
        `2.` **1–1** te\_escape2 · B attacked first: 12:00 held / 12:00 held
        `3.` **0–2** etl\_ice · B attacked first: 7:10 / 7:10 held
        ");
    })
    .await;
}

#[tokio::test]
async fn a_session_of_which_nothing_is_left() {
    run_with(by_upload(), async |town| {
        let files = evening(DAY);
        town.upload(&files[0]).await;
        town.advance(TimeDelta::minutes(5)).await;
        town.upload(&ghost(&files[0])).await;
        insta::assert_snapshot!(card(town, "session 2026-01-01-201000", "Session"), @"
        [🚫 Withdrawn: 📊 Session Summary: 2026-01-01]
        ⚠️ **This no longer stands:** all of its rounds were withdrawn.
        -- ET:Legacy · session 2026-01-01-201000
        ");
    })
    .await;
}
