//! What is said in a chat: once, in order, at Kick's pace, by whoever may; and what happens when Kick does not take it.

use crate::support::kick::{asked, connected, notices, queue, run_kick, said, speaker};
use crate::support::town::Town;
use chrono::TimeDelta;
use serde_json::json;
use signalbox::kick::chat::say_due;
use standin::kick::{Mode, Place};

fn heard(town: &Town) -> String {
    town.kick.chat_of("Streamer").join("\n")
}

#[tokio::test]
async fn the_bot_says_it_once_for_each_cause() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        assert_eq!(queue(town, &channel, &[("a", "first"), ("b", "second"), ("a", "again")]).await, 2);
        assert_eq!(queue(town, &channel, &[("b", "again")]).await, 0);
        town.settle().await;
        insta::assert_snapshot!(heard(town), @"
        SignalBot: first
        SignalBot: second
        ");
        insta::assert_snapshot!(said(town).await, @"
        sent first
        sent second
        ");
    })
    .await;
}

#[tokio::test]
async fn five_at_once_then_one_a_second() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        let texts: Vec<String> = (1..=8).map(|n| format!("line {n}")).collect();
        let all: Vec<(&str, &str)> = texts.iter().map(|text| (text.as_str(), text.as_str())).collect();
        queue(town, &channel, &all).await;
        town.settle().await;
        assert_eq!(town.kick.chat_of("Streamer").len(), 5);
        town.advance(TimeDelta::seconds(1)).await;
        assert_eq!(town.kick.chat_of("Streamer").len(), 6);
        town.advance(TimeDelta::seconds(2)).await;
        let order: Vec<String> =
            town.kick.chat_of("Streamer").iter().map(|l| l.split_once(": ").unwrap().1.into()).collect();
        assert_eq!(order, texts);
    })
    .await;
}

#[tokio::test]
async fn a_long_text_goes_as_several_messages() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        let long = "zwölf Boxkämpfer 🎰 ".repeat(60);
        queue(town, &channel, &[("a", long.as_str())]).await;
        town.settle().await;
        let lengths: Vec<usize> =
            town.kick.chat_of("Streamer").iter().map(|l| l.split_once(": ").unwrap().1.chars().count()).collect();
        insta::assert_snapshot!(format!("{lengths:?}"), @"[499, 493, 145]");
        assert_eq!(town.column("SELECT state || ' ' || cardinality(message_ids) FROM kick_chat").await, ["sent 3"]);
    })
    .await;
}

#[tokio::test]
async fn without_a_bot_the_streamer_s_account_speaks_and_with_one_again_the_bot() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.set_bot(false);
        queue(town, &channel, &[("a", "one"), ("b", "two")]).await;
        town.settle().await;
        insta::assert_snapshot!(heard(town), @"
        Streamer: one
        Streamer: two
        ");
        let as_bot = town.kick.calls().iter().filter(|call| call.body["type"] == "bot").count();
        assert_eq!(as_bot, 1, "the bot is not tried for each message");
        town.kick.set_bot(true);
        town.advance(TimeDelta::minutes(11)).await;
        queue(town, &channel, &[("c", "three")]).await;
        town.settle().await;
        insta::assert_snapshot!(heard(town), @"
        Streamer: one
        Streamer: two
        SignalBot: three
        ");
    })
    .await;
}

#[tokio::test]
async fn without_a_bot_the_account_that_was_connected_for_it_speaks() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        speaker(town, "TownBot").await;
        // As Kick answers without a bot nowadays (KickDevDocs #343).
        town.kick.mode(Mode::status(500).at(Place::Chat).times(1));
        queue(town, &channel, &[("a", "one")]).await;
        town.settle().await;
        insta::assert_snapshot!(heard(town), @"TownBot: one");
    })
    .await;
}

#[tokio::test]
async fn kick_wants_fewer_messages() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.mode(Mode::rate_limited(Some(40)).at(Place::Chat).times(1));
        queue(town, &channel, &[("a", "one"), ("b", "two")]).await;
        town.settle().await;
        town.advance(TimeDelta::seconds(39)).await;
        assert_eq!(heard(town), "");
        town.advance(TimeDelta::seconds(2)).await;
        insta::assert_snapshot!(heard(town), @"
        SignalBot: one
        SignalBot: two
        ");
        town.kick.mode(Mode::rate_limited(None).at(Place::Chat).times(1));
        queue(town, &channel, &[("c", "three")]).await;
        town.advance(TimeDelta::seconds(10)).await;
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!(town.kick.chat_of("Streamer").len(), 3);
    })
    .await;
}

