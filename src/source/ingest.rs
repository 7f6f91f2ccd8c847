//! Takes verified events in: concurrent callers share a commit, and each learns its own outcome only
//! after that commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::bus::Topic;
use crate::event::{NewEvent, Via, kind};
use crate::id::sha256_hex;
use crate::lifecycle::Lifecycle;
use crate::ports::Ports;
use crate::routing::signal;
use crate::store::StoreError;
use crate::store::event::{EventWriter, Inserted};
use crate::telemetry::traces::Step;

/// Events that share a commit at most.
const BATCH: usize = 256;
/// A commit takes this share of what waits at most, so that the writers work side by side: one that took all
/// would leave the others, and a processor, without work.
const SHARE: usize = 2;
/// Below this a share is not worth a commit of its own.
const SMALL: usize = 8;
/// Callers that may wait; beyond it they wait to be let in.
const QUEUE: usize = 4096;
/// Commits under way at the same time; half the connections are left to others.
const WRITERS: usize = 4;
/// A writer with nothing to do for this long gives its connection back.
const REST_AFTER: Duration = Duration::from_secs(1);

/// Why an event was not taken in.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IngestError {
    /// The store is away: the sender should try again.
    #[error("the event could not be stored at the moment")]
    Unavailable,
    /// PostgreSQL refuses this very event.
    #[error("the event cannot be stored: {0}")]
    Refused(String),
}

struct Job {
    event: NewEvent,
    reply: oneshot::Sender<Result<Inserted, IngestError>>,
}

/// The door to the store for every source. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    jobs: mpsc::Sender<Job>,
    /// Callers who wait for their outcome.
    waiting: Arc<AtomicUsize>,
    /// Set when somebody was told to come again: what they had may have to be fetched.
    missed: Arc<AtomicBool>,
}

impl Ingest {
    /// Starts the writers, which end when the last `Ingest` is dropped or the process stops.
    pub fn start(ports: &Ports, lifecycle: &Lifecycle) -> Self {
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let receiver = Arc::new(Mutex::new(receiver));
        let writers = WRITERS.min(ports.config.store.max_connections as usize / 2).max(1);
        let (waiting, missed) = (Arc::<AtomicUsize>::default(), Arc::new(AtomicBool::new(false)));
        for _ in 0..writers {
            let events = EventWriter::new(ports.store.clone());
            let (waiting, missed) = (waiting.clone(), missed.clone());
            let mut writer = Writer { ports: ports.clone(), events, waiting, missed };
            let receiver = receiver.clone();
            let lifecycle_there = lifecycle.clone();
            lifecycle.spawn("ingest writer", async move {
                let stored = tokio::select! {
                    () = writer.run(&receiver) => true,
                    // Not before: a request that is being read still has to be stored.
                    () = lifecycle_there.doors_closed() => false,
                };
                if !stored {
                    writer.drain(&receiver).await;
                }
            });
        }
        Self { jobs, waiting, missed }
    }

    /// Stores one event; returns after the commit that holds it, or its first copy.
    pub async fn submit(&self, mut event: NewEvent) -> Result<Inserted, IngestError> {
        if crate::crash::lacks("no-dedup") {
            event.event.dedup_key = event.event.id.to_string();
        }
        let (reply, outcome) = oneshot::channel();
        let _waits = Waits::one(&self.waiting);
        if self.jobs.send(Job { event, reply }).await.is_err() {
            return Err(IngestError::Unavailable);
        }
        outcome.await.unwrap_or(Err(IngestError::Unavailable))
    }

    /// Stores several; they are likely to share commits.
    pub async fn submit_all(&self, events: Vec<NewEvent>) -> Vec<Result<Inserted, IngestError>> {
        futures_util::future::join_all(events.into_iter().map(|event| self.submit(event))).await
    }

    /// Whether a sender was sent away since this was last asked.
    pub fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::Relaxed)
    }

    /// Puts the mark back when what was missed could not be fetched.
    pub fn note_missed(&self) {
        self.missed.store(true, Ordering::Relaxed);
    }
}

/// A caller who waits, also when the caller goes away.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn one(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Writer {
    ports: Ports,
    events: EventWriter,
    waiting: Arc<AtomicUsize>,
    missed: Arc<AtomicBool>,
}

impl Writer {
    async fn run(&mut self, receiver: &Mutex<mpsc::Receiver<Job>>) {
        loop {
            let mut batch = Vec::with_capacity(BATCH);
            let first = async {
                // While this writer commits, another one gathers the next batch.
                let mut receiver = receiver.lock().await;
                let received = receiver.recv_many(&mut batch, SMALL).await;
                (receiver, received)
            };
            let (mut receiver, received) = if self.events.holds_a_connection() {
                match tokio::time::timeout(REST_AFTER, first).await {
                    Ok(first) => first,
                    Err(_) => {
                        self.events.rest();
                        continue;
                    }
                }
            } else {
                first.await
            };
            if received == 0 {
                return;
            }
            self.gather(&mut receiver, &mut batch).await;
            drop(receiver);
            self.store(batch).await;
        }
    }

