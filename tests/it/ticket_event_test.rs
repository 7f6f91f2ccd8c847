//! Table 3, the column of XTSystems' events: the same change makes one line in the timeline, others their own.

use crate::support::tickets::{
    card, choose, claimed_by_another, field, only_choose, only_write, opened, states, upstream, write,
};
use crate::support::town::run;
use chrono::TimeDelta;
use standin::xtsystems::TicketChange;

fn by_grace(change: TicketChange) -> TicketChange {
    TicketChange { updated_by: Some("grace@signal-town.example".into()), ..change }
}

#[tokio::test]
async fn the_event_of_our_own_change_adds_no_line() {
    run(async |town| {
        opened(town).await;
        choose(town, "admin", "status", "In Progress").await;
        write(town, "admin", "note", "On it.").await;
        choose(town, "admin", "priority", "Low").await;
        let updates = town.xt.deliveries().iter().filter(|d| d.event_type == "ticket.updated").count();
        assert_eq!(updates, 3, "XTSystems told each");
        town.advance(TimeDelta::seconds(10)).await;
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        <+0s> note by <@admin>
        <+0s> priority → Low by <@admin>
        ");
    })
    .await;
}

#[tokio::test]
async fn the_event_is_lost_and_the_card_is_right_all_the_same() {
    run(async |town| {
        opened(town).await;
        town.xt.offline(true);
        write(town, "admin", "close", "Replaced.").await;
        insta::assert_snapshot!(card(town), @"
        [🔒 Ticket Closed]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Final Status: Closed
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Resolution: Replaced.
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> close by <@admin>
        -- XTSystems · ticket.closed
        (Reopen)
        ");
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_does_has_a_line_of_its_own() {
    run(async |town| {
        let ticket = opened(town).await;
        choose(town, "admin", "status", "In Progress").await;
        town.advance(TimeDelta::seconds(5)).await;
        let note = TicketChange { note: Some("I rebooted it.".into()), ..TicketChange::default() };
        town.xt.update_ticket(&ticket.id, by_grace(note)).await;
        town.settle().await;
        let waiting = TicketChange { status: Some("Waiting".into()), ..TicketChange::default() };
        town.advance(TimeDelta::seconds(5)).await;
        town.xt.update_ticket(&ticket.id, by_grace(waiting)).await;
        town.settle().await;
        assert_eq!(
            (field(town, "Status").as_str(), field(town, "Latest Note").as_str()),
            ("Waiting", "I rebooted it.")
        );
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        <+5s> updated by grace@signal-town.example
        <+10s> updated by grace@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn an_event_that_shows_it_confirms_what_is_under_way() {
    run(async |town| {
        let ticket = opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        claimed_by_another(town).await;
        let change = TicketChange { status: Some("In Progress".into()), ..TicketChange::default() };
        town.xt.update_ticket(&ticket.id, change).await;
        town.settle().await;
        assert_eq!(states(town).await, "status In Progress confirmed");
        assert_eq!(field(town, "Asked For"), "");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        ");
        town.advance(TimeDelta::minutes(1)).await;
        assert!(crate::support::tickets::calls(town).is_empty(), "there is nothing left to ask for");
    })
    .await;
}

#[tokio::test]
async fn an_event_about_something_else_confirms_nothing() {
    run(async |town| {
        let ticket = opened(town).await;
        only_write(town, "admin", "note", "On it.").await;
        claimed_by_another(town).await;
        // Of one ticket one thing is asked for at a time.
        only_choose(town, "admin", "status", "In Progress").await;
        let note = TicketChange { note: Some("Somebody's note".into()), ..TicketChange::default() };
        town.xt.update_ticket(&ticket.id, by_grace(note)).await;
        town.settle().await;
        assert_eq!(states(town).await, "note sent, status In Progress requested");
        insta::assert_snapshot!(card(town), @"
        [📝 Ticket Updated]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: Open
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Latest Note: Somebody's note
        Asked For: ⏳ note asked for by <@admin> <+0s>
        ⏳ status → In Progress asked for by <@admin> <+0s>
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> updated by grace@signal-town.example
        -- XTSystems · ticket.updated
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        town.advance(TimeDelta::seconds(31)).await;
        assert_eq!(states(town).await, "note confirmed, status In Progress confirmed");
        assert_eq!(upstream(town).notes.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_older_event_that_comes_late_does_not_undo_what_was_confirmed() {
    run(async |town| {
        let ticket = opened(town).await;
        town.xt.offline(true);
        let waiting = TicketChange { status: Some("Waiting".into()), ..TicketChange::default() };
        town.xt.update_ticket(&ticket.id, by_grace(waiting)).await;
        let lost = town.xt.deliveries().last().unwrap().id.clone();
        town.xt.offline(false);
        town.advance(TimeDelta::seconds(10)).await;
        choose(town, "admin", "status", "In Progress").await;
        town.xt.resend(&lost).await;
        town.settle().await;
        assert_eq!(field(town, "Status"), "In Progress");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> updated by grace@signal-town.example
        <+10s> status → In Progress by <@admin>
        ");
    })
    .await;
}
