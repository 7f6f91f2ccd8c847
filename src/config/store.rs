//! The database, and how long things are kept in it.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::reader::Reader;
use super::value::{boolean, integer, path};
use super::variable::{Section, Variable};

/// Where events are stored and for how long.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `None`: the program starts a private PostgreSQL in the data directory.
    pub database_url: Option<SecretString>,
    /// `None`: the usual place of this system.
    pub data_dir: Option<PathBuf>,
    /// The directory of PostgreSQL's programs, for the private one. `None`: searched for.
    pub pg_bin_dir: Option<PathBuf>,
    pub max_connections: u32,
    /// False: `signalbox migrate` is run by hand.
    pub run_migrations: bool,
    /// Days for which the bytes of a webhook are kept.
    pub raw_body_days: u32,
    /// Days for which an event is kept.
    pub event_days: u32,
    /// Days for which a closed card is kept after its last change.
    pub card_days: u32,
    /// Days for which the audit log is kept; `None`: for good.
    pub audit_days: Option<u32>,
}

pub(super) static SECTION: Section = Section {
    title: "Storage",
    about: "PostgreSQL. Without DATABASE_URL a private one is started in the data directory.",
    variables: &[
        Variable::new("DATABASE_URL", "The address of the database.", "postgres://user:password@host:5432/signalbox")
            .secret(),
        Variable::new(
            "DATABASE_MAX_CONNECTIONS",
            "How many connections to the database this process opens at most.",
            "10",
        )
        .default("10"),
        Variable::new(
            "RUN_MIGRATIONS",
            "Whether the tables are created and upgraded at start. When false: signalbox migrate.",
            "false",
        )
        .default("true"),
        Variable::new(
            "SIGNALBOX_DATA_DIR",
            "The data directory. When unset: /var/lib/signalbox for root, else below ~/.local/share.",
            "/var/lib/signalbox",
        ),
        Variable::new(
            "PG_BIN_DIR",
            "Where PostgreSQL's programs are, for the private one. When unset they are searched for.",
            "/usr/lib/postgresql/17/bin",
        ),
        Variable::new("RAW_BODY_DAYS", "For how many days the text of a webhook is kept as it arrived.", "7")
            .default("7"),
        Variable::new("EVENT_DAYS", "For how many days an event is kept.", "30").default("30"),
        Variable::new(
            "CARD_DAYS",
            "For how many days a closed ticket, machine or asset is kept after its last change.",
            "365",
        )
        .default("365"),
        Variable::new("AUDIT_DAYS", "For how many days the audit log is kept. When unset, for good.", "730"),
    ],
};

pub(super) fn read(r: &mut Reader) -> Option<StoreConfig> {
    let database_url = r.secret("DATABASE_URL", check_database_url);
    let max_connections = r.value("DATABASE_MAX_CONNECTIONS", integer(2..=1000));
    let run_migrations = r.value("RUN_MIGRATIONS", boolean);
    let data_dir = r.optional("SIGNALBOX_DATA_DIR", path);
    let pg_bin_dir = r.optional("PG_BIN_DIR", path);
    let raw_body_days = r.value("RAW_BODY_DAYS", integer(0..=3650));
    let event_days = r.value("EVENT_DAYS", integer(1..=3650));
    let card_days = r.value("CARD_DAYS", integer(1..=36500));
    let audit_days = r.optional("AUDIT_DAYS", integer(1..=36500));
    if let (Some(raw), Some(event)) = (raw_body_days, event_days)
        && raw > event
    {
        r.refuse("RAW_BODY_DAYS", "should not be more than EVENT_DAYS: the text goes with its event");
    }
    Some(StoreConfig {
        database_url,
        data_dir,
        pg_bin_dir,
        max_connections: max_connections?,
        run_migrations: run_migrations?,
        raw_body_days: raw_body_days?,
        event_days: event_days?,
        card_days: card_days?,
        audit_days,
    })
}

fn check_database_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    let should = "should be an address such as postgres://user:password@host:5432/signalbox \
                  (characters such as @ / : in the password are written as %40 %2F %3A)";
    url.map(|_| ()).ok_or_else(|| should.into())
}
