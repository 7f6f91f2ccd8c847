//! A whole Signalbox with the stand-in Discord, as `run` puts it together.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use signalbox::app::{App, bind};
use signalbox::clock::Clock;
use signalbox::config::{self, Given};
use signalbox::lifecycle::Lifecycle;
use standin::discord::{Discord, Limits, Options, Phase, Then};

use super::signed::SECRET;

/// A running program and its Discord.
pub struct World {
    pub app: Arc<App>,
    pub discord: Discord,
    lifecycle: Lifecycle,
}

/// Bodies of requests, each with the moment at which it came.
pub type Posts = Arc<Mutex<Vec<(String, Instant)>>>;

/// What raises our own budgets out of the way.
const UNLIMITED: [(&str, &str); 3] =
    [("DELIVERY_PRIORS", "off"), ("DELIVERY_BATCH_WINDOW", "0ms"), ("DELIVERY_GLOBAL_PER_SECOND", "10000")];

/// A Discord and the variables with which the program works against it; without limits, or with all of them.
pub async fn outside(limits: Limits) -> Result<(Discord, Vec<(String, String)>)> {
    let is_unlimited = matches!(limits, Limits::Off);
    let discord = Discord::start(Options { limits, ..Options::default() }).await?;
    let mut env = discord.env();
    let raised = UNLIMITED.into_iter().filter(|_| is_unlimited);
    for (name, value) in [
        ("WEBHOOK_SECRET", SECRET),
        ("WEBHOOK_BIND", "127.0.0.1"),
        ("WEBHOOK_PORT", "0"),
        ("WEBHOOK_VERIFIED_PER_MIN", "10000000"),
    ]
    .into_iter()
    .chain(raised)
    {
        env.retain(|(known, _)| known != name);
        env.push((name.to_owned(), value.to_owned()));
    }
    env.push(("ENCRYPTION_KEY".to_owned(), "bG9hZGxvYWRsb2FkbG9hZGxvYWRsb2FkbG9hZGxvYWQ=".to_owned()));
    // Nobody answers there: nothing is fetched.
    env.retain(|(name, _)| !name.starts_with("XTSYSTEMS_API"));
    Ok((discord, env))
}

impl World {
    pub async fn start(database_url: &str) -> Result<Self> {
        Self::within(Limits::Off, database_url).await
    }

    pub async fn within(limits: Limits, database_url: &str) -> Result<Self> {
        Self::with(limits, database_url, Vec::new()).await
    }

    /// The same with further variables.
    pub async fn with(limits: Limits, database_url: &str, more: Vec<(String, String)>) -> Result<Self> {
        let (discord, mut env) = outside(limits).await?;
        env.extend(more);
        let loaded = config::load(Given::new(env)).map_err(|problems| anyhow!("{problems}"))?;
        let lifecycle = Lifecycle::new();
        let listener = bind(&loaded.config.web).await?;
        let app = App::open(loaded.config, database_url, Clock::system(), lifecycle.clone(), listener).await?;
        ensure!(app.prepare().await?, "it was stopped");
        Ok(Self { app, discord, lifecycle })
    }

    /// All loops and the gateway session, and some quiet after that.
    pub async fn work(&self) -> Result<()> {
        self.app.start_loops();
        let app = self.app.clone();
        self.lifecycle.spawn("gateway", async move {
            if let Err(error) = app.run_gateway().await {
                eprintln!("load: {error}");
            }
        });
        let start = Instant::now();
        while self.discord.connected_sessions() == 0 {
            ensure!(start.elapsed() < Duration::from_secs(20), "no gateway session");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    }

    /// What Discord is asked to post from now on, and when.
    pub fn watch_posts(&self) -> Posts {
        let posts = Posts::default();
        let notes = posts.clone();
        self.discord.on_request(move |request| {
            if request.route == "create_message" && request.phase == Phase::Before {
                notes.lock().unwrap().push((request.body.to_string(), Instant::now()));
            }
            async { Then::Continue }
        });
        posts
    }

    pub async fn stop(self) {
        self.lifecycle.shutdown(Duration::from_secs(10)).await;
        self.app.ports.store.close().await;
        self.discord.shutdown().await;
    }
}
