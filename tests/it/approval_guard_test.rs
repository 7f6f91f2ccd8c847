//! Who may press, what a press survives, and what is kept of it.

use crate::support::machines::{
    audit, buttons, calls, deciding, form, freeze_cards, heard, names, requested, second_approver, state, status,
};
use crate::support::servers;
use crate::support::town::{Setup, Town, run, run_with, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Connection as _;

#[tokio::test]
async fn a_member_without_the_role_is_refused_in_private() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        for (who, id) in [("member", &buttons.approve), ("member", &buttons.deny), ("admin", &buttons.approve)] {
            let outcome = town.press_id(who, &buttons.message, id).await;
            assert_eq!(heard(town, &outcome), "Only members with <@&Approver> may decide this.");
            assert_eq!(outcome["ephemeral"], true);
        }
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        press_refused approve not an approver by member
        press_refused deny not an approver by member
        press_refused approve not an approver by admin
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn without_approver_roles_manage_server_decides() {
    let setup = Setup { env: vec![("XTSYSTEMS_APPROVER_ROLES", String::new())], ..Setup::default() };
    run_with(setup, async |town| {
        let (_, buttons) = requested(town).await;
        let refused = town.press_id("approver", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &refused), @"Only members with the Manage Server permission may decide this.");
        assert_eq!(heard(town, &town.press_id("admin", &buttons.message, &buttons.approve).await), "");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@admin> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

/// The bot says something in a channel of another server, with the buttons of this approval.
async fn buttons_in_another_server(town: &Town, custom_id: &str) -> String {
    let guild = town.discord.add_guild("Elsewhere");
    let channel = town.discord.add_channel(guild, "their-ops", 0);
    let body = json!({ "content": "x", "allowed_mentions": { "parse": [] }, "components": [{ "type": 1, "components": [
        { "type": 2, "style": 3, "label": "Approve", "custom_id": custom_id }] }] });
    let url = format!("{}/api/v10/channels/{channel}/messages", town.discord.origin());
    let request = town.http.post(url).header("authorization", format!("Bot {}", town.discord.token())).json(&body);
    let message: Value = request.send().await.unwrap().json().await.unwrap();
    town.messages("their-ops");
    message["id"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[tokio::test]
async fn an_approval_of_another_server_does_not_exist() {
    let setup = Setup { env: vec![("XTSYSTEMS_APPROVER_ROLES", String::new())], ..Setup::default() };
    run_with(setup, async |town| {
        let (_, buttons) = requested(town).await;
        let message = buttons_in_another_server(town, &buttons.approve).await;
        let outcome = town.press_id("admin", &message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &outcome), @"This request is not known in this server. Nothing was done.");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        assert_eq!(town.count("SELECT count(DISTINCT guild_id) FROM audit").await, 2, "it is in that server's log");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_button_of_nobody_is_answered() {
    run(async |town| {
        let message = buttons_in_another_server(town, "v9:something:else").await;
        let outcome = town.press_id("admin", &message, "v9:something:else").await;
        insta::assert_snapshot!(heard(town, &outcome), @"This button is from a version of Signalbox that no longer handles it. Nothing was done.");
    })
    .await;
}

#[tokio::test]
async fn without_a_way_to_xtsystems_nothing_is_decided() {
    let env = vec![("XTSYSTEMS_API_URL", String::new()), ("XTSYSTEMS_API_KEY", String::new())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        let (_, buttons) = requested(town).await;
        let outcome = town.press_id("approver", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &outcome), @"Signalbox does not know where to send the decision; nothing was done. The operator has to set XTSYSTEMS_API_URL and XTSYSTEMS_API_KEY.");
        assert_eq!(state(town).await, "requested");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_press_that_is_delivered_twice_counts_once() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        town.fault("interaction", "twice", 1);
        assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.approve).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_that_is_delivered_twice_is_said_once() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        town.fault("interaction", "twice", 1);
        let outcome = town.press_id("member", &buttons.message, &buttons.approve).await;
        assert_eq!(heard(town, &outcome), "Only members with <@&Approver> may decide this.");
        assert_eq!(town.discord.ephemeral("member")["messages"].as_array().unwrap().len(), 1);
        town.fault("interaction", "twice", 1);
        let pressed = town.press_id("approver", &buttons.message, &buttons.deny).await;
        assert_eq!(pressed["modal"]["title"], "Deny this machine", "the repeat does not take the form away");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_reason_is_shown_as_it_was_typed() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let pressed = town.press_id("approver", &buttons.message, &buttons.deny).await;
        let reason = "# Big\n**bold** @everyone <@&1180000000000000022> [click](https://evil.example) `x` ||y||";
        town.submit("approver", form(&pressed), json!({ "reason": reason })).await;
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Denied]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⛔ Denied by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Reason: \# Big
        \*\*bold\*\* @everyone <@&1180000000000000022\> \[click\](https://evil.example) \`x\` \|\|y\|\|
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        let card = &town.messages("machines")[0];
        assert_eq!((&card["mention_everyone"], &card["mention_roles"]), (&json!(false), &json!([])));
        assert_eq!(town.column("SELECT reason FROM approval").await, [reason]);
    })
    .await;
}

#[tokio::test]
async fn a_reason_has_to_be_given() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let pressed = town.press_id("approver", &buttons.message, &buttons.deny).await;
        let input = &pressed["modal"]["components"][0]["components"][0];
        assert_eq!(
            (&input["min_length"], &input["max_length"], &input["required"]),
            (&json!(1), &json!(500), &json!(true))
        );
        let outcome =
            town.submit("approver", form(&pressed), json!({ "reason": "   " })).await;
        insta::assert_snapshot!(heard(town, &outcome), @"This decision needs a reason; nothing was done. Press again and give one.");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        status(town);
    })
    .await;
}

#[tokio::test]
async fn buttons_work_after_a_restart() {
    let mut first = Town::start(Setup::default()).await;
    let (_, buttons) = requested(&first).await;
    first.restart().await;
    assert_eq!(heard(&first, &first.press_id("approver", &buttons.message, &buttons.approve).await), "");
    assert_eq!(calls(&first), ["approve 200"]);
    insta::assert_snapshot!(status(&first), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    first.finish().await;
}

#[tokio::test]
async fn a_decision_is_carried_out_after_a_restart() {
    let mut town = Town::start(Setup::default()).await;
    deciding(&town).await;
    town.restart().await;
    town.settle().await;
    assert_eq!(calls(&town), ["approve 200"]);
    insta::assert_snapshot!(status(&town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    town.finish().await;
}

#[tokio::test]
async fn two_bots_call_once() {
    run(async |town| {
        deciding(town).await;
        let (other, lifecycle) = town.another_bot().await;
        let (here, there) = tokio::join!(town.app.step(), other.step());
        here.unwrap();
        there.unwrap();
        lifecycle.stop();
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_slow_database_is_acknowledged_in_time() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let mut slow = sqlx::PgConnection::connect(&town.database_url).await.unwrap();
        sqlx::query("BEGIN").execute(&mut slow).await.unwrap();
        sqlx::query("SELECT 1 FROM approval FOR UPDATE").execute(&mut slow).await.unwrap();
        let outcome = town.only_press("approver", &buttons.message, &buttons.approve).await;
        assert!(outcome["acknowledged_ms"].as_u64().is_some_and(|ms| ms < 3000), "{outcome}");
        assert_eq!(state(town).await, "requested", "not yet");
        sqlx::query("COMMIT").execute(&mut slow).await.unwrap();
        while state(town).await == "requested" {
            tokio::task::yield_now().await;
        }
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn a_form_that_comes_too_late_asks_to_press_again() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let mut slow = sqlx::PgConnection::connect(&town.database_url).await.unwrap();
        sqlx::query("BEGIN").execute(&mut slow).await.unwrap();
        sqlx::query("SELECT 1 FROM approval FOR UPDATE").execute(&mut slow).await.unwrap();
        let outcome = town.only_press("approver", &buttons.message, &buttons.deny).await;
        assert!(outcome["acknowledged_ms"].as_u64().is_some_and(|ms| ms < 3000), "{outcome}");
        sqlx::query("COMMIT").execute(&mut slow).await.unwrap();
        let told = || town.discord.ephemeral("approver")["messages"][0]["content"].as_str().map(str::to_owned);
        town.until("the presser is told", || told().is_some()).await;
        insta::assert_snapshot!(told().unwrap(), @"That took too long to open the form. Please press the button again.");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_stopped_database_is_told_with_a_reference_and_nothing_is_lost() {
    let mut postgres = tokio::task::spawn_blocking(servers::private_postgres).await.unwrap();
    let setup = Setup { database_url: Some(postgres.url.clone()), ..Setup::default() };
    run_with(setup, async |town| {
        let (_, buttons) = requested(town).await;
        postgres.stop();
        let outcome = town.only_press("approver", &buttons.message, &buttons.approve).await;
        assert!(outcome["acknowledged_ms"].as_u64().is_some_and(|ms| ms < 3000), "{outcome}");
        let said = || town.discord.ephemeral("approver")["messages"][0]["content"].as_str().map(str::to_owned);
        town.until("the presser is told", || said().is_some()).await;
        let said = said().unwrap();
        let (words, reference) = said.split_once("Ref `").unwrap();
        insta::assert_snapshot!(words, @"Signalbox cannot reach its database at the moment; nothing was done. Try again in a minute.");
        assert!(reference.len() > 5 && reference.ends_with('`'), "{said}");
        postgres.start();
        town.settle().await;
        assert_eq!(state(town).await, "requested");
        assert_eq!(told(&town.press_id("approver", &buttons.message, &buttons.approve).await), "");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn the_audit_log_is_append_only() {
    run(async |town| {
        let (_, shown) = requested(town).await;
        town.press_id(second_approver(town), &shown.message, &shown.approve).await;
        let mut connection = sqlx::PgConnection::connect(&town.database_url).await.unwrap();
        for statement in ["UPDATE audit SET action = 'nothing'", "DELETE FROM audit", "TRUNCATE audit"] {
            let refused = sqlx::query(statement).execute(&mut connection).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
        }
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by member
        confirmed approve  by member
        echo integration@signal-town.example
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn an_outdated_card_is_mended_before_it_is_pressed_again() {
    run(async |town| {
        requested(town).await;
        freeze_cards(town);
        town.advance(TimeDelta::minutes(1)).await;
        town.machine("web-07").await;
        let old = buttons(town);
        let outcome = town.press_id("approver", &old.message, &old.approve).await;
        assert!(heard(town, &outcome).contains("newer request"));
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(30)).await;
        assert_ne!(buttons(town).approve, old.approve);
        assert!(names(town, &town.see("machines")).contains("Pending Approval"));
    })
    .await;
}
