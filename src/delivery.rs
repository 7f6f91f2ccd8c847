//! The way of a planned message to Discord.

pub mod limit;
pub mod retry;
