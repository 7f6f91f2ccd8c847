//! Destinations that are Discord webhooks: no nonce there, so every doubt goes to the channel's history,
//! where our own messages cannot be read.

use serde_json::json;

use crate::support::delivery::{minutes, seconds, ticket};
use crate::support::town::{Town, run, told};

/// Alerts go through a webhook of #stream.
async fn relay(town: &Town) -> (u64, String) {
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
    town.route_to_webhook("alert.*", id, &token).await;
    (id, token)
}

#[tokio::test]
async fn a_message_through_a_webhook() {
    run(async |town| {
        relay(town).await;
        town.alert("one").await;
        assert_eq!(town.lines("stream"), "one");
        assert_eq!(town.messages("stream")[0]["author"]["username"], "Relay");
    })
    .await;
}

#[tokio::test]
async fn one_candidate_is_it() {
    for mishap in ["accept_then_drop", "status:500:done", "status:200:done"] {
        run(async |town| {
            relay(town).await;
            town.alert("known").await;
            town.fault("execute_webhook", mishap, 1);
            town.alert("one").await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'in_doubt'").await, 1, "{mishap}");
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 2, "{mishap}");
            assert_eq!(town.lines("stream"), "known\none", "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn without_a_candidate_it_is_sent_again() {
    for mishap in ["drop", "status:500", "html:502"] {
        run(async |town| {
            relay(town).await;
            town.alert("known").await;
            town.fault("execute_webhook", mishap, 1);
            town.alert("one").await;
            town.alert("two").await;
            assert_eq!(town.lines("stream"), "known", "the doubt comes before all else in its lane");
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            assert_eq!(town.lines("stream"), "known\none\ntwo", "{mishap}");
        })
        .await;
    }
}

/// Another program has the webhook's address as well.
async fn somebody_else_posts(town: &Town, (id, token): &(u64, String)) {
    let url = format!("{}/api/v10/webhooks/{id}/{token}?wait=true", town.discord.origin());
    let body = json!({ "content": "somebody else", "allowed_mentions": { "parse": [] } });
    assert_eq!(town.http.post(url).json(&body).send().await.unwrap().status(), 200);
}

/// What came to nothing is not taken for somebody else's message, and what arrived is found among others.
#[tokio::test]
async fn the_webhook_itself_reads_which_message_is_ours() {
    for (mishap, expected) in
        [("drop", "known\nsomebody else | \none"), ("accept_then_drop", "known\none\nsomebody else | ")]
    {
        run(async |town| {
            let relay = relay(town).await;
            town.alert("known").await;
            town.fault("execute_webhook", mishap, 1);
            town.alert("one").await;
            somebody_else_posts(town, &relay).await;
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            assert_eq!(town.lines("stream"), expected, "{mishap}");
            assert!(town.status().await.contains("0 in doubt"), "{mishap}");
        })
        .await;
    }
}

/// Who waits for a message tries out whether the webhook works.
#[tokio::test]
async fn a_test_of_the_webhook_is_not_taken_for_the_message_that_was_lost() {
    run(async |town| {
        relay(town).await;
        town.execute("UPDATE destination SET name = 'Relay' WHERE kind = 'webhook'").await;
        town.alert("known").await;
        town.fault("execute_webhook", "drop", 1);
        town.alert("one").await;
        let tested = town.command("admin", "destination test", json!({ "destination": "Relay" })).await;
        assert!(told(&tested).contains("works"), "{tested}");
        town.advance(seconds(7)).await;
        town.advance(seconds(12)).await;
        assert_eq!(town.lines("stream").lines().filter(|line| *line == "one").count(), 1, "{}", town.lines("stream"));
    })
    .await;
}

/// Its message is older than the attempt, by our clock.
#[tokio::test]
async fn a_clock_that_is_ahead_of_discords_doubles_nothing() {
    run(async |town| {
        town.clock.advance(seconds(40));
        relay(town).await;
        town.alert("known").await;
        town.fault("execute_webhook", "accept_then_drop", 1);
        town.alert("one").await;
        town.advance(seconds(7)).await;
        town.advance(seconds(12)).await;
        assert_eq!(town.lines("stream"), "known\none");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_refused_while_something_is_in_doubt_stops_nobody_else() {
    run(async |town| {
        let (id, _) = relay(town).await;
        town.fault("execute_webhook", "drop", 1);
        town.alert("one").await;
        town.route_to_webhook("nothing.at.all", id, "wrong").await;
        town.advance(seconds(7)).await;
        town.advance(seconds(12)).await;
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        assert!(town.status().await.contains("1 in doubt"));
        town.lines("ops");
    })
    .await;
}

#[tokio::test]
async fn several_candidates_leave_it_unresolved_until_one_is_left() {
    run(async |town| {
        let relay = relay(town).await;
        town.fault("execute_webhook", "accept_then_drop", 1);
        town.alert("one").await;
        somebody_else_posts(town, &relay).await;
        // Not even the webhook is told what is in its messages.
        town.fault("edit_webhook_message", "status:404", 3);
        town.advance(seconds(7)).await;
        town.advance(seconds(12)).await;
        insta::assert_snapshot!(town.status().await, @"
        1 waiting · 0 set aside · 1 in doubt · 0 not delivered
        ✅ all usable
        ");
        town.alert("two").await;
        assert_eq!(town.lines("stream"), "one\nsomebody else | \ntwo", "the lane goes on");
        town.delete("stream", 1);
        town.advance(minutes(11)).await;
        assert_eq!(town.lines("stream"), "one\ntwo");
        assert!(town.status().await.starts_with("0 waiting · 0 set aside · 0 in doubt"));
    })
    .await;
}

#[tokio::test]
async fn a_history_that_cannot_be_read_leaves_it_unresolved_until_it_can() {
    const VIEW_CHANNEL: u64 = 1 << 10;
    for (mishap, expected) in [("accept_then_drop", "one\ntwo"), ("drop", "two\n⏰")] {
        run(async |town| {
            relay(town).await;
            town.deny("stream", VIEW_CHANNEL);
            town.fault("execute_webhook", mishap, 1);
            town.alert("one").await;
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'unresolved'").await, 1, "{mishap}");
            town.alert("two").await;
            town.deny("stream", 0);
            town.advance(minutes(11)).await;
            assert!(town.lines("stream").starts_with(expected), "{mishap}: {}", town.lines("stream"));
            assert_eq!(town.lines("stream").lines().count(), 2);
        })
        .await;
    }
}

#[tokio::test]
async fn a_deleted_webhook_and_a_wrong_token_are_named() {
    run(async |town| {
        let (id, _) = relay(town).await;
        town.alert("one").await;
        town.discord.delete_webhook(id);
        town.alert("two").await;
        let told = town.lines("ops").replace(&id.to_string(), "ID");
        insta::assert_snapshot!(told, @"A destination cannot be used, its messages wait: webhook ID was deleted.");
        assert_eq!(town.lines("stream"), "one");
    })
    .await;
    run(async |town| {
        let (id, _, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        town.route_to_webhook("alert.*", id, "wrong").await;
        town.alert("one").await;
        let told = town.lines("ops").replace(&id.to_string(), "ID");
        insta::assert_snapshot!(told, @"A destination cannot be used, its messages wait: the token of webhook ID is not valid.");
        assert_eq!(town.lines("stream"), "");
    })
    .await;
}

#[tokio::test]
async fn a_card_lives_through_a_webhook_too() {
    run(async |town| {
        let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        town.route_to_webhook("ticket.*", id, &token).await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert_eq!(town.lines("stream"), "Ticket 1 [Waiting]");
    })
    .await;
}

#[tokio::test]
async fn the_limit_that_all_webhooks_of_a_channel_share_is_kept() {
    run(async |town| {
        for kind in ["ticket.*", "asset.*"] {
            let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), kind).unwrap();
            town.route_to_webhook(kind, id, &token).await;
        }
        for n in 0..25 {
            town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
            town.xt.send("asset.created", json!({ "id": n.to_string(), "name": "Printer" })).await;
        }
        town.settle().await;
        for _ in 0..130 {
            town.advance(seconds(1)).await;
        }
        assert_eq!(town.messages("stream").len(), 50);
        assert_eq!(town.refused_for_limits(), 0);
    })
    .await;
}

/// A card in a post is found by the post, also by a process that never wrote there.
#[tokio::test]
async fn into_a_forum_each_message_is_a_post() {
    run(async |town| {
        let forum = town.discord.add_channel(town.discord.guild_id(), "board", 15);
        let (id, token, _) = town.discord.create_webhook(forum, "Relay").unwrap();
        town.route_to_webhook("ticket.*", id, &token).await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.restart().await;
        town.send("ticket.updated", ticket("1", "pending")).await;
        town.send("ticket.updated", ticket("1", "solved")).await;
        let posts = town.discord.threads(forum);
        let told = posts.iter().map(|post| format!("{}: {}", post["name"], town.lines(post["id"].as_str().unwrap())));
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#""🎫 New Ticket Created": Ticket 1 [Solved]"#);
    })
    .await;
}

/// Posts of a webhook are told apart by who wrote them and how they are called.
#[tokio::test]
async fn a_lost_post_of_a_webhook_is_looked_for_in_its_forum() {
    for mishap in ["accept_then_drop", "status:500:done", "status:200:done", "drop", "status:500"] {
        run(async |town| {
            let forum = town.discord.add_channel(town.discord.guild_id(), "board", 15);
            let (id, token, _) = town.discord.create_webhook(forum, "Relay").unwrap();
            town.route_to_webhook("alert.*", id, &token).await;
            town.alert("known").await;
            town.fault("execute_webhook", mishap, 1);
            town.alert("one").await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'in_doubt'").await, 1, "{mishap}");
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            let posts = town.discord.threads(forum);
            let told: Vec<String> = posts.iter().map(|post| town.lines(post["id"].as_str().unwrap())).collect();
            assert_eq!(told, ["known", "one"], "{mishap}");
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 2, "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_post_that_could_be_anothers_is_left_to_people() {
    run(async |town| {
        let forum = town.discord.add_channel(town.discord.guild_id(), "board", 15);
        let (id, token, _) = town.discord.create_webhook(forum, "Relay").unwrap();
        town.route_to_webhook("alert.*", id, &token).await;
        town.alert("known").await;
        town.fault("execute_webhook", "drop", 1);
        town.alert("one").await;
        let url = format!("{}/api/v10/webhooks/{id}/{token}?wait=true", town.discord.origin());
        let other = json!({ "content": "x", "thread_name": "Another", "allowed_mentions": { "parse": [] } });
        town.http.post(url).json(&other).send().await.unwrap();
        town.advance(seconds(7)).await;
        town.advance(seconds(12)).await;
        let unresolved = "SELECT note FROM send WHERE state = 'unresolved'";
        assert_eq!(town.column(unresolved).await, ["one message of this webhook could be it"]);
        for post in town.discord.threads(forum) {
            town.lines(post["id"].as_str().unwrap());
        }
    })
    .await;
}
