//! The event bus: events from other processes in, hints between our own processes. A port: it knows
//! no SQL and does not look into events.
//!
//! With `REDIS_URL` it is a Redis stream read through a consumer group; without, a bounded channel
//! in this process. Both hand out the same [`Entry`] under the same rule: what [`Reader::next`]
//! returned comes again until it is given to [`Reader::ack`], so a flow is
//! `next → store and commit → ack`, one batch at a time.

pub mod local;
pub mod pubsub;
pub mod redis_stream;
pub mod signature;
pub mod wake;

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::BusConfig;
use crate::event::Severity;
use redis_stream::RedisBus;
pub use redis_stream::probe::RedisFacts;
pub use wake::{Topic, Wake};

/// An entry that was handed out more often than this does harm; it goes to quarantine.
pub const MAX_DELIVERIES: u32 = 5;

/// One event on the bus, not looked into yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The stream's id, `1755256800000-0`.
    pub id: String,
    /// The bytes of the field `event`; empty when the entry has none.
    pub event: Vec<u8>,
    /// The field `sig`, hex.
    pub signature: Option<String>,
    /// How often it was handed out, this time included.
    pub deliveries: u32,
}

/// Why an entry must not be taken in. The flow quarantines it with this text, then acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the entry has no field `event`")]
    NoEvent,
    #[error("the entry is not signed, and REDIS_MSG_SECRET is set")]
    Unsigned,
    #[error("the signature of the entry does not match")]
    BadSignature,
    #[error("the entry was handed out {0} times and never acknowledged")]
    TooOften(u32),
}

/// An event as JSON, in the words of CloudEvents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WireEvent {
    pub id: String,
    /// The name of a configured source.
    pub source: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// RFC 3339.
    pub time: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Unique per source; type and id stand in when it is absent. A sender whose events may also come by
    /// HTTP gives the key that the HTTP intake makes of the same event, and the second to come is known
    /// for a duplicate. For XTSystems that is `<event_type>:<data.id, else data.asset_id, else ->:<timestamp>:<SHA-256
    /// of the body>`, the hash in hex and over the body as canonical JSON (compact, keys sorted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup_key: Option<String>,
    #[serde(default)]
    pub data: Value,
}

/// What can go wrong with the bus. No text holds the address: it may contain a password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BusError {
    #[error("REDIS_URL is not an address that can be used: {0}")]
    Address(String),
    /// Not reachable, gone, too slow, or still loading: try again.
    #[error("redis is away: {0}")]
    Away(String),
    /// It answered, and refused: a person must change something (rights, memory, a wrong key).
    #[error("redis refused: {0}")]
    Refused(String),
    /// The channel of this process was closed.
    #[error("the bus is closed")]
    Closed,
}

/// Tunes a reader. The defaults suit records, which are committed within a second.
#[derive(Clone, Debug)]
pub struct ReaderOptions {
    /// Entries per batch at most.
    pub count: usize,
    /// An entry that was handed out this long ago and not acknowledged is taken over, whoever had
    /// it. More than twice the time between two acknowledgements.
    pub claim_idle: Duration,
}

impl Default for ReaderOptions {
    fn default() -> Self {
        Self { count: 100, claim_idle: Duration::from_secs(30) }
    }
}

/// The bus of this process. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    transport: Transport,
    wake: Wake,
}

#[derive(Clone)]
enum Transport {
    Local { events: local::Local, activity: local::Local },
    Redis(Box<RedisBus>),
}

/// The two streams: what must not be lost, and what is only counted. Neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Records, each a [`WireEvent`].
    Events,
    /// Chat, each a [`crate::event::activity::ChatMessage`].
    Activity,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Stream::Events => "events",
            Stream::Activity => "activity",
        }
    }
}

impl Bus {
    /// Checks the address and connects to nothing yet: Redis being away does not stop a start.
    pub fn open(config: &BusConfig) -> Result<Self, BusError> {
        let Some(url) = &config.redis_url else {
            let (events, activity) = (local::Local::new(), local::Local::new());
            return Ok(Self { transport: Transport::Local { events, activity }, wake: Wake::local() });
        };
        let redis = RedisBus::open(url, config.msg_secret.clone(), &config.prefix)?;
        let wake = redis.wake();
        Ok(Self { transport: Transport::Redis(Box::new(redis)), wake })
    }

