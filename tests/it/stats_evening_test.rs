//! A whole evening, from the files that the game server writes to what people read in Discord.
//!
//! The genuine evening is played again as it was, each file at its time; what it says is asserted without any of it being
//! written here. With `EVENING` set to a file all of it is written there, to be looked at.

use std::collections::BTreeMap;
use std::fs;

use chrono::{NaiveDateTime, TimeDelta, TimeZone as _};
use chrono_tz::Europe::Berlin;
use serde_json::Value;
use signalbox::routing::embed::escape;

use crate::support::corpus;
use crate::support::evening::{File, awards_of, evening};
use crate::support::game_server::{by_directory, by_upload, write};
use crate::support::machines::names;
use crate::support::program::Directory;
use crate::support::town::{Town, run_with, show, start};

/// The day on which every test begins, by the game server's clock.
const TODAY: &str = "2026-01-02";
const GENUINE: &str = "2025-10-14";

/// The server writes its files, each when its round is over, and the bot has twelve seconds for each.
async fn plays(town: &Town, directory: &Directory, files: &[File]) {
    for file in files {
        let ended = NaiveDateTime::parse_from_str(&file.name[..17], "%Y-%m-%d-%H%M%S").unwrap();
        let ended = Berlin.from_local_datetime(&ended).unwrap().to_utc();
        if ended > town.clock.now() {
            town.advance(ended - town.clock.now()).await;
        }
        write(directory, file);
        for _ in 0..4 {
            town.advance(TimeDelta::seconds(3)).await;
        }
    }
}

/// What a file says, read apart from the program: map, number, and whether the attackers got there.
fn header(file: &File) -> (String, u8, bool) {
    let fields: Vec<&str> = file.text.lines().next().unwrap().split('\\').collect();
    (fields[1].to_owned(), fields[3].parse().unwrap(), fields[4] != fields[5])
}

fn title(message: &Value) -> &str {
    message["embeds"][0]["title"].as_str().unwrap()
}

fn description(message: &Value) -> &str {
    message["embeds"][0]["description"].as_str().unwrap_or_default()
}

/// `Team A` or `Team B`, whoever attacked in a round by a map's card.
fn attacker(card: &Value, round: u8) -> char {
    let line = description(card).lines().find(|line| line.contains(&format!("Round {round}:"))).unwrap().to_owned();
    if line.contains("Team A attacked") { 'A' } else { 'B' }
}

/// Points of the teams by a map's card.
fn points(card: &Value) -> (u32, u32) {
    let verdict = description(card).lines().next().unwrap();
    match verdict {
        _ if verdict.contains("Team A wins the map 2–0") => (2, 0),
        _ if verdict.contains("Team B wins the map 2–0") => (0, 2),
        _ if verdict.contains("Both held: 1–1") => (1, 1),
        _ => panic!("{verdict}"),
    }
}

