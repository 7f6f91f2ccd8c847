//! Purchases that are confirmed at the same moment: they share a transaction, and nothing else.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;
use signalbox::community::points::Actor;
use signalbox::community::shop::{Answers, by_name, confirm, draft};
use signalbox::store::shop::sale::Bought;
use signalbox::store::shop::together::Purchase;
use uuid::Uuid;

use crate::support::town::{Town, run};

const WRONG_BALANCES: &str = "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
    (SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id)";

fn actor(town: &Town, who: &str) -> Actor {
    Actor { guild_id: town.guild(), user_id: town.user(who), interaction_id: 0 }
}

/// An item is for sale, and these have points.
async fn sells(town: &Town, item: serde_json::Value, points: &[(&str, i64)]) {
    town.asks("admin", "shop add", item).await;
    for (who, amount) in points {
        town.asks("admin", "points grant", json!({ "amount": amount, "reason": "", "member": who })).await;
    }
}

/// Somebody is asked whether they want the mug.
async fn asked(town: &Town, who: &str) -> Uuid {
    let (ports, who) = (&town.app.ports, actor(town, who));
    let item = by_name(ports, who, "Mug").await.unwrap();
    draft(ports, who, item.id, Answers::default()).await.unwrap().1
}

/// What they press on, as the store is asked for it.
fn pressed(town: &Town, who: &str, draft_id: Uuid) -> Purchase {
    let (guild_id, user_id, now) = (town.guild(), town.user(who), town.clock.now());
    Purchase { draft_id, guild_id, user_id, roles: Vec::new(), since: now - TimeDelta::minutes(1), now }
}

