//! Notices when a source, or one of its kinds, is quiet for longer than usual, and when it is back.
//!
//! Usual is what the same stretch of the last four weeks was: nights, weekends and rare kinds are quiet without
//! anybody being told. A stretch counts only as far as somebody listened.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::notice::tell_admins;
use crate::ports::Ports;
use crate::routing::duration::span;
use crate::store::pulse::{ANY, Pulse};

const EVERY: TimeDelta = TimeDelta::minutes(5);
/// Nobody having looked for longer than this means that nobody listened.
const PAUSE: TimeDelta = TimeDelta::minutes(90);
/// A source or kind that is younger, or of which less is known, has no usual.
const KNOWN_FOR: TimeDelta = TimeDelta::days(7);
const KNOWN_BY: i64 = 20;

/// Remembers when to look next.
#[derive(Default)]
pub struct Watch {
    next: Option<DateTime<Utc>>,
}

impl Watch {
    /// Looks when it is time. Returns how many notices were given.
    pub async fn step(&mut self, ports: &Ports) -> Result<usize> {
        let now = ports.clock.now();
        if self.next.is_some_and(|next| next > now) {
            return Ok(0);
        }
        let listening_since = ports.store.keep_watch(now, PAUSE).await?;
        let pulses = ports.store.list_pulses().await?;
        let told = tell_resumed(ports, &pulses).await? + tell_quiet(ports, &pulses, listening_since).await?;
        self.next = Some(now + EVERY);
        Ok(told)
    }
}

/// "Back" is told once as well: by whoever stores the notice first.
async fn tell_resumed(ports: &Ports, pulses: &[Pulse]) -> Result<usize> {
    let mut told = 0;
    for pulse in pulses {
        let Some(since) = pulse.quiet_since.filter(|since| pulse.last_at > *since) else { continue };
        let text = format!(
            "{} is back: its last event before came <t:{}:f>, and now there was one <t:{}:R>.",
            name(pulse),
            since.timestamp(),
            pulse.last_at.timestamp()
        );
        tell_admins(ports, pulse.guild_id, &key("back", pulse, since), &text).await?;
        ports.store.mark_resumed(pulse.source_id, &pulse.kind, since, ports.clock.now()).await?;
        told += 1;
    }
    Ok(told)
}

async fn tell_quiet(ports: &Ports, pulses: &[Pulse], listening_since: DateTime<Utc>) -> Result<usize> {
    let now = ports.clock.now();
    let candidates: Vec<&Pulse> = pulses
        .iter()
        .filter(|pulse| pulse.quiet_since.is_none() && pulse.events >= KNOWN_BY && now - pulse.first_at >= KNOWN_FOR)
        .filter(|pulse| pulse.kind == ANY || !is_quiet(pulses, pulse.source_id))
        .collect();
    let stretches: Vec<(Uuid, String, DateTime<Utc>)> = candidates
        .iter()
        .map(|pulse| {
            // After a silence of the whole source its kinds have to get going again.
            let resumed = whole(pulses, pulse.source_id).and_then(|whole| whole.resumed_at);
            let since = pulse.last_at.max(listening_since).max(resumed.unwrap_or(pulse.last_at));
            (pulse.source_id, pulse.kind.clone(), since)
        })
        .collect();
    if stretches.is_empty() {
        return Ok(0);
    }
    let weeks = ports.store.list_earlier_weeks(&stretches, now).await?;
    let of = |pulse: &Pulse| -> Vec<i64> {
        let same = weeks.iter().filter(|week| week.source_id == pulse.source_id && week.kind == pulse.kind);
        same.map(|week| week.hours).collect()
    };
    let quiet: Vec<&Pulse> = candidates.into_iter().filter(|pulse| is_unusual(of(pulse))).collect();
    let mut told = 0;
    for pulse in &quiet {
        // Where the whole source is quiet, each of its kinds is: once is enough.
        if pulse.kind != ANY && quiet.iter().any(|other| other.kind == ANY && other.source_id == pulse.source_id) {
            continue;
        }
        let text = format!(
            "{} has been quiet for {}, longer than usual at this time of the week: its last event came <t:{}:f>. \
             /test-webhook shows whether events still arrive.",
            name(pulse),
            span(now - pulse.last_at),
            pulse.last_at.timestamp()
        );
        tell_admins(ports, pulse.guild_id, &key("quiet", pulse, pulse.last_at), &text).await?;
        ports.store.mark_quiet(pulse.source_id, &pulse.kind, pulse.last_at).await?;
        told += 1;
    }
    Ok(told)
}

/// Whether nothing at all is unusual where this many hours of the stretch had events in earlier weeks. The
/// less is known, the more is asked for; with three weeks or more, one odd week is forgiven.
fn is_unusual(mut hours: Vec<i64>) -> bool {
    hours.sort_unstable();
    match hours.as_slice() {
        [] => false,
        [only] => *only >= 8,
        [least, _] => *least >= 6,
        [_, second, ..] => *second >= 4,
    }
}

fn whole(pulses: &[Pulse], source_id: Uuid) -> Option<&Pulse> {
    pulses.iter().find(|pulse| pulse.source_id == source_id && pulse.kind == ANY)
}

fn is_quiet(pulses: &[Pulse], source_id: Uuid) -> bool {
    whole(pulses, source_id).is_some_and(|whole| whole.quiet_since.is_some())
}

/// `XTSystems`, or `alert.triggered of XTSystems`.
fn name(pulse: &Pulse) -> String {
    let source = if pulse.source == "xtsystems" { "XTSystems" } else { &pulse.source };
    if pulse.kind == ANY { source.to_owned() } else { format!("{} of {source}", pulse.kind) }
}

/// The same for two processes that notice the same.
fn key(what: &str, pulse: &Pulse, since: DateTime<Utc>) -> String {
    format!("{what}:{}:{}:{}", pulse.source_id, pulse.kind, since.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::is_unusual;

    #[test]
    fn the_less_is_known_the_more_is_asked_for() {
        assert!(!is_unusual(vec![]));
        assert!(!is_unusual(vec![7]) && is_unusual(vec![8]));
        assert!(!is_unusual(vec![9, 5]) && is_unusual(vec![6, 9]));
        assert!(!is_unusual(vec![9, 3, 2, 9]) && is_unusual(vec![9, 0, 4, 9]));
    }
}
