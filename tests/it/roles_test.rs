//! The parts of the program in processes of their own, on one PostgreSQL and Redis: two of each, killed in turn.

use std::time::Duration;

use crate::support::delivery::{alert, ticket};
use crate::support::scene::{Company, Scene};
use crate::support::servers::redis;

const TWO_OF_EACH: &[&str] = &["intake", "intake", "bot", "bot", "worker", "worker", "ticker", "ticker"];

/// Each process is killed once, while alerts and tickets come in and machines are let in.
async fn all_are_killed_in_turn(scene: Scene) {
    let mut machines = Vec::new();
    for n in 0..TWO_OF_EACH.len() {
        scene.xt.send("alert.triggered", alert(&format!("alert {n}a."))).await;
        scene.xt.send("ticket.created", ticket(&format!("t{n}"), "open")).await;
        let machine = scene.xt.register_machine(&format!("host-{n}"), "10.0.0.7", "Debian 13").await;
        let shown = format!("\"{}\"", machine.hostname);
        scene.until("the machine is shown", || scene.seen("machines", &shown) > 0).await;
        scene.kill_one(n);
        scene.press(&machine.hostname, "Approve").await;
        machines.push(machine);
        scene.xt.send("alert.triggered", alert(&format!("alert {n}b."))).await;
        scene.xt.send("ticket.updated", ticket(&format!("t{n}"), "waiting")).await;
        for earlier in &machines {
            scene.press(&earlier.hostname, "Approve").await;
        }
    }
    let alerts: Vec<String> =
        (0..TWO_OF_EACH.len()).flat_map(|n| [format!("alert {n}a."), format!("alert {n}b.")]).collect();
    let shown = || alerts.iter().all(|alert| scene.seen("alerts", alert) > 0);
    scene.until("all alerts are shown", shown).await;
    for machine in &machines {
        while scene.press(&machine.hostname, "Approve").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let current = || scene.seen("tickets", "Waiting") >= TWO_OF_EACH.len();
    scene.until("all tickets are current", current).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths() as usize, TWO_OF_EACH.len());
    for alert in &alerts {
        assert_eq!(scene.seen("alerts", alert), 1, "{alert}");
    }
    assert_eq!(scene.texts("tickets").len(), TWO_OF_EACH.len());
    assert_eq!(scene.texts("machines").len(), TWO_OF_EACH.len());
    let (mut decided, mut expected) = (scene.decisions(), vec![]);
    expected.extend(machines.iter().map(|machine| machine.asset_id.clone()));
    decided.sort();
    expected.sort();
    assert_eq!(decided, expected, "each approval was decided upstream, once");
    scene.finish().await;
}

/// What all of them share beside the database; each needs few connections to that.
fn shared() -> Vec<(&'static str, String)> {
    let prefix = hex::encode(signalbox::clock::random_bytes::<6>());
    vec![("REDIS_URL", redis()), ("REDIS_PREFIX", prefix), ("DATABASE_MAX_CONNECTIONS", "4".into())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_with_a_session_for_each_of_two_shards() {
    let shared = shared();
    let all = shared.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    let company = Company { all: &all, roles: TWO_OF_EACH, shards: 2, ..Company::default() };
    all_are_killed_in_turn(Scene::company(company).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_with_interactions_by_http() {
    let shared = shared();
    let mut all = shared.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    all.push(("DISCORD_GATEWAY", "off"));
    let company = Company { all: &all, roles: TWO_OF_EACH, by_http: true, ..Company::default() };
    let scene = Scene::company(company).await;
    assert_eq!(scene.discord.log_ins(), 0);
    all_are_killed_in_turn(scene).await;
}
