//! What people press, choose and write on a ticket's card, and what they then see.

use crate::support::machines::{freeze_cards, heard};
use crate::support::tickets::{
    audit, calls, card, choose, choose_in, control, field, heard_later, linked, only_choose, only_write, opened, press,
    states, upstream, write,
};
use crate::support::town::{Setup, run, run_with};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::Mode;

#[tokio::test]
async fn a_status_is_chosen_on_the_card() {
    run(async |town| {
        opened(town).await;
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        assert_eq!(upstream(town).status, "In Progress");
        assert_eq!(field(town, "Status"), "In Progress");
        insta::assert_snapshot!(audit(town).await, @"
        ticket_asked status In Progress by admin
        ticket_confirmed status by admin
        ticket_echo status by admin
        ");
    })
    .await;
}

#[tokio::test]
async fn a_priority_is_chosen_on_the_card() {
    run(async |town| {
        opened(town).await;
        assert_eq!(choose(town, "admin", "priority", "Critical").await, "");
        assert_eq!(upstream(town).priority, "Critical");
        assert_eq!(field(town, "Priority"), "Critical");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> priority → Critical by <@admin>
        ");
    })
    .await;
}

#[tokio::test]
async fn assigned_to_me_when_it_is_known_who_i_am() {
    run(async |town| {
        opened(town).await;
        insta::assert_snapshot!(press(town, "admin", "assign").await, @"Signalbox does not know who you are in XTSystems, so nothing was assigned. Say it with /link-user set.");
        assert_eq!(upstream(town).assigned_to, None);
        let ada = linked(town, "admin", "ada").await;
        assert_eq!(press(town, "admin", "assign").await, "");
        assert_eq!(upstream(town).assigned_to, Some(ada));
        assert_eq!(field(town, "Assigned To"), "ada");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> assign to ada by <@admin>
        ");
    })
    .await;
}

#[tokio::test]
async fn a_note_is_written_in_a_form() {
    run(async |town| {
        opened(town).await;
        assert_eq!(write(town, "admin", "note", "Toner is on its way.").await, "");
        assert_eq!(upstream(town).notes.len(), 1);
        insta::assert_snapshot!(field(town, "Latest Note"), @"
        Toner is on its way.

        — Ada Admin via Discord [mark]
        ");
        insta::assert_snapshot!(field(town, "Timeline"), @"
        <+0s> created by ada@signal-town.example
        <+0s> note by <@admin>
        ");
        insta::assert_snapshot!(audit(town).await, @"
        ticket_form_opened note by admin
        ticket_asked note by admin
        ticket_confirmed note by admin
        ticket_echo note by admin
        ");
    })
    .await;
}

#[tokio::test]
async fn closed_with_a_resolution_and_reopened() {
    run(async |town| {
        opened(town).await;
        assert_eq!(write(town, "admin", "close", "A new network card.").await, "");
        assert_eq!(
            (upstream(town).status.as_str(), upstream(town).resolution.as_deref()),
            ("Closed", Some("A new network card."))
        );
        insta::assert_snapshot!(card(town), @"
        [🔒 Ticket Closed]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Final Status: Closed
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Resolution: A new network card.
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> close by <@admin>
        -- XTSystems · ticket.closed
        (Reopen)
        ");
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(press(town, "admin", "reopen").await, "");
        assert_eq!(upstream(town).status, "Open");
        insta::assert_snapshot!(card(town), @"
        [📝 Ticket Updated]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: Open
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> close by <@admin>
        <+60s> reopen by <@admin>
        -- XTSystems · ticket.updated
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
    })
    .await;
}

#[tokio::test]
async fn a_closing_status_closes_as_well() {
    run(async |town| {
        opened(town).await;
        choose(town, "admin", "status", "Resolved").await;
        insta::assert_snapshot!(card(town), @"
        [🔒 Ticket Closed]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Final Status: Resolved
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> status → Resolved by <@admin>
        -- XTSystems · ticket.closed
        (Reopen)
        ");
    })
    .await;
}

#[tokio::test]
async fn the_card_changes_only_when_xtsystems_has_confirmed() {
    run(async |town| {
        opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        town.app.delivery.deliver_due(64).await.unwrap();
        assert_eq!(upstream(town).status, "Open");
        insta::assert_snapshot!(card(town), @"
        [🎫 New Ticket Created]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: Open
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Asked For: ⏳ status → In Progress asked for by <@admin> <+0s>
        Timeline: <+0s> created by ada@signal-town.example
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        town.settle().await;
        assert_eq!((field(town, "Status").as_str(), field(town, "Asked For").as_str()), ("In Progress", ""));
    })
    .await;
}

#[tokio::test]
async fn without_the_role_nothing_is_done_and_they_are_told() {
    run(async |town| {
        opened(town).await;
        insta::assert_snapshot!(choose(town, "member", "status", "In Progress").await, @"Only members with the Manage Server permission may change tickets.");
        let (message, id) = control(town, "note");
        let form = town.only_press("member", &message, &id).await;
        assert!(form["modal"].is_null(), "no form for what would be refused");
        insta::assert_snapshot!(heard(town, &form), @"Only members with the Manage Server permission may change tickets.");
        assert_eq!(states(town).await, "");
        insta::assert_snapshot!(audit(town).await, @"
        ticket_press_refused status lacks the role by member
        ticket_press_refused note lacks the role by member
        ");
    })
    .await;
}

#[tokio::test]
async fn with_roles_configured_they_decide_and_are_looked_at_again_at_each_press() {
    let role = "1180000000000000022".to_owned();
    run_with(Setup { env: vec![("XTSYSTEMS_TICKET_ROLES", role)], ..Setup::default() }, async |town| {
        let role = town.discord.role_id("Approver");
        assert_eq!(town.app.ports.config.xtsystems.as_ref().unwrap().ticket_roles[0].0 as u64, role);
        opened(town).await;
        insta::assert_snapshot!(choose(town, "admin", "status", "In Progress").await, @"Only members with <@&Approver> may change tickets.");
        assert_eq!(choose(town, "approver", "status", "In Progress").await, "");
        town.discord.set_role(town.discord.user_id("approver"), role, false);
        insta::assert_snapshot!(choose(town, "approver", "status", "Waiting").await, @"Only members with <@&Approver> may change tickets.");
        assert_eq!(states(town).await, "status In Progress confirmed");
    })
    .await;
}

#[tokio::test]
async fn the_role_is_looked_at_again_when_the_form_is_sent() {
    let role = "1180000000000000022".to_owned();
    run_with(Setup { env: vec![("XTSYSTEMS_TICKET_ROLES", role)], ..Setup::default() }, async |town| {
        opened(town).await;
        let (message, id) = control(town, "close");
        let form = town.only_press("approver", &message, &id).await;
        town.discord.set_role(town.discord.user_id("approver"), town.discord.role_id("Approver"), false);
        let modal = form["modal"]["custom_id"].as_str().unwrap();
        let sent = town.submit("approver", modal, json!({ "content": "done" })).await;
        insta::assert_snapshot!(heard(town, &sent), @"Only members with <@&Approver> may change tickets.");
        assert_eq!(upstream(town).status, "Open");
    })
    .await;
}

#[tokio::test]
async fn a_second_press_is_told_that_it_is_asked_for() {
    run(async |town| {
        opened(town).await;
        only_choose(town, "admin", "status", "In Progress").await;
        let again = only_choose(town, "admin", "status", "Waiting").await;
        insta::assert_snapshot!(heard(town, &again), @"<@admin> asked for this already (status → In Progress). XTSystems has not answered yet; the card will show it.");
        let (message, id) = control(town, "close");
        let close = town.only_press("admin", &message, &id).await;
        assert!(close["modal"].is_null());
        insta::assert_snapshot!(heard(town, &close), @"<@admin> asked for this already (status → In Progress). XTSystems has not answered yet; the card will show it.");
        // Something else may be asked for meanwhile.
        assert_eq!(heard(town, &only_choose(town, "admin", "priority", "Low").await), "");
        town.settle().await;
        assert_eq!(states(town).await, "status In Progress confirmed, priority Low confirmed");
        assert_eq!(calls(town), ["PUT 200", "PUT 200"]);
    })
    .await;
}

#[tokio::test]
async fn an_interaction_delivered_twice_asks_once() {
    run(async |town| {
        opened(town).await;
        town.fault("interaction", "twice", 1);
        assert_eq!(write(town, "admin", "note", "once").await, "");
        town.fault("interaction", "twice", 1);
        only_write(town, "admin", "note", "and another").await;
        town.settle().await;
        let notes = upstream(town).notes;
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert_eq!(states(town).await, "note confirmed, note confirmed");
    })
    .await;
}

#[tokio::test]
async fn a_stale_card_is_answered_by_what_is() {
    run(async |town| {
        opened(town).await;
        freeze_cards(town);
        let (message, status) = control(town, "status");
        let (_, close) = control(town, "close");
        write(town, "admin", "close", "done").await;
        let chosen = choose_in(town, "admin", &message, &status, "Waiting").await;
        insta::assert_snapshot!(heard(town, &chosen), @"This ticket is closed. Reopen it first.");
        insta::assert_snapshot!(heard(town, &town.press_id("admin", &message, &close).await), @"This ticket is closed. Reopen it first.");
        assert_eq!(upstream(town).status, "Closed");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_in_words_and_stays_on_the_card() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::refuse(409, "The ticket is locked by *billing*").times(1));
        insta::assert_snapshot!(choose(town, "admin", "status", "In Progress").await, @r"⚠️ XTSystems refused (status → In Progress, ticket #1001): The ticket is locked by \*billing\*");
        assert_eq!(field(town, "Status"), "Open");
        insta::assert_snapshot!(card(town), @r"
        [🎫 New Ticket Created]
        Since 09:40. The phones work.
        Ticket ID: #1001
        Title: Printer on floor 2 is offline
        Priority: High
        Status: Open
        Created By: ada@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by ada@signal-town.example
        <+0s> ⚠️ status → In Progress asked for by <@admin> was refused: The ticket is locked by \*billing\*
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ High)
        (Assign to me) (Note) (Close) (Silence)
        ");
        // It can be asked for again.
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        assert_eq!(field(town, "Status"), "In Progress");
    })
    .await;
}

#[tokio::test]
async fn too_late_to_be_told_it_is_still_on_the_card() {
    run(async |town| {
        opened(town).await;
        town.xt.mode(Mode::status(500));
        let chosen = only_choose(town, "admin", "status", "In Progress").await;
        town.settle().await;
        town.advance(TimeDelta::minutes(16)).await;
        town.xt.mode(Mode::refuse(403, "not any more"));
        town.advance(TimeDelta::minutes(10)).await;
        assert_eq!(heard_later(town, &chosen), "");
        // Looking at the ticket first is refused, too, and that is no answer to what was asked.
        assert_eq!(states(town).await, "status In Progress unknown");
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(40)).await;
        assert_eq!(states(town).await, "status In Progress confirmed");
        let left = town.count("SELECT count(*) FROM ticket_action WHERE interaction_token IS NOT NULL").await;
        assert_eq!(left, 0);
    })
    .await;
}

#[tokio::test]
async fn while_the_lists_are_not_known_a_button_asks_for_them() {
    run(async |town| {
        town.xt.mode(Mode::status(500));
        opened(town).await;
        let rows: Vec<String> = card(town).lines().filter(|line| line.starts_with('(')).map(str::to_owned).collect();
        insta::assert_snapshot!(rows.join("\n"), @"
        (Status) (Priority) (Assign to me) (Note) (Close)
        (Silence)
        ");
        insta::assert_snapshot!(press(town, "admin", "status").await, @"Nothing was done: XTSystems can't be asked: it did not give this list a moment ago. Try again in a minute.");
        town.xt.mode(Mode::ok());
        town.column("UPDATE upstream_list SET tried_at = tried_at - interval '1 min' RETURNING kind").await;
        let (message, id) = control(town, "status");
        let choice = town.only_press("admin", &message, &id).await;
        let private = &choice["message"];
        insta::assert_snapshot!(crate::support::town::show(private), @"
        Which status shall the ticket have?
        (Set the status ▾ –)
        ");
        let chosen = choose_in(town, "admin", private["id"].as_str().unwrap(), &id, "Waiting").await;
        town.settle().await;
        insta::assert_snapshot!(chosen["message"]["content"].as_str().or(chosen["response"]["data"]["content"].as_str()).unwrap(), @"⏳ XTSystems is asked. The ticket's card shows what it answers.");
        assert_eq!((upstream(town).status.as_str(), field(town, "Status").as_str()), ("Waiting", "Waiting"));
    })
    .await;
}

#[tokio::test]
async fn without_a_way_to_xtsystems_a_card_asks_nothing_of_it() {
    let env = vec![("XTSYSTEMS_API_URL", String::new()), ("XTSYSTEMS_API_KEY", String::new())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        opened(town).await;
        let rows: Vec<String> = card(town).lines().filter(|line| line.starts_with('(')).map(str::to_owned).collect();
        assert_eq!(rows, ["(Silence)"]);
    })
    .await;
}

#[tokio::test]
async fn what_xtsystems_does_not_offer_any_more_is_not_asked_for() {
    run(async |town| {
        opened(town).await;
        let (message, id) = control(town, "priority");
        let cards = town.count("SELECT count(*) FROM card").await;
        assert_eq!(cards, 1);
        town.column(
            r#"UPDATE upstream_list SET items = '[{"id": "x", "name": "Only one"}]' WHERE kind = 'priority' RETURNING kind"#,
        )
        .await;
        let chosen = choose_in(town, "admin", &message, &id, "Critical").await;
        insta::assert_snapshot!(heard(town, &chosen), @"XTSystems does not offer that, or not any more. Nothing was done; choose again.");
        assert_eq!(calls(town).len(), 0);
    })
    .await;
}
