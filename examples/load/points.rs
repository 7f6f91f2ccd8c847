//! Many purchases that are confirmed at the same time, beside transactions of one row: nothing is sold twice, nobody spends
//! what they do not have, and what everybody has is what their entries add up to. All of it is checked. A purchase is all
//! that a press on Confirm is: the draft taken, watching paid, the sale, and the boards that show it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use signalbox::community::board::Voice;
use signalbox::community::points::Actor;
use signalbox::community::shop::confirm;
use signalbox::id::{ChannelId, GuildId, UserId};
use signalbox::ports::Ports;
use signalbox::routing::board::BoardKey;
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use signalbox::store::shop::sale::Bought;
use sqlx::postgres::{PgPool, PgPoolOptions};
use standin::discord::Limits;
use uuid::Uuid;

use super::report::{Report, count, ms, percentile};
use super::usage::used;
use super::world::World;

#[derive(Args, Clone)]
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

const PRICE: i64 = 10;

pub fn points(args: &PointsArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres))
}

async fn measure(args: &PointsArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let connections = vec![("DATABASE_MAX_CONNECTIONS".to_owned(), args.together.to_string())];
    let world = World::with(Limits::Off, postgres.url(), connections).await?;
    let pool = PgPoolOptions::new().max_connections(args.together as u32).connect(postgres.url()).await?;
    // Half of what is wanted is there, and points for four fifths of it.
    let (stock, points) = (args.purchases / args.items / 2, (args.purchases / args.viewers) as i64 * PRICE * 4 / 5);
    let guild = GuildId::from(world.discord.guild_id());
    prepare(&pool, args, guild, stock, points).await?;
    let voice = Voice::of(&world.app.ports, guild).await?;
    let mut tx = world.app.ports.store.begin().await?;
    for (key, channel) in [(BoardKey::Shop, "party"), (BoardKey::ShopQueue, "ops")] {
        voice.show(&mut tx, key, ChannelId::from(world.discord.channel_id(channel))).await?;
    }
    Store::commit(tx).await?;
    voice.hurry();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&pool).await?;
    let mut report = Report::new(
        "Points: purchases at the same time",
        &["what", "per second", "seconds", "p50 ms", "p99 ms", "program µs", "database µs"],
    );
    let before = used(postgres.data_dir());
    let (sold, bought, times) = purchases(args, &world.app.ports, guild).await?;
    let after = used(postgres.data_dir());
    let each = |time: Duration| format!("{:.0}", time.as_secs_f64() * 1e6 / args.purchases as f64);
    report.row(vec![
        "purchases".into(),
        count(args.purchases as f64 / bought),
        format!("{bought:.2}"),
        ms(percentile(&times, 0.5)),
        ms(percentile(&times, 0.99)),
        each(after.program.saturating_sub(before.program)),
        each(after.postgres.saturating_sub(before.postgres)),
    ]);
    let alone = single_rows(args, &pool).await?;
    let done = used(postgres.data_dir());
    report.row(vec![
        "transactions of one row".into(),
        count(args.purchases as f64 / alone),
        format!("{alone:.2}"),
        String::new(),
        String::new(),
        each(done.program.saturating_sub(after.program)),
        each(done.postgres.saturating_sub(after.postgres)),
    ]);
    check(&pool, args, stock, sold).await?;
    report.note(format!(
        "{} wanted, {} sold of {}: none oversold, no balance below nothing, every balance the sum of its entries; {:.2} of \
         transactions of one row (reach 0.50).",
        count(args.purchases as f64),
        count(sold as f64),
        count((stock * args.items) as f64),
        alone / bought
    ));
    world.stop().await;
    Ok(report)
}

fn item(n: usize) -> Uuid {
    Uuid::from_u128(0x17E0_0000 + n as u128)
}

fn viewer(n: usize) -> Uuid {
    Uuid::from_u128(0xA000_0000 + n as u128)
}

