//! What all parts share: the locked world, sessions, limits, faults, the log, and who waits for what.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

#[cfg(feature = "openapi")]
use super::openapi::OpenApi;
use super::{
    Hook, Limits, Options, Tls,
    endpoint::Signed,
    faults::{Fault, What},
    gateway::{Out, Sessions},
    limits::Limiter,
    upload::Uploads,
    world::World,
};

/// How many requests the log remembers.
const LOG: usize = 2000;

pub struct Core {
    pub options: Options,
    pub tls: Option<Tls>,
    pub limiter: Mutex<Limiter>,
    #[cfg(feature = "openapi")]
    pub openapi: Option<OpenApi>,
    pub http: reqwest::Client,
    pub last_delivery: Mutex<Option<Signed>>,
    /// Recommended, and fewest allowed.
    shards: Mutex<(u64, u64)>,
    addr: SocketAddr,
    world: Mutex<World>,
    sessions: Mutex<Sessions>,
    faults: Mutex<Vec<Fault>>,
    log: Mutex<Log>,
    busy: Mutex<Busy>,
    hook: Mutex<Option<Hook>>,
    date_offset: Mutex<chrono::Duration>,
    /// Files that people attached and that the bot sent along, by the signature of their address.
    pub uploads: Mutex<Uploads>,
    changed: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Log {
    requests: VecDeque<Value>,
    violations: Vec<String>,
}

struct Busy {
    running: usize,
    last: Instant,
}

/// A request being worked on; dropping it ends it.
pub struct Working<'c>(&'c Core);

impl Core {
    pub fn new(options: Options, addr: SocketAddr, tls: Option<Tls>) -> Result<Core> {
        let world = match options.save_to.as_deref().filter(|path| path.exists()) {
            Some(path) => load(path)?,
            None => World::signal_town(),
        };
        let uploads = options
            .save_to
            .as_deref()
            .map(Uploads::beside)
            .transpose()
            .context("what was uploaded")?
            .unwrap_or_default();
        #[cfg(feature = "openapi")]
        let openapi = options.openapi.as_deref().map(OpenApi::load).transpose()?;
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let shards = options.shards;
        Ok(Core {
            options,
            tls,
            limiter: Mutex::default(),
            #[cfg(feature = "openapi")]
            openapi,
            http: http.build().context("the HTTP client for interactions")?,
            last_delivery: Mutex::default(),
            shards: Mutex::new((shards, 1)),
            addr,
            world: Mutex::new(world),
            sessions: Mutex::default(),
            faults: Mutex::default(),
            log: Mutex::default(),
            busy: Mutex::new(Busy { running: 0, last: Instant::now() }),
            hook: Mutex::default(),
            date_offset: Mutex::default(),
            uploads: Mutex::new(uploads),
            changed: watch::Sender::new(0),
            stop: watch::Sender::new(false),
            tasks: Mutex::default(),
        })
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }

    /// What the `Date` of answers says: the stand-in's time plus what a test added.
    pub fn date(&self) -> DateTime<Utc> {
        self.now() + *lock(&self.date_offset)
    }

