//! Approvals that need more than one person: each counts once, one denial decides, a vote can be taken back.

use crate::support::machines::{
    Buttons, audit, buttons, calls, deny, freeze_cards, heard, names, requested, second_approver, state, status,
};
use crate::support::town::{IMPATIENT, Setup, Town, run_with};
use chrono::TimeDelta;
use serde_json::json;
use standin::xtsystems::Mode;

/// A town in which machines need two approvers.
fn two() -> Setup {
    needing("2")
}

fn needing(needed: &str) -> Setup {
    Setup::with(&[("APPROVALS_NEEDED", needed)])
}

async fn approve(town: &Town, who: &str, buttons: &Buttons) -> String {
    let outcome = town.press_id(who, &buttons.message, &buttons.approve).await;
    heard(town, &outcome)
}

#[tokio::test]
async fn two_people_approve() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        0 of 2 approved
        ");
        assert_eq!(approve(town, "approver", &buttons).await, "");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        1 of 2 approved: <@approver> <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny) (Take Back)
        ");
        town.advance(TimeDelta::minutes(5)).await;
        assert_eq!(approve(town, second_approver(town), &buttons).await, "");
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, <@member> <+300s>, confirmed by XTSystems <+300s>");
        insta::assert_snapshot!(audit(town).await, @"
        requested
        voted approve by approver
        decided approve by member
        confirmed approve  by member
        echo integration@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn one_person_counts_once() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        insta::assert_snapshot!(approve(town, "approver", &buttons).await, @"You have approved already; 1 of 2 have. Somebody else has to approve, too. With Take Back your approval no longer counts.");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        status(town);
    })
    .await;
}

/// After a deletion the same person comes under another random id.
#[tokio::test]
async fn one_person_counts_once_whatever_is_forgotten_about_them() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        let form = town.command("approver", "privacy delete", json!({})).await;
        town.submit("approver", form["modal"]["custom_id"].as_str().unwrap(), json!({ "word": "DELETE" })).await;
        assert_eq!(approve(town, "approver", &buttons).await, "");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        1 of 2 approved: <@approver> <+0s>
        ");
        insta::assert_snapshot!(audit(town).await, @"
        requested
        voted approve
        vote_withdrawn the member was forgotten
        voted approve by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn one_denial_decides() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        deny(town, second_approver(town), &buttons, "not one of ours").await;
        assert_eq!(calls(town), ["deny 200"]);
        insta::assert_snapshot!(status(town), @"
        ⛔ Denied by <@member> <+0s>, confirmed by XTSystems <+0s>
        Reason: not one of ours
        ");
    })
    .await;
}

#[tokio::test]
async fn a_vote_is_taken_back_by_its_giver_alone() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        let (_, back) = town.button("machines", "Take Back").unwrap();
        freeze_cards(town);
        let other = second_approver(town);
        insta::assert_snapshot!(heard(town, &town.press_id(other, &buttons.message, &back).await), @"There is no approval of yours to take back.");
        assert_eq!(heard(town, &town.press_id("approver", &buttons.message, &back).await), "");
        assert_eq!(approve(town, other, &buttons).await, "");
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0), "one of two again");
        assert_eq!(approve(town, "approver", &buttons).await, "");
        let late = town.press_id("approver", &buttons.message, &back).await;
        insta::assert_snapshot!(heard(town, &late), @"<@approver> has already approved it.");
        town.discord.clear_faults();
        insta::assert_snapshot!(audit(town).await, @"
        requested
        voted approve by approver
        press_refused retract no vote to take back by member
        vote_withdrawn retract by approver
        voted approve by member
        decided approve by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        press_refused retract settled: approve by approver
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn two_at_once_are_two_votes_and_one_call() {
    run_with(needing("3"), async |town| {
        let (_, buttons) = requested(town).await;
        let other = second_approver(town);
        town.discord.set_role(town.discord.user_id("admin"), town.discord.role_id("Approver"), true);
        let press = |who| town.only_press(who, &buttons.message, &buttons.approve);
        let outcomes = tokio::join!(press("approver"), press(other), press("admin"));
        for outcome in [&outcomes.0, &outcomes.1, &outcomes.2] {
            assert_eq!(heard(town, outcome), "");
        }
        town.settle().await;
        assert_eq!(calls(town), ["approve 200"]);
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'voted'").await, 2);
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'decided'").await, 1);
        assert!(status(town).contains("confirmed by XTSystems"));
    })
    .await;
}

#[tokio::test]
async fn votes_survive_a_restart() {
    let mut town = Town::start(two()).await;
    let (_, buttons) = requested(&town).await;
    approve(&town, "approver", &buttons).await;
    town.restart().await;
    assert_eq!(approve(&town, second_approver(&town), &buttons).await, "");
    assert_eq!(calls(&town), ["approve 200"]);
    status(&town);
    town.finish().await;
}

#[tokio::test]
async fn a_newer_registration_starts_from_nothing() {
    run_with(two(), async |town| {
        let (_, old) = requested(town).await;
        approve(town, "approver", &old).await;
        town.advance(TimeDelta::minutes(1)).await;
        town.machine("web-07").await;
        assert_eq!(state(town).await, "superseded, requested");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        0 of 2 approved
        ");
        assert_eq!(approve(town, second_approver(town), &buttons(town)).await, "");
        assert_eq!(calls(town).len(), 0);
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        1 of 2 approved: <@member> <+60s>
        ");
    })
    .await;
}

#[tokio::test]
async fn changed_facts_void_the_votes() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        set_fact(town, "10.0.0.99").await;
        town.settle().await;
        let other = second_approver(town);
        insta::assert_snapshot!(approve(town, other, &buttons).await, @"What the card says has changed since it was shown. Look at it again before deciding.");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        0 of 2 approved
        ");
        approve(town, other, &buttons).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("requested", 0));
        insta::assert_snapshot!(audit(town).await, @"
        requested
        voted approve by approver
        votes_voided
        press_refused approve changed since the card was shown by member
        voted approve by member
        ");
        status(town);
    })
    .await;
}

