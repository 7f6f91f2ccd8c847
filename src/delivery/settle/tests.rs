//! Table 1, cell by cell, without a network.

use super::*;
use crate::id::MessageId;
use uuid::Uuid;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_755_256_800 + seconds, 0).unwrap()
}

fn send() -> Send {
    Send {
        id: Uuid::nil(),
        message_ids: vec![1],
        card_id: None,
        body: serde_json::Value::Null,
        state: SendState::Open,
        attempting_at: None,
        ambiguous_at: None,
        attempts: 0,
        own_failures: 0,
        set_aside: false,
        note: None,
        created_at: at(0),
        post: None,
        post_key: None,
    }
}

fn schedule() -> Schedule {
    Schedule::new([5, 30, 120, 600].iter().map(|s| std::time::Duration::from_secs(*s)).collect())
}

fn settle_at(send: &Send, verdict: Verdict, now: i64, has_nonce: bool) -> SendUpdate {
    let schedule = schedule();
    let c = Circumstances {
        now: at(now),
        started_at: at(now),
        schedule: &schedule,
        jitter: 1.0,
        nonce_window: TimeDelta::seconds(60),
        has_nonce,
        lane_failures: 0,
    };
    settle(send, &verdict, &c)
}

#[test]
fn delivered() {
    let u = settle_at(&send(), Verdict::Done(Some(MessageId(7))), 0, true);
    assert_eq!((u.state, u.message_id), (SendState::Delivered, Some(MessageId(7))));
}

#[test]
fn not_sent_leaves_no_doubt_and_waits() {
    let u = settle_at(&send(), Verdict::NotSent("no connection".into()), 0, true);
    assert_eq!((u.state, u.ambiguous_at, u.lane_not_before), (SendState::Open, None, Some(at(5))));
}

#[test]
fn unknown_inside_the_window_repeats_the_nonce() {
    let u = settle_at(&send(), Verdict::Unknown("no answer".into()), 0, true);
    assert_eq!((u.state, u.ambiguous_at, u.lane_not_before), (SendState::Open, Some(at(0)), Some(at(5))));
}

#[test]
fn unknown_without_a_nonce_is_in_doubt_at_once() {
    assert_eq!(settle_at(&send(), Verdict::Unknown("x".into()), 0, false).state, SendState::InDoubt);
}

#[test]
fn unknown_whose_next_turn_is_outside_the_window_is_in_doubt() {
    let earlier = Send { ambiguous_at: Some(at(0)), own_failures: 1, attempts: 1, ..send() };
    let u = settle_at(&earlier, Verdict::Unknown("x".into()), 40, true);
    assert_eq!((u.state, u.ambiguous_at), (SendState::InDoubt, Some(at(0))));
}

#[test]
fn the_third_own_failure_sets_it_aside_and_the_lane_goes_on() {
    let earlier = Send { ambiguous_at: Some(at(0)), own_failures: 2, attempts: 2, ..send() };
    let u = settle_at(&earlier, Verdict::Unknown("HTTP 500".into()), 35, true);
    assert!(u.set_aside);
    assert_eq!((u.lane_not_before, u.not_before), (None, at(35 + 120)));
}

#[test]
fn a_stamp_left_by_a_crash_is_the_start_of_the_doubt() {
    let crashed = Send { attempting_at: Some(at(-10)), ..send() };
    assert_eq!(doubt(&crashed), Some(at(-10)));
    assert!(!window_over(at(-10), at(0), TimeDelta::seconds(60), true));
    assert!(window_over(at(-10), at(0), TimeDelta::seconds(60), false));
    assert!(window_over(at(-61), at(0), TimeDelta::seconds(60), true));
}

#[test]
fn waits_count_no_attempt() {
    let wait = TimeDelta::seconds(7);
    let one = settle_at(&send(), Verdict::Wait(wait, "limit".into()), 0, true);
    assert_eq!((one.state, one.attempts, one.lane_not_before), (SendState::Open, 0, Some(at(7))));
    let all = settle_at(&send(), Verdict::WaitAll(wait, "limit".into()), 0, true);
    assert_eq!((all.state, all.attempts, all.not_before), (SendState::Open, 0, at(7)));
}

#[test]
fn a_refused_token_or_an_unusable_destination_keeps_the_message() {
    assert_eq!(settle_at(&send(), Verdict::Stop("401".into()), 0, true).state, SendState::Open);
    assert_eq!(settle_at(&send(), Verdict::Unusable(50013, "x".into()), 0, true).state, SendState::Open);
}

#[test]
fn rejected_is_dead_unless_an_earlier_attempt_may_have_arrived() {
    assert_eq!(settle_at(&send(), Verdict::Rejected("400".into()), 0, true).state, SendState::Dead);
    let earlier = Send { ambiguous_at: Some(at(0)), ..send() };
    assert_eq!(settle_at(&earlier, Verdict::Rejected("400".into()), 5, true).state, SendState::InDoubt);
}

#[test]
fn delivered_and_deleted_is_done() {
    assert_eq!(settle_at(&send(), Verdict::DeliveredAndDeleted, 0, true).state, SendState::Delivered);
}

#[test]
fn findings() {
    let schedule = schedule();
    let c = Circumstances {
        now: at(0),
        started_at: at(0),
        schedule: &schedule,
        jitter: 1.0,
        nonce_window: TimeDelta::seconds(60),
        has_nonce: true,
        lane_failures: 0,
    };
    let doubted =
        Send { ambiguous_at: Some(at(-100)), own_failures: 1, attempts: 1, state: SendState::InDoubt, ..send() };
    assert_eq!(settle_finding(&doubted, &Finding::Found(MessageId(1)), &c).state, SendState::Delivered);
    let again = settle_finding(&doubted, &Finding::Absent, &c);
    assert_eq!((again.state, again.ambiguous_at), (SendState::Open, None));
    let rest = settle_finding(&doubted, &Finding::Unreadable("no history".into()), &c);
    assert_eq!((rest.state, rest.ambiguous_at, rest.not_before), (SendState::Unresolved, Some(at(-100)), at(600)));
    let exhausted = Send { own_failures: 5, attempts: 5, ..doubted };
    assert_eq!(settle_finding(&exhausted, &Finding::Absent, &c).state, SendState::Dead);
}

#[test]
fn a_post_that_is_gone_is_opened_anew_unless_something_may_have_arrived() {
    let update = settle_at(&send(), Verdict::Gone, 0, true);
    assert!(update.requeue && update.state == SendState::Dead);
    let doubted = Send { ambiguous_at: Some(at(-5)), ..send() };
    let update = settle_at(&doubted, Verdict::Gone, 0, true);
    assert!(!update.requeue && update.state == SendState::InDoubt);
}
