//! `/ticket` and `/machines`, by those who may and those who may not.

use crate::support::machines::{names, refused, requested};
use crate::support::tickets::{calls, choose, marks_hidden, opened, upstream, write};
use crate::support::town::{Setup, Town, run, run_with, show, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::store::upstream_list::ListKind;
use standin::xtsystems::{Mode, Place};

async fn command(town: &Town, who: &str, name: &str, options: Value) -> String {
    let outcome = town.command(who, name, options).await;
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    read(town, &outcome["message"])
}

/// A message with names for ids, and links as `LINK`.
fn read(town: &Town, message: &Value) -> String {
    let text = marks_hidden(&names(town, show(message).trim()));
    let guild = town.discord.guild_id().to_string();
    text.split("(https://discord.com/channels/")
        .enumerate()
        .map(|(n, piece)| match piece.split_once(')') {
            Some((place, rest)) if n > 0 => {
                assert!(place.starts_with(&guild), "{place}");
                format!("(LINK){rest}")
            }
            _ => piece.to_owned(),
        })
        .collect()
}

async fn offered(town: &Town, name: &str, option: &str, text: &str) -> Vec<String> {
    let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": name,
        "options": { option: text }, "focused": option });
    let outcome = town.discord.act(typing).await;
    let choices = outcome["choices"].as_array().unwrap_or_else(|| panic!("{outcome:#}"));
    choices.iter().filter_map(|c| c["name"].as_str().map(str::to_owned)).collect()
}

fn new_ticket() -> Value {
    json!({ "title": "The lift is stuck", "description": "On floor 3, nobody inside.", "priority": "Critical" })
}

