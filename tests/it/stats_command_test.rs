//! `/stats`, as people use it after an evening or two.

use serde_json::{Value, json};

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

/// The picture of the last message, and the beginning of what is said of it to who cannot see it.
fn picture(town: &Town, channel: &str) -> String {
    let last = town.messages(channel).pop().unwrap();
    let words = |name: &str| last["attachments"][0][name].as_str().unwrap_or("-").to_owned();
    format!("{}: {}", words("filename"), words("description").chars().take(90).collect::<String>())
}

async fn asks(town: &Town, command: &str, options: Value) -> String {
    town.asks("member", &format!("stats {command}"), options).await
}

#[tokio::test]
async fn a_career_with_its_curve() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "ADA" })).await, @r"
        [📈 ada\*]
        🎮 Career: 12 rounds in 2 sessions
        K/D **1.27**
        DPM **160**
        Played 1h 38m
        ⚔️ Combat: 114 kills · 90 deaths
        17.9K damage given
        16.2K damage received
        30 gibs · 26 headshots
        🎯 Performance: ACC **34.9%** (light weapons)
        all weapons 35.4%
        Headshot rate 3.4%
        Efficiency 55.9%
        Best spree 4
        🏅 Rating: **1448** ± 463 (still open)
        #4 of 6
        6 maps: 2 won, 2 lost, 2 even
        🤝 Team: 30 revives · 14 times revived
        48 assists
        Team damage 3.9%
        Dead 17.7% of the time
        🔫 Weapons: **MP40** 48 kills, 14 headshots · ACC 34.8%
        **Thompson** 42 kills, 12 headshots · ACC 35.0%
        **Grenade** 24 kills, 0 headshots
        📅 Last Sessions: **2026-01-01** 6 rounds · K/D 1.27 · 160 DPM · 57 kills
        **2025-12-31** 6 rounds · K/D 1.27 · 160 DPM · 57 kills
        🗺️ Maps: **etl\_ice** 4 rounds · K/D 1.38 · 241 DPM · 36 kills
        **supply** 4 rounds · K/D 1.53 · 161 DPM · 46 kills
        **te\_escape2** 4 rounds · K/D 0.94 · 110 DPM · 32 kills
        🎖️ Achievements: 🎖️ **First Blood Century** (100 kills)
        ▫️ Killing Machine: 114 of 500 kills
        -- GUID 1A2B3C01
        ");
        insta::assert_snapshot!(picture(town, "ops"), @"career.png: Damage per minute and kills per death by session. 25-12-31: 160 DPM, K/D 1.27; 26-01-01: 1");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "1A2B3C02", "map": "supply" })).await, @r"
        [📈 bo\_b on supply]
        🎮 Career: 4 rounds in 2 sessions
        K/D **1.73**
        DPM **176**
        Played 32m
        ⚔️ Combat: 38 kills · 22 deaths
        6.2K damage given
        4.6K damage received
        14 gibs · 8 headshots
        🎯 Performance: ACC **33.5%** (light weapons)
        all weapons 34.0%
        Headshot rate 3.1%
        Efficiency 63.3%
        Best spree 6
        🏅 Rating: **1448** ± 463 (still open)
        #4 of 6
        6 maps: 2 won, 2 lost, 2 even
        🤝 Team: 2 revives · 6 times revived
        4 assists
        Team damage 0.0%
        Dead 20.1% of the time
        🔫 Weapons: **Thompson** 20 kills, 6 headshots · ACC 33.0%
        **MP40** 10 kills, 2 headshots · ACC 34.0%
        **Grenade** 8 kills, 0 headshots
        📅 Last Sessions: **2026-01-01** 2 rounds · K/D 1.73 · 176 DPM · 19 kills
        **2025-12-31** 2 rounds · K/D 1.73 · 176 DPM · 19 kills
        🎖️ Achievements: ▫️ First Blood Century: 38 of 100 kills
        -- GUID 1A2B3C02
        ");
        insta::assert_snapshot!(asks(town, "player", none()).await, @"Say who, or link yourself with /stats link, so that it is you.");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "nobody like that" })).await, @"Nobody called **nobody like that** has played here. /stats find looks for parts of names.");
        insta::assert_snapshot!(asks(town, "player", json!({ "player": "d" })).await, @r"Several players have **d** in their names. Did you mean **di**, **ada\***, **^cyd**?");
        insta::assert_snapshot!(offered(town, "stats player", "player", "E").await, @"eve `x` · 12 rounds");
        insta::assert_snapshot!(offered(town, "stats player", "map", "").await, @"
        etl_ice · 4 rounds
        te_escape2 · 4 rounds
        supply · 4 rounds
        ");
    })
    .await;
}

