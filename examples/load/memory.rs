//! The release binary in many servers, while very many people write in the chat of a stream: what it keeps in memory.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use signalbox::store::Store;
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::{Connection as _, PgConnection};
use standin::clock::Clock as WorldClock;
use standin::discord::Limits;
use standin::kick::{Firehose, Kick, Options, STREAMER};

use super::kick::{PATH, connect};
use super::report::{Report, count};
use super::start::{Program, beside};
use super::world::outside;

#[derive(Args)]
pub struct MemoryArgs {
    /// The program; by default the one beside this one's directory
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Servers that the bot is in
    #[arg(long, default_value_t = 1_000)]
    guilds: usize,
    /// Viewers who write, each once
    #[arg(long, default_value_t = 100_000)]
    viewers: usize,
    /// Messages per second
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
}

/// What was said is counted by then.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often memory is looked at.
const GLANCE: Duration = Duration::from_millis(500);

pub fn memory(args: &MemoryArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let [alone, most, after] = runtime.block_on(measure(args, postgres.url()))?;
    let columns = &["what", "resident MiB", "reach"];
    let mut report = Report::new("Memory of the release binary", columns);
    let mut row = |what: String, value: f64, reach: &str| report.row(vec![what, format!("{value:.1}"), reach.into()]);
    row(format!("in {} servers, nothing happens", count(args.guilds as f64)), alone, "120");
    row(format!("at most, while {} viewers write", count(args.viewers as f64)), most, "120");
    row("after it, all of them counted".to_owned(), after, "120");
    Ok(report)
}

async fn measure(args: &MemoryArgs, database_url: &str) -> Result<[f64; 3]> {
    let (discord, mut env) = outside(Limits::Off).await?;
    for n in 1..args.guilds {
        discord.add_guild(&format!("Server {n}"));
    }
    let kick = Kick::start(Options::local(WorldClock::system())).await?;
    env.extend(kick.env());
    // Free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let ours = [("KICK_WEBHOOK_PATH", PATH.to_owned()), ("WEBHOOK_PORT", port.to_string())];
    for (name, value) in ours {
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value));
    }
    let program = Program::start(&beside(args.binary.as_deref())?, env, database_url)?;
    wait("it is connected", async || Ok(discord.connected_sessions() > 0)).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let alone = program.memory();

    let store = Store::open(database_url, 1)?;
    connect(&kick, &store, discord.guild_id()).await?;
    kick.set_webhook_url(Some(&format!("http://127.0.0.1:{port}{PATH}")));
    kick.go_live(STREAMER, "For all of them").await;
    let (viewers, rate) = (args.viewers, args.rate);
    let hose = Firehose { channel: STREAMER.to_owned(), messages: viewers, per_second: rate, viewers };
    let pouring = tokio::spawn({
        let kick = kick.clone();
        async move { kick.firehose(hose).await }
    });
    let mut most = alone;
    while !pouring.is_finished() {
        most = most.max(program.memory());
        tokio::time::sleep(GLANCE).await;
    }
    let poured = pouring.await?;
    ensure!(poured.taken == viewers, "of {viewers} messages {poured:?}");
    let mut connection = PgConnection::connect(database_url).await?;
    let counted = async || {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM viewer").fetch_one(&mut connection).await?;
        Ok(usize::try_from(count)? >= viewers)
    };
    wait("each of them is known", counted).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = program.memory();
    drop(program);
    kick.stop();
    store.close().await;
    discord.shutdown().await;
    Ok([alone, most.max(after), after])
}

async fn wait(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_so().await.context("looking")? {
        ensure!(start.elapsed() < PATIENCE, "{what}: not so after {PATIENCE:?}");
        tokio::time::sleep(GLANCE).await;
    }
    Ok(())
}
