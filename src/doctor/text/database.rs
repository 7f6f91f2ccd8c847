//! About PostgreSQL.

use crate::doctor::report::Finding;

const SERVER: &str = "PostgreSQL";
const CONNECTIONS: &str = "Connections";
const SCHEMA: &str = "Schema";
const DISK: &str = "Disk";
const ENCRYPTION: &str = "Encryption";
pub const NO_MIGRATIONS: &str = "the migrations could not be read";
const LOOK_AT_THE_REPLICA: &str = "look at the replica's log and its connection";

pub fn none(why: String) -> Finding {
    Finding::problem(SERVER, why, "set DATABASE_URL, or mend the private database")
}

pub fn unreachable(why: &str) -> Finding {
    let fix = "check DATABASE_URL and that the server runs";
    Finding::problem(SERVER, format!("cannot be reached: {}", outline(why)), fix)
}

pub fn refuses(why: &str) -> Finding {
    let fix = "check the user, the password and the name of the database in DATABASE_URL";
    Finding::problem(SERVER, format!("refuses: {}", outline(why)), fix)
}

/// One line of PostgreSQL's own words.
fn outline(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

pub fn is_a_replica() -> Finding {
    Finding::problem(SERVER, "is a replica and takes no writes", "set DATABASE_URL to the primary")
}

pub fn too_old(version: &str, oldest: i32) -> Finding {
    Finding::problem(SERVER, format!("version {version}"), format!("upgrade it to {oldest} or later"))
}

pub fn version(version: &str) -> Finding {
    Finding::good(SERVER, format!("version {version}"))
}

fn used(used: i64, most: i64, wanted: i64) -> String {
    format!("{used} of {most} in use, this program may open {wanted}")
}

pub fn too_few_connections(in_use: i64, most: i64, wanted: i64) -> Finding {
    let fix = "lower DATABASE_MAX_CONNECTIONS or raise max_connections of PostgreSQL";
    Finding::problem(CONNECTIONS, used(in_use, most, wanted), fix)
}

pub fn few_connections(in_use: i64, most: i64, wanted: i64) -> Finding {
    let fix = "close what is not needed, or raise max_connections of PostgreSQL";
    Finding::warning(CONNECTIONS, used(in_use, most, wanted), fix)
}

pub fn connections(most: i64, wanted: i64) -> Finding {
    Finding::good(CONNECTIONS, format!("at most {most}, this program opens up to {wanted}"))
}

pub fn schema(version: i64) -> Finding {
    Finding::good(SCHEMA, format!("version {version}"))
}

pub fn schema_too_old(database: i64, binary: i64, migrates: bool) -> Finding {
    let fix = match migrates {
        true => "start the bot, which migrates, or run `signalbox migrate`",
        false => "run `signalbox migrate`",
    };
    Finding::problem(SCHEMA, format!("at version {database}, this program needs {binary}"), fix)
}

pub fn schema_too_new(database: i64, compatible_from: i64) -> Finding {
    let text = format!("at version {database}, which needs a program of version {compatible_from} or later");
    Finding::problem(SCHEMA, text, "install the newer release")
}

pub fn no_disk() -> Finding {
    Finding::warning(DISK, "the data directory cannot be looked at", "check SIGNALBOX_DATA_DIR")
}

fn free(bytes: u64) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    format!("{:.1} GiB free for the private database", bytes as f64 / GIB)
}

pub fn disk_full(bytes: u64) -> Finding {
    Finding::problem(DISK, free(bytes), "free some space now: events cannot be stored without it")
}

pub fn disk_nearly_full(bytes: u64) -> Finding {
    Finding::warning(DISK, free(bytes), "free some space, or lower EVENT_DAYS and RAW_BODY_DAYS")
}

pub fn disk(bytes: u64) -> Finding {
    Finding::good(DISK, free(bytes))
}

pub fn no_key() -> Finding {
    let fix = "set ENCRYPTION_KEY (openssl rand -base64 32), the same for every process";
    Finding::problem(ENCRYPTION, "there is no key: no secret can be stored", fix)
}

pub fn key(secrets: u64) -> Finding {
    let text = match secrets {
        0 => "there is a key; no secret is stored yet".to_owned(),
        1 => "the stored secret opens with the key".to_owned(),
        n => format!("all {n} stored secrets open with the key"),
    };
    Finding::good(ENCRYPTION, text)
}

pub fn secret_does_not_open(why: &str) -> Finding {
    Finding::problem(ENCRYPTION, why.to_owned(), "give it the ENCRYPTION_KEY of the time when they were stored")
}

fn replica_check(name: &str) -> String {
    format!("Replica {name}")
}

pub fn replica_silent(name: &str, state: &str, seconds: f64) -> Finding {
    let fix = "look whether the replica still runs, and at its connection";
    Finding::warning(&replica_check(name), format!("{state}, not heard of for over {seconds} s"), fix)
}

pub fn replica_behind(name: &str, state: &str, behind: &str) -> Finding {
    Finding::warning(&replica_check(name), format!("{state}, {behind}"), LOOK_AT_THE_REPLICA)
}

pub fn replica(name: &str, state: &str, behind: &str) -> Finding {
    Finding::good(&replica_check(name), format!("{state}, {behind}"))
}

pub fn behind(seconds: Option<f64>, bytes: Option<i64>) -> String {
    match (seconds, bytes) {
        (Some(seconds), _) => format!("{seconds:.1} s behind"),
        (None, Some(bytes)) => format!("{} KiB behind", bytes / 1024),
        (None, None) => "lag not known".to_owned(),
    }
}
