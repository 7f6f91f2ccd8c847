//! Table 2 of `ARCHITECTURE.md` as functions: what each state makes of a press, an event, an answer. Pure.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::routing::card::{ApprovalState, Verb};
use crate::store::approval::Approval;
use crate::upstream::xtsystems::Decision;

/// A `machine.approved` this soon after our own confirmed call is its echo.
pub const ECHO: TimeDelta = TimeDelta::minutes(10);
/// Waits between calls whose fate is unknown; the last one repeats.
const RETRIES: [TimeDelta; 6] = [
    TimeDelta::seconds(2),
    TimeDelta::seconds(10),
    TimeDelta::seconds(30),
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::minutes(30),
];

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
        outcome: Verb,
        elsewhere: bool,
    },
    Superseded,
    /// Hostname or address are not what the card showed.
    Changed,
}

/// For the audit log.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::AlreadyDecided { verb } => write!(f, "already decided: {}", verb.as_str()),
            Refusal::StillFindingOut { verb } => write!(f, "still finding out: {}", verb.as_str()),
            Refusal::Settled { outcome, elsewhere: false } => write!(f, "settled: {}", outcome.as_str()),
            Refusal::Settled { outcome, elsewhere: true } => write!(f, "settled in XTSystems: {}", outcome.as_str()),
            Refusal::Superseded => f.write_str("superseded"),
            Refusal::Changed => f.write_str("the machine changed since the card was shown"),
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
        ApprovalState::Confirmed => Err(Refusal::Settled { outcome: a.outcome.unwrap_or(verb), elsewhere: false }),
        ApprovalState::Elsewhere => Err(Refusal::Settled { outcome: a.outcome.unwrap_or(verb), elsewhere: true }),
        ApprovalState::Superseded => Err(Refusal::Superseded),
    }
}

/// Takes a decision. The call upstream is due at once, from the committed row.
pub fn decide(a: &mut Approval, verb: Verb, person: uuid::Uuid, reason: Option<String>, now: DateTime<Utc>) {
    a.state = ApprovalState::Deciding;
    a.verb = Some(verb);
    a.reason = reason;
    a.person_id = Some(person);
    a.decided_at = Some(now);
    a.call_due_at = Some(now);
    a.call_attempts = 0;
    a.upstream_status = None;
    a.upstream_text = None;
}

/// A newer registration voids what is not under way or settled. True when that changed it.
pub fn supersede(a: &mut Approval) -> bool {
    let open = matches!(a.state, ApprovalState::Requested | ApprovalState::Deciding | ApprovalState::Refused);
    if open {
        a.state = ApprovalState::Superseded;
        a.call_due_at = None;
    }
    open
}

pub fn decided_elsewhere(a: &mut Approval, outcome: Verb, by: Option<String>, now: DateTime<Utc>) {
    a.state = ApprovalState::Elsewhere;
    a.outcome = Some(outcome);
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
                decided_elsewhere(a, Verb::Approve, by, now);
                Some("elsewhere")
            }
            _ => None,
        },
        // Denied there at first, approved since.
        (ApprovalState::Elsewhere, _) if a.outcome == Some(Verb::Deny) => {
            decided_elsewhere(a, Verb::Approve, by, now);
            Some("elsewhere")
        }
        (ApprovalState::Elsewhere | ApprovalState::Superseded, _) => None,
        _ => {
            decided_elsewhere(a, Verb::Approve, by, now);
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
            let outcome = verb.or(a.verb).unwrap_or(Verb::Approve);
            if earlier_unknown && Some(outcome) == a.verb {
                // Our own earlier call did arrive.
                confirmed(a, now);
                "confirmed"
            } else {
                decided_elsewhere(a, outcome, None, now);
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
            a.call_due_at = Some(now + retry(a.call_attempts));
            "unknown"
        }
        Decision::NotSent { text } => {
            a.upstream_text = Some(text.clone());
            // Certainly not sent: no doubt is added to what there was.
            a.state = if earlier_unknown { ApprovalState::Unknown } else { ApprovalState::Deciding };
            a.call_due_at = Some(now + retry(a.call_attempts));
            "not_sent"
        }
    }
}

fn retry(attempts: i32) -> TimeDelta {
    let n = usize::try_from(attempts.saturating_sub(1)).unwrap_or(0);
    RETRIES[n.min(RETRIES.len() - 1)]
}

#[cfg(test)]
mod tests;
