//! What people see of a round, a map, awards and a session; and how a correction is told.

use chrono_tz::Europe::Berlin;
use proptest::prelude::*;
use serde_json::Value;
use signalbox::event::{Event, Severity};
use signalbox::id::GuildId;
use signalbox::matches::record::{Record, Round, record};
use signalbox::matches::report::{self, Context, History, Told, correction};
use signalbox::routing::embed::{Embed, FIELD_VALUE, MessageBody, TOTAL};
use signalbox::routing::etlegacy;
use signalbox::routing::subject::SubjectState;
use signalbox::source::etlegacy::file_name::{FileName, parse};
use signalbox::source::etlegacy::{awards, stats_file};
use uuid::Uuid;

use crate::support::corpus;
use crate::support::evening::{File, awards_of, evening};
use crate::support::stats_files::{self, Written};

fn read(file: &File) -> Round {
    let Ok(FileName::Round(told)) = parse(&file.name) else { panic!("{}", file.name) };
    let read = stats_file::parse(file.text.as_bytes()).unwrap().into_owned();
    let (name, stem, at) = (file.name.clone(), told.stem.to_owned(), told.instant(Berlin, None));
    Round { name, stem, at, surrendered: None, file: read }
}

fn recorded(files: &[File]) -> Record {
    record(files.iter().map(read).collect())
}

fn event<T: Told>(report: &T, corrected: Vec<String>, second: u32) -> Event {
    let at = "2026-01-10T20:00:00Z".parse().unwrap();
    Event {
        id: Uuid::from_u128(second.into()),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: T::KIND.to_owned(),
        subject: Some(report::subject::<T>(&report.key())),
        occurred_at: at,
        received_at: at + chrono::TimeDelta::seconds(second.into()),
        severity: Severity::Info,
        dedup_key: String::new(),
        data: report::data(report, corrected).unwrap(),
    }
}

fn card(events: &[Event]) -> MessageBody {
    let mut state = SubjectState::default();
    events.iter().for_each(|event| state.apply(event));
    let body = etlegacy::card(&state);
    assert!(body.embeds.iter().map(Embed::len).sum::<usize>() + 100 <= TOTAL);
    let fields = &body.embeds[0].fields;
    assert!(fields.len() <= 25 && fields.iter().all(|field| field.value.chars().count() <= FIELD_VALUE));
    body
}

fn shown(body: &MessageBody) -> String {
    let embed = &body.embeds[0];
    let mut lines = vec![format!("{} #{:06X}", embed.title, embed.color), embed.description.clone()];
    lines.extend(embed.fields.iter().map(|field| format!("[{}]\n{}", field.name, field.value)));
    lines.push(embed.footer.text.clone());
    lines.extend(body.buttons.iter().map(|button| format!("({})", button.label)));
    lines.join("\n")
}

fn of<T: Told>(report: &T) -> String {
    shown(&card(&[event(report, Vec::new(), 1)]))
}

