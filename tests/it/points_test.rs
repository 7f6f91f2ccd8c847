//! Points: what people see of the ledger, and what the database itself refuses.

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::kick_link::Linking;
use signalbox::store::ledger::{NewLedgerEntry, Posted, insert_ledger_entries};
use uuid::Uuid;

use crate::secret_test::everything;
use crate::support::machines::names;
use crate::support::town::{Town, run};
use crate::support::viewers::{kick_id, none};
use crate::support::words::{show, told};

/// Sums of the ledger beside balances, where they differ; and balances below nothing.
async fn wrong_balances(town: &Town) -> i64 {
    town.count(
        "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
             COALESCE((SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id), 0)",
    )
    .await
}

#[tokio::test]
async fn pages_of_a_statement_are_for_whose_it_is_and_for_admins() {
    run(async |town| {
        for n in 1..=14 {
            let grant = json!({ "amount": n, "reason": "helped", "member": "member" });
            town.command("admin", "points grant", grant).await;
        }
        let turn = async |who: &str, from: &Value, label: &str| {
            let row = from["message"]["components"][0]["components"].as_array().unwrap().clone();
            let button = row.into_iter().find(|button| button["label"] == label).unwrap();
            let message = from["message"]["id"].as_str().unwrap();
            town.press_id(who, message, button["custom_id"].as_str().unwrap()).await
        };
        let first = town.command("member", "points statement", none()).await;
        let older = turn("member", &first, "Older").await;
        insta::assert_snapshot!(show(&older["message"]), @"
        [Points: statement]
        `#2` <+0s> **+2** granted by admins → 3
        `#1` <+0s> **+1** granted by admins → 1
        (Newest) (Older)
        ");
        let theirs = town.command("admin", "points statement", json!({ "member": "member" })).await;
        let older_of_theirs = turn("admin", &theirs, "Older").await;
        assert_eq!(show(&older_of_theirs["message"]), show(&older["message"]));
        insta::assert_snapshot!(told(&turn("approver", &theirs, "Older").await), @"");
    })
    .await;
}

/// The number of an interaction says when it came, to the millisecond.
fn without_numbers(text: &str) -> String {
    let parts = text.split(':').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        if digits > 16 { format!("…{}", &part[digits..]) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join(":")
}

#[tokio::test]
async fn an_admin_grants_and_a_member_gives_and_each_can_say_why() {
    run(async |town| {
        let grant = json!({ "amount": 500, "reason": "won the quiz", "member": "member" });
        insta::assert_snapshot!(town.asks("admin", "points grant", grant).await, @"
        []
        Entry `#1`: 500 points. The balance is **500** now.
        ");
        let give = json!({ "member": "approver", "amount": 120 });
        insta::assert_snapshot!(town.asks("member", "points give", give).await, @"
        []
        Given. You have 380 points left.
        ");
        insta::assert_snapshot!(town.asks("member", "points balance", none()).await, @"
        []
        You have **380 points**.
        +500 granted by admins
        -120 between members
        -# No Kick account is linked: /link, and watching earns points.
        ");
        insta::assert_snapshot!(town.asks("member", "points statement", none()).await, @"
        [Points: statement]
        `#2` <+0s> **-120** between members → 380
        `#1` <+0s> **+500** granted by admins → 500
        ");
        insta::assert_snapshot!(without_numbers(&town.asks("member", "points why", json!({ "entry": 1 })).await), @"
        []
        `#1` <+0s> **+500** granted by admins → 500

        Reason: won the quiz
        By <@admin>
        -# Cause: `grant:…`. The same cause is never entered twice.
        ");
        insta::assert_snapshot!(town.asks("approver", "points why", json!({ "entry": 1 })).await, @"That entry is somebody else's. Yours are in /points statement.");
        insta::assert_snapshot!(without_numbers(&town.asks("approver", "points why", json!({ "entry": 3 })).await), @"
        []
        `#3` <+0s> **+120** between members → 120
        Another member gave you these.
        -# Cause: `give:…:to`. The same cause is never entered twice.
        ");
        insta::assert_snapshot!(names(town, &town.see("ops")), @"<@member> gives <@approver> **120 points**.");
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

#[tokio::test]
async fn nobody_spends_what_they_do_not_have() {
    run(async |town| {
        let give = json!({ "member": "approver", "amount": 1 });
        insta::assert_snapshot!(town.asks("member", "points give", give).await, @"You have only 0 points.");
        let take = json!({ "amount": -5, "reason": "typo", "member": "member" });
        insta::assert_snapshot!(town.asks("admin", "points grant", take).await, @"There are only 0 points to take.");
        let me = json!({ "member": "member", "amount": 1 });
        insta::assert_snapshot!(town.asks("member", "points give", me).await, @"You cannot give points to yourself.");
        let grant = json!({ "amount": 1_000_000, "reason": "mine", "member": "member" });
        insta::assert_snapshot!(town.asks("member", "points grant", grant).await, @"You need the Manage Server permission for this.");
        assert_eq!(town.count("SELECT count(*) FROM ledger").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_entered_is_reversed_and_never_changed() {
    run(async |town| {
        town.asks("admin", "points grant", json!({ "amount": 50, "reason": "", "member": "member" })).await;
        town.asks("member", "points give", json!({ "member": "approver", "amount": 20 })).await;
        insta::assert_snapshot!(town.asks("admin", "points undo", json!({ "entry": 3 })).await, @"
        []
        Entry `#3` (20 points) is taken back by another entry.
        ");
        insta::assert_snapshot!(town.asks("admin", "points undo", json!({ "entry": 2 })).await, @"
        []
        Entry `#2` was taken back already.
        ");
        insta::assert_snapshot!(town.asks("member", "points statement", none()).await, @"
        [Points: statement]
        `#5` <+0s> **+20** taken back → 50
        `#2` <+0s> **-20** between members → 30 (taken back)
        `#1` <+0s> **+50** granted by admins → 50
        ");
        insta::assert_snapshot!(town.asks("admin", "points undo", json!({ "entry": 99 })).await, @"
        []
        There is no such entry here. /points statement shows yours with their numbers.
        ");
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&town.database_url).await.unwrap();
        for change in ["UPDATE ledger SET amount = 1", "DELETE FROM ledger", "TRUNCATE ledger"] {
            let refused = sqlx::query(change).execute(&mut connection).await.unwrap_err().to_string();
            assert!(refused.contains("the ledger is append-only"), "{change}: {refused}");
        }
        let below = "INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
             SELECT guild_id, person_id, at, -1000, kind, 'x', detail FROM ledger LIMIT 1";
        let refused = sqlx::query(below).execute(&mut connection).await.unwrap_err().to_string();
        assert!(refused.contains("point_account_never_negative"), "{refused}");
        town.see("ops");
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

#[tokio::test]
async fn linking_moves_points_and_is_unique_both_ways() {
    run(async |town| {
        town.asks("admin", "points grant", json!({ "amount": 30, "reason": "", "member": "member" })).await;
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 0..20).await;
        assert_eq!(town.link_kick("member", "ada").await, Linking::Linked { moved: 30 });
        assert_eq!(town.link_kick("member", "ada").await, Linking::Known);
        assert!(matches!(town.link_kick("member", "bob").await, Linking::MemberHas(link) if link.username == "ada"));
        assert!(matches!(town.link_kick("approver", "ada").await, Linking::ViewerIs(link) if link.username == "ada"));
        town.advance(TimeDelta::minutes(1)).await;
        insta::assert_snapshot!(town.asks("member", "points balance", none()).await, @"
        []
        You have **34 points**.
        +30 linking accounts
        +4 watching
        -# Kick: ada · 21 min watched
        ");
        insta::assert_snapshot!(town.asks("approver", "points balance", json!({ "viewer": "ada" })).await, @"
        []
        ada has **34 points**.
        +30 linking accounts
        +4 watching
        -# Kick: ada · 21 min watched
        ");
        let unlinked =
            signalbox::community::link::unlink(&town.app.ports, town.guild(), town.user("member")).await.unwrap();
        assert_eq!(unlinked.unwrap().username, "ada");
        insta::assert_snapshot!(town.asks("member", "points balance", none()).await, @"
        []
        You have **0 points**.
        +30 granted by admins
        -30 linking accounts
        -# No Kick account is linked: /link, and watching earns points.
        ");
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_same_cause_pays_once_whoever_enters_it() {
    run(async |town| {
        let store = town.store().clone();
        let (guild_id, person) = (GuildId(7), Uuid::from_u128(1));
        let enter = |n: i64| {
            let (store, now) = (store.clone(), town.clock.now());
            async move {
                let mut tx = store.begin().await.unwrap();
                let cause = format!("cause:{}", n % 5);
                let entry = NewLedgerEntry::new(guild_id, person, 10, "grant", cause);
                let posted = insert_ledger_entries(&mut tx, now, &[entry]).await.unwrap();
                Store::commit(tx).await.unwrap();
                posted.is_new()
            }
        };
        let new = futures_util::future::join_all((0..60).map(enter)).await.into_iter().filter(|new| *new).count();
        assert_eq!((new, store.balance(guild_id, person).await.unwrap()), (5, 50));
        // Ten at a time spend 15 of the 50: three do, the others are told what is left.
        let spend = |n: i64| {
            let (store, now) = (store.clone(), town.clock.now());
            async move {
                let mut tx = store.begin().await.unwrap();
                let entry = NewLedgerEntry::new(guild_id, person, -15, "command", format!("spent:{n}"));
                let posted = insert_ledger_entries(&mut tx, now, &[entry]).await.unwrap();
                Store::commit(tx).await.unwrap();
                matches!(posted, Posted::Done(_))
            }
        };
        let spent = futures_util::future::join_all((0..10).map(spend)).await.into_iter().filter(|done| *done).count();
        assert_eq!((spent, store.balance(guild_id, person).await.unwrap()), (3, 5));
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_viewers_had_elsewhere_is_brought_along_once() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["Ada", "bob"], 0..4).await;
        let lines = "viewer,minutes,points\nada,1200,300\ncy,60,5\n";
        let mut told = Vec::new();
        for _ in 0..2 {
            let form = town.command("admin", "community import", none()).await;
            let id = form["modal"]["custom_id"].as_str().unwrap().to_owned();
            let outcome = town.submit("admin", &id, json!({ "lines": lines })).await;
            told.push(crate::support::town::told(&outcome));
        }
        insta::assert_snapshot!(told.join("\n"), @"
        2 lines, 2 names are new. 1 of them are known and have it now; the others get it when they are first seen.
        2 lines, 0 names are new. 0 of them are known and have it now; the others get it when they are first seen.
        ");
        town.written(&[("cy", 10)]).await;
        town.advance(TimeDelta::minutes(40)).await;
        town.link_kick("member", "cy").await;
        insta::assert_snapshot!(town.asks("member", "points balance", none()).await, @"
        []
        You have **5 points**.
        +5 brought along
        -# Kick: cy · 1 h 00 min watched
        ");
        insta::assert_snapshot!(town.asks("member", "watchtime why", none()).await, @"
        []
        <+0s> : **0 min** counted of 2 present
        -# present :10–:11
        -# not counted, too few people in the chat: :10–:11
        Brought along by an import: **1 h 00 min**
        -# A message counts for 2 min, while the channel is live and 2 people have written within 5 min; 18 h 00 min a day at most.
        ");
        let seen = town.asks("admin", "points balance", json!({ "viewer": "ada" })).await;
        insta::assert_snapshot!(seen, @"
        []
        ada has **301 points**.
        +300 brought along
        +1 watching
        -# Kick: Ada · 20 h 05 min watched
        ");
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

/// What an admin is told who imports this file.
async fn imports(town: &Town, content: &str) -> String {
    let file = json!({ "filename": "viewers.csv", "content": content });
    town.asks("admin", "community import", json!({ "file": file })).await
}

#[tokio::test]
async fn a_file_is_brought_along_as_a_whole_or_not_at_all() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["Ada", "bob"], 0..4).await;
        let mut lines = String::from("viewer;minutes;points\r\nada;1200;300\r\n");
        for n in 0..5_000 {
            lines.push_str(&format!("viewer{n};{n};1\r\n"));
        }
        let broken = lines.replace("viewer4999;4999;1", "viewer4999;many;1");
        insta::assert_snapshot!(imports(town, &broken).await, @"Line 5002: minutes should be a whole number of at least 0. Nothing was imported.");
        insta::assert_snapshot!(imports(town, "ada,1\nbob,-5").await, @"Line 2: minutes should be a whole number of at least 0. Nothing was imported.");
        insta::assert_snapshot!(imports(town, &"x".repeat(5_000_001)).await, @"The file is larger than 5 MB. Nothing was imported: split it, each part as an import of its own.");
        assert_eq!(town.count("SELECT count(*) FROM viewer_opening").await, 0);
        insta::assert_snapshot!(imports(town, &lines).await, @"
        []
        5001 lines, 5001 names are new. 1 of them are known and have it now; the others get it when they are first seen.
        ");
        insta::assert_snapshot!(imports(town, &lines).await, @"
        []
        5001 lines, 0 names are new. 0 of them are known and have it now; the others get it when they are first seen.
        ");
        let seen = town.asks("admin", "points balance", json!({ "viewer": "ada" })).await;
        insta::assert_snapshot!(seen, @"
        []
        ada has **300 points**.
        +300 brought along
        -# Kick: Ada · 20 h 00 min watched
        ");
        assert_eq!(wrong_balances(town).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_operator_brings_a_file_along() {
    run(async |town| {
        let file = std::env::temp_dir().join(format!("{}.csv", Uuid::new_v4()));
        std::fs::write(&file, "ada,10,5\nbob,x,1\n").unwrap();
        let (path, server) = (file.to_str().unwrap(), town.guild().to_string());
        let arguments = ["community", "import", path, "--server", &server];
        let end = town.program(&arguments, &[]).ends_within(20).await;
        assert_eq!(end.code, Some(1));
        assert!(end.err.contains("Line 2: minutes should be a whole number"), "{}", end.err);
        std::fs::write(&file, "ada,10,5\nbob,20,1\n").unwrap();
        let end = town.program(&arguments, &[]).ends_within(20).await;
        assert!(end.out.starts_with("2 lines, 2 names are new."), "{}{}", end.out, end.err);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            town.column("SELECT name_key || ' ' || points FROM viewer_opening ORDER BY 1").await,
            ["ada 5", "bob 1"]
        );
    })
    .await;
}

#[tokio::test]
async fn roles_are_given_when_earned_and_at_once_on_linking() {
    run(async |town| {
        let role = json!({ "role": "Approver", "minutes": 10 });
        insta::assert_snapshot!(town.asks("admin", "watchroles set", role).await, @"
        []
        Linked members get <@&Approver> from 10 min on.
        ");
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 0..12).await;
        town.advance(TimeDelta::minutes(2)).await;
        let before = town.roles_of("member");
        town.link_kick("member", "ada").await;
        assert_eq!(town.roles_of("member").len(), before.len() + 1, "at once");
        insta::assert_snapshot!(town.asks("member", "watchroles list", none()).await, @"
        []
        <@&Approver> from 10 min · given to 1
        ");
    })
    .await;
}

#[tokio::test]
async fn the_list_is_a_picture_with_the_same_in_words() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada", "bob"], 0..12).await;
        town.chatter(["ada", "bob"], 14..16).await;
        town.written(&[("ada", 20)]).await;
        town.advance(TimeDelta::minutes(40)).await;
        town.link_kick("member", "ada").await;
        insta::assert_snapshot!(town.asks("member", "leaderboard", none()).await, @"
        [Watch time]
        **1.** ada (<@member>) — 16 min
        **2.** bob — 16 min
        ");
        insta::assert_snapshot!(town.asks("member", "leaderboard", json!({ "by": "points", "since": "7 days" })).await, @"
        [Points earned in 7 days]
        **1.** ada (<@member>) — 3 points
        **2.** bob — 3 points
        ");
        insta::assert_snapshot!(town.asks("member", "points leaderboard", json!({ "since": "7 days" })).await, @"
        [Points earned in 7 days]
        **1.** ada (<@member>) — 3 points
        **2.** bob — 3 points
        ");
        let pictures: Vec<String> = town.messages("ops").iter().map(|m| m["attachments"][0]["filename"].to_string()).collect();
        let described = |m: &serde_json::Value| m["attachments"][0]["description"].as_str().unwrap_or("nothing").to_owned();
        let words: Vec<String> = town.messages("ops").iter().map(described).collect();
        insta::assert_snapshot!(words.join("\n"), @"
        Watch time. 1. ada: 16 min; 2. bob: 16 min
        Points earned in 7 days. 1. ada: 3 points; 2. bob: 3 points
        Points earned in 7 days. 1. ada: 3 points; 2. bob: 3 points
        ");
        insta::assert_snapshot!(pictures.join(" "), @r#""leaderboard.png" "leaderboard.png" "leaderboard.png""#);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_forgets_the_account_on_kick_with_the_member() {
    run(async |town| {
        town.advance(TimeDelta::minutes(30)).await;
        town.chatter(["ada_of_kick", "bob"], 0..12).await;
        town.link_kick("member", "ada_of_kick").await;
        town.asks("admin", "points grant", json!({ "amount": 50, "reason": "", "member": "member" })).await;
        town.advance(TimeDelta::minutes(40)).await;
        let before = town.count("SELECT sum(amount)::bigint FROM ledger").await;
        let (user, kick) = (town.user("member").to_string(), kick_id("ada_of_kick").to_string());
        let names = |line: &String| line.contains(&user) || line.contains(&kick) || line.contains("ada_of_kick");
        assert!(everything(town).await.iter().any(names));
        let form = town.command("member", "privacy delete", none()).await;
        let id = form["modal"]["custom_id"].as_str().unwrap().to_owned();
        town.submit("member", &id, json!({ "word": "DELETE" })).await;
        let left: Vec<String> = everything(town).await.into_iter().filter(names).collect();
        assert_eq!(left, Vec::<String>::new());
        // What was entered stays, and leads to nobody.
        assert_eq!(town.count("SELECT sum(amount)::bigint FROM ledger").await, before);
        assert!(town.asks("member", "points balance", none()).await.contains("You have **0 points**."));
    })
    .await;
}
