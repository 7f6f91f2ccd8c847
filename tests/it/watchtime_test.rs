//! Watch time: what counts, what it earns, and that neither order nor repetition nor the number of processes matters.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::json;
use signalbox::community::activity::Aggregator;
use signalbox::event::activity::ChatMessage;

use crate::support::servers::private_redis;
use crate::support::town::{Setup, Town, run, run_with, start};
use crate::support::viewers::{kick_id, message, none};

/// Minutes and points of everybody, as the database has them, with what the ledger adds up to.
async fn numbers(town: &Town) -> Vec<String> {
    town.column(
        "SELECT v.username || ' ' || v.minutes || ' min ' || COALESCE(a.balance, 0) || ' = '
             || COALESCE((SELECT sum(amount) FROM ledger l WHERE l.person_id = v.person_id), 0)
         FROM viewer v LEFT JOIN point_account a ON a.person_id = v.person_id ORDER BY v.username",
    )
    .await
}

#[tokio::test]
async fn writing_counts_while_the_channel_is_live() {
    run(async |town| {
        town.channel().await;
        town.stream(10, Some(40)).await;
        town.advance(TimeDelta::minutes(60)).await;
        // Ada writes all the time, Bob joins her now and then, Cy writes when the stream is over.
        town.chatter(["ada", "bob"], 8..22).await;
        town.written(&[("ada", 30), ("ada", 31), ("bob", 38), ("ada", 39), ("cy", 45), ("ada", 45)]).await;
        town.advance(TimeDelta::minutes(5)).await;
        town.link_kick("member", "ada").await;
        insta::assert_snapshot!(town.asks("member", "watchtime show", none()).await, @"
        []
        **ada** has watched **14 min**: place 1 of 2.
        Today 14 min, in 7 days 14 min, in 30 days 14 min.
        Last seen <+3900s>.
        ");
        insta::assert_snapshot!(town.asks("member", "watchtime why", none()).await, @"
        []
        <+0s> Grace: **14 min** counted of 22 present
        -# present :08–:22, :30–:32, :39–:40, :45–:46
        -# not counted, not live: :08–:09, :40, :45–:46
        -# not counted, too few people in the chat: :30–:32
        -# A message counts for 2 min, while the channel is live and 2 people have written within 5 min; 18 h 00 min a day at most.
        ");
        insta::assert_snapshot!(town.asks("member", "points balance", none()).await, @"
        []
        You have **2 points**.
        +2 watching
        -# Kick: ada · 14 min watched
        ");
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 14 min 2 = 2
        bob 14 min 2 = 2
        cy 0 min 0 = 0
        ");
    })
    .await;
}

#[tokio::test]
async fn without_news_of_streams_a_busy_chat_counts() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.written(&[("ada", 1), ("ada", 2), ("bob", 10), ("ada", 14), ("botrix", 20), ("ada", 21)]).await;
        town.advance(TimeDelta::minutes(40)).await;
        // Alone she is nobody's audience, and a bot is no company.
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 1 min 0 = 0
        bob 0 min 0 = 0
        ");
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_ended_earlier_than_was_known_takes_points_back() {
    run(async |town| {
        town.channel().await;
        town.stream(0, None).await;
        town.advance(TimeDelta::minutes(61)).await;
        town.chatter(["ada", "bob"], 0..50).await;
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 51 min 10 = 10
        bob 51 min 10 = 10
        ");
        town.stream(0, Some(20)).await;
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 20 min 4 = 4
        bob 20 min 4 = 4
        ");
        town.link_kick("member", "ada").await;
        let statement = town.asks("member", "points statement", none()).await;
        insta::assert_snapshot!(statement, @"
        [Points: statement]
        `#3` <+3780s> **-6** watching → 4
        `#1` <+3660s> **+10** watching → 10
        ");
    })
    .await;
}

#[tokio::test]
async fn what_admins_set_counts_from_a_full_hour_on() {
    run(async |town| {
        town.channel().await;
        town.stream(0, None).await;
        town.advance(TimeDelta::minutes(30)).await;
        let rules = json!({ "rate": 5, "subscriber_rate": 10, "hours_a_day": 1, "chatters": 1 });
        insta::assert_snapshot!(town.asks("admin", "community rules", rules).await, @"
        []
        From <+3600s> on:
        Watching earns **5** points in 5 minutes, subscribers **10**.
        A message counts for **2 min**, when **1** people have written within 5 min; **1 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
        insta::assert_snapshot!(town.asks("admin", "community rules", none()).await, @"
        []
        Watching earns **1** points in 5 minutes, subscribers **2**.
        A message counts for **2 min**, when **2** people have written within 5 min; **18 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.

        From <+3600s> on:
        Watching earns **5** points in 5 minutes, subscribers **10**.
        A message counts for **2 min**, when **1** people have written within 5 min; **1 h 00 min** a day at most.
        Following earns **10** once, subscribing **100**, each gifted subscription **100**, 100 kicks **10**.
        ");
        town.chatter(["ada", "bob+subscriber"], 0..20).await;
        town.advance(TimeDelta::minutes(90)).await;
        // From 11:00 on one is enough, and a day has no more than an hour.
        town.written(&(60..118).map(|minute| ("ada", minute)).collect::<Vec<_>>()).await;
        town.written(&(60..70).map(|minute| ("bob+subscriber", minute)).collect::<Vec<_>>()).await;
        town.advance(TimeDelta::minutes(5)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 60 min 43 = 43
        bob 32 min 30 = 30
        ");
    })
    .await;
}

#[tokio::test]
async fn forced_paused_and_ignored() {
    run(async |town| {
        town.channel().await;
        town.written(&[("ada", 0), ("bob", 0), ("cy", 0)]).await;
        town.settle().await;
        insta::assert_snapshot!(town.asks("admin", "community force", json!({ "on": true })).await, @"
        []
        Watching counts from now on, whether the channel is live or not, until this is turned off.
        ");
        insta::assert_snapshot!(town.asks("admin", "community ignore", json!({ "viewer": "Cy" })).await, @"
        []
        Cy is not counted from now on.
        ");
        town.advance(TimeDelta::minutes(11)).await;
        town.chatter(["ada", "cy"], 0..10).await;
        insta::assert_snapshot!(town.asks("admin", "community pause", json!({ "on": true })).await, @"
        []
        Counting is paused from now on. What is written meanwhile never counts.
        ");
        town.advance(TimeDelta::minutes(60)).await;
        town.chatter(["ada", "bob"], 20..30).await;
        town.advance(TimeDelta::minutes(2)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 11 min 2 = 2
        bob 2 min 0 = 0
        cy 2 min 0 = 0
        ");
        town.link_kick("member", "bob").await;
        insta::assert_snapshot!(town.asks("member", "watchtime why", none()).await, @"
        []
        <+0s> Grace: **2 min** counted of 13 present
        -# present :00–:01, :20–:30
        -# not counted, counting was paused: :20–:30
        -# A message counts for 2 min, while the channel is live and 2 people have written within 5 min; 18 h 00 min a day at most.
        ");
    })
    .await;
}

/// What is to come out, worked out message by message and minute by minute, as the rules say it in words: present in the
/// minute of a message and in the next one, live, and two people within five minutes.
fn expected(said: &[(String, i64)], live: &[(i64, i64)]) -> BTreeMap<String, i64> {
    let mut minutes = BTreeMap::new();
    for name in said.iter().map(|(name, _)| name) {
        let counts = (-10..400).filter(|minute| {
            let present = said.iter().any(|(who, at)| who == name && (*at == *minute || *at == *minute - 1));
            let is_live = live.iter().any(|(from, until)| (*from..*until).contains(minute));
            let mut around: Vec<&String> =
                said.iter().filter(|(_, at)| (*minute - 4..=*minute).contains(at)).map(|(who, _)| who).collect();
            around.sort();
            around.dedup();
            present && is_live && around.len() >= 2
        });
        minutes.insert(name.clone(), counts.count() as i64);
    }
    minutes
}

/// One way in which the same things are heard of.
#[derive(Clone, Debug)]
enum Step {
    /// Some of the messages, to one process or the other.
    Hear(Vec<usize>, bool),
    /// A stream is told of, with its end or without.
    Stream(usize, bool),
    Wait(i64),
    Restart,
}

fn steps(messages: usize, streams: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (prop::collection::vec(0..messages, 1..40), any::<bool>()).prop_map(|(which, there)| Step::Hear(which, there)),
        2 => (0..streams, any::<bool>()).prop_map(|(which, ended)| Step::Stream(which, ended)),
        2 => (1..50i64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 5..25)
}

#[tokio::test]
async fn order_repetition_delay_restarts_and_two_processes_change_nothing() {
    const NAMES: [&str; 4] = ["ada", "bob", "cy", "dee"];
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let said = prop::collection::vec((0..NAMES.len(), 0..200i64), 30..120);
    for _ in 0..4 {
        let said: Vec<(String, i64)> = said
            .new_tree(&mut runner)
            .unwrap()
            .current()
            .into_iter()
            .map(|(who, minute)| (NAMES[who].to_owned(), minute))
            .collect();
        let live = [(15, 95), (110, 170)];
        let ways = steps(said.len(), live.len()).new_tree(&mut runner).unwrap().current();
        run(async |town| {
            town.channel().await;
            town.advance(TimeDelta::minutes(200)).await;
            let (other, lifecycle) = town.another_bot().await;
            let all: Vec<ChatMessage> = said.iter().map(|(who, minute)| message(town.guild(), who, *minute)).collect();
            let (mut here, mut there) = (Aggregator::default(), Aggregator::default());
            for step in &ways {
                match step {
                    Step::Hear(which, at_the_other) => {
                        let part: Vec<ChatMessage> = which.iter().map(|at| all[*at].clone()).collect();
                        let (app, aggregator) =
                            if *at_the_other { (&other, &mut there) } else { (&town.app, &mut here) };
                        aggregator.flush(&app.ports, &part).await.unwrap();
                    }
                    Step::Stream(which, ended) => {
                        let (from, until) = live[*which];
                        town.stream(from, ended.then_some(until)).await;
                    }
                    Step::Wait(minutes) => {
                        let (one, two) = tokio::join!(town.app.step(), other.step());
                        one.unwrap();
                        two.unwrap();
                        town.advance(TimeDelta::minutes(*minutes)).await;
                    }
                    Step::Restart => here = Aggregator::default(),
                }
            }
            // In the end all of it was heard of.
            here.flush(&town.app.ports, &all).await.unwrap();
            for (from, until) in live {
                town.stream(from, Some(until)).await;
            }
            town.advance(TimeDelta::minutes(90)).await;
            let wanted: Vec<String> = expected(&said, &live)
                .into_iter()
                .map(|(name, minutes)| format!("{name} {minutes} min {0} = {0}", minutes / 5))
                .collect();
            assert_eq!(numbers(town).await, wanted, "{ways:?}");
            lifecycle.stop();
            other.ports.store.close().await;
        })
        .await;
    }
}

#[tokio::test]
async fn a_name_that_changes_is_the_same_viewer() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 0..5).await;
        let renamed = ChatMessage { username: "Countess".into(), ..message(town.guild(), "ada", 20) };
        assert_eq!(renamed.viewer, kick_id("ada"));
        town.app.ports.activity.publish(vec![renamed.to_bytes()]).await.unwrap();
        town.advance(TimeDelta::minutes(40)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        Countess 6 min 1 = 1
        bob 6 min 1 = 1
        ");
        assert_eq!(town.column("SELECT username FROM watchtime ORDER BY 1").await, ["bob", "countess"]);
        assert!(start() < town.clock.now());
    })
    .await;
}

#[tokio::test]
async fn the_stream_holds_what_was_not_stored() {
    let redis = private_redis(false);
    let setup = Setup { redis: Some(redis.url.clone()), claim_idle: std::time::Duration::ZERO, ..Setup::default() };
    run_with(setup, async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 0..5).await;
        // Read by a process that dies before it has stored anything.
        town.written(&[("ada", 10), ("bob", 10)]).await;
        let options = signalbox::bus::ReaderOptions::default();
        let mut lost = town.app.bus().activity_reader("dead", options);
        assert_eq!(lost.next(std::time::Duration::from_secs(2)).await.unwrap().len(), 2);
        drop(lost);
        town.app.ports.activity.publish(vec![b"no message".to_vec()]).await.unwrap();
        town.advance(TimeDelta::minutes(40)).await;
        insta::assert_snapshot!(numbers(town).await.join("\n"), @"
        ada 8 min 1 = 1
        bob 8 min 1 = 1
        ");
        assert_eq!(town.column("SELECT stream || ': ' || reason FROM quarantine").await.len(), 1);
    })
    .await;
}
