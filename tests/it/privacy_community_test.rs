//! A member who has done everything that a stream community can do is forgotten: no id, no name and no word of theirs is left
//! in any table, but where the privacy policy says so.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::community::link;
use signalbox::store::privacy::{By, TABLES};
use standin::kick::STREAMER;

use crate::secret_test::everything;
use crate::support::kick::run_kick;
use crate::support::machines::form;
use crate::support::town::{Town, told};

/// Who is forgotten: an admin, so that they can leave everything behind.
const WHO: &str = "admin";
const VIEWER: &str = "quokka_fan_77";
/// Stands in all that they write or answer, and in what others write about them.
const WORD: &str = "zebrafish";

/// Tables in which nobody of a community leaves anything; the tests of what fills them are elsewhere.
const ELSEWHERE: &[&str] = &[
    "api_key",
    "approval",
    "approval_reply",
    "approval_rule",
    "approval_vote",
    "audit_repeat",
    "message",
    "privacy_deletion",
    "route",
    "route_change",
    "route_draft",
    "silence",
    "stats_link",
    "stats_name",
    "ticket_action",
    "upstream_link",
    "upstream_link_request",
];

/// What Kick told of stays as it told it, for as long as the policy says of events, of messages about them and of what was
/// decided.
const BY_KICK: &[&str] = &[
    "approval.title",
    "event.data",
    "event.plan",
    "event.plan_note",
    "event_raw.body",
    "message.embed",
    "send.body",
    "subject.state",
];

async fn command(town: &Town, name: &str, options: Value) -> Value {
    let outcome = town.command(WHO, name, options).await;
    town.settle().await;
    outcome
}

fn message_of(outcome: &Value) -> Value {
    if outcome["followups"][0].is_object() { outcome["followups"][0].clone() } else { outcome["message"].clone() }
}

async fn press(town: &Town, outcome: &Value, begin: &str) -> Value {
    let message = message_of(outcome);
    let text = message["components"].to_string();
    let at = text.find(begin).unwrap_or_else(|| panic!("{begin}: {outcome:#}"));
    let id = text[at..].split('"').next().unwrap();
    town.press_id(WHO, message["id"].as_str().unwrap(), id).await
}

/// Up to the question whether to buy it.
async fn asks_to_buy(town: &Town) -> Value {
    let shop = command(town, "shop show", json!({})).await;
    let pick = json!({ "as": WHO, "do": "select", "message": message_of(&shop)["id"], "custom_id": "v1:shop:pick:0",
        "values": ["Key: 5 points"] });
    let opened = town.discord.act(pick).await;
    let values = json!({ "answer": format!("{WORD} platform"), "note": format!("{WORD} note") });
    town.submit(WHO, form(&opened), values).await
}

async fn is_connected(town: &Town) {
    // The channel with everything that Kick tells of it, and an account that the member has connected.
    town.connect_kick(STREAMER).await;
    let url = crate::support::kick::link(town, WHO, "kick connect", json!({ "account": "bot" })).await;
    crate::support::kick::allow(town, &mut crate::support::kick::Browser::new(), &url, "Rook_TV").await;
    let outcome = town.command(WHO, "community import", json!({})).await;
    let lines = format!("viewer,minutes,points\n{VIEWER},100,300\n");
    town.submit(WHO, form(&outcome), json!({ "lines": lines })).await;
    command(town, "community rules", json!({ "redemption": 10 })).await;
    command(town, "watchroles set", json!({ "role": "Approver", "minutes": 5 })).await;
    command(town, "community multiplier", json!({ "role": "Approver", "percent": 150 })).await;
    let id = town.kick.person(VIEWER).user_id;
    link::link(&town.app.ports, town.guild(), town.user(WHO), id, VIEWER).await.unwrap();
    command(town, "raffle start", json!({ "prize": "A chair", "for": "30d", "channel": "party" })).await;
    command(town, "gtb open", json!({})).await;
    command(town, "slots set", json!({ "channel": "alerts", "clip_channel": "party", "cooldown": 0 })).await;
    command(town, "slots on", json!({})).await;
    command(
        town,
        "chatcommand set",
        json!({ "name": "hug", "answer": "{user} hugs {target}", "cost": 1, "cooldown": 0 }),
    )
    .await;
    command(town, "shop add", json!({ "name": "Key", "price": 5, "question": "Which?" })).await;
}

