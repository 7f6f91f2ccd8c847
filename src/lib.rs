//! Signalbox: signals from other systems become cards in Discord, and the answers go back.
//!
//! The layers and their order are in `ARCHITECTURE.md`; `tests/it/tidy.rs` enforces them.

pub mod clock;
pub mod delivery;
pub mod error;
pub mod event;
pub mod id;
pub mod lifecycle;
pub mod routing;
pub mod source;
pub mod upstream;
