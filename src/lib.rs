//! Signalbox.

pub mod store;
