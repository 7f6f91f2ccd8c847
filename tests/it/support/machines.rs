//! Approvals as tests need them: brought into a state, their cards, their calls, their audit.

use super::town::{Town, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::id::UserId;
use standin::xtsystems::{Machine, Mode};
use uuid::Uuid;

/// The buttons of a card as somebody has them on the screen, whatever the card shows by now.
pub struct Buttons {
    pub message: String,
    pub approve: String,
    pub deny: String,
}

/// A machine asks to be let in; its card and the buttons that it had at first.
pub async fn requested(town: &Town) -> (Machine, Buttons) {
    let machine = town.machine("web-07").await;
    (machine, buttons(town))
}

pub fn buttons(town: &Town) -> Buttons {
    let (message, approve) = town.button("machines", "Approve").expect("the card has Approve");
    let (_, deny) = town.button("machines", "Deny").expect("the card has Deny");
    Buttons { message, approve, deny }
}

/// The id of the form that a press has opened.
pub fn form(outcome: &Value) -> &str {
    outcome["modal"]["custom_id"].as_str().unwrap_or_else(|| panic!("a form: {outcome}"))
}

/// Presses Deny and gives a reason; what the presser was told.
pub async fn deny(town: &Town, who: &str, buttons: &Buttons, reason: &str) -> String {
    let pressed = town.press_id(who, &buttons.message, &buttons.deny).await;
    heard(town, &town.submit(who, form(&pressed), json!({ "reason": reason })).await)
}

/// From now on Discord takes no edit: people have an outdated card before them.
pub fn freeze_cards(town: &Town) {
    town.fault("edit_message", "status:500", 1000);
}

/// Somebody has pressed Approve; nothing has been done about it yet.
pub async fn deciding(town: &Town) -> (Machine, Buttons) {
    let (machine, buttons) = requested(town).await;
    let outcome = town.only_press("approver", &buttons.message, &buttons.approve).await;
    assert_eq!(told(&outcome), "");
    assert_eq!(state(town).await, "deciding approve");
    (machine, buttons)
}

/// Somebody has pressed Approve, and the process that was to call XTSystems holds the lease.
pub async fn sent(town: &Town) -> (Machine, Buttons) {
    let (machine, buttons) = deciding(town).await;
    claimed_by_another(town, TimeDelta::zero()).await;
    assert_eq!(state(town).await, "sent approve");
    (machine, buttons)
}

/// The process that is to call XTSystems takes the lease this long from now, and is never heard of again.
pub async fn claimed_by_another(town: &Town, from_now: TimeDelta) {
    let at = town.clock.now() + from_now;
    let claimed =
        town.store().claim_approvals(Uuid::from_u128(7), at, at + TimeDelta::seconds(20), 8, true).await.unwrap();
    assert_eq!(claimed.len(), 1);
}

/// XTSystems answered 500 to Approve, and nobody knows whether it did it.
pub async fn unknown(town: &Town) -> (Machine, Buttons) {
    let (machine, buttons) = requested(town).await;
    town.xt.mode(Mode::status(500));
    freeze_cards(town);
    town.press_id("approver", &buttons.message, &buttons.approve).await;
    town.xt.mode(Mode::ok());
    assert_eq!(state(town).await, "unknown approve");
    (machine, buttons)
}

/// XTSystems refused to approve.
pub async fn refused(town: &Town) -> (Machine, Buttons) {
    let (machine, buttons) = requested(town).await;
    town.xt.mode(Mode::refuse(422, "the licence allows no further machine").times(1));
    town.press_id("approver", &buttons.message, &buttons.approve).await;
    assert_eq!(state(town).await, "refused approve");
    (machine, buttons)
}

/// The states of all approvals, oldest first, with the decision taken.
pub async fn state(town: &Town) -> String {
    town.column("SELECT concat_ws(' ', state, verb) FROM approval ORDER BY occurred_at, received_at, id")
        .await
        .join(", ")
}

/// Calls about machines that reached XTSystems: `approve 200`.
pub fn calls(town: &Town) -> Vec<String> {
    let calls = town.xt.calls().into_iter().filter(|call| call.path.starts_with("/v1/machine/"));
    calls
        .map(|call| {
            let verb = call.path.trim_start_matches("/v1/machine/").to_owned();
            call.status.map_or(format!("{verb} -"), |status| format!("{verb} {status}"))
        })
        .collect()
}

/// The audit log: who, what, and the details that tell.
pub async fn audit(town: &Town) -> String {
    let lines = town
        .column(
            "SELECT concat_ws(' ', a.action, a.detail->>'verb', a.detail->>'why', a.detail->>'reason', a.detail->>'upstream',
                 a.detail->>'approved_by', 'by ' || p.discord_user_id)
             FROM audit a LEFT JOIN person p ON p.id = a.person_id ORDER BY a.id",
        )
        .await;
    names(town, &lines.join("\n"))
}

/// User and role ids as names.
pub fn names(town: &Town, text: &str) -> String {
    let mut text = text.to_owned();
    for user in ["admin", "approver", "member"] {
        text = text.replace(&UserId::from(town.discord.user_id(user)).to_string(), user);
    }
    text.replace(&town.discord.role_id("Approver").to_string(), "Approver")
}

/// What the presser was told, with names for ids.
pub fn heard(town: &Town, outcome: &Value) -> String {
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    names(town, &told(outcome))
}

/// The card's `Status` line.
pub fn status(town: &Town) -> String {
    let seen = names(town, &town.see("machines"));
    let from = seen.find("Status: ").expect("a card has a status");
    let rest = &seen[from + 8..];
    rest[..rest.find("\nTimeline").or(rest.find("\nReason")).unwrap_or(rest.len())].to_owned()
}

/// A second person who may approve.
pub fn second_approver(town: &Town) -> &'static str {
    town.discord.set_role(town.discord.user_id("member"), town.discord.role_id("Approver"), true);
    "member"
}
