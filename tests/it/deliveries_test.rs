//! `/deliveries list|replay`: what became of messages, and what was not delivered once more.

use serde_json::{Value, json};

use crate::support::delivery::{minutes, seconds, ticket};
use crate::support::town::{Town, run, show, told};

impl Town {
    async fn deliveries(&self, options: Value) -> String {
        let outcome = self.command("admin", "deliveries list", options).await;
        let words = show(&outcome["message"]);
        assert!(!words.is_empty(), "{outcome}");
        words.lines().map(|line| line.split(" · [message]").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }
}

#[tokio::test]
async fn what_was_not_delivered_is_listed_counted_and_replayed_once() {
    run(async |town| {
        town.alert("one").await;
        town.fault("create_message", "status:400", 2);
        town.alert("two").await;
        town.send("ticket.created", ticket("1", "open")).await;
        insta::assert_snapshot!(town.deliveries(json!({})).await, @"
        [📬 Deliveries]
        ❌ `#3` `ticket.created` → <#1180000000000000102> · not delivered <+0s>
          ↳ HTTP 400: 400: Bad Request
        ❌ `#2` `alert.triggered` → <#1180000000000000104> · not delivered <+0s>
          ↳ HTTP 400: 400: Bad Request
        ✅ `#1` `alert.triggered` → <#1180000000000000104> · delivered <+0s>
        ");
        insta::assert_snapshot!(town.deliveries(json!({ "state": "not delivered", "type": "alert.triggered" })).await, @"
        [📬 Deliveries]
        ❌ `#2` `alert.triggered` → <#1180000000000000104> · not delivered <+0s>
          ↳ HTTP 400: 400: Bad Request
        ");
        let asked = town.command("admin", "deliveries replay", json!({ "since": "1h" })).await;
        insta::assert_snapshot!(show(&asked["message"]), @"
        2 messages were not delivered since <+-3600s> and can be replayed.
        (Replay 2)
        ");
        let message = asked["message"]["id"].as_str().unwrap().to_owned();
        let custom_id = asked["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        assert_eq!(told(&town.press_id("admin", &message, &custom_id).await), "✅ 2 messages were queued again.");
        assert_eq!(town.lines("alerts"), "one\ntwo");
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]");
        // Somebody pressed twice, or before the message was changed.
        let again = town.command("admin", "deliveries replay", json!({ "since": "1h" })).await;
        assert_eq!(told(&again), "Nothing is there to be replayed.");
    })
    .await;
}

#[tokio::test]
async fn a_second_press_does_nothing_even_when_it_failed_again() {
    run(async |town| {
        town.fault("create_message", "status:400", 2);
        town.alert("one").await;
        let asked = town.command("admin", "deliveries replay", json!({})).await;
        let message = asked["message"]["id"].as_str().unwrap().to_owned();
        let custom_id = asked["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
        town.advance(seconds(1)).await;
        let (first, second) = tokio::join!(
            town.only_press("admin", &message, &custom_id),
            town.only_press("admin", &message, &custom_id)
        );
        town.settle().await;
        let said = |outcome: &Value| outcome["response"]["data"]["content"].as_str().unwrap_or_default().to_owned();
        let mut told = [said(&first), said(&second)];
        told.sort_by_key(|words| !words.starts_with('✅'));
        assert_eq!(told[0], "✅ 1 message was queued again.");
        assert!(told[1].starts_with("Nothing was queued: it was replayed already"), "{told:?}");
        assert_eq!(town.count("SELECT count(*) FROM message WHERE state = 'dead'").await, 1, "it failed again");
        let number = town.count("SELECT id FROM message WHERE state = 'dead'").await;
        let alone = town.command("admin", "deliveries replay", json!({ "message": number })).await;
        assert_eq!(crate::support::town::told(&alone), "✅ 1 message was queued again.");
        town.settle().await;
        assert_eq!(town.lines("alerts"), "one");
    })
    .await;
}

#[tokio::test]
async fn a_card_that_is_shown_by_now_is_not_shown_twice() {
    run(async |town| {
        town.fault("create_message", "status:400", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
        let number = town.count("SELECT id FROM message WHERE state = 'dead'").await;
        let replayed = town.command("admin", "deliveries replay", json!({ "message": number })).await;
        assert!(told(&replayed).starts_with("Nothing was queued"), "{replayed}");
        town.settle().await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]");
    })
    .await;
}

#[tokio::test]
async fn a_message_in_doubt_is_listed_with_its_reason() {
    const READ_MESSAGE_HISTORY: u64 = 1 << 16;
    run(async |town| {
        town.deny("alerts", READ_MESSAGE_HISTORY);
        town.fault("create_message", "accept_then_drop", 1);
        town.alert("one").await;
        town.advance(minutes(2)).await;
        insta::assert_snapshot!(town.deliveries(json!({ "state": "in doubt" })).await, @"
        [📬 Deliveries]
        ❔ `#1` `alert.triggered` → <#1180000000000000104> · in doubt, nobody can tell, since <+0s>
          ↳ Read Message History is missing: nobody can tell whether it arrived
          ↳ Look there: if it has arrived, press Sent; if it has not, Send again.
        (Sent #1) (Send again #1)
        ");
        let number = town.count("SELECT id FROM message").await;
        let why = town.command("admin", "why", json!({ "message": format!("#{number}") })).await;
        let words = show(&why["message"]);
        assert!(words.contains("In doubt, and nobody can tell") && words.contains("Read Message History"), "{words}");
        town.messages("alerts");
    })
    .await;
}

#[tokio::test]
async fn pages_are_turned_by_their_buttons_by_whoever_asked() {
    run(async |town| {
        for n in 0..10 {
            town.alert(&format!("alert {n}")).await;
            town.advance(seconds(3)).await;
        }
        town.messages("alerts");
        let list = town.command("admin", "deliveries list", json!({ "destination": "alerts" })).await;
        let message = &list["message"];
        assert_eq!(show(message).matches("→").count(), 8);
        let buttons = message["components"][0]["components"].as_array().unwrap();
        let older = buttons[1]["custom_id"].as_str().unwrap();
        let turned = town.press_id("admin", message["id"].as_str().unwrap(), older).await;
        let shown = show(&turned["message"]);
        let shown = if shown.is_empty() { show(&turned["response"]["data"]) } else { shown };
        assert_eq!(shown.matches("→").count(), 2, "{turned}");
    })
    .await;
}

/// What a webhook posts into a channel that the bot cannot see.
async fn hidden(town: &Town, mishap: &str) -> u64 {
    let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
    town.route_to_webhook("alert.*", id, &token).await;
    town.deny("stream", 1 << 10);
    town.fault("execute_webhook", mishap, 1);
    town.alert("one").await;
    town.advance(seconds(7)).await;
    town.advance(seconds(12)).await;
    id
}

/// The list's message and the custom id of a button.
fn button(outcome: &Value, label: &str) -> (String, String) {
    let rows = outcome["message"]["components"].as_array().unwrap();
    let mut all = rows.iter().flat_map(|row| row["components"].as_array().unwrap());
    let found = all.find(|button| button["label"] == label).unwrap_or_else(|| panic!("{outcome:#}"));
    (outcome["message"]["id"].as_str().unwrap().to_owned(), found["custom_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_nobody_can_find_out_is_settled_by_whoever_looks() {
    for (mishap, label, begins) in
        [("accept_then_drop", "Sent #1", "one"), ("drop", "Send again #1", "⏰ Late: due <+0s>")]
    {
        run(async |town| {
            let webhook = hidden(town, mishap).await;
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'unresolved'").await, 1);
            let list = town.command("admin", "deliveries list", json!({})).await;
            if mishap == "drop" {
                insta::assert_snapshot!(show(&list["message"]).replace(&webhook.to_string(), "WEBHOOK"), @"
                [📬 Deliveries]
                ❔ `#1` `alert.triggered` → webhook `…/webhooks/WEBHOOK/••••` in <#1180000000000000105> · in doubt, nobody can tell, since <+0s>
                  ↳ Missing Access
                  ↳ Look there: if it has arrived, press Sent; if it has not, Send again.
                (Sent #1) (Send again #1)
                ");
            }
            let (message, id) = button(&list, label);
            let said = told(&town.press_id("admin", &message, &id).await);
            assert!(said.contains(if label == "Sent #1" { "counts as delivered" } else { "is sent again" }), "{said}");
            let again = told(&town.press_id("admin", &message, &id).await);
            assert_eq!(again, "`#1` is settled already; nothing was done. `/deliveries list` has how it stands.");
            assert_eq!(town.count("SELECT count(*) FROM send WHERE state = 'delivered'").await, 1, "{mishap}");
            town.advance(minutes(11)).await;
            let stands = town.lines("stream");
            assert!(stands.starts_with(begins) && stands.ends_with("one"), "{mishap}: {stands}");
            assert_eq!(town.messages("stream").len(), 1);
            let audit = town.column("SELECT detail ->> 'as' FROM audit WHERE action = 'delivery_settled'").await;
            assert_eq!(audit.len(), 1, "once, with who it was");
        })
        .await;
    }
}

#[tokio::test]
async fn a_card_that_somebody_has_seen_is_not_posted_again() {
    run(async |town| {
        let (id, token, _) = town.discord.create_webhook(town.discord.channel_id("stream"), "Relay").unwrap();
        town.route_to_webhook("ticket.*", id, &token).await;
        town.deny("stream", 1 << 10);
        town.fault("execute_webhook", "accept_then_drop", 1);
        town.send("ticket.created", ticket("1", "open")).await;
        town.advance(seconds(20)).await;
        let list = town.command("admin", "deliveries list", json!({ "state": "in doubt" })).await;
        let (message, id) = button(&list, "Sent #1");
        town.press_id("admin", &message, &id).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.advance(minutes(11)).await;
        assert_eq!(town.lines("stream"), "Ticket 1 [Open]", "nobody knows its message, so it stays as it is");
    })
    .await;
}
