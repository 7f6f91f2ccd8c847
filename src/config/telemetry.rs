//! What is logged and in which form.

use tracing_subscriber::EnvFilter;

use super::nearest::did_you_mean;
use super::reader::Reader;
use super::variable::{Section, Variable};

/// The log, written to standard output.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Directives of tracing's `EnvFilter`, checked.
    pub filter: String,
    pub format: LogFormat,
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
    about: "Written to standard output.",
    variables: &[
        Variable::new(
            "LOG_LEVEL",
            "off, error, warn, info, debug or trace; or per module: info,signalbox::delivery=debug.",
            "debug",
        )
        .default("info"),
        Variable::new("LOG_FORMAT", "text or json.", "json").default("text"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<TelemetryConfig> {
    let filter = r.value("LOG_LEVEL", filter);
    let format = r.value("LOG_FORMAT", format);
    Some(TelemetryConfig { filter: filter?, format: format? })
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
