//! An approval that is not about a machine: opened by the same functions, decided by the same presses.

use crate::support::delivery::ticket;
use crate::support::machines::{calls, form, heard, names, state};
use crate::support::town::{Setup, Town, run_with};
use serde_json::json;
use signalbox::approval::{Opening, open};
use signalbox::event::kind::SubjectKind;
use signalbox::event::{Event, Severity};
use signalbox::id::GuildId;
use signalbox::store::approval::UpstreamCall;
use signalbox::store::subject::{SubjectKey, lock_subjects};
use signalbox::store::{Store, card};
use uuid::Uuid;

/// A change is to be decided on, on the card of the ticket that it belongs to.
async fn change_requested(town: &Town) {
    town.send("ticket.created", ticket("1", "open")).await;
    let text = async |sql| town.column(sql).await.remove(0);
    let source_id: Uuid = text("SELECT source_id::text FROM subject").await.parse().unwrap();
    let key = text("SELECT key FROM subject").await;
    let (guild_id, now) = (GuildId::from(town.discord.guild_id()), town.clock.now());
    let event = Event {
        id: town.clock.uuid(),
        source_id,
        guild_id,
        kind: "change.requested".into(),
        subject: Some(key.clone()),
        occurred_at: now,
        received_at: now,
        severity: Severity::Info,
        dedup_key: "change-1".into(),
        data: json!({}),
    };
    let wanted = SubjectKey { id: town.clock.uuid(), guild_id, source_id, key, kind: SubjectKind::Ticket };
    let mut tx = town.store().begin().await.unwrap();
    let subject = lock_subjects(&mut tx, &[wanted], now).await.unwrap().remove(0);
    let opening = Opening {
        kind: "change",
        title: "Reboot switch 4".into(),
        facts: &["status"],
        call: UpstreamCall::Machine {
            asset_id: "switch-4".into(),
            company_id: Some(standin::xtsystems::COMPANY_ID.into()),
        },
        requested_by: Some("ada@signal-town.example".into()),
        decided: None,
    };
    open(&town.app.ports, &mut tx, &event, &subject, opening).await.unwrap();
    card::touch_cards(&mut tx, &[subject.id]).await.unwrap();
    Store::commit(tx).await.unwrap();
    town.settle().await;
}

/// The part of the card that is about the approval.
fn approval(town: &Town) -> String {
    let seen = names(town, &town.see("tickets"));
    let from = seen.find("Approval: ").expect("the card has an approval");
    seen[from..].to_owned()
}

#[tokio::test]
async fn a_change_is_decided_on_its_tickets_card() {
    let env = vec![("APPROVALS_NEEDED", "1".to_owned()), ("APPROVALS_CONFIRM_HOSTNAMES", "reboot*".to_owned())];
    run_with(Setup { env, ..Setup::default() }, async |town| {
        change_requested(town).await;
        insta::assert_snapshot!(approval(town), @"
        Approval: Reboot switch 4
        🟠 Pending Approval
        Requested by ada@signal-town.example
        -- XTSystems · ticket.created
        (Set the status ▾ Open)
        (Set the priority ▾ –)
        (Approve) (Deny) (Assign to me) (Note) (Close)
        (Silence)
        ");
        let pressed = town.press("approver", "tickets", "Approve").await;
        assert_eq!(pressed["modal"]["title"], "Approve this change");
        town.send("ticket.updated", ticket("1", "waiting")).await;
        let late = town.submit("approver", form(&pressed), json!({ "title": "Reboot switch 4" })).await;
        insta::assert_snapshot!(heard(town, &late), @"What the card says has changed since it was shown. Look at it again before deciding.");
        let pressed = town.press("approver", "tickets", "Approve").await;
        town.submit("approver", form(&pressed), json!({ "title": "reboot switch 4" })).await;
        assert_eq!((state(town).await.as_str(), calls(town).len()), ("confirmed approve", 1));
        let decided = "Approval: Reboot switch 4\n✅ Approved by <@approver> <+0s>, confirmed by XTSystems <+0s>";
        assert!(approval(town).starts_with(decided), "{}", approval(town));
        // XTSystems tells of the machine that the call named.
        town.see("machines");
    })
    .await;
}
