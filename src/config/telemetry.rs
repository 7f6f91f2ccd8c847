//! What is logged, in which form and where.

use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::nearest::did_you_mean;
use super::reader::Reader;
use super::value::path;
use super::variable::{Section, Variable};

/// The log, written to standard output and, if wanted, to files.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Directives of tracing's `EnvFilter`, checked.
    pub filter: String,
    pub format: LogFormat,
    /// Where `combined.log` and `error.log` are written as well.
    pub dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object per line.
    Json,
}

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

pub(super) static SECTION: Section = Section {
    title: "Log",
    about: "Written to standard output. No message, body, token or signature is ever in it.",
    variables: &[
        Variable::new(
            "LOG_LEVEL",
            "off, error, warn, info, debug or trace; or per module: info,signalbox::delivery=debug.",
            "debug",
        )
        .default("info"),
        Variable::new("LOG_FORMAT", "text or json.", "json").default("text"),
        Variable::new(
            "LOG_DIR",
            "A directory for combined.log and error.log: a new file each day (UTC), 14 of each are kept.",
            "logs",
        ),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<TelemetryConfig> {
    let filter = r.value("LOG_LEVEL", filter);
    let format = r.value("LOG_FORMAT", format);
    let dir = r.optional("LOG_DIR", path);
    Some(TelemetryConfig { filter: filter?, format: format?, dir })
}

fn filter(text: &str) -> Result<String, String> {
    // A bare word that is no level would be taken for a module, silently.
    for word in text.split(',').map(str::trim).filter(|part| !part.contains(['=', '[', ':'])) {
        if !LEVELS.contains(&word.to_ascii_lowercase().as_str()) {
            return Err(format!("should be one of {}{}", LEVELS.join(", "), did_you_mean(word, LEVELS)));
        }
    }
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| "should be a level, or levels per module such as info,signalbox::delivery=debug".to_owned())
}

fn format(text: &str) -> Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("should be text or json".into()),
    }
}
