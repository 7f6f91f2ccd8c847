//! Uptime Kuma's notification of the kind Webhook (<https://github.com/louislam/uptime-kuma>,
//! `server/notification-providers/webhook.js`). It signs nothing, but sends headers of one's own.

use serde_json::json;

use super::{Preset, Sample, SecretFrom, field};
use crate::source::generic::config::{Mapping, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "uptime-kuma",
    title: "Uptime Kuma",
    secret: SecretFrom::Here,
    guide: "Settings › Notifications › Setup Notification, type Webhook. Enter the address as Post URL, choose \
            application/json as Request Body, and enter as Additional Headers: {\"Authorization\": \"Bearer <the secret>\"}.",
    verification: || Verification::Token { header: "authorization".into(), prefix: "Bearer ".into() },
    mapping,
    sample,
};

/// Statuses: 0 down, 1 up, 2 pending, 3 maintenance. A test, and a certificate that ends, have no heartbeat.
fn mapping() -> Mapping {
    let state = "['down', 'up', 'pending', 'maintenance'][body.heartbeat.status]";
    Mapping {
        kind: format!("'uptime_kuma.' ~ (({state} if body.heartbeat else '') or 'message')"),
        subject: "('monitor/' ~ body.monitor.id) if body.heartbeat and body.monitor else ''".into(),
        state: format!("{state} if body.heartbeat else ''"),
        resolved: "body.heartbeat and body.heartbeat.status == 1".into(),
        severity: "'info' if not body.heartbeat else ['error', 'error', 'warning', 'info'][body.heartbeat.status]"
            .into(),
        title: format!(
            "(body.monitor.name ~ ' is ' ~ {state}) if body.heartbeat and body.monitor else (body.monitor.name or 'Uptime Kuma')"
        ),
        text: "body.heartbeat.msg or body.msg".into(),
        url: "body.monitor.url".into(),
        fields: vec![
            field("Host", "body.monitor.hostname"),
            field("Ping", "(body.heartbeat.ping ~ ' ms') if body.heartbeat.ping else ''"),
            field("Since", "body.heartbeat.localDateTime"),
        ],
        ..Mapping::default()
    }
}

fn sample() -> Sample {
    Sample {
        headers: vec![],
        body: json!({
            "heartbeat": {
                "monitorID": 7, "status": 0, "time": "2026-01-02 09:59:00.000", "msg": "connect ECONNREFUSED",
                "important": true, "duration": 60, "timezone": "UTC", "timezoneOffset": "+00:00",
                "localDateTime": "2026-01-02 09:59:00"
            },
            "monitor": { "id": 7, "name": "Shop", "url": "https://shop.example.org", "hostname": null, "type": "http" },
            "msg": "[Shop] [🔴 Down] connect ECONNREFUSED"
        }),
    }
}
