//! Prometheus Alertmanager's webhook receiver, version 4 of its message
//! (<https://prometheus.io/docs/alerting/latest/configuration/#webhook_config>). It signs nothing, but sends credentials.

use serde_json::json;

use super::{Preset, Sample, SecretFrom, field};
use crate::source::generic::config::{Mapping, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "alertmanager",
    title: "Alertmanager",
    secret: SecretFrom::Here,
    guide: "In alertmanager.yml, as a receiver: webhook_configs: [{ url: <the address>, send_resolved: true, \
            http_config: { authorization: { credentials: <the secret> } } }].",
    verification: || Verification::Token { header: "authorization".into(), prefix: "Bearer ".into() },
    mapping: || alerts("alertmanager"),
    sample,
};

/// Each alert of a body is an event; those of one fingerprint share a card. What is sent again unchanged is a repeat.
pub(super) fn alerts(family: &str) -> Mapping {
    Mapping {
        each: "body.alerts".into(),
        kind: format!("'{family}.' ~ (item.status or 'firing')"),
        subject: "item.fingerprint or (item.labels|pairs)".into(),
        state: "item.status".into(),
        resolved: "item.status == 'resolved'".into(),
        severity: "'info' if item.labels.severity == 'none' else item.labels.severity or 'error'".into(),
        time: "item.endsAt if item.status == 'resolved' else item.startsAt".into(),
        title: "item.annotations.summary or item.labels.alertname or body.title or 'Alert'".into(),
        text: "item.annotations.description or item.annotations.message".into(),
        url: "item.annotations.runbook_url or item.panelURL or item.dashboardURL or item.generatorURL or body.externalURL"
            .into(),
        dedup: "(item.fingerprint or (item.labels|pairs)) ~ ' ' ~ item.status ~ ' ' ~ item.startsAt ~ ' ' ~ item.endsAt ~ \
            ' ' ~ (item.annotations|pairs)"
            .into(),
        fields: vec![
            field("Alert", "item.labels.alertname"),
            field("Instance", "item.labels.instance"),
            field("Labels", "item.labels|pairs(['alertname', 'instance', 'severity'])"),
            field("Value", "item.valueString"),
        ],
        ..Mapping::default()
    }
}

fn sample() -> Sample {
    let alert = |instance: &str, fingerprint: &str| {
        json!({
            "status": "firing",
            "labels": { "alertname": "DiskFull", "instance": instance, "severity": "critical", "job": "node" },
            "annotations": { "summary": format!("Disk of {instance} is full"), "description": "Less than 1 % is free." },
            "startsAt": "2026-01-02T09:58:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://prometheus.example.org/graph",
            "fingerprint": fingerprint
        })
    };
    Sample {
        headers: vec![],
        body: json!({
            "version": "4",
            "groupKey": "{}:{alertname=\"DiskFull\"}",
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "signalbox",
            "groupLabels": { "alertname": "DiskFull" },
            "commonLabels": { "alertname": "DiskFull", "severity": "critical" },
            "commonAnnotations": {},
            "externalURL": "https://alertmanager.example.org",
            "alerts": [alert("db-1", "1a30ba71cca2921f"), alert("db-2", "2b30ba71cca2921f")]
        }),
    }
}
