//! From the start of a request to its message's request at Discord, at a fixed low rate: an idle system.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::{Connection as _, PgConnection};

use super::report::{Report, ms, percentile};
use super::sender::Line;
use super::signed::{Signer, ticket};
use super::world::World;

#[derive(Args)]
pub struct VisibleArgs {
    /// Events, 2,000 at most
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=2000))]
    events: u32,
    /// Events per second, at fixed times whatever happened to the ones before
    #[arg(long, default_value_t = 20)]
    rate: u32,
}

/// What is shown may take this long before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn visible(args: &VisibleArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(args, postgres.url()))
}

async fn measure(args: &VisibleArgs, database_url: &str) -> Result<Report> {
    let world = World::start(database_url).await?;
    world.work().await?;
    let seen = world.watch_posts();

    let mut commits = time_commits(database_url, 200).await?;
    let mut trips = time_round_trips(&world, 200).await?;
    let started = send_paced(args, &world).await?;
    let waiting = Instant::now();
    while seen.lock().unwrap().len() < started.len() && waiting.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = seen.lock().unwrap().clone();
    world.stop().await;

    let mut arrivals: HashMap<String, Vec<Instant>> = HashMap::new();
    for (body, at) in seen {
        let Some(id) = body.find("load-").map(|at| body[at..at + ticket(0).len()].to_owned()) else { continue };
        arrivals.entry(id).or_default().push(at);
    }
    let mut times = Vec::new();
    for (n, start) in started.iter().enumerate() {
        let at = arrivals.get(&ticket(n)).map_or(&[][..], Vec::as_slice);
        ensure!(at.len() == 1, "{} was sent to Discord {} times", ticket(n), at.len());
        times.push(at[0] - *start);
    }
    let columns = &["what", "p50 ms", "p90 ms", "p99 ms", "max ms"];
    let mut report = Report::new("Event to visible in Discord, an idle system", columns);
    for (what, times) in [
        (format!("visible, {} events at {}/s", args.events, args.rate), &mut times),
        ("one commit of one row".to_owned(), &mut commits),
        ("one request to the stand-in".to_owned(), &mut trips),
    ] {
        times.sort_unstable();
        let mut row = vec![what];
        row.extend([0.5, 0.9, 0.99, 1.0].map(|share| ms(percentile(times, share))));
        report.row(row);
    }
    report.note(format!(
        "Each of {} was requested exactly once. Reach: p50 10 ms, p99 40 ms. On its way an event waits for \
         the disk twice: stored, and frozen before the request.",
        started.len()
    ));
    Ok(report)
}

/// Starts each request at its time, on a connection of its own if the others are busy.
async fn send_paced(args: &VisibleArgs, world: &World) -> Result<Vec<Instant>> {
    let signer = Signer::new();
    let mut due = tokio::time::interval(Duration::from_secs(1) / args.rate.max(1));
    let mut sends = Vec::new();
    let free: Arc<Mutex<Vec<Line>>> = Arc::default();
    for n in 0..args.events as usize {
        // Different channels' lanes are not the subject: one kind, one lane, as one sender does.
        let request = signer.request("ticket.created", &ticket(n), chrono::Utc::now().timestamp());
        due.tick().await;
        let (free, to) = (free.clone(), world.app.address);
        sends.push(tokio::spawn(async move {
            let start = Instant::now();
            let idle = free.lock().unwrap().pop();
            let mut line = match idle {
                Some(line) => line,
                None => Line::open(to).await?,
            };
            line.send(&request).await?;
            free.lock().unwrap().push(line);
            anyhow::Ok(start)
        }));
    }
    let mut started = Vec::new();
    for send in sends {
        started.push(send.await??);
    }
    Ok(started)
}

async fn time_commits(url: &str, count: usize) -> Result<Vec<Duration>> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query("CREATE TABLE load_commit (n bigint, at text)").execute(&mut connection).await?;
    let mut times = Vec::new();
    for n in 0..count {
        let start = Instant::now();
        let insert = sqlx::query("INSERT INTO load_commit VALUES ($1, $2)").bind(n as i64).bind("x".repeat(1000));
        insert.execute(&mut connection).await?;
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::query("DROP TABLE load_commit").execute(&mut connection).await?;
    Ok(times)
}

async fn time_round_trips(world: &World, count: usize) -> Result<Vec<Duration>> {
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let url = format!("{}/api/v10/channels/{}/typing", world.discord.origin(), world.discord.channel_id("tickets"));
    let token = format!("Bot {}", world.discord.token());
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        let request = http.post(&url).header("Authorization", &token).json(&json!({}));
        request.send().await?.bytes().await?;
        times.push(start.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(times)
}
