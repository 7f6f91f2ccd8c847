//! The shop, as members and admins use it; and that nothing is sold twice.

use chrono::TimeDelta;
use serde_json::{Value, json};
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::ledger::{NewLedgerEntry, insert_ledger_entries};
use signalbox::store::shop::sale::{Bought, ShopDraft, Wish, buy};
use signalbox::store::shop::{ShopItem, insert_shop_item};
use uuid::Uuid;

use crate::support::machines::{form, names};
use crate::support::town::{Town, run, show};
use crate::support::viewers::none;

async fn grant(town: &Town, amount: i64) {
    town.asks("admin", "points grant", json!({ "amount": amount, "reason": "", "member": "member" })).await;
}

fn message_id(outcome: &Value) -> String {
    outcome["message"]["id"].as_str().unwrap_or_else(|| panic!("a message: {outcome:#}")).to_owned()
}

/// Chooses an item in the shop that the caller has before them.
async fn pick(town: &Town, who: &str, shop: &Value, label: &str) -> Value {
    let select = json!({ "as": who, "do": "select", "message": message_id(shop), "custom_id": "v1:shop:pick:0", "values": [label] });
    town.discord.act(select).await
}

fn seen(town: &Town, outcome: &Value) -> String {
    let message = match &outcome["followups"][0] {
        Value::Null => &outcome["message"],
        followup => followup,
    };
    names(town, &show(message)).trim_end().to_owned()
}

/// The custom id of a button of what was shown.
fn control(outcome: &Value, verb: &str) -> (String, String) {
    let message = if outcome["followups"][0].is_object() { &outcome["followups"][0] } else { &outcome["message"] };
    let text = message["components"].to_string();
    let at = text.find(&format!("v1:shop:{verb}:")).unwrap_or_else(|| panic!("{verb}: {outcome:#}"));
    let id = text[at..].split('"').next().unwrap().to_owned();
    (message["id"].as_str().unwrap().to_owned(), id)
}

async fn press(town: &Town, who: &str, outcome: &Value, verb: &str) -> String {
    let (message, id) = control(outcome, verb);
    let pressed = town.press_id(who, &message, &id).await;
    names(town, &show(if pressed["message"].is_object() { &pressed["message"] } else { &pressed["response"]["data"] }))
        .trim_end()
        .to_owned()
}

