//! Puts the parts together: one `App` is one process's worth of Signalbox. `run` drives it by loops,
//! tests step by step.

mod community;
mod keys;
mod loops;
mod pieces;
mod play;
mod prepare;
mod stats;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::approval::call::call_due;
use crate::approval::due::tick_due;
use crate::bus::pubsub::Messages;
use crate::bus::{Bus, BusError, Reader, ReaderOptions};
use crate::clock::{Clock, Stopwatch, random_bytes};
use crate::community::clip::clips_due;
use crate::community::dashboard::CHANNELS;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::delivery::held::tell_due;
use crate::delivery::plan::plan_due;
use crate::discord::{Bot, Connection, Endpoint};
use crate::id::xtsystems_source;
use crate::kick;
use crate::lifecycle::Lifecycle;
use crate::outbound;
use crate::ports::{Interactions, Ports};
use crate::privacy;
use crate::source::catch_up::CatchUp;
use crate::source::generic::live::Sources;
use crate::source::ingest::Ingest;
use crate::source::kick::live::LiveKick;
use crate::source::pulse::Watch;
use crate::source::subscribe::{SourceNames, take_batch};
use crate::source::xtsystems::live::LiveSource;
use crate::stats::trigger::Triggers;
use crate::store::Store;
use crate::store::lane::OwnerLock;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;
use crate::ticket::{self, lists};
use crate::upstream::beacon::BeaconClient;
use crate::upstream::clip::ClipClient;
use crate::upstream::discord::DiscordClient;
use crate::upstream::kick::{Application, KickClient};
use crate::upstream::outbound::OutboundClient;
use crate::upstream::ssh::SshClient;
use crate::upstream::xtsystems::{Auth, XtSystemsClient};
use crate::web::{self, Doors, Web};

pub use crate::web::bind;
pub use keys::keyring;

pub use crate::discord::{Fatal, Patience};

/// Events planned in one transaction at most.
const PLAN_BATCH: i64 = 200;
/// Lanes claimed at once.
const CLAIM: usize = 64;
const CALLS: usize = 8;
const CHECKS: i64 = 20;
/// Other systems that are told something at the same time.
const OUTBOUND: i64 = 8;
/// Receipts and digests told in one step.
const RECEIPTS: usize = 20;

/// A running Signalbox.
pub struct App {
    pub ports: Ports,
    pub lifecycle: Lifecycle,
    pub delivery: Arc<Delivery>,
    pub ingest: Ingest,
    pub xtsystems: Option<Arc<LiveSource>>,
    pub generic: Arc<Sources>,
    /// Where webhooks of Kick are taken in.
    pub kick: Option<Arc<LiveKick>>,
    /// Where the web server listens.
    pub address: SocketAddr,
    /// Where Prometheus asks, if it may.
    pub metrics_address: Option<SocketAddr>,
    bot: Arc<Bot>,
    /// Kept open for as long as the process runs.
    bus: Bus,
    owner: i64,
    owner_lock: Mutex<Option<OwnerLock>>,
    catch_up: Mutex<Option<CatchUp>>,
    pulse: Mutex<Watch>,
    reader: Mutex<Reader>,
    dashboard: Mutex<Option<Messages>>,
    names: SourceNames,
    community: community::Community,
    stats: stats::Stats,
    patience: Patience,
    prepared: Arc<AtomicBool>,
    bus_away: AtomicBool,
}