fn told(outcomes: &[Option<Bought>]) -> String {
    let lines = outcomes.iter().map(|outcome| match outcome {
        Some(Bought::Done { balance, .. }) => format!("bought, {balance} left"),
        Some(refused) => format!("{refused:?}"),
        None => "nothing".to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn what_fails_for_one_is_made_for_the_others() {
    run(async |town| {
        let people = ["admin", "member", "approver"];
        sells(town, json!({ "name": "Mug", "price": 10, "stock": 20 }), &people.map(|who| (who, 100))).await;
        let mut drafts = Vec::new();
        for n in 0..12 {
            drafts.push((people[n % 3], asked(town, people[n % 3]).await));
        }
        // The ledger has the cause of the last one already: its entry cannot be made.
        let last = drafts[11].1;
        town.sql(&format!(
            "INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
             VALUES ({}, gen_random_uuid(), '{}', 1, 'grant', 'purchase:{last}', '{{}}')",
            town.guild(),
            town.clock.now()
        ))
        .await;
        let ports = &town.app.ports;
        let presses = drafts.iter().map(|(who, id)| confirm(ports, actor(town, who), *id, &[]));
        let outcomes = join_all(presses).await;
        let bought = |outcome: &anyhow::Result<Option<Bought>>| matches!(outcome, Ok(Some(Bought::Done { .. })));
        assert!(outcomes[..11].iter().all(bought), "{outcomes:?}");
        assert!(outcomes[11].is_err(), "{outcomes:?}");
        assert_eq!(town.count("SELECT count(*) FROM shop_sale").await, 11);
        assert_eq!(town.count("SELECT stock::bigint FROM shop_item").await, 9);
        assert_eq!(town.count("SELECT count(*) FROM shop_draft").await, 1, "it may be pressed again");
        assert_eq!(town.count(WRONG_BALANCES).await, 0);
    })
    .await;
}

#[tokio::test]
async fn each_of_one_transaction_counts_those_before_it() {
    run(async |town| {
        let mug = json!({ "name": "Mug", "price": 40, "stock": 4, "per_member": 2 });
        sells(town, mug, &[("admin", 100), ("member", 60), ("approver", 200)]).await;
        let mut presses = Vec::new();
        for who in ["member", "member", "approver", "approver", "approver", "admin", "admin"] {
            presses.push(pressed(town, who, asked(town, who).await));
        }
        // Somebody presses twice, and somebody on what is another's.
        presses.push(presses[0].clone());
        presses.push(Purchase { user_id: town.user("admin"), ..pressed(town, "member", asked(town, "member").await) });
        let outcomes = town.store().buy_together(&presses).await.unwrap();
        insta::assert_snapshot!(told(&outcomes), @"
        bought, 20 left
        NotEnough { balance: 20, price: 40 }
        bought, 160 left
        bought, 120 left
        Limit(2)
        bought, 60 left
        SoldOut
        nothing
        nothing
        ");
        assert_eq!(
            town.column("SELECT stock || ' left, ' || (SELECT count(*) FROM shop_sale) FROM shop_item").await,
            ["0 left, 4"]
        );
        assert_eq!(town.count(WRONG_BALANCES).await, 0);
        assert_eq!(town.store().buy_alone(&presses[0]).await.unwrap(), None, "it is used up");
    })
    .await;
}

#[tokio::test]
async fn what_watching_has_earned_is_paid_first() {
    run(async |town| {
        sells(town, json!({ "name": "Mug", "price": 80 }), &[]).await;
        town.link_kick("member", "ada").await;
        let id = asked(town, "member").await;
        town.sql("UPDATE viewer SET minutes = 500, fifths = 500").await;
        let purchase = pressed(town, "member", id);
        let together = town.store().buy_together(std::slice::from_ref(&purchase)).await.unwrap();
        assert_eq!(together, [None], "it is made alone");
        let bought = confirm(&town.app.ports, actor(town, "member"), id, &[]).await.unwrap();
        insta::assert_snapshot!(told(&[bought]), @"bought, 20 left");
        let entries = town.column("SELECT kind || ' ' || amount FROM ledger ORDER BY id").await;
        insta::assert_snapshot!(entries.join(", "), @"watch 100, purchase -80");
    })
    .await;
}

#[tokio::test]
async fn boards_are_touched_once_for_all_of_them() {
    run(async |town| {
        sells(town, json!({ "name": "Mug", "price": 10, "stock": 20 }), &[("member", 100)]).await;
        for (panel, channel) in [("shop", "party"), ("purchases of the shop, for admins", "ops")] {
            town.command("admin", "panel post", json!({ "panel": panel, "channel": channel })).await;
        }
        town.settle().await;
        let versions = async || town.count("SELECT sum(version)::bigint FROM card").await;
        let before = versions().await;
        let mut presses = Vec::new();
        for _ in 0..5 {
            presses.push(pressed(town, "member", asked(town, "member").await));
        }
        town.store().buy_together(&presses).await.unwrap();
        assert_eq!(versions().await - before, 2, "one for each board");
        town.settle().await;
        let (shop, queue) = (town.see("party"), town.see("ops"));
        assert!(shop.contains("15 left"), "{shop}");
        assert_eq!(queue.matches("**Mug** for 10 points").count(), 5, "{queue}");
        assert_eq!(town.count("SELECT count(*) FROM card WHERE shown_version < version").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_bought_already_is_not_paid_for_again() {
    run(async |town| {
        sells(town, json!({ "name": "Mug", "price": 40, "stock": 4 }), &[("member", 100)]).await;
        let id = asked(town, "member").await;
        let (ports, who) = (&town.app.ports, actor(town, "member"));
        let kept = "CREATE TABLE kept AS SELECT * FROM shop_draft";
        town.execute(kept).await;
        let first = confirm(ports, who, id, &[]).await.unwrap();
        // Its draft is there again, as after a restored backup.
        town.execute("INSERT INTO shop_draft SELECT * FROM kept").await;
        let second = confirm(ports, who, id, &[]).await.unwrap();
        // The answer to the next one gets lost: whoever asks again hears what became of it.
        town.execute("CREATE SEQUENCE deletions").await;
        town.execute(
            "CREATE FUNCTION fails_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF nextval('deletions') = 1 THEN RAISE EXCEPTION 'the connection is gone'; END IF;
                 RETURN NULL;
             END $$",
        )
        .await;
        town.execute(
            "CREATE TRIGGER fails_once BEFORE DELETE ON shop_draft FOR EACH STATEMENT EXECUTE FUNCTION fails_once()",
        )
        .await;
        let third = confirm(ports, who, id, &[]).await.unwrap();
        let others = confirm(ports, actor(town, "admin"), id, &[]).await.unwrap();
        insta::assert_snapshot!(told(&[first, second, third, others]), @"
        bought, 60 left
        Already
        Already
        nothing
        ");
        assert_eq!(
            town.column("SELECT stock || ' left, ' || (SELECT count(*) FROM shop_sale) FROM shop_item").await,
            ["3 left, 1"]
        );
        assert_eq!(town.count(WRONG_BALANCES).await, 0);
    })
    .await;
}
