//! What the rules ask of whoever presses, and how admins set them.

use crate::support::machines::{self, Buttons, audit, calls, heard, names, requested, state, status};
use crate::support::tickets::linked;
use crate::support::town::{Setup, Town, run, run_with, show};
use chrono::TimeDelta;
use serde_json::{Value, json};

fn with(name: &'static str, value: &str) -> Setup {
    Setup::with(&[(name, value)])
}

/// The labels of the form that a press opens, and its id.
fn form(outcome: &Value) -> (String, String) {
    let rows = outcome["modal"]["components"].as_array().unwrap_or_else(|| panic!("a form: {outcome}"));
    let labels: Vec<&str> = rows.iter().map(|row| row["components"][0]["label"].as_str().unwrap()).collect();
    let title = outcome["modal"]["title"].as_str().unwrap();
    (format!("{title}: {}", labels.join(" / ")), machines::form(outcome).to_owned())
}

async fn press_approve(town: &Town, buttons: &Buttons) -> Value {
    town.press_id("approver", &buttons.message, &buttons.approve).await
}

#[tokio::test]
async fn both_decisions_need_a_reason() {
    run_with(with("APPROVALS_REASON", "both"), async |town| {
        let (_, buttons) = requested(town).await;
        let (asked, id) = form(&press_approve(town, &buttons).await);
        insta::assert_snapshot!(asked, @"Approve this machine: Why is it approved?");
        assert_eq!(calls(town).len(), 0);
        town.submit("approver", &id, json!({ "reason": "ordered in May" })).await;
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(status(town), @"
        ✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>
        Reason: ordered in May
        ");
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>
        Reason: ordered in May
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn no_decision_needs_a_reason() {
    run_with(with("APPROVALS_REASON", "none"), async |town| {
        let (_, buttons) = requested(town).await;
        assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.deny).await), "");
        assert_eq!(calls(town), ["deny 200"]);
        insta::assert_snapshot!(status(town), @"⛔ Denied by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn the_hostname_has_to_be_typed() {
    run_with(with("APPROVALS_CONFIRM_HOSTNAMES", "web-*"), async |town| {
        let (_, buttons) = requested(town).await;
        let (asked, id) = form(&press_approve(town, &buttons).await);
        insta::assert_snapshot!(asked, @"Approve this machine: Type its name to confirm");
        let wrong = town.submit("approver", &id, json!({ "title": "web-08" })).await;
        insta::assert_snapshot!(heard(town, &wrong), @"What you typed is not its name, web-07. Nothing was done.");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        let (_, id) = form(&press_approve(town, &buttons).await);
        assert_eq!(heard(town, &town.submit("approver", &id, json!({ "title": " Web-07 " })).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(audit(town).await, @"
        requested
        form_opened approve by approver
        press_refused approve the name was not typed as it is by approver
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_denial_of_a_marked_machine_asks_for_both() {
    run_with(with("APPROVALS_CONFIRM_HOSTNAMES", "web-*"), async |town| {
        let (_, buttons) = requested(town).await;
        let (asked, id) = form(&town.press_id("approver", &buttons.message, &buttons.deny).await);
        insta::assert_snapshot!(asked, @"Deny this machine: Type its name to confirm / Why is it denied?");
        town.submit("approver", &id, json!({ "title": "web-07", "reason": "no" })).await;
        assert_eq!(calls(town), ["deny 200"]);
        status(town);
    })
    .await;
}

#[tokio::test]
async fn other_machines_need_no_typing() {
    run_with(with("APPROVALS_CONFIRM_HOSTNAMES", "prod-*"), async |town| {
        let (_, buttons) = requested(town).await;
        assert_eq!(heard(town, &press_approve(town, &buttons).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        status(town);
    })
    .await;
}

/// A machine that somebody asked for.
async fn requested_by(town: &Town, who: &str) {
    let data = json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": "10.0.0.7", "operating_system": "Debian 13",
        "status": "pending", "requested_by": who });
    town.send("machine.registered", data).await;
}

#[tokio::test]
async fn who_asked_may_not_approve() {
    let approver = |town: &Town| town.discord.user_id("approver").to_string();
    let namings: [fn(String) -> String; 4] =
        [|id| format!("<@{id}>"), |id| id, |_| "approver".to_owned(), |_| "Abe Approver".to_owned()];
    for naming in namings {
        run_with(with("APPROVALS_REQUESTER_MAY_APPROVE", "false"), async |town| {
            requested_by(town, &naming(approver(town))).await;
            let own = town.press("approver", "machines", "Approve").await;
            insta::allow_duplicates! {
                insta::assert_snapshot!(heard(town, &own), @"You asked for this yourself, so others have to approve it. Nothing was done.");
            }
            assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
            let other = machines::second_approver(town);
            assert_eq!(heard(town, &town.press(other, "machines", "Approve").await), "");
            assert_eq!(calls(town), ["approve 200"]);
            status(town);
        })
        .await;
    }
}

/// XTSystems names whoever asked by its own user, whom we know by the link.
#[tokio::test]
async fn who_asked_as_a_linked_user_may_not_approve() {
    run_with(with("APPROVALS_REQUESTER_MAY_APPROVE", "false"), async |town| {
        let ada = linked(town, "approver", "ada").await;
        for named in [ada.as_str(), "Ada"] {
            requested_by(town, named).await;
            let own = town.press("approver", "machines", "Approve").await;
            insta::allow_duplicates! {
                insta::assert_snapshot!(heard(town, &own), @"You asked for this yourself, so others have to approve it. Nothing was done.");
            }
            town.advance(TimeDelta::minutes(1)).await;
        }
        assert_eq!(calls(town).len(), 0);
        requested_by(town, "grace").await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(heard(town, &town.press("approver", "machines", "Approve").await), "");
        status(town);
    })
    .await;
}

/// By whatever the link goes: what was asked for before stays barred.
#[tokio::test]
async fn who_asked_may_not_approve_without_the_link_either() {
    run_with(with("APPROVALS_REQUESTER_MAY_APPROVE", "false"), async |town| {
        for way in ["link-user remove", "link-user set", "privacy delete"] {
            linked(town, "approver", "ada").await;
            requested_by(town, "ada@signal-town.example").await;
            match way {
                "link-user set" => {
                    linked(town, "approver", "grace").await;
                }
                "privacy delete" => {
                    let form = town.command("approver", way, json!({})).await;
                    town.submit("approver", machines::form(&form), json!({ "word": "DELETE" })).await;
                }
                _ => {
                    town.command("approver", way, json!({})).await;
                }
            }
            let own = town.press("approver", "machines", "Approve").await;
            insta::allow_duplicates! {
                insta::assert_snapshot!(heard(town, &own), @"You asked for this yourself, so others have to approve it. Nothing was done.");
            }
            town.advance(TimeDelta::minutes(1)).await;
        }
        assert_eq!(calls(town).len(), 0);
        assert_eq!(heard(town, &town.press(machines::second_approver(town), "machines", "Approve").await), "");
        assert_eq!(town.count("SELECT count(*) FROM approval WHERE barred <> '{}'").await, 0);
        town.see("ops");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn who_asked_may_deny_and_is_named_on_the_card() {
    run_with(with("APPROVALS_REQUESTER_MAY_APPROVE", "false"), async |town| {
        requested_by(town, &format!("<@{}>", town.discord.user_id("approver"))).await;
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        Requested by <@approver>
        ");
        let (_, id) = form(&town.press("approver", "machines", "Deny").await);
        town.submit("approver", &id, json!({ "reason": "no longer needed" })).await;
        assert_eq!(calls(town), ["deny 200"]);
        status(town);
    })
    .await;
}

async fn rules(town: &Town, who: &str, options: Value) -> String {
    let outcome = town.command(who, "approvals rules", options).await;
    assert_eq!(outcome["ephemeral"], true, "{outcome}");
    let text = show(&outcome["message"]);
    names(town, &text).replace(&town.discord.role_id("Admin").to_string(), "Admin")
}

#[tokio::test]
async fn admins_see_and_set_the_rules() {
    run_with(with("APPROVALS_NEEDED", "1,prod-*=2"), async |town| {
        insta::assert_snapshot!(rules(town, "admin", json!({})).await, @"
        [⚖️ Rules of approvals]
        `needed`: `1,prod-*=2` (🔒 APPROVALS_NEEDED)
        `requester_may_approve`: `true` (default)
        `reason`: `deny` (default)
        `confirm_hostnames`: `off` (default)
        `undo_seconds`: `0` (default)
        `expire_after`: `off` (default)
        `remind_after`: `off` (default)
        `escalate_after`: `off` (default)
        `escalate_role`: `off` (default)
        -- What is open keeps the rules it was opened under.
        ");
        let set = json!({ "reason": "both", "remind_after": "1h", "escalate_role": "Admin", "undo_seconds": 10 });
        insta::assert_snapshot!(rules(town, "admin", set).await, @"
        [⚖️ Rules of approvals, changed]
        `needed`: `1,prod-*=2` (🔒 APPROVALS_NEEDED)
        `requester_may_approve`: `true` (default)
        `reason`: `both` (set here)
        `confirm_hostnames`: `off` (default)
        `undo_seconds`: `10` (set here)
        `expire_after`: `off` (default)
        `remind_after`: `1h` (set here)
        `escalate_after`: `off` (default)
        `escalate_role`: <@&Admin> (set here)
        -- What is open keeps the rules it was opened under.
        ");
        insta::assert_snapshot!(rules(town, "admin", json!({ "needed": "3" })).await, @"`needed` is set by APPROVALS_NEEDED and can only be changed there; nothing was changed.");
        insta::assert_snapshot!(rules(town, "admin", json!({ "expire_after": "soon", "reason": "none" })).await, @"`expire_after` should be a time from 1m to 365d, such as 30m, 4h or 7d, or off; nothing was changed.");
        insta::assert_snapshot!(rules(town, "admin", json!({ "reset": "reason" })).await, @"
        [⚖️ Rules of approvals, changed]
        `needed`: `1,prod-*=2` (🔒 APPROVALS_NEEDED)
        `requester_may_approve`: `true` (default)
        `reason`: `deny` (default)
        `confirm_hostnames`: `off` (default)
        `undo_seconds`: `10` (set here)
        `expire_after`: `off` (default)
        `remind_after`: `1h` (set here)
        `escalate_after`: `off` (default)
        `escalate_role`: <@&Admin> (set here)
        -- What is open keeps the rules it was opened under.
        ");
        insta::assert_snapshot!(rules(town, "admin", json!({ "reset": "everything" })).await, @"There is no rule of this name; nothing was changed. Without options the command shows them all.");
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'rule_changed'").await, 5);
    })
    .await;
}

#[tokio::test]
async fn members_do_not_set_the_rules() {
    run(async |town| {
        let outcome = town.command("approver", "approvals rules", json!({})).await;
        assert!(outcome["error"].as_str().is_some_and(|e| e.contains("does not see")), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn what_is_open_keeps_the_rules_it_was_opened_under() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        rules(town, "admin", json!({ "needed": "2" })).await;
        assert_eq!(heard(town, &press_approve(town, &buttons).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        town.advance(TimeDelta::seconds(1)).await;
        town.machine("db-01").await;
        town.press("approver", "machines", "Approve").await;
        assert_eq!(calls(town), ["approve 200"], "the new one needs two");
        assert_eq!(state(town).await, "confirmed approve, requested");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn what_is_open_is_listed_with_its_card() {
    run_with(with("APPROVALS_NEEDED", "1,prod-*=2"), async |town| {
        let list = async || {
            let outcome = town.command("admin", "approvals list", json!({})).await;
            show(&outcome["message"])
        };
        insta::assert_snapshot!(list().await, @"
        [⚖️ Open approvals]
        Nothing is waiting for a decision.
        ");
        town.machine("prod-db").await;
        town.press("approver", "machines", "Approve").await;
        town.advance(TimeDelta::seconds(1)).await;
        town.machine("web_07").await;
        let card = town.messages("machines")[0]["id"].as_str().unwrap().to_owned();
        let text = list().await;
        let link = format!("{}/{}/", town.discord.guild_id(), town.discord.channel_id("machines"));
        assert!(text.contains(&format!("{link}{card}")), "{text}");
        let second = town.messages("machines")[1]["id"].as_str().unwrap().to_owned();
        insta::assert_snapshot!(text.replace(&link, "").replace(&card, "1").replace(&second, "2"), @r"
        [⚖️ Open approvals]
        [prod-db](https://discord.com/channels/1) · <+0s> · 1 of 2 approved
        [web\_07](https://discord.com/channels/2) · <+1s> · to be decided
        ");
    })
    .await;
}
