//! The streams on Redis: `<prefix>:events` and `<prefix>:activity`, each with the consumer group `<prefix>`,
//! entries with the fields `event` (JSON) and `sig`.
//!
//! A reader has a connection of its own: a blocking command would stall everyone else on a shared
//! one. The group begins at the start of the stream whenever it has to be made (again), so nothing
//! that the stream still holds is skipped; what comes twice is recognised when it is stored.

pub mod probe;
pub mod reply;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, ServerErrorKind,
};
use secrecy::{ExposeSecret, SecretString};

use super::pubsub::{self, Messages};
use super::wake::Wake;
use super::{BusError, Entry, ReaderOptions, Refusal, Stream, signature};
use crate::clock::{self, Stopwatch};
use crate::lifecycle::together::{Job, Together};

/// The stream is kept near this many entries; older ones go, acknowledged or not.
const MAX_LENGTH: usize = 1_000_000;

/// Entries per round trip of a publisher.
const PIPELINE: usize = 500;

/// How much longer than a command may block its answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads the stream from its start; for a group, what the reader had before.
const FROM_START: &str = "0-0";

/// Redis as the bus: where it is and what our keys are called.
#[derive(Clone)]
pub struct RedisBus {
    client: Client,
    secret: Option<SecretString>,
    prefix: String,
    stream: Stream,
}

impl RedisBus {
    /// Checks the address; connects to nothing.
    pub fn open(url: &SecretString, secret: Option<SecretString>, prefix: &str) -> Result<Self, BusError> {
        // The library's error holds no part of the address, only what is wrong with it.
        let address = |error: RedisError| BusError::Address(error.category().to_owned());
        let info = url.expose_secret().into_connection_info().map_err(address)?;
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        // RESP3 for wake-ups, which are pushed.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings)).map_err(address)?;
        Ok(Self { client, secret, prefix: prefix.to_owned(), stream: Stream::Events })
    }

    /// The same, of one of its streams; as opened it is the events.
    pub fn of(&self, stream: Stream) -> Self {
        Self { stream, ..self.clone() }
    }

    /// See [`super::Bus::reader`].
    pub fn reader(&self, consumer: &str, options: ReaderOptions) -> Reader {
        Reader {
            client: self.client.clone(),
            secret: self.secret.clone(),
            stream: self.stream(),
            group: self.prefix.clone(),
            consumer: consumer.to_owned(),
            options,
            connection: None,
            own_pending: Some(FROM_START.into()),
            claim: Claim { cursor: None, since: None },
            under_way: false,
            failures: 0,
        }
    }

    pub fn publisher(&self) -> Result<Publisher, BusError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_secs(1))
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let connection = self.client.get_connection_manager_lazy(config).map_err(|error| away(&error))?;
        let (secret, stream) = (self.secret.clone(), self.stream().into());
        Ok(Publisher { line: Line { connection, secret, stream, max_length: MAX_LENGTH }, together: Arc::default() })
    }

    pub(super) fn wake(&self) -> Wake {
        Wake::over(self.client.clone(), format!("{}:wake", self.prefix))
    }

    /// See [`super::Bus::messages`].
    pub fn messages(&self, patterns: &[&str]) -> Messages {
        Messages::new(self.client.clone(), patterns)
    }

    pub(super) async fn leave(&self, key: &str, value: &str, lasts: Duration) -> Result<(), BusError> {
        pubsub::leave(&self.client, key, value, lasts).await
    }

    pub(super) async fn ping(&self) -> Result<(), BusError> {
        let mut connection = connect(&self.client).await.map_err(|error| away(&error))?;
        redis::cmd("PING").query_async(&mut connection).await.map_err(|error| away(&error))
    }

    fn stream(&self) -> String {
        format!("{}:{}", self.prefix, self.stream.name())
    }
}

/// One consumer of the group, on a connection of its own.
pub struct Reader {
    client: Client,
    secret: Option<SecretString>,
    stream: String,
    group: String,
    consumer: String,
    options: ReaderOptions,
    connection: Option<MultiplexedConnection>,
    /// The id after which our own unacknowledged entries are read; `None` once all were.
    own_pending: Option<String>,
    claim: Claim,
    /// A read began and did not end: what it fetched, if anything, is among our pending entries.
    under_way: bool,
    /// Errors since the last success.
    failures: u32,
}

/// Taking over what others left behind, in rounds over the whole pending list.
struct Claim {
    /// Where the round goes on; `None` between rounds.
    cursor: Option<String>,
    /// Since the last round ended.
    since: Option<Stopwatch>,
}