    pub fn is_redis(&self) -> bool {
        matches!(self.transport, Transport::Redis(_))
    }

    /// A reader. `consumer` names it within the group and stays the same over restarts (host, role
    /// and number): what it had and did not acknowledge is read again first.
    pub fn reader(&self, consumer: &str, options: ReaderOptions) -> Reader {
        self.reader_of(Stream::Events, consumer, options)
    }

    /// As [`Bus::reader`], of the activity stream.
    pub fn activity_reader(&self, consumer: &str, options: ReaderOptions) -> Reader {
        self.reader_of(Stream::Activity, consumer, options)
    }

    fn reader_of(&self, stream: Stream, consumer: &str, options: ReaderOptions) -> Reader {
        match &self.transport {
            Transport::Local { events, activity } => Reader::Local(match stream {
                Stream::Events => events.reader(options),
                Stream::Activity => activity.reader(options),
            }),
            Transport::Redis(redis) => Reader::Redis(Box::new(redis.of(stream).reader(consumer, options))),
        }
    }

    pub fn publisher(&self) -> Result<Publisher, BusError> {
        self.publisher_of(Stream::Events)
    }

    /// Takes what [`crate::event::activity::ChatMessage::to_bytes`] makes. Waits while the stream is full.
    pub fn activity_publisher(&self) -> Result<Publisher, BusError> {
        self.publisher_of(Stream::Activity)
    }

    fn publisher_of(&self, stream: Stream) -> Result<Publisher, BusError> {
        Ok(match &self.transport {
            Transport::Local { events, activity } => Publisher::Local(match stream {
                Stream::Events => events.publisher(),
                Stream::Activity => activity.publisher(),
            }),
            Transport::Redis(redis) => Publisher::Redis(redis.of(stream).publisher()?),
        })
    }

    /// What other programs publish on these channels (with `*` for any); `None` for the bus within this process.
    pub fn messages(&self, patterns: &[&str]) -> Option<pubsub::Messages> {
        match &self.transport {
            Transport::Local { .. } => None,
            Transport::Redis(redis) => Some(redis.messages(patterns)),
        }
    }

    /// Leaves an answer where another program looks for it; nowhere without Redis.
    pub async fn leave(&self, key: &str, value: &str, lasts: Duration) -> Result<(), BusError> {
        match &self.transport {
            Transport::Local { .. } => Ok(()),
            Transport::Redis(redis) => redis.leave(key, value, lasts).await,
        }
    }

    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// How Redis is set up; `None` for the bus within this process.
    pub async fn probe(&self) -> Result<Option<RedisFacts>, BusError> {
        match &self.transport {
            Transport::Local { .. } => Ok(None),
            Transport::Redis(redis) => redis.probe().await.map(Some),
        }
    }

    /// Whether Redis answers, for health checks; the in-process bus always does.
    pub async fn ping(&self) -> Result<(), BusError> {
        match &self.transport {
            Transport::Local { .. } => Ok(()),
            Transport::Redis(redis) => redis.ping().await,
        }
    }
}

/// One reader of the event stream. Not shared: each blocking reader has its own connection.
pub enum Reader {
    Local(local::LocalReader),
    Redis(Box<redis_stream::Reader>),
}

impl Reader {
    /// The next batch: what this reader left behind first, then what others left behind for
    /// `claim_idle`, then new entries, for which it waits up to `block`. Empty when nothing came.
    ///
    /// Safe to cancel: what was under way is handed out by a later call. After an error the next
    /// call waits (100 ms doubling to 5 s) and connects again, so a loop over it needs no sleep.
    pub async fn next(&mut self, block: Duration) -> Result<Vec<Entry>, BusError> {
        match self {
            Reader::Local(reader) => reader.next(block).await,
            Reader::Redis(reader) => reader.next(block).await,
        }
    }

