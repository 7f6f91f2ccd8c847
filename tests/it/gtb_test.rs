//! Guess the Balance: from chat, from Discord, from its panel.

use serde_json::json;

use crate::support::chat::Line;
use crate::support::delivery::{minutes, seconds};
use crate::support::machines::{form, heard};
use crate::support::town::{Town, run};

async fn panel(town: &Town, which: &str) {
    town.command("admin", "panel post", json!({ "panel": which, "channel": "party" })).await;
    town.settle().await;
}

#[tokio::test]
async fn a_session_by_its_panel() {
    run(async |town| {
        town.with_channel().await;
        panel(town, "guess the balance").await;
        insta::assert_snapshot!(town.reads("party"), @"");
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Open").await), @"");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Open").await), @"");
        for (who, text) in [
            ("ada", "!gtb 1,499"),
            ("bob", "!gtb $1,510.00"),
            ("cleo", "!gtb 1e9"),
            ("cleo", "!gtb"),
            ("cleo", "!gtb 9999999999999999"),
            ("cleo", "!gtbx 5"),
            ("dan", "!gtb 1501.50"),
            ("eve", "!gtb 1"),
        ] {
            town.chat(who, text).await;
        }
        town.advance(seconds(5)).await;
        town.chat("bob", "!gtb 1500.25").await;
        let guess = town.command("member", "gtb guess", json!({ "amount": "1501.50" })).await;
        insta::assert_snapshot!(heard(town, &guess), @"");
        town.settle().await;
        insta::assert_snapshot!(town.reads("party"), @"");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Close").await), @"");
        assert_eq!(town.chat("ada", "!gtb 1500").await, "@ada No active GTB session. Wait for an admin to start one!");
        let pressed = town.press("admin", "party", "Set result").await;
        let told = heard(town, &town.submit("admin", form(&pressed), json!({ "value": "$1,500.25" })).await);
        insta::assert_snapshot!(told, @"");
        insta::assert_snapshot!(town.reads("party"), @"");
        insta::assert_snapshot!(town.all_said().await.join("\n"), @"");
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action LIKE 'gtb_%'").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_guesses_stays_closed_and_one_is_open_at_a_time() {
    run(async |town| {
        let open = || town.command("admin", "gtb open", json!({}));
        heard(town, &open().await);
        insta::assert_snapshot!(heard(town, &open().await), @"");
        heard(town, &town.command("admin", "gtb close", json!({})).await);
        insta::assert_snapshot!(heard(town, &town.command("admin", "gtb close", json!({})).await), @"");
        let none = town.command("admin", "gtb result", json!({ "amount": "12" })).await;
        insta::assert_snapshot!(heard(town, &none), @"");
        assert_eq!(town.column("SELECT state FROM gtb_session").await, ["closed"]);
        heard(town, &open().await);
        heard(town, &town.command("member", "gtb guess", json!({ "amount": "10" })).await);
        heard(town, &town.command("admin", "gtb close", json!({})).await);
        let done = town.command("admin", "gtb result", json!({ "amount": "12" })).await;
        insta::assert_snapshot!(heard(town, &done), @"");
        let member = town.command("member", "gtb open", json!({})).await;
        insta::assert_snapshot!(heard(town, &member), @"");
    })
    .await;
}

#[tokio::test]
async fn the_later_guess_counts_whatever_comes_first_and_a_linked_viewer_is_the_member() {
    run(async |town| {
        town.with_channel().await;
        town.same_person("member", "ada").await;
        heard(town, &town.command("admin", "gtb open", json!({})).await);
        let later = Line { seconds_ago: 5, ..Line::of("ada", "!gtb 200") };
        let earlier = Line { seconds_ago: 30, ..Line::of("ada", "!gtb 100") };
        town.hear(&[later, earlier]).await;
        assert_eq!(town.column("SELECT cents::text FROM gtb_guess").await, ["20000"]);
        town.advance(minutes(1)).await;
        heard(town, &town.command("member", "gtb guess", json!({ "amount": "300" })).await);
        assert_eq!(town.column("SELECT cents::text FROM gtb_guess").await, ["30000"], "one person, one guess");
    })
    .await;
}
