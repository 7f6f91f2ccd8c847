//! The program is killed, at named points, at requests of Discord, and at random; whatever happens, in
//! the end everything is there once, and every approval was decided once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use standin::discord::Phase;

use crate::support::delivery::{alert, ticket};
use crate::support::dice::Dice;
use crate::support::listener::Listener;
use crate::support::scene::{Company, Scene};

/// An alert, a ticket that changes, a machine that is let in; the process dies once on the way.
async fn the_story_survives(scene: Scene) {
    scene.xt.send("alert.triggered", alert("disk full")).await;
    scene.xt.send("ticket.created", ticket("1", "open")).await;
    let machine = scene.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
    scene.until("the ticket is shown", || scene.seen("tickets", "Ticket 1") == 1).await;
    scene.xt.send("ticket.updated", ticket("1", "waiting")).await;
    scene.until("the machine is shown", || scene.seen("machines", "web-07") == 1).await;
    let since = Instant::now();
    while scene.seen("machines", "confirmed by XTSystems") == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "the machine is approved");
        scene.press("web-07", "Approve").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.until("the ticket is current", || scene.seen("tickets", "Waiting") == 1).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    let shown = ["alerts", "tickets", "machines"].map(|channel| scene.texts(channel).len());
    assert_eq!(shown, [1, 1, 1], "each once");
    assert_eq!(scene.seen("alerts", "disk full"), 1);
    assert_eq!(scene.decisions(), [machine.asset_id]);
    scene.finish().await;
}

/// One test for each named point of the program.
macro_rules! killed_at_points {
    ($($name:ident: $point:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            the_story_survives(Scene::start(&[("SIGNALBOX_CRASH_AT", $point)]).await).await;
        }
    )*
    };
}

killed_at_points! {
    after_an_event_is_stored: "ingest.committed",
    before_a_plan_is_committed: "plan.before_commit",
    after_a_plan_is_committed: "plan.after_commit",
    after_a_lane_is_claimed: "deliver.claimed",
    after_a_create_is_frozen: "send.frozen",
    after_a_create_is_answered: "send.answered",
    after_a_create_is_finished: "send.finished",
    before_an_edit: "edit.before",
    after_an_edit_is_answered: "edit.answered",
    before_a_press_is_committed: "press.before_commit",
    after_a_press_is_committed: "press.after_commit",
    after_a_call_is_claimed: "call.claimed",
    after_a_call_is_answered: "call.answered",
}

/// A note, written again when nothing came of it, and a status; the process dies once on the way.
async fn the_note_is_there_once(scene: Scene) {
    scene.xt.open_ticket("Printer offline", "Since 09:40.", "High").await;
    scene.until("the ticket is shown", || scene.seen("tickets", "Printer offline") == 1).await;
    let since = Instant::now();
    while scene.xt.tickets()[0].notes.is_empty() || scene.deaths() == 0 {
        assert!(since.elapsed() < Duration::from_secs(60), "the note is there, and the process died");
        if scene.count("SELECT count(*) FROM ticket_action").await == 0 {
            scene.write_note("Toner is on its way.").await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    assert_eq!(scene.count("SELECT count(*) FROM ticket_action WHERE state = 'confirmed'").await, 1);
    let ticket = &scene.xt.tickets()[0];
    assert_eq!(ticket.notes.len(), 1, "{:?}", ticket.notes);
    assert_eq!(scene.seen("tickets", "note by"), 1, "and one line about it");
    scene.finish().await;
}

macro_rules! killed_with_a_note {
    ($($name:ident: $point:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            the_note_is_there_once(Scene::start(&[("SIGNALBOX_CRASH_AT", $point)]).await).await;
        }
    )*};
}

killed_with_a_note! {
    before_a_ticket_press_is_committed: "ticket.press.before_commit",
    after_a_ticket_press_is_committed: "ticket.press.after_commit",
    after_a_ticket_call_is_claimed: "ticket.claimed",
    before_a_note_is_posted: "ticket.posting",
    after_a_note_is_answered: "ticket.answered",
    after_a_ticket_answer_is_kept: "ticket.finished",
}

/// Another system is told of a machine; the process dies once on the way.
async fn others_are_told(point: &str) {
    let listener = Listener::start().await;
    let company = Company {
        first: &[("SIGNALBOX_CRASH_AT", point)],
        all: &[("OUTBOUND_ALLOWED_NETWORKS", "127.0.0.0/8")],
        ..Company::default()
    };
    let scene = Scene::company(company).await;
    scene.subscribe(&listener.url).await;
    scene.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
    scene.until("it was killed", || scene.deaths() == 1).await;
    scene.until_none("SELECT count(*) FROM outbound_delivery WHERE state <> 'delivered'").await;
    assert_eq!(scene.count("SELECT count(*) FROM outbound_delivery").await, 1);
    let mut ids: Vec<String> = listener.heard().iter().map(|heard| heard.header("webhook-id")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "once, or again under the same id");
    scene.until_quiet().await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_message_to_another_system_is_claimed() {
    others_are_told("outbound.claimed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_another_system_has_answered() {
    others_are_told("outbound.answered").await;
}

/// Each has a test here or in another file.
#[test]
fn every_named_point_is_killed_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (program, tests) = (text_below(&root.join("src")), text_below(&root.join("tests/it")));
    let calls = program.split("crash::point(\"").skip(1);
    let mut named: Vec<&str> = calls.filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    assert!(named.len() > 30, "{named:?}");
    named.retain(|point| !tests.contains(&format!("\"{point}\"")));
    assert!(named.is_empty(), "no test kills at {named:?}");
}

fn text_below(directory: &Path) -> String {
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| if path.is_dir() { text_below(&path) } else { std::fs::read_to_string(&path).unwrap() };
    paths.map(read).collect()
}

macro_rules! killed_at_requests {
    ($($name:ident: $route:literal, $phase:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let scene = Scene::start(&[]).await;
            scene.kill_at_request($route, $phase);
            the_story_survives(scene).await;
        }
    )*};
}

killed_at_requests! {
    when_discord_has_a_create_before_it_does_it: "create_message", Phase::Before;
    when_discord_has_done_a_create: "create_message", Phase::AfterEffect;
    when_discord_has_an_edit_before_it_does_it: "edit_message", Phase::Before;
    when_discord_has_done_an_edit: "edit_message", Phase::AfterEffect;
    when_discord_has_a_callback_before_it_takes_it: "callback", Phase::Before;
    when_discord_has_taken_a_callback: "callback", Phase::AfterEffect;
}

/// As over the gateway: between a press that came by HTTP and its answer.
macro_rules! killed_by_http {
    ($($name:ident: $first:expr, $request:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let first: &[(&str, &str)] = &$first;
            let company = Company { first, all: &[("DISCORD_GATEWAY", "off")], by_http: true, ..Company::default() };
            let scene = Scene::company(company).await;
            if let Some((route, phase)) = $request {
                scene.kill_at_request(route, phase);
            }
            the_story_survives(scene).await;
        }
    )*};
}

