//! Silences as admins handle them: what is withheld while one lasts, and the one message that tells of it afterwards.

use serde_json::{Value, json};

use crate::support::delivery::{alert, minutes, seconds, ticket};
use crate::support::machines::{heard, names};
use crate::support::tickets::choose_in;
use crate::support::town::{Setup, Town, run, run_with, show};
use standin::discord::Limits;

fn plain(town: &Town, text: &str) -> String {
    let mut text = names(town, text);
    for channel in ["ops", "tickets", "machines", "alerts", "party"] {
        text = text.replace(&format!("<#{}>", town.discord.channel_id(channel)), &format!("#{channel}"));
    }
    text
}

/// What the caller reads, with names for ids.
fn read(town: &Town, outcome: &Value) -> String {
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    assert_eq!(outcome["ephemeral"], true, "an answer for the caller alone");
    plain(town, &show(&outcome["message"]))
}

/// Presses the button of a proposal.
async fn begin(town: &Town, options: Value) -> String {
    let preview = town.command("admin", "silence add", options).await;
    let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
    let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    heard(town, &town.press_id("admin", message, button).await)
}

fn alerts() -> Value {
    json!({ "type": "alert.*", "for": "2h", "reason": "disks are moved" })
}

/// The id by which the commands know the newest silence.
async fn offered(town: &Town, command: &str) -> Value {
    let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": command,
        "options": { "silence": "" }, "focused": "silence" });
    town.discord.act(typing).await["choices"][0].clone()
}

async fn end(town: &Town) -> String {
    let id = offered(town, "silence end").await["value"].clone();
    let outcome = town.command("admin", "silence end", json!({ "silence": id })).await;
    town.settle().await;
    read(town, &outcome)
}

