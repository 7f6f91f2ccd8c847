//! One connection to the gateway, on a thread that ends with it.
//!
//! Serenity's client spawns its runners and loses sight of them: one that waits for an answer, or for a
//! gateway that is down, goes on after its client was dropped and logs in again later. Here the runner is
//! ours to drop. And a runner whose connection has ended without a close code turns round without ever giving its thread
//! away: the relay sees to it that there is always a code. Should it turn round all the same, it has a thread to itself,
//! and is ended as soon as that shows.

use std::sync::Arc;
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;
use serenity::{ChunkGuildFilter, GatewayError, OnlineStatus, ShardInfo, ShardRunnerMessage};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, RwLock, oneshot};

use super::life::{Judgement, Life};
use super::relay::Relay;
use super::{Fatal, Patience, intents};
use crate::discord::{Bot, offline};
use crate::lifecycle::{Apart, Lifecycle};

/// How often the session is judged.
const LOOK: Duration = Duration::from_millis(250);
/// Looks without a pause of the runner after which it must be turning round.
const BREATHLESS: u32 = 2;

/// Why there is no session any more.
#[derive(Debug)]
pub enum Ended {
    Fatal(Fatal),
    Again(String),
    /// Discord takes no log-in for this long.
    NotBefore(Duration),
}

pub struct Connection {
    shard: ShardInfo,
    life: Life,
    messenger: serenity::ShardMessenger,
    runner: Apart<serenity::Result<()>>,
    patience: Patience,
    _relay: Relay,
}

impl Connection {
    /// Connects and logs in.
    pub async fn open(
        bot: &Arc<Bot>,
        lifecycle: &Lifecycle,
        http: &Arc<serenity::Http>,
        url: String,
        this: ShardInfo,
        patience: &Patience,
    ) -> Result<Self, Ended> {
        let relay = Relay::start(lifecycle, url).await.map_err(|error| Ended::Again(error.to_string()))?;
        let url = Arc::new(Mutex::new(relay.url.clone()));
        let manager = offline::idle_manager(http, url.clone()).map_err(|error| Ended::Again(error.to_string()))?;
        // A runner that wants to be started anew waits until its shutdown was reported: it is, in advance.
        manager.shutdown_finished(this.id);
        let life = Life::new(bot, lifecycle, &manager, Handle::current());
        let token = bot.ports.config.discord.token.expose_secret().to_owned();
        let intents = intents(&bot.ports.config);
        let (events, http) = (Arc::new(life.clone()), http.clone());
        let (sender, messenger) = oneshot::channel();
        let mut runner = lifecycle
            .spawn_apart("gateway", move || async move {
                let mut shard = serenity::Shard::new(url, &token, this, intents, None).await?;
                let learns = http.clone();
                shard.set_application_id_callback(move |id| learns.set_application_id(id));
                let mut runner = serenity::ShardRunner::new(serenity::ShardRunnerOptions {
                    data: Arc::new(RwLock::new(serenity::prelude::TypeMap::new())),
                    event_handlers: vec![events.clone()],
                    raw_event_handlers: vec![events.clone()],
                    framework: Some(events),
                    manager,
                    shard,
                    http,
                });
                // If nobody waits for it any more, the runner is about to be cut off.
                let _ = sender.send(serenity::ShardMessenger::new(&runner));
                runner.run().await
            })
            .map_err(|error| Ended::Again(error.to_string()))?;
        match tokio::time::timeout(patience.ready, messenger).await {
            Ok(Ok(messenger)) => Ok(Self { shard: this, life, messenger, runner, patience: *patience, _relay: relay }),
            Ok(Err(_)) => Err(end(runner.ended().await)),
            Err(_) => Err(Ended::Again("the gateway does not accept the connection in time".into())),
        }
    }

    /// Whether Discord has begun the session.
    pub fn has_begun(&self) -> bool {
        self.life.has_begun()
    }

    /// Returns when the session is over, or must be taken for dead.
    pub async fn watch(&mut self) -> Ended {
        let (mut breaths, mut breathless) = (self.runner.breaths(), 0);
        loop {
            tokio::select! {
                ended = self.runner.ended() => return end(ended),
                () = tokio::time::sleep(LOOK) => {}
            }
            let before = std::mem::replace(&mut breaths, self.runner.breaths());
            breathless = if breaths == before { breathless + 1 } else { 0 };
            if breathless == BREATHLESS {
                self.knock();
            }
            match self.life.judge(&self.patience) {
                Judgement::Fine => {}
                // "Request Guild Members" for named users needs no intent, and is answered at once.
                Judgement::Ask(guild, own) => {
                    let own = ChunkGuildFilter::UserIds(vec![own]);
                    self.messenger.chunk_guild(guild, Some(1), false, own, Some("alive".into()));
                }
                Judgement::Knock => self.knock(),
                Judgement::Dead(why) => return Ended::Again(why.into()),
            }
        }
    }

    /// Logs off, if that goes quickly; a connection that does not answer is dropped.
    pub async fn close(mut self) {
        // First, as else the runner of a connection that is closed already would wait for ever, and without
        // a pause, for an answer to its goodbye.
        self.knock();
        self.messenger.send_to_shard(ShardRunnerMessage::Shutdown(self.shard.id, 1000));
        let _ = tokio::time::timeout(self.patience.goodbye, self.runner.ended()).await;
    }

    /// Says something that needs no answer. On a connection that is closed it fails, and that ends the runner.
    fn knock(&self) {
        self.messenger.set_status(OnlineStatus::Online);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A runner that turns round on a closed connection has no pause at which it could be cut off.
        self.knock();
    }
}

fn end(outcome: Option<serenity::Result<()>>) -> Ended {
    match outcome {
        Some(Err(error)) => error.into(),
        Some(Ok(())) => Ended::Again("the session was ended".into()),
        None => Ended::Again("the connection's thread failed".into()),
    }
}

impl From<serenity::Error> for Ended {
    fn from(error: serenity::Error) -> Self {
        match &error {
            serenity::Error::Gateway(GatewayError::InvalidAuthentication) => Ended::Fatal(Fatal::Token),
            serenity::Error::Gateway(GatewayError::InvalidGatewayIntents | GatewayError::DisallowedGatewayIntents) => {
                Ended::Fatal(Fatal::Intents)
            }
            error if is_refused_token(error) => Ended::Fatal(Fatal::Token),
            other => Ended::Again(other.to_string()),
        }
    }
}

/// Whether the API does not know the token.
pub fn is_refused_token(error: &serenity::Error) -> bool {
    matches!(error, serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
        if response.status_code.as_u16() == 401)
}
