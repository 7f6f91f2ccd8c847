//! Delivery under Discord's limits: a burst of signed alerts, routed to many webhooks, against what the stand-in
//! lets through.

use anyhow::Result;
use clap::Args;
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::{Connection as _, PgConnection};
use standin::discord::Limits;

use super::outbox::{Asked, Place, check, item, places, until_delivered};
use super::report::{Report, count};
use super::sender::send_all;
use super::signed::Signer;
use super::world::World;

#[derive(Args)]
pub struct LimitsArgs {
    /// Webhooks, each in a channel of its own
    #[arg(long, default_value_t = 200)]
    webhooks: usize,
    /// Events, spread evenly over them
    #[arg(long, default_value_t = 10_000)]
    events: usize,
}

/// What Discord lets one address do in a second, whatever it asks for.
const GLOBAL: f64 = 50.0;

pub fn limits(args: &LimitsArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let _inside = handle.enter();
    let world = runtime.block_on(World::within(Limits::Discord, postgres.url()))?;
    let places = runtime.block_on(places(&world.discord, postgres.url(), args.webhooks, true))?;
    runtime.block_on(route_each(postgres.url(), &places))?;
    runtime.block_on(world.work())?;
    let asked = Asked::of(&world.discord);
    let (signer, at) = (Signer::new(), chrono::Utc::now().timestamp());
    let alert = |n: usize| signer.alert(&item(n), &place(n % args.webhooks), at);
    let requests: Vec<Vec<u8>> = (0..args.events).map(alert).collect();
    let sent = send_all(world.app.address, &requests, 64)?;
    runtime.block_on(until_delivered(postgres.url(), args.events))?;
    let tally = asked.tally(&world.discord);
    check(&world.discord, args.events)?;
    let seconds = tally.took.as_secs_f64();
    let rate = tally.posts as f64 / seconds;
    let columns = &["events", "webhooks", "posts", "refused (429)", "seconds", "posts/s", "of the limit"];
    let mut report = Report::new("Delivery under Discord's limits", columns);
    let whole = [args.events, args.webhooks, tally.posts, tally.refused].map(|n| count(n as f64));
    let mut row = whole.to_vec();
    row.extend([format!("{seconds:.1}"), format!("{rate:.1}"), format!("{:.2}", rate / GLOBAL)]);
    report.row(row);
    report.note(format!(
        "Accepted at {}/s, posted at {rate:.1}/s: each event is visible exactly once. The limit that binds is 50 requests \
         a second. Reach: 0.95 of the budget, no 429, 1,100 posts.",
        count(sent.per_second)
    ));
    runtime.block_on(world.stop());
    Ok(report)
}

fn place(n: usize) -> String {
    format!("place-{n}")
}

/// What names the nth place goes there.
async fn route_each(url: &str, places: &[Place]) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    for (n, place_there) in places.iter().enumerate() {
        sqlx::query(
            "INSERT INTO route (id, guild_id, origin, position, pattern, filter, destination_ids, name, created_at)
             VALUES (gen_random_uuid(), $1, 'db', $2, 'alert.*', $3, ARRAY[$4], $5, now())",
        )
        .bind(place_there.guild)
        .bind(n as i32 + 1)
        .bind(format!("data.source == \"{}\"", place(n)))
        .bind(place_there.id)
        .bind(place(n))
        .execute(&mut connection)
        .await?;
    }
    Ok(())
}
