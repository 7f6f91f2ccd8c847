//! XTSystems, faked faithfully: an IT-service platform that sends signed webhooks and takes decisions by REST.
//!
//! The contract is Facts 1 and 2 of the XTSystems specification: bytes, signature and retry rule of the sender, the REST calls a
//! bot makes, and ways to misbehave on demand (`Mode`). It knows nothing of its receiver; it listens on loopback only.
//!
//! Two faces: `/v1/…` is the platform (a key is needed), `/_standin/…` is for whoever drives the world (see `control`).

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use serde_json::Map;
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};
use uuid::Uuid;

use crate::{clock::Clock, saved};

mod body;
pub mod catalogue;
mod control;
mod mode;
mod rest;
mod sender;
mod triggers;
mod world;

pub use body::{body, sign};
pub use mode::{Behaviour, Mode, Place};
pub use rest::Call;
pub use triggers::TicketChange;
pub use world::{COMPANY_ID, COMPANY_NAME, Delivery, KEY_OWNER, Machine, Note, Ticket, Webhook};

use mode::Modes;
use world::World;

/// The name of the webhook that `Options::target` registers.
pub const TARGET_NAME: &str = "Signalbox (pre-registered)";

/// How the platform is started.
pub struct Options {
    /// Must be loopback; port 0 takes a free one.
    pub bind: SocketAddr,
    pub clock: Clock,
    pub api_key: String,
    pub auth: Auth,
    /// Where the world is kept between two starts; `None` forgets it.
    pub save_to: Option<PathBuf>,
    /// The secret of the webhook that `target` registers.
    pub secret: String,
    /// The URL of a webhook that is there from the start, subscribed to everything.
    pub target: Option<String>,
    /// The waits between the tries of one delivery.
    pub retry_waits: Vec<Duration>,
}

/// The form of the `Authorization` header that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Bearer <key>`
    Bearer,
    /// The key alone.
    Raw,
    Either,
}

impl Options {
    /// A free loopback port, a random key and a random secret, nothing kept, the platform's own waits.
    pub fn local(clock: Clock) -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock,
            api_key: format!("xt-{}", Uuid::new_v4().simple()),
            auth: Auth::Bearer,
            save_to: None,
            secret: Uuid::new_v4().simple().to_string(),
            target: None,
            retry_waits: vec![Duration::from_secs(1), Duration::from_secs(2)],
        }
    }
}

/// A running platform. Clones are the same one.
#[derive(Clone)]
pub struct XtSystems {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    clock: Clock,
    api_key: String,
    auth: Auth,
    secret: String,
    save_to: Option<PathBuf>,
    retry_waits: Vec<Duration>,
    http: reqwest::Client,
    world: Mutex<World>,
    modes: Mutex<Modes>,
    calls: Mutex<Vec<Call>>,
    offline: AtomicBool,
    one_page: AtomicBool,
    /// How many events are being sent in the background.
    busy: Arc<watch::Sender<usize>>,
    server: Mutex<Option<AbortHandle>>,
}

impl XtSystems {
    /// Loads the saved world, if there is one, and listens.
    pub async fn start(options: Options) -> io::Result<Self> {
        if !options.bind.ip().is_loopback() {
            let text = format!("the stand-in listens on loopback only, not on {}", options.bind);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut world = options.save_to.as_deref().map_or_else(|| Ok(World::default()), saved::load)?;
        if let Some(url) = options.target {
            pre_register(&mut world, url, &options.secret, &options.clock);
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        let listener = TcpListener::bind(options.bind).await?;
        let xt = Self {
            inner: Arc::new(Inner {
                address: listener.local_addr()?,
                clock: options.clock,
                api_key: options.api_key,
                auth: options.auth,
                secret: options.secret,
                save_to: options.save_to,
                retry_waits: options.retry_waits,
                http,
                world: Mutex::new(world),
                modes: Mutex::default(),
                calls: Mutex::default(),
                offline: AtomicBool::new(false),
                one_page: AtomicBool::new(false),
                busy: Arc::new(watch::Sender::new(0)),
                server: Mutex::new(None),
            }),
        };
        let app = rest::router(xt.clone()).merge(control::own_router(xt.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        *lock(&xt.inner.server) = Some(server.abort_handle());
        xt.change(|_| ());
        Ok(xt)
    }

    /// Stops listening; what was sent or saved stays.
    pub fn stop(&self) {
        if let Some(server) = lock(&self.inner.server).take() {
            server.abort();
        }
    }

    /// `http://127.0.0.1:<port>`, what a bot has as its XTSystems URL.
    pub fn origin(&self) -> String {
        format!("http://{}", self.inner.address)
    }
    pub fn api_key(&self) -> &str {
        &self.inner.api_key
    }
    /// The secret of the pre-registered webhook.
    pub fn secret(&self) -> &str {
        &self.inner.secret
    }

    /// Changes how calls are answered from now on.
    pub fn mode(&self, mode: Mode) {
        lock(&self.inner.modes).set(mode);
    }
    /// While offline, every event is logged as given up and nothing is sent.
    pub fn offline(&self, offline: bool) {
        self.inner.offline.store(offline, Ordering::Relaxed);
    }

    /// From now on the list of tickets does not look at `offset`: the specification promises no paging.
    pub fn one_page_of_tickets(&self) {
        self.inner.one_page.store(true, Ordering::Relaxed);
    }

    pub fn machines(&self) -> Vec<Machine> {
        self.world().machines.clone()
    }
    pub fn tickets(&self) -> Vec<Ticket> {
        self.world().tickets.clone()
    }
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.world().webhooks.clone()
    }
    /// The platform's log, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world().deliveries.clone()
    }
    /// Every REST call so far, oldest first; secrets in bodies are masked, keys are not recorded.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.inner.calls).clone()
    }

    fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn gives_one_page(&self) -> bool {
        self.inner.one_page.load(Ordering::Relaxed)
    }

    fn is_offline(&self) -> bool {
        self.inner.offline.load(Ordering::Relaxed)
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
            tracing::warn!(%error, path = %path.display(), "the XTSystems world could not be saved");
        }
        outcome
    }
}

/// The panel's routes `/xt/{send,mode,state}`, to be nested under `/_standin` of the server of the page: the `extra` of the
/// Discord stand-in.
pub fn router(xt: XtSystems) -> Router {
    control::panel_router(xt)
}

fn pre_register(world: &mut World, url: String, secret: &str, clock: &Clock) {
    let now = clock.now();
    if let Some(webhook) = world.webhooks.iter_mut().find(|w| w.name == TARGET_NAME) {
        webhook.url = url;
        webhook.secret = Some(secret.to_owned());
        return;
    }
    world.webhooks.push(Webhook {
        id: world::new_id(),
        company_id: COMPANY_ID.to_owned(),
        name: TARGET_NAME.to_owned(),
        url,
        events: catalogue::EVENTS.map(str::to_owned).to_vec(),
        active: true,
        secret: Some(secret.to_owned()),
        headers: Map::new(),
        retry_count: 3,
        timeout_seconds: 30,
        created_at: now,
        updated_at: now,
    });
}

/// A poisoned lock only means that another test's thread panicked; the data is still the data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
