//! What chatters write to the bot, and what it answers.

use serde_json::json;
use signalbox::community::chat_command::hear;
use signalbox::store::Store;
use signalbox::store::ledger::{NewLedgerEntry, insert_ledger_entries};

use crate::support::chat::Line;
use crate::support::delivery::seconds;
use crate::support::machines::heard;
use crate::support::town::{Town, run};

async fn set(town: &Town, options: serde_json::Value) -> String {
    heard(town, &town.command("admin", "chatcommand set", options).await)
}

#[tokio::test]
async fn a_command_of_the_servers_own() {
    run(async |town| {
        town.with_channel().await;
        let told = set(town, json!({ "name": "!Hug", "answer": "{user} hugs {target} ({count} hugs) {unknown}", "aliases": "cuddle h", "cooldown": 10 })).await;
        insta::assert_snapshot!(told, @"✅ !hug is there for the chat.");
        insta::assert_snapshot!(town.says("ada", "!hug @bob [emote:1:love]").await, @"ada hugs bob (1 hugs) {unknown}");
        assert_eq!(town.says("bob", "!hug ada").await, "", "cooling down");
        assert_eq!(town.says("bob", "!hugs ada").await, "", "another word");
        assert_eq!(town.says("bob", "I want a !hug").await, "", "not at the beginning");
        town.advance(seconds(10)).await;
        insta::assert_snapshot!(town.says("bob", "!CUDDLE").await, @"bob hugs bob (2 hugs) {unknown}");
        insta::assert_snapshot!(set(town, json!({ "name": "kiss", "answer": "x", "aliases": "h" })).await, @"!h is another command's name or alias.");
        insta::assert_snapshot!(set(town, json!({ "name": "two words", "answer": "x" })).await, @"Names are single words of at most 30 letters and digits; at most ten aliases.");
        let list = town.command("admin", "chatcommand list", json!({})).await;
        insta::assert_snapshot!(town.reads_answer(&list), @"
        [💬 Chat commands]
        `!hug` (!cuddle, !h) · everyone · 10 s · used 2 times · {user} hugs {target} ({count} hugs) {unknown}
        ");
        insta::assert_snapshot!(heard(town, &town.command("admin", "chatcommand remove", json!({ "name": "hug" })).await), @"✅ Removed.");
        town.advance(seconds(60)).await;
        assert_eq!(town.says("bob", "!hug").await, "");
    })
    .await;
}

#[tokio::test]
async fn who_may_and_what_it_costs() {
    run(async |town| {
        town.with_channel().await;
        set(town, json!({ "name": "mods", "answer": "for mods", "for": "moderators", "cooldown": 0 })).await;
        assert_eq!(town.chat_line(Line { badges: &["subscriber"], ..Line::of("ada", "!mods") }).await, "");
        assert_eq!(town.chat_line(Line { badges: &["moderator"], ..Line::of("bob", "!mods") }).await, "for mods");
        assert_eq!(town.chat_line(Line { badges: &["broadcaster"], ..Line::of("nova", "!mods") }).await, "for mods");
        set(town, json!({ "name": "airhorn", "answer": "{user} has {points} left", "cost": 30, "cooldown": 0 })).await;
        insta::assert_snapshot!(town.says("ada", "!airhorn").await, @"@ada !airhorn costs 30 points; you have 0.");
        pay(town, "ada", 50).await;
        insta::assert_snapshot!(town.says("ada", "!airhorn").await, @"ada has 20 left");
        insta::assert_snapshot!(town.says("ada", "!airhorn").await, @"@ada !airhorn costs 30 points; you have 20.");
        insta::assert_snapshot!(town.says("ada", "!points").await, @"@ada You have 20 points.");
        assert_eq!(town.count("SELECT sum(amount)::bigint FROM ledger").await, 20);
    })
    .await;
}

async fn pay(town: &Town, viewer: &str, points: i64) {
    let ids = town.column("SELECT person_id || ' ' || username FROM viewer").await;
    let person = ids.iter().find_map(|row| row.strip_suffix(&format!(" {viewer}"))).unwrap().parse().unwrap();
    let mut tx = town.store().begin().await.unwrap();
    let entry = NewLedgerEntry::new(town.guild(), person, points, "grant", format!("grant:{viewer}"));
    insert_ledger_entries(&mut tx, town.clock.now(), &[entry]).await.unwrap();
    Store::commit(tx).await.unwrap();
}

#[tokio::test]
async fn what_is_built_in() {
    run(async |town| {
        town.with_channel().await;
        for text in ["!points", "!watchtime", "!rank", "!raffle", "!fair", "!join", "!clip", "!nonsense", "points"] {
            town.says("ada", text).await;
        }
        insta::assert_snapshot!(town.all_said().await.join("\n"), @"
        @ada You have 0 points.
        @ada You have watched 0 min.
        @ada You are not on the leaderboard yet: watch and chat.
        @ada No raffle is running at the moment.
        @ada Every draw can be recomputed by anyone.
        @ada Marked: Clip
        ");
        town.execute("UPDATE viewer SET minutes = 125").await;
        town.says("bob", "!rank").await;
        insta::assert_snapshot!(town.says("ada", "!watchtime").await, @"@ada You have watched 2 h 05 min.");
        insta::assert_snapshot!(town.says("ada", "!rank").await, @"@ada You are #1 with 2 h 05 min.");
    })
    .await;
}

#[tokio::test]
async fn stale_repeated_and_reordered_messages_do_nothing_twice() {
    run(async |town| {
        town.with_channel().await;
        set(town, json!({ "name": "count", "answer": "{count}", "cooldown": 0 })).await;
        let late = Line { seconds_ago: 121, ..Line::of("ada", "!count") };
        assert_eq!(town.chat_line(late).await, "", "older than two minutes");
        let line = |id: &str| Line { id: id.to_owned(), ..Line::of("ada", "!count") };
        for _ in 0..3 {
            town.hear(&[line("b"), line("a"), line("b")]).await;
        }
        assert_eq!(town.all_said().await, ["1", "2"]);
        let (other, lifecycle) = town.another_bot().await;
        let messages = [town.message(&line("c")), town.message(&line("d"))];
        let (one, two) = tokio::join!(hear(&town.app.ports, &messages), hear(&other.ports, &messages));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one + two, 2, "of two processes one carries it out");
        assert_eq!(town.count("SELECT uses FROM chat_command").await, 4);
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn clips_are_marked_with_the_time_in_the_stream() {
    run(async |town| {
        town.with_channel().await;
        town.command("admin", "slots set", json!({ "clip_channel": "party" })).await;
        town.execute("INSERT INTO kick_stream (id, kick_channel_id, guild_id, started_at, title)
            SELECT gen_random_uuid(), id, guild_id, connected_at - interval '1 hour 2 minutes 3 seconds', 'Slots' FROM kick_channel").await;
        insta::assert_snapshot!(town.says("ada", "!clip **what** a hit").await, @"@ada Marked at 1:02:03: **what** a hit");
        insta::assert_snapshot!(town.reads("party"), @r"
        [🎬 \*\*what\*\* a hit]
        Marked by: ada
        In the stream: 1:02:03
        -- Signalbox · community
        ");
    })
    .await;
}

#[tokio::test]
async fn a_keyword_joins_once_and_a_linked_viewer_is_the_member() {
    run(async |town| {
        town.with_channel().await;
        town.link_viewer("member", "ada").await;
        town.command("admin", "giveaway start", json!({ "prize": "A mug", "keyword": "!MUG", "channel": "party" }))
            .await;
        town.settle().await;
        for (who, text) in
            [("ada", "!mug"), ("ada", "!mug please"), ("bob", "!Mug"), ("cleo", "!mugs"), ("dan", "!join")]
        {
            town.says(who, text).await;
        }
        town.press("member", "party", "Join").await;
        assert_eq!(town.column("SELECT name FROM draw_entry ORDER BY name").await, ["ada", "bob", "dan"]);
        insta::assert_snapshot!(town.all_said().await.join("\n"), @"🎉 Giveaway: A mug! Write !mug to take part.");
        town.command(
            "admin",
            "giveaway start",
            json!({ "prize": "B", "keyword": "!b", "role": "Approver", "channel": "alerts" }),
        )
        .await;
        town.settle().await;
        insta::assert_snapshot!(town.says("bob", "!b").await, @"@bob Link your account in our Discord first: /link");
        insta::assert_snapshot!(town.says("ada", "!b").await, @"@ada You need a role in our Discord for this giveaway.");
        for channel in ["party", "alerts"] {
            town.see(channel);
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_heard_out_of_order_is_carried_out_all_the_same() {
    run(async |town| {
        town.with_channel().await;
        set(town, json!({ "name": "count", "answer": "{count}", "cooldown": 0 })).await;
        set(town, json!({ "name": "slow", "answer": "slow {count}", "cooldown": 30 })).await;
        for (text, seconds_ago) in
            [("!count", 5), ("!count", 40), ("!slow", 10), ("!slow", 35), ("!slow", 50), ("!slow", 0)]
        {
            town.chat_line(Line { seconds_ago, ..Line::of("ada", text) }).await;
        }
        // Within half a minute of another use, before or after it, nothing is said.
        assert_eq!(town.all_said().await, ["1", "2", "slow 1", "slow 2"]);
    })
    .await;
}
