//! Timed messages: when they are said, and when not.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::chat::Line;
use crate::support::delivery::minutes;
use crate::support::machines::heard;
use crate::support::town::{Town, run};

async fn add(town: &Town, options: serde_json::Value) -> String {
    let outcome = town.command("admin", "timer add", options).await;
    town.settle().await;
    heard(town, &outcome)
}

async fn live(town: &Town) {
    town.execute(
        "INSERT INTO kick_stream (id, kick_channel_id, guild_id, started_at, title)
         SELECT gen_random_uuid(), id, guild_id, connected_at, 'Slots' FROM kick_channel",
    )
    .await;
}

async fn crowd(town: &Town) {
    town.hear(&[Line::of("ada", "hi"), Line::of("bob", "hello")]).await;
}

#[tokio::test]
async fn an_interval_waits_for_people_and_for_the_stream() {
    run(async |town| {
        town.with_channel().await;
        let told =
            add(town, json!({ "message": "Join our Discord", "every": "30m", "min_lines": 3, "channel": "party" }))
                .await;
        insta::assert_snapshot!(told, @"✅ Timed message #1 is set.");
        assert_eq!(town.all_said().await.len(), 0, "nobody is there");
        crowd(town).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 0, "not live");
        live(town).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 0, "two lines are not three");
        crowd(town).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await, ["Join our Discord"]);
        crowd(town).await;
        crowd(town).await;
        town.advance(minutes(29)).await;
        assert_eq!(town.all_said().await.len(), 1, "not yet");
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 1, "who wrote half an hour ago is not there any more");
        crowd(town).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 2);
        insta::assert_snapshot!(town.reads("party"), @"
        []
        Join our Discord
        -- Signalbox · community

        []
        Join our Discord
        -- Signalbox · community
        ");
    })
    .await;
}

/// Kick sends a message twice, a process dies before it has acknowledged what it heard: a line is a line.
#[tokio::test]
async fn a_line_that_is_heard_again_counts_once() {
    run(async |town| {
        town.with_channel().await;
        let options = json!({ "message": "Join us", "every": "1m", "min_lines": 3, "min_chatters": 0, "while": 2 });
        add(town, options).await;
        let lines = ["one", "two"].map(|id| town.message(&Line { id: id.to_owned(), ..Line::of("ada", "hi") }));
        let hear = async |messages: &[signalbox::event::activity::ChatMessage]| {
            signalbox::community::chat_command::hear(&town.app.ports, messages).await.unwrap();
        };
        hear(&lines).await;
        hear(&[lines[1].clone(), lines[0].clone(), lines[1].clone()]).await;
        town.advance(minutes(1)).await;
        hear(&lines).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 0, "two lines, however often they are heard");
        town.hear(&[Line::of("bob", "hello")]).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await, ["Join us"]);
        // What was written before it was said does not count for the next time, and neither does what nobody waits for.
        hear(&lines).await;
        town.hear(&[Line::of("bob", "a"), Line::of("bob", "b")]).await;
        town.advance(minutes(2)).await;
        assert_eq!(town.all_said().await.len(), 1);
        town.hear(&[Line::of("bob", "c")]).await;
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await.len(), 2);
        add(town, json!({ "message": "x", "every": "1h", "min_chatters": 0, "while": 2 })).await;
        heard(town, &town.command("admin", "timer off", json!({ "number": 1 })).await);
        town.hear(&[Line::of("bob", "nobody waits")]).await;
        assert_eq!(town.count("SELECT count(*) FROM chat_line").await, 6, "one, two, hello, a, b, c");
    })
    .await;
}

#[tokio::test]
async fn a_group_goes_round_and_a_shuffled_one_never_repeats_itself() {
    run(async |town| {
        town.with_channel().await;
        add(town, json!({ "message": "one || two || three", "every": "1m", "while": 2, "min_chatters": 0 })).await;
        for _ in 0..3 {
            town.advance(minutes(1)).await;
        }
        assert_eq!(town.all_said().await, ["one", "two", "three", "one"]);
        heard(town, &town.command("admin", "timer remove", json!({ "number": 1 })).await);
        let options = json!({ "message": "a||b||c||d", "every": "1m", "while": 2, "min_chatters": 0, "shuffle": true });
        add(town, options).await;
        for _ in 0..30 {
            town.advance(minutes(1)).await;
        }
        let said = town.all_said().await.split_off(4);
        assert_eq!(said.len(), 31);
        assert!(said.windows(2).all(|pair| pair[0] != pair[1]), "{said:?}");
        assert!(["a", "b", "c", "d"].iter().all(|text| said.iter().any(|said| said == text)), "{said:?}");
    })
    .await;
}

