//! Lanes that share a statement and its commit: each keeps its own order and its own fate.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use signalbox::clock::Clock;
use signalbox::store::lane::Lane;
use signalbox::store::send::{Freeze, NewSend};
use sqlx::Connection as _;
use standin::discord::{Limits, Phase};

use crate::support::delivery::{alert, route_to_new_channels};
use crate::support::scene::{Company, Scene};
use crate::support::town::{Setup, Town, run_with};

const ROOMS: usize = 40;

/// Alerts go into forty channels, as fast as they can.
fn many() -> Setup {
    let env = vec![("DELIVERY_GLOBAL_PER_SECOND", "1000".to_owned()), ("DELIVERY_BATCH_WINDOW", "0ms".to_owned())];
    Setup { limits: Limits::Off, env, ..Setup::default() }
}

/// What each of the forty channels shows, when that is the same in all of them.
fn shown_everywhere(town: &Town) -> String {
    let first = town.lines("room0");
    for room in 1..ROOMS {
        assert_eq!(town.lines(&format!("room{room}")), first, "room{room}");
    }
    first
}

#[tokio::test]
async fn each_lane_shows_all_in_its_order() {
    run_with(many(), async |town| {
        town.route_to_new_channels("alert.*", "room", ROOMS).await;
        for n in 1..=23 {
            town.xt.send("alert.triggered", alert(&format!("a{n}"))).await;
        }
        town.settle().await;
        insta::assert_snapshot!(shown_everywhere(town), @"
        a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10
        a11 + a12 + a13 + a14 + a15 + a16 + a17 + a18 + a19 + a20
        a21 + a22 + a23
        ");
        let logged = "SELECT count(*) FROM attempt WHERE action = 'create' AND outcome = 'delivered' AND status = 200";
        assert_eq!(town.count(logged).await, 3 * ROOMS as i64);
        let finished = "SELECT count(*) FROM send WHERE state = 'delivered' AND attempting_at IS NULL AND attempts = 1
            AND finished_at IS NOT NULL AND discord_message_id IS NOT NULL";
        assert_eq!(town.count(finished).await, 3 * ROOMS as i64);
        let noted = "SELECT count(*) FROM destination WHERE last_delivery_at IS NOT NULL";
        assert_eq!(town.count(noted).await, ROOMS as i64);
    })
    .await;
}

/// One lane's statement cannot be carried out: it is left for later, and the others go on.
#[tokio::test]
async fn what_the_database_refuses_of_one_lane_stops_no_other() {
    run_with(many(), async |town| {
        town.route_to_new_channels("alert.*", "room", ROOMS).await;
        town.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF NEW.destination_id = (SELECT id FROM destination ORDER BY channel_id DESC NULLS LAST LIMIT 1)
             THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$",
        )
        .await;
        town.execute("CREATE TRIGGER refuse BEFORE INSERT ON send FOR EACH ROW EXECUTE FUNCTION refuse()").await;
        town.xt.send("alert.triggered", alert("one")).await;
        town.settle().await;
        let rooms = (0..ROOMS).filter(|room| town.lines(&format!("room{room}")) == "one").count();
        assert_eq!(rooms, ROOMS - 1);
        town.execute("DROP TRIGGER refuse ON send").await;
        // Its lease has to lapse, and the request that was let go and never made is waited for.
        town.advance(TimeDelta::seconds(40)).await;
        assert_eq!(shown_everywhere(town), "one");
    })
    .await;
}

/// Each of these lanes' first message, about to be frozen.
async fn claimed(town: &Town) -> Vec<(Lane, Arc<NewSend>)> {
    let (store, now) = (town.store(), town.clock.now());
    let until = now + TimeDelta::seconds(15);
    let lanes = store.claim_lanes(town.clock.uuid(), 7, now, until, 100).await.unwrap();
    let mut all = Vec::new();
    for lane in lanes {
        let work = store.find_lane_work(lane.destination.id, now, 1).await.unwrap();
        let new = NewSend {
            id: town.clock.uuid(),
            message_ids: vec![work.queued[0].id],
            card_id: None,
            card_version: None,
            body: json!({ "content": "one" }),
            post: None,
            post_key: None,
        };
        all.push((lane, Arc::new(new)));
    }
    all
}

