//! A flush of watch time for many viewers, beside the best statement known on the same data: rows per second, and how long
//! other statements take meanwhile. Every minute is counted once, and that is checked.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{TimeDelta, Utc};
use clap::Args;
use signalbox::community::bits::hour_of;
use signalbox::id::GuildId;
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use signalbox::store::watch::{FLUSH, Presence};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use standin::discord::Limits;
use uuid::Uuid;

use super::report::{Report, count, ms, percentile};
use super::world::World;

#[derive(Args)]
pub struct WatchtimeArgs {
    /// Viewers who are present
    #[arg(long, default_value_t = 1_000_000)]
    viewers: u32,
    /// Channels in which they are
    #[arg(long, default_value_t = 10)]
    channels: u32,
}

/// The minutes of the flushes: each row is written once, and then changed as often.
const MINUTES: [u32; 3] = [5, 6, 7];

pub fn watchtime(args: &WatchtimeArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres.url()))
}

async fn measure(args: &WatchtimeArgs, url: &str) -> Result<Report> {
    let world = World::within(Limits::Off, url).await?;
    let store = world.app.ports.store.clone();
    let hour = hour_of(Utc::now() - TimeDelta::hours(2));
    let mut report = Report::new("Watch time flush", &["what", "rows/s", "seconds", "p99 of others ms"]);
    prepare(url, args, hour).await?;
    let (mut ours, mut best) = (Vec::new(), Vec::new());
    for minute in MINUTES {
        let rows = presences(args, hour, minute);
        let (took, others) = beside(url, flush(&store, &rows)).await?;
        report.row(row(&format!("flush, minute {minute}"), rows.len(), took, Some(others)));
        let (alone, _) = beside(url, statement(url, &rows)).await?;
        report.row(row("the statement alone", rows.len(), alone, None));
        // The first one inserts, the others change what is there: these are what runs every minute.
        if minute != MINUTES[0] {
            ours.push(rows.len() as f64 / took.as_secs_f64());
            best.push(rows.len() as f64 / alone.as_secs_f64());
        }
    }
    let start = Instant::now();
    while world.app.count_watch_due().await? > 0 {}
    let counted = start.elapsed();
    report.row(row("counted and paid", args.viewers as usize, counted, None));
    check(url, args).await?;
    let (ours, best) = (ours.iter().sum::<f64>(), best.iter().sum::<f64>());
    report.note(format!(
        "Each of {} viewers has {} minutes, counted once: {:.2} of the statement alone (reach 0.90); other statements' p99 \
         is to stay below 50 ms.",
        count(f64::from(args.viewers)),
        MINUTES.len() + 1,
        ours / best
    ));
    world.stop().await;
    Ok(report)
}

fn row(what: &str, rows: usize, took: Duration, others: Option<Duration>) -> Vec<String> {
    let rate = count(rows as f64 / took.as_secs_f64());
    vec![what.to_owned(), rate, format!("{:.2}", took.as_secs_f64()), others.map_or_else(String::new, ms)]
}

fn channel(n: u32) -> Uuid {
    Uuid::from_u128(0xC000 + u128::from(n))
}

fn viewer(n: u32) -> Uuid {
    Uuid::from_u128((7 << 76) | u128::from(n) << 80 | u128::from(n))
}

/// Viewers and channels that the server knows, and the table of the statement alone.
async fn prepare(url: &str, args: &WatchtimeArgs, hour: i32) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let ids: Vec<Uuid> = (0..args.viewers).map(viewer).collect();
    for (at, chunk) in ids.chunks(FLUSH).enumerate() {
        sqlx::query(
            "WITH p AS (INSERT INTO person (id, kick_user_id, created_at)
                 SELECT id, n + $2, now() FROM UNNEST($1::uuid[]) WITH ORDINALITY AS u (id, n) RETURNING id)
             INSERT INTO viewer (guild_id, person_id, username, name_key, first_seen_at, seen_at)
             SELECT 1, id, 'v', 'v', now(), now() FROM p",
        )
        .bind(chunk)
        .bind((at * FLUSH) as i64)
        .execute(&mut connection)
        .await?;
    }
    // Live all day long, and busy.
    sqlx::query("INSERT INTO watch_period (id, guild_id, kind, started_at) VALUES (gen_random_uuid(), 1, 'force', to_timestamp($1))")
        .bind(f64::from(hour) * 3600.0)
        .execute(&mut connection)
        .await?;
    sqlx::raw_sql(
        "CREATE TABLE alone (channel uuid, hour integer, viewer uuid, bits bigint NOT NULL, PRIMARY KEY (channel, hour, viewer))
         WITH (fillfactor = 50)",
    )
    .execute(&mut connection)
    .await?;
    // Alone: statements of one text are one transaction.
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
    Ok(())
}

