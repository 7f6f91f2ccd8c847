//! A bot without its nonce, its lease or its dedup: the world shows that something is missing. Each test
//! runs the same scene with and without the protection.

use std::time::Duration;

use standin::xtsystems::{Mode, Place};

use crate::support::delivery::alert;
use crate::support::scene::Scene;

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
