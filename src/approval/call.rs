//! Carries decisions upstream: from committed rows, under a lease, until the upstream has said what it did.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{audit, rules};
use crate::bus::Topic;
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::store::approval::{Approval, has_newer_approval, lock_approval, save_approval};
use crate::store::{Store, card};
use crate::telemetry::traces::Step;
use crate::upstream::xtsystems::Decision;

/// The loop that makes calls, as the watchdog knows it.
pub const PULSE: &str = "approvals";
/// Longer than the client's deadline of 10 s, so that a lease never lapses under a call.
const LEASE: TimeDelta = TimeDelta::seconds(20);

/// Makes the calls that are due. Returns how many.
pub async fn call_due(ports: &Ports, limit: i64) -> Result<usize> {
    let Some(_) = &ports.xtsystems else { return Ok(0) };
    let lease = if crate::crash::lacks("no-lease") { TimeDelta::zero() } else { LEASE };
    let mut count = 0;
    // One at a time: a claimed call whose turn comes after others would outlive its lease, and one that is
    // not made before a stop would count as unknown.
    for _ in 0..limit {
        if ports.lifecycle.is_stopping() {
            break;
        }
        ports.lifecycle.pulse().beat(PULSE);
        let now = ports.clock.now();
        let claim = ports.store.claim_approvals(ports.clock.uuid(), now, now + lease, 1);
        let Some(approval) = claim.await.context("claiming calls")?.pop() else { break };
        crate::crash::point("call.claimed");
        let answer = call(ports, &approval).await;
        crate::crash::point("call.answered");
        trace(ports, &approval, now, &answer);
        finish(ports, &approval, &answer).await?;
        count += 1;
    }
    Ok(count)
}

fn trace(ports: &Ports, approval: &Approval, began_at: DateTime<Utc>, answer: &Decision) {
    let is_done = matches!(answer, Decision::Done { .. });
    ports.traces.note(|| {
        Step::new("approval call", approval.event_id, began_at, ports.clock.now())
            .with("approval.id", approval.id)
            .with("approval.verb", approval.verb.map_or("", |verb| verb.as_str()))
            .with("approval.attempt", approval.call_attempts)
            .failed((!is_done).then(|| answer.text().to_owned()))
    });
}

async fn call(ports: &Ports, approval: &Approval) -> Decision {
    let (Some(client), Some(verb)) = (&ports.xtsystems, approval.verb) else {
        return Decision::NotSent { text: "XTSystems is not configured".into() };
    };
    let settings = ports.config.xtsystems.as_ref();
    let company = approval.company_id.clone().or_else(|| settings.and_then(|s| s.company_id.clone()));
    let allow_machine = settings.and_then(|s| s.allow_machine);
    client.decide_machine(verb, &approval.asset_id, company.as_deref(), allow_machine).await
}

/// Records the answer where the lease is still ours; whoever took it over records theirs.
async fn finish(ports: &Ports, claimed: &Approval, answer: &Decision) -> Result<()> {
    let mut tx = ports.store.begin().await?;
    let Some(mut current) = lock_approval(&mut tx, claimed.guild_id, claimed.id).await? else { return Ok(()) };
    if current.lease_token != claimed.lease_token {
        return Ok(());
    }
    let action = rules::on_answer(&mut current, answer, ports.clock.now());
    // Refused while the machine registered again: the newer registration has the buttons.
    let is_outdated = current.state == ApprovalState::Refused && has_newer_approval(&mut tx, &current).await?;
    if is_outdated {
        rules::supersede(&mut current);
    }
    save_approval(&mut tx, &current).await?;
    let detail = json!({
        "verb": current.verb.map(|v| v.as_str()),
        "attempt": current.call_attempts,
        "upstream": current.upstream_text,
        "status": current.upstream_status,
    });
    audit(&mut tx, ports, &current, current.person_id, action, detail).await?;
    if is_outdated {
        audit(&mut tx, ports, &current, None, "superseded", json!({})).await?;
    }
    card::touch_cards(&mut tx, &[current.subject_id]).await?;
    Store::commit(tx).await?;
    tracing::info!(approval = %current.id, action, "the upstream answered");
    ports.wake.wake(Topic::Deliverer);
    Ok(())
}
