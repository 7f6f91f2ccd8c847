//! The stream community: what viewers do in chat counts in Discord.

pub mod board;
pub mod chat_command;
pub mod dashboard;
pub mod draw;
pub mod gtb;
pub mod money;
pub mod proof;
pub mod schedule;
pub mod slot_call;
pub mod timer;
pub mod words;
