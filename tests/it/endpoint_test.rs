//! Interactions by HTTP: the same handlers answer, nobody else is believed, and nothing is handled twice.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::machines::{audit, calls, heard, requested, state, status};
use crate::support::tickets::{choose, opened, upstream};
use crate::support::town::{Setup, Town, run_with, show, told};

/// No gateway session at all.
fn alone() -> Setup {
    Setup { by_http: true, env: vec![("DISCORD_GATEWAY", "off".to_owned())], ..Setup::default() }
}

/// Sessions as well; Discord sends interactions by HTTP alone.
fn beside_the_gateway() -> Setup {
    Setup { by_http: true, ..Setup::default() }
}

async fn a_press_and_a_form_decide(town: &mut Town) {
    let (_, buttons) = requested(town).await;
    assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.approve).await), "");
    assert_eq!(calls(town), ["approve 200"]);
    // By several tests: where they share a process, it is asserted several times.
    insta::allow_duplicates! {
        insta::assert_snapshot!(town.see("machines"), @"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    }
    town.advance(TimeDelta::seconds(1)).await;
    town.machine("web-08").await;
    let form = town.press("approver", "machines", "Deny").await;
    let id = form["modal"]["custom_id"].as_str().unwrap_or_else(|| panic!("{form}"));
    assert_eq!(told(&town.submit("approver", id, json!({ "reason": "not one of ours" })).await), "");
    assert_eq!(state(town).await, "confirmed approve, confirmed deny");
}

#[tokio::test]
async fn without_a_session() {
    run_with(alone(), async |town| {
        assert_eq!(town.discord.log_ins(), 0);
        a_press_and_a_form_decide(town).await;
        insta::assert_snapshot!(audit(town).await, @"
        requested
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        requested
        form_opened deny by approver
        decided deny not one of ours by approver
        confirmed deny  by approver
        ");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn beside_a_session() {
    run_with(beside_the_gateway(), async |town| {
        assert_eq!(town.discord.connected_sessions(), 1);
        a_press_and_a_form_decide(town).await;
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn commands_are_answered_and_refusals_told() {
    run_with(alone(), async |town| {
        let about = town.command("admin", "about", json!({})).await;
        assert!(about["response"]["data"]["embeds"][0].is_object(), "{about}");
        let status = town.command("admin", "webhook-status", json!({})).await;
        assert!(status.get("failed").is_none() && show(&status["message"]).contains("XTSystems"), "{status}");
        // Answered in two steps: the second goes to a webhook of the application.
        let registered = town.command("admin", "register-webhook", json!({})).await;
        assert!(show(&registered["message"]).contains("XTSystems is connected"), "{registered}");
        let (_, buttons) = requested(town).await;
        let outcome = town.press_id("member", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &outcome), @"Only members with <@&Approver> may decide this.");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn selects_and_suggestions_are_answered() {
    run_with(alone(), async |town| {
        opened(town).await;
        assert_eq!(choose(town, "admin", "status", "In Progress").await, "");
        assert_eq!(upstream(town).status, "In Progress");
        let typed = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": "ticket show",
            "options": { "ticket": "print" } });
        let outcome = town.discord.act(typed).await;
        let offered = outcome["choices"][0]["name"].as_str().unwrap_or_else(|| panic!("{outcome}"));
        assert!(offered.contains("Printer on floor 2"), "{offered}");
        town.see("tickets");
    })
    .await;
}

#[tokio::test]
async fn a_command_after_a_restart_needs_no_session() {
    run_with(alone(), async |town| {
        town.restart().await;
        let about = town.command("admin", "about", json!({})).await;
        assert!(about["acknowledged_ms"].is_u64(), "{about}");
    })
    .await;
}

/// Posts to the endpoint; the status and the text of the answer.
async fn post(town: &Town, signature: &str, timestamp: &str, body: &str) -> (u16, String) {
    let url = format!("http://{}/interactions", town.app.address);
    let request =
        town.http.post(url).header("x-signature-ed25519", signature).header("x-signature-timestamp", timestamp);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn only_what_discord_signed_now_is_believed() {
    run_with(alone(), async |town| {
        let (_, buttons) = requested(town).await;
        let now = town.clock.now().timestamp();
        let forged = json!({ "type": 3, "data": { "custom_id": buttons.approve } }).to_string();
        let ping = r#"{"type":1}"#;
        let at = |seconds: i64| (now + seconds).to_string();
        let signed = |seconds: i64, body: &str| town.discord.sign(&at(seconds), body);
        assert_eq!(post(town, &signed(0, ping), &at(0), ping).await, (200, r#"{"type":1}"#.to_owned()));
        for (signature, timestamp, body) in [
            (String::new(), at(0), ping),
            ("0".repeat(128), at(0), forged.as_str()),
            (signed(0, ping), at(0), forged.as_str()),
            (signed(0, ping), at(1), ping),
            (signed(-301, ping), at(-301), ping),
            (signed(301, ping), at(301), ping),
            (signed(0, ping), "now".to_owned(), ping),
        ] {
            let refused = (401, "invalid request signature".to_owned());
            assert_eq!(post(town, &signature, &timestamp, body).await, refused, "{timestamp} {body}");
        }
        let nonsense = r#"{"type":3,"id":"1"}"#;
        town.expect_error("an interaction was lost");
        assert_eq!(post(town, &signed(0, nonsense), &at(0), nonsense).await.0, 400);
        let large = format!("{ping}{}", " ".repeat(1_048_576));
        assert_eq!(post(town, &signed(0, &large), &at(0), &large).await.0, 413);
        // However often they come: who answers Discord's own wrong signatures otherwise loses the endpoint.
        for _ in 0..150 {
            assert_eq!(post(town, "", &at(0), ping).await.0, 401);
        }
        assert_eq!(state(town).await, "requested");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn what_somebody_sends_again_does_nothing() {
    run_with(alone(), async |town| {
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(town.discord.replay_interaction().await, Some(202), "signed, and lately");
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        town.advance(TimeDelta::minutes(6)).await;
        assert_eq!(town.discord.replay_interaction().await, Some(401), "signed a while ago");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn delivered_twice_it_is_handled_once() {
    run_with(alone(), async |town| {
        let (_, buttons) = requested(town).await;
        town.fault("interaction", "twice", 1);
        assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.approve).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        town.fault("interaction", "twice", 1);
        town.command("admin", "about", json!({})).await;
        town.settle().await;
        let callbacks = |requests: Vec<Value>| {
            requests.into_iter().filter(|r| r["path"].as_str().unwrap().ends_with("/callback")).count()
        };
        assert_eq!(callbacks(town.discord.requests()), 2, "one for the press, one for the command");
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn the_endpoint_is_closed_without_the_key() {
    let env = vec![("DISCORD_PUBLIC_KEY", String::new())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        let endpoint = format!("http://{}/interactions", town.app.address);
        assert_eq!(town.http.post(&endpoint).send().await.unwrap().status().as_u16(), 404);
        let refused = town.discord.set_interactions_endpoint(Some(&endpoint)).await.unwrap_err();
        assert!(refused.contains("could not be verified"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn discord_down_at_the_start_is_waited_for() {
    run_with(Setup { gateway: false, ..alone() }, async |town| {
        town.fault("commands", "status:503", 1);
        town.connect().await;
        assert_eq!(town.discord.log_ins(), 0);
        let health = town.http.get(format!("http://{}/health", town.app.address)).send().await.unwrap();
        assert_eq!(health.json::<Value>().await.unwrap()["discord"], "connected");
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_ends_the_program_with_a_code_of_its_own() {
    run_with(Setup { gateway: false, ..alone() }, async |town| {
        town.expect_violation("");
        let end = town.program(&["run"], &[("DISCORD_TOKEN", "wrong")]).ends_within(20).await;
        assert_eq!(end.code, Some(77), "{}{}", end.out, end.err);
    })
    .await;
}
