//! What cards look like in each state.

use super::*;
use crate::event::{Event, Severity};
use crate::id::GuildId;
use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

fn state_of(events: &[(&str, Value)]) -> SubjectState {
    let at = DateTime::from_timestamp(1_755_256_800, 0).unwrap();
    let mut state = SubjectState::default();
    for (n, (kind, data)) in events.iter().enumerate() {
        state.apply(&Event {
            id: Uuid::from_u128(n as u128),
            source_id: Uuid::nil(),
            guild_id: GuildId(1),
            kind: (*kind).into(),
            subject: Some("x:1".into()),
            occurred_at: at + chrono::TimeDelta::seconds(n as i64),
            received_at: at,
            severity: Severity::Info,
            dedup_key: n.to_string(),
            data: data.clone(),
        });
    }
    state
}

fn machine_state() -> SubjectState {
    let data = json!({"asset_id": "a1", "hostname": "web_01", "ip_address": "10.0.0.7", "operating_system": "Debian 12", "status": "pending"});
    state_of(&[("machine.registered", data)])
}

fn approval(state: ApprovalState) -> ApprovalView {
    let at = DateTime::from_timestamp(1_755_256_900, 0);
    ApprovalView {
        id: Uuid::nil(),
        state,
        verb: Some(Verb::Approve),
        offers: None,
        choice: None,
        by: Some("<@42>".into()),
        decided_at: at,
        reason: None,
        upstream_text: Some("quota *exceeded*".into()),
        attempts: 2,
        outcome: Some(Verb::Approve),
        outcome_by: Some("root@example.com".into()),
        settled_at: at,
        title: "web_01".into(),
        requested_by: None,
        needed: 1,
        votes: vec![],
        undo_until: None,
        undone: None,
        expires_at: None,
    }
}

fn status_and_buttons(state: ApprovalState) -> (String, Vec<String>) {
    let body = render(SubjectKind::Machine, &machine_state(), Some(&approval(state)));
    let status = body.embeds[0].fields.iter().find(|f| f.name == "Status").unwrap().value.clone();
    (format!("{} | {status}", body.embeds[0].title), body.buttons.iter().map(|b| b.label.clone()).collect())
}

#[test]
fn a_machine_says_approved_only_when_xtsystems_said_so() {
    for state in [
        ApprovalState::Requested,
        ApprovalState::Deciding,
        ApprovalState::Sent,
        ApprovalState::Unknown,
        ApprovalState::Refused,
    ] {
        let (text, _) = status_and_buttons(state);
        assert!(!text.contains("Approved"), "{state:?}: {text}");
    }
    insta::assert_snapshot!(status_and_buttons(ApprovalState::Confirmed).0,
        @"🖥️ Machine Approved | ✅ Approved by <@42> <t:1755256900:R>, confirmed by XTSystems <t:1755256900:R>");
    insta::assert_snapshot!(status_and_buttons(ApprovalState::Elsewhere).0,
        @"🖥️ Machine Approved | ✅ Approved in XTSystems by root@example.com <t:1755256900:R>");
}

#[test]
fn buttons_are_there_only_while_they_do_something() {
    assert_eq!(status_and_buttons(ApprovalState::Requested).1, ["Approve", "Deny"]);
    assert_eq!(status_and_buttons(ApprovalState::Refused).1, ["Retry Approve", "Deny"]);
    for state in [
        ApprovalState::Deciding,
        ApprovalState::Sent,
        ApprovalState::Unknown,
        ApprovalState::Confirmed,
        ApprovalState::Elsewhere,
    ] {
        assert!(status_and_buttons(state).1.is_empty(), "{state:?}");
    }
}

