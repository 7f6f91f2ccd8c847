//! The audit log as admins and operators meet it: read, verified, exported; and its chain against somebody with
//! the database in hand.

use crate::support::machines::{Buttons, heard, names, requested};
use crate::support::town::{Town, plain_times, run, told};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

/// Two machines: one approved, one whose approval a member tried.
async fn some_history(town: &Town) {
    let (_, buttons) = requested(town).await;
    town.press_id("member", &buttons.message, &buttons.approve).await;
    town.press_id("approver", &buttons.message, &buttons.approve).await;
    town.see("machines");
}

/// Somebody changes the database by hand, triggers switched off.
async fn by_hand(town: &Town, statements: &'static str) {
    let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
    connection.execute("SET session_replication_role = replica").await.unwrap();
    connection.execute(statements).await.unwrap();
}

/// A refused press with a line of its own: as if the hour in which it is only counted were over.
async fn refused_anew(town: &Town, buttons: &Buttons) {
    town.execute("DELETE FROM audit_repeat").await;
    town.only_press("member", &buttons.message, &buttons.approve).await;
}

async fn verify(town: &Town) -> String {
    let words = told(&town.command("admin", "audit verify", json!({})).await);
    // The hash is another one in each run: ids are random.
    words.split(" `").next().unwrap().to_owned()
}

fn listed(town: &Town, outcome: &Value) -> String {
    assert_eq!(outcome["ephemeral"], true, "{outcome:#}");
    names(town, &plain_times(outcome["message"]["embeds"][0]["description"].as_str().unwrap()))
}

#[tokio::test]
async fn who_presses_again_and_again_without_the_role_gets_one_line_and_a_count() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        for _ in 0..30 {
            town.only_press("member", &buttons.message, &buttons.approve).await;
        }
        town.only_press("member", &buttons.message, &buttons.deny).await;
        town.only_press("admin", &buttons.message, &buttons.approve).await;
        let refused = json!({ "action": "press_refused" });
        let at_once = town.command("admin", "audit list", refused.clone()).await;
        insta::assert_snapshot!(listed(town, &at_once), @r"
        `not sealed yet` <+0s> <@admin> **press\_refused** web-07 — verb: approve · why: not an approver
        `not sealed yet` <+0s> <@member> **press\_refused** web-07 — verb: deny · why: not an approver
        `not sealed yet` <+0s> <@member> **press\_refused** web-07 — verb: approve · why: not an approver
        ");
        town.advance(TimeDelta::minutes(61)).await;
        town.only_press("member", &buttons.message, &buttons.approve).await;
        town.settle().await;
        let later = listed(town, &town.command("admin", "audit list", refused).await);
        let lines: Vec<&str> = later.lines().map(|line| line.split(" · last").next().unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        `#6` <+3660s> <@member> **press\_refused** web-07 — verb: approve · why: not an approver
        `#5` <+3660s> <@member> **press\_refused** web-07 — again: 29
        `#4` <+0s> <@admin> **press\_refused** web-07 — verb: approve · why: not an approver
        `#3` <+0s> <@member> **press\_refused** web-07 — verb: deny · why: not an approver
        `#2` <+0s> <@member> **press\_refused** web-07 — verb: approve · why: not an approver
        ");
        assert!(verify(town).await.starts_with("✅"), "{}", verify(town).await);
        assert_eq!(town.count("SELECT count(*) FROM audit_repeat").await, 1, "of the hour that has begun");
        town.see("machines");
    })
    .await;
}

/// The hour is over, and the member presses before anybody has looked.
#[tokio::test]
async fn a_count_is_told_by_the_next_press_too() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        for _ in 0..3 {
            town.only_press("member", &buttons.message, &buttons.approve).await;
        }
        town.execute("UPDATE audit_repeat SET since = since - interval '2 hours'").await;
        town.only_press("member", &buttons.message, &buttons.approve).await;
        let lines = town.column("SELECT concat_ws(' ', action, detail->>'again') FROM audit ORDER BY id").await;
        assert_eq!(lines, ["requested", "press_refused", "press_refused 2", "press_refused"]);
        town.see("machines");
    })
    .await;
}