    pub fn set_date_offset(&self, offset: chrono::Duration) {
        *lock(&self.date_offset) = offset;
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn gateway_url(&self) -> String {
        format!("ws://{}", self.addr)
    }

    pub fn heartbeat(&self) -> Duration {
        self.options.heartbeat
    }

    pub fn privileged(&self) -> u64 {
        self.options.privileged_intents
    }

    /// With or without the prefix `Bot `, as the gateway takes it.
    pub fn is_token(&self, text: &str) -> bool {
        let bare = text.strip_prefix("Bot ").unwrap_or(text);
        self.read(|world| world.token == bare)
    }

    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&lock(&self.world))
    }

    /// For requests that change nothing but need the world as the others do.
    pub fn look<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut lock(&self.world))
    }

    /// Changes the world; then it is saved, the sessions hear of it, and whoever watches is told.
    /// Everything happens under the lock, so that events come in the order of the changes.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        let result = change(&mut world);
        let events = std::mem::take(&mut world.events);
        if let Some(path) = &self.options.save_to
            && let Err(error) = save(&world, path)
        {
            tracing::error!("the world was not saved: {error:#}");
        }
        let mut sessions = self.sessions();
        for event in &events {
            sessions.dispatch(&world, event);
        }
        drop(sessions);
        drop(world);
        self.notify_change();
        result
    }

    /// Lock order: the world before the sessions.
    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    pub fn require_shards(&self, count: u64) {
        *lock(&self.shards) = (count, count);
    }

    pub fn fewest_shards(&self) -> u64 {
        lock(&self.shards).1
    }

    /// <https://discord.com/developers/docs/events/gateway#get-gateway-bot>
    pub fn gateway_bot(&self, now: DateTime<Utc>) -> Value {
        let (remaining, reset_after) = self.sessions().starts_left(now, self.options.session_starts);
        json!({
            "url": self.gateway_url(),
            "shards": lock(&self.shards).0,
            "session_start_limit": {
                "total": self.options.session_starts,
                "remaining": remaining,
                "reset_after": reset_after.num_milliseconds(),
                "max_concurrency": self.options.max_concurrency,
            },
        })
    }

    pub fn notify_change(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn limited(&self) -> bool {
        self.options.limits == Limits::Discord
    }

    /// Gateway faults hit at once if somebody is connected; the rest waits for its request.
    pub fn arm(&self, mut fault: Fault) {
        match (fault.place.as_str(), &fault.what) {
            (_, What::ForgetNonces) => {
                self.change(|world| world.nonces.clear());
                return;
            }
            ("gateway", what) if what.of_gateway() => {
                let mut sessions = self.sessions();
                let out = || match what {
                    What::Close(code) => Out::Close(*code),
                    What::HalfOpen => Out::HalfOpen,
                    What::Reconnect => Out::Send(json!({"op": 7, "t": null, "s": null, "d": null})),
                    What::InvalidSession(resumable) => {
                        Out::Send(json!({"op": 9, "t": null, "s": null, "d": resumable}))
                    }
                    _ => Out::Close(Some(4000)),
                };
                let hit = sessions.tell_all(out);
                if matches!(what, What::InvalidSession(false)) {
                    sessions.forget();
                }
                if hit > 0 {
                    fault.times = fault.times.saturating_sub(1);
                }
            }
            _ => {}
        }
        if fault.times > 0 {
            lock(&self.faults).push(fault);
        }
    }

    pub fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    /// The first armed fault for this route, used up once.
    pub fn take_fault(&self, route: &str) -> Option<Fault> {
        self.take_fault_that(route, |_| true)
    }

    pub fn take_fault_that(&self, route: &str, fits: impl Fn(&What) -> bool) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let here = |f: &Fault| f.hits(route) && (route == "gateway") == (f.place == "gateway");
        let fault = faults.iter_mut().find(|f| here(f) && fits(&f.what))?;
        fault.times -= 1;
        let taken = fault.clone();
        faults.retain(|f| f.times > 0);
        Some(taken)
    }

    pub fn record(&self, request: Value) {
        let mut log = lock(&self.log);
        log.requests.push_back(request);
        if log.requests.len() > LOG {
            log.requests.pop_front();
        }
    }

    pub fn violation(&self, what: String) {
        tracing::warn!("{what}");
        let mut log = lock(&self.log);
        if log.violations.len() < LOG {
            log.violations.push(what);
        }
    }

    pub fn violations(&self) -> Vec<String> {
        lock(&self.log).violations.clone()
    }

    pub fn requests(&self) -> Vec<Value> {
        lock(&self.log).requests.iter().cloned().collect()
    }

    pub fn set_hook(&self, hook: Option<Hook>) {
        *lock(&self.hook) = hook;
    }

    pub fn hook(&self) -> Option<Hook> {
        lock(&self.hook).clone()
    }

    pub fn work(&self) -> Working<'_> {
        lock(&self.busy).running += 1;
        Working(self)
    }

    /// How long no request has been at work; None while one is.
    pub fn quiet_for(&self) -> Option<Duration> {
        let busy = lock(&self.busy);
        (busy.running == 0).then(|| busy.last.elapsed())
    }

    /// Ends when the stand-in is told to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut stop = self.stop.subscribe();
        async move {
            let _ = stop.wait_for(|stopped| *stopped).await.map(|_| ());
        }
    }

    pub fn is_stopped(&self) -> bool {
        *self.stop.borrow()
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.tasks).push(tokio::spawn(task));
    }

    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut busy = lock(&self.0.busy);
        busy.running -= 1;
        busy.last = Instant::now();
    }
}

/// A poisoned lock only means that a test's thread panicked elsewhere.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn load(path: &Path) -> Result<World> {
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not a saved world", path.display()))
}

/// Written beside and renamed, so that a kill leaves either the old or the new one.
fn save(world: &World, path: &Path) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, serde_json::to_vec(world)?).context("write")?;
    std::fs::rename(&beside, path).context("rename")
}