#[test]
fn a_refusal_shows_the_upstreams_words_made_harmless() {
    insta::assert_snapshot!(status_and_buttons(ApprovalState::Refused).0,
        @r"
    🖥️ New Machine Registered | ⚠️ XTSystems refused to approve (asked for by <@42> <t:1755256900:R>)
    > quota \*exceeded\*
    ");
}

#[test]
fn a_ticket_shows_its_newest_state_and_timeline() {
    let state = state_of(&[
        (
            "ticket.created",
            json!({"id": "0b9e", "seq_id": 1001, "title": "Network [Issue]", "status": "open", "priority": "high", "created_by": "user@example.com", "company_name": "Acme"}),
        ),
        (
            "ticket.updated",
            json!({"id": "0b9e", "status": "in_progress", "updated_by": "tech@example.com", "notes": [{"content": "first"}, {"content": "second `x`"}]}),
        ),
        ("ticket.closed", json!({"id": "0b9e", "status": "closed", "resolution": "Replaced port"})),
    ]);
    let body = render(SubjectKind::Ticket, &state, None);
    let embed = &body.embeds[0];
    let shown: Vec<String> = embed.fields.iter().map(|f| format!("{}: {}", f.name, f.value)).collect();
    insta::assert_snapshot!(format!("{}\n{}", embed.title, shown.join("\n")), @r"
    🔒 Ticket Closed
    Ticket ID: #1001
    Title: Network \[Issue\]
    Priority: High
    Final Status: Closed
    Created By: user@example.com
    Company: Acme
    Latest Note: second \`x\`
    Resolution: Replaced port
    Timeline: <t:1755256800:R> created by user@example.com
    <t:1755256801:R> updated by tech@example.com
    <t:1755256802:R> closed
    ");
}

#[test]
fn the_longest_input_stays_within_discords_limits() {
    let long = "*x".repeat(20_000);
    let data = json!({"id": long, "title": long, "description": long, "status": long, "priority": long,
        "created_by": long, "company_name": long, "resolution": long, "notes": [{"content": long}]});
    let body = render(SubjectKind::Ticket, &state_of(&[("ticket.closed", data)]), None);
    for field in &body.embeds[0].fields {
        assert!(field.value.chars().count() <= FIELD_VALUE);
    }
    assert!(body.embeds[0].len() < crate::routing::embed::TOTAL - 100, "{}", body.embeds[0].len());
}

#[test]
fn silence_stands_behind_what_people_came_to_press() {
    let data = json!({"id": "t-1", "title": "Printer", "status": "open"});
    let (open, machine) = (state_of(&[("ticket.created", data.clone())]), machine_state());
    let closed = state_of(&[("ticket.created", data), ("ticket.closed", json!({"id": "t-1", "status": "closed"}))]);
    let about = |kind, state| About { kind, state, approval: None, statuses: &[] };
    let button = |about: &About<'_>| silence_button(about, Uuid::nil());
    assert_eq!(button(&about(SubjectKind::Machine, &machine)), None);
    let board = SubjectState::default();
    assert_eq!(button(&about(SubjectKind::Board, &board)), None);
    assert_eq!(button(&about(SubjectKind::Ticket, &closed)), None);
    let over = state_of(&[("generic.alert", json!({"title": "Disk", "resolved": true}))]);
    assert_eq!(button(&about(SubjectKind::Signal, &over)), None);
    let redeemed = |status: &str| state_of(&[("kick.reward.redemption", json!({"id": "r", "status": status}))]);
    let (pending, rejected) = (redeemed("pending"), redeemed("rejected"));
    assert!(button(&about(SubjectKind::Signal, &pending)).is_some());
    assert_eq!(button(&about(SubjectKind::Signal, &rejected)), None);
    let silence = button(&about(SubjectKind::Ticket, &open)).unwrap();
    let rows = |own: usize| {
        let mut body = MessageBody { buttons: vec![silence.clone(); own], ..MessageBody::default() };
        body.buttons.push(silence.clone());
        let json = body.to_json("m");
        let rows = json["components"].as_array().unwrap().iter();
        rows.map(|row| row["components"].as_array().unwrap().len()).collect::<Vec<_>>()
    };
    assert_eq!((rows(3), rows(5)), (vec![4], vec![5, 1]));
}
