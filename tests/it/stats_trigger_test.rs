//! What a game server says in its channel is followed, marked, and answered where it cannot be.

use std::fs;

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::stats::import::Arrived;
use signalbox::stats::ready::Full;
use signalbox::stats::sftp::{EVERY, look_due};
use signalbox::stats::trigger::{Followed, Heard, Triggers, hear};
use standin::discord::Options as DiscordOptions;

use crate::support::delivery::minutes;
use crate::support::evening::evening;
use crate::support::game_server::{DAY, by_directory, by_upload, to_matches, write};
use crate::support::program::Directory;
use crate::support::sshd::Sshd;
use crate::support::town::{Setup, Town, run_with};

/// Message content, as it is switched on in the developer portal.
const MESSAGE_CONTENT: u64 = 1 << 15;

fn with_content(options: DiscordOptions) -> DiscordOptions {
    DiscordOptions { privileged_intents: MESSAGE_CONTENT, ..to_matches(options) }
}

/// The game server's webhook in #audit, which the bot believes.
async fn listening(town: &mut Town) -> String {
    let channel = town.discord.channel_id("audit");
    let (id, token, _) = town.discord.create_webhook(channel, "Game server").unwrap();
    town.env.push(("ETLEGACY_TRIGGER_CHANNEL_ID".into(), channel.to_string()));
    town.env.push(("ETLEGACY_TRIGGER_WEBHOOKS".into(), id.to_string()));
    town.restart().await;
    format!("{}/api/v10/webhooks/{id}/{token}?wait=true", town.discord.origin())
}

