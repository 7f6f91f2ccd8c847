//! The use case behind a press, whichever door it came through: role, state, decision, in one commit.

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::rules::{self, Refusal};
use super::{audit, call, facts, policy};
use crate::bus::Topic;
use crate::config::ReasonRule;
use crate::id::{GuildId, RoleId, UserId};
use crate::ports::Ports;
use crate::routing::card::{ApprovalState, Verb};
use crate::routing::offer::Offer;
use crate::store::approval::{
    Approval, Reply, count_votes, delete_vote, delete_votes, find_presser, get_subject_state, has_vote, insert_vote,
    is_requester, keep_reply, lock_approval, save_approval,
};
use crate::store::audit::{NewAudit, insert_audit};
use crate::store::audit_repeat::{Same, count_audit};
use crate::store::interaction::insert_interaction;
use crate::store::source::ensure_person;
use crate::store::{Store, Tx, card};
use crate::upstream::permission::has_one_of;

/// A press on a card's button, or the submission of the form that it opened.
#[derive(Clone, Debug)]
pub struct Press {
    pub interaction_id: i64,
    pub guild_id: GuildId,
    pub user_id: UserId,
    /// The names under which Discord knows the presser.
    pub names: Vec<String>,
    pub roles: Vec<RoleId>,
    /// The member's permissions as Discord computed them.
    pub permissions: u64,
    pub approval_id: Uuid,
    pub act: Act,
    /// Of the actions on a described source's card, the one that is decided for; `None` where it is approve or deny.
    pub choice: Option<String>,
    /// `None` for a press.
    pub form: Option<Form>,
    /// Where the presser can be told more later.
    pub reply: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Decide(Verb),
    /// Takes one's own approval back while others are still needed.
    Retract,
    /// Takes a decision back before it is sent.
    Undo,
}

/// What was filled in; nothing is empty.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub reason: Option<String>,
    pub title: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Committed; the card follows.
    Done,
    /// This has to be filled in first.
    Form(Wanted),
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
        /// What was decided, and about whose card, where that is a described source.
        of: Option<Of>,
    },
}

/// An action in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Of {
    pub source: String,
    /// The button's text; empty when nothing is decided.
    pub action: String,
}

/// What a form asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub verb: Verb,
    /// An action and its text.
    pub choice: Option<(String, String)>,
    /// What is decided about, such as `machine`.
    pub kind: String,
    pub reason: bool,
    /// The title that has to be typed; of an action its text.
    pub title: Option<String>,
}

/// What a press came to, for the audit log.
enum Step {
    Did(&'static str),
    Not(Outcome),
}

impl Step {
    fn refused(why: Refusal) -> Self {
        Step::Not(Outcome::Refused { why, by: None, of: None })
    }
}

impl Act {
    fn as_str(self) -> &'static str {
        match self {
            Act::Decide(verb) => verb.as_str(),
            Act::Retract => "retract",
            Act::Undo => "undo",
        }
    }
}

/// Whether the presser may decide at all: an approver role, or Manage Server where none is configured.
pub fn is_approver(ports: &Ports, roles: &[RoleId], permissions: u64) -> Result<(), Vec<RoleId>> {
    let needed = ports.config.xtsystems.as_ref().map(|x| x.approver_roles.as_slice()).unwrap_or_default();
    has_one_of(needed, roles, permissions)
}

