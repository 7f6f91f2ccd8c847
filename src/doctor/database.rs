//! PostgreSQL: there, recent enough, with room on its disk and for our connections, its schema ours.

use super::report::Finding;
use super::{Blind, Doctor, Found};
use crate::config::StoreConfig;
use crate::store::StoreError;
use crate::store::diagnosis::{Replica, ServerFacts};
use crate::store::embedded::free_space;
use crate::store::migrate::{MigrateError, binary_version};

/// The oldest PostgreSQL that the tests run with.
const OLDEST: i32 = 14;
const LITTLE_SPACE: u64 = 2 << 30;
const NO_SPACE: u64 = 256 << 20;
/// A replica this far behind would lose that much.
const FAR_BEHIND: f64 = 30.0;

pub(super) async fn server(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "PostgreSQL";
    if let Some(why) = &doctor.no_database {
        return Ok(vec![Finding::problem(CHECK, why.clone(), "set DATABASE_URL, or mend the private database")]);
    }
    match doctor.ports.store.get_server_facts().await {
        Ok(facts) => Ok(judge(&facts, &doctor.ports.config.store)),
        Err(StoreError::Unavailable(error)) => Ok(vec![Finding::problem(
            CHECK,
            format!("cannot be reached: {}", outline(&error.to_string())),
            "check DATABASE_URL and that the server runs",
        )]),
        Err(error) => Ok(vec![Finding::problem(
            CHECK,
            format!("refuses: {}", outline(&error.to_string())),
            "check the user, the password and the name of the database in DATABASE_URL",
        )]),
    }
}

/// One line of PostgreSQL's own words.
fn outline(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

fn judge(facts: &ServerFacts, config: &StoreConfig) -> Vec<Finding> {
    let major = facts.version_number / 10_000;
    let version = facts.version.split_whitespace().next().unwrap_or_default();
    let mut found = vec![if facts.read_only {
        Finding::problem("PostgreSQL", "is a replica and takes no writes", "set DATABASE_URL to the primary")
    } else if major < OLDEST {
        Finding::problem("PostgreSQL", format!("version {version}"), format!("upgrade it to {OLDEST} or later"))
    } else {
        Finding::good("PostgreSQL", format!("version {version}"))
    }];
    let wanted = i64::from(config.max_connections) + 2;
    let most = i64::from(facts.max_connections - facts.reserved);
    let check = "Connections";
    let text = format!("{} of {most} in use, this program may open {wanted}", facts.connections);
    found.push(if wanted > most {
        Finding::problem(check, text, "lower DATABASE_MAX_CONNECTIONS or raise max_connections of PostgreSQL")
    } else if facts.connections + wanted > most {
        Finding::warning(check, text, "close what is not needed, or raise max_connections of PostgreSQL")
    } else {
        Finding::good(check, format!("at most {most}, this program opens up to {wanted}"))
    });
    found
}

pub(super) async fn schema(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    const CHECK: &str = "Schema";
    let will_migrate = doctor.ports.config.store.run_migrations;
    let fix = if will_migrate {
        "start the bot, which migrates, or run `signalbox migrate`"
    } else {
        "run `signalbox migrate`"
    };
    Ok(vec![match doctor.ports.store.migrate(false).await {
        Ok(()) => Finding::good(CHECK, format!("version {}", binary_version())),
        Err(MigrateError::TooOld { database, binary }) => {
            Finding::problem(CHECK, format!("at version {database}, this program needs {binary}"), fix)
        }
        Err(MigrateError::TooNew { database, compatible_from, .. }) => Finding::problem(
            CHECK,
            format!("at version {database}, which needs a program of version {compatible_from} or later"),
            "install the newer release",
        ),
        Err(MigrateError::Store(error)) => return Err(error.into()),
        Err(MigrateError::Migrate(_)) => return Err(Blind::Failed("the migrations could not be read".into())),
    }])
}

/// Only where the disk is this machine's: of a server elsewhere nothing can be said.
pub(super) async fn disk(doctor: &Doctor<'_>) -> Found {
    let config = &doctor.ports.config.store;
    if config.database_url.is_some() {
        return Ok(vec![]);
    }
    const CHECK: &str = "Disk";
    let Ok(free) = free_space(config.data_dir.as_deref()) else {
        return Ok(vec![Finding::warning(CHECK, "the data directory cannot be looked at", "check SIGNALBOX_DATA_DIR")]);
    };
    let text = format!("{} GiB free for the private database", free * 10 / (1 << 30) / 10);
    Ok(vec![match free {
        ..NO_SPACE => Finding::problem(CHECK, text, "free some space now: events cannot be stored without it"),
        NO_SPACE..LITTLE_SPACE => {
            Finding::warning(CHECK, text, "free some space, or lower EVENT_DAYS and RAW_BODY_DAYS")
        }
        _ => Finding::good(CHECK, text),
    }])
}

pub(super) async fn replicas(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    Ok(doctor.ports.store.list_replicas().await?.iter().map(judge_replica).collect())
}

fn judge_replica(replica: &Replica) -> Finding {
    let check = format!("Replica {}", replica.name);
    let behind = match (replica.seconds_behind, replica.bytes_behind) {
        (Some(seconds), _) => format!("{seconds:.1} s behind"),
        (None, Some(bytes)) => format!("{} KiB behind", bytes / 1024),
        (None, None) => "lag not known".to_owned(),
    };
    let text = format!("{}, {behind}", replica.state);
    let far = replica.seconds_behind.is_some_and(|seconds| seconds > FAR_BEHIND);
    if far || replica.state != "streaming" {
        return Finding::warning(&check, text, "look at the replica's log and its connection");
    }
    Finding::good(&check, text)
}

impl Doctor<'_> {
    pub(super) fn needs_database(&self) -> Result<(), Blind> {
        if self.no_database.is_some() { Err(Blind::NoDatabase) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_far_behind_is_named() {
        let replica = |state: &str, seconds| Replica {
            name: "standby-1".into(),
            state: state.into(),
            bytes_behind: Some(4096),
            seconds_behind: seconds,
        };
        assert_eq!(
            judge_replica(&replica("streaming", Some(0.04))).line(),
            "✅  · Replica standby-1: streaming, 0.0 s behind"
        );
        assert_eq!(judge_replica(&replica("streaming", None)).text, "streaming, 4 KiB behind");
        assert_eq!(
            judge_replica(&replica("streaming", Some(95.0))).line(),
            "⚠️  · Replica standby-1: streaming, 95.0 s behind. Fix: look at the replica's log and its connection"
        );
        assert_eq!(judge_replica(&replica("catchup", Some(1.0))).state, super::super::State::Warning);
    }
}
