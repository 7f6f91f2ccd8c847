//! A bot without its nonce, its lease or its dedup: the world shows that something is missing. Each test
//! runs the same scene with and without the protection.

use std::time::Duration;

use standin::xtsystems::{Mode, Place};

use crate::support::delivery::alert;
use crate::support::scene::{Company, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_nonce_a_lost_answer_makes_two_messages() {
    for (lacks, expected) in [("", 1), ("no-nonce", 2)] {
        let scene = Scene::start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        scene.fault("create_message", "accept_then_drop");
        scene.xt.send("alert.triggered", alert("disk full")).await;
        scene.until("it is shown", || scene.seen("alerts", "disk full") > 0).await;
        scene.until_quiet().await;
        assert_eq!(scene.seen("alerts", "disk full"), expected, "{lacks}");
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_dedup_a_repeat_is_a_second_message() {
    for (lacks, expected) in [("", 1), ("no-dedup", 2)] {
        let scene = Scene::start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        let deliveries = scene.xt.send("alert.triggered", alert("disk full")).await;
        scene.xt.resend(&deliveries[0].id).await;
        scene.until("it is shown", || scene.seen("alerts", "disk full") > 0).await;
        scene.until_quiet().await;
        assert_eq!(scene.seen("alerts", "disk full"), expected, "{lacks}");
        scene.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_lease_two_processes_make_the_same_call() {
    for (lacks, doubled) in [("", false), ("no-lease", true)] {
        let scene = Scene::start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        let _beside = scene.another(&[("SIGNALBOX_MUTATE", lacks)]);
        scene.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
        scene.until("the machine is shown", || scene.seen("machines", "web-07") == 1).await;
        // Nobody is answered; the second process looks for work each second.
        scene.xt.mode(Mode::timeout_ms(8_000).at(Place::Approve));
        scene.press("web-07", "Approve").await;
        let calls = || scene.xt.calls().iter().filter(|c| c.path.starts_with("/v1/machine/approve")).count();
        scene.until("it is called", || calls() > 0).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(calls() > 1, doubled, "{lacks}: {} calls while the first is under way", calls());
        scene.finish().await;
    }
}

/// Only one of two alerts is wanted; a filter that matches everything shows both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_filter_a_route_shows_everything() {
    for (lacks, expected) in [("", 0), ("filter", 1)] {
        let scene = Scene::start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        scene.route_alerts_to(scene.discord.channel_id("party")).await;
        scene
            .change(
                "UPDATE route SET filter = 'data.message == \"keep this\"' WHERE pattern = 'alert.*' AND origin = 'db'",
            )
            .await;
        scene.change("UPDATE route SET enabled = false WHERE NOT (pattern = 'alert.*' AND origin = 'db')").await;
        scene.xt.send("alert.triggered", alert("drop this")).await;
        scene.xt.send("alert.triggered", alert("keep this")).await;
        scene.until("the wanted one is shown", || scene.seen("party", "keep this") > 0).await;
        scene.until_quiet().await;
        assert_eq!(scene.seen("party", "drop this"), expected, "{lacks}");
        scene.finish().await;
    }
}

/// Three alerts at once: the first goes at once, the others together. Without the window each is a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_window_a_lane_does_not_gather() {
    for (lacks, expected) in [("", 2), ("batch-window", 3)] {
        let all = &[("DELIVERY_BATCH_WINDOW", "4s")];
        let first = &[("SIGNALBOX_MUTATE", lacks)];
        let scene = Scene::company(Company { all, first, ..Company::default() }).await;
        scene.xt.send("alert.triggered", alert("first")).await;
        scene.until("the first is shown", || scene.seen("alerts", "first") > 0).await;
        scene.xt.send("alert.triggered", alert("second")).await;
        scene.xt.send("alert.triggered", alert("third")).await;
        scene.until("all are shown", || scene.seen("alerts", "third") > 0 && scene.seen("alerts", "second") > 0).await;
        scene.until_quiet().await;
        assert_eq!(scene.texts("alerts").len(), expected, "{lacks}");
        let texts = scene.texts("alerts").concat();
        let places = ["first", "second", "third"].map(|words| texts.find(words).unwrap());
        assert!(places.is_sorted(), "in their order: {texts}");
        scene.finish().await;
    }
}

/// A described source is told things by somebody who does not have its secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_verification_a_source_believes_anybody() {
    for (lacks, status, expected) in [("", 401, 0), ("verification", 202, 1)] {
        let scene = Scene::start(&[("SIGNALBOX_MUTATE", lacks)]).await;
        let made = scene.tool(&["source", "add", "ci", "--preset", "github"]).await;
        let address = made.lines().find_map(|line| line.strip_prefix("Address:")).unwrap().trim().to_owned();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let forged = http.post(address).header("x-hub-signature-256", format!("sha256={}", "00".repeat(32)));
        let body = r#"{"zen":"Trust everyone."}"#;
        let answer = forged.header("x-github-event", "ping").body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{lacks}");
        scene.until_quiet().await;
        assert_eq!(scene.seen("ops", "Trust everyone"), expected, "{lacks}");
        scene.finish().await;
    }
}
