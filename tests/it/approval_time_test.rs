//! What happens while nobody decides: a reminder, an escalation to a role, the end. Each once.

use crate::support::machines::{audit, calls, deny, freeze_cards, heard, names, requested, state, status};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;
use standin::xtsystems::Mode;

/// A reminder after an hour, the role after four, the end after a day.
fn all(town_role: &str) -> Setup {
    Setup::with(&[
        ("APPROVALS_REMIND_AFTER", "1h"),
        ("APPROVALS_ESCALATE_AFTER", "4h"),
        ("APPROVALS_ESCALATE_ROLE", town_role),
        ("APPROVALS_EXPIRE_AFTER", "1d"),
    ])
}

/// The role Admin of every town.
const ADMIN_ROLE: &str = "1180000000000000021";

/// What stands below the card.
fn below(town: &Town) -> String {
    let messages = town.messages("machines");
    let Some((first, rest)) = messages.split_first() else { return "no card".to_owned() };
    let card = first["id"].as_str().unwrap().to_owned();
    let text = rest.iter().map(crate::support::town::show).collect::<Vec<_>>().join("\n");
    let link = format!("{}/{}/{card}", town.discord.guild_id(), town.discord.channel_id("machines"));
    names(town, &text).replace(&link, "CARD").replace(ADMIN_ROLE, "Admin")
}

