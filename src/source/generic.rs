//! Systems that are described instead of programmed: how their requests are verified and read is configuration,
//! made from a preset or by hand.

pub mod action;
pub mod body;
pub mod config;
pub mod live;
pub mod manage;
pub mod mapping;
pub mod preset;
pub mod read;
pub mod text;
pub mod verify;
