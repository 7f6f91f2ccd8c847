//! The release binary as people run it: memory after the start, time to the first answered command, size.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;
use signalbox::store::embedded::EmbeddedPostgres;
use sqlx::{Connection as _, PgConnection};
use standin::discord::Limits;

use super::report::{Report, median};
use super::usage::resident;
use super::world::outside;

#[derive(Args)]
pub struct StartArgs {
    /// The program; by default the one beside this one's directory
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Starts of which the median counts; the first, which makes the tables, does not
    #[arg(long, default_value_t = 3)]
    starts: usize,
    /// Seconds of rest over which statements are counted
    #[arg(long, default_value_t = 10)]
    rest: u64,
}

/// PostgreSQL counts what an idle connection did this late.
const COUNTED: Duration = Duration::from_secs(11);

/// The running program. Ended when it is dropped.
pub struct Program(Child);

impl Program {
    /// Starts it with these variables alone.
    pub fn start(binary: &Path, env: Vec<(String, String)>, database_url: &str) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg("run").env_clear().envs(env).env("DATABASE_URL", database_url).env("LOG_LEVEL", "warn");
        Ok(Self(command.stdout(Stdio::null()).spawn()?))
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> f64 {
        resident(self.0.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn start(args: &StartArgs, postgres: &EmbeddedPostgres) -> Result<Report> {
    let binary = beside(args.binary.as_deref())?;
    let size = std::fs::metadata(&binary)
        .with_context(|| format!("{}: build it with cargo build --release", binary.display()))?
        .len();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut runs = Vec::new();
    for n in 0..=args.starts {
        let run = runtime.block_on(one(args, &binary, postgres.url()))?;
        if n > 0 {
            runs.push(run);
        }
    }
    let of = |n: usize| median(runs.iter().map(|run| run[n]).collect());
    let mut report = Report::new("The release binary, database up", &["what", "measured", "reach"]);
    let mut row = |what: &str, value: String, reach: &str| report.row(vec![what.into(), value, reach.into()]);
    row("start to first answered command, ms", format!("{:.0}", of(0)), "500");
    row("resident memory after start, MiB", format!("{:.1}", of(1)), "30");
    row("statements per second at rest", format!("{:.1}", of(2)), "");
    row("binary, MiB", format!("{:.1}", size as f64 / f64::from(1 << 20)), "35");
    Ok(report)
}

/// The program that was named, else the one that was built with this one.
pub fn beside(named: Option<&Path>) -> Result<PathBuf> {
    Ok(match named {
        Some(binary) => binary.to_owned(),
        None => std::env::current_exe()?.with_file_name("").join("../signalbox"),
    })
}

/// Milliseconds to the first answer, MiB after a rest, statements per second meanwhile.
async fn one(args: &StartArgs, binary: &Path, database_url: &str) -> Result<Vec<f64>> {
    let (discord, env) = outside(Limits::Off).await?;
    let start = Instant::now();
    let program = Program::start(binary, env, database_url)?;
    loop {
        ensure!(start.elapsed() < Duration::from_secs(30), "no command was answered");
        let registered = !discord.state()["commands"].as_array().is_none_or(Vec::is_empty);
        if registered && discord.connected_sessions() > 0 {
            let help = json!({ "as": "admin", "do": "command", "channel": "ops", "name": "help" });
            let outcome = discord.act(help).await;
            if outcome["response"].is_object() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let answered = start.elapsed();
    let mut connection = PgConnection::connect(database_url).await?;
    tokio::time::sleep(COUNTED).await;
    let before = transactions(&mut connection).await?;
    tokio::time::sleep(Duration::from_secs(args.rest)).await;
    let statements = (transactions(&mut connection).await? - before) as f64 / args.rest as f64;
    let memory = program.memory();
    drop(program);
    discord.shutdown().await;
    Ok(vec![answered.as_secs_f64() * 1000.0, memory, statements])
}

/// Ended transactions of the whole database, which at rest are one statement each.
async fn transactions(connection: &mut PgConnection) -> Result<i64> {
    let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}