impl Reader {
    /// See [`super::Reader::next`].
    pub async fn next(&mut self, block: Duration) -> Result<Vec<Entry>, BusError> {
        if std::mem::replace(&mut self.under_way, true) {
            self.forget_connection();
        }
        let entries = match self.read(block).await {
            Err(error) if error.code() == Some("NOGROUP") => {
                tracing::warn!(stream = %self.stream, "the consumer group is gone; it is made again from the start");
                self.own_pending = Some(FROM_START.into());
                match self.ensure_group().await {
                    Ok(()) => self.read(block).await,
                    Err(error) => Err(error),
                }
            }
            other => other,
        };
        match entries {
            Ok(entries) => {
                self.under_way = false;
                self.failures = 0;
                Ok(entries)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// See [`super::Reader::ack`]. One command, however many ids.
    pub async fn ack(&mut self, ids: &[String]) -> Result<(), BusError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.acknowledge(ids).await.map_err(|error| self.failed(&error))
    }

    /// See [`super::Reader::hold`].
    pub async fn hold(&mut self, ids: &[String]) -> Result<(), BusError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.claim_again(ids).await.map_err(|error| self.failed(&error))
    }

    /// See [`super::Reader::refusal`].
    pub fn refusal(&self, entry: &Entry) -> Option<Refusal> {
        super::refusal(entry, self.secret.as_ref())
    }

    async fn read(&mut self, block: Duration) -> Result<Vec<Entry>, RedisError> {
        self.connect().await?;
        while let Some(after) = self.own_pending.clone() {
            let batch = self.read_group(&after, None).await?;
            self.own_pending = batch.last_id.clone();
            // Trimmed from the stream while pending: nothing is left to deal with.
            self.acknowledge(&batch.gone).await?;
            if !batch.entries.is_empty() {
                return self.count_deliveries(batch.entries).await;
            }
        }
        let claimed = self.claim_abandoned().await?;
        if !claimed.is_empty() {
            return self.count_deliveries(claimed).await;
        }
        Ok(self.read_group(">", Some(block)).await?.entries)
    }

    async fn read_group(&mut self, after: &str, block: Option<Duration>) -> Result<reply::Batch, RedisError> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(self.options.count);
        let block = block.filter(|block| block.as_millis() > 0);
        if let Some(block) = block {
            // BLOCK 0 would wait for ever.
            command.arg("BLOCK").arg(u64::try_from(block.as_millis()).unwrap_or(u64::MAX));
        }
        command.arg("STREAMS").arg(&self.stream).arg(after);
        let connection = self.connect().await?;
        connection.set_response_timeout(block.unwrap_or_default() + PATIENCE);
        Ok(reply::read_group(command.query_async(connection).await?))
    }

    /// Takes over entries that nobody acknowledged for `claim_idle`; looks twice in that time.
    async fn claim_abandoned(&mut self) -> Result<Vec<Entry>, RedisError> {
        let pause = self.options.claim_idle / 2;
        if self.claim.cursor.is_none() && self.claim.since.as_ref().is_some_and(|since| since.elapsed() < pause) {
            return Ok(Vec::new());
        }
        loop {
            let cursor = self.claim.cursor.get_or_insert_with(|| FROM_START.into());
            let mut command = redis::cmd("XAUTOCLAIM");
            command.arg(&self.stream).arg(&self.group).arg(&self.consumer);
            command.arg(u64::try_from(self.options.claim_idle.as_millis()).unwrap_or(u64::MAX));
            command.arg(cursor.as_str()).arg("COUNT").arg(self.options.count);
            let connection = self.connect().await?;
            connection.set_response_timeout(PATIENCE);
            let claimed = reply::auto_claim(command.query_async(connection).await?);
            let more = claimed.cursor.filter(|cursor| cursor != FROM_START);
            let round_ends = more.is_none();
            self.claim.cursor = more;
            if round_ends {
                self.claim.since = Some(Stopwatch::start());
            }
            self.acknowledge(&claimed.batch.gone).await?;
            if round_ends || !claimed.batch.entries.is_empty() {
                return Ok(claimed.batch.entries);
            }
        }
    }

    /// Asks how often each of our pending entries was handed out.
    async fn count_deliveries(&mut self, mut entries: Vec<Entry>) -> Result<Vec<Entry>, RedisError> {
        let mut pipeline = redis::pipe();
        for entry in &entries {
            pipeline.cmd("XPENDING").arg(&self.stream).arg(&self.group).arg(&entry.id).arg(&entry.id).arg(1);
        }
        let connection = self.connect().await?;
        connection.set_response_timeout(PATIENCE);
        let counts: Vec<redis::Value> = pipeline.query_async(connection).await?;
        for (entry, count) in entries.iter_mut().zip(counts) {
            entry.deliveries = reply::deliveries(&count).unwrap_or(1);
        }
        Ok(entries)
    }

