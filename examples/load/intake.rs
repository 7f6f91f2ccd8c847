//! Durable intake beside its limits: the same handler without a store (a), with a commit for each
//! request (b), and the rows alone, in large statements (c).

use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use signalbox::event::{NewEvent, Via};
use signalbox::source::xtsystems::parse;
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use signalbox::store::event::EventWriter;
use sqlx::Connection as _;
use tokio::runtime::Runtime;

use super::report::{Report, count, median, ms};
use super::sender::{Sent, send_all};
use super::usage::used;
use super::world::World;
use super::{rivals, signed};

#[derive(Args)]
pub struct IntakeArgs {
    /// Keep-alive connections
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    connections: Vec<usize>,
    /// Events stored before the measurement
    #[arg(long, value_delimiter = ',', default_value = "20000,200000")]
    stored: Vec<usize>,
    /// Requests of one run
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
    /// Runs of each kind, in turn; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave out the run with planner and deliverer at work
    #[arg(long)]
    alone: bool,
}

const COLUMNS: &[&str] =
    &["stored", "connections", "what", "requests/s", "p50 ms", "p99 ms", "server µs", "postgres µs", "generator µs"];

/// Connections to the database of whoever commits each request by itself: about the best number here.
const SINGLE_COMMITS: usize = 32;
/// Rows of a statement when the rows are all there is to do.
const ROWS: usize = 1000;
/// Rows made at a time when the database is filled.
const FILL: usize = 20_000;

struct Bench<'a> {
    postgres: &'a EmbeddedPostgres,
    runtime: Runtime,
    world: World,
    /// Tickets made so far: each is sent once.
    made: usize,
}

pub fn intake(args: &IntakeArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::new("Durable intake, 1 KiB signed requests; µs of processor time per request", COLUMNS);
    let handle = runtime.handle().clone();
    let _inside = handle.enter();
    let world = runtime.block_on(World::start(postgres.url()))?;
    let mut bench = Bench { postgres, runtime, world, made: 0 };
    if !args.alone {
        bench.all_at_work(args, &mut report)?;
    }
    for &stored in &args.stored {
        bench.fill(stored)?;
        for &connections in &args.connections {
            bench.compare(args, connections, &mut report)?;
        }
        let rows = median((0..args.rounds).map(|_| bench.rows_alone(args.requests)).collect::<Result<_>>()?);
        report.note(format!("(c) rows alone, {ROWS} in a statement, two connections: {} rows/s", count(rows)));
        bench.check()?;
    }
    report.note(format!("{} events sent; each is one event with its key and its raw body.", bench.made));
    bench.runtime.block_on(bench.world.stop());
    Ok(report)
}