#[test]
fn a_round_and_its_second() {
    let record = recorded(&evening("2026-01-10"));
    let context = Context::default();
    insta::assert_snapshot!(of(&report::round(&record, 0, &context)), @r"
    🎮 Round 1 Complete - supply #3498DB
    ⏱️ **Time:** 9:13 / 12:00
    🏆 **Winner:** Allies (Completed)
    🧭 **Score Confidence:** ✅ verified: header and time agree
    🏁 **Stopwatch State:** TIME SET · 9:13 to beat
    [⚔️ Axis · defended]
    🥇 **^cyd** `14/7/5 (2.00)` 158 DPM 1.5K⬆/1.1K⬇ ACC 34.2% (all 34.6%) 4 HS Rev 2↑/2↓
    ⠀ TmDmg 40 ⏱8.2m 💀2.1m(25%) ⏳72s(14%) 🔥 2x2
    🥈 **ada\*** `9/5/3 (1.80)` 129 DPM 1.2K⬆/1.4K⬇ ACC 34.4% (all 34.9%) 2 HS Rev 0↑/0↓
    ⠀ TmDmg 60 ⏱8.2m 💀1.7m(20%) ⏳58s(11%)
    4️⃣ **bo\_b** `7/6/4 (1.17)` 197 DPM 1.8K⬆/1.3K⬇ ACC 34.0% (all 34.5%) 1 HS Rev 1↑/3↓
    ⠀ TmDmg 0 ⏱8.2m 💀1.4m(17%) ⏳65s(13%) 🔥 1x2
    [🛡️ Allies · attacked]
    🥉 **di** `12/8/0 (1.50)` 119 DPM 1.1K⬆/1.0K⬇ ACC 34.3% (all 34.7%) 3 HS Rev 3↑/1↓
    ⠀ TmDmg 80 ⏱8.2m 💀1.8m(21%) ⏳79s(16%)
    5️⃣ **eve \`x\`** `10/9/1 (1.11)` 188 DPM 1.7K⬆/1.5K⬇ ACC 33.9% (all 34.3%) 2 HS Rev 4↑/0↓
    ⠀ TmDmg 20 ⏱8.2m 💀1.5m(18%) ⏳86s(17%) 🔥 1x2
    6️⃣ **fay** `8/10/2 (0.80)` 149 DPM 1.4K⬆/1.4K⬇ ACC 34.0% (all 34.4%) 2 HS Rev 5↑/3↓
    ⠀ TmDmg 60 ⏱8.2m 💀1.2m(14%) ⏳93s(18%) 🔥 2x2
    [📊 Round Summary]
    **Total:** 6 players · 60 kills · 45 deaths · 8.7K damage · 14 HS · 15 revives · 15 gibs
    **Average:** 10.0 kills · 7.5 deaths · 157 DPM · ACC 34.1%
    [🏅 Firsts and Records]
    🗺️ Never played here before: **supply**
    👋 First rounds here: **^cyd**, **ada\***, **di**, **bo\_b**, **eve \`x\`**, **fay**
    ET:Legacy · 2026-01-10-201000-supply-round-1.txt
    ");
    insta::assert_snapshot!(of(&report::round(&record, 1, &context)), @r"
    🎮 Round 2 Complete - supply #E74C3C
    ⏱️ **Time:** 8:21 / 9:13
    🏆 **Winner:** Allies (Completed)
    🧭 **Score Confidence:** ✅ verified: header and time agree
    🏁 **Stopwatch State:** TIME SET · faster by 0:52
    [⚔️ Axis · defended]
    🥉 **fay** `13/9/1 (1.44)` 218 DPM 1.8K⬆/1.1K⬇ ACC 33.2% (all 33.6%) 3 HS Rev 4↑/0↓
    ⠀ TmDmg 60 ⏱8.2m 💀1.7m(20%) ⏳98s(19%) 🔥 1x2
    5️⃣ **di** `8/7/5 (1.14)` 186 DPM 1.6K⬆/1.4K⬇ ACC 33.3% (all 33.8%) 2 HS Rev 2↑/2↓
    ⠀ TmDmg 80 ⏱8.2m 💀1.3m(15%) ⏳84s(17%) 🔥 2x2
    6️⃣ **eve \`x\`** `6/8/0 (0.75)` 143 DPM 1.2K⬆/1.2K⬇ ACC 33.0% (all 33.5%) 1 HS Rev 3↑/1↓
    ⠀ TmDmg 20 ⏱8.2m 💀2.0m(24%) ⏳91s(18%)
    [🛡️ Allies · attacked]
    🥇 **bo\_b** `12/5/3 (2.40)` 153 DPM 1.3K⬆/1.0K⬇ ACC 33.0% (all 33.5%) 3 HS Rev 0↑/0↓
    ⠀ TmDmg 0 ⏱8.2m 💀1.9m(23%) ⏳70s(14%)
    🥈 **^cyd** `10/6/4 (1.67)` 229 DPM 1.9K⬆/1.5K⬇ ACC 33.2% (all 33.7%) 2 HS Rev 1↑/3↓
    ⠀ TmDmg 40 ⏱8.2m 💀1.6m(19%) ⏳77s(15%) 🔥 1x2
    4️⃣ **ada\*** `14/10/2 (1.40)` 196 DPM 1.6K⬆/1.1K⬇ ACC 33.3% (all 33.9%) 4 HS Rev 5↑/1↓
    ⠀ TmDmg 60 ⏱8.2m 💀1.2m(14%) ⏳63s(12%) 🔥 2x2
    [📊 Round Summary]
    **Total:** 6 players · 63 kills · 45 deaths · 9.4K damage · 15 HS · 15 revives · 15 gibs
    **Average:** 10.5 kills · 7.5 deaths · 187 DPM · ACC 33.2%
    ET:Legacy · 2026-01-10-202200-supply-round-2.txt
    ");
}

#[test]
fn a_map() {
    let record = recorded(&evening("2026-01-10"));
    let report = report::map(&record, 0, 2, &Context::default()).unwrap();
    insta::assert_snapshot!(of(&report), @r"
    🗺️ ETL\_ICE - Map Complete! #F1C40F
    🏆 **Team B wins the map 2–0**
    **Round 1:** 7:10 / 12:00 · Completed · Team B attacked
    **Round 2:** 7:10 / 7:10 · Full hold · Team A attacked
    **Session so far:** Team A **3–3** Team B
    [📋 Overview]
    2 rounds · 6 players · 120 kills · 90 deaths · K/D 1.33
    18.9K damage · 28 headshots · ACC 34.9% (all weapons 35.3%)
    [🏆 Top 5 · side in round 1]
    🥇 **bo\_b** [AXIS] `23/15/5 (1.53)` 191 DPM 2.7K⬆/2.6K⬇ ACC 34.8% 6 HS Rev 5↑
    🥈 **ada\*** [AXIS] `18/13/9 (1.38)` 241 DPM 3.5K⬆/2.8K⬇ ACC 35.3% 4 HS Rev 3↑
    🥉 **eve \`x\`** [ALLIES] `20/15/5 (1.33)` 248 DPM 3.5K⬆/2.4K⬇ ACC 34.6% 5 HS Rev 5↑
    4️⃣ **fay** [ALLIES] `16/11/7 (1.45)` 197 DPM 2.8K⬆/2.7K⬇ ACC 34.7% 3 HS Rev 1↑
    5️⃣ **di** [ALLIES] `24/19/3 (1.26)` 229 DPM 3.3K⬆/2.6K⬇ ACC 35.0% 6 HS Rev 9↑
    [🅰️ Team A]
    bo\_b, ada\*, ^cyd
    [🅱️ Team B]
    eve \`x\`, fay, di
    [🏅 Records of the Map]
    🗺️ Never played here before: **etl\_ice**
    ET:Legacy · 2026-01-10-211000
    ");
}

/// With the team of a player changed: 1 Axis, 2 Allies, 3 spectator; none: without them.
fn played_for(file: &File, guid: &str, team: Option<u8>) -> File {
    let line = |line: &str| {
        let mut fields: Vec<String> = line.splitn(5, '\\').map(str::to_owned).collect();
        if fields[0] != guid {
            return Some(line.to_owned());
        }
        fields[3] = team?.to_string();
        Some(fields.join("\\"))
    };
    File { text: file.text.lines().filter_map(line).collect::<Vec<_>>().join("\n") + "\n", ..file.clone() }
}

#[test]
fn sides_and_who_changed_them() {
    let mut files = evening("2026-01-10")[..2].to_vec();
    // ada stays where she was while her team goes to the other side; fay comes in round 2; eve is nobody's.
    files[1] = played_for(&files[1], "1A2B3C01", Some(1));
    files[0] = played_for(&files[0], "1A2B3C06", None);
    files[0] = played_for(&files[0], "1A2B3C05", Some(3));
    files[1] = played_for(&files[1], "1A2B3C05", Some(3));
    // Of whom there are five.
    files = files.iter().map(|file| played_for(file, "1A2B3C04", None)).collect();
    let report = report::map(&recorded(&files), 0, 0, &Context::default()).unwrap();
    let shown = of(&report);
    let mark = |name: &str| {
        let line = shown.lines().find(|line| line.contains(&format!("**{name}** ["))).unwrap_or_default();
        line.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(mark, _)| mark.to_owned())
    };
    let marks = ["^cyd", r"bo\_b", r"ada\*", "fay", r"eve \`x\`"].map(mark);
    let marks: Vec<&str> = marks.iter().map(|mark| mark.as_deref().unwrap_or("-")).collect();
    insta::assert_snapshot!(marks.join(" "), @"AXIS AXIS MIXED ALLIES UNK");
}

#[test]
fn teams_of_a_pool_keep_their_names() {
    let files = evening("2026-01-10");
    let team_names: Vec<String> = ["Vikings", "Slackers_", "Puran"].map(str::to_owned).into();
    let context = Context { team_names, ..Context::default() };
    let (whole, late) = (recorded(&files), recorded(&files[2..]));
    let session = report::session(&whole, 0, &context, true);
    assert_eq!(session.called, report::session(&late, 0, &context, true).called, "whatever of it is there");
    let map = report::map(&whole, 0, 0, &context).unwrap();
    assert_eq!(session.called, map.called);
    insta::assert_snapshot!(of(&map).lines().take(5).collect::<Vec<_>>().join("\n"), @"
    🗺️ SUPPLY - Map Complete! #F1C40F
    🏆 **Puran wins the map 2–0**
    **Round 1:** 9:13 / 12:00 · Completed · Vikings attacked
    **Round 2:** 8:21 / 9:13 · Completed · Puran attacked
    **Session so far:** Puran **2–0** Vikings
    ");
    insta::assert_snapshot!(of(&session).lines().take(12).collect::<Vec<_>>().join("\n"), @r"
    📊 Session Summary: 2026-01-10 #5865F2
    🤝 **Even** · Puran **3–3** Vikings
    3 maps · 6 rounds · 6 players · 1h 21m
    [🗺️ Maps · points of Puran – Vikings, times of both attacks]
    `1.` **2–0** supply · B attacked first: 9:13 / 8:21
    `2.` **1–1** te\_escape2 · B attacked first: 12:00 held / 12:00 held
    `3.` **0–2** etl\_ice · B attacked first: 7:10 / 7:10 held
    [🅰️ Puran]
    bo\_b, ^cyd, ada\*
    ⭐ MVP **bo\_b**
    180 kills · 135 deaths · K/D 1.33
    27.3K damage · 45 revives · ACC 34.6%
    ");
}

#[test]
fn a_session_after_another() {
    let mut files = evening("2026-01-10");
    files.extend(evening("2026-01-09"));
    let record = recorded(&files);
    assert_eq!(record.sessions.len(), 2);
    let history = History::of(&record.rounds[record.sessions[0].rounds.clone()]);
    let names = [("1A2B3C01".to_owned(), "Ada Lovelace".to_owned())].into();
    let report = report::session(&record, 1, &Context { history, names, ..Context::default() }, true);
    insta::assert_snapshot!(of(&report), @r"
    📊 Session Summary: 2026-01-10 #5865F2
    🤝 **Even** · Team A **3–3** Team B
    3 maps · 6 rounds · 6 players · 1h 21m
    [🗺️ Maps · points of Team A – Team B, times of both attacks]
    `1.` **2–0** supply · B attacked first: 9:13 / 8:21
    `2.` **1–1** te\_escape2 · B attacked first: 12:00 held / 12:00 held
    `3.` **0–2** etl\_ice · B attacked first: 7:10 / 7:10 held
    [🅰️ Team A]
    bo\_b, ^cyd, Ada Lovelace
    ⭐ MVP **bo\_b**
    180 kills · 135 deaths · K/D 1.33
    27.3K damage · 45 revives · ACC 34.6%
    [🅱️ Team B]
    di, fay, eve \`x\`
    ⭐ MVP **di**
    180 kills · 135 deaths · K/D 1.33
    27.6K damage · 45 revives · ACC 34.4%
    [🏆 Players]
    🥇 **di** 🅱️ `66/45/15 (1.47)` **168** DPM 9.4K⬆/7.5K⬇ ACC 34.7% 16 HS Rev 15↑
    🥈 **bo\_b** 🅰️ `63/45/15 (1.40)` **157** DPM 8.8K⬆/7.3K⬇ ACC 34.5% 15 HS Rev 15↑
    🥉 **^cyd** 🅰️ `60/45/15 (1.33)` **171** DPM 9.6K⬆/7.7K⬇ ACC 34.6% 14 HS Rev 15↑
    4️⃣ **fay** 🅱️ `60/45/15 (1.33)` **162** DPM 9.0K⬆/7.7K⬇ ACC 34.4% 14 HS Rev 15↑
    5️⃣ **Ada Lovelace** 🅰️ `57/45/15 (1.27)` **160** DPM 8.9K⬆/8.1K⬇ ACC 34.9% 13 HS Rev 15↑
    6️⃣ **eve \`x\`** 🅱️ `54/45/15 (1.20)` **165** DPM 9.2K⬆/7.9K⬇ ACC 34.3% 12 HS Rev 15↑
    [🏅 Firsts and Records]
    🎖️ Passed 100 kills (*First Blood Century*): **Ada Lovelace**, **bo\_b**, **^cyd**, **di**, **eve \`x\`**, **fay**
    🎖️ Passed 10 rounds: **Ada Lovelace**, **bo\_b**, **^cyd**, **di**, **eve \`x\`**, **fay**
    [🎖️ Session Awards]
    🔫 Most kills: **di** 66
    💥 Highest DPM: **^cyd** 171
    ⚔️ Most damage: **^cyd** 9.6K
    🎯 Best aim (light weapons): **Ada Lovelace** 34.9%
    🧠 Most headshots: **di** 16
    💉 Most revives: **di, bo\_b, ^cyd and 3 more** 15
    🦴 Most gibs: **di, bo\_b, ^cyd and 3 more** 15
    🤝 Most assists: **fay, Ada Lovelace** 24
    ⏳ Most playtime denied: **^cyd** 8m
    🔥 Longest killing spree: **eve \`x\`** 7
    [🔫 Weapon Mastery]
    **Thompson** 162 kills · ACC 34.5% · most by **bo\_b** (33)
    **MP40** 126 kills · ACC 34.5% · most by **fay** (27)
    **Grenade** 72 kills · most by **Ada Lovelace** (12)
    ET:Legacy · session 2026-01-10-201000
    (Top)
    (Teams)
    (Weapons)
    (Awards)
    (Graphs)
    ");
}

#[test]
fn what_was_never_so_before() {
    let record = recorded(&evening("2026-01-10"));
    let mut history = History::of(&record.rounds);
    let map = history.maps.get_mut("supply").unwrap();
    (map.rounds, map.fastest, map.best.damage, map.best.kills) = (9, Some(520), 1800, 13);
    for (guid, kills) in [("1A2B3C02", 9), ("1A2B3C03", 13)] {
        history.players.get_mut(guid).unwrap().best.kills = kills;
    }
    history.players.remove("1A2B3C04");
    history.maps.remove("etl_ice");
    let context = Context { history, ..Context::default() };
    let told = report::session(&record, 0, &context, true).honours;
    insta::assert_snapshot!(etlegacy::look::honours(&told, 20).join("\n"), @r"
    🏅 Record on **supply**: kills **14** (before 13) by ^cyd, damage **1,910** (before 1,800) by ^cyd, fastest attack **8:21** (before 8:40) by bo\_b, ^cyd, ada\*
    📈 Personal best of **^cyd**: kills **14** (before 13)
    👋 First rounds here: **di**
    📈 Personal best of **bo\_b**: kills **14** (before 9)
    🗺️ Never played here before: **etl\_ice**
    🎖️ Passed 100 kills (*First Blood Century*): **ada\***, **bo\_b**, **^cyd**, **eve \`x\`**, **fay**
    🎖️ Passed 10 rounds: **ada\***, **bo\_b**, **^cyd**, **eve \`x\`**, **fay**
    ");
    assert_eq!(etlegacy::look::honours(&told, 2)[2], "… and 5 more");
}

#[test]
fn awards_and_who_killed_whom() {
    let files = evening("2026-01-10");
    let (record, file) = (recorded(&files), awards_of(&files[1]));
    let read = awards::parse(file.text.as_bytes()).unwrap();
    let report = report::awards(&record.rounds[1], &read, &Context::default());
    insta::assert_snapshot!(of(&report), @r"
    🏆 Map Awards (Cumulative) - supply #F1C40F

    [⚔️ Combat]
    Most damage given: **ada\*** 3110
    Most kills per minute: **bo\_b** 1.62
    [🎯 Skills]
    Quickest multikill w/ light w…: **di** 3 kills in 2.45s
    Farthest riflenade kill: **eve \`x\`** 31.20 m
    Highest light weapons accuracy: **cyd** 38.46 percent
    [⏱️ Timing]
    Full respawn king: **fay** 12 seconds
    [📎 Other]
    Most cakes eaten: **ada\*** 2
    [⚔️ Who Killed Whom (both rounds)]
    **ada\*** 4–2 **di**
    **ada\*** 1–0 **eve \`x\`**
    ET:Legacy · 2026-01-10-202200-supply-round-2.txt
    ");
}

#[test]
fn a_late_first_round_corrects_its_second() {
    let files = evening("2026-01-10");
    let context = Context::default();
    let orphan = report::round(&recorded(&files[1..2]), 0, &context);
    let mended = report::round(&recorded(&files[..2]), 1, &context);
    let corrected = correction::round(&orphan, &mended);
    let card = shown(&card(&[event(&orphan, Vec::new(), 1), event(&mended, corrected, 2)]));
    let before = of(&orphan);
    let lines = |text: &str| text.lines().take(7).map(str::to_owned).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(lines(&before), @"
    🎮 Round 2 Complete - supply #95A5A6
    ⏱️ **Time:** 8:21 / 9:13
    🏆 **Winner:** Allies (Completed)
    🧭 **Score Confidence:** ✅ verified: header and time agree
    🏁 **Stopwatch State:** TIME SET · faster by 0:52
    ⚠️ **Does not count:** round 1 is missing, so these numbers may hold both rounds; mended as soon as it arrives
    [⚔️ Axis · defended]
    ");
    insta::assert_snapshot!(lines(&card), @"
    🎮 Round 2 Complete - supply #E74C3C
    ⏱️ **Time:** 8:21 / 9:13
    🏆 **Winner:** Allies (Completed)
    🧭 **Score Confidence:** ✅ verified: header and time agree
    🏁 **Stopwatch State:** TIME SET · faster by 0:52
    ✏️ **Corrected:** the first round arrived: the numbers are those of this round alone now, and it counts
    [⚔️ Axis · defended]
    ");
    assert_eq!(correction::round(&mended, &mended), Vec::<String>::new());
}

#[test]
fn a_session_that_grows_is_not_corrected() {
    let files = evening("2026-01-10");
    let context = Context::default();
    let until = |rounds: usize| report::session(&recorded(&files[..rounds]), 0, &context, false);
    for (before, after) in [(1, 2), (2, 3), (2, 6), (3, 5)] {
        assert_eq!(correction::session(&until(before), &until(after)), Vec::<String>::new(), "{before} {after}");
    }
    let mut other = files.clone();
    other[1].text = other[1].text.replacen("\\9:13\\8:21", "\\9:13\\9:13", 1).replacen("\\2\\1\\2\\", "\\2\\1\\1\\", 1);
    let after = report::session(&recorded(&other), 0, &context, true);
    assert_eq!(correction::session(&until(6), &after), ["the score was 3–3"]);
}

/// As many players as a server takes, with names and numbers as long as they can be.
#[test]
fn a_full_server_fits() {
    let mut file = evening("2026-01-10").remove(0);
    let line = file.text.lines().nth(1).unwrap().to_owned();
    for n in 0..58 {
        file.text += &line.replacen("1A2B3C01\\^1ada^7*", &format!("{n:08X}\\{}", "_*`|".repeat(8)), 1);
        file.text += "\n";
    }
    let report = report::round(&recorded(&[file]), 0, &Context::default());
    assert_eq!(report.players.len(), 64);
    let body = card(&[event(&report, Vec::new(), 1)]);
    assert!(body.embeds[0].fields.iter().any(|field| field.name.ends_with("(cont.)")));
    assert!(shown(&body).contains("Round Summary"), "{}", shown(&body));
}

