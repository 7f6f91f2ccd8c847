//! Routes as admins handle them: proposed with a look at what came, saved, paused, removed and undone; and what each
//! event's plan says afterwards.

use crate::support::machines::{heard, names};
use crate::support::town::{Town, run, show, told};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// What the caller reads, with names for ids.
fn read(town: &Town, outcome: &Value) -> String {
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    assert_eq!(outcome["ephemeral"], true, "an answer for the caller alone");
    plain(town, &show(&outcome["message"]))
}

fn plain(town: &Town, text: &str) -> String {
    let mut text = names(town, text);
    for channel in ["ops", "tickets", "machines", "alerts", "party"] {
        text = text.replace(&format!("<#{}>", town.discord.channel_id(channel)), &format!("#{channel}"));
    }
    text
}

async fn command(town: &Town, name: &str, options: Value) -> String {
    read(town, &town.command("admin", name, options).await)
}

/// Presses Save under a preview.
async fn save(town: &Town, preview: &Value) -> String {
    let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
    let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    heard(town, &town.press_id("admin", message, button).await)
}

async fn add(town: &Town, options: Value) -> String {
    let preview = town.command("admin", "route add", options).await;
    save(town, &preview).await
}

fn urgent() -> Value {
    json!({ "name": "urgent", "type": "alert.*", "to": "party", "filter": "data.source in ['db-01', 'db-02']" })
}

async fn alert(town: &Town, source: &str, words: &str) {
    town.advance(TimeDelta::seconds(10)).await;
    town.send(
        "alert.triggered",
        json!({ "alert_type": "disk", "message": words, "severity": "high", "source": source }),
    )
    .await;
}

/// The plans of events of a kind, oldest first: what was tried, in words.
async fn plans(town: &Town) -> String {
    let lines = town
        .column(
            "SELECT (SELECT string_agg(t->>'name' || ': ' || COALESCE(NULLIF(t->>'because', ''), 'matches'), E'\n')
                 FROM jsonb_array_elements(plan->'tried') t) || E'\n= ' || (plan->>'note')
             FROM event WHERE kind = 'alert.triggered' ORDER BY seq",
        )
        .await;
    lines.join("\n\n")
}