impl Bench<'_> {
    fn take(&mut self, requests: usize) -> Vec<Vec<u8>> {
        let first = self.made;
        self.made += requests;
        signed::Signer::new().requests(first, requests)
    }

    /// One connection count: everything in turn, so that a disturbance from outside meets all of them.
    fn compare(&mut self, args: &IntakeArgs, connections: usize, report: &mut Report) -> Result<()> {
        let source = self.world.app.xtsystems.clone().expect("it is configured");
        let commits = connections.min(SINGLE_COMMITS);
        let store = Store::open(self.postgres.url(), commits as u32)?;
        let nothing = self.runtime.block_on(rivals::serve(source.clone(), None))?;
        let single = self.runtime.block_on(rivals::serve(source, Some((&store, commits))))?;
        let intake = self.world.app.address;
        let whats = [
            ("(a) no store", nothing.address, args.requests * 2),
            ("intake", intake, args.requests),
            ("(b) commit each", single.address, args.requests / 4),
        ];
        let mut runs: [Vec<Vec<f64>>; 3] = Default::default();
        for _ in 0..args.rounds {
            for ((what, to, requests), runs) in whats.iter().zip(&mut runs) {
                // What stores nothing may send the same as before.
                let made = self.made;
                let batch = self.take(*requests);
                if what.starts_with("(a)") {
                    self.made = made;
                }
                let (before, sent) = (used(self.postgres.data_dir()), send_all(*to, &batch, connections)?);
                let after = used(self.postgres.data_dir());
                let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / batch.len() as f64;
                let server = each(after.program.saturating_sub(before.program).saturating_sub(sent.used));
                let postgres = each(after.postgres.saturating_sub(before.postgres));
                runs.push(figures(&sent, server, postgres, each(sent.used)));
            }
        }
        let stored = self.runtime.block_on(count_events(self.postgres.url()))?;
        let mut rates = Vec::new();
        for ((what, ..), runs) in whats.iter().zip(&runs) {
            let of = |n: usize| median(runs.iter().map(|run| run[n]).collect());
            rates.push(of(0));
            let mut row = vec![count(stored as f64), connections.to_string(), (*what).to_owned(), count(of(0))];
            row.extend([format!("{:.2}", of(1)), format!("{:.2}", of(2))]);
            row.extend([3, 4, 5].map(|n| format!("{:.0}", of(n))));
            report.row(row);
        }
        let (to_a, to_b) = (rates[1] / rates[0], rates[1] / rates[2]);
        let (stored, words) = (count(stored as f64), format!("{connections} connections"));
        report.note(format!("{stored} stored, {words}: {to_a:.2} of (a) (reach 0.50), {to_b:.2} × (b) (reach 1.50)"));
        single.rest();
        self.runtime.block_on(store.close());
        Ok(())
    }

    /// Requests while planner, deliverer and gateway work too: what is accepted and what is delivered.
    fn all_at_work(&mut self, args: &IntakeArgs, report: &mut Report) -> Result<()> {
        let whole = self.runtime.block_on(World::start(self.postgres.url()))?;
        self.runtime.block_on(whole.work())?;
        let batch = self.take(args.requests);
        let start = Instant::now();
        let sent = send_all(whole.app.address, &batch, args.connections[0])?;
        let seconds = start.elapsed().as_secs_f64();
        let planned = self.runtime.block_on(count_of(self.postgres.url(), PLANNED))?;
        let delivered = self.runtime.block_on(count_of(self.postgres.url(), DELIVERED))?;
        let (p50, p99) = (ms(sent.at(0.5)), ms(sent.at(0.99)));
        let mut row = vec!["0".to_owned(), args.connections[0].to_string(), "all at work".to_owned()];
        row.extend([count(sent.per_second), p50, p99]);
        row.resize(COLUMNS.len(), String::new());
        report.row(row);
        let (planned, delivered) = (count(planned as f64 / seconds), count(delivered as f64 / seconds));
        report.note(format!(
            "All at work: while requests came in, {planned} events/s planned, {delivered} messages/s delivered."
        ));
        self.runtime.block_on(whole.stop());
        Ok(())
    }

    fn fill(&mut self, stored: usize) -> Result<()> {
        let mut there = self.runtime.block_on(count_events(self.postgres.url()))? as usize;
        while there < stored {
            there += FILL;
            self.rows_alone(FILL)?;
        }
        Ok(())
    }

    /// Rows per second of the store's own statement, without requests.
    fn rows_alone(&mut self, rows: usize) -> Result<f64> {
        let source = self.world.app.xtsystems.clone().expect("it is configured");
        let clock = signalbox::clock::Clock::system();
        let events: Vec<NewEvent> = (self.made..self.made + rows)
            .map(|n| {
                let now = clock.now();
                let raw = signed::body("ticket.created", &signed::ticket(n), now.timestamp());
                let event = parse::parse(&raw, source.id, source.guild_id, clock.uuid(), now)?;
                Ok(NewEvent { event, raw, data_in_raw: true, via: Via::Http })
            })
            .collect::<Result<_>>()?;
        self.made += rows;
        let store = Store::open(self.postgres.url(), 2)?;
        let start = Instant::now();
        let insert = |half: &[NewEvent]| {
            let (store, half) = (store.clone(), half.to_vec());
            self.runtime.spawn(async move {
                let mut writer = EventWriter::new(store);
                for part in half.chunks(ROWS) {
                    writer.insert(&part.iter().collect::<Vec<_>>()).await?;
                }
                Ok::<_, signalbox::store::StoreError>(())
            })
        };
        let (left, right) = events.split_at(rows / 2);
        let (left, right) = (insert(left), insert(right));
        self.runtime.block_on(left)??;
        self.runtime.block_on(right)??;
        let seconds = start.elapsed().as_secs_f64();
        self.runtime.block_on(store.close());
        Ok(rows as f64 / seconds)
    }

    /// Each ticket made is exactly one event, with its bytes.
    fn check(&self) -> Result<()> {
        let found = |sql| self.runtime.block_on(count_of(self.postgres.url(), sql));
        let made = i64::try_from(self.made)?;
        for (what, sql) in [("events", EVENTS), ("tickets", TICKETS), ("whole events", WHOLE)] {
            let found = found(sql)?;
            ensure!(found == made, "{found} {what} of {made} sent");
        }
        Ok(())
    }
}

const EVENTS: &str = "SELECT count(*) FROM event";
const TICKETS: &str = "SELECT count(DISTINCT subject) FROM event WHERE subject LIKE 'ticket:load-%'";
const WHOLE: &str =
    "SELECT count(*) FROM event e JOIN event_raw r ON r.event_id = e.id AND r.received_at = e.received_at
    WHERE strpos(convert_from(r.body, 'UTF8'), substr(e.subject, 8)) > 0";
const PLANNED: &str = "SELECT count(*) FROM event WHERE planned_at IS NOT NULL";
const DELIVERED: &str = "SELECT count(*) FROM message WHERE state = 'delivered'";

async fn count_events(url: &str) -> Result<i64> {
    count_of(url, EVENTS).await
}

async fn count_of(url: &str, sql: &'static str) -> Result<i64> {
    let mut connection = sqlx::PgConnection::connect(url).await?;
    let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(count)
}

fn figures(sent: &Sent, server: f64, postgres: f64, generator: f64) -> Vec<f64> {
    let ms = |share| sent.at(share).as_secs_f64() * 1000.0;
    vec![sent.per_second, ms(0.5), ms(0.99), server, postgres, generator]
}