/// The guard before Kick closes: nobody knocks all the time, and what was too old by then is not said.
#[tokio::test]
async fn kick_s_guard_blocks_for_a_quarter_of_an_hour() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.kick.mode(Mode::cloudflare().at(Place::Chat));
        queue(town, &channel, &[("a", "old")]).await;
        for _ in 0..9 {
            town.advance(TimeDelta::seconds(100)).await;
        }
        let tried = town.kick.calls().iter().filter(|call| call.path == "/public/v1/chat").count();
        assert!((4..=12).contains(&tried), "{tried}");
        town.kick.mode(Mode::ok());
        queue(town, &channel, &[("b", "new")]).await;
        town.advance(TimeDelta::minutes(6)).await;
        insta::assert_snapshot!(heard(town), @"SignalBot: new");
        insta::assert_snapshot!(said(town).await, @"
        expired old (Kick's guard (Cloudflare) blocks requests: Request blocked by security policy.)
        sent new
        ");
        insta::assert_snapshot!(asked(town, "admin", "kick status", json!({})).await, @"
        [Kick]
        📺 Streamer: <https://kick.com/streamer>
        ⚫ not live
        ✅ connected by <@admin> <+0s>; allows chat, redemptions
        ✅ 10 of 10 kinds of events, looked at <+1260s>
        ⚠️ Not everything was said in chat in the last day; the last time: Kick's guard (Cloudflare) blocks requests: Request blocked by security policy.
        ");
    })
    .await;
}

/// Nobody can say whether Kick has it: it is not said twice.
#[tokio::test]
async fn an_answer_that_is_lost_is_not_repeated() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        // Killed between the mark and Kick's answer: the lane is taken over when its lease has lapsed.
        queue(town, &channel, &[("a", "one"), ("b", "two")]).await;
        let now = town.clock.now();
        let lanes = town.store().claim_kick_lanes(uuid::Uuid::from_u128(7), now, now + TimeDelta::seconds(60), 8).await;
        town.store().start_kick_chat(&lanes.unwrap()[0], now).await.unwrap().unwrap();
        town.settle().await;
        assert_eq!(heard(town), "", "the lane is another's");
        town.advance(TimeDelta::seconds(61)).await;
        insta::assert_snapshot!(heard(town), @"SignalBot: two");
        insta::assert_snapshot!(said(town).await, @"
        unknown one (Signalbox stopped while it was said)
        sent two
        ");
    })
    .await;
}

#[tokio::test]
async fn a_fault_of_kick_is_tried_again_and_then_given_up() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        // The bot is not the reason: the account's own message fails as well.
        town.kick.mode(Mode::status(503).at(Place::Chat));
        queue(town, &channel, &[("a", "one")]).await;
        for _ in 0..8 {
            town.advance(TimeDelta::seconds(30)).await;
        }
        insta::assert_snapshot!(said(town).await, @"failed one (Kick has a fault of its own (503: Service Unavailable))");
        town.kick.mode(Mode::ok());
        queue(town, &channel, &[("b", "two")]).await;
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(heard(town), @"SignalBot: two");
    })
    .await;
}

#[tokio::test]
async fn two_processes_say_it_once() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        let (other, stop) = town.another_bot().await;
        queue(town, &channel, &[("a", "one"), ("b", "two"), ("c", "three")]).await;
        for _ in 0..6 {
            let (here, there) = tokio::join!(say_due(&town.app.ports, 8), say_due(&other.ports, 8));
            (here.unwrap(), there.unwrap());
        }
        insta::assert_snapshot!(heard(town), @"
        SignalBot: one
        SignalBot: two
        SignalBot: three
        ");
        stop.stop();
        town.settle().await;
    })
    .await;
}

/// What we say comes back as an event: whoever handles commands knows it by Kick's id, and by its text before that.
#[tokio::test]
async fn our_own_messages_are_known() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        queue(town, &channel, &[("a", "!raffle is open")]).await;
        town.settle().await;
        let ids = town.column("SELECT message_ids[1] FROM kick_chat").await;
        let own = async |id: &str, text: &str| {
            town.store().is_own_kick_chat(channel.guild_id, channel.id, id, text).await.unwrap()
        };
        assert!(own(&ids[0], "").await && !own("another", "!raffle is open").await);
        town.execute("UPDATE kick_chat SET state = 'sending'").await;
        assert!(own("another", "!raffle is open").await && !own("another", "!raffle").await);
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_disconnected_hears_nothing_more() {
    run_kick(async |town| {
        let channel = connected(town, "Streamer").await;
        town.command("admin", "kick disconnect", json!({ "channel": "Streamer" })).await;
        queue(town, &channel, &[("a", "one")]).await;
        town.settle().await;
        insta::assert_snapshot!(said(town).await, @"failed one (the channel is not connected any more)");
        let _ = notices(town);
    })
    .await;
}
