//! What a game server says in its channel is followed, marked, and answered where it cannot be.

use serde_json::{Value, json};
use standin::discord::Options as DiscordOptions;

use crate::support::evening::evening;
use crate::support::game_server::{DAY, by_directory, to_matches, write};
use crate::support::program::Directory;
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
