//! Table 1 of `ARCHITECTURE.md`, creates that Discord refuses: destinations that cannot be used, the
//! token, and messages that are refused for what they are.

use crate::support::delivery::{minutes, seconds, ticket};
use crate::support::town::{Setup, run, run_with};

const VIEW_CHANNEL: u64 = 1 << 10;
const SEND_MESSAGES: u64 = 1 << 11;
const EMBED_LINKS: u64 = 1 << 14;

#[tokio::test]
async fn a_missing_permission_is_named_and_its_messages_wait() {
    let names = [(SEND_MESSAGES, "Send Messages"), (EMBED_LINKS, "Embed Links"), (VIEW_CHANNEL, "View Channel")];
    for (permission, name) in names {
        run(async |town| {
            town.alert("one").await;
            town.deny("alerts", permission);
            town.alert("two").await;
            let told = town.lines("ops");
            assert!(told.contains("its messages wait") && told.contains(name), "{told}");
            let status = town.status().await;
            assert!(status.starts_with("1 waiting") && status.contains(name), "{status}");
            town.alert("three").await;
            town.advance(minutes(5)).await;
            assert_eq!(town.lines("alerts"), "one");
            town.deny("alerts", 0);
            town.advance(seconds(61)).await;
            assert_eq!(town.lines("alerts"), "one\ntwo\nthree");
            assert!(town.status().await.contains("all usable"));
            assert_eq!(town.lines("ops").lines().count(), 1, "the admins are told once");
        })
        .await;
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_from_the_start_is_named_before_anything_is_sent() {
    run(async |town| {
        town.deny("alerts", SEND_MESSAGES);
        town.alert("one").await;
        assert_eq!(town.requests("POST", &format!("{}/messages", town.discord.channel_id("alerts"))), 0);
        insta::assert_snapshot!(town.status().await, @"
        1 waiting · 0 set aside · 0 in doubt · 0 not delivered
        ⚠️ <#1180000000000000104>: Signalbox lacks Send Messages in <#1180000000000000104>: allow it in the channel's permissions
        ");
        insta::assert_snapshot!(town.lines("ops"), @"A destination cannot be used, its messages wait: Signalbox lacks Send Messages in <#1180000000000000104>: allow it in the channel's permissions.");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_channel_stops_only_itself() {
    run(async |town| {
        town.alert("one").await;
        town.discord.delete_channel(town.discord.channel_id("alerts"));
        town.alert("two").await;
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        insta::assert_snapshot!(town.lines("ops"), @"A destination cannot be used, its messages wait: channel 1180000000000000104 (<#1180000000000000104>) does not exist any more, or its id is wrong.");
        town.advance(minutes(30)).await;
        assert!(town.status().await.starts_with("1 waiting"));
        assert_eq!(town.lines("ops").lines().count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_channel_id_is_named() {
    let routes = r#"{"alert.triggered": ["1180000000000009999"], "default": ["1180000000000000101"]}"#;
    let env = vec![("DISCORD_WEBHOOK_CHANNELS", routes.to_owned())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        town.alert("one").await;
        insta::assert_snapshot!(town.lines("ops"), @"A destination cannot be used, its messages wait: channel 1180000000000009999 (<#1180000000000009999>) does not exist any more, or its id is wrong.");
        assert_eq!(town.count("SELECT count(*) FROM message WHERE state = 'queued'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_channel_of_another_server_never_gets_a_message() {
    // The channel is made by the world when it starts; its id is known only then.
    run(async |town| {
        let elsewhere = town.discord.add_guild("Elsewhere");
        let channel = town.discord.add_channel(elsewhere, "secrets", 0);
        town.route_to_channel("alert.*", channel).await;
        town.alert("one").await;
        town.advance(minutes(20)).await;
        assert_eq!(town.lines("secrets"), "");
        assert_eq!(town.requests("POST", &format!("{channel}/messages")), 0);
        let told = town.lines("ops").replace(&channel.to_string(), "CHANNEL");
        insta::assert_snapshot!(told, @"A destination cannot be used, its messages wait: channel CHANNEL is in another server; only channels of server 1180000000000000001 can be used.");
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_stops_everything_and_disables_nothing() {
    run(async |town| {
        let token = town.discord.token();
        town.expect_error("Discord refuses the bot's token");
        town.alert("one").await;
        town.discord.set_token("another one");
        town.alert("two").await;
        town.send("ticket.created", ticket("1", "open")).await;
        let before = town.discord.requests().len();
        for _ in 0..10 {
            town.advance(minutes(1)).await;
        }
        assert_eq!(town.discord.requests().len() - before, 10, "probed once a minute");
        assert_eq!(town.count("SELECT count(*) FROM destination WHERE disabled_at IS NOT NULL").await, 0);
        assert!(town.status().await.contains("Discord refuses the bot's token"));
        town.discord.set_token(&token);
        town.advance(seconds(61)).await;
        assert_eq!(town.lines("alerts"), "one\ntwo");
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        assert!(!town.status().await.contains("token"));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_an_answer_of_discord_says_nothing_about_a_channel() {
    for what in ["html:403", "429:bare", "html:502"] {
        run(async |town| {
            town.fault("get_channel", what, 1);
            town.alert("one").await;
            assert_eq!(town.lines("alerts"), "", "{what}");
            town.advance(seconds(2)).await;
            let parked = what != "html:502";
            assert_eq!(town.lines("alerts").is_empty(), parked, "{what}");
            assert!(town.status().await.contains("all usable"), "{what}");
            let before = town.discord.requests().len();
            town.advance(minutes(4)).await;
            assert_eq!(town.discord.requests().len(), before, "nobody is asked, or nothing is to be asked: {what}");
            town.advance(seconds(61)).await;
            assert_eq!(town.lines("alerts"), "one", "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_refused_message_is_dead_at_once_and_the_lane_goes_on() {
    run(async |town| {
        town.fault("create_message", "status:400", 1);
        town.alert("one").await;
        town.alert("two").await;
        assert_eq!(town.lines("alerts"), "two");
        insta::assert_snapshot!(town.status().await, @"
        0 waiting · 0 set aside · 0 in doubt · 1 not delivered
        <+0s> HTTP 400: 400: Bad Request
        ✅ all usable
        ");
        town.advance(minutes(30)).await;
        assert_eq!(town.lines("alerts"), "two");
    })
    .await;
}

#[tokio::test]
async fn discords_explanation_is_kept() {
    run(async |town| {
        town.fault("create_message", "status:400", 1);
        town.alert("one").await;
        insta::assert_snapshot!(town.status().await, @"
        0 waiting · 0 set aside · 0 in doubt · 1 not delivered
        <+0s> HTTP 400: 400: Bad Request
        ✅ all usable
        ");
    })
    .await;
}

#[tokio::test]
async fn a_card_whose_first_message_was_refused_gets_another_with_its_next_event() {
    run(async |town| {
        town.fault("create_message", "status:400", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.lines("tickets"), "");
        town.send("ticket.updated", ticket("1", "in_progress")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [In Progress]");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_after_an_unknown_attempt_decides_nothing() {
    for (mishap, expected) in [("accept_then_drop", "one"), ("drop", "one")] {
        run(async |town| {
            town.fault("create_message", mishap, 1);
            town.alert("one").await;
            town.fault("create_message", "status:400", 1);
            town.advance(seconds(7)).await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'in_doubt'").await, 1, "{mishap}");
            town.advance(seconds(10)).await;
            assert_eq!(town.lines("alerts"), expected, "{mishap}");
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 1, "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn delivered_then_deleted_is_delivered() {
    run(async |town| {
        town.fault("create_message", "accept_then_drop", 1);
        town.alert("one").await;
        town.delete("alerts", 0);
        town.advance(seconds(7)).await;
        town.advance(minutes(10)).await;
        assert_eq!(town.lines("alerts"), "");
        assert_eq!(town.count("SELECT count(*) FROM send WHERE note = 'delivered, then deleted'").await, 1);
        assert!(town.status().await.starts_with("0 waiting · 0 set aside · 0 in doubt · 0 not delivered"));
    })
    .await;
}