/// In the order of the key, as the aggregator hands them on.
fn presences(args: &WatchtimeArgs, hour: i32, minute: u32) -> Vec<Presence> {
    let mut rows: Vec<Presence> = (0..args.viewers)
        .map(|n| Presence {
            guild_id: GuildId(1),
            kick_channel_id: channel(n % args.channels),
            hour,
            viewer_id: viewer(n),
            said: 1 << minute,
            present: 0b11 << minute,
            subscriber: n % 10 == 0,
        })
        .collect();
    rows.sort_by_key(|row| (row.kick_channel_id, row.viewer_id));
    rows
}

/// Two processes at it, each with its half.
async fn flush(store: &Store, rows: &[Presence]) -> Result<()> {
    let due = Utc::now();
    let half = |rows: Vec<Presence>| async move {
        for chunk in rows.chunks(FLUSH) {
            store.flush_presences(chunk, due, due).await?;
        }
        anyhow::Ok(())
    };
    let (left, right) = rows.split_at(rows.len() / 2);
    tokio::try_join!(half(left.to_vec()), half(right.to_vec()))?;
    Ok(())
}

async fn statement(url: &str, rows: &[Presence]) -> Result<()> {
    let half = |rows: Vec<Presence>| async move {
        let mut connection = PgConnection::connect(url).await?;
        for chunk in rows.chunks(FLUSH) {
            sqlx::query(
                "INSERT INTO alone AS a SELECT * FROM UNNEST($1::uuid[], $2::integer[], $3::uuid[], $4::bigint[])
                 ON CONFLICT (channel, hour, viewer) DO UPDATE SET bits = a.bits | EXCLUDED.bits",
            )
            .bind(chunk.iter().map(|row| row.kick_channel_id).collect::<Vec<_>>())
            .bind(chunk.iter().map(|row| row.hour).collect::<Vec<_>>())
            .bind(chunk.iter().map(|row| row.viewer_id).collect::<Vec<_>>())
            .bind(chunk.iter().map(|row| row.present).collect::<Vec<_>>())
            .execute(&mut connection)
            .await?;
        }
        anyhow::Ok(())
    };
    let (left, right) = rows.split_at(rows.len() / 2);
    tokio::try_join!(half(left.to_vec()), half(right.to_vec()))?;
    Ok(())
}

/// How long something takes, and the p99 of a small statement that somebody else makes meanwhile.
async fn beside(url: &str, work: impl Future<Output = Result<()>>) -> Result<(Duration, Duration)> {
    let mut connection = PgConnection::connect(url).await?;
    let mut times = Vec::new();
    let start = Instant::now();
    let others = async {
        loop {
            let asked = Instant::now();
            sqlx::query("SELECT minutes FROM viewer WHERE guild_id = 1 AND person_id = $1")
                .bind(viewer(times.len() as u32))
                .fetch_optional(&mut connection)
                .await?;
            times.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        #[allow(unreachable_code, reason = "it says what the loop's errors are")]
        anyhow::Ok(())
    };
    tokio::select! {
        done = work => done?,
        failed = others => failed?,
    }
    let took = start.elapsed();
    times.sort();
    Ok((took, percentile(&times, 0.99)))
}

async fn check(url: &str, args: &WatchtimeArgs) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let wanted = MINUTES.len() as i64 + 1;
    let wrong = format!(
        "SELECT count(*) FROM viewer v LEFT JOIN point_account a USING (guild_id, person_id)
         WHERE v.minutes <> {wanted} OR COALESCE(a.balance, 0) <> v.fifths / 5"
    );
    let wrong: i64 = sqlx::query_scalar(AssertSqlSafe(wrong)).fetch_one(&mut connection).await?;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM watch_hour").fetch_one(&mut connection).await?;
    ensure!(wrong == 0, "{wrong} viewers have other minutes than {wanted}, or other points than they earned");
    ensure!(rows == i64::from(args.viewers), "{rows} rows of {} viewers", args.viewers);
    Ok(())
}