#[tokio::test]
async fn who_did_what() {
    run(async |town| {
        some_history(town).await;
        let all = town.command("admin", "audit list", json!({})).await;
        insta::assert_snapshot!(listed(town, &all), @r"
        `#5` <+0s> **echo** web-07 — approved_by: integration@signal-town.example
        `#4` <+0s> <@approver> **confirmed** web-07 — attempt: 1 · upstream:  · verb: approve
        `#3` <+0s> <@approver> **decided** web-07 — verb: approve
        `#2` <+0s> <@member> **press\_refused** web-07 — verb: approve · why: not an approver
        `#1` <+0s> **requested** web-07 — hostname: web-07 · ip_address: 10.0.0.7
        ");
        let one = town.command("admin", "audit list", json!({ "member": "approver" })).await;
        insta::assert_snapshot!(listed(town, &one), @"
        `#4` <+0s> <@approver> **confirmed** web-07 — attempt: 1 · upstream:  · verb: approve
        `#3` <+0s> <@approver> **decided** web-07 — verb: approve
        ");
        let refused = town.command("admin", "audit list", json!({ "action": "press_refused", "since": "1d" })).await;
        insta::assert_snapshot!(listed(town, &refused), @r"
        since <+-86400s>
        `#2` <+0s> <@member> **press\_refused** web-07 — verb: approve · why: not an approver
        ");
        let odd = town.command("admin", "audit list", json!({ "since": "long ago" })).await;
        insta::assert_snapshot!(heard(town, &odd), @"`since` should be such as 7d, 12h or 2026-11-21; nothing was looked up.");
    })
    .await;
}

#[tokio::test]
async fn pages_are_turned_by_the_caller() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        for _ in 0..24 {
            refused_anew(town, &buttons).await;
        }
        town.settle().await;
        town.see("machines");
        let first = town.command("admin", "audit list", json!({})).await;
        let numbers = |outcome: &Value| {
            let text = outcome["message"]["embeds"][0]["description"].as_str().unwrap();
            let seqs: Vec<&str> = text.lines().map(|line| line.split('`').nth(1).unwrap()).collect();
            format!("{} … {}", seqs[0], seqs[seqs.len() - 1])
        };
        assert_eq!(numbers(&first), "#25 … #16");
        let turn = async |from: &Value, label: &str| {
            let row = from["message"]["components"][0]["components"].as_array().unwrap().clone();
            let button = row.into_iter().find(|button| button["label"] == label).unwrap();
            assert_eq!(button["disabled"], false, "{label}");
            let message = from["message"]["id"].as_str().unwrap();
            town.press_id("admin", message, button["custom_id"].as_str().unwrap()).await
        };
        let second = turn(&first, "Older").await;
        assert_eq!(numbers(&second), "#15 … #6");
        let third = turn(&second, "Older").await;
        assert_eq!(numbers(&third), "#5 … #1");
        let back = turn(&third, "Newer").await;
        assert_eq!(numbers(&back), "#15 … #6");
    })
    .await;
}