/// Takes a press: the interaction and what comes of it in one transaction. The call upstream runs after
/// the commit, from the row. Every press leaves a line in the audit log.
pub async fn press(ports: &Ports, press: &Press) -> Result<Outcome> {
    let now = ports.clock.now();
    let mut tx = ports.store.begin().await?;
    if !insert_interaction(&mut tx, press.interaction_id, now).await? {
        return Ok(Outcome::Repeated);
    }
    let person = ensure_person(&mut tx, press.user_id.0, ports.clock.uuid(), now).await?;
    let (action, outcome) = match take(ports, &mut tx, press, person, now).await? {
        Step::Did(action) => (action, Outcome::Done),
        Step::Not(Outcome::Form(wanted)) => ("form_opened", Outcome::Form(wanted)),
        Step::Not(outcome) => ("press_refused", outcome),
    };
    let mut detail = json!({ "verb": press.act.as_str(), "interaction": press.interaction_id.to_string() });
    if let Some(choice) = &press.choice {
        detail["verb"] = json!(choice);
    }
    if let Some(reason) = press.form.as_ref().and_then(|form| form.reason.as_deref()) {
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
    if outcome == Outcome::Done {
        insert_audit(&mut tx, &line, now).await?;
    } else {
        // Nothing was done: this can be repeated at will.
        let what = format!("{action} {} {}", press.act.as_str(), why(&outcome).unwrap_or_default());
        count_audit(&mut tx, &line, &Same { person_id: person, about: press.approval_id, what: &what }, now).await?;
    }
    match action {
        "voted" => crate::crash::point("vote.before_commit"),
        "undone" => crate::crash::point("undo.before_commit"),
        _ => crate::crash::point("press.before_commit"),
    }
    Store::commit(tx).await?;
    match action {
        "voted" => crate::crash::point("vote.after_commit"),
        "undone" => crate::crash::point("undo.after_commit"),
        _ => crate::crash::point("press.after_commit"),
    }
    if outcome == Outcome::Done {
        ports.wake.wake(Topic::Approvals);
    }
    ports.wake.wake(Topic::Deliverer);
    Ok(outcome)
}

async fn take(ports: &Ports, tx: &mut Tx, press: &Press, person: Uuid, now: DateTime<Utc>) -> Result<Step> {
    let mut allowed = is_approver(ports, &press.roles, press.permissions);
    if let (Act::Decide(_), None, Err(roles)) = (press.act, &press.choice, &allowed) {
        return Ok(Step::Not(Outcome::NotAllowed { roles: roles.clone() }));
    }
    let Some(mut approval) = lock_approval(tx, press.guild_id, press.approval_id).await? else {
        return Ok(Step::Not(Outcome::Unknown));
    };
    if let Some(offer) = offer(&approval, press).filter(|offer| !offer.roles.is_empty()) {
        let is_one = offer.roles.iter().any(|role| press.roles.contains(role));
        allowed = if is_one { Ok(()) } else { Err(offer.roles.clone()) };
    }
    if let Act::Decide(_) = press.act {
        // A button says a verb or an action, as its card has them.
        let fits = match (&press.choice, approval.offers()) {
            (None, offers) => offers.is_none(),
            (Some(id), offers) => offers.is_some_and(|offers| offers.find(id).is_some()),
        };
        if !fits {
            return Ok(Step::Not(Outcome::Unknown));
        }
        if let Err(roles) = &allowed {
            return Ok(Step::Not(Outcome::NotAllowed { roles: roles.clone() }));
        }
    }
    let step = match press.act {
        Act::Decide(verb) => decide(ports, tx, press, &mut approval, verb, person, now).await?,
        Act::Retract => retract(tx, &mut approval, person).await?,
        Act::Undo => match allowed {
            // Who has lost the role may still take back what they decided.
            Err(roles) if approval.person_id != Some(person) => Step::Not(Outcome::NotAllowed { roles }),
            _ => undo(tx, &mut approval, person, now).await?,
        },
    };
    match step {
        Step::Did(action) => {
            save_approval(tx, &approval).await?;
            if action == "decided" && approval.offers().is_some() {
                keep_reply(tx, press.guild_id, approval.id, person, &press.reply, now).await?;
            }
            super::tell_others(tx, ports, &approval, action).await?;
            card::touch_cards(tx, &[approval.subject_id]).await?;
            Ok(Step::Did(action))
        }
        Step::Not(Outcome::Refused { why, .. }) => {
            let by = find_presser(tx, approval.person_id).await?;
            Ok(Step::Not(Outcome::Refused { why, by, of: of(&approval) }))
        }
        other => Ok(other),
    }
}

async fn decide(
    ports: &Ports,
    tx: &mut Tx,
    press: &Press,
    approval: &mut Approval,
    verb: Verb,
    person: Uuid,
    now: DateTime<Utc>,
) -> Result<Step> {
    if !call::is_possible(ports, approval) {
        return Ok(Step::Not(Outcome::NoUpstream));
    }
    if let Some(why) = refusal(ports, tx, approval, now).await? {
        return Ok(Step::refused(why));
    }
    let approves = verb == Verb::Approve;
    if approves && !approval.terms.requester_may_approve && is_requester(tx, approval, person, &press.names).await? {
        return Ok(Step::refused(Refusal::Requester));
    }
    let is_vote = approves && approval.needed > 1;
    let choice = press.choice.as_deref().unwrap_or_default();
    let has_voted = is_vote && has_vote(tx, approval.id, person, choice).await?;
    if has_voted && approval.state == ApprovalState::Requested {
        return Ok(Step::refused(Refusal::AlreadyVoted { votes: approval.votes, needed: approval.needed }));
    }
    if let Some(step) = fill_in(approval, verb, press) {
        return Ok(step);
    }
    if is_vote && insert_vote(tx, approval.id, person, choice, reason_of(press), now).await? {
        approval.votes += 1;
    }
    if is_vote && count_votes(tx, approval.id, choice).await? < i64::from(approval.needed) {
        if approval.state != ApprovalState::Requested {
            rules::reopen(approval, now);
        }
        return Ok(Step::Did("voted"));
    }
    rules::decide(approval, verb, person, reason_of(press).map(str::to_owned), now);
    approval.choice.clone_from(&press.choice);
    approval.decision += 1;
    if !approves {
        void_votes(tx, approval).await?;
    }
    Ok(Step::Did("decided"))
}

fn reason_of(press: &Press) -> Option<&str> {
    press.form.as_ref()?.reason.as_deref()
}

/// The action that a press is about: the one it says, or the one that was decided for.
fn offer<'a>(approval: &'a Approval, press: &Press) -> Option<&'a Offer> {
    match &press.choice {
        Some(id) => approval.offers()?.find(id),
        None => approval.chosen(),
    }
}

