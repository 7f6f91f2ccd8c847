//! Ten thousand want the same few things at once, by two processes: nothing is sold twice, nobody pays what they do not have.
//!
//! `SHOP_RUSH` says how many.

use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use futures_util::future::join_all;
use signalbox::id::{GuildId, UserId};
use signalbox::lifecycle::together::Together;
use signalbox::store::Store;
use signalbox::store::ledger::{NewLedgerEntry, insert_ledger_entries};
use signalbox::store::shop::sale::Bought;
use signalbox::store::shop::together::Purchase;
use signalbox::store::shop::{ShopItem, insert_shop_item};
use uuid::Uuid;

use crate::support::town::{Setup, run_with};

/// How many unless `SHOP_RUSH` says otherwise.
const WISHES: u128 = 10_000;
const GUILD: GuildId = GuildId(7);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_at_once_never_oversell() {
    let given = std::env::var("SHOP_RUSH").ok().and_then(|text| text.parse().ok());
    let wishes: u128 = given.unwrap_or(WISHES);
    // Each wants four times, and has enough for one and a half; there is one for every fourteen wishes.
    let (buyers, stock) = (wishes / 4, i32::try_from(wishes / 14).unwrap());
    run_with(Setup { gateway: false, ..Setup::default() }, async |town| {
        let stores = [Store::open(&town.database_url, 20).unwrap(), Store::open(&town.database_url, 20).unwrap()];
        let now = town.clock.now();
        let item = ShopItem {
            id: Uuid::from_u128(1),
            guild_id: GUILD,
            name: "Game key".to_owned(),
            description: String::new(),
            price: 10,
            stock: Some(stock),
            per_member: None,
            cooldown_s: 0,
            role_id: None,
            question: None,
            active: true,
        };
        let mut tx = stores[0].begin().await.unwrap();
        assert!(insert_shop_item(&mut tx, &item, None, now).await.unwrap());
        let start = |n| NewLedgerEntry::new(GUILD, Uuid::from_u128(100 + n), 15, "grant", format!("start:{n}"));
        insert_ledger_entries(&mut tx, now, &(0..buyers).map(start).collect::<Vec<_>>()).await.unwrap();
        Store::commit(tx).await.unwrap();

        town.sql(&format!(
            "INSERT INTO person (id, discord_user_id, created_at)
                 SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(100 + n), 12, '0'))::uuid, 100 + n, '{now}'
                 FROM generate_series(0, {buyers} - 1) AS n"
        ))
        .await;
        town.sql(&format!(
            "INSERT INTO shop_draft (id, guild_id, shop_item_id, member_id, price, created_at)
                 SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(100000 + n), 12, '0'))::uuid, {GUILD},
                     '{}', ('00000000-0000-0000-0000-' || lpad(to_hex(100 + n % {buyers}), 12, '0'))::uuid, 10, '{now}'
                 FROM generate_series(0, {wishes} - 1) AS n",
            item.id
        ))
        .await;

        let doors = [Arc::<Together<Purchase>>::default(), Arc::default()];
        let wish = |n: u128| {
            let (store, door) = (stores[(n % 2) as usize].clone(), doors[(n % 2) as usize].clone());
            let asked = Purchase {
                draft_id: Uuid::from_u128(100_000 + n),
                guild_id: GUILD,
                user_id: UserId(i64::try_from(100 + n % buyers).unwrap()),
                roles: Vec::new(),
                since: now - TimeDelta::minutes(1),
                now,
            };
            // What did not come of it together is made alone, as a press does it.
            async move {
                match door.join(&store, asked.clone()).await.flatten() {
                    Some(bought) => bought,
                    None => store.buy_alone(&asked).await.unwrap().expect("nobody else has this draft"),
                }
            }
        };
        let began = Instant::now();
        let tasks = (0..wishes).map(|n| tokio::spawn(wish(n)));
        let outcomes: Vec<Bought> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
        println!("{wishes} wishes in {:?}", began.elapsed());
        let of = |kind: fn(&Bought) -> bool| outcomes.iter().filter(|outcome| kind(outcome)).count();
        let sold = of(|outcome| matches!(outcome, Bought::Done { .. }));
        let refused = of(|outcome| matches!(outcome, Bought::SoldOut | Bought::NotEnough { .. }));
        assert_eq!((sold, sold + refused), (stock as usize, wishes as usize));
        let sales = "SELECT count(*) FROM shop_sale";
        assert_eq!(town.count(sales).await, i64::from(stock));
        assert_eq!(town.count("SELECT stock::bigint FROM shop_item").await, 0);
        let wrong = "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
            (SELECT sum(amount) FROM ledger l WHERE l.person_id = a.person_id)
            OR balance <> 15 - 10 * (SELECT count(*) FROM shop_sale s WHERE s.person_id = a.person_id)";
        assert_eq!(town.count(wrong).await, 0);
        for store in stores {
            store.close().await;
        }
    })
    .await;
}
