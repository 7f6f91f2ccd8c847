//! Puts the parts together: one `App` is one process's worth of Signalbox. `run` drives it by loops,
//! tests step by step.

mod loops;
mod prepare;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::approval::call::call_due;
use crate::bus::{Bus, Reader, ReaderOptions};
use crate::clock::{Clock, Stopwatch, random_bytes};
use crate::config::Config;
use crate::delivery::Delivery;
use crate::delivery::plan::plan_due;
use crate::discord::Bot;
use crate::id::derived;
use crate::lifecycle::Lifecycle;
use crate::ports::Ports;
use crate::source::catch_up::CatchUp;
use crate::source::ingest::Ingest;
use crate::source::subscribe::{SourceNames, take_batch};
use crate::source::xtsystems::live::LiveSource;
use crate::store::Store;
use crate::store::lane::OwnerLock;
use crate::upstream::discord::DiscordClient;
use crate::upstream::xtsystems::{Auth, XtSystemsClient};
use crate::web::{self, Web};

pub use crate::web::bind;

pub use crate::discord::Fatal;

/// Events planned in one transaction at most.
const PLAN_BATCH: i64 = 200;
/// Lanes claimed at once.
const LANES: i64 = 64;
const CALLS: i64 = 8;
const CHECKS: i64 = 20;

/// A running Signalbox.
pub struct App {
    pub ports: Ports,
    pub lifecycle: Lifecycle,
    pub delivery: Arc<Delivery>,
    pub ingest: Ingest,
    pub xtsystems: Option<Arc<LiveSource>>,
    /// Where the web server listens.
    pub address: SocketAddr,
    bot: Arc<Bot>,
    /// Kept open for as long as the process runs.
    bus: Bus,
    owner: i64,
    owner_lock: Mutex<Option<OwnerLock>>,
    catch_up: Mutex<Option<CatchUp>>,
    reader: Mutex<Reader>,
    names: SourceNames,
}

impl App {
    /// Opens what is needed and starts to serve on `listener` (see [`web::bind`]). The database may still be away: the intake then
    /// answers 503 until [`App::prepare`] is done.
    pub async fn open(
        config: Config,
        database_url: &str,
        clock: Clock,
        lifecycle: Lifecycle,
        listener: TcpListener,
    ) -> Result<Arc<Self>> {
        let config = Arc::new(config);
        let store = Store::open(database_url, config.store.max_connections).context("DATABASE_URL")?;
        let bus = Bus::open(&config.bus)?;
        let discord =
            DiscordClient::new(&config.discord.api_url, config.discord.token.clone(), config.delivery.http_timeout)
                .context("the HTTP client for Discord")?;
        let ports = Ports {
            store,
            clock,
            discord,
            xtsystems: xtsystems_client(&config)?,
            wake: bus.wake(),
            config: config.clone(),
        };
        let owner = i64::from_le_bytes(random_bytes::<8>());
        let delivery = Arc::new(Delivery::new(ports.clone(), owner));
        let ingest = Ingest::start(&ports, &lifecycle);
        let address = listener.local_addr().context("the address of the web server")?;
        let xtsystems = live_source(&config);
        let connected = Arc::new(AtomicBool::new(false));
        let web = Web::new(ports.clone(), ingest.clone(), xtsystems.clone(), connected.clone());
        let stop = lifecycle.token();
        lifecycle.spawn("web", async move {
            if let Err(error) = web::serve(Arc::new(web), listener, stop).await {
                tracing::error!(error = format!("{error:#}"), "the web server ended");
            }
        });
        let (wake, stop) = (bus.wake(), lifecycle.token());
        lifecycle.spawn("wake", wake.run(stop));
        let bot = Arc::new(Bot {
            ports: ports.clone(),
            delivery: delivery.clone(),
            xtsystems: xtsystems.clone(),
            connected,
            running: Stopwatch::start(),
            web_port: address.port(),
        });
        let catch_up = xtsystems.as_ref().map(|s| CatchUp::new(s.id, s.guild_id, s.url.clone()));
        let names = xtsystems.iter().map(|s| ("xtsystems".to_owned(), (s.id, s.guild_id))).collect();
        let reader = bus.reader(&consumer_name(address.port()), ReaderOptions::default());
        Ok(Arc::new(Self {
            ports,
            lifecycle,
            delivery,
            ingest,
            xtsystems,
            address,
            bot,
            bus,
            owner,
            owner_lock: Mutex::default(),
            catch_up: Mutex::new(catch_up),
            reader: Mutex::new(reader),
            names,
        }))
    }

    /// The event bus, for whoever publishes in this process.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Keeps a gateway session until the process stops. An error means that a person must act.
    pub async fn run_gateway(&self) -> Result<(), Fatal> {
        crate::discord::run(self.bot.clone(), self.lifecycle.token()).await
    }

    /// Does everything that is due, once. Returns how much that was; 0 means that all is quiet.
    pub async fn step(&self) -> Result<usize> {
        let mut done = 0;
        done += self.read_stream(Duration::from_millis(1)).await?;
        done += self.catch_up_due().await?;
        done += plan_due(&self.ports, PLAN_BATCH).await?;
        done += self.delivery.check_destinations_due(CHECKS).await?;
        done += self.delivery.deliver_due(LANES).await?;
        done += call_due(&self.ports, CALLS).await?;
        Ok(done)
    }

    async fn catch_up_due(&self) -> Result<usize> {
        match &mut *self.catch_up.lock().await {
            Some(catch_up) => catch_up.step(&self.ports, &self.ingest).await,
            None => Ok(0),
        }
    }

    async fn read_stream(&self, block: Duration) -> Result<usize> {
        let mut reader = self.reader.lock().await;
        take_batch(&self.ports, &self.ingest, &mut reader, &self.names, block, &self.lifecycle.token()).await
    }
}

fn xtsystems_client(config: &Config) -> Result<Option<XtSystemsClient>> {
    let Some(settings) = &config.xtsystems else { return Ok(None) };
    let (Some(url), Some(key)) = (&settings.api_url, &settings.api_key) else { return Ok(None) };
    let auth = match settings.auth {
        crate::config::ApiAuth::Bearer => Auth::Bearer,
        crate::config::ApiAuth::Raw => Auth::Raw,
    };
    Ok(Some(XtSystemsClient::new(url.clone(), key.clone(), auth).context("XTSYSTEMS_API_URL")?))
}

/// The source's id follows from its guild, so that the intake knows it before the database answers.
fn live_source(config: &Config) -> Option<Arc<LiveSource>> {
    let settings = config.xtsystems.as_ref()?;
    let guild_id = config.discord.guild_id?;
    let url = config
        .web
        .public_url
        .as_ref()
        .map(|public| format!("{}{}", public.as_str().trim_end_matches('/'), settings.path));
    let id = derived(&["source", &guild_id.to_string(), "xtsystems", "xtsystems"]);
    Some(Arc::new(LiveSource::new(id, guild_id, url, settings)))
}

/// Stays the same over restarts of this process on this machine.
fn consumer_name(port: u16) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{port}")
}