/// What is the same wherever the program runs, and tests set otherwise.
#[derive(Default)]
pub struct Wiring {
    /// The HTTP client for all requests to Discord, with its own idea of where `discord.com` is.
    pub discord_http: Option<reqwest::Client>,
    pub gateway: Patience,
    pub reader: ReaderOptions,
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
        Self::open_with(config, database_url, clock, lifecycle, listener, Wiring::default()).await
    }

    /// As [`App::open`].
    pub async fn open_with(
        config: Config,
        database_url: &str,
        clock: Clock,
        lifecycle: Lifecycle,
        listener: TcpListener,
        wiring: Wiring,
    ) -> Result<Arc<Self>> {
        let (ports, bus) = open_ports(config, database_url, clock, &lifecycle, wiring.discord_http)?;
        let config = ports.config.clone();
        let owner = i64::from_le_bytes(random_bytes::<8>());
        let delivery = Arc::new(Delivery::new(ports.clone(), owner));
        let ingest = Ingest::start(&ports, &lifecycle);
        let address = listener.local_addr().context("the address of the web server")?;
        let xtsystems = live_source(&config);
        let generic = Arc::new(Sources::default());
        let bot = Arc::new(Bot {
            ports: ports.clone(),
            delivery: delivery.clone(),
            xtsystems: xtsystems.clone(),
            generic: generic.clone(),
            connection: Connection::default(),
            running: Stopwatch::start(),
            triggers: Triggers::default(),
            web_port: address.port(),
        });
        let roles = ports.config.roles;
        let door = roles.bot.then(|| Arc::new(Endpoint::new(&bot, &lifecycle)) as Arc<dyn Interactions>);
        let webhooks = xtsystems.clone().filter(|_| roles.intake);
        let prepared = Arc::new(AtomicBool::new(false));
        let described = roles.intake.then(|| generic.clone());
        let kick = config.kick.as_ref().filter(|kick| roles.intake && kick.webhooks);
        let kick = kick.map(|settings| Arc::new(LiveKick::new(settings)));
        let doors = Doors { xtsystems: webhooks, generic: described, kick: kick.clone(), interactions: door };
        let web = Web::new(delivery.clone(), ingest.clone(), doors, bot.connection.flag(), prepared.clone());
        let (there, door) = (lifecycle.clone(), lifecycle.open_door());
        lifecycle.spawn("web", async move {
            let _door = door;
            web::serve(Arc::new(web), listener, &there).await;
        });
        let metrics_address = serve_metrics(&ports).await?;
        let (wake, stop) = (bus.wake(), lifecycle.token());
        lifecycle.spawn("wake", wake.run(stop));
        let catch_up = xtsystems.as_ref().map(|s| CatchUp::new(s.id, s.guild_id, s.url.clone()));
        let names = xtsystems.iter().map(|s| ("xtsystems".to_owned(), (s.id, s.guild_id))).collect();
        let consumer = consumer_name(address.port());
        let community = community::Community::new(&bus, &consumer, &wiring.reader);
        let reader = bus.reader(&consumer, wiring.reader);
        // Without the secret nothing that comes there is believed.
        let hears = roles.intake && ports.config.bus.msg_secret.is_some();
        let dashboard = bus.messages(&[CHANNELS]).filter(|_| hears);
        Ok(Arc::new(Self {
            ports,
            lifecycle,
            delivery,
            ingest,
            xtsystems,
            generic,
            kick,
            address,
            metrics_address,
            bot,
            bus,
            owner,
            owner_lock: Mutex::default(),
            catch_up: Mutex::new(catch_up),
            pulse: Mutex::default(),
            reader: Mutex::new(reader),
            dashboard: Mutex::new(dashboard),
            names,
            community,
            stats: stats::Stats::default(),
            patience: wiring.gateway,
            prepared,
            bus_away: AtomicBool::new(false),
        }))
    }

    /// The event bus, for whoever publishes in this process.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Keeps the gateway sessions of a bot until the process stops. An error means that a person must act.
    pub async fn run_gateway(&self) -> Result<(), Fatal> {
        if !self.ports.config.roles.bot {
            self.lifecycle.token().cancelled().await;
            return Ok(());
        }
        crate::discord::run(self.bot.clone(), &self.lifecycle, self.patience).await
    }

    /// Does everything that is due, once. Returns how much that was; 0 means that all is quiet.
    pub async fn step(&self) -> Result<usize> {
        let roles = self.ports.config.roles;
        let mut done = 0;
        if roles.intake {
            done += self.read_stream(Duration::from_millis(1)).await?;
            done += self.catch_up_due().await?;
            done += self.hear_bot_event(Duration::from_millis(1)).await?;
            done += self.read_activity(Duration::from_millis(1)).await?;
            done += self.hear_dashboard(Duration::from_millis(1)).await?;
            kick::heard::save_due(&self.ports).await?;
            done += self.look_for_stats().await?;
        }
        if roles.ticker {
            done += self.finish_stats().await?;
            done += self.pulse.lock().await.step(&self.ports).await?;
        }
        if roles.worker {
            done += plan_due(&self.ports, PLAN_BATCH).await?;
            done += lists::refresh_due(&self.ports).await?;
            done += self.delivery.check_destinations_due(CHECKS).await?;
            done += self.delivery.deliver_due(CLAIM as i64).await?;
            done += call_due(&self.ports, CALLS).await?;
            done += ticket::call::call_due(&self.ports, CALLS).await?;
            done += outbound::deliver_due(&self.ports, OUTBOUND).await?;
            done += tell_due(&self.ports, RECEIPTS).await?;
            done += self.give_roles_due().await?;
            done += clips_due(&self.ports, CALLS).await?;
            done += kick::step(&self.ports).await?;
        }
        if roles.ticker {
            done += tick_due(&self.ports, CHECKS).await?.done;
            done += self.count_watch_due().await?;
            done += self.play_due().await?;
            done += privacy::seal_due(&self.ports).await?;
            done += privacy::resume_due(&self.ports).await?;
        }
        Ok(done)
    }

    /// Deletes what is old enough; in `run` every half hour.
    pub async fn purge_due(&self) -> Result<u64> {
        privacy::purge_due(&self.ports).await
    }

    /// At a stop: the lanes, and the lock by which others see that this process lives, so that they go on
    /// at once; and what the traces still hold.
    pub async fn give_back(&self) {
        *self.owner_lock.lock().await = None;
        let traces = self.ports.traces.clone();
        let flushed = tokio::task::spawn_blocking(move || traces.flush());
        if flushed.await.is_err() {
            tracing::debug!("the last traces were not sent");
        }
    }

    async fn catch_up_due(&self) -> Result<usize> {
        match &mut *self.catch_up.lock().await {
            Some(catch_up) => catch_up.step(&self.ports, &self.ingest).await,
            None => Ok(0),
        }
    }

    /// A bus that is away stops nothing else: it is said once, and the reader itself holds back.
    async fn read_stream(&self, block: Duration) -> Result<usize> {
        let mut reader = self.reader.lock().await;
        let stop = self.lifecycle.token();
        let taken = take_batch(&self.ports, &self.ingest, &mut reader, &self.names, block, &stop).await;
        let away = taken.as_ref().err().and_then(|error| error.downcast_ref::<BusError>());
        let away = away.filter(|error| matches!(error, BusError::Away(_))).map(BusError::to_string);
        let was_away = self.bus_away.swap(away.is_some(), Ordering::Relaxed);
        match away {
            Some(error) => {
                if !was_away {
                    tracing::warn!(
                        error,
                        "the event stream cannot be read; everything else goes on, and it is tried again"
                    );
                }
                Ok(0)
            }
            None => {
                if was_away && taken.is_ok() {
                    tracing::info!("the event stream is read again");
                }
                taken
            }
        }
    }
}

