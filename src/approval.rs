//! Decisions that people take: a press becomes a decision, the decision a call upstream, and the answer
//! the card. States and transitions are table 2 of `ARCHITECTURE.md`. Any source opens one with [`open`].

pub mod call;
pub mod due;
mod offered;
pub mod policy;
pub mod press;
pub mod rules;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::bus::Topic;
use crate::config::ApprovalRules;
use crate::event::Event;
use crate::event::kind::SubjectKind;
use crate::ports::Ports;
use crate::routing::card::{ApprovalState, Verb};
use crate::routing::subject::SubjectState;
use crate::store::Tx;
use crate::store::approval::{Approval, Terms, UpstreamCall, insert_approval, lock_subject_approvals, save_approval};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::outbound;
use crate::store::subject::Subject;

/// Takes an event into the approvals of what it is about, in the planner's transaction.
pub async fn on_event(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    if subject.kind == SubjectKind::Signal {
        return offered::on_event(ports, tx, event, subject).await;
    }
    match event.kind.as_str() {
        "machine.registered" => registered(ports, tx, event, subject).await,
        "machine.approved" => approved_elsewhere(ports, tx, event, subject).await,
        _ => Ok(()),
    }
}

/// A registration opens an approval.
async fn registered(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    let text = |name: &str| event.data.get(name).and_then(crate::routing::subject::plain);
    let opening = Opening {
        kind: "machine",
        // As the card shows it: what this registration leaves out, an earlier event may have said.
        title: subject.state.text("hostname").unwrap_or_default(),
        facts: &["hostname", "ip_address"],
        call: UpstreamCall::Machine {
            asset_id: text("asset_id").or_else(|| text("id")).unwrap_or_default(),
            company_id: text("company_id"),
        },
        requested_by: ["requested_by", "registered_by", "created_by"].into_iter().find_map(text),
        // The decision may have arrived before the registration it is about.
        decided: later_approval(subject, event).map(|by| (Verb::Approve, by)),
    };
    open(ports, tx, event, subject, opening).await
}

/// What is to be decided, and what a decision means.
pub struct Opening<'a> {
    pub kind: &'a str,
    /// Its name: patterns of the rules are compared with it, and it may have to be typed.
    pub title: String,
    /// Fields of the subject that the decision rests on: when one changes, the card has to be looked at again.
    pub facts: &'a [&'a str],
    pub call: UpstreamCall,
    /// Who asked, as the source names them.
    pub requested_by: Option<String>,
    /// What has been decided already, and by whom.
    pub decided: Option<(Verb, Option<String>)>,
}

impl Opening<'_> {
    /// For a described source the rules may name the source as well as the thing.
    fn needed(&self, rules: &ApprovalRules) -> i32 {
        let by_title = rules.needed_for(&self.title);
        match &self.call {
            UpstreamCall::Action(offers) => by_title.max(rules.needed_for(&offers.source)),
            UpstreamCall::Machine { .. } => by_title,
        }
    }
}

/// Opens an approval about a subject under the rules in force now, in the planner's transaction. It
/// supersedes older ones about the same subject, and is superseded by newer ones.
pub async fn open(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject, opening: Opening<'_>) -> Result<()> {
    let now = ports.clock.now();
    let rules = policy::in_force(ports, tx, event.guild_id).await?;
    let existing = lock_subject_approvals(tx, subject.id).await?;
    let mut approval = requested(ports, event, subject, &opening, &rules);
    let place = |a: &Approval| (a.occurred_at, a.received_at);
    if existing.iter().any(|other| place(other) > place(&approval)) {
        approval.state = ApprovalState::Superseded;
    } else if let Some((verb, by)) = opening.decided {
        rules::decided_elsewhere(&mut approval, Some(verb), by, now);
    }
    insert_approval(tx, &approval, now).await?;
    audit(tx, ports, &approval, None, "requested", json!(approval.facts)).await?;
    if approval.state == ApprovalState::Superseded {
        return Ok(());
    }
    for mut older in existing {
        if rules::supersede(&mut older) {
            save_approval(tx, &older).await?;
            audit(tx, ports, &older, None, "superseded", json!({ "by": approval.id })).await?;
        }
    }
    Ok(())
}

