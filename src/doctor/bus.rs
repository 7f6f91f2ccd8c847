//! Redis, where it is configured: there, recent enough, keeping what it is given.

use super::report::Finding;
use super::text::bus as text;
use super::{Doctor, Found};
use crate::bus::{Bus, BusError, RedisFacts};

/// XAUTOCLAIM came with it.
const OLDEST: (u32, u32) = (6, 2);

pub(super) async fn server(doctor: &Doctor<'_>) -> Found {
    let probed = match Bus::open(&doctor.ports.config.bus) {
        Ok(bus) => bus.probe().await,
        Err(error) => Err(error),
    };
    Ok(match probed {
        Ok(None) if doctor.ports.config.kick.is_some() => vec![text::only_here()],
        Ok(None) => vec![],
        Ok(Some(facts)) => judge(&facts),
        Err(BusError::Refused(why)) => vec![text::refuses(&why)],
        Err(BusError::Away(why)) => vec![text::away(&why)],
        Err(error) => vec![text::unusable(error.to_string())],
    })
}

fn judge(facts: &RedisFacts) -> Vec<Finding> {
    vec![version(facts), persistence(facts), eviction(facts), stream(facts)]
}

fn version(facts: &RedisFacts) -> Finding {
    let mut numbers = facts.version.split('.').map(|part| part.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST {
        return text::too_old(&facts.server, &facts.version, OLDEST);
    }
    text::version(&facts.server, &facts.version)
}

fn persistence(facts: &RedisFacts) -> Finding {
    if !facts.last_write_ok {
        return text::write_failed();
    }
    match (facts.append_only, facts.snapshots) {
        (Some(true), _) => text::appends(),
        (Some(false), Some(true)) => text::only_snapshots(),
        (Some(false), _) => text::keeps_nothing(),
        (None, _) => text::persistence_not_read(),
    }
}

fn eviction(facts: &RedisFacts) -> Finding {
    match (facts.eviction_policy.as_deref(), facts.max_memory) {
        (Some("noeviction"), _) => text::evicts_nothing(),
        (Some(policy), Some(0)) => text::would_evict(policy),
        (Some(policy), _) => text::evicts(policy),
        (None, _) => text::eviction_not_read(),
    }
}

fn stream(facts: &RedisFacts) -> Finding {
    match &facts.group {
        None => text::no_group(&facts.stream),
        Some(group) if group.consumers == 0 => text::nobody_reads(&facts.stream, group.pending),
        Some(group) => text::stream(&facts.stream, group.pending),
    }
}