#[tokio::test]
async fn a_log_that_nobody_touched() {
    run(async |town| {
        assert_eq!(verify(town).await, "✅ The audit log is empty.");
        some_history(town).await;
        insta::assert_snapshot!(verify(town).await, @"
        ✅ 5 entries checked: nothing was changed, removed or inserted.
        Head: entry 5
        ");
    })
    .await;
}

#[tokio::test]
async fn every_change_by_hand_is_found_and_named() {
    for (statements, expected) in [
        ("UPDATE audit SET detail = '{\"verb\": \"deny\"}' WHERE action = 'decided'", "entry 3 (row 3) was changed"),
        ("UPDATE audit SET person_id = NULL WHERE id = 2", "entry 2 (row 2) was changed"),
        ("UPDATE audit SET at = at + interval '1 second' WHERE id = 1", "entry 1 (row 1) was changed"),
        ("DELETE FROM audit WHERE id = 2", "entry 2 (row 2) was removed"),
        ("DELETE FROM audit WHERE id = 2; DELETE FROM audit_seal WHERE seq = 2", "the seal of entry 2 was removed"),
        ("DELETE FROM audit WHERE id = 5", "entry 5 (row 5) was removed"),
        (
            "DELETE FROM audit WHERE id = 5; DELETE FROM audit_seal WHERE seq = 5",
            "everything after entry 4 was removed: the chain ended at entry 5",
        ),
        (
            "DELETE FROM audit_head",
            "the end of the chain is missing: there are seals, but nothing that says where they end",
        ),
        (
            "INSERT INTO audit (guild_id, at, action, detail) SELECT guild_id, at, 'decided', '{}' FROM audit LIMIT 1",
            "row 6 was inserted by hand",
        ),
        (
            "UPDATE audit SET action = 'x' WHERE id = 3; UPDATE audit_seal SET hash = sha256('x') WHERE seq = 3",
            "entry 3 (row 3) was changed",
        ),
    ] {
        run(async |town| {
            some_history(town).await;
            assert!(verify(town).await.starts_with("✅ 5 entries checked"));
            by_hand(town, statements).await;
            let words = verify(town).await;
            assert!(
                words.starts_with(&format!("❌ The audit log is not what was written: {expected}.")),
                "{statements}: {words}"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_row_typed_into_the_database_is_noticed_with_all_triggers_on() {
    run(async |town| {
        some_history(town).await;
        let mut connection = PgConnection::connect(&town.database_url).await.unwrap();
        let forged =
            "INSERT INTO audit (guild_id, at, action, detail) SELECT guild_id, at, action, detail FROM audit LIMIT 1";
        connection.execute(forged).await.unwrap();
        town.settle().await;
        assert!(verify(town).await.contains("row 6 was inserted by hand"));
        let refused = connection.execute("DELETE FROM audit WHERE id = 6").await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
        let refused = connection.execute("UPDATE audit_seal SET seq = 9 WHERE seq = 1").await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn the_chain_holds_when_two_bots_seal_at_once() {
    run(async |town| {
        let (_, buttons) = requested(town).await;
        let (other, lifecycle) = town.another_bot().await;
        for _ in 0..8 {
            refused_anew(town, &buttons).await;
            let (one, two) = tokio::join!(town.store().seal_audit(3), other.ports.store.seal_audit(3));
            one.unwrap();
            two.unwrap();
        }
        town.settle().await;
        town.see("machines");
        assert!(verify(town).await.starts_with("✅ 9 entries checked"));
        lifecycle.stop();
        other.ports.store.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_log_as_a_file() {
    run(async |town| {
        some_history(town).await;
        let outcome = town.command("admin", "audit export", json!({})).await;
        assert_eq!(outcome["ephemeral"], true);
        assert!(told(&outcome).starts_with("5 entries. Head: entry 5 `"), "{}", told(&outcome));
        let requests = town.discord.requests();
        let sent = requests.iter().rev().find_map(|r| r["files"][0]["text"].as_str()).unwrap();
        let lines: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0]["head_hash"], lines[5]["hash"], "the head is the hash of the last entry");
        let actions: Vec<&str> = lines[1..].iter().filter_map(|line| line["action"].as_str()).collect();
        assert_eq!(actions, ["requested", "press_refused", "decided", "confirmed", "echo"]);
        // Anybody can check it with what ARCHITECTURE.md says.
        for pair in lines[1..].windows(2) {
            assert_eq!(pair[0]["hash"], pair[1]["prev_hash"]);
        }
        let e = &lines[3];
        let at = chrono::DateTime::parse_from_rfc3339(e["at"].as_str().unwrap()).unwrap().timestamp_micros();
        let covered = json!([
            "signalbox.audit.v1",
            e["guild"],
            e["seq"],
            e["id"],
            at,
            e["approval_id"],
            e["person_id"],
            e["action"],
            e["detail"],
            e["prev_hash"],
        ]);
        assert_eq!(signalbox::id::sha256_hex(covered.to_string().as_bytes()), e["hash"].as_str().unwrap());
    })
    .await;
}

#[tokio::test]
async fn only_those_who_manage_the_server_see_it() {
    run(async |town| {
        for name in ["audit list", "audit verify", "audit export"] {
            let outcome = town.command("member", name, json!({})).await;
            assert!(outcome["error"].as_str().is_some_and(|e| e.contains("does not see")), "{outcome}");
        }
    })
    .await;
}

#[tokio::test]
async fn operators_verify_and_export_from_the_shell() {
    run(async |town| {
        some_history(town).await;
        let end = town.program(&["audit", "verify"], &[]).ends_within(20).await;
        assert_eq!(end.code, Some(0), "{}{}", end.out, end.err);
        assert!(end.out.contains("5 entries checked, 0 not sealed yet, head 5 "), "{}", end.out);
        let guild = town.discord.guild_id().to_string();
        let end = town.program(&["audit", "export", "--guild", &guild], &[]).ends_within(20).await;
        assert_eq!((end.code, end.out.lines().count()), (Some(0), 6), "{}", end.err);
        by_hand(town, "DELETE FROM audit WHERE id = 2").await;
        let end = town.program(&["audit", "verify", "--guild", &guild], &[]).ends_within(20).await;
        assert_eq!(end.code, Some(1));
        assert!(
            end.out.contains("NOT AS WRITTEN: entry 2 (row 2) was removed; 1 entries before it are"),
            "{}",
            end.out
        );
    })
    .await;
}

#[tokio::test]
async fn old_entries_go_when_that_is_configured_and_the_rest_still_verifies() {
    let env = vec![("AUDIT_DAYS", "10".to_owned())];
    crate::support::town::run_with(crate::support::town::Setup { env, ..Default::default() }, async |town| {
        some_history(town).await;
        town.advance(chrono::TimeDelta::days(9)).await;
        let machine = town.machine("db-01").await;
        assert!(!machine.hostname.is_empty());
        town.see("machines");
        town.advance(chrono::TimeDelta::days(2)).await;
        town.app.purge_due().await.unwrap();
        assert_eq!(town.count("SELECT count(*) FROM audit").await, 1);
        let words = told(&town.command("admin", "audit verify", json!({})).await);
        assert!(words.starts_with("✅ 1 entries checked") && words.contains("Entries up to 5 were deleted"), "{words}");
        by_hand(town, "UPDATE audit SET action = 'x'").await;
        assert!(verify(town).await.contains("entry 6 (row 6) was changed"));
    })
    .await;
}
