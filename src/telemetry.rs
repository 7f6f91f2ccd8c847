//! What the program says of itself: logs to standard output and to files, and below this module
//! metrics and traces. No bodies, tokens or signatures are in any of them.

pub mod metrics;
pub mod traces;

use std::fs;
use std::io::IsTerminal;
use std::path::Path;

use anyhow::{Context, Result};
use tracing::{Level, Subscriber};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::{LogFormat, TelemetryConfig};

/// Files of each kind that are kept, today's among them.
const KEPT: usize = 14;
/// Lines that may wait for the disk; beyond it they are left out, and the program goes on.
const WAITING: usize = 4096;

/// Writes what waits for the disk when it is dropped: kept until the program has nothing more to say.
#[must_use]
pub struct Logs {
    _files: Vec<WorkerGuard>,
}

/// Installs the process's subscriber. Called once; a second call does nothing.
pub fn init(config: &TelemetryConfig) -> Result<Logs> {
    let mut layers = vec![line(config.format, std::io::stdout().is_terminal(), std::io::stdout)];
    let mut guards = Vec::new();
    if let Some(dir) = &config.dir {
        let (combined, guard) = file(dir, "combined")?;
        layers.push(line(config.format, false, combined));
        guards.push(guard);
        let (error, guard) = file(dir, "error")?;
        // A filter of the writer: one of a layer is asked apart from the line it decides about.
        layers.push(line(config.format, false, error.with_max_level(Level::ERROR)));
        guards.push(guard);
    }
    // What serenity says of a broken connection holds whole answers; we say it ourselves, in one line.
    // PostgreSQL's notices at each start ("already exists, skipping") tell nobody anything.
    let filter = EnvFilter::try_new(format!("serenity=off,sqlx::postgres::notice=warn,{}", config.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A subscriber that is there already (a test's) stays.
    let _ = Registry::default().with(layers).with(filter).try_init();
    Ok(Logs { _files: guards })
}

fn line<S, W>(format: LogFormat, ansi: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_ansi(ansi).with_writer(writer);
    match format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => lines.boxed(),
    }
}

/// A file a day, such as `combined.2026-11-22.log`; `combined.log` is a link to the newest.
fn file(dir: &Path, name: &str) -> Result<(NonBlocking, WorkerGuard)> {
    let problem = || format!("LOG_DIR: no file can be written in {}", dir.display());
    fs::create_dir_all(dir).with_context(problem)?;
    // The link holds the path as it is given here, and a relative one would lead nowhere.
    let dir = dir.canonicalize().with_context(problem)?;
    let files = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(name)
        .filename_suffix("log")
        .latest_symlink(format!("{name}.log"))
        .max_log_files(KEPT)
        .build(dir)
        .with_context(problem)?;
    Ok(NonBlockingBuilder::default().buffered_lines_limit(WAITING).thread_name("log").finish(files))
}