killed_by_http! {
    by_http_before_a_press_is_committed: [("SIGNALBOX_CRASH_AT", "press.before_commit")], None;
    by_http_after_a_press_is_committed: [("SIGNALBOX_CRASH_AT", "press.after_commit")], None;
    by_http_before_the_answer_is_taken: [], Some(("callback", Phase::Before));
    by_http_when_the_answer_was_taken: [], Some(("callback", Phase::AfterEffect));
}

/// Seconds of killing; what is left over is made good afterwards.
const CHAOS: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random() {
    let (seed, mut dice) = Dice::seeded_by("CRASH_SEED");
    let scene = Scene::start(&[]).await;
    let (mut alerts, mut tickets, mut machines) = (0, 0, Vec::new());
    let since = Instant::now();
    let mut next_kill = Duration::from_millis(300);
    while since.elapsed() < CHAOS {
        if dice.below(8) == 0 {
            let place = ["create_message", "edit_message"][usize::from(dice.below(3) == 0)];
            let what =
                ["accept_then_drop", "drop", "status:500", "status:500:done", "429:user"][dice.below(5) as usize];
            scene.fault(place, what);
        }
        match dice.below(6) {
            0 | 1 => {
                scene.xt.send("alert.triggered", alert(&format!("alert {alerts}."))).await;
                alerts += 1;
            }
            2 => {
                scene.xt.send("ticket.created", ticket(&format!("t{tickets}"), "open")).await;
                tickets += 1;
            }
            3 if tickets > 0 => {
                let id = format!("t{}", dice.below(tickets));
                scene.xt.send("ticket.updated", ticket(&id, "waiting")).await;
            }
            4 if machines.len() < 6 => {
                let hostname = format!("host-{}", machines.len());
                machines.push(scene.xt.register_machine(&hostname, "10.0.0.7", "Debian 13").await);
            }
            5 => {
                let deliveries = scene.xt.deliveries();
                let n = usize::try_from(dice.below(deliveries.len().max(1) as u64)).unwrap();
                if let Some(delivery) = deliveries.get(n) {
                    scene.xt.resend(&delivery.id).await;
                }
            }
            _ => {
                if let Some(machine) = machines.last() {
                    scene.press(&machine.hostname, "Approve").await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
        if since.elapsed() > next_kill {
            scene.kill();
            next_kill = since.elapsed() + Duration::from_millis(200 + dice.below(1500));
        }
    }
    scene.discord.clear_faults();
    // Whatever XTSystems has given up is fetched by the next start.
    scene.kill();
    let before = scene.deaths();
    scene.until("it is started once more", || scene.deaths() > before && scene.discord.connected_sessions() > 0).await;
    let stored = |scene: &Scene| (0..alerts).all(|n| scene.seen("alerts", &format!("alert {n}.")) > 0);
    scene.until("all alerts are shown", || stored(&scene)).await;
    for machine in &machines {
        let shown = format!("\"{}\"", machine.hostname);
        scene.until("the machine is shown", || scene.seen("machines", &shown) > 0).await;
        while scene.press(&machine.hostname, "Approve").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    scene.until_quiet().await;
    for n in 0..alerts {
        assert_eq!(scene.seen("alerts", &format!("alert {n}.")), 1, "alert {n}, seed {seed}");
    }
    for n in 0..tickets {
        assert_eq!(scene.seen("tickets", &format!("\"Ticket t{n}\"")), 1, "ticket {n}, seed {seed}");
    }
    assert_eq!(scene.texts("machines").len(), machines.len(), "seed {seed}");
    let (mut decided, mut expected) = (scene.decisions(), vec![]);
    expected.extend(machines.iter().map(|m| m.asset_id.clone()));
    decided.sort();
    expected.sort();
    assert_eq!(decided, expected, "each approval was decided once, seed {seed}");
    println!("{} deaths, {alerts} alerts, {tickets} tickets, {} machines", scene.deaths(), machines.len());
    scene.finish().await;
}
