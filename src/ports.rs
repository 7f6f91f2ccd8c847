//! What flows are given: the store, the clients, the clock, hints, the configuration, and where it is said how it goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::bus::{Publisher, Topic, Wake};
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::routing::compiled::Compiled;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;
use crate::upstream::beacon::BeaconClient;
use crate::upstream::clip::ClipClient;
use crate::upstream::discord::DiscordClient;
use crate::upstream::kick::{Heard, KickClient};
use crate::upstream::outbound::OutboundClient;
use crate::upstream::ssh::SshClient;
use crate::upstream::xtsystems::XtSystemsClient;

/// Shared by every flow of a process. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    pub store: Store,
    pub clock: Clock,
    pub discord: DiscordClient,
    pub xtsystems: Option<XtSystemsClient>,
    pub kick: Option<KickClient>,
    /// When chat last came from whom.
    pub kick_heard: Arc<Heard>,
    pub outbound: OutboundClient,
    /// Public randomness for draws, where it is configured.
    pub beacon: Option<BeaconClient>,
    /// What makes clips of marked moments, where it is configured.
    pub clips: Option<ClipClient>,
    /// The machine of a game server, where it is configured.
    pub ssh: Option<SshClient>,
    pub wake: Wake,
    /// Where chat goes that is counted.
    pub activity: Publisher,
    pub config: Arc<Config>,
    pub metrics: Metrics,
    pub traces: Traces,
    pub lifecycle: Lifecycle,
    /// Filters and templates, compiled once per version.
    pub compiled: Arc<Compiled>,
    /// By which this installation is told from others; known once the database was reached.
    pub instance: Arc<OnceLock<String>>,
    /// Counts what was changed that the stream community remembers: rules, ignored and forgotten viewers.
    pub community_version: Arc<AtomicU64>,
}

impl Ports {
    /// What is remembered of the stream community is read anew, here and in other processes.
    pub fn community_changed(&self) {
        self.community_version.fetch_add(1, Ordering::Relaxed);
        self.wake.wake(Topic::Community);
    }
}

/// Where interactions go that Discord sends by HTTP: to the handlers of those that come over the gateway.
pub trait Interactions: Send + Sync {
    /// Begins to handle one, and returns at once: it is answered through Discord's callback endpoint.
    fn take(&self, interaction: &[u8]) -> Result<(), UnreadableInteraction>;
}

/// Signed by Discord, and yet nothing that can be handled.
#[derive(Debug, thiserror::Error)]
#[error("an interaction could not be read: {0}")]
pub struct UnreadableInteraction(pub String);