fn of(approval: &Approval) -> Option<Of> {
    let source = approval.offers()?.source.clone();
    Some(Of { source, action: approval.chosen().map(|offer| offer.label.clone()).unwrap_or_default() })
}

/// What stands between a press and its effect: a form that is not there yet, or not filled in as it should be.
fn fill_in(approval: &Approval, verb: Verb, press: &Press) -> Option<Step> {
    let offer = press.choice.as_deref().and_then(|id| approval.offers()?.find(id));
    let reason = offer.is_some_and(|offer| offer.reason)
        || match approval.terms.reason {
            ReasonRule::None => false,
            ReasonRule::Deny => verb == Verb::Deny,
            ReasonRule::Both => true,
        };
    let typed = offer.map_or(&approval.title, |offer| &offer.label);
    let title = (approval.terms.confirm || offer.is_some_and(|offer| offer.confirm)).then(|| typed.clone());
    let Some(form) = press.form.as_ref() else {
        let choice = offer.map(|offer| (offer.id.clone(), offer.label.clone()));
        let wanted = Wanted { verb, choice, kind: approval.kind.clone(), reason, title };
        return (wanted.reason || wanted.title.is_some()).then_some(Step::Not(Outcome::Form(wanted)));
    };
    if reason && form.reason.is_none() {
        return Some(Step::refused(Refusal::ReasonMissing));
    }
    let typed = form.title.as_deref().unwrap_or_default();
    match title {
        Some(title) if !typed.eq_ignore_ascii_case(title.trim()) => Some(Step::refused(Refusal::WrongTitle { title })),
        _ => None,
    }
}

async fn retract(tx: &mut Tx, approval: &mut Approval, person: Uuid) -> Result<Step> {
    if let Err(why) = rules::may_decide(approval) {
        return Ok(Step::refused(why));
    }
    if approval.state != ApprovalState::Requested || !delete_vote(tx, approval.id, person).await? {
        return Ok(Step::refused(Refusal::NoVote));
    }
    approval.votes -= 1;
    Ok(Step::Did("vote_withdrawn"))
}

async fn undo(tx: &mut Tx, approval: &mut Approval, person: Uuid, now: DateTime<Utc>) -> Result<Step> {
    if let Err(why) = rules::may_undo(approval) {
        return Ok(Step::refused(why));
    }
    void_votes(tx, approval).await?;
    rules::undo(approval, person, now);
    Ok(Step::Did("undone"))
}

async fn void_votes(tx: &mut Tx, approval: &mut Approval) -> Result<()> {
    delete_votes(tx, approval.id).await?;
    approval.votes = 0;
    Ok(())
}

/// For the audit log.
fn why(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done | Outcome::Repeated | Outcome::Form(_) => None,
        Outcome::NotAllowed { .. } => Some("not an approver".into()),
        Outcome::Unknown => Some("no such approval in this server".into()),
        Outcome::NoUpstream => Some("no connection to XTSystems is configured".into()),
        Outcome::Refused { why, .. } => Some(why.to_string()),
    }
}

/// Why this approval takes no decision now. What is found out about it on the way is kept.
async fn refusal(ports: &Ports, tx: &mut Tx, approval: &mut Approval, now: DateTime<Utc>) -> Result<Option<Refusal>> {
    if rules::is_overdue(approval, now) {
        super::due::expire(ports, tx, approval).await?;
    }
    if let Err(why) = rules::may_decide(approval) {
        return Ok(Some(why));
    }
    let state = get_subject_state(tx, approval.subject_id).await?;
    let current = facts(approval.facts.keys().map(String::as_str), &state);
    if current == approval.facts {
        return Ok(None);
    }
    // The presser is told to look again; the card shows the new ones, and the next press is about them.
    if approval.votes > 0 {
        audit(tx, ports, approval, None, "votes_voided", json!({ "votes": approval.votes })).await?;
        void_votes(tx, approval).await?;
    }
    let of_title = approval.facts.iter().find(|(_, value)| **value == approval.title).map(|(name, _)| name.clone());
    if let Some(title) = of_title.and_then(|name| current.get(&name)) {
        approval.title.clone_from(title);
    }
    approval.facts = current;
    // Under another name it may need more than before, never less.
    let rules = policy::in_force(ports, tx, approval.guild_id).await?;
    approval.needed = approval.needed.max(rules.needed_for(&approval.title));
    approval.terms.confirm |= rules.needs_typing(&approval.title);
    save_approval(tx, approval).await?;
    card::touch_cards(tx, &[approval.subject_id]).await?;
    Ok(Some(Refusal::Changed))
}
