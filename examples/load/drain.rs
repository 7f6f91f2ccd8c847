//! A full outbox and a Discord without limits: messages per second, beside the statements alone.

use std::time::Instant;

use anyhow::Result;
use clap::Args;
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::{Connection as _, PgConnection};
use standin::discord::Limits;

use super::outbox::{Asked, Place, check, places, until_delivered};
use super::report::{Report, count};
use super::world::World;

#[derive(Args)]
pub struct DrainArgs {
    /// Destinations, each a channel of its own
    #[arg(long, default_value_t = 1000)]
    destinations: usize,
    /// Messages that wait for each
    #[arg(long, default_value_t = 50)]
    each: usize,
}

/// Lanes of a claim, and messages that share a request.
const LANES: i64 = 50;
const TOGETHER: i64 = 10;

pub fn drain(args: &DrainArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres.url()))
}

async fn measure(args: &DrainArgs, url: &str) -> Result<Report> {
    let world = World::within(Limits::Off, url).await?;
    let places = places(&world.discord, url, args.destinations, false).await?;
    let all = args.destinations * args.each;
    fill(url, &places, args.each).await?;
    let alone = all as f64 / statements_alone(url).await?;
    empty(url).await?;
    fill(url, &places, args.each).await?;
    let asked = Asked::of(&world.discord);
    let start = Instant::now();
    world.work().await?;
    until_delivered(url, all).await?;
    let whole = start.elapsed();
    let tally = asked.tally(&world.discord);
    check(&world.discord, all)?;
    let rate = all as f64 / tally.took.as_secs_f64();
    let mut report = Report::new("Outbox drain, a Discord without limits", &["what", "messages/s", "posts/s"]);
    let posts = tally.posts as f64 / tally.took.as_secs_f64();
    report.row(vec![format!("drain, {} destinations", args.destinations), count(rate), count(posts)]);
    report.row(vec!["claim + mark alone, two connections".to_owned(), count(alone), String::new()]);
    report.note(format!(
        "{} messages in {} posts, each visible exactly once, {:.1} s with the start: {:.2} of the statements alone \
         (reach 0.50). The stand-in works on the same processors.",
        count(all as f64),
        count(tally.posts as f64),
        whole.as_secs_f64(),
        rate / alone
    ));
    world.stop().await;
    Ok(report)
}

/// Notices as the planner writes them.
async fn fill(url: &str, places: &[Place], each: usize) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for (n, place) in places.iter().enumerate() {
        sqlx::query(
            "INSERT INTO message (guild_id, destination_id, event_id, embed, created_at)
             SELECT $1, $2, gen_random_uuid(), jsonb_build_object('title', 'Disk item-' || lpad(($3 * $4 + i)::text, 7, '0'),
                 'description', 'It is at 91 %', 'color', 3447003, 'footer', jsonb_build_object('text', 'load')), now()
             FROM generate_series(0, $4 - 1) AS i",
        )
        .bind(place.guild)
        .bind(place.id)
        .bind(n as i32)
        .bind(each as i32)
        .execute(&mut connection)
        .await?;
    }
    sqlx::raw_sql("VACUUM ANALYZE message, lane, destination").execute(&mut connection).await?;
    Ok(())
}

async fn empty(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql("TRUNCATE message; UPDATE lane SET lease_token = NULL, leased_until = NULL, lease_owner = NULL")
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Claims lanes with their messages and marks these, with nothing sent in between. Returns seconds.
async fn statements_alone(url: &str) -> Result<f64> {
    let start = Instant::now();
    let (left, right) = tokio::join!(claim_and_mark(url), claim_and_mark(url));
    left?;
    right?;
    Ok(start.elapsed().as_secs_f64())
}

async fn claim_and_mark(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    loop {
        let claimed: Vec<i64> = sqlx::query_scalar(
            "WITH due AS (
                SELECT destination_id FROM lane l
                WHERE (leased_until IS NULL OR leased_until < now()) AND EXISTS (SELECT FROM message m WHERE m.destination_id = l.destination_id AND m.state = 'queued')
                LIMIT $1 FOR UPDATE SKIP LOCKED
             ), leased AS (
                UPDATE lane SET lease_token = gen_random_uuid(), leased_until = now() + interval '15 s'
                FROM due WHERE lane.destination_id = due.destination_id RETURNING lane.destination_id
             )
             UPDATE message SET state = 'sending' WHERE id IN (
                SELECT first.id FROM leased, LATERAL (
                    SELECT id FROM message m WHERE m.destination_id = leased.destination_id AND m.state = 'queued'
                    ORDER BY id LIMIT $2) AS first
             ) RETURNING id",
        )
        .bind(LANES)
        .bind(TOGETHER)
        .fetch_all(&mut connection)
        .await?;
        if claimed.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "WITH marked AS (
                UPDATE message SET state = 'delivered', finished_at = now() WHERE id = ANY($1) RETURNING destination_id
             ) UPDATE lane SET lease_token = NULL, leased_until = NULL
             WHERE destination_id IN (SELECT destination_id FROM marked)",
        )
        .bind(&claimed)
        .execute(&mut connection)
        .await?;
    }
}
