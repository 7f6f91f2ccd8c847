//! Other systems that are told what happens here: signed, repeated until they have it, and given up when they don't.

use crate::support::api::{any_key, ask, key};
use crate::support::listener::Listener;
use crate::support::machines;
use crate::support::town::{Setup, Town, run, run_with};
use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::upstream::xtsystems::{Auth, NewWebhook, WebhookUpdate, XtSystemsClient};

/// Without leave nothing on this machine is reached.
async fn in_town(test: impl AsyncFnOnce(&mut Town)) {
    run_with(Setup { env: vec![("OUTBOUND_ALLOWED_NETWORKS", "127.0.0.0/8".into())], ..Setup::default() }, test).await;
}

/// A system that is told these things; the key, the id and the secret.
async fn subscribed(town: &Town, listener: &Listener, events: &[&str]) -> (String, String, String) {
    let key = any_key(town).await;
    let wanted = json!({ "name": "tools", "url": listener.url, "events": events });
    let made = ask(town, &key, "POST /webhooks").json(&wanted).send().await;
    assert_eq!(made.status, 201, "{}", made.text);
    let text = |name: &str| made.json[name].as_str().unwrap().to_owned();
    (key, text("id"), text("secret"))
}

fn line(heard: &Value) -> String {
    let data = &heard["data"];
    format!(
        "{} {} {} {}",
        heard["type"].as_str().unwrap(),
        data["title"].as_str().unwrap_or("-"),
        data["state"],
        data["verb"]
    )
}

#[tokio::test]
async fn an_approval_is_told_from_beginning_to_end() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (_, _, secret) = subscribed(town, &listener, &["*"]).await;
        let (_, buttons) = machines::requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        town.see("machines");
        let heard = listener.heard();
        assert!(heard.iter().all(|one| one.is_signed_with(&secret)), "by the reference library");
        let mut ids: Vec<String> = heard.iter().map(|one| one.header("webhook-id")).collect();
        ids.dedup();
        assert_eq!(ids.len(), heard.len());
        let mut lines: Vec<String> = heard.iter().map(|one| line(&one.json())).collect();
        // The clock of the town stands still: what is told of one instant comes in any order.
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        approval.confirmed web-07 "confirmed" "approve"
        approval.decided web-07 "deciding" "approve"
        approval.opened web-07 "requested" null
        "#);
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_upstream() {
    in_town(async |town| {
        let listener = Listener::start().await;
        subscribed(town, &listener, &["approval.refused"]).await;
        machines::refused(town).await;
        assert_eq!(listener.types(), ["approval.refused"]);
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_message_that_discord_refuses_is_told() {
    in_town(async |town| {
        let listener = Listener::start().await;
        subscribed(town, &listener, &["delivery.dead", "destination.disabled"]).await;
        town.fault("create_message", "status:400", 1);
        town.send("alert.triggered", json!({ "alert_type": "disk", "message": "full" })).await;
        assert_eq!(listener.types(), ["delivery.dead"]);
    })
    .await;
}

#[tokio::test]
async fn it_is_repeated_by_the_schedule_under_the_same_id() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (key, id, secret) = subscribed(town, &listener, &["approval.opened"]).await;
        listener.answer(503, "not now");
        machines::requested(town).await;
        town.see("machines");
        town.advance(TimeDelta::seconds(7)).await;
        listener.answer(200, "thanks");
        town.advance(TimeDelta::seconds(40)).await;
        town.advance(TimeDelta::minutes(10)).await;
        let heard = listener.heard();
        assert_eq!(heard.len(), 3);
        assert!(heard.iter().all(|one| one.header("webhook-id") == heard[0].header("webhook-id")));
        assert!(heard.iter().all(|one| one.body == heard[0].body && one.is_signed_with(&secret)));
        let log = ask(town, &key, &format!("GET /webhooks/{id}/deliveries")).send().await;
        let entry = &log.json["items"][0];
        let said = (&entry["state"], &entry["attempts"], &entry["response_status"], &entry["response_body"]);
        assert_eq!(said, (&json!("delivered"), &json!(3), &json!(200), &json!("thanks")));
        assert_eq!(entry["id"], heard[0].header("webhook-id"));
        assert_eq!(town.count("SELECT count(*) FROM outbound_attempt").await, 3);
    })
    .await;
}

