//! The undo window: a decision waits, can be taken back, and is sent once the window is over.

use crate::support::machines::{
    audit, calls, claimed_by_another, deny, freeze_cards, heard, names, requested, second_approver, state, status,
};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;

fn window() -> Setup {
    Setup::with(&[("APPROVALS_UNDO_SECONDS", "30")])
}

/// Somebody has approved; the window is open. The message and the id of Undo.
async fn approved(town: &Town) -> (String, String) {
    let (_, buttons) = requested(town).await;
    assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &buttons.approve).await), "");
    town.button("machines", "Undo").expect("the card has Undo")
}

#[tokio::test]
async fn nothing_is_sent_before_the_window_is_over() {
    run_with(window(), async |town| {
        approved(town).await;
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⏳ Approve asked for by <@approver> <+0s>, sent to XTSystems <+30s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Undo)
        ");
        town.advance(TimeDelta::seconds(29)).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("deciding approve", 0));
        town.advance(TimeDelta::seconds(1)).await;
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+30s>
        Timeline: <+0s> registered
        <+30s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn undo_returns_it_to_requested() {
    run_with(window(), async |town| {
        let (message, undo) = approved(town).await;
        freeze_cards(town);
        assert_eq!(heard(town, &town.press_id("approver", &message, &undo).await), "");
        insta::assert_snapshot!(heard(town, &town.press_id("approver", &message, &undo).await), @"There is nothing to undo.");
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(5)).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        ↩️ Undone by <@approver> <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        town.press("approver", "machines", "Approve").await;
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(audit(town).await, @"
        requested
        decided approve by approver
        undone undo by approver
        press_refused undo nothing to undo by approver
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn any_approver_may_undo_and_nobody_else() {
    run_with(window(), async |town| {
        let (message, undo) = approved(town).await;
        insta::assert_snapshot!(heard(town, &town.press_id("member", &message, &undo).await), @"Only members with <@&Approver> may decide this.");
        assert_eq!(heard(town, &town.press_id(second_approver(town), &message, &undo).await), "");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        ↩️ Undone by <@member> <+0s>
        ");
    })
    .await;
}

#[tokio::test]
async fn who_decided_may_undo_without_the_role() {
    run_with(window(), async |town| {
        let (message, undo) = approved(town).await;
        let (user, role) = (town.discord.user_id("approver"), town.discord.role_id("Approver"));
        town.discord.set_role(user, role, false);
        assert_eq!(heard(town, &town.press_id("approver", &message, &undo).await), "");
        assert_eq!(state(town).await, "requested");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_denial_can_be_undone() {
    run_with(window(), async |town| {
        let (_, buttons) = requested(town).await;
        deny(town, "approver", &buttons, "not one of ours").await;
        insta::assert_snapshot!(status(town), @"
        ⏳ Deny asked for by <@approver> <+0s>, sent to XTSystems <+30s>
        Reason: not one of ours
        ");
        town.press("approver", "machines", "Undo").await;
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        ↩️ Undone by <@approver> <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
    })
    .await;
}

#[tokio::test]
async fn after_the_claim_it_is_too_late() {
    run_with(window(), async |town| {
        let (message, undo) = approved(town).await;
        claimed_by_another(town, TimeDelta::seconds(30)).await;
        insta::assert_snapshot!(heard(town, &town.press_id("approver", &message, &undo).await), @"Too late: the decision to approve is on its way to XTSystems and cannot be undone here.");
        assert_eq!(state(town).await, "sent approve");
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⏳ Approve asked for by <@approver> <+0s>, waiting for XTSystems to confirm
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
    })
    .await;
}

/// One of both wins, and what the card says in the end is what XTSystems was told.
#[tokio::test]
async fn undo_and_the_claim_at_once() {
    for _ in 0..4 {
        run_with(window(), async |town| {
            let (message, undo) = approved(town).await;
            let (other, lifecycle) = town.another_bot().await;
            town.clock.advance(TimeDelta::seconds(30));
            town.world_clock.advance(TimeDelta::seconds(30));
            let press = town.only_press("approver", &message, &undo);
            let (outcome, step) = tokio::join!(press, other.step());
            step.unwrap();
            town.settle().await;
            let undone = heard(town, &outcome).is_empty();
            let found = (state(town).await, calls(town).len());
            let expected = if undone { ("requested".to_owned(), 0) } else { ("confirmed approve".to_owned(), 1) };
            assert_eq!(found, expected);
            status(town);
            lifecycle.stop();
        })
        .await;
    }
}

#[tokio::test]
async fn pressed_on_one_bot_and_undone_on_the_other() {
    run_with(window(), async |town| {
        let (message, undo) = approved(town).await;
        let (other, lifecycle) = town.another_bot().await;
        assert_eq!(other.step().await.unwrap(), 0, "not due on the other one either");
        town.restart().await;
        assert_eq!(heard(town, &town.press_id("approver", &message, &undo).await), "");
        town.advance(TimeDelta::minutes(1)).await;
        other.step().await.unwrap();
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        status(town);
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn the_window_survives_a_restart() {
    run_with(window(), async |town| {
        approved(town).await;
        town.restart().await;
        town.settle().await;
        assert_eq!(calls(town).len(), 0);
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(calls(town), ["approve 200"]);
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_newer_registration_in_the_window_drops_the_call() {
    run_with(window(), async |town| {
        approved(town).await;
        town.advance(TimeDelta::seconds(10)).await;
        town.machine("web-07").await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("superseded approve, requested", 0));
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_decision_in_xtsystems_in_the_window_drops_the_call() {
    run_with(window(), async |town| {
        let (machine, _) = requested(town).await;
        town.press("approver", "machines", "Approve").await;
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.advance(TimeDelta::minutes(1)).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("elsewhere approve", 0));
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+60s>");
    })
    .await;
}