#[tokio::test]
async fn a_route_is_tried_saved_and_undone() {
    run(async |town| {
        alert(town, "db-01", "disk full").await;
        alert(town, "web-01", "slow").await;
        let preview = town.command("admin", "route add", urgent()).await;
        insta::assert_snapshot!(read(town, &preview), @r"
        [🧭 New route urgent]
        **name** `urgent`
        **type** `alert.*`
        **filter** `data.source in ['db-01', 'db-02']`
        **to** #party
        **position** `10`
        Tried on what came: In the last 24 hours: 2 events. 1 would have taken this route: 1 message.
        → #party 1 message
        ⚠️ 1 event taken away from **alert.triggered**
        ✅ `alert.triggered` disk full <+10s>
        ▫️ `alert.triggered` slow <+20s> — filter \`data.source in \['db-01', 'db-02'\]\` is false: data.source = web-01
        -- Nothing is saved until you press Save.
        (Save)
        ");
        assert_eq!(town.count("SELECT count(*) FROM route WHERE origin = 'db'").await, 0, "nothing is saved yet");
        insta::assert_snapshot!(save(town, &preview).await, @"✅ Route urgent was added. The change is shown in the admins' channel, with Undo.");
        alert(town, "db-02", "disk full again").await;
        alert(town, "web-02", "slower").await;
        assert_eq!(town.lines("party"), "disk full again");
        insta::assert_snapshot!(town.lines("alerts"), @"
        disk full
        slow
        slower
        ");
        insta::assert_snapshot!(plans(town).await, @"
        alert.triggered: matches
        = routed by alert.triggered

        alert.triggered: matches
        = routed by alert.triggered

        urgent: matches
        = routed by urgent

        urgent: filter `data.source in ['db-01', 'db-02']` is false: data.source = web-02
        alert.triggered: matches
        = routed by alert.triggered
        ");
        insta::assert_snapshot!(plain(town, &town.see("ops")), @r"
        [⚙️ Route urgent was added]
        name: urgent
        type: alert.\*
        filter: data.source in \['db-01', 'db-02'\]
        to: #party
        position: 10
        By: <@admin>
        -- Signalbox · signalbox.notice
        (Undo)
        ");

        let undone = town.press("admin", "ops", "Undo").await;
        assert!(told(&undone).contains("Undone by"), "{undone:#}");
        alert(town, "db-01", "after the undo").await;
        assert_eq!(town.lines("party"), "disk full again");
        insta::assert_snapshot!(plain(town, &town.see("ops")), @r"
        ↩️ Undone by <@admin>: Route urgent was removed.
        [⚙️ Route urgent was added]
        name: urgent
        type: alert.\*
        filter: data.source in \['db-01', 'db-02'\]
        to: #party
        position: 10
        By: <@admin>
        -- Signalbox · signalbox.notice

        [⚙️ Route urgent was removed]
        name: urgent → none
        type: alert.\* → none
        filter: data.source in \['db-01', 'db-02'\] → none
        to: #party → none
        position: 10 → none
        By: <@admin>
        -- Signalbox · signalbox.notice
        (Undo)
        ");
        town.see("alerts");
    })
    .await;
}

#[tokio::test]
async fn a_change_is_compared_and_undone_only_if_nothing_changed_since() {
    run(async |town| {
        add(town, urgent()).await;
        let edit = json!({ "route": "urgent", "filter": "none", "severity": "error", "position": 5 });
        let preview = town.command("admin", "route edit", edit).await;
        insta::assert_snapshot!(read(town, &preview), @"
        [🧭 Change of the route urgent]
        **severity** `error and above`
        **filter** ~~`data.source in ['db-01', 'db-02']`~~ none
        **position** `10` → `5`
        Tried on what came: In the last 24 hours: 1 event. None of them would have taken this route.
        -- Nothing is saved until you press Save.
        (Save)
        ");
        let again = town.command("admin", "route edit", json!({ "route": "urgent", "name": "very urgent" })).await;
        save(town, &preview).await;
        insta::assert_snapshot!(save(town, &again).await, @"Somebody has changed it since; nothing was saved. Look at it again and repeat your change.");
        let (message, first) = {
            let messages = town.messages("ops");
            let button = messages[0]["components"][0]["components"][0]["custom_id"].as_str().unwrap().to_owned();
            (messages[0]["id"].as_str().unwrap().to_owned(), button)
        };
        insta::assert_snapshot!(heard(town, &town.press_id("admin", &message, &first).await), @"The route urgent has been changed again since, so it is not set back. Undo the newer change first.");
        let member = town.press_id("member", &message, &first).await;
        assert_eq!(heard(town, &member), "You need the Manage Server permission for this.");
        town.press("admin", "ops", "Undo").await;
        let filters = town
            .column("SELECT concat_ws(' ', name, filter, min_severity, position::text) FROM route WHERE origin = 'db'")
            .await;
        assert_eq!(filters, ["urgent data.source in ['db-01', 'db-02'] debug 10"]);
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_paused_route_is_skipped_and_explained() {
    run(async |town| {
        add(town, urgent()).await;
        insta::assert_snapshot!(command(town, "route pause", json!({ "route": "urgent" })).await, @"✅ Route urgent was paused. The change is shown in the admins' channel, with Undo.");
        town.settle().await;
        alert(town, "db-01", "while paused").await;
        insta::assert_snapshot!(plans(town).await, @"
        urgent: it is paused; everything else fits
        alert.triggered: matches
        = routed by alert.triggered
        ");
        insta::assert_snapshot!(command(town, "route list", json!({})).await, @"
        [🧭 Routes]
        ⏸️ **urgent** `alert.*` if `data.source in ['db-01', 'db-02']` → #party
        🔒 **alert.triggered** `alert.triggered` → #alerts
        🔒 **asset.created** `asset.created` → #ops
        🔒 **asset.updated** `asset.updated` → #ops
        🔒 **machine.approved** `machine.approved` → #machines
        🔒 **machine.registered** `machine.registered` → #machines
        🔒 **ticket.closed** `ticket.closed` → #tickets
        🔒 **ticket.created** `ticket.created` → #tickets
        🔒 **ticket.updated** `ticket.updated` → #tickets
        🔒 **default** `default` → #ops
        -- The first that matches takes an event, unless it goes on. default comes last. 🔒 is set by the operator.
        ");
        command(town, "route pause", json!({ "route": "urgent", "paused": false })).await;
        town.settle().await;
        alert(town, "db-01", "awake").await;
        assert_eq!((town.lines("alerts").as_str(), town.lines("party").as_str()), ("while paused", "awake"));
        assert_eq!(
            command(town, "route remove", json!({ "route": "urgent" })).await.trim(),
            "✅ Route urgent was removed. The change is shown in the admins' channel, with Undo."
        );
        town.settle().await;
        alert(town, "db-01", "removed").await;
        town.press("admin", "ops", "Undo").await;
        alert(town, "db-01", "restored").await;
        assert_eq!(town.lines("party"), "awake\nrestored");
        assert_eq!(town.lines("alerts"), "while paused\nremoved");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_way_out() {
    run(async |town| {
        let attempt = async |more: Value| {
            let mut options = urgent();
            options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            command(town, "route add", options).await
        };
        let words = [
            attempt(json!({ "filter": "sevrity == 'high'" })).await,
            attempt(json!({ "filter": "data.x * 1000000" })).await,
            attempt(json!({ "type": "ticket created" })).await,
            attempt(json!({ "name": "a:b" })).await,
            attempt(json!({ "source": "xtsystms" })).await,
            attempt(json!({ "template": "none of these" , "to": "ops" })).await,
            attempt(json!({ "webhook_type": "GAMES" })).await,
            command(town, "route add", json!({ "name": "x", "type": "alert.*" })).await,
            command(town, "route edit", json!({ "route": "alert.triggered", "severity": "error" })).await,
            command(town, "route remove", json!({ "route": "nothing" })).await,
        ];
        insta::assert_snapshot!(words.concat(), @"
        The filter cannot be used: `sevrity` is no word of an event (did you mean severity?). There are id, source, type, subject, severity, time, received_at, data.
        The filter cannot be used: * is not part of the language; numbers are multiplied by x|times(3).
        A type is written as ticket.created, ticket.*, *.created, * or default.
        A route is called with letters, digits, spaces, - _ and ., up to 40 of them.
        There is no source called xtsystms. There are: xtsystems.
        There is no template called none of these. /template list shows them.
        There is no type GAMES. There are GAME_SERVER, VPS, SYSTEM, BILLING, SECURITY, SUPPORT, CUSTOM.
        Say where it goes: give a channel, or the type and scope of webhooks.
        The route alert.triggered comes from the environment (DISCORD_WEBHOOK_CHANNELS, MONITOR_CHANNELS) and is written anew at each start: the operator changes it there. A route that you add here is tried before it.
        There is no route called nothing. /route list shows them.
        ");
    })
    .await;
}

#[tokio::test]
async fn a_filter_that_fails_is_told_once() {
    run(async |town| {
        add(town, json!({ "name": "odd", "type": "alert.*", "to": "party", "filter": "data.source + 1 > 2" })).await;
        alert(town, "db-01", "one").await;
        alert(town, "db-01", "two").await;
        assert_eq!(town.lines("alerts"), "one\ntwo", "it counts as not matched");
        let told: Vec<String> =
            town.lines("ops").lines().filter(|line| line.contains("cannot judge")).map(str::to_owned).collect();
        insta::assert_snapshot!(told.join("\n"), @"The filter of the route odd cannot judge an event, which counts as not matched: invalid operation: tried to use + operator on unsupported types string and number. Mend it with /route edit.");
    })
    .await;
}

#[tokio::test]
async fn every_webhook_of_a_type_is_reached() {
    run(async |town| {
        town.alert("first").await;
        town.execute("UPDATE destination SET webhook_type = 'SYSTEM', webhook_scope = 'ADMIN' WHERE channel_id IN (SELECT channel_id FROM destination ORDER BY channel_id LIMIT 2)").await;
        let options = json!({ "name": "all systems", "type": "alert.*", "webhook_type": "system", "webhook_scope": "ADMIN" });
        let preview = town.command("admin", "route add", options).await;
        insta::assert_snapshot!(read(town, &preview), @"
        [🧭 New route all systems]
        **name** `all systems`
        **type** `alert.*`
        **to all webhooks of** `every SYSTEM ADMIN`
        **position** `10`
        Tried on what came: In the last 24 hours: 1 event. 1 would have taken this route: 2 messages.
        → #ops 1 message
        → #tickets 1 message
        ⚠️ 1 event taken away from **alert.triggered**
        ✅ `alert.triggered` first <+0s>
        -- Nothing is saved until you press Save.
        (Save)
        ");
        save(town, &preview).await;
        town.advance(TimeDelta::seconds(10)).await;
        town.alert("second").await;
        assert!(town.lines("ops").contains("second") && town.lines("tickets").contains("second"));
        assert_eq!(town.lines("alerts"), "first");
    })
    .await;
}

#[tokio::test]
async fn what_can_be_chosen_is_offered() {
    run(async |town| {
        alert(town, "db-01", "x").await;
        add(town, urgent()).await;
        let offered = async |name: &str, option: &str, text: &str| {
            let typing = json!({ "as": "admin", "do": "autocomplete", "channel": "ops", "name": name,
                "options": { option: text }, "focused": option });
            let outcome = town.discord.act(typing).await;
            let choices = outcome["choices"].as_array().unwrap_or_else(|| panic!("{outcome:#}")).clone();
            choices.iter().filter_map(|c| c["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(offered("route add", "type", "alert").await[..2], ["alert.triggered", "alert.*"]);
        assert_eq!(offered("route edit", "route", "ur").await, ["urgent"]);
        assert_eq!(offered("route edit", "route", "alert").await, Vec::<String>::new(), "not those of the operator");
        assert_eq!(offered("route test", "route", "alert").await, ["alert.triggered"]);
        assert_eq!(offered("route add", "source", "xt").await, ["xtsystems"]);
        town.see("alerts");
        town.see("ops");
    })
    .await;
}

#[tokio::test]
async fn a_test_posts_nothing() {
    run(async |town| {
        alert(town, "db-01", "disk full").await;
        town.machine("web-01").await;
        town.advance(TimeDelta::days(2)).await;
        alert(town, "db-01", "today").await;
        insta::assert_snapshot!(command(town, "route test", json!({ "route": "alert.triggered" })).await, @"
        [🧪 Route alert.triggered]
        In the last 24 hours: 1 event. 1 would have taken this route: 1 message.
        → #alerts 1 message
        ✅ `alert.triggered` today <+172820s>
        -- As the routes are now. Nothing was posted.
        ");
        let week = command(town, "route test", json!({ "route": "machine.registered", "since": "7 days" })).await;
        insta::assert_snapshot!(week, @"
        [🧪 Route machine.registered]
        In the last 7 days: 3 events. 1 would have taken this route: 1 message.
        → #machines 1 message
        ✅ `machine.registered` web-01 <+10s>
        -- As the routes are now. Nothing was posted.
        ");
        assert_eq!(town.lines("alerts"), "disk full\ntoday");
        town.see("machines");
        town.see("ops");
    })
    .await;
}
