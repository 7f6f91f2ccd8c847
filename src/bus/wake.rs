//! Hints that there is work. They carry nothing and may be lost: everyone who waits for one also
//! looks for work on a timer, so a lost hint costs latency and nothing else.
//!
//! Within a process each loop listens for itself: a hint reaches all that listen to its topic. With Redis it is also published on the channel
//! `<prefix>:wake`, so that processes wake one another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, PushInfo, PushKind, Value};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::BusError;
use super::redis_stream::{away, backoff};

/// What there is work for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Events that are not planned yet.
    Planner,
    /// Messages that are not sent yet.
    Deliverer,
    /// Decisions that are not carried upstream yet.
    Approvals,
    /// Changes of tickets that are not carried upstream yet.
    Tickets,
    /// Configurations of sources that were changed.
    Sources,
    /// Messages to other systems that are not sent yet.
    Outbound,
    /// What was held back and is to be told.
    Held,
    /// What is to be said in a chat of Kick.
    KickChat,
    /// Draws and timed messages.
    Play,
    /// Channels of Kick that are to be looked after.
    Kick,
    /// Rules of the stream community, its links and its shop.
    Community,
    /// Files of match statistics.
    Stats,
}

const TOPICS: [Topic; 12] = [
    Topic::Planner,
    Topic::Deliverer,
    Topic::Approvals,
    Topic::Tickets,
    Topic::Sources,
    Topic::Outbound,
    Topic::Held,
    Topic::KickChat,
    Topic::Play,
    Topic::Kick,
    Topic::Community,
    Topic::Stats,
];

/// How often an idle connection is tried, so that a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Topic {
    fn as_str(self) -> &'static str {
        match self {
            Topic::Planner => "planner",
            Topic::Deliverer => "deliverer",
            Topic::Approvals => "approvals",
            Topic::Tickets => "tickets",
            Topic::Sources => "sources",
            Topic::Outbound => "outbound",
            Topic::Held => "held",
            Topic::KickChat => "kick_chat",
            Topic::Play => "play",
            Topic::Kick => "kick",
            Topic::Community => "community",
            Topic::Stats => "stats",
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        TOPICS.into_iter().find(|topic| topic.as_str().as_bytes() == text)
    }
}

/// The hints of this process. Clones share them.
#[derive(Clone)]
pub struct Wake(Arc<Inner>);

struct Inner {
    here: [watch::Sender<()>; TOPICS.len()],
    remote: Option<Remote>,
}

struct Remote {
    client: redis::Client,
    channel: String,
    /// Marks our own hints, which come back from the channel.
    own_mark: String,
    /// Set while a hint waits to be published: any number of hints is one message.
    unsent: [AtomicBool; TOPICS.len()],
    something_unsent: Notify,
}

impl Wake {
    /// Hints within this process only.
    pub fn local() -> Self {
        Self(Arc::new(Inner { here: Default::default(), remote: None }))
    }

    pub(super) fn over(client: redis::Client, channel: String) -> Self {
        let own_mark = hex::encode(crate::clock::random_bytes::<8>());
        let unsent = Default::default();
        let remote = Remote { client, channel, own_mark, unsent, something_unsent: Notify::new() };
        Self(Arc::new(Inner { here: Default::default(), remote: Some(remote) }))
    }

    /// Says that there is work. Never waits, never fails.
    pub fn wake(&self, topic: Topic) {
        self.0.wake_here(topic);
        if let Some(remote) = &self.0.remote {
            remote.unsent[topic as usize].store(true, Ordering::Release);
            remote.something_unsent.notify_one();
        }
    }

    /// The hints of one topic from now on.
    pub fn listen(&self, topic: Topic) -> Hints {
        Hints { hints: self.0.here[topic as usize].subscribe(), _wake: self.clone() }
    }

    /// Carries hints from and to other processes until stopped; for the lifecycle to run. Returns at
    /// once without Redis. A lost connection is made again and subscribed again.
    pub async fn run(self, stop: CancellationToken) {
        if let Some(remote) = &self.0.remote {
            let _ = stop.run_until_cancelled(self.carry(remote)).await;
        }
    }

    async fn carry(&self, remote: &Remote) {
        let mut failures = 0;
        loop {
            let error = match self.subscribe(remote).await {
                Ok(mut connection) => {
                    if failures > 0 {
                        tracing::info!("wake-ups between processes are back");
                    }
                    failures = 0;
                    // Hints may have been published while nobody listened.
                    TOPICS.into_iter().for_each(|topic| self.0.wake_here(topic));
                    let Err(error) = remote.publish_hints(&mut connection).await;
                    error
                }
                Err(error) => away(&error),
            };
            if failures == 0 {
                tracing::warn!(%error, "wake-ups between processes are interrupted");
            }
            failures += 1;
            tokio::time::sleep(backoff(failures)).await;
        }
    }

