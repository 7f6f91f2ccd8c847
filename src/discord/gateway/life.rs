//! What happens in a session: events go to the handlers, and each is a sign of life by which the session
//! is judged. Pure but for the handlers it calls.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use poise::serenity_prelude as serenity;
use serenity::ConnectionStage;
use tokio::runtime::Handle;

use super::Patience;
use crate::clock::Stopwatch;
use crate::discord::Bot;
use crate::discord::handlers::Handlers;
use crate::lifecycle::Lifecycle;

/// The handlers of one session.
#[derive(Clone)]
pub struct Life(Arc<Inner>);

struct Inner {
    lifecycle: Lifecycle,
    handlers: Handlers,
    /// Where handlers run: not on the connection's thread.
    runtime: Handle,
    signs: Mutex<Signs>,
}

struct Signs {
    own: Option<serenity::UserId>,
    /// Guilds that Discord says are there; it does not answer for others.
    guilds: BTreeSet<serenity::GuildId>,
    /// Since the last event, or since the connection was opened.
    silence: Stopwatch,
    /// Since we asked for a sign of life that has not come.
    asked: Option<Stopwatch>,
}

/// What is to be done about a session.
#[derive(Debug, PartialEq, Eq)]
pub enum Judgement {
    Fine,
    /// Ask for this member of this guild: whatever comes is a sign of life.
    Ask(serenity::GuildId, serenity::UserId),
    /// Say something that need not be answered: there is no guild to ask about. Saying it at least fails
    /// on a connection that was closed.
    Knock,
    Dead(&'static str),
}

impl Life {
    pub fn new(bot: &Arc<Bot>, lifecycle: &Lifecycle, shards: &Arc<serenity::ShardManager>, runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            lifecycle: lifecycle.clone(),
            handlers: Handlers::new(bot, shards),
            runtime,
            signs: Mutex::new(Signs { own: None, guilds: BTreeSet::new(), silence: Stopwatch::start(), asked: None }),
        }))
    }

    pub fn has_begun(&self) -> bool {
        self.0.signs().own.is_some()
    }

    pub fn judge(&self, patience: &Patience) -> Judgement {
        self.0.signs().judge(patience)
    }

    /// Runs what follows from an event where the rest of the program runs, known to the shutdown.
    fn follow_up(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.lifecycle.spawn_on(&self.0.runtime, work);
    }
}

impl Inner {
    fn signs(&self) -> MutexGuard<'_, Signs> {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signs {
    fn judge(&mut self, patience: &Patience) -> Judgement {
        let Some(own) = self.own else {
            let late = self.silence.elapsed() > patience.ready;
            return if late { Judgement::Dead("the session did not begin in time") } else { Judgement::Fine };
        };
        if let Some(asked) = &self.asked {
            let late = asked.elapsed() > patience.answer;
            return if late { Judgement::Dead("Discord does not answer on the gateway") } else { Judgement::Fine };
        }
        if self.silence.elapsed() <= patience.silence {
            return Judgement::Fine;
        }
        match self.guilds.first() {
            Some(guild) => {
                self.asked = Some(Stopwatch::start());
                Judgement::Ask(*guild, own)
            }
            None => {
                self.silence = Stopwatch::start();
                Judgement::Knock
            }
        }
    }

    fn note(&mut self, event: &serenity::Event) {
        self.silence = Stopwatch::start();
        self.asked = None;
        match event {
            serenity::Event::Ready(event) => self.own = Some(event.ready.user.id),
            serenity::Event::GuildCreate(event) => {
                self.guilds.insert(event.guild.id);
            }
            serenity::Event::GuildDelete(event) => {
                self.guilds.remove(&event.guild.id);
            }
            _ => {}
        }
    }
}

/// The events as they came, before any handler.
#[serenity::async_trait]
impl serenity::RawEventHandler for Life {
    async fn raw_event(&self, _: serenity::Context, event: serenity::Event) {
        self.0.signs().note(&event);
        if let serenity::Event::Unknown(unknown) = event {
            self.follow_up(async move { report_unreadable(unknown) });
        }
    }
}

#[serenity::async_trait]
impl serenity::EventHandler for Life {
    async fn shard_stage_update(&self, _: serenity::Context, event: serenity::ShardStageUpdateEvent) {
        let connected = event.new == ConnectionStage::Connected;
        self.0.handlers.bot.connection.note(event.shard_id.0, connected);
    }
}

/// Calls the handlers of the framework.
#[serenity::async_trait]
impl serenity::Framework for Life {
    async fn dispatch(&self, ctx: serenity::Context, event: serenity::FullEvent) {
        let inner = self.0.clone();
        self.follow_up(async move {
            let own = inner.signs().own;
            inner.handlers.call(own, &ctx, event).await;
        });
    }
}

/// Serenity drops a known event that does not deserialise without a word; this says so.
fn report_unreadable(event: serenity::UnknownEvent) {
    let why = match event.kind.as_str() {
        "INTERACTION_CREATE" => serde_json::from_value::<serenity::Interaction>(event.value).err(),
        "READY" => serde_json::from_value::<serenity::Ready>(event.value).err(),
        "GUILD_CREATE" => serde_json::from_value::<serenity::Guild>(event.value).err(),
        _ => return,
    };
    let why = why.map(|why| why.to_string());
    tracing::error!(event = event.kind, why, "an event of the gateway could not be read and was lost");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn signs(own: Option<u64>, guild: Option<u64>) -> Signs {
        Signs {
            own: own.map(serenity::UserId::new),
            guilds: guild.map(serenity::GuildId::new).into_iter().collect(),
            silence: Stopwatch::start(),
            asked: None,
        }
    }

    const NONE: Patience = Patience {
        ready: Duration::ZERO,
        silence: Duration::ZERO,
        answer: Duration::ZERO,
        lease: Duration::ZERO,
        goodbye: Duration::ZERO,
        between: Duration::ZERO,
    };

    #[test]
    fn silence_is_asked_about_once_and_then_it_is_death() {
        let mut signs = signs(Some(7), Some(9));
        assert_eq!(signs.judge(&Patience::default()), Judgement::Fine);
        assert_eq!(signs.judge(&NONE), Judgement::Ask(serenity::GuildId::new(9), serenity::UserId::new(7)));
        assert_eq!(signs.judge(&Patience::default()), Judgement::Fine, "the answer is awaited");
        assert!(matches!(signs.judge(&NONE), Judgement::Dead(_)));
    }

    #[test]
    fn a_session_must_begin() {
        assert_eq!(signs(None, None).judge(&Patience::default()), Judgement::Fine);
        assert!(matches!(signs(None, None).judge(&NONE), Judgement::Dead(_)));
    }

    #[test]
    fn without_a_guild_nothing_is_concluded_from_silence() {
        let mut signs = signs(Some(7), None);
        assert_eq!(signs.judge(&NONE), Judgement::Knock);
        assert_eq!(signs.judge(&NONE), Judgement::Knock);
    }
}