#[tokio::test]
async fn who_never_answers_is_switched_off_and_the_admins_are_told() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (key, id, _) = subscribed(town, &listener, &["approval.opened"]).await;
        listener.answer(500, "broken");
        for n in 0..5 {
            town.machine(&format!("web-{n}")).await;
        }
        for hours in [1, 1, 1, 1, 2, 8] {
            town.advance(TimeDelta::hours(hours)).await;
            town.see("machines");
        }
        let shown = ask(town, &key, &format!("GET /webhooks/{id}")).send().await;
        assert_eq!((&shown.json["active"], &shown.json["failures"]), (&json!(false), &json!(5)));
        let words = town.see("ops");
        insta::assert_snapshot!(words, @"
        [⚠️ Signalbox]
        The outbound webhook tools is switched off: 5 messages in a row could not be delivered; the last answer: 500.
        -- Signalbox · signalbox.notice
        ");
        let before = listener.heard().len();
        assert_eq!(before, 35, "seven attempts each");
        town.machine("web-9").await;
        assert!(listener.heard().is_empty(), "nothing more is sent");
        let again = ask(town, &key, &format!("PUT /webhooks/{id}")).json(&json!({ "active": true })).send().await;
        assert_eq!((&again.json["active"], &again.json["failures"]), (&json!(true), &json!(0)));
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_system_that_is_gone_for_good_is_asked_once() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (key, id, _) = subscribed(town, &listener, &["approval.opened"]).await;
        listener.answer(410, "");
        let queued = ask(town, &key, &format!("POST /webhooks/{id}/test")).send().await;
        assert_eq!(queued.status, 202);
        town.settle().await;
        assert_eq!(listener.types(), ["webhook.test"]);
        let shown = ask(town, &key, &format!("GET /webhooks/{id}")).send().await;
        assert_eq!(shown.json["disabled_because"], "the other system says that nobody listens there any more (410)");
        assert!(town.see("ops").contains("The outbound webhook tools is switched off"));
    })
    .await;
}

#[tokio::test]
async fn a_new_secret_and_the_one_before_it_sign_together_for_a_day() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (key, id, first) = subscribed(town, &listener, &["approval.opened"]).await;
        let rotated = ask(town, &key, &format!("POST /webhooks/{id}/rotate-secret")).send().await;
        let second = rotated.json["secret"].as_str().unwrap().to_owned();
        let test = async || {
            ask(town, &key, &format!("POST /webhooks/{id}/test")).send().await;
            town.settle().await;
            listener.heard().remove(0)
        };
        let both = test().await;
        assert!(both.is_signed_with(&first) && both.is_signed_with(&second));
        town.advance(TimeDelta::hours(25)).await;
        let one = test().await;
        assert!(!one.is_signed_with(&first) && one.is_signed_with(&second));
        let stored = town.column("SELECT value FROM setting WHERE key LIKE 'outbound.%'").await;
        assert!(stored.len() == 2 && stored.iter().all(|value| value.starts_with("enc:v1:")));
    })
    .await;
}

#[tokio::test]
async fn addresses_of_this_machine_are_refused_without_leave() {
    run(async |town| {
        let listener = Listener::start().await;
        let key = any_key(town).await;
        let mut answers = String::new();
        for url in [listener.url.as_str(), "https://127.0.0.1/hook", "https://user:pw@example.org/", "ftp://example.org", "nonsense"] {
            let wanted = json!({ "name": "tools", "url": url, "events": ["*"] });
            let refused = ask(town, &key, "POST /webhooks").json(&wanted).send().await;
            answers.push_str(&format!("{} {}\n", refused.status, refused.json["errors"][0]["message"].as_str().unwrap()));
        }
        insta::assert_snapshot!(answers, @"
        400 cannot be used: the address has to begin with https://
        400 cannot be used: 127.0.0.1 leads to this machine or its network; nothing is sent there
        400 cannot be used: the address may not hold a user name or password
        400 cannot be used: the address has to begin with https://
        400 should be an address such as https://example.org/hook
        ");
        // A name is judged where it leads to, when it is used.
        let wanted = json!({ "name": "tools", "url": listener.url.replace("http://127.0.0.1", "https://localhost"), "events": ["*"] });
        let made = ask(town, &key, "POST /webhooks").json(&wanted).send().await;
        let id = made.json["id"].as_str().unwrap().to_owned();
        ask(town, &key, &format!("POST /webhooks/{id}/test")).send().await;
        town.settle().await;
        assert!(listener.heard().is_empty());
        let log = ask(town, &key, &format!("GET /webhooks/{id}/deliveries")).send().await;
        assert_eq!(log.json["items"][0]["response_body"], "localhost leads to this machine or its network; nothing is sent there");
    })
    .await;
}

/// Another process is in the middle of a delivery.
#[tokio::test]
async fn a_system_is_told_one_thing_at_a_time() {
    in_town(async |town| {
        let listener = Listener::start().await;
        subscribed(town, &listener, &["approval.opened"]).await;
        listener.answer(503, "not now");
        town.machine("web-1").await;
        assert_eq!(listener.heard().len(), 1);
        listener.answer(200, "");
        town.execute(
            "UPDATE outbound_delivery SET lease_token = gen_random_uuid(), leased_until = not_before + interval '15 s'",
        )
        .await;
        town.machine("web-2").await;
        assert!(listener.heard().is_empty(), "the first is still under way");
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(listener.types(), ["approval.opened", "approval.opened"]);
        town.see("machines");
    })
    .await;
}

/// A client of XTSystems' own webhooks needs nothing but another address.
#[tokio::test]
async fn a_client_of_xtsystems_can_use_them() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let base = format!("http://{}/api", town.app.address).parse().unwrap();
        let client = XtSystemsClient::new(base, any_key(town).await.into(), Auth::Bearer).unwrap();
        let secret = "a-secret-of-somebodys-own";
        let mut new = NewWebhook::new("Tools", &listener.url, vec!["approval.opened".into()], secret.into());
        new.headers.insert("Authorization".into(), "Bearer let-me-in".into());
        new.company_id = Some("c-1".into());
        let made = client.create_webhook(&new).await.unwrap();
        assert_eq!(client.list_webhooks().await.unwrap(), std::slice::from_ref(&made));
        let other = Some("another-secret-of-theirs".to_owned().into());
        let update = WebhookUpdate { name: Some("Desk".into()), secret: other, ..WebhookUpdate::default() };
        assert_eq!(client.update_webhook(&made.id, &update).await.unwrap().name, "Desk");
        assert!(client.test_webhook(&made.id).await.unwrap());
        town.settle().await;
        let heard = listener.heard().remove(0);
        assert_eq!(heard.header("authorization"), "Bearer let-me-in");
        assert_eq!(heard.header("webhook-signature").split(' ').count(), 2, "both secrets sign");
        let log = client.list_deliveries(&made.id, 50).await.unwrap();
        assert_eq!((log.len(), log[0].was_accepted(), log[0].webhook_id.as_ref()), (1, true, Some(&made.id)));
        let stored = town.column("SELECT value FROM setting WHERE key LIKE 'outbound.%'").await;
        assert!(stored.len() == 3 && stored.iter().all(|value| value.starts_with("enc:v1:")));
        client.delete_webhook(&made.id).await.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM setting WHERE key LIKE 'outbound.%'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn headers_that_say_what_a_message_is_are_nobody_elses() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let key = any_key(town).await;
        let mut told = Vec::new();
        for (name, value) in
            [("Content-Length", "1"), ("webhook-signature", "x"), ("X Y", "1"), ("X-Y", "a\r\nHost: b")]
        {
            let wanted = json!({ "name": "tools", "url": listener.url, "events": ["*"], "headers": { name: value } });
            let refused = ask(town, &key, "POST /webhooks").json(&wanted).send().await;
            told.push(format!("{} {}", refused.status, refused.json["errors"][0]["message"].as_str().unwrap()));
        }
        insta::assert_snapshot!(told.join("\n"), @r#"
        400 Content-Length is set by Signalbox itself
        400 webhook-signature is set by Signalbox itself
        400 "X Y" is not the name of a header
        400 the value of X-Y should be at most 1000 ASCII characters
        "#);
    })
    .await;
}

