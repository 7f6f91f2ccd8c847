//! Logs: structured, to standard output, as text or JSON. No bodies, tokens or signatures are ever logged.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, TelemetryConfig};

/// Installs the process's subscriber. Called once; a second call does nothing.
pub fn init(config: &TelemetryConfig) {
    // What serenity says of a broken connection holds whole answers; we say it ourselves, in one line.
    // PostgreSQL's notices at each start ("already exists, skipping") tell nobody anything.
    let filter = EnvFilter::try_new(format!("serenity=off,sqlx::postgres::notice=warn,{}", config.filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(std::io::stdout().is_terminal());
    // A subscriber that is there already (a test's) stays.
    let _ = match config.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.try_init(),
    };
}