fn draft(n: usize) -> Uuid {
    Uuid::from_u128(0xD000_0000 + n as u128)
}

fn buyer(args: &PointsArgs, n: usize) -> usize {
    n * 7919 % args.viewers
}

async fn prepare(pool: &PgPool, args: &PointsArgs, guild: GuildId, stock: usize, points: i64) -> Result<()> {
    let items: Vec<Uuid> = (0..args.items).map(item).collect();
    let viewers: Vec<Uuid> = (0..args.viewers).map(viewer).collect();
    sqlx::query(
        "INSERT INTO shop_item (id, guild_id, name, price, stock, created_at)
         SELECT id, $2, id::text, $3, $4, now() FROM UNNEST($1::uuid[]) AS id",
    )
    .bind(&items)
    .bind(guild.0)
    .bind(PRICE)
    .bind(stock as i32)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO ledger (guild_id, person_id, at, amount, kind, cause, detail)
         SELECT $2, id, now(), $3, 'grant', id::text, 'null' FROM UNNEST($1::uuid[]) AS id",
    )
    .bind(&viewers)
    .bind(guild.0)
    .bind(points)
    .execute(pool)
    .await?;
    sqlx::query(
        "INSERT INTO person (id, discord_user_id, created_at)
         SELECT id, n + 1000, now() FROM UNNEST($1::uuid[]) WITH ORDINALITY AS p (id, n)",
    )
    .bind(&viewers)
    .execute(pool)
    .await?;
    let drafts: Vec<Uuid> = (0..args.purchases).map(draft).collect();
    let wanted: Vec<Uuid> = (0..args.purchases).map(|n| item(n * 31 % args.items)).collect();
    let buyers: Vec<Uuid> = (0..args.purchases).map(|n| viewer(buyer(args, n))).collect();
    sqlx::query(
        "INSERT INTO shop_draft (id, guild_id, shop_item_id, member_id, price, created_at)
         SELECT id, $4, item, buyer, $5, now() FROM UNNEST($1::uuid[], $2::uuid[], $3::uuid[]) AS d (id, item, buyer)",
    )
    .bind(&drafts)
    .bind(&wanted)
    .bind(&buyers)
    .bind(guild.0)
    .bind(PRICE)
    .execute(pool)
    .await?;
    sqlx::raw_sql("CREATE TABLE alone (id uuid PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 50)")
        .execute(pool)
        .await?;
    sqlx::query("INSERT INTO alone SELECT id, 0 FROM UNNEST($1::uuid[]) AS id").bind(&viewers).execute(pool).await?;
    Ok(())
}

/// Everybody at once. Returns how many were sold, the seconds, and how long each took.
async fn purchases(args: &PointsArgs, ports: &Ports, guild_id: GuildId) -> Result<(usize, f64, Vec<Duration>)> {
    let (next, sold) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..args.together {
        let (ports, next, sold, all, args) = (ports.clone(), next.clone(), sold.clone(), args.purchases, args.clone());
        buyers.spawn(async move {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= all {
                    return anyhow::Ok(times);
                }
                let user_id = UserId(1001 + buyer(&args, n) as i64);
                let who = Actor { guild_id, user_id, interaction_id: n as i64 };
                let began = Instant::now();
                let outcome = confirm(&ports, who, draft(n), &[]).await?.context("there is a draft")?;
                times.push(began.elapsed());
                if matches!(outcome, Bought::Done { .. }) {
                    sold.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    let mut times = Vec::new();
    while let Some(done) = buyers.join_next().await {
        times.extend(done??);
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    Ok((sold.load(Ordering::Relaxed), seconds, times))
}

async fn single_rows(args: &PointsArgs, pool: &PgPool) -> Result<f64> {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..args.together {
        let (pool, next, wanted, args) = (pool.clone(), next.clone(), args.purchases, args.clone());
        all.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= wanted {
                    return anyhow::Ok(());
                }
                let one = viewer(buyer(&args, n));
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
