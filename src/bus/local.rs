//! The bus within one process: a bounded channel whose senders wait while it is full.
//!
//! A crash loses what it holds; records are stored before they come here, so that is activity only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use super::{BusError, Entry, ReaderOptions};
use crate::clock::Stopwatch;

/// How many events wait at most before a publisher has to.
const CAPACITY: usize = 10_000;

/// Both ends of the channel.
#[derive(Clone)]
pub struct Local {
    sender: mpsc::Sender<Vec<u8>>,
    receiver: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    last_id: Arc<AtomicU64>,
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl Local {
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// At least one event fits.
    pub fn with_capacity(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        Self { sender, receiver: Arc::new(Mutex::new(receiver)), last_id: Arc::default() }
    }

    pub fn publisher(&self) -> LocalPublisher {
        LocalPublisher(self.sender.clone())
    }

    /// Several readers share the events among them.
    pub fn reader(&self, options: ReaderOptions) -> LocalReader {
        let (receiver, last_id) = (self.receiver.clone(), self.last_id.clone());
        LocalReader { receiver, last_id, options, pending: BTreeMap::new() }
    }
}

#[derive(Clone)]
pub struct LocalPublisher(mpsc::Sender<Vec<u8>>);

impl LocalPublisher {
    pub(super) async fn publish(&self, events: Vec<Vec<u8>>) -> Result<(), BusError> {
        for event in events {
            self.0.send(event).await.map_err(|_| BusError::Closed)?;
        }
        Ok(())
    }
}

/// Hands out events and keeps them until they are acknowledged.
pub struct LocalReader {
    receiver: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    last_id: Arc<AtomicU64>,
    options: ReaderOptions,
    pending: BTreeMap<u64, Pending>,
}

struct Pending {
    entry: Entry,
    handed_out: Stopwatch,
}

impl LocalReader {
    pub(super) async fn next(&mut self, block: Duration) -> Result<Vec<Entry>, BusError> {
        let again = self.overdue();
        if !again.is_empty() {
            return Ok(again);
        }
        // No more is taken out while this much is unacknowledged: the channel fills, senders wait.
        let room = self.options.count.saturating_sub(self.pending.len());
        let mut events = Vec::new();
        if room == 0 {
            tokio::time::sleep(block).await;
        } else {
            let receive = async { self.receiver.lock().await.recv_many(&mut events, room).await };
            if let Ok(0) = tokio::time::timeout(block, receive).await {
                return Err(BusError::Closed);
            }
        }
        Ok(events.into_iter().map(|event| self.hand_out(event)).collect())
    }

    pub(super) fn ack(&mut self, ids: &[String]) {
        for id in ids.iter().filter_map(|id| number(id)) {
            self.pending.remove(&id);
        }
    }

    pub(super) fn hold(&mut self, ids: &[String]) {
        for id in ids.iter().filter_map(|id| number(id)) {
            if let Some(pending) = self.pending.get_mut(&id) {
                pending.handed_out = Stopwatch::start();
            }
        }
    }

    fn hand_out(&mut self, event: Vec<u8>) -> Entry {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let entry = Entry { id: format!("{id}-0"), event, signature: None, deliveries: 1 };
        self.pending.insert(id, Pending { entry: entry.clone(), handed_out: Stopwatch::start() });
        entry
    }

    fn overdue(&mut self) -> Vec<Entry> {
        let overdue = self.pending.values_mut().filter(|p| p.handed_out.elapsed() >= self.options.claim_idle);
        let again = overdue.take(self.options.count).map(|pending| {
            pending.entry.deliveries += 1;
            pending.handed_out = Stopwatch::start();
            pending.entry.clone()
        });
        again.collect()
    }
}

fn number(id: &str) -> Option<u64> {
    id.strip_suffix("-0")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(n: u8) -> Vec<Vec<u8>> {
        (0..n).map(|i| vec![i]).collect()
    }

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn an_event_comes_again_until_it_is_acknowledged() {
        let local = Local::new();
        let mut reader = local.reader(ReaderOptions { count: 2, claim_idle: Duration::ZERO });
        local.publisher().publish(events(3)).await.unwrap();
        let first = reader.next(SHORT).await.unwrap();
        assert_eq!(first.iter().map(|e| (e.event[0], e.deliveries)).collect::<Vec<_>>(), [(0, 1), (1, 1)]);
        reader.ack(&[first[0].id.clone()]);
        let again = reader.next(SHORT).await.unwrap();
        assert_eq!(again.iter().map(|e| (e.event[0], e.deliveries)).collect::<Vec<_>>(), [(1, 2)]);
        reader.ack(&[again[0].id.clone()]);
        let rest = reader.next(SHORT).await.unwrap();
        assert_eq!(rest[0].event, [2]);
        reader.ack(&[rest[0].id.clone()]);
        assert_eq!(reader.next(SHORT).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_full_bus_makes_its_publisher_wait() {
        let local = Local::with_capacity(2);
        let publisher = local.publisher();
        let mut reader = local.reader(ReaderOptions::default());
        let sent = tokio::time::timeout(SHORT, publisher.publish(events(3))).await;
        assert!(sent.is_err(), "the third waits");
        assert_eq!(reader.next(SHORT).await.unwrap().len(), 2);
        publisher.publish(events(1)).await.unwrap();
    }
}