#[tokio::test]
async fn a_silence_withholds_and_is_told_when_it_is_over() {
    run(async |town| {
        town.alert("disk full").await;
        let preview = town.command("admin", "silence add", alerts()).await;
        insta::assert_snapshot!(read(town, &preview), @"
        [🔕 New silence]
        `alert.*`
        for 2 h, because disks are moved

        New messages are withheld. A card that is there already is still edited. When it is over, one message tells what was withheld and what is still open.
        Tried on what came: In the last 24 hours: 1 event. 1 would have been withheld: 1 × `alert.triggered`.
        🔕 `alert.triggered` disk full <+0s>
        -- It begins when you press Silence.
        (Silence)
        ");
        town.alert("not silent yet").await;
        insta::assert_snapshot!(begin(town, alerts()).await, @"🔕 `alert.*` is silent until <+7200s>. /silence end ends it before.");
        town.alert("db-01 is moved").await;
        town.advance(minutes(10)).await;
        town.alert("db-02 is moved").await;
        town.send("ticket.created", ticket("1", "open")).await;
        assert_eq!(town.lines("alerts"), "disk full\nnot silent yet");
        assert_eq!(town.lines("tickets"), "Ticket 1 [Open]", "what it does not match goes on");
        let list = town.command("admin", "silence list", json!({})).await;
        insta::assert_snapshot!(read(town, &list), @"
        [🔕 Silences]
        🔕 `alert.*` · ends <+7200s> · 2 withheld · by <@admin> · disks are moved
        ");
        town.advance(minutes(110)).await;
        town.alert("db-03 is broken").await;
        let seen = town.messages("alerts").iter().skip(2).map(show).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(plain(town, &seen), @r"
        [🔔 The silence of alert.\* is over]
        From <+0s> to <+7200s>.
        Reason: disks are moved
        Withheld: 2 × `alert.triggered`
        Newest: • `alert.triggered` db-02 is moved <+600s>
        • `alert.triggered` db-01 is moved <+0s>
        -- Signalbox · silence
        (Extend) (Show)

        [🚨 Alert Triggered]
        db-03 is broken
        Alert Type: disk
        Severity: 🔴 critical
        Source: web-07
        -- XTSystems · alert.triggered
        ");
        let shown = town.press("admin", "alerts", "Show").await;
        insta::assert_snapshot!(read(town, &shown), @"
        [🔕 What was withheld]
        • `alert.triggered` db-02 is moved <+600s>
        • `alert.triggered` db-01 is moved <+0s>
        ");
        assert_eq!(town.count("SELECT count(*) FROM audit WHERE action = 'silence_started'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn living_cards_go_on_and_what_is_still_open_can_be_posted() {
    run(async |town| {
        town.send("ticket.created", ticket("1", "open")).await;
        begin(town, json!({ "type": "ticket.*", "for": "1h" })).await;
        town.send("ticket.updated", ticket("1", "waiting")).await;
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]", "a card that is there is edited");
        for id in ["2", "3"] {
            town.send("ticket.created", ticket(id, "open")).await;
        }
        town.send("ticket.closed", ticket("3", "closed")).await;
        town.send("ticket.updated", ticket("2", "in_progress")).await;
        assert_eq!(town.messages("tickets").len(), 1, "nothing new is posted");
        end(town).await;
        insta::assert_snapshot!(plain(town, &show(&town.messages("tickets")[1])), @r"
        [🔔 The silence of ticket.\* is over]
        From <+0s> to <+0s>.
        Withheld: 2 × `ticket.created`, 1 × `ticket.closed`, 1 × `ticket.updated`
        Newest: • `ticket.updated` Ticket 2 <+0s>
        • `ticket.closed` Ticket 3 <+0s>
        • `ticket.created` Ticket 3 <+0s>
        • `ticket.created` Ticket 2 <+0s>
        Still open: • ticket Ticket 2
        -- Signalbox · silence
        (Extend) (Show) (Post the open ones)
        ");
        insta::assert_snapshot!(heard(town, &town.press("admin", "tickets", "Post the open ones").await), @"1 card is posted.");
        assert_eq!(town.messages("tickets").len(), 3);
        assert!(town.lines("tickets").ends_with("Ticket 2 [In Progress]"), "{}", town.lines("tickets"));
        insta::assert_snapshot!(heard(town, &town.press("admin", "tickets", "Post the open ones").await), @"Nothing of it is open any more, or its card is there already.");
        town.send("ticket.updated", ticket("2", "waiting")).await;
        assert_eq!(town.messages("tickets").len(), 3, "its card is edited from now on");
    })
    .await;
}

#[tokio::test]
async fn what_is_to_be_decided_is_silenced_by_its_name_alone() {
    run(async |town| {
        let wide = town.command("admin", "silence add", json!({ "type": "machine.*", "for": "1h" })).await;
        assert!(read(town, &wide).contains("silenced only by their full names"), "{wide:#}");
        begin(town, json!({ "type": "*", "for": "1h" })).await;
        town.machine("web-07").await;
        assert_eq!(town.messages("machines").len(), 1, "somebody has to decide");
        end(town).await;
        let named = json!({ "type": "machine.registered", "for": "1h" });
        let warned = town.command("admin", "silence add", named.clone()).await;
        insta::assert_snapshot!(read(town, &warned), @"
        [🔕 New silence]
        `machine.registered`
        for 1 h

        New messages are withheld. A card that is there already is still edited. When it is over, one message tells what was withheld and what is still open.
        Tried on what came: In the last 24 hours: 2 events. 1 would have been withheld: 1 × `machine.registered`.
        🔕 `machine.registered` web-07 <+0s>
        Look at this: ⚠️ machines wait for somebody to decide: while this is silenced nobody is asked here, and /approvals list has what is open
        -- It begins when you press Silence.
        (Silence)
        ");
        begin(town, named).await;
        town.machine("web-08").await;
        assert_eq!(town.messages("machines").len(), 1);
        end(town).await;
        insta::assert_snapshot!(plain(town, &show(&town.messages("machines")[1])), @"
        [🔔 The silence of machine.registered is over]
        From <+0s> to <+0s>.
        Withheld: 1 × `machine.registered`
        Newest: • `machine.registered` web-08 <+0s>
        Still open: • machine web-08
        -- Signalbox · silence
        (Extend) (Show) (Post the open ones)
        ");
        town.press("admin", "machines", "Post the open ones").await;
        town.press("approver", "machines", "Approve").await;
        assert!(town.see("machines").contains("confirmed by XTSystems"));
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn the_menu_of_a_message_silences_what_it_is_about() {
    run(async |town| {
        town.alert("disk full").await;
        let id = town.messages("alerts")[0]["id"].as_str().unwrap().to_owned();
        let menu =
            |who: &str| json!({ "as": who, "do": "command", "channel": "alerts", "name": "Silence…", "message": id });
        let outcome = town.discord.act(menu("admin")).await;
        insta::assert_snapshot!(read(town, &outcome), @"
        Silence `alert.triggered` from xtsystems? New messages are withheld, and told of when it is over.
        (How long? ▾ –)
        ");
        let message = outcome["message"]["id"].as_str().unwrap();
        let select = outcome["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        insta::assert_snapshot!(heard(town, &choose_in(town, "admin", message, select, "1 hour").await), @"
        🔕 `alert.triggered` from xtsystems is silent until <+3600s>. /silence end ends it before.
        In the last 24 hours: 1 event. 1 would have been withheld: 1 × `alert.triggered`.
        🔕 `alert.triggered` disk full <+0s>
        ");
        town.alert("disk fuller").await;
        assert_eq!(town.lines("alerts"), "disk full");
        town.advance(minutes(61)).await;
        assert_eq!(town.messages("alerts").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_silence_ends_once_and_may_go_on_again() {
    run_with(Setup { limits: Limits::Off, ..Setup::default() }, async |town| {
        begin(town, alerts()).await;
        town.alert("one").await;
        insta::assert_snapshot!(end(town).await, @"🔔 The silence of `alert.*` is over. What it withheld is told where it would have gone.");
        assert_eq!(offered(town, "silence end").await, Value::Null, "it is not offered to be ended again");
        let refused = town.press("member", "alerts", "Extend").await;
        assert!(heard(town, &refused).contains("Manage Server"), "{refused:#}");
        let asked = town.press("admin", "alerts", "Extend").await;
        let message = asked["message"]["id"].as_str().unwrap_or_else(|| panic!("{asked:#}"));
        let select = asked["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        insta::assert_snapshot!(heard(town, &choose_in(town, "admin", message, select, "30 minutes").await), @"🔕 `alert.*` is silent until <+1800s>. /silence end ends it before.");
        town.alert("two").await;
        let (other, lifecycle) = town.another_bot().await;
        town.clock.advance(minutes(31));
        town.world_clock.advance(minutes(31));
        let (here, there) = tokio::join!(town.app.step(), other.step());
        here.unwrap();
        there.unwrap();
        town.settle().await;
        let told: Vec<String> = town.messages("alerts").iter().map(show).collect();
        assert_eq!(told.len(), 2, "one receipt for each end, whoever tells it: {told:#?}");
        assert!(told[1].contains("two") && !told[1].contains("one\n"), "{told:#?}");
        lifecycle.stop();
    })
    .await;
}

#[tokio::test]
async fn a_silence_of_nothing_is_told_where_it_was_made() {
    run(async |town| {
        begin(town, json!({ "type": "alert.*", "for": "1m", "subject": "ticket:7" })).await;
        town.alert("about nothing that lasts").await;
        town.advance(seconds(61)).await;
        assert_eq!(town.lines("alerts"), "about nothing that lasts");
        insta::assert_snapshot!(plain(town, &town.see("ops")), @r"
        [🔔 The silence of alert.\* is over]
        From <+0s> to <+60s>. Nothing came that it would have withheld.
        -- Signalbox · silence
        (Extend)
        ");
    })
    .await;
}

#[tokio::test]
async fn faults_say_how_to_mend_them() {
    run(async |town| {
        let odd = [
            json!({ "type": "alert.*", "for": "soon" }),
            json!({ "type": "alert.*", "for": "91d" }),
            json!({ "type": "default", "for": "1h" }),
            json!({ "type": "alert.*", "for": "1h", "filter": "data.x ==" }),
            json!({ "type": "alert.*", "for": "1h", "source": "nobody" }),
        ];
        let mut told = Vec::new();
        for options in odd {
            told.push(read(town, &town.command("admin", "silence add", options).await).trim().to_owned());
        }
        insta::assert_snapshot!(told.join("\n"), @"
        A silence lasts from a minute to 90 days, such as 30m, 2h, 1d or 1w.
        A silence lasts from a minute to 90 days, such as 30m, 2h, 1d or 1w.
        A silence names types, such as alert.triggered, alert.* or *; default is a word of routes.
        The filter cannot be used: it cannot be read: unexpected end of input, expected expression.
        There is no such source. There are: xtsystems.
        ");
        assert_eq!(town.count("SELECT count(*) FROM silence").await, 0);
        let member = town.command("member", "silence add", alerts()).await;
        assert!(member.to_string().contains("does not see"), "{member:#}");
    })
    .await;
}

#[tokio::test]
async fn why_names_the_silence() {
    run(async |town| {
        begin(town, alerts()).await;
        town.send("alert.triggered", alert("db-01 is moved")).await;
        let not = town.command("admin", "why-not", json!({ "type": "alert.triggered" })).await;
        insta::assert_snapshot!(read(town, &not), @"
        [🔎 Why not?]
        📥 Received: 1 came since <+-86400s>; 1 of them are not in Discord.
        ❌ Not shown: <+0s>: held back by the silence of alert.* until <+7200s>
        ");
        end(town).await;
        let id = town.column("SELECT id::text FROM event WHERE kind = 'alert.triggered'").await.remove(0);
        let why = read(town, &town.command("admin", "why", json!({ "message": id })).await).replace(&id, "ID");
        let at = town.messages("alerts")[0]["id"].as_str().unwrap().to_owned();
        let guild = town.discord.guild_id().to_string();
        let channel = town.discord.channel_id("alerts").to_string();
        insta::assert_snapshot!(why.replace(&at, "RECEIPT").replace(&guild, "G").replace(&channel, "alerts"), @"
        [🔎 Why?]
        📥 Received: `alert.triggered` <+0s> from XTSystems over HTTP, rightly signed. It happened at about that time. Taken in once, however often it came: event `ID`.
        🧭 Routes: 1 of 1 tried matched: **alert.triggered**.
        Held back by the silence of alert.* until <+7200s>.
        ✉️ Message: 🔕 Not to #alerts: told of <+0s> in https://discord.com/channels/G/alerts/RECEIPT.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_card_has_a_button_that_silences_what_it_is_about() {
    run(async |town| {
        town.route_to_channel("ticket.updated", town.discord.channel_id("party")).await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.machine("web-07").await;
        assert!(town.button("machines", "Silence").is_none(), "who asks to be let in is shown whatever is silenced");
        let member = town.press("member", "tickets", "Silence").await;
        insta::assert_snapshot!(heard(town, &member), @"You need the Manage Server permission for this.");
        let asked = town.press("admin", "tickets", "Silence").await;
        insta::assert_snapshot!(plain(town, &show(&asked["response"]["data"])), @"
        Silence `ticket.*` from xtsystems about `ticket:1`? New messages are withheld, and told of when it is over.
        (How long? ▾ –)
        ");
        let message = asked["message"]["id"].as_str().unwrap_or_else(|| panic!("{asked:#}"));
        let select = asked["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        insta::assert_snapshot!(heard(town, &choose_in(town, "admin", message, select, "1 hour").await), @"
        🔕 `ticket.*` from xtsystems about `ticket:1` is silent until <+3600s>. /silence end ends it before.
        In the last 24 hours: 2 events. 1 would have been withheld: 1 × `ticket.created`.
        🔕 `ticket.created` Ticket 1 <+0s>
        ");
        town.send("ticket.updated", ticket("1", "waiting")).await;
        town.send("ticket.updated", ticket("2", "waiting")).await;
        assert_eq!(town.lines("party"), "Ticket 2 [Waiting]", "a card elsewhere would have been new");
        assert_eq!(town.lines("tickets"), "Ticket 1 [Waiting]", "the card that is there is edited");
        town.send("ticket.closed", ticket("1", "closed")).await;
        assert!(town.button("tickets", "Silence").is_none(), "what is over has nothing to silence");
        town.messages("machines");
    })
    .await;
}
