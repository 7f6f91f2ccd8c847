//! PostgreSQL: there, recent enough, with room on its disk and for our connections, its schema ours.

use super::report::Finding;
use super::text::database as text;
use super::{Blind, Doctor, Found};
use crate::config::StoreConfig;
use crate::store::StoreError;
use crate::store::diagnosis::{Replica, ServerFacts};
use crate::store::embedded::free_space;
use crate::store::migrate::{MigrateError, binary_version};
use crate::store::secret::Reseal;

/// The oldest PostgreSQL that the tests run with.
const OLDEST: i32 = 14;
const LITTLE_SPACE: u64 = 2 << 30;
const NO_SPACE: u64 = 256 << 20;
/// A replica this far behind would lose that much.
const FAR_BEHIND: f64 = 30.0;
/// A replica says where it is every 10 s.
const SILENT: f64 = 30.0;

pub(super) async fn server(doctor: &Doctor<'_>) -> Found {
    if let Some(why) = &doctor.no_database {
        return Ok(vec![text::none(why.clone())]);
    }
    match doctor.ports.store.get_server_facts().await {
        Ok(facts) => Ok(judge(&facts, &doctor.ports.config.store)),
        Err(StoreError::Unavailable(error)) => Ok(vec![text::unreachable(&error.to_string())]),
        Err(error) => Ok(vec![text::refuses(&error.to_string())]),
    }
}

fn judge(facts: &ServerFacts, config: &StoreConfig) -> Vec<Finding> {
    let major = facts.version_number / 10_000;
    let version = facts.version.split_whitespace().next().unwrap_or_default();
    let server = if facts.read_only {
        text::is_a_replica()
    } else if major < OLDEST {
        text::too_old(version, OLDEST)
    } else {
        text::version(version)
    };
    let wanted = i64::from(config.max_connections) + 2;
    let most = i64::from(facts.max_connections - facts.reserved);
    let connections = if wanted > most {
        text::too_few_connections(facts.connections, most, wanted)
    } else if facts.connections + wanted > most {
        text::few_connections(facts.connections, most, wanted)
    } else {
        text::connections(most, wanted)
    };
    vec![server, connections]
}

pub(super) async fn schema(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    let migrates = doctor.ports.config.store.run_migrations;
    Ok(vec![match doctor.ports.store.migrate(false).await {
        Ok(()) => text::schema(binary_version()),
        Err(MigrateError::TooOld { database, binary }) => text::schema_too_old(database, binary, migrates),
        Err(MigrateError::TooNew { database, compatible_from, .. }) => text::schema_too_new(database, compatible_from),
        Err(MigrateError::Store(error)) => return Err(error.into()),
        Err(MigrateError::Migrate(_)) => return Err(Blind::Failed(text::NO_MIGRATIONS.into())),
    }])
}

/// Only where the disk is this machine's: of a server elsewhere nothing can be said.
pub(super) async fn disk(doctor: &Doctor<'_>) -> Found {
    let config = &doctor.ports.config.store;
    if config.database_url.is_some() {
        return Ok(vec![]);
    }
    Ok(vec![free_space(config.data_dir.as_deref()).map_or_else(|_| text::no_disk(), judge_disk)])
}

fn judge_disk(free: u64) -> Finding {
    match free {
        ..NO_SPACE => text::disk_full(free),
        NO_SPACE..LITTLE_SPACE => text::disk_nearly_full(free),
        _ => text::disk(free),
    }
}

/// Is there a key, and does what is stored open with it?
pub(super) async fn encryption(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    let store = &doctor.ports.store;
    Ok(vec![match store.reseal(Reseal::Nothing).await {
        Ok(_) if !store.has_key() => text::no_key(),
        Ok((seen, _)) => text::key(seen),
        Err(StoreError::Secret(error)) => text::secret_does_not_open(&error.to_string()),
        Err(error) => return Err(error.into()),
    }])
}

pub(super) async fn replicas(doctor: &Doctor<'_>) -> Found {
    doctor.needs_database()?;
    let now = doctor.ports.clock.now();
    Ok(doctor.ports.store.list_replicas(now).await?.iter().map(judge_replica).collect())
}

fn judge_replica(replica: &Replica) -> Finding {
    let Replica { name, state, .. } = replica;
    // Who is not heard of does not say either how far behind it is.
    if replica.seconds_silent.is_some_and(|seconds| seconds > SILENT) {
        return text::replica_silent(name, state, SILENT);
    }
    let behind = text::behind(replica.seconds_behind, replica.bytes_behind);
    let far = replica.seconds_behind.is_some_and(|seconds| seconds > FAR_BEHIND);
    if far || state != "streaming" {
        return text::replica_behind(name, state, &behind);
    }
    text::replica(name, state, &behind)
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
    fn a_disk_that_is_nearly_full_is_named() {
        let lines = [5 << 30, 3 << 29, 200 << 20].map(|free| judge_disk(free).line());
        assert_eq!(lines[0], "✅  · Disk: 5.0 GiB free for the private database");
        assert_eq!(
            lines[1],
            "⚠️  · Disk: 1.5 GiB free for the private database. Fix: free some space, or lower EVENT_DAYS and RAW_BODY_DAYS"
        );
        assert_eq!(
            lines[2],
            "❌  · Disk: 0.2 GiB free for the private database. Fix: free some space now: events cannot be stored without it"
        );
    }

    #[test]
    fn a_replica_far_behind_is_named() {
        let replica = |state: &str, seconds| Replica {
            name: "standby-1".into(),
            state: state.into(),
            bytes_behind: Some(4096),
            seconds_behind: seconds,
            seconds_silent: Some(1.0),
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