#[tokio::test]
async fn choose_answer_confirm_and_an_admin_completes_it() {
    run(async |town| {
        let key = json!({ "name": "Game key", "price": 300, "stock": 1, "question": "Which platform?", "description": "Any game" });
        insta::assert_snapshot!(town.asks("admin", "shop add", key).await, @"
        []
        In the shop: **Game key** — 300 points · 1 left
        -# Any game
        ");
        town.asks("admin", "shop add", json!({ "name": "Shout-out", "price": 50, "per_member": 1, "cooldown": "1d" })).await;
        grant(town, 400).await;
        let shop = town.command("member", "shop show", none()).await;
        insta::assert_snapshot!(seen(town, &shop), @"
        [🛒 Shop]
        **Shout-out** — 50 points · 1 per member
        **Game key** — 300 points · 1 left
        -# Any game
        (Buy something… ▾ –)
        (My points)
        ");
        let form_of_key = pick(town, "member", &shop, "Game key: 300 points").await;
        let values = json!({ "answer": "PC", "note": "no hurry" });
        let asked = town.submit("member", form(&form_of_key), values).await;
        insta::assert_snapshot!(seen(town, &asked), @"
        Buy **Game key** for **300 points**?
        Which platform?: PC
        Note: no hurry
        (Complete Purchase) (Cancel)
        ");
        insta::assert_snapshot!(press(town, "member", &asked, "confirm").await, @"You have bought **Game key** for 300 points. You have 100 points left. An admin deals with it; if it is cancelled, you get the points back.");
        press(town, "member", &asked, "confirm").await;
        assert_eq!(town.count("SELECT count(*) FROM shop_sale").await, 1, "pressed twice, bought once");
        let shop = town.command("member", "shop show", none()).await;
        insta::assert_snapshot!(seen(town, &shop), @"
        [🛒 Shop]
        **Shout-out** — 50 points · 1 per member
        **Game key** — 300 points · sold out
        -# Any game
        (Buy something… ▾ –)
        (My points)
        ");
        let queue = town.command("admin", "shop queue", none()).await;
        insta::assert_snapshot!(seen(town, &queue), @"
        [🛒 Purchases to be dealt with]
        **Game key** for 300 points by <@member>, <+0s>
        -# Answer: PC
        -# Note: no hurry
        (Which one? ▾ –)
        ");
        let select = json!({ "as": "admin", "do": "select", "message": message_id(&queue), "custom_id": "v1:shop:sale:0", "values": ["Game key · a member"] });
        let sale = town.discord.act(select).await;
        insta::assert_snapshot!(press(town, "admin", &sale, "refund").await, @"
        ↩️ Cancelled, 300 points given back: **Game key** for 300 points by <@member>, <+0s>
        -# Answer: PC
        -# Note: no hurry
        ");
        press(town, "admin", &sale, "complete").await;
        assert_eq!(town.column("SELECT state FROM shop_sale").await, ["cancelled"], "who came first has decided");
        insta::assert_snapshot!(town.asks("member", "points statement", none()).await, @"
        [Points: statement]
        `#3` <+0s> **+300** cancelled purchases → 400
        `#2` <+0s> **-300** the shop → 100
        `#1` <+0s> **+400** granted by admins → 400
        ");
    })
    .await;
}

#[tokio::test]
async fn limits_roles_prices_and_what_there_is() {
    run(async |town| {
        town.asks("admin", "shop add", json!({ "name": "Badge", "price": 10, "per_member": 1 })).await;
        town.asks("admin", "shop add", json!({ "name": "Vip", "price": 10, "role": "Approver" })).await;
        town.asks("admin", "shop add", json!({ "name": "Song", "price": 10, "cooldown": "1h" })).await;
        grant(town, 65).await;
        let mut told = Vec::new();
        for label in ["Badge", "Badge", "Vip", "Song", "Song", "Song"] {
            if told.len() == 5 {
                town.advance(TimeDelta::hours(1)).await;
            }
            let shop = town.command("member", "shop show", none()).await;
            let opened = pick(town, "member", &shop, &format!("{label}: 10 points")).await;
            let asked = town.submit("member", form(&opened), none()).await;
            told.push(press(town, "member", &asked, "confirm").await);
        }
        insta::assert_snapshot!(told.join("\n"), @"
        You have bought **Badge** for 10 points. You have 55 points left. An admin deals with it; if it is cancelled, you get the points back.
        A member may have 1 of it, and you do. Nothing was paid.
        This is for members with <@&Approver>. Nothing was paid.
        You have bought **Song** for 10 points. You have 45 points left. An admin deals with it; if it is cancelled, you get the points back.
        You can buy this again <+3600s>. Nothing was paid.
        You have bought **Song** for 10 points. You have 35 points left. An admin deals with it; if it is cancelled, you get the points back.
        ");
        let shop = town.command("member", "shop show", none()).await;
        let opened = pick(town, "member", &shop, "Song: 10 points").await;
        let asked = town.submit("member", form(&opened), none()).await;
        insta::assert_snapshot!(town.asks("admin", "shop edit", json!({ "item": "Song", "price": 90 })).await, @"
        []
        In the shop: **Song** — 90 points
        ");
        insta::assert_snapshot!(press(town, "member", &asked, "confirm").await, @"The price has changed to 90 points. Nothing was paid; choose again.");
        insta::assert_snapshot!(town.asks("admin", "shop remove", json!({ "item": "song" })).await, @"
        []
        Song is no longer in the shop.
        ");
        insta::assert_snapshot!(town.asks("member", "shop remove", json!({ "item": "badge" })).await, @"You need the Manage Server permission for this.");
    })
    .await;
}

#[tokio::test]
async fn many_at_once_never_oversell_and_nobody_overspends() {
    run(async |town| {
        const BUYERS: u128 = 20;
        let (store, guild_id, now) = (town.store().clone(), GuildId(7), town.clock.now());
        let item = |n: u128, stock, per_member| ShopItem {
            id: Uuid::from_u128(n),
            guild_id,
            name: format!("item {n}"),
            description: String::new(),
            price: 10,
            stock,
            per_member,
            cooldown_s: 0,
            role_id: None,
            question: None,
            active: true,
        };
        let mut tx = store.begin().await.unwrap();
        for item in [item(1, Some(30), None), item(2, None, Some(2)), item(3, Some(5), Some(1))] {
            assert!(insert_shop_item(&mut tx, &item, None, now).await.unwrap());
        }
        let entries: Vec<NewLedgerEntry> = (0..BUYERS)
            .map(|n| NewLedgerEntry::new(guild_id, Uuid::from_u128(100 + n), 70, "grant", format!("start:{n}")))
            .collect();
        insert_ledger_entries(&mut tx, now, &entries).await.unwrap();
        Store::commit(tx).await.unwrap();
        // Each wants far more than there is, than they may have, and than they can pay.
        let wish = |n: u128| {
            let store = store.clone();
            async move {
                let (buyer, item) = (Uuid::from_u128(100 + n % BUYERS), Uuid::from_u128(1 + n / BUYERS % 3));
                let draft = ShopDraft {
                    id: Uuid::from_u128(1000 + n),
                    guild_id,
                    shop_item_id: item,
                    member_id: buyer,
                    price: 10,
                    answer: None,
                    note: None,
                };
                let mut tx = store.begin().await.unwrap();
                let wishes = [Wish { draft: &draft, account: buyer, roles: &[] }];
                let outcome = buy(&mut tx, &wishes, now).await.unwrap().remove(0);
                Store::commit(tx).await.unwrap();
                matches!(outcome, Bought::Done { .. })
            }
        };
        let sold = futures_util::future::join_all((0..600).map(wish)).await.into_iter().filter(|sold| *sold).count();
        let sales = town.column("SELECT item_name || ' ' || count(*) FROM shop_sale GROUP BY item_name ORDER BY 1").await;
        assert_eq!(sales.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum::<usize>(), sold);
        let count_of = |n: usize| sales[n].rsplit(' ').next().unwrap().parse::<i64>().unwrap();
        assert!(count_of(0) <= 30 && count_of(1) <= 40 && count_of(2) <= 5, "{sales:?}");
        assert_eq!(count_of(2), 5, "whoever came first has one");
        let wrong = "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
            (SELECT sum(amount) FROM ledger l WHERE l.person_id = a.person_id)
            OR balance <> 70 - 10 * (SELECT count(*) FROM shop_sale s WHERE s.person_id = a.person_id)";
        assert_eq!(town.count(wrong).await, 0);
        let over = "SELECT count(*) FROM shop_tally t JOIN shop_item i ON i.id = t.shop_item_id WHERE t.bought > i.per_member
            OR t.bought <> (SELECT count(*) FROM shop_sale s WHERE s.shop_item_id = i.id AND s.person_id = t.person_id)";
        assert_eq!(town.count(over).await, 0);
        let stock = town.column("SELECT COALESCE(stock::text, '-') FROM shop_item ORDER BY name").await;
        assert_eq!(stock, [(30 - count_of(0)).to_string(), "-".into(), "0".into()]);
    })
    .await;
}
