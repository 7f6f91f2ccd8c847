//! Table 2 of `ARCHITECTURE.md` as functions: what each state makes of a press, an event, an answer. Pure.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::routing::card::{ApprovalState, Verb};
use crate::store::approval::Approval;
use crate::upstream::schedule::again_after;
use crate::upstream::xtsystems::Decision;

/// A `machine.approved` this soon after our own confirmed call is its echo.
pub const ECHO: TimeDelta = TimeDelta::minutes(10);

/// Why a press changes nothing, for the presser.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    AlreadyDecided {
        verb: Verb,
    },
    StillFindingOut {
        verb: Verb,
    },
    Settled {
        /// `None`: nobody knows what XTSystems decided.
        outcome: Option<Verb>,
        elsewhere: bool,
    },
    /// The same was asked for again; `kind` is what is decided about, such as `machine`.
    Superseded {
        kind: String,
    },
    /// The facts are not what the card showed.
    Changed,
    Expired,
    /// Whoever asked may not approve.
    Requester,
    AlreadyVoted {
        votes: i32,
        needed: i32,
    },
    NoVote,
    NothingToUndo,
    /// The undo window is over: the call is made or under way.
    TooLate {
        verb: Verb,
    },
    ReasonMissing,
    /// What was typed is not the title.
    WrongTitle {
        title: String,
    },
}

/// For the audit log.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::AlreadyDecided { verb } => write!(f, "already decided: {}", verb.as_str()),
            Refusal::StillFindingOut { verb } => write!(f, "still finding out: {}", verb.as_str()),
            Refusal::Settled { outcome, elsewhere } => {
                let place = if *elsewhere { " in XTSystems" } else { "" };
                write!(f, "settled{place}: {}", outcome.map_or("unknown", Verb::as_str))
            }
            Refusal::Superseded { .. } => f.write_str("superseded"),
            Refusal::Changed => f.write_str("changed since the card was shown"),
            Refusal::Expired => f.write_str("expired"),
            Refusal::Requester => f.write_str("the requester may not approve"),
            Refusal::AlreadyVoted { votes, needed } => write!(f, "has approved already: {votes} of {needed}"),
            Refusal::NoVote => f.write_str("no vote to take back"),
            Refusal::NothingToUndo => f.write_str("nothing to undo"),
            Refusal::TooLate { verb } => write!(f, "too late to undo: {}", verb.as_str()),
            Refusal::ReasonMissing => f.write_str("no reason was given"),
            Refusal::WrongTitle { .. } => f.write_str("the name was not typed as it is"),
        }
    }
}

/// Whether a press may decide.
pub fn may_decide(a: &Approval) -> Result<(), Refusal> {
    let verb = a.verb.unwrap_or(Verb::Approve);
    match a.state {
        ApprovalState::Requested | ApprovalState::Refused => Ok(()),
        ApprovalState::Deciding | ApprovalState::Sent => Err(Refusal::AlreadyDecided { verb }),
        ApprovalState::Unknown => Err(Refusal::StillFindingOut { verb }),
        ApprovalState::Confirmed => Err(Refusal::Settled { outcome: a.outcome.or(a.verb), elsewhere: false }),
        ApprovalState::Elsewhere => Err(Refusal::Settled { outcome: a.outcome, elsewhere: true }),
        ApprovalState::Superseded => Err(Refusal::Superseded { kind: a.kind.clone() }),
        ApprovalState::Expired => Err(Refusal::Expired),
    }
}

/// Takes a decision. The call upstream is due at the end of the undo window, from the committed row.
pub fn decide(a: &mut Approval, verb: Verb, person: uuid::Uuid, reason: Option<String>, now: DateTime<Utc>) {
    a.state = ApprovalState::Deciding;
    a.verb = Some(verb);
    a.reason = reason;
    a.person_id = Some(person);
    a.decided_at = Some(now);
    a.call_due_at = Some(now + TimeDelta::seconds(a.terms.undo_seconds));
    a.call_attempts = 0;
    a.upstream_status = None;
    a.upstream_text = None;
}

/// Whether the decision can be undone. As long as nobody has claimed the call, even when it is due: the
/// claim changes the state under the same lock.
pub fn may_undo(a: &Approval) -> Result<(), Refusal> {
    let verb = a.verb.unwrap_or(Verb::Approve);
    match a.state {
        ApprovalState::Deciding if a.terms.undo_seconds > 0 && a.call_attempts == 0 => Ok(()),
        ApprovalState::Deciding | ApprovalState::Sent | ApprovalState::Unknown => Err(Refusal::TooLate { verb }),
        ApprovalState::Requested | ApprovalState::Refused => Err(Refusal::NothingToUndo),
        _ => may_decide(a),
    }
}

/// Takes the decision back before it was sent. Votes are void: whoever approves does it anew.
pub fn undo(a: &mut Approval, person: uuid::Uuid, now: DateTime<Utc>) {
    reopen(a, now);
    a.votes = 0;
    a.undone_by = Some(person);
    a.undone_at = Some(now);
}