#[tokio::test]
async fn a_cron_expression_goes_by_the_clocks_of_its_place() {
    run(async |town| {
        town.with_channel().await;
        let options = json!({ "message": "Good evening", "cron": "0 20 * * *", "time_zone": "Europe/Berlin", "while": 1, "min_chatters": 0 });
        add(town, options).await;
        assert_eq!(town.all_said().await.len(), 0, "it is waited for");
        // 2026-01-02 10:00 UTC is 11:00 in Berlin.
        town.advance(TimeDelta::minutes(9 * 60 - 1)).await;
        assert_eq!(town.all_said().await.len(), 0);
        town.advance(minutes(1)).await;
        assert_eq!(town.all_said().await, ["Good evening"]);
        for (options, refused) in [
            (json!({ "message": "x", "cron": "* * *" }), true),
            (json!({ "message": "x", "cron": "0 0 30 2 *" }), true),
            (json!({ "message": "x", "every": "30s" }), true),
            (json!({ "message": "x", "every": "5m", "cron": "0 0 * * *" }), true),
            (json!({ "message": "x", "every": "5m", "chat": false }), true),
        ] {
            let told = heard(town, &town.command("admin", "timer add", options.clone()).await);
            assert_eq!(!told.starts_with('✅'), refused, "{options}: {told}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_panel_lists_them_and_switches_all() {
    run(async |town| {
        town.with_channel().await;
        add(town, json!({ "message": "first", "every": "30m" })).await;
        add(town, json!({ "message": "second || third", "cron": "0 20 * * *" })).await;
        town.command("admin", "panel post", json!({ "panel": "timed messages", "channel": "party" })).await;
        town.settle().await;
        insta::assert_snapshot!(town.reads("party"), @"
        [⏰ Timed messages]
        🟢 #1 · every 30 min · next <+60s> · first
        🟢 #2 · `0 20 * * *` UTC · next <+36000s> · second (+1 more)
        -- Signalbox · community
        (Enable all) (Disable all) (Refresh)
        ");
        heard(town, &town.press("admin", "party", "Disable all").await);
        insta::assert_snapshot!(town.reads("party"), @"
        [⏰ Timed messages]
        ⚪ #1 · every 30 min · first
        ⚪ #2 · `0 20 * * *` UTC · second (+1 more)
        -- Signalbox · community
        (Enable all) (Disable all) (Refresh)
        ");
        insta::assert_snapshot!(heard(town, &town.press("member", "party", "Enable all").await), @"You need the Manage Server permission for this.");
        heard(town, &town.command("admin", "timer on", json!({ "number": 2 })).await);
        heard(
            town,
            &town.command("admin", "timer change", json!({ "number": 1, "every": "1h", "message": "new" })).await,
        );
        town.settle().await;
        let list = town.command("admin", "timer list", json!({})).await;
        insta::assert_snapshot!(town.reads_answer(&list), @"
        [⏰ Timed messages]
        ⚪ #1 · every 60 min · new
        🟢 #2 · `0 20 * * *` UTC · next <+36000s> · second (+1 more)
        ");
        town.see("party");
    })
    .await;
}

#[tokio::test]
async fn two_bots_say_it_once() {
    run(async |town| {
        town.with_channel().await;
        add(town, json!({ "message": "once", "every": "10m", "while": 2, "min_chatters": 0 })).await;
        let (other, lifecycle) = town.another_bot().await;
        town.clock.advance(minutes(10));
        let (one, two) = tokio::join!(town.app.step(), other.step());
        one.unwrap();
        two.unwrap();
        assert_eq!(town.all_said().await, ["once", "once"], "at first, and after ten minutes");
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}
