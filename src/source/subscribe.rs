//! The event stream as a door: entries are checked, handed to the same `ingest` as requests, and
//! acknowledged only after the commit. What cannot be taken in goes to quarantine, whole.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ingest::{Ingest, IngestError};
use crate::bus::{Entry, Reader, WireEvent};
use crate::event::{Event, NewEvent, Severity, Via, clean, kind, lenient};
use crate::id::GuildId;
use crate::ports::Ports;

/// While the database is away, a batch is tried again this often.
const STORE_AGAIN: Duration = Duration::from_secs(2);

/// How the sources of this process are called on the stream.
pub type SourceNames = HashMap<String, (Uuid, GuildId)>;

/// What an entry turned out to be.
#[derive(Clone)]
enum Found {
    Event(Box<NewEvent>),
    /// Not to be taken in, and why.
    Refused(String),
}

/// Reads one batch and takes it in. Returns how many entries were dealt with.
pub async fn take_batch(
    ports: &Ports,
    ingest: &Ingest,
    reader: &mut Reader,
    names: &SourceNames,
    block: Duration,
    stop: &CancellationToken,
) -> Result<usize> {
    let entries = reader.next(block).await.context("reading the event stream")?;
    if entries.is_empty() {
        return Ok(0);
    }
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        let what = match reader.refusal(&entry) {
            Some(refusal) => Err(refusal.to_string()),
            None => read(ports, &entry, names),
        };
        found.push((entry, what.map_or_else(Found::Refused, |event| Found::Event(Box::new(event)))));
    }
    let done = keep_all(ports, ingest, reader, found, stop).await?;
    crate::crash::point("subscribe.before_ack");
    if !done.is_empty() {
        reader.ack(&done).await.context("acknowledging")?;
    }
    Ok(done.len())
}

/// Stores or quarantines what was read. While the store is away the batch is kept and held, so that no
/// other reader takes it over and it does not count as handed out again.
async fn keep_all(
    ports: &Ports,
    ingest: &Ingest,
    reader: &mut Reader,
    mut found: Vec<(Entry, Found)>,
    stop: &CancellationToken,
) -> Result<Vec<String>> {
    let mut done = Vec::with_capacity(found.len());
    loop {
        let keeping = found.iter().map(|(entry, what)| keep(ports, ingest, entry, what));
        let kept = futures_util::future::join_all(keeping).await;
        let mut left = Vec::new();
        for (one, kept) in found.into_iter().zip(kept) {
            if kept? { done.push(one.0.id) } else { left.push(one) }
        }
        found = left;
        if found.is_empty() || stop.is_cancelled() {
            return Ok(done);
        }
        let ids: Vec<String> = found.iter().map(|(entry, _)| entry.id.clone()).collect();
        reader.hold(&ids).await.context("holding a batch while the database is away")?;
        tokio::select! {
            () = tokio::time::sleep(STORE_AGAIN) => {}
            () = stop.cancelled() => return Ok(done),
        }
    }
}

/// False when the store is away.
async fn keep(ports: &Ports, ingest: &Ingest, entry: &Entry, found: &Found) -> Result<bool> {
    match found {
        Found::Event(event) => match ingest.submit(NewEvent::clone(event)).await {
            // A refused event is in quarantine already.
            Ok(_) | Err(IngestError::Refused(_)) => Ok(true),
            Err(IngestError::Unavailable) => Ok(false),
        },
        Found::Refused(reason) => {
            let (deliveries, now) = (i64::from(entry.deliveries), ports.clock.now());
            match ports.store.insert_quarantine("events", &entry.id, &entry.event, reason, deliveries, now).await {
                Ok(()) => {
                    tracing::warn!(entry = entry.id, reason, "a stream entry is quarantined");
                    Ok(true)
                }
                Err(error) if error.is_unavailable() => Ok(false),
                Err(error) => Err(error).context("quarantining a stream entry"),
            }
        }
    }
}

/// An entry as an event of a configured source.
fn read(ports: &Ports, entry: &Entry, names: &SourceNames) -> Result<NewEvent, String> {
    let document = lenient::parse_json(&entry.event).map_err(|e| e.to_string())?;
    let wire: WireEvent = serde_json::from_value(document).map_err(|e| format!("not an event: {e}"))?;
    let (source_id, guild_id) = *names.get(&wire.source).ok_or_else(|| {
        format!("the source `{}` is not configured", wire.source.chars().take(60).collect::<String>())
    })?;
    let spec = kind::find(&wire.kind);
    let data = clean(wire.data);
    let subject = wire.subject.or_else(|| crate::source::xtsystems::parse::subject_of(&wire.kind, &data));
    let event = Event {
        id: ports.clock.uuid(),
        source_id,
        guild_id,
        subject,
        occurred_at: wire.time,
        received_at: ports.clock.now(),
        severity: wire.severity.or(spec.map(|s| s.severity)).unwrap_or(Severity::Info),
        dedup_key: wire.dedup_key.unwrap_or_else(|| format!("{} {}", wire.kind, wire.id)),
        kind: wire.kind,
        data,
    };
    Ok(NewEvent { event, raw: entry.event.clone(), data_in_raw: false, via: Via::Bus })
}