/// What the viewer does on Kick.
async fn watches(town: &Town) {
    let kick = &town.kick;
    kick.go_live(STREAMER, "Slots").await;
    for _ in 0..12 {
        kick.chat(STREAMER, VIEWER, "hello").await;
        kick.chat(STREAMER, "bob", "hello").await;
        town.advance(TimeDelta::minutes(1)).await;
    }
    kick.follow(STREAMER, VIEWER).await;
    kick.subscribe(STREAMER, VIEWER).await;
    kick.gift_subs(STREAMER, Some(VIEWER), &["bob"]).await;
    kick.give_kicks(STREAMER, VIEWER, 500, "Rage Quit", &format!("{WORD} kicks")).await;
    let redemption = kick.redeem(STREAMER, VIEWER, "Song Request", &format!("{WORD} song")).await;
    kick.decide_redemption(STREAMER, &redemption, true).await;
    town.settle().await;
    for text in ["!points", "!rank", "!call Zebra Slot", "!gtb 1500", "!hug @bob", "!raffle"] {
        kick.chat(STREAMER, VIEWER, text).await;
        town.advance(TimeDelta::seconds(10)).await;
    }
    kick.chat(STREAMER, VIEWER, &format!("!clip {WORD} clip")).await;
    kick.chat(STREAMER, "bob", &format!("!hug @{VIEWER}")).await;
    command(town, "slots pick", json!({})).await;
    town.advance(TimeDelta::minutes(60)).await;
    // In an hour that a role multiplies.
    for _ in 0..6 {
        kick.chat(STREAMER, VIEWER, "still here").await;
        kick.chat(STREAMER, "bob", "me too").await;
        town.advance(TimeDelta::minutes(1)).await;
    }
    town.advance(TimeDelta::minutes(11)).await;
}

/// What the member does in Discord.
async fn takes_part(town: &Town) {
    for on in [true, false] {
        command(town, "community force", json!({ "on": on })).await;
    }
    let grant = json!({ "member": WHO, "amount": 100, "reason": format!("{WORD} for {VIEWER}") });
    command(town, "points grant", grant).await;
    command(town, "raffle give", json!({ "member": WHO, "tickets": 5, "reason": format!("{WORD} tickets") })).await;
    let asked = asks_to_buy(town).await;
    press(town, &asked, "v1:shop:confirm:").await;
    let queue = command(town, "shop queue", json!({})).await;
    let sale = town.column("SELECT id::text FROM shop_sale").await;
    let select = json!({ "as": WHO, "do": "select", "message": message_of(&queue)["id"], "custom_id": "v1:shop:sale:0",
        "values": sale });
    let sale = town.discord.act(select).await;
    press(town, &sale, "v1:shop:refund:").await;
    asks_to_buy(town).await;
    command(town, "giveaway start", json!({ "prize": "A mug", "channel": "stream", "question": "Why?" })).await;
    let opened = town.press(WHO, "stream", "Join").await;
    town.submit(WHO, form(&opened), json!({ "answer": format!("{WORD} answer") })).await;
    command(town, "slots block", json!({ "name": VIEWER, "reason": format!("{WORD} block") })).await;
    command(town, "community ignore", json!({ "viewer": VIEWER })).await;
    command(town, "points give", json!({ "member": "member", "amount": 1 })).await;
    town.advance(TimeDelta::minutes(11)).await;
}

