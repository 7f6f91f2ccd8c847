//! What members can do about their data, what follows when a server removes the bot, and what goes with age.

use crate::secret_test::everything;
use crate::support::delivery::ticket;
use crate::support::machines::{heard, names, requested, state};
use crate::support::scene::Scene;
use crate::support::tickets::{only_write, opened, write};
use crate::support::town::{Setup, Town, run, run_with, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::store::privacy::{By, TABLES};
use standin::xtsystems::Mode;
use std::collections::BTreeSet;
use std::time::Duration;

/// All that a member can leave behind: a press, a denial with a reason, a card that names them in a message of
/// its own, and a route that mentions them.
async fn leaves_traces(town: &Town) {
    let (_, buttons) = requested(town).await;
    town.press_id("approver", &buttons.message, &buttons.approve).await;
    town.machine("db-01").await;
    let (message, deny) = town.button("machines", "Deny").unwrap();
    let form = town.press_id("approver", &message, &deny).await;
    town.submit("approver", form["modal"]["custom_id"].as_str().unwrap(), json!({ "reason": "not ours" })).await;
    // Deleted by hand, posted again: now the message that is sent names who decided.
    town.delete("machines", 0);
    town.send("machine.approved", json!({ "id": "x", "hostname": "web-07" })).await;
    let user = town.discord.user_id("approver");
    let mention = format!("<@{user}>");
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    sqlx::query(
        "UPDATE route SET mention_ids = ARRAY[$1, '<@&7>'] WHERE pattern = 'alert.*' OR pattern = 'alert.triggered'",
    )
    .bind(&mention)
    .execute(&mut connection)
    .await
    .unwrap();
    town.alert("disk full").await;
    town.settle().await;
    for channel in ["machines", "alerts"] {
        town.see(channel);
    }
}

/// `table.column` of every place where a text stands.
async fn places(town: &Town, text: &str) -> BTreeSet<String> {
    let all = everything(town).await;
    let found = all.iter().filter(|line| line.split_once(": ").is_some_and(|(_, value)| value.contains(text)));
    found.map(|line| line.split_once(": ").unwrap().0.to_owned()).collect()
}

fn described(town: &Town, outcome: &Value) -> String {
    assert_eq!(outcome["ephemeral"], true, "{outcome:#}");
    names(town, outcome["message"]["embeds"][0]["description"].as_str().unwrap())
}

async fn delete(town: &Town, who: &str, word: &str) -> String {
    let form = town.command(who, "privacy delete", json!({})).await;
    let outcome = town.submit(who, form["modal"]["custom_id"].as_str().unwrap(), json!({ "word": word })).await;
    heard(town, &outcome)
}

#[tokio::test]
async fn what_is_stored_about_me() {
    run(async |town| {
        let nothing = town.command("member", "privacy show", json!({})).await;
        assert_eq!(described(town, &nothing), "Nothing is stored about you.");
        leaves_traces(town).await;
        let all = town.command("approver", "privacy show", json!({})).await;
        insta::assert_snapshot!(described(town, &all), @"
        **1** messages that were to mention you
        -# on deletion: the mention is taken out
        **1** messages that name you
        -# on deletion: the mention is taken out
        **2** decisions that you took, with your reasons
        -# on deletion: kept without a name: the random id in it leads to nobody any more
        **1** routes that mention you
        -# on deletion: the mention is taken out
        **5** lines of the audit log about what you did
        -# on deletion: kept without a name: the random id in it leads to nobody any more
        **1** presses of yours that were refused in the last hour, and are counted
        -# on deletion: deleted
        **1** link between your Discord id and a random id
        -# on deletion: deleted

        Your messages are not read or stored. /privacy export gives you all of this, /privacy delete deletes it.
        ");
    })
    .await;
}

#[tokio::test]
async fn all_of_it_as_a_file() {
    run(async |town| {
        leaves_traces(town).await;
        let outcome = town.command("approver", "privacy export", json!({})).await;
        assert_eq!(outcome["ephemeral"], true);
        assert_eq!(outcome["message"]["attachments"][0]["filename"], "signalbox-data.json");
        let requests = town.discord.requests();
        let sent = requests.iter().rev().find_map(|r| r["files"][0]["text"].as_str()).unwrap();
        let data: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(data["discord_user_id"], town.discord.user_id("approver").to_string());
        let reasons: Vec<&str> =
            data["tables"]["approval"].as_array().unwrap().iter().filter_map(|row| row["reason"].as_str()).collect();
        assert_eq!(reasons, ["not ours"]);
        let counts: Vec<String> = data["tables"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(table, rows)| format!("{table} {}", rows.as_array().unwrap().len()))
            .collect();
        insta::assert_snapshot!(counts.join(", "), @"api_key 0, approval 2, approval_reply 0, approval_rule 0, approval_vote 0, audit 5, audit_repeat 1, chat_pulse 0, clip_marker 0, community_rule 0, draw 0, draw_entry 0, draw_ticket 0, gtb_guess 0, gtb_session 0, kick_account 0, kick_link 0, kick_oauth_state 0, ledger 0, message 1, person 1, point_account 0, privacy_deletion 0, route 1, route_change 0, route_draft 0, send 1, shop_draft 0, shop_item 0, shop_sale 0, shop_tally 0, silence 0, slot_block 0, slot_call 0, stats_link 0, stats_name 0, ticket_action 0, upstream_link 0, upstream_link_request 0, viewer 0, viewer_ignored 0, viewer_opening 0, watch_day 0, watch_hour 0, watch_paid 0, watch_period 0, watch_role_grant 0");
    })
    .await;
}

#[tokio::test]
async fn deletion_leaves_no_trace_of_the_member_anywhere() {
    run(async |town| {
        leaves_traces(town).await;
        let user = town.discord.user_id("approver").to_string();
        let declared: BTreeSet<String> =
            TABLES.iter().flat_map(|t| t.members.iter().map(move |m| format!("{}.{}", t.name, m.column))).collect();
        let before = places(town, &user).await;
        assert!(before.is_subset(&declared), "not in the list of store/privacy.rs: {:?}", before.difference(&declared));
        insta::assert_snapshot!(before.iter().cloned().collect::<Vec<_>>().join(" "), @"message.mentions person.discord_user_id route.mention_ids send.body");
        insta::assert_snapshot!(delete(town, "approver", "delete please").await, @"Nothing was deleted: the word DELETE has to be typed.");
        assert_eq!(places(town, &user).await, before, "nothing without the word");
        insta::assert_snapshot!(delete(town, "approver", "DELETE").await, @"Deleted. What stays in audit logs leads to nobody; cards that named you are shown anew without your name.");
        assert_eq!(places(town, &user).await, BTreeSet::new());
        // Discord takes five edits in five seconds.
        town.advance(TimeDelta::seconds(10)).await;
        let seen = town.see("machines");
        assert!(!seen.contains(&user), "cards do not name the member any more: {seen}");
        assert!(told(&town.command("admin", "audit verify", json!({})).await).starts_with("✅"), "the chain is whole");
        let again = town.command("approver", "privacy show", json!({})).await;
        assert_eq!(described(town, &again), "Nothing is stored about you.");
    })
    .await;
}

#[tokio::test]
async fn deletion_is_once_a_day() {
    run(async |town| {
        insta::assert_snapshot!(delete(town, "approver", "DELETE").await, @"There was nothing to delete.");
        let (_, buttons) = requested(town).await;
        town.press_id("approver", &buttons.message, &buttons.approve).await;
        town.see("machines");
        insta::assert_snapshot!(delete(town, "approver", "DELETE").await, @"You have deleted your data already; you can do it again <+86400s>.");
        assert_eq!(town.count("SELECT count(*) FROM person").await, 1);
        town.advance(TimeDelta::days(1)).await;
        town.advance(TimeDelta::seconds(1)).await;
        assert!(delete(town, "approver", "DELETE").await.starts_with("Deleted."));
        assert_eq!(town.count("SELECT count(*) FROM person").await, 0);
    })
    .await;
}

/// The process dies when the person is gone, and mentions are not; whoever comes next goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_was_interrupted_is_carried_through() {
    let scene = Scene::start(&[("SIGNALBOX_CRASH_AT", "forget.person_gone")]).await;
    scene.xt.register_machine("web-07", "10.0.0.7", "Debian 13").await;
    scene.until("the machine is shown", || scene.seen("machines", "web-07") > 0).await;
    scene.press("web-07", "Approve").await;
    scene.until("it is let in", || scene.seen("machines", "confirmed by XTSystems") > 0).await;
    scene.until_quiet().await;
    scene
        .change(
            "UPDATE send SET body = jsonb_set(body, '{content}',
                 to_jsonb('ask <@' || (SELECT discord_user_id FROM person) || '>'))",
        )
        .await;
    let ask = json!({ "as": "approver", "do": "command", "channel": "ops", "name": "privacy delete", "options": {} });
    let form = scene.discord.act(ask).await;
    let id = form["modal"]["custom_id"].clone();
    let submit = json!({ "as": "approver", "do": "submit", "modal": id, "values": { "word": "DELETE" } });
    let _ = tokio::time::timeout(Duration::from_secs(5), scene.discord.act(submit)).await;
    scene.until("it died", || scene.deaths() == 1).await;
    assert_eq!(scene.count("SELECT count(*) FROM person").await, 0);
    assert!(scene.count("SELECT count(*) FROM send WHERE body::text LIKE '%<@%'").await > 0);
    scene.change("UPDATE privacy_deletion SET asked_at = asked_at - interval '3 minutes'").await;
    scene
        .until_none(
            "SELECT (SELECT count(*) FROM send WHERE body::text LIKE '%<@%') + (SELECT count(*) FROM privacy_deletion)",
        )
        .await;
    scene.finish().await;
}

