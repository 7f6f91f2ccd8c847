//! What a route holds back: quiet hours, digests, throttles, repeats, and what came late.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::delivery::{minutes, ticket};
use crate::support::machines::{heard, names};
use crate::support::town::{Setup, Town, run, run_with, show};

fn plain(town: &Town, text: &str) -> String {
    let mut text = names(town, text);
    for channel in ["ops", "tickets", "machines", "alerts", "party"] {
        text = text.replace(&format!("<#{}>", town.discord.channel_id(channel)), &format!("#{channel}"));
    }
    text
}

fn read(town: &Town, outcome: &Value) -> String {
    assert!(outcome.get("failed").is_none() && outcome.get("error").is_none(), "{outcome:#}");
    plain(town, &show(&outcome["message"]))
}

/// A route of alerts to #party with these options; the change itself is read.
async fn route(town: &Town, options: Value) {
    let mut all = json!({ "name": "calm", "type": "alert.*", "to": "party" });
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let preview = town.command("admin", "route add", all).await;
    let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
    let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
    heard(town, &town.press_id("admin", message, button).await);
    town.messages("ops");
}

/// An alert of a severity, from a machine.
async fn alert(town: &Town, severity: &str, source: &str, words: &str) {
    let data = json!({ "alert_type": "disk", "severity": severity, "message": words, "source": source });
    town.send("alert.triggered", data).await;
}

fn party(town: &Town) -> String {
    plain(town, &town.see("party"))
}