#[tokio::test]
async fn two_side_by_side() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "compare", json!({ "player": "ada*", "with": "cyd" })).await, @r"
        [⚖️ ada\* and ^cyd]
        🟦 **ada\***: 12 rounds, rating **1448** ± 463 (still open)
        🟧 **^cyd**: 12 rounds, rating **1448** ± 463 (still open)
        Compared: 🟧 K/D: **1.27** · **1.33**
        🟧 DPM: **160** · **171**
        🟦 Accuracy: **34.9%** · **34.6%**
        🟦 Headshot rate: **3.4%** · **3.3%**
        ▫️ Revives a round: **2.5** · **2.5**
        🟧 Efficiency: **55.9%** · **57.1%**
        ▫️ Gibs a round: **2.5** · **2.5**
        -- ET:Legacy
        ");
        insta::assert_snapshot!(picture(town, "ops"), @"compare.png: ada* and ^cyd compared. K/D: 1.27 to 1.33; DPM: 160 to 171; Accuracy: 34.9% to 34.6%; Head");
        insta::assert_snapshot!(asks(town, "compare", json!({ "player": "cyd", "with": "CYD" })).await, @"Choose two different players.");
    })
    .await;
}

#[tokio::test]
async fn lists_that_have_pages() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "k" })).await, @r"
        [🏆 Kills]
        🥇 **di** **132** · 12 rounds, K/D 1.47
        🥈 **bo\_b** **126** · 12 rounds, K/D 1.40
        🥉 **^cyd** **120** · 12 rounds, K/D 1.33
        4️⃣ **fay** **120** · 12 rounds, K/D 1.33
        5️⃣ **ada\*** **114** · 12 rounds, K/D 1.27
        6️⃣ **eve \`x\`** **108** · 12 rounds, K/D 1.20
        -- ET:Legacy · page 1 of 1
        ");
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "dpm", "since": "this season" })).await, @"
        [🏆 Damage per Minute, 2026-Q1 Spring]
        Nobody has played enough yet to be on this list: from 51 rounds.
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "leaderboard", none()).await, @r"
        [🏆 Rating]
        🥇 **di** **1552** ± 463 (still open) · 6 maps, 2 won
        🥈 **eve \`x\`** **1552** ± 463 (still open) · 6 maps, 2 won
        🥉 **fay** **1552** ± 463 (still open) · 6 maps, 2 won
        4️⃣ **ada\*** **1448** ± 463 (still open) · 6 maps, 2 won
        5️⃣ **bo\_b** **1448** ± 463 (still open) · 6 maps, 2 won
        6️⃣ **^cyd** **1448** ± 463 (still open) · 6 maps, 2 won
        -- ET:Legacy · page 1 of 1
        ");
        insta::assert_snapshot!(asks(town, "leaderboard", json!({ "kind": "beauty" })).await, @"Choose what the list is by from the suggestions, such as kills, dpm or rating.");
        let first = asks(town, "rounds", none()).await;
        insta::assert_snapshot!(first, @r"
        [📜 Rounds]
        <+-49080s> **etl\_ice** R2 · Axis · held 7:10 · 6 players · map 0–2
        <+-49800s> **etl\_ice** R1 · Allies · 7:10 / 12:00 · 6 players
        <+-50880s> **te\_escape2** R2 · Axis · held 12:00 · 6 players · map 1–1
        <+-51600s> **te\_escape2** R1 · Axis · held 12:00 · 6 players
        <+-52680s> **supply** R2 · Allies · 8:21 / 9:13 · 6 players · map 2–0
        <+-53400s> **supply** R1 · Allies · 9:13 / 12:00 · 6 players
        <+-135480s> **etl\_ice** R2 · Axis · held 7:10 · 6 players · map 0–2
        <+-136200s> **etl\_ice** R1 · Allies · 7:10 / 12:00 · 6 players
        <+-137280s> **te\_escape2** R2 · Axis · held 12:00 · 6 players · map 1–1
        <+-138000s> **te\_escape2** R1 · Axis · held 12:00 · 6 players
        -- ET:Legacy
        (Previous) (Next)
        ");
        town.press("member", "ops", "Next").await;
        let last = town.messages("ops").pop().unwrap();
        insta::assert_snapshot!(names(town, &show(&last)), @"
        [📜 Rounds]
        <+-139080s> **supply** R2 · Allies · 8:21 / 9:13 · 6 players · map 2–0
        <+-139800s> **supply** R1 · Allies · 9:13 / 12:00 · 6 players
        -- ET:Legacy
        (Previous) (Next)
        ");
        let others = town.press("admin", "ops", "Previous").await;
        insta::assert_snapshot!(told(&others), @"This is somebody else's.");
        insta::assert_snapshot!(asks(town, "rounds", json!({ "month": "dec", "map": "etl_ice" })).await, @r"
        [📜 Rounds on etl\_ice, December 2025]
        <+-135480s> **etl\_ice** R2 · Axis · held 7:10 · 6 players · map 0–2
        <+-136200s> **etl\_ice** R1 · Allies · 7:10 / 12:00 · 6 players
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "rounds", json!({ "month": "someday" })).await, @"Write the month as 10, 2025-10 or october.");
        insta::assert_snapshot!(offered(town, "stats leaderboard", "kind", "g").await, @"
        games, played
        gibs
        grenades, nades
        ");
    })
    .await;
}

#[tokio::test]
async fn an_evening_from_every_side() {
    run(async |town| {
        let summary = asks(town, "session", none()).await;
        insta::assert_snapshot!(summary, @r"
        [📊 Session Summary: 2026-01-01]
        🤝 **Even** · Team A **3–3** Team B
        3 maps · 6 rounds · 6 players · 1h 21m
        🗺️ Maps · points of Team A – Team B, times of both attacks: `1.` **2–0** supply · B attacked first: 9:13 / 8:21
        `2.` **1–1** te\_escape2 · B attacked first: 12:00 held / 12:00 held
        `3.` **0–2** etl\_ice · B attacked first: 7:10 / 7:10 held
        🅰️ Team A: bo\_b, ^cyd, ada\*
        ⭐ MVP **bo\_b**
        180 kills · 135 deaths · K/D 1.33
        27.3K damage · 45 revives · ACC 34.6%
        🅱️ Team B: di, fay, eve \`x\`
        ⭐ MVP **di**
        180 kills · 135 deaths · K/D 1.33
        27.6K damage · 45 revives · ACC 34.4%
        🏆 Players: 🥇 **di** 🅱️ `66/45/15 (1.47)` **168** DPM 9.4K⬆/7.5K⬇ ACC 34.7% 16 HS Rev 15↑
        🥈 **bo\_b** 🅰️ `63/45/15 (1.40)` **157** DPM 8.8K⬆/7.3K⬇ ACC 34.5% 15 HS Rev 15↑
        🥉 **^cyd** 🅰️ `60/45/15 (1.33)` **171** DPM 9.6K⬆/7.7K⬇ ACC 34.6% 14 HS Rev 15↑
        4️⃣ **fay** 🅱️ `60/45/15 (1.33)` **162** DPM 9.0K⬆/7.7K⬇ ACC 34.4% 14 HS Rev 15↑
        5️⃣ **ada\*** 🅰️ `57/45/15 (1.27)` **160** DPM 8.9K⬆/8.1K⬇ ACC 34.9% 13 HS Rev 15↑
        6️⃣ **eve \`x\`** 🅱️ `54/45/15 (1.20)` **165** DPM 9.2K⬆/7.9K⬇ ACC 34.3% 12 HS Rev 15↑
        🏅 Firsts and Records: 🎖️ Passed 100 kills (*First Blood Century*): **ada\***, **bo\_b**, **^cyd**, **di**, **eve \`x\`**, **fay**
        🎖️ Passed 10 rounds: **ada\***, **bo\_b**, **^cyd**, **di**, **eve \`x\`**, **fay**
        🎖️ Session Awards: 🔫 Most kills: **di** 66
        💥 Highest DPM: **^cyd** 171
        ⚔️ Most damage: **^cyd** 9.6K
        🎯 Best aim (light weapons): **ada\*** 34.9%
        🧠 Most headshots: **di** 16
        💉 Most revives: **di, bo\_b, ^cyd and 3 more** 15
        🦴 Most gibs: **di, bo\_b, ^cyd and 3 more** 15
        🤝 Most assists: **fay, ada\*** 24
        ⏳ Most playtime denied: **^cyd** 8m
        🔥 Longest killing spree: **eve \`x\`** 7
        🔫 Weapon Mastery: **Thompson** 162 kills · ACC 34.5% · most by **bo\_b** (33)
        **MP40** 126 kills · ACC 34.5% · most by **fay** (27)
        **Grenade** 72 kills · most by **^cyd** (12)
        -- ET:Legacy
        (Summary) (Top) (Teams) (Combat)
        (Weapons) (Objectives) (Support) (Sprees)
        (Awards) (Maps) (Time) (Graphs)
        ");
        for label in ["Top", "Teams", "Weapons", "Time", "Awards"] {
            town.press("member", "ops", label).await;
            let shown = names(town, &show(&town.messages("ops").pop().unwrap()));
            assert!(shown.starts_with(&format!("[📊 {label}")), "{shown}");
        }
        let shown = names(town, &show(&town.messages("ops").pop().unwrap()));
        insta::assert_snapshot!(shown, @r"
        [📊 Awards: 2026-01-01]
        🎖️ Of the session: 🔫 Most kills: **di** 66
        💥 Highest DPM: **^cyd** 171
        ⚔️ Most damage: **^cyd** 9.6K
        🎯 Best aim (light weapons): **ada\*** 34.9%
        🧠 Most headshots: **di** 16
        💉 Most revives: **di, bo\_b, ^cyd and 3 more** 15
        🦴 Most gibs: **di, bo\_b, ^cyd and 3 more** 15
        🤝 Most assists: **fay, ada\*** 24
        ⏳ Most playtime denied: **^cyd** 8m
        🔥 Longest killing spree: **eve \`x\`** 7
        ✨ Most multikills: **di, bo\_b, ^cyd and 3 more** 6
        🧟 Most often revived: **^cyd** 11
        ☠️ Most selfkills: **di, bo\_b, ^cyd and 3 more** 3
        🙈 Most team damage: **di** 480
        💀 Longest dead: **^cyd** 22.6%
        🏆 Awards of its maps: **2×** ada\*
        **1×** bo\_b
        **1×** cyd
        **1×** di
        **1×** eve \`x\`
        **1×** fay
        -- ET:Legacy
        (Summary) (Top) (Teams) (Combat)
        (Weapons) (Objectives) (Support) (Sprees)
        (Awards) (Maps) (Time) (Graphs)
        ");
        let mut views = Vec::new();
        for view in ["teams", "combat", "objectives", "support", "sprees", "maps", "time", "graphs"] {
            let told = asks(town, "session", json!({ "date": "2025-12-31", "view": view })).await;
            views.push(told.split("\n-- ").next().unwrap().to_owned());
        }
        insta::assert_snapshot!(views.join("\n\n"), @r"
        [📊 Teams: 2025-12-31]
        🅰️ Team A · 3 points: ⭐ MVP **bo\_b**
        180 kills · 135 deaths · K/D 1.33 · 27.3K damage · 45 revives · 45 gibs
        **bo\_b** 6 rounds · 63/45/15 (1.40) · 157 DPM
        **^cyd** 6 rounds · 60/45/15 (1.33) · 171 DPM
        **ada\*** 6 rounds · 57/45/15 (1.27) · 160 DPM
        🅱️ Team B · 3 points: ⭐ MVP **di**
        180 kills · 135 deaths · K/D 1.33 · 27.6K damage · 45 revives · 45 gibs
        **di** 6 rounds · 66/45/15 (1.47) · 168 DPM
        **fay** 6 rounds · 60/45/15 (1.33) · 162 DPM
        **eve \`x\`** 6 rounds · 54/45/15 (1.20) · 165 DPM

        [📊 Combat: 2025-12-31]
        ⚔️ Combat: 🥇 **di** `66/45/15 (1.47)` 59.5% efficiency · 9.4K⬆/7.5K⬇ · 168 DPM · 16 headshots (3.6% of hits) · team damage 480 · 3 selfkills
        🥈 **bo\_b** `63/45/15 (1.40)` 58.3% efficiency · 8.8K⬆/7.3K⬇ · 157 DPM · 15 headshots (3.8% of hits) · 3 selfkills
        🥉 **^cyd** `60/45/15 (1.33)` 57.1% efficiency · 9.6K⬆/7.7K⬇ · 171 DPM · 14 headshots (3.3% of hits) · team damage 240 · 3 selfkills
        4️⃣ **fay** `60/45/15 (1.33)` 57.1% efficiency · 9.0K⬆/7.7K⬇ · 162 DPM · 14 headshots (2.9% of hits) · team damage 360 · 3 selfkills
        5️⃣ **ada\*** `57/45/15 (1.27)` 55.9% efficiency · 8.9K⬆/8.1K⬇ · 160 DPM · 13 headshots (3.4% of hits) · team damage 360 · 3 selfkills
        6️⃣ **eve \`x\`** `54/45/15 (1.20)` 54.5% efficiency · 9.2K⬆/7.9K⬇ · 165 DPM · 12 headshots (2.6% of hits) · team damage 120 · 3 selfkills

        [📊 Objectives: 2025-12-31]
        The files tell of no objective, dynamite or construction.

        [📊 Support: 2025-12-31]
        💉 Support: **di** 15 revives, revived 9× · ⏳ 8m denied
        **bo\_b** 15 revives, revived 9× · ⏳ 7m denied · 6 assists
        **^cyd** 15 revives, revived 11× · ⏳ 8m denied · 18 assists
        **fay** 15 revives, revived 9× · ⏳ 6m denied · 24 assists
        **ada\*** 15 revives, revived 7× · ⏳ 7m denied · 24 assists
        **eve \`x\`** 15 revives, revived 7× · ⏳ 6m denied · 12 assists

        [📊 Sprees: 2025-12-31]
        🔥 Sprees: **eve \`x\`** 7 kills in a row · 🔥 6x2
        **bo\_b** 6 kills in a row · 🔥 6x2
        **di** 5 kills in a row · 🔥 6x2
        **fay** 4 kills in a row · 🔥 6x2
        **ada\*** 4 kills in a row · 🔥 6x2
        **^cyd** 3 kills in a row · 🔥 6x2

        [📊 Maps: 2025-12-31]
        🗺️ Maps · Team A **3–3** Team B: `1.` **2–0** supply · B attacked first: 9:13 / 8:21
        ⠀ 123 kills · 18.1K damage · ⭐ **^cyd** 24 kills, 192 DPM
        `2.` **1–1** te\_escape2 · B attacked first: 12:00 held / 12:00 held
        ⠀ 117 kills · 18.0K damage · ⭐ **di** 22 kills, 144 DPM
        `3.` **0–2** etl\_ice · B attacked first: 7:10 / 7:10 held
        ⠀ 120 kills · 18.9K damage · ⭐ **bo\_b** 23 kills, 191 DPM

        [📊 Time: 2025-12-31]
        Time on a team, of the time that their rounds took. DPM is by that of the rounds.
        ⏱️ Time: **di** 49.2m of 55.9m · 💀 9.3m dead (18.9%) · ⏳ 8m denied · 168 DPM
        **bo\_b** 49.2m of 55.9m · 💀 9.9m dead (20.1%) · ⏳ 7m denied · 157 DPM
        **^cyd** 49.2m of 55.9m · 💀 11.1m dead (22.6%) · ⏳ 8m denied · 171 DPM
        **fay** 49.2m of 55.9m · 💀 8.7m dead (17.7%) · ⏳ 6m denied · 162 DPM
        **ada\*** 49.2m of 55.9m · 💀 8.7m dead (17.7%) · ⏳ 7m denied · 160 DPM
        **eve \`x\`** 49.2m of 55.9m · 💀 10.5m dead (21.3%) · ⏳ 6m denied · 165 DPM

        [📊 Graphs: 2025-12-31]
        📈 Damage, and damage per minute: 🅰️ **^cyd** 9,570 damage · 171 DPM
        🅱️ **di** 9,390 damage · 168 DPM
        🅱️ **eve \`x\`** 9,210 damage · 165 DPM
        🅱️ **fay** 9,030 damage · 162 DPM
        🅰️ **ada\*** 8,940 damage · 160 DPM
        🅰️ **bo\_b** 8,760 damage · 157 DPM
        ");
        insta::assert_snapshot!(asks(town, "session", json!({ "date": "2025-12-24" })).await, @"Nothing was played on 2025-12-24.");
        insta::assert_snapshot!(asks(town, "session", json!({ "date": "once" })).await, @"Write the day as 2025-10-14, today or yesterday; or choose from the list.");
        asks(town, "session", json!({ "date": "yesterday", "view": "graphs" })).await;
        insta::assert_snapshot!(picture(town, "ops"), @"session.png: Damage and damage per minute. ^cyd (Team A): 9570 damage, 171 DPM; di (Team B): 9390 damag");
        insta::assert_snapshot!(offered(town, "stats session", "date", "2025").await, @"2025-12-31 · 3 maps · 3–3 · 6 players");
    })
    .await;
}

#[tokio::test]
async fn matchups_records_and_awards() {
    run(async |town| {
        let met = asks(town, "matchup", json!({ "team": "ada*, bo_b", "against": "di" })).await;
        insta::assert_snapshot!(met, @r"
        [⚔️ ada\*, bo\_b against di]
        **Maps:** 2 won, 2 lost, 2 even
        **Rounds:** 12 played, 4 won
        🏅 Ratings: **ada\*** **1448** ± 463 (still open)
        **bo\_b** **1448** ± 463 (still open)
        **di** **1552** ± 463 (still open)
        📜 Last rounds: <+-49080s> **etl\_ice** R2 · lost as Allies
        <+-49800s> **etl\_ice** R1 · lost as Axis
        <+-50880s> **te\_escape2** R2 · lost as Allies
        <+-51600s> **te\_escape2** R1 · won as Axis
        <+-52680s> **supply** R2 · won as Allies
        <+-53400s> **supply** R1 · lost as Axis
        <+-135480s> **etl\_ice** R2 · lost as Allies
        <+-136200s> **etl\_ice** R1 · lost as Axis
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "matchup", json!({ "team": "ada*", "against": "ada*" })).await, @"Nobody can be in both teams: name different players.");
        insta::assert_snapshot!(offered(town, "stats matchup", "team", "ada*, f").await, @"ada*, fay");
        insta::assert_snapshot!(asks(town, "records", none()).await, @r"
        [🏅 Records]
        In one round: 🔫 Most kills: **14** by **^cyd** · supply R1, 2025-12-31
        ⚔️ Most damage: **2,000** by **di** · te\_escape2 R1, 2025-12-31
        🔥 Longest killing spree: **7** by **eve \`x\`** · supply R1, 2025-12-31
        💉 Most revives: **5** by **fay** · supply R1, 2025-12-31
        🦴 Most gibs: **5** by **^cyd** · supply R1, 2025-12-31
        ⏳ Most playtime denied: **1:39** by **di** · etl\_ice R1, 2025-12-31
        🤝 Most assists: **4** by **ada\*** · supply R1, 2025-12-31
        ⭐ Most XP: **69** by **di** · te\_escape2 R2, 2025-12-31
        💀 Most deaths: **10** by **fay** · supply R1, 2025-12-31
        ⏱️ Fastest attacks: **etl\_ice** 7:10 R1, 2025-12-31 · di, eve \`x\`, fay
        **supply** 8:21 R2, 2025-12-31 · ^cyd, ada\*, bo\_b
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "awards", none()).await, @r"
        [🏆 Awards]
        Most often: **2×** Farthest riflenade kill: **eve \`x\`**
        **2×** Full respawn king: **fay**
        **2×** Most cakes eaten: **ada\***
        **2×** Most damage given: **ada\***
        **2×** Most kills per minute: **bo\_b**
        **2×** Quickest multikill w/ light weapons: **di**
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "awards", json!({ "player": "di" })).await, @r"
        [🏆 Awards of di]
        Most often: **2×** Quickest multikill w/ light weapons
        ⚔️ Met most often: 🟥 4–8 **ada\***
        -- ET:Legacy
        ");
    })
    .await;
}

#[tokio::test]
async fn a_member_says_who_they_are_and_confirms_it() {
    run(async |town| {
        insta::assert_snapshot!(asks(town, "link", json!({ "player": "ada*" })).await, @r"
        <@member>, are you **ada\*** (`1A2B3C01`, 12 rounds)? Then statistics know you by that.
        (Yes, that is me) (No)
        ");
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
        insta::assert_snapshot!(asks(town, "name", json!({ "name": "Ada Lovelace" })).await, @r"
        []
        ✅ **ada\*** is called **Ada Lovelace** from now on.
        ");
        insta::assert_snapshot!(asks(town, "name", json!({ "name": "Bad", "player": "di" })).await, @"That is somebody else's name. Those who manage the server may change it.");
        insta::assert_snapshot!(asks(town, "alias", none()).await, @r"
        [🎭 Names of Ada Lovelace]
        Linked with <@member>
        GUID `1A2B3C01`
        Played as: **ada\*** 12 rounds, last <+-49080s>
        -- ET:Legacy
        ");
        insta::assert_snapshot!(asks(town, "find", json!({ "name": "love" })).await, @"
        [🔎 Players like love]
        Found: **Ada Lovelace** `1A2B3C01` · 12 rounds
        -- ET:Legacy
        ");
        assert!(asks(town, "player", none()).await.starts_with("[📈 Ada Lovelace]"));
        insta::assert_snapshot!(asks(town, "unlink", none()).await, @"
        []
        ✅ **Ada Lovelace** is linked with nobody any more. A name that the member chose is gone with it.
        ");
        insta::assert_snapshot!(asks(town, "unlink", json!({ "player": "ada*" })).await, @"Only members with Manage Server may do that for others. Without the option it is about you.");
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
        insta::assert_snapshot!(refused, @"Only members with Manage Server may do that for others. Without the option it is about you.");
        let asked = town.asks("admin", "stats link", json!({ "player": "di", "member": "member" })).await;
        insta::assert_snapshot!(asked, @"
        <@member>, are you **di** (`1A2B3C04`, 12 rounds)? Then statistics know you by that.
        (Yes, that is me) (No)
        ");
        insta::assert_snapshot!(told(&town.press("approver", "ops", "Yes, that is me").await), @"Only the member who is asked can answer.");
        town.press("member", "ops", "Yes, that is me").await;
        insta::assert_snapshot!(names(town, &town.see("ops")), @"✅ <@member> is **di** from now on. /stats player shows the career.");
        insta::assert_snapshot!(town.asks("admin", "stats name", json!({ "name": "Eve!", "player": "1A2B3C05" })).await, @r"
        []
        ✅ **eve \`x\`** is called **Eve!** from now on.
        ");
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
        assert_eq!(town.see("ops").matches("cannot be read").count(), 1, "the admins are told");
        insta::assert_snapshot!(town.asks("member", "stats import status", none()).await, @"You need the Manage Server permission for this.");
        insta::assert_snapshot!(town.asks("admin", "stats import status", none()).await, @"
        [📥 Import]
        Files: 15 files (12 KiB)
        0 wait · 1 in quarantine · 0 replaced by a corrected one
        Rounds: 12 rounds, 12 of them count
        0 second rounds wait for their first
        Newest: `2026-01-01-230000-supply-round-1.txt` <+0s>
        -- ET:Legacy
        ");
        let outcome = town.command("admin", "stats import quarantine", none()).await;
        insta::assert_snapshot!(names(town, &show(&outcome["message"])), @"
        [🧪 Quarantine]
        Kept, and not read: `1.` `2026-01-01-230000-supply-round-1.txt`
        line 1, column 21: expected eight or nine fields between backslashes, and there are 3, found the end of the line
        189 bytes by upload <+0s>
        -- ET:Legacy
        (Read 1 again)
        ");
        let id = outcome["message"]["id"].as_str().unwrap().to_owned();
        let retry = outcome["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(told(&town.press_id("admin", &id, &retry).await), @"It still cannot be read: line 1, column 21: expected eight or nine fields between backslashes, and there are 3, found the end of the line");
        insta::assert_snapshot!(town.asks("admin", "stats import reparse", none()).await, @"
        [♻️ Reparse: what would change]
        15 files, 12 rounds looked at. Nothing would change.
        -- ET:Legacy
        ");
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
            assert!(
                ["Nothing", "Nobody", "No rounds", "No such", "No awards"].iter().any(|word| told.contains(word)),
                "{command}: {told}"
            );
        }
    })
    .await;
}
