//! Bursts: Discord never has to refuse for the number of requests, and everything lands.

use crate::support::delivery::{alert, seconds, ticket};
use crate::support::town::{Setup, Town, run, run_with};

async fn until_all_is_out(town: &Town) -> i64 {
    let mut waited = 0;
    while town.count("SELECT count(*) FROM message WHERE state IN ('queued', 'sending')").await > 0 {
        waited += 1;
        assert!(waited < 300, "it does not come to an end");
        town.advance(seconds(1)).await;
    }
    waited
}

#[tokio::test]
async fn sixty_notices_and_forty_cards_in_one_channel() {
    let env = vec![("DISCORD_WEBHOOK_CHANNELS", r#"{"default": ["1180000000000000101"]}"#.to_owned())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        for n in 0..60 {
            town.xt.send("alert.triggered", alert(&format!("alert {n}"))).await;
            if n < 40 {
                town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
            }
        }
        town.settle().await;
        until_all_is_out(town).await;
        assert_eq!(town.refused_for_limits(), 0);
        let shown = town.see("ops");
        for n in 0..60 {
            assert_eq!(shown.matches(&format!("alert {n}\n")).count(), 1, "alert {n}");
        }
        for n in 0..40 {
            assert_eq!(shown.matches(&format!("Title: Ticket {n}\n")).count(), 1, "ticket {n}");
        }
    })
    .await;
}

#[tokio::test]
async fn forty_channels_share_the_global_limit() {
    run(async |town| {
        town.route_to_new_channels("ticket.*", "room", 40).await;
        for n in 0..5 {
            town.xt.send("ticket.created", ticket(&n.to_string(), "open")).await;
        }
        town.settle().await;
        let waited = until_all_is_out(town).await;
        for n in 0..5 {
            town.xt.send("ticket.updated", ticket(&n.to_string(), "waiting")).await;
        }
        for _ in 0..20 {
            town.advance(seconds(1)).await;
        }
        assert_eq!(town.refused_for_limits(), 0);
        assert!(waited <= 10, "200 messages at up to 49 a second took {waited} s");
        for room in 0..40 {
            let lines = town.lines(&format!("room{room}"));
            assert_eq!(lines.lines().filter(|l| l.ends_with("[Waiting]")).count(), 5, "{lines}");
        }
    })
    .await;
}
