//! Signalbox: signals from other systems become cards in Discord, and the answers go back.
//!
//! The layers and their order are in `ARCHITECTURE.md`; `tests/it/tidy.rs` enforces them.

pub mod api_key;
pub mod app;
pub mod approval;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod community;
pub mod config;
pub mod crash;
pub mod crypto;
pub mod delivery;
pub mod discord;
pub mod doctor;
pub mod error;
pub mod event;
pub mod id;
pub mod kick;
pub mod lifecycle;
pub mod matches;
pub mod notifier;
pub mod outbound;
pub mod picture;
pub mod ports;
pub mod privacy;
pub mod routes;
pub mod routing;
pub mod setup;
pub mod source;
pub mod stats;
pub mod store;
pub mod telemetry;
pub mod ticket;
pub mod upstream;
pub mod web;
