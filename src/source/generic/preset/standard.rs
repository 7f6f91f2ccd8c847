//! Anything that signs as Standard Webhooks asks (<https://www.standardwebhooks.com>): `type`, `timestamp`, `data`.

use serde_json::json;

use super::{Preset, Sample, SecretFrom, field};
use crate::source::generic::config::{Mapping, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "standard",
    title: "Standard Webhooks",
    secret: SecretFrom::HereStandard,
    guide: "Enter address and secret where the sender's webhooks are set up. It has to sign with the headers \
            webhook-id, webhook-timestamp and webhook-signature.",
    verification: || Verification::StandardWebhooks { tolerance_seconds: 300 },
    mapping,
    sample,
};

fn mapping() -> Mapping {
    Mapping {
        kind: "body.type or 'message.received'".into(),
        subject: "body.data.subject".into(),
        state: "body.data.state".into(),
        resolved: "body.data.resolved".into(),
        severity: "body.data.severity".into(),
        time: "body.timestamp".into(),
        title: "body.data.title or body.data.name or body.type or source".into(),
        text: "body.data.text or body.data.message or body.data.description".into(),
        url: "body.data.url".into(),
        fields: vec![field(
            "Details",
            "body.data|pairs(['title', 'name', 'text', 'message', 'description', 'url', 'subject', \
            'state', 'resolved', 'severity'])",
        )],
        ..Mapping::default()
    }
}

fn sample() -> Sample {
    Sample {
        headers: vec![],
        body: json!({
            "type": "deploy.finished",
            "timestamp": "2026-01-02T10:00:00Z",
            "data": { "title": "web 1.4.2 is live", "text": "Took 3 minutes.", "url": "https://ci.example.org/runs/7", "environment": "production" }
        }),
    }
}
