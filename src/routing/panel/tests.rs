//! Every look against the genuine samples, and what those do not show.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::event::Event;
use crate::id::GuildId;
use crate::routing::embed::TOTAL;
use crate::source::panel::parse;

fn event(name: &str, data: Value, at: &str) -> Event {
    let dispatch = parse(json!({ "event": name, "data": data })).unwrap_or_else(|error| panic!("{name}: {error}"));
    let at: DateTime<Utc> = at.parse().unwrap();
    Event {
        id: Uuid::nil(),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: dispatch.kind,
        subject: None,
        occurred_at: at,
        received_at: at,
        severity: dispatch.severity,
        dedup_key: "k".into(),
        data: dispatch.data,
    }
}

/// Each genuine sample, and the request that asks for it.
fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let ticket = json!({ "id": "TICKET-12345", "subject": "Server not starting",
        "details": "User reports server won't start after restart" });
    let state = |state: &str| json!({ "server": "Rust Server 1", "state": state, "node": "node-1" });
    let node = |resource: &str, usage: u8, threshold: u8| json!({ "node": "vps-01", "resource": resource, "usage": usage, "threshold": threshold });
    let alert = |title: &str, message: &str, severity: &str| json!({ "title": title, "message": message, "severity": severity });
    let billing = |text: &str, amount: &str| json!({ "description": text, "amount": amount });
    vec![
        ("billing-invoice", "billing.invoice", billing("Invoice #INV-2025-001234 has been generated", "$299.99")),
        ("billing-payment", "billing.payment", billing("Payment received for Invoice #INV-2025-001234", "$299.99")),
        (
            "billing-subscription",
            "billing.subscription",
            billing("Subscription upgraded from Pro to Enterprise", "+$150.00/month"),
        ),
        ("node-alert-cpu", "node.alert", node("cpu", 92, 80)),
        ("node-alert-memory", "node.alert", node("memory", 87, 75)),
        ("node-alert-disk", "node.alert", node("disk", 95, 90)),
        ("node-alert-network", "node.alert", node("network", 78, 70)),
        ("server-state-online", "server.state", state("online")),
        ("server-state-offline", "server.state", state("offline")),
        ("server-state-crashed", "panel.server.state", state("crashed")),
        (
            "settings-update",
            "settings.updated",
            json!({ "changes": ["maintenance_mode", "syncInterval", "Cache Timeout"], "updated_by": "admin@example.com" }),
        ),
        ("support-ticket-created", "ticket.created", ticket.clone()),
        ("support-ticket-updated", "ticket.updated", ticket.clone()),
        ("support-ticket-resolved", "ticket.resolved", ticket),
        (
            "sync-completed",
            "sync.completed",
            json!({ "summary": "Locations: 3, Nodes: 12, Allocations: 500, Servers: 150, Databases: 40", "duration": "45.23s" }),
        ),
        (
            "sync-failed",
            "sync.failed",
            json!({ "summary": "Locations: 3, Nodes: 0, Allocations: 0, Servers: 0, Databases: 0", "duration": "2.01s" }),
        ),
        ("system-alert-error", "system.alert", alert("Database Connection Failed", "PostgreSQL timeout", "error")),
        (
            "system-alert-info",
            "system.alert",
            alert(
                "Maintenance Scheduled",
                "System will undergo maintenance on 2025-12-25 from 02:00-04:00 UTC",
                "info",
            ),
        ),
        ("system-alert-warning", "system.alert", alert("High Memory Usage", "Server memory usage at 85%", "warning")),
        ("go-backend/anything.else", "anything.else", json!({})),
        ("go-backend/server.created", "server.created", json!({ "name": "Rust 1", "owner": "alice" })),
        ("go-backend/server.suspended", "server.suspended", json!({ "name": "Rust 1", "reason": "overdue" })),
        (
            "go-backend/support.ticket_created",
            "support.ticket_created",
            json!({ "subject": "Server not starting", "user": "alice", "priority": "high" }),
        ),
        ("go-backend/sync.completed", "sync.completed", json!({ "type": "full", "duration": "45.23s" })),
        ("go-backend/sync.failed", "sync.failed", json!({ "error": "panel timeout" })),
        ("go-backend/sync.started", "sync.started", json!({ "type": "full" })),
        ("go-backend/user.registered", "user.registered", json!({ "email": "a@b.c" })),
    ]
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    #[allow(clippy::disallowed_methods)]
    let (named, ci) = (std::env::var_os("SIGNALBOX_CORPUS"), std::env::var("CI").is_ok_and(|value| value == "true"));
    let root = named.map_or(beside, PathBuf::from).join("panel");
    if root.exists() {
        return Some(root);
    }
    assert!(!ci, "CI=true insists on the corpus");
    println!("1 corpus tests not run: no corpus");
    None
}

