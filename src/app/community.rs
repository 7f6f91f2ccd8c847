//! The stream community in this process: who reads the activity stream, and who counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::Mutex;

use super::App;
use super::loops::{AFTER_FAILURE, TICK, report, until};
use crate::bus::pubsub::Messages;
use crate::bus::{Bus, BusError, Reader, ReaderOptions, Topic};
use crate::community::activity::Aggregator;
use crate::community::bot_events::{BotEvents, CHANNEL};
use crate::community::roles::Schedule;
use crate::community::{Known, count};

/// Entries of the activity stream that are stored together at most.
const BATCH: usize = 10_000;
/// How long a blocking read may last; and how long entries are let come together, so that one statement stores many.
const BLOCK: Duration = Duration::from_secs(2);
const GATHER: Duration = Duration::from_millis(250);
/// Hours counted in one step.
const HOURS: usize = 50;

/// What one process needs for it.
pub(super) struct Community {
    aggregator: Mutex<Aggregator>,
    reader: Mutex<Reader>,
    known: Mutex<Known>,
    roles: Mutex<Schedule>,
    bot_events: Mutex<Option<(Messages, BotEvents)>>,
    away: AtomicBool,
}

impl Community {
    pub fn new(bus: &Bus, consumer: &str, options: &ReaderOptions) -> Self {
        let options = ReaderOptions { count: BATCH, ..options.clone() };
        Self {
            aggregator: Mutex::default(),
            reader: Mutex::new(bus.activity_reader(consumer, options)),
            known: Mutex::default(),
            roles: Mutex::default(),
            bot_events: Mutex::new(bus.messages(&[CHANNEL]).map(|messages| (messages, BotEvents::default()))),
            away: AtomicBool::new(false),
        }
    }
}

impl App {
    pub(super) fn start_community(self: &Arc<Self>) {
        let roles = self.ports.config.roles;
        if roles.intake {
            let app = self.clone();
            self.lifecycle.spawn("activity", async move { app.reading_activity().await });
            let app = self.clone();
            self.lifecycle.spawn("bot events", async move { app.hearing_bot_events().await });
        }
        let app = self.clone();
        self.lifecycle.spawn("rules of counting", async move { app.hearing_of_rules().await });
        if roles.worker {
            let app = self.clone();
            self.start("roles by watch time", Topic::Community, move || {
                let app = app.clone();
                async move { Ok((app.give_roles_due().await?, None)) }
            });
        }
        if roles.ticker {
            let app = self.clone();
            self.start("watch time", Topic::Community, move || {
                let app = app.clone();
                async move {
                    let done = app.count_watch_due().await?;
                    let next = app.ports.store.next_hour_at().await?;
                    let now = app.ports.clock.now();
                    Ok((done, Some(next.map_or(TICK, |at| until(now, at)))))
                }
            });
        }
    }

    /// Stores one batch of activity. A bus that is away stops nothing else.
    pub async fn read_activity(&self, block: Duration) -> Result<usize> {
        let part = &self.community;
        let (mut aggregator, mut reader) = (part.aggregator.lock().await, part.reader.lock().await);
        let taken = aggregator.take_batch(&self.ports, &mut reader, block, &self.lifecycle.token()).await;
        let away = taken.as_ref().err().and_then(|error| error.downcast_ref::<BusError>());
        let Some(BusError::Away(error)) = away else {
            part.away.store(false, Ordering::Relaxed);
            return taken;
        };
        if !part.away.swap(true, Ordering::Relaxed) {
            tracing::warn!(error, "the activity stream cannot be read; everything else goes on, and it is tried again");
        }
        Ok(0)
    }

    /// Counts the hours that are due.
    pub async fn count_watch_due(&self) -> Result<usize> {
        count::count_due(&self.ports, &mut *self.community.known.lock().await, HOURS).await
    }

    async fn reading_activity(&self) {
        let stop = self.lifecycle.token();
        while let Some(outcome) = stop.run_until_cancelled(self.read_activity(BLOCK)).await {
            let rest = match outcome {
                Ok(_) => GATHER,
                Err(error) => {
                    report("activity", &error);
                    AFTER_FAILURE
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    /// One message of another program, if there is one within this time. A Redis that is away stops nothing else.
    pub async fn hear_bot_event(&self, patience: Duration) -> Result<usize> {
        let mut listening = self.community.bot_events.lock().await;
        let Some((messages, events)) = listening.as_mut() else { return Ok(0) };
        let heard = async {
            messages.listen().await?;
            messages.next().await
        };
        let message = match tokio::time::timeout(patience, heard).await {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => {
                tracing::debug!(%error, "bot_events cannot be heard");
                return Ok(0);
            }
            Err(_) => return Ok(0),
        };
        if let Err(why) = events.hear(&self.ports, &message.payload).await? {
            tracing::warn!(why, "a message on bot_events was not taken");
        }
        Ok(1)
    }

    async fn hearing_bot_events(&self) {
        let stop = self.lifecycle.token();
        while let Some(heard) = stop.run_until_cancelled(self.hear_bot_event(BLOCK)).await {
            let rest = match heard {
                Ok(1) => continue,
                Ok(_) => GATHER,
                Err(error) => {
                    report("bot events", &error);
                    AFTER_FAILURE
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    /// Rules and viewers that another process has changed.
    async fn hearing_of_rules(&self) {
        let stop = self.lifecycle.token();
        let mut hints = self.ports.wake.listen(Topic::Community);
        while stop.run_until_cancelled(hints.woken()).await.is_some() {
            self.ports.community_version.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives the roles that are due.
    pub async fn give_roles_due(&self) -> Result<usize> {
        self.community.roles.lock().await.step(&self.ports).await
    }
}
