//! The HTTP side: intake of webhooks, the door for interactions, health. Knows nothing of Discord's edge.

pub mod api;
pub mod budget;
pub mod client_ip;
pub mod draw;
pub mod health;
pub mod intake;
pub mod interactions;
mod kick;
pub mod metrics;
pub mod party;
mod serve;
pub mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tokio::net::TcpListener;

use crate::config::WebConfig;
use crate::delivery::Delivery;
use crate::lifecycle::Lifecycle;
use crate::ports::{Interactions, Ports};
use crate::source::generic::live::Sources;
use crate::source::generic::manage::PATH;
use crate::source::ingest::Ingest;
use crate::source::kick::live::{self, LiveKick};
use crate::source::xtsystems::live::LiveSource;

/// Pages that one address may look at in 15 minutes.
const PAGES: u32 = 300;

/// What the handlers share.
pub struct Web {
    pub ports: Ports,
    pub delivery: Arc<Delivery>,
    pub ingest: Ingest,
    pub xtsystems: Option<intake::XtSystemsDoor>,
    /// Described sources, where this process takes webhooks in.
    pub generic: Option<intake::generic::GenericDoor>,
    pub kick: Option<Arc<LiveKick>>,
    /// The game server's files, where this process takes webhooks in.
    pub etlegacy: Option<intake::etlegacy::EtlegacyDoor>,
    pub interactions: Option<interactions::InteractionsDoor>,
    pub api: api::Door,
    pub unverified: budget::Budgets<std::net::IpAddr>,
    /// Pages that anybody may look at.
    pub pages: budget::Budgets<std::net::IpAddr>,
    /// True while a gateway session is ready.
    pub discord_connected: Arc<AtomicBool>,
    /// True once the database is as the program needs it.
    pub prepared: Arc<AtomicBool>,
}

/// What the configuration and the roles open to the outside.
pub struct Doors {
    pub xtsystems: Option<Arc<LiveSource>>,
    pub generic: Option<Arc<Sources>>,
    pub kick: Option<Arc<LiveKick>>,
    pub interactions: Option<Arc<dyn Interactions>>,
}

impl Web {
    pub fn new(
        delivery: Arc<Delivery>,
        ingest: Ingest,
        doors: Doors,
        discord_connected: Arc<AtomicBool>,
        prepared: Arc<AtomicBool>,
    ) -> Self {
        let Doors { xtsystems, generic, kick, interactions } = doors;
        let ports = delivery.ports.clone();
        let web = &ports.config.web;
        let unverified = budget::Budgets::new(web.unverified_per_15_min, chrono::TimeDelta::minutes(15));
        let pages = budget::Budgets::new(PAGES, chrono::TimeDelta::minutes(15));
        let verified_per_min = web.verified_per_min;
        let xtsystems = xtsystems.map(|source| intake::XtSystemsDoor {
            source,
            verified: budget::Budgets::new(verified_per_min, chrono::TimeDelta::minutes(1)),
        });
        let generic = generic.map(|sources| intake::generic::GenericDoor {
            sources,
            verified: budget::Budgets::new(verified_per_min, chrono::TimeDelta::minutes(1)),
        });
        let interactions = interactions
            .zip(ports.config.discord.public_key)
            .map(|(handlers, key)| interactions::InteractionsDoor::new(handlers, key));
        let api = api::Door::new(web);
        let etlegacy = intake::etlegacy::EtlegacyDoor::new(&ports.config).filter(|_| ports.config.roles.intake);
        Self {
            ports,
            delivery,
            ingest,
            xtsystems,
            generic,
            kick,
            etlegacy,
            interactions,
            api,
            unverified,
            pages,
            discord_connected,
            prepared,
        }
    }
}

fn router(web: Arc<Web>) -> Router {
    let mut router = Router::new()
        .route("/health", get(health::health).post(health::health))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready));
    if let (Some(_), Some(settings)) = (&web.xtsystems, &web.ports.config.xtsystems) {
        let metrics = web.ports.metrics.clone();
        let watched = from_fn(move |request, next| watch::watch(metrics.clone(), watch::XTSYSTEMS, request, next));
        router = router.route(&settings.path, post(intake::xtsystems).layer(watched));
    }
    if web.generic.is_some() {
        let metrics = web.ports.metrics.clone();
        let watched = from_fn(move |request, next| watch::watch(metrics.clone(), watch::GENERIC, request, next));
        let door = post(intake::generic::receive).layer(watched);
        router = router.route(&format!("{PATH}/{{source}}"), door.clone());
        router = router.route(&format!("{PATH}/{{source}}/{{key}}"), door);
    }
    if let (Some(_), Some(settings)) = (&web.kick, &web.ports.config.kick) {
        let metrics = web.ports.metrics.clone();
        let watched = from_fn(move |request, next| watch::watch(metrics.clone(), watch::KICK, request, next));
        let path = settings.webhook_path.clone().unwrap_or_else(|| format!("{}/{{segment}}", live::PATH));
        router = router.route(&path, post(intake::kick::receive).layer(watched));
    }
    if web.etlegacy.is_some() {
        let metrics = web.ports.metrics.clone();
        let watched = from_fn(move |request, next| watch::watch(metrics.clone(), watch::ETLEGACY, request, next));
        router = router.route(intake::etlegacy::PATH, post(intake::etlegacy::receive).layer(watched));
    }
    if web.interactions.is_some() {
        let metrics = web.ports.metrics.clone();
        let watched = from_fn(move |request, next| watch::watch(metrics.clone(), watch::DISCORD, request, next));
        let path = &web.ports.config.discord.interactions_path;
        router = router.route(path, post(interactions::receive).layer(watched));
    }
    if web.ports.config.roles.intake {
        router = router.merge(api::router(&web)).merge(party::routes()).merge(draw::routes());
    }
    if web.ports.config.roles.intake && web.ports.kick.is_some() {
        router = router.merge(kick::routes());
    }
    // The handler itself reads the body up to its limit, to answer 413 in its own words.
    router.layer(DefaultBodyLimit::disable()).with_state(web)
}

/// Binds the configured address. The error names it and what to do.
pub async fn bind(config: &WebConfig) -> Result<TcpListener> {
    let address = SocketAddr::new(config.bind, config.port);
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: is another program there? Set WEBHOOK_PORT or WEBHOOK_BIND")
    })
}

/// Serves until the process stops, then lets requests under way finish.
pub async fn serve(web: Arc<Web>, listener: TcpListener, lifecycle: &Lifecycle) {
    serve::serve(router(web), listener, lifecycle).await;
}
