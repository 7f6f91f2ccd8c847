//! Table 1 of `ARCHITECTURE.md`, creates whose answer leaves doubt or asks to wait: cell by cell.

use chrono::TimeDelta;

use crate::support::delivery::{minutes, seconds, ticket};
use crate::support::town::{Setup, Town, run, run_with};

/// The last word about the only send.
const STATE: &str = "SELECT count(*) FROM send WHERE state = 'delivered'";

#[tokio::test]
async fn an_answer_with_an_id_is_a_delivery() {
    run(async |town| {
        town.alert("disk full").await;
        insta::assert_snapshot!(town.lines("alerts"), @"disk full");
        assert_eq!(town.count(STATE).await, 1);
        insta::assert_snapshot!(town.status().await, @"
        0 waiting · 0 set aside · 0 in doubt · 0 not delivered
        ✅ all usable
        ");
    })
    .await;
}

#[tokio::test]
async fn a_success_that_cannot_be_read_is_not_repeated_visibly() {
    ends_with_one_message("status:200:done").await;
}

#[tokio::test]
async fn a_connection_lost_after_the_effect_is_not_repeated_visibly() {
    ends_with_one_message("accept_then_drop").await;
}

#[tokio::test]
async fn a_server_error_after_the_effect_is_not_repeated_visibly() {
    ends_with_one_message("status:500:done").await;
}

#[tokio::test]
async fn a_connection_lost_before_the_effect_is_made_good() {
    ends_with_one_message("drop").await;
}

#[tokio::test]
async fn a_server_error_before_the_effect_is_made_good() {
    ends_with_one_message("status:503").await;
}

#[tokio::test]
async fn a_page_of_a_proxy_is_made_good() {
    ends_with_one_message("html:502").await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_made_good() {
    ends_with_one_message("hang").await;
}

/// One mishap at the first attempt; after the first wait of the schedule all is as it should be.
async fn ends_with_one_message(mishap: &str) {
    run(async |town| {
        town.fault("create_message", mishap, 1);
        town.alert("disk full").await;
        assert_eq!(town.count(STATE).await, 0, "nobody knows yet");
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("alerts"), "disk full");
        assert_eq!(town.count(STATE).await, 1);
        assert_eq!(town.requests("POST", "/messages"), 2);
        town.advance(minutes(30)).await;
        assert_eq!(town.lines("alerts"), "disk full");
    })
    .await;
}

#[tokio::test]
async fn several_mishaps_in_a_row_still_end_with_one_message() {
    for mishap in ["accept_then_drop", "drop"] {
        run(async |town| {
            town.fault("create_message", mishap, 2);
            town.alert("disk full").await;
            town.advance(seconds(7)).await;
            town.advance(seconds(40)).await;
            assert_eq!(town.lines("alerts"), "disk full", "{mishap}");
            town.advance(minutes(10)).await;
            assert_eq!(town.lines("alerts"), "disk full", "{mishap}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_in_doubt_and_there_is_found_in_the_history() {
    run(async |town| {
        town.fault("create_message", "accept_then_drop", 1);
        town.alert("disk full").await;
        town.fault("create_message", "forget_nonces", 1);
        town.advance(minutes(3)).await;
        assert_eq!(town.lines("alerts"), "disk full");
        assert_eq!(town.requests("POST", "/messages"), 1, "it was looked for, not sent again");
        assert_eq!(town.count("SELECT count(*) FROM send WHERE note = 'found in the channel''s history'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_in_doubt_and_absent_is_sent_again() {
    run(async |town| {
        town.fault("create_message", "drop", 1);
        town.alert("disk full").await;
        town.advance(minutes(3)).await;
        assert_eq!(town.lines("alerts"), "disk full");
        assert_eq!(town.requests("GET", "/messages"), 1);
        assert_eq!(town.requests("POST", "/messages"), 2);
    })
    .await;
}

#[tokio::test]
async fn a_doubt_that_cannot_be_resolved_is_named_and_the_lane_goes_on() {
    const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    for mishap in ["accept_then_drop", "drop"] {
        run(async |town| {
            town.fault("create_message", mishap, 1);
            town.alert("one").await;
            town.deny("alerts", READ_MESSAGE_HISTORY);
            town.advance(minutes(3)).await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'unresolved'").await, 1);
            assert!(town.status().await.contains("· 1 in doubt ·"));
            town.alert("two").await;
            assert!(town.lines("alerts").ends_with("two"), "the lane goes on");
            town.deny("alerts", 0);
            town.advance(minutes(11)).await;
            let expected = match mishap {
                "accept_then_drop" => "one\ntwo",
                _ => "two\n⏰ Late: due <+0s>, but Discord failed in between; newer messages may stand above. | one",
            };
            assert_eq!(town.lines("alerts"), expected);
            assert!(town.status().await.contains("· 0 in doubt ·"));
        })
        .await;
    }
}

#[tokio::test]
async fn a_history_that_is_not_answered_holds_up_the_lane_for_five_minutes_at_most() {
    run(async |town| {
        town.fault("create_message", "drop", 1);
        town.alert("one").await;
        town.fault("list_messages", "status:500", 1000);
        town.alert("two").await;
        town.advance(minutes(4)).await;
        assert_eq!(town.lines("alerts"), "", "the doubt comes first");
        town.advance(minutes(2)).await;
        assert_eq!(town.lines("alerts"), "two");
        assert!(town.status().await.starts_with("1 waiting · 1 set aside"));
        town.discord.clear_faults();
        town.advance(minutes(1)).await;
        assert!(town.lines("alerts").ends_with("| one"), "late, and said so");
    })
    .await;
}

#[tokio::test]
async fn a_newer_state_follows_a_card_whose_create_was_in_doubt() {
    run(async |town| {
        town.fault("create_message", "accept_then_drop", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        town.send("ticket.updated", ticket("1", "in_progress")).await;
        town.advance(seconds(7)).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [In Progress]");
        assert_eq!(town.count("SELECT count(*) FROM card WHERE shown_version = version").await, 1);
    })
    .await;
}

#[tokio::test]
async fn limits_of_the_bucket_and_shared_ones_hold_back_one_lane_and_count_as_no_attempt() {
    for kind in ["429:user", "429:shared"] {
        run(async |town| {
            town.fault("create_message", kind, 4);
            town.alert("one").await;
            town.send("ticket.created", ticket("1", "open")).await;
            for _ in 0..4 {
                town.advance(seconds(2)).await;
            }
            assert_eq!(town.lines("alerts"), "one");
            assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
            assert_eq!(town.count("SELECT sum(attempts) FROM send").await, 2);
        })
        .await;
    }
}

#[tokio::test]
async fn a_global_limit_holds_back_everything() {
    run(async |town| {
        town.fault("create_message", "429:global", 1);
        town.alert("one").await;
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.requests("POST", "/messages"), 1);
        assert_eq!(town.count("SELECT sum(attempts) FROM send").await, 0);
        town.advance(seconds(2)).await;
        assert_eq!((town.lines("alerts"), town.lines("tickets")), ("one".into(), "Ticket 1 [Open]".into()));
    })
    .await;
}

#[tokio::test]
async fn a_limit_without_json_parks_everything_for_five_minutes() {
    for what in ["429:bare", "html:403"] {
        run(async |town| {
            town.fault("create_message", what, 1);
            town.alert("one").await;
            town.send("ticket.created", ticket("1", "open")).await;
            assert!(town.status().await.contains("Discord asked everything to wait until <+300s>"));
            town.advance(minutes(4)).await;
            assert_eq!(town.requests("POST", "/messages"), 1, "{what}");
            town.advance(seconds(61)).await;
            assert_eq!((town.lines("alerts"), town.lines("tickets")), ("one".into(), "Ticket 1 [Open]".into()));
        })
        .await;
    }
}

#[tokio::test]
async fn a_message_that_fails_three_times_is_set_aside_and_says_that_it_is_late() {
    run(async |town| {
        town.fault("create_message", "status:500", 3);
        town.alert("one").await;
        town.alert("two").await;
        town.advance(seconds(7)).await;
        town.advance(seconds(40)).await;
        assert_eq!(town.lines("alerts"), "two", "the lane goes on");
        insta::assert_snapshot!(town.status().await, @"
        1 waiting · 1 set aside · 0 in doubt · 0 not delivered
        ✅ all usable
        ");
        town.advance(minutes(3)).await;
        insta::assert_snapshot!(town.lines("alerts"), @"
        two
        ⏰ Late: due <+0s>, but Discord failed in between; newer messages may stand above. | one
        ");
        assert_eq!(town.requests("GET", "/messages"), 1, "it was looked for before it was sent again");
    })
    .await;
}

#[tokio::test]
async fn a_card_that_was_set_aside_says_that_it_is_late_and_goes_on_living() {
    run(async |town| {
        town.fault("create_message", "status:500", 3);
        town.send("ticket.created", ticket("1", "open")).await;
        town.advance(seconds(40)).await;
        town.advance(seconds(40)).await;
        town.fault("edit_message", "status:500", 1);
        town.advance(minutes(3)).await;
        town.advance(seconds(7)).await;
        town.send("ticket.updated", ticket("1", "in_progress")).await;
        insta::assert_snapshot!(town.lines("tickets"), @"⏰ Late: due <+0s>, but Discord failed in between; newer messages may stand above. | Ticket 1 [In Progress]");
    })
    .await;
}

#[tokio::test]
async fn an_exhausted_schedule_ends_in_the_list_of_the_undelivered() {
    let env = vec![("DELIVERY_RETRY_SCHEDULE", "1s,1s,1s".to_owned())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        town.fault("create_message", "status:500", 20);
        town.alert("one").await;
        for _ in 0..10 {
            town.advance(seconds(20)).await;
        }
        assert_eq!(town.lines("alerts"), "");
        insta::assert_snapshot!(town.status().await, @"
        0 waiting · 0 set aside · 0 in doubt · 1 not delivered
        <+60s> not delivered after 4 attempts; the last one: HTTP 500: 500: Internal Server Error
        ✅ all usable
        ");
    })
    .await;
}

/// Discord cannot be reached at all for hours: nothing dies of it.
#[tokio::test]
async fn a_refused_connection_leaves_no_doubt_and_kills_nothing() {
    let road = Road::new();
    let env = vec![("DISCORD_API_URL", road.url())];
    run_with(Setup { env, gateway: false, ..Setup::default() }, async |town| {
        let mut road = road;
        road.open(town).await;
        town.settle().await;
        road.close().await;
        town.alert("one").await;
        for _ in 0..30 {
            town.advance(TimeDelta::minutes(10)).await;
        }
        assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'open' AND ambiguous_at IS NULL").await, 1);
        assert_eq!(town.count("SELECT sum(attempts) FROM send").await, 0);
        road.open(town).await;
        town.advance(minutes(3)).await;
        assert_eq!(town.lines("alerts"), "one");
    })
    .await;
}

/// The way to the stand-in, which can be closed.
struct Road {
    port: u16,
    open: Option<tokio::task::JoinHandle<()>>,
}

impl Road {
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self { port: listener.local_addr().unwrap().port(), open: None }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn open(&mut self, town: &Town) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let to = town.discord.origin().trim_start_matches("http://").to_owned();
        self.open = Some(tokio::spawn(async move {
            let mut ways = tokio::task::JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                let to = to.clone();
                ways.spawn(async move {
                    let mut there = tokio::net::TcpStream::connect(to).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
                });
            }
        }));
    }

    async fn close(&mut self) {
        let open = self.open.take().unwrap();
        open.abort();
        let _ = open.await;
    }
}
