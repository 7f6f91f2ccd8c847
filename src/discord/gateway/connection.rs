//! One connection to the gateway, in a task that ends with it.
//!
//! Serenity's client spawns its runners and loses sight of them: one that waits for an answer, or for a
//! gateway that is down, goes on after its client was dropped and logs in again later. Here the runner is
//! ours to drop. It still resumes by itself where Discord closes or asks for it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use poise::serenity_prelude as serenity;
use secrecy::ExposeSecret;
use serenity::{ChunkGuildFilter, GatewayError, OnlineStatus, ShardId, ShardRunnerMessage};
use tokio::sync::{Mutex, RwLock};

use super::life::{Judgement, Life};
use super::{Fatal, Patience};
use crate::discord::Bot;
use crate::lifecycle::{Lifecycle, Owned};

const SHARD: ShardId = ShardId(0);
/// How often the session is judged.
const LOOK: Duration = Duration::from_millis(250);
/// No privileged intent: interactions bring all that is needed.
const INTENTS: serenity::GatewayIntents = serenity::GatewayIntents::GUILDS;

/// Why there is no session any more.
#[derive(Debug)]
pub enum Ended {
    Fatal(Fatal),
    Again(String),
}

pub struct Connection {
    life: Arc<Life>,
    messenger: serenity::ShardMessenger,
    runner: Owned<serenity::Result<()>>,
    patience: Patience,
}

impl Connection {
    /// Connects and logs in.
    pub async fn open(
        bot: &Arc<Bot>,
        lifecycle: &Lifecycle,
        http: &Arc<serenity::Http>,
        url: String,
        patience: &Patience,
    ) -> Result<Self, Ended> {
        let url = Arc::new(Mutex::new(url));
        let token = bot.ports.config.discord.token.expose_secret();
        let only = serenity::ShardInfo { id: SHARD, total: 1 };
        let connecting = serenity::Shard::new(url.clone(), token, only, INTENTS, None);
        let mut shard = tokio::time::timeout(patience.ready, connecting)
            .await
            .map_err(|_| Ended::Again("the gateway does not accept the connection in time".into()))??;
        let learns = http.clone();
        shard.set_application_id_callback(move |id| learns.set_application_id(id));
        let manager = idle_manager(http, url).map_err(|error| Ended::Again(error.to_string()))?;
        let life = Arc::new(Life::new(bot, lifecycle, &manager));
        let mut runner = serenity::ShardRunner::new(serenity::ShardRunnerOptions {
            data: Arc::new(RwLock::new(serenity::prelude::TypeMap::new())),
            event_handlers: vec![life.clone()],
            raw_event_handlers: vec![life.clone()],
            framework: Some(life.clone()),
            manager,
            shard,
            http: http.clone(),
        });
        let messenger = serenity::ShardMessenger::new(&runner);
        let runner = lifecycle.spawn_owned("gateway connection", async move { runner.run().await });
        Ok(Self { life, messenger, runner, patience: *patience })
    }

    /// Returns when the session is over, or must be taken for dead.
    pub async fn watch(&mut self) -> Ended {
        loop {
            tokio::select! {
                ended = self.runner.ended() => return match ended {
                    Some(Err(error)) => error.into(),
                    Some(Ok(())) => Ended::Again("the session was ended".into()),
                    None => Ended::Again("the connection's task failed".into()),
                },
                () = tokio::time::sleep(LOOK) => match self.life.judge(&self.patience) {
                    Judgement::Fine => {}
                    Judgement::Ask(guild, own) => {
                        let own = ChunkGuildFilter::UserIds(vec![own]);
                        self.messenger.chunk_guild(guild, Some(1), false, own, Some("alive".into()));
                    }
                    Judgement::Knock => self.knock(),
                    Judgement::Dead(why) => return Ended::Again(why.into()),
                },
            }
        }
    }

    /// Logs off, if that goes quickly; a connection that does not answer is dropped.
    pub async fn close(mut self) {
        // On a connection that is closed already this fails and so ends the runner, which would else wait
        // for ever, and without a pause, for an answer to its goodbye.
        self.knock();
        self.messenger.send_to_shard(ShardRunnerMessage::Shutdown(SHARD, 1000));
        let _ = tokio::time::timeout(self.patience.goodbye, self.runner.ended()).await;
    }

    fn knock(&self) {
        self.messenger.set_status(OnlineStatus::Online);
    }
}

/// The manager that a runner reports to. Its own task, which would start runners behind our back, never runs:
/// the runtime it is given is gone at once.
fn idle_manager(
    http: &Arc<serenity::Http>,
    ws_url: Arc<Mutex<String>>,
) -> std::io::Result<Arc<serenity::ShardManager>> {
    let nowhere = tokio::runtime::Builder::new_current_thread().build()?;
    let manager = {
        let _there = nowhere.enter();
        let (manager, _) = serenity::ShardManager::new(serenity::ShardManagerOptions {
            data: Arc::new(RwLock::new(serenity::prelude::TypeMap::new())),
            event_handlers: vec![],
            raw_event_handlers: vec![],
            framework: Arc::new(OnceLock::new()),
            shard_index: 0,
            shard_init: 1,
            shard_total: 1,
            ws_url,
            http: http.clone(),
            intents: INTENTS,
            presence: None,
        });
        manager
    };
    nowhere.shutdown_background();
    // A runner that wants to be started anew waits until its shutdown was reported: it is, in advance.
    manager.shutdown_finished(SHARD);
    Ok(manager)
}

impl From<serenity::Error> for Ended {
    fn from(error: serenity::Error) -> Self {
        match &error {
            serenity::Error::Gateway(GatewayError::InvalidAuthentication) => Ended::Fatal(Fatal::Token),
            serenity::Error::Gateway(GatewayError::InvalidGatewayIntents | GatewayError::DisallowedGatewayIntents) => {
                Ended::Fatal(Fatal::Intents)
            }
            serenity::Error::Http(serenity::HttpError::UnsuccessfulRequest(response))
                if response.status_code.as_u16() == 401 =>
            {
                Ended::Fatal(Fatal::Token)
            }
            other => Ended::Again(other.to_string()),
        }
    }
}
