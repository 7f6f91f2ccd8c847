//! A ticket handled entirely from Discord.

use crate::support::machines::names;
use crate::support::tickets::{card, choose, field, linked, press, upstream, write};
use crate::support::town::{run, told};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::Mode;

#[tokio::test]
async fn a_ticket_handled_entirely_from_discord() {
    run(async |town| {
        let later = async || town.advance(TimeDelta::minutes(1)).await;

        // The printer breaks. Nobody opens a browser.
        linked(town, "admin", "grace").await;
        let new = json!({ "title": "Printer on floor 2 is offline", "description": "Since 09:40." });
        let created = town.command("admin", "ticket create", new).await;
        assert_eq!(told(&created), "✅ Ticket **#1001** was created: Printer on floor 2 is offline");
        later().await;

        // Its card is there; somebody takes it, and says how urgent it is.
        assert_eq!(press(town, "admin", "assign").await, "");
        assert_eq!(choose(town, "admin", "priority", "High").await, "");
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        later().await;

        // XTSystems has a bad minute; what was asked for is not lost, and is there once.
        town.xt.mode(Mode::effect_then_500().times(1));
        write(town, "admin", "note", "The network card is dead. A new one comes at noon.").await;
        later().await;
        assert_eq!(upstream(town).notes.len(), 1);

        // It does not let a ticket be closed without a word about the cause.
        town.xt.mode(Mode::refuse(422, "resolution: name the cause").times(1));
        assert_eq!(
            names(town, &write(town, "admin", "close", "fixed").await),
            "⚠️ XTSystems refused (close, ticket #1001): resolution: name the cause"
        );
        later().await;
        write(town, "admin", "close", "Replaced the network card; it died of heat.").await;
        insta::assert_snapshot!(card(town), @"
        [🔒 Ticket Closed]
        Since 09:40.

        — Ada Admin via Discord [mark]
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Final Status: Closed
        Assigned To: grace
        Created By: integration@signal-town.example
        Company: Signal Town IT
        Latest Note: The network card is dead. A new one comes at noon.

        — Ada Admin via Discord [mark]
        Resolution: Replaced the network card; it died of heat.
        Timeline: … 1 earlier
        <+60s> assign to grace by <@admin>
        <+60s> priority → High by <@admin>
        <+60s> status → In Progress by <@admin>
        <+120s> note by <@admin>
        <+180s> ⚠️ close asked for by <@admin> was refused: resolution: name the cause
        <+240s> close by <@admin>
        -- XTSystems · ticket.closed
        (Reopen)
        ");

        // The next morning it is offline again.
        town.advance(TimeDelta::hours(16)).await;
        press(town, "admin", "reopen").await;
        write(town, "admin", "note", "The new card died, too. The fan is stuck.").await;
        later().await;
        write(town, "admin", "close", "New fan.").await;
        let ticket = upstream(town);
        assert_eq!((ticket.status.as_str(), ticket.resolution.as_deref()), ("Closed", Some("New fan.")));
        assert_eq!((ticket.notes.len(), town.messages("tickets").len()), (2, 1), "all of it on one card");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        … 4 earlier
        <+120s> note by <@admin>
        <+180s> ⚠️ close asked for by <@admin> was refused: resolution: name the cause
        <+240s> close by <@admin>
        <+57840s> reopen by <@admin>
        <+57840s> note by <@admin>
        <+57900s> close by <@admin>
        ");
    })
    .await;
}
