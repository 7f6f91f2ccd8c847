//! Pub/sub messages of other programs. They may be lost, and reach every process: whoever acts on one has to know
//! whether it was acted on.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use redis::{AsyncCommands as _, Client};

use super::BusError;
use super::redis_stream::{away, backoff};
use crate::clock::Stopwatch;

/// For connecting and subscribing.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub channel: String,
    pub payload: Vec<u8>,
}

/// What is published on some channels from now on.
pub struct Messages {
    client: Client,
    patterns: Vec<String>,
    connection: Option<PubSub>,
    /// How often connecting failed in a row, and since when.
    failed: Option<(u32, Stopwatch)>,
}

impl Messages {
    pub(super) fn new(client: Client, patterns: &[&str]) -> Self {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Self { client, patterns, connection: None, failed: None }
    }

    /// Connects unless that is so. After a failure it is tried again only after a while, without waiting for it here.
    pub async fn listen(&mut self) -> Result<(), BusError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let failures = self.failed.as_ref().map_or(0, |(failures, _)| *failures);
        if self.failed.as_ref().is_some_and(|(failures, since)| since.elapsed() < backoff(*failures)) {
            return Err(BusError::Away("it is tried again in a moment".into()));
        }
        match tokio::time::timeout(PATIENCE, self.connect()).await {
            Ok(Ok(connection)) => {
                (self.connection, self.failed) = (Some(connection), None);
                Ok(())
            }
            failed => {
                self.failed = Some((failures + 1, Stopwatch::start()));
                Err(failed.map_or(BusError::Away("no answer in time".into()), |refused| match refused {
                    Err(error) => away(&error),
                    Ok(_) => BusError::Closed,
                }))
            }
        }
    }

    /// The next message. Safe to cancel once it listens.
    pub async fn next(&mut self) -> Result<Message, BusError> {
        self.listen().await?;
        let Some(connection) = &mut self.connection else { return Err(BusError::Closed) };
        let next = connection.on_message().next().await;
        match next {
            Some(message) => Ok(Message {
                channel: message.get_channel_name().to_owned(),
                payload: message.get_payload_bytes().to_vec(),
            }),
            None => {
                self.connection = None;
                self.failed = Some((1, Stopwatch::start()));
                Err(BusError::Away("the connection ended".into()))
            }
        }
    }

    async fn connect(&self) -> redis::RedisResult<PubSub> {
        let mut connection = self.client.get_async_pubsub().await?;
        for pattern in &self.patterns {
            connection.psubscribe(pattern).await?;
        }
        Ok(connection)
    }
}

/// Leaves an answer where another program looks for it, for a time.
pub(super) async fn leave(client: &Client, key: &str, value: &str, lasts: Duration) -> Result<(), BusError> {
    let mut connection = client.get_multiplexed_async_connection().await.map_err(|error| away(&error))?;
    let left: redis::RedisResult<()> = connection.set_ex(key, value, lasts.as_secs().max(1)).await;
    left.map_err(|error| away(&error))
}
