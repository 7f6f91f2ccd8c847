//! Kick, faked faithfully: a streaming platform that sends signed webhooks and is driven by OAuth and REST.
//!
//! The contract is Facts 1 to 7 of the Kick specification, after <https://docs.kick.com>: bytes and signature of the sender, the calls
//! a bot makes, and ways to misbehave on demand (`Mode` for answers, `Sending` for deliveries). It knows nothing of its receiver; it
//! listens on loopback only.
//!
//! Three faces: `/oauth/…` and `/public/…` are the platform, `/_standin/kick/…` is for whoever drives the world (see `control`).

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use crate::{clock::Clock, saved};

mod act;
mod body;
mod bulk;
mod control;
mod key;
mod mode;
mod oauth;
mod rest;
mod sender;
mod sending;
mod world;

pub use act::Saying;
pub use bulk::Firehose;
pub use mode::{Behaviour, Mode, Place};
pub use rest::Call;
pub use sender::Signed;
pub use sending::{Order, Sending, Tamper};
pub use world::{
    BOT, Category, Channel, ChatMessage, Delivery, Redemption, Reward, STREAMER, Stream, Subscription, User,
};

use mode::Modes;
use world::World;

/// Every event that can be subscribed to.
pub const EVENTS: [&str; 10] = [
    "chat.message.sent",
    "channel.followed",
    "channel.subscription.new",
    "channel.subscription.renewal",
    "channel.subscription.gifts",
    "channel.reward.redemption.updated",
    "livestream.status.updated",
    "livestream.metadata.updated",
    "moderation.banned",
    "kicks.gifted",
];

/// How often the time of late deliveries is looked at where the clock goes by itself.
const LOOK: Duration = Duration::from_millis(200);

/// How the platform is started.
pub struct Options {
    /// Must be loopback; port 0 takes a free one.
    pub bind: SocketAddr,
    pub clock: Clock,
    pub client_id: String,
    pub client_secret: String,
    /// Those of the application's settings. They have to be met exactly.
    pub redirect_uris: Vec<String>,
    /// The address in the application's settings; `None`: webhooks are not enabled.
    pub webhook_url: Option<String>,
    /// Where the world is kept between two starts; `None` forgets it.
    pub save_to: Option<PathBuf>,
    /// The waits between the tries of one delivery.
    pub retry_waits: Vec<Duration>,
    /// `expires_in` is a text, as the documentation shows it, and not a number, as it is.
    pub expires_in_as_text: bool,
    /// A refresh token stays good after it was used, as since 2025-11-25; otherwise it is used up.
    pub flexible_refresh: bool,
    /// A frontend that turns the first `127.0.0.1` of an authorization address into `localhost`, as Kick's does.
    pub rewrites_loopback: bool,
    /// What is said through the API comes back as `chat.message.sent`.
    pub echoes: bool,
    /// Subscriptions that one application may have of one event (10,000; of chat 1,000 until it is verified).
    pub subscription_limit: usize,
    /// Late deliveries are sent by themselves; otherwise by `settle` and `send_due`.
    pub ticking: bool,
}

impl Options {
    /// A free loopback port, a world of its own, nothing kept.
    pub fn local(clock: Clock) -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock,
            client_id: "01JQSTANDIN000000000000000".to_owned(),
            client_secret: "standin-kick-secret".to_owned(),
            redirect_uris: Vec::new(),
            webhook_url: None,
            save_to: None,
            retry_waits: vec![Duration::from_millis(200), Duration::from_secs(1)],
            expires_in_as_text: false,
            flexible_refresh: false,
            rewrites_loopback: true,
            echoes: true,
            subscription_limit: 1_000,
            ticking: false,
        }
    }
}

/// A running platform. Clones are the same one.
#[derive(Clone)]
pub struct Kick {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    clock: Clock,
    client_id: String,
    client_secret: String,
    save_to: Option<PathBuf>,
    retry_waits: Vec<Duration>,
    expires_in_as_text: bool,
    flexible_refresh: bool,
    rewrites_loopback: bool,
    echoes: bool,
    subscription_limit: usize,
    http: reqwest::Client,
    world: Mutex<World>,
    modes: Mutex<Modes>,
    calls: Mutex<Vec<Call>>,
    /// How many events are being sent.
    busy: Arc<watch::Sender<usize>>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Kick {
    /// Loads the saved world, if there is one, and listens.
    pub async fn start(options: Options) -> io::Result<Self> {
        if !options.bind.ip().is_loopback() {
            let text = format!("the stand-in listens on loopback only, not on {}", options.bind);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut world: World = options.save_to.as_deref().map_or_else(|| Ok(World::default()), saved::load)?;
        world.redirect_uris = options.redirect_uris;
        world.webhook_url = options.webhook_url;
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind(options.bind).await?;
        let kick = Self {
            inner: Arc::new(Inner {
                address: listener.local_addr()?,
                clock: options.clock,
                client_id: options.client_id,
                client_secret: options.client_secret,
                save_to: options.save_to,
                retry_waits: options.retry_waits,
                expires_in_as_text: options.expires_in_as_text,
                flexible_refresh: options.flexible_refresh,
                rewrites_loopback: options.rewrites_loopback,
                echoes: options.echoes,
                subscription_limit: options.subscription_limit,
                http,
                world: Mutex::new(world),
                modes: Mutex::default(),
                calls: Mutex::default(),
                busy: Arc::new(watch::Sender::new(0)),
                tasks: Mutex::default(),
            }),
        };
        let app = rest::router(kick.clone()).nest("/_standin", control::router(kick.clone()));
        kick.keep(tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle());
        if options.ticking {
            let ticking = kick.clone();
            kick.keep(tokio::spawn(async move { ticking.tick().await }).abort_handle());
        }
        kick.change(|_| ());
        Ok(kick)
    }

    async fn tick(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.send_due().await;
        }
    }

    fn keep(&self, task: AbortHandle) {
        lock(&self.inner.tasks).push(task);
    }

    /// Stops listening; what was sent or saved stays.
    pub fn stop(&self) {
        for task in lock(&self.inner.tasks).drain(..) {
            task.abort();
        }
    }

    /// `http://127.0.0.1:<port>`: the API and the authorization server.
    pub fn origin(&self) -> String {
        format!("http://{}", self.inner.address)
    }
    pub fn client_id(&self) -> &str {
        &self.inner.client_id
    }
    pub fn client_secret(&self) -> &str {
        &self.inner.client_secret
    }
    /// The key by which webhooks are verified, as `GET /public/v1/public-key` gives it.
    pub fn public_key_pem(&self) -> &'static str {
        key::PUBLIC_PEM
    }

