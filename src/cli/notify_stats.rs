//! `notify-stats`: runs beside a game server and tells of each round's files, until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::clock::Clock;
use crate::config::{self, NotifierConfig, NotifierTarget, Origin, Problem, Problems};
use crate::lifecycle::{Lifecycle, StopSignals, supervisor};
use crate::notifier::watch::Watch;
use crate::notifier::{self, Fatal, Notifier, Step};
use crate::telemetry;
use crate::upstream::guard::WebhookAddress;

/// How the watchdog knows it.
const LOOP: &str = "notifier";
/// What a supervisor must not start again: somebody has to mend something first.
const MEND_FIRST: u8 = 78;

/// What `--help` says below the options.
pub const HELP: &str = "\
Settings are read from the environment and from .env in the working directory:
  STATS_PATH           the directory into which the game server writes its files
  and one way to tell:
  STATS_UPLOAD_URL     the bot's address with /webhooks/etlegacy: the file itself is sent, signed with
  STATS_UPLOAD_SECRET  the bot's ETLEGACY_UPLOAD_SECRET (or STATS_UPLOAD_SECRET_FILE)
  DISCORD_WEBHOOK_URL  a webhook of the bot's control channel: a notice names the file
  STATE_DIR            what was told already is kept here (default: the working directory);
                       processed_files.json of the older watcher is read there, too
  LOG_LEVEL, LOG_FORMAT, LOG_DIR

`signalbox notify-stats --check` looks at all of it and says what to mend; it tells of nothing.

A file is told of when it has not changed for three seconds, within five seconds after that, once. Files of the last
48 hours that were missed are told of at the start. It needs neither a database nor the bot's token.

Exit codes: 0 told to stop; 78 something has to be mended first, and the last line says what.";

#[derive(Args)]
pub struct NotifyStatsArgs {
    /// Only look at everything that has to be right; tells of nothing, exit code 1 when there is a problem
    #[arg(long)]
    check: bool,
}

pub fn notify_stats(args: &NotifyStatsArgs) -> ExitCode {
    let is_webhook = |text: &str| WebhookAddress::parse(text).map(drop).map_err(|error| error.to_string());
    match config::load_notifier(config::Process::new(), is_webhook) {
        Ok((config, _)) if args.check => super::end(super::block_on(check(&config))),
        Ok((config, warnings)) => super::end(run(&config, &warnings)),
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(MEND_FIRST)
        }
    }
}

async fn check(config: &NotifierConfig) -> Result<ExitCode> {
    let report = notifier::check::check(config, &Clock::system()).await;
    println!("{}", report.lines());
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(config: &NotifierConfig, warnings: &[String]) -> Result<ExitCode> {
    let places = notifier::problems(config);
    if !places.is_empty() {
        eprintln!("{}", problems(places));
        return Ok(ExitCode::from(MEND_FIRST));
    }
    let _logs = telemetry::init(&config.telemetry)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    super::block_on(async {
        let outcome = watch(config).await;
        if let Err(error) = &outcome {
            tracing::error!("{error}");
        }
        Ok(if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(MEND_FIRST) })
    })
}

fn problems(places: Vec<(&'static str, String)>) -> Problems {
    let problem = |(name, text): (&str, String)| Problem { variable: name.to_owned(), origin: Origin::NotSet, text };
    Problems(places.into_iter().map(problem).collect())
}

async fn watch(config: &NotifierConfig) -> Result<(), Fatal> {
    let mut signals = StopSignals::new();
    let lifecycle = Lifecycle::new();
    let clock = Clock::system();
    let mut notifier = Notifier::open(config, clock.clone())?;
    let mut watch = Watch::new(&config.stats_path);
    supervisor::keep_watchdog(&lifecycle);
    supervisor::ready();
    let way = match &config.target {
        NotifierTarget::Webhook { .. } => "notices through the Discord webhook",
        NotifierTarget::Upload { .. } => "files to the bot",
    };
    tracing::info!(directory = %config.stats_path.display(), way, "watching");
    let pulse = lifecycle.pulse();
    loop {
        pulse.beat(LOOP);
        // A request that is under way is finished: it has its own deadline.
        let step = notifier.step().await?;
        pulse.rest(LOOP);
        let rest = match step {
            Step::Went => Duration::ZERO,
            Step::Rest(until) => (until - clock.now()).to_std().unwrap_or_default(),
        };
        tokio::select! {
            biased;
            () = signals.next() => break,
            () = watch.changed() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
    supervisor::stopping();
    tracing::info!("stopped");
    Ok(())
}
