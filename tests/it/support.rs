//! What tests stand on: servers, databases, processes.

#![allow(dead_code, unused_imports, reason = "offered to tests before there are tests for all of it")]

pub mod actions;
pub mod api;
pub mod balancer;
pub mod chat;
pub mod corpus;
pub mod database;
pub mod delivery;
pub mod dice;
pub mod door;
pub mod evening;
pub mod game;
pub mod game_server;
pub mod kick;
pub mod listener;
pub mod log;
pub mod machines;
pub mod mentions;
pub mod outside;
pub mod port;
pub mod private;
pub mod process;
pub mod program;
pub mod scene;
pub mod senders;
pub mod servers;
pub mod sshd;
pub mod stats_files;
pub mod streams;
pub mod supervisor;
pub mod terminal;
pub mod tickets;
pub mod town;
pub mod viewers;
pub mod words;
