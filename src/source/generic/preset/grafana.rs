//! Grafana's unified alerting: a contact point of the kind webhook, with its HMAC option
//! (<https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/>).

use serde_json::json;

use super::alertmanager::alerts;
use super::{Preset, Sample, SecretFrom};
use crate::source::generic::config::{Hmac, Timestamp, Unit, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "grafana",
    title: "Grafana",
    secret: SecretFrom::Here,
    guide: "Alerting › Contact points › Add, integration Webhook. Enter the address as URL; under Optional settings › HMAC \
            Signature enter the secret, leave Header as it is, and enter X-Grafana-Alerting-Timestamp as Timestamp Header.",
    verification,
    mapping: || alerts("grafana"),
    sample,
};

/// With a header for it, Grafana signs the time before the body, behind a colon.
fn verification() -> Verification {
    Verification::Hmac(Hmac {
        header: "x-grafana-alerting-signature".into(),
        algorithm: Default::default(),
        encoding: Default::default(),
        prefix: String::new(),
        signed: "{timestamp}:{body}".into(),
        timestamp: Some(Timestamp {
            header: "x-grafana-alerting-timestamp".into(),
            unit: Unit::Seconds,
            tolerance_seconds: 300,
        }),
        id_header: None,
    })
}

fn sample() -> Sample {
    Sample {
        headers: vec![],
        body: json!({
            "receiver": "signalbox",
            "status": "firing",
            "orgId": 1,
            "title": "[FIRING:1] Latency",
            "state": "alerting",
            "message": "**Firing**",
            "groupKey": "{}:{alertname=\"Latency\"}",
            "externalURL": "https://grafana.example.org/",
            "version": "1",
            "truncatedAlerts": 0,
            "alerts": [{
                "status": "firing",
                "labels": { "alertname": "Latency", "grafana_folder": "Web", "severity": "warning" },
                "annotations": { "summary": "The web answers slowly", "description": "p95 is above 2 s." },
                "startsAt": "2026-01-02T09:58:00Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "values": { "B": 2.4 },
                "valueString": "[ var='B' labels={} value=2.4 ]",
                "generatorURL": "https://grafana.example.org/alerting/grafana/1afz29v7z/view",
                "fingerprint": "c6eadffa33fcdf37",
                "silenceURL": "https://grafana.example.org/alerting/silence/new",
                "dashboardURL": "",
                "panelURL": ""
            }]
        }),
    }
}
