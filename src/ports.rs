//! What flows are given: the store, the clients, the clock, hints and the configuration.

use std::sync::{Arc, OnceLock};

use crate::bus::Wake;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Store;
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
    /// By which this installation is told from others; known once the database was reached.
    pub instance: Arc<OnceLock<String>>,
}
