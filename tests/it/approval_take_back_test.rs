//! Table 2, the columns *Undo* and *Take Back*, in the states in which they change nothing. What they do change is
//! in `approval_undo_test.rs` and `approval_votes_test.rs`.

use crate::support::machines::{
    calls, claimed_by_another, freeze_cards, heard, requested, second_approver, state, status,
};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;
use standin::xtsystems::{Machine, Mode, Place};

/// The end of the undo window.
async fn window_over(town: &Town) {
    town.advance(TimeDelta::seconds(30)).await;
}

/// Two have approved, and the undo window is open; `button` is on the card that the first of them has before
/// them. Then `change` happens. What the button says to that, which changes nothing.
async fn told(button: &'static str, change: impl AsyncFn(&Town, &Machine)) -> String {
    let mut told = String::new();
    let rules = [("APPROVALS_NEEDED", "2"), ("APPROVALS_UNDO_SECONDS", "30"), ("APPROVALS_EXPIRE_AFTER", "1h")];
    run_with(Setup::with(&rules), async |town| {
        let (machine, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        if button == "Take Back" {
            freeze_cards(town);
        }
        let (_, take_back) = town.button("machines", "Take Back").expect("one of two has approved");
        town.press_id(second_approver(town), &buttons.message, &buttons.approve).await;
        let on_card = if button == "Undo" { town.button("machines", "Undo").unwrap().1 } else { take_back };
        freeze_cards(town);
        change(town, &machine).await;
        let before = (state(town).await, calls(town));
        told = heard(town, &town.only_press("approver", &buttons.message, &on_card).await);
        assert_eq!((state(town).await, calls(town)), before);
        town.discord.clear_faults();
        town.advance(TimeDelta::minutes(1)).await;
        status(town);
    })
    .await;
    told
}

/// Both buttons, each in a town of its own.
async fn both(change: impl AsyncFn(&Town, &Machine)) -> String {
    format!("Undo: {}\nTake Back: {}", told("Undo", &change).await, told("Take Back", &change).await)
}

#[tokio::test]
async fn deciding_there_is_no_vote_to_take_back_any_more() {
    insta::assert_snapshot!(told("Take Back", async |_, _| {}).await, @"<@member> already decided to approve. Waiting for XTSystems to confirm; the card will show it.");
}

#[tokio::test]
async fn deciding_once_the_call_was_tried_is_too_late() {
    let no_connection = async |town: &Town, _: &Machine| {
        town.xt.stop();
        window_over(town).await;
        assert_eq!(state(town).await, "deciding approve");
    };
    insta::assert_snapshot!(both(no_connection).await, @"
    Undo: Too late: the decision to approve is on its way to XTSystems and cannot be undone here.
    Take Back: <@member> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
    ");
}

#[tokio::test]
async fn sent_is_too_late() {
    let sent = async |town: &Town, _: &Machine| {
        claimed_by_another(town, TimeDelta::seconds(30)).await;
        assert_eq!(state(town).await, "sent approve");
    };
    insta::assert_snapshot!(both(sent).await, @"
    Undo: Too late: the decision to approve is on its way to XTSystems and cannot be undone here.
    Take Back: <@member> already decided to approve. Waiting for XTSystems to confirm; the card will show it.
    ");
}

#[tokio::test]
async fn unknown_is_too_late() {
    let unknown = async |town: &Town, _: &Machine| {
        town.xt.mode(Mode::status(500).at(Place::Approve).times(1));
        window_over(town).await;
        assert_eq!(state(town).await, "unknown approve");
    };
    insta::assert_snapshot!(both(unknown).await, @"
    Undo: Too late: the decision to approve is on its way to XTSystems and cannot be undone here.
    Take Back: <@member> decided to approve, and XTSystems has not said whether it was done. Until that is known nothing else can be decided; Signalbox keeps asking.
    ");
}

#[tokio::test]
async fn refused_has_nothing_to_undo() {
    let refused = async |town: &Town, _: &Machine| {
        town.xt.mode(Mode::refuse(422, "the licence allows no further machine").times(1));
        window_over(town).await;
        assert_eq!(state(town).await, "refused approve");
    };
    insta::assert_snapshot!(both(refused).await, @"
    Undo: There is nothing to undo.
    Take Back: There is no approval of yours to take back.
    ");
}

#[tokio::test]
async fn confirmed_is_over() {
    let confirmed = async |town: &Town, _: &Machine| {
        window_over(town).await;
        assert_eq!(state(town).await, "confirmed approve");
    };
    insta::assert_snapshot!(both(confirmed).await, @"
    Undo: <@member> has already approved it.
    Take Back: <@member> has already approved it.
    ");
}

#[tokio::test]
async fn elsewhere_is_over() {
    let elsewhere = async |town: &Town, machine: &Machine| {
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        assert_eq!(state(town).await, "elsewhere approve");
    };
    insta::assert_snapshot!(both(elsewhere).await, @"
    Undo: It was already approved in XTSystems.
    Take Back: It was already approved in XTSystems.
    ");
}

#[tokio::test]
async fn superseded_points_to_the_newer_one() {
    let superseded = async |town: &Town, _: &Machine| {
        town.advance(TimeDelta::seconds(10)).await;
        town.machine("web-07").await;
        assert_eq!(state(town).await, "superseded approve, requested");
    };
    insta::assert_snapshot!(both(superseded).await, @"
    Undo: There is a newer request about this machine, so this one can no longer be decided. Use the newer one's buttons.
    Take Back: There is a newer request about this machine, so this one can no longer be decided. Use the newer one's buttons.
    ");
}

#[tokio::test]
async fn expired_is_over() {
    let expired = async |town: &Town, _: &Machine| {
        let undo = town.column("SELECT 'v1:approval:undo:' || id FROM approval").await.remove(0);
        let message = town.messages("machines")[0]["id"].as_str().unwrap().to_owned();
        town.press_id("approver", &message, &undo).await;
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(state(town).await, "expired");
    };
    insta::assert_snapshot!(told("Undo", expired).await, @"Nobody decided in time, and this has expired; nothing was done.");
}

#[tokio::test]
async fn expired_has_no_vote_to_take_back() {
    let rules = [("APPROVALS_NEEDED", "2"), ("APPROVALS_EXPIRE_AFTER", "1h")];
    run_with(Setup::with(&rules), async |town| {
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        let (_, take_back) = town.button("machines", "Take Back").unwrap();
        freeze_cards(town);
        town.advance(TimeDelta::hours(1)).await;
        let late = town.only_press("approver", &buttons.message, &take_back).await;
        insta::assert_snapshot!(heard(town, &late), @"Nobody decided in time, and this has expired; nothing was done.");
        assert_eq!(state(town).await, "expired");
        status(town);
    })
    .await;
}