fn requested(
    ports: &Ports,
    event: &Event,
    subject: &Subject,
    opening: &Opening<'_>,
    rules: &ApprovalRules,
) -> Approval {
    let key = event.order_key();
    let seconds = |wait: Option<Duration>| i64::try_from(wait?.as_secs()).ok();
    let mut approval = Approval {
        id: ports.clock.uuid(),
        guild_id: event.guild_id,
        source_id: event.source_id,
        subject_id: subject.id,
        event_id: event.id,
        occurred_at: key.time,
        received_at: key.received_at,
        kind: opening.kind.to_owned(),
        title: opening.title.clone(),
        facts: facts(opening.facts.iter().copied(), &subject.state),
        call: Some(opening.call.clone()),
        requested_by: opening.requested_by.clone(),
        terms: Terms {
            requester_may_approve: rules.requester_may_approve,
            reason: rules.reason,
            confirm: rules.needs_typing(&opening.title),
            undo_seconds: i64::try_from(rules.undo.as_secs()).unwrap_or_default(),
            escalate_role: rules.escalate_role,
            expire_seconds: seconds(rules.expire_after),
            remind_seconds: seconds(rules.remind_after),
            escalate_seconds: seconds(rules.escalate_after.filter(|_| rules.escalate_role.is_some())),
        },
        needed: opening.needed(rules),
        votes: 0,
        expires_at: None,
        remind_at: None,
        escalate_at: None,
        undone_by: None,
        undone_at: None,
        state: ApprovalState::Requested,
        verb: None,
        choice: None,
        decision: 0,
        reason: None,
        person_id: None,
        decided_at: None,
        call_due_at: None,
        call_attempts: 0,
        lease_token: None,
        leased_until: None,
        upstream_status: None,
        upstream_text: None,
        outcome: None,
        outcome_by: None,
        settled_at: None,
    };
    rules::start_times(&mut approval, ports.clock.now());
    approval
}

/// These fields of a subject, as they are now.
fn facts<'a>(names: impl Iterator<Item = &'a str>, state: &SubjectState) -> BTreeMap<String, String> {
    names.map(|name| (name.to_owned(), state.text(name).unwrap_or_default())).collect()
}

/// Who approved, when the subject already knows an approval newer than this registration.
fn later_approval(subject: &Subject, registered: &Event) -> Option<Option<String>> {
    let key = registered.order_key();
    let later = subject.state.timeline.iter().find(|e| e.kind == "machine.approved" && e.key > key)?;
    Some(later.by.clone())
}

/// `machine.approved`: decided in the web UI, or the echo of our own call.
async fn approved_elsewhere(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    let key = event.order_key();
    let by = event.data.get("approved_by").and_then(crate::routing::subject::plain);
    let approvals = lock_subject_approvals(tx, subject.id).await?;
    let current = approvals.into_iter().rfind(|a| a.occurred_at <= key.time && a.state != ApprovalState::Superseded);
    let Some(mut approval) = current else { return Ok(()) };
    let change = rules::on_approved_event(&mut approval, by.clone(), ports.clock.now());
    if let Some(action) = change {
        save_approval(tx, &approval).await?;
        audit(tx, ports, &approval, None, action, json!({ "approved_by": by, "event": event.id })).await?;
    }
    Ok(())
}

/// A line about an approval; `person` is who decided, where somebody did.
async fn audit(
    tx: &mut Tx,
    ports: &Ports,
    approval: &Approval,
    person: Option<Uuid>,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<()> {
    let line =
        NewAudit { guild_id: approval.guild_id, approval_id: Some(approval.id), person_id: person, action, detail };
    insert_audit(tx, &line, ports.clock.now()).await?;
    tell_others(tx, ports, approval, action).await
}

/// What became of an approval is told to the systems that want to hear it. Who decided is not.
async fn tell_others(tx: &mut Tx, ports: &Ports, approval: &Approval, action: &str) -> Result<()> {
    let what = match (action, approval.state) {
        ("requested", ApprovalState::Superseded) => return Ok(()),
        ("requested", _) => "approval.opened",
        ("decided", _) => "approval.decided",
        ("confirmed" | "elsewhere", _) => "approval.confirmed",
        ("refused", _) => "approval.refused",
        ("expired", _) => "approval.expired",
        _ => return Ok(()),
    };
    let verb = |verb: Option<Verb>| verb.map(Verb::as_str);
    let data = json!({
        "id": approval.id,
        "kind": approval.kind,
        "title": approval.title,
        "state": approval.state.as_str(),
        "verb": verb(approval.verb),
        "action": approval.choice,
        "outcome": verb(approval.outcome),
        "upstream_text": approval.upstream_text,
        "facts": approval.facts,
    });
    if outbound::tell(tx, approval.guild_id, what, &data, ports.clock.now()).await? > 0 {
        ports.wake.wake(Topic::Outbound);
    }
    Ok(())
}
