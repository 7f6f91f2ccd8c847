//! The outside world of Signalbox, faked faithfully: what the bot talks to, and nothing the bot owns.
//!
//! Must not see the bot's types: the two meet only over HTTP and WebSocket.

pub mod beacon;
pub mod clock;
pub mod discord;
pub mod etlegacy;
pub mod kick;
pub mod receiver;
mod saved;
pub mod ssh;
pub mod xtsystems;

pub use axum;
pub use chrono;
