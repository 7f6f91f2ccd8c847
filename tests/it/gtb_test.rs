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
        insta::assert_snapshot!(town.reads("party"), @"
        [🎮 Guess the Balance]
        Status: ⚪ No session
        -- Signalbox · community
        (Open) (Refresh)
        ");
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Open").await), @"You need the Manage Server permission for this.");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Open").await), @"✅ Session #1 is open.");
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
            town.says(who, text).await;
        }
        town.advance(seconds(5)).await;
        town.says("bob", "!gtb 1500.25").await;
        let guess = town.command("member", "gtb guess", json!({ "amount": "1501.50" })).await;
        insta::assert_snapshot!(heard(town, &guess), @"✅ Your guess in session #1: $1,501.50. Good luck! 🎰");
        town.settle().await;
        insta::assert_snapshot!(town.reads("party"), @"
        [🎮 Guess the Balance]
        Guess with `!gtb <amount>` in chat or `/gtb guess` here. A later guess replaces yours.
        Status: 🟢 Open
        Session: #1
        Guesses: 5
        Opened: <+0s> by <@admin>
        -- Signalbox · community
        (Close) (Refresh)
        ");
        insta::assert_snapshot!(heard(town, &town.press("admin", "party", "Close").await), @"✅ Session #1 is closed. Set its result when you know it.");
        assert_eq!(town.says("ada", "!gtb 1500").await, "@ada No active GTB session. Wait for an admin to start one!");
        let pressed = town.press("admin", "party", "Set result").await;
        let told = heard(town, &town.submit("admin", form(&pressed), json!({ "value": "$1,500.25" })).await);
        insta::assert_snapshot!(told, @"✅ Session #1 is complete; 3 of the guesses won.");
        insta::assert_snapshot!(town.reads("party"), @"
        [🎮 Guess the Balance]
        Status: ⚪ No session
        Last session: #1 · $1,500.25
        🥇 bob: $1,500.25 ($0.00 off) | 🥈 ada: $1,499.00 ($1.25 off) | 🥉 dan: $1,501.50 ($1.25 off)
        -- Signalbox · community
        (Open) (Refresh)

        [🏆 Guess the Balance - Results!]
        🥇 bob: $1,500.25 ($0.00 off)
        🥈 ada: $1,499.00 ($1.25 off)
        🥉 dan: $1,501.50 ($1.25 off)
        Result: $1,500.25
        Session: #1
        -- Signalbox · community
        ");
        insta::assert_snapshot!(town.all_said().await.join("\n"), @"
        💰 Guess the Balance session #1 is now OPEN! Use !gtb <amount> to guess!
        @ada Guess recorded: $1,499.00 Good luck! 🎰
        @bob Guess recorded: $1,510.00 Good luck! 🎰
        @cleo Invalid amount. Use: !gtb <amount>
        @cleo Usage: !gtb <amount>
        @cleo Amount too large. Use: !gtb <amount>
        @dan Guess recorded: $1,501.50 Good luck! 🎰
        @eve Guess recorded: $1.00 Good luck! 🎰
        @bob Guess recorded: $1,500.25 Good luck! 🎰
        🔒 Guess the Balance session #1 is now CLOSED! No more guesses allowed.
        @ada No active GTB session. Wait for an admin to start one!
        🎉 GTB Result: $1,500.25! Calculating winners...
        🏆 Winners: 🥇 bob: $1,500.25 ($0.00 off) | 🥈 ada: $1,499.00 ($1.25 off) | 🥉 dan: $1,501.50 ($1.25 off)
        ");
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action LIKE 'gtb_%'").await, 3);
    })
    .await;
}

#[tokio::test]
async fn a_session_without_guesses_stays_closed_and_one_is_open_at_a_time() {
    run(async |town| {
        let open = || town.command("admin", "gtb open", json!({}));
        heard(town, &open().await);
        insta::assert_snapshot!(heard(town, &open().await), @"A session is open already; close it first.");
        heard(town, &town.command("admin", "gtb close", json!({})).await);
        insta::assert_snapshot!(heard(town, &town.command("admin", "gtb close", json!({})).await), @"No session is open.");
        let none = town.command("admin", "gtb result", json!({ "amount": "12" })).await;
        insta::assert_snapshot!(heard(town, &none), @"Nobody guessed in this session, so nobody can win it; open another one.");
        assert_eq!(town.column("SELECT state FROM gtb_session").await, ["closed"]);
        heard(town, &open().await);
        heard(town, &town.command("member", "gtb guess", json!({ "amount": "10" })).await);
        heard(town, &town.command("admin", "gtb close", json!({})).await);
        let done = town.command("admin", "gtb result", json!({ "amount": "12" })).await;
        insta::assert_snapshot!(heard(town, &done), @"✅ Session #2 is complete; 1 of the guesses won.");
        let member = town.command("member", "gtb open", json!({})).await;
        insta::assert_snapshot!(heard(town, &member), @"You need the Manage Server permission for this.");
    })
    .await;
}

#[tokio::test]
async fn the_later_guess_counts_whatever_comes_first_and_a_linked_viewer_is_the_member() {
    run(async |town| {
        town.with_channel().await;
        town.link_viewer("member", "ada").await;
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
