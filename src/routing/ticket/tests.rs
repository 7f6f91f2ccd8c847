//! What a ticket's card shows in each state.

use super::*;
use crate::event::{Event, Severity};
use crate::id::GuildId;
use chrono::TimeDelta;
use serde_json::{Value, json};

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_755_256_800, 0).unwrap()
}

fn state_of(events: &[(&str, Value)]) -> SubjectState {
    let mut state = SubjectState::default();
    for (n, (kind, data)) in events.iter().enumerate() {
        let at = start() + TimeDelta::seconds(n as i64);
        state.apply(&Event {
            id: Uuid::from_u128(n as u128),
            source_id: Uuid::nil(),
            guild_id: GuildId(1),
            kind: (*kind).into(),
            subject: Some("ticket:t-1".into()),
            occurred_at: at,
            received_at: at,
            severity: Severity::Info,
            dedup_key: n.to_string(),
            data: data.clone(),
        });
    }
    state
}

fn open() -> SubjectState {
    let data = json!({"id": "t-1", "seq_id": 1042, "title": "Printer", "status": "open", "priority": "high"});
    state_of(&[("ticket.created", data)])
}

fn item(id: &str, name: &str, color: &str, is_closed: bool) -> ListItem {
    ListItem { id: id.into(), name: name.into(), color: Some(color.into()), is_closed, email: None }
}

fn controls() -> Controls {
    Controls {
        subject_id: Uuid::nil(),
        statuses: vec![
            item("s1", "Open", "#3498db", false),
            item("s2", "In Progress", "#f1c40f", false),
            item("s3", "Done", "#2ecc71", true),
        ],
        priorities: vec![item("p1", "Low", "#95a5a6", false), item("p2", "High", "#e67e22", false)],
    }
}

fn action(state: ActionState, attempts: i32) -> ActionView {
    ActionView {
        id: Uuid::from_u128(77),
        verb: TicketVerb::Status,
        value_name: Some("In Progress".into()),
        state,
        by: Some("<@42>".into()),
        asked_at: start() + TimeDelta::minutes(1),
        attempts,
        upstream_text: Some("the ticket is *locked*".into()),
        settled_at: (!state.is_open()).then(|| start() + TimeDelta::minutes(2)),
    }
}

/// Title, the fields that change, and what can be pressed.
fn told(body: &MessageBody) -> String {
    let embed = &body.embeds[0];
    let shown = ["Status", "Final Status", "Resolution", "Asked For", "Timeline"];
    let fields = embed.fields.iter().filter(|f| shown.contains(&f.name.as_str()));
    let mut out = embed.title.clone();
    fields.for_each(|f| out.push_str(&format!("\n{}: {}", f.name, f.value)));
    for select in &body.selects {
        let options: Vec<String> = select
            .options
            .iter()
            .map(|o| format!("{}{}{}", o.emoji.unwrap_or(""), o.label, if o.is_default { "*" } else { "" }))
            .collect();
        out.push_str(&format!("\n[{}]", options.join(" | ")));
    }
    let labels: Vec<&str> = body.buttons.iter().map(|b| b.label.as_str()).collect();
    out.push_str(&format!("\n({})", labels.join(") (")));
    out
}

