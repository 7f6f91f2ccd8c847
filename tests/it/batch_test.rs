//! Bursts: the first notice goes at once, the rest of a moment together, and too many become a list.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::town::{Setup, Town, run_with};

fn window() -> Setup {
    Setup { env: vec![("DELIVERY_BATCH_WINDOW", "500ms".into())], ..Setup::default() }
}

async fn alerts(town: &Town, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let data = json!({ "id": format!("a{n}"), "alert_type": "disk", "severity": "critical", "message": format!("Disk {n} is full") });
        town.xt.send("alert.triggered", data).await;
    }
    town.settle().await;
}

/// Each message as the titles or descriptions of its embeds.
fn seen(town: &Town) -> Vec<Vec<String>> {
    let messages = town.messages("alerts");
    let embeds = messages.iter().map(|message| message["embeds"].as_array().cloned().unwrap_or_default());
    embeds.map(|all| all.iter().map(|embed| embed["description"].as_str().unwrap_or("").to_owned()).collect()).collect()
}

#[tokio::test]
async fn the_first_at_once_and_the_rest_of_the_moment_together() {
    run_with(window(), async |town| {
        alerts(town, 1..2).await;
        assert_eq!(seen(town), [["Disk 1 is full"]]);
        alerts(town, 2..5).await;
        town.advance(TimeDelta::milliseconds(499)).await;
        assert_eq!(seen(town).len(), 1, "the window is not over");
        town.advance(TimeDelta::milliseconds(1)).await;
        assert_eq!(seen(town)[1..], [["Disk 2 is full", "Disk 3 is full", "Disk 4 is full"]]);
        // After a silence the next one goes at once again.
        town.advance(TimeDelta::seconds(1)).await;
        alerts(town, 5..6).await;
        assert_eq!(seen(town)[2..], [["Disk 5 is full"]]);
    })
    .await;
}

#[tokio::test]
async fn too_many_are_a_list_that_names_each() {
    run_with(window(), async |town| {
        alerts(town, 1..2).await;
        alerts(town, 2..14).await;
        town.advance(TimeDelta::milliseconds(500)).await;
        insta::assert_snapshot!(town.see("alerts"), @"
        [🚨 Alert Triggered]
        Disk 1 is full
        Alert Type: disk
        Severity: 🔴 critical
        -- XTSystems · alert.triggered

        [📋 12 Events]
        • 🚨 Alert Triggered — Disk 2 is full <+0s>
        • 🚨 Alert Triggered — Disk 3 is full <+0s>
        • 🚨 Alert Triggered — Disk 4 is full <+0s>
        • 🚨 Alert Triggered — Disk 5 is full <+0s>
        • 🚨 Alert Triggered — Disk 6 is full <+0s>
        • 🚨 Alert Triggered — Disk 7 is full <+0s>
        • 🚨 Alert Triggered — Disk 8 is full <+0s>
        • 🚨 Alert Triggered — Disk 9 is full <+0s>
        • 🚨 Alert Triggered — Disk 10 is full <+0s>
        • 🚨 Alert Triggered — Disk 11 is full <+0s>
        • 🚨 Alert Triggered — Disk 12 is full <+0s>
        • 🚨 Alert Triggered — Disk 13 is full <+0s>
        -- XTSystems
        ");
    })
    .await;
}

#[tokio::test]
async fn a_stop_within_the_window_loses_nothing() {
    run_with(window(), async |town| {
        alerts(town, 1..2).await;
        alerts(town, 2..4).await;
        town.restart().await;
        assert_eq!(seen(town).len(), 1);
        town.advance(TimeDelta::milliseconds(500)).await;
        assert_eq!(seen(town)[1..], [["Disk 2 is full", "Disk 3 is full"]]);
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(seen(town).len(), 2, "and tells nothing twice");
    })
    .await;
}

#[tokio::test]
async fn a_destination_may_have_a_window_of_its_own() {
    run_with(window(), async |town| {
        alerts(town, 1..2).await;
        town.execute("UPDATE destination SET batch_window_ms = 0").await;
        town.advance(TimeDelta::milliseconds(500)).await;
        alerts(town, 2..3).await;
        alerts(town, 3..4).await;
        assert_eq!(seen(town), [["Disk 1 is full"], ["Disk 2 is full"], ["Disk 3 is full"]]);
    })
    .await;
}
