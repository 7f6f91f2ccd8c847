//! What flows are given: the store, the clients, the clock, hints, the configuration, and where it is said how it goes.

use std::sync::Arc;

use crate::bus::Wake;
use crate::clock::Clock;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::store::Store;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;
use crate::upstream::discord::DiscordClient;
use crate::upstream::xtsystems::XtSystemsClient;

/// Shared by every flow of a process. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    pub store: Store,
    pub clock: Clock,
    pub discord: DiscordClient,
    pub xtsystems: Option<XtSystemsClient>,
    pub wake: Wake,
    pub config: Arc<Config>,
    pub metrics: Metrics,
    pub traces: Traces,
    pub lifecycle: Lifecycle,
}
