//! All eleven kinds of event, as people see them. The bodies are written from the format; the genuine
//! ones of the corpus are posted as they are.

use crate::support::corpus;
use crate::support::town::{Setup, Town, run, run_with, start};
use chrono::DateTime;
use serde_json::{Value, json};

async fn shows(town: &Town, kind: &str, data: Value, channel: &str) -> String {
    town.send(kind, data).await;
    town.see(channel)
}

#[tokio::test]
async fn a_ticket_from_opened_to_closed() {
    run(async |town| {
        let opened = json!({ "id": "t-1", "seq_id": 41, "title": "Printer *on fire*", "description": "3rd floor", "status": "open",
            "priority": "high", "created_by": "ada@town.example", "company_name": "Signal Town", "created_at": "2026-01-02T10:00:00Z" });
        insta::assert_snapshot!(shows(town, "ticket.created", opened, "tickets").await, @r"
        [🎫 New Ticket Created]
        3rd floor
        Ticket ID: #41
        Title: Printer \*on fire\*
        Priority: High
        Status: Open
        Created By: ada@town.example
        Company: Signal Town
        Timeline: <+0s> created by ada@town.example
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        town.advance(chrono::TimeDelta::minutes(5)).await;
        let updated = json!({ "id": "t-1", "title": "Printer *on fire*", "status": "in_progress", "priority": "high", "updated_by": "bob@town.example",
            "notes": [{ "content": "called the brigade" }, { "content": "out ✅" }] });
        insta::assert_snapshot!(shows(town, "ticket.updated", updated, "tickets").await, @r"
        [📝 Ticket Updated]
        3rd floor
        Ticket ID: #41
        Title: Printer \*on fire\*
        Priority: High
        Status: In Progress
        Created By: ada@town.example
        Company: Signal Town
        Latest Note: out ✅
        Timeline: <+0s> created by ada@town.example
        <+300s> updated by bob@town.example
        -- XTSystems · ticket.updated
        (Set the status ▾ In Progress)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        town.advance(chrono::TimeDelta::minutes(5)).await;
        let closed = json!({ "id": "t-1", "title": "Printer *on fire*", "status": "closed", "resolution": "bought a new one" });
        insta::assert_snapshot!(shows(town, "ticket.closed", closed, "tickets").await, @r"
        [🔒 Ticket Closed]
        3rd floor
        Ticket ID: #41
        Title: Printer \*on fire\*
        Priority: High
        Final Status: Closed
        Created By: ada@town.example
        Company: Signal Town
        Latest Note: out ✅
        Resolution: bought a new one
        Timeline: <+0s> created by ada@town.example
        <+300s> updated by bob@town.example
        <+600s> closed
        -- XTSystems · ticket.closed
        (Reopen)
        ");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_with_nothing_but_an_id() {
    run(async |town| {
        insta::assert_snapshot!(shows(town, "ticket.created", json!({ "id": 7 }), "tickets").await, @"
        [🎫 New Ticket Created]
        Ticket ID: #7
        Priority: Medium
        Status: Open
        Timeline: <+0s> created
        -- XTSystems · ticket.created
        (Set the status ▾ –)
        (Set the priority ▾ –)
        (Assign to me) (Note) (Close) (Silence)
        ");
    })
    .await;
}

#[tokio::test]
async fn an_asset() {
    run(async |town| {
        let created = json!({ "id": "as-1", "name": "db-1", "description": "the database", "asset_type": "server", "created_by": "ada" });
        insta::assert_snapshot!(shows(town, "asset.created", created, "ops").await, @"
        [💻 New Asset Created]
        Asset ID: as-1
        Name: db-1
        Type: server
        Description: the database
        Timeline: <+0s> created by ada
        -- XTSystems · asset.created
        (Silence)
        ");
        let updated = json!({ "id": "as-1", "name": "db-1", "description": "the old database", "updated_by": "bob" });
        town.advance(chrono::TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(shows(town, "asset.updated", updated, "ops").await, @"
        [💻 Asset Updated]
        Asset ID: as-1
        Name: db-1
        Type: server
        Description: the old database
        Timeline: <+0s> created by ada
        <+60s> updated by bob
        -- XTSystems · asset.updated
        (Silence)
        ");
    })
    .await;
}

#[tokio::test]
async fn a_user_and_a_company() {
    run(async |town| {
        let user = json!({ "id": "u-1", "username": "eve", "email": "eve@town.example" });
        insta::assert_snapshot!(shows(town, "user.created", user, "ops").await, @r"
        [👤 New User Created]
        Username: eve
        Email: eve@town.example
        -- XTSystems · user.created
        ");
        town.send("company.created", json!({ "id": "c-9", "name": "Elsewhere Ltd" })).await;
        let last = town.messages("ops").pop().unwrap();
        insta::assert_snapshot!(crate::support::town::show(&last), @r"
        [🏢 New Company Created]
        Name: Elsewhere Ltd
        -- XTSystems · company.created
        ");
    })
    .await;
}

#[tokio::test]
async fn a_machine() {
    run(async |town| {
        let data = json!({ "asset_id": "m-1", "hostname": "web_07", "ip_address": "10.0.0.7", "operating_system": "Debian 13",
            "status": "pending", "registered_at": "2026-01-02T10:00:00Z" });
        insta::assert_snapshot!(shows(town, "machine.registered", data, "machines").await, @r"
        [🖥️ New Machine Registered]
        Hostname: web\_07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        let approved = json!({ "asset_id": "m-1", "hostname": "web_07", "approved_by": "eve" });
        insta::assert_snapshot!(shows(town, "machine.approved", approved, "machines").await, @r"
        [🖥️ Machine Approved]
        Hostname: web\_07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems by eve <+0s>
        Timeline: <+0s> registered
        <+0s> approved by eve
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn an_alert() {
    run(async |town| {
        let data = json!({ "alert_type": "disk_space", "severity": "critical", "source": "db-1", "message": "92 % full @everyone",
            "details": { "mount": "/var", "used": 92 } });
        insta::assert_snapshot!(shows(town, "alert.triggered", data, "alerts").await, @r#"
        [🚨 Alert Triggered]
        92 % full @everyone
        Alert Type: disk\_space
        Severity: 🔴 critical
        Source: db-1
        Details: ```json
        {"mount":"/var","used":92}
        ```
        -- XTSystems · alert.triggered
        "#);
        assert_eq!(town.messages("alerts")[0]["mention_everyone"], false);
    })
    .await;
}

#[tokio::test]
async fn a_test_is_recorded_and_not_shown() {
    run(async |town| {
        town.send("webhook.test", json!({ "message": "hello", "webhook_id": "w-1" })).await;
        assert_eq!(town.count("SELECT count(*) FROM event WHERE kind = 'webhook.test'").await, 1);
        for channel in ["ops", "tickets", "machines", "alerts"] {
            assert!(town.messages(channel).is_empty());
        }
    })
    .await;
}

/// The genuine requests, at the time they were signed.
#[tokio::test]
async fn the_corpus_signatures_verify() {
    let Some(file) = corpus::path("xtsystems/signature-vectors.json") else { return };
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let secret = vectors[0]["secret"].as_str().unwrap().to_owned();
    run_with(Setup { env: vec![("WEBHOOK_SECRET", secret.clone())], ..Setup::default() }, async |town| {
        for vector in &vectors {
            assert_eq!(vector["secret"], secret.as_str(), "one secret for all");
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let at = DateTime::from_timestamp(text("X-XTSystems-Timestamp").parse().unwrap(), 0).unwrap();
            town.clock.advance(at - town.clock.now());
            let headers = ["X-XTSystems-Timestamp", "X-XTSystems-Signature"].map(|name| (name, text(name)));
            let (status, answer) = town.post_with(text("raw_body").into_bytes(), &headers).await;
            assert_eq!(status, 202, "{}: {answer}", vector["event"]);
        }
        assert_eq!(town.count("SELECT count(DISTINCT kind) FROM event").await, 11);
        town.clock.advance(start() - town.clock.now());
        town.settle().await;
        town.advance(chrono::TimeDelta::minutes(1)).await;
        for channel in ["ops", "tickets", "machines", "alerts"] {
            assert!(!town.messages(channel).is_empty(), "#{channel} shows something");
        }
    })
    .await;
}
