//! The use case behind a press, whichever door it came through: role, state, decision, in one commit.

use anyhow::Result;
use serde_json::json;
use uuid::Uuid;

use super::audit;
use super::rules::{self, Refusal};
use crate::bus::Topic;
use crate::id::{GuildId, RoleId, UserId};
use crate::ports::Ports;
use crate::routing::card::Verb;
use crate::store::approval::{Approval, find_machine, find_presser, lock_approval, save_approval};
use crate::store::interaction::insert_interaction;
use crate::store::source::ensure_person;
use crate::store::{Store, card};
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

/// Looks at a press without taking it: for the form that asks for a reason first.
pub async fn preview(ports: &Ports, press: &Press) -> Result<Outcome> {
    if let Err(roles) = is_approver(ports, &press.roles, press.permissions) {
        return Ok(Outcome::NotAllowed { roles });
    }
    let mut tx = ports.store.begin().await?;
    if !insert_interaction(&mut tx, press.interaction_id, ports.clock.now()).await? {
        return Ok(Outcome::Repeated);
    }
    let Some(approval) = lock_approval(&mut tx, press.guild_id, press.approval_id).await? else {
        return Ok(Outcome::Unknown);
    };
    let refusal = refusal(&mut tx, &approval).await?;
    Store::commit(tx).await?;
    Ok(refusal.map_or(Outcome::Decided, |(why, by)| Outcome::Refused { why, by }))
}

/// Takes a press: the interaction and the decision in one transaction. The call upstream runs after
/// the commit, from the row.
pub async fn press(ports: &Ports, press: &Press) -> Result<Outcome> {
    if let Err(roles) = is_approver(ports, &press.roles, press.permissions) {
        return Ok(Outcome::NotAllowed { roles });
    }
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !insert_interaction(&mut tx, press.interaction_id, now).await? {
        return Ok(Outcome::Repeated);
    }
    let Some(mut approval) = lock_approval(&mut tx, press.guild_id, press.approval_id).await? else {
        return Ok(Outcome::Unknown);
    };
    let person = ensure_person(&mut tx, press.user_id.0, ports.clock.uuid(), now).await?;
    if let Some((why, by)) = refusal(&mut tx, &approval).await? {
        let line = json!({ "verb": press.verb.as_str(), "why": format!("{why:?}"), "person": person });
        audit(&mut tx, ports, &approval, "press_refused", line).await?;
        Store::commit(tx).await?;
        return Ok(Outcome::Refused { why, by });
    }
    rules::decide(&mut approval, press.verb, person, press.reason.clone(), now);
    save_approval(&mut tx, &approval).await?;
    let line =
        json!({ "verb": press.verb.as_str(), "reason": press.reason, "interaction": press.interaction_id.to_string() });
    audit(&mut tx, ports, &approval, "decided", line).await?;
    card::touch_cards(&mut tx, &[approval.subject_id]).await?;
    crate::crash::point("press.before_commit");
    Store::commit(tx).await?;
    crate::crash::point("press.after_commit");
    ports.wake.wake(Topic::Approvals);
    ports.wake.wake(Topic::Deliverer);
    Ok(Outcome::Decided)
}

/// Why this approval takes no decision now, and who took the one that stands.
async fn refusal(tx: &mut crate::store::Tx, approval: &Approval) -> Result<Option<(Refusal, Option<UserId>)>> {
    if let Err(why) = rules::may_decide(approval) {
        return Ok(Some((why, find_presser(tx, approval.person_id).await?)));
    }
    let (hostname, ip_address) = find_machine(tx, approval.subject_id).await?;
    let changed =
        hostname.unwrap_or_default() != approval.hostname || ip_address.unwrap_or_default() != approval.ip_address;
    Ok(changed.then_some((Refusal::Changed, None)))
}
