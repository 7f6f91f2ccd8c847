//! Table 2, the columns *press (same verb)* and *press (other verb)*: one test for each state.

use crate::support::machines::{
    Buttons, audit, calls, deciding, deny, form, freeze_cards, heard, refused, requested, second_approver, sent, state,
    status, unknown,
};
use crate::support::town::{Town, run};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::Mode;

/// A second approver presses both buttons of the card as it was; what they are told.
async fn presses_both(town: &Town, buttons: &Buttons) -> String {
    let who = second_approver(town);
    let approve = town.only_press(who, &buttons.message, &buttons.approve).await;
    let denied = town.only_press(who, &buttons.message, &buttons.deny).await;
    assert!(denied["modal"].is_null(), "no form for what cannot be decided");
    format!("Approve: {}\nDeny: {}", heard(town, &approve), heard(town, &denied))
}

#[tokio::test]
async fn requested_approve() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.approve).await), "");
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn requested_deny_asks_for_a_reason() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let pressed = town.press_id("approver", &buttons.message, &buttons.deny).await;
        assert_eq!(pressed["modal"]["title"], "Deny this machine");
        assert_eq!(state(town).await, "requested", "an open form decides nothing");
        let outcome = town.submit("approver", form(&pressed), json!({ "reason": "not one of ours" })).await;
        assert_eq!(heard(town, &outcome), "");
        assert_eq!(calls(town), ["deny 200"]);
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Denied]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⛔ Denied by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Reason: not one of ours
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        form_opened deny by approver
        decided deny not one of ours by approver
        confirmed deny  by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn deciding_is_already_decided() {
    run(async |town| {
        let (_, buttons) = deciding(town).await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: <@approver> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
        Deny: <@approver> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
        ");
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn sent_is_already_decided() {
    run(async |town| {
        let (_, buttons) = sent(town).await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: <@approver> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
        Deny: <@approver> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
        ");
        town.settle().await;
        assert_eq!(calls(town).len(), 0, "the call belongs to whoever holds the lease");
        insta::assert_snapshot!(status(town), @"⏳ Approve asked for by <@approver> <+0s>, waiting for XTSystems to confirm");
    })
    .await;
}

#[tokio::test]
async fn unknown_bars_both_verbs() {
    run(async |town| {
        let (_, buttons) = unknown(town).await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: <@approver> decided to approve, and XTSystems has not said whether it was done. Until that is known nothing else can be decided; Signalbox keeps asking.
        Deny: <@approver> decided to approve, and XTSystems has not said whether it was done. Until that is known nothing else can be decided; Signalbox keeps asking.
        ");
        assert_eq!(calls(town), ["approve 500"]);
        town.discord.clear_faults();
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["approve 500", "approve 200"]);
        assert_eq!(state(town).await, "confirmed approve");
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+2s>");
    })
    .await;
}

#[tokio::test]
async fn refused_can_be_tried_again() {
    run(async |town| {
        refused(town).await;
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⚠️ XTSystems refused to approve (asked for by <@1180000000000000012> <+0s>)
        > the licence allows no further machine
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Retry Approve) (Deny)
        ");
        assert_eq!(heard(town, &town.press("approver", "machines", "Retry Approve").await), "");
        assert_eq!(calls(town), ["approve 422", "approve 200"]);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn refused_can_be_decided_otherwise() {
    run(async |town| {
        let (_, buttons) = refused(town).await;
        deny(town, "approver", &buttons, "no licence left").await;
        assert_eq!(calls(town), ["approve 422", "deny 200"]);
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Denied]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⛔ Denied by <@1180000000000000012> <+0s>, confirmed by XTSystems <+0s>
        Reason: no licence left
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        refused approve the licence allows no further machine by approver
        form_opened deny by approver
        decided deny no licence left by approver
        confirmed deny  by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn confirmed_is_over() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        freeze_cards(town);
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: <@approver> has already approved it.
        Deny: <@approver> has already approved it.
        ");
        assert_eq!(calls(town), ["approve 200"]);
        assert_eq!(state(town).await, "confirmed approve");
    })
    .await;
}

#[tokio::test]
async fn elsewhere_is_over() {
    run(async |town| {
        let (machine, buttons) = requested(town).await;
        freeze_cards(town);
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: It was already approved in XTSystems.
        Deny: It was already approved in XTSystems.
        ");
        assert_eq!(calls(town).len(), 0);
        assert_eq!(state(town).await, "elsewhere");
    })
    .await;
}

#[tokio::test]
async fn superseded_points_to_the_newer_one() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        freeze_cards(town);
        town.advance(TimeDelta::minutes(1)).await;
        town.machine("web-07").await;
        insta::assert_snapshot!(presses_both(town, &buttons).await, @r"
        Approve: There is a newer request about this machine, so this one can no longer be decided. Use the newer one's buttons.
        Deny: There is a newer request about this machine, so this one can no longer be decided. Use the newer one's buttons.
        ");
        assert_eq!(calls(town).len(), 0);
        assert_eq!(state(town).await, "superseded, requested");
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(30)).await;
        town.press("approver", "machines", "Approve").await;
        assert_eq!(state(town).await, "superseded, confirmed approve");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        requested
        superseded
        press_refused approve superseded by member
        press_refused deny superseded by member
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn two_people_at_once_make_one_call() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let other = second_approver(town);
        let press = |who| town.only_press(who, &buttons.message, &buttons.approve);
        let (first, second) = tokio::join!(press("approver"), press(other));
        let mut told = [heard(town, &first), heard(town, &second)];
        told.sort();
        assert_eq!(told[0], "", "one of them wins");
        assert!(told[1].contains("already decided to approve"), "{told:?}");
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'decided'").await, 1);
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'press_refused'").await, 1);
        assert!(status(town).contains("confirmed by XTSystems"));
    })
    .await;
}

#[tokio::test]
async fn the_form_is_judged_when_it_is_sent() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let pressed = town.press_id("approver", &buttons.message, &buttons.deny).await;
        town.press_id(second_approver(town), &buttons.message, &buttons.approve).await;
        let late = town.submit("approver", form(&pressed), json!({ "reason": "no" })).await;
        insta::assert_snapshot!(heard(town, &late), @"<@member> has already approved it.");
        assert_eq!(calls(town), ["approve 200"]);
        town.xt.mode(Mode::ok());
        assert!(status(town).starts_with("✅ Approved"));
    })
    .await;
}