#[tokio::test]
async fn quiet_hours_end_with_one_digest() {
    run(async |town| {
        // The town begins at ten in the morning, which is eleven in Berlin.
        route(town, json!({ "quiet_hours": "10:30-12:00 Europe/Berlin" })).await;
        alert(town, "high", "db-01", "disk at 91 %").await;
        town.advance(minutes(5)).await;
        alert(town, "high", "db-01", "disk at 95 %").await;
        alert(town, "critical", "db-01", "disk full").await;
        assert_eq!(town.lines("party"), "disk full", "what is critical goes through");
        let not = town.command("admin", "why-not", json!({ "type": "alert.triggered" })).await;
        insta::assert_snapshot!(read(town, &not), @"
        [🔎 Why not?]
        📥 Received: 3 came since <+-86100s>; 2 of them are not in Discord.
        ❌ Not shown: <+300s>: held back by quiet hours until <+3600s>
        <+0s>: held back by quiet hours until <+3600s>
        ");
        town.advance(minutes(60)).await;
        insta::assert_snapshot!(party(town), @"
        [🚨 Alert Triggered]
        disk full
        Alert Type: disk
        Severity: 🔴 critical
        Source: db-01
        -- XTSystems · alert.triggered

        [🌙 During quiet hours: 2 events]
        From <+0s> to <+300s>.
        • `alert.triggered` disk at 95 % <+300s>
        • `alert.triggered` disk at 91 % <+0s>
        Withheld: 2 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
        alert(town, "high", "db-01", "disk at 96 %").await;
        assert!(town.lines("party").ends_with("disk at 96 %"), "it is day again");
        let list = town.command("admin", "route list", json!({})).await;
        insta::assert_snapshot!(read(town, &list).lines().find(|line| line.contains("calm")).unwrap(), @"▫️ **calm** `alert.*` → #party, quiet hours 10:30-12:00 Europe/Berlin");
    })
    .await;
}

#[tokio::test]
async fn a_digest_lists_what_came_in_its_time() {
    run(async |town| {
        route(town, json!({ "digest": "1h" })).await;
        for n in 1..=3 {
            alert(town, "high", "db-01", &format!("disk at 9{n} %")).await;
            town.advance(minutes(10)).await;
        }
        assert_eq!(town.lines("party"), "");
        town.advance(minutes(31)).await;
        insta::assert_snapshot!(party(town), @"
        [📋 Digest: 3 events]
        From <+0s> to <+1200s>.
        • `alert.triggered` disk at 93 % <+1200s>
        • `alert.triggered` disk at 92 % <+600s>
        • `alert.triggered` disk at 91 % <+0s>
        Withheld: 3 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
        town.advance(minutes(120)).await;
        assert_eq!(town.messages("party").len(), 1, "nothing came, nothing is told");
        alert(town, "high", "db-01", "disk at 94 %").await;
        town.advance(minutes(60)).await;
        assert_eq!(town.messages("party").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_throttle_lets_so_many_through() {
    run(async |town| {
        route(town, json!({ "throttle": "2 per 10m" })).await;
        for n in 1..=5 {
            alert(town, "high", "db-01", &format!("disk at 9{n} %")).await;
        }
        assert_eq!(town.lines("party"), "disk at 91 %\ndisk at 92 %");
        town.advance(minutes(11)).await;
        insta::assert_snapshot!(plain(town, &show(&town.messages("party")[2])), @"
        [🚦 More than was posted at once: 3 events]
        Of <+0s>.
        • `alert.triggered` disk at 95 % <+0s>
        • `alert.triggered` disk at 94 % <+0s>
        • `alert.triggered` disk at 93 % <+0s>
        Withheld: 3 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
        alert(town, "high", "db-01", "disk at 96 %").await;
        assert!(town.lines("party").ends_with("disk at 96 %"));
    })
    .await;
}

#[tokio::test]
async fn the_same_is_posted_once_in_its_interval() {
    run(async |town| {
        route(town, json!({ "group_by": "data.source, data.alert_type", "repeat": "30m" })).await;
        for (source, words) in [("db-01", "first"), ("db-01", "again"), ("db-02", "other"), ("db-01", "and again")] {
            alert(town, "high", source, words).await;
        }
        assert_eq!(town.lines("party"), "first\nother");
        town.advance(minutes(31)).await;
        insta::assert_snapshot!(plain(town, &show(&town.messages("party")[2])), @"
        [🔁 The same again: 2 events]
        Of <+0s>.
        • `alert.triggered` and again <+0s>
        • `alert.triggered` again <+0s>
        Withheld: 2 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
        alert(town, "high", "db-01", "once more").await;
        assert!(town.lines("party").ends_with("once more"));
    })
    .await;
}

#[tokio::test]
async fn after_an_outage_one_message_tells_what_is_late() {
    run(async |town| {
        route(town, json!({ "when_late": "summarise after 30m" })).await;
        let old = |minutes: i64| (town.clock.now() - TimeDelta::minutes(minutes)).to_rfc3339();
        for (n, age) in [(1, 180), (2, 90), (3, 10)] {
            let body = json!({ "event_type": "alert.triggered", "company_id": "c", "timestamp": old(age), "data":
                { "alert_type": "disk", "severity": "high", "message": format!("alert {n}"), "source": "db-01" } });
            assert_eq!(town.post(&body.to_string()).await.0, 202);
        }
        town.settle().await;
        assert_eq!(town.lines("party"), "alert 3");
        town.advance(minutes(2)).await;
        insta::assert_snapshot!(plain(town, &show(&town.messages("party")[1])), @"
        [⏰ Came too late to be posted one by one: 2 events]
        From <+-10800s> to <+-5400s>.
        • `alert.triggered` alert 2 <+-5400s>
        • `alert.triggered` alert 1 <+-10800s>
        Withheld: 2 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
    })
    .await;
}

#[tokio::test]
async fn what_is_dropped_for_its_age_is_counted() {
    run(async |town| {
        route(town, json!({ "when_late": "drop after 30m" })).await;
        let at = (town.clock.now() - TimeDelta::hours(2)).to_rfc3339();
        let body = json!({ "event_type": "alert.triggered", "company_id": "c", "timestamp": at, "data":
            { "alert_type": "disk", "severity": "high", "message": "old", "source": "db-01" } });
        assert_eq!(town.post(&body.to_string()).await.0, 202);
        town.settle().await;
        assert_eq!(town.lines("party"), "");
        town.advance(minutes(2)).await;
        insta::assert_snapshot!(party(town), @"
        [⏰ Came too late to be posted one by one: 1 event]
        Of <+-7200s>.
        Withheld: 1 × `alert.triggered`
        -- Signalbox · digest
        (Show)
        ");
    })
    .await;
}

#[tokio::test]
async fn cards_and_decisions_go_on() {
    run(async |town| {
        let calm =
            json!({ "name": "all", "type": "*", "to": "party", "quiet_hours": "09:00-12:00", "shown": "as usual" });
        let preview = town.command("admin", "route add", calm).await;
        let message = preview["message"]["id"].as_str().unwrap_or_else(|| panic!("{preview:#}"));
        let button = preview["message"]["components"][0]["components"][0]["custom_id"].as_str().unwrap();
        heard(town, &town.press_id("admin", message, button).await);
        town.machine("web-07").await;
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.created", ticket("2", "open")).await;
        town.send("ticket.closed", ticket("2", "closed")).await;
        assert!(town.see("party").contains("web-07"), "somebody has to decide");
        assert!(!town.see("party").contains("Ticket 1"));
        town.advance(minutes(121)).await;
        let digest = town.messages("party").pop().unwrap();
        insta::assert_snapshot!(plain(town, &show(&digest)), @"
        [🌙 During quiet hours: 3 events]
        Of <+0s>.
        • `ticket.closed` Ticket 2 <+0s>
        • `ticket.created` Ticket 2 <+0s>
        • `ticket.created` Ticket 1 <+0s>
        Withheld: 2 × `ticket.created`, 1 × `ticket.closed`
        Still open: • ticket Ticket 1
        -- Signalbox · digest
        (Show) (Post the open ones)
        ");
        town.press("admin", "party", "Post the open ones").await;
        assert_eq!(town.see("party").matches("[🎫 New Ticket Created]").count(), 1);
        town.messages("ops");
    })
    .await;
}

#[tokio::test]
async fn options_are_checked_changed_and_taken_away() {
    run(async |town| {
        let odd = [
            json!({ "quiet_hours": "night" }),
            json!({ "digest": "sometimes" }),
            json!({ "throttle": "few" }),
            json!({ "group_by": "data.source" }),
            json!({ "repeat": "1h" }),
            json!({ "group_by": "source == 1", "repeat": "1h" }),
            json!({ "when_late": "forget" }),
        ];
        let mut told = Vec::new();
        for mut options in odd {
            let more = json!({ "name": "calm", "type": "alert.*", "to": "party" });
            options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            told.push(read(town, &town.command("admin", "route add", options).await).trim().to_owned());
        }
        insta::assert_snapshot!(told.join("\n"), @"
        Quiet hours are written as 22:00-07:00 Europe/Berlin; without a place they are by the clocks of the server.
        How often a digest comes is written as 30m, 1h or 1d: from a minute to a week.
        A throttle is written as 10 per 5m: so many messages in so much time.
        Say for how long a group is quiet after its first message: repeat, such as 30m.
        Say what makes events the same: group_by, such as data.source.
        A group is named by up to 5 paths, such as data.source or type, data.host.
        What is late is written as summarise after 30m or drop after 1h; none delivers it all the same.
        ");
        route(town, json!({ "throttle": "10 per 5m", "quiet_hours": "22:00-07:00" })).await;
        let change = json!({ "route": "calm", "throttle": "none", "group_by": "data.source", "repeat": "1h" });
        let preview = town.command("admin", "route edit", change).await;
        let seen = read(town, &preview);
        insta::assert_snapshot!(seen.split("Tried on").next().unwrap(), @"
        [🧭 Change of the route calm]
        **grouped by** `data.source`
        **repeated after** `1 h`
        **throttle** ~~`10 per 5 min`~~ none
        ");
    })
    .await;
}

#[tokio::test]
async fn a_route_is_tried_with_what_it_holds_back() {
    run(async |town| {
        for n in 1..=5 {
            alert(town, "high", "db-01", &format!("disk at 9{n} %")).await;
            town.advance(minutes(5)).await;
        }
        alert(town, "critical", "db-01", "disk full").await;
        let wish = json!({ "name": "calm", "type": "alert.*", "to": "party", "quiet_hours": "10:00-10:08 UTC",
            "throttle": "1 per 10m" });
        let preview = read(town, &town.command("admin", "route add", wish).await);
        insta::assert_snapshot!(preview.split("Tried on").nth(1).unwrap(), @"
         what came: In the last 24 hours: 6 events. 6 would have taken this route: 5 messages.
        🌙 3 at once · 2 held back by quiet hours · 1 held back by the throttle · told in 2 digests
        → #party 5 messages
        ⚠️ 6 events taken away from **alert.triggered**
        ✅ `alert.triggered` disk full <+1500s>
        ✅ `alert.triggered` disk at 95 % <+1200s>
        ✅ `alert.triggered` disk at 94 % <+900s>
        -- Nothing is saved until you press Save.
        (Save)
        ");
        town.messages("alerts");
    })
    .await;
}

/// However much waits, what is due is found by the index: once for each place and reason.
#[tokio::test]
async fn what_is_due_is_found_without_reading_what_waits() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        town.execute(
            "INSERT INTO held (guild_id, event_id, destination_id, reason, kind, occurred_at, headline, due_at, held_at)
             SELECT d.guild_id, gen_random_uuid(), d.id, CASE WHEN n % 2 = 0 THEN 'digest' ELSE 'late' END, 'alert.triggered',
                 '2026-01-02T10:00:00Z', 'disk full', '2026-01-03T10:00:00Z', '2026-01-02T10:00:00Z'
             FROM (SELECT id, guild_id FROM destination ORDER BY id LIMIT 4) d CROSS JOIN generate_series(1, 50000) n",
        )
        .await;
        town.execute("VACUUM ANALYZE held").await;
        let plan = town.column("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF, BUFFERS OFF) SELECT * FROM held_group").await;
        let reads: Vec<&String> = plan.iter().filter(|line| line.contains("Scan") && line.contains(" held")).collect();
        assert!(reads.len() >= 4 && reads.iter().all(|line| line.contains("held_waiting")), "{plan:#?}");
        assert!(reads.iter().all(|line| line.contains("rows=1 ") || line.contains("rows=0") || line.contains("rows=1.00 ")), "{plan:#?}");
        let due = async |after: i64| {
            let now = town.clock.now() + TimeDelta::minutes(after);
            town.store().list_due_held(now, TimeDelta::minutes(15), 100).await.unwrap().len()
        };
        assert_eq!((due(0).await, due(24 * 60).await), (0, 8), "four places, two reasons");
        town.execute(
            "UPDATE held SET due_at = '2026-01-02T10:30:00Z' WHERE id IN (SELECT min(id) FROM held GROUP BY reason)",
        )
        .await;
        assert_eq!(due(29).await, 0);
        assert_eq!(due(30).await, 1, "the digest; more of what is late is still to come");
        assert_eq!(due(45).await, 2, "what is late has waited long enough");
        assert_eq!(town.store().next_held_at(TimeDelta::minutes(15)).await.unwrap(), Some(town.clock.now() + TimeDelta::minutes(30)));
    })
    .await;
}
