//! GitHub's webhooks of a repository or an organisation
//! (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).

use serde_json::json;

use super::{Preset, Sample, SecretFrom, field};
use crate::source::generic::config::{Hmac, Mapping, Verification};

pub(super) const PRESET: Preset = Preset {
    name: "github",
    title: "GitHub",
    secret: SecretFrom::Here,
    guide: "In the repository: Settings › Webhooks › Add webhook. Enter the address as Payload URL, choose the content \
            type application/json, enter the secret, and choose the events.",
    verification,
    mapping,
    sample,
};

/// The signature covers the body alone, so a delivery is known by its body: see `read::delivery_key`
/// (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).
fn verification() -> Verification {
    Verification::Hmac(Hmac {
        header: "x-hub-signature-256".into(),
        algorithm: Default::default(),
        encoding: Default::default(),
        prefix: "sha256=".into(),
        signed: "{body}".into(),
        timestamp: None,
        // X-GitHub-Delivery is not signed.
        id_header: None,
    })
}

/// What has a number or an id of its own lives on one card.
fn mapping() -> Mapping {
    Mapping {
        kind: "'github.' ~ (headers['x-github-event'] or 'event')".into(),
        subject: "('run/' ~ body.workflow_run.id) if body.workflow_run else \
            (body.repository.full_name ~ '#' ~ (body.pull_request.number or body.issue.number)) \
            if body.pull_request or body.issue else ''"
            .into(),
        state: "'merged' if body.pull_request.merged else (body.pull_request.state or body.issue.state or \
            body.workflow_run.conclusion or body.workflow_run.status or '')"
            .into(),
        resolved: "body.pull_request.state == 'closed' or body.issue.state == 'closed' or \
            body.workflow_run.conclusion == 'success'"
            .into(),
        severity: "'error' if body.workflow_run.conclusion in ['failure', 'timed_out', 'startup_failure'] else \
            ('warning' if body.alert and body.action == 'created' else 'info')"
            .into(),
        time: "body.pull_request.updated_at or body.issue.updated_at or body.workflow_run.updated_at".into(),
        title: TITLE.into(),
        text: "body.commits|bullets('message') if body.commits else (body.release.body or body.comment.body or \
            body.review.body or body.pull_request.body or body.issue.body or body.workflow_run.display_title or body.zen)"
            .into(),
        url: "body.comment.html_url or body.review.html_url or body.pull_request.html_url or body.issue.html_url or \
            body.release.html_url or body.workflow_run.html_url or body.compare or body.alert.html_url or \
            body.repository.html_url"
            .into(),
        fields: vec![
            field("Repository", "body.repository.full_name"),
            field("By", "body.sender.login or body.pusher.name"),
            field("Branch", "body.workflow_run.head_branch or body.pull_request.head.ref"),
        ],
        ..Mapping::default()
    }
}

const TITLE: &str = "(((body.commits|length) ~ (' commit' if (body.commits|length) == 1 else ' commits') ~ ' pushed to ' ~ \
    (body.ref|strip('refs/heads/')|strip('refs/tags/'))) if not body.deleted else \
    (body.ref|strip('refs/heads/')|strip('refs/tags/')) ~ ' was deleted') if headers['x-github-event'] == 'push' else \
    'Workflow ' ~ body.workflow_run.name ~ ': ' ~ (body.workflow_run.conclusion or body.workflow_run.status) if body.workflow_run else \
    'Pull request #' ~ body.pull_request.number ~ ': ' ~ body.pull_request.title if body.pull_request else \
    'Issue #' ~ body.issue.number ~ ': ' ~ body.issue.title if body.issue else \
    'Release ' ~ (body.release.name or body.release.tag_name) ~ ' ' ~ body.action if body.release else \
    'GitHub is connected' if headers['x-github-event'] == 'ping' else \
    (headers['x-github-event'] ~ ' ' ~ (body.action or ''))|title";

fn sample() -> Sample {
    Sample {
        headers: vec![("x-github-event", "push"), ("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")],
        body: json!({
            "ref": "refs/heads/main",
            "deleted": false,
            "compare": "https://github.com/octo/web/compare/1f0c...9b1d",
            "commits": [{ "id": "9b1d", "message": "Close the door on errors\n\nIt stood open.", "author": { "name": "Ada" } }],
            "repository": { "full_name": "octo/web", "html_url": "https://github.com/octo/web" },
            "pusher": { "name": "ada" },
            "sender": { "login": "ada" }
        }),
    }
}
