//! XTSystems: signed webhooks about tickets, assets, machines and alerts.

pub mod live;
pub mod parse;
pub mod rotation;
pub mod text;
pub mod trust;
pub mod verify;

/// The name under which we register our webhook; unique per company there.
pub const WEBHOOK_NAME: &str = "Signalbox";
