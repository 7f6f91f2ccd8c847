//! XTSystems: signed webhooks about tickets, assets, machines and alerts.

pub mod parse;
pub mod text;
pub mod verify;