#[tokio::test]
async fn what_can_be_asked_of_the_interface() {
    in_town(async |town| {
        let listener = Listener::start().await;
        let (key_all, id, secret) = subscribed(town, &listener, &["approval.opened"]).await;
        let shown = ask(town, &key_all, &format!("GET /webhooks/{id}")).send().await;
        assert!(!shown.text.contains(&secret), "a secret is shown once");
        let tag = shown.headers["etag"].clone();
        let put = async |tag: &str, body: Value| {
            ask(town, &key_all, &format!("PUT /webhooks/{id}")).header("if-match", tag).json(&body).send().await
        };
        assert_eq!(put(&tag, json!({ "name": "other" })).await.status, 200);
        assert_eq!(put(&tag, json!({ "name": "third" })).await.status, 412);
        let odd = put("*", json!({ "events": ["approval.opened", "lunch"] })).await;
        assert_eq!((odd.status, &odd.json["errors"][0]["field"]), (400, &json!("events")));
        let twice = json!({ "name": "other", "url": listener.url, "events": ["*"] });
        let taken = ask(town, &key_all, "POST /webhooks").json(&twice).send().await;
        assert_eq!(taken.json["errors"][0]["message"], "is the name of another webhook");
        let listed = ask(town, &key_all, "GET /webhooks").send().await;
        assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
        let reader = key(town, &["webhooks:read"]).await;
        assert_eq!(ask(town, &reader, &format!("DELETE /webhooks/{id}")).send().await.status, 403);
        assert_eq!(ask(town, &key_all, &format!("DELETE /webhooks/{id}")).send().await.status, 204);
        assert_eq!(ask(town, &key_all, &format!("GET /webhooks/{id}")).send().await.status, 404);
        assert_eq!(town.count("SELECT count(*) FROM setting WHERE key LIKE 'outbound.%'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn many_who_claim_at_once_tell_a_system_one_thing_at_a_time() {
    in_town(async |town| {
        let listener = Listener::start().await;
        subscribed(town, &listener, &["*"]).await;
        listener.answer(503, "not now");
        town.machine("web-07").await;
        town.machine("web-08").await;
        town.see("machines");
        town.execute("UPDATE outbound_delivery SET leased_until = NULL, not_before = '2020-01-01'").await;
        assert_eq!(town.count("SELECT count(*) FROM outbound_delivery WHERE state = 'pending'").await, 2);
        let (store, now) = (town.store(), town.clock.now());
        let claims = (0..16).map(|_| store.claim_outbound(uuid::Uuid::new_v4(), now, now + TimeDelta::minutes(1), 10));
        let claimed = futures_util::future::join_all(claims).await;
        assert_eq!(claimed.into_iter().map(|claim| claim.unwrap().len()).sum::<usize>(), 1);
    })
    .await;
}
