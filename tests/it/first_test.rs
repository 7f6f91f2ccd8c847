//! The main job, from a signed webhook to the confirmed answer.

use crate::support::town::{run, told};

#[tokio::test]
async fn a_machine_is_approved() {
    run(async |town| {
        town.machine("web-07").await;
        insta::assert_snapshot!(town.see("machines"), @r"
        [🖥️ New Machine Registered]
        Hostname: web-07
        IP Address: 10.0.0.7
        OS: Debian 13
        Status: 🟠 Pending Approval
        Timeline: <+0s> registered
        -- XTSystems · machine.registered
        (Approve) (Deny)
        ");
        assert_eq!(told(&town.press("approver", "machines", "Approve").await), "");
        insta::assert_snapshot!(town.see("machines"), @"
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
