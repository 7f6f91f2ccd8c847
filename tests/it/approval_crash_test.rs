//! The program is killed while people vote, undo, and while a reminder is due: in the end everything
//! happened once, and what XTSystems was told is what the card says.

use std::time::{Duration, Instant};

use crate::support::scene::{Company, Scene};

const SOON: Duration = Duration::from_millis(200);

/// The rules that each of these towns has, before and after a death.
const RULES: &[(&str, &str)] = &[("APPROVALS_NEEDED", "1,prod-*=2"), ("APPROVALS_UNDO_SECONDS", "6")];

async fn start(point: &str) -> Scene {
    let scene =
        Scene::company(Company { all: RULES, first: &[("SIGNALBOX_CRASH_AT", point)], ..Company::default() }).await;
    scene.discord.set_role(scene.discord.user_id("member"), scene.discord.role_id("Approver"), true);
    scene
}

async fn registered(scene: &Scene, hostname: &str) -> String {
    let machine = scene.xt.register_machine(hostname, "10.0.0.7", "Debian 13").await;
    scene.until("the machine is shown", || scene.seen("machines", hostname) > 0).await;
    machine.asset_id
}

/// Presses, again and again as a person does, until the card says these words.
async fn press_until(scene: &Scene, who: &str, hostname: &str, label: &str, words: &str) {
    let since = Instant::now();
    while scene.seen("machines", words) == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "{who} presses {label} until {words}");
        scene.press_as(who, hostname, label).await;
        tokio::time::sleep(SOON).await;
    }
}

/// Two people approve; the process dies at a vote.
async fn two_votes_survive(point: &str) {
    let scene = start(point).await;
    let asset = registered(&scene, "prod-db").await;
    press_until(&scene, "approver", "prod-db", "Approve", "1 of 2 approved").await;
    press_until(&scene, "member", "prod-db", "Approve", "confirmed by XTSystems").await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(scene.decisions(), [asset]);
    assert_eq!(scene.count("SELECT count(*) FROM approval_vote").await, 2);
    assert_eq!(scene.count("SELECT count(*) FROM audit WHERE action = 'voted'").await, 1);
    assert_eq!(scene.count("SELECT count(*) FROM audit WHERE action = 'decided'").await, 1);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_vote_is_committed() {
    two_votes_survive("vote.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_vote_is_committed() {
    two_votes_survive("vote.after_commit").await;
}

/// Somebody approves and undoes; the process dies at the undo. Undone or sent: never both.
async fn an_undo_survives(point: &str) {
    let scene = start(point).await;
    let asset = registered(&scene, "web-07").await;
    press_until(&scene, "approver", "web-07", "Approve", "sent to XTSystems").await;
    let over = || scene.seen("machines", "Undone by") + scene.seen("machines", "confirmed by XTSystems") > 0;
    let since = Instant::now();
    while !over() {
        assert!(since.elapsed() < Duration::from_secs(60), "it is undone, or sent");
        scene.press_as("approver", "web-07", "Undo").await;
        tokio::time::sleep(SOON).await;
    }
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    let undone = scene.count("SELECT count(*) FROM audit WHERE action = 'undone'").await;
    let sent = scene.decisions();
    assert!(undone == 1 && sent.is_empty() || undone == 0 && sent == [asset], "{undone} undone, sent {sent:?}");
    assert_eq!(scene.seen("machines", "Undone by"), usize::try_from(undone).unwrap());
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_an_undo_is_committed() {
    an_undo_survives("undo.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_undo_is_committed() {
    an_undo_survives("undo.after_commit").await;
}

/// A reminder and an escalation are due; the process dies as it plans them.
async fn a_reminder_is_there_once(point: &str) {
    let scene = start(point).await;
    registered(&scene, "web-07").await;
    scene.until_quiet().await;
    scene
        .change(
            "UPDATE approval SET remind_at = clock_timestamp(), escalate_at = clock_timestamp(),
             terms = terms || jsonb_build_object('escalate_role', 1180000000000000021)",
        )
        .await;
    scene.until("somebody is reminded", || scene.seen("machines", "Nobody has decided") > 0).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(scene.seen("machines", "Still to be decided"), 1);
    assert_eq!(scene.seen("machines", "Nobody has decided"), 1);
    assert_eq!(scene.count("SELECT count(*) FROM audit WHERE action IN ('reminded', 'escalated')").await, 2);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_reminder_is_committed() {
    a_reminder_is_there_once("tick.before_commit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_reminder_is_committed() {
    a_reminder_is_there_once("tick.after_commit").await;
}

/// Two processes look after the same approvals.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_remind_once() {
    let scene = Scene::company(Company { all: RULES, ..Company::default() }).await;
    let beside = scene.another(RULES);
    for n in 0..5 {
        registered(&scene, &format!("web-{n}")).await;
    }
    scene.until_quiet().await;
    scene.change("UPDATE approval SET remind_at = clock_timestamp()").await;
    scene.until("all are spoken of", || scene.seen("machines", "Still to be decided") >= 5).await;
    scene.until_quiet().await;
    assert_eq!(scene.seen("machines", "Still to be decided"), 5);
    drop(beside);
    scene.finish().await;
}
