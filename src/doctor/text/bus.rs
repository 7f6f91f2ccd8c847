//! About Redis.

use crate::doctor::report::Finding;

const SERVER: &str = "Redis";
const VERSION: &str = "Version";
const PERSISTENCE: &str = "Persistence";
const EVICTION: &str = "Eviction";
const STREAM: &str = "Stream";
const NOT_READ: &str = "the settings may not be read";
const APPEND: &str = "set appendonly yes, so that a restart of Redis loses no event of the stream";
const NO_EVICTION: &str =
    "set maxmemory-policy noeviction: otherwise Redis may drop the stream when its memory is full";

/// There is a chat to count, and no Redis.
pub fn only_here() -> Finding {
    Finding::good(SERVER, "is not used: a crash loses up to 5 s of what was written in the chat, and nothing else")
}

pub fn refuses(why: &str) -> Finding {
    Finding::problem(SERVER, format!("refuses: {why}"), "check the user and password in REDIS_URL")
}

pub fn away(why: &str) -> Finding {
    let why = why.split(" (os error").next().unwrap_or_default();
    let fix = "check REDIS_URL and that the server runs; until then events of the stream wait";
    Finding::problem(SERVER, format!("cannot be reached: {why}"), fix)
}

pub fn unusable(why: String) -> Finding {
    Finding::problem(SERVER, why, "correct REDIS_URL")
}

pub fn too_old(server: &str, version: &str, (major, minor): (u32, u32)) -> Finding {
    Finding::problem(VERSION, format!("{server} {version}"), format!("upgrade it to {major}.{minor} or later"))
}

pub fn version(server: &str, version: &str) -> Finding {
    Finding::good(VERSION, format!("{server} {version}"))
}

pub fn write_failed() -> Finding {
    let fix = "look at its log and the space on its disk";
    Finding::problem(PERSISTENCE, "the last write to its disk failed", fix)
}

pub fn appends() -> Finding {
    Finding::good(PERSISTENCE, "appendonly yes")
}

pub fn only_snapshots() -> Finding {
    Finding::warning(PERSISTENCE, "only snapshots (save), appendonly no", APPEND)
}

pub fn keeps_nothing() -> Finding {
    Finding::problem(PERSISTENCE, "nothing is kept over a restart: appendonly no, no save", APPEND)
}

pub fn persistence_not_read() -> Finding {
    Finding::warning(PERSISTENCE, NOT_READ, "check that appendonly is yes")
}

pub fn evicts_nothing() -> Finding {
    Finding::good(EVICTION, "maxmemory-policy noeviction")
}

pub fn would_evict(policy: &str) -> Finding {
    Finding::warning(EVICTION, format!("maxmemory-policy {policy}, no maxmemory set yet"), NO_EVICTION)
}

pub fn evicts(policy: &str) -> Finding {
    Finding::problem(EVICTION, format!("maxmemory-policy {policy}"), NO_EVICTION)
}

pub fn eviction_not_read() -> Finding {
    Finding::warning(EVICTION, NOT_READ, "check that maxmemory-policy is noeviction")
}

pub fn no_group(stream: &str) -> Finding {
    let fix = "start the bot: it makes the group and reads from the beginning";
    Finding::warning(STREAM, format!("{stream} has no group of ours"), fix)
}

fn waiting(stream: &str, pending: impl std::fmt::Display) -> String {
    format!("{stream}: {pending} waiting to be acknowledged")
}

pub fn nobody_reads(stream: &str, pending: impl std::fmt::Display) -> Finding {
    Finding::warning(STREAM, format!("{}, nobody reads", waiting(stream, pending)), "start the bot")
}

pub fn stream(stream: &str, pending: impl std::fmt::Display) -> Finding {
    Finding::good(STREAM, waiting(stream, pending))
}