    async fn subscribe(&self, remote: &Remote) -> redis::RedisResult<ConnectionManager> {
        let (inner, mark) = (Arc::downgrade(&self.0), remote.own_mark.clone());
        let config = ConnectionManagerConfig::new()
            .set_push_sender(move |push: PushInfo| {
                let inner = inner.upgrade().ok_or(())?;
                match hint(&push) {
                    // Back after a loss: whatever was missed is behind one of these.
                    _ if push.kind == PushKind::Subscribe => TOPICS.into_iter().for_each(|t| inner.wake_here(t)),
                    Some((from, topic)) if from != mark.as_bytes() => inner.wake_here(topic),
                    _ => {}
                }
                Ok::<(), ()>(())
            })
            .set_automatic_resubscription()
            .set_number_of_retries(3)
            .set_max_delay(Duration::from_secs(5))
            .set_connection_timeout(Some(Duration::from_secs(5)))
            .set_response_timeout(Some(Duration::from_secs(5)));
        let mut connection = remote.client.get_connection_manager_with_config(config).await?;
        connection.subscribe(&remote.channel).await?;
        Ok(connection)
    }
}

impl Inner {
    fn wake_here(&self, topic: Topic) {
        self.here[topic as usize].send_replace(());
    }
}

/// What one loop hears. Nobody else's listening takes a hint from it.
pub struct Hints {
    hints: watch::Receiver<()>,
    /// So that the sender lives as long as somebody listens.
    _wake: Wake,
}

impl Hints {
    /// Waits for a hint; returns at once when one came since the last wait. Safe to cancel.
    pub async fn woken(&mut self) {
        // The sender is there: it is held above.
        let _ = self.hints.changed().await;
    }
}

impl Remote {
    /// Publishes hints as they come; returns when the connection stays lost.
    async fn publish_hints(&self, connection: &mut ConnectionManager) -> Result<std::convert::Infallible, BusError> {
        loop {
            let idle = tokio::time::timeout(KEEP_ALIVE, self.something_unsent.notified()).await.is_err();
            if idle {
                connection.ping::<()>().await.map_err(|error| away(&error))?;
            }
            for topic in TOPICS.into_iter().filter(|t| self.unsent[*t as usize].swap(false, Ordering::AcqRel)) {
                let text = format!("{}:{}", self.own_mark, topic.as_str());
                connection.publish::<_, _, ()>(&self.channel, text).await.map_err(|error| away(&error))?;
            }
        }
    }
}

/// Sender's mark and topic of a message on the channel; `None` for anything else.
fn hint(push: &PushInfo) -> Option<(&[u8], Topic)> {
    let (PushKind::Message, [_, Value::BulkString(text)]) = (&push.kind, push.data.as_slice()) else { return None };
    let colon = text.iter().position(|&b| b == b':')?;
    Some((&text[..colon], Topic::parse(&text[colon + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hint_is_kept_for_everyone_who_listens() {
        let wake = Wake::local();
        let (mut one, mut other) = (wake.listen(Topic::Planner), wake.listen(Topic::Planner));
        let mut elsewhere = wake.listen(Topic::Deliverer);
        wake.wake(Topic::Planner);
        wake.wake(Topic::Planner);
        one.woken().await;
        other.woken().await;
        let again = tokio::time::timeout(Duration::from_millis(10), one.woken()).await;
        assert!(again.is_err(), "any number of hints is one");
        let other_topic = tokio::time::timeout(Duration::from_millis(10), elsewhere.woken()).await;
        assert!(other_topic.is_err(), "another topic stays asleep");
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let wake = Wake::local();
        let mut hints = wake.listen(Topic::Planner);
        let hint = async {
            tokio::task::yield_now().await;
            wake.wake(Topic::Planner);
        };
        tokio::join!(hint, hints.woken());
    }

    #[test]
    fn strange_messages_are_no_hints() {
        let push = |text: &str| PushInfo {
            kind: PushKind::Message,
            data: vec![Value::BulkString(b"signalbox:wake".to_vec()), Value::BulkString(text.as_bytes().to_vec())],
        };
        assert_eq!(hint(&push("ab:planner")), Some((&b"ab"[..], Topic::Planner)));
        assert_eq!(hint(&push("planner")), None);
        assert_eq!(hint(&push("ab:lunch")), None);
    }
}