async fn says(town: &Town, url: &str, body: Value) {
    let mut body = body;
    body["allowed_mentions"] = json!({ "parse": [] });
    let answer = town.http.post(url).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn notice(name: &str) -> Value {
    json!({ "username": "ET:Legacy Stats", "content": format!("📊 `{name}`") })
}

/// Each message of the channel with its marks, once there are so many marks and answers.
async fn seen(town: &Town, wanted: usize) -> String {
    let line = |message: &Value| {
        let marks = message["reactions"].as_array().cloned().unwrap_or_default();
        let marks: Vec<String> =
            marks.iter().filter_map(|mark| mark["emoji"]["name"].as_str().map(str::to_owned)).collect();
        format!("{} {}", message["content"].as_str().unwrap_or_default(), marks.join("")).trim().to_owned()
    };
    let lines = || town.messages("audit").iter().map(line).collect::<Vec<_>>();
    let done = || lines().iter().filter(|line| ["✅", "❌", "⚠"].iter().any(|mark| line.contains(mark))).count();
    town.until("it is marked and answered", || done() >= wanted).await;
    lines().join("\n")
}

async fn town_with(test: impl AsyncFnOnce(&mut Town, &Directory, &str)) {
    let (directory, setup) = by_directory();
    run_with(Setup { discord: with_content, ..setup }, async |town| {
        let url = listening(town).await;
        test(town, &directory, &url).await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_brings_its_file_at_once() {
    town_with(async |town, directory, url| {
        let files = evening(DAY);
        write(directory, &files[0]);
        says(town, url, notice(&files[0].name)).await;
        seen(town, 1).await;
        // Discord takes a mark each quarter of a second.
        town.advance(chrono::TimeDelta::seconds(1)).await;
        says(town, url, notice(&files[1].name)).await;
        let seen = seen(town, 3).await;
        let lines: Vec<&str> = seen.lines().collect();
        assert!(lines[0].ends_with("round-1.txt` ✅"), "{seen}");
        assert!(lines[1].contains('⚠') && lines[2].contains("The file is not there yet"), "{seen}");
        town.settle().await;
        assert_eq!(town.column("SELECT way FROM stats_file").await, ["trigger"]);
        assert_eq!(town.messages("matches").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_message_about_a_round_is_kept_and_joined_when_its_file_comes() {
    town_with(async |town, directory, url| {
        let field = |name: &str, value: &str| json!({ "name": name, "value": value });
        says(
            town,
            url,
            json!({ "username": "ET:Legacy Stats", "content": "STATS_READY", "embeds": [{ "title": "Round Complete: supply R1", "fields": [
                field("Map", "supply"), field("Round", "1"), field("Lua_RoundEnd", "1767294598"),
                field("Lua_EndReason", "surrender"), field("Lua_SurrenderTeam", "1"), field("Lua_Pauses", "1 (15 sec)"),
            ] }] }),
        )
        .await;
        seen(town, 1).await;
        write(directory, &evening(DAY)[0]);
        for _ in 0..3 {
            town.advance(chrono::TimeDelta::seconds(3)).await;
        }
        let joined = "SELECT end_reason || ' ' || surrendered || ' ' || pauses || ' ' || paused_seconds FROM stats_round";
        assert_eq!(town.column(joined).await, ["surrender 1 1 15"]);
        assert_eq!(town.messages("matches").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn others_are_not_believed() {
    town_with(async |town, directory, url| {
        let file = evening(DAY).remove(0);
        write(directory, &file);
        says(town, url, json!({ "username": "Somebody", "content": notice(&file.name)["content"] })).await;
        let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("audit"), "Another").unwrap();
        let other = format!("{}/api/v10/webhooks/{id}/{token}?wait=true", town.discord.origin());
        says(town, &other, notice(&file.name)).await;
        says(town, url, notice("../../etc/passwd")).await;
        let seen = seen(town, 2).await;
        let lines: Vec<&str> = seen.lines().collect();
        assert_eq!(lines.len(), 4, "{seen}");
        assert!(!lines[0].contains(['✅', '❌', '⚠']) && !lines[1].contains(['✅', '❌', '⚠']), "{seen}");
        assert!(lines[2].contains('⚠') && lines[3].contains("not there yet"), "{seen}");
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 0);
    })
    .await;
}

#[tokio::test]
async fn without_the_intent_it_ends_and_says_why() {
    let env =
        [("ETLEGACY_TRIGGER_CHANNEL_ID", "1180000000000000101"), ("ETLEGACY_TRIGGER_WEBHOOKS", "1180000000000000999")];
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let end = town.program(&["run"], &env).ends_within(30).await;
        assert_eq!(end.code, Some(78), "{}{}", end.out, end.err);
        assert!(format!("{}{}", end.out, end.err).contains("Switch it on on the Bot page"));
        let end = town.program(&["run"], &[env[0]]).ends_within(30).await;
        assert_eq!(end.code, Some(78));
        assert!(
            end.err.contains("ETLEGACY_TRIGGER_WEBHOOKS") && end.err.contains("is required because"),
            "{}",
            end.err
        );
    })
    .await;
}

/// From another machine, over SSH; and why it cannot be fetched.
#[tokio::test]
async fn a_notice_brings_its_file_from_an_openssh_server() {
    let mut sshd = Sshd::start().await;
    let env = sshd.env();
    run_with(Setup { env, discord: with_content, ..Setup::default() }, async |town| {
        let url = listening(town).await;
        let files = evening(DAY);
        let put = |sshd: &Sshd, at: usize| fs::write(sshd.file(&files[at].name), &files[at].text).unwrap();
        put(&sshd, 0);
        says(town, &url, notice(&files[0].name)).await;
        seen(town, 1).await;
        town.settle().await;
        assert_eq!(
            town.column("SELECT name || ' by ' || way FROM stats_file").await,
            [format!("{} by trigger", files[0].name)]
        );
        assert_eq!(town.messages("matches").len(), 1);
        town.advance(TimeDelta::seconds(1)).await;
        says(town, &url, notice(&files[1].name)).await;
        seen(town, 3).await;
        sshd.stop();
        town.advance(TimeDelta::seconds(1)).await;
        says(town, &url, notice(&files[2].name)).await;
        seen(town, 5).await;
        sshd.new_host_key();
        sshd.start_again().await;
        town.advance(TimeDelta::seconds(1)).await;
        says(town, &url, notice(&files[3].name)).await;
        let seen = seen(town, 7).await;
        let (port, directory) = (sshd.port.to_string(), sshd.directory.0.display().to_string().replace('_', "\\_"));
        let seen = seen.replace(&port, "PORT").replace(&directory, "DIR");
        let seen = seen.lines().map(|line| match line.split_once("SHA256:") {
            Some((before, after)) => format!("{before}SHA256:… {}", after.split_once(' ').map_or("", |(_, rest)| rest)),
            None => line.to_owned(),
        });
        insta::assert_snapshot!(seen.collect::<Vec<_>>().join("\n"), @r"
        📊 `2026-01-01-201000-supply-round-1.txt` ✅
        📊 `2026-01-01-202200-supply-round-2.txt` ⚠️
        ⚠️ The file is not there yet. It is taken as soon as it is.
        📊 `2026-01-01-204000-te_escape2-round-1.txt` ❌
        ❌ The file could not be taken: 127.0.0.1:PORT cannot be reached: Connection refused (os error 111). Check ETLEGACY\_SSH\_HOST and ETLEGACY\_SSH\_PORT, and that a firewall lets this machine through.
        📊 `2026-01-01-205200-te_escape2-round-2.txt` ❌
        ❌ The file could not be taken: the key of 127.0.0.1 is another one than line 1 of DIR/known\_hosts says; it shows SHA256:… now. Either the server was set up anew, or somebody stands in between. Find out which; when 127.0.0.1 was set up anew, take line 1 out of DIR/known\_hosts and add the new key with ssh-keyscan.
        ");
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 1, "nothing came of the others");
    })
    .await;
}

/// Upload, message, SFTP and directory, each of them the real one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_comes_by_all_four_ways_at_once_is_one_file() {
    let sshd = Sshd::start().await;
    let (directory, mut setup) = by_directory();
    setup.env.extend(sshd.env());
    run_with(Setup { discord: with_content, ..setup }, async |town| {
        let url = listening(town).await;
        let file = evening(DAY).remove(0);
        fs::write(sshd.file(&file.name), &file.text).unwrap();
        write(&directory, &file);
        let (other, stop) = town.another_bot().await;
        other.look_for_stats().await.unwrap();
        town.clock.advance(EVERY);
        town.world_clock.advance(EVERY);
        let (uploaded, (), fetched, taken) = tokio::join!(
            town.only_upload(&file),
            says(town, &url, notice(&file.name)),
            look_due(&town.app.ports),
            other.look_for_stats(),
        );
        assert!([200, 202].contains(&uploaded.0), "{uploaded:?}");
        assert!(fetched.unwrap().is_some_and(|looked| looked.fetched <= 1));
        taken.unwrap();
        assert!(seen(town, 1).await.ends_with('✅'));
        for _ in 0..3 {
            town.advance(TimeDelta::seconds(40)).await;
            other.look_for_stats().await.unwrap();
            look_due(&town.app.ports).await.unwrap();
        }
        assert_eq!(town.count("SELECT count(*) FROM stats_file").await, 1);
        assert_eq!(town.count("SELECT count(*) FROM stats_round").await, 1);
        assert_eq!(town.count("SELECT count(*) FROM event WHERE kind = 'etlegacy.round'").await, 1);
        let shown =
            town.messages("matches").iter().filter(|message| message.to_string().contains("Round 1 Complete")).count();
        assert_eq!(shown, 1);
        stop.shutdown(std::time::Duration::from_secs(5)).await;
    })
    .await;
}

const CHANNEL: &str = "1180000000000000999";
const WEBHOOK: i64 = 1_180_000_000_000_000_998;

/// A town whose bot is spoken to without Discord in between.
async fn in_a_town(test: impl AsyncFnOnce(&mut Town, &mut Talk)) {
    let mut setup = by_upload();
    setup.env.push(("ETLEGACY_TRIGGER_CHANNEL_ID", CHANNEL.to_owned()));
    setup.env.push(("ETLEGACY_TRIGGER_WEBHOOKS", WEBHOOK.to_string()));
    let directory = Directory::new();
    setup.env.push(("ETLEGACY_STATS_PATH", directory.0.display().to_string()));
    run_with(Setup { gateway: false, ..setup }, async |town| test(town, &mut Talk::default()).await).await;
}

#[derive(Default)]
struct Talk {
    triggers: Triggers,
    last: i64,
}

impl Talk {
    async fn hears(&mut self, town: &Town, body: Value) -> Followed {
        self.last += 1;
        self.hears_as(town, self.last, body).await
    }

    async fn hears_as(&mut self, town: &Town, message_id: i64, body: Value) -> Followed {
        let config = &town.app.ports.config;
        let heard = Heard {
            guild_id: config.discord.guild_id.unwrap(),
            channel_id: config.etlegacy.trigger.as_ref().unwrap().channel_id,
            message_id,
            webhook_id: Some(WEBHOOK),
            username: "ET:Legacy Stats",
            content: body["content"].as_str().unwrap(),
            body: body.to_string().into_bytes(),
        };
        hear(&town.app.ports, &self.triggers, heard).await.unwrap()
    }
}

fn ready(map: &str, ended: i64, reason: &str) -> Value {
    let field = |name: &str, value: &str| json!({ "name": name, "value": value });
    json!({ "content": "STATS_READY", "embeds": [{ "fields": [
        field("Map", map), field("Round", "1"), field("Lua_RoundEnd", &ended.to_string()), field("Lua_EndReason", reason),
    ] }] })
}

/// When the first round of the evening ended.
const ENDED: i64 = 1_767_294_600;

#[tokio::test]
async fn no_more_is_followed_than_a_server_causes_by_playing() {
    in_a_town(async |town, talk| {
        let file = notice(&evening(DAY)[0].name);
        for _ in 0..5 {
            assert_eq!(talk.hears(town, file.clone()).await, Followed::NotThere);
        }
        assert_eq!(talk.hears(town, file.clone()).await, Followed::TooMany);
        town.advance(TimeDelta::seconds(60)).await;
        assert_eq!(talk.hears(town, file).await, Followed::NotThere);
        for at in 0..4 {
            assert_eq!(
                talk.hears(town, ready("supply", ENDED + at, "objective")).await,
                Followed::Arrived(Arrived::New)
            );
        }
        let fifth = ready("supply", ENDED + 4, "objective");
        assert_eq!(talk.hears(town, fifth.clone()).await, Followed::Full(Full::Rate));
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(talk.hears(town, fifth).await, Followed::Arrived(Arrived::New));
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_delivered_again_is_followed_once() {
    in_a_town(async |town, talk| {
        let file = notice(&evening(DAY)[0].name);
        assert_eq!(talk.hears_as(town, 7, file.clone()).await, Followed::NotThere);
        for _ in 0..10 {
            assert_eq!(talk.hears_as(town, 7, file.clone()).await, Followed::Passed);
        }
        assert_eq!(talk.hears_as(town, 8, file.clone()).await, Followed::NotThere, "it counted once");
        talk.triggers = Triggers::default();
        assert_eq!(talk.hears_as(town, 7, file).await, Followed::Passed, "by another process, too");
    })
    .await;
}

#[tokio::test]
async fn messages_wait_for_their_files_within_limits() {
    in_a_town(async |town, talk| {
        let mut told = async |body: Value| {
            let followed = talk.hears(town, body).await;
            town.clock.advance(TimeDelta::seconds(10));
            town.world_clock.advance(TimeDelta::seconds(10));
            followed
        };
        for at in 0..8 {
            assert_eq!(told(ready("supply", ENDED - at, "objective")).await, Followed::Arrived(Arrived::New));
        }
        assert_eq!(told(ready("supply", ENDED + 1, "objective")).await, Followed::Full(Full::SameRound));
        for at in 0..42 {
            assert_eq!(told(ready(&format!("map{at}"), ENDED, "objective")).await, Followed::Arrived(Arrived::New));
        }
        assert_eq!(told(ready("another", ENDED, "objective")).await, Followed::Full(Full::Waiting));
        assert_eq!(told(ready("map3", ENDED, "objective")).await, Followed::Arrived(Arrived::Known), "it is there");
        // The file of one of them comes.
        town.upload(&evening(DAY)[0]).await;
        assert_eq!(town.column("SELECT end_reason FROM stats_round").await, ["objective"]);
        assert_eq!(town.messages("matches").len(), 1);
        town.advance(minutes(185)).await;
        let states =
            "SELECT state || ' ' || count(*) FROM stats_file WHERE kind = 'ready' GROUP BY state ORDER BY state";
        assert_eq!(town.column(states).await, ["done 8", "quarantined 42"]);
        let told_of = town.see("ops");
        assert!(told_of.contains("42 files of match statistics cannot be read"), "{told_of}");
        assert!(told_of.contains("the file of its round has not come within 3 hours"), "{told_of}");
        assert_eq!(town.messages("ops").len(), 1);
        assert_eq!(
            told(ready("another", ENDED, "objective")).await,
            Followed::Arrived(Arrived::New),
            "there is room again"
        );
        town.messages("matches");
    })
    .await;
}

#[tokio::test]
async fn of_several_messages_the_closest_in_time_is_about_the_round() {
    in_a_town(async |town, talk| {
        talk.hears(town, ready("supply", ENDED - 200, "objective")).await;
        talk.hears(town, ready("supply", ENDED + 20, "surrender")).await;
        talk.hears(town, ready("supply", ENDED + 300, "time_expired")).await;
        talk.hears(town, ready("te_escape2", ENDED, "objective")).await;
        town.upload(&evening(DAY)[0]).await;
        assert_eq!(town.column("SELECT end_reason FROM stats_round").await, ["surrender"]);
        town.messages("matches");
    })
    .await;
}