    /// Marks entries as dealt with: after the commit, never before.
    pub async fn ack(&mut self, ids: &[String]) -> Result<(), BusError> {
        match self {
            Reader::Local(reader) => {
                reader.ack(ids);
                Ok(())
            }
            Reader::Redis(reader) => reader.ack(ids).await,
        }
    }

    /// Says that these are still being worked on: nobody takes them over, and they do not count as
    /// handed out again. For a flow that cannot store for the moment: it keeps its batch, calls this
    /// every few seconds while it retries, and asks for no more.
    pub async fn hold(&mut self, ids: &[String]) -> Result<(), BusError> {
        match self {
            Reader::Local(reader) => {
                reader.hold(ids);
                Ok(())
            }
            Reader::Redis(reader) => reader.hold(ids).await,
        }
    }

    /// Why an entry must not be taken in; `None` when it may. Entries of this process need no
    /// signature.
    pub fn refusal(&self, entry: &Entry) -> Option<Refusal> {
        match self {
            Reader::Local(_) => refusal(entry, None),
            Reader::Redis(reader) => reader.refusal(entry),
        }
    }
}

/// Puts events on the bus. Cheap to clone.
#[derive(Clone)]
pub enum Publisher {
    Local(local::LocalPublisher),
    Redis(redis_stream::Publisher),
}

impl Publisher {
    /// Publishes events (each as the bytes of its JSON), signed when there is a secret; on Redis together with what others
    /// publish at the same moment. Waits while the bus is full. After an error some of them may have been published.
    pub async fn publish(&self, events: Vec<Vec<u8>>) -> Result<(), BusError> {
        match self {
            Publisher::Local(publisher) => publisher.publish(events).await,
            Publisher::Redis(publisher) => publisher.publish(events).await,
        }
    }
}

/// See [`Reader::refusal`].
pub fn refusal(entry: &Entry, secret: Option<&SecretString>) -> Option<Refusal> {
    if entry.event.is_empty() {
        return Some(Refusal::NoEvent);
    }
    if let Some(secret) = secret {
        match &entry.signature {
            None => return Some(Refusal::Unsigned),
            Some(signature) if !signature::verify(secret, &entry.event, signature) => {
                return Some(Refusal::BadSignature);
            }
            Some(_) => {}
        }
    }
    (entry.deliveries > MAX_DELIVERIES).then_some(Refusal::TooOften(entry.deliveries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wire_form_is_that_of_the_contract() {
        let event: WireEvent = serde_json::from_value(json!({
            "id": "1", "source": "kick", "type": "kick.chat", "time": "2026-11-21T10:00:00Z", "data": {"a": 1},
        }))
        .unwrap();
        assert_eq!((event.kind.as_str(), event.subject.as_deref(), event.severity), ("kick.chat", None, None));
        let event = WireEvent { severity: Some(Severity::Warning), dedup_key: Some("k".into()), ..event };
        assert_eq!(
            serde_json::to_value(&event).unwrap(),
            json!({"id": "1", "source": "kick", "type": "kick.chat", "time": "2026-11-21T10:00:00Z",
                   "severity": "warning", "dedup_key": "k", "data": {"a": 1}})
        );
    }

    #[test]
    fn an_entry_is_refused_for_a_reason() {
        let secret = SecretString::from("s");
        let good = Entry {
            id: "1-0".into(),
            event: b"{}".to_vec(),
            signature: Some(signature::sign(&secret, b"{}")),
            deliveries: 1,
        };
        let told = |entry: Entry, secret| refusal(&entry, secret);
        assert_eq!(told(good.clone(), Some(&secret)), None);
        assert_eq!(told(Entry { signature: None, ..good.clone() }, None), None);
        assert_eq!(told(Entry { signature: None, ..good.clone() }, Some(&secret)), Some(Refusal::Unsigned));
        assert_eq!(told(Entry { event: b"{ }".to_vec(), ..good.clone() }, Some(&secret)), Some(Refusal::BadSignature));
        assert_eq!(told(Entry { event: vec![], ..good.clone() }, None), Some(Refusal::NoEvent));
        assert_eq!(told(Entry { deliveries: 5, ..good.clone() }, None), None);
        assert_eq!(told(Entry { deliveries: 6, ..good }, None), Some(Refusal::TooOften(6)));
    }
}