    async fn acknowledge(&mut self, ids: &[String]) -> Result<(), RedisError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("XACK");
        command.arg(&self.stream).arg(&self.group).arg(ids);
        let connection = self.connect().await?;
        connection.set_response_timeout(PATIENCE);
        command.query_async(connection).await
    }

    /// Claims what is ours already: that restarts its idle time, and JUSTID leaves the count alone.
    async fn claim_again(&mut self, ids: &[String]) -> Result<(), RedisError> {
        let mut command = redis::cmd("XCLAIM");
        command.arg(&self.stream).arg(&self.group).arg(&self.consumer).arg(0).arg(ids).arg("JUSTID");
        let connection = self.connect().await?;
        connection.set_response_timeout(PATIENCE);
        command.query_async(connection).await
    }

    /// Makes the group, and the stream if need be; a group that is there is left as it is.
    async fn ensure_group(&mut self) -> Result<(), RedisError> {
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(&self.stream).arg(&self.group).arg("0").arg("MKSTREAM");
        let Some(connection) = &mut self.connection else { return Ok(()) };
        connection.set_response_timeout(PATIENCE);
        match command.query_async::<()>(connection).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            other => other,
        }
    }

    /// The connection, made when there is none; after failures only when their pause is over.
    async fn connect(&mut self) -> Result<&mut MultiplexedConnection, RedisError> {
        if self.connection.is_none() {
            tokio::time::sleep(backoff(self.failures)).await;
            self.connection = Some(connect(&self.client).await?);
            self.own_pending = Some(FROM_START.into());
            self.ensure_group().await?;
        }
        Ok(self.connection.as_mut().expect("it was just made"))
    }

    fn failed(&mut self, error: &RedisError) -> BusError {
        self.forget_connection();
        self.failures = self.failures.saturating_add(1);
        away(error)
    }

    fn forget_connection(&mut self) {
        self.connection = None;
        self.own_pending = Some(FROM_START.into());
    }
}

/// Appends to the stream. Clones share a connection, and what they append at the same moment a round trip.
#[derive(Clone)]
pub struct Publisher {
    line: Line,
    together: Arc<Together<Appending>>,
}

/// Where a publisher writes to.
#[derive(Clone)]
struct Line {
    connection: ConnectionManager,
    secret: Option<SecretString>,
    stream: Arc<str>,
    max_length: usize,
}

/// Events that are on their way.
struct Appending(Vec<Vec<u8>>);

impl Job for Appending {
    const MOST: usize = PIPELINE;
    /// A connection carries one answer after the other.
    const TURNS: usize = 1;

    type By = Line;
    type Outcome = Result<(), BusError>;

    async fn carry_out(line: &Line, jobs: &[Self]) -> Option<Vec<Self::Outcome>> {
        let outcome = line.append(jobs.iter().flat_map(|job| &job.0)).await;
        Some(jobs.iter().map(|_| outcome.clone()).collect())
    }
}

impl Publisher {
    /// Keeps the stream near another length than the default of a million entries.
    pub fn with_max_length(self, max_length: usize) -> Self {
        Self { line: Line { max_length, ..self.line }, ..self }
    }

    /// See [`super::Publisher::publish`].
    pub async fn publish(&self, events: Vec<Vec<u8>>) -> Result<(), BusError> {
        for chunk in chunks(events) {
            let outcome = self.together.join(&self.line, Appending(chunk)).await;
            // Whoever was at it went away, as this process does.
            outcome.unwrap_or_else(|| Err(BusError::Away("it was left in the middle of it".to_owned())))?;
        }
        Ok(())
    }
}

/// As many as one round trip takes, each.
fn chunks(mut events: Vec<Vec<u8>>) -> impl Iterator<Item = Vec<Vec<u8>>> {
    std::iter::from_fn(move || {
        let rest = events.split_off(events.len().min(PIPELINE));
        let chunk = std::mem::replace(&mut events, rest);
        (!chunk.is_empty()).then_some(chunk)
    })
}

impl Line {
    async fn append(&self, events: impl Iterator<Item = &Vec<u8>>) -> Result<(), BusError> {
        let mut pipeline = redis::pipe();
        for event in events {
            let command = pipeline.cmd("XADD").arg(&*self.stream).arg("MAXLEN").arg("~").arg(self.max_length);
            command.arg("*").arg("event").arg(event.as_slice());
            if let Some(secret) = &self.secret {
                command.arg("sig").arg(signature::sign(secret, event));
            }
            command.ignore();
        }
        pipeline.query_async::<()>(&mut self.connection.clone()).await.map_err(|error| away(&error))
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config =
        AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// The pause before the next attempt: none, then 100 ms doubling to 5 s, give or take a fifth.
pub(super) fn backoff(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let pause = Duration::from_millis(100 << (failures - 1).min(6)).min(Duration::from_secs(5));
    pause.mul_f64(clock::jitter(0.2))
}

/// Sorts the library's errors by what to do about them.
pub(super) fn away(error: &RedisError) -> BusError {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    };
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::TryAgain) => {
            BusError::Away(text)
        }
        ErrorKind::Server(_)
        | ErrorKind::Extension
        | ErrorKind::AuthenticationFailed
        | ErrorKind::RESP3NotSupported => BusError::Refused(text),
        _ => BusError::Away(text),
    }
}