/// What a person sees of an embed: text, colour, fields and time, however the time is written.
fn seen(embed: &Value) -> Value {
    let fields: Vec<Value> = embed["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|field| json!([field["name"], field["value"], field["inline"].as_bool().unwrap_or(false)]))
        .collect();
    let at: DateTime<Utc> = serde_json::from_value(embed["timestamp"].clone()).unwrap();
    json!([embed["title"], embed["description"], embed["color"], fields, embed["footer"], at])
}

#[test]
fn every_sample_of_the_corpus_is_drawn() {
    let Some(corpus) = corpus() else { return };
    for (file, name, data) in samples() {
        let text = std::fs::read_to_string(corpus.join(format!("{file}.json"))).unwrap_or_else(|_| panic!("{file}"));
        let sample: Value = serde_json::from_str(&text).unwrap();
        let sample = &sample["embeds"][0];
        let drawn = render(&event(name, data, sample["timestamp"].as_str().unwrap()));
        assert_eq!(seen(&json!(drawn)), seen(sample), "{file}");
    }
}

fn text(name: &str, data: Value) -> String {
    let embed = render(&event(name, data, "2026-01-02T10:00:00Z"));
    let fields: Vec<String> = embed.fields.iter().map(|f| format!("{}: {}", f.name, f.value)).collect();
    format!("[{}] {}\n{}", embed.title, embed.description, fields.join("\n"))
}

#[test]
fn a_difference_of_settings() {
    let changes = json!({ "sync_interval": { "old": 60, "new": 30 }, "panel_api_key": { "old": "ptla_abc", "new": "ptla_def" },
        "site_name": { "old": "A", "new": "A" } });
    insta::assert_snapshot!(text("settings.updated", json!({ "changes": changes, "updated_by": "ada" })), @"
    [⚙️ System Settings Updated] Settings have been modified

    • **Panel Api Key**
    `••••` → `••••`
    • **Sync Interval**
    `60` → `30`
    Changed Fields: Panel Api Key, Sync Interval
    Total Changes: 2
    Updated By: ada
    Timestamp: 2026-01-02T10:00:00.000Z
    ");
}

#[test]
fn what_the_corpus_has_no_sample_of() {
    let security =
        json!({ "title": "Ten failed log-ins", "description": "From one address", "user": "bob", "ip": "192.0.2.7" });
    insta::assert_snapshot!(text("security.event", security), @"
    [🛡️ Ten failed log-ins] From one address
    User: bob
    IP Address: 192.0.2.7
    Timestamp: 2026-01-02T10:00:00.000Z
    ");
    insta::assert_snapshot!(text("sync.cancelled", json!({ "summary": "Locations: 3", "duration": "12.34 seconds" })), @"
    [🔄 Sync Cancelled] Locations: 3
    Status: Cancelled
    Duration: 12.34 seconds
    Timestamp: 2026-01-02T10:00:00.000Z
    ");
    let custom = json!({ "title": "Hello", "description": "**World**", "color": 255, "fields": [{ "name": "A", "value": "b" }] });
    insta::assert_snapshot!(text("custom", custom), @"
    [Hello] **World**
    A: b
    ");
}

#[test]
fn a_custom_embed_stays_within_discords_limits() {
    let fields: Vec<Value> = (0..40).map(|n| json!({ "name": format!("n{n}"), "value": "v".repeat(2000) })).collect();
    let custom = json!({ "title": "t".repeat(500), "description": "d".repeat(9000), "fields": fields });
    let embed = render(&event("custom", custom, "2026-01-02T10:00:00Z"));
    assert!(embed.len() <= TOTAL - 100 && embed.fields.len() <= 25, "{}", embed.len());
}

#[test]
fn every_request_goes_to_its_type() {
    let to = |name: &str, data: Value| parse(json!({ "event": name, "data": data })).unwrap().types.join(",");
    let mut all: Vec<String> =
        samples().into_iter().map(|(_, name, data)| format!("{name} {}", to(name, data))).collect();
    all.dedup();
    insta::assert_snapshot!(all.join("\n"), @"
    billing.invoice BILLING
    billing.payment BILLING
    billing.subscription BILLING
    node.alert VPS
    server.state GAME_SERVER
    panel.server.state GAME_SERVER
    settings.updated SYSTEM
    ticket.created SUPPORT
    ticket.updated SUPPORT
    ticket.resolved SUPPORT
    sync.completed SYSTEM
    sync.failed SYSTEM
    system.alert SYSTEM
    anything.else CUSTOM
    server.created GAME_SERVER
    server.suspended GAME_SERVER
    support.ticket_created SUPPORT
    sync.completed SYSTEM
    sync.failed SYSTEM
    sync.started SYSTEM
    user.registered SYSTEM
    ");
    let both = json!({ "event": "custom", "data": { "title": "x" }, "types": ["vps", "SYSTEM", "VPS"], "scopes": ["user", "PUBLIC"] });
    let dispatch = parse(both).unwrap();
    assert_eq!((dispatch.types, dispatch.scopes), (vec!["VPS", "SYSTEM"], vec!["USER", "PUBLIC"]));
    let cloud = json!({ "specversion": "1.0", "id": "7", "source": "/panel", "type": "panel.server.state",
        "time": "2026-01-02T10:00:00Z", "webhookscopes": "ADMIN,USER",
        "data": { "server": "a", "state": "crashed" } });
    let dispatch = parse(cloud).unwrap();
    assert_eq!((dispatch.kind.as_str(), dispatch.id.as_deref()), ("panel.server.state", Some("/panel 7")));
    assert_eq!((dispatch.severity, dispatch.scopes), (crate::event::Severity::Error, vec!["ADMIN", "USER"]));
}

#[test]
fn a_request_that_is_none_says_what_to_change() {
    let told = |body: Value| parse(body).unwrap_err().to_string();
    insta::assert_snapshot!(told(json!({})), @"event is required");
    insta::assert_snapshot!(told(json!({ "specversion": "1.0", "event": "x" })), @"type is required");
    insta::assert_snapshot!(told(json!({ "event": "server.state", "data": { "server": "a", "state": "up" } })), @"data of server.state: unknown variant `up`, expected one of `online`, `offline`, `crashed`");
    insta::assert_snapshot!(told(json!({ "event": "custom", "data": { "title": "x" }, "types": "EVERYTHING" })), @"there is no type EVERYTHING; there are GAME_SERVER, VPS, SYSTEM, BILLING, SECURITY, SUPPORT, CUSTOM");
}
