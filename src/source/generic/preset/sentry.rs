//! Sentry's integration platform: issues, errors, issue alerts and metric alerts
//! (<https://docs.sentry.io/integrations/integration-platform/webhooks/>).

use serde_json::json;

use super::{Preset, Sample, SecretFrom, field};
use crate::source::generic::config::{Hmac, Mapping, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "sentry",
    title: "Sentry",
    secret: SecretFrom::Sender,
    guide: "In Sentry: Settings › Developer Settings › Create New Integration › Internal. Enter the address as Webhook \
            URL, switch on Alert Rule Action and the webhook for issues. Sentry makes the secret: its Client Secret.",
    verification,
    mapping,
    sample,
};

/// The signature covers the body alone, neither `Request-ID` nor the timestamp: a request is known by its body.
fn verification() -> Verification {
    Verification::Hmac(Hmac {
        header: "sentry-hook-signature".into(),
        algorithm: Default::default(),
        encoding: Default::default(),
        prefix: String::new(),
        signed: "{body}".into(),
        timestamp: None,
        id_header: None,
    })
}

/// An issue and the alerts about it share a card; so do the states of a metric alert.
fn mapping() -> Mapping {
    Mapping {
        kind: "'sentry.' ~ (headers['sentry-hook-resource'] or 'event')".into(),
        subject: "('issue/' ~ (body.data.issue.id or body.data.event.issue_id or body.data.error.issue_id)) if \
            body.data.issue or body.data.event.issue_id or body.data.error.issue_id else (('metric/' ~ body.data.metric_alert.id) if body.data.metric_alert else '')"
            .into(),
        state: "body.data.issue.status or body.action".into(),
        resolved: "body.action in ['resolved', 'archived', 'ignored']".into(),
        severity:
            "body.data.issue.level or body.data.event.level or body.data.error.level or ('info' if body.action == 'resolved' else body.action)"
                .into(),
        time: "body.data.issue.lastSeen if body.action == 'created' else ''".into(),
        title: "body.data.issue.title or body.data.event.title or body.data.error.title or \
            body.data.description_title or \
            ((headers['sentry-hook-resource'] or 'event') ~ ' ' ~ body.action)|title"
            .into(),
        text: "body.data.issue.culprit or body.data.event.culprit or body.data.error.culprit or \
            body.data.description_text or body.data.comment"
            .into(),
        url: "body.data.issue.web_url or body.data.event.web_url or body.data.error.web_url or body.data.web_url or \
            body.data.issue.permalink"
            .into(),
        fields: vec![
            field("Project", "body.data.issue.project.name or body.data.issue.project.slug"),
            field("Rule", "body.data.triggered_rule or body.data.metric_alert.alert_rule.name"),
            field("Action", "body.action"),
            field("By", "body.actor.name"),
        ],
        ..Mapping::default()
    }
}

fn sample() -> Sample {
    Sample {
        headers: vec![("sentry-hook-resource", "issue"), ("request-id", "0b9e3c52-9d7b-4f2c-8a51-4b3c2d1e0f9a")],
        body: json!({
            "action": "created",
            "actor": { "id": "sentry", "name": "Sentry", "type": "application" },
            "data": { "issue": {
                "id": "1170820242", "shortId": "WEB-7", "title": "TypeError: door is undefined", "culprit": "open(door.js)",
                "level": "error", "status": "unresolved", "lastSeen": "2026-01-02T09:59:30Z",
                "project": { "id": "1", "name": "web", "slug": "web" },
                "web_url": "https://sentry.example.org/organizations/town/issues/1170820242/"
            } },
            "installation": { "uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de" }
        }),
    }
}
