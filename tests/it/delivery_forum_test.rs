//! Forums and threads: each card is a post with tags of its state, notices about the same thing share one; what is
//! archived is opened, what is gone is opened anew, and a post whose fate is unknown is looked for.

use serde_json::json;
use standin::discord::Phase;

use crate::support::delivery::{alert, minutes, seconds, ticket};
use crate::support::scene::Scene;
use crate::support::town::{Town, run};

const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;
const MANAGE_THREADS: u64 = 1 << 34;
const READ_MESSAGE_HISTORY: u64 = 1 << 16;
const FORUM: u8 = 15;

/// What matches goes into a forum with tags for tickets.
async fn forum(town: &Town, pattern: &str) -> u64 {
    let forum = town.discord.add_channel(town.discord.guild_id(), "desk", FORUM);
    town.discord.set_tags(forum, &["Open", "Waiting", "Closed", "Critical"], false);
    town.route_to_channel(pattern, forum).await;
    forum
}

impl Town {
    /// The posts of a forum as its list shows them, each with what stands in it.
    fn posts(&self, forum: u64) -> String {
        let post = |thread: &serde_json::Value| {
            let tags: Vec<&str> = thread["tags"].as_array().unwrap().iter().filter_map(|tag| tag.as_str()).collect();
            let archived = if thread["archived"] == true { ", archived" } else { "" };
            let inside = self.lines(thread["id"].as_str().unwrap()).replace('\n', "\n  ");
            format!("{} ({}{archived})\n  {inside}", thread["name"].as_str().unwrap(), tags.join(", "))
        };
        self.discord.threads(forum).iter().map(post).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn a_ticket_is_a_post_whose_tags_follow_its_state() {
    run(async |town| {
        let forum = forum(town, "ticket.*").await;
        town.send("ticket.created", ticket("1", "open")).await;
        insta::assert_snapshot!(town.posts(forum), @"
        #1 Ticket 1 (Open)
          Ticket 1 [Open]
        ");
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.send("ticket.created", ticket("2", "open")).await;
        insta::assert_snapshot!(town.posts(forum), @"
        #1 Ticket 1 (Waiting)
          Ticket 1 [Waiting]
        #2 Ticket 2 (Open)
          Ticket 2 [Open]
        ");
        town.send("ticket.closed", ticket("1", "closed")).await;
        assert!(town.posts(forum).starts_with("#1 Ticket 1 (Closed)"), "nobody asked for archiving");
    })
    .await;
}

#[tokio::test]
async fn a_resolved_post_is_archived_where_that_is_wished_and_opened_again_for_news() {
    run(async |town| {
        let forum = forum(town, "ticket.*").await;
        town.execute("UPDATE destination SET archives_resolved = true").await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.closed", ticket("1", "closed")).await;
        insta::assert_snapshot!(town.posts(forum), @"
        #1 Ticket 1 (Closed, archived)
          Ticket 1 [Closed]
        ");
        town.advance(minutes(1)).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert!(town.posts(forum).contains("(Waiting)"), "open again: {}", town.posts(forum));
        // One that is closed when it is first heard of.
        town.send("ticket.closed", ticket("2", "closed")).await;
        assert!(town.posts(forum).contains("#2 Ticket 2 (Closed, archived)"), "{}", town.posts(forum));
    })
    .await;
}

#[tokio::test]
async fn each_alert_is_a_post_and_notices_about_one_thing_share_one() {
    run(async |town| {
        let forum = forum(town, "*").await;
        town.alert("disk full").await;
        town.alert("fan broken").await;
        town.execute("UPDATE route SET mode = 'post'").await;
        town.send("ticket.created", ticket("7", "open")).await;
        town.send("ticket.updated", ticket("7", "waiting")).await;
        insta::assert_snapshot!(town.posts(forum), @"
        🚨 Alert Triggered: disk full (Critical)
          disk full
        🚨 Alert Triggered: fan broken (Critical)
          fan broken
        🎫 New Ticket Created: Ticket 7 ()
          Ticket 7 [open]
          Ticket 7 [waiting]
        ");
    })
    .await;
}

#[tokio::test]
async fn a_post_that_was_deleted_or_locked_is_opened_anew() {
    run(async |town| {
        let forum = forum(town, "ticket.*").await;
        town.execute("UPDATE route SET mode = 'post'").await;
        town.send("ticket.created", ticket("7", "open")).await;
        let first = town.discord.threads(forum)[0]["id"].as_str().unwrap().parse().unwrap();
        town.discord.delete_channel(first);
        town.send("ticket.updated", ticket("7", "waiting")).await;
        insta::assert_snapshot!(town.posts(forum), @"
        📝 Ticket Updated: Ticket 7 ()
          Ticket 7 [waiting]
        ");
        assert!(town.status().await.ends_with("✅ all usable"), "the forum itself is as it was");
    })
    .await;
    run(async |town| {
        let forum = forum(town, "ticket.*").await;
        town.send("ticket.created", ticket("7", "open")).await;
        let post = town.discord.threads(forum)[0]["id"].as_str().unwrap().parse().unwrap();
        town.discord.delete_channel(post);
        town.send("ticket.updated", ticket("7", "waiting")).await;
        assert!(town.posts(forum).starts_with("#7 Ticket 7 (Waiting)"), "a card is posted again once");
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_leaves_one_post() {
    for mishap in ["accept_then_drop", "status:500:done", "status:200:done", "drop", "status:500"] {
        run(async |town| {
            let forum = forum(town, "alert.*").await;
            town.alert("known").await;
            town.fault("create_thread", mishap, 1);
            town.alert("one").await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'in_doubt'").await, 1, "{mishap}");
            town.advance(seconds(7)).await;
            town.advance(seconds(12)).await;
            let posts = town.posts(forum);
            assert_eq!(posts.matches("one").count(), 2, "its name and its words, {mishap}: {posts}");
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 2, "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_post_is_found_among_the_archived_ones() {
    run(async |town| {
        let forum = forum(town, "alert.*").await;
        town.fault("create_thread", "accept_then_drop", 1);
        town.alert("one").await;
        let post = town.discord.threads(forum)[0]["id"].as_str().unwrap().parse().unwrap();
        town.discord.archive_thread(post, true, false);
        town.advance(seconds(20)).await;
        assert_eq!(town.discord.threads(forum).len(), 1);
        assert_eq!(town.posts(forum).matches("one").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn without_the_history_nobody_can_tell_and_nothing_is_doubled() {
    run(async |town| {
        let forum = forum(town, "alert.*").await;
        town.discord.set_overwrite(forum, town.discord.bot_id(), 0, READ_MESSAGE_HISTORY);
        town.fault("create_thread", "accept_then_drop", 1);
        town.alert("one").await;
        town.advance(seconds(20)).await;
        assert_eq!(town.discord.threads(forum).len(), 1);
        assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'unresolved'").await, 1);
        town.discord.set_overwrite(forum, town.discord.bot_id(), 0, 0);
        town.advance(minutes(11)).await;
        assert_eq!(town.discord.threads(forum).len(), 1);
        assert_eq!(town.posts(forum).matches("one").count(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_forum_that_insists_on_tags_gets_one() {
    run(async |town| {
        let forum = forum(town, "alert.*").await;
        town.discord.set_tags(forum, &["Staff!", "News"], true);
        town.discord.set_overwrite(forum, town.discord.bot_id(), 0, MANAGE_THREADS);
        town.alert("one").await;
        assert!(town.posts(forum).contains("(News)"), "{}", town.posts(forum));
    })
    .await;
}

#[tokio::test]
async fn a_thread_is_written_into_archived_or_not_and_its_cards_are_edited() {
    run(async |town| {
        let thread = town.discord.start_thread(town.discord.channel_id("ops"), "night shift");
        town.route_to_channel("ticket.*", thread).await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.discord.archive_thread(thread, true, false);
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.discord.archive_thread(thread, true, false);
        town.send("ticket.created", ticket("2", "open")).await;
        assert_eq!(town.lines("night shift"), "Ticket 1 [Waiting]\nTicket 2 [Open]");
    })
    .await;
}

#[tokio::test]
async fn what_a_thread_lacks_is_named() {
    run(async |town| {
        let ops = town.discord.channel_id("ops");
        let thread = town.discord.start_thread(ops, "night shift");
        town.route_to_channel("ticket.*", thread).await;
        town.discord.archive_thread(thread, true, true);
        town.discord.set_overwrite(ops, town.discord.bot_id(), 0, MANAGE_THREADS);
        town.send("ticket.created", ticket("1", "open")).await;
        let told = |town: &Town| town.lines("ops").replace(&thread.to_string(), "ID");
        insta::assert_snapshot!(told(town), @"A destination cannot be used, its messages wait: the thread <#ID> is locked: unlock it, or allow Signalbox Manage Threads in its channel.");
        town.discord.archive_thread(thread, true, false);
        town.discord.set_overwrite(ops, town.discord.bot_id(), 0, SEND_MESSAGES_IN_THREADS);
        town.advance(minutes(2)).await;
        let status = town.status().await.replace(&thread.to_string(), "ID");
        insta::assert_snapshot!(status.lines().last().unwrap_or_default(), @"⚠️ <#ID>: Signalbox lacks Send Messages in Threads in the thread <#ID>: allow it in the permissions of its channel");
        town.discord.set_overwrite(ops, town.discord.bot_id(), 0, 0);
        town.advance(minutes(2)).await;
        assert_eq!(town.lines("night shift"), "Ticket 1 [Open]");
    })
    .await;
}

/// The process dies while an alert opens its post, before or after Discord has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_a_post_is_opened() {
    for phase in [Phase::Before, Phase::AfterEffect] {
        let scene = Scene::start(&[]).await;
        let forum = scene.discord.add_channel(scene.discord.guild_id(), "desk", FORUM);
        scene.route_alerts_to(forum).await;
        scene.kill_at_request("create_thread", phase);
        scene.xt.send("alert.triggered", alert("disk full")).await;
        scene.until("the process died", || scene.deaths() == 1).await;
        scene.until_quiet().await;
        let posts = scene.discord.threads(forum);
        assert_eq!(posts.len(), 1, "{phase:?}: {posts:?}");
        assert_eq!(posts[0]["name"], json!("🚨 Alert Triggered: disk full"));
        scene.finish().await;
    }
}
