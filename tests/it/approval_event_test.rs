//! Table 2, the column `machine.approved`: decided in XTSystems' own pages, our echo, or out of order.

use crate::support::machines::{audit, calls, deciding, deny, refused, requested, sent, state, status, unknown};
use crate::support::town::{Town, run};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::{Mode, Place};

/// XTSystems says that the machine was approved, `seconds` from now by its clock.
async fn approved_event(town: &Town, asset_id: &str, seconds: i64) {
    let data = json!({ "asset_id": asset_id, "hostname": "web-07", "ip_address": "10.0.0.7", "approved_by": "eve@xt.example" });
    town.xt.send_at("machine.approved", data, town.clock.now().timestamp() + seconds).await;
    town.settle().await;
}

#[tokio::test]
async fn requested_becomes_elsewhere() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        assert_eq!(state(town).await, "elsewhere");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems by eve@xt.example <+0s>
        Timeline: <+0s> registered
        <+0s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        elsewhere eve@xt.example
        ");
    })
    .await;
}

#[tokio::test]
async fn deciding_becomes_elsewhere_and_the_call_is_dropped() {
    run(async |town| {
        let (machine, _) = deciding(town).await;
        // Planned before the call is made: the planner's step comes first.
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "elsewhere approve");
        assert_eq!(calls(town).len(), 0);
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+0s>");
    })
    .await;
}

#[tokio::test]
async fn sent_approve_is_confirmed() {
    run(async |town| {
        let (machine, _) = sent(town).await;
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "confirmed approve");
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!(calls(town).len(), 0, "nobody calls again after the lease");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn unknown_approve_is_confirmed() {
    run(async |town| {
        let (machine, _) = unknown(town).await;
        town.discord.clear_faults();
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "confirmed approve");
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(calls(town), ["approve 500"]);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn unknown_deny_becomes_elsewhere() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        town.xt.mode(Mode::status(500).at(Place::Deny).times(1));
        deny(town, "approver", &buttons, "no").await;
        assert_eq!(state(town).await, "unknown deny");
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "elsewhere deny");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems by eve@xt.example <+0s>
        Timeline: <+0s> registered
        <+0s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn refused_becomes_elsewhere() {
    run(async |town| {
        let (machine, _) = refused(town).await;
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "elsewhere approve");
        assert!(town.button("machines", "Retry Approve").is_none());
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+0s>");
    })
    .await;
}

#[tokio::test]
async fn confirmed_takes_it_as_the_echo_for_ten_minutes() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        let before = status(town);
        town.advance(TimeDelta::minutes(9)).await;
        approved_event(town, &machine.asset_id, 0).await;
        town.advance(TimeDelta::minutes(2)).await;
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(status(town), before, "the decision stays the presser's");
        // The second and the third are lines of the timeline.
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        <+540s> approved by eve@xt.example
        <+660s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        echo eve@xt.example
        ");
    })
    .await;
}

#[tokio::test]
async fn a_denial_of_ours_that_is_approved_there_later() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        deny(town, "approver", &buttons, "no").await;
        assert_eq!(state(town).await, "confirmed deny");
        town.advance(TimeDelta::minutes(5)).await;
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!(state(town).await, "elsewhere deny");
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+300s>");
    })
    .await;
}

#[tokio::test]
async fn elsewhere_gets_a_line_in_the_timeline() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        let before = status(town);
        town.advance(TimeDelta::minutes(1)).await;
        approved_event(town, &machine.asset_id, 0).await;
        assert_eq!((status(town), state(town).await), (before, "elsewhere".into()));
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems by eve@xt.example <+0s>
        Timeline: <+0s> registered
        <+0s> approved by eve@xt.example
        <+60s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn denied_there_and_approved_there_later() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        town.xt.mode(Mode::already("denied").at(Place::Approve).times(1));
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert!(status(town).starts_with("⛔ Denied in XTSystems"));
        town.advance(TimeDelta::minutes(1)).await;
        approved_event(town, &machine.asset_id, 0).await;
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+60s>");
    })
    .await;
}

#[tokio::test]
async fn superseded_is_left_alone() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.advance(TimeDelta::minutes(5)).await;
        town.machine("web-07").await;
        // About the first registration, and late.
        approved_event(town, &machine.asset_id, -120).await;
        assert_eq!(state(town).await, "superseded, requested");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        <+180s> approved by eve@xt.example
        <+300s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
    })
    .await;
}

#[tokio::test]
async fn an_approval_that_arrives_before_its_registration() {
    run(async |town| {
        approved_event(town, "a-1", 0).await;
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        Status: ✅ Approved in XTSystems by eve@xt.example
        Timeline: <+0s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
        let data = json!({ "asset_id": "a-1", "hostname": "web-07", "ip_address": "10.0.0.7", "operating_system": "Debian 13" });
        town.xt.send_at("machine.registered", data, town.clock.now().timestamp() - 30).await;
        town.settle().await;
        assert_eq!(state(town).await, "elsewhere");
        assert!(town.button("machines", "Approve").is_none());
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems by eve@xt.example <+0s>
        Timeline: <+-30s> registered
        <+0s> approved by eve@xt.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn a_press_finds_it_decided_in_xtsystems_whose_event_was_lost() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        town.xt.offline(true);
        town.xt.decide_in_web_ui(&machine.asset_id, false, "eve@xt.example").await;
        town.xt.offline(false);
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(calls(town), ["approve 409"]);
        insta::assert_snapshot!(status(town), @"⛔ Denied in XTSystems <+0s>");
    })
    .await;
}
