//! The presets, each with messages written from its system's documentation and signed as that says.

use crate::support::senders::{added, line, send};
use crate::support::town::{Town, run, told};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn alert(instance: &str, fingerprint: &str, status: &str, ends: &str) -> Value {
    json!({
        "status": status,
        "labels": { "alertname": "DiskFull", "instance": instance, "severity": "critical", "job": "node" },
        "annotations": { "summary": format!("Disk of {instance} is full"), "description": "Less than 1 % is free." },
        "startsAt": "2026-01-02T09:58:00Z", "endsAt": ends, "generatorURL": "https://prometheus.example.org/graph",
        "fingerprint": fingerprint
    })
}

fn group(status: &str, alerts: &[Value]) -> Value {
    json!({ "version": "4", "groupKey": "{}:{}", "status": status, "receiver": "signalbox", "groupLabels": {},
        "commonLabels": {}, "commonAnnotations": {}, "externalURL": "https://alertmanager.example.org", "alerts": alerts })
}

const NEVER: &str = "0001-01-01T00:00:00Z";

#[tokio::test]
async fn alertmanager_several_alerts_become_cards_that_are_resolved_one_by_one() {
    run(async |town| {
        let prometheus = added(town, "alertmanager", "prom").await;
        let (one, two) = (alert("db-1", "aa", "firing", NEVER), alert("db-2", "bb", "firing", NEVER));
        let first = group("firing", &[one.clone(), two.clone()]);
        assert_eq!(line(&prometheus.bearer(town, &first).await), "202");
        // Alertmanager repeats what goes on, with more in it each time.
        assert_eq!(line(&prometheus.bearer(town, &first).await), "200 duplicate");
        town.advance(TimeDelta::minutes(4)).await;
        let resolved = alert("db-1", "aa", "resolved", "2026-01-02T10:03:00Z");
        assert_eq!(line(&prometheus.bearer(town, &group("firing", &[resolved, two])).await), "202");
        insta::assert_snapshot!(town.see("ops"), @"
        [✅ Disk of db-1 is full]
        Less than 1 % is free.
        Alert: DiskFull
        Instance: db-1
        Labels: job: node
        State: Resolved
        Timeline: <+-120s> firing
        <+180s> resolved
        -- prom · alertmanager.resolved

        [🔴 Disk of db-2 is full]
        Less than 1 % is free.
        Alert: DiskFull
        Instance: db-2
        Labels: job: node
        State: Firing
        Timeline: <+-120s> firing
        -- prom · alertmanager.firing
        (Silence)
        ");
        let colours: Vec<i64> = town.messages("ops").iter().filter_map(|m| m["embeds"][0]["color"].as_i64()).collect();
        assert_eq!(colours, [0x2ECC71, 0xC0392B]);
        // What comes late does not bring it back.
        let late = group("firing", &[alert("db-1", "aa", "firing", "2026-01-02T09:59:00Z")]);
        prometheus.bearer(town, &late).await;
        assert!(town.see("ops").contains("✅ Disk of db-1 is full"));
    })
    .await;
}

#[tokio::test]
async fn grafana_signs_with_its_time() {
    run(async |town| {
        let grafana = added(town, "grafana", "grafana").await;
        let body = |status: &str, ends: &str| {
            json!({
                "receiver": "signalbox", "status": status, "orgId": 1, "title": "[FIRING:1] Latency", "state": "alerting",
                "version": "1", "externalURL": "https://grafana.example.org/", "alerts": [{
                    "status": status, "labels": { "alertname": "Latency", "severity": "warning", "grafana_folder": "Web" },
                    "annotations": { "summary": "The web answers slowly", "description": "p95 is above 2 s." },
                    "startsAt": "2026-01-02T09:58:00Z", "endsAt": ends, "valueString": "[ var='B' labels={} value=2.4 ]",
                    "values": { "B": 2.4 }, "fingerprint": "c6eadffa33fcdf37", "panelURL": "", "dashboardURL": "",
                    "generatorURL": "https://grafana.example.org/alerting/grafana/1afz29v7z/view"
                }]
            })
        };
        assert_eq!(line(&grafana.grafana(town, &body("firing", NEVER)).await), "202");
        insta::assert_snapshot!(town.see("ops"), @r"
        [🟡 The web answers slowly]
        p95 is above 2 s.
        Alert: Latency
        Labels: grafana\_folder: Web
        Value: \[ var='B' labels={} value=2.4 \]
        State: Firing
        Timeline: <+-120s> firing
        -- grafana · grafana.firing
        (Silence)
        ");
        let old = town.clock.now().timestamp() - 400;
        let text = body("firing", NEVER).to_string();
        let signature = crate::support::senders::hex_hmac(&grafana.secret, &format!("{old}:{text}"));
        let headers =
            [("x-grafana-alerting-timestamp", old.to_string()), ("x-grafana-alerting-signature", signature)];
        assert_eq!(line(&send(town, &grafana.path, &headers, &text).await), "401 Timestamp too old");
        town.advance(TimeDelta::minutes(2)).await;
        grafana.grafana(town, &body("resolved", "2026-01-02T10:01:00Z")).await;
        insta::assert_snapshot!(town.see("ops"), @r"
        [✅ The web answers slowly]
        p95 is above 2 s.
        Alert: Latency
        Labels: grafana\_folder: Web
        Value: \[ var='B' labels={} value=2.4 \]
        State: Resolved
        Timeline: <+-120s> firing
        <+60s> resolved
        -- grafana · grafana.resolved
        ");
    })
    .await;
}

#[tokio::test]
async fn uptime_kuma_down_and_up() {
    run(async |town| {
        let kuma = added(town, "uptime-kuma", "uptime").await;
        let body = |status: u8, msg: &str| {
            json!({
                "heartbeat": { "monitorID": 7, "status": status, "time": "2026-01-02 10:00:00.000", "msg": msg,
                    "important": true, "localDateTime": "2026-01-02 10:00:00", "timezone": "UTC" },
                "monitor": { "id": 7, "name": "Shop", "url": "https://shop.example.org", "hostname": null, "type": "http" },
                "msg": format!("[Shop] {msg}")
            })
        };
        kuma.bearer(town, &body(0, "connect ECONNREFUSED")).await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🟠 Shop is down]
        connect ECONNREFUSED
        Since: 2026-01-02 10:00:00
        State: Down
        Timeline: <+0s> down
        -- uptime · uptime_kuma.down
        (Silence)
        ");
        town.advance(TimeDelta::minutes(3)).await;
        kuma.bearer(town, &body(1, "200 - OK")).await;
        let test = json!({ "heartbeat": null, "monitor": null, "msg": "[Shop] Webhook Testing" });
        kuma.bearer(town, &test).await;
        insta::assert_snapshot!(town.see("ops"), @r"
        [✅ Shop is up]
        200 - OK
        Since: 2026-01-02 10:00:00
        State: Up
        Timeline: <+0s> down
        <+180s> up
        -- uptime · uptime_kuma.up

        [🔵 Uptime Kuma]
        \[Shop\] Webhook Testing
        -- uptime · uptime_kuma.message
        ");
    })
    .await;
}

async fn sentry(town: &Town) -> crate::support::senders::Sender {
    let asked = town.command("admin", "source add", json!({ "preset": "sentry", "name": "errors" })).await;
    let form = asked["modal"]["custom_id"].as_str().expect("the secret is Sentry's").to_owned();
    let short = town.submit("admin", &form, json!({ "value": "too short" })).await;
    assert_eq!(told(&short), "A secret has 16 to 500 characters in one line.");
    let asked = town.command("admin", "source add", json!({ "preset": "sentry", "name": "errors" })).await;
    let form = asked["modal"]["custom_id"].as_str().unwrap().to_owned();
    let secret = "0123456789abcdef0123456789abcdef".to_owned();
    let words = told(&town.submit("admin", &form, json!({ "value": secret })).await);
    assert!(!words.contains(&secret), "it is not shown again");
    let path = words.split("/webhooks/in/").nth(1).unwrap().split('`').next().unwrap().to_owned();
    crate::support::senders::Sender { path, secret }
}

#[tokio::test]
async fn sentry_issues_and_alerts_about_them_share_a_card() {
    run(async |town| {
        let sentry = sentry(town).await;
        let issue = |action: &str, status: &str| {
            json!({
                "action": action, "actor": { "type": "user", "id": 1, "name": "Ada" },
                "installation": { "uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de" },
                "data": { "issue": {
                    "id": "1170820242", "shortId": "WEB-7", "title": "TypeError: door is undefined", "culprit": "open(door.js)",
                    "level": "error", "status": status, "lastSeen": "2026-01-02T09:59:30Z",
                    "project": { "id": "1", "name": "web", "slug": "web" },
                    "web_url": "https://sentry.example.org/organizations/town/issues/1170820242/"
                } }
            })
        };
        assert_eq!(line(&sentry.sentry(town, "issue", "r-1", &issue("created", "unresolved")).await), "202");
        assert_eq!(line(&sentry.sentry(town, "issue", "r-1", &issue("created", "unresolved")).await), "200 duplicate");
        insta::assert_snapshot!(town.see("ops"), @"
        [🟠 TypeError: door is undefined]
        open(door.js)
        Project: web
        Action: created
        By: Ada
        State: Unresolved
        Timeline: <+-30s> issue
        -- errors · sentry.issue
        (Silence)
        ");
        let alert = json!({
            "action": "triggered", "actor": { "type": "application", "id": "sentry", "name": "Sentry" },
            "data": { "triggered_rule": "Every new issue", "event": {
                "issue_id": "1170820242", "title": "TypeError: door is undefined", "culprit": "open(door.js)", "level": "error",
                "web_url": "https://sentry.example.org/organizations/town/issues/1170820242/events/e/" } }
        });
        town.advance(TimeDelta::minutes(1)).await;
        sentry.sentry(town, "event_alert", "r-2", &alert).await;
        town.advance(TimeDelta::minutes(1)).await;
        sentry.sentry(town, "issue", "r-3", &issue("resolved", "resolved")).await;
        let metric = json!({
            "action": "critical", "actor": { "type": "application", "id": "sentry", "name": "Sentry" },
            "data": { "description_title": "Critical: Too many errors", "description_text": "1000 events in the last 10 minutes",
                "web_url": "https://sentry.example.org/organizations/town/alerts/4/",
                "metric_alert": { "id": "4", "alert_rule": { "id": "7", "name": "Too many errors" } } }
        });
        sentry.sentry(town, "metric_alert", "r-4", &metric).await;
        insta::assert_snapshot!(town.see("ops"), @"
        [✅ TypeError: door is undefined]
        open(door.js)
        Project: web
        Action: resolved
        By: Ada
        State: Resolved
        Timeline: <+-30s> issue
        <+60s> event alert
        <+120s> issue
        -- errors · sentry.issue

        [🔴 Critical: Too many errors]
        1000 events in the last 10 minutes
        Rule: Too many errors
        Action: critical
        By: Sentry
        State: Critical
        Timeline: <+120s> metric alert
        -- errors · sentry.metric_alert
        (Silence)
        ");
    })
    .await;
}

/// <https://docs.sentry.io/organization/integrations/integration-platform/webhooks/errors/>
#[tokio::test]
async fn sentry_errors_are_on_the_card_of_their_issue() {
    run(async |town| {
        let sentry = sentry(town).await;
        let error = json!({
            "action": "created", "actor": { "type": "application", "id": "sentry", "name": "Sentry" },
            "data": { "error": {
                "issue_id": "1170820242", "title": "Error: blooopy is not defined", "culprit": "?(runner)", "level": "error",
                "web_url": "https://sentry.example.org/organizations/town/issues/1170820242/events/e/" } }
        });
        sentry.sentry(town, "error", "r-1", &error).await;
        insta::assert_snapshot!(town.see("ops"), @"
        [🟠 Error: blooopy is not defined]
        ?(runner)
        Action: created
        By: Sentry
        State: Created
        Timeline: <+0s> error
        -- errors · sentry.error
        (Silence)
        ");
        assert_eq!(town.count("SELECT count(*) FROM subject WHERE key = 'signal:issue/1170820242'").await, 1);
    })
    .await;
}
