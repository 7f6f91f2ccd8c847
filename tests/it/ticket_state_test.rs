//! Table 3, the columns *the same thing asked again* and *an event that shows it*, in each state.

use crate::support::machines::heard;
use crate::support::tickets::{
    calls, choose, choose_in, claimed_by_another, control, field, only_choose, opened, states, upstream, write,
};
use crate::support::town::{Town, run};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::{Mode, Place, TicketChange};

/// What somebody is told who asks for a status now.
async fn asked_again(town: &Town) -> String {
    heard(town, &only_choose(town, "admin", "status", "Waiting").await)
}

/// XTSystems' event of a ticket that is in progress now, whoever did it.
async fn in_progress_event(town: &Town, id: &str) {
    let status = TicketChange { status: Some("In Progress".into()), ..TicketChange::default() };
    town.xt.update_ticket(id, status).await;
    town.settle().await;
}

async fn unknown(town: &Town) {
    town.xt.mode(Mode::status(500).at(Place::Tickets).times(1));
    choose(town, "admin", "status", "In Progress").await;
    assert_eq!(states(town).await, "status In Progress unknown");
}

#[tokio::test]
async fn requested_an_event_confirms_nothing() {
    run(async |town| {
        let ticket = opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        let event = json!({ "id": ticket.id, "seq_id": ticket.seq_id, "title": ticket.title, "status": "in_progress",
            "priority": "high", "updated_by": "grace@signal-town.example" });
        town.xt.send("ticket.updated", event).await;
        signalbox::delivery::plan::plan_due(&town.app.ports, 10).await.unwrap();
        assert_eq!(states(town).await, "status In Progress requested");
        town.settle().await;
        assert_eq!(states(town).await, "status In Progress confirmed");
        assert_eq!(calls(town), ["PUT 200"], "it is asked for all the same");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        <+0s> updated by grace@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn sent_is_asked_for_already() {
    run(async |town| {
        opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        claimed_by_another(town).await;
        insta::assert_snapshot!(asked_again(town).await, @"<@admin> asked for this already (status → In Progress). XTSystems has not answered yet; the card will show it.");
        town.advance(TimeDelta::seconds(31)).await;
        assert_eq!(upstream(town).status, "In Progress");
    })
    .await;
}

#[tokio::test]
async fn unknown_bars_the_same_thing_and_what_else_is_asked_for_waits() {
    run(async |town| {
        opened(town).await;
        unknown(town).await;
        insta::assert_snapshot!(asked_again(town).await, @"<@admin> asked for this already (status → In Progress). XTSystems has not said whether it was done; Signalbox keeps asking. Until that is known nothing else can be asked for.");
        assert_eq!(write(town, "admin", "note", "Meanwhile.").await, "");
        assert_eq!(states(town).await, "status In Progress unknown, note requested");
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!(upstream(town).notes.len(), 1);
        assert_eq!(states(town).await, "status In Progress confirmed, note confirmed");
    })
    .await;
}

#[tokio::test]
async fn unknown_is_confirmed_by_an_event_that_shows_it() {
    run(async |town| {
        let ticket = opened(town).await;
        unknown(town).await;
        in_progress_event(town, &ticket.id).await;
        assert_eq!(states(town).await, "status In Progress confirmed");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        ");
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(calls(town), ["PUT 500"], "there is nothing left to find out");
    })
    .await;
}

#[tokio::test]
async fn confirmed_and_refused_can_be_asked_for_again() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::refuse(403, "not you").at(Place::Tickets).times(1));
        choose(town, "admin", "status", "In Progress").await;
        choose(town, "admin", "status", "In Progress").await;
        town.advance(TimeDelta::seconds(10)).await;
        choose(town, "admin", "status", "Waiting").await;
        assert_eq!(
            states(town).await,
            "status In Progress refused, status In Progress confirmed, status Waiting confirmed"
        );
        assert_eq!(upstream(town).status, "Waiting");
    })
    .await;
}

#[tokio::test]
async fn an_event_long_after_has_a_line_of_its_own() {
    run(async |town| {
        let ticket = opened(town).await;
        town.xt.offline(true);
        choose(town, "admin", "status", "In Progress").await;
        town.xt.offline(false);
        town.clock.advance(TimeDelta::minutes(11));
        town.world_clock.advance(TimeDelta::minutes(11));
        let event = json!({ "id": ticket.id, "status": "in_progress", "updated_by": "grace@signal-town.example" });
        town.send("ticket.updated", event).await;
        let (_, _) = control(town, "status");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        <+660s> updated by grace@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn refused_an_event_has_a_line_of_its_own() {
    run(async |town| {
        let ticket = opened(town).await;
        town.xt.mode(Mode::refuse(403, "not you").at(Place::Tickets).times(1));
        choose(town, "admin", "status", "In Progress").await;
        town.advance(TimeDelta::seconds(5)).await;
        in_progress_event(town, &ticket.id).await;
        assert_eq!(states(town).await, "status In Progress refused");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> ⚠️ status → In Progress asked for by <@admin> was refused: the API key may not do this in XTSystems (403: not you). Give the key's user the permission
        <+5s> updated by integration@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn unknown_a_note_is_confirmed_by_its_own_event() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        write(town, "admin", "note", "On it.").await;
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!((states(town).await.as_str(), calls(town)), ("note confirmed", vec!["POST notes 500".to_owned()]));
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> note by <@admin>
        ");
    })
    .await;
}

#[tokio::test]
async fn unknown_stays_unknown_until_it_can_be_looked_at() {
    run(async |town| {
        opened(town).await;
        unknown(town).await;
        for mode in [Mode::status(503), Mode::refuse(429, "slow down")] {
            town.xt.mode(mode.at(Place::Tickets).times(1));
            town.advance(TimeDelta::minutes(2)).await;
            assert_eq!(states(town).await, "status In Progress unknown");
        }
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(calls(town), ["PUT 500", "GET 503", "GET 429", "GET 200", "PUT 200"]);
        assert_eq!(states(town).await, "status In Progress confirmed");
        field(town, "Status");
    })
    .await;
}

#[tokio::test]
async fn without_a_connection_it_stays_requested() {
    run(async |town| {
        opened(town).await;
        town.xt.stop();
        choose(town, "admin", "status", "In Progress").await;
        town.advance(TimeDelta::minutes(2)).await;
        assert_eq!(states(town).await, "status In Progress requested");
        insta::assert_snapshot!(field(town, "Asked For"), @"⏳ status → In Progress asked for by <@admin> <+0s>. XTSystems cannot be reached; trying again");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_no_other_tickets_call() {
    run(async |town| {
        opened(town).await;
        let (first, status) = control(town, "status");
        opened(town).await;
        let (second, other_status) = control(town, "status");
        town.xt.mode(Mode::timeout_ms(60_000).at(Place::Tickets).times(1));
        choose_in(town, "admin", &first, &status, "Waiting").await;
        town.app.start_loops();
        town.until("the first is under way", || calls(town).len() == 1).await;
        choose_in(town, "admin", &second, &other_status, "In Progress").await;
        let statuses = || town.xt.tickets().into_iter().map(|ticket| ticket.status).collect::<Vec<_>>();
        town.until("the second is done", || statuses() == ["Open", "In Progress"]).await;
        assert_eq!(calls(town), ["PUT -", "PUT 200"], "the first hangs still");
    })
    .await;
}
