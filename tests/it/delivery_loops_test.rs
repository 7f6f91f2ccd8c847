//! The loops of the running program: a destination that does not answer holds up nobody else.

use crate::support::delivery::{alert, ticket};
use crate::support::town::{Setup, Town, run, run_with};
use standin::discord::Limits;

/// How many of these channels show something.
fn showing(town: &Town, channels: &[&str]) -> usize {
    channels.iter().filter(|channel| !town.lines(channel).is_empty()).count()
}

#[tokio::test]
async fn others_are_delivered_while_a_destination_hangs() {
    run(async |town| {
        town.app.start_loops();
        town.fault("create_message", "hang", 1);
        town.xt.send("alert.triggered", alert("one")).await;
        town.until("the alert is under way", || town.requests("POST", "/messages") == 1).await;
        for n in 1..=3 {
            town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
            town.until("the ticket is shown", || town.lines("tickets").lines().count() == n).await;
        }
        assert_eq!(town.lines("alerts"), "", "Discord still has not answered");
    })
    .await;
}

#[tokio::test]
async fn hanging_destinations_do_not_take_all_places() {
    // The manual clock stands still, and with it the budget of a second.
    let env = vec![("DELIVERY_GLOBAL_PER_SECOND", "1000".to_owned())];
    run_with(Setup { limits: Limits::Off, env, ..Setup::default() }, async |town| {
        town.route_to_new_channels("alert.*", "hangs", 40).await;
        town.settle().await;
        town.app.start_loops();
        town.fault("create_message", "hang", 40);
        town.xt.send("alert.triggered", alert("one")).await;
        town.until("all of them are under way", || town.requests("POST", "/messages") == 40).await;
        town.xt.send("ticket.created", ticket("1", "open")).await;
        town.until("the ticket is shown", || !town.lines("tickets").is_empty()).await;
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_cannot_be_checked_delays_no_other() {
    run(async |town| {
        town.fault("get_channel", "hang", 1);
        town.app.start_loops();
        town.xt.send("alert.triggered", alert("one")).await;
        town.xt.send("ticket.created", ticket("1", "open")).await;
        town.xt.send("asset.created", serde_json::json!({ "id": "7", "name": "Printer" })).await;
        let channels = ["alerts", "tickets", "ops"];
        town.until("all but one are shown", || showing(town, &channels) >= 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_check_that_hangs_delays_no_later_check() {
    run(async |town| {
        town.fault("get_channel", "hang", 1);
        town.app.start_loops();
        let checked = || {
            let all = town.discord.requests();
            all.iter().filter(|r| r["method"] == "GET" && r["path"].as_str().unwrap().contains("/channels/")).count()
        };
        town.until("the destinations are asked about, and one does not answer", || checked() == 4).await;
        town.route_to_new_channels("ticket.*", "later", 2).await;
        town.xt.send("ticket.created", ticket("1", "open")).await;
        town.until("two more are checked and show it", || showing(town, &["later0", "later1"]) == 2).await;
        assert_eq!(checked(), 6, "the one is not asked about again: it hangs still");
    })
    .await;
}