/// The statements that look for a member find the rows by index, however many there are.
#[tokio::test]
async fn a_deletion_does_not_read_everything_that_was_sent() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let plans = [
            "EXPLAIN (COSTS OFF) SELECT id FROM send
             WHERE body::text LIKE '%<@%' AND mentioned_in(body) @> ARRAY['7'::text] LIMIT 1000",
            "EXPLAIN (COSTS OFF) SELECT ctid FROM message
             WHERE mentions <> '{}' AND mentions && ARRAY['<@7>', '<@!7>'] LIMIT 1000",
        ];
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
        sqlx::query("SET enable_seqscan = off").execute(&mut connection).await.unwrap();
        for (plan, index) in plans.into_iter().zip(["send_mentioned", "message_mentions"]) {
            let lines: Vec<String> = sqlx::query_scalar(plan).fetch_all(&mut connection).await.unwrap();
            assert!(lines.iter().any(|line| line.contains(index)), "{lines:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn nobody_deletes_for_somebody_else() {
    run(async |town| {
        let form = town.command("approver", "privacy delete", json!({})).await;
        let id = form["modal"]["custom_id"].as_str().unwrap();
        let outcome = town
            .discord
            .act(json!({ "as": "member", "do": "submit", "modal": id, "values": { "word": "DELETE" } }))
            .await;
        assert!(outcome["error"].is_string(), "{outcome}");
    })
    .await;
}

#[tokio::test]
async fn an_operator_deletes_for_somebody_who_asked_elsewhere() {
    run(async |town| {
        leaves_traces(town).await;
        let user = town.discord.user_id("approver").to_string();
        let counted = town.program(&["privacy", "delete-for", &user], &[]).ends_within(20).await;
        assert_eq!(counted.code, Some(0), "{}", counted.err);
        assert!(counted.out.ends_with("Delete with --yes.\n"), "{}", counted.out);
        assert!(!places(town, &user).await.is_empty());
        let end = town.program(&["privacy", "delete-for", &user, "--yes"], &[]).ends_within(20).await;
        assert!(end.out.ends_with("Deleted; the running bot shows its cards anew.\n"), "{}{}", end.out, end.err);
        town.advance(TimeDelta::seconds(10)).await;
        assert_eq!(places(town, &user).await, BTreeSet::new());
        assert!(!town.see("machines").contains(&user));
    })
    .await;
}

#[tokio::test]
async fn an_operator_deletes_for_a_viewer_who_has_no_discord_account() {
    run(async |town| {
        town.with_channel().await;
        for (command, options) in
            [("gtb open", json!({})), ("slots on", json!({})), ("slots set", json!({ "clip_channel": "party" }))]
        {
            town.command("admin", command, options).await;
        }
        for text in ["!gtb 1500", "!call Gates", "!clip wow", "hello"] {
            town.says("zedofkick", text).await;
        }
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["zedofkick", "bob"], 0..12).await;
        town.advance(TimeDelta::minutes(40)).await;
        town.see("party");
        // Two harnesses, two ids under one name.
        let ids = town.column("SELECT kick_user_id::text FROM person WHERE id IN (SELECT person_id FROM viewer WHERE username = 'zedofkick')").await;
        assert_eq!(ids.len(), 2);
        let points = town.count("SELECT sum(amount)::bigint FROM ledger").await;
        let others = town.count("SELECT count(*) FROM watch_hour").await;
        for id in &ids {
            let counted = town.program(&["privacy", "delete-for", "--kick-user", id], &[]).ends_within(20).await;
            assert_eq!(counted.code, Some(0), "{}", counted.err);
            assert!(counted.out.contains("Kick accounts of yours") && counted.out.ends_with("Delete with --yes.\n"), "{}", counted.out);
            let end = town.program(&["privacy", "delete-for", "--kick-user", id, "--yes"], &[]).ends_within(20).await;
            assert!(end.out.contains("Deleted"), "{}{}", end.out, end.err);
            assert_eq!(places(town, id).await, BTreeSet::new());
        }
        assert_eq!(places(town, "zedofkick").await, BTreeSet::new());
        // What was entered stays, and leads to nobody; others are left alone.
        assert_eq!(town.count("SELECT sum(amount)::bigint FROM ledger").await, points);
        assert!(town.count("SELECT count(*) FROM watch_hour").await < others);
        assert_eq!(town.count("SELECT count(*) FROM viewer WHERE username = 'bob'").await, 1);
        let end = town.program(&["privacy", "delete-for", "--kick-user", &ids[0], "--yes"], &[]).ends_within(20).await;
        assert_eq!(end.out, "There was nothing.\n");
        let end = town.program(&["privacy", "delete-for"], &[]).ends_within(20).await;
        assert_eq!(end.code, Some(2), "{}", end.err);
    })
    .await;
}

