//! Order and batching: what shares a message, what waits for what.

use crate::support::delivery::{alert, minutes, seconds, ticket};
use crate::support::town::run;

#[tokio::test]
async fn notices_share_messages_of_ten() {
    run(async |town| {
        for n in 1..=23 {
            town.xt.send("alert.triggered", alert(&format!("a{n}"))).await;
        }
        town.settle().await;
        insta::assert_snapshot!(town.lines("alerts"), @"
        a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10
        a11 + a12 + a13 + a14 + a15 + a16 + a17 + a18 + a19 + a20
        a21 + a22 + a23
        ");
    })
    .await;
}

#[tokio::test]
async fn a_message_holds_no_more_than_six_thousand_characters() {
    run(async |town| {
        for n in 1..=9 {
            town.xt.send("alert.triggered", alert(&format!("a{n} {}", "x".repeat(1900)))).await;
        }
        town.settle().await;
        let shown = town.lines("alerts").replace(&"x".repeat(1900), "…");
        insta::assert_snapshot!(shown, @"
        a1 … + a2 …
        a3 … + a4 …
        a5 … + a6 …
        a7 … + a8 …
        a9 …
        ");
    })
    .await;
}

#[tokio::test]
async fn cards_do_not_share_a_message_and_keep_their_order() {
    run(async |town| {
        for n in 1..=4 {
            town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
        }
        town.settle().await;
        insta::assert_snapshot!(town.lines("tickets"), @"
        Ticket 1 [Open]
        Ticket 2 [Open]
        Ticket 3 [Open]
        Ticket 4 [Open]
        ");
    })
    .await;
}

#[tokio::test]
async fn a_card_that_waits_is_not_overtaken() {
    run(async |town| {
        town.fault("create_message", "status:500", 2);
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.created", ticket("2", "open")).await;
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("tickets"), "");
        town.advance(seconds(40)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]\nTicket 2 [Open]");
    })
    .await;
}

#[tokio::test]
async fn events_before_the_first_showing_are_one_card() {
    run(async |town| {
        town.xt.send("ticket.created", ticket("1", "open")).await;
        town.xt.send("ticket.updated", ticket("1", "waiting")).await;
        town.settle().await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
        assert_eq!(town.discord.requests().iter().filter(|r| r["method"] == "PATCH").count(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_failing_destination_blocks_only_itself() {
    run(async |town| {
        town.fault("create_message", "status:500", 2);
        town.alert("one").await;
        town.send("ticket.created", ticket("1", "open")).await;
        // The second failure hits the ticket, the retry of neither comes before its time.
        town.send("asset.created", serde_json::json!({ "id": "7", "name": "Printer" })).await;
        assert_eq!((town.lines("alerts"), town.lines("tickets")), (String::new(), String::new()));
        assert_eq!(town.see("ops").lines().next(), Some("[💻 New Asset Created]"));
        town.advance(seconds(7)).await;
        assert_eq!((town.lines("alerts"), town.lines("tickets")), ("one".into(), "Ticket 1 [Open]".into()));
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_event_shows_nothing_new() {
    run(async |town| {
        town.alert("one").await;
        for _ in 0..3 {
            town.alert("one").await;
        }
        town.advance(minutes(1)).await;
        assert_eq!(town.lines("alerts"), "one");
    })
    .await;
}
