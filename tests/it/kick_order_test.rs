//! Kick's webhooks doubled, reordered, held back for hours, played back, and copied for another app: watch time, points,
//! tickets and roles are those of a day on which each came once and at once.
//!
//! `KICK_ORDER_CASES` says how many such days are tried, `KICK_ORDER_SEED` which.

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use signalbox::community::link;
use standin::kick::{Order, STREAMER, Sending};

use crate::support::town::{Setup, Town, run_with};

/// Days that are tried unless more are asked for.
const CASES: u32 = 2;
/// A day is so many parts of ten minutes.
const PARTS: usize = 16;

/// What happens to the deliveries of one part of the day.
#[derive(Clone, Debug)]
struct Trouble {
    sending: Sending,
    /// From here on everything is kept back, until a part that does not.
    held: bool,
    order: Order,
    /// Which deliveries of before somebody plays back.
    played_back: Vec<prop::sample::Index>,
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let order = prop_oneof![Just(Order::AsHappened), Just(Order::Reversed), any::<u64>().prop_map(Order::Shuffled)];
    let delay = prop_oneof![3 => Just(0i64), 2 => 1..20 * 60i64, 2 => 20 * 60..5 * 3600i64];
    let sending = (0..2u32, 0..2u32, any::<bool>(), delay, any::<bool>()).prop_map(
        |(copies, repeats, foreign, delay_seconds, signed_before)| Sending {
            copies,
            repeats,
            foreign,
            delay_seconds,
            signed_before,
            ..Sending::default()
        },
    );
    let played_back = prop::collection::vec(any::<prop::sample::Index>(), 0..6);
    (sending, prop::bool::weighted(0.4), order, played_back).prop_map(|(sending, held, order, played_back)| Trouble {
        sending,
        held,
        order,
        played_back,
    })
}

/// What happens in a minute of the day, whatever becomes of the news of it.
async fn minute(town: &Town, minute: usize, redemptions: &mut Vec<String>) {
    let kick = &town.kick;
    match minute {
        3 => drop(kick.go_live(STREAMER, "Slots").await),
        5 => drop(kick.follow(STREAMER, "ada").await),
        12 => drop(kick.subscribe(STREAMER, "bob").await),
        15 => redemptions.push(kick.redeem(STREAMER, "ada", "Song Request", "a song").await),
        17 => drop(kick.gift_subs(STREAMER, Some("ada"), &["cy", "dee"]).await),
        18 => drop(kick.gift_subs(STREAMER, None, &["eve"]).await),
        21 => drop(kick.give_kicks(STREAMER, "bob", 500, "Rage Quit", "w").await),
        22 => drop(kick.give_kicks(STREAMER, "bob", 500, "Rage Quit", "w").await),
        24 => drop(kick.decide_redemption(STREAMER, &redemptions[0], true).await),
        25 => redemptions.push(kick.redeem(STREAMER, "bob", "Song Request", "another").await),
        31 => drop(kick.change_title(STREAMER, "More slots").await),
        44 => drop(kick.ban(STREAMER, "mod", "eve", "spam", None).await),
        52 => drop(kick.end_stream(STREAMER).await),
        61 => drop(kick.decide_redemption(STREAMER, &redemptions[1], false).await),
        70 => drop(kick.follow(STREAMER, "ada").await),
        74 => drop(kick.go_live(STREAMER, "Chess").await),
        80 => drop(kick.renew(STREAMER, "bob").await),
        90 => {
            // In one second, to different people; and the same gift with other words.
            kick.gift_subs(STREAMER, Some("bob"), &["fay"]).await;
            kick.gift_subs(STREAMER, Some("bob"), &["gus"]).await;
            kick.give_kicks(STREAMER, "cy", 500, "Rage Quit", "one").await;
            kick.give_kicks(STREAMER, "cy", 500, "Rage Quit", "two").await;
        }
        149 => drop(kick.end_stream(STREAMER).await),
        _ => {}
    }
    let writes = |every: usize, from: usize| minute >= from && minute.is_multiple_of(every);
    for (who, writes) in [("ada", writes(2, 0)), ("bob", writes(3, 9)), ("cy", writes(7, 30)), ("eve", writes(5, 20))] {
        if writes {
            kick.chat(STREAMER, who, "gg").await;
        }
    }
}

/// A day of a stream. `troubles` is empty for one on which all is well.
async fn day(troubles: &[Trouble]) -> String {
    let mut after = String::new();
    run_with(Setup::kick(), async |town| {
        town.connect_kick(STREAMER).await;
        prepare(town).await;
        let mut redemptions = Vec::new();
        for part in 0..PARTS {
            if let Some(trouble) = troubles.get(part) {
                begin(town, trouble).await;
            }
            for at in part * 10..(part + 1) * 10 {
                minute(town, at, &mut redemptions).await;
                town.clock.advance(TimeDelta::minutes(1));
                town.world_clock.advance(TimeDelta::minutes(1));
            }
            town.settle().await;
        }
        town.kick.sending(Sending::default());
        town.kick.release(Order::Shuffled(7)).await;
        for _ in 0..7 {
            town.advance(TimeDelta::minutes(60)).await;
        }
        // All of it once more, the last first.
        if !troubles.is_empty() {
            for delivery in town.kick.deliveries().into_iter().rev().step_by(5) {
                town.kick.resend(&delivery.message_id).await;
            }
        }
        link_to(town, "admin", "bob").await;
        for _ in 0..2 {
            town.advance(TimeDelta::minutes(60)).await;
        }
        assert!(town.kick.deliveries().iter().all(|d| d.status == 200), "each was taken");
        after = numbers(town).await;
        read_all(town);
    })
    .await;
    after
}

