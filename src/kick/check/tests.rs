//! What Kick lists against what is wanted and known: what is created, removed, waited for.

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_348_000, 0).unwrap()
}

fn listed(id: &str, kind: &str) -> Subscription {
    let (id, kind) = (id.to_owned(), kind.to_owned());
    Subscription { id, broadcaster_user_id: 7, kind, version: 1, created_at: None }
}

fn known(id: &str, kind: &str, age: TimeDelta, was_listed: bool) -> KickSubscription {
    KickSubscription {
        id: id.to_owned(),
        broadcaster_user_id: 7,
        kind: kind.to_owned(),
        version: 1,
        created_at: now() - age,
        listed_at: was_listed.then(now),
    }
}

/// All that is wanted, but for what a test is about.
fn others(kind: &str) -> Vec<Subscription> {
    WANTED.iter().filter(|wanted| **wanted != kind).map(|wanted| listed(&format!("of {wanted}"), wanted)).collect()
}

const CHAT: &str = "chat.message.sent";

fn judge_chat(of_chat: &[&str], known: &[KickSubscription]) -> Judged {
    let mut all = others(CHAT);
    all.extend(of_chat.iter().map(|id| listed(id, CHAT)));
    judge(&all, known, now())
}

#[test]
fn what_is_missing_is_created() {
    let judged = judge(&[], &[], now());
    assert_eq!(judged.absent, WANTED);
    assert_eq!(judge_chat(&["a"], &[]).absent, Vec::<&str>::new());
    assert_eq!(judge_chat(&[], &[]).absent, [CHAT]);
}

#[test]
fn of_several_the_one_that_is_known_stays_else_the_oldest() {
    let judged = judge_chat(&["03", "01", "02"], &[known("02", CHAT, TimeDelta::days(1), true)]);
    assert!(judged.kept.iter().any(|kept| kept.id == "02"));
    assert_eq!(judged.surplus, ["01", "03"]);
    assert_eq!(judge_chat(&["03", "01"], &[]).surplus, ["03"]);
}

#[test]
fn what_kick_took_away_is_gone_and_created_again() {
    let judged = judge_chat(&[], &[known("a", CHAT, TimeDelta::days(1), true)]);
    assert_eq!((judged.gone, judged.absent), (vec!["a".to_owned()], vec![CHAT]));
}

#[test]
fn what_was_created_and_is_not_listed_is_waited_for_an_hour() {
    let judged = judge_chat(&[], &[known("a", CHAT, TimeDelta::minutes(59), false)]);
    assert_eq!((judged.gone.len(), judged.absent.len()), (0, 0));
    assert_eq!(judged.waiting[CHAT], text::NOT_LISTED);
    let judged = judge_chat(&[], &[known("a", CHAT, TimeDelta::minutes(61), false)]);
    assert_eq!((judged.gone, judged.absent), (vec!["a".to_owned()], vec![CHAT]));
}

#[test]
fn kinds_of_others_and_other_versions_are_left_alone() {
    let mut all = others("");
    all.push(listed("x", "drops.claimed"));
    all.push(Subscription { version: 2, ..listed("y", CHAT) });
    let judged = judge(&all, &[], now());
    assert_eq!((judged.surplus.len(), judged.absent.len(), judged.kept.len()), (0, 0, WANTED.len()));
}
