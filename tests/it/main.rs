//! Temporary: only the bus; the harness brings its own.
#![allow(clippy::unwrap_used)]

mod bus;
