//! The one integration test crate: one binary, linked once.

// The bans keep time, chance and the environment in their places in the program; a test is outside of it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod bus;
mod cli_test;
mod embedded_test;
mod first_test;
mod gateway_test;
mod redis_test;
mod servers_test;
mod support;
mod tidy;
mod tls_test;