    /// The lines of an environment with which a bot works against this world. Of the key only what stands between the marks of PEM: a
    /// value with spaces would need quotes.
    pub fn env(&self) -> Vec<(String, String)> {
        let own = |name: &str, value: String| (name.to_owned(), value);
        let mut lines = vec![
            own("KICK_CLIENT_ID", self.client_id().to_owned()),
            own("KICK_CLIENT_SECRET", self.client_secret().to_owned()),
            own("KICK_API_URL", self.origin()),
            own("KICK_OAUTH_URL", self.origin()),
            own("KICK_PUBLIC_KEY", key::PUBLIC_PEM.lines().filter(|line| !line.starts_with('-')).collect()),
        ];
        let world = self.world();
        if let Some(uri) = world.redirect_uris.first() {
            lines.push(own("KICK_REDIRECT_URI", uri.clone()));
        }
        let path = world.webhook_url.as_deref().and_then(|url| url.splitn(4, '/').nth(3));
        if let Some(path) = path {
            lines.push(own("KICK_WEBHOOK_PATH", format!("/{path}")));
        }
        lines
    }

    /// Changes how calls are answered from now on.
    pub fn mode(&self, mode: Mode) {
        lock(&self.inner.modes).set(mode);
    }
    /// Changes what happens to deliveries from now on.
    pub fn sending(&self, rules: Sending) {
        self.change(|world| world.sending = rules);
    }
    /// The webhook address in the application's settings. Switching webhooks off ends every subscription (changelog of 2025-12-19).
    pub fn set_webhook_url(&self, url: Option<&str>) {
        self.change(|world| {
            world.webhook_url = url.map(str::to_owned);
            if url.is_none() {
                world.subscriptions.clear();
            }
        });
    }
    pub fn set_redirect_uris(&self, uris: &[&str]) {
        self.change(|world| world.redirect_uris = uris.iter().map(|&uri| uri.to_owned()).collect());
    }
    /// Whether a bot was made in the application's settings.
    pub fn set_bot(&self, there_is_one: bool) {
        self.change(|world| world.bot = there_is_one.then(|| world.person(BOT).user_id));
    }
    /// Forgets subscriptions without a word, as Kick does: of one event, or all.
    pub fn drop_subscriptions(&self, event: Option<&str>) {
        self.change(|world| world.subscriptions.retain(|s| event.is_some_and(|event| s.event != event)));
    }

    /// The person of this name, who comes into being by being named.
    pub fn person(&self, name: &str) -> User {
        self.change(|world| world.person(name))
    }
    /// By slug, owner or id.
    pub fn channel(&self, which: &str) -> Option<Channel> {
        self.world().channel(which).cloned()
    }
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.world().subscriptions.clone()
    }
    /// What was said in a channel, oldest first: `name: text`.
    pub fn chat_of(&self, which: &str) -> Vec<String> {
        let line = |m: &ChatMessage| format!("{}: {}", m.username, m.content);
        self.channel(which).map(|channel| channel.chat.iter().map(line).collect()).unwrap_or_default()
    }
    /// The log, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world().deliveries.clone()
    }
    /// Every call so far, oldest first; tokens and secrets are masked.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.inner.calls).clone()
    }

    fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.inner.world)
    }

    /// Changes the world and keeps it. A world that cannot be kept goes on in memory and says so.
    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let outcome = change(&mut world);
        if let Some(path) = &self.inner.save_to
            && let Err(error) = saved::save(&*world, path)
        {
            tracing::warn!(%error, path = %path.display(), "the Kick world could not be saved");
        }
        outcome
    }
}

/// The panel's routes `/kick/…`, to be nested under `/_standin` of the server of the page: part of the `extra` of the Discord
/// stand-in.
pub fn router(kick: Kick) -> Router {
    control::router(kick)
}

/// A poisoned lock only means that another test's thread panicked; the data is still the data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