/// Binds and serves `/metrics` where it is configured.
async fn serve_metrics(ports: &Ports) -> Result<Option<SocketAddr>> {
    let Some(config) = ports.config.operation.metrics.clone() else { return Ok(None) };
    let listener = web::metrics::bind(&config).await?;
    let address = listener.local_addr().context("the address of the metrics")?;
    ports.lifecycle.spawn("metrics", web::metrics::serve(ports.clone(), config, listener));
    Ok(Some(address))
}

#[cfg(feature = "otel")]
fn traces(config: &Config, lifecycle: &Lifecycle) -> Result<Traces> {
    use crate::telemetry::traces::otlp::Exporter;
    let Some(traces) = &config.operation.traces else { return Ok(Traces::default()) };
    let collector = crate::upstream::collector::CollectorClient::new(lifecycle).context("the collector's client")?;
    Ok(Traces::to(Exporter::new(traces, collector)?))
}

#[cfg(not(feature = "otel"))]
fn traces(_config: &Config, _lifecycle: &Lifecycle) -> Result<Traces> {
    Ok(Traces::default())
}

/// The clients and the pool that everything works with, and the bus that has to live as long. Nothing is
/// connected yet.
pub(crate) fn open_ports(
    config: Config,
    database_url: &str,
    clock: Clock,
    lifecycle: &Lifecycle,
    discord_http: Option<reqwest::Client>,
) -> Result<(Ports, Bus)> {
    let config = Arc::new(config);
    let store = Store::open(database_url, config.store.max_connections).context("DATABASE_URL")?;
    let store = store.with_keys(keyring(&config)?);
    let bus = Bus::open(&config.bus)?;
    let (origin, token) = (&config.discord.api_url, config.discord.token.clone());
    let discord = match discord_http {
        Some(http) => DiscordClient::with_http(origin, token, http),
        None => {
            DiscordClient::new(origin, token, config.delivery.http_timeout).context("the HTTP client for Discord")?
        }
    };
    let metrics = if config.operation.metrics.is_some() { Metrics::on() } else { Metrics::default() };
    let ports = Ports {
        store,
        clock,
        discord,
        xtsystems: xtsystems_client(&config, &metrics)?,
        kick: kick_client(&config, &metrics)?,
        kick_heard: Arc::default(),
        outbound: OutboundClient::new(config.outbound.allowed.clone().into())
            .context("the HTTP client for other systems")?,
        beacon: config.community.beacon_url.clone().map(BeaconClient::new).transpose().context("RAFFLE_BEACON_URL")?,
        clips: clip_client(&config)?,
        ssh: config.ssh.clone().map(SshClient::new),
        wake: bus.wake(),
        activity: bus.activity_publisher()?,
        metrics,
        traces: traces(&config, lifecycle)?,
        lifecycle: lifecycle.clone(),
        compiled: Arc::default(),
        instance: Arc::default(),
        community_version: Arc::default(),
        config,
    };
    Ok((ports, bus))
}

