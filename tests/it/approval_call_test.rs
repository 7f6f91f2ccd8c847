//! Table 2, the columns about the call upstream: what each answer of XTSystems makes of a decision, and
//! the wait for one that does not come.

use crate::support::machines::{self, audit, buttons, calls, requested, sent, state, status, unknown};
use crate::support::town::{Setup, Town, run, run_with};
use chrono::TimeDelta;
use standin::xtsystems::{Mode, Place};

/// Approve is pressed while XTSystems answers in this way.
async fn approve_in(town: &Town, mode: Mode) {
    let (_, buttons) = requested(town).await;
    town.xt.mode(mode);
    town.press_id("approver", &buttons.message, &buttons.approve).await;
}

async fn deny(town: &Town, reason: &str) {
    machines::deny(town, "approver", &buttons(town), reason).await;
}

#[tokio::test]
async fn a_2xx_confirms() {
    run(async |town| {
        approve_in(town, Mode::ok()).await;
        assert_eq!(state(town).await, "confirmed approve");
        let call = &town.xt.calls().into_iter().find(|c| c.path.starts_with("/v1/machine")).unwrap();
        assert_eq!(call.path, "/v1/machine/approve", "allow_machine is left out unless it is configured");
        assert_eq!(town.xt.machines()[0].status, "approved");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn allow_machine_goes_along_when_it_is_configured() {
    let setup = Setup { env: vec![("XTSYSTEMS_ALLOW_MACHINE", "true".into())], ..Setup::default() };
    run_with(setup, async |town| {
        approve_in(town, Mode::ok()).await;
        assert!(town.xt.calls().iter().any(|c| c.path == "/v1/machine/approve?allow_machine=true"));
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn a_409_means_decided_elsewhere() {
    run(async |town| {
        approve_in(town, Mode::already("approved").at(Place::Approve)).await;
        assert_eq!(state(town).await, "elsewhere approve");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ Machine Approved]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ✅ Approved in XTSystems <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        elsewhere approve Machine already approved by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn a_409_names_the_other_decision() {
    run(async |town| {
        approve_in(town, Mode::already("denied").at(Place::Approve)).await;
        assert_eq!(state(town).await, "elsewhere approve");
        insta::assert_snapshot!(status(town), @"⛔ Denied in XTSystems <+0s>");
    })
    .await;
}

/// Nothing is made up: neither that it was what we wanted nor that it was not.
#[tokio::test]
async fn a_409_that_names_no_decision_does_not_say_which() {
    run(async |town| {
        town.xt.mode(Mode::status(503).at(Place::Machines));
        approve_in(town, Mode::refuse(409, "conflict").at(Place::Approve)).await;
        assert_eq!(state(town).await, "elsewhere approve");
        insta::assert_snapshot!(town.see("machines"), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ☑️ Decided in XTSystems <+0s>
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
    })
    .await;
}

#[tokio::test]
async fn a_409_that_names_no_decision_is_looked_up() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.xt.offline(true);
        town.xt.decide_in_web_ui(&machine.asset_id, true, "grace@signal-town.example").await;
        town.xt.mode(Mode::refuse(409, "conflict").at(Place::Deny));
        deny(town, "not one of ours").await;
        assert_eq!(state(town).await, "elsewhere deny");
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn a_409_about_what_is_still_undecided_is_a_refusal() {
    run(async |town| {
        approve_in(town, Mode::refuse(409, "conflict").at(Place::Approve)).await;
        assert_eq!(state(town).await, "refused approve");
        insta::assert_snapshot!(status(town), @"
        ⚠️ XTSystems refused to approve (asked for by <@approver> <+0s>)
        > conflict
        ");
    })
    .await;
}

#[tokio::test]
async fn a_429_is_asked_again() {
    run(async |town| {
        approve_in(town, Mode::refuse(429, "Too many requests").at(Place::Approve).times(1)).await;
        assert_eq!(state(town).await, "deciding approve");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(
            (state(town).await.as_str(), calls(town)),
            ("confirmed approve", vec!["approve 429".to_owned(), "approve 200".to_owned()])
        );
        status(town);
    })
    .await;
}

#[tokio::test]
async fn a_4xx_that_names_a_decision_is_one() {
    run(async |town| {
        approve_in(town, Mode::refuse(400, "Machine already denied by eve")).await;
        assert_eq!(state(town).await, "elsewhere approve");
        insta::assert_snapshot!(status(town), @"⛔ Denied in XTSystems <+0s>");
    })
    .await;
}

#[tokio::test]
async fn another_4xx_is_shown_with_retry() {
    run(async |town| {
        approve_in(town, Mode::refuse(404, "Machine not found")).await;
        assert_eq!(state(town).await, "refused approve");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⚠️ XTSystems refused to approve (asked for by <@1180000000000000012> <+0s>)
        > Machine not found
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Retry Approve) (Deny)
        ");
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(calls(town), ["approve 404"], "nobody retries a refusal but a person");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        refused approve Machine not found by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_what_to_check() {
    let setup = Setup { env: vec![("XTSYSTEMS_API_KEY", "xt-wrong".into())], ..Setup::default() };
    run_with(setup, async |town| {
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(state(town).await, "refused approve");
        insta::assert_snapshot!(status(town), @r"
        ⚠️ XTSystems refused to approve (asked for by <@approver> <+0s>)
        > Invalid or missing API key (check XTSYSTEMS\_API\_KEY, and whether it is to be sent as a bearer token or raw)
        ");
    })
    .await;
}

#[tokio::test]
async fn a_5xx_is_unknown_and_asked_again() {
    run(async |town| {
        approve_in(town, Mode::status(503).at(Place::Approve).times(3)).await;
        assert_eq!(state(town).await, "unknown approve");
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ❔ Approve asked for by <@1180000000000000012> <+0s>. XTSystems has not said whether it was done; asking again (1 so far)
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        town.advance(TimeDelta::seconds(2)).await;
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!(calls(town), ["approve 503"; 3]);
        insta::assert_snapshot!(status(town), @"❔ Approve asked for by <@approver> <+0s>. XTSystems has not said whether it was done; asking again (3 so far)");
        town.advance(TimeDelta::seconds(30)).await;
        assert_eq!(state(town).await, "confirmed approve");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+42s>");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        unknown approve XTSystems answered 503: Internal Server Error by approver
        unknown approve XTSystems answered 503: Internal Server Error by approver
        unknown approve XTSystems answered 503: Internal Server Error by approver
        confirmed approve  by approver
        echo integration@signal-town.example
        ");
    })
    .await;
}

#[tokio::test]
async fn no_answer_in_time_is_unknown() {
    run(async |town| {
        approve_in(town, Mode::timeout_ms(60_000).at(Place::Approve).times(1)).await;
        assert_eq!(state(town).await, "unknown approve");
        insta::assert_snapshot!(status(town), @"❔ Approve asked for by <@approver> <+0s>. XTSystems has not said whether it was done; asking again (1 so far)");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["approve -", "approve 200"]);
        assert!(status(town).contains("confirmed by XTSystems"));
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_sent() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        town.xt.stop();
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        assert_eq!(state(town).await, "deciding approve", "no doubt, so the decision is still to be sent");
        insta::assert_snapshot!(status(town), @"⏳ Approve asked for by <@approver> <+0s>, waiting for XTSystems to confirm");
        insta::assert_snapshot!(audit(town).await.replace(&town.xt.origin(), "XT"), @r"
        requested
        decided approve by approver
        not_sent approve no connection to XT: Connection refused by approver
        ");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(town.count("SELECT call_attempts::bigint FROM approval").await, 2, "it is tried again");
    })
    .await;
}

#[tokio::test]
async fn done_and_then_500_is_our_own_when_it_says_409() {
    run(async |town| {
        approve_in(town, Mode::effect_then_500().at(Place::Approve).times(1)).await;
        // The event of the decision that arrived says so first.
        assert_eq!(state(town).await, "confirmed approve");
        assert_eq!(calls(town), ["approve 500"]);
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        decided approve by approver
        unknown approve XTSystems answered 500: Internal Server Error by approver
        confirmed_by_event integration@signal-town.example
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn denied_and_then_500_is_our_own_when_it_says_409() {
    run(async |town| {
        requested(town).await;
        town.xt.mode(Mode::refuse(404, "no such page").at(Place::Machines));
        town.xt.mode(Mode::effect_then_500().at(Place::Deny).times(1));
        deny(town, "unknown device").await;
        assert_eq!(state(town).await, "unknown deny", "a denial has no event");
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(calls(town), ["deny 500", "deny 409"]);
        assert_eq!(state(town).await, "confirmed deny");
        insta::assert_snapshot!(status(town), @r"
        ⛔ Denied by <@approver> <+0s>, confirmed by XTSystems <+2s>
        Reason: unknown device
        ");
        insta::assert_snapshot!(audit(town).await, @r"
        requested
        form_opened deny by approver
        decided deny unknown device by approver
        unknown deny XTSystems answered 500: Internal Server Error by approver
        confirmed deny Machine already denied by approver
        ");
    })
    .await;
}

/// The calls about machines and the questions about them, in order.
fn asked(town: &Town) -> Vec<String> {
    let about = |path: &str| path.starts_with("/v1/machine/") || path.contains("/machines");
    let calls = town.xt.calls().into_iter().filter(|call| about(&call.path));
    calls.map(|call| format!("{} {} {}", call.method, call.path, call.status.unwrap_or_default())).collect()
}

#[tokio::test]
async fn after_a_lost_answer_xtsystems_is_asked_what_it_has() {
    run(async |town| {
        requested(town).await;
        town.xt.mode(Mode::effect_then_500().at(Place::Deny).times(1));
        deny(town, "unknown device").await;
        town.advance(TimeDelta::seconds(2)).await;
        insta::assert_snapshot!(asked(town).join("\n"), @"
        POST /v1/machine/deny 500
        GET /v1/companies/c0ffee00-5160-4a1b-8b0c-000000000001/machines 200
        ");
        insta::assert_snapshot!(status(town), @"
        ⛔ Denied by <@approver> <+0s>, confirmed by XTSystems <+2s>
        Reason: unknown device
        ");
        insta::assert_snapshot!(audit(town).await, @"
        requested
        form_opened deny by approver
        decided deny unknown device by approver
        unknown deny XTSystems answered 500: Internal Server Error by approver
        confirmed deny XTSystems has it as denied by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn what_xtsystems_has_not_decided_is_asked_for_again() {
    run(async |town| {
        approve_in(town, Mode::status(500).at(Place::Approve).times(1)).await;
        town.advance(TimeDelta::seconds(2)).await;
        insta::assert_snapshot!(asked(town).join("\n"), @"
        POST /v1/machine/approve 500
        GET /v1/companies/c0ffee00-5160-4a1b-8b0c-000000000001/machines 200
        POST /v1/machine/approve 200
        ");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+2s>");
    })
    .await;
}

#[tokio::test]
async fn what_xtsystems_decided_otherwise_meanwhile_is_not_overruled() {
    run(async |town| {
        let (machine, _) = requested(town).await;
        town.xt.mode(Mode::status(500).at(Place::Approve));
        town.press("approver", "machines", "Approve").await;
        town.xt.decide_in_web_ui(&machine.asset_id, false, "eve@xt.example").await;
        town.advance(TimeDelta::seconds(2)).await;
        insta::assert_snapshot!(asked(town).join("\n"), @"
        POST /v1/machine/approve 500
        GET /v1/companies/c0ffee00-5160-4a1b-8b0c-000000000001/machines 200
        ");
        insta::assert_snapshot!(status(town), @"⛔ Denied in XTSystems <+2s>");
    })
    .await;
}

#[tokio::test]
async fn an_hour_without_xtsystems_ends_with_one_decision() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        town.xt.mode(Mode::status(503));
        town.press("approver", "machines", "Approve").await;
        for _ in 0..60 {
            town.advance(TimeDelta::minutes(1)).await;
            assert_eq!(state(town).await, "unknown approve");
        }
        let other = town.press_id("approver", &buttons.message, &buttons.deny).await;
        assert!(other["modal"].is_null(), "the opposite is barred as long as nobody knows");
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(30)).await;
        assert_eq!(calls(town).iter().filter(|call| *call == "approve 200").count(), 1);
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+5400s>");
    })
    .await;
}

#[tokio::test]
async fn unknown_and_then_the_opposite_409_is_elsewhere() {
    run(async |town| {
        let (_, _) = unknown(town).await;
        town.discord.clear_faults();
        town.xt.mode(Mode::already("denied").at(Place::Approve));
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(state(town).await, "elsewhere approve");
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(status(town), @"⛔ Denied in XTSystems <+2s>");
    })
    .await;
}

#[tokio::test]
async fn unknown_and_then_refused_is_refused() {
    run(async |town| {
        let (_, _) = unknown(town).await;
        town.discord.clear_faults();
        town.xt.mode(Mode::refuse(403, "Not permitted for this key").at(Place::Approve));
        town.advance(TimeDelta::seconds(2)).await;
        assert_eq!(state(town).await, "refused approve");
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(status(town), @r"
        ⚠️ XTSystems refused to approve (asked for by <@approver> <+0s>)
        > Not permitted for this key (the API key's user may not decide about machines)
        ");
        assert!(town.button("machines", "Retry Approve").is_some() && town.button("machines", "Deny").is_some());
    })
    .await;
}

#[tokio::test]
async fn a_crash_while_sent_is_unknown_after_the_lease() {
    run(async |town| {
        sent(town).await;
        town.advance(TimeDelta::seconds(19)).await;
        assert_eq!(state(town).await, "sent approve", "the lease still runs");
        town.xt.mode(Mode::already("approved").at(Place::Approve).times(1));
        town.advance(TimeDelta::seconds(1)).await;
        assert_eq!(calls(town), ["approve 409"]);
        assert_eq!(state(town).await, "confirmed approve", "the call of the process that died did arrive");
        insta::assert_snapshot!(status(town), @"✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+20s>");
    })
    .await;
}

#[tokio::test]
async fn a_call_that_hangs_holds_up_no_other() {
    run(async |town| {
        let (_, first) = requested(town).await;
        town.machine("web-08").await;
        town.xt.mode(Mode::timeout_ms(60_000).at(Place::Approve).times(1));
        town.app.start_loops();
        town.only_press("approver", &first.message, &first.approve).await;
        town.until("the first is under way", || calls(town).len() == 1).await;
        let second = buttons(town);
        town.only_press("approver", &second.message, &second.approve).await;
        let approved = |hostname| town.xt.machines().iter().any(|m| m.hostname == hostname && m.status == "approved");
        town.until("the second is done", || approved("web-08")).await;
        assert_eq!(calls(town), ["approve -", "approve 200"], "the first hangs still");
        assert!(!approved("web-07"));
        status(town);
    })
    .await;
}