#[tokio::test]
async fn the_channel_is_reminded_then_the_role_then_it_expires() {
    run_with(all(ADMIN_ROLE), async |town| {
        let (_, buttons) = requested(town).await;
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        Expires <+86400s>
        ");
        town.advance(TimeDelta::minutes(59)).await;
        assert_eq!(below(town), "");
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(below(town), @"
        [⏰ Still to be decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder
        ");
        town.advance(TimeDelta::hours(3)).await;
        insta::assert_snapshot!(below(town), @"
        [⏰ Still to be decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder

        <@&Admin>
        [🔔 Nobody has decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder
        ");
        let last = town.messages("machines").pop().unwrap();
        assert_eq!(last["mention_roles"], serde_json::json!([ADMIN_ROLE]), "the role is pinged, and nobody else");
        freeze_cards(town);
        town.advance(TimeDelta::hours(20)).await;
        assert_eq!(town.messages("machines").len(), 3, "each once");
        let late = town.press_id("approver", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &late), @"Nobody decided in time, and this has expired; nothing was done.");
        town.discord.clear_faults();
        town.advance(TimeDelta::hours(1)).await;
        insta::assert_snapshot!(names(town, &town.see("machines")).lines().take(8).collect::<Vec<_>>().join("\n"), @"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: ⌛ Expired <+86400s>: nobody decided in time
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        ");
        assert_eq!(calls(town).len(), 0);
        insta::assert_snapshot!(audit(town).await, @"
        requested
        reminded
        escalated
        expired
        press_refused approve expired by approver
        ");
    })
    .await;
}

#[tokio::test]
async fn what_is_decided_is_not_spoken_of() {
    run_with(all(ADMIN_ROLE), async |town| {
        requested(town).await;
        town.press("approver", "machines", "Approve").await;
        town.advance(TimeDelta::days(2)).await;
        assert_eq!((below(town).as_str(), state(town).await.as_str()), ("", "confirmed approve"));
    })
    .await;
}

#[tokio::test]
async fn a_role_is_pinged_only_where_there_is_one() {
    run_with(Setup::with(&[("APPROVALS_ESCALATE_AFTER", "1h")]), async |town| {
        requested(town).await;
        town.advance(TimeDelta::hours(2)).await;
        assert_eq!(below(town), "");
    })
    .await;
}

#[tokio::test]
async fn two_bots_remind_once() {
    run_with(all(ADMIN_ROLE), async |town| {
        requested(town).await;
        let (other, lifecycle) = town.another_bot().await;
        for hours in [1, 3, 20] {
            town.clock.advance(TimeDelta::hours(hours));
            town.world_clock.advance(TimeDelta::hours(hours));
            for _ in 0..20 {
                let (here, there) = tokio::join!(town.app.step(), other.step());
                if here.unwrap() + there.unwrap() == 0 {
                    break;
                }
            }
        }
        assert_eq!(town.messages("machines").len(), 3);
        for action in ["reminded", "escalated", "expired"] {
            let lines = town.column("SELECT action FROM audit").await;
            assert_eq!(lines.iter().filter(|line| *line == action).count(), 1, "{action}");
        }
        assert_eq!(state(town).await, "expired");
        lifecycle.stop();
    })
    .await;
}

/// The bot was down when everything came due: it still happens once, and in order.
#[tokio::test]
async fn what_came_due_while_the_bot_was_down_is_done_afterwards() {
    run_with(all(ADMIN_ROLE), async |town| {
        requested(town).await;
        town.clock.advance(TimeDelta::hours(5));
        town.world_clock.advance(TimeDelta::hours(5));
        town.restart().await;
        town.settle().await;
        insta::assert_snapshot!(below(town), @"
        <@&Admin>
        [⏰ Still to be decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder
        [🔔 Nobody has decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder
        ");
    })
    .await;
}

#[tokio::test]
async fn a_reminder_waits_for_its_card() {
    run_with(Setup::with(&[("APPROVALS_REMIND_AFTER", "1m")]), async |town| {
        town.fault("create_message", "status:500", 2);
        town.machine("web-07").await;
        town.advance(TimeDelta::minutes(1)).await;
        town.advance(TimeDelta::minutes(10)).await;
        insta::assert_snapshot!(below(town), @"
        [⏰ Still to be decided]
        **web-07** waits since <+0s>.
        [Decide on its card](https://discord.com/channels/CARD)
        -- Signalbox · reminder
        ");
    })
    .await;
}

/// The time is over, and nobody has looked yet.
#[tokio::test]
async fn a_press_after_the_end_decides_nothing() {
    run_with(Setup::with(&[("APPROVALS_EXPIRE_AFTER", "1h")]), async |town| {
        let (_, buttons) = requested(town).await;
        town.clock.advance(TimeDelta::hours(1));
        town.world_clock.advance(TimeDelta::hours(1));
        let outcome = town.only_press("approver", &buttons.message, &buttons.approve).await;
        insta::assert_snapshot!(heard(town, &outcome), @"Nobody decided in time, and this has expired; nothing was done.");
        town.settle().await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("expired", 0));
        insta::assert_snapshot!(audit(town).await, @"
        requested
        expired
        press_refused approve expired by approver
        ");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn what_expired_is_still_decided_in_xtsystems_or_opened_anew() {
    run_with(Setup::with(&[("APPROVALS_EXPIRE_AFTER", "1h")]), async |town| {
        let (machine, _) = requested(town).await;
        town.advance(TimeDelta::hours(1)).await;
        town.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
        town.settle().await;
        insta::assert_snapshot!(status(town), @"✅ Approved in XTSystems by eve@xt.example <+3600s>");
        town.machine("db-01").await;
        town.advance(TimeDelta::hours(1)).await;
        town.machine("db-01").await;
        assert_eq!(state(town).await, "elsewhere, expired, requested");
        status(town);
    })
    .await;
}

/// Two have to approve, within an hour; a denial is refused, and after two hours one approves.
#[tokio::test]
async fn what_is_open_again_has_all_of_its_time() {
    let setup = Setup::with(&[("APPROVALS_NEEDED", "2"), ("APPROVALS_EXPIRE_AFTER", "1h")]);
    run_with(setup, async |town| {
        let (_, buttons) = requested(town).await;
        town.xt.mode(Mode::refuse(422, "the licence is over").times(1));
        deny(town, "approver", &buttons, "not one of ours").await;
        town.advance(TimeDelta::hours(2)).await;
        town.press("approver", "machines", "Approve").await;
        assert_eq!(state(town).await, "requested");
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        1 of 2 approved: <@approver> <+7200s>
        Expires <+10800s>
        ");
        town.advance(TimeDelta::hours(1)).await;
        assert_eq!(state(town).await, "expired");
        status(town);
    })
    .await;
}

#[tokio::test]
async fn what_is_undone_has_all_of_its_time() {
    let setup = Setup::with(&[("APPROVALS_UNDO_SECONDS", "60"), ("APPROVALS_EXPIRE_AFTER", "1h")]);
    run_with(setup, async |town| {
        requested(town).await;
        town.advance(TimeDelta::minutes(59)).await;
        town.press("approver", "machines", "Approve").await;
        town.advance(TimeDelta::seconds(50)).await;
        town.press("approver", "machines", "Undo").await;
        insta::assert_snapshot!(status(town), @"
        🟠 Pending Approval
        ↩️ Undone by <@approver> <+3590s>
        Expires <+7190s>
        ");
    })
    .await;
}

#[tokio::test]
async fn one_that_cannot_be_dealt_with_does_not_hold_up_the_others() {
    run_with(Setup::with(&[("APPROVALS_EXPIRE_AFTER", "1h")]), async |town| {
        town.machine("web-07").await;
        town.advance(TimeDelta::seconds(1)).await;
        town.machine("db-01").await;
        town.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it is broken'; END $$",
        )
        .await;
        town.execute("CREATE TRIGGER broken BEFORE UPDATE ON approval FOR EACH ROW WHEN (OLD.title = 'web-07') EXECUTE FUNCTION broken()").await;
        town.expect_error("cannot be done");
        town.advance(TimeDelta::hours(2)).await;
        assert_eq!(state(town).await, "requested, expired");
        assert!(town.has_logged("cannot be done"));
        status(town);
    })
    .await;
}