#[tokio::test]
async fn a_ticket_is_created_and_its_card_appears() {
    run(async |town| {
        insta::assert_snapshot!(command(town, "admin", "ticket create", new_ticket()).await, @"✅ Ticket **#1001** was created: The lift is stuck");
        town.settle().await;
        assert_eq!((upstream(town).title.as_str(), upstream(town).priority.as_str()), ("The lift is stuck", "Critical"));
        insta::assert_snapshot!(read(town, &town.messages("tickets")[0]), @"
        [🎫 New Ticket Created]
        On floor 3, nobody inside.

        — Ada Admin via Discord [mark]
        Ticket ID: #1001
        Title: The lift is stuck
        Priority: Critical
        Status: Open
        Created By: integration@signal-town.example
        Company: Signal Town IT
        Timeline: <+0s> created by integration@signal-town.example
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ Critical)
        (Assign to me) (Note) (Close) (Silence)
        ");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_of_unknown_fate_is_looked_for_and_not_created_twice() {
    run(async |town| {
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        town.xt.offline(true);
        insta::assert_snapshot!(command(town, "admin", "ticket create", new_ticket()).await, @r#"❔ XTSystems has not said whether the ticket "The lift is stuck" was created. Signalbox finds out and creates it once, not twice; its card will appear."#);
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["POST 500", "GET 200"]);
        assert_eq!(town.xt.tickets().len(), 1);
        assert_eq!(town.column("SELECT state FROM ticket_action").await, ["confirmed"]);
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_could_not_be_created_at_once_is_created_later_and_once() {
    run(async |town| {
        town.xt.mode(Mode::status(503).at(Place::Tickets));
        command(town, "admin", "ticket create", new_ticket()).await;
        town.advance(TimeDelta::minutes(5)).await;
        assert!(town.xt.tickets().is_empty());
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(31)).await;
        assert_eq!(town.xt.tickets().len(), 1);
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn a_command_delivered_twice_creates_one_ticket() {
    run(async |town| {
        town.fault("interaction", "twice", 1);
        command(town, "admin", "ticket create", new_ticket()).await;
        town.settle().await;
        assert_eq!((town.xt.tickets().len(), town.messages("tickets").len()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_refusal_and_a_wrong_priority_are_said() {
    run(async |town| {
        town.xt.mode(Mode::refuse(422, "the contract has run out").at(Place::Tickets).times(1));
        insta::assert_snapshot!(command(town, "admin", "ticket create", new_ticket()).await, @"⚠️ XTSystems refused to create the ticket: the contract has run out");
        let wrong = json!({ "title": "x", "description": "y", "priority": "Utmost" });
        insta::assert_snapshot!(command(town, "admin", "ticket create", wrong).await, @"XTSystems does not offer that, or not any more. Nothing was done; choose again.");
        assert_eq!(offered(town, "ticket create", "priority", "").await, ["Low", "Medium", "High", "Critical"]);
        assert_eq!(offered(town, "ticket create", "priority", "c").await, ["Critical"]);
        assert!(town.xt.tickets().is_empty());
    })
    .await;
}

#[tokio::test]
async fn without_the_role_a_command_shows_and_does_nothing() {
    run(async |town| {
        opened(town).await;
        let create = command(town, "member", "ticket create", new_ticket()).await;
        let show = command(town, "member", "ticket show", json!({ "ticket": "1001" })).await;
        let list = command(town, "member", "ticket list", json!({})).await;
        insta::assert_snapshot!([create, show, list].join("\n"), @"
        Only members with the Manage Server permission may change tickets.
        Only members with the Manage Server permission may change tickets.
        Only members with the Manage Server permission may change tickets.
        ");
        assert_eq!(town.xt.tickets().len(), 1);
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_is_shown_as_it_is_now() {
    run(async |town| {
        opened(town).await;
        crate::support::tickets::linked(town, "admin", "grace").await;
        crate::support::tickets::press(town, "admin", "assign").await;
        write(town, "admin", "note", "Toner is on its way.").await;
        assert_eq!(offered(town, "ticket show", "ticket", "prin").await, ["#1001 Printer on floor 2 is offline"]);
        insta::assert_snapshot!(command(town, "admin", "ticket show", json!({ "ticket": "#1001" })).await, @"
        [🎫 #1001 Printer on floor 2 is offline]
        Since 09:40. The phones work.
        Status: Open
        Priority: High
        Created By: ada@signal-town.example
        Assigned To: grace
        Changed: <+0s>
        Latest Note: Toner is on its way.

        — Ada Admin via Discord [mark]
        Card: [card](LINK)
        ");
        insta::assert_snapshot!(command(town, "admin", "ticket show", json!({ "ticket": "77" })).await, @"XTSystems has no ticket 77. Choose one of those that are offered, or give its number.");
        town.xt.mode(Mode::status(502));
        insta::assert_snapshot!(command(town, "admin", "ticket show", json!({ "ticket": "1001" })).await, @"XTSystems has a fault of its own (502: Internal Server Error). Try again later");
    })
    .await;
}

#[tokio::test]
async fn open_tickets_are_listed_in_pages_that_their_caller_turns() {
    run(async |town| {
        for n in 1..=12 {
            town.xt.open_ticket(&format!("Ticket {n}"), "", "Low").await;
        }
        town.settle().await;
        choose(town, "admin", "status", "Closed").await;
        let list = town.command("admin", "ticket list", json!({})).await;
        assert_eq!(list["ephemeral"], false);
        insta::assert_snapshot!(read(town, &list["message"]), @"
        [🎫 Open tickets]
        **#1012** Ticket 12 · Open · Low
        **#1011** Ticket 11 · Open · Low
        **#1010** Ticket 10 · Open · Low
        **#1009** Ticket 9 · Open · Low
        **#1008** Ticket 8 · Open · Low
        **#1007** Ticket 7 · Open · Low
        **#1006** Ticket 6 · Open · Low
        **#1004** Ticket 4 · Open · Low · [card](LINK)
        **#1003** Ticket 3 · Open · Low · [card](LINK)
        **#1002** Ticket 2 · Open · Low · [card](LINK)
        -- 1/2
        (Back) (Next)
        ");
        let message = list["message"]["id"].as_str().unwrap();
        let next = list["message"]["components"][0]["components"][1]["custom_id"].as_str().unwrap();
        insta::assert_snapshot!(told(&town.only_press("approver", message, next).await), @"Only who asked for this list may turn its pages. Use /ticket list for one of your own.");
        town.only_press("admin", message, next).await;
        insta::assert_snapshot!(read(town, town.messages("ops").last().unwrap()), @"
        [🎫 Open tickets]
        **#1001** Ticket 1 · Open · Low · [card](LINK)
        -- 2/2
        (Back) (Next)
        ");
        town.see("tickets");
    })
    .await;
}

fn callbacks(town: &Town) -> usize {
    town.discord.requests().iter().filter(|r| r["path"].as_str().unwrap().ends_with("/callback")).count()
}

/// What is written below a list, and the ids of its buttons.
fn footer_and_buttons(message: &Value) -> (String, Vec<String>) {
    let buttons = message["components"][0]["components"].as_array().cloned().unwrap_or_default();
    let ids = buttons.iter().map(|button| button["custom_id"].as_str().unwrap().to_owned());
    (message["embeds"][0]["footer"]["text"].as_str().unwrap().to_owned(), ids.collect())
}

#[tokio::test]
async fn a_list_of_more_than_a_page_of_xtsystems_is_turned_to_its_end() {
    run(async |town| {
        town.xt.offline(true);
        for n in 1..=205 {
            town.xt.open_ticket(&format!("Ticket {n}"), "", "Low").await;
        }
        let list = town.command("admin", "ticket list", json!({})).await;
        let message = list["message"]["id"].as_str().unwrap();
        let (footer, _) = footer_and_buttons(&list["message"]);
        assert_eq!(footer, "1/21 · 205 open of 205");
        let last = format!("v1:ticket:page:{}:20", town.discord.user_id("admin"));
        let (_, mut next) = footer_and_buttons(&list["message"]);
        for _ in 0..20 {
            town.only_press("admin", message, &next[1]).await;
            next = footer_and_buttons(town.messages("ops").last().unwrap()).1;
        }
        assert_eq!(next[0], last.replace(":20", ":19"));
        insta::assert_snapshot!(read(town, town.messages("ops").last().unwrap()), @"
        [🎫 Open tickets]
        **#1005** Ticket 5 · Open · Low
        **#1004** Ticket 4 · Open · Low
        **#1003** Ticket 3 · Open · Low
        **#1002** Ticket 2 · Open · Low
        **#1001** Ticket 1 · Open · Low
        -- 21/21
        (Back) (Next)
        ");
        town.xt.one_page_of_tickets();
        let list = town.command("admin", "ticket list", json!({})).await;
        assert_eq!(
            footer_and_buttons(&list["message"]).0,
            "1/10 · 100 open of 100 · XTSystems does not list the older ones"
        );
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_page_that_is_turned_by_two_deliveries_is_answered_once() {
    run(async |town| {
        for n in 1..=12 {
            town.xt.open_ticket(&format!("Ticket {n}"), "", "Low").await;
        }
        town.settle().await;
        let list = town.command("admin", "ticket list", json!({})).await;
        let message = list["message"]["id"].as_str().unwrap();
        let (_, buttons) = footer_and_buttons(&list["message"]);
        let before = callbacks(town);
        for who in ["approver", "admin"] {
            town.fault("interaction", "twice", 1);
            town.only_press(who, message, &buttons[1]).await;
            town.settle().await;
        }
        assert_eq!(callbacks(town) - before, 2, "one for the page, one for the refusal");
        town.see("tickets");
        town.see("ops");
    })
    .await;
}

/// The answer to the creation is lost, and so is its event; then XTSystems gets more tickets than one page has.
async fn created_in_doubt_before_many_others(town: &Town) {
    town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
    town.xt.offline(true);
    command(town, "admin", "ticket create", new_ticket()).await;
    for n in 1..=150 {
        town.xt.open_ticket(&format!("Ticket {n}"), "", "Low").await;
    }
}

#[tokio::test]
async fn a_ticket_of_unknown_fate_is_found_behind_many_newer_ones() {
    run(async |town| {
        created_in_doubt_before_many_others(town).await;
        town.advance(TimeDelta::minutes(31)).await;
        assert_eq!(town.xt.tickets().len(), 151);
        assert_eq!(town.column("SELECT state || ' #' || ticket_number FROM ticket_action").await, ["confirmed #1001"]);
        town.see("tickets");
        // Of the deliveries that were missed.
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_nobody_can_look_for_is_not_created_again_and_that_is_said() {
    run(async |town| {
        town.xt.one_page_of_tickets();
        created_in_doubt_before_many_others(town).await;
        for _ in 0..4 {
            town.advance(TimeDelta::minutes(2)).await;
        }
        assert_eq!(town.xt.tickets().len(), 151);
        let told = town.discord.ephemeral("admin");
        let words = told["messages"].as_array().unwrap().iter().filter_map(|m| m["content"].as_str());
        let words: Vec<&str> = words.filter(|words| words.contains("not known")).collect();
        insta::assert_snapshot!(words.join("\n"), @r#"❔ It is not known whether the ticket "The lift is stuck" was created: XTSystems does not list all its tickets. It is not created again by itself. Look for it in XTSystems before you ask for it again; if it is there, its card appears here with its next change."#);
        town.advance(TimeDelta::hours(3)).await;
        assert_eq!(town.xt.tickets().len(), 151);
        town.see("tickets");
        town.see("ops");
    })
    .await;
}

/// It need not be looked for when XTSystems has told of it.
#[tokio::test]
async fn a_ticket_of_unknown_fate_is_known_by_its_event() {
    run(async |town| {
        town.xt.one_page_of_tickets();
        town.xt.mode(Mode::effect_then_500().at(Place::Tickets).times(1));
        command(town, "admin", "ticket create", new_ticket()).await;
        town.settle().await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(town.column("SELECT state || ' #' || ticket_number FROM ticket_action").await, ["confirmed #1001"]);
        assert!(!calls(town).contains(&"GET 404".to_owned()), "{:?}", calls(town));
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn who_lost_the_role_turns_no_page() {
    // The role Approver of every town.
    let role = "1180000000000000022".to_owned();
    run_with(Setup { env: vec![("XTSYSTEMS_TICKET_ROLES", role)], ..Setup::default() }, async |town| {
        for n in 1..=12 {
            town.xt.open_ticket(&format!("Ticket {n}"), "", "Low").await;
        }
        town.settle().await;
        let list = town.command("approver", "ticket list", json!({})).await;
        let message = list["message"]["id"].as_str().unwrap();
        let next = list["message"]["components"][0]["components"][1]["custom_id"].as_str().unwrap();
        town.discord.set_role(town.discord.user_id("approver"), town.discord.role_id("Approver"), false);
        insta::assert_snapshot!(told(&town.only_press("approver", message, next).await), @"Only members with <@&1180000000000000022> may change tickets.");
        assert!(read(town, town.messages("ops").last().unwrap()).contains("-- 1/2"));
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn machines_that_wait_here_and_in_xtsystems() {
    run(async |town| {
        requested(town).await;
        insta::assert_snapshot!(command(town, "admin", "machines pending", json!({})).await, @"
        [🖥️ Pending machines]
        **web-07** 10.0.0.7 · 🟠 pending · <+0s> · [card](LINK)
        ");
        // One whose event is on its way yet.
        town.xt.offline(true);
        town.xt.register_machine("db-02", "10.0.0.9", "Debian 13").await;
        let web = town.xt.machines()[0].asset_id.clone();
        town.xt.decide_in_web_ui(&web, false, "grace@signal-town.example").await;
        insta::assert_snapshot!(command(town, "admin", "machines pending", json!({})).await, @"
        [🖥️ Pending machines]
        **web-07** 10.0.0.7 · 🟠 pending · <+0s> · [card](LINK)
        **db-02** 10.0.0.9 · in XTSystems, no card here · <+0s>
        ⚠️ Pending here, but not in XTSystems any more: web-07. A press on the card finds out what was decided.
        ");
        town.xt.mode(Mode::status(500));
        insta::assert_snapshot!(command(town, "admin", "machines pending", json!({})).await, @"
        [🖥️ Pending machines]
        **web-07** 10.0.0.7 · 🟠 pending · <+0s> · [card](LINK)
        ⚠️ XTSystems has a fault of its own (500: Internal Server Error). Try again later
        ");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_machine_and_what_was_done_about_it() {
    run(async |town| {
        refused(town).await;
        assert_eq!(offered(town, "machines show", "machine", "WEB").await, ["web-07 10.0.0.7"]);
        insta::assert_snapshot!(command(town, "admin", "machines show", json!({ "machine": "web-07" })).await, @"
        [🖥️ web-07]
        IP Address: 10.0.0.7
        OS: Debian 13
        State: ⚠️ XTSystems refused
        Card: [card](LINK)
        Log: <+0s> requested
        <+0s> decided by <@approver>
        <+0s> refused by <@approver>: the licence allows no further machine
        ");
        insta::assert_snapshot!(command(town, "admin", "machines show", json!({ "machine": "nobody" })).await, @"No machine called nobody is known here. Choose one of those that are offered.");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn without_a_way_to_xtsystems_the_commands_say_so() {
    let env = vec![("XTSYSTEMS_API_URL", String::new()), ("XTSYSTEMS_API_KEY", String::new())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        let create = command(town, "admin", "ticket create", new_ticket()).await;
        let pending = command(town, "admin", "machines pending", json!({})).await;
        insta::assert_snapshot!([create, pending].join("\n"), @"
        Signalbox does not know where to send the decision; nothing was done. The operator has to set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.
        [🖥️ Pending machines]
        No machine waits for a decision.
        ⚠️ Signalbox does not know where to send the decision; nothing was done. The operator has to set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_list_that_hangs_is_asked_for_once_and_not_at_every_key() {
    run(async |town| {
        let source = town.column("SELECT id::text FROM source WHERE kind = 'xtsystems'").await[0].parse().unwrap();
        town.xt.mode(Mode::timeout_ms(60_000));
        let asked = || town.xt.calls().iter().filter(|call| call.path.contains("priorit")).count();
        let before = asked();
        for _key in 0..5 {
            let offered = signalbox::ticket::lists::offered(&town.app.ports, source, ListKind::Priority);
            let offered = tokio::time::timeout(std::time::Duration::from_secs(3), offered).await;
            assert_eq!(offered.expect("before Discord gives up").unwrap(), []);
        }
        assert_eq!(asked() - before, 1);
        town.xt.mode(Mode::ok());
        insta::assert_snapshot!(command(town, "admin", "ticket create", new_ticket()).await, @"Nothing was done: XTSystems can't be asked: it did not give this list a moment ago. Try again in a minute.");
        town.advance(TimeDelta::minutes(1)).await;
        let list = signalbox::ticket::lists::offered(&town.app.ports, source, ListKind::Priority).await.unwrap();
        assert!(!list.is_empty());
    })
    .await;
}
