//! Redis, where it is configured: there, recent enough, keeping what it is given.

use super::report::Finding;
use super::{Doctor, Found};
use crate::bus::{Bus, BusError, RedisFacts};

/// XAUTOCLAIM came with it.
const OLDEST: (u32, u32) = (6, 2);

pub(super) async fn server(doctor: &Doctor<'_>) -> Found {
    const CHECK: &str = "Redis";
    let probed = match Bus::open(&doctor.ports.config.bus) {
        Ok(bus) => bus.probe().await,
        Err(error) => Err(error),
    };
    Ok(match probed {
        Ok(None) => vec![],
        Ok(Some(facts)) => judge(&facts),
        Err(BusError::Refused(why)) => {
            vec![Finding::problem(CHECK, format!("refuses: {why}"), "check the user and password in REDIS_URL")]
        }
        Err(BusError::Away(why)) => vec![Finding::problem(
            CHECK,
            format!("cannot be reached: {}", why.split(" (os error").next().unwrap_or_default()),
            "check REDIS_URL and that the server runs; until then events of the stream wait",
        )],
        Err(error) => vec![Finding::problem(CHECK, error.to_string(), "correct REDIS_URL")],
    })
}

fn judge(facts: &RedisFacts) -> Vec<Finding> {
    vec![version(facts), persistence(facts), eviction(facts), stream(facts)]
}

fn version(facts: &RedisFacts) -> Finding {
    let mut numbers = facts.version.split('.').map(|part| part.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let text = format!("{} {}", facts.server, facts.version);
    if version < OLDEST {
        return Finding::problem("Version", text, format!("upgrade it to {}.{} or later", OLDEST.0, OLDEST.1));
    }
    Finding::good("Version", text)
}

fn persistence(facts: &RedisFacts) -> Finding {
    const CHECK: &str = "Persistence";
    if !facts.last_write_ok {
        let fix = "look at its log and the space on its disk";
        return Finding::problem(CHECK, "the last write to its disk failed", fix);
    }
    let fix = "set appendonly yes, so that a restart of Redis loses no event of the stream";
    match (facts.append_only, facts.snapshots) {
        (Some(true), _) => Finding::good(CHECK, "appendonly yes"),
        (Some(false), Some(true)) => Finding::warning(CHECK, "only snapshots (save), appendonly no", fix),
        (Some(false), _) => Finding::problem(CHECK, "nothing is kept over a restart: appendonly no, no save", fix),
        (None, _) => Finding::warning(CHECK, "the settings may not be read", "check that appendonly is yes"),
    }
}

fn eviction(facts: &RedisFacts) -> Finding {
    const CHECK: &str = "Eviction";
    let fix = "set maxmemory-policy noeviction: otherwise Redis may drop the stream when its memory is full";
    match (facts.eviction_policy.as_deref(), facts.max_memory) {
        (Some("noeviction"), _) => Finding::good(CHECK, "maxmemory-policy noeviction"),
        (Some(policy), Some(0)) => {
            Finding::warning(CHECK, format!("maxmemory-policy {policy}, no maxmemory set yet"), fix)
        }
        (Some(policy), _) => Finding::problem(CHECK, format!("maxmemory-policy {policy}"), fix),
        (None, _) => {
            Finding::warning(CHECK, "the settings may not be read", "check that maxmemory-policy is noeviction")
        }
    }
}

fn stream(facts: &RedisFacts) -> Finding {
    let check = "Stream";
    let Some(group) = &facts.group else {
        let text = format!("{} has no group of ours", facts.stream);
        return Finding::warning(check, text, "start the bot: it makes the group and reads from the beginning");
    };
    let text = format!("{}: {} waiting to be acknowledged", facts.stream, group.pending);
    if group.consumers == 0 {
        return Finding::warning(check, format!("{text}, nobody reads"), "start the bot");
    }
    Finding::good(check, text)
}
