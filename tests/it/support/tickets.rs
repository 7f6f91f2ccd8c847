//! Tickets as tests need them: opened, pressed on, and what came of it, here and in XTSystems.

use serde_json::{Value, json};
use standin::xtsystems::Ticket;

use super::machines::names;
use super::town::{Town, told};

/// Somebody opens a ticket; its card is in #tickets.
pub async fn opened(town: &Town) -> Ticket {
    let ticket = town.xt.open_ticket("Printer on floor 2 is offline", "Since 09:40. The phones work.", "High").await;
    town.settle().await;
    ticket.unwrap()
}

/// The ticket as XTSystems has it now.
pub fn upstream(town: &Town) -> Ticket {
    town.xt.tickets().into_iter().next().expect("there is a ticket")
}

/// The custom id of a control on the newest card in #tickets, by its verb, and the card's message.
pub fn control(town: &Town, verb: &str) -> (String, String) {
    let messages = town.messages("tickets");
    let message = messages.last().expect("there is a card");
    let rows = message["components"].as_array().cloned().unwrap_or_default();
    let all = rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
    let ids = all.filter_map(|c| c["custom_id"].as_str().map(str::to_owned));
    let wanted = format!("v1:ticket:{verb}:");
    let id = ids.into_iter().find(|id| id.starts_with(&wanted));
    (message["id"].as_str().unwrap().to_owned(), id.unwrap_or_else(|| panic!("the card has no {verb}")))
}

/// Chooses in a select of the card and leaves what follows undone.
pub async fn only_choose(town: &Town, who: &str, verb: &str, label: &str) -> Value {
    let (message, id) = control(town, verb);
    choose_in(town, who, &message, &id, label).await
}

pub async fn choose_in(town: &Town, who: &str, message: &str, id: &str, label: &str) -> Value {
    let select = json!({ "as": who, "do": "select", "message": message, "custom_id": id, "values": [label] });
    town.discord.act(select).await
}

/// Chooses in a select of the card; what the person was told, then and later.
pub async fn choose(town: &Town, who: &str, verb: &str, label: &str) -> String {
    let outcome = only_choose(town, who, verb, label).await;
    town.settle().await;
    heard_later(town, &outcome)
}

/// Presses a button of the card; what the person was told, then and later.
pub async fn press(town: &Town, who: &str, verb: &str) -> String {
    let (message, id) = control(town, verb);
    let outcome = town.only_press(who, &message, &id).await;
    town.settle().await;
    heard_later(town, &outcome)
}

/// Presses a button that opens a form, writes and sends it, and leaves what follows undone.
pub async fn only_write(town: &Town, who: &str, verb: &str, content: &str) -> Value {
    let (message, id) = control(town, verb);
    let form = town.only_press(who, &message, &id).await;
    let modal = form["modal"]["custom_id"].as_str().unwrap_or_else(|| panic!("no form: {form:#}"));
    let submit = json!({ "as": who, "do": "submit", "modal": modal, "values": { "content": content } });
    town.discord.act(submit).await
}

pub async fn write(town: &Town, who: &str, verb: &str, content: &str) -> String {
    let outcome = only_write(town, who, verb, content).await;
    town.settle().await;
    heard_later(town, &outcome)
}

/// What somebody was told about what they did, up to now.
pub fn heard_later(town: &Town, outcome: &Value) -> String {
    let id = outcome["interaction_id"].as_str().unwrap_or_else(|| panic!("it failed: {outcome:#}")).parse().unwrap();
    let now = town.discord.outcome(id);
    assert!(now.get("failed").is_none(), "{now:#}");
    names(town, &told(&now))
}

/// The states of everything asked for, oldest first.
pub async fn states(town: &Town) -> String {
    town.column("SELECT concat_ws(' ', verb, value_name, state) FROM ticket_action ORDER BY interaction_id")
        .await
        .join(", ")
}

/// Calls about tickets that reached XTSystems: `PUT 200`, `POST notes 201`; those that only look, too.
pub fn calls(town: &Town) -> Vec<String> {
    let calls = town.xt.calls().into_iter().filter(|call| call.path.starts_with("/v1/tickets"));
    calls
        .map(|call| {
            let what = if call.path.ends_with("/notes") { format!("{} notes", call.method) } else { call.method };
            call.status.map_or(format!("{what} -"), |status| format!("{what} {status}"))
        })
        .collect()
}

/// The card in #tickets as a person sees it.
pub fn card(town: &Town) -> String {
    marks_hidden(&names(town, &town.see("tickets")))
}

/// One field of the card.
pub fn field(town: &Town, name: &str) -> String {
    let messages = town.messages("tickets");
    let fields = messages.last().unwrap()["embeds"][0]["fields"].as_array().cloned().unwrap_or_default();
    let found = fields.iter().find(|field| field["name"] == name);
    let value = found.and_then(|field| field["value"].as_str()).unwrap_or("");
    marks_hidden(&names(town, &super::town::plain_times(value)))
}

/// `[k3J9sd2Q]` → `[mark]`: it is another one each time.
pub fn marks_hidden(text: &str) -> String {
    let mut out = String::new();
    for (n, piece) in text.split("via Discord ").enumerate() {
        if n == 0 {
            out.push_str(piece);
            continue;
        }
        let end = piece.find(']').map_or(0, |end| end + 1);
        out.push_str(&format!("via Discord [mark]{}", &piece[end..]));
    }
    out
}

/// The audit log about tickets and links: who, what, and the details that tell.
pub async fn audit(town: &Town) -> String {
    let lines = town
        .column(
            "SELECT concat_ws(' ', a.action, a.detail->>'verb', a.detail->>'value', a.detail->>'why', a.detail->>'content',
                 a.detail->>'upstream', a.detail->>'name', 'by ' || p.discord_user_id)
             FROM audit a LEFT JOIN person p ON p.id = a.person_id
             WHERE a.action LIKE 'ticket%' OR a.action LIKE '%link%' ORDER BY a.id",
        )
        .await;
    names(town, &lines.join("\n"))
}

/// Somebody with Manage Server says who a member is in XTSystems; the user's id there.
pub async fn linked(town: &Town, member: &str, upstream: &str) -> String {
    let options = json!({ "upstream": upstream, "member": member });
    let outcome = town.command("admin", "link-user set", options).await;
    assert!(told(&outcome).starts_with("✅"), "{outcome:#}");
    let ids = town.column("SELECT upstream_user_id FROM upstream_link ORDER BY linked_at DESC LIMIT 1").await;
    ids.into_iter().next().unwrap()
}

/// The process that was to call XTSystems holds the lease, and is never heard of again.
pub async fn claimed_by_another(town: &Town) {
    let now = town.clock.now();
    let until = now + chrono::TimeDelta::seconds(30);
    let claimed = town.store().claim_action(None, uuid::Uuid::from_u128(7), now, until).await.unwrap();
    assert!(claimed.is_some(), "something was due");
}
