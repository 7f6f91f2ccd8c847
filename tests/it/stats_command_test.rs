//! `/stats`, as people use it after an evening or two.

use serde_json::{Value, json};

use crate::secret_test::everything;
use crate::support::evening::{File, awards_of, evening};
use crate::support::game_server::{DAY, by_upload};
use crate::support::machines::names;
use crate::support::town::{Setup, Town, run_with, show, told};
use crate::support::viewers::none;

/// A town in which two evenings were played.
async fn run(test: impl AsyncFnOnce(&mut Town)) {
    run_with(by_upload(), async |town| {
        for file in evening("2025-12-31").iter().chain(&evening(DAY)) {
            assert_eq!(town.only_upload(file).await.0, 202);
            if file.name.contains("round-2") && file.name.contains("supply") {
                assert_eq!(town.only_upload(&awards_of(file)).await.0, 202);
            }
        }
        town.settle().await;
        town.messages("matches");
        test(town).await;
    })
    .await;
}

async fn offered(town: &Town, name: &str, option: &str, text: &str) -> String {
    let typing = json!({ "as": "member", "do": "autocomplete", "channel": "ops", "name": name,
        "options": { option: text }, "focused": option });
    let outcome = town.discord.act(typing).await;
    let choices = outcome["choices"].as_array().unwrap_or_else(|| panic!("{outcome:#}"));
    choices.iter().filter_map(|choice| choice["name"].as_str()).collect::<Vec<_>>().join("\n")
}

/// What stands beside the picture of the last message for those who cannot see it.
fn described(town: &Town, channel: &str) -> String {
    let last = town.messages(channel).pop().unwrap();
    let picture = &last["attachments"][0];
    format!("{}: {}", picture["filename"].as_str().unwrap_or("-"), picture["description"].as_str().unwrap_or("-"))
}

async fn asks(town: &Town, command: &str, options: Value) -> String {
    town.asks("member", &format!("stats {command}"), options).await
}

#[tokio::test]
async fn a_career_with_its_curve() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "ADA" })).await, @"");
        insta::assert_snapshot!(described(town, "ops"), @"");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "1A2B3C02", "map": "supply" })).await, @"");
        insta::assert_snapshot!(asks(town, "player", none()).await, @"");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "nobody like that" })).await, @"");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "d" })).await, @"");
        insta::assert_snapshot!(offered(town, "stats player", "player", "E").await, @"");
        insta::assert_snapshot!(offered(town, "stats player", "map", "").await, @"");
    })
    .await;
}

#[tokio::test]
async fn two_side_by_side() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "compare", json!({ "player": "ada*", "with": "cyd" })).await, @"");
        insta::assert_snapshot!(described(town, "ops"), @"");
        insta::assert_snapshot!(asks(town, "compare", json!({ "player": "cyd", "with": "CYD" })).await, @"");
    })
    .await;
}

#[tokio::test]
async fn lists_that_have_pages() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "k" })).await, @"");
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "dpm", "since": "this season" })).await, @"");
        insta::assert_snapshot!(asks(town, "leaderboard", none()).await, @"");
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "beauty" })).await, @"");
        let first = asks(town, "rounds", none()).await;
        insta::assert_snapshot!(first, @"");
        town.press("member", "ops", "Next").await;
        let last = town.messages("ops").pop().unwrap();
        insta::assert_snapshot!(names(town, &show(&last)), @"");
        let others = town.press("admin", "ops", "Previous").await;
        insta::assert_snapshot!(told(&others), @"");
        insta::assert_snapshot!(asks(town, "rounds", json!({ "month": "dec", "map": "etl_ice" })).await, @"");
        insta::assert_snapshot!(asks(town, "rounds", json!({ "month": "someday" })).await, @"");
        insta::assert_snapshot!(offered(town, "stats leaderboard", "kind", "g").await, @"");
    })
    .await;
}

#[tokio::test]
async fn an_evening_from_every_side() {
    run(async |town| {
        let summary = asks(town, "session", none()).await;
        insta::assert_snapshot!(summary, @"");
        for (view, label) in [("players", "Players"), ("teams", "Teams"), ("weapons", "Weapons"), ("awards", "Awards")]
        {
            town.press("member", "ops", label).await;
            let shown = names(town, &show(&town.messages("ops").pop().unwrap()));
            assert!(shown.starts_with(&format!("[📊 {label}")), "{view}: {shown}");
        }
        let shown = names(town, &show(&town.messages("ops").pop().unwrap()));
        insta::assert_snapshot!(shown, @"");
        let day = asks(town, "session", json!({ "date": "2025-12-31", "view": "objectives and support" })).await;
        insta::assert_snapshot!(day, @"");
        insta::assert_snapshot!(asks(town, "session", json!({ "date": "2025-12-24" })).await, @"");
        insta::assert_snapshot!(asks(town, "session", json!({ "date": "once" })).await, @"");
        asks(town, "session", json!({ "date": "yesterday", "view": "chart" })).await;
        insta::assert_snapshot!(described(town, "ops"), @"");
        insta::assert_snapshot!(offered(town, "stats session", "date", "2025").await, @"");
    })
    .await;
}

#[tokio::test]
async fn matchups_records_and_awards() {
    run(async |town| {
        let met = asks(town, "matchup", json!({ "team": "ada*, bo_b", "against": "di" })).await;
        insta::assert_snapshot!(met, @"");
        insta::assert_snapshot!(asks(town, "matchup", json!({ "team": "ada*", "against": "ada*" })).await, @"");
        insta::assert_snapshot!(offered(town, "stats matchup", "team", "ada*, f").await, @"");
        insta::assert_snapshot!(asks(town, "records", none()).await, @"");
        insta::assert_snapshot!(asks(town, "awards", none()).await, @"");
        insta::assert_snapshot!(asks(town, "awards", json!({ "player": "di" })).await, @"");
    })
    .await;
}