#[test]
fn open_with_everything_to_choose() {
    insta::assert_snapshot!(told(&render(&open(), &[], Some(&controls()))), @"
    🎫 New Ticket Created
    Status: Open
    Timeline: <t:1755256800:R> created
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn asked_for_the_card_still_says_what_is() {
    insta::assert_snapshot!(told(&render(&open(), &[action(ActionState::Requested, 0)], Some(&controls()))), @"
    🎫 New Ticket Created
    Status: Open
    Asked For: ⏳ status → In Progress asked for by <@42> <t:1755256860:R>
    Timeline: <t:1755256800:R> created
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
    let sent = render(&open(), &[action(ActionState::Sent, 1)], Some(&controls()));
    assert_eq!(told(&sent), told(&render(&open(), &[action(ActionState::Requested, 0)], Some(&controls()))));
}

#[test]
fn not_sent_yet_for_want_of_a_connection() {
    insta::assert_snapshot!(told(&render(&open(), &[action(ActionState::Requested, 3)], Some(&controls()))), @"
    🎫 New Ticket Created
    Status: Open
    Asked For: ⏳ status → In Progress asked for by <@42> <t:1755256860:R>. XTSystems cannot be reached; trying again
    Timeline: <t:1755256800:R> created
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn unknown_is_said_so() {
    insta::assert_snapshot!(told(&render(&open(), &[action(ActionState::Unknown, 2)], Some(&controls()))), @"
    🎫 New Ticket Created
    Status: Open
    Asked For: ❔ status → In Progress asked for by <@42> <t:1755256860:R>. XTSystems has not said whether it was done; asking again (2 so far)
    Timeline: <t:1755256800:R> created
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn refused_stays_in_the_timeline() {
    insta::assert_snapshot!(told(&render(&open(), &[action(ActionState::Refused, 1)], Some(&controls()))), @r"
    🎫 New Ticket Created
    Status: Open
    Timeline: <t:1755256800:R> created
    <t:1755256920:R> ⚠️ status → In Progress asked for by <@42> was refused: the ticket is \*locked\*
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn confirmed_has_a_line_with_who() {
    let mut state = open();
    state.apply(&Event {
        id: Uuid::from_u128(77),
        source_id: Uuid::nil(),
        guild_id: GuildId(1),
        kind: "ticket.updated".into(),
        subject: None,
        occurred_at: start() + TimeDelta::minutes(2),
        received_at: start() + TimeDelta::minutes(2),
        severity: Severity::Info,
        dedup_key: String::new(),
        data: json!({"status": "in_progress"}),
    });
    insta::assert_snapshot!(told(&render(&state, &[action(ActionState::Confirmed, 1)], Some(&controls()))), @"
    📝 Ticket Updated
    Status: In Progress
    Timeline: <t:1755256800:R> created
    <t:1755256920:R> status → In Progress by <@42>
    [🔵Open | 🟠In Progress* | 🟢Done]
    [🟣Low | 🟠High*]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn closed_there_is_only_reopen() {
    let state = state_of(&[
        ("ticket.created", json!({"id": "t-1", "title": "Printer", "status": "open"})),
        ("ticket.closed", json!({"status": "done", "resolution": "New toner"})),
    ]);
    insta::assert_snapshot!(told(&render(&state, &[], Some(&controls()))), @"
    🔒 Ticket Closed
    Final Status: Done
    Resolution: New toner
    Timeline: <t:1755256800:R> created
    <t:1755256801:R> closed
    (Reopen)
    ");
    // A note after it changes nothing about that, where the list says what the status means.
    let mut noted = state.clone();
    let note = state_of(&[("ticket.updated", json!({"status": "done", "notes": [{"content": "Thanks"}]}))]);
    noted.fields.extend(note.fields);
    let mut later = note.timeline[0].clone();
    later.key.time += TimeDelta::minutes(5);
    noted.timeline.push(later);
    assert!(told(&render(&noted, &[], Some(&controls()))).ends_with("(Reopen)"));
}

#[test]
fn reopened_it_offers_everything_again() {
    let state = state_of(&[
        ("ticket.closed", json!({"id": "t-1", "status": "done", "resolution": "New toner"})),
        ("ticket.updated", json!({"status": "open"})),
    ]);
    insta::assert_snapshot!(told(&render(&state, &[], Some(&controls()))), @"
    📝 Ticket Updated
    Status: Open
    Timeline: <t:1755256800:R> closed
    <t:1755256801:R> updated
    [🔵Open* | 🟠In Progress | 🟢Done]
    [🟣Low | 🟠High]
    (Assign to me) (Note) (Close)
    ");
}

#[test]
fn lists_that_are_not_known_become_buttons_and_no_upstream_nothing() {
    let unknown = Controls { statuses: vec![], priorities: vec![], ..controls() };
    insta::assert_snapshot!(told(&render(&open(), &[], Some(&unknown))).lines().last().unwrap(), @"(Status) (Priority) (Assign to me) (Note) (Close)");
    let body = render(&open(), &[], None);
    assert!(body.selects.is_empty() && body.buttons.is_empty());
}

#[test]
fn of_a_long_list_what_stands_is_always_among_the_25() {
    let list: Vec<ListItem> = (1..=40).map(|n| item(&n.to_string(), &format!("Status {n}"), "", false)).collect();
    let select = select(TicketVerb::Status, Uuid::nil(), &list, Some("status_33"));
    assert_eq!(select.options.len(), OPTIONS);
    assert!(select.options.iter().any(|o| o.is_default && o.label == "Status 33"));
    assert!(select.custom_id.len() <= 100);
}

#[test]
fn a_full_card_stays_within_discords_limit() {
    let long = "x*".repeat(3000);
    let data = json!({"id": long, "title": long, "description": long, "status": long, "priority": long,
        "created_by": long, "company_name": long, "resolution": long, "assigned_name": long, "notes": [{"content": long}]});
    let state = state_of(&[("ticket.closed", data)]);
    let actions: Vec<ActionView> = (0..12)
        .map(|n| ActionView {
            id: Uuid::from_u128(100 + n),
            upstream_text: Some(long.clone()),
            value_name: Some(long.clone()),
            ..action(if n % 2 == 0 { ActionState::Unknown } else { ActionState::Refused }, 3)
        })
        .collect();
    let body = render(&state, &actions, Some(&controls()));
    assert!(body.embeds[0].len() <= super::super::embed::TOTAL, "{}", body.embeds[0].len());
}
