//! Table 2, the column *newer registration*: what it does to the approval before it, and what is late.

use crate::support::machines::{
    audit, buttons, calls, deciding, freeze_cards, heard, refused, requested, sent, state, status, unknown,
};
use crate::support::town::{Town, run};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::{Mode, Place};

/// The machine asks again, a minute later.
async fn again(town: &Town) {
    town.clock.advance(TimeDelta::minutes(1));
    town.world_clock.advance(TimeDelta::minutes(1));
    town.xt.register_machine("web-07", "10.0.0.8", "Debian 13").await;
    town.settle().await;
}

#[tokio::test]
async fn requested_is_superseded() {
    run(async |town| {
        requested(town).await;
        again(town).await;
        assert_eq!(state(town).await, "superseded, requested");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.8
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        <+60s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
    })
    .await;
}

#[tokio::test]
async fn deciding_is_superseded_and_the_call_dropped() {
    run(async |town| {
        deciding(town).await;
        again(town).await;
        assert_eq!(state(town).await, "superseded approve, requested");
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(calls(town).len(), 0, "what was decided was another address");
        insta::assert_snapshot!(status(town), @"🟠 Pending Approval");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        requested
        superseded
        ");
    })
    .await;
}

#[tokio::test]
async fn sent_stays_for_the_call_may_arrive() {
    run(async |town| {
        sent(town).await;
        town.xt.mode(Mode::refuse(404, "no such page").at(Place::Machines));
        town.xt.mode(Mode::status(500).at(Place::Approve).times(1));
        again(town).await;
        assert_eq!(state(town).await, "unknown approve, requested", "the lease is over, the first retry failed");
        insta::assert_snapshot!(status(town), @"🟠 Pending Approval");
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(calls(town), ["approve 500", "approve 200"]);
        assert_eq!(state(town).await, "confirmed approve, elsewhere", "the machine is one and the same");
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by integration@signal-town.example <+120s>");
    })
    .await;
}

#[tokio::test]
async fn unknown_is_retried_to_the_end_where_xtsystems_cannot_be_asked() {
    run(async |town| {
        unknown(town).await;
        town.discord.clear_faults();
        town.xt.mode(Mode::refuse(404, "no such page").at(Place::Machines));
        town.xt.mode(Mode::refuse(404, "Machine not found").at(Place::Approve).times(1));
        again(town).await;
        assert_eq!(calls(town), ["approve 500", "approve 404"]);
        assert_eq!(state(town).await, "superseded approve, requested", "refused, and there is a newer one");
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(status(town), @"🟠 Pending Approval");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        unknown approve XTSystems answered 500: Internal Server Error by approver
        requested
        refused approve Machine not found by approver
        superseded
        ");
    })
    .await;
}

/// The lost call was about the earlier registration; nobody has decided about the address of the newer one.
#[tokio::test]
async fn unknown_does_not_decide_about_the_newer_registration() {
    run(async |town| {
        unknown(town).await;
        town.discord.clear_faults();
        again(town).await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(calls(town), ["approve 500"]);
        assert_eq!(state(town).await, "superseded approve, requested");
        insta::assert_snapshot!(status(town), @"🟠 Pending Approval");
        insta::assert_snapshot!(audit(town).await, @"
        requested
        decided approve by approver
        unknown approve XTSystems answered 500: Internal Server Error by approver
        requested
        refused approve it has not decided about the machine since that registered again by approver
        superseded
        ");
    })
    .await;
}

#[tokio::test]
async fn refused_is_superseded() {
    run(async |town| {
        let (_, old) = refused(town).await;
        freeze_cards(town);
        again(town).await;
        assert_eq!(state(town).await, "superseded approve, requested");
        let retry = town.button("machines", "Retry Approve").unwrap();
        assert_eq!(retry.1, old.approve);
        let outcome = town.press_id("approver", &retry.0, &retry.1).await;
        insta::assert_snapshot!(heard(town, &outcome), @"There is a newer request about this machine, so this one can no longer be decided. Use the newer one's buttons.");
    })
    .await;
}

#[tokio::test]
async fn confirmed_stays_and_a_new_one_opens() {
    run(async |town| {
        let (_, first) = requested(town).await;
        town.press_id("approver", &first.message, &first.approve).await;
        again(town).await;
        assert_eq!(state(town).await, "confirmed approve, requested");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.8
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        <+60s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        let second = buttons(town);
        assert_ne!(second.approve, first.approve, "the buttons are of the new approval");
        assert_eq!(second.message, first.message, "and the card is the same");
    })
    .await;
}

#[tokio::test]
async fn elsewhere_stays_and_a_new_one_opens() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        again(town).await;
        assert_eq!(state(town).await, "elsewhere, requested");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.8
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        <+0s> approved by eve@xt.example
        <+60s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
    })
    .await;
}

#[tokio::test]
async fn superseded_stays() {
    run(async |town| {
        requested(town).await;
        again(town).await;
        again(town).await;
        assert_eq!(state(town).await, "superseded, superseded, requested");
        insta::assert_snapshot!(status(town), @"🟠 Pending Approval");
    })
    .await;
}

/// A registration that was sent `seconds` before now by its own clock.
async fn registered(town: &Town, seconds: i64, data: serde_json::Value) {
    town.xt.send_at("machine.registered", data, town.clock.now().timestamp() - seconds).await;
    town.settle().await;
}

#[tokio::test]
async fn an_older_registration_that_is_late_is_superseded_at_once() {
    run(async |town| {
        let data = |ip: &str| json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": ip });
        registered(town, 0, data("10.0.0.8")).await;
        let before = buttons(town);
        registered(town, 60, data("10.0.0.7")).await;
        assert_eq!(state(town).await, "superseded, requested");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.8
        Status: 🟠 Pending Approval
        Timeline: <+-60s> registered
        <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        assert_eq!(buttons(town).approve, before.approve);
        town.press_id("approver", &before.message, &before.approve).await;
        assert_eq!(calls(town), ["approve 200"], "the press counts");
    })
    .await;
}

#[tokio::test]
async fn a_registration_without_an_address_can_be_approved() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.advance(TimeDelta::minutes(1)).await;
        registered(town, 0, json!({ "asset_id": machine.asset_id, "hostname": "web-07" })).await;
        let outcome = town.press("approver", "machines", "Approve").await;
        assert_eq!(heard(town, &outcome), "", "the card shows the address that was known before");
        assert_eq!(state(town).await, "superseded, confirmed approve");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@1180000000000000012> <+60s>, confirmed by XTSystems <+60s>
        Timeline: <+0s> registered
        <+60s> registered
        <+60s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn a_press_on_what_changed_since_is_void_once() {
    run(async |town| {
        registered(town, 0, json!({ "asset_id": "a-1", "hostname": "web-07" })).await;
        let shown = buttons(town);
        // A late older event knows the address: the card gains it while the finger is on the button.
        freeze_cards(town);
        registered(town, 60, json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": "10.6.6.6" })).await;
        let outcome = town.press_id("approver", &shown.message, &shown.approve).await;
        insta::assert_snapshot!(heard(town, &outcome), @"What the card says has changed since it was shown. Look at it again before deciding.");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("superseded, requested", 0));
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(10)).await;
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.6.6.6
        Status: 🟠 Pending Approval
        Timeline: <+-60s> registered
        <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        let outcome = town.press("approver", "machines", "Approve").await;
        assert_eq!(heard(town, &outcome), "");
        assert_eq!(calls(town), ["approve 200"]);
    })
    .await;
}
