//! Discord at its own address, `https://discord.com`: the production path, with serenity's own rate
//! limiter on.

use serde_json::json;

use crate::support::town::{Setup, Town, run_with, told};

fn as_discord() -> Setup {
    Setup { as_discord: true, ..Setup::default() }
}

/// How often Discord answered so on a route.
fn answers(town: &Town, route: &str, status: u16) -> usize {
    let requests = town.discord.requests();
    requests.iter().filter(|r| r["path"].as_str().unwrap().contains(route) && r["status"] == status).count()
}

#[tokio::test]
async fn the_main_job_over_tls() {
    run_with(as_discord(), async |town| {
        assert!(town.env.iter().all(|(name, _)| name != "DISCORD_API_URL"));
        town.machine("web-07").await;
        town.press("approver", "machines", "Approve").await;
        let card = town.see("machines");
        assert!(card.contains("Approved"), "{card}");
    })
    .await;
}

#[tokio::test]
async fn a_limit_on_messages_is_kept_over_tls() {
    run_with(as_discord(), async |town| {
        town.fault_for("create_message", "429:user", 1, Some(1500));
        town.machine("web-07").await;
        assert_eq!(town.see("machines"), "");
        town.advance(chrono::TimeDelta::seconds(2)).await;
        assert!(town.see("machines").contains("web-07"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_to_a_press_that_discord_holds_up_comes_after_all() {
    run_with(as_discord(), async |town| {
        town.machine("web-07").await;
        town.fault_for("callback", "429:user", 1, Some(400));
        let outcome = town.press("member", "machines", "Approve").await;
        assert!(told(&outcome).contains("Only members with"), "{outcome}");
        assert_eq!((answers(town, "/callback", 429), answers(town, "/callback", 204)), (1, 1));
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_command_waits_for_its_limit_and_answers() {
    run_with(as_discord(), async |town| {
        town.fault_for("edit_original", "429:user", 1, Some(400));
        town.fault_for("followup", "429:user", 1, Some(400));
        let outcome = town.command("admin", "webhook-status", json!({})).await;
        assert!(outcome.to_string().contains("Webhook status"), "{outcome}");
    })
    .await;
}
