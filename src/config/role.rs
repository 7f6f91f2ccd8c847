//! What this process does of all that Signalbox does.

use super::reader::Reader;
use super::value::items;
use super::variable::{Section, Variable};

/// The parts of the program that run in this process. Several processes share one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Takes events in: webhooks, the event stream, what was missed.
    pub intake: bool,
    /// Answers commands, buttons and forms: gateway sessions, the HTTP endpoint for interactions.
    pub bot: bool,
    /// Plans and delivers messages, and carries decisions upstream.
    pub worker: bool,
    /// Keeps house and does what comes due by the calendar.
    pub ticker: bool,
}

/// By name, in the order in which they are shown.
const NAMES: [&str; 4] = ["intake", "bot", "worker", "ticker"];
pub(super) const VARIABLE: &str = "SIGNALBOX_ROLES";

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { intake: true, bot: true, worker: true, ticker: true };

    /// Whether it talks to Discord, and so needs the token.
    pub fn use_discord(self) -> bool {
        self.bot || self.worker
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        let held = [self.intake, self.bot, self.worker, self.ticker];
        NAMES.into_iter().zip(held).filter(|(_, held)| *held).map(|(name, _)| name).collect()
    }
}

pub(super) static SECTION: Section = Section {
    title: "Process",
    about: "Everything runs in one process unless the parts are spread over several on one PostgreSQL (and Redis).",
    variables: &[Variable::new(
        VARIABLE,
        "What this process does, separated by commas: intake, bot, worker, ticker. The option --roles of `run` goes before it.",
        "worker,ticker",
    )
    .default("intake,bot,worker,ticker")],
};

pub(super) fn read(r: &mut Reader) -> Option<Roles> {
    let roles = r.value(VARIABLE, parse);
    if roles.is_some_and(|roles| !roles.use_discord()) {
        r.needs_bot = false;
    }
    if roles.is_some_and(|roles| roles != Roles::ALL) && !r.is_set("DATABASE_URL") {
        r.refuse(VARIABLE, "names some of the parts only, and the others need the same database: set DATABASE_URL");
    }
    roles
}

fn parse(text: &str) -> Result<Roles, String> {
    let mut roles = Roles { intake: false, bot: false, worker: false, ticker: false };
    for name in items(text) {
        match name {
            "intake" => roles.intake = true,
            "bot" => roles.bot = true,
            "worker" => roles.worker = true,
            "ticker" => roles.ticker = true,
            _ => return Err("should be a list of intake, bot, worker and ticker, separated by commas".into()),
        }
    }
    match roles.names().is_empty() {
        true => Err("should name at least one of intake, bot, worker and ticker".into()),
        false => Ok(roles),
    }
}