/// Something that is no registration says otherwise about the machine's address.
async fn set_fact(town: &Town, address: &str) {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    sqlx::query("UPDATE subject SET state = jsonb_set(state, '{fields,ip_address,value}', to_jsonb($1::text))")
        .bind(address)
        .execute(&mut connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn only_hosts_of_the_pattern_need_two() {
    run_with(needing("1, prod-*=2"), async |town| {
        town.machine("prod-db").await;
        let prod = buttons(town);
        town.machine("web-07").await;
        assert_eq!(approve(town, "approver", &prod).await, "");
        assert_eq!(calls(town).len(), 0);
        assert_eq!(approve(town, "approver", &buttons(town)).await, "");
        assert_eq!(calls(town), ["approve 200"]);
        insta::assert_snapshot!(names(town, &town.see("machines")), @"
        [🖥️ New Machine Registered]
        Hostname: prod-db
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        1 of 2 approved: <@approver> <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny) (Take Back)

        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>
        Timeline: <+0s> registered
        <+0s> approved by integration@signal-town.example
        -- XTSystems · machine.approved
        ");
    })
    .await;
}

#[tokio::test]
async fn what_xtsystems_refused_keeps_its_votes_for_the_retry() {
    run_with(two(), async |town| {
        let (_, buttons) = requested(town).await;
        approve(town, "approver", &buttons).await;
        town.advance(TimeDelta::seconds(1)).await;
        town.xt.mode(Mode::refuse(422, "no licence left").times(1));
        approve(town, second_approver(town), &buttons).await;
        insta::assert_snapshot!(status(town), @"
        ⚠️ XTSystems refused to approve (asked for by <@approver> <+0s>, <@member> <+1s>)
        > no licence left
        ");
        assert_eq!(approve(town, "approver", &buttons).await, "");
        assert_eq!(calls(town), ["approve 422", "approve 200"]);
        status(town);
    })
    .await;
}

#[tokio::test]
async fn the_database_carries_nothing_for_too_few() {
    run_with(two(), async |town| {
        requested(town).await;
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
        let older = "UPDATE approval SET state = 'deciding', verb = 'approve', decided_at = created_at";
        let refused = sqlx::query(older).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("approval_quorum"), "{refused}");
        status(town);
    })
    .await;
}

/// Patience of the gateway is short here: what the session misses passes in real time.
fn in_gaps() -> Setup {
    Setup { patience: IMPATIENT, ..two() }
}

#[tokio::test]
async fn a_vote_in_a_gap_of_the_gateway_counts_once_it_is_replayed() {
    run_with(in_gaps(), async |town| {
        let (_, buttons) = requested(town).await;
        town.fault("gateway", "close:4000", 1);
        assert_eq!(approve(town, "approver", &buttons).await, "");
        assert_eq!(town.discord.log_ins(), 1, "the session was resumed");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        1 of 2 approved: <@approver> <+0s>
        ");
    })
    .await;
}

#[tokio::test]
async fn a_vote_lost_with_its_session_is_given_by_a_second_press() {
    run_with(in_gaps(), async |town| {
        let (_, buttons) = requested(town).await;
        town.fault("get_gateway", "status:503", 2);
        town.fault("gateway", "close:4009", 1);
        town.until("the session is over", || town.discord.connected_sessions() == 0).await;
        let lost = town.only_press("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(lost["failed"], "The application did not respond");
        town.until("the bot is back", || town.discord.connected_sessions() > 0).await;
        assert_eq!(approve(town, "approver", &buttons).await, "");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        1 of 2 approved: <@approver> <+0s>
        ");
        assert_eq!(town.count("SELECT count(*) FROM approval_vote").await, 1);
    })
    .await;
}
