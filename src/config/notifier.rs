//! The notifier beside a game server (`signalbox notify-stats`): where the statistics are, and who is told of them. The names
//! are those of the older watcher.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::SecretString;
use url::Url;

use super::reader::Reader;
use super::telemetry::{self, TelemetryConfig};
use super::value::{http_origin, http_url, is_loopback, path};
use super::variable::{Section, Variable};

/// Everything that it reads.
#[derive(Clone, Debug)]
pub struct NotifierConfig {
    pub stats_path: PathBuf,
    pub state_dir: PathBuf,
    pub target: NotifierTarget,
    pub telemetry: TelemetryConfig,
}

/// Who is told.
#[derive(Clone, Debug)]
pub enum NotifierTarget {
    /// A channel, by a notice that names the file.
    Webhook { address: SecretString, api_url: Url },
    /// The bot, by the file itself, signed.
    Upload { url: Url, secret: SecretString },
}

impl NotifierTarget {
    /// Whether telling it twice does nothing more than once.
    pub fn is_repeatable(&self) -> bool {
        matches!(self, NotifierTarget::Upload { .. })
    }
}

const WEBHOOK: &str = "DISCORD_WEBHOOK_URL";
const UPLOAD: &str = "STATS_UPLOAD_URL";
const SECRET: &str = "STATS_UPLOAD_SECRET";
/// What the secrets of Standard Webhooks begin with.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret; Standard Webhooks asks for 24 to 64.
const SHORTEST_SECRET: usize = 16;

pub(super) static SECTION: Section = Section {
    title: "Notifier on the game server",
    about: "Read by signalbox notify-stats alone, which needs neither a database nor the bot's token. Set STATS_PATH and \
            one way to tell: STATS_UPLOAD_URL with STATS_UPLOAD_SECRET, or DISCORD_WEBHOOK_URL.",
    variables: &[
        Variable::new(
            "STATS_PATH",
            "The directory into which the game server writes a file for each round.",
            "/home/et/etlegacy/legacy/gamestats",
        ),
        Variable::new(
            UPLOAD,
            "Sends the files themselves to the bot: its PUBLIC_URL with /webhooks/etlegacy.",
            "https://bot.example.org/webhooks/etlegacy",
        ),
        Variable::new(SECRET, "With which they are signed; the bot has the same as ETLEGACY_UPLOAD_SECRET.", "")
            .secret(),
        Variable::new(
            WEBHOOK,
            "Posts a notice that names the file: the address of a webhook of the bot's control channel.",
            "",
        )
        .secret(),
        Variable::new(
            "STATE_DIR",
            "Where it keeps what it has told already. processed_files.json of the older watcher is read there, too.",
            "/var/lib/signalbox-notify",
        )
        .default("."),
    ],
};

/// `None` only when a problem was noted.
pub(super) fn read(r: &mut Reader, is_webhook: impl Fn(&str) -> Result<(), String>) -> Option<NotifierConfig> {
    if !r.is_set("STATS_PATH") {
        r.refuse(
            "STATS_PATH",
            "is required: the directory into which the game server writes its statistics, such as \
             /home/et/etlegacy/legacy/gamestats",
        );
    }
    let stats_path = r.optional("STATS_PATH", path);
    let state_dir = r.value("STATE_DIR", path);
    let target = target(r, is_webhook);
    let telemetry = telemetry::read(r);
    Some(NotifierConfig { stats_path: stats_path?, state_dir: state_dir?, target: target?, telemetry: telemetry? })
}

fn target(r: &mut Reader, is_webhook: impl Fn(&str) -> Result<(), String>) -> Option<NotifierTarget> {
    let api_url = r.value("DISCORD_API_URL", http_origin);
    let webhook = r.secret(WEBHOOK, |text| is_webhook(text).map_err(|why| format!("cannot be used: {why}")));
    let url = r.optional(UPLOAD, http_url);
    let secret = r.secret(SECRET, check_secret);
    match (r.is_set(WEBHOOK), r.is_set(UPLOAD), r.is_set(SECRET)) {
        (true, false, false) => Some(NotifierTarget::Webhook { address: webhook?, api_url: api_url? }),
        (false, true, true) => {
            let (url, secret) = (url?, secret?);
            if url.scheme() == "http" && !is_loopback(&url) {
                r.warn(format!("{UPLOAD} is not https: files are signed, and anybody on the way can read them"));
            }
            Some(NotifierTarget::Upload { url, secret })
        }
        (true, ..) => {
            r.refuse(WEBHOOK, format!("and {UPLOAD} are two ways to tell of the same file; keep one of them"));
            None
        }
        (false, true, false) => {
            r.refuse(SECRET, format!("is required with {UPLOAD}: the bot's ETLEGACY_UPLOAD_SECRET"));
            None
        }
        (false, false, true) => {
            r.refuse(UPLOAD, format!("is required with {SECRET}: the bot's address, with /webhooks/etlegacy"));
            None
        }
        (false, false, false) => {
            r.refuse(UPLOAD, format!("with {SECRET}, or {WEBHOOK}, is required: without either nobody is told"));
            None
        }
    }
}

fn check_secret(text: &str) -> Result<(), String> {
    let should =
        || format!("should be {SECRET_PREFIX} and base64, exactly as the bot has it in ETLEGACY_UPLOAD_SECRET");
    let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|rest| BASE64.decode(rest).ok()).ok_or_else(should)?;
    if bytes.len() < SHORTEST_SECRET {
        return Err(format!("is shorter than {SHORTEST_SECRET} bytes and could be guessed"));
    }
    Ok(())
}

/// Names that were the watcher's do nothing for the bot.
pub(super) fn warn_the_bot(r: &mut Reader) {
    let set = SECTION.variables.iter().map(|variable| variable.name).filter(|name| r.is_set(name));
    let set: Vec<&str> = set.collect();
    if !set.is_empty() {
        r.warn(format!("read by signalbox notify-stats alone: {}", set.join(", ")));
    }
}
