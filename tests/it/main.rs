//! The one integration test crate: one binary, linked once.

// The bans keep time, chance and the environment in their places in the program; a test is outside of it.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod approval_call_test;
mod approval_event_test;
mod approval_guard_test;
mod approval_newer_test;
mod approval_press_test;
mod audit_test;
mod bus;
mod cli_test;
mod command_test;
mod crash_test;
mod delivery_create_test;
mod delivery_edit_test;
mod delivery_limits_test;
mod delivery_order_test;
mod delivery_refused_test;
mod delivery_webhook_test;
mod embedded_test;
mod first_test;
mod gateway_test;
mod generated_test;
mod intake_door_test;
mod intake_kinds_test;
mod intake_missed_test;
mod intake_trust_test;
mod migration_test;
mod mutation_test;
mod privacy_test;
mod redis_test;
mod secret_test;
mod servers_test;
mod support;
mod tidy;
mod tls_test;
mod two_bots_test;