#[tokio::test]
async fn the_genuine_evening_as_people_saw_it() {
    let Some(corpus) = corpus::path("etlegacy/stats") else { return };
    let mut files: Vec<File> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(GENUINE))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().replace(GENUINE, TODAY);
            File { name, text: fs::read_to_string(path).unwrap() }
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(files.len(), 24);
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        plays(town, &directory, &files).await;
        let cards = town.messages("matches");
        assert_eq!(cards.len(), 24 + 12, "{:#?}", cards.iter().map(title).collect::<Vec<_>>());
        town.advance(TimeDelta::minutes(61)).await;
        let cards = town.messages("matches");
        if let Ok(path) = std::env::var("EVENING") {
            fs::write(path, town.see("matches")).unwrap();
        }
        // Every round has its card, once, with its map and number, where it is played.
        for file in &files {
            let (map, number, _) = header(file);
            let of = |card: &&Value| {
                card["embeds"][0]["footer"]["text"].as_str().unwrap().contains(&format!("ET:Legacy · {} ·", file.name))
            };
            let found: Vec<&Value> = cards.iter().filter(of).collect();
            assert_eq!(found.len(), 1, "{}", file.name);
            assert_eq!(title(found[0]), format!("🎮 Round {number} Complete - {}", escape(&map)));
            assert!(!description(found[0]).contains("Does not count"), "{}", show(found[0]));
        }
        // So has every map, in their order, and its points follow from who got there.
        let maps: Vec<&Value> = cards.iter().filter(|card| title(card).ends_with("Map Complete!")).collect();
        assert_eq!(maps.len(), 12);
        for (pair, card) in files.chunks(2).zip(&maps) {
            let ((map, _, first), (_, _, second)) = (header(&pair[0]), header(&pair[1]));
            assert_eq!(title(card), format!("🗺️ {} - Map Complete!", escape(&map.to_uppercase())));
            assert_ne!(attacker(card, 1), attacker(card, 2), "sides change");
            // Who gets there in the second round has been faster: that is when it ends.
            let won = match (first, second) {
                (_, true) => Some(attacker(card, 2)),
                (true, false) => Some(attacker(card, 1)),
                (false, false) => None,
            };
            let expected = won.map_or((1, 1), |team| if team == 'A' { (2, 0) } else { (0, 2) });
            assert_eq!(points(card), expected, "{}", show(card));
        }
        // And there is one session, with the sum of it.
        let sessions: Vec<&Value> = cards.iter().filter(|card| title(card).contains("Session")).collect();
        assert_eq!(sessions.len(), 1);
        assert_eq!(cards.len(), 24 + 12 + 1);
        assert_eq!(title(sessions[0]), format!("📊 Session Summary: {TODAY}"));
        let sum = maps.iter().map(|card| points(card)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert_eq!(sum.0 + sum.1, 24);
        let told = show(sessions[0]);
        assert!(told.contains(&format!("Team A **{}–{}** Team B", sum.0, sum.1)), "{sum:?}: {told}");
        assert!(told.contains("12 maps · 24 rounds"), "{told}");
        assert!(told.contains("Weapon Mastery") && told.contains("MVP"), "it is whole: {told}");
        assert!(cards.iter().all(|card| !description(card).contains("Corrected")));
        // A name is a name on every card, without colour codes.
        assert!(cards.iter().all(|card| !show(card).contains("(no name)")));
    })
    .await;
}

