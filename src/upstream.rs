//! Outbound clients: the only code that makes HTTP requests and SSH connections. Base addresses are injected; errors are typed.

pub mod beacon;
pub mod clip;
#[cfg(feature = "otel")]
pub mod collector;
pub mod discord;
pub mod guard;
mod http;
pub mod kick;
pub mod outbound;
pub mod own_health;
pub mod own_party;
pub mod permission;
pub mod public;
pub mod schedule;
pub mod ssh;
pub mod stats_upload;
pub mod xtsystems;