/// Every column that can name a member by its name, whatever a test has put into it.
#[tokio::test]
async fn every_column_that_names_a_member_is_in_the_list() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let columns = town
            .column(
                "SELECT table_name || '.' || column_name
                 FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND (column_name LIKE '%user_id%' AND column_name NOT IN ('upstream_user_id', 'broadcaster_user_id')
                         AND table_name <> 'kick_account' OR column_name LIKE '%person_id%'
                     OR column_name LIKE '%member_id%' OR column_name LIKE '%viewer_id%' OR column_name = 'viewer' OR column_name LIKE '%by_id%'
                     OR column_name LIKE '%mention%')
                 ORDER BY 1",
            )
            .await;
        let declared: BTreeSet<String> =
            TABLES.iter().flat_map(|t| t.members.iter().map(move |m| format!("{}.{}", t.name, m.column))).collect();
        let missing: Vec<&String> = columns.iter().filter(|column| !declared.contains(*column)).collect();
        assert!(missing.is_empty(), "say in store/privacy.rs what they hold and what a deletion does: {missing:?}");
        let by_person = TABLES.iter().flat_map(|t| t.members).filter(|m| m.by == By::Person).count();
        assert!(by_person >= 2);
    })
    .await;
}

#[tokio::test]
async fn every_table_is_in_the_list_with_its_retention() {
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let tables = town
            .column("SELECT table_name::text FROM information_schema.tables
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1",
            )
            .await;
        let mut listed: Vec<String> = TABLES.iter().map(|t| t.name.to_owned()).collect();
        listed.sort();
        assert_eq!(listed, tables, "store/privacy.rs says of each table what it holds and how long that is kept");
        let of_guilds = town
            .column("SELECT DISTINCT table_name::text FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name IN ('guild_id', 'source_id', 'destination_id')")
            .await;
        for name in of_guilds.iter().filter(|name| *name != "guild_departure") {
            let table = TABLES.iter().find(|t| t.name == name).unwrap();
            assert!(table.of_guild.is_some(), "{name} holds data of servers: say which rows go with one");
        }
    })
    .await;
}