#[tokio::test]
async fn a_member_says_who_they_are_and_confirms_it() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "link", json!({ "player": "ada*" })).await, @"");
        let outcome = town.command("member", "stats link", json!({ "player": "ada*" })).await;
        let id = outcome["message"]["id"].as_str().unwrap().to_owned();
        let yes = outcome["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        town.press_id("member", &id, &yes).await;
        assert_eq!(town.count("SELECT count(*) FROM stats_link").await, 1);
        // One player is one member, and the other way round.
        let again = town.command("approver", "stats link", json!({ "player": "ada*" })).await;
        let id = again["message"]["id"].as_str().unwrap().to_owned();
        let yes = again["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        town.press_id("approver", &id, &yes).await;
        assert_eq!(town.count("SELECT count(*) FROM stats_link").await, 1);
        insta::assert_snapshot!(asks(town, "name", json!({ "name": "Ada Lovelace" })).await, @"");
        insta::assert_snapshot!(asks(town, "name", json!({ "name": "Bad", "player": "di" })).await, @"");
        insta::assert_snapshot!(asks(town, "alias", none()).await, @"");
        insta::assert_snapshot!(asks(town, "find", json!({ "name": "love" })).await, @"");
        assert!(asks(town, "player", none()).await.starts_with("[📈 Ada Lovelace]"));
        assert!(everything(town).await.contains(&"Ada Lovelace".to_owned()));
        insta::assert_snapshot!(asks(town, "unlink", none()).await, @"");
        insta::assert_snapshot!(asks(town, "unlink", json!({ "player": "ada*" })).await, @"");
        assert_eq!(
            town.column("SELECT action FROM audit WHERE action LIKE 'stats%' ORDER BY id").await,
            ["stats_linked", "stats_unlinked"]
        );
        assert_eq!(town.count("SELECT count(*) FROM stats_name").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_admin_asks_a_member_and_names_others() {
    run(async |town| {
        let refused = town.asks("member", "stats link", json!({ "player": "di", "member": "approver" })).await;
        insta::assert_snapshot!(refused, @"");
        let asked = town.asks("admin", "stats link", json!({ "player": "di", "member": "member" })).await;
        insta::assert_snapshot!(asked, @"");
        insta::assert_snapshot!(told(&town.press("approver", "ops", "Yes, that is me").await), @"");
        town.press("member", "ops", "Yes, that is me").await;
        insta::assert_snapshot!(names(town, &town.see("ops")), @"");
        insta::assert_snapshot!(town.asks("admin", "stats name", json!({ "name": "Eve!", "player": "1A2B3C05" })).await, @"");
        assert_eq!(
            town.column("SELECT action FROM audit WHERE action LIKE 'stats%' ORDER BY id").await,
            ["stats_linked", "stats_named"]
        );
        let shown = town.asks("member", "privacy show", none()).await;
        assert!(shown.contains("links of yours with a player of the game"), "{shown}");
    })
    .await;
}

#[tokio::test]
async fn an_admin_sees_and_mends_the_import() {
    run(async |town| {
        let bad = File { name: format!("{DAY}-230000-supply-round-1.txt"), text: "server\\supply\\broken\n".repeat(9) };
        town.upload(&bad).await;
        insta::assert_snapshot!(town.asks("member", "stats import status", none()).await, @"");
        insta::assert_snapshot!(town.asks("admin", "stats import status", none()).await, @"");
        let outcome = town.command("admin", "stats import quarantine", none()).await;
        insta::assert_snapshot!(names(town, &show(&outcome["message"])), @"");
        let id = outcome["message"]["id"].as_str().unwrap().to_owned();
        let retry = outcome["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(told(&town.press_id("admin", &id, &retry).await), @"");
        insta::assert_snapshot!(town.asks("admin", "stats import reparse", none()).await, @"");
    })
    .await;
}

#[tokio::test]
async fn the_buttons_of_a_sessions_card_show_more_to_whoever_presses() {
    run(async |town| {
        town.advance(chrono::TimeDelta::minutes(5)).await;
        let card = town.messages("matches").into_iter().rev().find(|message| {
            message["embeds"][0]["title"].as_str().is_some_and(|title| title.contains("Session Summary"))
        });
        let card = card.unwrap();
        let press = async |label: &str| {
            let buttons = card["components"][0]["components"].as_array().unwrap();
            let button = buttons.iter().find(|button| button["label"] == label).unwrap();
            town.press_id("member", card["id"].as_str().unwrap(), button["custom_id"].as_str().unwrap()).await
        };
        let teams = press("Teams").await;
        insta::assert_snapshot!(names(town, &show(&teams["response"]["data"])), @"");
        let chart = press("Chart").await;
        assert!(chart.to_string().contains("session.png"), "{chart:#}");
    })
    .await;
}

#[tokio::test]
async fn nothing_was_played_yet() {
    run_with(Setup::default(), async |town| {
        for (command, options) in [
            ("session", none()),
            ("rounds", none()),
            ("leaderboard", none()),
            ("records", none()),
            ("awards", none()),
            ("find", json!({ "name": "ada" })),
        ] {
            let told = asks(town, command, options).await;
            assert!(["Nothing", "Nobody", "No rounds"].iter().any(|word| told.contains(word)), "{command}: {told}");
        }
    })
    .await;
}