    /// Lets the requests that are being handled at this moment join. No clock is waited for: on an idle
    /// system there are none.
    async fn gather(&self, receiver: &mut mpsc::Receiver<Job>, batch: &mut Vec<Job>) {
        loop {
            let before = batch.len();
            tokio::task::yield_now().await;
            let most = (self.waiting.load(Ordering::Relaxed) / SHARE).clamp(SMALL, BATCH);
            while batch.len() < most
                && let Ok(job) = receiver.try_recv()
            {
                batch.push(job);
            }
            if batch.len() == before || batch.len() >= most {
                return;
            }
        }
    }

    /// What is queued at a stop is still stored: its senders are waiting for an answer.
    async fn drain(&mut self, receiver: &Mutex<mpsc::Receiver<Job>>) {
        let mut rest = Vec::new();
        {
            let mut receiver = receiver.lock().await;
            receiver.close();
            while let Ok(job) = receiver.try_recv() {
                rest.push(job);
            }
        }
        if !rest.is_empty() {
            self.store(rest).await;
        }
    }

    /// Stores a batch; when PostgreSQL refuses it, halves it until only the culprit is left out.
    async fn store(&mut self, batch: Vec<Job>) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            let events: Vec<&NewEvent> = part.iter().map(|job| &job.event).collect();
            match self.events.insert(&events).await {
                Ok(outcomes) => {
                    crate::crash::point("ingest.committed");
                    let any_fresh = outcomes.iter().any(|o| matches!(o, Inserted::Fresh(_)));
                    for (job, outcome) in part.into_iter().zip(outcomes) {
                        self.count(&job.event, &outcome);
                        // A caller that went away is answered by the dedup key when it comes again.
                        let _ = job.reply.send(Ok(outcome));
                    }
                    if any_fresh {
                        self.ports.wake.wake(Topic::Planner);
                    }
                }
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(%error, events = part.len(), "the database is away: senders are asked to come again");
                    self.missed.store(true, Ordering::Relaxed);
                    refuse(part, &IngestError::Unavailable);
                }
                Err(_) if part.len() > 1 => {
                    let half = part.split_off(part.len() / 2);
                    parts.push(half);
                    parts.push(part);
                }
                Err(StoreError::Data(error)) => {
                    tracing::warn!(%error, "an event cannot be stored; it is quarantined");
                    self.quarantine(&part, &error.to_string()).await;
                    refuse(part, &IngestError::Refused("it holds a value that cannot be stored".into()));
                }
                Err(error) => {
                    tracing::error!(%error, "storing an event failed");
                    self.missed.store(true, Ordering::Relaxed);
                    refuse(part, &IngestError::Unavailable);
                }
            }
        }
    }

    fn count(&self, stored: &NewEvent, outcome: &Inserted) {
        if let Inserted::Fresh(id) = outcome {
            let source = match stored.event.kind.split('.').next() {
                _ if stored.via == Via::Internal => "signalbox",
                Some("kick") => "kick",
                _ if signal::is_one(&stored.event) => "generic",
                Some("panel") => "panel",
                Some("party") => "party",
                _ => "xtsystems",
            };
            // A sender may name kinds of its own; as labels they would have no bounds.
            let kind = kind::find(&stored.event.kind).map_or("other", |kind| kind.name);
            self.ports.metrics.event(source, kind, stored.via.as_str());
            let (event, now) = (&stored.event, self.ports.clock.now());
            let step = || Step::new("intake", *id, event.received_at, now).first().with("event.kind", &event.kind);
            self.ports.traces.note(|| step().with("event.via", stored.via.as_str()));
            tracing::debug!(event = %id, kind, via = stored.via.as_str(), "stored");
        }
    }

    async fn quarantine(&self, part: &[Job], reason: &str) {
        for job in part {
            let event = &job.event;
            // The same body sent again is the same entry.
            let entry = sha256_hex(&event.raw);
            let now = self.ports.clock.now();
            if let Err(error) =
                self.ports.store.insert_quarantine(event.via.as_str(), &entry, &event.raw, reason, 1, now).await
            {
                tracing::error!(%error, event = %entry, "quarantining failed");
            }
        }
    }
}

fn refuse(part: Vec<Job>, why: &IngestError) {
    for job in part {
        let _ = job.reply.send(Err(why.clone()));
    }
}
