//! `signalbox xtsystems webhooks`: the tables an operator reads, and the JSON that programs do.

use serde_json::{Value, json};

use crate::support::outside::Outside;
use crate::support::program::End;
use crate::support::terminal::Terminal;

const SECRET: &str = "a-secret-of-the-operator";

async fn webhooks(outside: &Outside, arguments: &[&str]) -> End {
    let all: Vec<&str> = ["xtsystems", "webhooks"].iter().chain(arguments).copied().collect();
    let end = outside.signalbox(&all, &[("WEBHOOK_SECRET", SECRET)]).await;
    assert!(!end.out.contains(SECRET) && !end.out.contains(outside.xt.api_key()), "{}", end.out);
    end
}

#[tokio::test]
async fn they_are_listed_registered_and_deleted() {
    let outside = Outside::start().await;
    let none = webhooks(&outside, &["list"]).await;
    insta::assert_snapshot!(outside.plain(&none.out), @"No webhook is registered there yet. Register ours with: signalbox setup xtsystems");
    let chosen = webhooks(&outside, &["register", "--events", "ticket.created,alert_triggered"]).await;
    insta::assert_snapshot!(outside.plain(&chosen.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; no webhook is registered there yet
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      ✓ Secret       set as WEBHOOK_SECRET
      + Webhook      created, for ticket.created, alert.triggered
    ");
    // Without --events it keeps what was chosen.
    let again = webhooks(&outside, &["register"]).await;
    insta::assert_snapshot!(outside.plain(&again.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; 1 webhook is registered there
      ✓ Public URL   http://127.0.0.1:PORT/webhooks/xtsystems
      ✓ Secret       set as WEBHOOK_SECRET
      ✓ Webhook      registered for ticket.created, alert.triggered; its secret was sent again
    ");
    assert_eq!(outside.xt.webhooks()[0].events, ["ticket.created", "alert.triggered"]);
    let listed = webhooks(&outside, &["list"]).await;
    insta::assert_snapshot!(outside.plain(&listed.out), @"
       NAME       STATE   EVENTS  URL                                        ID
    *  Signalbox  active  2       http://127.0.0.1:PORT/webhooks/xtsystems  WEBHOOK-1
    ");
    let listed: Value = serde_json::from_str(&webhooks(&outside, &["list", "--json"]).await.out).unwrap();
    let keys: Vec<&String> = listed[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["active", "created_at", "events", "id", "name", "ours", "updated_at", "url"]);
    assert_eq!((&listed[0]["ours"], &listed[0]["name"]), (&json!(true), &json!("Signalbox")));

    let refused = webhooks(&outside, &["delete"]).await;
    assert_eq!((refused.code, outside.xt.webhooks().len()), (Some(1), 1));
    insta::assert_snapshot!(outside.plain(&refused.err), @r#"signalbox: this deletes "Signalbox" (http://127.0.0.1:PORT/webhooks/xtsystems): say --yes"#);
    let deleted = webhooks(&outside, &["delete", "--yes"]).await;
    insta::assert_snapshot!(outside.plain(&deleted.out), @r#"Deleted "Signalbox" (http://127.0.0.1:PORT/webhooks/xtsystems)."#);
    assert_eq!((deleted.code, outside.xt.webhooks().len()), (Some(0), 0));
    let gone = webhooks(&outside, &["delete", "--yes"]).await;
    insta::assert_snapshot!(gone.err, @"signalbox: our webhook is not registered; signalbox setup xtsystems registers it");
}

#[tokio::test]
async fn a_person_is_asked_before_one_is_deleted() {
    let outside = Outside::registered(SECRET).await;
    for (answer, left) in [("", 1), ("y", 0)] {
        let arguments = ["xtsystems", "webhooks", "delete"];
        let mut terminal = Terminal::start(&outside.directory.0, &arguments, &outside.env(&[]));
        terminal.answer("forgets what it sent [y/N]: ", answer).await;
        let (code, screen) = terminal.ends().await;
        assert_eq!((code, outside.xt.webhooks().len()), (Some(0), left), "{screen}");
    }
}

#[tokio::test]
async fn a_test_shows_the_round_trip_or_why_there_is_none() {
    let outside = Outside::registered(SECRET).await;
    let works = webhooks(&outside, &["test"]).await;
    insta::assert_snapshot!(outside.plain(&works.out), @"
    XTSystems
      ✓ Address      XT answers: ok
      ✓ Key          accepted; 1 webhook is registered there
      ✓ Intake       listens on 127.0.0.1:PORT until this is done
      ✓ Test         the test delivery arrived after N ms, and its signature is valid
    ");
    assert_eq!(works.code, Some(0));
    let other =
        outside.signalbox(&["xtsystems", "webhooks", "test"], &[("WEBHOOK_SECRET", "another-secret-here")]).await;
    let out = outside.plain(&other.out);
    assert!(out.contains("  ✗"), "{out}");
    insta::assert_snapshot!(&out[out.find("  ✗").unwrap()..], @"
    ✗ Test         the test delivery was refused. The signature does not match the request under any live secret.
                   → Give XTSystems our secret: signalbox setup xtsystems, or /register-webhook in Discord
    ");
    assert_eq!(other.code, Some(1));
    let steps: Value = serde_json::from_str(&webhooks(&outside, &["test", "--json"]).await.out).unwrap();
    assert_eq!(steps.as_array().unwrap().last().unwrap()["outcome"], "fine");
}

#[tokio::test]
async fn deliveries_show_what_is_not_here() {
    let outside = Outside::registered(SECRET).await;
    assert_eq!(webhooks(&outside, &["test"]).await.code, Some(0));
    outside.xt.trigger_offline("ticket.created", json!({ "id": "t1", "title": "Lost while the bot was away" })).await;
    let all = webhooks(&outside, &["deliveries"]).await;
    insta::assert_snapshot!(without_ages(&outside.plain(&all.out)), @"
    SENT     EVENT           STATUS     TRIES  HERE  ID
    N s ago  ticket.created  no answer  3      no    DELIVERY-2
    N s ago  webhook.test    202        1      yes   DELIVERY-1

    1 of 2 not here. A running Signalbox fetches what failed in the last 7 days by itself, every 10 minutes and at its start.
    ");
    let missing = webhooks(&outside, &["deliveries", "--missing"]).await;
    insta::assert_snapshot!(without_ages(&outside.plain(&missing.out)), @"
    SENT     EVENT           STATUS     TRIES  HERE  ID
    N s ago  ticket.created  no answer  3      no    DELIVERY-2

    1 of 2 not here. A running Signalbox fetches what failed in the last 7 days by itself, every 10 minutes and at its start.
    ");
    let missing: Value =
        serde_json::from_str(&webhooks(&outside, &["deliveries", "--missing", "--json"]).await.out).unwrap();
    assert_eq!(missing.as_array().unwrap().len(), 1);
    let keys: Vec<&String> = missing[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["attempts", "created_at", "delivered_at", "event_type", "here", "id", "response_status"]);
    assert_eq!((&missing[0]["here"], &missing[0]["response_status"]), (&json!(false), &json!(0)));

    // The bot fetches it at its start.
    let bot = outside.bot(&[("WEBHOOK_SECRET", SECRET)]).await;
    let tickets = outside.discord.channel_id("tickets");
    for _ in 0..1000 {
        if !outside.discord.messages(tickets).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    insta::assert_snapshot!(webhooks(&outside, &["deliveries", "--missing"]).await.out, @"Nothing is missing.");
    bot.kill();
}

#[tokio::test]
async fn without_the_database_the_table_is_shown_all_the_same() {
    let outside = Outside::registered(SECRET).await;
    outside.xt.trigger_offline("ticket.created", json!({ "id": "t1", "title": "Lost" })).await;
    let away = [("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")];
    let end = outside.signalbox(&["xtsystems", "webhooks", "deliveries"], &away).await;
    assert!(end.err.starts_with("Whether they are here cannot be told: the database cannot be reached"), "{}", end.err);
    assert!(end.out.contains("no answer  3      ?"), "{}", end.out);
}

#[tokio::test]
async fn what_is_missing_in_the_settings_is_said() {
    let outside = Outside::start().await;
    let end = outside.signalbox(&["xtsystems", "webhooks", "list"], &[("XTSYSTEMS_API_KEY", "")]).await;
    assert_eq!(end.code, Some(1));
    insta::assert_snapshot!(end.err, @"signalbox: XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY are not set; signalbox setup asks for them");
}

/// `3 s ago` and `12 s ago` read the same.
fn without_ages(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" s ago") {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => format!("N s ago  {}", rest.trim_start()),
        _ => line.to_owned(),
    });
    lines.map(|line| line.trim_end().to_owned() + "\n").collect()
}