#[tokio::test]
async fn a_lane_that_was_taken_and_a_message_that_is_gone_are_left_out() {
    run_with(many(), async |town| {
        town.route_to_new_channels("alert.*", "room", 5).await;
        // Checked first, so that they can be claimed.
        town.alert("zero").await;
        town.xt.send("alert.triggered", alert("one")).await;
        signalbox::delivery::plan::plan_due(&town.app.ports, 10).await.unwrap();
        let lanes = claimed(town).await;
        assert_eq!(lanes.len(), 5);
        let mut connection = sqlx::PgConnection::connect(&town.database_url).await.unwrap();
        let taken = sqlx::query("UPDATE lane SET lease_token = gen_random_uuid() WHERE destination_id = $1");
        taken.bind(lanes[1].0.destination.id).execute(&mut connection).await.unwrap();
        let gone = sqlx::query("UPDATE message SET state = 'dead' WHERE id = $1");
        gone.bind(lanes[3].1.message_ids[0]).execute(&mut connection).await.unwrap();
        let jobs: Vec<Freeze> = lanes.iter().map(|(lane, new)| Freeze::of(lane, new).unwrap()).collect();
        let now = town.clock.now();
        let frozen = town.store().freeze_together(&jobs, now, now + TimeDelta::seconds(15)).await.unwrap();
        assert_eq!(frozen, [true, false, true, false, true]);
        assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'open' AND attempting_at IS NOT NULL").await, 3);
        assert_eq!(town.count("SELECT count(*) FROM message WHERE state = 'sending'").await, 3);
        assert_eq!(town.count("SELECT count(*) FROM message WHERE state = 'queued'").await, 1);
        let again = town.store().freeze_together(&jobs, now, now + TimeDelta::seconds(15)).await.unwrap();
        assert_eq!(again, [false; 5], "what is frozen is not frozen twice");
        for room in 0..5 {
            assert_eq!(town.lines(&format!("room{room}")), "zero");
        }
    })
    .await;
}

/// Alerts into many channels; the process dies while many of them are at the same point.
async fn all_lanes_survive(scene: Scene) {
    let store = scene.store();
    route_to_new_channels(&store, &Clock::system(), &scene.discord, "alert.*", "room", 12).await;
    store.close().await;
    for n in 1..=4 {
        scene.xt.send("alert.triggered", alert(&format!("disk {n} full"))).await;
    }
    let rooms: Vec<String> = (0..12).map(|n| format!("room{n}")).collect();
    let all = || rooms.iter().all(|room| (1..=4).all(|n| scene.seen(room, &format!("disk {n} full")) > 0));
    scene.until("everything is shown", all).await;
    scene.until_quiet().await;
    assert_eq!(scene.deaths(), 1, "it was killed on the way, once");
    for room in &rooms {
        for n in 1..=4 {
            assert_eq!(scene.seen(room, &format!("disk {n} full")), 1, "{n} in {room}");
        }
    }
    scene.finish().await;
}

const FAST: &[(&str, &str)] = &[("DELIVERY_BATCH_WINDOW", "0ms")];

macro_rules! killed_together {
    ($($name:ident: $point:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let first = &[("SIGNALBOX_CRASH_AT", $point)];
            all_lanes_survive(Scene::company(Company { first, all: FAST, ..Company::default() }).await).await;
        }
    )*};
}

killed_together! {
    killed_with_many_frozen: "send.frozen",
    killed_with_many_answered_and_none_finished: "send.answered",
    killed_with_many_finished: "send.finished",
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_discord_has_some_of_many() {
    let scene = Scene::company(Company { all: FAST, ..Company::default() }).await;
    scene.kill_at_request("create_message", Phase::AfterEffect);
    all_lanes_survive(scene).await;
}
