//! Each command of `/stats` with nothing there, with rubbish, and with more than a page: what a person reads is clear, and
//! nothing of the program's insides.

use serde_json::{Value, json};

use crate::support::evening::{File, evening};
use crate::support::game_server::{DAY, by_upload};
use crate::support::machines::names;
use crate::support::town::{Setup, Town, run_with, show};
use crate::support::viewers::none;

/// What comes of several commands, a paragraph each.
async fn walks(town: &Town, commands: &[(&str, Value)]) -> String {
    let mut told = Vec::new();
    for (command, options) in commands {
        let words = town.asks("admin", &format!("stats {command}"), options.clone()).await;
        for inside in ["error", "Error", "Ref ", "sql", "panic", "None", "Some("] {
            assert!(!words.contains(inside), "{command}: {words}");
        }
        assert!(!words.is_empty(), "{command} says something");
        told.push(format!("/{command}\n{words}"));
    }
    told.join("\n\n")
}

#[tokio::test]
async fn nothing_is_there() {
    run_with(Setup::default(), async |town| {
        let told = walks(
            town,
            &[
                ("player", none()),
                ("player", json!({ "player": "ada" })),
                ("player", json!({ "member": "member" })),
                ("compare", json!({ "player": "ada", "with": "bob" })),
                ("leaderboard", none()),
                ("leaderboard", json!({ "kind": "kills", "since": "30 days" })),
                ("session", none()),
                ("session", json!({ "date": "yesterday", "view": "time" })),
                ("rounds", none()),
                ("matchup", json!({ "team": "ada, bob" })),
                ("records", none()),
                ("awards", none()),
                ("link", json!({ "player": "ada" })),
                ("unlink", none()),
                ("find", json!({ "name": "ada" })),
                ("alias", none()),
                ("name", json!({ "name": "Ada" })),
                ("import status", none()),
                ("import quarantine", none()),
                ("import reparse", none()),
            ],
        )
        .await;
        insta::assert_snapshot!(told, @"
        /player
        Say who, or link yourself with /stats link, so that it is you.

        /player
        Nobody called **ada** has played here. /stats find looks for parts of names.

        /player
        <@member> is not linked with a player; /stats link does it.

        /compare
        Nobody called **ada** has played here. /stats find looks for parts of names.

        /leaderboard
        [🏆 Rating]
        Nobody has played enough yet to be on this list: from 3 maps with a result; ranked by what the strength is at least (three deviations below).
        -- ET:Legacy

        /leaderboard
        [🏆 Kills, 30 days]
        Nobody has played enough yet to be on this list: from 11 rounds.
        -- ET:Legacy

        /session
        Nothing has been played here yet.

        /session
        Nothing was played on 2026-01-01.

        /rounds
        [📜 Rounds]
        No such rounds were played.
        -- ET:Legacy

        /matchup
        Nobody called **ada** has played here. /stats find looks for parts of names.

        /records
        [🏅 Records]
        No rounds that count.
        -- ET:Legacy

        /awards
        [🏆 Awards]
        No awards were given yet.
        -- ET:Legacy

        /link
        Nobody called **ada** has played here. /stats find looks for parts of names.

        /unlink
        There is no link to end.

        /find
        [🔎 Players like ada]
        Nobody with that in a name has played here.
        -- ET:Legacy

        /alias
        Say who, or link yourself with /stats link, so that it is you.

        /name
        Say who, or link yourself with /stats link, so that it is you.

        /import status
        [📥 Import]
        Files: 0 files (0 KiB)
        0 wait · 0 in quarantine · 0 replaced by a corrected one
        Rounds: 0 rounds, 0 of them count
        0 second rounds wait for their first
        -- ET:Legacy

        /import quarantine
        [🧪 Quarantine]
        Every file could be read.
        -- ET:Legacy

        /import reparse
        [♻️ Reparse: what would change]
        0 files, 0 rounds looked at. Nothing would change.
        -- ET:Legacy
        ");
    })
    .await;
}

/// An evening in which three times as many played.
fn crowded(day: &str) -> Vec<File> {
    let more = |file: &File| {
        let twins = |number: u8| {
            file.text.lines().skip(1).map(move |line| {
                let line = line.replacen("1A2B3C0", &format!("{number}A2B3C0"), 1);
                let (guid, rest) = line.split_once('\\').unwrap();
                let (name, rest) = rest.split_once('\\').unwrap();
                format!("{guid}\\{name}^7.twin{number}\\{rest}\n")
            })
        };
        let others = twins(2).chain(twins(3));
        File { text: format!("{}{}", file.text, others.collect::<String>()), ..file.clone() }
    };
    evening(day).iter().map(more).collect()
}

async fn played(town: &Town) {
    for file in crowded("2025-12-31").iter().chain(&crowded(DAY)) {
        assert_eq!(town.only_upload(file).await.0, 202);
    }
    town.settle().await;
    town.messages("matches");
}

#[tokio::test]
async fn rubbish() {
    run_with(by_upload(), async |town| {
        played(town).await;
        let long = ["ada*"; 9].join(",");
        let told = walks(
            town,
            &[
                ("player", json!({ "player": "%" })),
                ("player", json!({ "player": "   " })),
                ("player", json!({ "player": "**@everyone**" })),
                ("player", json!({ "player": "twin" })),
                ("player", json!({ "player": "ada*", "map": "nowhere:1" })),
                ("compare", json!({ "player": "ada*", "with": "';--" })),
                ("compare", json!({ "player": "ada*", "with": "di", "map": "nowhere" })),
                ("leaderboard", json!({ "kind": "🤷" })),
                ("leaderboard", json!({ "kind": "kills", "map": "no`where" })),
                ("session", json!({ "date": "9999999999-01-01" })),
                ("session", json!({ "date": "2025-02-30" })),
                ("session", json!({ "date": "2026-01-01-201000 or so" })),
                ("rounds", json!({ "month": "2025-13" })),
                ("rounds", json!({ "month": "99999999999" })),
                ("rounds", json!({ "map": "no:where" })),
                ("rounds", json!({ "player": "ada" , "month": "2024-02" })),
                ("matchup", json!({ "team": ", ,", "against": "di" })),
                ("matchup", json!({ "team": "ada*, nobody", "against": "di" })),
                ("matchup", json!({ "team": "ada*, di", "against": "di" })),
                ("matchup", json!({ "team": long })),
                ("records", json!({ "map": "nowhere" })),
                ("awards", json!({ "award": "Most *stars*" })),
                ("awards", json!({ "player": "nobody" })),
                ("link", json!({ "player": "nobody" })),
                ("unlink", json!({ "player": "ada*" })),
                ("unlink", json!({ "member": "member" })),
                ("find", json!({ "name": "_%_" })),
                ("alias", json!({ "player": "\\" })),
                ("name", json!({ "name": " x ", "player": "ada*" })),
                ("name", json!({ "name": "**Ada** @here", "player": "ada*" })),
                ("name", json!({ "player": "1A2B3C01" })),
            ],
        )
        .await;
        insta::assert_snapshot!(told, @r"
        /player
        Nobody called **%** has played here. /stats find looks for parts of names.

        /player
        Write a name that somebody has played under.

        /player
        Nobody called **\*\*@everyone\*\*** has played here. /stats find looks for parts of names.

        /player
        Several players have **twin** in their names. Did you mean **ada\*.twin2**, **bo\_b.twin2**, **^cyd.twin2**?

        /player
        [📈 ada\* on nowhere:1]
        No rounds that count.
        -- GUID 1A2B3C01

        /compare
        Nobody called **';--** has played here. /stats find looks for parts of names.

        /compare
        [⚖️ ada\* and di]
        No rounds that count.
        -- ET:Legacy

        /leaderboard
        Choose what the list is by from the suggestions, such as kills, dpm or rating.

        /leaderboard
        [🏆 Kills on no\`where]
        Nobody has played enough on it yet to be on this list: from 11 rounds.
        -- ET:Legacy

        /session
        Write the day as 2025-10-14, today or yesterday; or choose from the list.

        /session
        Write the day as 2025-10-14, today or yesterday; or choose from the list.

        /session
        Write the day as 2025-10-14, today or yesterday; or choose from the list.

        /rounds
        Write the month as 10, 2025-10 or october.

        /rounds
        Write the month as 10, 2025-10 or october.

        /rounds
        [📜 Rounds on no:where]
        No such rounds were played.
        -- ET:Legacy

        /rounds
        Several players have **ada** in their names. Did you mean **ada\***, **ada\*.twin2**, **ada\*.twin3**?

        /matchup
        Name at least one player in each team.

        /matchup
        Nobody called **nobody** has played here. /stats find looks for parts of names.

        /matchup
        Nobody can be in both teams: name different players.

        /matchup
        A team has at most 8 players here, and you named 9.

        /records
        [🏅 Records on nowhere]
        No rounds that count.
        -- ET:Legacy

        /awards
        [🏆 Awards]
        **Most \*stars\*** was not given yet.
        -- ET:Legacy

        /awards
        Nobody called **nobody** has played here. /stats find looks for parts of names.

        /link
        Nobody called **nobody** has played here. /stats find looks for parts of names.

        /unlink
        There is no link to end.

        /unlink
        <@member> is not linked with a player; /stats link does it.

        /find
        [🔎 Players like \_%\_]
        Nobody with that in a name has played here.
        -- ET:Legacy

        /alias
        Nobody called **\\** has played here. /stats find looks for parts of names.

        /name
        A name has 2 to 32 characters.

        /name
        []
        ✅ **ada\*** is called **\*\*Ada\*\* @here** from now on.

        /name
        []
        ✅ **\*\*Ada\*\* @here** is called as in the game again.
        ");
    })
    .await;
}

/// The newest message after a button of it was pressed.
async fn turned(town: &Town, label: &str) -> String {
    town.press("admin", "ops", label).await;
    names(town, &show(&town.messages("ops").pop().unwrap()))
}

#[tokio::test]
async fn more_than_a_page() {
    run_with(by_upload(), async |town| {
        played(town).await;
        let first = town.asks("admin", "stats leaderboard", json!({ "kind": "kills" })).await;
        assert_eq!(first.lines().filter(|line| line.contains(" rounds, K/D ")).count(), 10, "{first}");
        insta::assert_snapshot!(turned(town, "Next").await, @r"
        [🏆 Kills]
        `11` **^cyd.twin3** **120** · 12 rounds, K/D 1.33
        `12` **fay.twin3** **120** · 12 rounds, K/D 1.33
        `13` **ada\*** **114** · 12 rounds, K/D 1.27
        `14` **ada\*.twin2** **114** · 12 rounds, K/D 1.27
        `15` **ada\*.twin3** **114** · 12 rounds, K/D 1.27
        `16` **eve \`x\`** **108** · 12 rounds, K/D 1.20
        `17` **eve \`x\`.twin2** **108** · 12 rounds, K/D 1.20
        `18` **eve \`x\`.twin3** **108** · 12 rounds, K/D 1.20
        -- ET:Legacy · page 2 of 2
        (Previous) (Next)
        ");
        assert_eq!(turned(town, "Previous").await.trim_end(), first);

        let found = town.asks("admin", "stats find", json!({ "name": "twin" })).await;
        assert!(found.contains("The first 10; write more of the name."), "{found}");

        for number in 0..7 {
            let name = format!("{DAY}-2300{number:02}-supply-round-1.txt");
            town.upload(&File { name, text: "server\\supply\\broken\n".repeat(9) }).await;
        }
        let outcome = town.command("admin", "stats import quarantine", none()).await;
        let message = &outcome["message"];
        let buttons = |row: usize| {
            let row = message["components"][row]["components"].as_array().unwrap().clone();
            row.into_iter().map(|button| button["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(buttons(0), (1..=5).map(|number| format!("Read {number} again")).collect::<Vec<_>>());
        assert_eq!(buttons(1), ["Previous", "Next"]);
        let next = message["components"][1]["components"][1]["custom_id"].as_str().unwrap();
        let turned = town.press_id("admin", message["id"].as_str().unwrap(), next).await;
        insta::assert_snapshot!(names(town, &show(&turned["message"])), @"
        [🧪 Quarantine]
        Kept, and not read: `1.` `2026-01-01-230005-supply-round-1.txt`
        line 1, column 21: expected eight or nine fields between backslashes, and there are 3, found the end of the line
        189 bytes by upload <+0s>
        `2.` `2026-01-01-230006-supply-round-1.txt`
        line 1, column 21: expected eight or nine fields between backslashes, and there are 3, found the end of the line
        189 bytes by upload <+0s>
        -- ET:Legacy
        (Read 1 again) (Read 2 again)
        (Previous) (Next)
        ");
    })
    .await;
}
