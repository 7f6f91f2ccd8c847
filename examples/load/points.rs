//! Many purchases at the same time, beside transactions of one row: nothing is sold twice, nobody spends what they do not
//! have, and what everybody has is what their entries add up to. All of it is checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use chrono::Utc;
use clap::Args;
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use signalbox::store::shop::sale::{Bought, ShopDraft, buy};
use sqlx::postgres::{PgPool, PgPoolOptions};
use uuid::Uuid;

use super::report::{Report, count};

#[derive(Args)]
pub struct PointsArgs {
    #[arg(long, default_value_t = 10_000)]
    purchases: usize,
    #[arg(long, default_value_t = 100)]
    items: usize,
    #[arg(long, default_value_t = 1000)]
    viewers: usize,
    /// At the same time
    #[arg(long, default_value_t = 32)]
    together: usize,
}

const GUILD: GuildId = GuildId(1);
const PRICE: i64 = 10;

pub fn points(args: &PointsArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres.url()))
}

async fn measure(args: &PointsArgs, url: &str) -> Result<Report> {
    let store = Store::open(url, args.together as u32)?;
    store.migrate(true).await?;
    let pool = PgPoolOptions::new().max_connections(args.together as u32).connect(url).await?;
    // Half of what is wanted is there, and points for four fifths of it.
    let (stock, points) = (args.purchases / args.items / 2, (args.purchases / args.viewers) as i64 * PRICE * 4 / 5);
    prepare(&pool, args, stock, points).await?;
    let mut report = Report::new("Points: purchases at the same time", &["what", "per second", "seconds"]);
    let (sold, bought) = purchases(args, &store).await?;
    report.row(vec!["purchases".into(), count(args.purchases as f64 / bought), format!("{bought:.2}")]);
    let alone = single_rows(args, &pool).await?;
    report.row(vec!["transactions of one row".into(), count(args.purchases as f64 / alone), format!("{alone:.2}")]);
    check(&pool, args, stock, sold).await?;
    report.note(format!(
        "{} wanted, {} sold of {}: none oversold, no balance below nothing, every balance the sum of its entries; {:.2} of \
         transactions of one row (reach 0.50).",
        count(args.purchases as f64),
        count(sold as f64),
        count((stock * args.items) as f64),
        alone / bought
    ));
    store.close().await;
    Ok(report)
}

fn item(n: usize) -> Uuid {
    Uuid::from_u128(0x17E0_0000 + n as u128)
}

fn viewer(n: usize) -> Uuid {
    Uuid::from_u128(0xA000_0000 + n as u128)
}

async fn prepare(pool: &PgPool, args: &PointsArgs, stock: usize, points: i64) -> Result<()> {
    let items: Vec<Uuid> = (0..args.items).map(item).collect();
    let viewers: Vec<Uuid> = (0..args.viewers).map(viewer).collect();
    sqlx::query(
        "INSERT INTO shop_item (id, guild_id, name, price, stock, created_at)
         SELECT id, $2, id::text, $3, $4, now() FROM UNNEST($1::uuid[]) AS id",
    )
    .bind(&items)
    .bind(GUILD.0)
    .bind(PRICE)
    .bind(stock as i32)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
         SELECT $2, id, now(), $3, 'grant', id::text, 'null' FROM UNNEST($1::uuid[]) AS id",
    )
    .bind(&viewers)
    .bind(GUILD.0)
    .bind(points)
    .execute(pool)
    .await?;
    sqlx::raw_sql("CREATE TABLE alone (id uuid PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 50)")
        .execute(pool)
        .await?;
    sqlx::query("INSERT INTO alone SELECT id, 0 FROM UNNEST($1::uuid[]) AS id").bind(&viewers).execute(pool).await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await?;
    Ok(())
}

/// Everybody at once. Returns how many were sold, and the seconds.
async fn purchases(args: &PointsArgs, store: &Store) -> Result<(usize, f64)> {
    let (next, sold) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..args.together {
        let (store, next, sold) = (store.clone(), next.clone(), sold.clone());
        let (all, items, viewers) = (args.purchases, args.items, args.viewers);
        buyers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= all {
                    return anyhow::Ok(());
                }
                let buyer = viewer(n * 7919 % viewers);
                let draft = ShopDraft {
                    id: Uuid::from_u128(0xD000_0000 + n as u128),
                    guild_id: GUILD,
                    shop_item_id: item(n * 31 % items),
                    member_id: buyer,
                    price: PRICE,
                    answer: None,
                    note: None,
                };
                let mut tx = store.begin().await?;
                let outcome = buy(&mut tx, &draft, buyer, &[], Utc::now()).await?;
                Store::commit(tx).await?;
                if matches!(outcome, Bought::Done { .. }) {
                    sold.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    while let Some(done) = buyers.join_next().await {
        done??;
    }
    Ok((sold.load(Ordering::Relaxed), start.elapsed().as_secs_f64()))
}

async fn single_rows(args: &PointsArgs, pool: &PgPool) -> Result<f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..args.together {
        let (pool, next, wanted, viewers) = (pool.clone(), next.clone(), args.purchases, args.viewers);
        all.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= wanted {
                    return anyhow::Ok(());
                }
                let one = viewer(n * 7919 % viewers);
                sqlx::query("UPDATE alone SET n = n + 1 WHERE id = $1").bind(one).execute(&pool).await?;
            }
        });
    }
    while let Some(done) = all.join_next().await {
        done??;
    }
    Ok(start.elapsed().as_secs_f64())
}

async fn check(pool: &PgPool, args: &PointsArgs, stock: usize, sold: usize) -> Result<()> {
    let number =
        |sql: &'static str| async move { anyhow::Ok(sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await?) };
    let sales = number("SELECT count(*) FROM shop_sale").await?;
    ensure!(sales == sold as i64, "{sales} sales, and {sold} were told so");
    let left = number("SELECT sum(stock)::bigint FROM shop_item").await?;
    ensure!(left + sales == (stock * args.items) as i64, "{left} left and {sales} sold of {}", stock * args.items);
    let wrong = number(
        "SELECT count(*) FROM point_account a WHERE balance < 0 OR balance <>
             (SELECT sum(amount) FROM ledger l WHERE l.guild_id = a.guild_id AND l.person_id = a.person_id)",
    )
    .await?;
    ensure!(wrong == 0, "{wrong} balances are not what their entries add up to");
    Ok(())
}
