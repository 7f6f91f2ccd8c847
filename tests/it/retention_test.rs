//! How long what came in is kept: the text of a webhook, what an event is about, and that it was seen.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::delivery::ticket;
use crate::support::town::{Town, run};
use signalbox::routing::ticket::ListItem;
use signalbox::store::upstream_list::ListKind;

const LEFT: &str = "SELECT e.kind || CASE WHEN e.data IS NULL THEN '' ELSE ', its data' END
    || CASE WHEN r.event_id IS NULL THEN '' ELSE ', its text' END
    FROM event e LEFT JOIN event_raw r ON r.event_id = e.id ORDER BY e.id";

/// Housekeeping with the default settings, some days later.
async fn days_later(town: &Town, later: i64) -> Vec<String> {
    let now = town.clock.now() + TimeDelta::days(later);
    signalbox::privacy::purge_at(&town.app.ports, now).await.unwrap();
    town.column(LEFT).await
}

#[tokio::test]
async fn text_goes_first_then_what_it_is_about_then_the_event() {
    run(async |town| {
        town.send("alert.triggered", json!({ "message": "planned", "severity": "error" })).await;
        town.advance(TimeDelta::minutes(1)).await;
        let _ = town.see("alerts");
        assert_eq!(days_later(town, 6).await, ["alert.triggered, its data, its text"]);
        assert_eq!(days_later(town, 8).await, ["alert.triggered, its data"]);
        assert_eq!(days_later(town, 31).await, ["alert.triggered"]);
        assert_eq!(days_later(town, 91).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn what_is_not_planned_stays_whole_and_is_planned_from_its_text() {
    run(async |town| {
        let data = json!({ "message": "late \u{0} one", "severity": "error" });
        let timestamp = town.clock.now().timestamp();
        let body = json!({ "event_type": "alert.triggered", "data": data, "company_id": 7, "timestamp": timestamp })
            .to_string();
        assert_eq!(town.post(&body).await.0, 202);
        assert_eq!(days_later(town, 100).await, ["alert.triggered, its text"]);
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        assert!(town.see("alerts").contains("late \u{fffd} one"));
        let stored = town.column("SELECT data::text FROM event").await;
        insta::assert_snapshot!(stored[0], @r#"{"message": "late � one", "severity": "error", "company_id": 7}"#);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_goes_when_its_status_ends_it_whatever_that_is_called() {
    run(async |town| {
        for (id, status) in [("1", "shelved"), ("2", "waiting"), ("3", "closed")] {
            town.send("ticket.updated", ticket(id, status)).await;
        }
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        let _ = town.see("tickets");
        let source = town.column("SELECT source_id::text FROM subject LIMIT 1").await[0].parse().unwrap();
        let item = |name: &str, is_closed| {
            let name = name.to_owned();
            ListItem { id: name.clone(), name, color: None, is_closed, email: None }
        };
        let list = [item("Shelved", true), item("Waiting", false)];
        town.store().save_list(source, ListKind::Status, &list, town.clock.now()).await.unwrap();
        days_later(town, 1000).await;
        assert_eq!(town.column("SELECT key FROM subject WHERE kind = 'ticket'").await, ["ticket:2"]);
    })
    .await;
}
