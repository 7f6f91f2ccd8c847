//! Files that come in any order, also together with what goes wrong: the database and what people read end the same.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::delivery::minutes;
use crate::support::evening::{File, awards_of, evening};
use crate::support::game_server::{DAY, by_upload};
use crate::support::town::{Town, run_with};

/// Two evenings, one without its first round; awards; a round that was played again; a message about a round.
fn files() -> Vec<File> {
    let mut files = evening(DAY);
    let awards = [awards_of(&files[0]), awards_of(&files[3])];
    let again = File { name: files[1].name.replace("202200", "202600"), text: files[1].text.clone() };
    // Played in the night before.
    let mut early = evening("2025-12-31");
    early.remove(0);
    files.extend(awards);
    files.push(again);
    files.extend(early);
    files.push(File {
        name: "gametime-supply-R1-1767294600.json".into(),
        text: serde_json::json!({ "meta": { "spawn_stats": [] }, "payload": ready("supply", 1, 1_767_294_600) })
            .to_string(),
    });
    files
}

fn ready(map: &str, round: u8, ended: i64) -> serde_json::Value {
    let field = |name: &str, value: String| serde_json::json!({ "name": name, "value": value });
    serde_json::json!({ "content": "STATS_READY", "embeds": [{ "fields": [
        field("Map", map.into()), field("Round", round.to_string()), field("Lua_RoundEnd", ended.to_string()),
        field("Lua_EndReason", "surrender".into()), field("Lua_SurrenderTeam", "1".into()),
        field("Lua_Pauses", "1 (15 sec)".into()),
    ] }] })
}

/// What is there in the end: of messages everything but what was corrected on the way, in any order.
async fn end(town: &Town) -> (Vec<String>, Vec<String>) {
    let mut messages: Vec<String> =
        town.messages("matches").iter().map(|message| said(&message["embeds"][0])).collect();
    messages.sort();
    let rows = "SELECT r.name || ' ' || r.match_id || ' ' || r.status || ' ' || r.session_key || ' ' || encode(r.digest, 'hex')
            FROM stats_round r
        UNION ALL SELECT 'session ' || key || ' ' || rounds || ' ' || maps || ' ' || score_one || ':' || score_two FROM stats_session
        UNION ALL SELECT 'alias ' || guid || ' ' || name || ' ' || rounds || ' ' || first_at || ' ' || last_at FROM stats_alias
        UNION ALL SELECT 'award ' || round_id || ' ' || position || ' ' || award || ' ' || COALESCE(guid, '') FROM stats_award
        UNION ALL SELECT 'duel ' || round_id || ' ' || position || ' ' || owner || ' ' || opponent || ' ' || kills FROM stats_duel
        ORDER BY 1";
    (messages, town.column(rows).await)
}

fn said(embed: &serde_json::Value) -> String {
    let mut lines = vec![embed["title"].to_string()];
    let description = embed["description"].as_str().unwrap_or_default();
    lines.extend(description.lines().filter(|line| !line.to_lowercase().contains("corrected")).map(str::to_owned));
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    let is_said = |field: &&serde_json::Value| !field["name"].to_string().to_lowercase().contains("corrected");
    lines.extend(fields.iter().filter(is_said).map(|field| format!("{} {}", field["name"], field["value"])));
    lines.join("\n")
}

async fn outcome(files: &[File]) -> (Vec<String>, Vec<String>) {
    let mut found = None;
    run_with(by_upload(), async |town| {
        for file in files {
            let (status, answer) = town.upload(file).await;
            assert_eq!(status, 202, "{}: {answer}", file.name);
        }
        // Discord takes five messages in five seconds.
        for _ in 0..10 {
            town.advance(minutes(1)).await;
        }
        found = Some(end(town).await);
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn the_order_of_arrival_does_not_show() {
    let files = files();
    let expected = outcome(&files).await;
    assert_eq!(expected.0.iter().filter(|said| said.contains("Session Summary")).count(), 2, "{:#?}", expected.0);
    let mut runner = TestRunner::deterministic();
    for _ in 0..3 {
        let shuffled = Just(files.clone()).prop_shuffle().new_tree(&mut runner).unwrap().current();
        let names: Vec<&str> = shuffled.iter().map(|file| &*file.name).collect();
        let (messages, rows) = outcome(&shuffled).await;
        assert_eq!(rows, expected.1, "{names:#?}");
        assert_eq!(messages, expected.0, "{names:#?}");
    }
}
