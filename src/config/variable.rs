//! The table of every variable: names, defaults and texts. The check for unknown names,
//! `.env.example` and `config show` all read this table and nothing else.

use super::{
    approvals, bus, community, delivery, discord, encryption, etlegacy, kick, notifier, operation, outbound, party,
    role, routing, ssh, store, telemetry, web, xtsystems,
};

/// One variable of the environment.
#[derive(Debug)]
pub struct Variable {
    pub name: &'static str,
    /// Never printed; may also be given as `NAME_FILE`, the path of a file that holds it.
    pub secret: bool,
    /// The start fails without it.
    pub required: bool,
    /// The text that stands in when the variable is unset.
    pub default: Option<&'static str>,
    /// What it is for, one or two sentences.
    pub summary: &'static str,
    /// A value of the right shape.
    pub example: &'static str,
}

impl Variable {
    pub(super) const fn new(name: &'static str, summary: &'static str, example: &'static str) -> Self {
        Self { name, secret: false, required: false, default: None, summary, example }
    }
    pub(super) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// `NAME_FILE` for a secret.
    pub fn file_name(&self) -> Option<String> {
        self.secret.then(|| format!("{}_FILE", self.name))
    }
}

/// A block of variables that belong together.
#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    pub about: &'static str,
    pub variables: &'static [Variable],
}

/// All sections, in the order of `.env.example`.
pub static SECTIONS: &[&Section] = &[
    &discord::SECTION,
    &web::SECTION,
    &store::SECTION,
    &encryption::SECTION,
    &bus::SECTION,
    &xtsystems::SECTION,
    &kick::SECTION,
    &community::SECTION,
    &etlegacy::SECTION,
    &approvals::SECTION,
    &routing::SECTION,
    &party::SECTION,
    &delivery::SECTION,
    &outbound::SECTION,
    &role::SECTION,
    &telemetry::SECTION,
    &operation::SECTION,
    &ssh::SECTION,
    &notifier::SECTION,
];

/// Names that the original bots read and this one does not: accepted, and named once in a warning.
const NOT_USED: &[&str] = &[
    "AGIXT_API_KEY",
    "AGIXT_API_URL",
    "ANALYSIS_THRESHOLD",
    "AUTO_CREATE_ISSUES",
    "BOT_AUTH_TOKEN",
    "BOT_NAME_REGEX",
    "BOT_NOTIFICATION_URL",
    "CHAT_ACTIVITY_WINDOW_MINUTES",
    "CODE_EXPIRY_MINUTES",
    "DASHBOARD_URL",
    "FLASK_SECRET_KEY",
    "GITHUB_TOKEN",
    "KICK_BOT_USER_TOKEN",
    "KICK_CHANNEL",
    "KICK_CHATROOM_ID",
    "KICK_PLAYBACK_URL",
    "KICK_WEBHOOK_SECRET",
    "LOG_FILE",
    "MIN_UNIQUE_CHATTERS",
    "NODE_ENV",
    "OAUTH_BASE_URL",
    "RAFFLE_ANNOUNCEMENT_CHANNEL_ID",
    "RAFFLE_LEADERBOARD_CHANNEL_ID",
    "REPO_NAME",
    "REPO_OWNER",
    "ROLE_UPDATE_INTERVAL_SECONDS",
    "SLOT_CALLS_CHANNEL_ID",
    "STATE_SAVE_BATCH_SIZE",
    "STATE_SAVE_INTERVAL_SECONDS",
    "USE_DUAL_MODE",
    "WATCH_INTERVAL_SECONDS",
];

/// Families of the same sort.
const NOT_USED_PREFIXES: &[&str] = &["SSH_", "WEBHOOK_TRIGGER_"];

/// Variables of programs that read the same `.env`: the compose file's own, PostgreSQL's image, the
/// time zone. Nobody needs to be told about them.
const FOREIGN_PREFIXES: &[&str] = &["COMPOSE_", "POSTGRES_", "RUST_"];
const FOREIGN: &[&str] = &["TZ", "PGDATA", "SIGNALBOX_CORPUS", "SIGNALBOX_CRASH_AT"];

pub(super) fn all() -> impl Iterator<Item = &'static Variable> {
    SECTIONS.iter().flat_map(|section| section.variables)
}

/// The variable of this name. Asking for one that is not in the table is a mistake in the program.
pub(super) fn get(name: &str) -> &'static Variable {
    all().find(|v| v.name == name).expect("every variable that is read is in its section's table")
}

/// Every name that has an effect, `NAME_FILE` included.
pub(super) fn names() -> impl Iterator<Item = String> {
    all().flat_map(|v| [Some(v.name.to_owned()), v.file_name()]).flatten()
}

pub(super) fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

pub(super) fn is_not_used(name: &str) -> bool {
    NOT_USED.contains(&name) || NOT_USED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

pub(super) fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name) || FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
