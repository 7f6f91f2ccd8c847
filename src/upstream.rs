//! Outbound clients: the only code that makes HTTP requests. Base addresses are injected; errors are typed.

pub mod discord;
pub mod guard;
mod http;
pub mod permission;
pub mod xtsystems;
