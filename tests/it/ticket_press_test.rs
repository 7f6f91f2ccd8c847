//! What people press, choose and write on a ticket's card, and what they then see.

use crate::support::machines::heard;
use crate::support::tickets::{audit, calls, card, choose, field, opened, press, states, upstream, write};
use crate::support::town::{Setup, Town, run, run_with};
use chrono::TimeDelta;
use serde_json::json;

#[tokio::test]
async fn a_status_is_chosen_on_the_card() {
    run(async |town| {
        opened(town).await;
        insta::assert_snapshot!(card(town), @"
        [🎫 New Ticket Created]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: Open
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by ada@signal-town.example
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close)
        ");
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        assert_eq!(upstream(town).status, "In Progress");
        insta::assert_snapshot!(card(town), @"
        [📝 Ticket Updated]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: In Progress
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> status → In Progress by <@admin>
        -- XTSystems · ticket.updated
        (Set the status ▾ In Progress)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close)
        ");
        insta::assert_snapshot!(audit(town).await, @"
        ticket_asked status In Progress by admin
        ticket_confirmed status by admin
        ticket_echo status by admin
        ");
    })
    .await;
}
