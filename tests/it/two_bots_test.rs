//! Two processes on one database: everything exactly once, and what a killed one held is taken over.

use std::sync::Arc;

use signalbox::app::App;
use standin::discord::{Limits, Phase, Then};

use crate::support::delivery::{alert, seconds, ticket};
use crate::support::town::{Setup, Town, run_with};

/// Each process keeps Discord's limits for itself; two of them together may meet them.
fn without_limits() -> Setup {
    let env = vec![("DELIVERY_GLOBAL_PER_SECOND", "1000".to_owned())];
    Setup { limits: Limits::Off, env, ..Setup::default() }
}

async fn both_settle(town: &Town, other: &App) {
    for _ in 0..200 {
        let (here, there) = tokio::join!(town.app.step(), other.step());
        if here.unwrap() + there.unwrap() == 0 {
            return;
        }
    }
    panic!("they do not come to rest");
}

#[tokio::test]
async fn both_work_and_everything_is_there_once() {
    run_with(without_limits(), async |town| {
        let (other, lifecycle) = town.another_bot().await;
        for n in 0..30 {
            town.xt.send("alert.triggered", alert(&format!("alert {n}"))).await;
            town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
            town.xt.send("asset.created", serde_json::json!({ "id": n.to_string(), "name": format!("a{n}") })).await;
        }
        both_settle(town, &other).await;
        for n in 0..30 {
            town.xt.send("ticket.updated", ticket(&n.to_string(), "waiting")).await;
        }
        both_settle(town, &other).await;
        let alerts = town.see("alerts");
        let tickets = town.lines("tickets");
        for n in 0..30 {
            assert_eq!(alerts.matches(&format!("alert {n}\n")).count(), 1, "alert {n}");
            assert_eq!(tickets.lines().filter(|l| *l == format!("Ticket {n} [Waiting]")).count(), 1, "ticket {n}");
        }
        assert_eq!(town.messages("tickets").len(), 30);
        assert_eq!(town.messages("ops").len(), 30);
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn one_press_is_one_call_whoever_makes_it() {
    run_with(without_limits(), async |town| {
        let (other, lifecycle) = town.another_bot().await;
        let machine = town.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
        both_settle(town, &other).await;
        let (message, id) = town.button("machines", "Approve").unwrap();
        let press = serde_json::json!({ "as": "approver", "do": "press", "message": message, "custom_id": id });
        town.discord.act(press).await;
        both_settle(town, &other).await;
        let calls = town.xt.calls().iter().filter(|c| format!("{c:?}").contains("/machine/approve")).count();
        assert_eq!(calls, 1, "for {}", machine.hostname);
        assert!(town.see("machines").contains("confirmed by XTSystems"));
        lifecycle.stop();
    })
    .await;
}

/// What a killed process left behind is found only after Discord may have forgotten the nonce.
#[tokio::test]
async fn after_the_nonce_window_the_history_decides() {
    for was_done in [false, true] {
        run_with(without_limits(), async |town| {
            let (other, lifecycle) = town.another_bot().await;
            let working = match was_done {
                false => in_a_request(town, &other).await,
                true => in_an_answer(town, &other).await,
            };
            working.abort();
            let _ = working.await;
            lifecycle.stop();
            drop(other);
            town.discord.no_hook();
            town.fault("create_message", "forget_nonces", 1);
            town.advance(seconds(70)).await;
            assert_eq!(town.lines("alerts"), "one", "done: {was_done}");
            assert_eq!(town.requests("GET", "/messages"), 1);
            town.advance(seconds(600)).await;
            assert_eq!(town.lines("alerts"), "one", "done: {was_done}");
        })
        .await;
    }
}

/// The other process waits for an answer to what Discord has done already.
async fn in_an_answer(town: &Town, other: &Arc<App>) -> tokio::task::JoinHandle<()> {
    town.settle().await;
    town.discord.on_request(|seen| async move {
        if seen.route == "create_message" && seen.phase == Phase::AfterEffect {
            std::future::pending::<()>().await;
        }
        Then::Continue
    });
    town.xt.send("alert.triggered", alert("one")).await;
    let other = other.clone();
    let working = tokio::spawn(async move {
        let _ = other.step().await;
    });
    town.until("Discord has it", || town.lines("alerts") == "one").await;
    working
}

/// The other process is in the middle of a request that will never be answered.
async fn in_a_request(town: &Town, other: &Arc<App>) -> tokio::task::JoinHandle<()> {
    town.settle().await;
    town.fault("create_message", "hang", 1);
    town.xt.send("alert.triggered", alert("one")).await;
    let other = other.clone();
    let working = tokio::spawn(async move {
        let _ = other.step().await;
    });
    town.until("it asks Discord", || town.requests("POST", "/messages") == 1).await;
    working
}

#[tokio::test]
async fn a_lease_keeps_the_others_away_until_it_lapses() {
    run_with(without_limits(), async |town| {
        let (other, lifecycle) = town.another_bot().await;
        let working = in_a_request(town, &other).await;
        town.alert("two").await;
        town.advance(seconds(14)).await;
        assert_eq!(town.requests("POST", "/messages"), 1, "the lane is the other's");
        town.advance(seconds(2)).await;
        assert_eq!(town.lines("alerts"), "one\ntwo");
        // The answer that the other one still waits for comes to nothing.
        working.await.unwrap();
        both_settle(town, &other).await;
        assert_eq!(town.lines("alerts"), "one\ntwo");
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn the_leases_of_a_killed_process_are_taken_over_at_once() {
    run_with(without_limits(), async |town| {
        let (other, lifecycle) = town.another_bot().await;
        let working = in_a_request(town, &other).await;
        assert_eq!(town.store().reclaim_orphaned_leases(0, town.clock.now()).await.unwrap(), 0, "it lives");
        working.abort();
        let _ = working.await;
        lifecycle.stop();
        drop(other);
        for _ in 0..500 {
            if town.store().reclaim_orphaned_leases(0, town.clock.now()).await.unwrap() > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        town.settle().await;
        assert_eq!(town.lines("alerts"), "one", "without waiting for the lease to lapse");
    })
    .await;
}
