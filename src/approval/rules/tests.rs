//! Table 2, cell by cell.

use super::*;
use crate::id::GuildId;
use uuid::Uuid;

const STATES: [ApprovalState; 9] = [
    ApprovalState::Requested,
    ApprovalState::Deciding,
    ApprovalState::Sent,
    ApprovalState::Unknown,
    ApprovalState::Confirmed,
    ApprovalState::Refused,
    ApprovalState::Elsewhere,
    ApprovalState::Superseded,
    ApprovalState::Expired,
];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_755_256_800, 0).unwrap()
}

fn approval(state: ApprovalState, verb: Verb) -> Approval {
    let decided = !matches!(state, ApprovalState::Requested | ApprovalState::Expired);
    let settled = matches!(state, ApprovalState::Confirmed | ApprovalState::Elsewhere);
    Approval {
        id: Uuid::nil(),
        guild_id: GuildId(1),
        source_id: Uuid::nil(),
        subject_id: Uuid::nil(),
        event_id: Uuid::nil(),
        occurred_at: now(),
        received_at: now(),
        kind: "machine".into(),
        title: "h".into(),
        facts: Default::default(),
        call: None,
        requested_by: None,
        terms: Default::default(),
        needed: 1,
        votes: 0,
        expires_at: None,
        remind_at: None,
        escalate_at: None,
        undone_by: None,
        undone_at: None,
        state,
        verb: decided.then_some(verb),
        choice: None,
        decision: 0,
        reason: None,
        person_id: None,
        decided_at: decided.then(now),
        call_due_at: None,
        call_attempts: 1,
        lease_token: None,
        leased_until: None,
        upstream_status: None,
        upstream_text: None,
        outcome: settled.then_some(verb),
        outcome_by: None,
        settled_at: settled.then(now),
    }
}

#[test]
fn a_press_decides_only_what_is_open_or_refused() {
    for state in STATES {
        let open = matches!(state, ApprovalState::Requested | ApprovalState::Refused);
        assert_eq!(may_decide(&approval(state, Verb::Approve)).is_ok(), open, "{state:?}");
    }
    assert_eq!(
        may_decide(&approval(ApprovalState::Unknown, Verb::Deny)),
        Err(Refusal::StillFindingOut { verb: Verb::Deny })
    );
    assert_eq!(
        may_decide(&approval(ApprovalState::Elsewhere, Verb::Approve)),
        Err(Refusal::Settled { outcome: Some(Verb::Approve), elsewhere: true })
    );
}

#[test]
fn a_newer_registration_voids_only_what_is_not_under_way() {
    for state in STATES {
        let mut a = approval(state, Verb::Approve);
        let voided = matches!(state, ApprovalState::Requested | ApprovalState::Deciding | ApprovalState::Refused);
        assert_eq!(supersede(&mut a), voided, "{state:?}");
        assert_eq!(a.state == ApprovalState::Superseded, voided || state == ApprovalState::Superseded);
    }
}

#[test]
fn machine_approved_in_each_state() {
    let after = |state, verb| {
        let mut a = approval(state, verb);
        let action = on_approved_event(&mut a, Some("root".into()), now());
        (a.state, action)
    };
    for state in [ApprovalState::Requested, ApprovalState::Deciding, ApprovalState::Refused] {
        assert_eq!(after(state, Verb::Deny), (ApprovalState::Elsewhere, Some("elsewhere")), "{state:?}");
    }
    for state in [ApprovalState::Sent, ApprovalState::Unknown] {
        assert_eq!(after(state, Verb::Approve), (ApprovalState::Confirmed, Some("confirmed_by_event")));
        assert_eq!(after(state, Verb::Deny), (ApprovalState::Elsewhere, Some("elsewhere")));
    }
    assert_eq!(after(ApprovalState::Confirmed, Verb::Approve), (ApprovalState::Confirmed, Some("echo")));
    assert_eq!(after(ApprovalState::Confirmed, Verb::Deny), (ApprovalState::Elsewhere, Some("elsewhere")));
    assert_eq!(after(ApprovalState::Elsewhere, Verb::Approve), (ApprovalState::Elsewhere, None));
    assert_eq!(after(ApprovalState::Superseded, Verb::Approve), (ApprovalState::Superseded, None));
}

#[test]
fn an_approval_long_after_our_own_is_no_echo() {
    let mut a = approval(ApprovalState::Confirmed, Verb::Approve);
    assert_eq!(on_approved_event(&mut a, None, now() + ECHO + TimeDelta::seconds(1)), None);
}

fn answer_in(state: ApprovalState, verb: Verb, answer: Decision) -> (ApprovalState, Option<Verb>, bool) {
    let mut a = approval(state, verb);
    on_answer(&mut a, &answer, now());
    (a.state, a.outcome, a.call_due_at.is_some())
}

#[test]
fn answers_to_the_call() {
    let text = || "t".to_owned();
    let elsewhere = |verb| Decision::DecidedElsewhere { verb, status: 409, text: text() };
    for state in [ApprovalState::Sent, ApprovalState::Unknown] {
        assert_eq!(
            answer_in(state, Verb::Deny, Decision::Done { text: text() }),
            (ApprovalState::Confirmed, Some(Verb::Deny), false)
        );
        assert_eq!(
            answer_in(state, Verb::Approve, Decision::Refused { status: 403, text: text() }),
            (ApprovalState::Refused, None, false)
        );
        assert_eq!(
            answer_in(state, Verb::Approve, Decision::Unknown { text: text() }),
            (ApprovalState::Unknown, None, true)
        );
        assert_eq!(
            answer_in(state, Verb::Deny, elsewhere(Some(Verb::Approve))),
            (ApprovalState::Elsewhere, Some(Verb::Approve), false)
        );
    }
    // The same verb: our own earlier call when one is unknown, else somebody's.
    assert_eq!(
        answer_in(ApprovalState::Sent, Verb::Approve, elsewhere(Some(Verb::Approve))).0,
        ApprovalState::Elsewhere
    );
    assert_eq!(
        answer_in(ApprovalState::Unknown, Verb::Approve, elsewhere(Some(Verb::Approve))).0,
        ApprovalState::Confirmed
    );
    // What was decided is not guessed.
    for state in [ApprovalState::Sent, ApprovalState::Unknown] {
        assert_eq!(answer_in(state, Verb::Deny, elsewhere(None)), (ApprovalState::Elsewhere, None, false));
    }
    // A connection that was refused adds no doubt and takes none away.
    let not_sent = || Decision::NotSent { text: text() };
    assert_eq!(answer_in(ApprovalState::Sent, Verb::Approve, not_sent()), (ApprovalState::Deciding, None, true));
    assert_eq!(answer_in(ApprovalState::Unknown, Verb::Approve, not_sent()), (ApprovalState::Unknown, None, true));
}
