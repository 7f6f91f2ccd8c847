//! Clients of other systems. Each has its base URL injected and errors that a person can act on.

pub mod xtsystems;