async fn rows(town: &Town, table: &str) -> i64 {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
}

async fn departures(town: &Town) -> i64 {
    town.count("SELECT count(*) FROM guild_departure").await
}

/// Waits for what the gateway told.
async fn departures_become(town: &Town, wanted: i64) {
    for _ in 0..500 {
        if departures(town).await == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("departures: {} instead of {wanted}", departures(town).await);
}

#[tokio::test]
async fn a_server_that_removed_the_bot_is_forgotten_after_30_days() {
    run(async |town| {
        leaves_traces(town).await;
        town.send("ticket.created", ticket("7", "open")).await;
        town.see("tickets");
        let id = town.discord.guild_id();
        town.discord.outage(id);
        town.discord.remove_bot(id);
        departures_become(town, 1).await;
        town.clock.advance(TimeDelta::days(29));
        town.app.purge_due().await.unwrap();
        assert!(town.count("SELECT count(*) FROM audit").await > 0);
        town.clock.advance(TimeDelta::days(2));
        town.app.purge_due().await.unwrap();
        // The configured source goes on, and holds nobody's data.
        let left: Vec<String> = places(town, &id.to_string()).await.into_iter().collect();
        assert_eq!(left, ["source.guild_id"]);
        for table in ["event", "message", "card", "approval", "subject", "audit", "audit_seal", "person", "route"] {
            assert_eq!(rows(town, table).await, 0, "{table}");
        }
        let user = town.discord.user_id("approver").to_string();
        assert_eq!(places(town, &user).await, BTreeSet::new());
    })
    .await;
}

#[tokio::test]
async fn coming_back_keeps_everything() {
    run(async |town| {
        leaves_traces(town).await;
        let id = town.discord.guild_id();
        town.discord.remove_bot(id);
        departures_become(town, 1).await;
        town.discord.invite_bot(id);
        departures_become(town, 0).await;
        town.clock.advance(TimeDelta::days(31));
        town.app.purge_due().await.unwrap();
        assert!(town.count("SELECT count(*) FROM audit").await > 0);
    })
    .await;
}

#[tokio::test]
async fn a_removal_while_the_bot_was_away_is_noticed_at_the_next_start() {
    run(async |town| {
        leaves_traces(town).await;
        town.kill_gateway();
        town.until("the session is gone", || town.discord.connected_sessions() == 0).await;
        town.discord.remove_bot(town.discord.guild_id());
        assert_eq!(departures(town).await, 0);
        let app = town.app.clone();
        let gateway = tokio::spawn(async move {
            let _ = app.run_gateway().await;
        });
        departures_become(town, 1).await;
        gateway.abort();
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_discord_is_no_removal() {
    run(async |town| {
        town.discord.outage(town.discord.guild_id());
        let elsewhere = town.discord.add_guild("Elsewhere");
        town.command("member", "about", json!({})).await;
        town.discord.remove_bot(elsewhere);
        departures_become(town, 1).await;
        assert_eq!(
            town.count("SELECT count(*) FROM guild_departure d JOIN source s ON s.guild_id = d.guild_id").await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn old_rows_go_and_what_is_behind_live_cards_and_open_approvals_stays() {
    run(async |town| {
        // Closed long ago; open for just as long; a machine that nobody decided about; alerts.
        town.send("ticket.created", ticket("1", "open")).await;
        town.send("ticket.closed", ticket("1", "closed")).await;
        town.send("ticket.created", ticket("2", "open")).await;
        town.machine("web-07").await;
        town.alert("disk full").await;
        for channel in ["tickets", "machines", "alerts"] {
            town.see(channel);
        }
        town.post_with(b"{}".to_vec(), &[]).await;
        town.clock.advance(TimeDelta::days(31));
        town.app.purge_due().await.unwrap();
        let mut lines = Vec::new();
        let tables =
            ["event", "event_raw", "attempt", "message", "send", "subject", "card", "approval", "refusal"];
        for table in tables {
            lines.push(format!("{table} {}", rows(town, table).await));
        }
        insta::assert_snapshot!(lines.join(", "), @"event 5, event_raw 0, attempt 0, message 3, send 3, subject 3, card 3, approval 1, refusal 0");
        town.clock.advance(TimeDelta::days(400));
        town.app.purge_due().await.unwrap();
        lines.clear();
        for table in tables {
            lines.push(format!("{table} {}", rows(town, table).await));
        }
        insta::assert_snapshot!(lines.join(", "), @"event 1, event_raw 0, attempt 0, message 2, send 2, subject 2, card 2, approval 1, refusal 0");
        // The buttons of the old card still work.
        town.world_clock.advance(TimeDelta::days(431));
        let (message, approve) = town.button("machines", "Approve").unwrap();
        assert_eq!(heard(town, &town.press_id("approver", &message, &approve).await), "");
        assert_eq!(state(town).await, "confirmed approve");
        for channel in ["tickets", "machines", "alerts"] {
            town.see(channel);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_member_wrote_on_tickets_goes_too() {
    run(async |town| {
        opened(town).await;
        write(town, "admin", "note", "the fan is loud").await;
        let new = json!({ "title": "the lift is stuck", "description": "on floor three" });
        town.command("admin", "ticket create", new).await;
        town.settle().await;
        // Asked for, and carried out only after the deletion.
        town.xt.mode(Mode::status(503));
        only_write(town, "admin", "close", "fan was replaced").await;
        town.settle().await;
        assert!(delete(town, "admin", "DELETE").await.starts_with("Deleted."));
        town.xt.mode(Mode::ok());
        town.advance(TimeDelta::minutes(5)).await;
        assert_eq!(town.column("SELECT DISTINCT state FROM ticket_action").await, ["confirmed"]);
        let name = town.column("SELECT DISTINCT author FROM ticket_action").await;
        assert_eq!(name, ["somebody"]);
        let mut left = Vec::new();
        for words in ["the fan is loud", "fan was replaced", "the lift is stuck"] {
            left.push(format!("{words}: {}", places(town, words).await.into_iter().collect::<Vec<_>>().join(" ")));
        }
        // What XTSystems told by itself: in its events, and from them on cards.
        insta::assert_snapshot!(left.join("\n"), @"
        the fan is loud: event.data event_raw.body
        fan was replaced: event.data event_raw.body subject.state
        the lift is stuck: event.data event_raw.body send.body subject.state
        ");
        town.see("tickets");
    })
    .await;
}
