//! Carries decisions upstream: from committed rows, under a lease, until the upstream has said what it did.

mod action;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{audit, rules, text};
use crate::bus::Topic;
use crate::ports::Ports;
use crate::routing::card::ApprovalState;
use crate::store::approval::{
    Approval, Reply, UpstreamCall, count_refusal, has_newer_approval, lock_approval, save_approval, take_reply,
};
use crate::store::{Store, card};
use crate::telemetry::traces::Step;
use crate::ticket::call::TOKEN_LIVES;
use crate::upstream::xtsystems::{Decision, Standing};

/// Longer than the client's deadline of 10 s for the call and for the questions before and after it, so that a lease
/// never lapses under them.
const LEASE: TimeDelta = TimeDelta::seconds(35);

/// Makes the calls that are due, one after another. Returns how many.
pub async fn call_due(ports: &Ports, limit: usize) -> Result<usize> {
    for done in 0..limit {
        let Some(approval) = claim_due(ports, 1).await?.pop() else { return Ok(done) };
        carry_out(ports, &approval).await?;
    }
    Ok(limit)
}

/// Claims calls that are due; each is for [`carry_out`], at once: one that waits for others would outlive its
/// lease, and one that is not made before a stop would count as unknown.
pub async fn claim_due(ports: &Ports, limit: i64) -> Result<Vec<Approval>> {
    if ports.lifecycle.is_stopping() {
        return Ok(Vec::new());
    }
    let now = ports.clock.now();
    let lease = if crate::crash::lacks("no-lease") { TimeDelta::zero() } else { LEASE };
    let claimed =
        ports.store.claim_approvals(ports.clock.uuid(), now, now + lease, limit, ports.xtsystems.is_some()).await;
    let claimed = claimed.context("claiming calls")?;
    if !claimed.is_empty() {
        crate::crash::point("call.claimed");
    }
    Ok(claimed)
}

/// Makes one claimed call and records what came of it.
pub async fn carry_out(ports: &Ports, approval: &Approval) -> Result<()> {
    let _work = ports.lifecycle.pulse().begin("call about an approval");
    let now = ports.clock.now();
    let answer = call(ports, approval).await?;
    crate::crash::point("call.answered");
    trace(ports, approval, now, &answer);
    finish(ports, approval, &answer).await
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

/// Whether this process has what it takes to carry a decision upstream.
pub fn is_possible(ports: &Ports, approval: &Approval) -> bool {
    match approval.call {
        Some(UpstreamCall::Machine { .. }) => ports.xtsystems.is_some(),
        Some(UpstreamCall::Action(_)) => true,
        None => false,
    }
}

async fn call(ports: &Ports, approval: &Approval) -> Result<Decision> {
    let not_sent = |text: &str| Ok(Decision::NotSent { text: text.into() });
    let Some(verb) = approval.verb else { return not_sent("nothing is decided") };
    match &approval.call {
        Some(UpstreamCall::Machine { asset_id, company_id }) => {
            let Some(client) = &ports.xtsystems else { return not_sent("XTSystems is not configured") };
            let settings = ports.config.xtsystems.as_ref();
            let company = company_id.clone().or_else(|| settings.and_then(|s| s.company_id.clone()));
            // An earlier call may have arrived: how XTSystems has it now tells, unless it cannot say.
            if approval.state == ApprovalState::Unknown
                && let Some(company) = &company
                && let Some(standing) = client.find_standing(asset_id, company).await
            {
                match standing {
                    Standing::Decided(decision) => return Ok(decision),
                    // What is pending there is the newer registration, which nobody has decided about.
                    Standing::Pending if is_overtaken(ports, approval).await? => {
                        let text = "it has not decided about the machine since that registered again".to_owned();
                        return Ok(Decision::Refused { status: 200, text });
                    }
                    Standing::Pending => {}
                }
            }
            let allow_machine = settings.and_then(|s| s.allow_machine);
            let answer = client.decide_machine(verb, asset_id, company.as_deref(), allow_machine).await;
            let (Decision::DecidedElsewhere { verb: None, status, text }, Some(company)) = (&answer, &company) else {
                return Ok(answer);
            };
            // It does not say what was decided; the list of machines may.
            let (status, text) = (*status, text.clone());
            Ok(match client.find_standing(asset_id, company).await {
                Some(Standing::Decided(Decision::DecidedElsewhere { verb, .. })) => {
                    Decision::DecidedElsewhere { verb, status, text }
                }
                // Nothing was: what is in the way is something else.
                Some(Standing::Pending) => Decision::Refused { status, text },
                _ => answer,
            })
        }
        Some(UpstreamCall::Action(offers)) => action::post(ports, approval, offers).await,
        None => not_sent("a newer release of Signalbox makes this call"),
    }
}

async fn is_overtaken(ports: &Ports, approval: &Approval) -> Result<bool> {
    let mut tx = ports.store.begin().await?;
    Ok(has_newer_approval(&mut tx, approval).await?)
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
        "action": current.choice,
        "attempt": current.call_attempts,
        "upstream": current.upstream_text,
        "status": current.upstream_status,
    });
    audit(&mut tx, ports, &current, current.person_id, action, detail).await?;
    if is_outdated {
        audit(&mut tx, ports, &current, None, "superseded", json!({})).await?;
    }
    let is_refused = matches!(answer, Decision::Refused { .. });
    if is_refused {
        count_refusal(&mut tx, current.guild_id, current.id).await?;
    }
    let is_open = matches!(current.state, ApprovalState::Deciding | ApprovalState::Sent | ApprovalState::Unknown);
    let reply = match is_open {
        true => None,
        false => take_reply(&mut tx, current.guild_id, current.id, ports.clock.now() - TOKEN_LIVES).await?,
    };
    card::touch_cards(&mut tx, &[current.subject_id]).await?;
    Store::commit(tx).await?;
    tracing::info!(approval = %current.id, action, "the upstream answered");
    ports.wake.wake(Topic::Deliverer);
    if let (Some(reply), true) = (reply.filter(|_| is_refused), current.offers().is_some()) {
        tell(ports, &reply, &text::refused(&current)).await;
    }
    Ok(())
}

/// Best effort, and once: the card says it, too.
async fn tell(ports: &Ports, reply: &Reply, words: &str) {
    let answer = ports.discord.follow_up(reply.application_id, &reply.token, words).await.reply;
    if !(200..300).contains(&answer.status) {
        tracing::info!(status = answer.status, "the presser could not be told; the card says it");
    }
}
