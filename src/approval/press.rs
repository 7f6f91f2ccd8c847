//! The use case behind a press, whichever door it came through: role, state, decision, in one commit.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::rules::{self, Refusal};
use crate::bus::Topic;
use crate::id::{GuildId, RoleId, UserId};
use crate::ports::Ports;
use crate::routing::card::Verb;
use crate::store::approval::{Approval, find_machine, find_presser, lock_approval, save_approval};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::interaction::insert_interaction;
use crate::store::source::ensure_person;
use crate::store::{Store, Tx, card};
use crate::upstream::permission::{ADMINISTRATOR, MANAGE_GUILD};

/// A press on a card's button, or the submission of its form.
#[derive(Clone, Debug)]
pub struct Press {
    pub interaction_id: i64,
    pub guild_id: GuildId,
    pub user_id: UserId,
    pub roles: Vec<RoleId>,
    /// The member's permissions as Discord computed them.
    pub permissions: u64,
    pub approval_id: Uuid,
    pub verb: Verb,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Committed; the card follows.
    Decided,
    /// This interaction was handled before.
    Repeated,
    NotAllowed {
        roles: Vec<RoleId>,
    },
    /// No such approval in this server.
    Unknown,
    /// XTSystems' address or key is not configured: nobody could be told of a decision.
    NoUpstream,
    Refused {
        why: Refusal,
        by: Option<UserId>,
    },
}

/// Whether the presser may decide at all: an approver role, or Manage Server where none is configured.
pub fn is_approver(ports: &Ports, roles: &[RoleId], permissions: u64) -> Result<(), Vec<RoleId>> {
    let configured = ports.config.xtsystems.as_ref().map(|x| x.approver_roles.clone()).unwrap_or_default();
    let allowed = if configured.is_empty() {
        permissions & (MANAGE_GUILD | ADMINISTRATOR) != 0
    } else {
        configured.iter().any(|role| roles.contains(role))
    };
    if allowed { Ok(()) } else { Err(configured) }
}

/// Looks at a press without deciding: for the form that asks for a reason first.
pub async fn preview(ports: &Ports, press: &Press) -> Result<Outcome> {
    take(ports, press, false).await
}

/// Takes a press: the interaction and the decision in one transaction. The call upstream runs after
/// the commit, from the row.
pub async fn press(ports: &Ports, press: &Press) -> Result<Outcome> {
    take(ports, press, true).await
}

/// Every press leaves a line in the audit log, whatever came of it.
async fn take(ports: &Ports, press: &Press, decides: bool) -> Result<Outcome> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !insert_interaction(&mut tx, press.interaction_id, now).await? {
        return Ok(Outcome::Repeated);
    }
    let person = ensure_person(&mut tx, press.user_id.0, ports.clock.uuid(), now).await?;
    let outcome = match judge(ports, &mut tx, press).await? {
        Err(outcome) => outcome,
        Ok(mut approval) => {
            if decides {
                rules::decide(&mut approval, press.verb, person, press.reason.clone(), now);
                save_approval(&mut tx, &approval).await?;
                card::touch_cards(&mut tx, &[approval.subject_id]).await?;
            }
            Outcome::Decided
        }
    };
    let action = match (&outcome, decides) {
        (Outcome::Decided, true) => "decided",
        (Outcome::Decided, false) => "form_opened",
        _ => "press_refused",
    };
    let mut detail = json!({ "verb": press.verb.as_str(), "interaction": press.interaction_id.to_string() });
    if let Some(reason) = &press.reason {
        detail["reason"] = json!(reason);
    }
    if let Some(why) = why(&outcome) {
        detail["why"] = json!(why);
    }
    let line = NewAudit {
        guild_id: press.guild_id,
        approval_id: Some(press.approval_id),
        person_id: Some(person),
        action,
        detail,
    };
    insert_audit(&mut tx, &line, now).await?;
    crate::crash::point("press.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("press.after_commit");
    if action == "decided" {
        ports.wake.wake(Topic::Approvals);
    }
    ports.wake.wake(Topic::Deliverer);
    Ok(outcome)
}

/// The approval, locked, if this press may decide it; else why not.
async fn judge(ports: &Ports, tx: &mut Tx, press: &Press) -> Result<Result<Approval, Outcome>> {
    if let Err(roles) = is_approver(ports, &press.roles, press.permissions) {
        return Ok(Err(Outcome::NotAllowed { roles }));
    }
    let Some(mut approval) = lock_approval(tx, press.guild_id, press.approval_id).await? else {
        return Ok(Err(Outcome::Unknown));
    };
    if ports.xtsystems.is_none() {
        return Ok(Err(Outcome::NoUpstream));
    }
    Ok(match refusal(tx, &mut approval).await? {
        Some((why, by)) => Err(Outcome::Refused { why, by }),
        None => Ok(approval),
    })
}

/// For the audit log.
fn why(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Decided | Outcome::Repeated => None,
        Outcome::NotAllowed { .. } => Some("not an approver".into()),
        Outcome::Unknown => Some("no such approval in this server".into()),
        Outcome::NoUpstream => Some("no connection to XTSystems is configured".into()),
        Outcome::Refused { why, .. } => Some(why.to_string()),
    }
}

/// Why this approval takes no decision now, and who took the one that stands.
async fn refusal(tx: &mut Tx, approval: &mut Approval) -> Result<Option<(Refusal, Option<UserId>)>> {
    if let Err(why) = rules::may_decide(approval) {
        return Ok(Some((why, find_presser(tx, approval.person_id).await?)));
    }
    let (hostname, ip_address) = find_machine(tx, approval.subject_id).await?;
    let (hostname, ip_address) = (hostname.unwrap_or_default(), ip_address.unwrap_or_default());
    if hostname == approval.hostname && ip_address == approval.ip_address {
        return Ok(None);
    }
    // The presser is told to look again; the card shows the new ones, and the next press is about them.
    (approval.hostname, approval.ip_address) = (hostname, ip_address);
    save_approval(tx, approval).await?;
    card::touch_cards(tx, &[approval.subject_id]).await?;
    Ok(Some((Refusal::Changed, None)))
}
