//! The card of a machine in every state: what the channel reads.

use crate::support::machines::{
    self, audit, buttons, deciding, names, refused, requested, second_approver, sent, unknown,
};
use crate::support::town::{Setup, Town, run_with};
use chrono::TimeDelta;
use standin::xtsystems::Mode;

/// One state: its name, the rules it needs, and how a town gets there.
type State = (&'static str, &'static [(&'static str, &'static str)], Reach);
type Reach = for<'a> fn(&'a mut Town) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

async fn deny(town: &Town) {
    machines::deny(town, "approver", &buttons(town), "not one of ours").await;
}

const STATES: &[State] = &[
    ("requested", &[], |t| Box::pin(async { drop(requested(t).await) })),
    ("requested, with an end", &[("APPROVALS_EXPIRE_AFTER", "7d")], |t| Box::pin(async { drop(requested(t).await) })),
    ("requested, nobody of two", &[("APPROVALS_NEEDED", "2")], |t| Box::pin(async { drop(requested(t).await) })),
    ("requested, one of two", &[("APPROVALS_NEEDED", "2")], |t| {
        Box::pin(async {
            requested(t).await;
            t.press("approver", "machines", "Approve").await;
        })
    }),
    ("deciding, in the undo window", &[("APPROVALS_UNDO_SECONDS", "30")], |t| {
        Box::pin(async {
            requested(t).await;
            t.press("approver", "machines", "Approve").await;
        })
    }),
    ("deciding a denial, in the undo window", &[("APPROVALS_UNDO_SECONDS", "30")], |t| {
        Box::pin(async {
            requested(t).await;
            deny(t).await;
        })
    }),
    ("requested again after undo", &[("APPROVALS_UNDO_SECONDS", "30")], |t| {
        Box::pin(async {
            requested(t).await;
            t.press("approver", "machines", "Approve").await;
            t.advance(TimeDelta::seconds(5)).await;
            t.press("approver", "machines", "Undo").await;
        })
    }),
    ("deciding", &[], |t| {
        Box::pin(async {
            deciding(t).await;
            show_without_calling(t).await;
        })
    }),
    ("sent", &[], |t| {
        Box::pin(async {
            sent(t).await;
            show_without_calling(t).await;
        })
    }),
    ("unknown", &[], |t| {
        Box::pin(async {
            unknown(t).await;
            t.discord.clear_faults();
            t.xt.mode(Mode::status(500));
            t.advance(TimeDelta::minutes(1)).await;
        })
    }),
    ("refused", &[], |t| Box::pin(async { drop(refused(t).await) })),
    ("confirmed approve", &[], |t| {
        Box::pin(async {
            requested(t).await;
            t.press("approver", "machines", "Approve").await;
        })
    }),
    ("confirmed approve by two", &[("APPROVALS_NEEDED", "2")], |t| {
        Box::pin(async {
            requested(t).await;
            t.press("approver", "machines", "Approve").await;
            t.advance(TimeDelta::minutes(2)).await;
            t.press(second_approver(t), "machines", "Approve").await;
        })
    }),
    ("confirmed deny", &[], |t| {
        Box::pin(async {
            requested(t).await;
            deny(t).await;
        })
    }),
    ("elsewhere approve", &[], |t| {
        Box::pin(async {
            let (machine, _) = requested(t).await;
            t.xt.decide_in_web_ui(&machine.asset_id, true, "eve@xt.example").await;
            t.settle().await;
        })
    }),
    ("elsewhere deny", &[], |t| {
        Box::pin(async {
            requested(t).await;
            t.xt.mode(Mode::already("denied"));
            t.press("approver", "machines", "Approve").await;
        })
    }),
    ("superseded by a newer one", &[], |t| {
        Box::pin(async {
            requested(t).await;
            t.advance(TimeDelta::minutes(1)).await;
            t.machine("web-07").await;
            buttons(t);
        })
    }),
    ("expired", &[("APPROVALS_EXPIRE_AFTER", "1h")], |t| {
        Box::pin(async {
            requested(t).await;
            t.advance(TimeDelta::hours(1)).await;
        })
    }),
];

/// Brings the card up to date and calls nobody.
async fn show_without_calling(town: &Town) {
    while town.app.delivery.deliver_due(8).await.unwrap() > 0 {}
}

#[tokio::test]
async fn the_card_in_every_state() {
    let mut seen = String::new();
    for (name, env, reach) in STATES {
        run_with(Setup::with(env), async |town| {
            reach(town).await;
            seen.push_str(&format!("== {name}\n{}", names(town, &town.see("machines"))));
            assert!(!audit(town).await.is_empty());
        })
        .await;
    }
    insta::assert_snapshot!(seen, @"
    == requested
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    == requested, with an end
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    Expires <+604800s>
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    == requested, nobody of two
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    0 of 2 approved
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    == requested, one of two
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    1 of 2 approved: <@approver> <+0s>
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny) (Take Back)
    == deciding, in the undo window
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⏳ Approve asked for by <@approver> <+0s>, sent to XTSystems <+30s>
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Undo)
    == deciding a denial, in the undo window
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⏳ Deny asked for by <@approver> <+0s>, sent to XTSystems <+30s>
    Reason: not one of ours
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Undo)
    == requested again after undo
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    ↩️ Undone by <@approver> <+5s>
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    == deciding
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⏳ Approve asked for by <@approver> <+0s>, waiting for XTSystems to confirm
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    == sent
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⏳ Approve asked for by <@approver> <+0s>, waiting for XTSystems to confirm
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    == unknown
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ❔ Approve asked for by <@approver> <+0s>. XTSystems has not said whether it was done; asking again (2 so far)
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    == refused
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⚠️ XTSystems refused to approve (asked for by <@approver> <+0s>)
    > the licence allows no further machine
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    (Retry Approve) (Deny)
    == confirmed approve
    [🖥️ Machine Approved]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>
    Timeline: <+0s> registered
    <+0s> approved by integration@signal-town.example
    -- XTSystems · machine.approved
    == confirmed approve by two
    [🖥️ Machine Approved]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ✅ Approved by <@approver> <+0s>, <@member> <+120s>, confirmed by XTSystems <+120s>
    Timeline: <+0s> registered
    <+120s> approved by integration@signal-town.example
    -- XTSystems · machine.approved
    == confirmed deny
    [🖥️ Machine Denied]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⛔ Denied by <@approver> <+0s>, confirmed by XTSystems <+0s>
    Reason: not one of ours
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    == elsewhere approve
    [🖥️ Machine Approved]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ✅ Approved in XTSystems by eve@xt.example <+0s>
    Timeline: <+0s> registered
    <+0s> approved by eve@xt.example
    -- XTSystems · machine.approved
    == elsewhere deny
    [🖥️ Machine Denied]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⛔ Denied in XTSystems <+0s>
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    == superseded by a newer one
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: 🟠 Pending Approval
    Timeline: <+0s> registered
    <+60s> registered
    -- XTSystems · machine.registered
    (Approve) (Deny)
    == expired
    [🖥️ New Machine Registered]
    Hostname: web-07
    IP Address: 10.0.0.7
    OS: Debian 13
    Status: ⌛ Expired <+3600s>: nobody decided in time
    Timeline: <+0s> registered
    -- XTSystems · machine.registered
    ");
}