/// Tables with a column that names the member, in which none of their rows is.
async fn without_a_trace(town: &Town) -> Vec<&'static str> {
    let persons = "SELECT id FROM person WHERE discord_user_id = $1 OR kick_user_id = $2";
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let mut untouched = Vec::new();
    for table in TABLES.iter().filter(|table| !table.members.is_empty() && !ELSEWHERE.contains(&table.name)) {
        for member in table.members {
            let is_theirs = match member.by {
                By::Person => format!("{} IN ({persons})", member.column),
                By::Viewer | By::Kick => format!("{} = $2", member.column),
                By::User => format!("{} = $1", member.column),
                By::Mentions | By::Body => continue,
            };
            let sql =
                format!("SELECT count(*) FROM {} WHERE $1::bigint > 0 AND $2::bigint > 0 AND {is_theirs}", table.name);
            let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .bind(town.user(WHO).0)
                .bind(town.kick.person(VIEWER).user_id)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            if count == 0 {
                untouched.push(Box::leak(format!("{}.{}", table.name, member.column).into_boxed_str()) as &str);
            }
        }
    }
    untouched
}

/// `table.column` of every place where one of these stands, whatever the case.
async fn places(town: &Town, texts: &[&str]) -> BTreeSet<String> {
    let all = everything(town).await;
    let found = all.iter().filter_map(|line| {
        let (place, value) = line.split_once(": ")?;
        let value = value.to_lowercase();
        texts.iter().any(|text| value.contains(text)).then(|| place.to_owned())
    });
    found.collect()
}

fn lines(places: &BTreeSet<String>) -> String {
    places.iter().cloned().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn nothing_of_a_viewer_who_did_everything_is_left() {
    run_kick(async |town| {
        is_connected(town).await;
        watches(town).await;
        takes_part(town).await;
        assert_eq!(without_a_trace(town).await, [""; 0], "they have left something in each table of a community");
        let (user, kick) = (town.user(WHO).0.to_string(), town.kick.person(VIEWER).user_id.to_string());
        let theirs = [user.as_str(), kick.as_str(), VIEWER, WORD];
        insta::assert_snapshot!(lines(&places(town, &theirs).await), @"
        approval.title
        chat_pulse.viewer
        clip_marker.name
        clip_marker.title
        draw_entry.answer
        draw_ticket.cause
        draw_ticket.reason
        event.data
        event_raw.body
        gtb_guess.name
        kick_chat.text
        ledger.cause
        ledger.detail
        message.embed
        person.discord_user_id
        person.kick_user_id
        send.body
        shop_draft.answer
        shop_draft.note
        shop_sale.answer
        shop_sale.note
        slot_block.reason
        slot_call.name
        subject.state
        viewer.name_key
        viewer.username
        viewer_opening.name_key
        watchtime.username
        ");
        let asked = town.command(WHO, "privacy delete", json!({})).await;
        let outcome = town.submit(WHO, form(&asked), json!({ "word": "DELETE" })).await;
        assert!(told(&outcome).starts_with("Deleted."), "{outcome:#}");
        town.advance(TimeDelta::seconds(20)).await;
        let wrong = "SELECT count(*) FROM point_account a WHERE balance <>
            (SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id)";
        assert_eq!(town.count(wrong).await, 0, "the ledger adds up as before");
        let left = places(town, &theirs).await;
        let told_by_kick = BY_KICK.iter().map(|place| (*place).to_owned()).collect();
        assert!(left.is_subset(&told_by_kick), "{:?}", left.difference(&told_by_kick));
        let said = "SELECT concat_ws(' ', e.data, e.plan, e.plan_note, m.embed, s.body) FROM event e
            LEFT JOIN message m ON m.event_id = e.id LEFT JOIN send s ON s.id = m.send_id WHERE e.kind = 'signalbox.community'";
        let named = |line: &&String| theirs.iter().any(|text| line.to_lowercase().contains(*text));
        assert_eq!(town.column(said).await.iter().find(named), None, "nor in what the bot said of its own accord");
        for channel in ["ops", "party", "stream", "alerts", "tickets", "machines"] {
            town.see(channel);
        }
    })
    .await;
}