/// With more damage for a player, in both rounds of the map.
fn stronger(file: &File, guid: &str, by: u32) -> File {
    let line = |line: &str| {
        let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if line.starts_with(guid) {
            fields[1] = (fields[1].parse::<u32>().unwrap() + by).to_string();
        }
        fields.join("\t")
    };
    File { text: file.text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n", ..file.clone() }
}

#[tokio::test]
async fn firsts_bests_and_records_in_the_summary() {
    run_with(by_upload(), async |town| {
        // What was played on other days is silent, and known.
        for day in ["2025-12-27", "2025-12-28", "2025-12-29"] {
            for file in evening(day) {
                town.only_upload(&file).await;
            }
        }
        town.settle().await;
        let mut files = evening("2026-01-01");
        files[0].text = files[0].text.replacen("\\12:00\\9:13", "\\12:00\\7:50", 1);
        files[1].text = files[1].text.replacen("\\9:13\\8:21", "\\7:50\\7:41", 1);
        for (at, by) in [(0, 3000), (1, 3000)] {
            files[at] = stronger(&files[at], "1A2B3C01", by);
        }
        for file in &mut files {
            file.text = file.text.replace("1A2B3C06\\^zfay", "9A2B3C06\\^zgus");
            town.upload(file).await;
        }
        for _ in 0..5 {
            town.advance(TimeDelta::minutes(1)).await;
        }
        let told = show(town.messages("matches").last().unwrap());
        let from = told.find("🏅 Firsts and Records").unwrap();
        insta::assert_snapshot!(told[from..told.find("🎖️ Session Awards").unwrap()].trim_end(), @r"
        🏅 Firsts and Records: 🏅 Record on **supply**: fastest attack **7:41** (before 8:21) by bo\_b, ^cyd, ada\*, damage **4,190** (before 1,910) by ada\*
        📈 Personal best of **ada\***: damage **4,190** (before 2,000)
        👋 First rounds here: **gus**
        ");
    })
    .await;
}

#[tokio::test]
async fn buttons_of_the_summary_answer_who_pressed_alone() {
    run_with(by_upload(), async |town| {
        for file in evening("2026-01-01") {
            town.upload(&file).await;
        }
        for _ in 0..5 {
            town.advance(TimeDelta::minutes(1)).await;
        }
        let before = town.messages("matches").len();
        let mut told = Vec::new();
        for label in ["Top", "Teams", "Weapons", "Awards", "Graphs"] {
            let outcome = town.press("member", "matches", label).await;
            let message = &outcome["message"];
            assert_eq!(message["flags"].as_u64().unwrap() & 64, 64, "{label} is for the presser alone: {outcome:#}");
            let shown = show(message);
            assert!(shown.starts_with(&format!("[📊 {label}: 2026-01-01]")), "{shown}");
            told.push(outcome);
        }
        assert_eq!(town.messages("matches").len(), before, "nobody else sees anything");
        let graph = &told[4]["message"]["attachments"][0];
        assert_eq!(graph["filename"], "session.png");
        let words = graph["description"].as_str().unwrap();
        assert!(words.starts_with("Damage and damage per minute. ^cyd (Team A): 9570 damage, 171 DPM;"), "{words}");
        // From there to every other view, in the same message.
        let (id, rows) = (told[0]["message"]["id"].as_str().unwrap(), told[0]["message"]["components"].clone());
        let buttons = rows.as_array().unwrap().iter().flat_map(|row| row["components"].as_array().unwrap().clone());
        let combat = buttons.clone().find(|button| button["label"] == "Combat").unwrap();
        assert_eq!(buttons.count(), 12);
        let outcome = town.press_id("member", id, combat["custom_id"].as_str().unwrap()).await;
        let shown = show(&outcome["message"]);
        assert!(shown.starts_with("[📊 Combat: 2026-01-01]"), "{outcome:#}");
    })
    .await;
}

#[tokio::test]
async fn an_evening_of_ours_as_people_see_it() {
    let (directory, setup) = by_directory();
    run_with(setup, async |town| {
        let mut files = evening(TODAY);
        let awards = awards_of(&files[1]);
        files.insert(2, awards);
        plays(town, &directory, &files).await;
        town.advance(TimeDelta::minutes(61)).await;
        assert_eq!(start().date_naive().to_string(), TODAY);
        let cards = town.messages("matches");
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for card in &cards {
            *kinds.entry(title(card).split(' ').next().unwrap()).or_default() += 1;
        }
        assert_eq!(kinds, [("🎮", 6), ("🗺️", 3), ("🏆", 1), ("📊", 1)].into());
        let seen = |what: &str, nth: usize| {
            let found = cards.iter().filter(|card| title(card).starts_with(what)).nth(nth).unwrap();
            names(town, &show(found))
        };
        insta::assert_snapshot!(seen("🎮", 1), @r"
        [🎮 Round 2 Complete - supply]
        ⏱️ **Time:** 8:21 / 9:13
        🏆 **Winner:** Allies (Completed)
        🧭 **Score Confidence:** ✅ verified: header and time agree
        🏁 **Stopwatch State:** TIME SET · faster by 0:52
        ⚔️ Axis · defended: 🥉 **fay** `13/9/1 (1.44)` 218 DPM 1.8K⬆/1.1K⬇ ACC 33.2% (all 33.6%) 3 HS Rev 4↑/0↓
        ⠀ TmDmg 60 ⏱8.2m 💀1.7m(20%) ⏳98s(19%) 🔥 1x2
        5️⃣ **di** `8/7/5 (1.14)` 186 DPM 1.6K⬆/1.4K⬇ ACC 33.3% (all 33.8%) 2 HS Rev 2↑/2↓
        ⠀ TmDmg 80 ⏱8.2m 💀1.3m(15%) ⏳84s(17%) 🔥 2x2
        6️⃣ **eve \`x\`** `6/8/0 (0.75)` 143 DPM 1.2K⬆/1.2K⬇ ACC 33.0% (all 33.5%) 1 HS Rev 3↑/1↓
        ⠀ TmDmg 20 ⏱8.2m 💀2.0m(24%) ⏳91s(18%)
        🛡️ Allies · attacked: 🥇 **bo\_b** `12/5/3 (2.40)` 153 DPM 1.3K⬆/1.0K⬇ ACC 33.0% (all 33.5%) 3 HS Rev 0↑/0↓
        ⠀ TmDmg 0 ⏱8.2m 💀1.9m(23%) ⏳70s(14%)
        🥈 **^cyd** `10/6/4 (1.67)` 229 DPM 1.9K⬆/1.5K⬇ ACC 33.2% (all 33.7%) 2 HS Rev 1↑/3↓
        ⠀ TmDmg 40 ⏱8.2m 💀1.6m(19%) ⏳77s(15%) 🔥 1x2
        4️⃣ **ada\*** `14/10/2 (1.40)` 196 DPM 1.6K⬆/1.1K⬇ ACC 33.3% (all 33.9%) 4 HS Rev 5↑/1↓
        ⠀ TmDmg 60 ⏱8.2m 💀1.2m(14%) ⏳63s(12%) 🔥 2x2
        📊 Round Summary: **Total:** 6 players · 63 kills · 45 deaths · 9.4K damage · 15 HS · 15 revives · 15 gibs
        **Average:** 10.5 kills · 7.5 deaths · 187 DPM · ACC 33.2%
        -- ET:Legacy · 2026-01-02-202200-supply-round-2.txt
        ");
        insta::assert_snapshot!(seen("🗺️", 0), @r"
        [🗺️ SUPPLY - Map Complete!]
        🏆 **Team A wins the map 2–0**
        **Round 1:** 9:13 / 12:00 · Completed · Team B attacked
        **Round 2:** 8:21 / 9:13 · Completed · Team A attacked
        **Session so far:** Team A **2–0** Team B
        📋 Overview: 2 rounds · 6 players · 123 kills · 90 deaths · K/D 1.37
        18.1K damage · 29 headshots · ACC 33.7% (all weapons 34.1%)
        🏆 Top 5 · side in round 1: 🥇 **^cyd** [AXIS] `24/13/9 (1.85)` 192 DPM 3.4K⬆/2.6K⬇ ACC 33.7% 6 HS Rev 3↑
        🥈 **bo\_b** [AXIS] `19/11/7 (1.73)` 176 DPM 3.1K⬆/2.3K⬇ ACC 33.5% 4 HS Rev 1↑
        🥉 **ada\*** [AXIS] `23/15/5 (1.53)` 161 DPM 2.8K⬆/2.6K⬇ ACC 33.9% 6 HS Rev 5↑
        4️⃣ **di** [ALLIES] `20/15/5 (1.33)` 151 DPM 2.6K⬆/2.4K⬇ ACC 33.8% 5 HS Rev 5↑
        5️⃣ **fay** [ALLIES] `21/19/3 (1.11)` 182 DPM 3.2K⬆/2.4K⬇ ACC 33.6% 5 HS Rev 9↑
        🅰️ Team A: ^cyd, bo\_b, ada\*
        🅱️ Team B: di, fay, eve \`x\`
        🏅 Records of the Map: 🗺️ Never played here before: **supply**
        -- ET:Legacy · 2026-01-02-201000
        ");
        insta::assert_snapshot!(seen("🏆", 0), @r"
        [🏆 Map Awards (Cumulative) - supply]
        ⚔️ Combat: Most damage given: **ada\*** 3110
        Most kills per minute: **bo\_b** 1.62
        🎯 Skills: Quickest multikill w/ light w…: **di** 3 kills in 2.45s
        Farthest riflenade kill: **eve \`x\`** 31.20 m
        Highest light weapons accuracy: **cyd** 38.46 percent
        ⏱️ Timing: Full respawn king: **fay** 12 seconds
        📎 Other: Most cakes eaten: **ada\*** 2
        ⚔️ Who Killed Whom (both rounds): **ada\*** 4–2 **di**
        **ada\*** 1–0 **eve \`x\`**
        -- ET:Legacy · 2026-01-02-202200-supply-round-2.txt
        ");
        insta::assert_snapshot!(seen("📊", 0), @r"
        [📊 Session Summary: 2026-01-02]
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
        🏅 Firsts and Records: 🗺️ Never played here before: **supply**, **te\_escape2**, **etl\_ice**
        👋 First rounds here: **^cyd**, **ada\***, **di**, **bo\_b**, **eve \`x\`**, **fay**
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
        -- ET:Legacy · session 2026-01-02-201000
        (Top) (Teams) (Weapons) (Awards) (Graphs)
        ");
    })
    .await;
}