#[test]
fn what_cannot_be_read_has_its_name() {
    let record = recorded(&evening("2026-01-10"));
    let mut event = event(&report::round(&record, 0, &Context::default()), Vec::new(), 1);
    event.data["report"] = Value::from("of another release");
    insta::assert_snapshot!(shown(&card(&[event])), @"
    🎮 supply round 1 #000000

    ET:Legacy · etlegacy.round
    ");
}

/// Each round, map and session of the genuine files, and the file of awards that is among them.
#[test]
fn every_genuine_card_fits() {
    let Some(directory) = corpus::path("etlegacy/stats") else { return };
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let file = |path: std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
        matches!(parse(&name), Ok(FileName::Round(_))).then_some(File { name, text })
    };
    let record = recorded(&entries.filter_map(file).collect::<Vec<_>>());
    for (at, session) in record.sessions.iter().enumerate() {
        let history = History::of(&record.rounds[..session.rounds.start]);
        let context = Context { history, ..Context::default() };
        session.rounds.clone().for_each(|round| drop(of(&report::round(&record, round, &context))));
        let maps = (0..session.maps.len()).filter_map(|map| report::map(&record, at, map, &context));
        maps.for_each(|map| drop(of(&map)));
        let told = report::session(&record, at, &context, true);
        assert_eq!(of(&told).contains("Session Awards"), !told.makers.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever a script may write: names, numbers and all.
    #[test]
    fn any_file_makes_cards(written in proptest::collection::vec(stats_files::file(), 1..4)) {
        let name = |at: usize, file: &Written| {
            let header = &file.header;
            format!("2026-01-10-20{at:02}00-{}-round-{}.txt", header.map, header.round)
        };
        let files = written.iter().enumerate().map(|(at, file)| File { name: name(at * 7, file), text: file.text() });
        let record = recorded(&files.collect::<Vec<_>>());
        let context = Context::default();
        (0..record.rounds.len()).for_each(|at| drop(of(&report::round(&record, at, &context))));
        for (at, session) in record.sessions.iter().enumerate() {
            let maps = (0..session.maps.len()).filter_map(|map| report::map(&record, at, map, &context));
            maps.for_each(|map| drop(of(&map)));
            drop(of(&report::session(&record, at, &context, true)));
        }
    }
}