async fn prepare(town: &Town) {
    town.asks("admin", "community rules", json!({ "redemption": 20, "subscriber_rate": 3 })).await;
    town.asks("admin", "watchroles set", json!({ "role": "Approver", "minutes": 30 })).await;
    town.command("admin", "raffle start", json!({ "prize": "A chair", "for": "30d", "channel": "party" })).await;
    link_to(town, "member", "ada").await;
    // The rules are those of the next hour.
    town.advance(TimeDelta::minutes(60)).await;
}

async fn link_to(town: &Town, member: &str, viewer: &str) {
    let id = town.kick.person(viewer).user_id;
    link::link(&town.app.ports, town.guild(), town.user(member), id, viewer).await.unwrap();
    town.settle().await;
}

async fn begin(town: &Town, trouble: &Trouble) {
    town.kick.sending(trouble.sending.clone());
    if trouble.held {
        town.kick.hold();
    } else {
        town.kick.release(trouble.order).await;
    }
    let old = town.kick.deliveries();
    for index in trouble.played_back.iter().filter(|_| !old.is_empty()) {
        town.kick.resend(&index.get(&old).message_id).await;
    }
    town.settle().await;
}

/// All that a viewer has of it.
async fn numbers(town: &Town) -> String {
    let wrong = "SELECT count(*) FROM point_account a FULL JOIN
             (SELECT guild_id, person_id, sum(amount) AS sum FROM ledger GROUP BY 1, 2) l USING (guild_id, person_id)
         WHERE a.balance IS DISTINCT FROM l.sum OR a.balance < 0";
    assert_eq!(town.count(wrong).await, 0, "what the entries add up to");
    let mut lines = town
        .column(
            "SELECT v.username || ': ' || v.minutes || ' min, ' || COALESCE(a.balance, 0) || ' points' || COALESCE((
                 SELECT ' (' || string_agg(kind || ' ' || amount, ', ' ORDER BY kind) || ')'
                 FROM (SELECT kind, sum(amount) AS amount FROM ledger l
                       WHERE l.guild_id = v.guild_id AND l.person_id = v.person_id GROUP BY kind) kinds), '') || COALESCE((
                 SELECT ', tickets ' || string_agg(source || ' ' || tickets, ', ' ORDER BY source)
                 FROM (SELECT source, sum(tickets) AS tickets FROM draw_ticket t
                       WHERE t.person_id IN (v.person_id, k.member_id) GROUP BY source) sources), '')
             FROM viewer v LEFT JOIN point_account a USING (guild_id, person_id)
             LEFT JOIN kick_link k ON k.guild_id = v.guild_id AND k.viewer_id = v.person_id ORDER BY v.username",
        )
        .await;
    lines.extend(town.column("SELECT 'live ' || to_char(started_at, 'HH24:MI') || '–' || to_char(ended_at, 'HH24:MI') FROM kick_stream ORDER BY started_at").await);
    let tickets = town.column("SELECT 'tickets ' || COALESCE(sum(tickets), 0) FROM draw_ticket").await;
    lines.extend(tickets);
    lines.push(format!("roles {:?}", ["member", "admin"].map(|who| town.roles_of(who).len())));
    lines.join("\n")
}

/// What was told in Discord is not what this is about.
fn read_all(town: &Town) {
    let state = town.discord.state();
    for channel in state["channels"].as_array().unwrap() {
        town.see(channel["name"].as_str().unwrap());
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_delivery_the_numbers_are_the_same() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let (cases, seed) = (number("KICK_ORDER_CASES").unwrap_or(CASES), number("KICK_ORDER_SEED").unwrap_or(1));
    let mut random = [0; 32];
    random[..4].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &random));
    let in_order = day(&[]).await;
    insta::assert_snapshot!(in_order, @"
    ada: 118 min, 253 points (follow 10, gift 200, redemption 20, watch 23), tickets gifted 30, watchtime 10
    bob: 79 min, 547 points (gift 200, kicks 100, sub 200, watch 47), tickets gifted 30, watchtime 10
    cy: 28 min, 116 points (kicks 100, watch 16)
    eve: 10 min, 6 points (watch 6)
    live 11:03–11:52
    live 12:14–13:29
    tickets 80
    roles [1, 2]
    ");
    for case in 0..cases {
        let troubles = prop::collection::vec(trouble(), PARTS).new_tree(&mut runner).unwrap().current();
        let after = day(&troubles).await;
        assert_eq!(after, in_order, "KICK_ORDER_SEED={seed}, day {case}: {troubles:#?}");
    }
}
