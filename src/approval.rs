//! Decisions about machines: a press becomes a decision, the decision a call upstream, and the answer
//! the card. States and transitions are table 2 of `ARCHITECTURE.md`.

pub mod call;
pub mod press;
pub mod rules;

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use crate::event::Event;
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::store::Tx;
use crate::store::approval::{Approval, insert_approval, lock_subject_approvals, save_approval};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::subject::Subject;

/// Takes an event about a machine into its approvals, in the planner's transaction.
pub async fn on_event(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    match event.kind.as_str() {
        "machine.registered" => registered(ports, tx, event, subject).await,
        "machine.approved" => approved_elsewhere(ports, tx, event, subject).await,
        _ => Ok(()),
    }
}

/// A registration opens an approval; it supersedes older ones, and is superseded by newer ones.
async fn registered(ports: &Ports, tx: &mut Tx, event: &Event, subject: &Subject) -> Result<()> {
    let text = |name: &str| event.data.get(name).and_then(crate::routing::subject::plain);
    // As the card shows it: what this registration leaves out, an earlier event may have said.
    let shown = |name: &str| subject.state.text(name).unwrap_or_default();
    let key = event.order_key();
    let existing = lock_subject_approvals(tx, subject.id).await?;
    let mut approval = Approval {
        id: ports.clock.uuid(),
        guild_id: event.guild_id,
        source_id: event.source_id,
        subject_id: subject.id,
        event_id: event.id,
        occurred_at: key.time,
        received_at: key.received_at,
        asset_id: text("asset_id").or_else(|| text("id")).unwrap_or_default(),
        company_id: text("company_id"),
        hostname: shown("hostname"),
        ip_address: shown("ip_address"),
        state: ApprovalState::Requested,
        verb: None,
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
    if existing
        .iter()
        .any(|other| (other.occurred_at, other.received_at) > (approval.occurred_at, approval.received_at))
    {
        approval.state = ApprovalState::Superseded;
    } else if let Some(later) = later_approval(subject, event) {
        // The decision arrived before the registration it is about.
        rules::decided_elsewhere(&mut approval, crate::routing::card::Verb::Approve, later, ports.clock.now());
    }
    insert_approval(tx, &approval, ports.clock.now()).await?;
    audit(
        tx,
        ports,
        &approval,
        None,
        "requested",
        json!({ "hostname": approval.hostname, "ip_address": approval.ip_address }),
    )
    .await?;
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
    Ok(())
}
