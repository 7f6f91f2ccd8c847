//! Table 1 of `ARCHITECTURE.md`, edits: cell by cell.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::delivery::{minutes, seconds, ticket};
use crate::support::town::{Town, run};

const CURRENT: &str = "SELECT count(*) FROM card WHERE version = shown_version";

async fn a_card(town: &Town) {
    town.send("ticket.created", ticket("1", "open")).await;
    assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
}

#[tokio::test]
async fn an_edit_shows_the_current_version() {
    run(async |town| {
        a_card(town).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
        assert_eq!(town.count(CURRENT).await, 1);
    })
    .await;
}

#[tokio::test]
async fn edits_coalesce() {
    run(async |town| {
        a_card(town).await;
        town.fault("edit_message", "status:500", 1);
        for status in ["waiting", "in_progress", "waiting", "resolved"] {
            // Of the same second and the same kind: what came later is newer.
            town.advance(TimeDelta::milliseconds(10)).await;
            town.send("ticket.updated", ticket("1", status)).await;
        }
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Resolved]");
        let edits = town.discord.requests().iter().filter(|r| r["method"] == "PATCH").count();
        assert_eq!(edits, 2, "one that failed, one for all");
    })
    .await;
}

#[tokio::test]
async fn an_edit_of_unknown_fate_is_sent_again_until_the_card_is_current() {
    for mishap in ["accept_then_drop", "drop", "status:500", "status:500:done", "status:200:done", "html:502"] {
        run(async |town| {
            a_card(town).await;
            town.fault("edit_message", mishap, 2);
            town.send("ticket.updated", ticket("1", "waiting")).await;
            assert_eq!(town.count(CURRENT).await, 0, "{mishap}");
            town.advance(seconds(7)).await;
            town.advance(seconds(40)).await;
            assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]", "{mishap}");
            assert_eq!(town.count(CURRENT).await, 1, "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_edit_that_gets_no_answer_is_sent_again() {
    run(async |town| {
        a_card(town).await;
        town.fault("edit_message", "hang", 1);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
    })
    .await;
}

#[tokio::test]
async fn a_failing_edit_does_not_hold_back_the_lane() {
    run(async |town| {
        a_card(town).await;
        town.fault("edit_message", "status:500", 1);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.send("ticket.created", ticket("2", "open")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]\nTicket 2 [Open]");
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]\nTicket 2 [Open]");
    })
    .await;
}

#[tokio::test]
async fn a_card_deleted_by_hand_is_posted_again_once() {
    run(async |town| {
        a_card(town).await;
        town.delete("tickets", 0);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
        town.delete("tickets", 0);
        for status in ["in_progress", "resolved"] {
            town.send("ticket.updated", ticket("1", status)).await;
            town.advance(minutes(20)).await;
        }
        assert_eq!(town.lines("tickets"), "", "the second time it stays deleted");
        assert_eq!(town.count("SELECT count(*) FROM card WHERE gone_at IS NOT NULL").await, 1);
    })
    .await;
}

#[tokio::test]
async fn too_many_edits_of_an_old_message_delay_only_that_card() {
    run(async |town| {
        a_card(town).await;
        town.advance(minutes(90)).await;
        town.send("ticket.created", ticket("2", "open")).await;
        for n in 0..11 {
            town.send("ticket.updated", ticket("1", &format!("step {n}"))).await;
            town.advance(seconds(3)).await;
        }
        town.send("ticket.updated", ticket("2", "waiting")).await;
        town.advance(seconds(3)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Step 9]\nTicket 2 [Waiting]");
        town.advance(minutes(61)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Step 10]\nTicket 2 [Waiting]");
    })
    .await;
}

#[tokio::test]
async fn limits_make_an_edit_wait_as_they_make_a_create_wait() {
    for (what, wait) in [
        ("429:user", seconds(2)),
        ("429:shared", seconds(2)),
        ("429:global", seconds(2)),
        ("429:bare", minutes(6)),
        ("html:403", minutes(6)),
    ] {
        run(async |town| {
            a_card(town).await;
            town.fault("edit_message", what, 1);
            town.send("ticket.updated", ticket("1", "waiting")).await;
            assert_eq!(town.lines("tickets"), "Ticket 1 [Open]", "{what}");
            let everything = !matches!(what, "429:user" | "429:shared");
            town.alert("one").await;
            assert_eq!(town.lines("alerts").is_empty(), everything, "{what}");
            town.advance(wait).await;
            assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]", "{what}");
            assert_eq!(town.lines("alerts"), "one");
        })
        .await;
    }
}

#[tokio::test]
async fn an_edit_with_a_refused_token_stops_everything() {
    run(async |town| {
        a_card(town).await;
        let token = town.discord.token();
        town.expect_error("Discord refuses the bot's token");
        town.discord.set_token("another one");
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.discord.set_token(&token);
        town.alert("one").await;
        assert_eq!(town.lines("alerts"), "");
        town.advance(seconds(61)).await;
        assert_eq!((town.lines("tickets"), town.lines("alerts")), ("Ticket 1 [Waiting]".into(), "one".into()));
    })
    .await;
}

#[tokio::test]
async fn an_edit_in_a_channel_that_cannot_be_seen_waits_for_the_permission() {
    const VIEW_CHANNEL: u64 = 1 << 10;
    run(async |town| {
        a_card(town).await;
        town.deny("tickets", VIEW_CHANNEL);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert!(town.status().await.contains("lacks View Channel"));
        assert!(town.lines("ops").contains("lacks View Channel"));
        town.deny("tickets", 0);
        town.advance(seconds(61)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
    })
    .await;
}

#[tokio::test]
async fn a_refused_version_is_not_shown_and_the_next_one_is() {
    run(async |town| {
        a_card(town).await;
        town.fault("edit_message", "status:400", 1);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.advance(minutes(30)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        assert_eq!(town.count("SELECT count(*) FROM card WHERE edit_error LIKE 'HTTP 400%'").await, 1);
        town.send("ticket.closed", ticket("1", "closed")).await;
        assert!(town.lines("tickets").starts_with("Ticket 1"));
        assert!(town.see("tickets").contains("Final Status: Closed"));
        assert_eq!(town.count("SELECT count(*) FROM card WHERE edit_error IS NULL").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_late_older_event_never_overwrites() {
    run(async |town| {
        a_card(town).await;
        town.advance(minutes(10)).await;
        town.send("ticket.updated", ticket("1", "resolved")).await;
        let at = (town.clock.now() - minutes(5)).timestamp();
        let late = json!({ "id": "1", "status": "waiting", "description": "was missing" });
        town.xt.send_at("ticket.updated", late, at).await;
        town.settle().await;
        insta::assert_snapshot!(town.see("tickets"), @"
        [🔒 Ticket Closed]
        was missing
        Ticket ID: #1
        Title: Ticket 1
        Priority: Medium
        Final Status: Resolved
        Timeline: <+0s> created
        <+300s> updated
        <+600s> updated
        -- XTSystems · ticket.updated
        (Reopen)
        ");
    })
    .await;
}
