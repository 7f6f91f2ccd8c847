//! `signalbox healthcheck`: for containers and probes that have no other way to ask.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::config::WebConfig;
use crate::upstream::own_health::ask;

/// Shorter than what container runtimes wait (30 s), longer than the program's own question to its database.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct HealthcheckArgs {
    /// Only whether it is alive, not whether it can do its work
    #[arg(long)]
    live: bool,
    /// What it is to be able to do
    #[arg(long, value_parser = ["intake", "bot", "worker", "ticker"], conflicts_with = "live")]
    role: Option<String>,
}

pub async fn healthcheck(args: &HealthcheckArgs, config: &WebConfig) -> Result<ExitCode> {
    if config.port == 0 {
        bail!("WEBHOOK_PORT is 0: the bot listens on a port that nobody else can know. Set a port");
    }
    let path = match &args.role {
        _ if args.live => "/healthz".to_owned(),
        Some(role) => format!("/readyz?role={role}"),
        None => "/readyz".to_owned(),
    };
    let health = ask(config.bind, config.port, &path, PATIENCE).await;
    println!("{}", health.words);
    Ok(if health.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
