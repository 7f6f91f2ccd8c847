//! What an attempt's verdict makes of a frozen send. Pure: table 1 of `ARCHITECTURE.md`.

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::classify::Verdict;
use crate::delivery::retry::Schedule;
use crate::store::send::{Send, SendState, SendUpdate};

/// After this many failures of its own a send is set aside and the lane goes on.
const OWN_FAILURES: i32 = 3;
/// While Discord cannot be reached at all, no lane waits longer than this for the next try.
const UNREACHABLE_CAP: TimeDelta = TimeDelta::minutes(2);

/// What the settlement needs to know beside the send.
pub struct Circumstances<'a> {
    pub now: DateTime<Utc>,
    /// When the attempt that is being settled began.
    pub started_at: DateTime<Utc>,
    pub schedule: &'a Schedule,
    /// A random factor around 1, for the waits.
    pub jitter: f64,
    pub nonce_window: TimeDelta,
    /// Webhook destinations have no nonce.
    pub has_nonce: bool,
    pub lane_failures: i32,
}

/// The start of the doubt, counting a stamp that a crash left behind.
pub fn doubt(send: &Send) -> Option<DateTime<Utc>> {
    send.ambiguous_at.or(send.attempting_at)
}

/// True when an unknown attempt can no longer be settled by repeating its nonce.
pub fn window_over(doubt: DateTime<Utc>, now: DateTime<Utc>, nonce_window: TimeDelta, has_nonce: bool) -> bool {
    !has_nonce || now - doubt > nonce_window
}

/// The send as it is, to be tried again at once.
fn still_open(send: &Send, ambiguous_at: Option<DateTime<Utc>>, c: &Circumstances<'_>) -> SendUpdate {
    SendUpdate {
        state: SendState::Open,
        ambiguous_at,
        attempts: send.attempts,
        own_failures: send.own_failures,
        set_aside: send.set_aside,
        not_before: c.now,
        note: None,
        message_id: None,
        lane_not_before: None,
        lane_failures: c.lane_failures,
        lateness_due: false,
        requeue: false,
    }
}

pub fn settle(send: &Send, verdict: &Verdict, c: &Circumstances<'_>) -> SendUpdate {
    let doubt = doubt(send);
    let mut update = still_open(send, doubt, c);
    match verdict {
        Verdict::Done(message_id) => {
            update.state = SendState::Delivered;
            update.message_id = *message_id;
            update.attempts += 1;
            update.lane_failures = 0;
            update.lateness_due = send.set_aside && message_id.is_some();
        }
        Verdict::DeliveredAndDeleted => {
            update.state = SendState::Delivered;
            update.note = Some("delivered, then deleted".into());
            update.attempts += 1;
            update.lane_failures = 0;
        }
        Verdict::NotSent(why) => {
            // Nothing reached Discord: no fault of the message, so this alone never kills it.
            let wait = c.schedule.capped(count(c.lane_failures + 1), c.jitter).min(UNREACHABLE_CAP);
            update.note = Some(why.clone());
            update.lane_failures += 1;
            update.not_before = c.now + wait;
            update.lane_not_before = Some(update.not_before);
        }
        Verdict::Unknown(why) => unknown(&mut update, doubt.unwrap_or(c.started_at), why, c),
        Verdict::Wait(wait, why) => {
            update.note = Some(why.clone());
            update.not_before = c.now + *wait;
            update.lane_not_before = Some(update.not_before);
        }
        Verdict::WaitAll(wait, why) => {
            update.note = Some(why.clone());
            update.not_before = c.now + *wait;
        }
        Verdict::Stop(why) | Verdict::Unusable(_, why) => update.note = Some(why.clone()),
        Verdict::EditWait(_, why) | Verdict::Rejected(why) => {
            update.note = Some(why.clone());
            update.attempts += 1;
            // An earlier attempt may have arrived: then the history decides, not this refusal.
            update.state = if doubt.is_some() { SendState::InDoubt } else { SendState::Dead };
        }
        // The post that it was to go into: earlier attempts are looked for, then another post is opened.
        Verdict::Gone => {
            update.attempts += 1;
            update.requeue = doubt.is_none();
            update.state = if doubt.is_some() { SendState::InDoubt } else { SendState::Dead };
            update.note = Some("its post is closed or gone; another one is opened".into());
        }
    }
    update
}

fn count(failures: i32) -> u32 {
    u32::try_from(failures).unwrap_or(0)
}

fn unknown(update: &mut SendUpdate, doubt: DateTime<Utc>, why: &str, c: &Circumstances<'_>) {
    update.note = Some(why.to_owned());
    update.ambiguous_at = Some(doubt);
    update.attempts += 1;
    update.own_failures += 1;
    let next = c.schedule.next(count(update.own_failures), c.jitter);
    let not_before = c.now + next.unwrap_or(TimeDelta::zero());
    update.not_before = not_before;
    if next.is_none() || window_over(doubt, not_before, c.nonce_window, c.has_nonce) {
        update.state = SendState::InDoubt;
    }
    if update.own_failures >= OWN_FAILURES {
        update.set_aside = true;
        update.lane_failures = 0;
    } else {
        update.lane_failures += 1;
        update.lane_not_before = Some(not_before);
    }
}

/// What the channel's history said about a send in doubt.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    Found(crate::id::MessageId),
    /// Certainly not there.
    Absent,
    /// It cannot be told, and why.
    Unreadable(String),
    /// Discord could not be asked now; again after this long.
    Later(TimeDelta, String),
}

/// For this long others wait while Discord does not say what its history holds.
const ASKED_FOR: TimeDelta = TimeDelta::minutes(5);
/// How long a doubt that nobody can resolve rests before it is looked at again.
const UNRESOLVED_EVERY: TimeDelta = TimeDelta::minutes(10);

pub fn settle_finding(send: &Send, finding: &Finding, c: &Circumstances<'_>) -> SendUpdate {
    let mut update = still_open(send, None, c);
    match finding {
        Finding::Found(id) => {
            update.state = SendState::Delivered;
            update.message_id = Some(*id);
            update.note = Some("found in the channel's history".into());
        }
        Finding::Absent if c.schedule.next(count(send.own_failures), 1.0).is_none() => {
            update.state = SendState::Dead;
            let last = send.note.as_deref().unwrap_or("no answer");
            update.note = Some(format!("not delivered after {} attempts; the last one: {last}", send.attempts));
        }
        Finding::Absent => update.note = Some("not in the channel's history: sent again".into()),
        Finding::Unreadable(why) => {
            update.state = SendState::Unresolved;
            // Others pass it from here on: if it has to be sent after all, it is late.
            update.set_aside = true;
            update.ambiguous_at = doubt(send);
            update.not_before = c.now + UNRESOLVED_EVERY;
            update.note = Some(why.clone());
        }
        Finding::Later(wait, why) => {
            update.state = SendState::InDoubt;
            update.ambiguous_at = doubt(send);
            update.not_before = c.now + *wait;
            update.note = Some(why.clone());
            // A question that Discord does not answer must not hold up the lane for ever.
            update.set_aside |= doubt(send).is_some_and(|since| c.now - since > ASKED_FOR);
            if !update.set_aside {
                update.lane_not_before = Some(update.not_before);
            }
        }
    }
    update
}

#[cfg(test)]
mod tests;