/// `None` when the settings do not say where XTSystems is, or hold no key.
pub fn xtsystems_client(config: &Config, metrics: &Metrics) -> Result<Option<XtSystemsClient>> {
    let Some(settings) = &config.xtsystems else { return Ok(None) };
    let (Some(url), Some(key)) = (&settings.api_url, &settings.api_key) else { return Ok(None) };
    let auth = match settings.auth {
        crate::config::ApiAuth::Bearer => Auth::Bearer,
        crate::config::ApiAuth::Raw => Auth::Raw,
    };
    let client = XtSystemsClient::new(url.clone(), key.clone(), auth).context("XTSYSTEMS_API_URL")?;
    Ok(Some(client.counted(metrics.clone())))
}

/// `None` when the settings name no app of Kick.
fn kick_client(config: &Config, metrics: &Metrics) -> Result<Option<KickClient>> {
    let Some(settings) = &config.kick else { return Ok(None) };
    let application = Application {
        api: settings.api_url.clone(),
        oauth: settings.oauth_url.clone(),
        client_id: settings.client_id.clone(),
        client_secret: settings.client_secret.clone(),
    };
    Ok(Some(KickClient::new(application, metrics.clone()).context("the HTTP client for Kick")?))
}

fn clip_client(config: &Config) -> Result<Option<ClipClient>> {
    let Some(settings) = &config.community.clips else { return Ok(None) };
    Ok(Some(ClipClient::new(settings.url.clone(), settings.key.clone()).context("CLIP_SERVICE_URL")?))
}

/// The configured source. Its id follows from its guild, so that the intake knows it before the database answers.
pub fn live_source(config: &Config) -> Option<Arc<LiveSource>> {
    let settings = config.xtsystems.as_ref()?;
    let guild_id = config.discord.guild_id?;
    let url = config
        .web
        .public_url
        .as_ref()
        .map(|public| format!("{}{}", public.as_str().trim_end_matches('/'), settings.path));
    let id = xtsystems_source(guild_id);
    Some(Arc::new(LiveSource::new(id, guild_id, url, settings)))
}

/// Stays the same over restarts of this process on this machine.
fn consumer_name(port: u16) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{port}")
}
