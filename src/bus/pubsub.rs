//! Pub/sub messages of other programs. They may be lost, and reach every process: whoever acts on one has to know
//! whether it was acted on.

use std::time::Duration;

use futures_util::StreamExt as _;
use redis::aio::PubSub;
use redis::{AsyncCommands as _, Client};

use super::BusError;
use super::redis_stream::{away, backoff};

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
    failures: u32,
}

impl Messages {
    pub(super) fn new(client: Client, patterns: &[&str]) -> Self {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Self { client, patterns, connection: None, failures: 0 }
    }

    /// The next message. After an error the next call waits a little and connects again. Safe to cancel.
    pub async fn next(&mut self) -> Result<Message, BusError> {
        if self.connection.is_none() {
            if self.failures > 0 {
                tokio::time::sleep(backoff(self.failures)).await;
            }
            self.failures += 1;
            self.connection = Some(self.connect().await.map_err(|error| away(&error))?);
            self.failures = 0;
        }
        let Some(connection) = &mut self.connection else { return Err(BusError::Closed) };
        let next = connection.on_message().next().await;
        match next {
            Some(message) => Ok(Message {
                channel: message.get_channel_name().to_owned(),
                payload: message.get_payload_bytes().to_vec(),
            }),
            None => {
                self.connection = None;
                self.failures = 1;
                Err(BusError::Away("the connection ended".into()))
            }
        }
    }

    /// Connects now, so that nothing that is published afterwards is missed.
    pub async fn listen(&mut self) -> Result<(), BusError> {
        if self.connection.is_none() {
            self.connection = Some(self.connect().await.map_err(|error| away(&error))?);
        }
        Ok(())
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