/// Back to undecided, with all of the time that it had at first.
pub fn reopen(a: &mut Approval, now: DateTime<Utc>) {
    a.state = ApprovalState::Requested;
    a.verb = None;
    a.choice = None;
    a.reason = None;
    a.person_id = None;
    a.decided_at = None;
    end_call(a);
    start_times(a, now);
}

/// When it expires, is reminded of, is escalated, counted from now.
pub fn start_times(a: &mut Approval, now: DateTime<Utc>) {
    let after = |wait: Option<i64>| Some(now + TimeDelta::try_seconds(wait?)?);
    a.expires_at = after(a.terms.expire_seconds);
    a.remind_at = after(a.terms.remind_seconds);
    a.escalate_at = after(a.terms.escalate_seconds);
}

/// Nobody decided in time.
pub fn expire(a: &mut Approval, now: DateTime<Utc>) {
    a.state = ApprovalState::Expired;
    a.settled_at = Some(now);
    a.expires_at = None;
}

/// Whether the time to decide is over.
pub fn is_overdue(a: &Approval, now: DateTime<Utc>) -> bool {
    a.state == ApprovalState::Requested && a.expires_at.is_some_and(|at| at <= now)
}

/// A newer request about the same voids what is not under way or settled. True when that changed it.
pub fn supersede(a: &mut Approval) -> bool {
    let open = matches!(a.state, ApprovalState::Requested | ApprovalState::Deciding | ApprovalState::Refused);
    if open {
        a.state = ApprovalState::Superseded;
        a.call_due_at = None;
    }
    open
}

/// `outcome` is `None` when XTSystems does not say what was decided.
pub fn decided_elsewhere(a: &mut Approval, outcome: Option<Verb>, by: Option<String>, now: DateTime<Utc>) {
    a.state = ApprovalState::Elsewhere;
    a.outcome = outcome;
    a.outcome_by = by;
    a.settled_at = Some(now);
    end_call(a);
}

fn confirmed(a: &mut Approval, now: DateTime<Utc>) {
    a.state = ApprovalState::Confirmed;
    a.outcome = a.verb;
    a.settled_at = Some(now);
    end_call(a);
}

fn end_call(a: &mut Approval) {
    a.call_due_at = None;
    a.lease_token = None;
    a.leased_until = None;
}

/// What `machine.approved` does. Returns the audit action when it changed anything.
pub fn on_approved_event(a: &mut Approval, by: Option<String>, now: DateTime<Utc>) -> Option<&'static str> {
    match (a.state, a.verb) {
        (ApprovalState::Sent | ApprovalState::Unknown, Some(Verb::Approve)) => {
            confirmed(a, now);
            Some("confirmed_by_event")
        }
        (ApprovalState::Confirmed, _) => match (a.outcome, a.settled_at) {
            (Some(Verb::Approve), Some(at)) if now - at <= ECHO => Some("echo"),
            (Some(Verb::Deny), _) => {
                decided_elsewhere(a, Some(Verb::Approve), by, now);
                Some("elsewhere")
            }
            _ => None,
        },
        // Denied there at first, approved since; or now it is known what was decided.
        (ApprovalState::Elsewhere, _) if a.outcome != Some(Verb::Approve) => {
            decided_elsewhere(a, Some(Verb::Approve), by, now);
            Some("elsewhere")
        }
        (ApprovalState::Elsewhere | ApprovalState::Superseded, _) => None,
        _ => {
            decided_elsewhere(a, Some(Verb::Approve), by, now);
            Some("elsewhere")
        }
    }
}

/// What the upstream's answer does. `a` was claimed: its state is `sent`, or `unknown` when an earlier
/// call of ours may have arrived. Returns the audit action.
pub fn on_answer(a: &mut Approval, answer: &Decision, now: DateTime<Utc>) -> &'static str {
    let earlier_unknown = a.state == ApprovalState::Unknown;
    a.lease_token = None;
    a.leased_until = None;
    match answer {
        Decision::Done { text } => {
            a.upstream_text = Some(text.clone());
            confirmed(a, now);
            "confirmed"
        }
        Decision::DecidedElsewhere { verb, status, text } => {
            a.upstream_status = Some(i32::from(*status));
            a.upstream_text = Some(text.clone());
            if earlier_unknown && verb.is_some() && *verb == a.verb {
                // Our own earlier call did arrive.
                confirmed(a, now);
                "confirmed"
            } else {
                decided_elsewhere(a, *verb, None, now);
                "elsewhere"
            }
        }
        Decision::Refused { status, text } => {
            a.upstream_status = Some(i32::from(*status));
            a.upstream_text = Some(text.clone());
            a.state = ApprovalState::Refused;
            a.call_due_at = None;
            "refused"
        }
        Decision::Unknown { text } => {
            a.upstream_text = Some(text.clone());
            a.state = ApprovalState::Unknown;
            a.call_due_at = Some(now + again_after(a.call_attempts));
            "unknown"
        }
        Decision::NotSent { text } => {
            a.upstream_text = Some(text.clone());
            // Certainly not sent: no doubt is added to what there was.
            a.state = if earlier_unknown { ApprovalState::Unknown } else { ApprovalState::Deciding };
            a.call_due_at = Some(now + again_after(a.call_attempts));
            "not_sent"
        }
    }
}

#[cfg(test)]
mod tests;
